r"""Whether two samples come from one law: the kernel two-sample test."""

__all__ = ["MMDTest", "mmd_test"]

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ..core.errors import need
from .mmd import median_bandwidth
from .pairwise import distances, row_chunks
from .sets import check_sets, random_subset

MULTIPLES = (0.25, 0.5, 1.0, 2.0, 4.0)  # of the median distance
ROUNDING = 1e-12  # of a statistic, whose kernels are at most 1: nearer ones are equal


@dataclass(frozen=True)
class MMDTest:
    """What :func:`mmd_test` returns.

    Arguments:
        statistic: The unbiased squared MMD of the samples, a 0-d float64 tensor; it may be negative.
        p_value: The share of relabellings that reach it, a 0-d float64 tensor, from `1 / (1 + B)` to 1.
        null_mean: The mean of the statistic over the relabellings, a 0-d float64 tensor; about 0.
        null_std: Its standard deviation over the relabellings, a 0-d float64 tensor.
        bandwidths: The kernels' standard deviations, in data units.
    """

    statistic: Tensor
    p_value: Tensor
    null_mean: Tensor
    null_std: Tensor
    bandwidths: tuple[float, ...]


def mmd_test(
    real: Tensor,
    fake: Tensor,
    generator: torch.Generator,
    permutations: int = 1000,
    bandwidths: Sequence[float] | None = None,
    limit: int = 2000,
) -> MMDTest:
    r"""Tests whether two samples come from one law, by the maximum mean discrepancy under relabelling.

    The statistic is the unbiased :math:`\mathrm{MMD}^2` of :func:`mmd2`. If the laws are equal, every way to call
    :math:`N` of the pooled points real is as likely, so with :math:`B` random relabellings

    .. math:: p = \frac{1 + \#\{b : \mathrm{MMD}^2_b \ge \mathrm{MMD}^2\}}{1 + B}

    is at most :math:`\alpha` with probability at most :math:`\alpha`, for any sizes and dimension. The kernel of the
    pool is computed once; relabelling only sums it in another order.

    Note:
        The bandwidths come from the pooled points, which relabelling does not change: chosen to separate the samples
        at hand, they would make every p-value too small. Statistics that differ by rounding count as equal, so
        identical sets, and sets of copies, have a large p-value. No fault found is not proof of none: the power grows
        with the number of samples, and :func:`mmd_test` looks at `limit` of each set only. A small p-value is not a
        large fault, either: read the statistic.

    References:
        | A Kernel Two-Sample Test (Gretton et al., 2012), equation 3, and section 8 on the bandwidth
        | https://jmlr.org/papers/v13/gretton12a.html

        | Permutation P-values Should Never Be Zero (Phipson & Smyth, 2010)
        | https://doi.org/10.2202/1544-6115.1585

    Arguments:
        real: True samples, with shape :math:`(N, D)`.
        fake: The generator's samples, with shape :math:`(M, D)`.
        generator: The source of the subsets and the relabellings.
        permutations: The number :math:`B` of relabellings.
        bandwidths: The kernels' standard deviations, in data units, fixed without a look at which points are real; a
            quarter, half, one, two and four times the median distance of the pooled points if not given.
        limit: How many samples of each set are looked at, drawn at random; the memory is that of
            :math:`(2 \cdot \text{limit})^2` numbers in float64, 128 MB.

    Raises:
        ModescopeError: If the shapes do not fit, a sample is not finite, a bandwidth is not positive, `permutations` is
            below 1, or `limit` is below 2.

    Returns:
        The statistic, its p-value, and its mean and standard deviation under relabelling; all NaN if a set has one
        sample, which has no pair.
    """
    check_sets(real, fake)
    need(permutations >= 1, f"permutations is {permutations}, expected at least 1")
    need(limit >= 2, f"limit is {limit}, expected at least 2")
    x, y = random_subset(real, limit, generator).double(), random_subset(fake, limit, generator).double()
    pool = torch.cat([x, y])
    pool = pool - pool.mean(dim=0)
    scales = _bandwidths(pool, generator) if bandwidths is None else tuple(float(h) for h in bandwidths)
    need(len(scales) > 0 and min(scales) > 0, f"bandwidths is {bandwidths}, expected positive numbers")
    if min(len(x), len(y)) == 1:
        missing = pool.new_tensor(torch.nan)
        return MMDTest(missing, missing, missing, missing, scales)
    kernel = _kernel(pool, scales)
    need(bool(kernel.isfinite().all()), "a sample is too large, expected distances that can be squared")
    statistic = _statistics(kernel, (torch.arange(len(pool)) < len(x)).to(pool)[None])[0]
    null = _statistics(kernel, _relabellings(permutations, len(x), len(pool), generator).to(pool))
    reached = (null >= statistic - ROUNDING).sum()
    p_value = (1 + reached.double()) / (1 + permutations)
    return MMDTest(statistic, p_value, null.mean(), null.std(correction=0), scales)


def _bandwidths(pool: Tensor, generator: torch.Generator) -> tuple[float, ...]:
    median = median_bandwidth(random_subset(pool, len(pool), generator))
    return tuple(multiple * median for multiple in MULTIPLES)


def _kernel(pool: Tensor, scales: tuple[float, ...]) -> Tensor:
    """The mean kernel of each pair, with shape `(P, P)`, and 0 for a point with itself."""
    kernel = torch.empty(len(pool), len(pool), dtype=pool.dtype, device=pool.device)
    for rows, out in zip(row_chunks(pool, len(pool)), row_chunks(kernel, len(pool)), strict=True):
        gaps = distances(rows, pool)
        out.copy_(torch.stack([torch.exp((gaps / h).square() / -2) for h in scales]).mean(dim=0))
    return kernel.fill_diagonal_(0)


def _relabellings(count: int, n: int, size: int, generator: torch.Generator) -> Tensor:
    """Which of `size` points are called real, `n` of them, with shape `(count, size)`."""
    labels = torch.zeros(count, size, dtype=torch.bool, device=generator.device)
    for row in labels:
        row[torch.randperm(size, generator=generator, device=generator.device)[:n]] = True
    return labels


def _statistics(kernel: Tensor, labels: Tensor) -> Tensor:
    """The unbiased squared MMD for each labelling, 1 for real and 0 for fake, from shape `(B, P)` to `(B)`."""
    n = labels[0].sum()
    m = labels.shape[1] - n
    within_x = torch.cat([((rows @ kernel) * rows).sum(dim=1) for rows in row_chunks(labels, labels.shape[1])])
    across = labels @ kernel.sum(dim=1) - within_x
    within_y = kernel.sum() - within_x - 2 * across
    return within_x / (n * (n - 1)) + within_y / (m * (m - 1)) - 2 * across / (n * m)
