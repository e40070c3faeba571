"""Comparisons of runs, beside SciPy's and beside what chance gives."""

import math

import numpy as np
import pytest
from scipy import stats

from modescope.papers.comparisons import order_share, paired_difference, rank_trend


@pytest.fixture
def pairs():
    generator = np.random.default_rng(0)
    first = generator.normal(size=10)
    return first, first + 0.8 + 0.5 * generator.normal(size=10)


def test_paired_difference_is_scipys(pairs):
    first, second = pairs
    found = paired_difference(first, second)
    interval = stats.ttest_rel(second, first).confidence_interval(0.95)
    flips = stats.permutation_test((second - first,), np.mean, permutation_type="samples", n_resamples=2**10)
    assert found.pairs == 10
    assert found.mean == pytest.approx(np.mean(second - first))
    assert (found.low, found.high) == pytest.approx((interval.low, interval.high))
    assert found.p_value == pytest.approx(flips.pvalue)
    assert found.sign == 1
    assert found.confirmed


def test_paired_difference_turns_with_its_arguments(pairs):
    there, back = paired_difference(*pairs), paired_difference(*reversed(pairs))
    assert back.sign == -there.sign == -1
    assert (back.mean, back.low, back.high) == pytest.approx((-there.mean, -there.high, -there.low))
    assert back.p_value == there.p_value


def test_many_pairs_are_flipped_at_random():
    gap = np.random.default_rng(1).normal(0.4, 1.0, size=30)
    found = paired_difference(np.zeros(30), gap)
    assert found.p_value == pytest.approx(stats.ttest_1samp(gap, 0.0).pvalue, abs=0.01)


def test_pairs_that_are_not_finite_are_left_out():
    found = paired_difference([0.0, math.nan, 1.0, 2.0], [1.0, 5.0, math.inf, 3.5])
    assert (found.pairs, found.mean) == (2, 1.25)


@pytest.mark.parametrize(("first", "second"), [([1.0], [2.0]), ([], [])])
def test_less_than_two_pairs_tell_nothing(first, second):
    found = paired_difference(first, second)
    assert math.isnan(found.low)
    assert (found.sign, found.p_value) == (0, 1.0)


def test_rank_trend_is_spearmans():
    values = np.random.default_rng(2).normal(size=(8, 6)) + 0.3 * np.arange(8)[:, None]
    found = rank_trend(range(1, 9), values)
    expected = stats.spearmanr(np.repeat(np.arange(8), 6), values.reshape(-1))
    assert found.rho == pytest.approx(expected.statistic)
    assert found.p_value == pytest.approx(expected.pvalue, abs=0.005)
    assert (found.sign, found.confirmed, found.seeds) == (1, True, 6)
    assert rank_trend(range(1, 9), -values).sign == -1


def test_rank_trend_permutes_within_seeds():
    # The seeds differ by far more than the settings: only a test within seeds sees the trend.
    values = np.arange(5.0)[:, None] + 1000 * np.arange(6)[None, :]
    found = rank_trend(range(5), values)
    assert stats.spearmanr(np.repeat(np.arange(5), 6), values.reshape(-1)).pvalue > 0.3
    assert found.p_value == pytest.approx(1e-4)
    assert (found.low, found.high) == (1.0, 1.0)


def test_rank_trend_is_rarely_found_where_there_is_none():
    generator = np.random.default_rng(3)
    p_values = [rank_trend(range(4), generator.normal(size=(4, 5)), permutations=199).p_value for _ in range(200)]
    assert stats.kstest(p_values, "uniform").pvalue > 1e-3


def test_rank_trend_of_equal_values_is_none():
    found = rank_trend(range(4), np.ones((4, 5)))
    assert (found.rho, found.p_value, found.sign) == (0.0, 1.0, 0)


def test_order_share_is_that_of_mann_and_whitney():
    generator = np.random.default_rng(4)
    first, second = generator.normal(0.5, 1, 7).round(1), generator.normal(0, 1, 9).round(1)
    expected = stats.mannwhitneyu(first, second).statistic / 63
    assert order_share(first, second) == pytest.approx(expected)
    assert order_share([2.0, 3.0], [1.0]) == 1.0
    assert order_share([1.0], [1.0]) == 0.5
