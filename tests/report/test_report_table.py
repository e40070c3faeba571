"""Which rows are marked as best."""

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import ttest_ind

from modescope.report.table import best_rows, chance, summary_of


@pytest.fixture
def results(scene):
    template = scene.groups[0].results["modes_l2_3sigma"]
    return lambda *rows, direction="higher": [
        replace(template, per_member=tuple(map(float, row)), direction=direction) for row in rows
    ]


def test_chance_is_that_of_welchs_test():
    random = np.random.default_rng(0)
    better, worse = random.normal(1, 1, 8), random.normal(0, 3, 5)
    expected = ttest_ind(better, worse, equal_var=False, alternative="greater").pvalue
    assert chance(better.tolist(), worse.tolist()) == pytest.approx(expected)
    assert chance([8.0] * 4, [1.0] * 3) == 1 / 35  # of the orders of seven values


def test_clear_best(results):
    assert best_rows(results([8, 8, 7, 8], [1, 2, 1, 1], [8, 7, 8, 8])) == {0, 2}
    assert best_rows(results([8, 8, 7, 8], [1, 2, 1, 1], direction="lower")) == {1}


def test_nothing_is_marked_where_nothing_shows(results):
    assert best_rows(results([8, 1, 8, 1], [1, 8, 1, 1])) == frozenset()  # within noise
    assert best_rows(results([8, 8, 8])) == frozenset()  # nothing to compare with
    assert best_rows(results([8], [1])) == frozenset()  # one seed tells nothing of others
    assert best_rows(results([8, 8], [1, 1])) == frozenset()  # two and two that agree come so by chance one time in six


def test_survivors_do_not_win(results):
    assert best_rows(results([8, 8, 8, math.nan], [5, 5, 4, 5], [1, 1, 2, 1])) == {1}


def test_the_truly_best_is_kept(results):
    random, lost, trials = np.random.default_rng(1), 0, 600
    means = np.array([0.0, 0.0, 0.0, -0.2, -1.0, -3.0])
    for _ in range(trials):
        kept = best_rows(results(*random.normal(means[:, None], 1.0, (len(means), 6))))
        lost += bool(kept) and 0 not in kept
    assert lost / trials < 0.05 + 3 * math.sqrt(0.05 * 0.95 / trials)


def test_the_table_holds_what_was_measured(scene, ring):
    summary = summary_of(scene)
    measured = {result.name: result for result in ring.metrics()}
    assert [column.result.name for column in summary.columns] == list(measured)
    for cell in summary.rows[0].cells:
        expected = measured[cell.name]
        assert (cell.value, cell.low, cell.high, cell.floor) == pytest.approx(
            (expected.value, expected.low, expected.high, expected.floor), nan_ok=True
        )
