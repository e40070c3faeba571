r"""The Kullback-Leibler divergence between two samples by nearest neighbours."""

__all__ = ["kl_knn", "resolution_of"]

import math

import torch
from scipy.spatial import cKDTree
from torch import Tensor

from ..core.errors import need
from .pairwise import check_pair, over_batch


def kl_knn(x: Tensor, y: Tensor, k: int = 5, resolution: float | None = None) -> Tensor:
    r"""Estimates :math:`\mathrm{KL}(p_x \,\|\, p_y)` in nats from samples of the two, without densities.

    .. math:: \frac{D}{N} \sum_i \log \frac{\nu_k(i)}{\rho_k(i)} + \log \frac{M}{N - 1}

    with :math:`\rho_k(i)` the distance of :math:`x_i` to its :math:`k`-th neighbour among the other :math:`x`, and
    :math:`\nu_k(i)` among :math:`y`. It is consistent as :math:`N, M \to \infty`, and may be negative.

    A missed mode costs the *logarithm* of its distance, so values stay readable where a kernel estimate explodes; they
    are far too small there, as the true cost grows with the squared distance.

    Note:
        Copies of one point are at distance 0, where the logarithm is not finite: distances below `resolution` count as
        `resolution`. So a generator collapsed to points scores large and finite, not infinite as in the limit.
        With fewer than :math:`k + 1` samples the estimate takes the largest :math:`k` that exists; one sample alone
        has no neighbour, and the value is NaN.

    References:
        | Divergence Estimation for Multidimensional Densities Via k-Nearest-Neighbor Distances (Wang et al., 2009)
        | https://doi.org/10.1109/TIT.2009.2016060

        | Kullback-Leibler Divergence Estimation of Continuous Distributions (Perez-Cruz, 2008)
        | https://doi.org/10.1109/ISIT.2008.4595271

    Arguments:
        x: Samples of the first law, with shape :math:`(*, N, D)`.
        y: Samples of the second law, with shape :math:`(*, M, D)`.
        k: Which neighbour.
        resolution: The least distance that counts, in data units; :func:`resolution_of` `y` if not given.

    Raises:
        ModescopeError: If the shapes do not fit, or a sample is not finite.

    Returns:
        The divergence, with shape :math:`(*)`, in nats.
    """
    check_pair(x, y)
    need(k >= 1, f"k is {k}, expected at least 1")
    need(bool(x.isfinite().all() and y.isfinite().all()), "x or y holds a NaN or an infinity, expected finite samples")

    def one(x: Tensor, y: Tensor) -> Tensor:
        if len(x) < 2:
            return x.new_tensor(torch.nan)
        order = min(k, len(x) - 1, len(y))
        least = resolution_of(y) if resolution is None else resolution
        inside = _neighbour(x, x, order + 1).clamp(min=least)  # the first neighbour of a point is itself
        across = _neighbour(x, y, order).clamp(min=least)
        log_ratio = (across / inside).log().mean()
        return (x.shape[-1] * log_ratio + math.log(len(y) / (len(x) - 1))).to(x.dtype)

    return over_batch(one, x, y)


def resolution_of(y: Tensor) -> float:
    """A millionth of the root-mean-square spread of `y` `(N, D)`: about what float32 tells apart; never 0."""
    spread = (y.double() - y.double().mean(dim=0)).square().mean().sqrt().item()
    return max(1e-6 * spread, torch.finfo(torch.float32).tiny)


def _neighbour(x: Tensor, y: Tensor, order: int) -> Tensor:
    """The distance, in float64, of each `x` `(N, D)` to its neighbour number `order` (from 1) among `y` `(M, D)`."""
    tree = cKDTree(y.detach().cpu().double().numpy())
    distance, _ = tree.query(x.detach().cpu().double().numpy(), k=[order])
    return torch.from_numpy(distance[:, 0]).to(x.device)
