"""What a metric is, and what it gives."""

__all__ = ["Compute", "Metric", "MetricResult"]

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor

from ..core.files import finite
from ..datasets.base import Dataset

Compute = Callable[[Tensor, Dataset, torch.Generator], Tensor]
Direction = Literal["higher", "lower"]
ARROWS = {"higher": "↑", "lower": "↓", "closer": "="}  # towards better


@dataclass(frozen=True, kw_only=True)
class Metric:
    r"""A measure of a generator on a data set, with all that its number means.

    Arguments:
        name: The name, which carries the protocol, e.g. ``modes_l2_3sigma``.
        label: A short name for tables.
        direction: Whether ``higher`` or ``lower`` is better.
        protocol: How the number is taken, in one sentence; ``{n}`` stands for the samples used of each member,
            ``{radius}`` for the capture radius of the data set's modes, ``{judge}`` for who tells the classes.
        summary: What it tells, in one line.
        reference: The paper.
        year: Of the paper.
        compute: From samples of :math:`S` members, with shape :math:`(S, N, D)`, the data set, and the generator of all
            further randomness, to values of shape :math:`(S)`. It draws for one member after the other, so that members
            score the same alone or together.
        applies: Whether the metric is defined on a data set.
        requires: What a data set must have for it, to complete "it needs ...".
        core: Whether it stands in the summary table.
        limit: The number of samples used at most, a random subset; all of them if None.
        repeats: How often it is repeated at most for its floor or its interval, if it is slow.
        bounds: The least and the greatest value on a data set.
        ceiling: The value of the true distribution itself on a data set, where a formula gives it.
    """

    name: str
    label: str
    direction: Direction
    protocol: str
    summary: str
    reference: str
    year: int
    compute: Compute
    applies: Callable[[Dataset], bool] = lambda dataset: True
    requires: str = "nothing"
    core: bool = False
    limit: int | None = None
    repeats: int | None = None
    bounds: Callable[[Dataset], tuple[float, float]] = lambda dataset: (-math.inf, math.inf)
    ceiling: Callable[[Dataset], float] | None = None

    def used(self, n: int) -> int:
        """How many of `n` samples are used."""
        return n if self.limit is None else min(n, self.limit)

    def describe(self, dataset: Dataset, n: int) -> str:
        """The protocol on a data set with `n` samples of each member."""
        modes = dataset.modes
        radius, judge = (3.0, "") if modes is None else (modes.radius, modes.about)
        return self.protocol.format(n=self.used(n), radius=f"{radius:.4g}", judge=judge)

    def __call__(self, samples: Tensor, dataset: Dataset, generator: torch.Generator) -> Tensor:
        """The value of each member, with shape `(S,)`, from samples with shape `(S, N, D)`."""
        n = samples.shape[-2]
        if self.used(n) < n:
            # The same random subset for each member; not the first ones, since a file may be sorted.
            keep = torch.randperm(n, generator=torch.Generator().manual_seed(n))[: self.used(n)]
            samples = samples[:, keep.to(samples.device)]
        return self.compute(samples, dataset, generator)


@dataclass(frozen=True, kw_only=True)
class MetricResult:
    """A number with all that must travel with it.

    Arguments:
        name: The metric.
        label: Its short name for tables.
        value: The mean over the members; NaN if none is finite.
        low: The lower end of the confidence interval of the mean; NaN if there is none.
        high: Its upper end.
        floor: What a perfect sampler scores on average at the same sample count.
        floor_sd: The standard deviation of a perfect sampler's single score.
        direction: Whether ``higher`` or ``lower`` is better, or ``closer`` to the floor.
        protocol: How the number was taken.
        per_member: The value of each member, NaN where its samples are not finite.
        ceiling: The value of the true distribution itself, where a formula gives it.
        note: What else to know, e.g. members that were left out.
    """

    name: str
    label: str
    value: float
    low: float
    high: float
    floor: float
    floor_sd: float
    direction: Direction | Literal["closer"]
    protocol: str
    per_member: tuple[float, ...]
    ceiling: float | None = None
    note: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON, with None for numbers that are not finite."""
        return {
            "name": self.name,
            "value": finite(self.value),
            "low": finite(self.low),
            "high": finite(self.high),
            "floor": finite(self.floor),
            "direction": self.direction,
            "protocol": self.protocol,
            "per_member": [finite(value) for value in self.per_member],
            "label": self.label,
            "floor_sd": finite(self.floor_sd),
            "ceiling": None if self.ceiling is None else finite(self.ceiling),
            "note": self.note,
        }
