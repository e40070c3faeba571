"""How runs are put side by side."""

import math

import numpy as np
import pytest
from scipy import stats

from modescope.core.errors import ModescopeError
from modescope.report.groups import scenes_of, unique_names


def test_a_sweep_gives_groups(swept):
    (scene,) = scenes_of([swept])
    assert [group.label.rsplit(", ", 1)[1] for group in scene.groups] == ["lr=0.001", "lr=0.01", "lr=1e+30"]
    assert [group.at for group in scene.groups] == [(0, 1), (2, 3), (4, 5)]
    assert scene.groups[2].diverged[0] is not None
    samples, history = swept.samples(), swept.history()
    for group in scene.groups:
        assert (group.samples == samples[list(group.at)]).all()
        curve = history.curves["quality"][:, list(group.at)]
        np.testing.assert_array_equal(group.history.curves["quality"], curve)


def test_a_groups_interval_is_students(swept):
    (scene,) = scenes_of([swept])
    group = scene.groups[1]
    result = group.results["sliced_w2_p128"]
    mean, error = np.mean(result.per_member), stats.sem(result.per_member)
    low, high = stats.t.interval(0.95, len(result.per_member) - 1, mean, error)
    assert (result.value, result.low, result.high) == pytest.approx((mean, max(0.0, low), high))
    assert result.floor == scene.groups[0].results["sliced_w2_p128"].floor


def test_scenes_are_what_can_be_compared(ring, swept, line, make):
    more = make("ring", evaluation=type(ring.experiment.evaluation)(every=5, samples=120, snapshot=10))
    scenes = scenes_of([ring, line, swept, more])
    assert [len(scene.groups) for scene in scenes] == [4, 1, 1]
    assert [scene.samples for scene in scenes] == [240, 240, 120]


def test_names_are_told_apart(ring, line):
    assert unique_names([ring, line]) == [ring.name, line.name]
    assert len(set(unique_names([ring, ring, line]))) == 3


def test_the_worst_comes_first(swept):
    (scene,) = scenes_of([swept])
    for group in scene.groups:
        ranking = group.ranking()
        assert sorted(ranking) == list(range(len(group.at)))
        scores = [(group.diverged[i] is None, group.score("modes_tenth_l2_3sigma", i)) for i in ranking]
        assert scores == sorted(scores)


def test_without_modes_the_farthest_is_worst(array):
    (group,) = scenes_of([array])[0].groups
    distances = [group.score("sliced_w2_p128", i) for i in group.ranking()]
    assert distances == sorted(distances, reverse=True)
    assert not any(map(math.isnan, distances))


def test_bad_input(unfinished):
    with pytest.raises(ModescopeError, match="runs is empty"):
        scenes_of([])
    with pytest.raises(ModescopeError, match=r"is not done: go on with 'modescope resume"):
        scenes_of([unfinished])
