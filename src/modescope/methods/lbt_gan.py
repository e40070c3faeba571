r"""LBT-GAN: learning by teaching, with a critic for the looks."""

__all__ = ["LBTGAN"]

import math
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor
from torch.nn.functional import softplus

from ..core import Batch, Builder, Networks, Player, Space
from ..core.errors import need
from .lbt import LBT


@dataclass(frozen=True, kw_only=True)
class LBTGAN(LBT):
    r"""LBT covers the modes, and a GAN's critic keeps samples from lying between them.

    Beside the estimator there is the discriminator of a GAN, and the generator descends

    .. math:: -\mathbb{E}_p \mathcal{E}_{\phi^K}(x) - \lambda\,\mathbb{E}_z \log D(G(z)).

    References:
        | Learning Implicit Generative Models by Teaching Explicit Ones (Du et al., 2018)
        | https://arxiv.org/abs/1807.03870

    Note:
        As in the official code, the discriminator steps after the estimator, and :math:`\lambda` is 0.1 on toy data.
        All else is as in :class:`LBT <modescope.methods.lbt.LBT>`.

    Arguments:
        weight: The weight :math:`\lambda` of the generator's loss of a GAN.
    """

    logistic: ClassVar[bool] = True
    separable: ClassVar[bool] = True
    summary: ClassVar[str] = "LBT, whose generator must also convince the discriminator of a GAN"

    weight: float = 0.1

    def __post_init__(self) -> None:
        super().__post_init__()
        need(math.isfinite(self.weight) and self.weight >= 0, f"weight is {self.weight}, expected at least 0")

    @property
    def critics(self) -> tuple[str, ...]:
        return ("discriminator",)

    def networks(self, space: Space) -> dict[str, Builder]:
        return {**super().networks(space), "discriminator": space.critic}

    def players(self) -> tuple[Player, ...]:
        estimator, generator = super().players()
        return estimator, Player("discriminator", ("discriminator",), self.discriminator_loss), generator

    def discriminator_loss(self, nets: Networks, batch: Batch) -> Tensor:
        G, D = nets["generator"], nets["discriminator"]
        return softplus(-D(batch.real)).mean() + softplus(D(G(batch.z))).mean()

    def generator_loss(self, nets: Networks, batch: Batch) -> Tensor:
        G, D = nets["generator"], nets["discriminator"]
        return super().generator_loss(nets, batch) + self.weight * softplus(-D(G(batch.z))).mean()

    def observe(self, nets: Networks, batch: Batch) -> dict[str, Tensor]:
        G, D = nets["generator"], nets["discriminator"]
        scores = {"critic_real": D(batch.real).mean(), "critic_fake": D(G(batch.z)).mean()}
        return {**super().observe(nets, batch), **scores}
