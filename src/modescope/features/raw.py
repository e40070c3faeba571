"""The samples themselves."""

__all__ = ["Raw"]

from typing import Self

from torch import Tensor

from ..sources import Source
from .base import Features
from .resize import unit

PIXELS = "pixels in [0, 1], flattened, at their own size"


class Raw(Features):
    """Points as they are; the pixels of images, in [0, 1], one after the other."""

    name = "raw"
    protocol = f"points as they are; images as {PIXELS}"
    images = False

    def fit(self, source: Source) -> Self:
        self.protocol = "points as they are" if source.kind == "points" else PIXELS
        return self

    def __call__(self, batch: Tensor) -> Tensor:
        return unit(batch).flatten(1)

    def fingerprint(self) -> str:
        return "raw 1"
