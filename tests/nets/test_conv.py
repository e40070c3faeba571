"""Convolutional networks: DCGAN's sizes, what is packed or joined, and the whole contract on images."""

from dataclasses import dataclass

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import batch_norm, conv2d, conv_transpose2d, leaky_relu

from modescope.core import ModescopeError
from modescope.core.config import Member, Training
from modescope.core.engine import Population
from modescope.datasets import FixedSet
from modescope.methods import METHODS, build
from modescope.nets import ARCHITECTURES, Architecture, BatchNorm, ConvCritic, ConvGenerator
from modescope.nets.shapes import halved
from modescope.runs.experiment import decode_architecture, encode_architecture


def sizes(network: nn.Module, inputs: int) -> list[tuple[int, ...]]:
    """The shape of each image along the way."""
    x, found = torch.zeros(2, inputs), []
    for layer in network:  # type: ignore[attr-defined]
        x = layer(x)
        if x.ndim == 4 and (not found or found[-1] != tuple(x.shape[1:])):
            found.append(tuple(x.shape[1:]))
    return found


def test_halved_sizes_are_rounded_up() -> None:
    assert halved((28, 28), 4) == [(2, 2), (4, 4), (7, 7), (14, 14), (28, 28)]
    assert halved((5, 9), 2) == [(2, 3), (3, 5), (5, 9)]


def test_the_sizes_of_dcgan_in_the_port_for_stacked_mnist() -> None:
    space = ARCHITECTURES["dcgan"].space(3, 28, 28)
    assert sizes(space.generator(), 100) == [(512, 2, 2), (256, 4, 4), (128, 7, 7), (64, 14, 14), (3, 28, 28)]
    assert sizes(space.critic(), 2352) == [(3, 28, 28), (64, 14, 14), (128, 7, 7), (256, 4, 4), (512, 2, 2)]
    assert sum(isinstance(module, BatchNorm) for module in space.critic().modules()) == 3  # not after the first layer


def test_the_sizes_of_the_small_networks_for_stacked_mnist() -> None:
    quarter, half = (ARCHITECTURES[name].space(3, 28, 28) for name in ("stacked-quarter", "stacked-half"))
    assert sizes(quarter.generator(), 256) == [(64, 4, 4), (32, 7, 7), (16, 14, 14), (8, 28, 28), (3, 28, 28)]
    assert sizes(quarter.critic(), 2352) == [(3, 28, 28), (2, 14, 14), (4, 7, 7), (8, 4, 4)]
    assert sizes(half.critic(), 2352) == [(3, 28, 28), (4, 14, 14), (8, 7, 7), (16, 4, 4)]
    assert sum(isinstance(module, BatchNorm) for module in quarter.critic().modules()) == 3


@pytest.mark.parametrize("shape", [(1, 28, 28), (3, 32, 32), (3, 64, 64), (2, 5, 9)])
def test_any_size_of_image_comes_out_as_it_went_in(shape: tuple[int, int, int]) -> None:
    space = ARCHITECTURES["dcgan-small"].space(*shape)
    dim = shape[0] * shape[1] * shape[2]
    assert space.generator()(torch.zeros(2, 100)).shape == (2, dim)
    assert space.critic(7)(torch.zeros(2, dim)).shape == (2, 7)
    assert space.encoder()(torch.zeros(2, dim)).shape == (2, 100)
    assert space.decoder(5)(torch.zeros(2, 5)).shape == (2, dim)
    assert space.packed(3).critic()(torch.zeros(2, 3 * dim)).shape == (2, 1)


def test_a_critic_by_hand() -> None:
    critic = ConvCritic(channels=(4, 6), kernel=3, init=0.3).build(2 * 7 * 7, 1, (2, 7, 7)).double()
    first, second, norm, last = critic[1], critic[3], critic[4], critic[7]
    x = torch.randn(5, 98, dtype=torch.float64)
    h = leaky_relu(conv2d(x.view(5, 2, 7, 7), first.weight, first.bias, stride=2, padding=1), 0.2)
    h = conv2d(h, second.weight, second.bias, stride=2, padding=1)
    h = leaky_relu(batch_norm(h, None, None, norm.weight, norm.bias, training=True), 0.2)
    torch.testing.assert_close(critic(x), h.flatten(1) @ last.weight.T + last.bias)


def test_a_generator_by_hand() -> None:
    generator = ConvGenerator(channels=(6, 4), kernel=3, batch_norm=False, init=0.3).build(3, 50, (2, 5, 5)).double()
    start, first, last = generator[0], generator[3], generator[5]
    z = torch.randn(5, 3, dtype=torch.float64)
    h = (z @ start.weight.T + start.bias).view(5, 6, 2, 2).relu()
    h = conv_transpose2d(h, first.weight, first.bias, stride=2, padding=1).relu()
    h = conv_transpose2d(h, last.weight, last.bias, stride=2, padding=1).tanh()
    torch.testing.assert_close(generator(z), h.flatten(1))


def test_packed_samples_are_further_channels() -> None:
    """A critic of two images, whose filters look at the second alone, is the critic of that one."""
    spec = ConvCritic(channels=(4,), kernel=3, init=0.3)
    one, two = spec.build(50, 1, (2, 5, 5)), spec.build(100, 1, (2, 5, 5))
    with torch.no_grad():
        two[1].weight.zero_()
        two[1].weight[:, 2:] = one[1].weight
        two[4].weight.copy_(one[4].weight)
    x, y = torch.randn(3, 50), torch.randn(3, 50)
    torch.testing.assert_close(two(torch.cat([x, y], 1)), one(y))


def test_what_is_joined_to_an_image_reaches_the_score() -> None:
    critic = ConvCritic(channels=(4,), kernel=3, joined=8, init=0.3).build(50 + 6, 1, (2, 5, 5), extra=6)
    x = torch.randn(3, 56, requires_grad=True)
    critic(x).sum().backward()
    assert x.grad is not None
    assert (x.grad.abs().sum(0) > 0).all()


def test_as_many_numbers_as_an_image_has_can_be_joined_to_it() -> None:
    """The latents of ALI on small images are no further channels."""
    critic = ConvCritic(channels=(4,), kernel=3, joined=8).build(50 + 50, 1, (2, 5, 5), extra=50)
    first = next(module for module in critic.modules() if isinstance(module, nn.Conv2d))
    assert first.in_channels == 2
    side = next(module for module in critic.modules() if isinstance(module, nn.Linear))
    assert (side.in_features, side.out_features) == (50, 8)


def test_weights_are_drawn_as_dcgan_draws_them() -> None:
    network = ConvGenerator().build(100, 2352, (3, 28, 28))
    for module in network.modules():
        if isinstance(module, nn.Linear | nn.ConvTranspose2d):
            assert module.weight.std().item() == pytest.approx(0.02, rel=0.05)
            assert not module.bias.any()
        if isinstance(module, BatchNorm):
            assert module.weight.mean().item() == pytest.approx(1.0, abs=0.01)


def test_batch_norm_of_images_is_pytorchs() -> None:
    ours, theirs = BatchNorm(4), nn.BatchNorm2d(4)
    x = 3 * torch.randn(6, 4, 5, 5) + 1
    torch.testing.assert_close(ours(x), theirs(x))


def test_bad_networks_are_told_in_a_sentence() -> None:
    for make, message in (
        (lambda: ConvGenerator(channels=()), r"^channels is \(\), expected one or more of at least 1$"),
        (lambda: ConvCritic(kernel=4), "^kernel is 4, expected an odd number"),
        (lambda: ConvCritic(batch_norm="most"), "^batch_norm is 'most', expected one of none, inner, all$"),  # type: ignore[arg-type]
        (lambda: ConvGenerator(head="relu"), "^head is 'relu', expected one of tanh, sigmoid, linear$"),  # type: ignore[arg-type]
        (lambda: ConvGenerator(last="half"), "^last is 'half', expected double or same$"),  # type: ignore[arg-type]
        (lambda: ConvCritic().build(2, 1, (2,)), r"^a ConvCritic is for images of shape \(C, H, W\), but samples have"),
        (lambda: ConvCritic().build(7, 1, (3, 8, 8)), "but 7 inputs are none$"),
        (lambda: ConvGenerator().build(7, 65, (1, 8, 8)), "65 outputs are no whole number of them$"),
    ):
        with pytest.raises(ModescopeError, match=message):
            make()


def test_architectures_of_images_are_written_and_read() -> None:
    for name in ("dcgan", "stacked-quarter", "small"):
        plain = encode_architecture(ARCHITECTURES[name])
        assert decode_architecture(plain) == ARCHITECTURES[name]
    with pytest.raises(ModescopeError, match="unknown network 'ConvCritics': did you mean 'ConvCritic'"):
        decode_architecture({**plain, "critic": {"network": "ConvCritics"}})


@dataclass(frozen=True, kw_only=True, eq=False)
class Squares(FixedSet):
    """A few random images."""

    @property
    def points(self) -> Tensor:
        return torch.rand(50, 2 * 6 * 6, generator=torch.Generator().manual_seed(0)) * 2 - 1

    @property
    def shape(self) -> tuple[int, ...]:
        return (2, 6, 6)


TINY = Architecture(
    latent_dim=4,
    generator=ConvGenerator(channels=(6, 4), kernel=3),
    critic=ConvCritic(channels=(3, 4), kernel=3, joined=5),
    encoder=ConvCritic(channels=(3, 4), kernel=3, joined=5),
)
QUICK = {"unrolled": {"unroll": 1}, "lbt": {"unroll": 1, "rounds": 1}, "lbt-gan": {"unroll": 1, "rounds": 1}}
QUICK |= {"wgan": {"critic_steps": 1}, "wgan-gp": {"critic_steps": 1}, "mmd-gan": {"critic_steps": 1}}


@pytest.mark.parametrize("name", METHODS)
def test_every_method_trains_images_unchanged(name: str) -> None:
    """Two members in one stack are each alone, where no member axis is mapped."""
    members, method = (Member(0), Member(1)), build(name, **QUICK.get(name, {}))
    training = Training(steps=10, batch_size=8)
    populations = [
        Population(method, Squares(), TINY.space(2, 6, 6), training, which, dtype=torch.float64)
        for which in (members, members[1:])
    ]
    for population in populations:
        population.play = population.game_step  # type: ignore[assignment]
        population.advance(2)
    both, alone = (population.sample(5) for population in populations)
    assert both.shape == (2, 5, 72)
    torch.testing.assert_close(both[1], alone[0], atol=1e-8, rtol=1e-8)
    assert not torch.equal(both[0], both[1])
