"""Mean ranks against SciPy's Friedman test, Demšar's table of quantiles, and groups by their definition."""

import math
from itertools import permutations

import numpy as np
import pytest
from scipy.stats import f, friedmanchisquare

from modescope.benchmark.ranks import critical_difference, ranks_of
from modescope.core import ModescopeError

# Demšar (2006), table 5 (a): quantiles of Nemenyi's test at 5 %, and at 10 %, for 2 to 10 entrants.
QUANTILES = {
    0.05: (1.960, 2.343, 2.569, 2.728, 2.850, 2.949, 3.031, 3.102, 3.164),
    0.1: (1.645, 2.052, 2.291, 2.459, 2.589, 2.693, 2.780, 2.855, 2.920),
}


@pytest.mark.parametrize("level", QUANTILES)
def test_the_critical_difference_is_that_of_the_paper(level: float) -> None:
    for entrants, quantile in enumerate(QUANTILES[level], start=2):
        expected = quantile * math.sqrt(entrants * (entrants + 1) / (6 * 14))
        assert critical_difference(entrants, 14, level) == pytest.approx(expected, rel=5e-4)
    assert round(critical_difference(4, 14), 2) == 1.25  # the paper's worked example, section 3.2.4


def scores_of(entrants: int, seeds: int, ties: bool, generator: np.random.Generator) -> dict[str, np.ndarray]:
    table = generator.normal(size=(entrants, seeds)) + 0.6 * np.arange(entrants)[:, None]
    return dict(zip("abcdefgh", np.round(table) if ties else table, strict=False))


@pytest.mark.parametrize("ties", [False, True])
def test_friedman_against_scipy(ties: bool) -> None:
    """The form of Iman and Davenport is a function of Friedman's statistic, which SciPy has."""
    generator = np.random.default_rng(0)
    for entrants, seeds in ((3, 5), (4, 12), (6, 8)):
        scores = scores_of(entrants, seeds, ties, generator)
        statistic = friedmanchisquare(*scores.values()).statistic
        ratio = (seeds - 1) * statistic / (seeds * (entrants - 1) - statistic)
        expected = f.sf(ratio, entrants - 1, (entrants - 1) * (seeds - 1))
        assert ranks_of(scores, higher=True).p_value == pytest.approx(expected, rel=1e-9)


def test_ranks_by_hand() -> None:
    """Two seeds of three entrants; the worst of the second is infinite, and two are tied."""
    found = ranks_of({"a": [3.0, math.inf], "b": [1.0, 2.0], "c": [2.0, 2.0]}, higher=False)
    assert found.labels == ("b", "c", "a")
    assert found.means == (1.25, 1.75, 3.0)
    assert found.seeds == 2
    assert ranks_of({"a": [3.0, 9.0], "b": [1.0, 2.0]}, higher=True).labels == ("a", "b")


@pytest.mark.parametrize("scores", [(3.0, 1.0, 2.0, 4.0), (1.0, 0.0, 0.0, 0.0), (2.0, 2.0, 1.0, 1.0)])
def test_the_p_value_where_all_seeds_agree_is_that_of_all_orders(scores: tuple[float, ...]) -> None:
    """Two seeds that rank four entrants alike: the share of all orders of the second that do."""
    found = ranks_of({name: [score, score] for name, score in zip("abcd", scores, strict=True)}, higher=True)
    orders = list(permutations(scores))
    assert found.p_value == pytest.approx(orders.count(scores) / len(orders), rel=1e-12)
    assert ranks_of({f"e{i}": [i] * 12 for i in range(50)}, higher=True).p_value == pytest.approx(0.0, abs=1e-300)


def test_groups_are_the_longest_that_span_less_than_the_difference() -> None:
    generator = np.random.default_rng(1)
    told_apart = 0
    for _ in range(30):
        found = ranks_of(scores_of(8, 12, True, generator), higher=True)
        near = {
            (i, j)
            for i in range(8)
            for j in range(i + 1, 8)
            if found.p_value >= 0.05 or found.means[j] - found.means[i] < found.difference
        }
        longest = {(i, j) for i, j in near if not near & {(i - 1, j), (i, j + 1)}}
        assert set(found.groups) == longest
        told_apart += len(longest) > 1
    assert told_apart > 10


def test_nothing_is_told_apart_where_all_are_alike() -> None:
    found = ranks_of({name: [8.0] * 12 for name in "abcde"}, higher=True)
    assert found.p_value == 1.0
    assert found.groups == ((0, 4),)
    assert found.means == (3.0,) * 5


def test_alike_entrants_are_seldom_told_apart() -> None:
    """Friedman's p-value is below 5 % in about 5 % of tables of noise: between 2 % and 8 % of 400."""
    generator = np.random.default_rng(2)
    tables = [dict(zip("abcde", generator.normal(size=(5, 12)), strict=True)) for _ in range(400)]
    assert 8 <= sum(ranks_of(table, higher=True).p_value < 0.05 for table in tables) <= 32


def test_perfect_agreement_leaves_no_doubt() -> None:
    found = ranks_of({name: np.arange(6.0) + 10 * i for i, name in enumerate("abcd")}, higher=True)
    assert found.labels == ("d", "c", "b", "a")
    assert found.p_value == pytest.approx(24.0**-5)  # five more seeds, each one of 4! orders


@pytest.mark.parametrize("scores", [{}, {"a": [1.0, 2.0]}, {"a": [1.0], "b": [2.0]}, {"a": [1.0, 2.0], "b": [1.0]}])
def test_too_little_is_told(scores: dict) -> None:
    with pytest.raises(ModescopeError, match="at least 2 entrants"):
        ranks_of(scores, higher=True)
