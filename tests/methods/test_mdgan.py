"""The losses of both steps by hand, and which way each of them pulls."""

import math

import numpy as np
import pytest
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
from modescope.methods import PacGAN
from modescope.methods.mdgan import MDGAN

X, Z = np.array(REAL).ravel(), np.array(LATENT).ravel()


def softplus(x):
    return np.log(1 + np.exp(x))


def d1(x):
    return -1.5 * x + 0.5


def d2(x):
    return 0.8 * x - 0.2


def nets_of(method: MDGAN) -> Networks:
    """G(z) = 2 z + 1 and E(x) = 0.5 x - 0.3, so reconstructions are x + 0.4."""
    return game(
        method,
        generator=linear(2.0, 1.0),
        encoder=linear(0.5, -0.3),
        manifold=linear(-1.5, 0.5),
        diffusion=linear(0.8, -0.2),
    )


AGAIN, FAKE = X + 0.4, 2 * Z + 1


def test_losses_by_hand():
    method = MDGAN(weight=0.3)
    found = {name: loss(method, name, nets_of(method), batch_of()) for name in nets_of(method).flats}
    manifold = np.mean((X - AGAIN) ** 2) + 0.3 * softplus(-d1(AGAIN)).mean()
    close(found["manifold"], softplus(-d1(X)).mean() + softplus(d1(AGAIN)).mean())
    close(found["diffusion"], softplus(-d2(AGAIN)).mean() + softplus(d2(FAKE)).mean())
    close(found["encoder"], manifold)
    close(found["generator"], manifold + softplus(-d2(FAKE)).mean())


@pytest.mark.parametrize(("role", "higher", "lower"), [("manifold", X, AGAIN), ("diffusion", AGAIN, FAKE)])
def test_each_critic_parts_its_two_sides(role, higher, lower):
    """The slope of a flat critic, whose every score is 0, is half the difference of the means of its two sides."""
    nets = nets_of(MDGAN())
    flat = Networks(nets.layout, {**nets.flats, role: 0 * nets.flats[role]})
    close(-gradient(MDGAN(), role, flat, batch_of()), [(higher.mean() - lower.mean()) / 2, 0.0])


def test_generator_follows_both_critics():
    """Its samples go up the slope of the second critic, its reconstructions up that of the first."""
    method = MDGAN(weight=100.0)
    nets = nets_of(method)
    moved = nets.flats["generator"] - 1e-4 * gradient(method, "generator", nets, batch_of())
    after = Networks(nets.layout, {**nets.flats, "generator": moved})
    again = lambda nets: float(nets["generator"](nets["encoder"](batch_of().real)).mean())  # noqa: E731
    assert again(after) < again(nets)  # up the slope -1.5

    alone = nets_of(MDGAN(weight=0.0))
    slope = gradient(MDGAN(weight=0.0), "generator", alone, batch_of())
    square = np.array([2 * 0.4 * (0.5 * X - 0.3).mean(), 2 * 0.4])  # of the reconstruction, in weight and bias
    pull = -0.8 / (1 + np.exp(d2(FAKE)))  # of -log D2, in the sample
    close(slope, square + np.array([np.mean(pull * Z), pull.mean()]))


def test_critics_score_single_samples():
    method = MDGAN()
    assert method.critics == ("manifold", "diffusion")
    seen = method.observe(nets_of(method), batch_of())
    expected = {
        "manifold_real": d1(X).mean(),
        "manifold_fake": d1(AGAIN).mean(),
        "diffusion_real": d2(AGAIN).mean(),
        "diffusion_fake": d2(FAKE).mean(),
        "reconstruction": 0.16,
    }
    assert seen.keys() == expected.keys()
    for name, value in expected.items():
        close(seen[name], value)


def test_gradients_training_and_sweeping():
    check_slopes(MDGAN())
    check_trains(MDGAN())
    check_sweep(MDGAN(), weight=(0.01, 1.0))


@pytest.mark.parametrize("value", [-0.1, math.nan])
def test_a_bad_weight_is_refused(value):
    with pytest.raises(ModescopeError, match=rf"^weight is {value}, expected at least 0$"):
        MDGAN(weight=value)


def test_packing_is_refused():
    with pytest.raises(ModescopeError, match="PacGAN over MDGAN is not defined"):
        PacGAN(base=MDGAN())
