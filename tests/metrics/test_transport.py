"""Wasserstein distances, against POT, SciPy and the axioms of a metric."""

import builtins
import importlib
import math

import ot
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import wasserstein_distance

from modescope.core import ModescopeError
from modescope.metrics import random_directions, sliced_wasserstein, wasserstein

ORDERS = pytest.mark.parametrize("p", [1, 2])


def normals(*shape: int, seed: int = 0, dtype: torch.dtype = torch.float64) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


@ORDERS
@pytest.mark.parametrize("dim", [2, 20])
def test_exact_against_pot(p: int, dim: int) -> None:
    x, y = normals(150, dim), 0.5 + 2 * normals(150, dim, seed=1)
    cost = ot.dist(x.numpy(), y.numpy(), metric="euclidean") ** p
    assert wasserstein(x, y, p).item() == pytest.approx(ot.emd2([], [], cost) ** (1 / p), rel=1e-8)


@ORDERS
def test_without_pot_the_number_is_the_same(p: int, monkeypatch: pytest.MonkeyPatch) -> None:
    x, y = normals(100, 2), 0.5 + normals(100, 2, seed=1)
    with_pot = wasserstein(x, y, p)
    real = importlib.import_module

    def without(name: str) -> object:
        if name == "ot":
            raise ImportError(name)
        return real(name)

    monkeypatch.setattr("modescope.metrics.transport.importlib.import_module", without)
    assert wasserstein(x, y, p).item() == pytest.approx(with_pot.item(), rel=1e-9)
    assert builtins.__import__("ot") is ot


def test_one_dimension_against_scipy() -> None:
    x, y = normals(300, 1), 0.5 + 2 * normals(300, 1, seed=1)
    assert wasserstein(x, y).item() == pytest.approx(wasserstein_distance(x[:, 0].numpy(), y[:, 0].numpy()))
    squares = ot.wasserstein_1d(x.numpy(), y.numpy(), p=2).item()
    assert wasserstein(x, y, 2).item() == pytest.approx(math.sqrt(squares))


@ORDERS
def test_sliced_against_pot(p: int) -> None:
    x, y, theta = normals(200, 3), 0.5 + normals(200, 3, seed=1), random_directions(64, 3)
    expected = ot.sliced_wasserstein_distance(x.numpy(), y.numpy(), projections=theta.T.numpy(), p=p)
    assert sliced_wasserstein(x, y, theta, p).item() == pytest.approx(expected, rel=1e-9)


@ORDERS
def test_moving_all_costs_the_way(p: int) -> None:
    x, way = normals(100, 2), torch.tensor([3.0, -4.0], dtype=torch.float64)
    theta = random_directions(32, 2)
    assert wasserstein(x, x + way, p).item() == pytest.approx(5)
    expected = (theta @ way).abs().pow(p).mean().pow(1 / p)
    assert sliced_wasserstein(x, x + way, theta, p).item() == pytest.approx(expected.item())


@ORDERS
def test_sliced_bounds_exact_from_below(p: int) -> None:
    x, y = normals(100, 4), 1 + 2 * normals(100, 4, seed=1)
    assert sliced_wasserstein(x, y, random_directions(64, 4), p) <= wasserstein(x, y, p)


@settings(max_examples=25, deadline=None, derandomize=True)
@given(st.integers(0, 10_000), st.integers(1, 12), st.integers(1, 3), st.sampled_from([1, 2]))
def test_axioms(seed: int, n: int, dim: int, p: int) -> None:
    x, y, z = normals(3, n, dim, seed=seed) * torch.tensor([1.0, 3.0, 0.1]).double()[:, None, None]
    theta = random_directions(8, dim)
    for distance in (wasserstein, lambda a, b, p: sliced_wasserstein(a, b, theta, p)):
        assert distance(x, x.flip(0), p).item() == pytest.approx(0, abs=1e-7)
        assert distance(x, y, p).item() == pytest.approx(distance(y, x, p).item(), rel=1e-9)
        assert distance(x, z, p) <= distance(x, y, p) + distance(y, z, p) + 1e-12
        assert distance(7 * x, 7 * y, p).item() == pytest.approx(7 * distance(x, y, p).item(), rel=1e-9)


def test_copies_and_extremes() -> None:
    point = torch.zeros(50, 2)
    assert wasserstein(point, point) == 0
    assert wasserstein(point, point + 1e15, 2).item() == pytest.approx(math.sqrt(2) * 1e15, rel=1e-6)
    assert wasserstein(point.double(), point.double() + 1e-200) < 1e-100
    assert not wasserstein(point.double(), point.double() + 1e300, 2).isfinite()


@ORDERS
def test_single_precision(p: int) -> None:
    x, y = normals(200, 2), normals(200, 2, seed=1)
    theta = random_directions(16, 2)
    assert wasserstein(x.float(), y.float(), p).dtype == torch.float32
    assert wasserstein(x.float(), y.float(), p).item() == pytest.approx(wasserstein(x, y, p).item(), rel=1e-5)
    single, double = (sliced_wasserstein(a, b, theta, p).item() for a, b in ((x.float(), y.float()), (x, y)))
    assert single == pytest.approx(double, rel=1e-5)


@ORDERS
@pytest.mark.parametrize("dim", [1, 2])
def test_batches_are_loops(p: int, dim: int) -> None:
    x, y, theta = normals(2, 3, 30, dim), normals(30, dim, seed=1), random_directions(8, dim)
    together = wasserstein(x, y, p), sliced_wasserstein(x, y, theta, p)
    assert together[0].shape == together[1].shape == (2, 3)
    assert together[0][1, 2].item() == pytest.approx(wasserstein(x[1, 2], y, p).item(), rel=1e-12)
    assert together[1][1, 2].item() == pytest.approx(sliced_wasserstein(x[1, 2], y, theta, p).item(), rel=1e-12)


def test_directions_are_unit_uniform_and_fixed() -> None:
    theta = random_directions(4000, 3)
    torch.testing.assert_close(theta.norm(dim=-1), torch.ones(4000, dtype=torch.float64))
    torch.testing.assert_close(theta.T @ theta / 4000, torch.eye(3, dtype=torch.float64) / 3, atol=0.03, rtol=0)
    before = torch.random.get_rng_state()
    assert torch.equal(theta, random_directions(4000, 3))
    assert torch.equal(before, torch.random.get_rng_state())


def test_bad_input_is_told() -> None:
    x = normals(10, 2)
    with pytest.raises(ModescopeError, match="x has 10 samples but y has 9"):
        wasserstein(x, x[:9])
    with pytest.raises(ModescopeError, match="p is 3"):
        wasserstein(x, x, 3)
    with pytest.raises(ModescopeError, match=r"directions has shape \(4, 3\), expected \(P, 2\)"):
        sliced_wasserstein(x, x, random_directions(4, 3))
