"""Precision, recall, density and coverage, against the package `prdc`, closed forms and the package's faults."""

import contextlib
import io
import math

import pytest
import torch

from modescope.core import ModescopeError
from modescope.metrics import bounds, pairs
from modescope.metrics.prdc import density_coverage, prdc, prdc_each, precision_recall

FIELDS = ("precision", "recall", "density", "coverage")


def normals(*shape: int, seed: int = 0, dtype: torch.dtype = torch.float64) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def values(real: torch.Tensor, fake: torch.Tensor, k: int) -> list[float]:
    found = prdc(real, fake, k)
    return [getattr(found, field).item() for field in FIELDS]


def peer(real: torch.Tensor, fake: torch.Tensor, k: int) -> list[float]:
    package = pytest.importorskip("prdc")
    with contextlib.redirect_stdout(io.StringIO()):
        found = package.compute_prdc(real.numpy(), fake.numpy(), k)
    return [float(found[field]) for field in FIELDS]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("k", [1, 5])
@pytest.mark.parametrize("dim", [2, 30, 200])
def test_against_the_package(dtype: torch.dtype, k: int, dim: int) -> None:
    real, fake = normals(300, dim, dtype=dtype), 0.1 + 0.9 * normals(250, dim, seed=1, dtype=dtype)
    assert values(real, fake, k) == pytest.approx(peer(real, fake, k), abs=1e-12)


def ring(modes: list[int], n: int, seed: int) -> torch.Tensor:
    angles = 2 * math.pi / 8 * torch.tensor(modes).repeat(n)[:n].double()
    return torch.stack([angles.cos(), angles.sin()], dim=1) * 2 + 0.02 * normals(n, 2, seed=seed)


@pytest.mark.parametrize("hit", [1, 2, 4, 8])
def test_modes_of_a_ring(hit: int) -> None:
    """With `hit` of 8 modes recall and coverage are about hit/8; precision does not fall."""
    real, fake = ring(list(range(8)), 800, 0), ring(list(range(hit)), 800, 1)
    found = prdc(real, fake)
    assert found.coverage.item() == pytest.approx(hit / 8, abs=0.03)
    assert found.recall.item() == pytest.approx(hit / 8, abs=0.06)
    assert found.precision > 0.9
    backwards = prdc(fake, real)
    assert (backwards.precision, backwards.recall) == (found.recall, found.precision)


def test_one_law_in_closed_form() -> None:
    """Density is 1 on average; coverage 1 - C(N-1, k) / C(N+M-1, k) summed is 1 - prod (N-1-i)/(N+M-1-i)."""
    n, k, draws = 100, 3, 40
    found = [prdc(normals(n, 2, seed=2 * i), normals(n, 2, seed=2 * i + 1), k) for i in range(draws)]
    density = torch.stack([each.density for each in found])
    coverage = torch.stack([each.coverage for each in found])
    missed = math.prod((n - 1 - i) / (2 * n - 1 - i) for i in range(k))  # the k nearest of all others are reals
    assert abs(coverage.mean() - (1 - missed)) < 4 * coverage.std() / math.sqrt(draws)
    assert abs(density.mean() - 1) < 4 * density.std() / math.sqrt(draws)


@pytest.mark.parametrize("dim", [2, 100])
def test_a_set_with_its_copy(dim: int) -> None:
    x = normals(120, dim, dtype=torch.float32)
    assert values(x, x.flip(0), 5) == [1, 1, pytest.approx(6 / 5), 1]


@pytest.mark.parametrize("dim", [2, 100])
def test_duplicated_sets_score_one_where_the_package_scores_zero(dim: int) -> None:
    x = normals(20, dim).repeat(4, 1)
    assert values(x, x, 3) == [1, 1, pytest.approx(4 / 3), 1]
    assert peer(x, x, 3) == [0, 0, 0, 0]
    point = torch.ones(30, dim)
    assert values(point, point, 5) == [1, 1, 6, 1]


def test_products_do_not_decide() -> None:
    """Two tight clouds around the same far point: float32 products see one point, differences see two clouds."""
    center = 10 * normals(1, 100, seed=9)
    far = torch.cat([torch.zeros(1, 100), center]).double().repeat(50, 1)
    real, fake = far + 1e-7 * normals(100, 100), far + 1e-7 * normals(100, 100, seed=1)
    real32 = prdc(real, fake, 3)
    moved = prdc((real - far) + far / 1e4, (fake - far) + far / 1e4, 3)
    assert [getattr(real32, f).item() for f in FIELDS] == pytest.approx([getattr(moved, f).item() for f in FIELDS])


@pytest.mark.parametrize("dim", [2, 100])
def test_precision_and_recall_in_float32(dim: int) -> None:
    real, fake = normals(200, dim), 0.5 + normals(200, dim, seed=1)
    assert values(real.float(), fake.float(), 3) == pytest.approx(values(real, fake, 3), abs=0.01)


def test_order_does_not_matter() -> None:
    real, fake = normals(100, 20), 0.3 + normals(90, 20, seed=1)
    assert values(real.flip(0), fake.roll(7, 0), 4) == values(real, fake, 4)


@pytest.mark.parametrize("dim", [2, 9, 100])
def test_several_k_at_once(dim: int) -> None:
    real, fake = normals(100, dim), 0.3 + normals(4, dim, seed=1).repeat(2, 1)
    for k, found in zip((1, 5, 9), prdc_each(real, fake, (1, 5, 9)), strict=True):
        together = [getattr(found, field).item() for field in FIELDS]
        assert together == pytest.approx(values(real, fake, k), abs=0, nan_ok=True)
    assert found.recall.isnan()  # of 8 fakes none has a ninth neighbour


@pytest.mark.parametrize("dim", [2, 9, 100])
def test_tiles_do_not_show(dim: int, monkeypatch: pytest.MonkeyPatch) -> None:
    real, fake = normals(100, dim), 0.2 + normals(90, dim, seed=1)
    whole = values(real, fake, 4)
    monkeypatch.setattr(pairs, "LISTED", 300)
    monkeypatch.setattr(bounds, "TILE_CPU", 13)
    monkeypatch.setattr(bounds, "ELEMENTS", 300)
    assert values(real, fake, 4) == whole


def test_collapse() -> None:
    real, fake = normals(400, 64), normals(1, 64, seed=1).expand(400, 64)
    found = prdc(real, 0.1 * fake)
    assert found.precision == 1
    assert found.recall == 0
    noisy = prdc(real, 0.1 * fake + 1e-3 * normals(400, 64, seed=2))
    assert noisy.precision == 1
    assert noisy.recall == 0


def test_too_few() -> None:
    x = normals(50, 3)
    few = prdc(x, x[:1], 5)
    assert (few.precision, few.coverage) == (1, pytest.approx(0.1, abs=0.1))
    assert few.recall.isnan()
    few = prdc(x[:5], x, 5)
    assert few.recall == 1
    assert few.precision.isnan()
    assert few.density.isnan()
    assert few.coverage.isnan()
    assert all(math.isnan(value) for value in values(x[:1], x[:1], 1))


def test_the_papers_names() -> None:
    real, fake = normals(80, 4), normals(80, 4, seed=1)
    assert precision_recall(real, fake) == (prdc(real, fake, 3).precision, prdc(real, fake, 3).recall)
    assert density_coverage(real, fake) == (prdc(real, fake, 5).density, prdc(real, fake, 5).coverage)


def test_bad_input_is_told() -> None:
    x = normals(10, 2)
    with pytest.raises(ModescopeError, match="k is 0"):
        prdc(x, x, 0)
    with pytest.raises(ModescopeError, match=r"ks is \[5, 3\], expected ascending"):
        prdc_each(x, x, (5, 3))
    with pytest.raises(ModescopeError, match="ks is empty"):
        prdc_each(x, x, ())
    with pytest.raises(ModescopeError, match="fake has 3 coordinates, expected 2"):
        prdc(x, normals(10, 3))
    with pytest.raises(ModescopeError, match="NaN"):
        prdc(x, x * math.nan)
