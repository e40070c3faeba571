"""What every data set promises: the sampler draws from the density, and a batch changes nothing."""

import copy
import json
import math
import pickle

import numpy as np
import pytest
import torch
from scipy import stats

from modescope.core.errors import ModescopeError
from modescope.datasets import (
    DATASETS,
    PRESETS,
    ArrayData,
    Grid,
    HighDim,
    ImageData,
    Line,
    Mixture,
    Ring,
    SwissRoll,
    TwoMoons,
    decode,
    encode,
    make,
)

SKEW = Mixture(
    means=((0.0, 0.0), (2.0, -1.0), (-2.0, 1.0)),
    covariances=(((0.5, 0.3), (0.3, 0.4)), ((0.1, 0.0), (0.0, 0.9)), ((0.2, -0.1), (-0.1, 0.2))),
    weights=(0.5, 0.2, 0.3),
)
PLANE = {
    "ring": Ring(sigma=0.15),
    "ring-legacy": Ring(sigma=0.15, duplicate_endpoint=True),
    "grid": Grid(rows=2, columns=3, spacing=1.0, sigma=0.2),
    "mixture": SKEW,
    "mixture-std": Mixture(means=((0.0, 0.0), (1.0, 2.0)), std=(0.3, 0.7), weights=(1.0, 3.0)),
    "moons": TwoMoons(noise=0.15),
    "swissroll": SwissRoll(noise=1.0),
}
ALL = {  # images have their own tests, since they need files
    **PLANE,
    **{name: make(name) for name, preset in PRESETS.items() if not issubclass(preset.dataset, ImageData)},
    **{
        name: make(name)
        for name, kind in DATASETS.items()
        if name not in ("mixture", "array") and not issubclass(kind, ImageData)
    },
    "array": ArrayData.from_array(np.random.RandomState(0).randn(37, 3)),
}


def noise(dataset, *shape, dtype=torch.float32, seed=0):
    generator = torch.Generator().manual_seed(seed)
    uniform = torch.rand(*shape, dataset.uniforms, generator=generator, dtype=dtype)
    return uniform, torch.randn(*shape, dataset.normals, generator=generator, dtype=dtype)


def fine_grid(dataset, cells, per_cell):
    """The midpoints of a fine grid over the extent, the area of each, and the edges of the coarse cells."""
    edges = [np.linspace(low, high, cells + 1) for low, high in dataset.extent]
    axes = []
    for (low, high), n in zip(dataset.extent, (cells * per_cell,) * 2, strict=True):
        axes.append(low + (high - low) * (torch.arange(n, dtype=torch.float64) + 0.5) / n)
    area = math.prod((high - low) / (cells * per_cell) for low, high in dataset.extent)
    return torch.cartesian_prod(*axes), area, edges


@pytest.mark.parametrize("name", PLANE)
def test_density_integrates_to_one_and_sampler_draws_from_it(name):
    dataset, cells, fine = PLANE[name], 12, 24
    points, area, edges = fine_grid(dataset, cells, fine)
    log_density = dataset.log_prob(points)
    mass = log_density.exp() * area
    assert mass.sum().item() == pytest.approx(1, abs=2e-4)  # what lies beyond four standard deviations is missing

    x = dataset.sample(40_000, torch.Generator().manual_seed(1), torch.float64)
    entropy = -(mass * log_density).sum().item()
    log_prob = dataset.log_prob(x)
    error = log_prob.std().item() / math.sqrt(len(x))
    assert -log_prob.mean().item() == pytest.approx(entropy, abs=4 * error + 2e-3)

    counts = np.histogram2d(*x.T.numpy(), bins=edges)[0].ravel()
    expected = mass.view(cells, fine, cells, fine).sum(dim=(1, 3)).flatten().numpy() * len(x)
    enough = expected > 8
    rest = len(x) - counts[enough].sum(), len(x) - expected[enough].sum()
    observed, wanted = np.append(counts[enough], rest[0]), np.append(expected[enough], rest[1])
    statistic = ((observed - wanted) ** 2 / wanted).sum()
    assert stats.chi2.sf(statistic, len(observed) - 1) > 1e-3


@pytest.mark.parametrize("line", [Line(), make("five:madgan"), Line(means=(0, 1), std=(0.5, 2), weights=(3, 1))])
def test_line_against_scipy(line):
    modes = line.modes
    weights, means, std = modes.weights.numpy(), np.array(line.means), np.array(line.std)
    x = line.sample(20_000, torch.Generator().manual_seed(2), torch.float64)
    assert stats.kstest(x[:, 0].numpy(), lambda t: stats.norm.cdf(t[:, None], means, std) @ weights).pvalue > 1e-3
    expected = np.log(stats.norm.pdf(x.numpy(), means, std) @ weights)
    np.testing.assert_allclose(line.log_prob(x).numpy(), expected, atol=1e-10)
    grid = torch.linspace(*line.extent[0], 4001, dtype=torch.float64)
    assert torch.trapezoid(line.log_prob(grid[:, None]).exp(), grid).item() == pytest.approx(1, abs=1e-4)


def test_mixture_against_scipy():
    x = SKEW.sample(500, torch.Generator().manual_seed(3), torch.float64)
    density = sum(
        weight * stats.multivariate_normal(mean, cov).pdf(x.numpy())
        for weight, mean, cov in zip(SKEW.weights, SKEW.means, SKEW.covariances, strict=True)
    )
    np.testing.assert_allclose(SKEW.log_prob(x).numpy(), np.log(density), atol=1e-10)
    np.testing.assert_allclose(SKEW.log_prob(x.float()).numpy(), np.log(density), atol=1e-4)


@pytest.mark.parametrize("name", ["mixture", "ring", "moons", "swissroll"])
def test_log_prob_has_its_gradient(name):
    x = PLANE[name].sample(4, torch.Generator().manual_seed(4), torch.float64).requires_grad_()
    assert torch.autograd.gradcheck(PLANE[name].log_prob, x)


@pytest.mark.parametrize("name", [name for name in PLANE if PLANE[name].modes is not None])
def test_share_of_each_mode_is_its_weight(name):
    modes = PLANE[name].modes
    x = PLANE[name].sample(20_000, torch.Generator().manual_seed(5))
    index, distance = modes.nearest(x)
    near = distance < 1.2  # where no other mode reaches
    counts = torch.bincount(index[near], minlength=len(modes)).double()
    assert stats.chisquare(counts, modes.weights.double() * counts.sum()).pvalue > 1e-3


@pytest.mark.parametrize("name", ALL)
def test_shapes_and_batches(name):
    dataset = ALL[name]
    for dtype in (torch.float32, torch.float64):
        uniform, normal = noise(dataset, 2, 3, 5, dtype=dtype)
        x = dataset.push(uniform, normal)
        assert x.shape == (2, 3, 5, dataset.dim)
        assert x.dtype == dtype
        assert x.isfinite().all()
        assert torch.equal(x, dataset.push(uniform.clone(), normal.clone()))
        one_by_one = [dataset.push(u, n) for u, n in zip(uniform.flatten(0, 2), normal.flatten(0, 2), strict=True)]
        assert torch.equal(x.view(-1, dataset.dim), torch.stack(one_by_one))
        assert torch.equal(x[1, 2], dataset.push(uniform[1, 2], normal[1, 2]))


@pytest.mark.parametrize("name", ALL)
def test_edges_of_the_uniform(name):
    dataset = ALL[name]
    for edge in (0.0, 1 - 2**-24):
        uniform = torch.full((1, dataset.uniforms), edge)
        assert dataset.push(uniform, torch.zeros(1, dataset.normals)).isfinite().all()


@pytest.mark.parametrize("name", ALL)
def test_sample_follows_the_seed_and_not_the_global_one(name):
    dataset = ALL[name]
    before = torch.random.get_rng_state()
    first, again, other = (dataset.sample(16, torch.Generator().manual_seed(seed)) for seed in (7, 7, 8))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert torch.equal(before, torch.random.get_rng_state())


@pytest.mark.parametrize("name", ALL)
def test_extent_holds_nearly_all_samples(name):
    dataset = ALL[name]
    extent = torch.tensor(dataset.extent)
    assert extent.shape == (dataset.dim, 2)
    assert (extent[:, 0] < extent[:, 1]).all()
    x = dataset.sample(2000, torch.Generator().manual_seed(9))
    assert ((x >= extent[:, 0]) & (x <= extent[:, 1])).double().mean() > 0.999
    assert dataset.extent == dataset.extent


@pytest.mark.parametrize("name", [name for name in ALL if name != "array"])
def test_round_trips(name):
    dataset = ALL[name]
    again = decode(json.loads(json.dumps(encode(dataset))))
    assert again == dataset
    assert hash(again) == hash(dataset)
    uniform, normal = noise(dataset, 8)
    dataset.push(uniform, normal)
    for twin in (again, pickle.loads(pickle.dumps(dataset)), copy.deepcopy(dataset)):
        assert torch.equal(twin.push(uniform, normal), dataset.push(uniform, normal))


@pytest.mark.parametrize("name", ALL)
def test_density_or_reason(name):
    dataset = ALL[name]
    x = dataset.sample(4)
    if dataset.has_density:
        assert dataset.log_prob(x).shape == (4,)
        assert torch.allclose(dataset.log_prob(x[None]), dataset.log_prob(x)[None], atol=1e-3)
    else:
        with pytest.raises(ModescopeError, match=r"has no density: \w+"):
            dataset.log_prob(x)


@pytest.mark.parametrize("kind", DATASETS.values())
def test_every_class_says_what_it_is(kind):
    assert len(kind.summary) > 10
    assert kind.__doc__.strip()
    assert isinstance(kind.reference, str)
    assert kind.year is None or 2000 < kind.year < 2030


def test_wrong_width_is_told():
    with pytest.raises(ModescopeError, match="expected 1 coordinates"):
        Line().log_prob(torch.zeros(5))
    with pytest.raises(ModescopeError, match="expected 2 coordinates"):
        Ring().modes.nearest(torch.zeros(5, 3))
    with pytest.raises(ModescopeError, match="expected 2 coordinates"):
        TwoMoons().modes.nearest(torch.zeros(5, 3))
    with pytest.raises(ModescopeError, match="expected 1200 coordinates"):
        HighDim().log_prob(torch.zeros(5, 700))
