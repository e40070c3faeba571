"""What raw arrays mean: points or images, which axis holds the channels, which numbers are black and white."""

__all__ = ["Layout", "Pixels", "layout_of", "need_dense", "pixels_of", "to_rows"]

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..core.errors import ModescopeError, need
from .base import Kind

Pixels = tuple[float, float]

CHANNELS = (1, 3)
LEAST_NEGATIVE = -0.25  # images in [-1, 1] reach below it; an overshoot of images in [0, 1] does not
WHAT_TO_DO = "say what is black and what is white, e.g. pixels=(-1, 1), and values beyond are clipped"


def to_rows(value: Any, what: str) -> Tensor:
    """A tensor or array as a tensor on the CPU with a dtype that holds it: uint8, int64, float32 or float64.

    Raises:
        ModescopeError: If it does not hold real numbers.
    """
    if isinstance(value, Tensor):
        need_dense(value, what)
        tensor = value.detach().cpu()
    else:
        try:
            array = np.asarray(value)
        except (TypeError, ValueError) as error:
            raise ModescopeError(f"{what} cannot be read as an array: {error}") from error
        need(
            array.dtype.kind in "fiu",
            f"{what} holds {array.dtype} values, expected real numbers",
        )
        need(not np.ma.is_masked(value), f"{what} is masked in places, expected numbers throughout: fill these first")
        tensor = torch.from_numpy(np.array(array, dtype=_held_as(array.dtype)))
    good = not (tensor.is_complex() or tensor.is_quantized or tensor.dtype == torch.bool)
    need(good, f"{what} holds {str(tensor.dtype).removeprefix('torch.')} values, expected real numbers")
    if tensor.is_floating_point():
        return tensor if tensor.dtype in (torch.float32, torch.float64) else tensor.float()
    if tensor.dtype == torch.uint64:
        return tensor.double()  # int64 would wrap
    return tensor if tensor.dtype == torch.uint8 else tensor.long()


def need_dense(tensor: Tensor, what: str) -> None:
    """Raises unless a tensor has its numbers at hand."""
    dense = tensor.layout is torch.strided and not tensor.is_meta and not tensor.is_nested
    need(dense, f"{what} is a sparse, nested or meta tensor, expected a dense one")


def _held_as(dtype: np.dtype) -> type:
    """The native dtype that PyTorch reads numbers of `dtype` as."""
    if dtype.kind == "f":
        return np.float32 if dtype.itemsize <= 4 else np.float64
    return {np.dtype(np.uint8): np.uint8, np.dtype(np.uint64): np.float64}.get(dtype, np.int64)


@dataclass(frozen=True)
class Layout:
    """How raw samples become samples.

    Arguments:
        kind: ``points`` or ``images``.
        shape: The shape of one sample when done.
        last: Whether the channels of images come last.
        pixels: The values of black and white, None for uint8 and points.
    """

    kind: Kind
    shape: tuple[int, ...]
    last: bool = False
    pixels: Pixels | None = None

    def apply(self, block: Tensor) -> Tensor:
        """Raw samples as samples."""
        if self.kind == "points":
            return block if block.is_floating_point() else block.double()
        if self.pixels is not None and block.dtype != torch.uint8:
            low, high = self.pixels
            block = ((block.double() - low) * (255 / (high - low))).round_().clamp_(0, 255).to(torch.uint8)
        return (block.movedim(-1, 1) if self.last else block).reshape(-1, *self.shape).contiguous()


def layout_of(shape: tuple[int, ...], what: str) -> Layout:
    """The layout of an array of this shape, the samples along the first axis.

    Raises:
        ModescopeError: If it is not clear what the axes are.
    """
    if len(shape) == 2:
        return Layout("points", shape[1:])
    if len(shape) == 3:
        return Layout("images", (1, *shape[1:]))
    hint = "; reshape one coordinate to (N, 1)" if len(shape) == 1 else ""
    need(
        len(shape) == 4,
        f"{what} has shape {shape}, expected points (N, D) or images (N, H, W), (N, C, H, W) or (N, H, W, C){hint}",
    )
    first, last = shape[1] in CHANNELS, shape[3] in CHANNELS
    need(
        not (first and last),
        f"{what} has shape {shape}, where both axis 1 and axis 3 may be the channels: reshape grey images to (N, H, W)",
    )
    need(
        first or last,
        f"{what} has shape {shape}, but neither axis 1 nor axis 3 has length 1 (grey) or 3 (colour); "
        "drop a channel of transparency first",
    )
    return Layout("images", (shape[3], *shape[1:3]) if last else shape[1:], last)


def pixels_of(low: float, high: float, whole: bool, what: str) -> Pixels:
    """Black and white of images whose least and greatest value are `low` and `high`.

    Arguments:
        low: The least value.
        high: The greatest value.
        whole: Whether they are whole numbers by their dtype.
        what: What it is, for a sentence.

    Raises:
        ModescopeError: If more than one range would fit, or none.
    """
    seen = f"{what} holds pixels from {low:g} to {high:g}"
    if whole:
        need(low >= 0 and high <= 255, f"{seen}, expected whole numbers from 0 to 255")
        need(high > 1 or low == high == 0, f"{seen}, which may be of a range to 1 or to 255: {WHAT_TO_DO}")
        return (0.0, 255.0)
    if low >= 0 and high <= 1:
        return (0.0, 1.0)
    if low < LEAST_NEGATIVE and low >= -1 and high <= 1:
        return (-1.0, 1.0)
    if low >= 0 and 2 < high <= 255:
        return (0.0, 255.0)
    raise ModescopeError(f"{seen}, which fits neither [0, 1] nor [-1, 1] nor [0, 255] clearly: {WHAT_TO_DO}")
