"""Walks between latents: the way, what is measured of it, and that the generator is the run's own."""

import math

import numpy as np
import pytest
import torch

from modescope.core.engine import COMPANY
from modescope.core.errors import ModescopeError
from modescope.report.figures import seed_label
from modescope.report.gallery import gallery_of, still
from modescope.report.groups import scenes_of
from modescope.report.mosaic import images_of, mosaic
from modescope.report.walks import reach, unevenness, walks_of
from modescope.runs.paths import STOPS, path, walked


def latents(rows=5, dim=40):
    return torch.randn(2, rows, dim, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


@pytest.mark.parametrize("prior", ["normal", "uniform"])
def test_a_way_goes_from_end_to_end(prior):
    a, b = latents()
    way = path(a, b, 7, prior)
    assert way.shape == (5, 7, 40)
    torch.testing.assert_close(way[:, 0], a)
    torch.testing.assert_close(way[:, -1], b)


def test_a_way_between_normal_latents_keeps_to_their_sphere_in_even_turns():
    a, b = (10 * part / part.norm(dim=-1, keepdim=True) for part in latents())
    way = path(a, b, 9, "normal")
    torch.testing.assert_close(way.norm(dim=-1), torch.full((5, 9), 10.0, dtype=torch.float64))
    turns = torch.nn.functional.cosine_similarity(way[:, 1:], way[:, :-1], dim=-1).acos()
    whole = torch.nn.functional.cosine_similarity(a, b, dim=-1).acos()
    torch.testing.assert_close(turns, whole[:, None].expand(-1, 8) / 8)


def test_a_way_between_uniform_latents_is_straight():
    a, b = latents()
    way = path(a, b, 5, "uniform")
    torch.testing.assert_close(way[:, 2], (a + b) / 2)
    torch.testing.assert_close(way[:, 1], 0.75 * a + 0.25 * b)


@pytest.mark.parametrize("factor", [1.0, 2.0, -1.0, -0.5])
def test_latents_on_one_line_are_joined_straight(factor):
    a, _ = latents()
    way = path(a, factor * a, 3, "normal")
    torch.testing.assert_close(way[:, 1], (1 + factor) / 2 * a)


def test_unevenness_of_even_steps_and_of_one_jump():
    t = torch.linspace(0, 1, 10)[:, None]
    even, jump = t * torch.ones(3), (t > 0.5) * torch.ones(3)
    still = torch.zeros(10, 3)
    assert unevenness(even[None]) == pytest.approx(1)
    assert unevenness(jump[None]) == pytest.approx(9)
    assert unevenness(torch.stack([even, jump, still])) == pytest.approx(5)  # what does not move says nothing
    assert math.isnan(unevenness(still[None]))


def test_reach_is_relative_to_true_samples():
    x = torch.randn(400, 2, 50, generator=torch.Generator().manual_seed(1))
    assert reach(x, x) == 1
    assert reach(x[:200], x[200:]) == pytest.approx(1, abs=0.05)
    assert reach(0.1 * x, x) == pytest.approx(0.1)


def test_walks_of_a_run(images):
    walks = walks_of(images, 2, rows=3, stops=4)
    assert walks.images.shape == (3, 4, *images.experiment.dataset.shape)
    assert walks.images.dtype == np.uint8
    population = images.population(1)
    z = population.latents(2, 6 + COMPANY, "walks")
    starts = population.generated(z[:6:2].expand(len(population.members), -1, -1))[0]
    ends = images.experiment.dataset.kept(starts).view(3, *images.experiment.dataset.shape)
    np.testing.assert_array_equal(walks.images[:, 0], ends.numpy())
    pixels = torch.from_numpy(walks.images).flatten(2).double()
    assert walks.unevenness == pytest.approx(unevenness(pixels), rel=1e-3)


def test_walks_are_kept_at_every_look_beside_the_samples(images):
    steps, kept = images.walks()
    assert steps.tolist() == [0, 10, 20]
    assert kept.shape == (3, 3, 2, STOPS, images.experiment.dataset.dim)
    _, samples = images.snapshots()
    assert samples.shape == (3, 3, 18, images.experiment.dataset.dim)
    final = walks_of(images, 2, rows=2)
    np.testing.assert_array_equal(images_of(torch.from_numpy(kept[-1, 2]), images.experiment.dataset), final.images)
    assert not np.array_equal(kept[0], kept[-1])
    fresh = walked(images.experiment.population(1), 2)[0]
    torch.testing.assert_close(torch.from_numpy(kept[0, 2]), fresh)
    np.testing.assert_allclose(samples[-1, 2], images.samples()[2, :18], atol=1 / 255)  # which are bytes


def test_a_run_without_walks_says_so(ring):
    with pytest.raises(ModescopeError, match="kept no walks: it was trained with --walks 0"):
        ring.walks()
    assert ring.snapshots()[1].shape[2] == 60


def test_the_gallery_shows_one_walk_along_training(images):
    (scene,) = scenes_of([images])
    (along,) = gallery_of(scene, []).alongs
    assert along.steps == (0, 10, 20)
    best = scene.groups[0].ranking()[-1]
    assert along.label == seed_label(scene.groups[0], best)
    _, kept = images.walks()
    rows = images_of(torch.from_numpy(kept[:, scene.groups[0].at[best], 0]), images.experiment.dataset)
    assert along.still == still(mosaic(rows.reshape(-1, *rows.shape[2:]), STOPS))
