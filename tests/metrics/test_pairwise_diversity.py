"""The mean distance of random pairs, against closed forms, all pairs, and its own interval."""

import math
import sys

import pytest
import torch

from modescope.core import ModescopeError
from modescope.metrics.pairwise_diversity import pairwise_diversity, random_pairs

module = sys.modules[pairwise_diversity.__module__]  # the module, whose name its function has


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def normals(*shape: int, seed: int = 0, dtype: torch.dtype = torch.float64) -> torch.Tensor:
    return torch.randn(*shape, generator=seeded(seed), dtype=dtype)


def test_normals_in_closed_form() -> None:
    """Two normals in D dimensions are 2 Gamma((D+1)/2) / Gamma(D/2) apart: sqrt(pi) in two."""
    for dim in (1, 2, 50):
        expected = 2 * math.exp(math.lgamma((dim + 1) / 2) - math.lgamma(dim / 2))
        found = pairwise_diversity(normals(20000, dim), seeded())
        assert found.mean.item() == pytest.approx(expected, rel=0.02)
        assert found.low < found.mean < found.high
        assert found.pairs == 10000


def test_all_pairs_on_average() -> None:
    x = normals(40, 3)
    expected = torch.pdist(x).mean().item()
    draws = torch.stack([pairwise_diversity(x, seeded(i)).mean for i in range(300)])
    assert abs(draws.mean().item() - expected) < 4 * draws.std().item() / math.sqrt(300)


def test_the_interval_covers() -> None:
    truth, inside = math.sqrt(math.pi), 0
    for i in range(400):
        found = pairwise_diversity(normals(60, 2, seed=i), seeded(i))
        inside += bool(found.low <= truth <= found.high)
    assert inside / 400 > 0.91


def test_collapse_and_copies() -> None:
    x = 1e4 + normals(1, 300, dtype=torch.float32).expand(100, 300)
    found = pairwise_diversity(x, seeded())
    assert (found.mean, found.low, found.high) == (0, 0, 0)
    assert (
        pairwise_diversity(normals(100, 3), seeded()).mean
        > 100 * pairwise_diversity(normals(1, 3) + 1e-3 * normals(100, 3), seeded()).mean
    )


def test_pairs_are_disjoint() -> None:
    i, j = random_pairs(101, 50, seeded())
    assert torch.cat([i, j]).unique().numel() == 100
    assert torch.equal(i, random_pairs(101, 50, seeded())[0])
    assert not torch.equal(i, random_pairs(101, 50, seeded(1))[0])


def test_another_distance(monkeypatch: pytest.MonkeyPatch) -> None:
    x = normals(50, 4)

    def cosine(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        return 1 - torch.nn.functional.cosine_similarity(a, b)

    found = pairwise_diversity(x, seeded(), pairs=10, distance=cosine)
    i, j = random_pairs(50, 10, seeded())
    assert found.mean.item() == pytest.approx(cosine(x[i], x[j]).mean().item())
    monkeypatch.setattr(module, "ELEMENTS", 12)
    assert pairwise_diversity(x, seeded(), pairs=10, distance=cosine).mean.item() == pytest.approx(found.mean.item())
    with pytest.raises(ModescopeError, match="distance gave shape"):
        pairwise_diversity(x, seeded(), distance=lambda a, b: a - b)


def test_float32_is_close() -> None:
    x = normals(200, 100)
    single, double = pairwise_diversity(x.float(), seeded()), pairwise_diversity(x, seeded())
    assert single.mean.item() == pytest.approx(double.mean.item(), rel=1e-6)


def test_few_samples() -> None:
    assert pairwise_diversity(normals(1, 2), seeded()).mean.isnan()
    two = pairwise_diversity(normals(2, 2), seeded())
    assert two.mean > 0
    assert two.low.isnan()


def test_bad_input_is_told() -> None:
    with pytest.raises(ModescopeError, match="pairs is 6, expected at most 5"):
        pairwise_diversity(normals(10, 2), seeded(), pairs=6)
    with pytest.raises(ModescopeError, match="NaN"):
        pairwise_diversity(normals(10, 2) * math.nan, seeded())
