"""The losses by hand, and what the generator descends at the optimal critic."""

from dataclasses import replace

import numpy as np
import pytest
from helpers import (
    SCORES,
    batch_of,
    check_descends,
    check_gradients,
    check_trains,
    close,
    density,
    divergence_gradient,
    gaussians,
    gradient,
    integral,
    loss,
    slope,
    tiny,
)

from modescope.methods import GAN
from modescope.theory import GENERATOR_LOSSES

REALS, FAKES = np.array(SCORES)


def log_d(score):
    return -np.log(1 + np.exp(-score))


def test_losses_by_hand():
    value = log_d(REALS).mean() + log_d(-FAKES).mean()
    for saturating, expected in ((True, value), (False, -log_d(FAKES).mean())):
        method = GAN(saturating=saturating)
        close(loss(method, "generator", tiny(method), batch_of()), expected)
        close(loss(method, "discriminator", tiny(method), batch_of()), -value)


@pytest.mark.parametrize("saturating", [True, False])
def test_gradients(saturating):
    check_gradients(GAN(saturating=saturating))


def test_training():
    check_trains(GAN())


def test_value_at_the_optimal_critic_is_twice_js_minus_log_4():
    nets, batch = gaussians(GAN())
    p, q = density(), density(0.3, 1.2)
    m = (p + q) / 2
    js = integral(p * np.log(p / m) + q * np.log(q / m)) / 2
    assert js > 0.01
    close(-loss(GAN(), "discriminator", nets, batch), 2 * js - np.log(4), 1e-4)
    close(loss(GAN(saturating=True), "generator", nets, batch), 2 * js - np.log(4), 1e-4)


def test_optimal_critic_is_where_the_discriminator_stops():
    nets, batch = gaussians(GAN())
    close(gradient(GAN(), "discriminator", nets, batch), [0, 0, 0], 1e-4)
    moved = replace(nets, flats={**nets.flats, "discriminator": nets.flats["discriminator"] + 0.1})
    assert loss(GAN(), "discriminator", moved, batch) > loss(GAN(), "discriminator", nets, batch)


def test_saturating_generator_descends_twice_js():
    def twice_js(p, q):
        return p * np.log(p / (p + q)) + q * np.log(q / (p + q))

    check_descends(gradient(GAN(saturating=True), "generator", *gaussians(GAN(saturating=True))), twice_js)


def test_non_saturating_generator_descends_twice_kl_of_mixture_and_data():
    def twice_kl(p, q):
        return (p + q) * np.log((p + q) / 2 / p)

    check_descends(gradient(GAN(), "generator", *gaussians(GAN())), twice_kl)


def test_theory_module_names_the_same_losses():
    def named(name):
        return lambda nets, batch: GENERATOR_LOSSES[name].h(nets["discriminator"](nets["generator"](batch.z))).mean()

    for saturating, name in ((True, "saturating"), (False, "non_saturating")):
        method = GAN(saturating=saturating)
        nets, batch = gaussians(method, n=1000)
        close(gradient(method, "generator", nets, batch), slope(named(name), "generator", nets, batch))


def test_reference_gradients_differ_between_divergences():
    """The checks above can fail: on this pair, the divergences have gradients apart by more than the tolerance."""
    forward = divergence_gradient(lambda p, q: p * np.log(p / q))
    reverse = divergence_gradient(lambda p, q: q * np.log(q / p))
    assert np.abs(forward - reverse).min() > 0.02
