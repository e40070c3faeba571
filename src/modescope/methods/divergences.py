r"""The f-divergences :math:`D_f(p \| q) = \int q\, f(p / q)` as games: what a critic and a generator need of each.

A row is a handful of functions in closed form, so that no intermediate overflows, over a score :math:`v` or over the
log-ratio :math:`s = \log u` with :math:`u = p / q`.
"""

__all__ = ["Divergence", "Name", "check_row", "row_of"]

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, get_args

import torch
from torch import Tensor
from torch.nn.functional import softplus

from ..core.errors import nearest_name, need
from ..theory.f_divergences import F_DIVERGENCES

Name = Literal[
    "kl",
    "reverse-kl",
    "pearson",
    "neyman",
    "squared-hellinger",
    "jeffrey",
    "js",
    "weighted-js",
    "gan",
    "alpha",
    "tv",
]
Function = Callable[[Tensor], Tensor]
LOG2 = math.log(2)
MOST = 80.0  # exp of this is a float32 number, with room for a sum over a batch
NEWTON = 7  # steps after which Jeffrey's equation is solved to rounding, whatever the score


@dataclass(frozen=True, kw_only=True)
class Divergence:
    r"""A row of the table; every function maps :math:`(*)` to :math:`(*)`.

    Arguments:
        f: :math:`f(u)` as a function of :math:`\log u`.
        exact: :math:`f(u) - u f'(u) = -f^*(f'(u))` as a function of :math:`\log u`: a generator that descends its mean
            over fakes, :math:`u` held, descends :math:`D_f`.
        activation: :math:`g_f(v)`, from a score to the domain of the conjugate :math:`f^*`.
        conjugate: :math:`f^*(g_f(v))`.
        best: The score with :math:`g_f(v) = f'(u)`, as a function of :math:`\log u`.
        explodes: Whether :math:`g_f` or :math:`f^* \circ g_f` grows exponentially for low and for high scores.
    """

    f: Function
    exact: Function
    activation: Function
    conjugate: Function
    best: Function
    explodes: tuple[bool, bool] = (False, False)

    def held(self, v: Tensor, clip: float) -> Tensor:
        r"""The scores, bent to stay within what is best at :math:`|\log u| \le c` on the sides that explode.

        The bend is smooth, so that a critic just beyond it still receives a gradient.

        Arguments:
            v: The scores.
            clip: The bound :math:`c`.
        """
        reach = torch.zeros_like(v) + clip
        bottom, top = self.best(-reach), self.best(reach)
        match self.explodes:
            case (True, True):  # one curve, written twice, so that large numbers never cancel
                left = bottom + softplus(v - bottom) - softplus(v - top)
                right = top + softplus(bottom - v) - softplus(top - v)
                return torch.where(v < 0, left, right)
            case (True, False):
                return bottom + softplus(v - bottom)
            case (False, True):
                return top - softplus(top - v)
        return v


def row_of(name: Name, pi: float, power: float) -> Divergence:
    r"""The row of a divergence.

    Arguments:
        name: Its name.
        pi: The weight of the data in ``weighted-js``.
        power: The order of ``alpha``.
    """
    match name:
        case "weighted-js":
            return weighted_js(pi)
        case "alpha":
            return alpha_family(power)
    return ROWS[name]


def check_row(name: str, pi: float, power: float, clip: float) -> None:
    """Raises a `ModescopeError` unless there is such a row, and it overflows nowhere within `clip`."""
    if name not in get_args(Name):
        raise nearest_name("divergence", name, get_args(Name))
    need(0 < pi < 1, f"pi is {pi}, expected a number strictly between 0 and 1")
    good = math.isfinite(power) and power not in (0, 1)
    need(good, f"power is {power}, expected a finite number other than 0 (reverse-kl) and 1 (kl)")
    highest = max(abs(power), abs(power - 1), 2.0) if name == "alpha" else 2.0  # power of the ratio in any row
    need(
        0 < clip <= MOST / highest,
        f"clip is {clip}, expected more than 0 and at most {MOST / highest:.3g}, or powers of the ratio overflow",
    )


def weighted_js(pi: float) -> Divergence:
    r"""The row of :math:`\mathrm{JS}_\pi`, whose score is the logit of :math:`\pi p / m`; `pi` may be a tensor."""

    def weights(x: Tensor) -> tuple[Tensor, Tensor]:
        """The logarithms of both weights; as tensors like `x`, since a number has no method ``log``."""
        own = torch.zeros_like(x) + pi
        return own.log(), torch.log1p(-own)

    def log_m(s: Tensor) -> Tensor:
        """The logarithm of m / q."""
        log_pi, log_rest = weights(s)
        return torch.logaddexp(log_pi + s, log_rest)

    return Divergence(
        f=lambda s: pi * s.exp() * s - log_m(s).exp() * log_m(s),
        exact=lambda s: -(1 - pi) * log_m(s),
        activation=lambda v: -pi * (weights(v)[0] + softplus(-v)),
        conjugate=lambda v: (1 - pi) * (weights(v)[1] + softplus(v)),
        best=lambda s: s + weights(s)[0] - weights(s)[1],
    )


def alpha_family(alpha: float) -> Divergence:
    r"""The row of the :math:`\alpha`-divergence, whose score is :math:`\log u`; `alpha` may be a tensor."""
    return Divergence(
        f=lambda s: (torch.expm1(alpha * s) - alpha * torch.expm1(s)) / (alpha * (alpha - 1)),
        exact=lambda s: -torch.expm1(alpha * s) / alpha,
        activation=lambda v: torch.expm1((alpha - 1) * v) / (alpha - 1),
        conjugate=lambda v: torch.expm1(alpha * v) / alpha,
        best=lambda s: s,
        explodes=(True, True),
    )


def jeffrey_log_ratio(v: Tensor) -> Tensor:
    r"""The :math:`s` at which :math:`s + 1 - e^{-s} = v`, by Newton's method, differentiable.

    With :math:`y = -s` and :math:`x = 1 - v` it is the root of :math:`e^y + y = x`, so :math:`e^y` is Lambert's
    function of :math:`e^x`. Newton's steps for this convex function fall to the root from any start above it.
    """
    x = 1 - v
    y = torch.where(x > 1, x.clamp(min=1).log(), x)
    for _ in range(NEWTON):
        power = y.exp()
        y = y - (power + y - x) / (power + 1)
    return -y


def jeffrey_conjugate(v: Tensor) -> Tensor:
    """The conjugate u + log u - 1 at the ratio that belongs to a score."""
    s = jeffrey_log_ratio(v)
    return s.exp() + s - 1


ROWS: dict[str, Divergence] = {
    "kl": Divergence(
        f=F_DIVERGENCES["kl"].f,
        exact=lambda s: -s.exp(),
        activation=lambda v: v,
        conjugate=lambda v: (v - 1).exp(),
        best=lambda s: s + 1,
        explodes=(False, True),
    ),
    "reverse-kl": Divergence(
        f=F_DIVERGENCES["reverse_kl"].f,
        exact=lambda s: 1 - s,
        activation=lambda v: -(-v).exp(),
        conjugate=lambda v: v - 1,
        best=lambda s: s,
        explodes=(True, False),
    ),
    "pearson": Divergence(
        f=F_DIVERGENCES["pearson"].f,
        exact=lambda s: -torch.expm1(2 * s),
        activation=lambda v: v,
        conjugate=lambda v: torch.where(v < -2, -1, v.square() / 4 + v),
        best=lambda s: 2 * torch.expm1(s),
    ),
    "neyman": Divergence(
        f=F_DIVERGENCES["neyman"].f,
        exact=lambda s: 2 * torch.expm1(-s),
        activation=lambda v: -torch.expm1(-v),
        conjugate=lambda v: -2 * torch.expm1(-v / 2),
        best=lambda s: 2 * s,
        explodes=(True, False),
    ),
    "squared-hellinger": Divergence(
        f=F_DIVERGENCES["squared_hellinger"].f,
        exact=lambda s: -torch.expm1(s / 2),
        activation=lambda v: -torch.expm1(-v),
        conjugate=lambda v: torch.expm1(v),
        best=lambda s: s / 2,
        explodes=(True, True),
    ),
    "jeffrey": Divergence(
        f=F_DIVERGENCES["jeffrey"].f,
        exact=lambda s: 1 - s - s.exp(),
        activation=lambda v: v,
        conjugate=jeffrey_conjugate,
        best=lambda s: s - torch.expm1(-s),
        explodes=(False, True),
    ),
    "js": Divergence(  # twice JS
        f=F_DIVERGENCES["jensen_shannon"].f,
        exact=lambda s: LOG2 - softplus(s),
        activation=lambda v: LOG2 - softplus(-v),
        conjugate=lambda v: softplus(v) - LOG2,
        best=lambda s: s,
    ),
    "gan": Divergence(  # twice JS, less log 4
        f=F_DIVERGENCES["gan"].f,
        exact=lambda s: -softplus(s),
        activation=lambda v: -softplus(-v),
        conjugate=lambda v: softplus(v),
        best=lambda s: s,
    ),
    "tv": Divergence(
        f=F_DIVERGENCES["total_variation"].f,
        exact=lambda s: -s.sign() / 2,
        activation=lambda v: v.tanh() / 2,
        conjugate=lambda v: v.tanh() / 2,
        best=lambda s: s.sign() * math.inf,
    ),
}
