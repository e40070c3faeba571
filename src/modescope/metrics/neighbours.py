r"""Exact nearest neighbours, in bounded memory."""

__all__ = ["Neighbours", "check_points", "neighbours", "radii"]

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from scipy.spatial import cKDTree
from torch import Tensor

from ..core.errors import need
from .bounds import SINGLE_DIM, Differences, Lower, Products, array, direct, half, largest, places, tame, tiles
from .pairwise import check_samples

TREE_DIM = 10  # up to this dimension a k-d tree finds neighbours faster than all pairs do
SPARE = 4  # candidates beyond k, to prove from bounds that none was missed
FEW = 16  # values below the limit are picked one by one if they are less than one in so many


class Neighbours(NamedTuple):
    r"""What :func:`neighbours` returns."""

    distances: Tensor  # to the k nearest, ascending, in data units, float64, with shape (N, k)
    indices: Tensor  # which points they are, with shape (N, k)


def neighbours(x: Tensor, y: Tensor | None = None, k: int = 1) -> Neighbours:
    r"""The :math:`k` nearest points of each `x` among `y`, or among the other `x`: exact, for any dimension.

    Up to 10 coordinates a k-d tree finds them. Above, matrix products bound every squared distance from below,

    .. math:: \|a - b\|^2 \ge (1 - \epsilon) (\|a\|^2 + \|b\|^2) - 2\, a^\top b,

    with :math:`\epsilon` the rounding of the product; the few least bounds of each point are taken directly, as sums
    of squared differences in float64. Where the :math:`k`-th is at most the least bound left out, none was missed;
    points without that proof (tight clusters far apart) are searched again in float64, then directly.

    Note:
        A point is at distance exactly 0 from its bit-for-bit copy, and a point is left out of its own neighbours by
        its index: its copies are neighbours. Among equally near points the choice is free. Memory holds a tile of
        pairs, never all of them.

    Arguments:
        x: Points, with shape :math:`(N, D)`.
        y: Points, with shape :math:`(M, D)`; the other points of `x` if not given.
        k: How many neighbours.

    Raises:
        ModescopeError: If the shapes do not fit, a point is not finite, or there are fewer than :math:`k` neighbours.

    Returns:
        Distances in data units, ascending, and indices, each with shape :math:`(N, k)`.
    """
    check_points("x", x)
    if y is not None:
        check_points("y", y, x.shape[-1])
    pool = x if y is None else y
    own = torch.arange(len(x), device=x.device) if y is None else None
    available = len(pool) - (y is None)
    need(1 <= k <= available, f"k is {k}, expected from 1 to {available}, the neighbours that there are")
    x, pool, unit = tame(x, pool)
    found = (_by_tree if x.shape[-1] <= TREE_DIM else _by_products)(x, pool, range(1, k + 1), own)
    return Neighbours(found.distances * unit, found.indices)


def radii(x: Tensor, ks: Sequence[int]) -> Tensor:
    r"""The distance of each point to its :math:`k`-th nearest other, exact as of :func:`neighbours`, for several `k`.

    It costs little more than the products: of most points one distance is taken directly for each `k`, as the bounds
    tell which.

    Arguments:
        x: Points, with shape :math:`(N, D)`.
        ks: Which neighbours, ascending.

    Raises:
        ModescopeError: If the shape does not fit, a point is not finite, or there are fewer neighbours.

    Returns:
        Distances in data units, float64, with shape :math:`(K, N)`.
    """
    check_points("x", x)
    need(1 <= ks[0] <= ks[-1] < len(x), f"ks is {list(ks)}, expected from 1 to {len(x) - 1}, the neighbours of a point")
    x, _, unit = tame(x, x)
    found = (_by_tree if x.shape[-1] <= TREE_DIM else _by_products)(x, x, ks, torch.arange(len(x), device=x.device))
    return found.distances.mT * unit


def check_points(name: str, x: Tensor, dim: int | None = None) -> None:
    """Raises a ModescopeError unless `x` is a finite floating tensor `(N, D)` of at least one point (`dim` is D)."""
    check_samples(name, x)
    need(x.ndim == 2, f"{name} has shape {tuple(x.shape)}, expected (N, D)")
    need(dim in (None, x.shape[-1]), f"{name} has {x.shape[-1]} coordinates, expected {dim}")
    need(math.isfinite(largest(x)), f"{name} holds a NaN or an infinity, expected finite samples")


def _by_products(x: Tensor, y: Tensor, ks: Sequence[int], own: Tensor | None) -> Neighbours:
    available = len(y) - (own is not None)
    count = min(ks[-1] + SPARE, available)
    ranks = torch.tensor(ks, device=x.device) - 1
    distances = x.new_empty((len(x), len(ks)), dtype=torch.float64)
    indices = torch.empty((len(x), len(ks)), dtype=torch.long, device=x.device)
    todo = torch.arange(len(x), device=x.device)
    for precision in (torch.float32, torch.float64, None)[x.shape[-1] <= SINGLE_DIM :]:
        points = x if len(todo) == len(x) else x[todo]
        bounds: Lower = Differences(points, y) if precision is None else Products(points, y, precision)
        least, candidates = _least(bounds, points, y, count, None if own is None else own[todo])
        distances[todo], indices[todo] = _ranked(bounds, points, y, least, candidates, ranks)
        farthest = distances[todo, -1]
        proven = ((farthest / bounds.scale).square() <= least[:, -1]) | (farthest == 0)
        todo = todo[~proven]
        if len(todo) == 0 or count == available:
            break
    return Neighbours(distances, indices)


def _ranked(bounds: Lower, x: Tensor, y: Tensor, least: Tensor, candidates: Tensor, ranks: Tensor) -> Neighbours:
    """The candidates `(N, C)` at some ranks by their distance, which is taken for all only where bounds do not tell."""
    points = torch.arange(len(x), device=x.device)
    most = least + bounds.gap(points[:, None].expand_as(candidates), candidates)
    apart = torch.ones(len(x), least.shape[1] + 1, dtype=torch.bool, device=x.device)
    apart[:, 1:-1] = most[:, :-1].cummax(dim=1).values < least[:, 1:]  # what is before is nearer than what is after
    told = (apart[:, ranks] & apart[:, ranks + 1]).all(dim=1)
    indices = candidates[:, ranks]
    distances = least.new_empty(indices.shape)
    distances[told] = direct(x, y, points[told], indices[told])
    exact, order = direct(x, y, points[~told], candidates[~told]).sort(dim=1)
    distances[~told], indices[~told] = exact[:, ranks], candidates[~told].gather(1, order)[:, ranks]
    return Neighbours(distances, indices)


def _least(bounds: Lower, x: Tensor, y: Tensor, count: int, own: Tensor | None) -> tuple[Tensor, Tensor]:
    """The `count` least bounds of each point, ascending, and where they are; the pair with `own` is left out."""
    mirrored = own is not None and x is y  # each tile then serves its rows and its columns
    best = x.new_full((len(x), count), torch.inf, dtype=torch.float64)
    where = torch.zeros((len(x), count), dtype=torch.long, device=x.device)

    def merge(rows: slice, low: Tensor, start: int) -> None:
        values, at = _least_below(low, best[rows, -1:].to(low.dtype), count)
        values, at = torch.cat([best[rows], values.double()], dim=1), torch.cat([where[rows], at + start], dim=1)
        best[rows], order = values.topk(count, dim=1, largest=False)
        where[rows] = at.gather(1, order)

    for rows, columns in half(len(x), x.device) if mirrored else tiles(len(x), len(y), x.device):
        low = bounds.lower(rows, columns)
        if own is not None:
            mine = own[rows] - columns.start
            here = ((mine >= 0) & (mine < low.shape[1])).nonzero()[:, 0]
            low[here, mine[here]] = torch.inf
        merge(rows, low, columns.start)
        if mirrored and columns.start > rows.start:
            merge(columns, low.mT, rows.start)
    return best, where


def _least_below(low: Tensor, limits: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """The least values of each row of `(R, C)` below its limit, `count` at least, and their columns; else infinity."""
    below = low < limits
    if below.count_nonzero() > low.numel() // FEW:
        return low.topk(min(count, low.shape[1]), dim=1, largest=False)
    i, j = places(below)
    held = torch.bincount(i, minlength=len(low))
    slot = torch.arange(len(i), device=i.device) - (held.cumsum(0) - held)[i]
    values = low.new_full((len(low), int(held.max())), torch.inf)
    columns = torch.zeros(values.shape, dtype=torch.long, device=low.device)
    values[i, slot], columns[i, slot] = low[i, j], j
    return values, columns


def _by_tree(x: Tensor, y: Tensor, ks: Sequence[int], own: Tensor | None) -> Neighbours:
    last = ks[-1]
    found = cKDTree(array(y)).query(array(x), k=range(1, last + 1 + (own is not None)), workers=torch.get_num_threads())
    distances, indices = (torch.from_numpy(part).to(x.device) for part in found)
    if own is not None:
        itself = indices == own[:, None]
        itself[:, -1] |= ~itself.any(dim=1)  # among many copies it may not be found: then the last goes
        distances, indices = distances[~itself].reshape(-1, last), indices[~itself].reshape(-1, last)
    ranks = torch.tensor(ks, device=x.device) - 1
    return Neighbours(distances[:, ranks], indices[:, ranks])
