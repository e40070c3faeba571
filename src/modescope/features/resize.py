r"""What is done to images before a network sees them."""

__all__ = ["colour", "resize", "unit"]

import torch
from torch import Tensor
from torch.nn.functional import interpolate


def colour(images: Tensor) -> Tensor:
    """Images with three channels, grey ones three times the same; shape `(B, 3, H, W)`."""
    return images.expand(-1, 3, -1, -1) if images.shape[1] == 1 else images


def resize(images: Tensor, size: int | tuple[int, int]) -> Tensor:
    r"""Resizes images by an antialiased bicubic filter, whatever their proportions.

    The kernel widens with the reduction, so that fine patterns turn grey, where a plain bicubic or bilinear resize
    picks some of the pixels and changes the statistics that features measure. Samples are 8-bit images before, as files
    of images are; the result is not rounded again, nor clipped, so it may overshoot [0, 255] by some percent.

    References:
        | On Aliased Resizing and Surprising Subtleties in GAN Evaluation (Parmar, Zhang, Zhu, 2022), section 3
        | https://arxiv.org/abs/2104.11222

    Note:
        It computes what that paper's library does with PIL, bicubic in floats for each channel.

    Arguments:
        images: Images, with shape :math:`(B, C, H, W)` and values in [0, 255].
        size: Height and width, or one number for both.

    Returns:
        Images in float32, with shape :math:`(B, C, h, w)`; those of the right size already are as they were.
    """
    wanted = (size, size) if isinstance(size, int) else size
    images = images.to(torch.float32)
    if tuple(images.shape[-2:]) == tuple(wanted):
        return images
    return interpolate(images, wanted, mode="bicubic", antialias=True, align_corners=False)


def unit(batch: Tensor) -> Tensor:
    """Images as floats in [0, 1]; points as they are."""
    return batch.to(torch.float32) / 255 if batch.ndim == 4 else batch
