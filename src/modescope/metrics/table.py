r"""The explicit table of metrics. A metric is one entry: a pure function, and how its number is taken."""

__all__ = ["METRICS"]

import math
from collections.abc import Callable

import torch
from torch import Tensor

from ..core.errors import ModescopeError
from ..core.noise import seed_of
from ..datasets.base import Dataset, Modes
from .base import Compute, Metric
from .kde import forward_kl_kde, js_kde, likelihood_bandwidth
from .knn import kl_knn, resolution_of
from .mmd import median_bandwidth, mmd2
from .mode_kl import mode_js, mode_kl
from .modes import ModeCounts, count_modes
from .remember import remember
from .transport import random_directions, sliced_wasserstein, wasserstein

PAIRS = 1000  # samples of a metric whose time grows with their square, or faster
NEIGHBOURS = 5
DIRECTIONS = 128
MIXTURE = (0.25, 0.5, 1.0, 2.0, 4.0)

VEEGAN = "VEEGAN: Reducing Mode Collapse in GANs using Implicit Variational Learning (Srivastava et al., 2017)"
PACGAN = "PacGAN: The power of two samples in generative adversarial networks (Lin et al., 2017)"
SHANNON = "Divergence measures based on the Shannon entropy (Lin, 1991)"
NEAREST = "Divergence Estimation for Multidimensional Densities Via k-Nearest-Neighbor Distances (Wang et al., 2009)"
PARZEN = "A note on the evaluation of generative models (Theis et al., 2016)"
TRANSPORT = "Computational Optimal Transport (Peyré & Cuturi, 2019)"
SLICED = "Sliced and Radon Wasserstein Barycenters of Measures (Bonneel et al., 2015)"
KERNEL = "A Kernel Two-Sample Test (Gretton et al., 2012)"


# How a measure of one member, of shape (N, D), becomes that of all.


def each(one: Callable[[Tensor, Dataset, torch.Generator], Tensor]) -> Compute:
    """Maps a scalar measure of one member over the members, in order."""
    return lambda samples, dataset, generator: torch.stack([one(x, dataset, generator) for x in samples])


def truth(x: Tensor, dataset: Dataset, generator: torch.Generator) -> Tensor:
    """As many fresh true samples as `x` `(N, D)`; drawn in float64, so that they do not depend on the dtype of `x`."""
    return dataset.sample(len(x), generator, torch.float64).to(x)


def against_truth(distance: Callable[[Tensor, Tensor], Tensor]) -> Compute:
    """A two-sample measure, of each member against true samples of its own."""
    return each(lambda x, dataset, generator: distance(x, truth(x, dataset, generator)))


def on_modes(measure: Callable[[ModeCounts, Modes], Tensor], radius: float | None = None, norm: str = "l2") -> Compute:
    """A measure of the counts on the modes, within `radius`, or within the modes' own radius if it is not given."""

    def one(x: Tensor, dataset: Dataset, generator: torch.Generator) -> Tensor:
        modes = modes_of(dataset)
        counts = count_modes(x, modes, modes.radius if radius is None else radius, norm)
        return measure(counts, modes).to(x.dtype)

    return each(one)


# The measures of one member.


def covered_with_share(share: Callable[[Modes], float | Tensor]) -> Callable[[ModeCounts, Modes], Tensor]:
    """Counts the modes that hold at least a share of all samples; with the minimum of one sample each."""

    def measure(found: ModeCounts, modes: Modes, n: int) -> Tensor:
        least = torch.as_tensor(share(modes)).clamp(min=1 / n)
        return (found.counts >= least * n).sum(dim=-1)

    return measure
