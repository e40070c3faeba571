"""The nearest-neighbour divergence, against brute force, closed forms and its invariances."""

import math

import pytest
import torch

from modescope.core import ModescopeError
from modescope.metrics import kl_knn, resolution_of


def normals(*shape: int, seed: int = 0, dtype: torch.dtype = torch.float64) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


@pytest.mark.parametrize("k", [1, 3, 5])
def test_against_brute_force(k: int) -> None:
    x, y = normals(60, 3), 1.3 * normals(80, 3, seed=1)
    rho = torch.cdist(x, x).sort(dim=1).values[:, k]
    nu = torch.cdist(x, y).sort(dim=1).values[:, k - 1]
    expected = 3 * (nu / rho).log().mean() + math.log(80 / 59)
    assert kl_knn(x, y, k).item() == pytest.approx(expected.item(), rel=1e-9)


@pytest.mark.parametrize(("shift", "scale"), [(0.0, 1.0), (1.0, 1.0), (0.5, 1.5), (0.0, 0.8)])
def test_normals(shift: float, scale: float) -> None:
    n, dim = 6000, 2
    x, y = normals(n, dim), shift + scale * normals(n, dim, seed=1)
    expected = dim * (math.log(scale) + (1 + shift**2) / (2 * scale**2) - 0.5)
    assert kl_knn(x, y).item() == pytest.approx(expected, abs=0.07)


def test_the_error_shrinks() -> None:
    def error(n: int) -> float:
        draws = [kl_knn(normals(n, 2, seed=i), 1 + normals(n, 2, seed=100 + i)) - 1 for i in range(10)]
        return torch.stack(draws).square().mean().sqrt().item()

    assert error(3200) < 0.6 * error(200)


def test_direction() -> None:
    """A sample on one of two far modes: what is missed is far away, what is made is likely."""
    both = normals(1000, 2) + torch.tensor([100.0, 0.0]).double() * (torch.arange(1000) % 2)[:, None]
    one = normals(1000, 2, seed=1)
    assert kl_knn(one, both).item() == pytest.approx(math.log(2), abs=0.15)
    assert kl_knn(both, one) > 3


def test_invariance() -> None:
    """Moving, turning and stretching both samples changes no ratio of distances."""
    x, y = normals(200, 2), 0.5 + normals(200, 2, seed=1)
    turn = torch.tensor([[0.6, -0.8], [0.8, 0.6]], dtype=torch.float64)
    assert kl_knn(x @ turn * 40 + 7, y @ turn * 40 + 7).item() == pytest.approx(kl_knn(x, y).item(), rel=1e-9)


def test_copies_are_finite_and_bad() -> None:
    y = normals(300, 2)
    copies = y[:3].repeat(100, 1)
    healthy = kl_knn(normals(300, 2, seed=1), y)
    assert healthy + 5 < kl_knn(copies, y) < 100
    assert healthy + 1 < kl_knn(y, copies) < 100
    point = torch.zeros(300, 2, dtype=torch.float64)
    assert kl_knn(point, point).item() == pytest.approx(math.log(300 / 299))


def test_resolution_sets_the_least_distance() -> None:
    y, point = normals(300, 2), torch.zeros(300, 2, dtype=torch.float64)
    fine, coarse = kl_knn(point, y, resolution=1e-6), kl_knn(point, y, resolution=1e-4)
    assert (fine - coarse).item() == pytest.approx(2 * math.log(100))
    assert resolution_of(5 * y) == pytest.approx(5 * resolution_of(y))
    assert resolution_of(point) > 0


def test_few_samples() -> None:
    y = normals(50, 2)
    assert kl_knn(y[:1], y).isnan()
    assert kl_knn(y, y[:1]).isfinite()
    assert kl_knn(y[:2], y).isfinite()


def test_batches_are_loops() -> None:
    x, y = normals(2, 3, 40, 2), normals(50, 2, seed=1)
    together = kl_knn(x, y)
    assert together.shape == (2, 3)
    assert together[1, 2] == kl_knn(x[1, 2], y)


def test_bad_input_is_told() -> None:
    x = normals(10, 2)
    with pytest.raises(ModescopeError, match="k is 0"):
        kl_knn(x, x, k=0)
    with pytest.raises(ModescopeError, match="NaN"):
        kl_knn(x, torch.full((10, 2), torch.nan))
    with pytest.raises(ModescopeError, match="x has 2 coordinates but y has 3"):
        kl_knn(x, normals(10, 3))
