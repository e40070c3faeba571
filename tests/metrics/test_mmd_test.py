"""The kernel two-sample test, against brute force, its level and its power."""

import itertools
import math

import pytest
import torch

from modescope.core import ModescopeError
from modescope.metrics import median_bandwidth, mmd2, pairwise
from modescope.metrics.mmd_test import mmd_test


def normals(*shape: int, seed: int = 0, dtype: torch.dtype = torch.float64) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize(("n", "m", "dim"), [(40, 30, 2), (20, 50, 30)])
def test_statistic_is_the_unbiased_mmd(n: int, m: int, dim: int) -> None:
    x, y = normals(n, dim), 0.5 + normals(m, dim, seed=1)
    result = mmd_test(x, y, seeded(), permutations=5, bandwidths=(0.5, 2.0))
    assert result.statistic.item() == pytest.approx(mmd2(x, y, (0.5, 2.0)).item(), abs=1e-12)
    assert result.bandwidths == (0.5, 2.0)


def test_against_all_relabellings() -> None:
    """Random relabellings sample the 70 ways to call 4 of 8 points real."""
    x, y = normals(4, 2), 1 + normals(4, 2, seed=1)
    pool = torch.cat([x, y])
    values = []
    for chosen in itertools.combinations(range(8), 4):
        rest = [i for i in range(8) if i not in chosen]
        values.append(mmd2(pool[list(chosen)], pool[rest], 1.0))
    null = torch.stack(values)
    result = mmd_test(x, y, seeded(), permutations=4000, bandwidths=[1.0])
    expected = (null >= mmd2(x, y, 1.0) - 1e-12).double().mean().item()
    assert result.p_value.item() == pytest.approx(expected, abs=4 * math.sqrt(expected * (1 - expected) / 4000))
    assert result.null_mean.item() == pytest.approx(null.mean().item(), abs=4 * null.std().item() / math.sqrt(4000))
    assert result.null_std.item() == pytest.approx(null.std(correction=0).item(), rel=0.1)


def test_level() -> None:
    """For equal laws p-values are uniform."""
    p = torch.stack(
        [mmd_test(normals(15, 2, seed=i), normals(20, 2, seed=900 + i), seeded(i), 99).p_value for i in range(100)]
    )
    for level in (0.05, 0.2, 0.5):
        assert (p <= level).double().mean().item() == pytest.approx(level, abs=4 * math.sqrt(level * (1 - level) / 100))


def test_power() -> None:
    real = normals(200, 2) + 4 * torch.tensor([[1.0, 0.0], [-1.0, 0.0]]).double().repeat(100, 1)
    one_mode = normals(200, 2, seed=1) + torch.tensor([4.0, 0.0]).double()
    result = mmd_test(real, one_mode, seeded(), permutations=200)
    assert result.p_value.item() == pytest.approx(1 / 201)
    assert result.statistic > result.null_mean + 10 * result.null_std


def test_bandwidths_come_from_the_pool() -> None:
    x, y = normals(30, 2), 3 + normals(20, 2, seed=1)
    result = mmd_test(x, y, seeded(), permutations=5)
    middle = median_bandwidth(torch.cat([x, y]))
    assert result.bandwidths == pytest.approx([middle / 4, middle / 2, middle, 2 * middle, 4 * middle])


def test_copies_are_no_evidence() -> None:
    """Every relabelling ties, up to rounding."""
    x = normals(30, 3)
    assert mmd_test(x, x.flip(0), seeded(), 99).p_value > 0.9
    point = torch.full((20, 3), 0.1).double()
    result = mmd_test(point, point[:9], seeded(), 99)
    assert result.p_value == 1
    assert result.statistic.item() == pytest.approx(0, abs=1e-12)
    pairs = normals(2, 40).repeat(1, 10)
    assert mmd_test(pairs, pairs[[1, 0]], seeded(), 99).p_value == 1


def test_shift_scale_and_float32() -> None:
    x, y = normals(40, 20), 0.2 + normals(30, 20, seed=1)
    result = mmd_test(x, y, seeded(), 99)
    for a, b in ((1e6 + x, 1e6 + y), (1e8 * x, 1e8 * y), (1e-8 * x, 1e-8 * y), (x.float(), y.float())):
        other = mmd_test(a, b, seeded(), 99)
        assert other.statistic.item() == pytest.approx(result.statistic.item(), rel=1e-4)
        assert other.p_value == result.p_value


def test_limit() -> None:
    """Only so many samples are looked at, drawn anew by the generator."""
    x, y = normals(100, 2), 0.2 + normals(90, 2, seed=1)
    values = {mmd_test(x, y, seeded(i), 5, [1.0], limit=20).statistic.item() for i in range(3)}
    assert len(values) == 3
    again = mmd_test(x, y, seeded(2), 5, [1.0], limit=20)
    assert again.statistic.item() in values
    whole = mmd_test(x, y, seeded(), 5, [1.0], limit=100)
    assert whole.statistic.item() == pytest.approx(mmd2(x, y, 1.0).item(), abs=1e-12)


def test_blocks_do_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    x, y = normals(40, 20), 0.2 + normals(30, 20, seed=1)
    whole = mmd_test(x, y, seeded(), 50)
    monkeypatch.setattr(pairwise, "CHUNK", 200)
    parts = mmd_test(x, y, seeded(), 50)
    assert parts.statistic.item() == pytest.approx(whole.statistic.item(), abs=1e-12)
    assert parts.p_value == whole.p_value
    assert parts.null_std.item() == pytest.approx(whole.null_std.item(), rel=1e-9)


def test_one_sample_is_undefined() -> None:
    x = normals(10, 2)
    result = mmd_test(x, x[:1], seeded(), 9)
    assert result.statistic.isnan()
    assert result.p_value.isnan()
    assert result.null_mean.isnan()
    assert result.null_std.isnan()
    assert mmd_test(x, x[:2], seeded(), 9).p_value.isfinite()


def test_bad_input_is_told() -> None:
    x = normals(10, 2)
    with pytest.raises(ModescopeError, match="permutations is 0"):
        mmd_test(x, x, seeded(), permutations=0)
    with pytest.raises(ModescopeError, match="limit is 1"):
        mmd_test(x, x, seeded(), limit=1)
    for bandwidths in ([], [0.0], [1.0, -1.0]):
        with pytest.raises(ModescopeError, match="bandwidths"):
            mmd_test(x, x, seeded(), bandwidths=bandwidths)
    with pytest.raises(ModescopeError, match="too large"):
        mmd_test(1e200 * x, x, seeded())
    with pytest.raises(ModescopeError, match="fake has 3 coordinates"):
        mmd_test(x, normals(10, 3), seeded())
