"""The choice against brute force, the loss by hand, and what the data pull."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from helpers import Given, batch_of, check_trains, close, game, gradient, linear, loss
from slopes import check_slopes
from torch import nn

from modescope.core import Batch, ModescopeError
from modescope.core.networks import Networks
from modescope.methods import PacGAN, UnrolledGAN
from modescope.methods.imle import IMLE
from modescope.nets import Architecture
from modescope.testing import Case


def batch_with(real: np.ndarray, pool: np.ndarray, shift: np.ndarray | None = None) -> Batch:
    batch = batch_of(real, np.full_like(pool[: len(real)], 99.0))
    shift = np.zeros((len(real), pool.shape[1])) if shift is None else shift
    return replace(batch, noise={"latents": torch.tensor(pool), "shift": torch.tensor(shift)})


def drawn(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return rng.normal(size=(6, 2)), rng.normal(size=(60, 3)), rng.normal(size=(6, 3))


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 5), nn.Tanh(), nn.Linear(5, 2)).double()


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("noise_scale", [0.0, 0.3])
def test_choice_and_loss_are_those_of_brute_force(seed, noise_scale):
    real, pool, shift = drawn(seed)
    generator = network()
    made = generator(torch.tensor(pool)).detach().numpy()
    chosen = [min(range(len(made)), key=lambda j: np.linalg.norm(x - made[j])) for x in real]
    assert len(set(chosen)) > 1
    method = IMLE(noise_scale=noise_scale)
    nets = game(method, generator=generator)
    close(method.chosen(nets, batch_with(real, pool)), pool[chosen])
    moved = generator(torch.tensor(pool[chosen] + noise_scale * shift)).detach().numpy()
    close(loss(method, "generator", nets, batch_with(real, pool, shift)), np.mean(((real - moved) ** 2).sum(1)))


def test_gradient_is_that_of_the_chosen_alone():
    real, pool, shift = drawn(0)
    method, generator = IMLE(noise_scale=0.1), network()
    nets, batch = game(method, generator=generator), batch_with(real, pool, shift)
    latents = method.chosen(nets, batch) + 0.1 * torch.tensor(shift)
    ((torch.tensor(real) - generator.requires_grad_()(latents)) ** 2).sum(1).mean().backward()
    expected = torch.cat([parameter.grad.reshape(-1) for parameter in generator.parameters()])
    close(gradient(method, "generator", nets, batch), expected)


def test_each_real_sample_pulls_its_nearest_and_nothing_else_moves():
    """The reals are -1 and 1; the fakes near -1 share that pull, and the mode at 1 takes the nearest of them all."""
    method = IMLE(noise_scale=0.0)
    nets = game(method, generator=Given())
    real, pool = np.array([[-1.0], [1.0]]), torch.tensor([[-1.1], [-0.5], [-0.4], [-3.0]], dtype=torch.float64)

    def at(pool: torch.Tensor) -> torch.Tensor:
        batch = batch_of(real, np.zeros((2, 1)))
        noise = {"latents": pool, "shift": torch.zeros(2, 1, dtype=torch.float64)}
        return method.generator_loss(nets, replace(batch, noise=noise))

    pull = -torch.func.grad(at)(pool)
    close(pull.flatten(), [0.1, 0.0, 1.4, 0.0])


def test_a_fixed_pool_is_the_k_means_of_the_data():
    """Where every sample is the mean of the real ones that chose it, the generator rests."""
    method = IMLE(noise_scale=0.0)
    real = np.array([[-1.2], [-0.8], [0.9], [1.3]])
    pool = np.array([[-1.0], [1.1]])
    nets = game(method, generator=linear(1.0, 0.0))
    close(gradient(method, "generator", nets, batch_with(real, pool)), [0.0, 0.0])
    assert gradient(method, "generator", nets, batch_with(real, pool + 0.1))[1] > 0.1  # a step down lowers the samples


def test_more_candidates_are_nearer():
    real, pool, _ = drawn(3)
    nets = game(IMLE(), generator=network())
    nearest = [float(IMLE().observe(nets, batch_with(real, pool[:m]))["nearest"]) for m in (1, 6, 60)]
    assert nearest == sorted(nearest, reverse=True)
    assert nearest[0] > nearest[2]
    made = nets["generator"](torch.tensor(pool)).numpy()
    close(nearest[2], np.linalg.norm(real[:, None] - made[None], axis=-1).min(1).mean())


def test_sizes_and_training():
    space = Architecture(latent_dim=3).space(2)
    assert IMLE(candidates=4).noise(space, 8) == {"shift": (8, 3), "latents": (32, 3)}
    assert IMLE().critics == ()
    check_slopes(IMLE(candidates=3))
    check_trains(IMLE(candidates=3))


def test_covers_a_ring_that_it_starts_off():
    """Every mode of eight has a generated sample near it after a short training of the mean squares alone."""
    population = Case(method=IMLE(), batch_size=64).population(300, recorded=True, lr=5e-3)
    angles = torch.arange(8) * math.pi / 4
    modes = torch.stack([angles.cos(), angles.sin()], -1).double()
    near = torch.cdist(modes, population.sample(2000)[0]).min(1).values
    start = torch.cdist(modes, Case(method=IMLE(), batch_size=64).population().sample(2000)[0]).min(1).values
    assert start.max() > 0.5
    assert near.max() < 0.25


def test_the_latents_of_the_batch_are_not_used():
    real, pool, shift = drawn(1)
    nets: Networks = game(IMLE(), generator=network())
    batch = batch_with(real, pool, shift)
    close(loss(IMLE(), "generator", nets, batch), loss(IMLE(), "generator", nets, replace(batch, z=batch.z * 0)))


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"candidates": 0}, r"^candidates is 0, expected a whole number of at least 1$"),
        ({"candidates": 1.5}, r"^candidates is 1.5, "),
        ({"noise_scale": -0.1}, r"^noise_scale is -0.1, expected at least 0$"),
        ({"noise_scale": math.inf}, r"^noise_scale is inf, "),
    ],
)
def test_bad_values_are_refused(fields, message):
    with pytest.raises(ModescopeError, match=message):
        IMLE(**fields)


def test_what_is_not_defined_is_refused():
    with pytest.raises(ModescopeError, match=r"^prior is 'uniform', expected 'normal', since IMLE draws"):
        Case(method=IMLE(), architecture=Architecture(prior="uniform")).population()
    with pytest.raises(ModescopeError, match="PacGAN over IMLE is not defined"):
        PacGAN(base=IMLE())
    with pytest.raises(ModescopeError, match="no player of its base answers"):
        UnrolledGAN(base=IMLE())
