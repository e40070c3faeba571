"""The format of MNIST: a header with the type and the sizes, then the numbers."""

__all__ = ["idx_images", "parse_idx"]

import math

import torch
from torch import Tensor

from ...core.errors import need
from .arrays import Arrays, arrays_of
from .content import read
from .store import Found

UNSIGNED_BYTE = 8
STEMS = {"train": "train", "test": "t10k"}


def parse_idx(content: bytes, what: str, axes: int) -> Tensor:
    """The bytes that a file in IDX format holds.

    Its first two bytes are 0, then come the type of the numbers, how many axes there are, each one's length as four
    bytes, the highest first, and the numbers.

    Arguments:
        content: The unpacked file.
        what: What it is, for sentences.
        axes: How many axes are expected.

    Raises:
        ModescopeError: If the header or the length is not as it should be.
    """
    start = 4 + 4 * axes
    need(
        len(content) >= start and content[:4] == bytes([0, 0, UNSIGNED_BYTE, axes]),
        f"{what} is no IDX file of bytes with {axes} axes: it begins with {content[:4].hex(' ') or 'nothing'}",
    )
    shape = [int.from_bytes(content[4 + 4 * i : 8 + 4 * i], "big") for i in range(axes)]
    need(
        len(content) - start == math.prod(shape),
        f"{what} holds {len(content) - start} values, expected {math.prod(shape)} for the shape {tuple(shape)}",
    )
    need(math.prod(shape) > 0, f"{what} holds nothing: its shape is {tuple(shape)}")
    return torch.frombuffer(bytearray(content), dtype=torch.uint8, offset=start).reshape(shape)


def idx_images(found: Found, split: str) -> Arrays:
    """The training or the test images of a set in MNIST's four files."""
    parts = {}
    for file, where in found.pairs():
        if file.name.startswith(STEMS[split]):
            kind = "images" if "images" in file.name else "labels"
            parts[kind] = parse_idx(read(where, file), repr(str(where)), 3 if kind == "images" else 1)
    images, labels = parts["images"], parts["labels"]
    need(len(images) == len(labels), f"{found.name} has {len(images)} images and {len(labels)} labels")
    return arrays_of(images[:, None], labels.long())
