"""Sets of fake digits, spoiled by hand so that what is wrong with them is known."""

__all__ = ["HAND_MADE", "blurred", "duplicated", "noisy", "without"]

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn.functional import conv2d

Spoil = Callable[[Tensor, Tensor, torch.Generator], Tensor]  # images and labels to fakes


def without(images: Tensor, labels: Tensor, *digits: int) -> Tensor:
    """The images that show none of `digits`."""
    return images[~torch.isin(labels, torch.tensor(digits))]


def duplicated(images: Tensor, count: int) -> Tensor:
    """The first `count` images again and again."""
    return images[:count].repeat(-(-len(images) // count), 1, 1, 1)[: len(images)]


def blurred(images: Tensor, sigma: float) -> Tensor:
    """The images under a Gaussian blur of `sigma` pixels."""
    reach = int(3 * sigma + 0.5)
    line = torch.exp(-((torch.arange(-reach, reach + 1) / sigma) ** 2) / 2)
    kernel = torch.outer(line, line) / line.sum() ** 2
    return conv2d(images.float(), kernel[None, None], padding=reach).round().byte()


def noisy(images: Tensor, sigma: float, generator: torch.Generator) -> Tensor:
    """The images with Gaussian noise of deviation `sigma` grey levels on every pixel."""
    noise = sigma * torch.randn(images.shape, generator=generator)
    return (images.float() + noise).round().clamp(0, 255).byte()


HAND_MADE: dict[str, tuple[str, Spoil]] = {
    "other real digits": ("none", lambda x, y, g: x),
    "without 1 digit (4)": ("partial", lambda x, y, g: without(x, y, 4)),
    "without 3 digits (4, 7, 9)": ("partial", lambda x, y, g: without(x, y, 4, 7, 9)),
    "without 5 digits (even ones)": ("severe", lambda x, y, g: without(x, y, 0, 2, 4, 6, 8)),
    "one digit (7)": ("severe", lambda x, y, g: x[y == 7]),
    "500 images, repeated": ("severe", lambda x, y, g: duplicated(x, 500)),
    "blurred": ("none", lambda x, y, g: blurred(x, 1.0)),
    "noisy": ("none", lambda x, y, g: noisy(x, 40.0, g)),
}
"""Each set by name: the verdict that is true of it, and how it is made of real images that are not among the data."""
