"""Integrals on the line by composite Gauss-Legendre quadrature, many integrands at once."""

__all__ = ["Rule", "gauss_legendre", "in_chunks"]

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..core.errors import need


@dataclass(frozen=True)
class Rule:
    r"""Points and weights with :math:`\int f(x)\,dx \approx \sum_i w_i f(x_i)`.

    Arguments:
        nodes: The points :math:`x_i`, ascending, with shape `(n,)`.
        weights: The weights :math:`w_i`, with shape `(n,)`.
    """

    nodes: Tensor
    weights: Tensor

    def integrate(self, values: Tensor) -> Tensor:
        r"""The integrals, with shape :math:`(*)`, of integrands with `values` at the nodes, with shape `(*, n)`."""
        return (values * self.weights).sum(-1)

    def mass(self, log_p: Tensor) -> Tensor:
        r"""The mass :math:`\int p`, with shape :math:`(*)`: 1 where the rule reaches all of a density.

        Arguments:
            log_p: Log-densities at the nodes, with shape `(*, n)`.
        """
        return self.integrate(log_p.exp())


def gauss_legendre(
    low: float, high: float, panels: int = 64, order: int = 16, dtype: torch.dtype = torch.float64
) -> Rule:
    r"""Gauss-Legendre points on each of many equal panels.

    A panel integrates polynomials of degree :math:`2\,\mathrm{order} - 1` exactly. For mixtures of unit Gaussians,
    panels of half a standard deviation and the default order give the integrals of this package to rounding.

    Arguments:
        low: The lower end of the interval.
        high: The upper end of the interval.
        panels: How many equal panels divide the interval.
        order: How many points lie in each panel.
        dtype: The type of the points and weights.

    Raises:
        ModescopeError: If the interval is empty or unbounded, or `panels` or `order` is below 1.
    """
    need(math.isfinite(low) and math.isfinite(high), f"the interval is [{low}, {high}], expected finite ends")
    need(low < high, f"the interval is [{low}, {high}], expected low < high")
    need(panels >= 1, f"panels is {panels}, expected at least 1")
    need(order >= 1, f"order is {order}, expected at least 1")
    points, weights = np.polynomial.legendre.leggauss(order)
    edges = np.linspace(low, high, panels + 1)
    half, middle = np.diff(edges) / 2, (edges[1:] + edges[:-1]) / 2
    nodes = (middle[:, None] + half[:, None] * points).ravel()
    return Rule(torch.as_tensor(nodes, dtype=dtype), torch.as_tensor(np.outer(half, weights).ravel(), dtype=dtype))


def in_chunks(function: Callable[..., Any], *batches: Tensor, size: int = 512) -> Any:
    """Applies `function` to `size` rows at a time and joins what it returns, to bound the memory of a large map.

    Arguments:
        function: Maps tensors of shape `(rows, ...)` to a tensor, or a dict of tensors, of shape `(rows, ...)`.
        batches: Tensors with the same number of rows, at least one row.
        size: How many rows to take at once.

    Raises:
        ModescopeError: If the batches are empty, or differ in their number of rows.
    """
    rows = {len(batch) for batch in batches}
    need(len(rows) == 1 and min(rows) > 0, f"the batches have {sorted(rows)} rows, expected one number of rows above 0")
    parts = [function(*pieces) for pieces in zip(*(batch.split(size) for batch in batches), strict=True)]
    if isinstance(parts[0], dict):
        return {name: torch.cat([part[name] for part in parts]) for name in parts[0]}
    return torch.cat(parts)
