"""Samples in memory: an array or a tensor."""

__all__ = ["from_array", "raw_rows"]

from collections.abc import Iterator
from typing import Any

import numpy as np
from torch import Tensor

from ..core.errors import need
from .base import Source
from .layout import need_dense, to_rows
from .settle import Options, Raw, settle, subset

BLOCK_BYTES = 2**24


def from_array(value: Any, options: Options, what: str = "the array") -> Source:
    """The samples along the first axis of a tensor, or of anything that NumPy reads as an array.

    Raises:
        ModescopeError: If it holds no real numbers, or is of an unclear shape or range.
    """
    held = value if isinstance(value, Tensor | np.ndarray) else to_rows(value, what)
    return subset(settle(raw_rows(held, what), options), options)


def raw_rows(held: Tensor | np.ndarray, what: str, labels: Tensor | None = None) -> Raw:
    """Raw samples that lie in memory, or in a memory-mapped file, which is read block by block."""
    if isinstance(held, Tensor):
        need_dense(held, what)
    need(held.ndim > 0, f"{what} is a single number, expected samples along the first axis")
    to_rows(held[:0], what)  # the dtype

    def blocks() -> Iterator[Tensor]:
        size = rows_of(held.shape)
        for start in range(0, len(held), size):
            yield to_rows(held[start : start + size], what)

    return Raw(what, blocks, len(held), labels)


def rows_of(shape: tuple[int, ...]) -> int:
    """How many samples of an array of this shape make a block."""
    return max(1, BLOCK_BYTES // max(1, 8 * int(np.prod(shape[1:]))))
