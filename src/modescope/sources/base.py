"""The contract of a source: samples in batches, as often as wanted, with a fingerprint."""

__all__ = ["Source", "rebatch"]

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from ..core.errors import need

Kind = Literal["points", "images"]


@dataclass(frozen=True)
class Source:
    r"""Samples of a distribution, read in batches.

    Every pass gives the same samples in the same order, and holds no more than a few batches in memory. Nothing here is
    NaN or infinite.

    Arguments:
        name: A short name, for tables.
        kind: ``points``, or ``images``.
        shape: The shape of one sample: :math:`(D)` for points, :math:`(C, H, W)` with 1 or 3 channels for images.
        count: How many samples there are, :math:`N`.
        blocks: Starts a pass: the samples in pieces of any length.
        labels: The class of each sample, with shape :math:`(N)` and dtype int64, where classes are known.
        classes: The names of the classes, where they have names.
        notes: What was skipped or converted on the way, a sentence each.
        digest: Finds the fingerprint where there is a cheaper way than to read all samples.
    """

    name: str
    kind: Kind
    shape: tuple[int, ...]
    count: int
    blocks: Callable[[], Iterator[Tensor]] = field(repr=False)
    labels: Tensor | None = field(default=None, repr=False, compare=False)
    classes: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    digest: Callable[[], str] | None = field(default=None, repr=False)

    def batches(self, size: int) -> Iterator[Tensor]:
        r"""Starts a pass: batches of `size` samples, the last one perhaps smaller.

        Arguments:
            size: The samples in a batch, :math:`B`.

        Raises:
            ModescopeError: If `size` is not positive, or the samples changed since they were opened.

        Returns:
            Points with shape :math:`(B, D)`, float32 or float64; images with shape :math:`(B, C, H, W)`, uint8.
        """
        need(isinstance(size, int) and size >= 1, f"size is {size!r}, expected a whole number of at least 1")
        return rebatch(self.blocks(), size)

    def fingerprint(self) -> str:
        """The SHA-256 of the content, 64 hexadecimal digits; the first call may read all samples."""
        return self._fingerprint

    @cached_property
    def _fingerprint(self) -> str:
        if self.digest is not None:
            return self.digest()
        total = hashlib.sha256()
        for i, block in enumerate(self.blocks()):
            if i == 0:
                total.update(f"{self.kind} {self.shape} {block.dtype}".encode())
            total.update(block.contiguous().numpy().reshape(-1).view(np.uint8).data)
        return total.hexdigest()


def rebatch(blocks: Iterable[Tensor], size: int) -> Iterator[Tensor]:
    """The rows of `blocks` in pieces of `size`, the last one perhaps smaller."""
    held: list[Tensor] = []
    count = 0
    for block in blocks:
        for piece in block.split(size):
            held.append(piece)
            count += len(piece)
            if count >= size:
                joined = torch.cat(held) if len(held) > 1 else held[0]
                yield joined[:size]
                held = [joined[size:]]
                count -= size
    if count:
        yield torch.cat(held)
