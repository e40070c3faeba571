r"""Wasserstein distances between two samples of the same size: exact, and along random directions."""

__all__ = ["random_directions", "sliced_wasserstein", "wasserstein"]

import importlib

import numpy as np
import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from ..core.errors import need
from .pairwise import check_pair, distances, over_batch

PIVOTS = 10**7  # of the network simplex; a thousand points take about ten thousand


def wasserstein(x: Tensor, y: Tensor, p: int = 1) -> Tensor:
    r"""The exact Wasserstein-:math:`p` distance between two empirical laws, in data units.

    .. math:: W_p = \Big( \min_\pi \frac1N \sum_i \| x_i - y_{\pi(i)} \|_2^p \Big)^{1/p}

    over permutations :math:`\pi`. In one dimension sorting solves it. Otherwise POT's network simplex does if it is
    installed (``modescope[ot]``), and SciPy's assignment solver if not: both are exact, the second is up to twenty
    times slower on collapsed samples.

    Note:
        The distance between two finite samples of one law is far from 0, and shrinks as :math:`N^{-1/D}` only: read it
        beside its floor, at the same :math:`N`. The time grows as about :math:`N^{2.5}`.

    References:
        | Computational Optimal Transport (Peyré & Cuturi, 2019), section 2.2
        | https://arxiv.org/abs/1803.00567

    Arguments:
        x: Samples, with shape :math:`(*, N, D)`.
        y: Samples, with shape :math:`(*, N, D)`.
        p: The order, 1 or 2.

    Raises:
        ModescopeError: If the sizes differ.

    Returns:
        The distance, with shape :math:`(*)`.
    """
    _check_equal(x, y, p)
    if x.shape[-1] == 1:
        return _sorted_distance(x.mT, y.mT, p).squeeze(-1).pow(1 / p).to(x)
    return over_batch(lambda x, y: _assignment(distances(x, y).double().pow(p)).pow(1 / p).to(x), x, y)


def sliced_wasserstein(x: Tensor, y: Tensor, directions: Tensor, p: int = 1) -> Tensor:
    r"""The sliced Wasserstein-:math:`p` distance, in data units.

    .. math:: SW_p = \Big( \frac1P \sum_\theta W_p^p(\theta^\top x, \theta^\top y) \Big)^{1/p}

    It bounds the exact distance from below, and costs a sort for each direction.

    References:
        | Sliced and Radon Wasserstein Barycenters of Measures (Bonneel et al., 2015)
        | https://doi.org/10.1007/s10851-014-0506-3

    Arguments:
        x: Samples, with shape :math:`(*, N, D)`.
        y: Samples, with shape :math:`(*, N, D)`.
        directions: Unit vectors :math:`\theta`, with shape :math:`(P, D)`, e.g. of :func:`random_directions`.
        p: The order, 1 or 2.

    Raises:
        ModescopeError: If the sizes differ.

    Returns:
        The distance, with shape :math:`(*)`.
    """
    _check_equal(x, y, p)
    need(
        directions.ndim == 2 and directions.shape[-1] == x.shape[-1],
        f"directions has shape {tuple(directions.shape)}, expected (P, {x.shape[-1]})",
    )
    theta = directions.to(x)
    return _sorted_distance(theta @ x.mT, theta @ y.mT, p).mean(dim=-1).pow(1 / p).to(x)


def random_directions(count: int, dim: int, seed: int = 0) -> Tensor:
    """Unit vectors drawn uniformly, with shape `(count, dim)`; the same for the same seed, in every process."""
    draws = torch.randn(count, dim, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return draws / draws.norm(dim=-1, keepdim=True)


def _sorted_distance(x: Tensor, y: Tensor, p: int) -> Tensor:
    """The power `p` of the distance between scalar samples, from shape `(*, N)` to `(*)`."""
    return (_ascending(x) - _ascending(y)).abs().double().pow(p).mean(dim=-1)


def _ascending(x: Tensor) -> Tensor:
    """The values of each row in order; NumPy, which keeps no places, is several times as fast on a processor."""
    if x.device.type != "cpu" or x.requires_grad or x.dtype not in (torch.float32, torch.float64):
        return x.sort(dim=-1).values
    return torch.from_numpy(np.sort(x.numpy(), axis=-1))


def _assignment(cost: Tensor) -> Tensor:
    """The least mean cost of an assignment, for costs of shape `(N, N)`."""
    scale = cost.max()
    if scale == 0 or not scale.isfinite():
        return scale
    matrix = (cost / scale).cpu().numpy()  # so that the solver's tolerances fit data of any unit
    try:
        ot = importlib.import_module("ot")
    except ImportError:
        rows, columns = linear_sum_assignment(matrix)
        return scale * matrix[rows, columns].mean()
    value, log = ot.emd2([], [], matrix, numItermax=PIVOTS, log=True)
    need(log["warning"] is None, f"the transport solver stopped early: {log['warning']}")
    return scale * value


def _check_equal(x: Tensor, y: Tensor, p: int) -> None:
    check_pair(x, y)
    need(x.shape[-2] == y.shape[-2], f"x has {x.shape[-2]} samples but y has {y.shape[-2]}, expected the same number")
    need(p in (1, 2), f"p is {p}, expected 1 or 2")
