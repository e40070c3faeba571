"""Mixtures of Gaussians: where their modes are, how far samples lie from them, what they refuse."""

import json
import math

import numpy as np
import pytest
import torch
from scipy import stats

from modescope.core.errors import ModescopeError
from modescope.datasets import GaussianModes, Grid, HighDim, Line, Mixture, Ring, make


def test_ring_angles():
    ring = Ring(count=8, radius=2.0, sigma=0.1)
    angles = 2 * math.pi * np.arange(8) / 8
    expected = 2 * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    np.testing.assert_allclose(ring.modes.centers.numpy(), expected, atol=1e-12)
    assert ring.modes.names[:3] == ("0°", "45°", "90°")
    assert torch.allclose(ring.modes.weights, torch.full((8,), 1 / 8, dtype=torch.float64))


@pytest.mark.parametrize("count", [2, 3, 8, 9])
def test_duplicate_endpoint_is_the_inclusive_linspace(count):
    modes = Ring(count=count, duplicate_endpoint=True).modes
    angles = np.linspace(0, 2 * np.pi, count)  # as the official notebook writes it, with (sin, cos)
    legacy = np.stack([np.sin(angles), np.cos(angles)], axis=1)
    places, counts = np.unique(legacy.round(9) + 0.0, axis=0, return_counts=True)
    assert len(modes) == len(places) == count - 1
    for center, weight in zip(modes.centers.numpy(), modes.weights.tolist(), strict=True):
        distance = np.linalg.norm(places[:, ::-1] - center, axis=1)  # the mirror image
        assert distance.min() < 1e-8
        assert weight == pytest.approx(counts[distance.argmin()] / count)


def test_legacy_ring_has_seven_modes():
    ring = make("ring:unrolled-legacy")
    assert len(ring.modes) == 7
    assert ring.modes.weights.tolist() == pytest.approx([2 / 8] + [1 / 8] * 6)
    index, distance = ring.modes.nearest(ring.sample(20_000, torch.Generator().manual_seed(0)))
    share = torch.bincount(index, minlength=7) / len(index)
    assert share.tolist() == pytest.approx([2 / 8] + [1 / 8] * 6, abs=0.01)
    assert (distance <= 3).float().mean().item() == pytest.approx(0.98889, abs=0.003)


def test_grid_is_centred():
    grid = Grid(rows=2, columns=3, spacing=0.5)
    assert grid.modes.centers.tolist() == [
        [-0.5, -0.25],
        [0.0, -0.25],
        [0.5, -0.25],
        [-0.5, 0.25],
        [0.0, 0.25],
        [0.5, 0.25],
    ]
    ten = make("grid100").modes.centers
    assert ten.abs().max().item() == pytest.approx(0.9)
    assert len(Grid(rows=1, columns=1).modes) == 1


@pytest.mark.parametrize("dim", [1, 2, 3, 10])
@pytest.mark.parametrize("norm", ["l2", "linf"])
def test_ceiling_against_monte_carlo(dim, norm):
    mixture = Mixture(means=(tuple([0.0] * dim), tuple([50.0] * dim)), std=(0.5, 2.0))
    x = mixture.sample(200_000, torch.Generator().manual_seed(dim), torch.float64)
    _, distance = mixture.modes.nearest(x, norm)
    for radius in (1.0, 2.0, 3.0):
        ceiling = mixture.modes.ceiling(radius, norm)
        error = math.sqrt(ceiling * (1 - ceiling) / len(x)) + 1e-6
        assert (distance <= radius).double().mean().item() == pytest.approx(ceiling, abs=4 * error)


def test_ceiling_values():
    ceilings = [Mixture(means=((0.0,) * dim,), std=1.0).modes.ceiling(3.0) for dim in (1, 2, 3)]
    assert ceilings == pytest.approx([0.9973, 0.98889, 0.9707], abs=5e-5)
    assert Ring().modes.ceiling(3.0) == pytest.approx(1 - math.exp(-4.5), abs=1e-12)
    assert Ring().modes.ceiling(3.0, "linf") == pytest.approx(math.erf(3 / math.sqrt(2)) ** 2, abs=1e-12)
    assert Ring().modes.ceiling(0.0) == Ring().modes.ceiling(-1.0) == 0.0


@pytest.mark.parametrize("dim", [1, 2, 3, 4, 50])
def test_usual_radius(dim):
    modes = Mixture(means=((0.0,) * dim,), std=1.0).modes
    expected = 3.0 if dim <= 3 else stats.chi(dim).ppf(1 - math.exp(-4.5))
    assert modes.radius == pytest.approx(expected, rel=1e-9)
    assert modes.ceiling(modes.radius) >= 0.97


def test_nearest_is_the_mahalanobis_distance():
    covariances = np.array([[[0.5, 0.3], [0.3, 0.4]], [[0.1, 0.0], [0.0, 0.9]]])
    means = np.array([[0.0, 0.0], [2.0, -1.0]])
    modes = Mixture(means=means, covariances=covariances).modes
    x = torch.randn(200, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64) * 2
    offset = x.numpy()[:, None] - means
    distances = np.sqrt(np.einsum("nmi,mij,nmj->nm", offset, np.linalg.inv(covariances), offset))
    index, distance = modes.nearest(x.view(4, 50, 2))
    np.testing.assert_allclose(distance.view(-1).numpy(), distances.min(axis=1), atol=1e-10)
    np.testing.assert_array_equal(index.view(-1).numpy(), distances.argmin(axis=1))


def test_nearest_agrees_between_std_and_covariances():
    std = Mixture(means=((0.0, 0.0), (1.0, 1.0)), std=(0.2, 0.5))
    full = Mixture(means=std.means, covariances=[np.eye(2) * s**2 for s in (0.2, 0.5)])
    x = torch.randn(300, 2, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    for norm in ("l2", "linf"):
        ours, theirs = std.modes.nearest(x, norm), full.modes.nearest(x, norm)
        assert torch.equal(ours[0], theirs[0])
        assert torch.allclose(ours[1], theirs[1], atol=1e-10)
    assert torch.allclose(std.log_prob(x), full.log_prob(x), atol=1e-10)
    uniform, normal = torch.rand(50, 1), torch.randn(50, 2)
    assert torch.allclose(std.push(uniform, normal), full.push(uniform, normal), atol=1e-6)


def test_nearest_in_many_pieces(monkeypatch):
    modes, x = make("grid25").modes, torch.randn(1000, 2, generator=torch.Generator().manual_seed(2)) * 3
    whole = modes.nearest(x)
    monkeypatch.setattr("modescope.datasets.gaussians.CHUNK", 70)
    assert all(map(torch.equal, whole, modes.nearest(x)))
    index, distance = modes.nearest(torch.zeros(0, 2))
    assert index.shape == distance.shape == (0,)


def test_samples_that_are_not_finite_are_infinitely_far():
    x = torch.tensor([[math.nan, 0.0], [math.inf, 0.0], [0.0, -math.inf]])
    covariances = [[[1.0, 0.5], [0.5, 1.0]]]
    for dataset in (Ring(), make("moons"), Mixture(means=[[0.0, 0.0]], covariances=covariances)):
        for norm in ("l2", "linf"):
            assert (dataset.modes.nearest(x, norm)[1] == math.inf).all()


def test_highdim():
    dataset = HighDim()
    x = dataset.sample(1000, torch.Generator().manual_seed(0))
    index, distance = dataset.modes.nearest(x)
    centers = torch.tensor(dataset.positions)[index]
    assert torch.equal(x[:, 700:], centers[:, None].expand(-1, 500))
    assert stats.kstest((x[:, :700] - centers[:, None]).flatten().double().numpy(), "norm").pvalue > 1e-3
    assert stats.kstest(distance.double().numpy(), stats.chi(700).cdf).pvalue > 1e-3
    assert distance.mean().item() == pytest.approx(26.4, abs=0.1)
    assert (distance <= 10).sum() == 0  # the paper's rule
    assert dataset.modes.radius == pytest.approx(stats.chi(700).ppf(0.98889), abs=1e-3)
    assert dataset.modes.ceiling(dataset.modes.radius) == pytest.approx(0.98889, abs=1e-5)
    assert (distance <= dataset.modes.radius).float().mean().item() == pytest.approx(0.98889, abs=0.012)
    assert torch.bincount(index, minlength=10).min() > 60
    off = x.clone()
    off[:, 700:] += 1  # the exact coordinates count, as Euclidean distance
    assert (dataset.modes.nearest(off)[1] > dataset.modes.radius).all()


def test_highdim_density_is_on_the_noisy_coordinates():
    dataset = HighDim(positions=(0.0, 1.0, -2.0), size=5, noisy=3)
    x = dataset.sample(64, torch.Generator().manual_seed(1), torch.float64)
    expected = np.log(
        np.mean([stats.multivariate_normal([c] * 3, np.eye(3)).pdf(x[:, :3]) for c in dataset.positions], axis=0)
    )
    np.testing.assert_allclose(dataset.log_prob(x).numpy(), expected, atol=1e-10)
    moved = x.clone()
    moved[:, 3:] += 7
    assert torch.equal(dataset.log_prob(moved), dataset.log_prob(x))


def test_mixture_takes_arrays_and_tensors():
    means, std = np.array([[0.0, 1.0], [2.0, 3.0]]), torch.tensor([0.5, 1.0], dtype=torch.float64)
    mixture = Mixture(means=means, std=std, weights=[1, 3])
    assert mixture == Mixture(means=((0.0, 1.0), (2.0, 3.0)), std=(0.5, 1.0), weights=(1.0, 3.0))
    assert mixture.modes.weights.tolist() == [0.25, 0.75]
    assert Mixture(means=means, std=0.5).std == (0.5, 0.5)


def test_mixture_from_json(tmp_path):
    path = tmp_path / "mine.json"
    path.write_text(json.dumps({"means": [[0, 0], [1, 1]], "covariances": [np.eye(2).tolist()] * 2, "weights": [1, 2]}))
    assert Mixture.from_json(path) == make(str(path))
    assert make(str(path), weights=(1, 1)).modes.weights.tolist() == [0.5, 0.5]
    assert Mixture.from_json(path).covariances[0] == ((1.0, 0.0), (0.0, 1.0))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "not a readable JSON file"),
        ("[1, 2]", "holds no mixture"),
        ('{"std": [1]}', "holds no mixture"),
        ('{"means": [[0]], "stdd": [1]}', "did you mean 'std'"),
        ('{"means": [[NaN]], "std": [1]}', "expected finite numbers"),
        ('{"means": [[0]], "std": ["a"]}', "expected finite numbers"),
    ],
)
def test_bad_json(tmp_path, text, message):
    path = tmp_path / "bad.json"
    path.write_text(text)
    with pytest.raises(ModescopeError, match=message):
        Mixture.from_json(path)


def test_missing_json(tmp_path):
    with pytest.raises(ModescopeError, match="there is no file"):
        make(str(tmp_path / "none.json"))
    with pytest.raises(ModescopeError, match="not a readable JSON file"):
        Mixture.from_json(tmp_path)


MEANS = ((0.0, 0.0), (1.0, 1.0))
EYE = ((1.0, 0.0), (0.0, 1.0))


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"means": (), "std": 1.0}, "means is .*expected a list of points"),
        ({"means": 3.0, "std": 1.0}, "means is 3.0, expected a list of points"),
        ({"means": (1.0, 2.0), "std": 1.0}, r"means\[0\] is 1.0, expected a list of at least 1 numbers"),
        ({"means": ((0.0,), (1.0, 2.0)), "std": 1.0}, r"means\[1\] has 2 coordinates, expected 1"),
        ({"means": ((0.0,), (math.inf,)), "std": 1.0}, "holds inf, expected finite"),
        ({"means": MEANS}, "either std or covariances"),
        ({"means": MEANS, "std": 1.0, "covariances": (EYE, EYE)}, "either std or covariances"),
        ({"means": MEANS, "std": (1.0,)}, "std has 1 entries, expected 2"),
        ({"means": MEANS, "std": (1.0, 0.0)}, r"std\[1\] is 0.0, expected a positive number"),
        ({"means": MEANS, "std": 1.0, "weights": (1.0,)}, "weights has 1 entries, expected 2"),
        ({"means": MEANS, "std": 1.0, "weights": (1.0, -1.0)}, r"weights\[1\] is -1.0, expected a positive"),
        ({"means": MEANS, "std": 1.0, "weights": 5.0}, "weights is 5.0, expected a list"),
        ({"means": MEANS, "covariances": (EYE,)}, "covariances must be 2 matrices of 2 by 2"),
        ({"means": MEANS, "covariances": (EYE, (1.0, 1.0))}, "covariances must be 2 matrices of 2 by 2"),
        ({"means": MEANS, "covariances": (EYE, ((1.0, 0.5), (0.0, 1.0)))}, r"covariances\[1\] is not symmetric"),
        ({"means": MEANS, "covariances": (((1.0, 2.0), (2.0, 1.0)), EYE)}, r"covariances\[0\] is not positive"),
    ],
)
def test_bad_mixtures(fields, message):
    with pytest.raises(ModescopeError, match=message):
        Mixture(**fields)


@pytest.mark.parametrize(
    ("kind", "fields", "message"),
    [
        (Ring, {"count": 0}, "count is 0, expected a whole number of at least 1"),
        (Ring, {"count": 8.0}, "count is 8.0"),
        (Ring, {"count": True}, "count is True"),
        (Ring, {"count": 1, "duplicate_endpoint": True}, "count is 1, expected a whole number of at least 2"),
        (Ring, {"radius": 0.0}, "radius is 0.0, expected a positive number"),
        (Ring, {"sigma": -0.1}, "sigma is -0.1, expected a positive number"),
        (Ring, {"sigma": math.nan}, "sigma is nan"),
        (Ring, {"sigma": "a"}, "sigma is 'a'"),
        (Grid, {"rows": 0}, "rows is 0"),
        (Grid, {"columns": -1}, "columns is -1"),
        (Grid, {"spacing": math.inf}, "spacing is inf"),
        (Grid, {"sigma": 0.0}, "sigma is 0.0"),
        (Line, {"means": ()}, "means is .*expected a list of at least 1"),
        (Line, {"means": (1.0,)}, "std has 2 entries, expected 1"),
        (Line, {"std": (1.0, 0.0)}, r"std\[1\] is 0.0"),
        (Line, {"weights": (1.0, math.nan)}, "weights holds nan"),
        (HighDim, {"positions": ()}, "positions"),
        (HighDim, {"noisy": 1201}, "noisy is 1201, expected at most size"),
        (HighDim, {"noisy": 0}, "noisy is 0"),
        (HighDim, {"size": 0}, "size is 0"),
    ],
)
def test_bad_fields(kind, fields, message):
    with pytest.raises(ModescopeError, match=message):
        kind(**fields)


def test_bad_norm_and_scale():
    with pytest.raises(ModescopeError, match="unknown norm 'l1': did you mean 'l2'"):
        Ring().modes.nearest(torch.zeros(1, 2), "l1")
    with pytest.raises(ModescopeError, match="unknown norm"):
        Ring().modes.ceiling(3.0, "max")
    with pytest.raises(ModescopeError, match="scale has shape"):
        GaussianModes(torch.zeros(3, 2), torch.ones(2), torch.ones(3))


def test_a_whole_number_beyond_all_floats_is_refused():
    with pytest.raises(ModescopeError, match="expected finite numbers"):
        Mixture(means=((10**400, 0),), std=1.0)
