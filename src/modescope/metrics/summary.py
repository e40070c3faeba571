"""Measures a population of generators, each number with its floor, its interval and its protocol."""

__all__ = ["evaluate", "floor", "metric_names"]

import math
from collections.abc import Iterable

import torch
from torch import Tensor

from ..core.errors import ModescopeError, nearest_name, need
from ..core.noise import seed_of
from ..datasets.base import Dataset
from .base import Metric, MetricResult
from .intervals import half_samples, student_interval
from .remember import remember
from .table import METRICS


def metric_names(dataset: Dataset, core: bool = False) -> list[str]:
    """The names of the metrics that are defined on a data set, in order; only those of the summary table if `core`."""
    return [name for name, metric in METRICS.items() if metric.applies(dataset) and (metric.core or not core)]


def evaluate(
    samples: Tensor,
    dataset: Dataset,
    names: Iterable[str | Metric] | None = None,
    floor_repeats: int = 20,
    seed: int = 0,
    confidence: float = 0.95,
) -> list[MetricResult]:
    r"""Measures a population of generators on a data set.

    The value is the mean over the members. Its interval is a Student-t interval over members, cut to the range of the
    quantity; for one member alone it is a Student-t interval with the standard error of random half-samples, which
    tells of the samples and not of another seed. The floor is the mean of the same metric over true samples of the same
    size; it is remembered for the data set and the size, and does not depend on `seed`.

    Note:
        Members whose samples are not all finite have no value; they, and members whose value is infinite, are left out
        of the mean and counted in the note. A mean over the survivors flatters: read the note.
        Reference samples are drawn afresh for each member, from its own stream, so the interval holds their noise too.
        With one member, the references of its halves are half as large, so the interval is up to 1.22 times as wide as
        it must be.

    Arguments:
        samples: The samples of :math:`S` members, with shape :math:`(S, N, D)`; measured in float64 on the CPU.
        dataset: The true distribution.
        names: Metrics, by name or your own; those of the summary table that are defined on the data set if not given.
        floor_repeats: How many true sets the floor is taken over (slow metrics take fewer, and their protocol says how
            many), and how many halves a lone member's interval; with 0 there is neither.
        seed: Of the reference samples. The same for two methods pairs their members' references.
        confidence: The coverage of the interval.

    Raises:
        ModescopeError: If the shapes do not fit, a name is unknown, or a named metric is not defined on the data set.

    Returns:
        A result for each metric, in the order of the names.
    """
    need(
        samples.ndim == 3 and samples.numel() > 0 and samples.is_floating_point(),
        f"samples has shape {tuple(samples.shape)} and dtype {samples.dtype}, expected floats (S, N, {dataset.dim})",
    )
    need(
        samples.shape[-1] == dataset.dim,
        f"samples has {samples.shape[-1]} coordinates, expected {dataset.dim} as the data set has",
    )
    need(floor_repeats >= 0, f"floor_repeats is {floor_repeats}, expected at least 0")
    need(0 < confidence < 1, f"confidence is {confidence}, expected a number between 0 and 1")
    x = samples.detach().cpu()
    metrics = [_find(name, dataset) for name in (metric_names(dataset, core=True) if names is None else names)]
    return [_measure(metric, x, dataset, floor_repeats, seed, confidence) for metric in metrics]


@remember
def floor(metric: Metric, dataset: Dataset, n: int, repeats: int) -> tuple[float, float]:
    """The mean and the standard deviation of a metric over `repeats` sets of `n` true samples; NaN where undefined."""
    generator = torch.Generator().manual_seed(seed_of("floor"))
    values = []
    for _ in range(repeats):
        perfect = dataset.sample(n, generator, torch.float64).unsqueeze(0)
        values += _finite(metric(perfect, dataset, generator).tolist())
    return _mean(values), _spread(values)


def _find(name: str | Metric, dataset: Dataset) -> Metric:
    if isinstance(name, str) and name not in METRICS:
        raise nearest_name("metric", name, METRICS)
    metric = METRICS[name] if isinstance(name, str) else name
    if not metric.applies(dataset):
        raise ModescopeError(
            f"metric {metric.name!r} is not defined on {type(dataset).__name__}: it needs {metric.requires}"
        )
    return metric


def _measure(
    metric: Metric, x: Tensor, dataset: Dataset, floor_repeats: int, seed: int, confidence: float
) -> MetricResult:
    repeats = floor_repeats if metric.repeats is None else min(floor_repeats, metric.repeats)
    streams = [torch.Generator().manual_seed(seed_of(seed, "metrics", member)) for member in range(len(x))]
    alive = x.isfinite().all(dim=-1).all(dim=-1)
    values = torch.full((len(x),), torch.nan, dtype=torch.float64)
    for member in alive.nonzero()[:, 0].tolist():
        values[member] = metric(x[member : member + 1].double(), dataset, streams[member]).item()
    finite = _finite(values.tolist())

    if len(x) > 1:
        error, freedom = _spread(finite) / math.sqrt(max(len(finite), 1)), len(finite) - 1
    else:
        halves = _halves(metric, x.double(), dataset, repeats, streams[0]) if finite else []
        error, freedom = _spread(halves), len(halves) - 1
    low, high = student_interval(_mean(finite), error, freedom, confidence, metric.bounds(dataset))
    floor_mean, floor_sd = floor(metric, dataset, metric.used(x.shape[-2]), repeats)

    counted = f"floor over {repeats} true sets" if repeats else "no floor"
    return MetricResult(
        name=metric.name,
        label=metric.label,
        value=_mean(finite),
        low=low,
        high=high,
        floor=floor_mean,
        floor_sd=floor_sd,
        direction=metric.direction,
        protocol=f"{metric.describe(dataset, x.shape[-2])}; {counted}",
        per_member=tuple(values.tolist()),
        ceiling=None if metric.ceiling is None else metric.ceiling(dataset),
        note=_note(values, alive),
    )


def _halves(metric: Metric, x: Tensor, dataset: Dataset, repeats: int, generator: torch.Generator) -> list[float]:
    """A metric of one member, with samples of shape `(1, N, D)`, over random halves of the samples that it uses."""
    used = metric.used(x.shape[-2])
    if used < 2:
        return []
    halves = half_samples(x[:, torch.randperm(x.shape[-2], generator=generator)[:used]], repeats, generator)
    return _finite([metric(half, dataset, generator).item() for half in halves])


def _note(values: Tensor, alive: Tensor) -> str:
    parts = []
    diverged = int((~alive).sum())
    undefined = int((~values.isfinite()).sum()) - diverged
    if diverged:
        parts.append(f"{diverged} of {len(values)} members left out: their samples are not finite")
    if undefined:
        parts.append(f"{undefined} of {len(values)} members left out: their value is not finite")
    if len(values) == 1:
        parts.append("one member: the interval tells of its samples, not of other seeds")
    return "; ".join(parts)


def _finite(values: list[float]) -> list[float]:
    return [value for value in values if math.isfinite(value)]


def _mean(values: list[float]) -> float:
    return sum(values) / len(values) if values else math.nan


def _spread(values: list[float]) -> float:
    """The standard deviation, with `S - 1` in the denominator; NaN for fewer than two values."""
    if len(values) < 2:
        return math.nan
    mean = _mean(values)
    return math.sqrt(sum((value - mean) ** 2 for value in values) / (len(values) - 1))
