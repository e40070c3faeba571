"""What the collapse monitor costs a training loop: the share of the time, at its default budget."""

import time
from collections.abc import Callable, Iterator
from itertools import pairwise

import torch
from torch import nn
from torch.nn.functional import softplus

import modescope as ms

from .plain import AdamLoop
from .timing import Ratio, paired


def small_loop() -> Callable[[], torch.Tensor]:
    """The ring with 2 x 64 units and batches of 128; a step gives fakes."""

    def mlp(inputs: int, outputs: int) -> nn.Module:
        return nn.Sequential(nn.Linear(inputs, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, outputs))

    loop = AdamLoop(mlp(16, 2), mlp(2, 1), latent_dim=16, batch=128)
    kept: list[torch.Tensor] = []
    loop.G.register_forward_hook(lambda module, given, made: kept.append(made))

    def step() -> torch.Tensor:
        kept.clear()
        loop.step()
        return kept[-1]

    return step


def picture_loop() -> Callable[[], torch.Tensor]:
    """A DCGAN of 64 x 64 pixels in colour, half as wide as the paper's, with batches of 16; a step gives fakes."""
    widths = (256, 128, 64, 32)
    up: list[nn.Module] = [nn.ConvTranspose2d(100, widths[0], 4), nn.BatchNorm2d(widths[0]), nn.ReLU()]
    down: list[nn.Module] = [nn.Conv2d(3, widths[-1], 4, 2, 1), nn.LeakyReLU(0.2)]
    for wide, narrow in pairwise(widths):
        up += [nn.ConvTranspose2d(wide, narrow, 4, 2, 1), nn.BatchNorm2d(narrow), nn.ReLU()]
        down[2:2] = [nn.Conv2d(narrow, wide, 4, 2, 1), nn.LeakyReLU(0.2)]
    G = nn.Sequential(*up, nn.ConvTranspose2d(widths[-1], 3, 4, 2, 1), nn.Tanh())
    D = nn.Sequential(*down, nn.Conv2d(widths[0], 1, 4), nn.Flatten(0))
    g, d = (torch.optim.Adam(net.parameters(), 2e-4, betas=(0.5, 0.999)) for net in (G, D))
    real = torch.rand(16, 3, 64, 64) * 2 - 1

    def step() -> torch.Tensor:
        fakes = G(torch.randn(16, 100, 1, 1))
        d.zero_grad()
        (softplus(-D(real)).mean() + softplus(D(fakes.detach())).mean()).backward()
        d.step()
        g.zero_grad()
        softplus(-D(fakes)).mean().backward()
        g.step()
        return fakes

    return step


def times(step: Callable[[], torch.Tensor], monitor: ms.CollapseMonitor, seconds: float) -> tuple[float, float]:
    """The time that all calls of the monitor take, and that of the whole loop, over some seconds after a first look.

    It is time of the processor, so that other processes do not matter.
    """
    while not monitor.history:
        monitor.watch(step())
    watching = 0.0
    started = time.process_time()
    while time.process_time() - started < seconds:
        fakes = step()
        before = time.process_time()
        monitor.watch(fakes)
        watching += time.process_time() - before
    return watching, time.process_time() - started


def monitoring() -> Iterator[Ratio]:
    """Seconds that the monitor takes, measured from outside, against seconds of the loop."""
    loops = {
        "ring, 2 x 64 units, batch 128": (small_loop(), torch.randn(4096, 2), 8.0),
        "DCGAN, 64 x 64 pixels, batch 16": (picture_loop(), torch.rand(512, 3, 64, 64) * 2 - 1, 30.0),
    }
    for name, (step, real, seconds) in loops.items():
        monitor = ms.CollapseMonitor(real)
        taken: list[tuple[float, float]] = []

        def watching(step=step, monitor=monitor, seconds=seconds, taken=taken) -> float:
            taken.append(times(step, monitor, seconds))
            return taken[-1][0]

        yield paired(
            f"seconds of the collapse monitor against those of the loop ({name})",
            watching,
            lambda taken=taken: taken[-1][1],
            "s",
            "about 0.02 at most",
            pairs=3,
        )
        print(f"    {len(monitor.history)} looks")
