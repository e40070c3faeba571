"""Confidence intervals of a mean over members, and of one member alone."""

__all__ = ["half_samples", "mean_interval", "student_interval"]

import math
from collections.abc import Sequence
from statistics import stdev

import torch
from scipy.special import stdtrit
from torch import Tensor


def student_interval(
    center: float, spread: float, freedom: int, confidence: float, bounds: tuple[float, float]
) -> tuple[float, float]:
    r"""The Student-t interval :math:`\text{center} \pm t_\nu \, \text{spread}`, cut to the range of the quantity.

    Cutting takes away impossible values alone, so the coverage stays. For a mean over eight members at a nominal 95 %,
    simulation gives: on normal values 95 %, where the percentile and the BCa bootstrap give 87 %; on log-normal ones
    83 %, against 79 and 81 %; on members that reach all modes or none with equal odds 93 %, as the percentile
    bootstrap. Resampling eight values cannot make up for the missing t-factor.

    Note:
        If all members agree the interval has no width: it tells nothing of outcomes rarer than one in :math:`S`.

    Arguments:
        center: The estimate.
        spread: Its standard error.
        freedom: The degrees of freedom, :math:`\nu`; with none there is no interval, and the ends are NaN.
        confidence: The nominal coverage, e.g. 0.95.
        bounds: The least and the greatest value of the quantity.
    """
    if freedom < 1 or not math.isfinite(spread):
        return math.nan, math.nan
    half = float(stdtrit(freedom, (1 + confidence) / 2)) * spread
    # An estimate may itself lie outside the range by its own noise; the interval then still holds it.
    return min(center, max(center - half, bounds[0])), max(center, min(center + half, bounds[1]))


def mean_interval(
    values: Sequence[float], bounds: tuple[float, float] = (-math.inf, math.inf), confidence: float = 0.95
) -> tuple[float, float, float]:
    """The mean over members whose value is finite, and its Student-t interval; NaN where there is none.

    Arguments:
        values: One value for each member.
        bounds: The least and the greatest value of the quantity.
        confidence: The nominal coverage.
    """
    finite = [value for value in values if math.isfinite(value)]
    if not finite:
        return math.nan, math.nan, math.nan
    center = sum(finite) / len(finite)
    error = stdev(finite) / math.sqrt(len(finite)) if len(finite) > 1 else math.nan
    return center, *student_interval(center, error, len(finite) - 1, confidence, bounds)


def half_samples(x: Tensor, repeats: int, generator: torch.Generator) -> list[Tensor]:
    r"""Random halves, drawn without replacement, of the samples `x` with shape :math:`(S, N, D)`.

    The standard deviation of a statistic over random halves is the standard error of the statistic on the whole: with
    :math:`m` of :math:`N`, the variance :math:`\sigma^2 / m \cdot (1 - m / N)` is :math:`\sigma^2 / N` at
    :math:`m = N / 2` (the delete-d jackknife). Resampling with replacement would make copies, which nearest-neighbour
    and transport distances take for collapse.

    References:
        | A General Theory for Jackknife Variance Estimation (Shao & Wu, 1989)
        | https://doi.org/10.1214/aos/1176347263
    """
    n = x.shape[-2]
    return [x[:, torch.randperm(n, generator=generator)[: n // 2]] for _ in range(repeats)]
