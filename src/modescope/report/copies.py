"""Whether a generator copies: its samples beside the true images that are nearest to them."""

__all__ = ["Copies", "copies_of", "true_images"]

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ..core.noise import seed_of
from ..datasets.base import Dataset
from ..datasets.images import ImageData
from ..metrics.neighbours import neighbours
from .mosaic import images_of
from .thin import evenly

NUMBERS = 100_000_000  # of all true images that are searched, four bytes each
FRESH = 10_000  # true images that are drawn where there is no end of them


@dataclass(frozen=True)
class Copies:
    """Samples and the true images that are nearest to them, by Euclidean distance between pixels.

    Arguments:
        samples: With shape `(n, C, H, W)`, uint8.
        nearest: The nearest true image of each, likewise.
        ratios: How far each sample is from its nearest true image, over how far that one is from the nearest other true
            image, with shape `(n,)`; 0 for a copy. A sample is called authentic above 1; one that is blurred comes near
            to many images, and may be below 1 though it copies none.
    """

    samples: np.ndarray
    nearest: np.ndarray
    ratios: np.ndarray


def copies_of(x: Tensor, dataset: Dataset, true: Tensor) -> Copies:
    """The images of `true`, with shape `(N, D)`, that are nearest to samples `x`, with shape `(n, D)`.

    References:
        | How Faithful is your Synthetic Data? Sample-level Metrics for Evaluating and Auditing Generative Models (Alaa
          et al., 2022), section 4.3
        | https://arxiv.org/abs/2102.08921
    """
    x = dataset.restored(dataset.kept(x)).float()
    found = neighbours(x, true)
    nearest = true[found.indices[:, 0]]
    others = neighbours(nearest, true, k=2).distances[:, 1]  # the first is the image itself
    distances = found.distances[:, 0]
    ratios = torch.where(distances > 0, distances / others, 0)  # a copy is one, whether or not the original has twins
    return Copies(images_of(x, dataset), images_of(nearest, dataset), ratios.numpy())


def true_images(dataset: Dataset) -> tuple[Tensor, bool]:
    """All true images, or as many as fit into memory, with shape `(N, D)`; and whether these are all."""
    most = max(2, NUMBERS // dataset.dim)
    count = dataset.count if isinstance(dataset, ImageData) else None
    if isinstance(dataset, ImageData) and count is not None:
        index = torch.from_numpy(evenly(count, most))[:, None]
        return dataset.restored(dataset.pictures(index).flatten(1)), count <= most
    return dataset.sample(min(most, FRESH), torch.Generator().manual_seed(seed_of("copies"))), False
