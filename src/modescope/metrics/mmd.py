r"""The maximum mean discrepancy between two samples."""

__all__ = ["median_bandwidth", "mmd2"]

from collections.abc import Sequence

import torch
from torch import Tensor

from ..core.errors import need
from .pairwise import check_pair, check_samples, distances, over_batch, row_chunks


def mmd2(x: Tensor, y: Tensor, bandwidths: float | Sequence[float], unbiased: bool = True) -> Tensor:
    r"""The squared maximum mean discrepancy with Gaussian kernels.

    .. math::
        \mathrm{MMD}^2 = \mathbb{E}\, k(x, x') - 2\, \mathbb{E}\, k(x, y) + \mathbb{E}\, k(y, y'), \qquad
        k(a, b) = \frac1H \sum_h \exp \Big( -\frac{\|a - b\|^2}{2 h^2} \Big)

    The biased estimate averages over all pairs and is never negative; the unbiased one leaves out each point's pair
    with itself, so it is 0 on average for equal laws, and as often negative as positive. Distances are held in chunks:
    memory does not grow with :math:`N^2`.

    References:
        | A Kernel Two-Sample Test (Gretton et al., 2012), equations 3 (unbiased) and 5 (biased)
        | https://jmlr.org/papers/v13/gretton12a.html

    Arguments:
        x: Samples, with shape :math:`(*, N, D)`.
        y: Samples, with shape :math:`(*, M, D)`.
        bandwidths: The kernels' standard deviations :math:`h`, in data units, e.g. :func:`median_bandwidth` of true
            samples.
        unbiased: Whether to leave out pairs of a point with itself. It takes two samples of each: with one the value
            is NaN.

    Raises:
        ModescopeError: If the shapes do not fit, or a bandwidth is not positive.

    Returns:
        The squared discrepancy, with shape :math:`(*)`.
    """
    check_pair(x, y)
    scales = [float(bandwidths)] if isinstance(bandwidths, int | float) else [float(h) for h in bandwidths]
    need(len(scales) > 0 and min(scales) > 0, f"bandwidths is {bandwidths}, expected positive numbers")

    def one(x: Tensor, y: Tensor) -> Tensor:
        return (
            _within(x, scales, unbiased)
            + _within(y, scales, unbiased)
            - 2 * _kernel_sum(x, y, scales) / (len(x) * len(y))
        )

    return over_batch(one, x, y)


def median_bandwidth(y: Tensor, points: int = 1000) -> float:
    """The median distance between two of the first `points` of `y` `(N, D)`, the usual bandwidth; 1 if they coincide.

    Where most points coincide the median is 0, and the mean distance takes its place.

    References:
        | A Kernel Two-Sample Test (Gretton et al., 2012), section 8
        | https://jmlr.org/papers/v13/gretton12a.html
    """
    check_samples("y", y)
    gaps = torch.pdist(y[:points])
    if gaps.numel() == 0 or gaps.max() == 0:
        return 1.0
    return gaps.median().item() or gaps.mean().item()


def _within(x: Tensor, scales: list[float], unbiased: bool) -> Tensor:
    n = len(x)
    if unbiased and n == 1:
        return x.new_tensor(torch.nan)
    total = _kernel_sum(x, x, scales)
    # A point's kernel with itself is 1, so the diagonal's sum is n.
    return (total - n) / (n * (n - 1)) if unbiased else total / n**2


def _kernel_sum(x: Tensor, y: Tensor, scales: list[float]) -> Tensor:
    total = x.new_zeros(())
    for rows in row_chunks(x, len(y)):
        square = distances(rows, y).square()
        for h in scales:
            total = total + torch.exp(square / (-2 * h * h)).sum()
    return total / len(scales)
