"""What reading images costs, beside a plain DataLoader and beside a step of training."""

__all__ = ["reading"]

import time
from collections.abc import Callable, Iterator

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from modescope.datasets import StackedMNIST
from modescope.datasets.images import load

from .populations import population
from .timing import Ratio, paired

BATCH = 64


class Triples(Dataset[Tensor]):
    """Stacked MNIST as one would write it: an item is stacked and scaled on its own."""

    def __init__(self) -> None:
        self.digits = load("mnist").images

    def __len__(self) -> int:
        return 128_000

    def __getitem__(self, item: int) -> Tensor:
        return self.digits[torch.randint(len(self.digits), (3,)), 0].float() / 127.5 - 1


def spent(action: Callable[[], object], times: int) -> float:
    """Seconds of processor time of one action."""
    started = time.process_time()
    for _ in range(times):
        action()
    return (time.process_time() - started) / times


def reading() -> Iterator[Ratio]:
    """Batches of stacked MNIST against a DataLoader's, and their share of a step of DCGAN."""
    data, none = StackedMNIST(), torch.zeros(BATCH, 0)
    loader = iter(DataLoader(Triples(), BATCH, shuffle=True))
    member = population("stacked-mnist", "gan", 1, compiled=False, architecture="dcgan-small", batch_size=BATCH)
    member.advance(2)

    def batch() -> Tensor:
        return data.push(torch.rand(BATCH, data.uniforms), none)

    spent(batch, 20)
    next(loader)
    yield paired(
        f"batches of {BATCH} stacked digits against a DataLoader's",
        lambda: 1 / spent(batch, 200),
        lambda: 1 / spent(lambda: next(loader), 50),
        "batches a second of processor time",
        "as many as it gives",
    )
    yield paired(
        f"seconds of reading a batch of {BATCH} stacked digits against a step of the small DCGAN",
        lambda: spent(batch, 200),
        lambda: spent(lambda: member.advance(1), 5),
        "s of processor time",
        "at most 0.05",
    )
