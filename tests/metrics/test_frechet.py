"""The Fréchet distance, against SciPy's matrix square root, torchmetrics and closed forms."""

import math

import numpy as np
import pytest
import torch
from scipy.linalg import sqrtm
from torchmetrics.image.fid import _compute_fid

from modescope.core import ModescopeError
from modescope.metrics import frechet
from modescope.metrics.frechet import Moments, frechet_distance, frechet_from_moments, frechet_infinity


def normals(*shape: int, seed: int = 0, dtype: torch.dtype = torch.float64) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def stretched(n: int, dim: int, seed: int, decay: float = 2.0) -> torch.Tensor:
    """Correlated samples, whose standard deviations fall from 1 to 10^-decay."""
    return normals(n, dim, seed=seed) * torch.logspace(0, -decay, dim).double() @ normals(dim, dim, seed=seed + 50)


def by_sqrtm(x: torch.Tensor, y: torch.Tensor) -> float:
    """As in the original code."""
    a, b = np.cov(x, rowvar=False), np.cov(y, rowvar=False)
    gap = (x.mean(0) - y.mean(0)).square().sum().item()
    return gap + np.trace(a) + np.trace(b) - 2 * np.trace(sqrtm(a @ b)).real


@pytest.mark.parametrize(("n", "m", "dim"), [(500, 400, 8), (300, 900, 64), (2000, 2000, 2)])
def test_against_sqrtm(n: int, m: int, dim: int) -> None:
    x, y = stretched(n, dim, 0), 0.3 + stretched(m, dim, 1)
    assert frechet_distance(x, y).item() == pytest.approx(by_sqrtm(x, y), rel=1e-9)


@pytest.mark.parametrize(("n", "m"), [(30, 40), (30, 400), (400, 30), (64, 64), (2, 2)])
def test_fewer_samples_than_coordinates(n: int, m: int) -> None:
    """Both ways to a root agree, and agree with torchmetrics as far as it goes on singular covariances."""
    x, y = stretched(n, 64, 0, 1.0), 0.3 + stretched(m, 64, 1, 1.0)
    value = frechet_distance(x, y)
    a, b = Moments.empty(64).update(x), Moments.empty(64).update(y)
    from_moments = frechet_from_moments(a.mean, a.covariance, b.mean, b.covariance)
    assert from_moments.item() == pytest.approx(value.item(), rel=1e-9)
    peer = _compute_fid(x.mean(0), x.T.cov(), y.mean(0), y.T.cov())
    assert peer.item() == pytest.approx(value.item(), rel=1e-5)


def test_diagonal_in_closed_form() -> None:
    """The squares of the differences of means and of standard deviations."""
    s, t = torch.tensor([1.0, 2.0, 0.0, 3.0]).double(), torch.tensor([2.0, 0.5, 1.0, 0.0]).double()
    mean = torch.arange(4).double()
    value = frechet_from_moments(mean, torch.diag(s**2), mean + 1, torch.diag(t**2))
    assert value.item() == pytest.approx(4 + (s - t).square().sum().item(), rel=1e-12)


def test_small_variances_count() -> None:
    """Standard deviations of 1e-6 beside 1: roots of eigenvalues of the product would see 1e-8 for each."""
    s = torch.cat([torch.ones(1), torch.full((63,), 1e-6)]).double()
    t = torch.cat([torch.ones(1), torch.full((63,), 3e-6)]).double()
    turn = torch.linalg.qr(normals(64, 64)).Q
    mean = torch.zeros(64).double()
    value = frechet_from_moments(mean, turn * s**2 @ turn.T, mean, turn * t**2 @ turn.T)
    assert value.item() == pytest.approx(63 * 4e-12, abs=2e-15)


@pytest.mark.parametrize("shape", [(300, 8), (20, 64), (2, 3), (9, 9)])
def test_a_set_with_itself(shape: tuple[int, int]) -> None:
    x = 100 + normals(*shape)
    assert frechet_distance(x, x.flip(0)).item() == pytest.approx(0, abs=1e-10)
    assert frechet_distance(x, x + 0.5).item() == pytest.approx(0.25 * shape[1], rel=1e-9)


def test_symmetry_and_rotation() -> None:
    x, y = stretched(300, 16, 0), stretched(200, 16, 1)
    value = frechet_distance(x, y).item()
    turn = torch.linalg.qr(normals(16, 16)).Q
    assert frechet_distance(y, x).item() == pytest.approx(value, rel=1e-9)
    assert frechet_distance(7 + x @ turn, 7 + y @ turn).item() == pytest.approx(value, rel=1e-9)
    assert frechet_distance(1e6 * x, 1e6 * y).item() == pytest.approx(1e12 * value, rel=1e-9)
    assert frechet_distance(1e-15 * x, 1e-15 * y).item() == pytest.approx(1e-30 * value, rel=1e-9)


def test_collapse_to_a_point() -> None:
    """All of the real variance is missing."""
    x, point = stretched(300, 16, 0), normals(1, 16).expand(300, 16)
    expected = (x.mean(0) - point[0]).square().sum() + x.var(0).sum()
    assert frechet_distance(x, point).item() == pytest.approx(expected.item(), rel=1e-9)
    assert frechet_distance(point, point).item() == pytest.approx(0, abs=1e-12)


def test_two_moments_do_not_see_modes() -> None:
    """Two atoms at -1 and 1 score 0 against four at the same mean and variance."""
    two = torch.tensor([-1.0, 1.0]).double().repeat(500)[:, None]
    roots = torch.tensor([1.9, 0.1]).double().sqrt().repeat(250)[:, None]
    four = torch.cat([roots, -roots])
    assert frechet_distance(two, four).item() == pytest.approx(0, abs=1e-12)


def test_missing_modes_cost() -> None:
    modes = 10 * torch.eye(8).double()
    real = modes.repeat(50, 1) + 0.1 * normals(400, 8)
    scores = [frechet_distance(real, modes[:k].repeat(400 // k, 1) + 0.1 * normals(400 // k * k, 8)) for k in (8, 4, 1)]
    assert scores[0] < 0.01 < 5 < scores[1] < scores[2]


def test_float32() -> None:
    x, y = stretched(300, 64, 0), stretched(300, 64, 1)
    single = frechet_distance(x.float(), y.float())
    assert single.dtype == torch.float64
    assert single.item() == pytest.approx(frechet_distance(x, y).item(), rel=1e-5)


def test_large_matrices_take_eigenvalues(monkeypatch: pytest.MonkeyPatch) -> None:
    """They agree with singular values where they are used, and give way to them where a value is too small."""
    x, y = stretched(300, 24, 0, 1.0), 0.1 + stretched(300, 24, 1, 1.0)
    flat = y.clone()
    flat[:, :4] = 0
    whole, singular = frechet_distance(x, y), frechet_distance(x, flat)
    monkeypatch.setattr(frechet, "DIRECT_SIZE", 4)
    calls = []
    direct = torch.linalg.svdvals
    monkeypatch.setattr(torch.linalg, "svdvals", lambda a: calls.append(a) or direct(a))
    assert frechet_distance(x, y).item() == pytest.approx(whole.item(), rel=1e-9)
    assert not calls
    assert frechet_distance(x, flat).item() == pytest.approx(singular.item(), rel=1e-9)
    few = frechet_distance(x[:20], y[:20])
    for scale in (1e-90, 1e90):
        scaled = frechet_distance(scale * x, scale * y).item() / scale / scale
        assert scaled == pytest.approx(whole.item(), rel=1e-9)
    assert len(calls) == 1  # the covariance of `flat` is reduced to its rank; the centred samples are not
    assert few.item() == pytest.approx(by_sqrtm(x[:20], y[:20]), rel=1e-5)


def test_large_covariances_are_multiplied_by_halves(monkeypatch: pytest.MonkeyPatch) -> None:
    """One Cholesky factor and half a product give the value of two roots, and tell a matrix that is no covariance."""
    x, y = stretched(300, 24, 0, 1.0), 0.1 + stretched(300, 24, 1, 1.0)
    first, second = ((z.mean(0), z.T.cov()) for z in (x, y))
    whole = frechet_from_moments(*first, *second).item()
    monkeypatch.setattr(frechet, "DIRECT_SIZE", 4)
    monkeypatch.setattr(frechet, "BLOCK", 7)
    assert frechet._sum_of_roots(first[1], second[1]) is not None
    assert frechet_from_moments(*first, *second).item() == pytest.approx(whole, rel=1e-12)
    assert frechet_from_moments(*second, *first).item() == pytest.approx(whole, rel=1e-12)
    assert torch.allclose(frechet._gram(x), x.T @ x, rtol=1e-13)
    values, vectors = torch.linalg.eigh(second[1])
    values[0] = -0.1 * values[-1]
    bad = vectors * values @ vectors.T
    with pytest.raises(ModescopeError, match="cov2 has a negative eigenvalue"):
        frechet_from_moments(*first, second[0], bad)
    with pytest.raises(ModescopeError, match="cov1 has a negative eigenvalue"):
        frechet_from_moments(second[0], bad, *first)


def test_one_sample_is_undefined() -> None:
    x = normals(10, 3)
    assert frechet_distance(x, x[:1]).isnan()
    assert frechet_distance(x[:1], x).isnan()
    assert frechet_distance(normals(10, 1), normals(1, 1)).isnan()


def test_moments_in_batches() -> None:
    x = 1e6 + stretched(1000, 5, 0)
    whole = Moments.empty(5).update(x)
    parts = Moments.empty(5)
    for batch in x.split([1, 2, 500, 497]):
        parts = parts.update(batch)
    merged = Moments.empty(5).update(x[:300]).merge(Moments.empty(5).update(x[300:])).merge(Moments.empty(5))
    for moments in (whole, parts, merged):
        assert moments.count == 1000
        assert torch.allclose(moments.mean, x.mean(0), rtol=1e-14)
        assert torch.allclose(moments.covariance, (x - x.mean(0)).T.cov(), rtol=1e-8, atol=1e-12)
    assert Moments.empty(5).covariance.isnan().all()
    assert Moments.empty(5).update(x[:1]).covariance.isnan().all()


def test_updates_leave_the_old_moments() -> None:
    first = Moments.empty(2).update(normals(5, 2))
    mean, scatter = first.mean.clone(), first.scatter.clone()
    first.update(normals(9, 2, seed=1))
    assert first.count == 5
    assert torch.equal(first.mean, mean)
    assert torch.equal(first.scatter, scatter)


def test_blocks_do_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    x, y = stretched(300, 8, 0), stretched(300, 8, 1)
    whole = frechet_distance(x, y)
    monkeypatch.setattr(frechet, "ROWS", 7)
    assert frechet_distance(x, y).item() == pytest.approx(whole.item(), rel=1e-12)


def test_infinity_removes_the_bias() -> None:
    """A real set with the exact moments: finite sets of the same law score far above 0, their limit does not."""
    dim, n = 16, 2000
    real = torch.linalg.qr(normals(4000, dim) - normals(4000, dim).mean(0)).Q * math.sqrt(3999)  # its moments exactly
    assert torch.allclose(real.T.cov(), torch.eye(dim).double())
    assert real.mean(0).abs().max() < 1e-12
    generator = torch.Generator().manual_seed(0)
    lines = [frechet_infinity(real, normals(n, dim, seed=i), generator, smallest=200) for i in range(1, 9)]
    raw = torch.stack([line.scores[-1] for line in lines])
    limit = torch.stack([line.value for line in lines])
    assert raw.min() > 0.03  # about D / n + D (D + 1) / (4 n) = 0.042
    assert abs(limit.mean()) < 0.006
    slope = torch.stack([line.slope for line in lines]).mean().item()
    assert slope == pytest.approx(dim + dim * (dim + 1) / 4, rel=0.1)
    assert lines[0].sizes[0] == 200
    assert lines[0].sizes[-1] == n
    assert len(lines[0].scores) == 15
    final = frechet_distance(real, normals(n, dim, seed=1))
    assert lines[0].scores[-1].item() == pytest.approx(final.item(), rel=1e-9)


def test_infinity_of_few_samples() -> None:
    generator = torch.Generator().manual_seed(0)
    x = normals(30, 3)
    assert frechet_infinity(x, x[:1], generator).value.isnan()
    assert frechet_infinity(x, x[:5], generator).value.isnan()  # its smallest subset has one sample
    assert frechet_infinity(x, x[:5], generator, smallest=2).value.isfinite()


def test_bad_input_is_told() -> None:
    x, mean, cov = normals(10, 2), torch.zeros(2), torch.eye(2)
    generator = torch.Generator()
    with pytest.raises(ModescopeError, match="fake has 3 coordinates, expected 2"):
        frechet_distance(x, normals(10, 3))
    with pytest.raises(ModescopeError, match="NaN"):
        frechet_distance(x, torch.full((10, 2), torch.nan))
    for few in (x, x[:2]):
        with pytest.raises(ModescopeError, match="too large"):
            frechet_distance(1e200 * few, x)
    with pytest.raises(ModescopeError, match="negative eigenvalue"):
        frechet_from_moments(mean, cov, mean, -cov)
    with pytest.raises(ModescopeError, match="cov1 is not symmetric"):
        frechet_from_moments(mean, torch.tensor([[1.0, 1.0], [0.0, 1.0]]), mean, cov)
    with pytest.raises(ModescopeError, match=r"cov2 has shape \(3, 3\)"):
        frechet_from_moments(mean, cov, mean, torch.eye(3))
    with pytest.raises(ModescopeError, match="mean1 has 2 coordinates but mean2 has 3"):
        frechet_from_moments(mean, cov, torch.zeros(3), torch.eye(3))
    with pytest.raises(ModescopeError, match="mean2 or cov2 holds"):
        frechet_from_moments(mean, cov, mean, torch.nan * cov)
    with pytest.raises(ModescopeError, match="batch has 2 coordinates, expected 3"):
        Moments.empty(3).update(x)
    with pytest.raises(ModescopeError, match="points is 1"):
        frechet_infinity(x, x, generator, points=1)
    with pytest.raises(ModescopeError, match="smallest is 11"):
        frechet_infinity(x, x, generator, smallest=11)
