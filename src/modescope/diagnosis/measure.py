"""What a measure of real and fake samples is."""

__all__ = ["Compute", "Measure", "Prepare", "as_they_are"]

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor

from ..metrics.base import ARROWS

Prepare = Callable[[Tensor, torch.Generator], Any]
Compute = Callable[[Any, Tensor, torch.Generator], Any]


def as_they_are(real: Tensor, generator: torch.Generator) -> Tensor:
    """The real samples themselves."""
    return real


@dataclass(frozen=True, kw_only=True)
class Measure:
    r"""A measure of fakes against real samples, with all that its number means.

    Arguments:
        name: The name, which carries the protocol, e.g. ``recall_k3``.
        label: A short name for tables.
        direction: Whether ``higher`` or ``lower`` is better; ``closer`` if it should be as of real samples.
        protocol: How the number is taken, in one sentence; ``{n}`` stands for the samples of each kind.
        bad: What it means if fakes score worse than real samples do, to complete "Clearly off: ...".
        below: What it means if they score lower, of a measure whose direction is `closer`; `bad` if not given.
        reference: The paper.
        year: Of the paper.
        compute: From real samples :math:`(N, D)`, fakes :math:`(N, D)` and the generator of all further randomness.
            Measures with the same function share its work.
        prepare: What `compute` is given in place of the real samples, where it can be worked out from these alone, once
            for fakes and for the real samples that take their place.
        read: From what `compute` returns to the number.
        least: The least number of samples of each kind for which it is defined.
        limit: The number of samples of each kind that it is taken on at most.
        cheap: Whether it is among the measures that are taken if none are named.
        bounds: The least and the greatest value.
        classes: Whether it is taken of the logits of a classifier, so that features must be a classifier's.
    """

    name: str
    label: str
    direction: Literal["higher", "lower", "closer"]
    protocol: str
    bad: str
    reference: str
    year: int
    compute: Compute
    prepare: Prepare = as_they_are
    read: Callable[[Any], Tensor | float] = float
    least: int = 10
    limit: int = 5000
    cheap: bool = True
    bounds: tuple[float, float] = (-math.inf, math.inf)
    classes: bool = False
    below: str = ""

    def meaning(self, value: float, real: float) -> str:
        """What it means that fakes score `value`, worse than the `real` samples."""
        return self.below if self.below and value < real else self.bad

    @property
    def summary(self) -> str:
        """The protocol for any number of samples."""
        return self.protocol.format(n="N")

    @property
    def title(self) -> str:
        """The label with an arrow that says which direction is better."""
        return f"{self.label} {ARROWS[self.direction]}"

    def __call__(self, real: Tensor, fake: Tensor, generator: torch.Generator) -> float:
        """The number of real samples :math:`(N, D)` and fakes :math:`(N, D)`."""
        return float(self.read(self.compute(self.prepare(real, generator), fake, generator)))
