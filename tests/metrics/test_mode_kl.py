"""Divergences over the modes, against SciPy and against theory."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import jensenshannon
from scipy.stats import entropy

from modescope.core import ModescopeError
from modescope.metrics import kl_floor, mode_js, mode_kl

histograms = st.lists(st.integers(0, 50), min_size=2, max_size=12).filter(any)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(histograms, st.data())
def test_against_scipy(counts: list[int], data: st.DataObject) -> None:
    raw = data.draw(st.lists(st.floats(0.05, 1.0), min_size=len(counts), max_size=len(counts)))
    weights = torch.tensor(raw, dtype=torch.float64)
    weights = weights / weights.sum()
    share = torch.tensor(counts, dtype=torch.float64) / sum(counts)
    assert mode_kl(torch.tensor(counts), weights).item() == pytest.approx(entropy(share, weights), abs=1e-12)
    expected = jensenshannon(share.numpy(), weights.numpy()) ** 2
    assert mode_js(torch.tensor(counts), weights).item() == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("covered", range(1, 9))
def test_even_over_some(covered: int) -> None:
    counts = torch.tensor([30] * covered + [0] * (8 - covered))
    assert mode_kl(counts).item() == pytest.approx(math.log(8 / covered))


def test_bounds_and_order_of_arguments() -> None:
    weights = torch.tensor([0.9, 0.1], dtype=torch.float64)
    light = torch.tensor([0, 5])
    assert mode_kl(light, weights).item() == pytest.approx(math.log(10))  # KL(q||w), not KL(w||q), which is infinite
    assert mode_js(light, weights) < math.log(2)


def test_a_mode_of_no_mass() -> None:
    weights = torch.tensor([1.0, 0.0])
    assert mode_kl(torch.tensor([5, 0]), weights) == 0
    assert mode_kl(torch.tensor([5, 1]), weights) == torch.inf
    assert mode_js(torch.tensor([0, 3]), weights).item() == pytest.approx(math.log(2))


def test_nothing_in_any_mode_is_worst() -> None:
    counts = torch.tensor([[0, 0, 0], [1, 1, 1]])
    assert mode_kl(counts).tolist() == [torch.inf, pytest.approx(0, abs=1e-15)]
    assert mode_js(counts).tolist() == [pytest.approx(math.log(2)), pytest.approx(0, abs=1e-15)]


@pytest.mark.parametrize(("modes", "n"), [(8, 2500), (25, 2500), (100, 10_000)])
def test_floor_by_simulation(modes: int, n: int) -> None:
    """2 n KL is chi-square with K - 1 degrees of freedom, so the mean over R draws has a known standard error."""
    draws = 400
    generator = torch.Generator().manual_seed(modes)
    labels = torch.randint(modes, (draws, n), generator=generator)
    counts = torch.zeros(draws, modes, dtype=torch.long).scatter_add_(1, labels, torch.ones_like(labels))
    error = math.sqrt(2 * (modes - 1)) / (2 * n) / math.sqrt(draws)
    assert abs(mode_kl(counts).mean().item() - kl_floor(modes, n)) < 4 * error + 0.01 * kl_floor(modes, n)


def test_bad_weights_are_told() -> None:
    with pytest.raises(ModescopeError, match=r"weights has shape \(3,\), expected \(2,\)"):
        mode_kl(torch.tensor([1, 2]), torch.ones(3) / 3)
