"""The loss by hand, its optimal discriminator, and what it may wrap."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from helpers import (
    SCALE,
    SCORES,
    SHIFT,
    batch_of,
    check_gradients,
    check_sweep,
    check_trains,
    close,
    gaussians,
    gradient,
    loss,
    smooth,
    tiny,
)
from torch.nn.functional import softplus

from modescope.core import ModescopeError, Wrapper
from modescope.core.method import holds
from modescope.methods import GAN, LSGAN, METHODS, ForwardKL, PacGAN, UnrolledGAN, WeightedJS, build
from modescope.methods.label_smoothing import LabelSmoothing
from modescope.methods.msgan import MSGAN
from modescope.methods.spectral_norm import SpectralNorm
from modescope.methods.ttur import TTUR
from modescope.testing import Case, glimpse, moved

REALS, FAKES = np.array(SCORES)


def test_loss_by_hand_is_the_cross_entropy_to_the_label():
    method = LabelSmoothing(alpha=0.2)
    D = lambda s: 1 / (1 + np.exp(-s))  # noqa: E731
    on_real = -(0.8 * np.log(D(REALS)) + 0.2 * np.log(1 - D(REALS))).mean()
    on_fake = -np.log(1 - D(FAKES)).mean()
    close(loss(method, "discriminator", tiny(method), batch_of()), on_real + on_fake)
    close(loss(method, "generator", tiny(method), batch_of()), loss(GAN(), "generator", tiny(GAN()), batch_of()))


def test_no_smoothing_is_the_base():
    method = LabelSmoothing(alpha=0.0)
    for name in ("discriminator", "generator"):
        close(loss(method, name, tiny(method), batch_of()), loss(GAN(), name, tiny(GAN()), batch_of()))


@pytest.mark.parametrize("alpha", [0.1, 0.4])
def test_the_discriminator_stops_at_one_less_alpha_of_p(alpha):
    """D* = (1 - alpha) p / (p + q), that is s* = log (1 - alpha) p / (q + alpha p), where the slope is 0."""

    def best(x):
        p = torch.exp(-x.square() / 2)
        q = torch.exp(-((x - SHIFT) / SCALE).square() / 2) / SCALE
        return torch.log((1 - alpha) * p / (q + alpha * p))

    method = LabelSmoothing(alpha=alpha)
    nets, batch = gaussians(method, best)
    close(gradient(method, "discriminator", nets, batch), [0, 0, 0], 1e-3)
    moved = replace(nets, flats={**nets.flats, "discriminator": nets.flats["discriminator"] + 0.1})
    assert loss(method, "discriminator", moved, batch) > loss(method, "discriminator", nets, batch)
    assert gradient(GAN(), "discriminator", nets, batch).abs().max() > 0.05


def test_gradients_sweeps_and_training():
    check_gradients(LabelSmoothing())
    check_sweep(LabelSmoothing(), alpha=(0.0, 0.4))
    check_trains(LabelSmoothing())


def test_wrappers_outside_see_the_smoothed_loss():
    """On packs, and through normalised critics, the term is that of the scores which the base sees."""
    method = PacGAN(base=LabelSmoothing(alpha=0.3))
    nets, batch = smooth(method)
    plain = loss(PacGAN(), "discriminator", nets, batch)
    packs = batch.real.reshape(2, 4)
    close(loss(method, "discriminator", nets, batch), plain + 0.3 * float(nets["discriminator"](packs).mean()))


def test_wrappers_inside_that_leave_the_discriminator_alone_are_welcome():
    method = LabelSmoothing(base=TTUR(base=MSGAN()))
    nets, batch = smooth(method)
    expected = loss(LabelSmoothing(), "discriminator", nets, batch)
    close(loss(method, "discriminator", nets, batch), expected)
    assert [player.rate for player in method.players()] == [3.0, 1.0]


SAME_CRITIC = ("gdpp", "msgan", "ttur", "ema", "historical-averaging", "top-k")  # and the same latents
LOGISTIC = [name for name, kind in METHODS.items() if not issubclass(kind, Wrapper) and holds(kind(), "logistic")]


@pytest.mark.parametrize("name", [*LOGISTIC, *SAME_CRITIC])
def test_a_method_that_says_so_has_the_logistic_loss(name):
    """Up to terms that hold no scores; the slopes in the critic tell."""
    method = build(name)
    nets, batch = glimpse(Case(method=method))

    def literal(flat):
        D = moved(nets, "discriminator", flat)["discriminator"]
        return softplus(-D(batch.real)).mean() + softplus(D(method.sample(nets, batch.z))).mean()

    expected = torch.func.grad(literal)(nets.flats["discriminator"])
    close(gradient(method, "discriminator", nets, batch), expected)


class Other(GAN):
    """A subclass, whose losses may differ."""


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"alpha": 1.0}, "^alpha is 1.0, expected a number of at least 0 and less than 1$"),
        ({"alpha": -0.1}, "^alpha is -0.1"),
        ({"alpha": float("nan")}, "^alpha is nan"),
        ({"base": LSGAN()}, "^LabelSmoothing over LSGAN is not defined, since its labels are those of the plain logis"),
        ({"base": WeightedJS()}, "over WeightedJS is not defined"),
        ({"base": Other()}, "over Other is not defined"),
        ({"base": PacGAN()}, "single samples; PacGAN over LabelSmoothing over GAN is$"),
        ({"base": UnrolledGAN()}, "; UnrolledGAN over LabelSmoothing over GAN is$"),
        ({"base": SpectralNorm()}, "; SpectralNorm over LabelSmoothing over GAN is$"),
        ({"base": ForwardKL(base=LSGAN())}, "^LabelSmoothing over ForwardKL over LSGAN is not defined.*samples$"),
        ({"base": LabelSmoothing()}, "^LabelSmoothing over LabelSmoothing over GAN is not defined.*samples$"),
    ],
)
def test_refusals(fields, message):
    with pytest.raises(ModescopeError, match=message):
        LabelSmoothing(**fields)
