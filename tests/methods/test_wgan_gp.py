"""The losses by hand, and the penalty against autograd."""

import math

import numpy as np
import pytest
import torch
from helpers import (
    REAL,
    SCORES,
    SPACE,
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
from torch import nn

from modescope.core import ModescopeError
from modescope.methods.wgan_gp import WGANGP

REALS, FAKES = np.array(SCORES)
APART = FAKES.mean() - REALS.mean()


def test_losses_by_hand():
    method = WGANGP(penalty=0.7)
    close(loss(method, "generator", tiny(method), batch_of()), -FAKES.mean())
    close(loss(method, "discriminator", tiny(method), batch_of()), APART + 0.7 * (1.5 - 1) ** 2, 1e-11)


def test_a_critic_of_slope_1_pays_nothing():
    for slope in (1.0, -1.0):
        nets = game(WGANGP(), generator=linear(2.0, 1.0), discriminator=linear(slope, 0.5))
        critic = nets["discriminator"]
        at = lambda x: critic(torch.tensor(x, dtype=torch.float64)).mean()  # noqa: B023, E731
        apart = at([[2.0], [0.5]]) - at(REAL)
        close(loss(WGANGP(penalty=1e6), "discriminator", nets, batch_of()), apart, 1e-10)


def test_penalty_is_taken_between_each_real_and_its_fake():
    u = [0.1, 0.7]
    method = WGANGP(penalty=2.0)
    nets = game(method, generator=Given(2), discriminator=Bowl(3.0))
    real, fake = np.array([[1.0, 2.0], [-1.0, 0.5]]), np.array([[0.0, -1.0], [2.0, 2.0]])
    between = np.array(u)[:, None] * real + (1 - np.array(u)[:, None]) * fake
    penalty = ((3 * np.sqrt((between**2).sum(1)) - 1) ** 2).mean()
    apart = 1.5 * ((fake**2).sum(1).mean() - (real**2).sum(1).mean())
    close(loss(method, "discriminator", nets, batch_of(real, fake, u)), apart + 2 * penalty, 1e-10)


def test_penalty_against_autograd():
    critic = nn.Sequential(nn.Linear(2, 5), nn.Tanh(), nn.Linear(5, 1)).double()
    generator = torch.Generator().manual_seed(1)
    real, fake, u = (torch.randn(6, n, generator=generator, dtype=torch.float64) for n in (2, 2, 1))
    u = u.sigmoid()
    between = (u * real + (1 - u) * fake).requires_grad_()
    (slopes,) = torch.autograd.grad(critic(between).sum(), between)
    expected = critic(fake).mean() - critic(real).mean() + 0.1 * (slopes.norm(dim=-1) - 1).square().mean()
    nets = game(WGANGP(), generator=Given(2), discriminator=critic)
    close(loss(WGANGP(), "discriminator", nets, batch_of(real, fake, u[:, 0])), expected.detach(), 1e-10)


def test_a_flat_critic_has_a_finite_gradient():
    nets = game(WGANGP(), generator=linear(2.0, 1.0), discriminator=linear(0.0, 0.5))
    found = gradient(WGANGP(), "discriminator", nets, batch_of())
    assert torch.isfinite(found).all()
    close(found, [np.mean([2.0, 0.5]) - np.mean(REAL), 0.0])


def test_gradients_and_training():
    check_gradients(WGANGP())
    check_trains(WGANGP(critic_steps=2))


def test_the_penalty_can_be_swept():
    check_sweep(WGANGP(), penalty=(0.1, 10.0))


def test_settings_of_the_paper():
    discriminator, generator = WGANGP().players()
    assert (discriminator.steps, generator.steps) == (5, 1)
    assert WGANGP.training == {"beta1": 0.5, "beta2": 0.9}
    assert set(WGANGP().networks(SPACE)) == {"generator", "discriminator"}


@pytest.mark.parametrize("penalty", [-1.0, math.inf])
def test_a_bad_penalty_is_refused(penalty):
    with pytest.raises(ModescopeError, match=f"^penalty is {penalty}, expected at least 0$"):
        WGANGP(penalty=penalty)
    with pytest.raises(ModescopeError, match=r"^critic_steps is 0, expected a whole number of at least 1$"):
        WGANGP(critic_steps=0)
