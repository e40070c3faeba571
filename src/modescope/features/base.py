"""The contract of features: a batch of samples in, a vector for each out, and a sentence on how."""

__all__ = ["Features", "in_pieces", "weights_hash"]

import abc
import hashlib
from collections.abc import Callable
from typing import Self

import numpy as np
import torch
from torch import Tensor, nn

from ..core.errors import ModescopeError
from ..sources import Source

PIECE = 4  # images at once on a processor


class Features(abc.ABC):
    r"""A map from samples to vectors, in which distances mean something.

    Attributes:
        name: A short name, for tables.
        protocol: One sentence on what is done: resize, range, network, layer.
        dim: The length of a vector, :math:`F`; None where it shows only with the first batch.
        images: Whether only images have these features.
        device: Where it computes.
        classes: How many classes the features' own classifier knows, for :meth:`logits`; 0 without a classifier.
    """

    name: str
    protocol: str
    dim: int | None = None
    images: bool = True
    device: str = "cpu"
    classes: int = 0

    def fit(self, source: Source) -> Self:
        """Learns from real samples what it needs to; most features need nothing.

        Raises:
            ModescopeError: If the samples do not suffice.
        """
        return self

    @abc.abstractmethod
    def __call__(self, batch: Tensor) -> Tensor:
        r"""The features of a batch.

        Arguments:
            batch: Points with shape :math:`(B, D)`, or uint8 images with shape :math:`(B, C, H, W)`.

        Returns:
            Floats, with shape :math:`(B, F)`, on :attr:`device`.
        """

    def logits(self, features: Tensor) -> Tensor:
        r"""What the classifier whose last hidden layer these features are makes of them.

        Arguments:
            features: What a call returned, with shape :math:`(N, F)`.

        Raises:
            ModescopeError: If they are no classifier's.

        Returns:
            The logits of its classes, with shape :math:`(N, K)`.
        """
        raise ModescopeError(f"{self.name} features are no classifier's, so they tell no classes")

    def fingerprint(self) -> str | None:
        """The SHA-256 of all that determines the features, or None if it is not known, as of a function."""
        return None


def in_pieces(batch: Tensor, device: str, compute: Callable[[Tensor], Tensor]) -> Tensor:
    """What `compute` makes of images, a few at a time on a processor, all at once elsewhere.

    The layers of large images are longer than a processor's cache, and their memory comes fresh from the system for
    each (``python -m benchmarks features``).
    """
    size = PIECE if torch.device(device).type == "cpu" else max(1, len(batch))
    return torch.cat([compute(piece) for piece in batch.split(size)])


def weights_hash(network: nn.Module, *words: object) -> str:
    """The SHA-256 of a network's parameters and buffers, and of some words."""
    total = hashlib.sha256(repr(words).encode())
    for key, value in network.state_dict().items():
        held = value.detach().cpu().contiguous()
        total.update(f"{key} {tuple(held.shape)} {held.dtype}".encode())
        total.update(held.reshape(-1).numpy().view(np.uint8).data)
    return total.hexdigest()
