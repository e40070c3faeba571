import math

import pytest
import torch

from modescope.core.errors import ModescopeError
from modescope.theory import (
    F_DIVERGENCES,
    GENERATOR_LOSSES,
    exact_loss,
    f_divergence,
    gauss_legendre,
    generator_gradients,
    log_normal_mixture,
    mixture_kl,
    weighted_losses,
)

RULE = gauss_legendre(-20, 20, panels=80)
LOSSES = {
    **GENERATOR_LOSSES,
    **{f"exact {name}": exact_loss(name) for name in F_DIVERGENCES if name != "total_variation"},
    **{f"{name} {pi}": loss for pi in (1e-3, 0.33, 0.9) for name, loss in weighted_losses(pi).items()},
}


def log_p(x):
    return log_normal_mixture(x, torch.tensor([-1.0, 1.5], dtype=torch.float64))


def log_base(x):
    return log_normal_mixture(x, torch.tensor([-1.0, 1.0], dtype=torch.float64))


@pytest.mark.parametrize("name", LOSSES)
def test_the_frozen_critic_descends_the_divergence(name):
    found = generator_gradients(LOSSES[name], log_p, log_base, RULE, shift=0.3, scale=1.1)
    assert found.error < 1e-10
    assert found.divergence.abs().min() > 1e-6


@pytest.mark.parametrize("name", LOSSES)
def test_curvature_is_minus_the_slope_of_the_loss_over_the_ratio(name):
    s = torch.linspace(-3, 3, 25, dtype=torch.float64).requires_grad_()
    (dh,) = torch.autograd.grad(LOSSES[name].h(s).sum(), s)
    expected = -dh / s.exp() / s.exp()  # -h'(u) / u with h'(u) = (dh / ds) / u
    torch.testing.assert_close(expected.detach(), LOSSES[name].descends.curvature(s.detach()), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("name", LOSSES)
def test_mirror_image(name):
    row, s = LOSSES[name].descends, torch.linspace(-3, 3, 25, dtype=torch.float64)
    torch.testing.assert_close(row.mirror(s), s.exp() * row.f(-s), rtol=1e-9, atol=1e-11)


def test_minus_ratio_and_minus_logit_are_the_two_kl_divergences_of_a_gaussian():
    def normal(mean):
        return lambda x: log_normal_mixture(x, torch.tensor([mean], dtype=torch.float64))

    shift, scale = 0.4, 1.2
    for name, expected in (
        ("minus_ratio", (shift / scale**2, 1 / scale - (1 + shift**2) / scale**3)),
        ("minus_logit", (shift, scale - 1 / scale)),
    ):
        found = generator_gradients(GENERATOR_LOSSES[name], normal(0.0), normal(0.0), RULE, shift, scale)
        assert found.frozen.tolist() == pytest.approx(expected, rel=1e-10)


def test_the_plug_in_loss_has_the_wrong_sign():
    loss, true = GENERATOR_LOSSES["plug_in_kl"], GENERATOR_LOSSES["minus_ratio"]
    wrong = generator_gradients(loss, log_p, log_base, RULE, shift=0.3, scale=1.1).frozen
    right = generator_gradients(true, log_p, log_base, RULE, shift=0.3, scale=1.1).frozen
    assert (wrong * right < 0).all()


@pytest.mark.parametrize("pi", [1e-3, 0.33, 0.9])
def test_the_non_saturating_loss_descends_the_kl_of_the_mixture(pi):
    p, q = log_p(RULE.nodes), log_base(RULE.nodes)
    found = f_divergence(weighted_losses(pi)["non_saturating"].descends, p, q, RULE.weights)
    expected = (float(mixture_kl(p, q, pi, RULE.weights)) - math.log(pi)) / (1 - pi)
    assert float(found) == pytest.approx(expected, rel=1e-11)


def test_balanced_weights_are_the_plain_losses_up_to_scale():
    s = torch.linspace(-3, 3, 9, dtype=torch.float64)
    weighted = weighted_losses(0.5)
    torch.testing.assert_close(weighted["saturating"].h(s), GENERATOR_LOSSES["saturating"].h(s) / 2)
    torch.testing.assert_close(weighted["non_saturating"].h(s), GENERATOR_LOSSES["non_saturating"].h(s))


def test_bad_input_is_named():
    with pytest.raises(ModescopeError, match="smooth"):
        exact_loss("total_variation")
    with pytest.raises(ModescopeError, match="did you mean 'pearson'"):
        exact_loss("pearsons")
    with pytest.raises(ModescopeError, match="pi is 0"):
        weighted_losses(0)
    loss = GENERATOR_LOSSES["saturating"]
    with pytest.raises(ModescopeError, match="scale is 0"):
        generator_gradients(loss, log_p, log_base, RULE, shift=0, scale=0)
    with pytest.raises(ModescopeError, match=r"mass .* in the generator"):
        generator_gradients(loss, log_p, log_base, RULE, shift=19, scale=1)
