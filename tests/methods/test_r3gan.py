"""The losses by hand, and both penalties against autograd."""

from dataclasses import replace

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
    loss,
    tiny,
)
from torch import nn
from torch.nn.functional import logsigmoid

from modescope.core import ModescopeError
from modescope.methods.r3gan import R3GAN

REALS, FAKES = np.array(SCORES)


def softplus(x):
    return np.log(1 + np.exp(x))


def test_losses_by_hand():
    method = R3GAN(gamma=0.6)
    close(loss(method, "generator", tiny(method), batch_of()), softplus(REALS - FAKES).mean())
    penalties = 1.5**2 + 1.5**2
    close(loss(method, "discriminator", tiny(method), batch_of()), softplus(FAKES - REALS).mean() + 0.3 * penalties)


def test_each_fake_is_compared_with_its_own_real():
    swapped = batch_of([[-1.0], [0.2]])
    close(loss(R3GAN(), "generator", tiny(R3GAN()), swapped), softplus(REALS[::-1] - FAKES).mean())


def test_penalties_are_taken_at_reals_and_at_fakes():
    real, fake = np.array([[1.0, 2.0], [-1.0, 0.5]]), np.array([[0.0, -1.0], [3.0, 2.0]])
    nets = game(R3GAN(), generator=Given(2), discriminator=Bowl(3.0))
    of = lambda gamma: loss(R3GAN(gamma=gamma), "discriminator", nets, batch_of(real, fake))  # noqa: E731
    r1, r2 = 9 * (real**2).sum(1).mean(), 9 * (fake**2).sum(1).mean()
    close(of(0.8) - of(0.0), 0.4 * (r1 + r2))


def test_penalties_against_autograd():
    critic = nn.Sequential(nn.Linear(2, 5), nn.Tanh(), nn.Linear(5, 1)).double()
    generator = torch.Generator().manual_seed(1)
    real, fake = (torch.randn(6, 2, generator=generator, dtype=torch.float64).requires_grad_() for _ in range(2))
    expected = -logsigmoid(critic(real) - critic(fake)).mean()
    for x in (real, fake):
        (slopes,) = torch.autograd.grad(critic(x).sum(), x)
        expected = expected + 0.05 * slopes.square().sum(-1).mean()
    nets = game(R3GAN(), generator=Given(2), discriminator=critic)
    close(loss(R3GAN(), "discriminator", nets, batch_of(real.detach(), fake.detach())), expected.detach())


def test_gradients_and_training():
    check_gradients(R3GAN())
    check_trains(R3GAN())


def test_gamma_can_be_swept():
    check_sweep(R3GAN(), gamma=(0.1, 5.0))


def test_the_penalty_falls_by_half_a_cosine():
    real, fake = np.array([[1.0, 2.0], [-1.0, 0.5]]), np.array([[0.0, -1.0], [3.0, 2.0]])
    nets = game(R3GAN(), generator=Given(2), discriminator=Bowl(3.0))
    slopes = 9 * ((real**2).sum(1).mean() + (fake**2).sum(1).mean())
    for progress, left in ((0.0, 1.0), (0.5, 0.55), (1.0, 0.1)):
        batch = replace(batch_of(real, fake), progress=torch.tensor(progress, dtype=torch.float64))
        of = lambda method, batch=batch: loss(method, "discriminator", nets, batch)  # noqa: E731
        close(of(R3GAN(gamma=0.8, decay=0.1)) - of(R3GAN(gamma=0.0)), 0.4 * left * slopes)
    check_gradients(R3GAN(decay=0.1))
    check_sweep(R3GAN(), decay=(0.1, 1.0))


def test_settings_of_the_paper():
    assert R3GAN.training == {"beta1": 0.0, "beta2": 0.9}


def test_a_bad_gamma_is_refused():
    with pytest.raises(ModescopeError, match=r"^gamma is -1.0, expected at least 0$"):
        R3GAN(gamma=-1.0)
    with pytest.raises(ModescopeError, match=r"^decay is -1.0, expected at least 0$"):
        R3GAN(decay=-1.0)
