"""Mode coverage: counts that can be done by hand, and the chi distribution."""

import math

import pytest
import torch
from scipy.stats import chi

from modescope.core import ModescopeError
from modescope.datasets import make
from modescope.metrics import METRICS, count_modes, mode_spread

RING = make("ring", count=8, radius=1.0, sigma=0.05)


def centers() -> torch.Tensor:
    angle = torch.arange(8, dtype=torch.float64) * math.pi / 4
    return torch.stack([angle.cos(), angle.sin()], dim=-1)


def test_by_hand() -> None:
    corners = torch.tensor([[0.0, 0.0], [5.0, 0.0], [0.0, 5.0]])
    found = count_modes(torch.tensor([[0.0, 0.1], [5.0, 0.0], [9.0, 9.0], [5.1, 0.0]]), corners, radius=0.3)
    assert found.covered == 2
    assert found.quality == 0.75
    assert found.counts.tolist() == [1, 2, 0]


def test_modes_and_centers_agree() -> None:
    x = RING.sample(4000, torch.Generator().manual_seed(1), torch.float64)
    by_modes, by_centers = count_modes(x, RING.modes), count_modes(x, centers(), radius=3 * 0.05)
    assert torch.equal(by_modes.counts, by_centers.counts)


@pytest.mark.parametrize(("norm", "expected"), [("l2", chi(2).cdf(3)), ("linf", math.erf(3 / math.sqrt(2)) ** 2)])
def test_a_perfect_sampler_reaches_the_ceiling(norm: str, expected: float) -> None:
    n = 100_000
    x = RING.sample(n, torch.Generator().manual_seed(2), torch.float64)
    quality = count_modes(x, RING.modes, norm=norm).quality.item()
    assert abs(quality - expected) < 4 * math.sqrt(expected * (1 - expected) / n)
    assert RING.modes.ceiling(3.0, norm) == pytest.approx(expected)


def test_the_square_holds_the_circle() -> None:
    x = 1.5 * torch.randn(2000, 2, generator=torch.Generator().manual_seed(3))
    l2, linf = (count_modes(x, RING.modes, 5.0, norm).quality for norm in ("l2", "linf"))
    assert l2 < linf


def test_minimal_count_and_share() -> None:
    counts = torch.tensor([1, 2, 10, 87, 0, 0, 0, 0])
    x = centers().repeat_interleave(counts, dim=0)
    assert count_modes(x, RING.modes).covered == 4
    assert count_modes(x, RING.modes, min_count=2).covered == 3
    assert count_modes(x, RING.modes, min_share=0.1).covered == 2
    assert count_modes(x, RING.modes, min_share=RING.modes.weights).covered == 1  # 12.5 % each
    assert torch.equal(count_modes(x, RING.modes).counts, counts)


@pytest.mark.parametrize("norm", ["l2", "linf"])
def test_the_edge(norm: str) -> None:
    x = centers() + torch.tensor([0.0, 0.05], dtype=torch.float64) * torch.tensor([[2.999], [3.001]]).repeat(4, 1)
    assert count_modes(x, RING.modes, norm=norm).quality == 0.5
    assert count_modes(x, centers(), 0.15, norm).quality == 0.5


def test_infinite_radius_counts_all() -> None:
    x = 5 * torch.randn(500, 2, generator=torch.Generator().manual_seed(4))
    found = count_modes(x, RING.modes, torch.inf)
    assert found.counts.sum() == 500
    assert found.quality == 1


def test_what_is_not_finite_belongs_nowhere() -> None:
    x = torch.tensor([[1.0, 0.0], [torch.nan, 0.0], [torch.inf, 0.0]])
    for modes in (RING.modes, centers()):
        found = count_modes(x, modes, radius=0.1)
        assert found.covered == 1
        assert found.counts.sum() == 1


def test_batches_are_loops() -> None:
    x = torch.randn(2, 3, 50, 2, generator=torch.Generator().manual_seed(5))
    for modes in (RING.modes, centers()):
        together = count_modes(x, modes, 3.0)
        assert together.covered.shape == (2, 3)
        assert together.counts.shape == (2, 3, 8)
        for i in range(2):
            for j in range(3):
                alone = count_modes(x[i, j], modes, 3.0)
                assert all(torch.equal(a[i, j], b) for a, b in zip(together, alone, strict=True))


def test_single_precision_tells_small_modes_far_from_the_origin() -> None:
    """A matrix product in float32 would put points at 2 and 4 deviations of 1e-4 both anywhere within 5."""
    far = torch.tensor([[10.0, 10.0]])
    x = far + torch.tensor([[2e-4, 0.0], [4e-4, 0.0]]).repeat(30, 1)
    assert count_modes(x, far, radius=3e-4).quality == 0.5


def test_bad_input_is_told() -> None:
    x = torch.zeros(4, 2)
    with pytest.raises(ModescopeError, match=r"did you mean 'l2'"):
        count_modes(x, centers(), norm="l3")
    with pytest.raises(ModescopeError, match=r"modes has shape \(5, 3\), expected \(M, 2\)"):
        count_modes(x, torch.zeros(5, 3))
    with pytest.raises(ModescopeError, match="at least one mode"):
        count_modes(x, torch.zeros(0, 2))
    with pytest.raises(ModescopeError, match=r"expected \(\*, N, D\)"):
        count_modes(torch.zeros(0, 2), centers())
    with pytest.raises(ModescopeError, match=r"dtype torch.int64"):
        count_modes(torch.zeros(4, 2, dtype=torch.long), centers())


def test_spread_by_hand() -> None:
    """Pairs 0.2 and 0.4 apart, a single sample, and one off all modes, with shape (2, 6, 1)."""
    x = torch.tensor([4.8, -0.1, 0.1, 5.2, 10.0, 77.0], dtype=torch.float64).view(1, 6, 1)
    x = torch.cat([x, torch.zeros_like(x)])
    found = mode_spread(x, torch.tensor([[0.0], [5.0], [10.0]]), radius=0.3)
    assert found.tolist() == pytest.approx([math.sqrt((2 * 0.1**2 + 2 * 0.2**2) / 2), 0.0])


def test_spread_of_a_gaussian_cut_at_a_radius() -> None:
    r"""Within :math:`r` a coordinate of a two-dimensional Gaussian has variance 1 - (r²/2) / (exp(r²/2) - 1)."""
    x = RING.sample(200_000, torch.Generator().manual_seed(3), torch.float64)
    for radius in (1.5, 3.0):
        expected = 0.05 * math.sqrt(1 - (radius**2 / 2) / math.expm1(radius**2 / 2))
        assert mode_spread(x, RING.modes, radius).item() == pytest.approx(expected, rel=0.01)


def test_spread_does_not_mind_where_modes_lie_or_how_many() -> None:
    """Displaced modes are no wider, and of fewer modes each is as wide."""
    noise = 0.02 * torch.randn(4000, 2, generator=torch.Generator().manual_seed(4), dtype=torch.float64)
    wide, at = torch.tensor([[0.0, 0.0], [9.0, 0.0]]), torch.arange(4000) % 2
    still = mode_spread(wide[at] + noise, wide, 1.0)
    moved = mode_spread(wide[at] + noise + torch.tensor([0.3, 0.2])[at].unsqueeze(1), wide, 1.0)
    assert moved.item() == pytest.approx(still.item(), rel=1e-9)
    assert mode_spread(wide[0] + noise, wide, 1.0).item() == pytest.approx(still.item(), rel=0.01)


def test_spread_far_from_the_origin() -> None:
    """Single precision tells points 0.03 apart at 300,000, so their spread of 0.2 as well."""
    noise = 0.2 * torch.randn(20_000, 2, generator=torch.Generator().manual_seed(6), dtype=torch.float64)
    x, center = (3e5 + noise).float(), torch.full((1, 2), 3e5)
    found = mode_spread(x, center, 2.0)
    assert found.dtype == torch.float32
    assert found.item() == pytest.approx(mode_spread(x.double(), center.double(), 2.0).item(), rel=1e-6)


def test_the_gap_of_spreads() -> None:
    """Half as wide is 0.5, one point of each mode 1, and so is nothing on any mode."""
    gap, centers_ = METRICS["spread_modes_hq"], centers().repeat(500, 1)
    x = RING.sample(4000, torch.Generator().manual_seed(5), torch.float64)
    nearest = RING.modes.nearest(x)[0]
    half = centers()[nearest] + (x - centers()[nearest]) / 2
    assert gap(half[None], RING, torch.Generator()).item() == pytest.approx(0.5, abs=0.03)
    assert gap(x[None], RING, torch.Generator()).item() < 0.03
    assert gap(centers_[None], RING, torch.Generator()).item() == pytest.approx(1, abs=1e-9)
    assert gap(centers_[None] + 50, RING, torch.Generator()).item() == 1
