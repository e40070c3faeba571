"""Real samples of any kind, as features: a few thousand of them, taken without touching anyone's random numbers."""

__all__ = ["real_features"]

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..core.errors import ModescopeError, need
from ..core.untouched import untouched_randomness
from ..datasets import Dataset
from ..sources import Source, open_source
from ..sources.layout import to_rows
from .embed import Embedding

LIMIT = 4096  # real samples that are looked at
BATCH = 256


def real_features(real: Any, embedding: Embedding, generator: torch.Generator) -> Tensor:
    """The features of at most 4,096 real samples, with shape `(N, F)`.

    Raises:
        ModescopeError: If they cannot be read, or are not finite.
    """
    with untouched_randomness():
        found, count = [], 0
        for batch in batches_of(real, generator):
            found.append(embedding(batch[: LIMIT - count]))
            count += len(found[-1])
            if count >= LIMIT:
                break
    need(count > 0, "real holds no samples")
    features = torch.cat(found)
    lost = int((~features.isfinite().all(1)).sum())
    need(lost == 0, f"real holds NaN or infinite values in {lost} of {count} samples, expected finite ones")
    return features


def batches_of(real: Any, generator: torch.Generator) -> Iterator[Tensor]:
    """Goes through real samples in batches: what is in memory or on the disk in random order, a loader in its own."""
    if isinstance(real, np.ndarray):
        real = to_rows(real, "real")
    if isinstance(real, Tensor):
        need(
            real.layout is torch.strided and real.ndim > 0,
            "real is a sparse tensor or a single number, expected samples",
        )
        order = torch.randperm(len(real), generator=generator)[:LIMIT]
        return (real[rows.to(real.device)] for rows in order.split(BATCH))
    if isinstance(real, str | Path | Dataset | Source):
        return opened(real).batches(BATCH)
    if isinstance(real, Iterable):
        need(
            iter(real) is not real,
            f"real is a {type(real).__name__}, which would be used up: give the loader or list behind it",
        )
        return map(samples_in, real)
    if callable(real):
        return (samples_in(real(BATCH)) for _ in range(LIMIT // BATCH))
    raise ModescopeError(
        f"real is a {type(real).__name__}, expected a tensor, a loader, a function of a count, a path or a data set's "
        "name"
    )


def opened(real: str | Path | Dataset | Source) -> Source:
    """Samples of a file, a folder or a named data set, not too many and in no order."""
    if isinstance(real, Source):
        return real
    source = open_source(real, endless=LIMIT, name="real")
    return source if source.count <= LIMIT else open_source(real, n=LIMIT, name="real")


def samples_in(batch: Any) -> Tensor:
    """The samples of a batch, which may be a pair of them and of labels."""
    while isinstance(batch, tuple | list) and batch:
        batch = batch[0]
    if isinstance(batch, np.ndarray):
        batch = to_rows(batch, "real")
    need(
        isinstance(batch, Tensor) and batch.ndim > 1,
        f"real gave a {type(batch).__name__}, expected batches with samples along the first axis, or pairs of these "
        "and labels",
    )
    return batch
