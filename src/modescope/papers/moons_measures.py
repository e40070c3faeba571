r"""What is measured on the two moons: how much of each arc a generator reaches, and how much it puts beside them."""

__all__ = [
    "BINS",
    "BOTH",
    "COVERAGE",
    "HALF",
    "LIGHTER",
    "MEASURES",
    "OFF",
    "ON_EACH",
    "RADIUS",
    "W1",
    "arc_coverage",
    "arc_positions",
    "covers_both",
    "lighter_share",
    "measure",
    "off_moons",
    "on_moon",
]

import math
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import torch
from scipy.stats import binomtest
from torch import Tensor

from ..datasets.base import Dataset
from ..datasets.moons import arc_distance
from ..metrics import METRICS, Metric, MetricResult, evaluate
from ..metrics.base import Direction

RADIUS = 0.1  # in data units; the moons are half a unit apart
BINS = 16  # so that each of the 16 points that the notebook has on an arc lies in a bin of its own
HALF = 0.5  # of an arc's bins, for the arc to count as covered

W1 = "w1_exact_n1000"
REVERSE_KL = "reverse_kl_modes_all"
COVERAGE, OFF = "arc_coverage_r0.1_bins16", "off_moons_r0.1"
BOTH, LIGHTER = "covers_both_moons_r0.1_bins16", "lighter_moon_nearest"
ON_EACH = "on_outer_moon_r0.1", "on_inner_moon_r0.1"


def arc_positions(x: Tensor) -> tuple[Tensor, Tensor]:
    r"""Where samples lie with respect to each moon, from shape :math:`(*, 2)`.

    Returns:
        The distance to each arc, and the angle in :math:`[0, \pi]` of the arc's nearest point, both with shape
        :math:`(2, *)`: the outer moon first.
    """
    unit = torch.stack([x, x.new_tensor([1.0, 0.5]) - x])  # each arc as the upper half of the unit circle
    angle = torch.atan2(unit[..., 1].clamp(min=0), unit[..., 0])
    return arc_distance(unit, "l2"), angle


def on_moon(x: Tensor) -> Tensor:
    """The share of samples within 0.1 of each moon, with shape `(2, S)`, from samples `(S, N, 2)`."""
    return (arc_positions(x)[0] <= RADIUS).to(x.dtype).mean(dim=-1)


def off_moons(x: Tensor) -> Tensor:
    """The share of samples farther than 0.1 from both moons, with shape `(S,)`, from samples `(S, N, 2)`."""
    return (arc_positions(x)[0] > RADIUS).all(dim=0).to(x.dtype).mean(dim=-1)


def lighter_share(x: Tensor) -> Tensor:
    """The share of samples that are nearer to the moon which has fewer, with shape `(S,)`, from samples `(S, N, 2)`."""
    distance, _ = arc_positions(x)
    outer = (distance[0] < distance[1]).to(x.dtype).mean(dim=-1)
    return torch.minimum(outer, 1 - outer)


def arc_coverage(x: Tensor) -> Tensor:
    """The share of 16 equal pieces of each arc that a sample lies within 0.1 of, with shape `(2, S)`."""
    distance, angle = arc_positions(x)
    piece = (angle * (BINS / math.pi)).long().clamp(max=BINS - 1)
    held = torch.zeros(*piece.shape[:-1], BINS, dtype=x.dtype, device=x.device)
    return held.scatter_add(-1, piece, (distance <= RADIUS).to(x.dtype)).clamp(max=1).mean(dim=-1)


def covers_both(x: Tensor) -> Tensor:
    """Whether at least half of each arc is covered, as 0 or 1 with shape `(S,)`, from samples `(S, N, 2)`."""
    return (arc_coverage(x) >= HALF).all(dim=0).to(x.dtype)


def _metric(
    name: str,
    label: str,
    direction: Direction,
    protocol: str,
    summary: str,
    measured: Callable[[Tensor], Tensor],
    most: float = 1.0,
) -> Metric:
    def compute(samples: Tensor, dataset: Dataset, generator: torch.Generator) -> Tensor:
        return measured(samples)

    return Metric(
        name=name,
        label=label,
        direction=direction,
        protocol=protocol,
        summary=summary,
        reference="VEEGAN: Reducing Mode Collapse in GANs using Implicit Variational Learning (Srivastava et al., "
        "2017), whose counts within a radius these follow",
        year=2017,
        compute=compute,
        bounds=lambda dataset: (0.0, most),
    )


def _of_moon(measured: Callable[[Tensor], Tensor], moon: int, x: Tensor) -> Tensor:
    return measured(x)[moon]


PIECES = f"share of {BINS} equal pieces of the arc with at least 1 of {{n}} samples within {RADIUS}"
MEASURES: tuple[Metric, ...] = (
    METRICS[W1],
    _metric(
        COVERAGE,
        "Arc coverage, both moons",
        "higher",
        f"{PIECES}, mean over the two moons",
        "How much of the data is reached at all.",
        lambda x: arc_coverage(x).mean(dim=0),
    ),
    *(
        _metric(
            f"arc_coverage_{moon}_r0.1_bins16",
            f"Arc coverage, {moon} moon",
            "higher",
            PIECES,
            f"How much of the {moon} moon is reached at all.",
            partial(_of_moon, arc_coverage, index),
        )
        for index, moon in enumerate(("outer", "inner"))
    ),
    _metric(
        BOTH,
        "Covers both moons",
        "higher",
        f"1 if at least half of {BINS} equal pieces of each arc have at least 1 of {{n}} samples within {RADIUS}",
        "How many members reach both moons.",
        covers_both,
    ),
    *(
        _metric(
            name,
            f"On the {moon} moon",
            "higher",
            f"share of {{n}} samples within {RADIUS} of the {moon} arc",
            f"How much mass lies on the {moon} moon.",
            partial(_of_moon, on_moon, index),
        )
        for index, (name, moon) in enumerate(zip(ON_EACH, ("outer", "inner"), strict=True))
    ),
    _metric(
        OFF,
        "Off both moons",
        "lower",
        f"share of {{n}} samples farther than {RADIUS} from both arcs",
        "How much mass lies between the moons, or beside them.",
        off_moons,
    ),
    _metric(
        LIGHTER,
        "Lighter moon",
        "higher",
        "share of {n} samples that are nearer to the arc which has fewer of them",
        "How evenly the mass is split; 0.5 is even.",
        lighter_share,
        most=0.5,
    ),
    METRICS[REVERSE_KL],
)


def measure(samples: Tensor, dataset: Dataset, floor_repeats: int = 20) -> dict[str, MetricResult]:
    """All measures of a population, by name, each with its floor and its 95 % interval over the members.

    Intervals are Student's t over members; that of the share of members that cover both moons is Clopper and Pearson's,
    since it is a count.

    Arguments:
        samples: The samples of the members, with shape `(S, N, 2)`.
        dataset: The true distribution.
        floor_repeats: How many true sets the floor is taken over.
    """
    results = {result.name: result for result in evaluate(samples, dataset, MEASURES, floor_repeats)}
    both = [value for value in results[BOTH].per_member if math.isfinite(value)]
    if both:
        interval = binomtest(round(sum(both)), len(both)).proportion_ci(0.95, method="exact")
        results[BOTH] = replace(results[BOTH], low=float(interval.low), high=float(interval.high))
    return results
