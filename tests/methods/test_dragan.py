"""The losses by hand, where the penalty is taken, and the penalty against autograd."""

import math
from dataclasses import replace

import helpers
import numpy as np
import pytest
import torch
from helpers import (
    SCORES,
    Bowl,
    Given,
    batch_of,
    check_gradients,
    check_sweep,
    check_trains,
    close,
    game,
    gradient,
    linear,
    loss,
    tiny,
)
from scipy.stats import kstest, norm
from torch import nn

from modescope.core import ModescopeError
from modescope.methods import GAN, PacGAN
from modescope.methods.dragan import DRAGAN

REALS, FAKES = np.array(SCORES)
REAL = np.array([[1.0, 2.0], [-1.0, 0.5]])
NOISE = np.array([[0.3, -1.0], [2.0, 0.1]])
U = np.array([0.25, 0.8])


@pytest.fixture(autouse=True)
def noisy(monkeypatch):
    """Every batch of the helpers carries the noise that a loss asks for."""
    plain = helpers.batch_of
    monkeypatch.setattr(helpers, "batch_of", lambda *args, **more: noised(plain(*args, **more)))


def noised(batch, noise=None):
    if noise is None:
        noise = torch.randn(batch.real.shape, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    return replace(batch, noise={"perturbation": torch.as_tensor(noise, dtype=torch.float64)})


@pytest.mark.parametrize("slope", [1.0, 0.0])
def test_losses_by_hand(slope):
    method = DRAGAN(penalty=3.0, slope=slope)
    batch = noised(batch_of())
    on_data = np.log1p(np.exp(-REALS)).mean() + np.log1p(np.exp(FAKES)).mean()
    close(loss(method, "discriminator", tiny(method), batch), on_data + 3 * (1.5 - slope) ** 2, 1e-11)
    close(loss(method, "generator", tiny(method), batch), np.log1p(np.exp(-FAKES)).mean())


def test_without_penalty_it_is_the_gan():
    batch = noised(batch_of())
    for name in ("discriminator", "generator"):
        close(loss(DRAGAN(penalty=0.0), name, tiny(DRAGAN()), batch), loss(GAN(), name, tiny(GAN()), batch))


@pytest.mark.parametrize("perturbation", ["uniform", "normal"])
def test_perturbations_by_hand(perturbation):
    method = DRAGAN(perturbation=perturbation, reach=0.7)
    noise = U[:, None] * norm.cdf(NOISE) if perturbation == "uniform" else NOISE
    expected = REAL + 0.7 * REAL.std() * noise
    close(method.perturbed(noised(batch_of(REAL, REAL, U), NOISE)), expected)


def test_the_default_is_the_official_code():
    """X + a (x_p - x) with x_p = x + 0.5 std v, where v is uniform in each coordinate and a in each sample."""
    draw = np.random.default_rng(0)
    real, a, noise = draw.normal(size=(2000, 2)), draw.uniform(size=2000), draw.normal(size=(2000, 2))
    moved = DRAGAN().perturbed(noised(batch_of(real, real, a), noise)).numpy() - real
    v = moved / (0.5 * real.std() * a[:, None])
    assert kstest(v.ravel(), "uniform").pvalue > 0.01
    assert moved.min() >= 0
    assert (DRAGAN().penalty, DRAGAN().slope) == (10, 1)
    assert DRAGAN.training == {"beta1": 0.5, "beta2": 0.9}


def test_normal_perturbations_are_centred():
    draw = np.random.default_rng(0)
    real, noise = draw.normal(size=(5000, 2)), draw.normal(size=(5000, 2))
    method = DRAGAN(perturbation="normal", reach=2.0)
    moved = method.perturbed(noised(batch_of(real, real), noise)).numpy() - real
    assert kstest((moved / (2 * real.std())).ravel(), "norm").pvalue > 0.01


@pytest.mark.parametrize("perturbation", ["uniform", "normal"])
def test_the_penalty_sits_around_reals_alone(perturbation):
    method = DRAGAN(perturbation=perturbation, penalty=2.0)
    nets = game(method, generator=Given(2), discriminator=Bowl(3.0))
    penalties = []
    for fake in ([[0.0, -1.0], [3.0, 2.0]], [[5.0, 5.0], [0.0, 0.0]]):
        batch = noised(batch_of(REAL, fake, U), NOISE)
        penalties.append(loss(method, "discriminator", nets, batch) - loss(GAN(), "discriminator", nets, batch))
    at = method.perturbed(batch).numpy()
    expected = 2 * ((3 * np.sqrt((at**2).sum(1)) - 1) ** 2).mean()
    close(penalties, [expected, expected], 1e-9)


def test_penalty_against_autograd():
    critic = nn.Sequential(nn.Linear(2, 5), nn.Tanh(), nn.Linear(5, 1)).double()
    generator = torch.Generator().manual_seed(1)
    real, fake, noise = (torch.randn(6, 2, generator=generator, dtype=torch.float64) for _ in range(3))
    batch = noised(batch_of(real, fake), noise)
    points = DRAGAN().perturbed(batch).requires_grad_()
    (slopes,) = torch.autograd.grad(critic(points).sum(), points)
    nets = game(DRAGAN(), generator=Given(2), discriminator=critic)
    expected = loss(GAN(), "discriminator", nets, batch) + 10 * float((slopes.norm(dim=-1) - 1).square().mean())
    close(loss(DRAGAN(), "discriminator", nets, batch), expected, 1e-9)


def test_the_slope_is_that_of_the_score():
    """The probability's would be at most a quarter of it, so a score of slope 1 would not be free."""
    nets = game(DRAGAN(), generator=linear(2.0, 1.0), discriminator=linear(1.0, 0.5))
    batch = noised(batch_of())
    close(loss(DRAGAN(), "discriminator", nets, batch), loss(GAN(), "discriminator", nets, batch), 1e-9)


def test_a_flat_critic_and_equal_reals_have_finite_gradients():
    nets = game(DRAGAN(), generator=linear(2.0, 1.0), discriminator=linear(0.0, 0.5))
    assert torch.isfinite(gradient(DRAGAN(), "discriminator", nets, noised(batch_of()))).all()
    equal = noised(batch_of([[0.2], [0.2]]))
    close(DRAGAN().perturbed(equal), [[0.2], [0.2]])
    assert torch.isfinite(gradient(DRAGAN(), "discriminator", nets, equal)).all()


def test_packs_are_perturbed_as_one():
    method = PacGAN(base=DRAGAN(), degree=2)
    assert method.noise(helpers.SPACE, 8) == {"perturbation": (4, 4)}


@pytest.mark.parametrize("perturbation", ["uniform", "normal"])
def test_gradients_and_training(perturbation):
    check_gradients(DRAGAN(perturbation=perturbation))
    check_trains(DRAGAN(perturbation=perturbation))


def test_the_weights_can_be_swept():
    check_sweep(DRAGAN(), penalty=(0.1, 10.0), slope=(0.0, 1.0), reach=(0.1, 2.0))


@pytest.mark.parametrize("name", ["penalty", "slope", "reach"])
@pytest.mark.parametrize("value", [-1.0, math.inf])
def test_bad_numbers_are_refused(name, value):
    with pytest.raises(ModescopeError, match=f"^{name} is {value}, expected at least 0$"):
        DRAGAN(**{name: value})


def test_an_unknown_perturbation_is_refused():
    with pytest.raises(ModescopeError, match=r"unknown perturbation 'unifrom': did you mean 'uniform'"):
        DRAGAN(perturbation="unifrom")
