"""Residual networks of images without normalisation."""

import pytest
import torch
from torch import nn
from torch.nn.functional import avg_pool2d, conv2d, leaky_relu
from torch.nn.functional import interpolate as resize

from modescope.core import ModescopeError
from modescope.core.config import Member, Training
from modescope.core.engine import Population
from modescope.methods import build
from modescope.nets import ARCHITECTURES, Architecture, BatchNorm, ResNetCritic, ResNetGenerator
from modescope.nets.resnet import Residual, Resized
from modescope.runs.experiment import decode_architecture, encode_architecture


def test_a_residual_layer_starts_as_nothing_and_adds_what_two_convolutions_make() -> None:
    layer, x = Residual(3), torch.randn(2, 3, 5, 5)
    assert torch.equal(layer(x), x)
    first, second = layer.body[1], layer.body[3]
    nn.init.normal_(second.weight)
    made = conv2d(leaky_relu(x, 0.2), first.weight, first.bias, padding=1)
    made = conv2d(leaky_relu(made, 0.2), second.weight, second.bias, padding=1)
    torch.testing.assert_close(layer(x), x + made)


def test_halving_an_even_size_is_the_mean_of_four_pixels() -> None:
    layer, x = Resized(3, 3, (4, 3)), torch.randn(2, 3, 8, 6)
    torch.testing.assert_close(layer(x), conv2d(avg_pool2d(x, 2), layer.mix.weight))
    assert Resized(3, 5, (7, 7))(torch.zeros(2, 3, 4, 4)).shape == (2, 5, 7, 7)
    up = Resized(3, 3, (16, 12))
    torch.testing.assert_close(up(x), conv2d(resize(x, scale_factor=2, mode="bilinear"), up.mix.weight))


@pytest.mark.parametrize("shape", [(3, 28, 28), (1, 32, 32), (2, 5, 9)])
def test_any_size_of_image(shape: tuple[int, int, int]) -> None:
    space = ARCHITECTURES["resnet-small"].space(*shape)
    dim = shape[0] * shape[1] * shape[2]
    assert space.generator()(torch.zeros(2, 64)).shape == (2, dim)
    assert space.packed(2).critic()(torch.zeros(2, 2 * dim)).shape == (2, 1)
    assert not any(isinstance(part, BatchNorm) for net in (space.generator(), space.critic()) for part in net.modules())


def test_scores_of_a_sample_do_not_depend_on_its_company() -> None:
    critic = ResNetCritic(channels=(4, 6)).build(2 * 36, 1, (2, 6, 6))
    x = torch.randn(5, 72)
    torch.testing.assert_close(critic(x)[:2], critic(x[:2]))


def test_a_penalty_of_both_slopes_trains_it_as_a_stack_and_alone() -> None:
    from test_conv import Squares

    networks = Architecture(
        latent_dim=4, generator=ResNetGenerator(channels=(5, 4)), critic=ResNetCritic(channels=(4, 5))
    )
    members = (Member(0), Member(1))
    found = []
    for which in (members, members[1:]):
        training = Training(steps=10, batch_size=8)
        population = Population(
            build("r3gan"), Squares(), networks.space(2, 6, 6), training, which, dtype=torch.float64
        )
        population.play = population.game_step  # type: ignore[assignment]
        population.advance(3)
        found.append(population.sample(4)[-1])
    torch.testing.assert_close(*found, atol=1e-8, rtol=1e-8)


def test_bad_networks_are_told_in_a_sentence() -> None:
    for make, message in (
        (lambda: ResNetGenerator(channels=(0,)), r"^channels is \(0,\), expected one or more of at least 1$"),
        (lambda: ResNetCritic(blocks=0), "^blocks is 0, expected at least 1$"),
        (lambda: ResNetGenerator().build(4, 2, (2,)), "^a ResNetGenerator is for images of shape"),
        (lambda: ResNetGenerator().build(4, 65, (1, 8, 8)), "65 outputs are no whole number of them$"),
        (lambda: ResNetCritic().build(70, 1, (1, 8, 8)), r"whole images of shape \(1, 8, 8\), but 70 inputs are none$"),
        (lambda: ResNetCritic().build(128, 1, (1, 8, 8), 64), "take the ConvCritic for a method that joins something"),
    ):
        with pytest.raises(ModescopeError, match=message):
            make()


def test_it_is_written_and_read() -> None:
    plain = encode_architecture(ARCHITECTURES["resnet-small"])
    assert decode_architecture(plain) == ARCHITECTURES["resnet-small"]
