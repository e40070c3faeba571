"""Reads the MNIST digits from the four files as their authors publish them."""

__all__ = ["load"]

import gzip
import os
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from modescope.core.errors import ModescopeError, need


def load(part: str = "train") -> tuple[Tensor, Tensor]:
    """The images and the labels of the part ``train`` (60,000) or ``t10k`` (10,000).

    Returns:
        The images as bytes, with shape `(N, 1, 28, 28)`, and the digits that they show, with shape `(N,)`.

    Raises:
        ModescopeError: If the environment variable MODESCOPE_DATA names no folder with the files.
    """
    root = os.environ.get("MODESCOPE_DATA", "")
    need(root != "", "MODESCOPE_DATA is not set, expected a folder that holds mnist/train-images-idx3-ubyte.gz")
    folder = Path(root) / "mnist"
    images = read_idx(folder / f"{part}-images-idx3-ubyte.gz")
    labels = read_idx(folder / f"{part}-labels-idx1-ubyte.gz")
    return images.unsqueeze(1), labels.long()


def read_idx(path: Path) -> Tensor:
    """An IDX file of bytes: two zeros, the type 8, the number of axes, the size of each, and then the numbers."""
    try:
        content = gzip.decompress(path.read_bytes())
    except OSError as error:
        raise ModescopeError(f"{str(path)!r} cannot be read: {error.strerror or error}") from error
    need(content[:3] == b"\0\0\x08", f"{str(path)!r} is no IDX file of bytes")
    axes = content[3]
    shape = np.frombuffer(content, ">u4", axes, offset=4).astype(int)
    need(len(content) == 4 + 4 * axes + shape.prod(), f"{str(path)!r} was cut short")
    return torch.from_numpy(np.frombuffer(content, np.uint8, offset=4 + 4 * axes).reshape(shape).copy())
