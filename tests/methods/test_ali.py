"""ALI: which side is which, and what each player descends."""

import math
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from modescope.core import Batch, ModescopeError, Networks
from modescope.methods import ALI
from modescope.testing import Case, glimpse, moved


@pytest.fixture
def scene() -> tuple[Networks, Batch]:
    return glimpse(Case(method=ALI()))


def gap(nets: Networks, batch: Batch) -> Tensor:
    encoded, decoded = ALI().scores(nets, batch)
    return encoded.mean() - decoded.mean()


def test_encoded_real_samples_are_class_one(scene: tuple[Networks, Batch]) -> None:
    nets, batch = scene
    discriminator, generator = ALI().players()
    assert gap(nets.descend(discriminator, batch), batch) > gap(nets, batch)
    assert gap(nets.descend(generator, batch), batch) < gap(nets, batch)


def test_both_players_are_at_log_4_before_a_critic_that_knows_nothing(scene: tuple[Networks, Batch]) -> None:
    nets, batch = scene
    even = moved(nets, "discriminator", torch.zeros_like(nets.flats["discriminator"]))
    for player in ALI().players():
        assert player.loss(even, batch).item() == pytest.approx(2 * math.log(2))


def test_the_generator_plays_the_critics_game_with_the_classes_swapped(scene: tuple[Networks, Batch]) -> None:
    """Non-saturating on both halves: its loss is the discriminator's own at the critic of the opposite sign."""
    nets, batch = scene
    flat = nets.flats["discriminator"].clone()
    head = nets.layout.parts["discriminator"][-2:]
    flat[-sum(shape.numel() for _, _, shape in head) :] *= -1
    turned = moved(nets, "discriminator", flat)
    discriminator, generator = ALI().players()
    assert torch.allclose(generator.loss(nets, batch), discriminator.loss(turned, batch))
    assert not torch.allclose(generator.loss(nets, batch), discriminator.loss(nets, batch))


def test_pairs_are_the_sample_then_the_latent(scene: tuple[Networks, Batch]) -> None:
    nets, batch = scene
    G, D, E = nets["generator"], nets["discriminator"], nets["encoder"]
    encoded, decoded = ALI().scores(nets, batch)
    code = E(torch.cat([batch.real, batch.noise["encoder"]], 1))
    assert code.shape == batch.z.shape
    assert torch.equal(encoded, D(torch.cat([batch.real, code], 1)))
    assert torch.equal(decoded, D(torch.cat([G(batch.z), batch.z], 1)))


@pytest.mark.parametrize("dims", [0, 1, 2])
def test_the_encoder_takes_noise(dims: int) -> None:
    method = ALI(noise_dims=dims)
    nets, batch = glimpse(Case(method=method))
    assert batch.noise["encoder"].shape == (8, dims)
    encoded, _ = method.scores(nets, batch)
    other, _ = method.scores(nets, replace(batch, noise={"encoder": batch.noise["encoder"] + 1}))
    assert torch.equal(encoded, other) == (dims == 0)
    assert (Case(method=method).population(2).state["diverged"] < 0).all()


@pytest.mark.parametrize("dims", [-1, 1.5])
def test_refuses_bad_fields(dims: float) -> None:
    with pytest.raises(ModescopeError, match=f"noise_dims is {dims}, expected a whole number"):
        ALI(noise_dims=dims)
