"""The losses by hand, the clipped critic, the schedule against a literal count, and slopes against autograd."""

import math

import numpy as np
import pytest
import torch
from helpers import (
    SCORES,
    SPACE,
    Bowl,
    Given,
    batch_of,
    check_gradients,
    check_trains,
    close,
    game,
    linear,
    loss,
    tiny,
)
from scipy.stats import wasserstein_distance
from torch import nn

from modescope.core import ModescopeError
from modescope.core.config import Member, Training
from modescope.core.engine import Population
from modescope.datasets.ring import Ring
from modescope.methods.long_rounds import moves_in_rounds
from modescope.methods.slopes import between, slope_norms, square_slope, steepest_slope
from modescope.methods.wgan import WGAN
from modescope.methods.wgan_gp import WGANGP

REALS, FAKES = np.array(SCORES)


def trained(method, steps, members=None, **settings):
    training = Training(steps=steps, batch_size=16, **{**method.training, "lr": 1e-2, **settings})
    population = Population(method, Ring(), SPACE, training, members or [Member(0)], dtype=torch.float64)
    population.advance(steps)
    return population


def test_losses_by_hand():
    nets = tiny(WGAN())
    close(loss(WGAN(), "discriminator", nets, batch_of()), FAKES.mean() - REALS.mean())
    close(loss(WGAN(), "generator", nets, batch_of()), -FAKES.mean())


def test_gradients_and_training():
    check_gradients(WGAN())
    check_trains(WGAN(critic_steps=2))


def test_settings_of_the_paper():
    critic, generator = WGAN().players()
    assert (critic.steps, generator.steps) == (5, 1)
    assert generator.moves is None
    assert not generator.project
    assert WGAN.training == {"optimizer": "rmsprop", "lr": 5e-5}
    assert WGAN().clip == 0.01


def test_the_critic_is_clipped_after_its_steps_and_the_generator_is_not():
    population = trained(WGAN(clip=0.03, critic_steps=3), 4)
    flats = population.state["flats"]
    assert flats["discriminator"].abs().max() == 0.03
    assert (flats["discriminator"].abs() == 0.03).sum() > 1
    assert flats["generator"].abs().max() > 0.3


def test_clips_can_be_swept():
    population = trained(WGAN(critic_steps=2), 3, (Member(0, {"clip": 0.02}), Member(0, {"clip": 0.2})))
    close(population.state["flats"]["discriminator"].abs().amax(-1), [0.02, 0.2])


# The schedule


def literal(critic_steps, rounds):
    """The counter of the official code: for each round, how many critic steps are taken before the generator's."""
    gen_iterations, critic = 0, []
    while gen_iterations < rounds:
        long = gen_iterations < 25 or gen_iterations % 500 == 0
        critic.append(100 if long else critic_steps)
        gen_iterations += 1
    return critic


@pytest.mark.parametrize("critic_steps", [1, 5, 20, 100])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.int64])
def test_the_schedule_is_the_official_counter(critic_steps, dtype):
    critic = literal(critic_steps, 1600)
    assert [g for g, steps in enumerate(critic) if steps == 100][25:] == (
        [500, 1000, 1500] if critic_steps < 100 else [*range(25, 1600)]
    )
    moving = {total // critic_steps - 1 for total in np.cumsum(critic).tolist()}  # counted in steps of the game
    steps = torch.arange(max(moving) + 1).to(dtype)
    moves = moves_in_rounds(critic_steps, steps)
    assert set(moves.nonzero().flatten().tolist()) == moving


def test_a_held_generator_stays_while_its_critic_moves():
    population = trained(WGAN(critic_steps=10, long_rounds=True), 0)

    def look():
        state = population.state
        parts = state["flats"]["generator"], state["optimizers"]["generator"]["square"], state["flats"]["discriminator"]
        return [part.clone() for part in parts]

    for step in range(21):
        before = look()
        population.advance(1)
        moved = [not torch.equal(a, b) for a, b in zip(before, look(), strict=True)]
        assert moved == [step in (9, 19)] * 2 + [True]


# Slopes


def test_slopes_against_autograd():
    critic = nn.Sequential(nn.Linear(2, 5), nn.Tanh(), nn.Linear(5, 1)).double()
    generator = torch.Generator().manual_seed(1)
    real, fake = (torch.randn(6, 2, generator=generator, dtype=torch.float64) for _ in range(2))
    u = torch.rand(6, generator=generator, dtype=torch.float64)
    points = (u[:, None] * real + (1 - u)[:, None] * fake).requires_grad_()
    (slopes,) = torch.autograd.grad(critic(points).sum(), points)
    norms = slopes.norm(dim=-1)
    close(slope_norms(critic, points.detach()).detach(), norms, 1e-9)
    close(square_slope(critic, points.detach()).detach(), norms.square().mean())
    for method in (WGAN(), WGANGP()):
        nets = game(method, generator=Given(2), discriminator=critic)
        close(method.observe(nets, batch_of(real, fake, u))["steepest_slope"], norms.max(), 1e-9)


def test_points_lie_on_their_segments():
    real, fake = torch.tensor([[1.0, 2.0], [0.0, 4.0]]), torch.tensor([[3.0, 0.0], [2.0, 2.0]])
    close(between(real, fake, torch.tensor([1.0, 0.0])), [[1.0, 2.0], [2.0, 2.0]])
    close(between(real, fake, torch.tensor([0.25, 0.5])), [[2.5, 0.5], [1.0, 3.0]])


def test_the_steepest_of_all_is_observed():
    nets = game(WGAN(), generator=Given(2), discriminator=Bowl(3.0))
    observed = WGAN().observe(nets, batch_of([[2.0, 0.0], [0.0, 0.5]], [[2.0, 0.0], [0.0, 0.5]]))
    close(observed["steepest_slope"], 6.0)
    assert observed.keys() == {"critic_real", "critic_fake", "steepest_slope"}


def test_a_critic_that_is_a_line_reaches_the_bound():
    nets = game(WGAN(), generator=linear(2.0, 1.0), discriminator=linear(-1.5, 0.5))
    close(steepest_slope(nets, batch_of()), 1.5, 1e-9)


def layer_norms(population):
    """The largest singular value of each layer of the critic."""
    flat = population.state["flats"]["discriminator"][0]
    weights = population.layout.unflatten("discriminator", flat)["discriminator"]
    return [torch.linalg.matrix_norm(weight, 2) for weight in weights.values() if weight.ndim == 2]


def test_a_clipped_critic_obeys_the_product_of_its_layers_norms():
    """For an activation of slope at most 1; a layer from n to m numbers has a norm of at most c sqrt(n m)."""
    for clip in (0.01, 0.5):
        population = trained(WGAN(clip=clip, critic_steps=2), 20)
        steepest, norms = float(population.observe()["steepest_slope"]), layer_norms(population)
        assert len(norms) == 2
        assert 0.05 * math.prod(norms) < steepest <= math.prod(norms)
        assert math.prod(norms) <= clip * math.sqrt(2 * 8) * clip * math.sqrt(8 * 1) * (1 + 1e-12)
    free = trained(WGANGP(critic_steps=1), 1)
    assert float(free.observe()["steepest_slope"]) > 0.01**2 * math.sqrt(2 * 8 * 8)


def test_what_a_critic_gains_is_bounded_by_the_transport_distance():
    """A critic of slope at most K gains at most K times the Wasserstein-1 distance; a line gains all of it."""
    real, fake = np.array([0.3, -1.2, 2.0, 0.1]), np.array([1.3, -0.2, 3.1, 1.2])
    critic = nn.Sequential(nn.Linear(1, 8), nn.Tanh(), nn.Linear(8, 1)).double()
    bound = math.prod(float(torch.linalg.matrix_norm(critic[layer].weight.detach(), 2)) for layer in (0, 2))
    apart = wasserstein_distance(real, fake)
    for net, most, least in ((critic, bound, 0.0), (linear(-1.5, 0.5), 1.5, 1.5)):
        nets = game(WGAN(), generator=Given(1), discriminator=net)
        gain = abs(loss(WGAN(), "discriminator", nets, batch_of(real[:, None], fake[:, None])))
        assert least * apart - 1e-12 <= gain <= most * apart + 1e-12


@pytest.mark.parametrize("clip", [0.0, -0.1, math.inf, math.nan])
def test_a_bad_clip_is_refused(clip):
    with pytest.raises(ModescopeError, match=f"^clip is {clip}, expected more than 0$"):
        WGAN(clip=clip)


def test_bad_numbers_of_steps_are_refused():
    with pytest.raises(ModescopeError, match=r"^critic_steps is 3, expected a divisor of 100 with long_rounds$"):
        WGAN(critic_steps=3, long_rounds=True)
    assert WGAN(critic_steps=3).critic_steps == 3
    with pytest.raises(ModescopeError, match=r"^critic_steps is 0, expected a whole number of at least 1$"):
        WGAN(critic_steps=0, long_rounds=True)
