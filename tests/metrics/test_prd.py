"""The precision-recall curve, against a reference in NumPy, closed forms, and the swap in the official README."""

import math

import numpy as np
import pytest
import torch
from sklearn.cluster import MiniBatchKMeans

from modescope.core import ModescopeError
from modescope.metrics.prd import PRD, prd, prd_curve


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def curve_in_numpy(real: np.ndarray, fake: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    slopes = np.tan(np.linspace(1e-10, np.pi / 2 - 1e-10, 1001))
    precision = np.array([np.minimum(slope * real, fake).sum() for slope in slopes])
    return precision, precision / slopes


def best_in_numpy(precision: np.ndarray, recall: np.ndarray, beta: float) -> float:
    return float(np.max((1 + beta**2) * precision * recall / (beta**2 * precision + recall + 1e-10)))


def in_sklearn(real: torch.Tensor, fake: torch.Tensor, runs: int = 10) -> tuple[float, float]:
    """The published protocol: mini-batch k-means with 10 restarts."""
    curves = []
    for run in range(runs):
        labels = MiniBatchKMeans(20, n_init=10, random_state=run).fit(torch.cat([fake, real]).numpy()).labels_
        bins = [np.bincount(part, minlength=20) / len(part) for part in np.split(labels, [len(fake)])]
        curves.append(curve_in_numpy(bins[1], bins[0]))
    precision, recall = np.mean(curves, axis=0)
    return best_in_numpy(precision, recall, 8), best_in_numpy(precision, recall, 1 / 8)


def test_curve_against_numpy() -> None:
    p, q = torch.rand(30, generator=seeded()).double(), torch.rand(30, generator=seeded(1)).double()
    p[:4], q[-5:] = 0, 0
    found = prd_curve(p, q)
    precision, recall = curve_in_numpy((p / p.sum()).numpy(), (q / q.sum()).numpy())
    np.testing.assert_allclose(found.precision, precision, rtol=1e-12)
    np.testing.assert_allclose(found.recall, recall, rtol=1e-12)
    assert found.f_recall.item() == pytest.approx(best_in_numpy(precision, recall, 8), abs=1e-9)
    assert found.f_precision.item() == pytest.approx(best_in_numpy(precision, recall, 1 / 8), abs=1e-9)


@pytest.mark.parametrize("hit", [1, 2, 4, 8])
def test_equal_modes(hit: int) -> None:
    """With q uniform on `hit` of 8 modes: alpha = min(lambda hit/8, 1), largest precision 1 and recall hit/8."""
    p, q = torch.ones(8), (torch.arange(8) < hit).double()
    found = prd_curve(p, q, angles=5)
    slopes = torch.linspace(1e-10, math.pi / 2 - 1e-10, 5, dtype=torch.float64).tan()
    torch.testing.assert_close(found.precision, (slopes * hit / 8).clamp(max=1))
    assert found.recall.max().item() == pytest.approx(hit / 8)
    fine = prd_curve(p, q)
    corner = 65 * hit / 8 / (64 + hit / 8)  # F_8 at precision 1 and recall hit/8
    assert fine.f_recall.item() == pytest.approx(corner, rel=0.01)
    assert fine.f_precision.item() == pytest.approx((1 + 1 / 64) * hit / 8 / (1 / 64 + hit / 8), rel=0.01)


def test_swapping_the_sets_swaps_precision_and_recall() -> None:
    p, q = torch.tensor([4, 3, 2, 1, 0]), torch.tensor([0, 5, 5, 0, 0])
    forth, back = prd_curve(p, q), prd_curve(q, p)
    torch.testing.assert_close(forth.precision, back.recall.flip(0), rtol=1e-6, atol=1e-12)
    assert forth.f_recall.item() == pytest.approx(back.f_precision.item())
    assert forth.f_precision > forth.f_recall  # q dropped modes, and makes nothing new


def test_extremes() -> None:
    same = prd_curve(torch.ones(5), torch.ones(5))
    assert same.f_recall.item() == pytest.approx(1)
    assert same.precision.max() <= 1
    apart = prd_curve(torch.tensor([1, 0]), torch.tensor([0, 1]))
    assert apart.precision.max() == 0
    assert apart.f_recall == apart.f_precision == 0


def ring(modes: int, n: int, seed: int) -> torch.Tensor:
    angles = 2 * math.pi / 8 * (torch.arange(n) % modes).double()
    noise = 0.02 * torch.randn(n, 2, generator=seeded(seed), dtype=torch.float64)
    return torch.stack([angles.cos(), angles.sin()], dim=1) + noise


@pytest.mark.parametrize("hit", [1, 2, 4])
def test_a_collapsed_ring(hit: int) -> None:
    found = prd(ring(8, 800, 0), ring(hit, 800, 1), seeded(), clusters=8, runs=3)
    assert found.f_precision > 0.85
    assert found.f_recall.item() == pytest.approx(hit / 8, abs=0.05)
    back = prd(ring(hit, 800, 1), ring(8, 800, 0), seeded(), clusters=8, runs=3)
    assert back.f_precision.item() == pytest.approx(found.f_recall.item(), abs=0.02)


def test_against_the_published_protocol() -> None:
    real = torch.randn(500, 2, generator=seeded(), dtype=torch.float64)
    fake = 0.5 + 0.7 * torch.randn(500, 2, generator=seeded(1), dtype=torch.float64)
    found = prd(real, fake, seeded(), runs=5)
    f_recall, f_precision = in_sklearn(real, fake, runs=5)
    assert found.f_recall.item() == pytest.approx(f_recall, abs=0.04)
    assert found.f_precision.item() == pytest.approx(f_precision, abs=0.04)


def test_sizes_may_differ() -> None:
    whole, part = prd(ring(8, 800, 0), ring(2, 800, 1), seeded()), prd(ring(8, 800, 0), ring(2, 100, 1), seeded())
    assert part.f_recall.item() == pytest.approx(whole.f_recall.item(), abs=0.06)
    assert prd(ring(8, 40, 0), ring(8, 1, 1), seeded()).f_recall < 0.3


def test_a_set_with_itself_and_copies() -> None:
    x = torch.randn(200, 5, generator=seeded())
    for points in (x, x[:1].repeat(50, 1), x[:1]):
        found = prd(points, points, seeded(), runs=2)
        assert found.f_recall.item() == pytest.approx(1)
        assert found.f_precision.item() == pytest.approx(1)


def test_the_generator_decides() -> None:
    x, y = torch.randn(200, 2, generator=seeded()), torch.randn(200, 2, generator=seeded(1))

    def once(seed: int) -> PRD:
        return prd(x, y, seeded(seed), runs=2)

    assert torch.equal(once(0).precision, once(0).precision)
    assert not torch.equal(once(0).precision, once(1).precision)


def test_bad_input_is_told() -> None:
    x = torch.zeros(5, 2)
    with pytest.raises(ModescopeError, match="runs is 0"):
        prd(x, x, seeded(), runs=0)
    with pytest.raises(ModescopeError, match="angles is 2"):
        prd(x, x, seeded(), angles=2)
    with pytest.raises(ModescopeError, match="real is"):
        prd_curve(torch.zeros(3), torch.ones(3))
    with pytest.raises(ModescopeError, match="fake is"):
        prd_curve(torch.ones(3), torch.tensor([1.0, -1.0, 1.0]))
    with pytest.raises(ModescopeError, match="shapes"):
        prd_curve(torch.ones(3), torch.ones(4))
