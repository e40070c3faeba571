"""What is wrong with a set of digits, by a judge whom of the features only its own, ``judge:mnist``, know."""

__all__ = ["shares_of", "truth_of"]

import torch
from torch import Tensor

from modescope.judges import judge

LOST = 0.2  # of the images that a digit is due


def shares_of(images: Tensor) -> Tensor:
    """The share of images that look like each digit, with shape `(10,)`, of bytes with shape `(N, 1, 28, 28)`."""
    return torch.bincount(judge("mnist").labels(images.float() / 255), minlength=10) / len(images)


def truth_of(shares: Tensor) -> str:
    """The verdict that class shares, with shape `(10,)`, ask for.

    A digit with less than a fifth of its due, a tenth, is lost; three digits' worth and less is partial.
    """
    lost = int((shares < LOST * 0.1).sum())
    return "none" if lost == 0 else "partial" if lost < 4 else "severe"
