"""The losses by hand, what each term pulls towards, and what the printed sign does."""

import math

import numpy as np
import pytest
import torch
from helpers import (
    LATENT,
    REAL,
    batch_of,
    check_sweep,
    check_trains,
    close,
    game,
    gradient,
    linear,
    loss,
)
from slopes import check_slopes

from modescope.core import ModescopeError, Networks
from modescope.methods import GAN, PacGAN
from modescope.methods.mode_regularized import ModeRegularized, square_error

X, Z = np.array(REAL).ravel(), np.array(LATENT).ravel()


def softplus(x):
    return np.log(1 + np.exp(x))


def score(x):
    return -1.5 * x + 0.5


def nets_of(method: ModeRegularized) -> Networks:
    """G(z) = 2 z + 1, E(x) = 0.5 x - 0.3 and the score -1.5 x + 0.5, so reconstructions are x + 0.4."""
    return game(method, generator=linear(2.0, 1.0), discriminator=linear(-1.5, 0.5), encoder=linear(0.5, -0.3))


def regularizer(method: ModeRegularized, sign: float = 1.0) -> float:
    again = X + 0.4
    return method.lambda1 * np.mean((X - again) ** 2) + sign * method.lambda2 * softplus(-score(again)).mean()


@pytest.mark.parametrize(("printed", "sign"), [(False, 1.0), (True, -1.0)])
def test_losses_by_hand(printed, sign):
    method = ModeRegularized(lambda1=0.7, lambda2=0.3, printed_sign=printed)
    nets = nets_of(method)
    extra = regularizer(method, sign)
    close(loss(method, "encoder", nets, batch_of()), extra)
    close(loss(method, "generator", nets, batch_of()), softplus(-score(2 * Z + 1)).mean() + extra)
    expected = softplus(-score(X)).mean() + softplus(score(2 * Z + 1)).mean()
    close(loss(method, "discriminator", nets, batch_of()), expected)


@pytest.mark.parametrize("saturating", [True, False])
def test_without_weights_it_is_the_gan(saturating):
    method, gan = ModeRegularized(lambda1=0.0, lambda2=0.0, saturating=saturating), GAN(saturating=saturating)
    for name in ("generator", "discriminator"):
        close(loss(method, name, nets_of(method), batch_of()), loss(gan, name, nets_of(method), batch_of()))


@pytest.mark.parametrize(("fields", "looks"), [({}, 1.0), ({"printed_sign": True}, -1.0)])
def test_a_step_down_makes_reconstructions_look_real_and_as_printed_fake(fields, looks):
    method = ModeRegularized(lambda1=0.0, **fields)
    nets = nets_of(method)
    moved = nets.flats["encoder"] - 0.01 * gradient(method, "encoder", nets, batch_of())
    after = Networks(nets.layout, {**nets.flats, "encoder": moved})
    mean = lambda nets: float(nets["discriminator"](nets["generator"](nets["encoder"](batch_of().real))).mean())  # noqa: E731
    assert looks * (mean(after) - mean(nets)) > 1e-3


def test_the_printed_loss_has_no_lower_bound():
    """Scores of reconstructions at -1e6: the corrected loss is that large, the printed one as far below zero."""
    for printed, sign in ((False, 1.0), (True, -1.0)):
        method = ModeRegularized(lambda1=0.0, lambda2=1.0, printed_sign=printed)
        nets = game(method, generator=linear(1.0, 0.0), discriminator=linear(0.0, -1e6), encoder=linear(1.0, 0.0))
        close(loss(method, "encoder", nets, batch_of()), sign * 1e6, 1e-9)


def test_reconstruction_pulls_the_generator_to_a_mode_that_it_misses():
    """All latents make 1 and fool the critic; the reals are at -1, whose reconstruction is 1."""
    method = ModeRegularized(lambda1=1.0, lambda2=0.0)
    nets = game(method, generator=linear(0.0, 1.0), discriminator=linear(0.0, 0.0), encoder=linear(1.0, 0.0))
    batch = batch_of([[-1.0], [-1.0]])
    weight, bias = gradient(method, "generator", nets, batch)
    close([weight, bias], [2 * (1 - -1) * -1, 2 * (1 - -1)])  # E(x) = -1, and the slope of (G(E(x)) - x)^2
    close(gradient(GAN(), "generator", nets, batch), [0.0, 0.0])


def test_a_perfect_autoencoder_has_nothing_to_reconstruct():
    method = ModeRegularized(lambda2=0.0)
    nets = game(method, generator=linear(2.0, 1.0), discriminator=linear(1.0, 0.0), encoder=linear(0.5, -0.5))
    close(loss(method, "encoder", nets, batch_of()), 0.0)
    close(gradient(method, "encoder", nets, batch_of()), [0.0, 0.0])


@pytest.mark.parametrize("printed", [True, False])
def test_gradients_and_training(printed):
    check_slopes(ModeRegularized(printed_sign=printed))
    check_trains(ModeRegularized(printed_sign=printed))


def test_weights_can_be_swept():
    check_sweep(ModeRegularized(), lambda1=(0.1, 2.0), lambda2=(0.1, 2.0))


def test_distances_are_sums_over_coordinates():
    x, y = torch.tensor([[1.0, 2.0], [0.0, -1.0]]), torch.tensor([[0.0, 0.0], [0.0, 2.0]])
    close(square_error(x, y), (1 + 4 + 9) / 2)


def test_what_is_observed():
    method = ModeRegularized()
    seen = method.observe(nets_of(method), batch_of())
    close(seen["reconstruction"], 0.16)
    close(seen["critic_real"], score(X).mean())


@pytest.mark.parametrize("name", ["lambda1", "lambda2"])
@pytest.mark.parametrize("value", [-0.1, math.inf])
def test_bad_weights_are_refused(name, value):
    with pytest.raises(ModescopeError, match=rf"^{name} is {value}, expected at least 0$"):
        ModeRegularized(**{name: value})


def test_packing_is_refused():
    with pytest.raises(ModescopeError, match="PacGAN over ModeRegularized is not defined"):
        PacGAN(base=ModeRegularized())
