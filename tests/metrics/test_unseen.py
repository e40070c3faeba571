"""Missing mass and unseen support, against published values, closed forms and simulation."""

import math

import pytest
import torch

from modescope.core import ModescopeError
from modescope.metrics.unseen import label_counts, unseen

TESTED = torch.tensor([0, 1, 1, 4, 2, 5, 2, 4, 1, 2])  # the counts that scikit-bio and PyCogent test with


def test_by_hand() -> None:
    """22 samples of 9 classes, 3 of them seen once and 3 twice."""
    found = unseen(TESTED)
    a = 21 / 22
    assert found.observed == 9
    assert found.mass.item() == pytest.approx(3 / 22)
    assert found.support.item() == pytest.approx(9 + a * 9 / 6)
    variance = 3 * (a / 2 + a**2 + a**2 / 4)
    extra = a * 1.5
    factor = math.exp(1.959964 * math.sqrt(math.log(1 + variance / extra**2)))
    assert found.support_low.item() == pytest.approx(9 + extra / factor, rel=1e-5)
    assert found.support_high.item() == pytest.approx(9 + extra * factor, rel=1e-5)


def test_near_published_values() -> None:
    """scikit-bio without its bias correction, which also leaves out a = 21/22, gives 10.5 and (9.17, 21.89)."""
    found = unseen(TESTED)
    assert found.support.item() == pytest.approx(10.5, abs=0.08)
    assert found.support_low.item() == pytest.approx(9.17, abs=0.02)
    assert found.support_high.item() == pytest.approx(21.89, abs=0.6)


def test_no_pairs() -> None:
    """Without classes seen twice: n = 7, f1 = 4, S = 5."""
    found = unseen(torch.tensor([1, 1, 1, 1, 3]))
    assert found.support.item() == pytest.approx(5 + 6 / 7 * 4 * 3 / 2)
    assert found.observed < found.support_low < found.support < found.support_high


def test_complete() -> None:
    """Without classes seen once nothing is estimated unseen; the interval is EstimateS' equation 14."""
    found = unseen(torch.tensor([2, 3, 5]))
    assert (found.support, found.mass, found.mass_low) == (3, 0, 0)
    missed = [math.exp(-count) for count in (2, 3, 5)]
    share = sum(missed) / 3
    variance = sum(m - m**2 for m in missed) - sum(c * m for c, m in zip((2, 3, 5), missed, strict=True)) ** 2 / 10
    assert found.support_low == 3
    expected = (3 + 1.959964 * math.sqrt(variance)) / (1 - share)
    assert found.support_high.item() == pytest.approx(expected, rel=1e-5)
    many = unseen(torch.full((8,), 100))
    assert many.support_high.item() == pytest.approx(8)


def test_extremes() -> None:
    single = unseen(torch.tensor([1]))
    assert (single.support, single.mass) == (1, 1)
    assert single.support_low.isnan()
    all_once = unseen(torch.ones(10))
    assert all_once.mass == 1
    assert all_once.support.item() == pytest.approx(10 + 0.9 * 45)
    assert all_once.support_high.isfinite()
    lone = unseen(torch.tensor([1, 9]))
    assert lone.support == 2
    assert lone.support_high > 2


def draws(classes: int, n: int, repeats: int) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    return [label_counts(torch.randint(classes, (n,), generator=generator)) for _ in range(repeats)]


def test_uniform_law() -> None:
    """On equally likely classes Chao's bound is tight, and the missing mass is (1 - 1/K)^n on average."""
    classes, n, repeats = 500, 600, 300
    found = [unseen(counts) for counts in draws(classes, n, repeats)]
    support = torch.stack([each.support for each in found])
    assert support.mean().item() == pytest.approx(classes, rel=0.03)
    inside = sum(bool(each.support_low <= classes <= each.support_high) for each in found) / repeats
    assert inside > 0.9
    truth = 1 - torch.stack([each.observed for each in found]) / classes
    mass = torch.stack([each.mass for each in found])
    assert mass.mean().item() == pytest.approx((1 - 1 / classes) ** n, rel=0.03)
    held = torch.tensor([bool(e.mass_low <= t <= e.mass_high) for e, t in zip(found, truth, strict=True)])
    assert held.double().mean() > 0.9


def test_collapse() -> None:
    healthy, collapsed = unseen(draws(1000, 1000, 1)[0]), unseen(draws(8, 1000, 1)[0])
    assert collapsed.support == 8
    assert collapsed.mass == 0
    assert healthy.mass > 0.3
    assert healthy.support > 800


def test_labels_and_order() -> None:
    labels = torch.tensor([7, 7, -1, 3, 3, 3])
    assert label_counts(labels).tolist() == [1, 3, 2]
    assert unseen(label_counts(labels.flip(0))) == unseen(torch.tensor([0, 2, 3, 1]))


def test_confidence() -> None:
    narrow, wide = unseen(TESTED, 0.5), unseen(TESTED, 0.99)
    assert wide.support_low < narrow.support_low < narrow.support_high < wide.support_high
    assert wide.mass_low <= narrow.mass_low < narrow.mass_high < wide.mass_high


def test_bad_input_is_told() -> None:
    for counts in (torch.tensor([1.5]), torch.tensor([-1]), torch.tensor([math.nan])):
        with pytest.raises(ModescopeError, match="whole numbers"):
            unseen(counts)
    with pytest.raises(ModescopeError, match="no sample"):
        unseen(torch.zeros(3))
    with pytest.raises(ModescopeError, match="shape"):
        unseen(torch.ones(3, 2))
    with pytest.raises(ModescopeError, match="confidence"):
        unseen(TESTED, 1.0)
    with pytest.raises(ModescopeError, match="labels"):
        label_counts(torch.ones(3))
