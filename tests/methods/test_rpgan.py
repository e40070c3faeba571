"""The losses by hand, either penalty alone, and the Jensen-Shannon divergence of pairs."""

import math

import numpy as np
import pytest
import torch
from helpers import (
    SCALE,
    SCORES,
    SHIFT,
    Bowl,
    Given,
    Score,
    batch_of,
    check_gradients,
    check_sweep,
    check_trains,
    close,
    game,
    loss,
    smooth,
    tiny,
)

from modescope.core import ModescopeError
from modescope.methods.r3gan import R3GAN
from modescope.methods.rpgan import RpGAN

REALS, FAKES = np.array(SCORES)
ARMS = {"plain": (0.0, 0.0), "r1": (0.7, 0.0), "r2": (0.0, 0.4), "both": (0.7, 0.4)}


def softplus(x):
    return np.log1p(np.exp(x))


@pytest.mark.parametrize("arm", ARMS)
def test_losses_by_hand(arm):
    r1, r2 = ARMS[arm]
    method = RpGAN(r1=r1, r2=r2)
    close(loss(method, "generator", tiny(method), batch_of()), softplus(REALS - FAKES).mean())
    expected = softplus(FAKES - REALS).mean() + (r1 + r2) / 2 * 1.5**2
    close(loss(method, "discriminator", tiny(method), batch_of()), expected)


@pytest.mark.parametrize("arm", ARMS)
def test_each_penalty_is_taken_at_its_own_side(arm):
    r1, r2 = ARMS[arm]
    real, fake = np.array([[1.0, 2.0], [-1.0, 0.5]]), np.array([[0.0, -1.0], [3.0, 2.0]])
    nets = game(RpGAN(), generator=Given(2), discriminator=Bowl(3.0))
    of = lambda method: loss(method, "discriminator", nets, batch_of(real, fake))  # noqa: E731
    at_real, at_fake = (9 * (x**2).sum(1).mean() for x in (real, fake))
    close(of(RpGAN(r1=r1, r2=r2)) - of(RpGAN()), (r1 * at_real + r2 * at_fake) / 2)


@pytest.mark.parametrize("arm", ARMS)
def test_a_weight_of_zero_costs_nothing(arm):
    r1, r2 = ARMS[arm]
    calls = []
    nets = game(RpGAN(), generator=Given(), discriminator=Score(lambda x: calls.append(x) or x))
    loss(RpGAN(r1=r1, r2=r2), "discriminator", nets, batch_of())
    assert len(calls) == 2 + (r1 > 0) + (r2 > 0)


def test_each_fake_is_compared_with_its_own_real():
    swapped = batch_of([[-1.0], [0.2]])
    close(loss(RpGAN(), "generator", tiny(RpGAN()), swapped), softplus(REALS[::-1] - FAKES).mean())


def test_equal_weights_are_r3gan():
    nets, batch = smooth(RpGAN())
    for name in ("discriminator", "generator"):
        close(loss(RpGAN(r1=0.3, r2=0.3), name, nets, batch), loss(R3GAN(gamma=0.3), name, nets, batch))


def gaussian(x, shift=0.0, scale=1.0):
    return np.exp(-(((x - shift) / scale) ** 2) / 2) / (scale * np.sqrt(2 * np.pi))


def test_the_optimal_critic_measures_the_divergence_of_pairs():
    """At s = log p / q the loss is log 2 - JS(p x q, q x p), less than at any other critic, over a grid of pairs."""
    x = np.linspace(-9, 9, 601)
    cell = (x[1] - x[0]) ** 2
    p, q = gaussian(x), gaussian(x, SHIFT, SCALE)
    pairs, swapped = np.outer(p, q), np.outer(q, p)
    m = (pairs + swapped) / 2
    kl = lambda a: (a * np.log(a / m)).sum() * cell  # noqa: E731
    js = (kl(pairs) + kl(swapped)) / 2
    assert js > 0.01

    weights = torch.as_tensor(pairs.ravel() * cell)
    near, far = (torch.as_tensor(np.ascontiguousarray(g)).reshape(-1, 1) for g in np.broadcast_arrays(x[:, None], x))

    def value(critic):
        # With N equal rows a mean is a sum over cells if each is weighed by N times its mass.
        nets = game(RpGAN(), generator=Given(1), discriminator=critic)
        gap = nets["discriminator"](far) - nets["discriminator"](near)
        return float((weights * torch.nn.functional.softplus(gap).squeeze(-1)).sum())

    def critic(factor):
        class Critic(torch.nn.Module):
            def __init__(self):
                super().__init__()
                self.bias = torch.nn.Parameter(torch.tensor(3.0, dtype=torch.float64))  # which is free

            def forward(self, y):
                ratio = -y.square() / 2 + ((y - SHIFT) / SCALE).square() / 2 + math.log(SCALE)
                return factor * ratio + self.bias

        return Critic()

    close(value(critic(1.0)), math.log(2) - js, 1e-8)
    assert min(value(critic(0.8)), value(critic(1.2))) > value(critic(1.0)) + 1e-4


@pytest.mark.parametrize("arm", ARMS)
def test_gradients(arm):
    r1, r2 = ARMS[arm]
    check_gradients(RpGAN(r1=r1, r2=r2))


def test_training():
    check_trains(RpGAN())
    check_trains(RpGAN(r1=0.1, r2=0.1))


def test_weights_can_be_swept_from_zero():
    check_sweep(RpGAN(), r1=(0.0, 5.0), r2=(0.0, 5.0))


@pytest.mark.parametrize("name", ["r1", "r2"])
@pytest.mark.parametrize("value", [-1.0, math.inf])
def test_bad_weights_are_refused(name, value):
    with pytest.raises(ModescopeError, match=f"^{name} is {value}, expected at least 0$"):
        RpGAN(**{name: value})
