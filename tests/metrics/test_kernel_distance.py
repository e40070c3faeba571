"""KID and CMMD, against scikit-learn, torchmetrics, the official formulas and closed forms."""

import math

import pytest
import torch
from sklearn.metrics.pairwise import polynomial_kernel, rbf_kernel
from torchmetrics.image.kid import poly_mmd

from modescope.core import ModescopeError
from modescope.metrics import kernel_distance
from modescope.metrics.kernel_distance import cmmd, kid, kid_subsets


def normals(*shape: int, seed: int = 0, dtype: torch.dtype = torch.float64) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def unit(x: torch.Tensor) -> torch.Tensor:
    return x / x.norm(dim=1, keepdim=True)


def official_cmmd(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """The formula of the official code, in the dtype of its arguments."""
    gamma = 1 / (2 * 10**2)

    def mean(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        square = -2 * a @ b.T + (a * a).sum(1)[:, None] + (b * b).sum(1)[None]
        return torch.exp(-gamma * square).mean()

    return 1000 * (mean(x, x) + mean(y, y) - 2 * mean(x, y))


@pytest.mark.parametrize(("n", "m", "dim"), [(90, 70, 30), (5, 40, 3), (20, 30, 64), (90, 70, 3)])
def test_kid_against_sklearn(n: int, m: int, dim: int) -> None:
    x, y = normals(n, dim), 0.5 + normals(m, dim, seed=1)
    kxx, kyy, kxy = (torch.from_numpy(polynomial_kernel(a, b, degree=3)) for a, b in ((x, x), (y, y), (x, y)))
    within = (kxx.sum() - kxx.trace()) / (n * (n - 1)) + (kyy.sum() - kyy.trace()) / (m * (m - 1))
    assert kid(x, y).item() == pytest.approx((within - 2 * kxy.mean()).item(), rel=1e-10)


def test_kid_against_torchmetrics() -> None:
    x, y = normals(100, 64), 0.5 + normals(100, 64, seed=1)
    assert kid(x, y).item() == pytest.approx(poly_mmd(x, y).item(), rel=1e-10)


def test_kid_compares_three_moments() -> None:
    """The kernel of numbers is a product of (1, sqrt(3) x, sqrt(3) x^2, x^3): sums over pairs are squares of sums."""
    x, y = normals(300, 1), 0.5 + normals(200, 1, seed=1)

    def lift(x: torch.Tensor) -> torch.Tensor:
        return torch.cat([torch.ones_like(x), math.sqrt(3) * x, math.sqrt(3) * x**2, x**3], dim=1)

    def within(f: torch.Tensor) -> torch.Tensor:
        return (f.sum(0).square().sum() - f.square().sum()) / (len(f) * (len(f) - 1))

    expected = within(lift(x)) + within(lift(y)) - 2 * lift(x).mean(0) @ lift(y).mean(0)
    assert kid(x, y).item() == pytest.approx(expected.item(), rel=1e-9)


def test_kid_is_unbiased() -> None:
    values = torch.stack([kid(normals(20, 4, seed=i), normals(30, 4, seed=500 + i)) for i in range(300)])
    assert abs(values.mean()) < 4 * values.std() / math.sqrt(300)
    assert values.min() < 0


def test_subsets() -> None:
    x, y = normals(200, 8), 0.3 + normals(300, 8, seed=1)
    result = kid_subsets(x, y, torch.Generator().manual_seed(0), subsets=60, subset_size=100)
    assert result.values.shape == (60,)
    assert result.mean.item() == pytest.approx(result.values.mean().item())
    assert result.std.item() == pytest.approx(result.values.std(correction=0).item())
    assert abs(result.mean - kid(x, y)) < 4 * result.std / math.sqrt(60)
    again = kid_subsets(x, y, torch.Generator().manual_seed(0), subsets=60, subset_size=100)
    assert torch.equal(again.values, result.values)


def test_a_subset_of_all_is_the_whole() -> None:
    x, y = normals(50, 8), 0.3 + normals(50, 8, seed=1)
    result = kid_subsets(x, y, torch.Generator(), subsets=3, subset_size=50)
    assert torch.allclose(result.values, kid(x, y), rtol=1e-10)


def test_cmmd_against_the_official_formula() -> None:
    x, y = unit(normals(80, 64)), unit(0.3 + normals(70, 64, seed=1))
    assert cmmd(x, y).item() == pytest.approx(official_cmmd(x, y).item(), rel=1e-9)
    kernels = (torch.from_numpy(rbf_kernel(a, b, gamma=1 / 8)).mean() for a, b in ((x, x), (y, y), (x, y)))
    xx, yy, xy = kernels
    assert cmmd(x, y, sigma=2, scale=1).item() == pytest.approx((xx + yy - 2 * xy).item(), rel=1e-9)


def test_cmmd_is_almost_linear() -> None:
    """Embeddings of length 1 are close together for the bandwidth 10: little more than the means is seen."""
    x, y = unit(normals(300, 64)), unit(0.3 + normals(200, 64, seed=1))
    means = 1000 * (x.mean(0) - y.mean(0)).square().sum() / 10**2
    assert cmmd(x, y).item() == pytest.approx(means.item(), rel=0.03)


def test_cmmd_bias() -> None:
    """For equal laws: 1000 (1 - E k) (1 / N + 1 / M)."""
    values = torch.stack([cmmd(unit(normals(20, 8, seed=i)), unit(normals(40, 8, seed=900 + i))) for i in range(100)])
    expected = 1000 * (1 - math.exp(-2 / 200)) * (1 / 20 + 1 / 40)  # squared distances are 2 on average
    assert values.mean().item() == pytest.approx(expected, rel=0.1)


def test_cmmd_keeps_small_values() -> None:
    """In float32 the official formula loses what the float64 sums keep."""
    x = unit(normals(600, 64, dtype=torch.float32))
    y = unit(normals(600, 64, seed=1, dtype=torch.float32) + 0.01)
    exact = official_cmmd(x.double(), y.double()).item()
    assert cmmd(x, y).item() == pytest.approx(exact, rel=1e-7)
    assert abs(official_cmmd(x, y).item() - exact) > 100 * abs(cmmd(x, y).item() - exact)


def test_a_set_with_itself() -> None:
    x = normals(200, 30)
    assert cmmd(x, x.flip(0)).item() == pytest.approx(0, abs=1e-9)
    assert kid(x, x.flip(0)) < 0
    assert kid(x, x.flip(0)).item() == pytest.approx(kid(x, x).item(), rel=1e-9)


def test_missing_modes_cost() -> None:
    modes = torch.eye(8).double()
    real = modes.repeat(50, 1) + 0.01 * normals(400, 8)
    sets = [modes[:k].repeat(400 // k, 1) + 0.01 * normals(400, 8, seed=1) for k in (8, 4, 2, 1)]
    for measure in (kid, cmmd):
        scores = [measure(real, fake).item() for fake in sets]
        assert scores == sorted(scores)
        assert scores[1] > 10 * abs(scores[0])


def test_blocks_do_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    x, y = normals(50, 20), 0.3 + normals(45, 20, seed=1)
    whole = kid(x, y), cmmd(x, y)
    monkeypatch.setattr(kernel_distance, "TILE", 7)
    assert kid(x, y).item() == pytest.approx(whole[0].item(), rel=1e-10)
    assert cmmd(x, y).item() == pytest.approx(whole[1].item(), rel=1e-10)


def test_float32_far_from_the_origin() -> None:
    x, y = normals(50, 20).float(), (0.3 + normals(45, 20, seed=1)).float()
    assert kid(x, y).item() == pytest.approx(kid(x.double(), y.double()).item(), rel=1e-10)
    assert cmmd(x + 1024, y + 1024).item() == pytest.approx(cmmd(x, y).item(), rel=1e-3)  # float32 rounds x + 1024
    assert cmmd(x.double() + 1e6, y.double() + 1e6).item() == pytest.approx(cmmd(x, y).item(), rel=1e-6)


def test_few_samples() -> None:
    x = normals(10, 3)
    assert kid(x, x[:1]).isnan()
    assert kid(x[:1], x).isnan()
    assert kid(x, x[:2]).isfinite()
    assert cmmd(x[:1], x[:1]) == 0
    two = 1000 * 2 * (1 - math.exp(-(x[0] - x[1]).square().sum().item() / 200))
    assert cmmd(x[:1], x[1:2]).item() == pytest.approx(two)


def test_bad_input_is_told() -> None:
    x, generator = normals(10, 2), torch.Generator()
    with pytest.raises(ModescopeError, match="subset_size is 1000, expected 2 to the 10 samples"):
        kid_subsets(x, x, generator)
    with pytest.raises(ModescopeError, match="subsets is 0"):
        kid_subsets(x, x, generator, subsets=0, subset_size=5)
    with pytest.raises(ModescopeError, match="fake has 3 coordinates"):
        kid(x, normals(10, 3))
    with pytest.raises(ModescopeError, match="sigma is 0"):
        cmmd(x, x, sigma=0)
    with pytest.raises(ModescopeError, match="scale is -1"):
        cmmd(x, x, scale=-1)
    with pytest.raises(ModescopeError, match="NaN"):
        cmmd(x, x * torch.nan)
