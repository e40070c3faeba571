r"""MSGAN: samples as far apart as their latents."""

__all__ = ["MSGAN"]

import math
from dataclasses import dataclass, field, replace
from typing import ClassVar

from torch import Tensor

from ..core import Batch, Method, Networks, Player, Space, Wrapper
from ..core.errors import need
from ..core.networks import Loss
from .gan import GAN

TINY = 1e-5  # added to the ratio by the official code


@dataclass(frozen=True, kw_only=True)
class MSGAN(Wrapper):
    r"""Penalises a generator that maps different latents to near samples, the mode seeking regularisation.

    To the generator's loss of `base` is added

    .. math:: \lambda \Big/ \Big( \frac{\mathbb{E}\,|G(z_1) - G(z_2)|}{\mathbb{E}\,|z_1 - z_2|} + 10^{-5} \Big),

    with the mean absolute differences over coordinates and over the batch, before the division.

    References:
        | Mode Seeking Generative Adversarial Networks for Diverse Image Synthesis (Mao et al., 2019)
        | https://arxiv.org/abs/1903.05628

    Note:
        The paper maximises the ratio; the inverse is what its official code descends, with :math:`\lambda = 1`. There a
        condition is drawn with two latents, to keep the latent from being ignored. Without a condition, as here, the
        term asks for a wide spread and no more: of samples in two far modes as well as in eight. The pairs are each row
        of the batch and the next, where the code has two halves of a batch. It adds the losses of both halves, so
        beside the mean over a batch its term has the weight 1/2.

    Arguments:
        base: The method whose generator's loss gains the term.
        weight: The weight :math:`\lambda` of the term.
    """

    logistic: ClassVar[bool] = True
    separable: ClassVar[bool] = True
    summary: ClassVar[str] = "Samples are kept as far apart as their latents, on average"
    reference: ClassVar[str] = (
        "Mode Seeking Generative Adversarial Networks for Diverse Image Synthesis (Mao et al., 2019), "
        "https://arxiv.org/abs/1903.05628"
    )
    year: ClassVar[int | None] = 2019

    base: Method = field(default_factory=GAN)
    weight: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        need(math.isfinite(self.weight) and self.weight >= 0, f"weight is {self.weight}, expected at least 0")

    @property
    def packable(self) -> bool:
        """Single samples are compared, and their latents are not packed."""
        return False

    def check(self, space: Space, batch_size: int) -> None:
        need(batch_size >= 2, f"batch_size is {batch_size}, expected at least 2 for MSGAN's pairs")
        super().check(space, batch_size)

    def players(self) -> tuple[Player, ...]:
        return tuple(
            replace(player, loss=self.seeking(player.loss)) if "generator" in player.trains else player
            for player in self.base.players()
        )

    def seeking(self, loss: Loss) -> Loss:
        """The same loss with the term."""
        return lambda nets, batch: loss(nets, batch) + self.weight * self.term(nets, batch)

    def term(self, nets: Networks, batch: Batch) -> Tensor:
        """What `weight` weighs."""
        return 1 / (spread(self.sample(nets, batch.z)) / spread(batch.z) + TINY)


def spread(x: Tensor) -> Tensor:
    """The mean absolute difference of each row `(N, D)` and the next, a scalar."""
    return (x - x.roll(1, 0)).abs().mean()
