r"""A critic that sees how much a batch varies."""

__all__ = ["MinibatchStddev"]

from dataclasses import dataclass
from typing import ClassVar

from ..core import Space
from ..core.errors import need
from ..nets.batch_layers import MinibatchStddevLayer
from .batch_statistics import BatchStatistics


@dataclass(frozen=True, kw_only=True)
class MinibatchStddev(BatchStatistics):
    r"""Shows the critic the standard deviation of its features over groups of samples, so that low variety shows.

    The layer :class:`modescope.nets.batch_layers.MinibatchStddevLayer` stands before the last one of every critic of
    `base`, which is widened by one input. All other weights start as they do without it.

    References:
        | Progressive Growing of GANs for Improved Quality, Stability, and Variation (Karras et al., 2017), section 3
        | https://arxiv.org/abs/1710.10196

    Note:
        The paper has images; its one value is a further channel there, before the last three layers. Here it stands
        before the last one, so a score is linear in it. A critic's slope at one sample, where a penalty takes it, then
        includes what that sample does to the scores of its group.

    Arguments:
        base: The method whose critics gain the layer.
        group: The samples in a group; the rows that a critic sees at once must be a multiple.
    """

    logistic: ClassVar[bool] = True
    separable: ClassVar[bool] = True
    kind: ClassVar[str] = "MinibatchStddevLayer"
    summary: ClassVar[str] = "The critic sees how much its features vary in groups of the batch"
    reference: ClassVar[str] = (
        "Progressive Growing of GANs for Improved Quality, Stability, and Variation (Karras et al., 2017), "
        "https://arxiv.org/abs/1710.10196"
    )
    year: ClassVar[int | None] = 2017

    group: int = 4

    def __post_init__(self) -> None:
        super().__post_init__()
        good = isinstance(self.group, int) and self.group >= 2
        need(good, f"group is {self.group!r}, expected a whole number of at least 2")

    def layer(self, features: int) -> MinibatchStddevLayer:
        return MinibatchStddevLayer(self.group)

    def check(self, space: Space, batch_size: int) -> None:
        super().check(space, batch_size)
        rows = self.rows(batch_size)
        need(
            rows % self.group == 0,
            f"the critic sees {rows} rows at once, expected a multiple of MinibatchStddev's group {self.group}; "
            "change batch_size or group",
        )
