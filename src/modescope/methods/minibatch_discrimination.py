r"""A critic that sees how near a sample is to the others of its batch."""

__all__ = ["MinibatchDiscrimination"]

from dataclasses import dataclass
from typing import ClassVar

from ..core import Space
from ..core.errors import need
from ..nets.batch_layers import MinibatchDiscriminationLayer
from .batch_statistics import BatchStatistics


@dataclass(frozen=True, kw_only=True)
class MinibatchDiscrimination(BatchStatistics):
    r"""Shows the critic, for every sample, how many others of the batch are near it, so that collapse shows.

    The layer :class:`modescope.nets.batch_layers.MinibatchDiscriminationLayer` stands before the last one of every
    critic of `base`, which is widened by `kernels` inputs. All other weights start as they do without it.

    References:
        | Improved Techniques for Training GANs (Salimans et al., 2016), section 3.2
        | https://arxiv.org/abs/1606.03498

    Note:
        The official code has 100 kernels, of 5 coordinates each, after layers for images; the default is for networks
        of some tens of units, for which the layer is the slowest part by far. A critic's slope at one sample, where a
        penalty takes it, includes what that sample does to the scores of all others.

    Arguments:
        base: The method whose critics gain the layer.
        kernels: The number of distances that are taken between two samples.
        dims: The number of coordinates that each is taken over.
    """

    logistic: ClassVar[bool] = True
    separable: ClassVar[bool] = True
    kind: ClassVar[str] = "MinibatchDiscriminationLayer"
    summary: ClassVar[str] = "The critic sees how near each sample is to the others of its batch"
    reference: ClassVar[str] = (
        "Improved Techniques for Training GANs (Salimans et al., 2016), https://arxiv.org/abs/1606.03498"
    )
    year: ClassVar[int | None] = 2016

    kernels: int = 8
    dims: int = 5

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("kernels", "dims"):
            value = getattr(self, name)
            need(isinstance(value, int) and value >= 1, f"{name} is {value!r}, expected a whole number of at least 1")

    def layer(self, features: int) -> MinibatchDiscriminationLayer:
        return MinibatchDiscriminationLayer(features, self.kernels, self.dims)

    def check(self, space: Space, batch_size: int) -> None:
        super().check(space, batch_size)
        rows = self.rows(batch_size)
        need(rows >= 2, f"the critic sees {rows} row at once, expected at least 2 for MinibatchDiscrimination")
