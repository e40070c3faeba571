"""Trains a judge from scratch: ``python -m modescope.judges.train mnist``.

5,000 of the training images are held out, for choices and for the temperature. The test images are
looked at once, for the card. :func:`modescope.judges.read_judge` takes the judge from its folder.
"""

__all__ = ["RECIPES", "Recipe", "Training", "held_out", "main"]

import json
import math
import sys
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Annotated, Literal

import torch
import tyro
from safetensors import safe_open
from safetensors.torch import save
from scipy.optimize import minimize_scalar
from torch import Tensor
from torch.nn.functional import cross_entropy
from torch.optim.swa_utils import update_bn

from ..core.errors import ModescopeError, need
from ..core.files import atomic_write
from ..datasets.images import load
from ..datasets.images.load import Split
from .augment import Augment
from .card import Card, digest
from .net import CLASSES, JudgeNet, folded

HELD_OUT = 5_000
SEEN = 10_000  # unchanged training images that give the averaged network the statistics of its batch norms


@dataclass(frozen=True)
class Recipe:
    """All that determines a judge, with the images.

    Stochastic gradient descent with Nesterov momentum 0.9; the rate rises over the first 2 % of the steps and falls as
    a cosine. The judge is the exponential moving average of the weights.

    Arguments:
        augment: How training images are changed.
        epochs: How often each training image is seen.
        seed: Of the initial weights, the order and the changes; the held-out images are always the same.
        batch: Images in a step.
        rate: The highest learning rate.
        decay: The factor of the squared weights in the loss.
        smoothing: The share of a label that is spread over all classes.
        keep: How much of the average a step keeps.
    """

    augment: Augment
    epochs: int = 20
    seed: int = 0
    batch: int = 128
    rate: float = 0.1
    decay: float = 5e-4
    smoothing: float = 0.05
    keep: float = 0.998


RECIPES = {
    "mnist": Recipe(Augment(degrees=12, scale=0.12, shear=0.15, shift=2.5, bend=0.7)),
    "fashion-mnist": Recipe(Augment(scale=0.05, shift=1, flip=True), epochs=12),
}


class Training:
    """A judge in training, which goes on from its last whole epoch.

    Each epoch draws from a stream of its own, so a training that was stopped ends at the same weights.

    Arguments:
        recipe: What is done.
        images: uint8, with shape `(N, 1, 28, 28)`.
        labels: int64, with shape `(N)`.
        checkpoint: The file that holds the last whole epoch; goes on from it if it is there.
        device: Where it computes.

    Raises:
        ModescopeError: If the checkpoint is of another recipe.
    """

    def __init__(self, recipe: Recipe, images: Tensor, labels: Tensor, checkpoint: Path, device: str = "cpu") -> None:
        self.recipe, self.checkpoint, self.device = recipe, checkpoint, device
        self.images, self.labels = images.to(device), labels.to(device)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(recipe.seed)
            self.net = JudgeNet().to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.momentum = [torch.zeros_like(p) for p in self.net.parameters()]
        self.mean = {name: value.clone() for name, value in self.net.state_dict().items()}
        self.epoch = 0
        if checkpoint.is_file():
            self.restore()

    def run(self) -> JudgeNet:
        """Trains to the end; returns the averaged network."""
        while self.epoch < self.recipe.epochs:
            loss = self.one_epoch()
            self.epoch += 1
            self.save()
            print(f"epoch {self.epoch} of {self.recipe.epochs}: loss {loss:.4f}", flush=True)
        averaged = JudgeNet().to(self.device)
        averaged.load_state_dict(self.mean)
        # The statistics of averaged weights are not the average of the statistics.
        update_bn((part.float() / 255 for part in self.images[:SEEN].split(500)), averaged)
        return averaged.eval().cpu()

    def one_epoch(self) -> float:
        """One pass over all images; returns the mean loss."""
        recipe = self.recipe
        generator = torch.Generator().manual_seed(1_000_003 * (recipe.seed + 1) + self.epoch)
        order = torch.randperm(len(self.images), generator=generator)
        batches = order.split(recipe.batch)
        total = torch.zeros((), device=self.device)
        self.net.train()
        for i, rows in enumerate(batches):
            share = (self.epoch + (i + 0.5) / len(batches)) / recipe.epochs
            picked = rows.to(self.device)
            x = recipe.augment(self.images[picked].float() / 255, generator)
            loss = cross_entropy(self.net(x), self.labels[picked], label_smoothing=recipe.smoothing)
            self.step(loss, recipe.rate * min(1.0, share / 0.02) * (1 + math.cos(math.pi * share)) / 2)
            total += loss.detach() * len(rows)
        return float(total) / len(self.images)

    def step(self, loss: Tensor, rate: float) -> None:
        """One step of Nesterov's descent, and one of the average."""
        parameters = list(self.net.parameters())
        slopes = torch.autograd.grad(loss, parameters)
        with torch.no_grad():
            for p, slope, speed in zip(parameters, slopes, self.momentum, strict=True):
                slope = slope + self.recipe.decay * p
                speed.mul_(0.9).add_(slope)
                p.sub_(rate * (slope + 0.9 * speed))
            for name, value in self.net.state_dict().items():
                if value.is_floating_point():
                    self.mean[name].lerp_(value, 1 - self.recipe.keep)

    def save(self) -> None:
        """Writes the state of training."""
        state = {f"net.{name}": value for name, value in self.net.state_dict().items()}
        state |= {f"mean.{name}": value for name, value in self.mean.items()}
        state |= {f"momentum.{i}": value for i, value in enumerate(self.momentum)}
        plain = {name: value.cpu().contiguous() for name, value in state.items()}
        atomic_write(self.checkpoint, save(plain, {"recipe": self.identity(), "epoch": str(self.epoch)}))

    def restore(self) -> None:
        """Takes the state of training from the checkpoint."""
        with safe_open(self.checkpoint, "pt", device=self.device) as file:
            words = file.metadata() or {}
            need(
                words.get("recipe") == self.identity(),
                f"the checkpoint {str(self.checkpoint)!r} is of another training: delete it, or name another --out",
            )
            self.net.load_state_dict({name: file.get_tensor(f"net.{name}") for name in self.net.state_dict()})
            self.mean = {name: file.get_tensor(f"mean.{name}") for name in self.mean}
            for i, speed in enumerate(self.momentum):
                speed.copy_(file.get_tensor(f"momentum.{i}"))
            self.epoch = int(words["epoch"])

    def identity(self) -> str:
        """The recipe as text, with the number of images."""
        return json.dumps(asdict(self.recipe) | {"images": len(self.images)}, sort_keys=True)


def labelled(name: str, split: Split) -> tuple[Tensor, Tensor]:
    """The images of a set, and their classes."""
    found = load(name, split)
    assert found.labels is not None
    return found.images, found.labels


def held_out(count: int) -> tuple[Tensor, Tensor]:
    """The places of the training images that a judge learns from, and of the 5,000 that it does not."""
    order = torch.randperm(count, generator=torch.Generator().manual_seed(0))
    return order[HELD_OUT:], order[:HELD_OUT]


def best_temperature(net: JudgeNet, images: Tensor, labels: Tensor) -> float:
    r"""What the logits are divided by so that the probabilities fit held-out images best.

    References:
        | On Calibration of Modern Neural Networks (Guo et al., 2017), section 4.2
        | https://arxiv.org/abs/1706.04599
    """
    with torch.inference_mode():
        logits = torch.cat([net(part.float() / 255) for part in images.split(500)]).double()
    found = minimize_scalar(lambda t: cross_entropy(logits / t, labels).item(), bounds=(0.05, 5), method="bounded")
    return float(found.x)


def confusion(net: JudgeNet, images: Tensor, labels: Tensor) -> Tensor:
    """How many uint8 images of each class (row) get each label (column)."""
    with torch.inference_mode():
        said = torch.cat([net(part.float() / 255).argmax(dim=1) for part in images.split(500)])
    return torch.bincount(CLASSES * labels + said, minlength=CLASSES**2).unflatten(0, (CLASSES, CLASSES))


@dataclass(kw_only=True)
class Train:
    """Trains a judge, goes on if it was stopped, and writes its weights and its card.

    Arguments:
        name: The set of images.
        epochs: How often each training image is seen; as in the set's recipe if not given.
        seed: Of the initial weights, the order and the changes.
        out: The folder of the weights, the card and the checkpoint.
        device: Where it computes.
    """

    name: Annotated[tyro.conf.Positional[Literal["mnist", "fashion-mnist"]], tyro.conf.arg(metavar="SET")]
    epochs: Annotated[int | None, tyro.conf.arg(metavar="INT", help_behavior_hint="")] = None
    seed: int = 0
    out: Path = Path("runs/judges")
    device: str = "cpu"

    def __call__(self) -> None:
        usual = RECIPES[self.name]
        recipe = replace(usual, epochs=usual.epochs if self.epochs is None else self.epochs, seed=self.seed)
        need(recipe.epochs >= 1, f"epochs is {recipe.epochs}, expected at least 1")
        images, labels = labelled(self.name, "train")
        learn, rest = held_out(len(images))
        self.out.mkdir(parents=True, exist_ok=True)
        checkpoint = self.out / f"{self.name}-checkpoint.safetensors"
        net = Training(recipe, images[learn], labels[learn], checkpoint, self.device).run()
        temperature = best_temperature(net, images[rest], labels[rest])
        plain = folded(net, temperature)
        content = save({name: value.contiguous() for name, value in plain.state_dict().items()})
        atomic_write(self.out / f"{self.name}.safetensors", content)
        kept = confusion(plain, images[rest], labels[rest])
        card = Card.of(
            confusion(plain, *labelled(self.name, "test")),
            name=self.name,
            held_out=int(kept.trace()) / int(kept.sum()),
            temperature=temperature,
            command=f"python -m modescope.judges.train {self.name} --epochs {recipe.epochs} --seed {self.seed}",
            recipe=asdict(recipe),
            torch=torch.__version__,
            sha256=digest(content),
        )
        card.write(self.out / f"{self.name}.json")
        print(f"{card.errors} errors on {card.images:,} test images, accuracy {card.accuracy:.2%}")


def main() -> None:
    """The command."""
    torch.set_num_threads(1)  # sums in one order, so that the seed gives the same weights again
    try:
        tyro.cli(Train, prog="python -m modescope.judges.train")()
    except ModescopeError as error:
        print(f"error: {error}", file=sys.stderr)
        raise SystemExit(2) from error


if __name__ == "__main__":
    main()
