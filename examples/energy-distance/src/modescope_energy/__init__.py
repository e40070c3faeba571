r"""The energy distance, a remedy outside of Modescope."""

__all__ = ["EnergyDistance"]

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from modescope.core import Batch, Networks, OnePlayer
from modescope.core.errors import need
from modescope.core.method import Changes


@dataclass(frozen=True, kw_only=True)
class EnergyDistance(OnePlayer):
    r"""No critic: samples are drawn to the data and pushed from one another, by their plain distances.

    The generator descends the energy distance, which is 0 only where both distributions are the same,

    .. math:: 2\,\mathbb{E} \|x - G(z)\|^a - \mathbb{E} \|G(z) - G(z')\|^a - \mathbb{E} \|x - x'\|^a.

    References:
        | Energy statistics: A class of statistics based on distances (Székely & Rizzo, 2013), definition 1
        | https://doi.org/10.1016/j.jspi.2013.03.018

    Note:
        The last term is constant to the generator and is left out. The others are means over all pairs of the batch,
        without those of a sample with itself.

    Arguments:
        power: The power :math:`a` of the distance, in (0, 2).
    """

    changes: ClassVar[Changes] = "objective"
    summary: ClassVar[str] = "No critic: samples are drawn to the data and pushed from one another"
    reference: ClassVar[str] = (
        "Energy statistics: A class of statistics based on distances (Székely & Rizzo, 2013), "
        "https://doi.org/10.1016/j.jspi.2013.03.018"
    )
    year: ClassVar[int | None] = 2013

    power: float = 1.0

    def __post_init__(self) -> None:
        need(0 < self.power < 2, f"power is {self.power}, expected a number strictly between 0 and 2")

    @property
    def packable(self) -> bool:
        return False

    def generator_loss(self, nets: Networks, batch: Batch) -> Tensor:
        fake = nets["generator"](batch.z)
        pairs = fake.shape[0] * (fake.shape[0] - 1)
        return 2 * self.distances(batch.real, fake).mean() - self.distances(fake, fake).sum() / pairs

    def distances(self, x: Tensor, y: Tensor) -> Tensor:
        """The distances to the power `a` of all pairs, with shape `(N, M)`."""
        square = (x.unsqueeze(1) - y.unsqueeze(0)).square().sum(-1)
        # A root has no slope at 0, where a sample meets itself: these pairs are 0, and must not turn NaN.
        apart = square > 0
        return torch.where(apart, torch.where(apart, square, 1.0) ** (self.power / 2), 0.0)
