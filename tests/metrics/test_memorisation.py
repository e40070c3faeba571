"""Rarity, authenticity and copies, against their definitions and the faults of known implementations."""

import math

import numpy as np
import pytest
import torch
from sklearn.neighbors import NearestNeighbors

from modescope.core import ModescopeError
from modescope.metrics import bounds
from modescope.metrics.memorisation import authenticity, copied_share, rarity
from modescope.metrics.prdc import prdc


def normals(*shape: int, seed: int = 0, dtype: torch.dtype = torch.float64) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


@pytest.mark.parametrize("dim", [2, 30, 100])
def test_rarity_by_definition(dim: int, monkeypatch: pytest.MonkeyPatch) -> None:
    real, fake = normals(80, dim), 1.2 * normals(70, dim, seed=1)
    radii = torch.cdist(real, real).sort(dim=1).values[:, 3]
    balls = radii[:, None].where(torch.cdist(real, fake) <= radii[:, None], torch.inf)
    expected = balls.min(dim=0).values
    found = rarity(real, fake)
    assert torch.equal(found.isnan(), expected.isinf())
    assert 0 < found.isnan().sum() < 70
    torch.testing.assert_close(found[~found.isnan()], expected[expected.isfinite()])
    assert (~found.isnan()).double().mean() == prdc(real, fake, 3).precision
    monkeypatch.setattr(bounds, "TILE_CPU", 11)
    assert torch.equal(rarity(real, fake).nan_to_num(), found.nan_to_num())


def test_rarity_of_the_common_and_of_the_rare() -> None:
    real = normals(2000, 2)
    common, rare = rarity(real, 0.1 * normals(100, 2, seed=1)), rarity(real, 2.5 + 0.1 * normals(100, 2, seed=2))
    assert rare.nanmean() > 3 * common.nanmean()
    assert rarity(real, torch.full((4, 2), 50.0).double()).isnan().all()


def test_rarity_of_copies_and_of_few_reals() -> None:
    point = torch.ones(9, 2)
    assert (rarity(point, point) == 0).all()
    assert rarity(point[:3], point, k=3).isnan().all()
    real = normals(50, 2)
    assert (rarity(3 * real, 3 * real) / rarity(real, real)).numpy() == pytest.approx(3)


def widespread(real: np.ndarray, fake: np.ndarray) -> float:
    """The authenticity of several libraries: an index of fakes looks up reals."""
    others = NearestNeighbors(n_neighbors=2).fit(real).kneighbors(real)[0][:, 1]
    across, which = NearestNeighbors(n_neighbors=1).fit(fake).kneighbors(real)
    return float((others[which[:, 0]] < across[:, 0]).mean())


@pytest.mark.parametrize("dim", [2, 100])
def test_authenticity_by_definition(dim: int) -> None:
    real, fake = normals(80, dim), normals(70, dim, seed=1)
    others = NearestNeighbors(n_neighbors=1).fit(real).kneighbors()[0][:, 0]
    distance, which = NearestNeighbors(n_neighbors=1).fit(real).kneighbors(fake)
    expected = (distance[:, 0] > others[which[:, 0]]).mean()
    assert authenticity(real, fake).item() == pytest.approx(expected)


def test_authenticity_of_copies_of_fresh_and_of_bad_samples() -> None:
    real = normals(1000, 3)
    assert authenticity(real, real + 1e-6) == 0
    assert authenticity(real, real.repeat(2, 1)) == 0
    assert authenticity(real, 50 + normals(100, 3)) == 1
    assert authenticity(real, normals(1000, 3, seed=1)).item() == pytest.approx(0.5, abs=0.1)


def test_the_widespread_implementation_depends_on_order() -> None:
    real, fake = normals(300, 2), torch.cat([normals(150, 2), normals(150, 2, seed=1)])
    turned = real.roll(50, 0)
    assert authenticity(real, fake) == authenticity(turned, fake)
    assert widespread(real.numpy(), fake.numpy()) != widespread(turned.numpy(), fake.numpy())
    with pytest.raises(IndexError):
        widespread(normals(100, 2).numpy(), normals(900, 2, seed=1).numpy())


@pytest.mark.parametrize("dim", [2, 100])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_copied_share(dim: int, dtype: torch.dtype) -> None:
    real = 1e3 + 100 * normals(60, dim, dtype=dtype)
    moved = real[:10].clone()
    moved[:, 0] += 0.5
    fake = torch.cat([real[:5], moved, normals(5, dim, seed=1, dtype=dtype)])
    assert copied_share(real, fake) == 0.25
    assert copied_share(real, fake, eps=0.5) == 0.75
    assert copied_share(real, fake, eps=0.49) == 0.25


def test_one_sample() -> None:
    x = normals(1, 2)
    assert authenticity(x, x).isnan()
    assert rarity(x, x).isnan().all()
    assert copied_share(x, x) == 1


def test_bad_input_is_told() -> None:
    x = normals(10, 2)
    with pytest.raises(ModescopeError, match="k is 0"):
        rarity(x, x, k=0)
    with pytest.raises(ModescopeError, match="eps is -1"):
        copied_share(x, x, eps=-1)
    with pytest.raises(ModescopeError, match="fake has 3 coordinates"):
        authenticity(x, normals(10, 3))
    with pytest.raises(ModescopeError, match="real holds a NaN"):
        authenticity(x * math.nan, x)
