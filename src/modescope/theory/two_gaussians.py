r"""The smallest case of merging and pruning: two Gaussians fit two Gaussians.

The data is :math:`p = \frac12 \mathcal{N}(-3, 1) + \frac12 \mathcal{N}(3, 1)`, the generator
:math:`q = \frac12 \mathcal{N}(\theta_1, 1) + \frac12 \mathcal{N}(\theta_2, 1)`. Merged, it puts both components at 0,
between the modes; pruned, both on one mode. A divergence prefers covering if pruning costs it more than merging.
"""

__all__ = [
    "DATA",
    "MERGED",
    "PRUNED",
    "RULE",
    "Preference",
    "Rest",
    "divergence_map",
    "flip_weight",
    "js_at",
    "log_model",
    "preference",
    "rest_point",
    "trap_weight",
]

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import torch
from scipy.optimize import brentq, minimize
from torch import Tensor
from torch.func import grad, jacrev

from ..core.errors import need
from .densities import log_normal_mixture
from .divergences import kl, mixture_kl, reverse_kl, weighted_js
from .quadrature import gauss_legendre, in_chunks

Divergence = Callable[[Tensor, Tensor, Tensor], Tensor]

DATA = (-3.0, 3.0)
MERGED = (0.0, 0.0)
PRUNED = (3.0, 3.0)
RULE = gauss_legendre(-16, 16)


@dataclass(frozen=True)
class Preference:
    """What pruning costs over what merging costs: above 1 a divergence prefers to cover, below 1 to drop a mode.

    Attributes:
        saturating: The ratio of the weighted Jensen-Shannon divergence, with the shape of the weights.
        non_saturating: The ratio of what the non-saturating loss descends against the same critic, of the same shape.
        kl: The ratio of the KL divergence.
        reverse_kl: The ratio of the reverse KL divergence.
    """

    saturating: Tensor
    non_saturating: Tensor
    kl: float
    reverse_kl: float


@dataclass(frozen=True)
class Rest:
    """Where descent comes to rest.

    Attributes:
        theta: The two means.
        value: The divergence there.
        curvatures: The eigenvalues of its Hessian, ascending; both positive at a minimum.
    """

    theta: tuple[float, float]
    value: float
    curvatures: tuple[float, float]


def js_at(pi: float) -> Divergence:
    r"""The weighted Jensen-Shannon divergence at one weight, a function of log-densities and quadrature weights."""
    return lambda log_p, log_q, weights: weighted_js(log_p, log_q, pi, weights)


def log_model(theta: Tensor | tuple[float, float]) -> Tensor:
    """The log-density, with shape `(*, n)` at the nodes of the rule, of the generator with means `(*, 2)`."""
    return log_normal_mixture(RULE.nodes, torch.as_tensor(theta, dtype=torch.float64))


def divergence_map(axis: Tensor, divergences: dict[str, Divergence]) -> dict[str, Tensor]:
    r"""Evaluates divergences on a square of generators.

    Arguments:
        axis: The values of :math:`\theta_1`, and of :math:`\theta_2`, with shape `(T,)`.
        divergences: Functions of the log-densities of data and generator and the quadrature weights, by name.

    Returns:
        Each divergence with shape `(T, T)`, :math:`\theta_1` along the last dimension, and under the name ``mass`` the
        generator's mass that the quadrature finds.

    Raises:
        ModescopeError: If the axis leaves [-8, 8], where the quadrature would miss mass.
    """
    need(float(axis.abs().max()) <= 8, f"axis reaches {float(axis.abs().max())}, expected values in [-8, 8]")
    log_p = log_model(DATA)

    def values(theta: Tensor) -> dict[str, Tensor]:
        log_q = log_model(theta)
        found = {name: divergence(log_p, log_q, RULE.weights) for name, divergence in divergences.items()}
        return {**found, "mass": RULE.mass(log_q)}

    # The two components may swap, so the upper triangle is enough.
    row, column = torch.triu_indices(len(axis), len(axis))
    upper = in_chunks(values, torch.stack([axis.double()[row], axis.double()[column]], dim=-1))
    square = torch.empty(len(axis), len(axis), dtype=torch.long)
    square[row, column] = square[column, row] = torch.arange(len(row))
    return {name: value[square] for name, value in upper.items()}


def preference(pi: Tensor) -> Preference:
    r"""Compares pruning with merging at the weights `pi`, with shape :math:`(*)`.

    Raises:
        ModescopeError: If a weight is not in (0, 1).
    """
    log_p, pruned, merged, weights = log_model(DATA), log_model(PRUNED), log_model(MERGED), RULE.weights
    pi = pi.double()
    return Preference(
        saturating=weighted_js(log_p, pruned, pi, weights) / weighted_js(log_p, merged, pi, weights),
        non_saturating=mixture_kl(log_p, pruned, pi, weights) / mixture_kl(log_p, merged, pi, weights),
        kl=float(kl(log_p, pruned, weights) / kl(log_p, merged, weights)),
        reverse_kl=float(reverse_kl(log_p, pruned, weights) / reverse_kl(log_p, merged, weights)),
    )


@cache
def flip_weight() -> float:
    r"""The weight :math:`\pi` at which the weighted Jensen-Shannon divergence costs the same pruned and merged."""

    def excess(log_pi: float) -> float:
        return float(preference(torch.tensor(math.exp(log_pi))).saturating) - 1

    return math.exp(brentq(excess, math.log(1e-9), math.log(0.5), xtol=1e-12))


def rest_point(divergence: Divergence, start: tuple[float, float]) -> Rest:
    """Descends a divergence over the two means (BFGS on exact gradients) and looks at the curvature of the end.

    Arguments:
        divergence: A function of the log-densities of data and generator and the quadrature weights.
        start: The means to start from; nudge them apart, since equal means receive equal gradients and stay equal.
    """
    log_p = log_model(DATA)
    origin = torch.tensor(start, dtype=torch.float64)

    def cost(theta: Tensor) -> Tensor:
        return divergence(log_p, log_model(theta), RULE.weights)

    unit = float(cost(origin))  # a raw weighted divergence may be of order 1e-6, below any absolute tolerance
    found = minimize(
        lambda theta: float(cost(torch.from_numpy(theta))) / unit,
        start,
        jac=lambda theta: (grad(cost)(torch.from_numpy(theta)) / unit).numpy(),
        method="BFGS",
        options={"gtol": 1e-9},
    )
    end = torch.from_numpy(found.x)
    low, high = torch.linalg.eigvalsh(jacrev(grad(cost))(end)).tolist()
    return Rest((float(end[0]), float(end[1])), float(cost(end)), (low, high))


@cache
def trap_weight() -> float:
    r"""The weight :math:`\pi` below which a pruned generator no longer rests, and so finds its way to the lost mode.

    Follows the local minimum near (3, 3) from :math:`\pi = 1/2` down to where it disappears.
    """
    held, lost, start = 0.5, 1e-3, (3.2, 2.8)
    while held / lost > 1.001:
        pi = math.sqrt(held * lost)
        rest = rest_point(js_at(pi), start)
        if min(rest.theta) > 0:
            held, start = pi, rest.theta
        else:
            lost = pi
    return held
