"""What measures of pairs of points share: shapes, exact distances, bounded memory."""

__all__ = ["check_pair", "check_samples", "distances", "distinct", "over_batch", "row_chunks"]

from collections.abc import Callable, Iterator

import numpy as np
import torch
from torch import Tensor

from ..core.errors import need

CHUNK = 2**18  # distances held at once: 2 MiB in float64, which a cache holds
DIRECT_DIM = 16  # up to this dimension, distances are taken directly; above, by the (less exact) matrix product


def check_samples(name: str, x: Tensor) -> None:
    """Raises a ModescopeError unless `x` is a non-empty floating tensor with shape `(*, N, D)`."""
    need(x.is_floating_point(), f"{name} has dtype {x.dtype}, expected a floating one")
    need(x.ndim >= 2 and x.numel() > 0, f"{name} has shape {tuple(x.shape)}, expected (*, N, D) with at least 1 sample")


def check_pair(x: Tensor, y: Tensor) -> None:
    """Raises a ModescopeError unless `x` and `y` are samples with the same number of coordinates."""
    check_samples("x", x)
    check_samples("y", y)
    need(x.shape[-1] == y.shape[-1], f"x has {x.shape[-1]} coordinates but y has {y.shape[-1]}, expected the same")


def distances(x: Tensor, y: Tensor) -> Tensor:
    """Euclidean distances, with shape `(N, M)`, of `x` `(N, D)` to `y` `(M, D)`.

    Up to 16 coordinates they are taken directly, so that a point is at distance exactly 0 from its copy, and points
    far from the origin lose no digits; above, by the matrix product.
    """
    direct = x.shape[-1] <= DIRECT_DIM
    mode = "donot_use_mm_for_euclid_dist" if direct else "use_mm_for_euclid_dist"
    return torch.cdist(x, y, compute_mode=mode)


def distinct(x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The distinct rows of `x` `(N, D)` in order, which of them each row is, and how often each is there.

    As `torch.unique`; with few coordinates on a processor, sorted by one after the other, which is many times as fast.
    """
    if x.shape[1] > DIRECT_DIM or x.device.type != "cpu" or x.dtype not in (torch.float32, torch.float64):
        return torch.unique(x, dim=0, return_inverse=True, return_counts=True)
    order = torch.from_numpy(np.lexsort(x.detach().numpy().T[::-1]))
    rows = x[order]
    new = torch.cat([torch.ones(1, dtype=torch.bool), (rows[1:] != rows[:-1]).any(dim=1)])
    place = new.cumsum(0) - 1
    return rows[new], torch.empty_like(place).scatter_(0, order, place), place.bincount()


def row_chunks(x: Tensor, columns: int) -> Iterator[Tensor]:
    """The rows of `x` in pieces, such that a piece times `columns` stays within a fixed memory."""
    yield from x.split(max(1, CHUNK // columns))


def over_batch(measure: Callable[..., Tensor], *sets: Tensor) -> Tensor:
    r"""Maps a scalar measure of sets of shape :math:`(N, D)` over their leading dimensions :math:`(*)`, broadcast."""
    lead = torch.broadcast_shapes(*(points.shape[:-2] for points in sets))
    flat = [points.expand(*lead, *points.shape[-2:]).reshape(-1, *points.shape[-2:]) for points in sets]
    values = [measure(*members) for members in zip(*flat, strict=True)]
    return torch.stack(values).reshape(lead)
