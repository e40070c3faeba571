"""The shapes of data and latents, and the builder of networks for them."""

__all__ = ["Builder", "Prior", "Space"]

from collections.abc import Callable
from dataclasses import dataclass, replace
from math import prod
from typing import Literal, Protocol

import torch
from torch import Tensor, nn

Builder = Callable[[], nn.Module]
Prior = Literal["normal", "uniform"]


class NetworkSpec(Protocol):
    """Builds a network from its numbers of inputs and outputs and a sample's shape, as :class:`modescope.nets.MLP`.

    The last `extra` of the inputs are none of a sample's, but joined to it, such as a latent.
    """

    def build(self, inputs: int, outputs: int, shape: tuple[int, ...] = (), extra: int = 0) -> nn.Module: ...


class Samples(Protocol):
    """Draws `n` real samples, `(n, D)`, e.g. any data set of :mod:`modescope.datasets`."""

    def sample(self, n: int, generator: torch.Generator) -> Tensor: ...


@dataclass(frozen=True)
class Space:
    """What a method needs to know of a problem to ask for its networks.

    The methods below return a fresh network each time they are called, so that the engine can draw each member's
    initial weights from its own seed: pass them uncalled, ``{"generator": space.generator}``.

    Arguments:
        shape: The shape of a sample before it is flattened: `(D,)`, or `(C, H, W)` of an image.
        latent_dim: The number of coordinates of a latent, `L`.
        generator_spec: How a generator is built.
        critic_spec: How a critic is built; also used by extra critics.
        encoder_spec: How a network from data to latents is built.
        prior: What latents are drawn from: ``normal``, N(0, I), or ``uniform``, U(-1, 1).
        pack: How many samples a critic sees at once (:class:`modescope.methods.PacGAN`).
        real: Draws that many real samples, `(n, D)`, from PyTorch's own generator, which a builder finds seeded; for
            methods that lay out their latents from data.
    """

    shape: tuple[int, ...]
    latent_dim: int
    generator_spec: NetworkSpec
    critic_spec: NetworkSpec
    encoder_spec: NetworkSpec
    prior: Prior = "normal"
    pack: int = 1
    real: Callable[[int], Tensor] | None = None

    @property
    def data_dim(self) -> int:
        """The number of coordinates of a sample, `D`."""
        return prod(self.shape)

    def generator(self, outputs: int | None = None) -> nn.Module:
        """Latents `(N, L)` to samples `(N, D)`."""
        return self.generator_spec.build(self.latent_dim, outputs or self.data_dim, self.shape)

    def critic(self, outputs: int = 1) -> nn.Module:
        """Samples `(N, D)` (packs of them, `(N, pack * D)`) to scores `(N, outputs)`."""
        return self.critic_spec.build(self.pack * self.data_dim, outputs, self.shape)

    def joint_critic(self, outputs: int = 1) -> nn.Module:
        """Samples joined to latents, `(N, D + L)`, to scores `(N, outputs)`."""
        return self.critic_spec.build(self.data_dim + self.latent_dim, outputs, self.shape, self.latent_dim)

    def encoder(self, outputs: int | None = None, extra: int = 0) -> nn.Module:
        """Samples `(N, D + extra)` to `(N, outputs)`, latents if `outputs` is not given."""
        return self.encoder_spec.build(self.data_dim + extra, outputs or self.latent_dim, self.shape, extra)

    def decoder(self, inputs: int) -> nn.Module:
        """Codes `(N, inputs)` back to what a critic sees, `(N, pack * D)`; built as a generator is."""
        return self.generator_spec.build(inputs, self.pack * self.data_dim, self.shape)

    def over(self, dataset: Samples) -> "Space":
        """The same space, whose `real` draws from a data set."""
        return replace(self, real=lambda n: dataset.sample(n, torch.default_generator))

    def packed(self, degree: int) -> "Space":
        """The same space, with critics that see `degree` times as many samples at once."""
        return replace(self, pack=self.pack * degree)
