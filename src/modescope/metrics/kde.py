r"""Divergences from an exact density to a kernel density estimate of the generator."""

__all__ = ["forward_kl_kde", "js_kde", "kde_log_prob", "likelihood_bandwidth"]

import math
from collections.abc import Callable

import torch
from scipy.optimize import minimize_scalar
from torch import Tensor

from ..core.errors import need
from .pairwise import check_pair, check_samples, distances, over_batch, row_chunks


def kde_log_prob(y: Tensor, x: Tensor, bandwidth: float) -> Tensor:
    r"""The log-density of a Gaussian kernel density estimate.

    .. math:: \log \hat q(y) = \log \frac1N \sum_i \mathcal{N}(y \,|\, x_i, h^2 I)

    Arguments:
        y: Where to evaluate it, with shape :math:`(M, D)`.
        x: The samples that it is built on, with shape :math:`(N, D)`.
        bandwidth: The kernel's standard deviation :math:`h`, in data units.

    Returns:
        The log-density (natural log), with shape :math:`(M)`.
    """
    check_pair(x, y)
    need(bandwidth > 0, f"bandwidth is {bandwidth}, expected a positive number")
    kernels = [_log_kernel(distances(rows, x), bandwidth).logsumexp(dim=-1) for rows in row_chunks(y, len(x))]
    return torch.cat(kernels) - _log_volume(len(x), x.shape[-1], bandwidth)


def likelihood_bandwidth(x: Tensor, points: int = 500) -> float:
    r"""The bandwidth that maximises the leave-one-out likelihood of a sample.

    .. math:: \hat h = \arg\max_h \sum_j \log \frac{1}{N - 1} \sum_{i \ne j} \mathcal{N}(x_j \,|\, x_i, h^2 I)

    Rules of thumb that scale with the sample's spread (Silverman's, Scott's) smear separate modes into one, so the
    likelihood chooses. The search is over :math:`\log h`, from a quarter of the median distance to the nearest
    neighbour up to the root-mean-square spread.

    References:
        | On the choice of smoothing parameters for Parzen estimators of probability density functions (Duin, 1976)
        | https://doi.org/10.1109/TC.1976.1674577

    Arguments:
        x: The sample, with shape :math:`(N, D)`, without copies of one point.
        points: The number of terms :math:`j` at most, to bound the work.

    Raises:
        ModescopeError: If there are fewer than 3 samples, or most of them have a copy.
    """
    check_samples("x", x)
    need(len(x) >= 3, f"x has {len(x)} samples, expected at least 3 to choose a bandwidth")
    gaps = distances(x[:points], x)
    gaps.fill_diagonal_(torch.inf)
    low = gaps.min(dim=-1).values.median().item() / 4
    high = (x - x.mean(dim=0)).square().mean().sqrt().item()
    need(low > 0, "x holds copies of the same points, expected a sample of a distribution with a density")

    def loss(log_h: float) -> float:
        h = math.exp(log_h)
        log_q = _log_kernel(gaps, h).logsumexp(dim=-1) - _log_volume(len(x) - 1, x.shape[-1], h)
        return -log_q.mean().item()

    bounds = (math.log(low), math.log(max(high, 2 * low)))
    return math.exp(minimize_scalar(loss, bounds=bounds, method="bounded", options={"xatol": 0.02}).x)


def forward_kl_kde(x: Tensor, y: Tensor, log_p: Tensor, bandwidth: float) -> Tensor:
    r"""The forward Kullback-Leibler divergence from the true density to a smoothed generator, in nats.

    .. math:: \mathrm{KL}(p \,\|\, \hat q) \approx \frac1M \sum_j \log p(y_j) - \log \hat q(y_j), \qquad y_j \sim p

    where :math:`\hat q` is the kernel density estimate on the generator's samples. A missed mode costs in proportion to
    its *squared distance* in bandwidths, so one such mode outweighs any other fault; smoothing keeps the cost finite.
    The mean of the truth's own samples is the floor, which is above 0: the estimate never equals the density.

    Note:
        The bandwidth must not come from the generator's samples, or collapse to a point would shrink it to 0: take
        :func:`likelihood_bandwidth` of as many true samples. Sound in up to three dimensions; kernel densities mislead
        in many.

    References:
        | A note on the evaluation of generative models (Theis et al., 2016)
        | https://arxiv.org/abs/1511.01844

    Arguments:
        x: The generator's samples, with shape :math:`(*, N, D)`.
        y: True samples, with shape :math:`(*, M, D)`.
        log_p: The true log-density at `y`, with shape :math:`(*, M)`.
        bandwidth: The kernel's standard deviation, in data units.

    Returns:
        The divergence, with shape :math:`(*)`, in nats.
    """
    return over_batch(
        lambda x, y, log_p: (log_p.squeeze(-1) - kde_log_prob(y, x, bandwidth)).mean(), x, y, log_p.unsqueeze(-1)
    )


def js_kde(x: Tensor, y: Tensor, noise: Tensor, log_prob: Callable[[Tensor], Tensor], bandwidth: float) -> Tensor:
    r"""The Jensen-Shannon divergence between the true density and a smoothed generator, in nats.

    .. math::
        \frac1{2M} \sum_j \log \frac{2 p(y_j)}{p(y_j) + \hat q(y_j)}
        + \frac1{2N} \sum_i \log \frac{2 \hat q(x'_i)}{p(x'_i) + \hat q(x'_i)},
        \qquad y_j \sim p, \quad x'_i = x_i + h \epsilon_i \sim \hat q

    Jittering the samples by the kernel draws from the very density that is evaluated, so this estimates
    :math:`\mathrm{JS}(p, \hat q)` without bias, 0 for equal laws; no term exceeds :math:`\log 2`, so neither does the
    value. Smoothing alone puts the floor above 0.

    References:
        | Divergence measures based on the Shannon entropy (Lin, 1991)
        | https://doi.org/10.1109/18.61115

    Arguments:
        x: The generator's samples, with shape :math:`(*, N, D)`.
        y: True samples, with shape :math:`(*, M, D)`.
        noise: Standard normal numbers :math:`\epsilon`, with shape :math:`(*, N, D)`.
        log_prob: The true log-density, from shape :math:`(M, D)` to :math:`(M)`.
        bandwidth: The kernel's standard deviation, in data units.

    Returns:
        The divergence, with shape :math:`(*)`, in nats.
    """

    def one(x: Tensor, y: Tensor, noise: Tensor) -> Tensor:
        drawn = x + bandwidth * noise
        on_real = _log_share(log_prob(y), kde_log_prob(y, x, bandwidth))
        on_fake = _log_share(kde_log_prob(drawn, x, bandwidth), log_prob(drawn))
        return (on_real.mean() + on_fake.mean()) / 2

    return over_batch(one, x, y, noise)


def _log_share(log_a: Tensor, log_b: Tensor) -> Tensor:
    """The logarithm of `2a / (a + b)`."""
    return math.log(2) + log_a - torch.logaddexp(log_a, log_b)


def _log_kernel(gaps: Tensor, h: float) -> Tensor:
    return -(gaps / h).square() / 2


def _log_volume(n: int, dim: int, h: float) -> float:
    return math.log(n) + dim * (math.log(h) + math.log(2 * math.pi) / 2)
