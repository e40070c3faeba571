"""k-means, against scikit-learn from the same start, and its invariances."""

import pytest
import torch
from sklearn.cluster import KMeans as Peer

from modescope.core import ModescopeError
from modescope.metrics import pairwise
from modescope.metrics.kmeans import kmeans


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def blobs(n: int, dim: int, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    centers = 20 * torch.randn(5, dim, generator=seeded(9), dtype=torch.float64)
    which = torch.arange(n) % 5
    return centers[which] + torch.randn(n, dim, generator=seeded(seed), dtype=torch.float64), which


@pytest.mark.parametrize("dim", [2, 100])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_finds_the_blobs(dim: int, dtype: torch.dtype) -> None:
    x, which = blobs(200, dim)
    found = kmeans(x.to(dtype), 5, seeded())
    assert found.centers.dtype == dtype
    assert len({*zip(which.tolist(), found.labels.tolist(), strict=True)}) == 5
    for k in range(5):
        mean = x[found.labels == k].mean(dim=0)
        torch.testing.assert_close(found.centers[k].double(), mean, rtol=1e-4, atol=1e-4)


def test_against_sklearn_from_the_same_start() -> None:
    x = torch.randn(300, 6, generator=seeded(), dtype=torch.float64)
    weights = torch.rand(300, generator=seeded(1), dtype=torch.float64) + 0.5
    start = kmeans(x, 7, seeded(), weights, iterations=0)
    ours = kmeans(x, 7, seeded(), weights)
    peer = Peer(7, init=start.centers.numpy(), n_init=1, tol=0, max_iter=100).fit(x.numpy(), sample_weight=weights)
    assert ours.inertia.item() == pytest.approx(peer.inertia_, rel=1e-9)
    assert ours.labels.tolist() == peer.labels_.tolist()
    assert ours.inertia < start.inertia


def test_as_good_as_sklearn() -> None:
    """One start each, on average over ten."""
    x = torch.randn(400, 3, generator=seeded(), dtype=torch.float64)
    ours = torch.stack([kmeans(x, 20, seeded(i)).inertia for i in range(10)]).mean().item()
    theirs = sum(Peer(20, n_init=1, random_state=i).fit(x.numpy()).inertia_ for i in range(10)) / 10
    assert ours == pytest.approx(theirs, rel=0.05)


def test_seeds_spread() -> None:
    """A k-means++ start has one centre in each of far blobs; a uniform start seldom does (5! / 5^5 = 4 %)."""
    x, which = blobs(500, 2)
    assert all(kmeans(x, 5, seeded(i), iterations=0).labels.unique().numel() == 5 for i in range(20))
    starts = [kmeans(x, 5, seeded(i), iterations=0).centers for i in range(20)]
    hit = [len({int(which[(x - c).norm(dim=1).argmin()]) for c in start}) == 5 for start in starts]
    assert sum(hit) >= 17


def test_weights_are_copies() -> None:
    x, _ = blobs(60, 2)
    counts = torch.arange(60) % 3 + 1
    copies, weighted = kmeans(x.repeat_interleave(counts, 0), 5, seeded()), kmeans(x, 5, seeded(), counts)
    assert copies.inertia.item() == pytest.approx(weighted.inertia.item())
    assert torch.equal(copies.centers.sum(dim=0).float(), weighted.centers.sum(dim=0).float())


def test_scale_place_and_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    x, _ = blobs(100, 3)
    found = kmeans(x, 5, seeded())
    for moved in (1e150 * x, 1e-150 * x, x + 1e6):
        assert torch.equal(kmeans(moved, 5, seeded()).labels, found.labels)
    monkeypatch.setattr(pairwise, "CHUNK", 20)
    assert torch.equal(kmeans(x, 5, seeded()).labels, found.labels)


def test_fewer_points_than_clusters() -> None:
    x = torch.tensor([[0.0, 0.0], [1.0, 1.0]]).repeat(5, 1)
    found = kmeans(x, 4, seeded())
    assert found.inertia == 0
    assert found.labels.unique().numel() == 2
    assert found.centers.isfinite().all()
    assert kmeans(torch.zeros(1, 3), 4, seeded()).inertia == 0


def test_the_generator_decides() -> None:
    x = torch.randn(200, 2, generator=seeded())
    assert torch.equal(kmeans(x, 9, seeded(3)).centers, kmeans(x, 9, seeded(3)).centers)
    assert not torch.equal(kmeans(x, 9, seeded(3)).centers, kmeans(x, 9, seeded(4)).centers)


def test_bad_input_is_told() -> None:
    x = torch.zeros(5, 2)
    with pytest.raises(ModescopeError, match="clusters is 0"):
        kmeans(x, 0, seeded())
    with pytest.raises(ModescopeError, match="weights has shape"):
        kmeans(x, 2, seeded(), torch.ones(4))
    with pytest.raises(ModescopeError, match="NaN"):
        kmeans(x * torch.nan, 2, seeded())
