"""The losses by hand, the divergence that each loss descends, and what the literal recipe descends instead."""

import math

import numpy as np
import pytest
import torch
from helpers import (
    SCORES,
    batch_of,
    check_gradients,
    check_sweep,
    check_trains,
    close,
    divergence_gradient,
    game,
    gradient,
    linear,
    log_ratio,
    loss,
    smooth,
    tiny,
)
from rows import CASES, PI, SMOOTH, check_descends, expected_gradient, f, integrand, wide

from modescope.core import ModescopeError
from modescope.methods import GAN
from modescope.methods.ratio import RatioGAN

REALS, FAKES = np.array(SCORES)
U = np.exp(FAKES)


def derivative(case, u, h=1e-6):
    return (f(case)(u + h) - f(case)(u - h)) / (2 * h)


@pytest.mark.parametrize("case", CASES)
def test_losses_by_hand(case):
    expected = {True: f(case)(U).mean(), False: (f(case)(U) - U * derivative(case, U)).mean()}
    for plug_in in (True, False):
        if case == "tv" and not plug_in:
            continue
        method = RatioGAN(**wide(case), plug_in=plug_in)
        close(loss(method, "generator", tiny(method), batch_of()), expected[plug_in], 1e-8)
        on_real, on_fake = np.log1p(np.exp(-REALS)).mean(), np.log1p(np.exp(FAKES)).mean()
        close(loss(method, "discriminator", tiny(method), batch_of()), on_real + on_fake)


def test_the_critic_is_the_gans():
    nets, batch = smooth(GAN())
    for case in SMOOTH:
        found = gradient(RatioGAN(**CASES[case]), "discriminator", nets, batch)
        close(found, gradient(GAN(), "discriminator", nets, batch))


@pytest.mark.parametrize("case", SMOOTH)
def test_the_generator_descends_the_divergence(case):
    check_descends(RatioGAN(**wide(case)), log_ratio, case)


def test_two_rows_are_losses_of_the_gan():
    """The row of the GAN is its saturating loss; the reverse KL is the score itself."""
    nets, batch = smooth(GAN())
    saturating = gradient(GAN(saturating=True), "generator", nets, batch)
    close(gradient(RatioGAN(divergence="gan"), "generator", nets, batch), saturating)
    scores = nets["discriminator"](nets["generator"](batch.z))
    close(loss(RatioGAN(divergence="reverse-kl"), "generator", nets, batch), float(1 - scores.mean()))


# The literal recipe


def test_plugged_in_the_reverse_kl_is_exact():
    check_descends(RatioGAN(**wide("reverse-kl"), plug_in=True), log_ratio, "reverse-kl")


def test_plugged_in_the_kl_descends_no_divergence():
    """Its f is -u log(u)^2 / 2, concave for u > 1 / e, and against the true gradient here."""
    plugged = expected_gradient(RatioGAN(**wide("kl"), plug_in=True), log_ratio).numpy()
    concave = divergence_gradient(lambda p, q: -p * np.log(p / q) ** 2 / 2)
    np.testing.assert_allclose(plugged, concave, rtol=1e-5)
    forward = divergence_gradient(integrand("kl"))
    assert (np.sign(plugged) == -np.sign(forward)).all()
    exact = expected_gradient(RatioGAN(**wide("kl")), log_ratio).numpy()
    assert (np.sign(exact) == np.sign(forward)).all()


@pytest.mark.parametrize(
    ("case", "least"),
    [("kl", math.exp(-1)), ("pearson", 1.0), ("jeffrey", 1.0), ("js", 1.0), ("alpha 0.5", 1.0), ("weighted-js", 1.0)],
)
def test_plugged_in_fakes_are_drawn_to_the_least_f(case, least):
    """A fake is pulled up the score below that ratio and down above it; with the correction always up."""
    for ratio, sign in ((least / 2, 1), (least * 2, -1)):
        for plug_in, expected in ((True, sign), (False, 1)):
            method = RatioGAN(**CASES[case], plug_in=plug_in)
            nets = game(method, generator=linear(1.0, 0.0), discriminator=linear(1.0, 0.0))
            shift = gradient(method, "generator", nets, batch_of(z=[[math.log(ratio)], [math.log(ratio)]]))[1]
            assert float(-shift) * expected > 0


# Bounds, options and refusals


def test_the_score_is_cut_off():
    method = RatioGAN(divergence="kl", clip=2.0)
    nets = game(method, generator=linear(1.0, 0.0), discriminator=linear(1.0, 0.0))
    far = batch_of(z=[[1e4], [-1e4]])
    close(loss(method, "generator", nets, far), -(math.exp(2) + math.exp(-2)) / 2)
    close(gradient(method, "generator", nets, far), [0.0, 0.0])
    near = batch_of(z=[[1.9], [-1.9]])
    close(loss(method, "generator", nets, near), -math.cosh(1.9))


@pytest.mark.parametrize("plug_in", [False, True])
@pytest.mark.parametrize("case", SMOOTH)
def test_extreme_scores_stay_finite_in_float32(case, plug_in):
    method = RatioGAN(**CASES[case], plug_in=plug_in)
    row = {True: "f", False: "exact"}[plug_in]
    nets = game(method, generator=linear(1.0, 0.0).float(), discriminator=linear(1.0, 0.0).float())
    z = torch.tensor([[-1e4], [-10.0], [0.0], [10.0], [1e4]])
    batch = batch_of(z=z)
    batch = type(batch)(z, z, torch.zeros(5))
    assert math.isfinite(loss(method, "generator", nets, batch)), row
    assert torch.isfinite(gradient(method, "generator", nets, batch)).all()


@pytest.mark.parametrize("plug_in", [False, True])
@pytest.mark.parametrize("case", SMOOTH)
def test_gradients(case, plug_in):
    check_gradients(RatioGAN(**CASES[case], plug_in=plug_in))


def test_gradients_of_the_total_variation_plugged_in():
    check_gradients(RatioGAN(divergence="tv", plug_in=True))


def test_training():
    check_trains(RatioGAN())
    check_trains(RatioGAN(divergence="kl"))


def test_parameters_can_be_swept():
    check_sweep(RatioGAN(), power=(-0.5, 1.5), clip=(0.01, 10.0))
    check_sweep(RatioGAN(plug_in=True), power=(0.5, 2.0))
    check_sweep(RatioGAN(divergence="weighted-js"), pi=(0.01, PI))


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"divergence": "kll"}, "unknown divergence 'kll': did you mean 'kl'"),
        ({"divergence": "tv"}, "divergence is 'tv', expected plug_in with it or another divergence"),
        ({"pi": 0.0}, "pi is 0.0, expected a number strictly between 0 and 1"),
        ({"power": 0.0}, "power is 0.0, expected a finite number other than 0"),
        ({"clip": math.nan}, "clip is nan, expected more than 0"),
        ({"clip": -1.0}, "clip is -1.0, expected more than 0"),
    ],
)
def test_bad_values_are_refused(fields, message):
    with pytest.raises(ModescopeError, match=message):
        RatioGAN(**fields)
