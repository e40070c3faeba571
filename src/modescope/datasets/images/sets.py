"""The known sets of images, and a folder of your own."""

__all__ = ["CIFAR10", "MNIST", "CelebA", "FashionMNIST", "ImageFolder", "Images", "SignDigits"]

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import ClassVar

from ...core.errors import need
from ...core.files import files_below, seen_from
from ..checks import whole
from .arrays import Arrays
from .base import ImageData
from .load import Split, load
from .photographs import CROPS, folder_images
from .store import stamp_of


@dataclass(frozen=True, kw_only=True)
class Images(ImageData):
    r"""A set that is known by name.

    Arguments:
        split: ``train``, ``test``, or ``all``, both of them.
        pixels: The numbers for black and white.
        digest: The SHA-256 of the images; see :class:`ImageData`.
    """

    source: ClassVar[str]

    split: Split = "train"

    def read(self) -> Arrays:
        return load(self.source, self.split)


@dataclass(frozen=True, kw_only=True)
class MNIST(Images):
    r"""Handwritten digits: 60,000 for training and 10,000 for tests, grey, 28 x 28.

    References:
        | Gradient-based learning applied to document recognition (LeCun et al., 1998)
        | http://yann.lecun.com/exdb/mnist/

    Arguments:
        split: ``train``, ``test``, or ``all``, both of them.
        pixels: The numbers for black and white.
        digest: The SHA-256 of the images; see :class:`ImageData`.
    """

    source: ClassVar[str] = "mnist"
    judge: ClassVar[str] = "mnist"
    summary: ClassVar[str] = "handwritten digits, grey, 28 x 28"
    reference: ClassVar[str] = (
        "Gradient-based learning applied to document recognition (LeCun et al., 1998), http://yann.lecun.com/exdb/mnist/"
    )


@dataclass(frozen=True, kw_only=True)
class FashionMNIST(Images):
    r"""Clothes: 60,000 for training and 10,000 for tests, grey, 28 x 28.

    References:
        | Fashion-MNIST: a Novel Image Dataset for Benchmarking Machine Learning Algorithms (Xiao et al., 2017)
        | https://arxiv.org/abs/1708.07747

    Arguments:
        split: ``train``, ``test``, or ``all``, both of them.
        pixels: The numbers for black and white.
        digest: The SHA-256 of the images; see :class:`ImageData`.
    """

    source: ClassVar[str] = "fashion-mnist"
    judge: ClassVar[str] = "fashion-mnist"
    summary: ClassVar[str] = "pictures of clothes, grey, 28 x 28"
    reference: ClassVar[str] = (
        "Fashion-MNIST: a Novel Image Dataset for Benchmarking Machine Learning Algorithms (Xiao et al., 2017), "
        "https://arxiv.org/abs/1708.07747"
    )
    year: ClassVar[int | None] = 2017


@dataclass(frozen=True, kw_only=True)
class CIFAR10(Images):
    r"""Photographs of ten kinds of animals and vehicles: 50,000 for training and 10,000 for tests, colour, 32 x 32.

    References:
        | Learning Multiple Layers of Features from Tiny Images (Krizhevsky, 2009)
        | https://www.cs.toronto.edu/~kriz/cifar.html

    Arguments:
        split: ``train``, ``test``, or ``all``, both of them.
        pixels: The numbers for black and white.
        digest: The SHA-256 of the images; see :class:`ImageData`.

    Note:
        The binary and the Python batches hold the same images. A file ``cifar10_jpeg.npz`` holds them as JPEG, which
        loses detail: distances on it are not comparable with published ones.
    """

    source: ClassVar[str] = "cifar10"
    summary: ClassVar[str] = "photographs of animals and vehicles, colour, 32 x 32"
    reference: ClassVar[str] = (
        "Learning Multiple Layers of Features from Tiny Images (Krizhevsky, 2009), "
        "https://www.cs.toronto.edu/~kriz/cifar.html"
    )
    year: ClassVar[int | None] = 2009


@dataclass(frozen=True, kw_only=True)
class CelebA(Images):
    r"""Faces: 162,770 for training, 19,867 for validation and 19,962 for tests, aligned, colour, 64 x 64.

    References:
        | Deep Learning Face Attributes in the Wild (Liu et al., 2015)
        | https://arxiv.org/abs/1411.7766

    Arguments:
        split: ``train``, ``test``, or ``all``, which has the images for validation too.
        pixels: The numbers for black and white.
        digest: The SHA-256 of the images; see :class:`ImageData`.
        crop: The height and width of the middle that is taken of the 178 x 218 pixels: 108 as in DCGAN's code, or 140
            as in that of Wasserstein Auto-Encoders.

    Note:
        The middle is brought to 64 x 64 by Lanczos's filter, which does not alias; DCGAN's code and others did it by
        other filters, so distances differ a little.
    """

    source: ClassVar[str] = "celeba"
    summary: ClassVar[str] = "faces, aligned, colour, 64 x 64"
    reference: ClassVar[str] = (
        "Deep Learning Face Attributes in the Wild (Liu et al., 2015), https://arxiv.org/abs/1411.7766"
    )
    year: ClassVar[int | None] = 2015

    crop: int = CROPS[0]

    def read(self) -> Arrays:
        return load(self.source, self.split, self.crop)


@dataclass(frozen=True, kw_only=True)
class SignDigits(Images):
    r"""2,062 photographs of hands that show the digits 0 to 9, colour, 64 x 64.

    References:
        | A New Dataset and Proposed Convolutional Neural Network Architecture for Classification of American Sign
          Language Digits (Mavi, 2020)
        | https://arxiv.org/abs/2011.08927

    Arguments:
        split: ``train`` or ``all``, which are the same.
        pixels: The numbers for black and white.
        digest: The SHA-256 of the images; see :class:`ImageData`.
    """

    source: ClassVar[str] = "sign-digits"
    summary: ClassVar[str] = "photographs of hands that show ten digits, colour, 64 x 64"
    reference: ClassVar[str] = (
        "A New Dataset and Proposed Convolutional Neural Network Architecture for Classification of American Sign "
        "Language Digits (Mavi, 2020), https://arxiv.org/abs/2011.08927"
    )
    year: ClassVar[int | None] = 2020


@dataclass(frozen=True, kw_only=True)
class ImageFolder(ImageData):
    r"""The images in a folder, whose sub-folders are their classes.

    Arguments:
        path: The folder: PNG, JPEG, WebP, BMP or TIFF files, in it and in the folders in it.
        pixels: The numbers for black and white.
        digest: The SHA-256 of the images; see :class:`ImageData`.
        size: The width and height that the middle square of each image is brought to; 0 keeps images as they are, which
            must then be of one size.
    """

    summary: ClassVar[str] = "your own images, from a folder"

    path: str
    size: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "path", str(self.path))
        whole("size", self.size, 0)
        need(is_folder(self.path), f"path is {self.path!r}, expected a folder of images{seen_from(self.path)}")
        super().__post_init__()

    def read(self) -> Arrays:
        return _read(self.path, self.size, stamp_of(files_below(Path(self.path))))


def is_folder(path: str) -> bool:
    """Whether there is such a folder; a name that no system takes is none."""
    try:
        return Path(path).is_dir()
    except OSError:
        return False


@lru_cache(maxsize=8)
def _read(path: str, size: int, stamp: int) -> Arrays:
    """The images of a folder as it is now."""
    return folder_images(Path(path), size)
