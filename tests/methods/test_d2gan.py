"""The losses by hand, and both KL divergences at the optimal critics."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from helpers import (
    SCALE,
    SCORES,
    SHIFT,
    Affine,
    Score,
    batch_of,
    check_descends,
    check_gradients,
    check_sweep,
    check_trains,
    close,
    density,
    game,
    gradient,
    integral,
    linear,
    log_ratio,
    loss,
    normals,
)

from modescope.core import ModescopeError
from modescope.methods import UnrolledGAN
from modescope.methods.d2gan import D2GAN, EPS

REALS, FAKES = np.array(SCORES)
REALS2, FAKES2 = 0.8 * np.array([0.2, -1.0]) - 0.1, 0.8 * np.array([2.0, 0.5]) - 0.1
WEIGHTS = [(1.0, 1.0), (0.2, 0.7), (0.9, 0.0), (0.0, 0.4)]


def tiny(method):
    """The usual fakes and first scores, and a second critic of its own."""
    critics = {"discriminator": linear(-1.5, 0.5), "discriminator2": linear(0.8, -0.1)}
    return game(method, generator=linear(2.0, 1.0), **critics)


def softplus(s):
    return np.log(1 + np.exp(s)) + EPS


def value(alpha, beta):
    first = alpha * np.log(softplus(REALS)).mean() - softplus(FAKES).mean()
    return first - softplus(REALS2).mean() + beta * np.log(softplus(FAKES2)).mean()


@pytest.mark.parametrize(("alpha", "beta"), WEIGHTS)
def test_losses_by_hand(alpha, beta):
    method = D2GAN(alpha=alpha, beta=beta)
    close(loss(method, "generator", tiny(method), batch_of()), value(alpha, beta), 1e-11)
    close(loss(method, "discriminator", tiny(method), batch_of()), -value(alpha, beta), 1e-11)


def test_preferences_are_opposite():
    """The first critic gains by higher scores of reals, the second by lower ones, and the other way for fakes."""
    method = D2GAN()
    for role, index in (("discriminator", 0), ("discriminator2", 1)):
        for where, sign in (("real", 1), ("fake", -1)):
            pushed = {"discriminator": Score(torch.zeros_like), "discriminator2": Score(torch.zeros_like)}
            point = 3.0 if where == "real" else -3.0
            pushed[role] = Score(lambda x, point=point: (x == point).double())  # one side's score is 1 higher
            flat = {"discriminator": Score(torch.zeros_like), "discriminator2": Score(torch.zeros_like)}
            batch = batch_of([[3.0]], [[-3.0]])
            values = [
                loss(method, "discriminator", game(method, generator=Affine(0.0, 1.0), **critics), batch)
                for critics in (pushed, flat)
            ]
            assert np.sign(values[1] - values[0]) == sign * (1 if index == 0 else -1)


def optimal(method, n=200_000):
    """N(0, 1) against N(SHIFT, SCALE^2) with D1 = alpha p / q and D2 = beta q / p."""

    def inverse(log_output):
        output = log_output.exp() - EPS
        return output + (-torch.expm1(-output)).log()  # of the softplus

    z = normals(n)
    nets = game(
        method,
        generator=Affine(),
        discriminator=Score(lambda x: inverse(np.log(method.alpha) + log_ratio(x))),
        discriminator2=Score(lambda x: inverse(np.log(method.beta) - log_ratio(x))),
    )
    return nets, batch_of(z, z)


def divergences(alpha, beta):
    return lambda p, q: alpha * p * np.log(p / q) + beta * q * np.log(q / p)


@pytest.mark.parametrize(("alpha", "beta"), WEIGHTS[:2])
def test_value_at_the_optimal_critics(alpha, beta):
    """Theorem 2."""
    method = D2GAN(alpha=alpha, beta=beta)
    distance = integral(divergences(alpha, beta)(density(), density(SHIFT, SCALE)))
    assert distance > 0.05
    constant = alpha * (np.log(alpha) - 1) + beta * (np.log(beta) - 1)
    close(loss(method, "generator", *optimal(method)), constant + distance, 3e-4)


@pytest.mark.parametrize(("alpha", "beta"), WEIGHTS[:2])
def test_the_critics_stop_at_their_optimum(alpha, beta):
    method = D2GAN(alpha=alpha, beta=beta)
    nets, batch = optimal(method, 50_000)
    slopes = gradient(method, "discriminator", nets, batch)
    close(slopes[[0, 1, 3, 4]], [0, 0, 0, 0], 2e-3)  # the quadratic directions need more of the tails
    best = loss(method, "discriminator", nets, batch)
    for direction in torch.eye(6, dtype=torch.float64)[[0, 3]]:
        for step in (-0.1, 0.1):
            flats = {**nets.flats, "discriminator": nets.flats["discriminator"] + step * direction}
            assert loss(method, "discriminator", replace(nets, flats=flats), batch) > best + 1e-4


@pytest.mark.parametrize(("alpha", "beta"), WEIGHTS[:2])
def test_the_generator_descends_both_divergences(alpha, beta):
    method = D2GAN(alpha=alpha, beta=beta)
    check_descends(gradient(method, "generator", *optimal(method)), divergences(alpha, beta))


def test_gradients():
    check_gradients(D2GAN(alpha=0.3, beta=0.8))


def test_training():
    check_trains(D2GAN())
    check_trains(UnrolledGAN(base=D2GAN(), unroll=1))


def test_weights_can_be_swept():
    check_sweep(D2GAN(), alpha=(0.1, 1.0), beta=(0.1, 1.0))


def test_extreme_scores_stay_finite_in_float32():
    x = torch.tensor([[300.0], [-300.0]])
    critics = {"discriminator": linear(1.0, 0.0).float(), "discriminator2": linear(1.0, 0.0).float()}
    nets = game(D2GAN(), generator=linear(1.0, 0.0).float(), **critics)
    batch = replace(batch_of(), real=x, z=x)
    for name in ("discriminator", "generator"):
        assert np.isfinite(loss(D2GAN(), name, nets, batch))
        assert torch.isfinite(gradient(D2GAN(), name, nets, batch)).all()


def test_both_critics_are_critics():
    assert D2GAN().critics == ("discriminator", "discriminator2")


def test_observations():
    seen = D2GAN().observe(tiny(D2GAN()), batch_of())
    expected = {"critic_real": REALS, "critic_fake": FAKES, "critic2_real": REALS2, "critic2_fake": FAKES2}
    assert seen.keys() == expected.keys()
    for name, scores in expected.items():
        close(seen[name], scores.mean(), 1e-11)


@pytest.mark.parametrize("name", ["alpha", "beta"])
def test_a_bad_weight_is_refused(name):
    with pytest.raises(ModescopeError, match=rf"^{name} is -0.5, expected at least 0$"):
        D2GAN(**{name: -0.5})
