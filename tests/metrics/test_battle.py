"""The generative adversarial metric, against hand-made matches and the authors' rule."""

import math

import pytest
import torch

from modescope.core import ModescopeError
from modescope.metrics.battle import Battle, battle


def said(real: int, fake: int) -> torch.Tensor:
    """Probabilities of a critic that says "real" and "fake" so many times."""
    return torch.tensor([0.9] * real + [0.1] * fake)


def authors_rule(*arrays: torch.Tensor) -> tuple[float, float, str]:
    """As in the authors' code: accuracies, and a winner by the sample ratio alone."""
    true1, true2 = [((p > 0.5) == 1).double().mean().item() for p in arrays[:2]]
    fake1, fake2 = [((p > 0.5) == 0).double().mean().item() for p in arrays[2:]]
    return true1 / true2, fake1 / fake2, "first" if fake1 / fake2 > 1 else "second"


def test_the_paper_s_ratios() -> None:
    """D1 errs on 10 of 100 true samples and on 20 of G2's; D2 on 10 of 100 and on 60 of G1's."""
    result = battle(said(90, 10), said(90, 10), said(20, 80), said(60, 40))
    assert result == Battle("first", 1.0, pytest.approx(20 / 60), True, "errors")


def test_accuracies_are_the_authors_code() -> None:
    generator = torch.Generator().manual_seed(0)
    for _ in range(20):
        arrays = [torch.rand(50, generator=generator) for _ in range(4)]
        test_ratio, sample_ratio, winner = authors_rule(*arrays)
        result = battle(*arrays, form="accuracies", tolerance=math.inf)
        assert result.test_ratio == pytest.approx(test_ratio)
        assert result.sample_ratio == pytest.approx(sample_ratio)
        assert result.winner == (winner if sample_ratio != 1 else "tie")
        assert battle(*arrays, tolerance=math.inf).winner == result.winner


def test_swapping_the_players_swaps_the_winner() -> None:
    generator = torch.Generator().manual_seed(1)
    other = {"first": "second", "second": "first", "tie": "tie"}
    seen = set()
    for _ in range(40):
        a, b, c, d = (torch.rand(50, generator=generator) for _ in range(4))
        for form in ("errors", "accuracies"):
            here, there = battle(a, b, c, d, form), battle(b, a, d, c, form)
            assert there.winner == other[here.winner]
            assert there.fair == here.fair
            assert there.sample_ratio == pytest.approx(1 / here.sample_ratio)
            seen.add(here.winner)
    assert seen == {"first", "second", "tie"}


def test_an_unfair_match_is_a_tie() -> None:
    unfair = (said(98, 2), said(99, 1), said(0, 100), said(100, 0))
    assert battle(*unfair).winner == "tie"
    assert not battle(*unfair).fair
    assert battle(*unfair).test_ratio == pytest.approx(2)
    assert battle(*unfair, tolerance=1.0).winner == "first"
    assert battle(*unfair, form="accuracies").winner == "first"  # 98 / 99 is near 1


def test_zero_over_zero() -> None:
    perfect = said(10, 0)
    result = battle(perfect, perfect, said(0, 10), said(0, 10))
    assert result == Battle("tie", 1.0, 1.0, True, "errors")
    result = battle(perfect, perfect, said(1, 9), said(0, 10))
    assert result == Battle("second", 1.0, math.inf, True, "errors")
    assert battle(said(0, 10), said(0, 10), said(10, 0), said(10, 0), form="accuracies").winner == "tie"


def test_a_half_is_fake() -> None:
    half = torch.full((4, 1), 0.5, dtype=torch.float64)
    assert battle(half, half, half, said(5, 5)).sample_ratio == 0  # D1 says "fake" to all of G2


def test_bad_input_is_told() -> None:
    p = said(5, 5)
    with pytest.raises(ModescopeError, match="first_on_second is empty"):
        battle(p, p, p[:0], p)
    for bad in (torch.tensor([2.0]), torch.tensor([torch.nan])):
        with pytest.raises(ModescopeError, match="second_on_test holds values outside"):
            battle(p, bad, p, p)
    with pytest.raises(ModescopeError, match="form is 'rates'"):
        battle(p, p, p, p, form="rates")
    with pytest.raises(ModescopeError, match="tolerance"):
        battle(p, p, p, p, tolerance=-0.1)
