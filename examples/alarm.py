"""A GAN collapses, the alarm rings, and the loop goes back to a healthy checkpoint with a remedy switched on.

A plain PyTorch loop, with networks of its own, on a ring of 8 Gaussians. Noise on what the discriminator sees helps the
GAN to find all modes. Then the learning-rate schedule has a warm restart (Loshchilov & Hutter, 2017,
https://arxiv.org/abs/1608.03983), at a rate that a GAN does not stand. The remedy is to go on at a lower learning rate.

    python examples/alarm.py [FOLDER]    # the story of one seed, and FOLDER/alarm.png
    python examples/alarm.py --seeds 8   # how often it collapses, and how often the remedy holds
"""

import argparse
import copy
import math
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

import modescope as ms
from modescope.monitor import Event
from modescope.report.drawing import BLUE, GREEN, GREY, ORANGE, canvas, save

STEPS, BATCH, LATENT, RATE = 2400, 128, 8, 2e-3
NOISE, FADE = 0.5, 800  # the standard deviation of the noise at first, and the steps in which it fades out
RESTART, FASTER = 1200, 10  # at which step the learning rate restarts, and how many times higher


def ring(n: int) -> Tensor:
    """Real samples: 8 narrow Gaussians on a circle."""
    angle = torch.randint(8, (n,)) * (math.pi / 4)
    return torch.stack([angle.cos(), angle.sin()], 1) + 0.02 * torch.randn(n, 2)


def mlp(inputs: int, outputs: int) -> nn.Module:
    """A network with two hidden layers."""
    return nn.Sequential(nn.Linear(inputs, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, outputs))


class Gan:
    """A generator, a discriminator, and a step of training."""

    def __init__(self) -> None:
        self.G, self.D = mlp(LATENT, 2), mlp(2, 1)
        self.g = torch.optim.Adam(self.G.parameters(), RATE, betas=(0.5, 0.99))
        self.d = torch.optim.Adam(self.D.parameters(), RATE, betas=(0.5, 0.99))

    def set_rate(self, rate: float) -> None:
        """Sets the learning rate of both."""
        self.g.param_groups[0]["lr"] = self.d.param_groups[0]["lr"] = rate

    def step(self, noise: float) -> Tensor:
        """Trains both once, and returns the fakes."""
        fakes = self.G(torch.randn(BATCH, LATENT))
        seen = fakes + noise * torch.randn(BATCH, 2)
        real = ring(BATCH) + noise * torch.randn(BATCH, 2)
        self.d.zero_grad()
        (softplus(-self.D(real)).mean() + softplus(self.D(seen.detach())).mean()).backward()
        self.d.step()
        self.g.zero_grad()
        softplus(-self.D(seen)).mean().backward()
        self.g.step()
        return fakes

    def state(self) -> list[dict]:
        """A checkpoint."""
        return copy.deepcopy([part.state_dict() for part in (self.G, self.D, self.g, self.d)])

    def restore(self, state: list[dict]) -> None:
        """Goes back to a checkpoint."""
        for part, saved in zip((self.G, self.D, self.g, self.d), copy.deepcopy(state), strict=True):
            part.load_state_dict(saved)

    def sample(self, n: int = 2000) -> Tensor:
        """Fakes to look at."""
        with torch.no_grad():
            return self.G(torch.randn(n, LATENT))


@dataclass
class Story:
    """What happened in a run."""

    looks: list[dict] = field(default_factory=list)  # with the number of updates done, which a roll-back does not undo
    alarms: list[tuple[int, Event, int | None]] = field(default_factory=list)  # when, what, and back to which step
    samples: list[tuple[str, Tensor]] = field(default_factory=list)


def train(seed: int, steps: int = STEPS, every: int = 25, remedy: bool = True) -> Story:
    """The loop: three lines belong to the monitor, the rest of what is new is the roll-back."""
    torch.manual_seed(seed)
    gan, story = Gan(), Story()
    monitor = ms.CollapseMonitor(ring(4000), every=every)
    checkpoints: deque[tuple[int, list[dict]]] = deque(maxlen=10)
    for update in range(steps):
        if update == RESTART:
            gan.set_rate(RATE * FASTER)
        fakes = gan.step(NOISE * max(0.0, 1 - update / FADE))
        if event := monitor.watch(fakes, step=update):
            back = None
            if event.kind == "collapse" and event.last_healthy is not None and remedy:
                story.samples.append((f"collapsed, step {update:,}", gan.sample()))
                back, state = next(kept for kept in reversed(checkpoints) if kept[0] <= event.last_healthy)
                gan.restore(state)
                gan.set_rate(RATE)
                monitor.rearm()
                story.samples.append((f"rolled back to step {back:,}", gan.sample()))
            story.alarms.append((update, event, back))
        if update % 100 == 0:
            checkpoints.append((update, gan.state()))
    story.looks = list(monitor.history)
    story.samples = [*story.samples[:2], (f"at the end, step {steps:,}", gan.sample())]
    return story


def modes(samples: Tensor) -> int:
    """How many of the 8 modes hold at least 1 % of the samples, within 0.2."""
    angle = torch.arange(8) * (math.pi / 4)
    near = torch.cdist(samples, torch.stack([angle.cos(), angle.sin()], 1)) < 0.2
    return int((near.float().mean(0) >= 0.01).sum())


def tell(story: Story) -> None:
    """Prints what happened."""
    for _, event, back in story.alarms:
        print(event)
        if back is not None:
            print(f"    back to step {back:,}, at a lower learning rate")
    print(f"at the end: {modes(story.samples[-1][1])} of 8 modes")


def draw(story: Story, path: Path) -> Path:
    """Diversity over time with the alarms marked, and samples before and after."""
    figure, axes = canvas(2, 3, (11, 6.4))
    for ax in axes[0]:
        ax.remove()
    top = figure.add_subplot(axes[0, 0].get_gridspec()[0, :])
    top.spines[["top", "right"]].set_visible(False)
    at = [look["step"] for look in story.looks]
    top.plot(at, [look["effective"] / 8 for look in story.looks], color=BLUE, label="effective number of fakes, over 8")
    covered = [look.get("covered", math.nan) for look in story.looks]
    top.plot(at, covered, color=GREEN, label="share of the data that fakes reach")
    for number, (update, event, back) in enumerate(story.alarms):
        bad = event.kind != "recovered"
        top.axvline(update, color=ORANGE if bad else GREY, linewidth=1.5, linestyle="-" if bad else ":")
        name = f"{event.kind}, step {update:,}" + (f"\nback to {back:,}, lower rate" if back is not None else "")
        top.annotate(name, (update, 2.3 - 0.4 * (number % 2)), xytext=(5, 0), textcoords="offset points", va="top",
                     color=ORANGE if bad else GREY)  # fmt: skip
    top.axvline(RESTART, color=GREY, linewidth=1, linestyle="--")
    top.annotate(f"learning rate × {FASTER}", (RESTART, 0.08), xytext=(-5, 0), ha="right",
                 textcoords="offset points", color=GREY)  # fmt: skip
    top.axvspan(0, FADE, color=GREY, alpha=0.08, linewidth=0)
    top.annotate("noise fades out", (FADE, 2.3), xytext=(-5, 0), ha="right", va="top",
                 textcoords="offset points", color=GREY)  # fmt: skip
    top.set_ylim(0, 2.4)
    top.set_xlabel("updates")
    top.set_title("Diversity in training")
    top.legend(loc="upper right", frameon=True, framealpha=0.9, edgecolor="none")
    for ax, (name, samples) in zip(axes[1], story.samples, strict=False):
        ax.scatter(*ring(1000).T.numpy(), s=14, color=GREY, alpha=0.25, linewidths=0, label="real")
        ax.scatter(*samples.T.numpy(), s=4, color=ORANGE, alpha=0.5, linewidths=0, label="fake")
        ax.set(xlim=(-1.5, 1.5), ylim=(-1.5, 1.5), aspect="equal", title=f"{name}: {modes(samples)} modes")
        ax.legend(loc="center", markerscale=3, frameon=False)
    for ax in axes[1, len(story.samples) :]:
        ax.remove()
    return save(figure, path)


def count(seeds: int) -> None:
    """How often the GAN collapses with and without the remedy, over seeds."""
    for seed in range(seeds):
        without, cured = train(seed, remedy=False), train(seed)
        rung = [f"{event.kind} at {event.step:,}" for _, event, _ in cured.alarms]
        print(
            f"seed {seed}: {', '.join(rung) or 'no alarm'}; modes at the end: {modes(without.samples[-1][1])} without "
            f"the remedy, {modes(cured.samples[-1][1])} with it",
            flush=True,
        )


def main() -> None:
    """Tells one story, or counts."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", type=Path, default=Path(), help="where the picture goes")
    parser.add_argument("--seeds", type=int, help="only count, over so many seeds")
    given = parser.parse_args()
    torch.set_num_threads(1)
    if given.seeds is not None:
        count(given.seeds)
        return
    given.folder.mkdir(parents=True, exist_ok=True)  # before the training, not after
    story = train(seed=0)
    tell(story)
    print(draw(story, given.folder / "alarm.png"))


if __name__ == "__main__":
    main()
