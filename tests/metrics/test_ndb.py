"""Statistically different bins, against contingency tables, the authors' rule and SciPy."""

import math

import pytest
import torch
from scipy.spatial.distance import jensenshannon
from scipy.stats import chi2_contingency, norm

from modescope.core import ModescopeError
from modescope.metrics import pairwise
from modescope.metrics.ndb import compare_bins, different_bins


def normals(*shape: int, seed: int = 0, dtype: torch.dtype = torch.float64) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def stream(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def ring(n: int, kept: int, seed: int = 0) -> torch.Tensor:
    angle = (torch.arange(n) % kept) * math.tau / 8
    return torch.stack([angle.cos(), angle.sin()], dim=1) + 0.02 * normals(n, 2, seed=seed)


def test_bins_against_scipy() -> None:
    """The square of each z is the chi-square of the two-by-two table without correction."""
    real, fake = torch.tensor([50, 30, 20, 7, 1]), torch.tensor([20, 35, 40, 0, 3])
    report = compare_bins(real, fake)
    for i in range(5):
        a, b = int(real[i]), int(fake[i])
        table = [[a, 108 - a], [b, 98 - b]]
        statistic, p_value, *_ = chi2_contingency(table, correction=False)
        assert report.z[i].item() ** 2 == pytest.approx(statistic)
        assert (2 * norm.sf(abs(report.z[i].item())) < 0.05) == (p_value < 0.05)
        assert report.z[i].sign() == math.copysign(1, b / 98 - a / 108)
    assert report.different == sum(abs(z) > 1.959964 for z in report.z.tolist())
    assert report.share == report.different / 5
    assert report.js == pytest.approx(jensenshannon(real / 108, fake / 98) ** 2)


def authors_rule(real: torch.Tensor, fake: torch.Tensor, alpha: float) -> tuple[int, torch.Tensor]:
    n, m = real.sum(), fake.sum()
    p, q = real / n, fake / m
    pooled = (p * n + q * m) / (n + m)
    z = (p - q) / (pooled * (1 - pooled) * (1 / n + 1 / m)).sqrt()
    return int((2 * torch.from_numpy(norm.cdf(-z.abs())) < alpha).sum()), z


def test_bins_against_the_authors_rule() -> None:
    for seed in range(10):
        real, fake = torch.randint(1, 30, (2, 50), generator=stream(seed)).double()
        count, z = authors_rule(real, fake, 0.05)
        report = compare_bins(real, fake)
        assert report.different == count
        assert torch.allclose(report.z, -z)


def test_empty_in_both() -> None:
    """NaN in the authors' code; no difference here, and no warning."""
    real, fake = torch.tensor([10, 0, 30]), torch.tensor([10, 0, 10])
    assert authors_rule(real, fake, 0.05)[1][1].isnan()
    assert compare_bins(real, fake).z[1] == 0
    all_in_one = compare_bins(torch.tensor([5, 0]), torch.tensor([9, 0]))
    assert all_in_one.z.tolist() == [0, 0]
    assert all_in_one.js == 0


def test_a_set_with_itself() -> None:
    x = normals(500, 3)
    report = different_bins(x, x.flip(0), stream(), bins=20)
    assert report.different == 0
    assert report.js == 0
    assert torch.equal(report.real_counts, report.fake_counts)
    assert report.real_counts.sum() == 500


def test_level() -> None:
    """Fresh samples of one law differ in about alpha of the bins."""
    for alpha in (0.05, 0.3):
        shares = [different_bins(normals(1000, 2, seed=i), normals(1000, 2, seed=90 + i), stream(), 20, alpha).share
                  for i in range(6)]  # fmt: skip
        assert sum(shares) / len(shares) == pytest.approx(alpha, abs=4 * math.sqrt(alpha / 120))


@pytest.mark.parametrize("kept", [1, 2, 4, 6, 8])
def test_k_of_8_modes(kept: int) -> None:
    """With a bin for each mode, missed modes are empty bins (JS by the masses), and the others are too full."""
    report = different_bins(ring(2400, 8), ring(2400, kept, seed=1), stream(), bins=8)
    assert sorted(report.fake_counts.tolist()) == [0] * (8 - kept) + [2400 // kept] * kept
    assert report.different == (8 if kept < 8 else 0)
    assert int((report.z < -10).sum()) == 8 - kept
    p, q = [1 / 8] * 8, [1 / kept] * kept + [0.0] * (8 - kept)
    assert report.js == pytest.approx(jensenshannon(p, q) ** 2, abs=1e-9)


def test_disjoint() -> None:
    x = normals(200, 2)
    report = different_bins(x, x[:1].expand(200, 2) + 100, stream(), bins=10)
    assert int((report.fake_counts > 0).sum()) == 1
    assert report.js < math.log(2)  # every point has a nearest bin, however far


@pytest.mark.parametrize("dim", [2, 40])
def test_float32_order_and_chunks(dim: int, monkeypatch: pytest.MonkeyPatch) -> None:
    x, y = normals(300, dim), 0.3 + normals(250, dim, seed=1)
    report = different_bins(x, y, stream(), bins=10)
    assert different_bins(x, y.flip(0), stream(), bins=10).js == report.js
    monkeypatch.setattr(pairwise, "CHUNK", 100)
    assert torch.equal(different_bins(x, y, stream(), bins=10).z, report.z)
    assert different_bins(x.float(), y.float(), stream(), bins=10).js == pytest.approx(report.js, abs=0.02)


@pytest.mark.parametrize("dim", [2, 40])
@pytest.mark.parametrize("scale", [1e-20, 1e20])
def test_scale(scale: float, dim: int) -> None:
    x, y = normals(200, dim), 0.3 + normals(200, dim, seed=1)
    report = different_bins(x, y, stream(), bins=8)
    assert different_bins(scale * x, scale * y, stream(), bins=8).js == pytest.approx(report.js)
    assert different_bins(x + 1e6, y + 1e6, stream(), bins=8).js == pytest.approx(report.js, abs=0.01)


def test_whitening() -> None:
    """A coordinate a thousand times smaller tells the two apart only when whitened."""
    unit = torch.tensor([1000.0, 1.0], dtype=torch.float64)
    x, y = normals(1000, 2) * unit, (normals(1000, 2, seed=1) + torch.tensor([0, 3.0]).double()) * unit
    assert different_bins(x, y, stream(), bins=20).share < 0.4
    assert different_bins(x, y, stream(), bins=20, whiten=True).share > 0.8


def test_odd_sets() -> None:
    x = normals(5, 20)
    assert len(different_bins(x, x, stream()).z) == 5  # no more bins than samples
    same = torch.ones(30, 2)
    report = different_bins(same, same, stream(), bins=4)
    assert report.different == 0
    assert report.js == 0
    for whiten in (False, True):
        constant = torch.cat([normals(50, 1), torch.ones(50, 1, dtype=torch.float64)], dim=1)
        assert different_bins(constant, constant.flip(0), stream(), 5, whiten=whiten).different == 0
    assert different_bins(x, x[:1], stream(), bins=2).fake_counts.sum() == 1
    assert different_bins(x[:1], x, stream(), bins=2).share == 0


def test_bad_input_is_told() -> None:
    x = normals(10, 2)
    with pytest.raises(ModescopeError, match="bins is 0"):
        different_bins(x, x, stream(), bins=0)
    for alpha in (0.0, 1.0):
        with pytest.raises(ModescopeError, match="alpha"):
            different_bins(x, x, stream(), alpha=alpha)
    with pytest.raises(ModescopeError, match="fake holds a NaN"):
        different_bins(x, x * torch.nan, stream())
    with pytest.raises(ModescopeError, match="expected the same"):
        compare_bins(torch.ones(3), torch.ones(4))
    with pytest.raises(ModescopeError, match="no sample"):
        compare_bins(torch.ones(3), torch.zeros(3))


def test_counts_in_small_integers() -> None:
    real, fake = torch.tensor([200, 100]), torch.tensor([100, 200])
    expected = compare_bins(real, fake)
    assert torch.equal(compare_bins(real.byte(), fake.byte()).z, expected.z)
    assert compare_bins(real.byte(), fake.byte()).js == expected.js
    many, more = torch.tensor([20000, 10000]), torch.tensor([20000, 20000])
    assert torch.equal(compare_bins(many.short(), more.short()).z, compare_bins(many, more).z)
