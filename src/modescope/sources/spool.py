"""Samples that come only once: kept in a temporary file, so that every pass sees the same ones."""

__all__ = ["Spool"]

import tempfile
from collections.abc import Iterable

import numpy as np
import torch
from torch import Tensor

from ..core.errors import ModescopeError, need
from .arrays import raw_rows
from .settle import Raw

ENDLESS = 2**24  # samples after which a loader is taken to have no end


class Spool:
    """Raw blocks in a file that goes when the last one who reads it goes.

    Arguments:
        what: What they are, for sentences.
        limit: How many samples to keep, None for all.
    """

    def __init__(self, what: str, limit: int | None) -> None:
        self.what = what
        self.limit = limit
        self.file = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the source that reads it
        self.shape: tuple[int, ...] = ()
        self.dtype = torch.uint8
        self.count = 0
        self.labels: list[Tensor] | None = []

    @property
    def full(self) -> bool:
        """Whether no more samples are wanted."""
        return self.limit is not None and self.count >= self.limit

    def add(self, rows: Tensor, labels: Tensor | None) -> None:
        """Keeps samples, which must be like the first ones."""
        need(rows.ndim > 0, f"{self.what} gave a single number, expected a batch with the samples along the first axis")
        if self.count == 0:
            self.shape, self.dtype = tuple(rows.shape[1:]), rows.dtype
        given, kept = (tuple(rows.shape[1:]), rows.dtype), (self.shape, self.dtype)
        need(
            given == kept,
            f"{self.what} gave samples of shape {given[0]} and {plain(given[1])} after samples of shape {kept[0]} and "
            f"{plain(kept[1])}, expected the same",
        )
        if self.limit is not None:
            rows = rows[: self.limit - self.count]
        self.labels = None if labels is None or self.labels is None else [*self.labels, labels[: len(rows)]]
        self.count += len(rows)
        try:
            self.file.write(rows.contiguous().numpy().tobytes())
        except OSError as error:
            raise ModescopeError(
                f"{self.what} does not fit in the folder of temporary files, {tempfile.gettempdir()!r}: "
                f"{error.strerror or error}; set TMPDIR to a folder with more space"
            ) from error

    def fill(self, batches: Iterable[tuple[Tensor, Tensor | None]]) -> "Spool":
        """Keeps batches until there are enough, or no more."""
        for rows, labels in batches:
            self.add(rows, labels)
            need(self.count <= ENDLESS, f"{self.what} gave over {ENDLESS} samples and goes on: say how many with n")
            if self.full:
                break
        return self

    def raw(self) -> Raw:
        """What was kept."""
        need(self.count > 0, f"{self.what} gave no samples")
        self.file.flush()
        labels = torch.cat(self.labels) if self.labels else None
        if not all(self.shape):
            rows: Tensor | np.ndarray = torch.zeros(self.count, *self.shape, dtype=self.dtype)
        else:
            dtype = torch.zeros(0, dtype=self.dtype).numpy().dtype
            rows = np.memmap(self.file, dtype, "r", shape=(self.count, *self.shape))
        return raw_rows(rows, self.what, labels)


def plain(dtype: torch.dtype) -> str:
    """The name of a dtype."""
    return str(dtype).removeprefix("torch.")
