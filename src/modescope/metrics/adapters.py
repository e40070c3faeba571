"""How a pure function becomes a metric: what it takes from the data set, and what it draws.

An adapter gives a :data:`modescope.metrics.base.Compute`. Each member is measured by itself, against true samples of
its own, drawn in the members' order: so that members score the same alone or together, and the spread over members
holds the noise of the reference too.
"""

__all__ = [
    "against_truth",
    "covered_modes",
    "forward_knn",
    "high_quality",
    "js_density",
    "kl_density",
    "on_histogram",
    "reverse_knn",
    "rbf_mmd2",
    "spread_gap",
]

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from ..core.errors import ModescopeError
from ..core.noise import seed_of
from ..datasets.base import Dataset, Modes
from .base import Compute
from .kde import forward_kl_kde, js_kde, likelihood_bandwidth
from .knn import kl_knn, resolution_of
from .mmd import median_bandwidth, mmd2
from .modes import count_modes, mode_spread
from .remember import remember

BANDWIDTH_SAMPLES = 50  # to choose a bandwidth by, at least
SPREAD_SAMPLES = 2000  # of each mode, for a standard deviation within 2 %


def each(one: Callable[[Tensor, Dataset, torch.Generator], Tensor]) -> Compute:
    """Maps a scalar measure of one member, with samples of shape `(N, D)`, over the members, in order."""
    return lambda samples, dataset, generator: torch.stack([one(x, dataset, generator).to(x) for x in samples])


def truth(x: Tensor, dataset: Dataset, generator: torch.Generator) -> Tensor:
    """As many fresh true samples as `x` `(N, D)`, drawn in float64 so that they do not depend on the dtype of `x`."""
    return dataset.sample(len(x), generator, torch.float64).to(x)


def modes_of(dataset: Dataset) -> Modes:
    """The modes of a data set, or an error where there are none."""
    if dataset.modes is None:
        raise ModescopeError(f"{type(dataset).__name__} has no known modes, expected a data set that has")
    return dataset.modes


def covered_modes(
    norm: str = "l2", radius: float | None = None, share: Callable[[Modes], Tensor] | None = None
) -> Compute:
    """Modes that hold a sample, and at least a share of all; within the modes' own radius if none is given."""

    def one(x: Tensor, dataset: Dataset, generator: torch.Generator) -> Tensor:
        modes = modes_of(dataset)
        least = 0.0 if share is None else share(modes)
        return count_modes(x, modes, radius or modes.radius, norm, min_share=least).covered

    return each(one)


def high_quality(norm: str = "l2", radius: float | None = None) -> Compute:
    """The share of samples within a radius of their mode."""

    def one(x: Tensor, dataset: Dataset, generator: torch.Generator) -> Tensor:
        modes = modes_of(dataset)
        return count_modes(x, modes, radius or modes.radius, norm).quality

    return each(one)


def spread_gap() -> Compute:
    """By what share the standard deviation within modes is too small, or the true one is smaller than it."""

    def one(x: Tensor, dataset: Dataset, generator: torch.Generator) -> Tensor:
        modes, theirs = modes_of(dataset), true_spread(dataset)
        ours = mode_spread(x, modes, modes.radius)
        return 1 - torch.minimum(ours / theirs, theirs / ours)

    return each(one)


def on_histogram(divergence: Callable[[Tensor, Tensor], Tensor], radius: float | None = None) -> Compute:
    """A divergence of the histogram over the modes from their true masses."""

    def one(x: Tensor, dataset: Dataset, generator: torch.Generator) -> Tensor:
        modes = modes_of(dataset)
        return divergence(count_modes(x, modes, radius or modes.radius).counts, modes.weights)

    return each(one)


def against_truth(distance: Callable[[Tensor, Tensor], Tensor]) -> Compute:
    """A two-sample distance from true samples."""
    return each(lambda x, dataset, generator: distance(x, truth(x, dataset, generator)))


def forward_knn(k: int) -> Compute:
    """KL(p‖q) by neighbours."""

    def distance(x: Tensor, y: Tensor) -> Tensor:
        return kl_knn(y, x, k, resolution_of(y))

    return against_truth(distance)


def reverse_knn(k: int) -> Compute:
    """KL(q‖p) by neighbours."""
    return against_truth(lambda x, y: kl_knn(x, y, k, resolution_of(y)))


def rbf_mmd2(factors: Sequence[float]) -> Compute:
    """The unbiased squared MMD, with bandwidths at `factors` times the median distance of the true samples."""

    def distance(x: Tensor, y: Tensor) -> Tensor:
        median = median_bandwidth(y)
        return mmd2(x, y, [factor * median for factor in factors])

    return against_truth(distance)


def kl_density() -> Compute:
    """KL(p‖q̂) with the exact density of p, and a kernel density estimate of q."""

    def one(x: Tensor, dataset: Dataset, generator: torch.Generator) -> Tensor:
        y = truth(x, dataset, generator)
        return forward_kl_kde(x, y, dataset.log_prob(y), true_bandwidth(dataset, len(x)))

    return each(one)


def js_density() -> Compute:
    """JS(p, q̂) with the exact density of p, and a kernel density estimate of q."""

    def one(x: Tensor, dataset: Dataset, generator: torch.Generator) -> Tensor:
        y = truth(x, dataset, generator)
        noise = torch.randn(x.shape, generator=generator, dtype=torch.float64).to(x)
        return js_kde(x, y, noise, dataset.log_prob, true_bandwidth(dataset, len(x)))

    return each(one)


@remember
def true_bandwidth(dataset: Dataset, n: int) -> float:
    """The leave-one-out bandwidth of `n` (50 at least) true samples: the same for every generator."""
    generator = torch.Generator().manual_seed(seed_of("bandwidth"))
    return likelihood_bandwidth(dataset.sample(max(n, BANDWIDTH_SAMPLES), generator, torch.float64))


@remember
def true_spread(dataset: Dataset) -> float:
    """The standard deviation within modes of many true samples."""
    modes = modes_of(dataset)
    x = dataset.sample(SPREAD_SAMPLES * len(modes), torch.Generator().manual_seed(seed_of("spread")), torch.float64)
    return float(mode_spread(x, modes, modes.radius))


def mode_count(dataset: Dataset) -> float:
    """The number of modes."""
    return float(len(modes_of(dataset)))


def least_mass(dataset: Dataset) -> float:
    """The mass of the lightest mode that has any."""
    weights = modes_of(dataset).weights
    return float(weights[weights > 0].min())


def has_modes(dataset: Dataset) -> bool:
    """Whether it is known where the modes are."""
    return dataset.modes is not None and not dataset.modes.judged


def has_judge(dataset: Dataset) -> bool:
    """Whether a classifier tells the mode of a sample."""
    return dataset.modes is not None and dataset.modes.judged


def of_points(dataset: Dataset) -> bool:
    """Whether samples are points; distances of all pixels take long and say little of images."""
    return len(dataset.shape) == 1


def has_no_judge(dataset: Dataset) -> bool:
    """Whether samples are compared with true ones as points, there being no classifier to ask."""
    return not has_judge(dataset)


def has_heavy_modes(dataset: Dataset) -> bool:
    """Whether every mode holds 2 % of the mass at least."""
    return has_modes(dataset) and least_mass(dataset) >= 0.02


def has_density(limit: int) -> Callable[[Dataset], bool]:
    """Whether there is a density, in at most `limit` dimensions."""
    return lambda dataset: dataset.has_density and dataset.dim <= limit


def counts_range(dataset: Dataset) -> tuple[float, float]:
    """From no mode to all."""
    return 0.0, mode_count(dataset)


def mode_kl_range(dataset: Dataset) -> tuple[float, float]:
    """From equal to all mass on the lightest mode."""
    return 0.0, -math.log(least_mass(dataset))
