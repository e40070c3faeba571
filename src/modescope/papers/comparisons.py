"""Whether a difference between runs is more than the luck of their seeds."""

__all__ = ["Difference", "Trend", "holm", "order_share", "paired_difference", "rank_trend"]

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import rankdata

from ..metrics.intervals import mean_interval

Values = Sequence[float] | np.ndarray

LEVEL = 0.05
MOST_FLIPPED = 16  # pairs whose signs are flipped in all ways; of more, as many flips are drawn at random


@dataclass(frozen=True)
class Difference:
    """A difference of two populations, member by member.

    Attributes:
        mean: The mean difference.
        low: The lower end of its 95 % Student-t interval; NaN with less than two pairs.
        high: The upper end.
        p_value: Two-sided, of a test that flips the signs of the differences.
        pairs: The number of pairs.
    """

    mean: float
    low: float
    high: float
    p_value: float
    pairs: int

    @property
    def sign(self) -> int:
        """1 or -1 if the interval lies on one side of zero, else 0."""
        return int(self.low > 0) - int(self.high < 0)

    @property
    def confirmed(self) -> bool:
        """Whether the sign test comes to the same verdict as the interval."""
        return (self.p_value < LEVEL) == (self.sign != 0)


@dataclass(frozen=True)
class Trend:
    """How a measure goes with a setting over several seeds.

    Attributes:
        rho: Spearman's rank correlation over all runs; 0 if all values are equal.
        p_value: Two-sided, of a test that permutes the settings within each seed.
        low: The lower end of the 95 % Student-t interval of the mean over seeds of each seed's own correlation.
        high: The upper end.
        seeds: The number of seeds.
    """

    rho: float
    p_value: float
    low: float
    high: float
    seeds: int

    @property
    def sign(self) -> int:
        """1 or -1 if the permutation test finds a trend, else 0."""
        return int(math.copysign(1, self.rho)) if self.p_value < LEVEL else 0

    @property
    def confirmed(self) -> bool:
        """Whether the interval of the seeds' own correlations comes to the same verdict as the test."""
        return self.sign == int(self.low > 0) - int(self.high < 0)


def paired_difference(first: Values, second: Values) -> Difference:
    """How much `second` is above `first`, both with one value for each seed, in the same order.

    Pairs with a value that is not finite are left out.
    """
    gap = np.asarray(second, dtype=float) - np.asarray(first, dtype=float)
    gap = gap[np.isfinite(gap)]
    mean, low, high = mean_interval(gap.tolist())
    if len(gap) < 2:
        return Difference(mean, low, high, 1.0, len(gap))
    flipped = np.abs(_signs(len(gap)) @ gap)
    return Difference(mean, low, high, float((flipped >= abs(gap.sum()) - 1e-12).mean()), len(gap))


def holm(p_values: Sequence[float]) -> list[float]:
    """P-values corrected for their number, so that all claims together err with probability at most the level.

    References:
        | A Simple Sequentially Rejective Multiple Test Procedure (Holm, 1979)
    """
    values = np.asarray(p_values, dtype=float)
    order = np.argsort(values)
    stepped = np.maximum.accumulate((len(values) - np.arange(len(values))) * values[order])
    corrected = np.empty_like(values)
    corrected[order] = np.minimum(stepped, 1.0)
    return corrected.tolist()


def rank_trend(settings: Sequence[float], values: np.ndarray, permutations: int = 9999) -> Trend:
    r"""Whether a measure rises or falls with a setting.

    Under the null hypothesis the setting does not matter, so within each seed the values could have come in any order;
    the p-value is the share of such orders whose correlation is as far from 0, the observed one counted.

    Arguments:
        settings: The setting of each row, with shape `(L,)`.
        values: The measure, with shape `(L, S)`: a column for each seed; columns with a value that is not finite are
            left out.
        permutations: How many orders are drawn.
    """
    values = np.asarray(values, dtype=float)
    values = values[:, np.isfinite(values).all(axis=0)]
    rows, seeds = values.shape
    x = _standard(np.repeat(np.asarray(settings, dtype=float)[:, None], seeds, axis=1))
    y = _standard(values)
    rho = float((x * y).sum())
    generator = np.random.default_rng(0)
    orders = generator.random((permutations, rows, seeds)).argsort(axis=1)
    shuffled = np.einsum("ls,pls->p", x, np.take_along_axis(y[None], orders, axis=1))
    p_value = (1 + int((np.abs(shuffled) >= abs(rho) - 1e-12).sum())) / (1 + permutations)
    own = [float((_standard(x[:, s]) * _standard(y[:, s])).sum()) for s in range(seeds)]
    _, low, high = mean_interval(own, (-1.0, 1.0))
    return Trend(rho, p_value, low, high, seeds)


def order_share(first: Values, second: Values) -> float:
    """The share of all pairs of one run of `first` and one of `second` in which the second is lower; ties count half.

    It is what a comparison of single runs has to say: near 1 or 0, any pair of seeds tells the same; near one half, a
    pair tells nothing.
    """
    a, b = np.asarray(first, dtype=float), np.asarray(second, dtype=float)
    gap = a[np.isfinite(a)][:, None] - b[np.isfinite(b)][None, :]
    return float((gap > 0).mean() + (gap == 0).mean() / 2)


def _signs(count: int) -> np.ndarray:
    """Ways to choose `count` signs, with shape `(F, count)`: all of them, or many at random, the first all positive."""
    if count <= MOST_FLIPPED:
        return 1.0 - 2.0 * ((np.arange(2**count)[:, None] >> np.arange(count)) & 1)
    signs = 1.0 - 2.0 * np.random.default_rng(0).integers(0, 2, (2**MOST_FLIPPED, count))
    signs[0] = 1.0
    return signs


def _standard(values: np.ndarray) -> np.ndarray:
    """Ranks, centred and of unit length, so that their product is a correlation; zeros if all are equal."""
    ranks = rankdata(values).reshape(values.shape)
    centred = ranks - ranks.mean()
    length = float(np.linalg.norm(centred))
    return centred / length if length > 0 else centred
