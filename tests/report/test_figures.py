"""The data of figures, apart from their drawing."""

import base64
import json

import numpy as np
import pytest

from modescope.metrics import count_modes
from modescope.report import curves
from modescope.report.backdrop import backdrop_of
from modescope.report.curves import charts_of, floors_of
from modescope.report.figures import (
    UNIT,
    bin_centers,
    coordinates,
    films_of,
    histogram,
    panels_of,
    quantised,
    shown_of,
)
from modescope.report.groups import scenes_of
from modescope.report.payload import encoded, payload_of
from modescope.report.thin import evenly


@pytest.fixture(scope="module")
def backdrop(scene):
    return backdrop_of(scene.dataset)


def test_quantising_is_fine_enough(backdrop):
    (left, right), _ = backdrop.view
    points = np.random.default_rng(0).uniform(left, right, (100, 2))
    assert np.abs(coordinates(quantised(points, backdrop), backdrop) - points).max() <= (right - left) / UNIT
    odd = np.array([[np.nan, np.inf], [1e30, -1e30]])
    back = coordinates(quantised(odd, backdrop), backdrop)
    assert np.isnan(back[0]).all()
    assert backdrop.outside(back[1:]) == 1  # what is far outside stays outside


@pytest.mark.parametrize(("count", "most"), [(5, 9), (9, 5), (1000, 37), (1, 1), (0, 3)])
def test_evenly(count, most):
    kept = evenly(count, most)
    assert len(kept) == min(count, most)
    assert len(np.unique(kept)) == len(kept)
    if count:
        assert (kept[0], kept[-1]) == (0, count - 1)


def test_a_film_holds_the_snapshots(scene, ring, backdrop):
    (film,) = films_of(scene, shown_of(scene, 8), backdrop, 10**6)
    steps, points = ring.snapshots()
    ranking = scene.groups[0].ranking()
    assert film.steps.tolist() == steps.tolist()
    assert film.members == tuple(ranking)
    low, high = np.array(backdrop.view).T
    kept = np.clip(points[:, ranking], 2 * low - high, 2 * high - low)
    np.testing.assert_allclose(coordinates(film.points, backdrop), kept, atol=2e-4)
    modes = ring.history().curves["modes"]
    np.testing.assert_array_equal(film.scores, modes[:, ranking])
    np.testing.assert_allclose(film.mean, modes.mean(axis=1))


def test_a_film_keeps_to_its_budget(scene, backdrop):
    shown = shown_of(scene, 8)
    (film,) = films_of(scene, shown, backdrop, 800)
    assert film.points.size <= 800
    assert (film.looks, film.kept) == (5, 60)
    assert film.points.shape[0] < 5  # a few samples say little, so looks are given up
    assert (film.steps[0], film.steps[-1]) == (0, 20)


def test_runs_without_snapshots_have_no_film(make, ring, backdrop):
    look = type(ring.experiment.evaluation)(every=10, samples=240, snapshot=0)
    (scene,) = scenes_of([make("ring", evaluation=look), ring])
    films = films_of(scene, shown_of(scene, 8), backdrop, 10**6)
    assert [film.group for film in films] == [1]


def test_panels_show_the_final_samples(scene, backdrop):
    group = scene.groups[0]
    panels = panels_of(group, group.ranking(), backdrop, 50)
    assert [panel.badge for panel in panels] == ["worst", "best"]
    for panel, member in zip(panels, group.ranking(), strict=True):
        assert panel.label == f"seed {group.members[member].seed}"
        assert panel.points.shape == (50, 2)
        assert panel.outside == backdrop.outside(group.samples[member].double().numpy())
        reached = count_modes(group.samples[member].double(), scene.dataset.modes, min_share=1 / 80)
        assert f"covers {int(reached.covered)} of 8 modes" in panel.fate


def test_diverged_members_are_marked(swept):
    (scene,) = scenes_of([swept])
    group = scene.groups[2]
    (panel, _) = panels_of(group, [0, 1], backdrop_of(scene.dataset), 10)
    assert panel.badge == f"diverged at step {group.diverged[0]}"


def test_a_histogram_counts_what_is_outside(line):
    backdrop = backdrop_of(line.experiment.dataset)
    heights = histogram(np.array([0.0, 0.1, 3.0, 999.0]), backdrop)
    x = bin_centers(backdrop)
    assert heights.sum() * (x[1] - x[0]) == pytest.approx(0.75)
    assert np.interp(3.0, x, heights) > 0


def test_few_members_of_many_are_drawn_from_worst_to_best(swept):
    (scene,) = scenes_of([swept])
    shown = shown_of(scene, 3)
    assert [(part.group, part.total, len(part.members)) for part in shown] == [(0, 2, 2), (1, 2, 2), (2, 2, 2)]
    assert all(list(part.members) == scene.groups[part.group].ranking() for part in shown)


def test_curves_are_quantiles_of_the_history(swept):
    (scene,) = scenes_of([swept])
    charts = {chart.name: chart for chart in charts_of(scene)}
    assert [*charts][:3] == ["modes", "quality", "reverse_kl"]
    history = scene.groups[1].history
    curve = charts["quality"].curves[1]
    assert curve.steps.tolist() == history.steps.tolist()
    expected = np.quantile(history.curves["quality"], [0, 0.25, 0.5, 0.75, 1], axis=1)
    np.testing.assert_allclose(curve.bands, expected)


def test_many_curves_are_thinned(scene, monkeypatch):
    monkeypatch.setattr(curves, "NUMBERS", 0)
    monkeypatch.setattr(curves, "FEWEST", 3)
    (chart, *_) = charts_of(scene)
    assert chart.curves[0].steps.tolist() == [0, 10, 20]
    assert chart.curves[0].looks == 5


def test_losses_that_were_never_taken_are_not_drawn(swept):
    (scene,) = scenes_of([swept])
    loss = next(chart for chart in charts_of(scene) if chart.name == "loss/generator")
    assert np.isnan(loss.curves[0].values[:, 0]).all()
    assert np.isfinite(loss.curves[0].values[:, 1:]).all()
    assert all(np.isnan(curve.values[:, 1:]).all() for curve in loss.curves if curve.group == 2)  # frozen at once


def test_floors_are_those_of_a_perfect_sampler(scene):
    floors = floors_of(scene.dataset, 240)
    assert floors["modes"] == 8
    assert floors["quality"] == pytest.approx(scene.dataset.modes.ceiling(3.0), abs=0.01)
    assert floors["reverse_kl"] == pytest.approx(7 / 480, rel=0.8)  # (K - 1) / 2n
    for chart in charts_of(scene):
        if chart.floor is not None:
            assert chart.limits[0] < chart.floor < chart.limits[1]


def test_data_for_scripts_is_strict_json(swept):
    (scene,) = scenes_of([swept])
    payload = payload_of(scene)
    text = encoded(payload)
    assert "<" not in text
    assert ">" not in text

    def refuse(name):
        raise AssertionError(name)

    back = json.loads(text, parse_constant=refuse)
    assert back["labels"][0] == scene.groups[0].label
    film = back["films"][0]
    count = np.prod(film["points"]["shape"])
    assert len(base64.b64decode(film["points"]["data"])) == 2 * count
    decoded = np.frombuffer(base64.b64decode(film["points"]["data"]), "<i2").reshape(film["points"]["shape"])
    backdrop = backdrop_of(scene.dataset)
    np.testing.assert_array_equal(decoded, films_of(scene, shown_of(scene, 8), backdrop, 10**6)[0].points)
