r"""Lower bounds of squared distances, a tile of pairs at a time, and distances themselves: in bounded memory."""

__all__ = [
    "SINGLE_DIM",
    "Differences",
    "Lower",
    "Products",
    "array",
    "by_rows",
    "direct",
    "half",
    "largest",
    "places",
    "tame",
    "tiles",
]

import math
from collections.abc import Callable, Iterator
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

SINGLE_DIM = 64  # above this dimension the products dominate, and float32 halves them
TILE_CPU, TILE_GPU = 1024, 8192  # points a side of a tile of pairs: at most 8 MiB, or 512 MiB
ELEMENTS = 2**16  # coordinates held at once: half a MiB in float64, which a cache holds


class Lower(Protocol):
    """Gives lower bounds of the squared distances of a tile, with shape `(R, C)`, in squares of its scale."""

    scale: float

    def lower(self, rows: slice, columns: slice) -> Tensor: ...

    def gap(self, i: Tensor, j: Tensor) -> Tensor: ...


class Products:
    """Lower bounds of squared distances by matrix products, of points moved and scaled so that nothing overflows."""

    def __init__(self, x: Tensor, y: Tensor, dtype: torch.dtype) -> None:
        center = x[:: max(1, len(x) // 1024)].double().mean(dim=0)
        self.scale = _power_of_two(2 * max(largest(x), largest(y)))
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


class Differences:
    """Squared distances themselves, from differences in float64."""

    scale = 1.0

    def __init__(self, x: Tensor, y: Tensor) -> None:
        self.x, self.y = x, y

    def lower(self, rows: slice, columns: slice) -> Tensor:
        x, y = self.x[rows].double(), self.y[columns].double()
        return torch.cdist(x, y, compute_mode="donot_use_mm_for_euclid_dist").square()

    def gap(self, i: Tensor, j: Tensor) -> Tensor:
        return j.new_full(j.shape, torch.inf, dtype=torch.float64)  # rounded otherwise: not to be relied upon


def direct(x: Tensor, y: Tensor, i: Tensor, j: Tensor) -> Tensor:
    """Distances, in float64, of `x[i]` `(P)` to `y[j]` `(P, C)`, from their differences, with shape `(P, C)`."""
    rows = max(1, ELEMENTS // (j.shape[1] * x.shape[1]))
    found = x.new_empty(j.shape, dtype=torch.float64)
    for target, point, columns in zip(found.split(rows), i.split(rows), j.split(rows), strict=True):
        others = y.index_select(0, columns.flatten()).double().view(*columns.shape, x.shape[1])
        target[:] = torch.linalg.vector_norm(others.sub_(x[point, None]), dim=-1)
    return found


def array(x: Tensor) -> "np.ndarray[Any, np.dtype[np.float64]]":
    """A tensor as NumPy has it, in float64."""
    return x.detach().cpu().double().numpy()


def tiles(rows: int, columns: int, device: torch.device) -> Iterator[tuple[slice, slice]]:
    """Tiles of all pairs of two sets: their rows and their columns."""
    for top in _slices(0, rows, _side(device)):
        for left in _slices(0, columns, _side(device)):
            yield top, left


def half(count: int, device: torch.device) -> Iterator[tuple[slice, slice]]:
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


def by_rows(x: Tensor, function: Callable[[Tensor], Tensor], dtype: torch.dtype) -> Tensor:
    """A number for each point, of few points at once.

    Each number has its place from the start: small results that outlive the large steps between them tear holes into
    the memory, hundreds of MiB for 50,000 points.
    """
    found = x.new_empty(len(x), dtype=dtype)
    for target, rows in zip(found.split(_step(x)), x.split(_step(x)), strict=True):
        target[:] = function(rows)
    return found


def tame(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor, float]:
    """The points in a unit, a power of two, in which squares in float64 neither overflow nor underflow."""
    most = max(largest(x), largest(y))
    if most == 0 or 1e-100 < most < 1e100:
        return x, y, 1.0
    unit = _power_of_two(most)
    return x / unit, (x if y is x else y) / unit, unit


def _place(x: Tensor, center: Tensor, scale: float, dtype: torch.dtype) -> Tensor:
    work = torch.promote_types(x.dtype, dtype)
    placed, origin = torch.empty_like(x, dtype=dtype), (center / scale).to(work)
    for target, rows in zip(placed.split(_step(x)), x.split(_step(x)), strict=True):
        target.copy_(rows.to(work) * (1 / scale) - origin)
    return placed


def _square_norms(x: Tensor) -> Tensor:
    return by_rows(x, lambda rows: rows.square().sum(dim=1), x.dtype)


def largest(x: Tensor) -> float:
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


def places(mask: Tensor) -> tuple[Tensor, Tensor]:
    """The rows and the columns where a mask `(R, C)` is true, each with shape `(P)`."""
    flat = mask.flatten()
    # NumPy skips what is false many times as fast.
    on_host = mask.device.type == "cpu"
    at = torch.from_numpy(np.flatnonzero(flat.numpy())) if on_host else flat.nonzero()[:, 0]
    return at // mask.shape[1], at % mask.shape[1]
