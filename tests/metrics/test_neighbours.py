"""Nearest neighbours and pairs within a radius, against brute force and scikit-learn, where products lose digits."""

import pytest
import torch
from sklearn.neighbors import NearestNeighbors

from modescope.core import ModescopeError
from modescope.metrics import bounds
from modescope.metrics import pairs as pairs_module
from modescope.metrics.neighbours import neighbours, radii
from modescope.metrics.pairs import Pairs

DIMS = [1, 2, 10, 11, 64, 65, 300]


def normals(*shape: int, seed: int = 0, dtype: torch.dtype = torch.float64) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def all_distances(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    return torch.cdist(x.double(), y.double(), compute_mode="donot_use_mm_for_euclid_dist")


@pytest.mark.parametrize("dim", DIMS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_against_sklearn(dim: int, dtype: torch.dtype) -> None:
    x, y = normals(90, dim, dtype=dtype), normals(70, dim, seed=1, dtype=dtype)
    expected, where = NearestNeighbors(n_neighbors=4, algorithm="brute").fit(y.double()).kneighbors(x.double())
    found = neighbours(x, y, k=4)
    assert found.distances.dtype == torch.float64
    torch.testing.assert_close(found.distances, torch.from_numpy(expected), rtol=1e-7, atol=1e-7)
    assert torch.equal(found.indices, torch.from_numpy(where))

    expected, where = NearestNeighbors(n_neighbors=3, algorithm="brute").fit(x.double()).kneighbors()
    found = neighbours(x, k=3)
    torch.testing.assert_close(found.distances, torch.from_numpy(expected), rtol=1e-7, atol=1e-7)
    assert torch.equal(found.indices, torch.from_numpy(where))


@pytest.mark.parametrize("dim", DIMS)
def test_copies_are_at_distance_zero(dim: int) -> None:
    x = 1e3 + normals(40, dim, dtype=torch.float32)
    found = neighbours(x, x.flip(0))
    assert (found.distances == 0).all()
    assert torch.equal(x.flip(0)[found.indices[:, 0]], x)
    twice = torch.cat([x, x])
    found = neighbours(twice, k=2)
    assert (found.distances[:, 0] == 0).all()
    assert (found.distances[:, 1] > 0).all()
    assert torch.equal(found.indices[:, 0], (torch.arange(80) + 40) % 80)


@pytest.mark.parametrize("dim", DIMS)
def test_a_point_is_not_its_own_neighbour(dim: int) -> None:
    found = neighbours(torch.ones(50, dim), k=5)
    assert (found.distances == 0).all()
    assert (found.indices != torch.arange(50)[:, None]).all()
    assert all(len(set(row)) == 5 for row in found.indices.tolist())


@pytest.mark.parametrize("dim", [2, 20, 100])
@pytest.mark.parametrize("spread", [1e-3, 1e-6, 1e-9, 1e-12])
def test_tight_clusters_far_apart(dim: int, spread: float) -> None:
    """Where every float32, then every float64, product of a cluster is noise, the neighbours are still the nearest."""
    centers = 10 * normals(4, dim, seed=5).repeat(30, 1)
    x = centers + spread * normals(120, dim)
    truth = all_distances(x, x).fill_diagonal_(torch.inf).sort(dim=1)
    found = neighbours(x, k=3)
    torch.testing.assert_close(found.distances, truth.values[:, :3], rtol=1e-9, atol=0)


def test_products_alone_would_fail() -> None:
    """The faults that the proof guards against: float32 products take other points for the nearest."""
    x = 10 * normals(2, 100, seed=5).repeat(60, 1) + 1e-6 * normals(120, 100)
    by_products = torch.cdist(x.float(), x.float(), compute_mode="use_mm_for_euclid_dist").fill_diagonal_(torch.inf)
    assert (by_products.argmin(dim=1) != neighbours(x).indices[:, 0]).float().mean() > 0.5


@pytest.mark.parametrize("dim", [2, 100])
@pytest.mark.parametrize("scale", [1e-200, 1e-30, 1e30, 1e200])
def test_any_scale(dim: int, scale: float) -> None:
    x = normals(60, dim)
    torch.testing.assert_close(neighbours(x * scale).distances / scale, neighbours(x).distances)


@pytest.mark.parametrize("dim", [3, 30, 100])
def test_outliers(dim: int) -> None:
    x = normals(80, dim)
    x[0] *= 1e6
    truth = all_distances(x, x).fill_diagonal_(torch.inf).sort(dim=1).values[:, :2]
    torch.testing.assert_close(neighbours(x, k=2).distances, truth, rtol=1e-9, atol=0)


@pytest.mark.parametrize("dim", [3, 100])
def test_half_precision(dim: int) -> None:
    x = normals(50, dim).to(torch.bfloat16)
    assert torch.equal(neighbours(x).distances, neighbours(x.double()).distances)


def test_fast_products_are_still_exact() -> None:
    x = normals(100, 100, dtype=torch.float32)
    exact = neighbours(x, k=3)
    torch.set_float32_matmul_precision("medium")
    try:
        rough = neighbours(x, k=3)
    finally:
        torch.set_float32_matmul_precision("highest")
    assert torch.equal(rough.indices, exact.indices)


@pytest.mark.parametrize("dim", [11, 100])
def test_tiles_do_not_show(dim: int, monkeypatch: pytest.MonkeyPatch) -> None:
    x, y = normals(60, dim), normals(50, dim, seed=1)
    whole, inner = neighbours(x, y, k=6), neighbours(x, k=6)
    monkeypatch.setattr(bounds, "TILE_CPU", 7)
    monkeypatch.setattr(bounds, "ELEMENTS", 500)
    for again, before in ((neighbours(x, y, k=6), whole), (neighbours(x, k=6), inner)):
        assert torch.equal(again.indices, before.indices)
        torch.testing.assert_close(again.distances, before.distances, rtol=1e-14, atol=0)


@pytest.mark.parametrize("dim", [1, 11, 100])
def test_pairs_within(dim: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounds, "TILE_CPU", 16)
    x, y = normals(50, dim), normals(40, dim, seed=1)
    truth = all_distances(x, y)
    radius = truth.median()
    pairs = Pairs(x, y)
    listed = [torch.stack(pairs.within(tile, radius.view(1, 1))) for tile in pairs.tiles()]
    found = torch.zeros(50, 40, dtype=torch.bool)
    found[tuple(torch.cat(listed, dim=1))] = True
    assert torch.equal(found, truth <= radius)  # the median is itself a distance: it is within
    i, j = torch.arange(40), torch.arange(40)
    torch.testing.assert_close(pairs.distances(i, j), truth.diagonal(), rtol=1e-14, atol=0)


@pytest.mark.parametrize("dim", DIMS)
@pytest.mark.parametrize("case", ["alone", "copies", "tight"])
def test_radii_are_the_distances_to_neighbours(dim: int, case: str) -> None:
    """Also where bounds cannot tell which neighbour is the k-th, as among copies and in tight clusters far apart."""
    x = normals(90, dim)
    x = {"alone": x, "copies": x[:20].repeat(5, 1), "tight": 10 * x[:3].repeat(30, 1) + 1e-7 * x}[case]
    truth = all_distances(x, x).fill_diagonal_(torch.inf).sort(dim=1).values.mT
    torch.testing.assert_close(radii(x, (1, 3, 7)), truth[[0, 2, 6]], rtol=1e-9, atol=1e-14)
    assert torch.equal(radii(x, (7,))[0], radii(x, (1, 3, 7))[2])


@pytest.mark.parametrize("dim", [1, 7, 8, 100])
@pytest.mark.parametrize("scale", [1.0, 1e-150])
def test_pairs_inside_several_radii(dim: int, scale: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounds, "TILE_CPU", 16)
    monkeypatch.setattr(pairs_module, "LISTED", 100)
    x, y = normals(50, dim), torch.cat([normals(30, dim, seed=1), normals(50, dim)[:10]])
    truth = all_distances(x, y)
    of_x, of_y = truth.kthvalue(5, dim=1, keepdim=True).values, truth.kthvalue(5, dim=0, keepdim=True).values
    of_x[0] = torch.nan  # within which nothing is
    found = torch.zeros(3, 50, 40, dtype=torch.bool)
    radii = [scale * of_x, scale * of_y, torch.zeros(50, 1, dtype=torch.float64)]
    for place, i, j in Pairs(scale * x, scale * y).inside(radii):
        assert not found[place, i, j].any()  # each pair once
        found[place, i, j] = True
    assert torch.equal(found[:2], torch.stack([truth <= of_x, truth <= of_y]))
    assert found[2].nonzero().tolist() == [[i, 30 + i] for i in range(10)]  # the copies


@pytest.mark.parametrize("dim", [2, 100])
def test_radius_zero_is_copies_alone(dim: int) -> None:
    x = normals(30, dim)
    y = torch.cat([x[:5], x[5:10] + 1e-12, x[:1]])
    pairs = Pairs(x, y)
    (tile,) = pairs.tiles()
    i, j = pairs.within(tile, torch.zeros(1, 1, dtype=torch.float64))
    assert {*zip(i.tolist(), j.tolist(), strict=True)} == {*((n, n) for n in range(5)), (0, 10)}


def test_bad_input_is_told() -> None:
    x = normals(5, 2)
    with pytest.raises(ModescopeError, match="k is 5, expected from 1 to 4"):
        neighbours(x, k=5)
    with pytest.raises(ModescopeError, match="k is 0"):
        neighbours(x, x, k=0)
    with pytest.raises(ModescopeError, match="y has 3 coordinates, expected 2"):
        neighbours(x, normals(5, 3))
    with pytest.raises(ModescopeError, match="NaN"):
        neighbours(x, torch.full((5, 2), torch.nan))
    with pytest.raises(ModescopeError, match="infinity"):
        neighbours(torch.full((5, 2), torch.inf))
    with pytest.raises(ModescopeError, match="expected \\(N, D\\)"):
        neighbours(normals(2, 5, 2))
    with pytest.raises(ModescopeError, match="dtype"):
        neighbours(torch.ones(5, 2, dtype=torch.long))
