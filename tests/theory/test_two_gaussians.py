import pytest
import torch

from modescope.core.errors import ModescopeError
from modescope.theory import divergence_map, flip_weight, js, kl, preference, rest_point, reverse_kl, trap_weight
from modescope.theory.two_gaussians import DATA, PRUNED, RULE, js_at, log_model


def test_the_published_ratios():
    pi = torch.tensor([1e-6, 0.01, 0.1, 0.33, 0.5, 0.9], dtype=torch.float64)
    found = preference(pi)
    assert found.saturating.tolist() == pytest.approx([1.66, 0.78, 0.61, 0.51, 0.46, 0.33], abs=0.005)
    assert found.non_saturating[[1, 3, 4]].tolist() == pytest.approx([0.25, 0.18, 0.15], abs=0.005)
    assert found.kl == pytest.approx(2.18, abs=0.005)
    assert found.reverse_kl == pytest.approx(0.26, abs=0.005)


def test_preference_tends_to_the_two_kl_divergences():
    found = preference(torch.tensor([1e-15, 1 - 1e-9], dtype=torch.float64))
    assert float(found.saturating[0]) == pytest.approx(found.kl, rel=0.01)
    assert float(found.saturating[1]) == pytest.approx(found.reverse_kl, rel=1e-4)
    assert float(found.non_saturating[0]) == pytest.approx(found.reverse_kl, rel=1e-4)


def test_saturating_flips_once_and_non_saturating_never():
    pi = torch.sigmoid(torch.linspace(-18, 18, 181, dtype=torch.float64))
    found = preference(pi)
    assert ((found.saturating > 1) == (pi < flip_weight())).all()
    assert (found.saturating.diff() < 0).all()
    assert found.non_saturating.max() < 1
    assert flip_weight() == pytest.approx(8e-4, rel=0.05)


def test_map_is_symmetric_and_in_order():
    axis = torch.tensor([-6.0, -3.0, 0.0, 2.0, 3.0], dtype=torch.float64)
    found = divergence_map(axis, {"kl": kl, "js": js})
    torch.testing.assert_close(found["mass"], torch.ones(5, 5, dtype=torch.float64), rtol=0, atol=1e-13)
    for name, divergence in (("kl", kl), ("js", js)):
        torch.testing.assert_close(found[name], found[name].T)
        for row, second in enumerate(axis.tolist()):
            for column, first in enumerate(axis.tolist()):
                expected = divergence(log_model(DATA), log_model((first, second)), RULE.weights)
                torch.testing.assert_close(found[name][row, column], expected, rtol=1e-11, atol=1e-14)


def test_kl_of_one_mode_against_the_textbook():
    # KL(p||N(3,1)) with p = (N(-3,1) + N(3,1)) / 2 is E_p (x - 3)^2 / 2 + log(2 pi) / 2 - H(p), as is KL(p||N(0,1)).
    log_p = log_model(DATA)
    pruned, merged = kl(log_p, log_model(PRUNED), RULE.weights), kl(log_p, log_model((0.0, 0.0)), RULE.weights)
    assert float(pruned - merged) == pytest.approx(3**2 / 2, rel=1e-12)


@pytest.mark.parametrize("divergence", [reverse_kl, js, js_at(0.33)])
def test_mode_seeking_divergences_hold_a_pruned_generator(divergence):
    rest = rest_point(divergence, (3.0, 2.8))
    assert min(rest.theta) > 2.5
    assert min(rest.curvatures) > 0
    assert rest.value > 0.1


@pytest.mark.parametrize("divergence", [kl, js_at(1e-6), js_at(0.01)])
def test_covering_divergences_let_it_go(divergence):
    rest = rest_point(divergence, (3.0, 2.8))
    assert sorted(rest.theta) == pytest.approx([-3, 3], abs=1e-4)
    assert abs(rest.value) < 1e-10


def test_the_trap_opens_where_it_is_said_to():
    weight = trap_weight()
    assert min(rest_point(js_at(1.05 * weight), (3.4, 2.3)).theta) > 0
    assert min(rest_point(js_at(0.95 * weight), (3.4, 2.3)).theta) < 0


def test_an_axis_beyond_the_quadrature_is_refused():
    with pytest.raises(ModescopeError, match="axis reaches 9"):
        divergence_map(torch.tensor([0.0, 9.0]), {"kl": kl})
