"""Theorem 2 and Proposition 3 as numbers, and what happens to them with the usual generator loss."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from helpers import (
    SCALE,
    SCORES,
    SHIFT,
    batch_of,
    check_descends,
    check_gradients,
    check_sweep,
    check_trains,
    close,
    density,
    gaussians,
    gradient,
    integral,
    log_ratio,
    loss,
    tiny,
)

from modescope.core import ModescopeError
from modescope.core.networks import Batch, Networks
from modescope.methods import GAN
from modescope.methods.weighted_js import WeightedJS

REALS, FAKES = np.array(SCORES)
WEIGHTS = (0.1, 0.33, 0.5, 0.9)


def mixture(p, q, pi):
    return pi * p + (1 - pi) * q


def weighted_js(pi):
    def integrand(p, q):
        m = mixture(p, q, pi)
        return pi * p * np.log(p / m) + (1 - pi) * q * np.log(q / m)

    return integrand


def test_losses_by_hand():
    for pi, rescaled in ((0.2, False), (0.2, True)):
        scale = pi * (1 - pi) if rescaled else 1
        d = lambda s: 1 / (1 + np.exp(-s) * (1 - pi) / pi)  # noqa: B023, E731 - the critic, score plus log-odds
        on_real, on_fake = pi * np.log(d(REALS)).mean(), (1 - pi) * np.log(1 - d(FAKES)).mean()
        for saturating, expected in ((True, on_real + on_fake), (False, -pi * np.log(d(FAKES)).mean())):
            method = WeightedJS(pi=pi, saturating=saturating, rescaled=rescaled)
            close(loss(method, "discriminator", tiny(method), batch_of()), -(on_real + on_fake) / scale)
            close(loss(method, "generator", tiny(method), batch_of()), expected / scale)


@pytest.mark.parametrize("saturating", [True, False])
def test_half_is_the_gan_up_to_a_factor(saturating):
    gan = GAN(saturating=saturating)
    for rescaled, factor in ((True, 2), (False, 0.5)):
        method = WeightedJS(pi=0.5, saturating=saturating, rescaled=rescaled)
        for name in ("discriminator", "generator"):
            expected = factor * loss(gan, name, tiny(gan), batch_of())
            close(loss(method, name, tiny(method), batch_of()), expected)


@pytest.mark.parametrize("saturating", [True, False])
def test_gradients(saturating):
    check_gradients(WeightedJS(pi=0.2, saturating=saturating))


def test_the_weight_of_the_papers_experiment():
    assert WeightedJS().pi == 0.33


def test_training():
    check_trains(WeightedJS(pi=0.01))


def test_the_weight_can_be_swept():
    for saturating in (True, False):
        check_sweep(WeightedJS(saturating=saturating), pi=(0.01, 0.9))


@pytest.mark.parametrize("pi", WEIGHTS)
def test_proposition_1(pi):
    """The discriminator stops at pi p / m, a minimum of its loss, where it says pi if p = q."""
    method = WeightedJS(pi=pi)
    nets, batch = gaussians(method)
    close(gradient(method, "discriminator", nets, batch), [0, 0, 0], 1e-3)
    x = torch.linspace(-3, 3, 7, dtype=torch.float64).unsqueeze(-1)
    p = torch.exp(-x.square() / 2)
    q = torch.exp(-((x - SHIFT) / SCALE).square() / 2) / SCALE
    close(method.logit(nets, x).sigmoid(), pi * p / (pi * p + (1 - pi) * q))
    moved = replace(nets, flats={**nets.flats, "discriminator": nets.flats["discriminator"] + 0.1})
    assert loss(method, "discriminator", moved, batch) > loss(method, "discriminator", nets, batch)

    equal, _ = gaussians(method, torch.zeros_like, 4)
    close(method.logit(equal, x).sigmoid(), torch.full_like(x, pi))


@pytest.mark.parametrize("pi", WEIGHTS)
def test_theorem_2(pi):
    """The value at the optimal critic, which is the saturating loss, is JS_pi up to a constant."""
    method = WeightedJS(pi=pi, rescaled=False)
    nets, batch = gaussians(method)
    p, q = density(), density(SHIFT, SCALE)
    js = integral(weighted_js(pi)(p, q))
    assert js > 0.003
    entropy = -pi * math.log(pi) - (1 - pi) * math.log(1 - pi)
    close(-loss(method, "discriminator", nets, batch) + entropy, js, 1e-4)
    close(loss(method, "generator", nets, batch) + entropy, js, 1e-4)


@pytest.mark.parametrize("pi", WEIGHTS)
def test_saturating_generator_descends_js_pi(pi):
    method = WeightedJS(pi=pi)
    scale = pi * (1 - pi)
    check_descends(gradient(method, "generator", *gaussians(method)), lambda p, q: weighted_js(pi)(p, q) / scale)


@pytest.mark.parametrize("pi", WEIGHTS)
def test_non_saturating_generator_descends_another_divergence(pi):
    """Here f'' = (1 - pi) / (u^2 (u + c)), that is pi / (1 - pi) KL(m || p), divided by pi (1 - pi)."""

    def integrand(p, q):
        m = mixture(p, q, pi)
        return m * np.log(m / p) / (1 - pi) ** 2

    method = WeightedJS(pi=pi, saturating=False)
    check_descends(gradient(method, "generator", *gaussians(method)), integrand)

    u, h, c = np.array([0.3, 1.0, 4.0]), 1e-4, (1 - pi) / pi
    f = lambda u: integrand(u, 1.0) * pi * (1 - pi)  # noqa: E731
    second = (f(u + h) - 2 * f(u) + f(u - h)) / h**2
    np.testing.assert_allclose(second, (1 - pi) / (u**2 * (u + c)), rtol=1e-4)


def forward(p, q):
    return p * np.log(p / q)


def reverse(p, q):
    return q * np.log(q / p)


@pytest.mark.parametrize(
    ("pi", "saturating", "limit"),
    [(1e-6, True, forward), (1 - 1e-6, True, reverse), (1e-6, False, reverse)],
)
def test_proposition_3_holds_for_the_saturating_loss_and_is_reversed_for_the_other(pi, saturating, limit):
    method = WeightedJS(pi=pi, saturating=saturating)
    check_descends(gradient(method, "generator", *gaussians(method)), limit)


def test_near_equilibrium_every_weight_pulls_alike():
    """Rescaled, the curvature at p = q is 1, which the gradient of any of them shows close by."""
    near = lambda x: 0.01 * log_ratio(x)  # noqa: E731
    slopes = [
        gradient(method, "generator", *gaussians(method, near, 2000))
        for pi in (0.01, 0.5, 0.99)
        for saturating in (True, False)
        for method in [WeightedJS(pi=pi, saturating=saturating)]
    ]
    for found in slopes[1:]:
        close(found / slopes[0], [1, 1], 0.02)


@pytest.mark.parametrize("saturating", [True, False])
@pytest.mark.parametrize("pi", [1e-6, 1 - 1e-6])
def test_extreme_weights_and_scores_stay_finite_in_float32(pi, saturating):
    method = WeightedJS(pi=pi, saturating=saturating)
    nets, batch = gaussians(method, lambda x: 40 * x, 64)
    nets.layout.modules["generator"].float()
    nets.layout.modules["discriminator"].float()
    nets = Networks(nets.layout, nets.layout.flatten(nets.layout.modules))
    batch = Batch(batch.real.float(), batch.z.float(), batch.u.float())
    for name in ("discriminator", "generator"):
        assert math.isfinite(loss(method, name, nets, batch))
        assert torch.isfinite(gradient(method, name, nets, batch)).all()


@pytest.mark.parametrize("pi", [0.0, 1.0, -0.5, math.nan])
def test_a_weight_out_of_range_is_refused(pi):
    with pytest.raises(ModescopeError, match=rf"^pi is {pi}, expected a number strictly between 0 and 1$"):
        WeightedJS(pi=pi)
