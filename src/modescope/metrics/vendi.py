r"""The Vendi score: how many different samples a set holds, in effect."""

__all__ = ["vendi_score"]

import math
from typing import Literal

import torch
from scipy.linalg.lapack import dpstrf
from torch import Tensor

from ..core.errors import need
from .neighbours import check_points
from .pairwise import distances, distinct

LIMIT = 10_000  # the side of the largest matrix: 800 MB in float64, and minutes for its eigenvalues
ROWS = 4096  # converted to float64 at once
CONDENSED = 0.75  # of its side: a matrix of greater rank is taken as it is

Kernel = Literal["cosine", "linear", "gaussian"]


def vendi_score(x: Tensor, kernel: Kernel = "cosine", bandwidth: float | None = None, order: float = 1.0) -> Tensor:
    r"""The effective number of different samples: the exponential of the entropy of the similarities' eigenvalues.

    .. math::
        \mathrm{VS}_q = \exp \Big( \frac{1}{1 - q} \log \sum_i \lambda_i^q \Big), \qquad
        \mathrm{VS}_1 = \exp \Big( - \sum_i \lambda_i \log \lambda_i \Big), \qquad
        \lambda = \mathrm{eig} (K / n)

    It is 1 if all samples are alike, and :math:`n` if none resembles another. It looks at one set alone: compare it
    with the score of as many real samples. It tells diversity, not quality.

    The kernel is the ``cosine`` of two samples; ``linear``, their inner product, weighs a sample by its squared length
    (:math:`K` over its trace, the same for samples of length 1); or ``gaussian``,
    :math:`\exp(-\|a - b\|^2 / 2 h^2)`. The first two take the eigenvalues of a :math:`D \times D` matrix where that is
    the smaller, at any :math:`n`, and cannot exceed :math:`D` (cosine: :math:`D + 1` with zero vectors); the Gaussian
    takes one of the side of the number of *distinct* samples, at most 10,000.

    Note:
        With the Gaussian kernel the bandwidth decides the answer (from 1 at a large one to :math:`n` at a small one):
        fix it on real data, e.g. with :func:`median_bandwidth`, and use the same for all sets. The order
        :math:`q < 1` heeds rare modes more, :math:`q = \infty` only the largest. Rounding makes zero eigenvalues
        slightly negative or positive: those below the rounding error count as 0, which matters at small :math:`q`.
        Most eigenvalues of a wide Gaussian kernel are 0: from :math:`q = 1` on they are those of its pivoted Cholesky
        factor, which leaves out less than the rounding error.
        In vendi-score 0.0.3 the function ``score_X`` ignores its argument ``q``, and rows of zeros lose their mass;
        here a zero vector is alike to zero vectors, and to nothing else.

    References:
        | The Vendi Score: A Diversity Evaluation Metric for Machine Learning (Friedman & Dieng, 2022), definition 3.1
        | https://arxiv.org/abs/2210.02410

        | Cousins Of The Vendi Score (Pasarkar & Dieng, 2023), the orders :math:`q`
        | https://arxiv.org/abs/2310.12952

    Arguments:
        x: The samples, with shape :math:`(N, D)`.
        kernel: ``cosine``, ``linear`` or ``gaussian``.
        bandwidth: The standard deviation :math:`h` of the Gaussian kernel, in data units; for it alone.
        order: The order :math:`q \geq 0`; ``math.inf`` for one over the largest eigenvalue.

    Raises:
        ModescopeError: If `x` is not finite, a bandwidth lacks or is not positive, the order is negative, or the matrix
            would be larger than 10,000.

    Returns:
        The effective number of samples, a float64 of shape :math:`()`; NaN for ``linear`` if all samples are 0, as
        then there are no weights.
    """
    check_points("x", x)
    need(kernel in ("cosine", "linear", "gaussian"), f"kernel is {kernel!r}, expected cosine, linear or gaussian")
    need(order >= 0, f"order is {order}, expected at least 0")
    if kernel == "gaussian":
        need(
            bandwidth is not None and 0 < bandwidth < math.inf, f"bandwidth is {bandwidth}, expected a positive number"
        )
        matrix = _gaussian(x.detach(), float(bandwidth or 1))
        if order >= 1:
            matrix = _condensed(matrix)
    else:
        need(bandwidth is None, f"bandwidth is {bandwidth}, expected none for the {kernel} kernel")
        matrix = _inner(x.detach(), unit=kernel == "cosine")
    return _diversity(torch.linalg.eigvalsh(matrix), order)


def _diversity(eigenvalues: Tensor, order: float) -> Tensor:
    largest = eigenvalues.max()
    rounding = len(eigenvalues) * torch.finfo(torch.float64).eps * largest
    share = torch.where(eigenvalues > rounding, eigenvalues, 0)
    share = share / share.sum()
    if order == 1:
        return torch.special.entr(share).sum().exp()
    if order == math.inf:
        return 1 / share.max()
    share, logs = share[share > 0], share[share > 0].log()
    if abs(order - 1) < 0.5:  # the sum of powers is near 1, and its logarithm would lose digits
        power = (share * torch.expm1((order - 1) * logs)).sum().log1p()
    else:  # powers of a large order vanish
        power = (order * logs).logsumexp(dim=0)
    return (power / (1 - order)).exp()


def _inner(x: Tensor, unit: bool) -> Tensor:
    """The inner products of samples, or of coordinates if those are fewer: both have the same positive eigenvalues."""
    scale = x.abs().max().double()
    scale = torch.where(scale > 0, scale, 1)
    side = min(len(x), x.shape[1])
    need(side <= LIMIT, f"x has shape {tuple(x.shape)}, expected at most {LIMIT} samples or coordinates")
    if len(x) <= x.shape[1]:
        rows = _rows(x, scale, unit)
        return rows @ rows.mT
    gram = torch.zeros((), dtype=torch.float64, device=x.device)
    for piece in x.split(ROWS):
        rows = _rows(piece, scale, unit)
        gram = gram + rows.mT @ rows
    return gram


def _rows(x: Tensor, scale: Tensor, unit: bool) -> Tensor:
    """The samples as the kernel's vectors; of length 1 if `unit`, where zeros turn to one extra direction."""
    if not unit:
        return x.double() / scale
    x = x.double()
    top = x.abs().amax(dim=1, keepdim=True)
    zero = top == 0
    x = x / torch.where(zero, 1, top)
    x = x / torch.where(zero, 1, x.norm(dim=1, keepdim=True))
    return torch.cat([x, zero.double()], dim=1)


def _condensed(matrix: Tensor) -> Tensor:
    """A smaller matrix with the same eigenvalues above rounding, where the rank is well below the side."""
    if matrix.device.type != "cpu":
        return matrix
    factor, _, rank, _ = dpstrf(matrix.numpy(), lower=1)
    if rank > len(matrix) * CONDENSED:
        return matrix
    lower = torch.from_numpy(factor).tril()[:, :rank]
    return lower.mT @ lower


def _gaussian(x: Tensor, bandwidth: float) -> Tensor:
    """The kernel of the distinct samples, weighted by their copies: it has the positive eigenvalues of all samples'."""
    points, _, copies = distinct(x)
    need(
        len(points) <= LIMIT, f"x has {len(points)} distinct samples, expected at most {LIMIT} for the gaussian kernel"
    )
    points = points.double()
    gaps = distances(*[(points - points.mean(dim=0)) / bandwidth] * 2).fill_diagonal_(0)
    weights = (copies.double() / len(x)).sqrt()
    return weights[:, None] * torch.exp(gaps.square() / -2) * weights
