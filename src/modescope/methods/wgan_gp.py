r"""Wasserstein GAN with a gradient penalty."""

__all__ = ["WGANGP"]

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from torch import Tensor

from ..core import Batch, Networks, TwoPlayer
from ..core.errors import need
from ..core.method import Changes
from .slopes import between, slope_norms, steepest_slope


@dataclass(frozen=True, kw_only=True)
class WGANGP(TwoPlayer):
    r"""A critic of slope 1, so that its scores measure how far mass must move.

    The critic descends :math:`\mathbb{E}_z s(G(z)) - \mathbb{E}_p s(x) + \lambda\,\mathbb{E}
    (\|\nabla s(\hat{x})\|_2 - 1)^2` with :math:`\hat{x} = \epsilon x + (1 - \epsilon) G(z)` and one
    :math:`\epsilon \sim U(0, 1)` for each sample; the generator descends :math:`-\mathbb{E}_z s(G(z))`. Along training
    `steepest_slope` records the largest norm of the critic's slope at such points.

    References:
        | Improved Training of Wasserstein GANs (Gulrajani et al., 2017), equation 3 and algorithm 1
        | https://arxiv.org/abs/1704.00028

    Note:
        :math:`\lambda` is 10 in the paper, for images; the default is the 0.1 of the official code for toy data, as are
        Adam's decays.

    Arguments:
        critic_steps: Critic steps before each generator step.
        penalty: The weight :math:`\lambda` of the penalty.
    """

    separable: ClassVar[bool] = True
    pointwise: ClassVar[bool] = True
    training: ClassVar[Mapping[str, Any]] = {"beta1": 0.5, "beta2": 0.9}
    changes: ClassVar[Changes] = "critic"
    summary: ClassVar[str] = "A critic held to slope 1, whose scores measure a transport distance"
    reference: ClassVar[str] = (
        "Improved Training of Wasserstein GANs (Gulrajani et al., 2017), https://arxiv.org/abs/1704.00028"
    )
    year: ClassVar[int | None] = 2017

    critic_steps: int = 5
    penalty: float = 0.1

    def __post_init__(self) -> None:
        super().__post_init__()
        need(math.isfinite(self.penalty) and self.penalty >= 0, f"penalty is {self.penalty}, expected at least 0")

    def discriminator_loss(self, nets: Networks, batch: Batch) -> Tensor:
        D, fake = nets["discriminator"], nets["generator"](batch.z)
        slopes = slope_norms(D, between(batch.real, fake, batch.u))
        return D(fake).mean() - D(batch.real).mean() + self.penalty * (slopes - 1).square().mean()

    def generator_loss(self, nets: Networks, batch: Batch) -> Tensor:
        return -nets["discriminator"](nets["generator"](batch.z)).mean()

    def observe(self, nets: Networks, batch: Batch) -> dict[str, Tensor]:
        return {**super().observe(nets, batch), "steepest_slope": steepest_slope(nets, batch)}
