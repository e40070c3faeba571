"""Images in memory, as bytes."""

__all__ = ["Arrays", "arrays_of", "joined"]

import hashlib
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, eq=False)
class Arrays:
    """The images of a set, in one byte a value, and their classes.

    Arguments:
        images: With shape `(N, C, H, W)`, uint8; perhaps a file that is mapped into memory.
        labels: The class of each, with shape `(N,)`, int64, where classes are known.
        digest: The SHA-256 of what they were made from, so that a run is never compared with data that changed.
        note: What is particular about them.
    """

    images: Tensor
    labels: Tensor | None
    digest: str
    note: str = ""

    def __len__(self) -> int:
        return len(self.images)


def arrays_of(images: Tensor, labels: Tensor | None) -> Arrays:
    """Images that are stored as they are: their digest is that of their values."""
    total = hashlib.sha256(repr(tuple(images.shape)).encode())
    total.update(images.contiguous().numpy().data)
    if labels is not None:
        total.update(labels.numpy().astype("<i8").data)
    return Arrays(images, labels, total.hexdigest())


def joined(parts: list[Arrays]) -> Arrays:
    """Sets one after the other."""
    if len(parts) == 1:
        return parts[0]
    labels = [part.labels for part in parts if part.labels is not None]
    return Arrays(
        torch.cat([part.images for part in parts]),
        torch.cat(labels) if len(labels) == len(parts) else None,
        hashlib.sha256("".join(part.digest for part in parts).encode()).hexdigest(),
        parts[0].note,
    )
