r"""Geometric GAN: the hinge loss."""

__all__ = ["Hinge"]

import math
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor
from torch.nn.functional import relu

from ..core import Batch, Networks, TwoPlayer
from ..core.errors import need


@dataclass(frozen=True, kw_only=True)
class Hinge(TwoPlayer):
    r"""Scores count only up to a margin, as in a support vector machine, so the critic stops where it is sure.

    The discriminator descends :math:`\mathbb{E}_p [m - s(x)]_+ + \mathbb{E}_z [m + s(G(z))]_+`, the generator
    :math:`-\mathbb{E}_z s(G(z))`. The best score is :math:`m` where :math:`p > q` and :math:`-m` where :math:`p < q`;
    the discriminator's loss is then :math:`2m (1 - \mathrm{TV}(p, q))`, and
    :math:`\mathbb{E}_p s - \mathbb{E}_q s = 2m\,\mathrm{TV}(p, q)`.

    References:
        | Geometric GAN (Lim & Ye, 2017)
        | https://arxiv.org/abs/1705.02894

    Note:
        The best score is a step, which gives the generator no gradient; what it learns from is how far the critic is
        from it. The margin is 1 in the paper. Another one is the same game for a critic whose last layer is scaled
        with it, but at the usual initial weights a larger margin leaves the critic more to learn before it rests.

        At the start all scores lie within the margin, so the pulls of reals and fakes on the critic's last bias cancel.

    Arguments:
        margin: The score :math:`m` on its own side beyond which a sample no longer counts.
    """

    separable: ClassVar[bool] = True
    pointwise: ClassVar[bool] = True
    summary: ClassVar[str] = "Scores count up to a margin only, so the critic stops where it is sure"
    reference: ClassVar[str] = "Geometric GAN (Lim & Ye, 2017), https://arxiv.org/abs/1705.02894"
    year: ClassVar[int | None] = 2017

    margin: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        need(math.isfinite(self.margin) and self.margin > 0, f"margin is {self.margin}, expected more than 0")

    def discriminator_loss(self, nets: Networks, batch: Batch) -> Tensor:
        G, D = nets["generator"], nets["discriminator"]
        return relu(self.margin - D(batch.real)).mean() + relu(self.margin + D(G(batch.z))).mean()

    def generator_loss(self, nets: Networks, batch: Batch) -> Tensor:
        return -nets["discriminator"](nets["generator"](batch.z)).mean()
