"""Mean ranks of entrants over seeds, and which of them a test tells apart."""

__all__ = ["Ranks", "critical_difference", "ranks_of"]

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from scipy.stats import f, rankdata, studentized_range

from ..core.errors import need

LEVEL = 0.05


@dataclass(frozen=True)
class Ranks:
    """Entrants by their mean rank over seeds.

    Arguments:
        labels: The entrants, the best first.
        means: Their mean ranks; 1 is the best there is.
        seeds: How many seeds there are.
        p_value: Friedman's, of ranks as far apart as these if all entrants were alike.
        difference: How far apart two mean ranks must be to be told apart.
        groups: The first and the last index of entrants that are not told apart, the longest such stretches.
    """

    labels: tuple[str, ...]
    means: tuple[float, ...]
    seeds: int
    p_value: float
    difference: float
    groups: tuple[tuple[int, int], ...]


def ranks_of(scores: Mapping[str, Sequence[float]], higher: bool, level: float = LEVEL) -> Ranks:
    r"""Ranks entrants within each seed, and tells which mean ranks differ by more than luck.

    Friedman's test asks whether any differ, in the form of Iman and Davenport with ties corrected. With :math:`k`
    entrants, :math:`n` seeds and :math:`r_{ij}` the rank of entrant :math:`j` in seed :math:`i`,

    .. math:: \chi^2 = \frac{(k - 1) \sum_j \big(\sum_i r_{ij} - n \frac{k + 1}{2}\big)^2}{\sum_{ij} r_{ij}^2 -
        n k \frac{(k + 1)^2}{4}}, \qquad F = \frac{(n - 1)\, \chi^2}{n (k - 1) - \chi^2}

    and F has :math:`k - 1` and :math:`(k - 1)(n - 1)` degrees of freedom. Where all seeds agree, F is infinite, and the
    p-value is how often chance alone makes them agree. If the test finds nothing, all are one group; else
    two entrants differ if their mean ranks are at least Nemenyi's :func:`critical_difference` apart.

    References:
        | Statistical Comparisons of Classifiers over Multiple Data Sets (Demšar, 2006), section 3.2
        | https://jmlr.org/papers/v7/demsar06a.html

    Note:
        There the blocks are data sets; here they are seeds, which share the starting generator and the data.

    Arguments:
        scores: A score of every entrant in every seed, in the same order of seeds; infinite ones are the last.
        higher: Whether a higher score is better.
        level: How often, at most, entrants that are alike are told apart.

    Raises:
        ModescopeError: If there are fewer than two entrants or two seeds, or entrants differ in their number.
    """
    table = np.array(list(scores.values()), dtype=float).T if len(set(map(len, scores.values()))) == 1 else None
    need(table is not None and table.shape[0] > 1 and table.shape[1] > 1, UNEVEN)
    assert table is not None
    ranks = rankdata(-table if higher else table, axis=1)
    order = np.argsort(ranks.mean(axis=0), kind="stable")
    means = ranks.mean(axis=0)[order].tolist()
    p_value = friedman(ranks)
    difference = critical_difference(table.shape[1], table.shape[0], level)
    groups = stretches(means, difference) if p_value < level else ((0, len(means) - 1),)
    labels = list(scores)
    return Ranks(tuple(labels[i] for i in order), tuple(means), len(table), p_value, difference, groups)


UNEVEN = (
    "scores has too little to rank, expected at least 2 entrants with the same seeds, of which there are at least 2"
)


def friedman(ranks: np.ndarray) -> float:
    """The p-value of ranks, with shape `(seeds, entrants)`; see :func:`ranks_of`."""
    n, k = ranks.shape
    spread = (ranks**2).sum() - n * k * (k + 1) ** 2 / 4
    if spread <= 0:  # all are tied in every seed
        return 1.0
    squares = ((ranks.sum(axis=0) - n * (k + 1) / 2) ** 2).sum()
    statistic = (k - 1) * squares / spread
    left = n * (k - 1) - statistic
    if left <= 1e-9:  # all seeds rank alike, as chance has it for each but the first
        return math.exp(-(n - 1) * orders_of(ranks[0]))
    return float(f.sf((n - 1) * statistic / left, k - 1, (k - 1) * (n - 1)))


def orders_of(ranks: np.ndarray) -> float:
    """The logarithm of the number of ways in which the ranks of one seed can be dealt out to entrants."""
    _, tied = np.unique(ranks, return_counts=True)
    return math.lgamma(len(ranks) + 1) - sum(math.lgamma(count + 1) for count in tied)


@cache
def critical_difference(entrants: int, seeds: int, level: float = LEVEL) -> float:
    r"""How far apart two mean ranks must be, by Nemenyi's test of all pairs at once.

    It is :math:`q \sqrt{k (k + 1) / 6 n}`, where :math:`q` is the quantile of the studentized range of :math:`k`
    normals, divided by :math:`\sqrt 2`.

    References:
        | Statistical Comparisons of Classifiers over Multiple Data Sets (Demšar, 2006), section 3.2.2 and table 5
        | https://jmlr.org/papers/v7/demsar06a.html
    """
    quantile = float(studentized_range.ppf(1 - level, entrants, math.inf)) / math.sqrt(2)
    return quantile * math.sqrt(entrants * (entrants + 1) / (6 * seeds))


def stretches(means: Sequence[float], difference: float) -> tuple[tuple[int, int], ...]:
    """The longest stretches of rising mean ranks that span less than `difference`, of two or more."""
    found: list[tuple[int, int]] = []
    for first in range(len(means)):
        last = max(i for i in range(first, len(means)) if i == first or means[i] - means[first] < difference)
        if last > first and (not found or last > found[-1][1]):
            found.append((first, last))
    return tuple(found)
