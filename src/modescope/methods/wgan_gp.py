r"""Wasserstein GAN with a gradient penalty."""

__all__ = ["WGANGP"]

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from torch import Tensor

from ..core import Batch, Networks, TwoPlayer, input_gradient
from ..core.errors import need
from ..core.method import Changes


@dataclass(frozen=True, kw_only=True)
class WGANGP(TwoPlayer):
    r"""A critic of slope 1, so that its scores measure how far mass must move.

    The critic descends :math:`\mathbb{E}_z s(G(z)) - \mathbb{E}_p s(x) + \lambda\,\mathbb{E}
    (\|\nabla s(\hat{x})\|_2 - 1)^2` with :math:`\hat{x} = \epsilon x + (1 - \epsilon) G(z)` and one
    :math:`\epsilon \sim U(0, 1)` for each sample; the generator descends :math:`-\mathbb{E}_z s(G(z))`.

    References:
        | Improved Training of Wasserstein GANs (Gulrajani et al., 2017), equation 3 and algorithm 1
        | https://arxiv.org/abs/1704.00028

    Note:
        :math:`\lambda` is 10 in the paper, for images; the default is the 0.1 of the official code for toy data, as are
        Adam's decays. A constant of :math:`10^{-12}` under the root keeps the norm's derivative finite where the slope
        is 0; it moves a slope of 1 by less than rounding.

    Arguments:
        critic_steps: Critic steps before each generator step.
        penalty: The weight :math:`\lambda` of the penalty.
    """

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
        eps = batch.u.unsqueeze(-1)
        slope = input_gradient(D, eps * batch.real + (1 - eps) * fake)
        norm = (slope.square().sum(-1) + 1e-12).sqrt()
        return D(fake).mean() - D(batch.real).mean() + self.penalty * (norm - 1).square().mean()

    def generator_loss(self, nets: Networks, batch: Batch) -> Tensor:
        return -nets["discriminator"](nets["generator"](batch.z)).mean()
