r"""EMA: samples from an average of the generator's weights along training."""

__all__ = ["EMA"]

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar

from ..core import Method, Wrapper
from ..core.errors import need
from ..core.method import Changes
from .gan import GAN

Decay = Annotated[float, "the same for a whole population, so it is no field that can be swept"]


@dataclass(frozen=True, kw_only=True)
class EMA(Wrapper):
    r"""Evaluates an exponential moving average of the generator's weights, which settles where training circles.

    After every step :math:`\bar\theta \gets \beta \bar\theta + (1 - \beta)\,\theta`, and samples are drawn with
    :math:`\bar\theta`. Training itself does not change.

    References:
        | The Unusual Effectiveness of Averaging in GAN Training (Yazıcı et al., 2018)
        | https://arxiv.org/abs/1806.04498

    Note:
        The same as a training with ``ema`` at `decay`, which goes before it if given; as a method it has a name in
        tables and composes. An average of about the last :math:`1 / (1 - \beta)` steps; it starts at the initial
        weights, so runs should be several times that long. The default suits some thousand steps.

    Arguments:
        base: The method whose generator is averaged.
        decay: The decay :math:`\beta`, in [0, 1).
    """

    logistic: ClassVar[bool] = True
    separable: ClassVar[bool] = True
    pointwise: ClassVar[bool] = True
    changes: ClassVar[Changes] = "update rule"
    summary: ClassVar[str] = "Samples are drawn from an average of the generator's weights along training"
    reference: ClassVar[str] = (
        "The Unusual Effectiveness of Averaging in GAN Training (Yazıcı et al., 2018), https://arxiv.org/abs/1806.04498"
    )
    year: ClassVar[int | None] = 2018

    base: Method = field(default_factory=GAN)
    decay: Decay = 0.999

    def __post_init__(self) -> None:
        super().__post_init__()
        need(0 <= self.decay < 1, f"decay is {self.decay}, expected a number of at least 0 and less than 1")

    def settings(self) -> Mapping[str, Any]:
        return {**super().settings(), "ema": self.decay}
