"""Samples that a program makes: batches from a loader, or a function that draws them."""

__all__ = ["from_batches", "from_function"]

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from ..core.errors import ModescopeError, need
from .base import Source
from .layout import to_rows
from .settle import Options, settle
from .spool import Spool

CALL = 256  # samples asked of a function at once


def from_batches(batches: Iterable[Any], options: Options) -> Source:
    """The samples of a data loader, a PyTorch data set, or anything that gives batches.

    A batch is a tensor or an array with the samples along its first axis, or a pair of it and the labels. The batches
    are gone through once, on opening, and kept in a temporary file; of more than `n` samples the first `n` are kept.

    Raises:
        ModescopeError: If there are no batches, or their shapes or types differ.
    """
    what = f"the {type(batches).__name__}"
    if isinstance(batches, Dataset):  # gives one sample at a time
        batches = DataLoader(batches, batch_size=64)
    spool = Spool(what, options.n).fill(read_batches(batches, what))
    need(
        options.n is None or spool.count >= options.n,
        f"n is {options.n}, but {what} holds {spool.count} samples",
    )
    return settle(spool.raw(), options)


def read_batches(batches: Iterable[Any], what: str) -> Iterator[tuple[Tensor, Tensor | None]]:
    """Raw samples and their labels, batch by batch."""
    try:
        iterator = iter(batches)
    except TypeError as error:
        raise ModescopeError(f"{what} cannot be gone through: {error}") from error
    for i, batch in enumerate(iterator):
        yield read_batch(batch, f"batch {i} of {what}")


def read_batch(batch: Any, what: str) -> tuple[Tensor, Tensor | None]:
    """The raw samples of one batch, and the labels where it is a pair."""
    need(
        not isinstance(batch, Mapping),
        f"{what} is a mapping, expected a tensor or a pair of samples and labels; give e.g. "
        "(batch['image'] for batch in loader)",
    )
    if not isinstance(batch, tuple | list):
        return rows_in(batch, what), None
    need(len(batch) > 0, f"{what} is an empty {type(batch).__name__}")
    rows = rows_in(batch[0], what)
    return rows, labels_in(batch[1], len(rows)) if len(batch) > 1 else None


def rows_in(value: Any, what: str) -> Tensor:
    """The raw samples in `value`, which must have a sample axis."""
    need(
        not hasattr(value, "getbands"),
        f"{what} is one picture, expected a batch of them: give a folder, or np.stack of pictures of one size",
    )
    rows = to_rows(value, what)
    need(rows.ndim > 0, f"{what} is a single number, expected samples along the first axis")
    return rows


def labels_in(value: Any, count: int) -> Tensor | None:
    """`value` as the classes of `count` samples, or None if it is none."""
    if isinstance(value, Tensor | list | tuple) or hasattr(value, "__array__"):
        try:
            labels = torch.as_tensor(value)
        except (TypeError, ValueError, RuntimeError):
            return None
        whole = not (labels.is_floating_point() or labels.is_complex() or labels.dtype == torch.bool)
        return labels.cpu().long() if whole and labels.shape == (count,) else None
    return None


def from_function(function: Callable[[int], Any], options: Options) -> Source:
    """The samples that `function(count)` draws, asked for in pieces.

    PyTorch's and nothing else's random numbers are seeded before. All `n` are drawn on opening, and kept in a temporary
    file.

    Raises:
        ModescopeError: If `n` is not given, or the function does not return as many samples as asked.
    """
    what = f"the function {getattr(function, '__name__', type(function).__name__)!r}"
    options = options.counted(what)
    spool = Spool(what, options.n)
    with torch.random.fork_rng(), torch.no_grad():
        torch.manual_seed(options.seed)
        spool.fill(drawn(function, options.n or 0, what))
    return settle(spool.raw(), options)


def drawn(function: Callable[[int], Any], n: int, what: str) -> Iterator[tuple[Tensor, Tensor | None]]:
    """`n` samples, piece by piece."""
    for start in range(0, n, CALL):
        wanted = min(CALL, n - start)
        rows, labels = read_batch(function(wanted), what)
        need(len(rows) == wanted, f"{what} was asked for {wanted} samples and gave {len(rows)}")
        yield rows, labels
