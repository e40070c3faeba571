r"""Kernel distances between sets of features: KID and CMMD."""

__all__ = ["KernelDistance", "cmmd", "kid", "kid_subsets"]

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from ..core.errors import need
from .pairwise import distances
from .sets import check_sets, random_subset

TILE = 1024  # rows and columns of kernel values held at once: 8 MiB in float64

Kernel = Callable[[Tensor, Tensor], Tensor]  # from float64 (n, D) and (m, D) to (n, m)


@dataclass(frozen=True)
class KernelDistance:
    """What :func:`kid_subsets` returns.

    Arguments:
        mean: The mean over the subsets, a 0-d float64 tensor.
        std: Their standard deviation (divided by their number), a 0-d float64 tensor: the spread of one subset's value,
            not the error of the mean.
        values: The distance of each subset, in float64, with shape `(S)`.
    """

    mean: Tensor
    std: Tensor
    values: Tensor


def kid(real: Tensor, fake: Tensor) -> Tensor:
    r"""The kernel Inception distance of all samples: the unbiased squared MMD with a cubic kernel.

    .. math::
        \frac{\sum_{i \ne j} k(x_i, x_j)}{N (N - 1)} + \frac{\sum_{i \ne j} k(y_i, y_j)}{M (M - 1)}
        - \frac{2 \sum_{i, j} k(x_i, y_j)}{N M}, \qquad k(a, b) = \Big( \frac{a^\top b}{D} + 1 \Big)^3

    It compares the first three moments. It is 0 on average for equal laws whatever the number of samples (FID is not),
    and so as often negative as positive. Papers report it times 1,000, and of Inception features.

    References:
        | Demystifying MMD GANs (Bińkowski et al., 2018), section 4
        | https://arxiv.org/abs/1801.01401

    Note:
        Sums are in float64, by tiles, so memory does not grow with :math:`N^2`; for few coordinates the kernel is the
        inner product of third powers, :math:`k(a, b) = \langle u^{\otimes 3}, v^{\otimes 3} \rangle` with
        :math:`u = (a / \sqrt D, 1)` and :math:`v` alike, of which the sums are enough. The kernel depends on the origin
        and on the units: features from another network need other units to be comparable.

    Arguments:
        real: True samples, with shape :math:`(N, D)`.
        fake: The generator's samples, with shape :math:`(M, D)`.

    Raises:
        ModescopeError: If the shapes do not fit, or a sample is not finite.

    Returns:
        The squared distance, a 0-d float64 tensor; NaN if a set has one sample, which has no pair.
    """
    check_sets(real, fake)
    return _unbiased(real, fake)


def kid_subsets(
    real: Tensor, fake: Tensor, generator: torch.Generator, subsets: int = 50, subset_size: int = 1000
) -> KernelDistance:
    r"""The kernel Inception distance as papers report it: the mean over random subsets, and their spread.

    The authors' code takes 50 subsets of 1,000; torch-fidelity and torchmetrics 100 of 1,000. All estimate the same
    number as :func:`kid`, which is less noisy, at a cost of :math:`(N + M)^2` pairs.

    References:
        | Demystifying MMD GANs (Bińkowski et al., 2018), section 4
        | https://arxiv.org/abs/1801.01401

    Arguments:
        real: True samples, with shape :math:`(N, D)`.
        fake: The generator's samples, with shape :math:`(M, D)`.
        generator: The source of the random subsets, each drawn without replacement.
        subsets: How many subsets.
        subset_size: How many samples of each set in a subset.

    Raises:
        ModescopeError: If the shapes do not fit, a sample is not finite, `subsets` is below 1, or `subset_size` is not
            from 2 to the size of the smaller set.

    Returns:
        The mean and standard deviation over the subsets, and the value of each.
    """
    check_sets(real, fake)
    need(subsets >= 1, f"subsets is {subsets}, expected at least 1")
    most = min(len(real), len(fake))
    need(2 <= subset_size <= most, f"subset_size is {subset_size}, expected 2 to the {most} samples of the smaller set")
    values = [
        _unbiased(random_subset(real, subset_size, generator), random_subset(fake, subset_size, generator))
        for _ in range(subsets)
    ]
    stacked = torch.stack(values)
    return KernelDistance(stacked.mean(), stacked.std(correction=0), stacked)


def cmmd(real: Tensor, fake: Tensor, sigma: float = 10.0, scale: float = 1000.0) -> Tensor:
    r"""The CMMD: the biased squared MMD with one Gaussian kernel, times 1,000, meant for CLIP embeddings.

    .. math::
        1000 \Big( \frac{\sum_{i, j} k(x_i, x_j)}{N^2} + \frac{\sum_{i, j} k(y_i, y_j)}{M^2}
        - \frac{2 \sum_{i, j} k(x_i, y_j)}{N M} \Big), \qquad k(a, b) = \exp \Big( -\frac{\|a - b\|^2}{2 \sigma^2} \Big)

    Note:
        The paper states the unbiased estimator; the official code computes the biased one, and so does
        this: it is never negative, and for equal laws about
        :math:`1000 (1 - \mathbb{E} k) (1 / N + 1 / M)`, not 0. CLIP embeddings have unit length, at most 2 apart, so
        :math:`\sigma = 10` makes the kernel almost linear, and the value almost
        :math:`1000 \|\bar x - \bar y\|^2 / \sigma^2`: it sees little more than the means. The official code works in
        float32, where kernels near 1 leave an error of up to about 0.0001; this sums :math:`k - 1`, in float64.

    References:
        | Rethinking FID: Towards a Better Evaluation Metric for Image Generation (Jayasumana et al., 2024)
        | https://arxiv.org/abs/2401.09603

        | A Kernel Two-Sample Test (Gretton et al., 2012), equation 5
        | https://jmlr.org/papers/v13/gretton12a.html

    Arguments:
        real: True samples, with shape :math:`(N, D)`.
        fake: The generator's samples, with shape :math:`(M, D)`.
        sigma: The kernel's standard deviation, in data units.
        scale: The factor, for readable numbers.

    Raises:
        ModescopeError: If the shapes do not fit, a sample is not finite, or `sigma` or `scale` is not positive.

    Returns:
        The scaled squared distance, a 0-d float64 tensor.
    """
    check_sets(real, fake)
    need(sigma > 0, f"sigma is {sigma}, expected a positive number")
    need(scale > 0, f"scale is {scale}, expected a positive number")
    centre = real[:TILE].double().mean(dim=0)  # the kernel does not depend on the origin; its rounding does

    def kernel(a: Tensor, b: Tensor) -> Tensor:
        return torch.expm1(distances(a - centre, b - centre).square() / (-2 * sigma**2))

    within = _sum_of_pairs(kernel, real) / len(real) ** 2 + _sum_of_pairs(kernel, fake) / len(fake) ** 2
    across = _sum_across(kernel, real, fake) / (len(real) * len(fake))
    return scale * (within - 2 * across).clamp(min=0)


def _cubic(a: Tensor, b: Tensor) -> Tensor:
    base = a @ b.mT / a.shape[1] + 1
    return base * base * base  # many times as fast as a power


def _unbiased(x: Tensor, y: Tensor) -> Tensor:
    n, m = len(x), len(y)
    if min(n, m) == 1:
        return x.new_tensor(torch.nan, dtype=torch.float64)
    if (x.shape[1] + 1) ** 3 <= min(n, m):
        return _unbiased_by_powers(x, y)
    within = _sum_of_pairs(_cubic, x) / (n * (n - 1)) + _sum_of_pairs(_cubic, y) / (m * (m - 1))
    return within - 2 * _sum_across(_cubic, x, y) / (n * m)


def _unbiased_by_powers(x: Tensor, y: Tensor) -> Tensor:
    """The same from the summed third powers of all samples: no pairs, at a cost of `(D + 1)^3` a sample."""
    (sum_x, own_x), (sum_y, own_y) = (_third_powers(points) for points in (x, y))
    n, m = len(x), len(y)
    within = (sum_x.square().sum() - own_x) / (n * (n - 1)) + (sum_y.square().sum() - own_y) / (m * (m - 1))
    return within - 2 * (sum_x * sum_y).sum() / (n * m)


def _third_powers(x: Tensor) -> tuple[Tensor, Tensor]:
    """The sum of the third tensor powers of samples, `((D + 1)^2, D + 1)`, and of the kernel of each with itself."""
    total, own = x.new_zeros((), dtype=torch.float64), x.new_zeros((), dtype=torch.float64)
    for rows in x.split(TILE):
        one = torch.cat([rows.double() / x.shape[1] ** 0.5, rows.new_ones(len(rows), 1, dtype=torch.float64)], dim=1)
        total = total + (one[:, :, None] * one[:, None]).flatten(1).mT @ one
        own = own + one.square().sum(dim=1).pow(3).sum()
    return total, own


def _sum_of_pairs(kernel: Kernel, x: Tensor) -> Tensor:
    """The kernel summed over ordered pairs of different samples."""
    total = x.new_zeros((), dtype=torch.float64)
    for start in range(0, len(x), TILE):
        rows = x[start : start + TILE].double()
        total = total + kernel(rows, rows).fill_diagonal_(0).sum()
        if start + TILE < len(x):
            total = total + 2 * _sum_across(kernel, rows, x[start + TILE :])
    return total


def _sum_across(kernel: Kernel, x: Tensor, y: Tensor) -> Tensor:
    total = x.new_zeros((), dtype=torch.float64)
    for rows in x.split(TILE):
        for columns in y.split(TILE):
            total = total + kernel(rows.double(), columns.double()).sum()
    return total
