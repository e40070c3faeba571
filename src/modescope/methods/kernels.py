r"""Kernels of the distance between samples, and the discrepancy that they measure."""

__all__ = ["Kernel", "check_scales", "gaussian", "mmd2", "positive_root", "rational_quadratic"]

import math
from collections.abc import Callable, Sequence

from torch import Tensor
from torch.nn.functional import relu

from ..core.errors import need
from .distances import squared_distances

Kernel = Callable[[Tensor], Tensor]  # from squared distances to values, of any one shape
TINY = 1e-8  # under the root, to keep its derivative finite at 0


def check_scales(name: str, values: Sequence[float]) -> None:
    """Raises a `ModescopeError` unless there are scales for a sum of kernels, all of them more than 0."""
    good = isinstance(values, (list, tuple)) and len(values) > 0
    good = good and all(math.isfinite(value) and value > 0 for value in values)
    need(good, f"{name} is {values!r}, expected a list of numbers of more than 0")


def gaussian(square: Tensor, sigmas: Sequence[float]) -> Tensor:
    r"""The sum of Gaussian kernels :math:`\sum_\sigma \exp(-d^2 / (2 \sigma^2))`.

    Arguments:
        square: Squared distances :math:`d^2`, of any shape.
        sigmas: The bandwidths :math:`\sigma`, in the units of the distances.
    """
    return sum((-square / (2 * sigma**2)).exp() for sigma in sigmas)  # type: ignore[return-value]


def rational_quadratic(square: Tensor, alphas: Sequence[float]) -> Tensor:
    r"""The sum of rational quadratic kernels :math:`\sum_\alpha (1 + d^2 / (2 \alpha))^{-\alpha}`.

    Arguments:
        square: Squared distances :math:`d^2`, of any shape.
        alphas: The exponents :math:`\alpha`.
    """
    return sum((1 + square / (2 * alpha)) ** -alpha for alpha in alphas)  # type: ignore[return-value]


def mmd2(x: Tensor, y: Tensor, kernel: Kernel, unbiased: bool = False) -> Tensor:
    r"""The squared maximum mean discrepancy, :math:`\mathbb{E} k(x, x') - 2 \mathbb{E} k(x, y) + \mathbb{E} k(y, y')`.

    All pairs are held at once, unlike in :func:`modescope.metrics.mmd2`, which is for large samples.

    References:
        | A Kernel Two-Sample Test (Gretton et al., 2012), equations 3 (unbiased) and 5 (biased)
        | https://jmlr.org/papers/v13/gretton12a.html

    Arguments:
        x: Samples, with shape `(N, D)`.
        y: Samples, with shape `(M, D)`.
        kernel: The kernel, of squared distances.
        unbiased: Whether to leave out pairs of a sample with itself; otherwise the value is never negative.

    Returns:
        The squared discrepancy, a scalar.
    """
    within = off_diagonal_mean if unbiased else Tensor.mean
    xx, xy, yy = (kernel(squared_distances(a, b)) for a, b in ((x, x), (x, y), (y, y)))
    return within(xx) - 2 * xy.mean() + within(yy)


def positive_root(square: Tensor) -> Tensor:
    r"""The discrepancy itself, :math:`\sqrt{\max(\mathrm{MMD}^2, 0) + 10^{-8}}`, whose derivative is finite at 0."""
    return (relu(square) + TINY).sqrt()


def off_diagonal_mean(values: Tensor) -> Tensor:
    """The mean of a square matrix `(N, N)` without its diagonal, a scalar."""
    n = len(values)
    return (values.sum() - values.diagonal().sum()) / (n * (n - 1))
