"""VEEGAN: which side is which, what each player descends, and what the reconstructor never sees."""

import math
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.distributions import Normal
from torch.func import grad

from modescope.core import Batch, Method, ModescopeError, Networks
from modescope.methods import VEEGAN
from modescope.nets import Architecture
from modescope.testing import Case, glimpse, moved

LATENTS = 2  # of the three coordinates, one is noise


def loss(method: Method, player: str, nets: Networks, batch: Batch) -> Tensor:
    return next(p.loss for p in method.players() if p.name == player)(nets, batch)


def slope(method: Method, player: str, nets: Networks, batch: Batch) -> Tensor:
    return grad(lambda flat: loss(method, player, moved(nets, player, flat), batch))(nets.flats[player])


def raised(nets: Networks, amount: float) -> Networks:
    """The networks, with every score higher by `amount`."""
    flat = nets.flats["discriminator"].clone()
    flat[-1] += amount  # the last parameter is the bias of the head
    return moved(nets, "discriminator", flat)


@pytest.fixture
def scene() -> tuple[Networks, Batch]:
    return glimpse(Case(method=VEEGAN()))


def test_generated_pairs_are_class_one(scene: tuple[Networks, Batch]) -> None:
    nets, batch = scene
    method = VEEGAN()
    after = nets.descend(method.players()[0], batch)
    gap, gap_after = (method.on_fake(n, batch).mean() - method.on_real(n, batch).mean() for n in (nets, after))
    assert gap_after > gap
    even = moved(nets, "discriminator", torch.zeros_like(nets.flats["discriminator"]))
    assert loss(method, "discriminator", even, batch).item() == pytest.approx(2 * math.log(2))
    sure = raised(even, 50.0)  # says "class one" of everything, and pays for the real samples alone
    assert loss(method, "discriminator", sure, batch).item() == pytest.approx(50.0)


def test_the_generator_descends_the_raw_score(scene: tuple[Networks, Batch]) -> None:
    """A score that is higher everywhere raises its loss by as much, and leaves the gradient as it was."""
    nets, batch = scene
    method, high = VEEGAN(), raised(nets, 5.0)
    gap = loss(method, "generator", high, batch) - loss(method, "generator", nets, batch)
    assert gap.item() == pytest.approx(5.0)
    assert torch.allclose(
        slope(method, "generator", high, batch), slope(method, "generator", nets, batch), rtol=0, atol=1e-12
    )


def test_the_distance_is_the_reconstructors_negative_log_likelihood(scene: tuple[Networks, Batch]) -> None:
    nets, batch = scene
    z, mean = batch.z[:, :LATENTS], nets["reconstructor"](nets["generator"](batch.z))
    nll = -Normal(mean, 1.0).log_prob(z).sum(1).mean() - LATENTS / 2 * math.log(2 * math.pi)
    assert torch.allclose(loss(VEEGAN(), "reconstructor", nets, batch), nll)
    assert torch.allclose(loss(VEEGAN(distance="mean"), "reconstructor", nets, batch), nll / LATENTS)
    assert torch.allclose(loss(VEEGAN(weight=3.0), "reconstructor", nets, batch), 3 * nll)
    bare = loss(VEEGAN(weight=0.0), "generator", nets, batch)
    assert torch.allclose(loss(VEEGAN(weight=2.0), "generator", nets, batch), bare + 2 * nll)


def test_the_reconstructor_never_sees_real_samples(scene: tuple[Networks, Batch]) -> None:
    nets, batch = scene

    def of_real(method: Method) -> Tensor:
        return grad(lambda real: loss(method, "reconstructor", nets, replace(batch, real=real)))(batch.real)

    assert of_real(VEEGAN()).count_nonzero() == 0
    assert of_real(VEEGAN(adversarial_reconstructor=True)).count_nonzero() > 0


def test_an_adversarial_reconstructor_raises_the_scores_of_real_pairs(scene: tuple[Networks, Batch]) -> None:
    nets, batch = scene
    method = VEEGAN(adversarial_reconstructor=True, weight=0.0)
    after = nets.descend(method.players()[2], batch)
    assert method.on_real(after, batch).mean() > method.on_real(nets, batch).mean()


def test_the_reconstructor_is_drawn_from_before_the_discriminator_sees_it(scene: tuple[Networks, Batch]) -> None:
    nets, batch = scene
    eps = batch.noise["reconstructor"]
    assert eps.shape == (8, LATENTS)
    drawn = nets["reconstructor"](batch.real) + eps
    expected = nets["discriminator"](torch.cat([batch.real, drawn], 1))  # the sample, then the latent
    assert torch.equal(VEEGAN().on_real(nets, batch), expected)


def test_the_last_coordinate_of_the_latent_is_noise(scene: tuple[Networks, Batch]) -> None:
    nets, batch = scene
    assert nets["reconstructor"](batch.real).shape == (8, LATENTS)
    assert torch.equal(VEEGAN().latent(batch), batch.z[:, :LATENTS])
    every, batch = glimpse(Case(method=VEEGAN(noise_dims=0)))
    assert every["reconstructor"](batch.real).shape == (8, 3)
    assert torch.equal(VEEGAN(noise_dims=0).latent(batch), batch.z)


@pytest.mark.parametrize("options", [{}, {"distance": "mean"}, {"adversarial_reconstructor": True}], ids=str)
def test_reconstruction_improves(options: dict[str, Any]) -> None:
    case = Case(method=VEEGAN(**options), batch_size=32)
    population = case.population(lr=1e-2)
    before = population.observe()["reconstruction"].item()
    population.advance(60)
    assert population.observe()["reconstruction"].item() < 0.6 * before


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"weight": -1.0}, "weight is -1.0"),
        ({"weight": math.nan}, "weight is nan"),
        ({"distance": "summ"}, "unknown distance 'summ': did you mean 'sum'"),
        ({"noise_dims": -1}, "noise_dims is -1"),
    ],
)
def test_refuses_bad_fields(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ModescopeError, match=message):
        VEEGAN(**fields)


def test_refuses_a_latent_that_is_all_noise() -> None:
    with pytest.raises(ModescopeError, match="latent_dim is 1, expected more than VEEGAN's noise_dims 1"):
        Case(method=VEEGAN(), architecture=Architecture(latent_dim=1)).population()
