r"""ALI, also BiGAN: a critic of samples together with their latents."""

__all__ = ["ALI"]

from dataclasses import dataclass
from functools import partial
from typing import ClassVar

import torch
from torch import Tensor
from torch.nn.functional import softplus

from ..core import Batch, Builder, Method, Networks, Player, Space
from ..core.errors import need
from ..core.method import Changes


@dataclass(frozen=True, kw_only=True)
class ALI(Method):
    r"""Learns an encoder beside the generator, against a critic that sees pairs of a sample and a latent.

    The discriminator tells :math:`(x, E(x, \epsilon))`, class 1, from :math:`(G(z), z)`, class 0. With its score
    :math:`s`, it descends :math:`\mathbb{E}\,\mathrm{softplus}(-s(x, E(x, \epsilon))) +
    \mathbb{E}\,\mathrm{softplus}(s(G(z), z))`. Generator and encoder are one player, which descends the same with both
    signs turned. Where the pairs have one distribution, :math:`E` inverts :math:`G`, so no mode may be missing.

    References:
        | Adversarially Learned Inference (Dumoulin et al., 2017), equation 2 and algorithm 1
        | https://arxiv.org/abs/1606.00704

        | Adversarial Feature Learning (Donahue et al., 2017), the same game under the name BiGAN
        | https://arxiv.org/abs/1605.09782

    Note:
        The encoder is stochastic as in the official code for toy data: :math:`\epsilon` are further inputs, in place of
        the mean and log-variance that the paper uses for images. The critic's input is the sample, then the latent,
        neither of them scaled.

    Arguments:
        noise_dims: The number of coordinates of :math:`\epsilon`; 0 makes the encoder deterministic, as in BiGAN.
    """

    pointwise: ClassVar[bool] = True
    changes: ClassVar[Changes] = "extra networks"
    summary: ClassVar[str] = "An encoder learns with the generator, and the critic sees samples with their latents"
    reference: ClassVar[str] = (
        "Adversarially Learned Inference (Dumoulin et al., 2017), https://arxiv.org/abs/1606.00704"
    )
    year: ClassVar[int | None] = 2017

    noise_dims: int = 2

    def __post_init__(self) -> None:
        good = isinstance(self.noise_dims, int) and self.noise_dims >= 0
        need(good, f"noise_dims is {self.noise_dims!r}, expected a whole number of at least 0")

    @property
    def packable(self) -> bool:
        return False

    def networks(self, space: Space) -> dict[str, Builder]:
        return {
            "generator": space.generator,
            "discriminator": space.joint_critic,
            "encoder": partial(space.encoder, extra=self.noise_dims),
        }

    def noise(self, space: Space, batch_size: int) -> dict[str, tuple[int, ...]]:
        return {"encoder": (batch_size, self.noise_dims)}

    def players(self) -> tuple[Player, ...]:
        return (
            Player("discriminator", ("discriminator",), self.discriminator_loss),
            Player("generator", ("generator", "encoder"), self.generator_loss),
        )

    def scores(self, nets: Networks, batch: Batch) -> tuple[Tensor, Tensor]:
        """The critic's scores of encoded real samples and of decoded latents, each with shape `(N, 1)`."""
        G, D, E = nets["generator"], nets["discriminator"], nets["encoder"]
        code = E(torch.cat([batch.real, batch.noise["encoder"]], 1))
        encoded = D(torch.cat([batch.real, code], 1))
        decoded = D(torch.cat([G(batch.z), batch.z], 1))
        return encoded, decoded

    def discriminator_loss(self, nets: Networks, batch: Batch) -> Tensor:
        encoded, decoded = self.scores(nets, batch)
        return softplus(-encoded).mean() + softplus(decoded).mean()

    def generator_loss(self, nets: Networks, batch: Batch) -> Tensor:
        encoded, decoded = self.scores(nets, batch)
        return softplus(encoded).mean() + softplus(-decoded).mean()

    def sample(self, nets: Networks, z: Tensor) -> Tensor:
        return nets["generator"](z)

    def observe(self, nets: Networks, batch: Batch) -> dict[str, Tensor]:
        encoded, decoded = self.scores(nets, batch)
        return {"critic_real": encoded.mean(), "critic_fake": decoded.mean()}
