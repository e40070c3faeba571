r"""RpGAN: a relativistic GAN, with zero-centred gradient penalties as options."""

__all__ = ["Relativistic", "RpGAN"]

import abc
import math
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor
from torch.nn.functional import softplus

from ..core import Batch, Networks, TwoPlayer
from ..core.errors import need
from .slopes import square_slope


@dataclass(frozen=True, kw_only=True)
class Relativistic(TwoPlayer):
    r"""The game of RpGAN and R3GAN: each fake against its own real sample, with penalties :math:`R_1` and :math:`R_2`.

    Arguments:
        critic_steps: Critic steps before each generator step.
    """

    @abc.abstractmethod
    def penalties(self, progress: Tensor) -> tuple[float | Tensor, float | Tensor]:
        """The weights of both penalties so far along the run; one that is the number 0 is not computed."""

    def discriminator_loss(self, nets: Networks, batch: Batch) -> Tensor:
        D, fake = nets["discriminator"], nets["generator"](batch.z)
        loss = softplus(D(fake) - D(batch.real)).mean()
        for weight, x in zip(self.penalties(batch.progress), (batch.real, fake), strict=True):
            if not (isinstance(weight, float) and weight == 0.0):  # a swept weight is a tensor
                loss = loss + weight / 2 * square_slope(D, x)
        return loss

    def generator_loss(self, nets: Networks, batch: Batch) -> Tensor:
        D, fake = nets["discriminator"], nets["generator"](batch.z)
        return softplus(D(batch.real) - D(fake)).mean()


@dataclass(frozen=True, kw_only=True)
class RpGAN(Relativistic):
    r"""Scores each fake against a real sample, so that fakes and reals cannot all score high.

    The critic descends :math:`\mathbb{E}\,\mathrm{softplus}(s(G(z)) - s(x)) + \frac{r_1}{2} R_1 + \frac{r_2}{2} R_2`,
    the generator :math:`\mathbb{E}\,\mathrm{softplus}(s(x) - s(G(z)))`, with
    :math:`R_1 = \mathbb{E}_p \|\nabla s(x)\|^2` and :math:`R_2 = \mathbb{E}_z \|\nabla s(G(z))\|^2`. Both weights are 0
    in the paper; alone and together they are the arms of the study that led to R3GAN, which is this with
    :math:`r_1 = r_2`.

    Without penalties the best score is :math:`\log (p / q)` up to a constant, and the critic's loss is then
    :math:`\log 2 - \mathrm{JS}(p \otimes q \| q \otimes p)`: the critic tells which of a pair is real.

    References:
        | The relativistic discriminator: a key element missing from standard GAN (Jolicoeur-Martineau, 2018),
        | where it is called RSGAN
        | https://arxiv.org/abs/1807.00734

        | On Relativistic f-Divergences (Jolicoeur-Martineau, 2019), where it is called RpGAN
        | https://arxiv.org/abs/1901.02474

        | Which Training Methods for GANs do actually Converge? (Mescheder et al., 2018), for both penalties
        | https://arxiv.org/abs/1801.04406

    Note:
        Only differences of scores enter, so the critic's last bias is free.

        Penalties are in the units of the data: see :class:`modescope.methods.R3GAN`, which shares this code.

    Arguments:
        r1: The weight :math:`r_1` of the penalty on reals; 0 switches it off.
        r2: The weight :math:`r_2` of the penalty on fakes; 0 switches it off.
    """

    separable: ClassVar[bool] = True
    pointwise: ClassVar[bool] = True
    summary: ClassVar[str] = "Each fake is scored against a real sample; penalties on either side are options"
    reference: ClassVar[str] = (
        "The relativistic discriminator: a key element missing from standard GAN (Jolicoeur-Martineau, 2018), "
        "https://arxiv.org/abs/1807.00734"
    )
    year: ClassVar[int | None] = 2018

    r1: float = 0.0
    r2: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("r1", "r2"):
            value = getattr(self, name)
            need(math.isfinite(value) and value >= 0, f"{name} is {value}, expected at least 0")

    def penalties(self, progress: Tensor) -> tuple[float | Tensor, float | Tensor]:
        return self.r1, self.r2
