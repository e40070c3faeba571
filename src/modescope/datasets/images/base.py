r"""Data sets of images: bytes in memory, of which only a batch becomes numbers."""

__all__ = ["PIXELS", "ImageData", "Pixels", "scaled"]

import abc
from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar, Literal

import torch
from torch import Tensor

from ...core.errors import nearest_name, need
from ..base import Dataset, Extent, Modes, widen
from .arrays import Arrays

Pixels = Literal["-1 to 1", "0 to 1"]
PIXELS: dict[str, tuple[float, float]] = {"-1 to 1": (-1.0, 1.0), "0 to 1": (0.0, 1.0)}


@dataclass(frozen=True, kw_only=True)
class ImageData(Dataset):
    r"""Images of a finite set, each as likely as the others.

    Where a judge is known, the classes are the modes; see :class:`modescope.judges.JudgedModes`.

    The images stay bytes, once in a process and on a device; :meth:`push` picks rows by index and scales those alone.

    Arguments:
        pixels: The numbers for black and white.
        digest: The SHA-256 of the images, found on loading. If given, the images must match it, so that a run is never
            compared with data that changed since.
    """

    judge: ClassVar[str] = ""

    pixels: Pixels = "-1 to 1"
    digest: str = ""

    @abc.abstractmethod
    def read(self) -> Arrays:
        """The images, read again only if the files changed."""

    @property
    def arrays(self) -> Arrays:
        """The images."""
        return held(self)

    def __post_init__(self) -> None:
        if self.pixels not in PIXELS:
            raise nearest_name("range of pixels", self.pixels, PIXELS)
        object.__setattr__(self, "digest", self.checked(self.read()))

    def checked(self, arrays: Arrays) -> str:
        """The digest of images, if they are those that are expected."""
        found = self.fingerprint(arrays)
        need(
            self.digest in ("", found),
            f"the images of {type(self).__name__} have changed: their digest is {found[:12]}..., expected "
            f"{self.digest[:12]}...",
        )
        return found

    def fingerprint(self, arrays: Arrays) -> str:
        """The SHA-256 of all that samples are made of."""
        return arrays.digest

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(self.arrays.images.shape[1:])

    @property
    def dim(self) -> int:
        channels, height, width = self.shape
        return channels * height * width

    @property
    def count(self) -> int | None:
        """How many different samples there are, or None where they are combined anew for each."""
        return len(self.arrays)

    @property
    def finite(self) -> bool:
        return self.count is not None

    @property
    def uniforms(self) -> int:
        return 1

    @property
    def normals(self) -> int:
        return 0

    def index(self, uniform: Tensor) -> Tensor:
        r"""Which images uniforms stand for, both of shape :math:`(*, U)`."""
        return (uniform * len(self.arrays)).long()  # never N: the greatest float below 1 times N rounds below N

    def pictures(self, index: Tensor) -> Tensor:
        r"""Images as bytes.

        Arguments:
            index: Which, with shape :math:`(*, U)`, as :meth:`index` gives it.

        Returns:
            The images, with shape :math:`(*, C, H, W)`, uint8.
        """
        return rows(placed(self.arrays, index.device), index[..., 0])

    def labels(self, index: Tensor) -> Tensor | None:
        r"""The class of each sample, with shape :math:`(*)`, where classes are known."""
        known = self.arrays.labels
        return None if known is None else known.to(index.device)[index[..., 0]]

    def masses(self) -> Tensor:
        """The share of each class, with shape `(M)`, float64."""
        known = self.labels(torch.arange(self.count or 0)[:, None])
        assert known is not None
        return torch.bincount(known).double() / len(known)

    @property
    def modes(self) -> Modes | None:
        return _judged(self) if self.judge else None

    def kept(self, samples: Tensor) -> Tensor:
        low, high = PIXELS[self.pixels]
        return ((samples - low) * (255 / (high - low))).nan_to_num(0).round_().clamp_(0, 255).byte()

    def restored(self, kept: Tensor) -> Tensor:
        return scaled(kept, self.pixels, torch.float32)

    def push(self, uniform: Tensor, normal: Tensor) -> Tensor:
        return scaled(self.pictures(self.index(uniform)).flatten(-3), self.pixels, uniform.dtype)

    @property
    def extent(self) -> Extent:
        low, high = PIXELS[self.pixels]
        return widen(torch.full((self.dim,), low), torch.full((self.dim,), high))

    def no_density(self) -> str:
        return "only its images are known"


def rows(images: Tensor, index: Tensor) -> Tensor:
    r"""The images of these numbers, with shape :math:`(*, C, H, W)`."""
    return images.index_select(0, index.flatten()).view(*index.shape, *images.shape[1:])


def scaled(images: Tensor, pixels: Pixels, dtype: torch.dtype) -> Tensor:
    """Bytes as numbers: black and white become exactly the ends of the range."""
    numbers = images.to(dtype)
    return numbers.div_(255) if pixels == "0 to 1" else numbers.div_(127.5).sub_(1)


@lru_cache(maxsize=8)
def held(data: ImageData) -> Arrays:
    """The images of a data set, without a look at its files after the first time."""
    arrays = data.read()
    data.checked(arrays)
    return arrays


@lru_cache(maxsize=8)
def placed(arrays: Arrays, device: torch.device) -> Tensor:
    """The images on a device, moved once; as they are where they are there."""
    return arrays.images.to(device)


@lru_cache(maxsize=8)
def _judged(data: ImageData) -> Modes:
    """The classes of a data set as modes; the same object each time, since it remembers what it was asked."""
    from ...judges.modes import JudgedModes

    return JudgedModes(data.judge, data.shape[0], data.pixels, data.masses())
