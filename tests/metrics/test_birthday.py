"""The birthday test, against the birthday problem in closed form, brute force and simulation."""

import math
import sys

import pytest
import torch
from scipy.stats import poisson

from modescope.core import ModescopeError
from modescope.metrics import bounds
from modescope.metrics.birthday import birthday, calibrated_radius, closest_pairs, effective_support

module = sys.modules[birthday.__module__]  # the module, whose name its function has


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def atoms(support: int, n: int, dim: int = 2, seed: int = 0) -> torch.Tensor:
    """`n` draws of a law on `support` equally likely points."""
    points = torch.randn(support, dim, generator=seeded(99), dtype=torch.float64)
    return points[torch.randint(support, (n,), generator=seeded(seed))]


@pytest.mark.parametrize("support", [100, 1000])
def test_the_birthday_problem(support: int) -> None:
    """The curve is 1 - prod (1 - i/n), a half at sqrt(2 n ln 2); averaged over samples, as one has its own luck."""
    found = [birthday(atoms(support, 400, seed=seed), 0.0, seeded(seed), draws=200) for seed in range(5)]
    curve = torch.stack([each.probability for each in found]).mean(dim=0)
    sizes = found[0].sizes
    exact = torch.tensor([1 - math.prod(1 - i / support for i in range(int(s))) for s in sizes])
    assert (curve - exact).abs().max() < 0.08
    half = torch.stack([each.half_size for each in found]).mean().item()
    assert half == pytest.approx(math.sqrt(2 * support * math.log(2)), rel=0.12)
    assert torch.stack([each.support_uniform for each in found]).mean().item() == pytest.approx(support, rel=0.25)
    assert found[0].support_rule.item() == pytest.approx(2 * math.log(2) * found[0].support_uniform.item())
    assert torch.stack([each.effective for each in found]).mean().item() == pytest.approx(support, rel=0.15)


def test_the_curve_by_brute_force() -> None:
    """Six samples, the pairs (0, 1) and (2, 3) alike: subsets without a duplicate counted by hand."""
    x = torch.tensor([[0.0], [0.1], [5.0], [5.1], [10.0], [20.0]])
    found = birthday(x, 0.2, seeded(), draws=4000)
    assert found.collisions == 2
    assert found.duplicated.item() == pytest.approx(4 / 6)
    assert found.sizes.tolist() == [1, 2, 3, 4, 5, 6]
    # Of the C(6, s) subsets, those that hold neither pair: C(6,2) - 2, C(6,3) - 2 * 4, C(6,4) - (2 * 6 - 1), none.
    clear = [1, 13 / 15, 12 / 20, 4 / 15, 0, 0]
    assert found.probability.tolist() == pytest.approx([1 - share for share in clear], abs=0.03)
    assert found.half_size == 4


def test_garwood_in_closed_form() -> None:
    """The ends are the means at which so many collisions, or so few, have a probability of 2.5 %."""
    center, low, high = effective_support(1000, 12)
    pairs = 1000 * 999 / 2
    assert center.item() == pytest.approx(pairs / 12)
    assert poisson.sf(11, pairs / high.item()) == pytest.approx(0.025)
    assert poisson.cdf(12, pairs / low.item()) == pytest.approx(0.025)
    none = effective_support(1000, 0)
    assert none[0] == none[2] == math.inf
    assert none[1].item() == pytest.approx(pairs / -math.log(0.025))
    assert all(value.isnan() for value in effective_support(1, 0))


def test_the_interval_covers() -> None:
    support, n, repeats = 5000, 300, 400
    inside = 0
    for seed in range(repeats):
        counts = torch.randint(support, (n,), generator=seeded(seed)).bincount()
        _, low, high = effective_support(n, int((counts * (counts - 1) // 2).sum()))
        inside += bool(low <= support <= high)
    assert inside / repeats > 0.93


def test_unequal_law() -> None:
    """Half the mass on one of 1001 points: the effective support is 1 / sum p^2 = 4, whatever the rest."""
    generator = seeded()
    which = torch.randint(1, 1001, (2000,), generator=generator)
    which[torch.rand(2000, generator=generator) < 0.5] = 0
    found = birthday(which[:, None].double(), 0.0, seeded(), draws=50)
    assert found.effective.item() == pytest.approx(4, rel=0.1)


def test_calibration() -> None:
    """As many fresh reals have the rate that was asked for; a collapsed set far more."""
    real, fresh = (torch.randn(1000, 2, generator=seeded(seed), dtype=torch.float64) for seed in (0, 1))
    radius = calibrated_radius(real, 0.05)
    own = birthday(real, radius.item(), seeded(), draws=10)
    assert 0.05 <= own.duplicated <= 0.051
    assert birthday(fresh, radius.item(), seeded(), draws=10).duplicated.item() == pytest.approx(0.05, abs=0.03)
    collapsed = atoms(8, 1000) + 1e-4 * fresh
    assert birthday(collapsed, radius.item(), seeded(), draws=10).duplicated > 0.99
    farthest = torch.cdist(real, real).fill_diagonal_(torch.inf).min(dim=1).values.max()
    assert calibrated_radius(real, 1.0).item() == pytest.approx(farthest.item())


@pytest.mark.parametrize("dim", [2, 30, 100])
def test_closest_pairs(dim: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounds, "TILE_CPU", 16)
    x = torch.randn(60, dim, generator=seeded(), dtype=torch.float64)
    x[40] = x[7]
    i, j = torch.triu_indices(60, 60, 1)
    every = (x[i] - x[j]).norm(dim=1)
    order = every.argsort()[:20]
    found = closest_pairs(x)
    torch.testing.assert_close(found.distances, every[order], rtol=1e-12, atol=0)
    torch.testing.assert_close((x[found.first] - x[found.second]).norm(dim=1), every[order])
    assert len({*zip(found.first.tolist(), found.second.tolist(), strict=True)}) == 20
    assert (found.first < found.second).all()
    assert (found.distances[0], found.first[0], found.second[0]) == (0, 7, 40)


def test_closest_pairs_of_few_and_of_copies() -> None:
    x = torch.tensor([[0.0], [1.0], [3.0]])
    found = closest_pairs(x, 9)
    assert [part.tolist() for part in found] == [[1, 2, 3], [0, 1, 0], [1, 2, 2]]
    assert len(closest_pairs(x[:1]).distances) == 0
    copies = closest_pairs(torch.zeros(50, 3), 20)
    assert (copies.distances == 0).all()
    assert len({*zip(copies.first.tolist(), copies.second.tolist(), strict=True)}) == 20


@pytest.mark.parametrize("dim", [2, 100])
def test_collisions_are_exact(dim: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Copies, and only copies, collide at radius 0, however near other points are; tiles do not show."""
    x = 100 + 1e-5 * atoms(300, 200, dim).float()
    counts = x.unique(dim=0, return_counts=True)[1]
    expected = int((counts * (counts - 1) // 2).sum())
    assert expected > 20
    assert birthday(x, 0.0, seeded(), draws=1).collisions == expected
    monkeypatch.setattr(bounds, "TILE_CPU", 17)
    assert birthday(x, 0.0, seeded(), draws=1).collisions == expected


def test_many_collisions(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the pairs are too many to list, the curve is that of a random subset: the same at small sizes."""
    x = atoms(20, 600)
    whole = birthday(x, 0.0, seeded(), draws=500)
    monkeypatch.setattr(module, "LISTED", 500)
    part = birthday(x, 0.0, seeded(), draws=500)
    assert part.collisions == whole.collisions > 500
    assert part.sizes.max() < 200
    assert part.probability[-1] == whole.probability[-1] == 1
    assert part.half_size.item() == pytest.approx(whole.half_size.item(), abs=1)


def test_extremes() -> None:
    point = birthday(torch.zeros(30, 2), 0.0, seeded(), draws=5)
    assert (point.half_size, point.effective, point.duplicated) == (2, 1, 1)
    spread = birthday(torch.arange(50.0)[:, None], 0.5, seeded(), draws=5)
    assert spread.half_size.isnan()
    assert spread.support_rule.isnan()
    assert spread.effective == math.inf
    assert spread.probability.max() == 0
    single = birthday(torch.zeros(1, 2), 1.0, seeded(), draws=5)
    assert single.duplicated.isnan()
    assert single.effective.isnan()
    assert calibrated_radius(torch.zeros(1, 2)).isnan()


def test_bad_input_is_told() -> None:
    x = torch.zeros(5, 2)
    with pytest.raises(ModescopeError, match="radius is -1"):
        birthday(x, -1, seeded())
    with pytest.raises(ModescopeError, match="draws is 0"):
        birthday(x, 1, seeded(), draws=0)
    with pytest.raises(ModescopeError, match="collisions is 11, expected from 0 to 10"):
        effective_support(5, 11)
    with pytest.raises(ModescopeError, match="rate is 0"):
        calibrated_radius(x, 0)
    with pytest.raises(ModescopeError, match="count is 0"):
        closest_pairs(x, 0)
    with pytest.raises(ModescopeError, match="NaN"):
        birthday(x * math.nan, 1, seeded())
