r"""Exact nearest neighbours, and the pairs within a radius, in bounded memory."""

__all__ = ["Neighbours", "Pairs", "check_points", "neighbours", "radii"]

import math
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from itertools import chain
from typing import Any, NamedTuple, Protocol

import numpy as np
import torch
from scipy.spatial import cKDTree
from torch import Tensor

from ..core.errors import need
from .pairwise import check_samples

TREE_DIM = 10  # up to this dimension a k-d tree finds neighbours faster than all pairs do
BALL_DIM = 7  # the same of balls
SINGLE_DIM = 64  # above this dimension the products dominate, and float32 halves them
SPARE = 4  # candidates beyond k, to prove from bounds that none was missed
TIE = 1e-12  # squared distances this close, relatively, are equal: the rounding of a sum of squares in float64
TILE_CPU, TILE_GPU = 1024, 8192  # points a side of a tile of pairs: at most 8 MiB, or 512 MiB
FEW = 16  # values below the limit are picked one by one if they are less than one in so many
LISTED = 2**22  # pairs of a tree that are listed at once, at most: 160 MiB
ELEMENTS = 2**16  # coordinates held at once: half a MiB in float64, which a cache holds


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
    x, pool, unit = _tame(x, pool)
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
    x, _, unit = _tame(x, x)
    found = (_by_tree if x.shape[-1] <= TREE_DIM else _by_products)(x, x, ks, torch.arange(len(x), device=x.device))
    return found.distances.mT * unit


def check_points(name: str, x: Tensor, dim: int | None = None) -> None:
    """Raises a ModescopeError unless `x` is a finite floating tensor `(N, D)` of at least one point (`dim` is D)."""
    check_samples(name, x)
    need(x.ndim == 2, f"{name} has shape {tuple(x.shape)}, expected (N, D)")
    need(dim in (None, x.shape[-1]), f"{name} has {x.shape[-1]} coordinates, expected {dim}")
    need(math.isfinite(_largest(x)), f"{name} holds a NaN or an infinity, expected finite samples")


class Pairs:
    r"""All pairs of two sets, a tile at a time: lower bounds of their distances, made exact where it matters.

    Arguments:
        x: Points, with shape :math:`(N, D)`.
        y: Points, with shape :math:`(M, D)`, on the same device.
    """

    def __init__(self, x: Tensor, y: Tensor) -> None:
        self.x, self.y, self.unit = _tame(x, y)
        self.bounds = _Products(self.x, self.y, torch.float64 if x.shape[-1] <= SINGLE_DIM else torch.float32)

    def inside(self, radii: Sequence[Tensor]) -> Iterator[tuple[int, Tensor, Tensor]]:
        r"""The pairs at a distance of at most each of several `radii`, in pieces, as of :meth:`within`.

        Up to 7 coordinates a k-d tree finds them; above, all share the products.

        Arguments:
            radii: Each in data units, float64, with shape :math:`(N, 1)`, a radius for each `x`, or :math:`(1, M)`.

        Yields:
            The place of some radii, and indices into `x` and into `y`, each with shape `(P)`.
        """
        if self.x.shape[1] <= BALL_DIM:
            for place, radius in enumerate(radii):
                yield from ((place, i, j) for i, j in self._by_tree(radius))
            return
        for tile in self.tiles():
            for place, radius in enumerate(radii):
                part = radius[tile.rows] if radius.shape[1] == 1 else radius[:, tile.columns]
                yield place, *self.within(tile, part)

    def _by_tree(self, radius: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
        """The pairs within a radius for each `x` `(N, 1)` or each `y` `(1, M)`, of not too many balls at once."""
        swap = radius.shape[1] != 1
        (centers, _), (points, tree) = self._trees[::-1] if swap else self._trees
        limits = _array(radius.flatten() / self.unit) * math.sqrt(1 + TIE)
        known = np.flatnonzero(limits >= 0)  # not NaN
        step = max(1, LISTED // len(points))
        for piece in (known[start : start + step] for start in range(0, len(known), step)):
            lists = tree.query_ball_point(centers[piece], limits[piece])
            counts = np.fromiter(map(len, lists), dtype=np.int64, count=len(piece))
            held = np.fromiter(chain.from_iterable(lists), dtype=np.int64, count=counts.sum())
            i, j = (torch.from_numpy(part).to(self.x.device) for part in (piece.repeat(counts), held))
            yield (j, i) if swap else (i, j)

    @cached_property
    def _trees(self) -> list[tuple[Any, cKDTree]]:
        """The points of `x` and of `y`, and a tree of each."""
        return [(points, cKDTree(points)) for points in (_array(self.x), _array(self.y))]

    def tiles(self) -> Iterator["Tile"]:
        """All pairs, in tiles."""
        for rows, columns in _tiles(len(self.x), len(self.y), self.x.device):
            yield Tile(rows, columns, self.bounds.lower(rows, columns))

    def within(self, tile: "Tile", radii: Tensor) -> tuple[Tensor, Tensor]:
        r"""The pairs of a tile at a distance of at most `radii`: indices into `x` and into `y`, each with shape `(P)`.

        Distances equal to a radius up to the rounding of float64 count as within.

        Arguments:
            tile: One of :meth:`tiles`, of :math:`R` rows and :math:`C` columns.
            radii: In data units, float64, with shape :math:`(R, 1)`, :math:`(1, C)` or :math:`(1, 1)`.
        """
        limits = (radii / self.unit / self.bounds.scale).square() * (1 + TIE)
        i, j = _places(tile.low <= (limits * (1 + 2**-20)).to(tile.low.dtype))
        limit, bound = limits.expand(tile.low.shape)[i, j], tile.low[i, j].double()
        i, j = i + tile.rows.start, j + tile.columns.start
        inside = bound + self.bounds.gap(i, j) <= limit
        doubt = ~inside
        if doubt.any():
            distances = self.distances(i[doubt], j[doubt]) / self.unit
            inside[doubt] = (distances / self.bounds.scale).square() <= limit[doubt]
        return i[inside], j[inside]

    def distances(self, i: Tensor, j: Tensor) -> Tensor:
        r"""The distances of pairs, in data units and float64, taken directly, with shape `(P)`.

        Pairs of copies are computed once: where many points coincide, so do most pairs in doubt.
        """
        first, second = self._copies
        kinds, kind = (first[i] * (len(self.x) + len(self.y)) + second[j]).unique(return_inverse=True)
        pick = kind.new_empty(len(kinds)).scatter_(0, kind, torch.arange(len(kind), device=kind.device))
        return _direct(self.x, self.y, i[pick], j[pick, None])[:, 0][kind] * self.unit

    @cached_property
    def _copies(self) -> tuple[Tensor, Tensor]:
        """A number for each point of `x` and of `y`, the same for copies: of its projection on one direction."""
        weights = 1 + torch.rand(self.x.shape[-1], dtype=torch.float64, generator=torch.Generator().manual_seed(0))
        weights = weights.to(self.x.device)
        parts = [
            _by_rows(each, lambda rows: (rows.double() * weights).sum(1), torch.float64) for each in (self.x, self.y)
        ]
        labels = torch.cat(parts).unique(return_inverse=True)[1]
        return labels[: len(self.x)], labels[len(self.x) :]


class Tile(NamedTuple):
    """Some of all pairs."""

    rows: slice  # of x
    columns: slice  # of y
    low: Tensor  # lower bounds of the squared distances, with shape (R, C)


class _Lower(Protocol):
    """Gives lower bounds of the squared distances of a tile, with shape `(R, C)`, in squares of its scale."""

    scale: float

    def lower(self, rows: slice, columns: slice) -> Tensor: ...

    def gap(self, i: Tensor, j: Tensor) -> Tensor: ...


class _Products:
    """Lower bounds of squared distances by matrix products, of points moved and scaled so that nothing overflows."""

    def __init__(self, x: Tensor, y: Tensor, dtype: torch.dtype) -> None:
        center = x[:: max(1, len(x) // 1024)].double().mean(dim=0)
        self.scale = _power_of_two(2 * max(_largest(x), _largest(y)))
        self.x = _place(x, center, self.scale, dtype)
        self.y = self.x if x is y else _place(y, center, self.scale, dtype)
        # |a|^2 + |b|^2 - 2ab errs by about sqrt(D) roundings of (|a| + |b|)^2 <= 2 (|a|^2 + |b|^2); 4 is for safety.
        self.slack = 2 * _rounding(dtype) * (4 * math.sqrt(x.shape[-1]) + 4)
        self.tiny = 1e-30 if dtype == torch.float32 else 1e-290  # what underflow may lose
        self.norms_x, self.norms_y = _square_norms(self.x), _square_norms(self.y)
        self.low_x = self.norms_x * (1 - self.slack) - self.tiny
        self.low_y = self.norms_y * (1 - self.slack) - self.tiny

    def lower(self, rows: slice, columns: slice) -> Tensor:
        with torch.autocast(self.x.device.type, enabled=False):
            low = torch.addmm(self.low_y[columns], self.x[rows], self.y[columns].mT, alpha=-2)
        return low.add_(self.low_x[rows, None])

    def gap(self, i: Tensor, j: Tensor) -> Tensor:
        """How far the squared distances of pairs may lie above their lower bounds."""
        return 2 * self.slack * (self.norms_x[i].double() + self.norms_y[j].double()) + 4 * self.tiny


class _Differences:
    """Squared distances themselves, from differences in float64."""

    scale = 1.0

    def __init__(self, x: Tensor, y: Tensor) -> None:
        self.x, self.y = x, y

    def lower(self, rows: slice, columns: slice) -> Tensor:
        x, y = self.x[rows].double(), self.y[columns].double()
        return torch.cdist(x, y, compute_mode="donot_use_mm_for_euclid_dist").square()

    def gap(self, i: Tensor, j: Tensor) -> Tensor:
        return j.new_full(j.shape, torch.inf, dtype=torch.float64)  # rounded otherwise: not to be relied upon


def _by_products(x: Tensor, y: Tensor, ks: Sequence[int], own: Tensor | None) -> Neighbours:
    available = len(y) - (own is not None)
    count = min(ks[-1] + SPARE, available)
    ranks = torch.tensor(ks, device=x.device) - 1
    distances = x.new_empty((len(x), len(ks)), dtype=torch.float64)
    indices = torch.empty((len(x), len(ks)), dtype=torch.long, device=x.device)
    todo = torch.arange(len(x), device=x.device)
    for precision in (torch.float32, torch.float64, None)[x.shape[-1] <= SINGLE_DIM :]:
        points = x if len(todo) == len(x) else x[todo]
        bounds: _Lower = _Differences(points, y) if precision is None else _Products(points, y, precision)
        least, candidates = _least(bounds, points, y, count, None if own is None else own[todo])
        distances[todo], indices[todo] = _ranked(bounds, points, y, least, candidates, ranks)
        farthest = distances[todo, -1]
        proven = ((farthest / bounds.scale).square() <= least[:, -1]) | (farthest == 0)
        todo = todo[~proven]
        if len(todo) == 0 or count == available:
            break
    return Neighbours(distances, indices)


def _ranked(bounds: _Lower, x: Tensor, y: Tensor, least: Tensor, candidates: Tensor, ranks: Tensor) -> Neighbours:
    """The candidates `(N, C)` at some ranks by their distance, which is taken for all only where bounds do not tell."""
    points = torch.arange(len(x), device=x.device)
    most = least + bounds.gap(points[:, None].expand_as(candidates), candidates)
    apart = torch.ones(len(x), least.shape[1] + 1, dtype=torch.bool, device=x.device)
    apart[:, 1:-1] = most[:, :-1].cummax(dim=1).values < least[:, 1:]  # what is before is nearer than what is after
    told = (apart[:, ranks] & apart[:, ranks + 1]).all(dim=1)
    indices = candidates[:, ranks]
    distances = least.new_empty(indices.shape)
    distances[told] = _direct(x, y, points[told], indices[told])
    exact, order = _direct(x, y, points[~told], candidates[~told]).sort(dim=1)
    distances[~told], indices[~told] = exact[:, ranks], candidates[~told].gather(1, order)[:, ranks]
    return Neighbours(distances, indices)


def _least(bounds: _Lower, x: Tensor, y: Tensor, count: int, own: Tensor | None) -> tuple[Tensor, Tensor]:
    """The `count` least bounds of each point, ascending, and where they are; the pair with `own` is left out."""
    mirrored = own is not None and x is y  # each tile then serves its rows and its columns
    best = x.new_full((len(x), count), torch.inf, dtype=torch.float64)
    where = torch.zeros((len(x), count), dtype=torch.long, device=x.device)

    def merge(rows: slice, low: Tensor, start: int) -> None:
        values, at = _least_below(low, best[rows, -1:].to(low.dtype), count)
        values, at = torch.cat([best[rows], values.double()], dim=1), torch.cat([where[rows], at + start], dim=1)
        best[rows], order = values.topk(count, dim=1, largest=False)
        where[rows] = at.gather(1, order)

    for rows, columns in _half(len(x), x.device) if mirrored else _tiles(len(x), len(y), x.device):
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
    i, j = _places(below)
    held = torch.bincount(i, minlength=len(low))
    slot = torch.arange(len(i), device=i.device) - (held.cumsum(0) - held)[i]
    values = low.new_full((len(low), int(held.max())), torch.inf)
    columns = torch.zeros(values.shape, dtype=torch.long, device=low.device)
    values[i, slot], columns[i, slot] = low[i, j], j
    return values, columns


def _by_tree(x: Tensor, y: Tensor, ks: Sequence[int], own: Tensor | None) -> Neighbours:
    last = ks[-1]
    found = cKDTree(_array(y)).query(
        _array(x), k=range(1, last + 1 + (own is not None)), workers=torch.get_num_threads()
    )
    distances, indices = (torch.from_numpy(part).to(x.device) for part in found)
    if own is not None:
        itself = indices == own[:, None]
        itself[:, -1] |= ~itself.any(dim=1)  # among many copies it may not be found: then the last goes
        distances, indices = distances[~itself].reshape(-1, last), indices[~itself].reshape(-1, last)
    ranks = torch.tensor(ks, device=x.device) - 1
    return Neighbours(distances[:, ranks], indices[:, ranks])


def _direct(x: Tensor, y: Tensor, i: Tensor, j: Tensor) -> Tensor:
    """Distances, in float64, of `x[i]` `(P)` to `y[j]` `(P, C)`, from their differences, with shape `(P, C)`."""
    rows = max(1, ELEMENTS // (j.shape[1] * x.shape[1]))
    found = x.new_empty(j.shape, dtype=torch.float64)
    for target, point, columns in zip(found.split(rows), i.split(rows), j.split(rows), strict=True):
        others = y.index_select(0, columns.flatten()).double().view(*columns.shape, x.shape[1])
        target[:] = torch.linalg.vector_norm(others.sub_(x[point, None]), dim=-1)
    return found


def _array(x: Tensor) -> "np.ndarray[Any, np.dtype[np.float64]]":
    return x.detach().cpu().double().numpy()


def _places(mask: Tensor) -> tuple[Tensor, Tensor]:
    """The rows and the columns where a mask `(R, C)` is true, each with shape `(P)`."""
    flat = mask.flatten()
    # NumPy skips what is false many times as fast.
    on_host = mask.device.type == "cpu"
    at = torch.from_numpy(np.flatnonzero(flat.numpy())) if on_host else flat.nonzero()[:, 0]
    return at // mask.shape[1], at % mask.shape[1]


def _tiles(rows: int, columns: int, device: torch.device) -> Iterator[tuple[slice, slice]]:
    for top in _slices(0, rows, _side(device)):
        for left in _slices(0, columns, _side(device)):
            yield top, left


def _half(count: int, device: torch.device) -> Iterator[tuple[slice, slice]]:
    """Tiles on and above the diagonal of all pairs of a set; those on it, of which half is spared, are small."""
    for rows in _slices(0, count, _side(device)):
        for few in _slices(rows.start, rows.stop, max(1, _side(device) // 4)):
            yield few, few
            if few.stop < rows.stop:
                yield few, slice(few.stop, rows.stop)
        for columns in _slices(rows.stop, count, _side(device)):
            yield rows, columns


def _side(device: torch.device) -> int:
    return TILE_CPU if device.type == "cpu" else TILE_GPU


def _slices(start: int, stop: int, step: int) -> Iterator[slice]:
    return (slice(first, min(first + step, stop)) for first in range(start, stop, step))


def _step(x: Tensor) -> int:
    """How many points are looked at at once."""
    return max(1, ELEMENTS // x.shape[1])


def _by_rows(x: Tensor, function: Callable[[Tensor], Tensor], dtype: torch.dtype) -> Tensor:
    """A number for each point, of few points at once.

    Each number has its place from the start: small results that outlive the large steps between them tear holes into
    the memory, hundreds of MiB for 50,000 points.
    """
    found = x.new_empty(len(x), dtype=dtype)
    for target, rows in zip(found.split(_step(x)), x.split(_step(x)), strict=True):
        target[:] = function(rows)
    return found


def _tame(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor, float]:
    """The points in a unit, a power of two, in which squares in float64 neither overflow nor underflow."""
    largest = max(_largest(x), _largest(y))
    if largest == 0 or 1e-100 < largest < 1e100:
        return x, y, 1.0
    unit = _power_of_two(largest)
    return x / unit, (x if y is x else y) / unit, unit


def _place(x: Tensor, center: Tensor, scale: float, dtype: torch.dtype) -> Tensor:
    work = torch.promote_types(x.dtype, dtype)
    placed, origin = torch.empty_like(x, dtype=dtype), (center / scale).to(work)
    for target, rows in zip(placed.split(_step(x)), x.split(_step(x)), strict=True):
        target.copy_(rows.to(work) * (1 / scale) - origin)
    return placed


def _square_norms(x: Tensor) -> Tensor:
    return _by_rows(x, lambda rows: rows.square().sum(dim=1), x.dtype)


def _largest(x: Tensor) -> float:
    """The largest magnitude of a coordinate; NaN if there is one."""
    return max(abs(bound.item()) for bound in x.detach().aminmax())


def _rounding(dtype: torch.dtype) -> float:
    """The unit rounding of a matrix product: PyTorch's setting may trade digits of float32 for speed."""
    if dtype == torch.float64:
        return 2.0**-53
    return {"highest": 2.0**-24, "high": 2.0**-11, "medium": 2.0**-8}[torch.get_float32_matmul_precision()]


def _power_of_two(largest: float) -> float:
    """A power of two above `largest`; 1 for 0."""
    return 2.0 ** min(1023, max(-1021, math.frexp(largest)[1])) if largest > 0 else 1.0
