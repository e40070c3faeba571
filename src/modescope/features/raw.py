"""The samples themselves."""

__all__ = ["Raw"]

from torch import Tensor

from .base import Features
from .resize import unit


class Raw(Features):
    """Points as they are; the pixels of images, in [0, 1], one after the other."""

    name = "raw"
    protocol = "points as they are; images as pixels in [0, 1], flattened, at their own size"
    images = False

    def __call__(self, batch: Tensor) -> Tensor:
        return unit(batch).flatten(1)

    def fingerprint(self) -> str:
        return "raw 1"
