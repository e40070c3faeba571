"""Confidence intervals: their coverage, by simulation."""

import math

import numpy as np
import pytest
import torch
from scipy.stats import bootstrap, ttest_1samp

from modescope.metrics.intervals import half_samples, mean_interval, student_interval

FREE = (-math.inf, math.inf)
MEMBERS = 8


def coverage(draws: np.ndarray, mean: float) -> float:
    """The share of rows of `draws` whose interval holds `mean`."""
    spread = draws.std(axis=1, ddof=1) / math.sqrt(MEMBERS)
    ends = [student_interval(c, s, MEMBERS - 1, 0.95, FREE) for c, s in zip(draws.mean(axis=1), spread, strict=True)]
    return float(np.mean([low <= mean <= high for low, high in ends]))


def test_against_scipy() -> None:
    values = np.random.default_rng(0).normal(size=MEMBERS)
    expected = ttest_1samp(values, 0).confidence_interval(0.9)
    spread = values.std(ddof=1) / math.sqrt(MEMBERS)
    assert student_interval(values.mean(), spread, MEMBERS - 1, 0.9, FREE) == pytest.approx(tuple(expected))


def test_coverage_and_why_not_the_bootstrap() -> None:
    """Exact on normal members, and 93 % on all-or-nothing ones; the percentile bootstrap stays below 90 % on normal."""
    rng = np.random.default_rng(1)
    normal = rng.normal(size=(2000, MEMBERS))
    assert coverage(normal, 0.0) == pytest.approx(0.95, abs=0.015)
    all_or_nothing = 8.0 * rng.integers(0, 2, size=(2000, MEMBERS))
    assert coverage(all_or_nothing, 4.0) == pytest.approx(0.93, abs=0.02)

    found = bootstrap((normal,), np.mean, axis=1, n_resamples=400, method="percentile", batch=50, rng=rng)
    ends = found.confidence_interval
    assert np.mean((ends.low <= 0) & (ends.high >= 0)) < 0.9


def test_mean_of_the_finite_members() -> None:
    values = [1.0, 2.0, 4.0]
    low, high = ttest_1samp(values, 0).confidence_interval(0.95)
    assert mean_interval([math.nan, *values, math.inf]) == pytest.approx((7 / 3, low, high))
    assert mean_interval(values, bounds=(0.0, 5.0)) == pytest.approx((7 / 3, 0.0, 5.0))
    one = mean_interval([3.0, math.nan])
    assert one[0] == 3
    assert all(map(math.isnan, (*one[1:], *mean_interval([math.nan]))))


def test_cut_to_the_range() -> None:
    low, high = student_interval(7.5, 0.5, 7, 0.95, (0.0, 8.0))
    assert (low, high) == (pytest.approx(7.5 - 2.3646 * 0.5, abs=1e-3), 8.0)
    assert student_interval(-0.01, 0.1, 7, 0.95, (0.0, 1.0))[0] == -0.01  # an estimate beyond its range is still held


@pytest.mark.parametrize(("spread", "freedom"), [(1.0, 0), (1.0, -1), (math.nan, 5)])
def test_none(spread: float, freedom: int) -> None:
    assert all(map(math.isnan, student_interval(1.0, spread, freedom, 0.95, FREE)))


def test_halves_give_the_standard_error() -> None:
    n = 400
    x = torch.randn(1, n, 1, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    halves = half_samples(x, 600, torch.Generator().manual_seed(3))
    assert {half.shape for half in halves} == {(1, n // 2, 1)}
    assert all(len(half.unique()) == n // 2 for half in halves)
    found = torch.stack([half.mean() for half in halves]).std().item()
    assert found == pytest.approx((x.std() / math.sqrt(n)).item(), rel=0.1)
