"""Two moons and the Swiss roll: curves, their noise, and the distance to them."""

import math

import numpy as np
import pytest
import torch
from scipy import integrate
from sklearn.datasets import make_moons, make_swiss_roll

from modescope.core.errors import ModescopeError
from modescope.datasets import MoonsThirtyTwo, SwissRoll, TwoMoons


def test_moons_are_sklearns_given_its_angles_and_noise():
    n, state = 50, np.random.RandomState(3)
    theirs, labels = make_moons(2 * n, noise=0.2, shuffle=False, random_state=np.random.RandomState(3))
    normal = state.normal(scale=0.2, size=(2 * n, 2)) / 0.2
    angle = np.tile(np.linspace(0, 1, n), 2)
    uniform = np.stack([np.where(labels == 1, 0.7, 0.2), angle], axis=1)
    ours = TwoMoons(noise=0.2).push(torch.from_numpy(uniform), torch.from_numpy(normal))
    np.testing.assert_allclose(ours.numpy(), theirs, atol=1e-12)


def test_moons32_are_sklearns():
    theirs, labels = make_moons(32, noise=0, shuffle=False)
    moons = MoonsThirtyTwo()
    np.testing.assert_allclose(moons.points.numpy(), theirs, atol=1e-12)
    np.testing.assert_array_equal(moons.arcs.numpy(), labels)
    shuffled, _ = make_moons(32, noise=0, random_state=9)  # as the notebook asks: only the order differs
    np.testing.assert_allclose(np.sort(shuffled, axis=0), np.sort(theirs, axis=0), atol=1e-12)
    index, distance = moons.modes.nearest(moons.points)
    assert torch.equal(index, moons.arcs)
    assert distance.max() < 1e-12
    x = moons.sample(32_000, torch.Generator().manual_seed(0), torch.float64)
    counts = (x[:, None] == moons.points).all(dim=-1).sum(dim=0)
    assert counts.sum() == len(x)
    assert counts.min() > 850
    assert counts.max() < 1150


def test_swiss_roll_is_sklearns_given_its_noise():
    n, state = 200, np.random.RandomState(5)
    theirs = make_swiss_roll(n, noise=0.25, random_state=np.random.RandomState(5))[0][:, [0, 2]] / 7.5
    uniform = state.uniform(size=n)
    state.uniform(size=n)  # the width of the band, which is not seen from the side
    normal = state.standard_normal(size=(3, n))[[0, 2]].T
    ours = SwissRoll().push(torch.from_numpy(uniform)[:, None], torch.from_numpy(normal.copy()))
    np.testing.assert_allclose(ours.numpy(), theirs, atol=1e-12)


def brute_distance(x, order):
    """The distance to each arc, by many points on it."""
    angle = np.linspace(0, np.pi, 20_001)
    outer = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    arcs = outer, np.array([1.0, 0.5]) - outer
    return np.array([[np.linalg.norm(arc - point, order, axis=1).min() for arc in arcs] for point in x])


@pytest.mark.parametrize(("norm", "order"), [("l2", 2), ("linf", np.inf)])
def test_distance_to_the_arcs_is_exact(norm, order):
    generator = torch.Generator().manual_seed(0)
    x = torch.rand(150, 2, generator=generator, dtype=torch.float64) * 5 - 2
    special = torch.tensor([[0.0, 0.0], [1.0, 0.5], [0.0, 0.5], [-1.0, 0.0], [0.5, 0.25], [0.0, 1.0], [-1.0, -1.0]])
    x = torch.cat([x, special.double()])
    expected = brute_distance(x.numpy(), order)
    modes = TwoMoons(tolerance=0.25).modes
    index, distance = modes.nearest(x, norm)
    np.testing.assert_allclose(distance.numpy() * 0.25, expected.min(axis=1), atol=1e-4)
    clear = abs(expected[:, 0] - expected[:, 1]) > 5e-4
    np.testing.assert_array_equal(index.numpy()[clear], expected.argmin(axis=1)[clear])
    assert torch.equal(modes.nearest(x[:6].view(2, 3, 2), norm)[1].view(-1), distance[:6])


def test_arcs_without_noise_are_hit_exactly():
    moons = TwoMoons()
    uniform = torch.rand(1000, 2, generator=torch.Generator().manual_seed(1))
    index, distance = moons.modes.nearest(moons.push(uniform, torch.zeros(1000, 0)))
    assert distance.max() < 1e-4
    assert torch.equal(index, (uniform[:, 0] >= 0.5).long())
    assert moons.modes.names == ("outer", "inner")
    assert moons.modes.ceiling(3.0) == moons.modes.ceiling(0.0, "linf") == 1.0
    assert moons.modes.ceiling(-1.0) == 0.0


def test_unit_of_distance():
    point = torch.tensor([[2.0, 2.0]], dtype=torch.float64)
    one = TwoMoons(tolerance=1.0).modes.nearest(point)[1]
    assert torch.allclose(TwoMoons(noise=0.05).modes.nearest(point)[1], one / 0.1)
    assert torch.allclose(TwoMoons(noise=0.2).modes.nearest(point)[1], one / 0.2)


@pytest.mark.parametrize(("norm", "order"), [("l2", 2), ("linf", np.inf)])
def test_arc_ceiling_against_monte_carlo(norm, order):
    moons = TwoMoons(noise=0.3)
    generator = torch.Generator().manual_seed(2)
    uniform = torch.rand(3000, 2, generator=generator, dtype=torch.float64)
    uniform[:, 0] = 0  # the outer arc, so that the distance to the own arc is known
    x = moons.push(uniform, torch.randn(3000, 2, generator=generator, dtype=torch.float64))
    angle = np.linspace(0, np.pi, 2001)
    arc = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    own = np.array([np.linalg.norm(arc - point, order, axis=1).min() for point in x.numpy()]) / 0.3
    for radius in (0.5, 1.0, 2.0):
        assert moons.modes.ceiling(radius, norm) == pytest.approx((own <= radius).mean(), abs=0.035)


@pytest.mark.parametrize("sigma", [0.02, 0.1, 1.0])
def test_moons_density_against_simpson(sigma):
    moons = TwoMoons(noise=sigma)
    x = torch.cat([moons.sample(6, torch.Generator().manual_seed(3), torch.float64), torch.tensor([[0.5, -0.3]])])
    angle = np.linspace(0, np.pi, 200_001)
    outer = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    expected = []
    for point in x.numpy():
        exponents = [-((point - arc) ** 2).sum(axis=1) / (2 * sigma**2) for arc in (outer, [1, 0.5] - outer)]
        top = max(e.max() for e in exponents)
        total = sum(integrate.simpson(np.exp(e - top), x=angle) for e in exponents) / (2 * np.pi)
        expected.append(np.log(total / (2 * np.pi * sigma**2)) + top)
    np.testing.assert_allclose(moons.log_prob(x).numpy(), expected, atol=1e-7)


def test_swiss_roll_density_against_simpson():
    roll, sigma = SwissRoll(), 0.25 / 7.5
    x = roll.sample(8, torch.Generator().manual_seed(4), torch.float64)
    angle = np.linspace(1.5 * np.pi, 4.5 * np.pi, 200_001)
    spiral = np.stack([angle * np.cos(angle), angle * np.sin(angle)], axis=1) / 7.5
    expected = []
    for point in x.numpy():
        values = np.exp(-((point - spiral) ** 2).sum(axis=1) / (2 * sigma**2)) / (2 * np.pi * sigma**2)
        expected.append(np.log(integrate.simpson(values, x=angle) / (3 * np.pi)))
    np.testing.assert_allclose(roll.log_prob(x).numpy(), expected, atol=1e-7)


def test_density_in_many_pieces(monkeypatch):
    moons = TwoMoons(noise=0.1)
    x = moons.sample(60, torch.Generator().manual_seed(5)).view(3, 4, 5, 2)
    whole = moons.log_prob(x)
    assert whole.shape == (3, 4, 5)
    assert whole.dtype == torch.float32
    monkeypatch.setattr("modescope.datasets.curve.CHUNK", 1000)
    assert torch.allclose(whole, moons.log_prob(x), atol=1e-6)


@pytest.mark.parametrize("kind", [TwoMoons, SwissRoll])
def test_without_noise(kind):
    dataset = kind(noise=0.0)
    assert dataset.normals == 0
    assert not dataset.has_density
    with pytest.raises(ModescopeError, match="has no density: without noise its samples lie on"):
        dataset.log_prob(torch.zeros(1, 2))
    assert dataset.sample(5).shape == (5, 2)


@pytest.mark.parametrize(
    ("kind", "fields", "message"),
    [
        (TwoMoons, {"noise": -0.1}, "noise is -0.1, expected a number that is 0 or above"),
        (TwoMoons, {"noise": math.inf}, "noise is inf"),
        (TwoMoons, {"tolerance": 0.0}, "tolerance is 0.0, expected a positive number"),
        (MoonsThirtyTwo, {"tolerance": -1.0}, "tolerance is -1.0"),
        (SwissRoll, {"noise": -1.0}, "noise is -1.0"),
        (SwissRoll, {"scale": 0.0}, "scale is 0.0"),
    ],
)
def test_bad_fields(kind, fields, message):
    with pytest.raises(ModescopeError, match=message):
        kind(**fields)
    with pytest.raises(ModescopeError, match="unknown norm"):
        TwoMoons(noise=0.1).modes.ceiling(1.0, "l3")
