r"""The pairs of two sets within a radius, exact, in bounded memory."""

__all__ = ["TIE", "Pairs", "Tile"]

import math
from collections.abc import Iterator, Sequence
from functools import cached_property
from itertools import chain
from typing import Any, NamedTuple

import numpy as np
import torch
from scipy.spatial import cKDTree
from torch import Tensor

from .bounds import SINGLE_DIM, Products, array, by_rows, direct, places, tame, tiles

BALL_DIM = 7  # the same of balls
TIE = 1e-12  # squared distances this close, relatively, are equal: the rounding of a sum of squares in float64
LISTED = 2**22  # pairs of a tree that are listed at once, at most: 160 MiB


class Tile(NamedTuple):
    """Some of all pairs."""

    rows: slice  # of x
    columns: slice  # of y
    low: Tensor  # lower bounds of the squared distances, with shape (R, C)


class Pairs:
    r"""All pairs of two sets, a tile at a time: lower bounds of their distances, made exact where it matters.

    Arguments:
        x: Points, with shape :math:`(N, D)`.
        y: Points, with shape :math:`(M, D)`, on the same device.
    """

    def __init__(self, x: Tensor, y: Tensor) -> None:
        self.x, self.y, self.unit = tame(x, y)
        self.bounds = Products(self.x, self.y, torch.float64 if x.shape[-1] <= SINGLE_DIM else torch.float32)

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
        limits = array(radius.flatten() / self.unit) * math.sqrt(1 + TIE)
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
        return [(points, cKDTree(points)) for points in (array(self.x), array(self.y))]

    def tiles(self) -> Iterator[Tile]:
        """All pairs, in tiles."""
        for rows, columns in tiles(len(self.x), len(self.y), self.x.device):
            yield Tile(rows, columns, self.bounds.lower(rows, columns))

    def within(self, tile: Tile, radii: Tensor) -> tuple[Tensor, Tensor]:
        r"""The pairs of a tile at a distance of at most `radii`: indices into `x` and into `y`, each with shape `(P)`.

        Distances equal to a radius up to the rounding of float64 count as within.

        Arguments:
            tile: One of :meth:`tiles`, of :math:`R` rows and :math:`C` columns.
            radii: In data units, float64, with shape :math:`(R, 1)`, :math:`(1, C)` or :math:`(1, 1)`.
        """
        limits = (radii / self.unit / self.bounds.scale).square() * (1 + TIE)
        i, j = places(tile.low <= (limits * (1 + 2**-20)).to(tile.low.dtype))
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
        return direct(self.x, self.y, i[pick], j[pick, None])[:, 0][kind] * self.unit

    @cached_property
    def _copies(self) -> tuple[Tensor, Tensor]:
        """A number for each point of `x` and of `y`, the same for copies: of its projection on one direction."""
        weights = 1 + torch.rand(self.x.shape[-1], dtype=torch.float64, generator=torch.Generator().manual_seed(0))
        weights = weights.to(self.x.device)
        parts = [
            by_rows(each, lambda rows: (rows.double() * weights).sum(1), torch.float64) for each in (self.x, self.y)
        ]
        labels = torch.cat(parts).unique(return_inverse=True)[1]
        return labels[: len(self.x)], labels[len(self.x) :]
