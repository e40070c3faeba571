r"""Top-k training: a generator that learns from its best samples only."""

__all__ = ["TopK"]

from dataclasses import dataclass, field, replace
from functools import partial
from typing import ClassVar

import torch
from torch import Tensor

from ..core import Method, Player, Wrapper
from ..core.errors import need
from ..core.method import Changes, holds
from ..core.networks import Loss
from .composition import need_fit
from .gan import GAN


@dataclass(frozen=True, kw_only=True)
class TopK(Wrapper):
    r"""Leaves the fakes that the discriminator scores worst out of the generator's gradient.

    The gradient is that of the mean over the :math:`k` fakes with the highest scores in place of all :math:`N`. For a
    fake far from any mode, the critic's slope need not point to one. Along the run :math:`k` falls from :math:`N` to
    :math:`\nu N`, by the same factor in every step until the fraction `until` of the run, then stays.

    References:
        | Top-k Training of GANs: Improving GAN Performance by Throwing Away Bad Samples (Sinha et al., 2020)
        | https://arxiv.org/abs/2002.06224

    Note:
        The paper's :math:`k` falls by 1 % an epoch until :math:`\nu = 1/2`; toy data have no epochs, so the time it
        takes is a fraction of the run. :math:`k` is rounded. The loss that is recorded is that of all fakes, whose
        slopes outside the best :math:`k` are 0 and inside are multiplied by :math:`N / k`. Scores of reals that a
        generator's loss reads are treated alike, which matters to none but a generator that is unrolled.

    Arguments:
        base: The method whose generator learns from its best samples.
        nu: The fraction :math:`\nu` of the batch that is left in the end, in (0, 1].
        until: The fraction of the run at which it is reached, in (0, 1].

    Raises:
        ModescopeError: If a value is out of its range, or the generator's loss in `base` is no mean over its fakes.
    """

    logistic: ClassVar[bool] = True
    changes: ClassVar[Changes] = "update rule"
    summary: ClassVar[str] = "The generator learns from the fakes with the best scores only"
    reference: ClassVar[str] = (
        "Top-k Training of GANs: Improving GAN Performance by Throwing Away Bad Samples (Sinha et al., 2020), "
        "https://arxiv.org/abs/2002.06224"
    )
    year: ClassVar[int | None] = 2020

    base: Method = field(default_factory=GAN)
    nu: float = 0.5
    until: float = 0.5

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("nu", "until"):
            value = getattr(self, name)
            need(0 < value <= 1, f"{name} is {value}, expected a number of more than 0 and at most 1")
        reason = "its generator's loss is no mean over fakes of a function of each one's score"
        need_fit(self, lambda method: holds(method, "separable"), reason)

    def players(self) -> tuple[Player, ...]:
        return tuple(
            replace(player, loss=self.selective(player.loss)) if "generator" in player.trains else player
            for player in self.base.players()
        )

    def selective(self, loss: Loss) -> Loss:
        """The same loss, with the slope of the best samples alone."""
        return lambda nets, batch: loss(nets.piped("discriminator", partial(self.best, batch.progress)), batch)

    def best(self, progress: Tensor, score: Tensor) -> Tensor:
        """Scores `(N, 1)` of the same values, whose slopes are those of the mean over the best `k`."""
        fraction = self.nu ** (progress / self.until).clamp(max=1)
        k = (len(score) * fraction).round().clamp(min=1)
        fixed = score.detach()  # which samples are the best is no matter of the gradient, nor are the others
        rank = fixed.argsort(dim=0, descending=True, stable=True).argsort(dim=0)
        return fixed + torch.where(rank < k, len(score) / k, 0.0) * (score - fixed)
