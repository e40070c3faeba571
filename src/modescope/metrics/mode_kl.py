r"""Divergences between the histogram of samples over the modes and the modes' true masses."""

__all__ = ["kl_floor", "mode_js", "mode_kl"]

import torch
from torch import Tensor

from ..core.errors import need


def mode_kl(counts: Tensor, weights: Tensor | None = None) -> Tensor:
    r"""The reverse Kullback-Leibler divergence over the modes, in nats.

    .. math:: \mathrm{KL}(\hat q \,\|\, w) = \sum_k \hat q_k \log \frac{\hat q_k}{w_k}, \qquad 0 \log 0 = 0

    For uniform :math:`w` it is :math:`\log K - H(\hat q)`, at most :math:`\log K`; a generator that spreads evenly over
    :math:`c` of :math:`K` modes scores :math:`\log (K / c)`.

    Note:
        PacGAN's code counts high-quality samples alone, other papers count all samples at their nearest mode: pass the
        counts of a radius of 3, or of an infinite one. Without any sample in a mode there is no histogram: the value is
        infinite, not perfect.

    References:
        | PacGAN: The power of two samples in generative adversarial networks (Lin et al., 2017), section 4.1
        | https://arxiv.org/abs/1712.04086

    Arguments:
        counts: The samples that each mode holds, with shape :math:`(*, M)`, from :func:`modescope.metrics.count_modes`.
        weights: The true mass of each mode, with shape :math:`(M)`; uniform if not given.

    Returns:
        The divergence, with shape :math:`(*)`, in nats.
    """
    share, weights, empty = _histogram(counts, weights)
    divergence = _kl(share, weights.expand_as(share))
    return torch.where(empty, torch.inf, divergence)


def mode_js(counts: Tensor, weights: Tensor | None = None) -> Tensor:
    r"""The Jensen-Shannon divergence over the modes, in nats.

    .. math:: \tfrac12 \mathrm{KL}(\hat q \,\|\, m) + \tfrac12 \mathrm{KL}(w \,\|\, m), \qquad m = (\hat q + w) / 2

    It lies in :math:`[0, \log 2]`. Without any sample in a mode the two share nothing: the value is :math:`\log 2`.

    References:
        | Divergence measures based on the Shannon entropy (Lin, 1991)
        | https://doi.org/10.1109/18.61115

    Arguments:
        counts: The samples that each mode holds, with shape :math:`(*, M)`.
        weights: The true mass of each mode, with shape :math:`(M)`; uniform if not given.

    Returns:
        The divergence, with shape :math:`(*)`, in nats.
    """
    share, weights, empty = _histogram(counts, weights)
    middle = (share + weights) / 2
    divergence = (_kl(share, middle) + _kl(weights.expand_as(middle), middle)) / 2
    return torch.where(empty, torch.log(torch.tensor(2.0, dtype=share.dtype)), divergence)


def kl_floor(modes: int, n: int) -> float:
    r"""What :func:`mode_kl` gives a perfect sampler on average, to first order: :math:`(K - 1) / (2 n)`.

    The likelihood-ratio statistic :math:`2 n \mathrm{KL}(\hat q \| w)` is asymptotically :math:`\chi^2` with
    :math:`K - 1` degrees of freedom. No generator can be told from a perfect one below it.

    References:
        | Note on the bias of information estimates (Miller, 1955)

        | Estimation of Entropy and Mutual Information (Paninski, 2003)
        | https://doi.org/10.1162/089976603321780272

    Arguments:
        modes: The number of modes, :math:`K`.
        n: The number of samples in them.
    """
    return (modes - 1) / (2 * n)


def _histogram(counts: Tensor, weights: Tensor | None) -> tuple[Tensor, Tensor, Tensor]:
    modes = counts.shape[-1]
    weights = torch.full((modes,), 1 / modes, dtype=torch.float64) if weights is None else weights
    need(
        weights.shape == (modes,),
        f"weights has shape {tuple(weights.shape)}, expected ({modes},): one for each mode of counts",
    )
    total = counts.sum(dim=-1)
    share = counts.double() / total.clamp(min=1).unsqueeze(-1)
    return share, weights.to(share), total == 0


def _kl(p: Tensor, q: Tensor) -> Tensor:
    # xlogy(0, .) is 0; where p > 0 and q = 0, the logarithm is -inf and the divergence inf, as it should be.
    return (torch.xlogy(p, p) - torch.xlogy(p, q)).sum(dim=-1).clamp(min=0)
