r"""k-means clustering: k-means++ seeds and Lloyd's iterations, with weights."""

__all__ = ["KMeans", "kmeans"]

from typing import NamedTuple

import torch
from torch import Tensor

from ..core.errors import need
from .neighbours import check_points
from .pairwise import row_chunks

SINGLE_DIM = 64  # up to this dimension float64 costs little


class KMeans(NamedTuple):
    """What :func:`kmeans` returns."""

    centers: Tensor  # with shape (K, D)
    labels: Tensor  # the nearest centre of each point, with shape (N)
    inertia: Tensor  # the weighted sum of squared distances to it, a float64 scalar


def kmeans(
    x: Tensor, clusters: int, generator: torch.Generator, weights: Tensor | None = None, iterations: int = 100
) -> KMeans:
    r"""Clusters points around the means of the points nearest to them.

    .. math:: \min_{c_1, \dots, c_K} \sum_i w_i \min_k \|x_i - c_k\|^2

    The first centres are points drawn with a probability in proportion to :math:`w_i \min_k \|x_i - c_k\|^2`
    (k-means++), then Lloyd's iterations take turns between nearest centres and means, until no point changes its
    centre. It ends in a local minimum, which depends on the generator.

    Note:
        A centre that loses all its points stays where it is. With fewer distinct points than clusters some stay empty.
        One start, no restarts.

    References:
        | k-means++: The Advantages of Careful Seeding (Arthur & Vassilvitskii, 2007), section 2.2
        | https://dl.acm.org/doi/10.5555/1283383.1283494

        | Least Squares Quantization in PCM (Lloyd, 1982)
        | https://doi.org/10.1109/TIT.1982.1056489

    Arguments:
        x: Points, with shape :math:`(N, D)`.
        clusters: How many, :math:`K`.
        generator: The randomness of the first centres.
        weights: How much each point counts, positive, with shape :math:`(N)`; one each if not given.
        iterations: At most so many.

    Raises:
        ModescopeError: If the shapes do not fit, a point is not finite, or `clusters` is not positive.

    Returns:
        Centres in the type of `x` (at least float32), labels and inertia.
    """
    check_points("x", x)
    need(clusters >= 1, f"clusters is {clusters}, expected at least 1")
    weights = torch.ones(len(x), device=x.device) if weights is None else weights
    need(weights.shape == (len(x),), f"weights has shape {tuple(weights.shape)}, expected ({len(x)},)")
    weights = weights.double()

    # Around their mean, and in a unit of their own, points keep their digits and their squares do not overflow.
    kept = torch.promote_types(x.dtype, torch.float32)
    points = x.to(torch.float64 if x.shape[1] <= SINGLE_DIM else kept)
    unit = points.abs().max().clamp(min=torch.finfo(points.dtype).tiny)
    mean = (points / unit).mean(dim=0)
    points = points / unit - mean

    centers = _seeds(points, clusters, generator, weights)
    labels = _nearest(points, centers)
    for _ in range(iterations):
        centers = _means(points, labels, weights, centers)
        before = labels
        labels = _nearest(points, centers)
        if torch.equal(labels, before):
            break
    inertia = (weights * _squares(points, centers, labels)).sum() * unit.double() ** 2
    return KMeans(((centers + mean) * unit).to(kept), labels, inertia)


def _seeds(x: Tensor, clusters: int, generator: torch.Generator, weights: Tensor) -> Tensor:
    draws = torch.rand(clusters, generator=generator, device=generator.device, dtype=torch.float64).to(x.device)
    chosen = [_draw(weights, draws[0])]
    squares = _squares_to(x, x[chosen[0]])
    for draw in draws[1:]:
        chosen.append(_draw(weights * squares, draw))
        squares = torch.minimum(squares, _squares_to(x, x[chosen[-1]]))
    return x[torch.stack(chosen)]


def _draw(mass: Tensor, uniform: Tensor) -> Tensor:
    """An index with a probability in proportion to `mass` (never where it is 0, unless it is 0 throughout)."""
    sums = mass.cumsum(dim=0)
    return torch.searchsorted(sums, uniform * sums[-1], right=True).clamp(max=len(mass) - 1)


def _squares_to(x: Tensor, center: Tensor) -> Tensor:
    return torch.cat([(rows - center).double().square().sum(dim=1) for rows in row_chunks(x, x.shape[1])])


def _nearest(x: Tensor, centers: Tensor) -> Tensor:
    """The nearest centre of each point, by matrix products."""
    norms = centers.square().sum(dim=1)
    return torch.cat([_argmin(torch.addmm(norms, rows, centers.mT, alpha=-2)) for rows in x.split(8192)])


def _argmin(x: Tensor) -> Tensor:
    """Where the least of each row is: by NumPy on a processor, several times as fast."""
    return torch.from_numpy(x.numpy().argmin(axis=1)) if x.device.type == "cpu" else x.argmin(dim=1)


def _squares(x: Tensor, centers: Tensor, labels: Tensor) -> Tensor:
    """The squared distance of each point to its centre, taken directly."""
    parts = zip(row_chunks(x, x.shape[1]), row_chunks(labels, x.shape[1]), strict=True)
    return torch.cat([(rows - centers[label]).double().square().sum(dim=1) for rows, label in parts])


def _means(x: Tensor, labels: Tensor, weights: Tensor, centers: Tensor) -> Tensor:
    sums = torch.zeros_like(centers, dtype=torch.float64)
    mass = weights.new_zeros(len(centers)).index_add_(0, labels, weights)
    chunks = zip(*(row_chunks(part, x.shape[1]) for part in (x, labels, weights)), strict=True)
    for rows, label, weight in chunks:
        sums.index_add_(0, label, rows.double() * weight[:, None])
    means = sums / mass[:, None]
    return torch.where(mass[:, None] > 0, means, centers.double()).to(centers.dtype)
