r"""VEEGAN: a generator that must be possible to invert."""

__all__ = ["VEEGAN"]

import math
from dataclasses import dataclass, replace
from typing import ClassVar, Literal, get_args

import torch
from torch import Tensor
from torch.nn.functional import softplus

from ..core import Batch, Builder, Method, Networks, Player, Space
from ..core.errors import nearest_name, need
from ..core.method import Changes

Distance = Literal["sum", "mean"]


@dataclass(frozen=True, kw_only=True)
class VEEGAN(Method):
    r"""Learns a reconstructor of latents from samples; where a mode is missing, it maps real samples to no latent.

    The discriminator tells :math:`(z, G(z))`, class 1, from :math:`(\hat z, x)` with
    :math:`\hat z \sim \mathcal{N}(F(x), I)`, class 0. Its score :math:`s` learns
    :math:`\log \frac{q(x | z) p_0(z)}{p_F(z | x) p(x)}`. The distance
    :math:`d(z, F(G(z))) = \frac12 \| z - F(G(z)) \|^2` is :math:`-\log p_F(z | G(z))` up to a constant. Then

    - the discriminator descends :math:`\mathbb{E}\,\mathrm{softplus}(-s(z, G(z))) +
      \mathbb{E}\,\mathrm{softplus}(s(\hat z, x))`,
    - the generator descends :math:`\mathbb{E}\,s(z, G(z)) + w\,\mathbb{E}\,d(z, F(G(z)))`, the score itself,
    - the reconstructor descends :math:`w\,\mathbb{E}\,d(z, F(G(z)))` alone.

    References:
        | VEEGAN: Reducing Mode Collapse in GANs using Implicit Variational Learning (Srivastava et al., 2017),
        | equation 5 and algorithm 1
        | https://arxiv.org/abs/1705.07761

    Note:
        By algorithm 1, and in the official notebook, no real sample enters the reconstructor's loss, although the text
        says that it maps real samples to the prior. With `adversarial_reconstructor` it also descends
        :math:`-\mathbb{E}\,s(\hat z, x)`, as the encoder of ALI does; at the optimal :math:`s` that is the KL
        divergence of the two joint distributions in the other direction than the generator's.

        The defaults are the notebook's: :math:`d` sums over the coordinates of :math:`z`, of which it has 254, so
        reconstruction outweighs the score by far; and the generator has one further input of noise that is not
        reconstructed. Here that is the last coordinate of the latent, so that the generator and its initial weights are
        those of every other method; the notebook's sizes need a latent of 255. The critic's input is the sample, then
        the latent. The notebook steps all three players simultaneously.

        The review of mode collapse by Martina-Perez prints the reconstruction in its equation 3 as
        :math:`\| z - F(x) \|^2`, where a real sample :math:`x` has nothing to do with :math:`z`; the paper's is
        :math:`\| z - F(G(z)) \|^2`. The same slip is in its equation 4.

    Arguments:
        weight: The weight :math:`w` of the reconstruction; 1 is the paper's.
        distance: Whether :math:`d` is the ``sum`` over the coordinates of the latent or their ``mean``.
        adversarial_reconstructor: Whether the reconstructor also plays against the discriminator.
        noise_dims: The number of coordinates of the latent that are not reconstructed.
    """

    pointwise: ClassVar[bool] = True
    changes: ClassVar[Changes] = "extra networks"
    summary: ClassVar[str] = "A reconstructor maps samples back to latents, which it cannot where modes are missing"
    reference: ClassVar[str] = (
        "VEEGAN: Reducing Mode Collapse in GANs using Implicit Variational Learning (Srivastava et al., 2017), "
        "https://arxiv.org/abs/1705.07761"
    )
    year: ClassVar[int | None] = 2017

    weight: float = 1.0
    distance: Distance = "sum"
    adversarial_reconstructor: bool = False
    noise_dims: int = 1

    def __post_init__(self) -> None:
        need(math.isfinite(self.weight) and self.weight >= 0, f"weight is {self.weight}, expected at least 0")
        good = isinstance(self.noise_dims, int) and self.noise_dims >= 0
        need(good, f"noise_dims is {self.noise_dims!r}, expected a whole number of at least 0")
        if self.distance not in get_args(Distance):
            raise nearest_name("distance", self.distance, get_args(Distance))

    @property
    def packable(self) -> bool:
        return False

    def check(self, space: Space, batch_size: int) -> None:
        need(
            space.latent_dim > self.noise_dims,
            f"latent_dim is {space.latent_dim}, expected more than VEEGAN's noise_dims {self.noise_dims}",
        )

    def networks(self, space: Space) -> dict[str, Builder]:
        reconstructed = replace(space, latent_dim=space.latent_dim - self.noise_dims)
        return {
            "generator": space.generator,
            "discriminator": reconstructed.joint_critic,
            "reconstructor": reconstructed.encoder,
        }

    def noise(self, space: Space, batch_size: int) -> dict[str, tuple[int, ...]]:
        return {"reconstructor": (batch_size, space.latent_dim - self.noise_dims)}

    def players(self) -> tuple[Player, ...]:
        return (
            Player("discriminator", ("discriminator",), self.discriminator_loss),
            Player("generator", ("generator",), self.generator_loss),
            Player("reconstructor", ("reconstructor",), self.reconstructor_loss),
        )

    def discriminator_loss(self, nets: Networks, batch: Batch) -> Tensor:
        return softplus(-self.on_fake(nets, batch)).mean() + softplus(self.on_real(nets, batch)).mean()

    def generator_loss(self, nets: Networks, batch: Batch) -> Tensor:
        return self.on_fake(nets, batch).mean() + self.weight * self.reconstruction(nets, batch)

    def reconstructor_loss(self, nets: Networks, batch: Batch) -> Tensor:
        loss = self.weight * self.reconstruction(nets, batch)
        return loss - self.on_real(nets, batch).mean() if self.adversarial_reconstructor else loss

    def on_fake(self, nets: Networks, batch: Batch) -> Tensor:
        """The scores of latents and their samples, with shape `(N, 1)`."""
        G, D = nets["generator"], nets["discriminator"]
        return D(torch.cat([G(batch.z), self.latent(batch)], 1))

    def on_real(self, nets: Networks, batch: Batch) -> Tensor:
        """The scores of real samples and latents drawn around their reconstruction, with shape `(N, 1)`."""
        D, F = nets["discriminator"], nets["reconstructor"]
        return D(torch.cat([batch.real, F(batch.real) + batch.noise["reconstructor"]], 1))

    def reconstruction(self, nets: Networks, batch: Batch) -> Tensor:
        """How far latents are from what is reconstructed of them, a scalar."""
        G, F = nets["generator"], nets["reconstructor"]
        square = (self.latent(batch) - F(G(batch.z))).square() / 2
        return square.sum(1).mean() if self.distance == "sum" else square.mean()

    def latent(self, batch: Batch) -> Tensor:
        """The coordinates of the latent that are reconstructed, with shape `(N, L - noise_dims)`."""
        return batch.z[:, : batch.z.shape[1] - self.noise_dims]

    def sample(self, nets: Networks, z: Tensor) -> Tensor:
        return nets["generator"](z)

    def observe(self, nets: Networks, batch: Batch) -> dict[str, Tensor]:
        return {
            "critic_real": self.on_real(nets, batch).mean(),
            "critic_fake": self.on_fake(nets, batch).mean(),
            "reconstruction": self.reconstruction(nets, batch),
        }
