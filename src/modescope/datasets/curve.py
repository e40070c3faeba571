r"""The density of points on a curve, blurred by Gaussian noise."""

__all__ = ["Nodes", "curve_log_prob", "gauss_legendre"]

import math
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

# An eight-point panel of three standard deviations integrates a Gaussian to nine digits.
PANEL_NODES = 8
PANEL_WIDTH = 3.0
CHUNK = 2**22


class Nodes(NamedTuple):
    """Points on a curve and the logarithms of their masses, with shapes `(Q, D)` and `(Q,)`, in float64."""

    points: Tensor
    log_mass: Tensor


def gauss_legendre(low: float, high: float, length: float, sigma: float) -> tuple[Tensor, Tensor]:
    r"""Nodes and weights of the composite Gauss-Legendre rule on an interval, for a curve blurred by `sigma`.

    Arguments:
        low: The start of the interval.
        high: The end of the interval.
        length: An upper bound of the length of the curve, in the units of `sigma`.
        sigma: The standard deviation of the noise; a panel spans at most three of it.

    Returns:
        The nodes and their weights, which sum to 1, each with shape `(Q,)` and in float64.
    """
    panels = max(4, math.ceil(length / (PANEL_WIDTH * sigma)))
    node, weight = map(torch.from_numpy, np.polynomial.legendre.leggauss(PANEL_NODES))
    edges = torch.linspace(low, high, panels + 1, dtype=torch.float64)
    nodes = edges[:-1, None] + (high - low) / panels * (node + 1) / 2
    return nodes.reshape(-1), (weight / (2 * panels)).repeat(panels)


def curve_log_prob(x: Tensor, nodes: Nodes, sigma: float) -> Tensor:
    r"""The log-density :math:`\log \sum_q w_q \, \mathcal{N}(x; c_q, \sigma^2 I)`.

    It is computed in float64 and in pieces, so that any number of samples fits in memory. For a curve whose nodes come
    from :func:`gauss_legendre` it is right to about 1e-8 wherever it is above -100, and to a thousandth of its value
    below, where the integrand falls faster than a panel resolves.

    Arguments:
        x: Where, with shape :math:`(*, D)`.
        nodes: The points of the curve and their log-masses.
        sigma: The standard deviation of the noise.

    Returns:
        The log-density, with shape :math:`(*)` and the dtype of `x`.
    """
    points, log_mass = (tensor.to(x.device) for tensor in nodes)
    dim = points.shape[-1]
    constant = log_mass - points.square().sum(dim=-1) / (2 * sigma**2) - dim / 2 * math.log(2 * math.pi * sigma**2)
    rows = x.reshape(-1, dim).double()
    pieces = [
        (constant + piece @ points.mT / sigma**2).logsumexp(dim=-1) - piece.square().sum(dim=-1) / (2 * sigma**2)
        for piece in rows.split(max(1, CHUNK // len(points)))
    ]
    return torch.cat(pieces).view(x.shape[:-1]).to(x.dtype)
