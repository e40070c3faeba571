"""Images: where the files of the known sets lie, how they are read, and the data sets made of them."""

from .arrays import Arrays
from .base import ImageData
from .catalog import SETS, ImageSet
from .load import SPLITS, load
from .sets import CIFAR10, MNIST, CelebA, FashionMNIST, ImageFolder, Images, SignDigits
from .stacked import Stacked, StackedFashionMNIST, StackedMNIST
from .store import fetch, find, path, verify

__all__ = [
    "CIFAR10",
    "MNIST",
    "SETS",
    "SPLITS",
    "Arrays",
    "CelebA",
    "FashionMNIST",
    "ImageData",
    "ImageFolder",
    "ImageSet",
    "Images",
    "SignDigits",
    "Stacked",
    "StackedFashionMNIST",
    "StackedMNIST",
    "fetch",
    "find",
    "load",
    "path",
    "verify",
]
