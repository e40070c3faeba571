"""Log-densities on the line."""

__all__ = ["log_normal_mixture"]

import math

import torch
from torch import Tensor


def log_normal_mixture(x: Tensor, means: Tensor, scale: float = 1.0) -> Tensor:
    r"""The log-density of :math:`\frac{1}{K} \sum_k \mathcal{N}(\mu_k, \sigma^2)`.

    Arguments:
        x: The points, with shape `(n,)`.
        means: The means :math:`\mu_k`, with shape `(*, K)`.
        scale: The standard deviation :math:`\sigma` of every component.

    Returns:
        The log-densities, with shape `(*, n)`.
    """
    score = (x - means.unsqueeze(-1)) / scale
    normaliser = math.log(means.shape[-1] * scale) + math.log(2 * math.pi) / 2
    return torch.logsumexp(-score.square() / 2, dim=-2) - normaliser
