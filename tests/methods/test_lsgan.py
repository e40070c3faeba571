"""The losses by hand, and the trap of the labels (-1, 1, 0)."""

import numpy as np
from helpers import (
    SCORES,
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

from modescope.methods.lsgan import LSGAN

REALS, FAKES = np.array(SCORES)
SYMMETRIC = LSGAN(fake=-1.0, real=1.0, wanted=0.0)


def optimal(method):
    """The score (b p + a q) / (p + q)."""
    return lambda x: method.fake + (method.real - method.fake) * log_ratio(x).sigmoid()


def f_coverage(p, q):
    """The integrand q f(p / q) with f'' = 1 / (u (1 + u)^3), integrated twice by partial fractions."""
    return -p * np.log((p + q) / p) - q**2 / (2 * (p + q))


def test_losses_by_hand():
    method = LSGAN(fake=-0.5, real=0.8, wanted=0.3)
    expected = ((REALS - 0.8) ** 2).mean() / 2 + ((FAKES + 0.5) ** 2).mean() / 2
    close(loss(method, "discriminator", tiny(method), batch_of()), expected)
    close(loss(method, "generator", tiny(method), batch_of()), ((FAKES - 0.3) ** 2).mean() / 2)


def test_default_labels_are_0_1_1():
    close(loss(LSGAN(), "generator", tiny(LSGAN()), batch_of()), ((FAKES - 1) ** 2).mean() / 2)
    expected = ((REALS - 1) ** 2).mean() / 2 + (FAKES**2).mean() / 2
    close(loss(LSGAN(), "discriminator", tiny(LSGAN()), batch_of()), expected)


def test_gradients_and_training():
    check_gradients(LSGAN())
    check_trains(LSGAN())


def test_labels_can_be_swept():
    check_sweep(LSGAN(), wanted=(1.0, 0.5), real=(1.0, 0.9), fake=(0.0, -1.0))


def test_optimal_score_is_where_the_discriminator_stops():
    for method in (LSGAN(), SYMMETRIC):
        close(gradient(method, "discriminator", *gaussians(method, optimal(method))), [0, 0, 0], 1e-4)


def test_default_labels_descend_a_divergence():
    check_descends(gradient(LSGAN(), "generator", *gaussians(LSGAN(), optimal(LSGAN()))), f_coverage)


def test_symmetric_labels_descend_no_divergence():
    def f_trap(p, q):
        return 2 * f_coverage(p, q) - q**2 / (p + q)

    # f'' = -2 (u - 1) / (u (1 + u)^3): by finite differences of f itself, so that the formula is not taken on trust.
    u, h = np.array([0.5, 2.0]), 1e-4
    second = (f_trap(u + h, 1.0) - 2 * f_trap(u, 1.0) + f_trap(u - h, 1.0)) / h**2
    np.testing.assert_allclose(second, -2 * (u - 1) / (u * (1 + u) ** 3), rtol=1e-5)
    assert second[0] > 0 > second[1]

    nets, batch = gaussians(SYMMETRIC, optimal(SYMMETRIC))
    check_descends(gradient(SYMMETRIC, "generator", nets, batch), f_trap)


def test_value_with_symmetric_labels_is_half_the_pearson_divergence():
    nets, batch = gaussians(SYMMETRIC, optimal(SYMMETRIC))
    on_fake = loss(SYMMETRIC, "generator", nets, batch)
    on_real = float(nets["discriminator"](batch.real).square().mean()) / 2
    p, q = density(), density(0.3, 1.2)
    close(on_real + on_fake, integral((p - q) ** 2 / (p + q)) / 2, 1e-4)
