r"""The birthday-paradox test: duplicates in a small sample of a generator tell how few pictures it can make."""

__all__ = ["Birthday", "ClosestPairs", "birthday", "calibrated_radius", "closest_pairs", "effective_support"]

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import torch
from scipy.special import chdtri
from torch import Tensor

from ..core.errors import need
from .neighbours import check_points, neighbours
from .pairs import TIE, Pairs

LISTED = 2**22  # pairs of duplicates held at once


class ClosestPairs(NamedTuple):
    r"""What :func:`closest_pairs` returns, nearest first."""

    distances: Tensor  # in data units, float64, with shape (P)
    first: Tensor  # an index into the samples, with shape (P)
    second: Tensor  # the other, larger, with shape (P)


@dataclass(frozen=True)
class Birthday:
    r"""What :func:`birthday` returns; scalars are float64 scalar tensors.

    Attributes:
        collisions: The pairs of samples within the radius.
        duplicated: The share of samples that have another within the radius.
        sizes: Sizes of random subsets, with shape :math:`(S)`.
        probability: The probability that such a subset holds a duplicate, with shape :math:`(S)`.
        half_size: The least size, :math:`s`, at which that is a half; NaN if it is not even with all samples.
        support_rule: :math:`s^2`, the rule of thumb of Arora et al.
        support_uniform: :math:`s^2 / (2 \ln 2)`, exact for a large number of equally likely samples.
        effective: The effective support of :func:`effective_support`, from all pairs: the best of the three.
        effective_low: The lower end of its interval.
        effective_high: The upper end.
    """

    collisions: Tensor
    duplicated: Tensor
    sizes: Tensor
    probability: Tensor
    half_size: Tensor
    support_rule: Tensor
    support_uniform: Tensor
    effective: Tensor
    effective_low: Tensor
    effective_high: Tensor


def birthday(
    x: Tensor, radius: float, generator: torch.Generator, draws: int = 1000, confidence: float = 0.95
) -> Birthday:
    r"""Tests how soon random subsets of the samples hold a duplicate, and what that says of the support.

    Among :math:`s` samples of a law on :math:`n` equally likely pictures, one is twice with probability

    .. math:: 1 - \prod_{i < s} (1 - i / n) \approx 1 - e^{-s (s - 1) / (2 n)},

    a half at :math:`s \approx \sqrt{2 n \ln 2}`. Samples within `radius` of each other count as duplicates. The
    probability is the share of random orders of the samples whose first :math:`s` hold a duplicate: exact resampling
    without replacement, for all sizes at once.

    Note:
        Arora et al. take :math:`s^2`, 1.39 times what a uniform law has at that :math:`s`. If some pictures are
        likelier than others, duplicates come sooner: all three numbers then tell of the likely ones, and
        the true support may be far larger.
        A radius is a judgement: take :func:`calibrated_radius` of as many reals, and look at :func:`closest_pairs`.
        Where there are more than 4 million pairs of duplicates, the curve is of a random subset of the samples, small
        enough to list its pairs; it still reaches probability 1.

    References:
        | Do GANs learn the distribution? Some Theory and Empirics (Arora et al., 2018), section 3
        | https://arxiv.org/abs/1706.08224

    Arguments:
        x: Features of samples, with shape :math:`(N, D)`.
        radius: The distance up to which two samples are duplicates, in data units.
        generator: The randomness of the subsets.
        draws: Random orders of the samples.
        confidence: The nominal coverage of the interval.

    Raises:
        ModescopeError: If the shape does not fit, a feature is not finite, or an argument is out of range.

    Returns:
        The curve, at sizes about evenly spaced in logarithm, and the three estimates of the support.
    """
    check_points("x", x)
    need(radius >= 0, f"radius is {radius}, expected at least 0")
    need(draws >= 1, f"draws is {draws}, expected at least 1")
    collisions = sum(len(i) for i, _ in _duplicates(x, radius))
    # A random subset with a share q of the samples holds about q^2 of the pairs.
    kept = len(x) if collisions <= LISTED else max(2, int(len(x) * math.sqrt(LISTED / collisions / 2)))
    subset = torch.randperm(len(x), generator=generator, device=generator.device)[:kept].to(x.device)
    listed = list(_duplicates(x if kept == len(x) else x[subset], radius))
    first = _first_duplicates(kept, listed, draws, generator)

    sizes = _sizes(kept).to(x.device)
    probability = (first[:, None] <= sizes).double().mean(dim=0)
    half = first.sort().values[(draws - 1) // 2]  # at least half of the orders hold a duplicate by then
    half = half.where(half.isfinite(), torch.nan)
    alone = len(x) < 2
    nearest = x.new_empty(0) if alone else neighbours(x).distances[:, 0]
    return Birthday(
        half.new_tensor(collisions),
        half.new_tensor(torch.nan) if alone else (nearest <= radius * (1 + TIE)).double().mean(),
        sizes,
        probability,
        half,
        half**2,
        half**2 / (2 * math.log(2)),
        *effective_support(len(x), collisions, confidence),
    )


def effective_support(samples: int, collisions: int, confidence: float = 0.95) -> tuple[Tensor, Tensor, Tensor]:
    r"""The effective support, one over the probability that two samples are duplicates, and its interval.

    .. math:: \hat n = \binom{s}{2} \Big/ C, \qquad
        \Big[ \binom{s}{2} \Big/ \tfrac12 \chi^2_{1 - \alpha / 2;\, 2 C + 2},\;
        \binom{s}{2} \Big/ \tfrac12 \chi^2_{\alpha / 2;\, 2 C} \Big]

    for :math:`C` pairs of duplicates among :math:`s` samples. It estimates :math:`1 / \sum_i p_i^2`: the number of
    pictures if they are equally likely, and less if not. The interval is Garwood's, exact for a Poisson count.

    Note:
        The count is nearly Poisson while duplicates are rare, :math:`s \ll \hat n`. With triples and larger groups the
        pairs depend on each other, and the interval is too narrow.

    References:
        | Fiducial Limits for the Poisson Distribution (Garwood, 1936)
        | https://doi.org/10.1093/biomet/28.3-4.437

    Arguments:
        samples: How many samples, :math:`s`.
        collisions: How many pairs of them are duplicates, :math:`C`.
        confidence: The nominal coverage.

    Raises:
        ModescopeError: If there are more collisions than pairs.

    Returns:
        The estimate and the ends of its interval, float64 scalar tensors. Without a collision the estimate and the
        upper end are infinite; one sample makes no pair, and all three are NaN.
    """
    pairs = samples * (samples - 1) // 2
    need(0 <= collisions <= pairs, f"collisions is {collisions}, expected from 0 to {pairs}, the pairs")
    need(0 < confidence < 1, f"confidence is {confidence}, expected between 0 and 1")
    if pairs == 0:
        return (torch.tensor(torch.nan, dtype=torch.float64),) * 3
    most = float(chdtri(2 * collisions + 2, (1 - confidence) / 2)) / 2
    least = float(chdtri(2 * collisions, (1 + confidence) / 2)) / 2 if collisions else 0.0
    counts = torch.tensor([float(collisions), most, least], dtype=torch.float64)
    center, low, high = pairs / counts
    return center, low, high


def calibrated_radius(real: Tensor, rate: float = 0.01) -> Tensor:
    """The radius within which a share `rate` of the reals have another: a quantile of their nearest distances.

    Take as many reals as there are fakes, since nearest distances shrink with the number of samples. A healthy
    generator then has :attr:`Birthday.duplicated` of about `rate`, and a collapsed one far more. Copies among the reals
    may make it 0.

    Arguments:
        real: Features of real samples, with shape :math:`(N, D)`.
        rate: The share.

    Raises:
        ModescopeError: If the shape does not fit, a feature is not finite, or `rate` is not a share.

    Returns:
        The least radius that gives at least the share, in data units, a float64 scalar tensor; NaN with one real.
    """
    check_points("real", real)
    need(0 < rate <= 1, f"rate is {rate}, expected above 0 and at most 1")
    if len(real) < 2:
        return real.new_tensor(torch.nan, dtype=torch.float64)
    nearest = neighbours(real).distances[:, 0].sort().values
    return nearest[math.ceil(rate * len(real) * (1 - 1e-12)) - 1]


def closest_pairs(x: Tensor, count: int = 20) -> ClosestPairs:
    r"""The nearest pairs of samples, to be looked at: are they the same picture?

    Each is among the :math:`P` nearest neighbours of its samples, so memory holds :math:`N P` candidates.

    Arguments:
        x: Features of samples, with shape :math:`(N, D)`.
        count: How many pairs, :math:`P`; all if there are fewer.

    Raises:
        ModescopeError: If the shape does not fit, a feature is not finite, or `count` is not positive.

    Returns:
        Distances, nearest first, and the two indices of each pair. One sample makes no pair.
    """
    check_points("x", x)
    need(count >= 1, f"count is {count}, expected at least 1")
    if len(x) < 2:
        none = torch.empty(0, dtype=torch.long, device=x.device)
        return ClosestPairs(none.double(), none, none)
    distances, second = neighbours(x, k=min(count, len(x) - 1))
    first = torch.arange(len(x), device=x.device)[:, None].expand_as(second)
    # A pair may be listed from both sides or, among equally near ones, from one.
    pairs, listed = (torch.minimum(first, second) * len(x) + torch.maximum(first, second)).unique(return_inverse=True)
    gaps = distances.new_empty(len(pairs)).scatter_(0, listed.flatten(), distances.flatten())
    gaps, nearest = gaps.sort(stable=True)
    chosen = pairs[nearest[:count]]
    return ClosestPairs(gaps[:count], chosen // len(x), chosen % len(x))


def _duplicates(x: Tensor, radius: float) -> Iterator[tuple[Tensor, Tensor]]:
    """The pairs within `radius`, a tile at a time, the smaller index first."""
    pairs, reach = Pairs(x, x), x.new_full((1, 1), radius, dtype=torch.float64)
    for tile in pairs.tiles():
        if tile.columns.stop > tile.rows.start:
            i, j = pairs.within(tile, reach)
            yield i[i < j], j[i < j]


def _first_duplicates(n: int, listed: list[tuple[Tensor, Tensor]], draws: int, generator: torch.Generator) -> Tensor:
    """For random orders of `n` samples, how many it takes until two are listed; infinite if never, with shape `(R)`."""
    i, j = (torch.cat(part) for part in zip(*listed, strict=True))
    found = torch.full((draws,), torch.inf, dtype=torch.float64, device=i.device)
    if len(i) == 0:
        return found
    for draw in range(draws):
        place = torch.randperm(n, generator=generator, device=generator.device).to(i.device)
        found[draw] = torch.maximum(place[i], place[j]).min() + 1
    return found


def _sizes(n: int, points: int = 200) -> Tensor:
    """Whole numbers from 1 to `n`, about evenly spaced in logarithm."""
    return torch.logspace(0, math.log10(n), points, dtype=torch.float64).round().clamp(max=n).unique()
