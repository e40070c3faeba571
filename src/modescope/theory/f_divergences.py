r"""The f-divergences :math:`D_f(p \| q) = \int q\, f(p / q)` in closed form.

Every function of a ratio takes its logarithm :math:`s = \log u`, the logit of the optimal balanced critic, so that no
ratio overflows. Each row holds :math:`f`, its mirror image :math:`f^\circ(u) = u f(1 / u)`, with which
:math:`D_f(p \| q) = \int p\, f^\circ(q / p)`, the slope :math:`f'`, the curvature :math:`f''`, and the convex conjugate
:math:`f^*(t) = \sup_u \{ut - f(u)\}` on its domain. They obey :math:`f^*(f'(u)) = u f'(u) - f(u)`.
"""

__all__ = ["F_DIVERGENCES", "FDivergence", "Integrand", "alpha_divergence", "f_divergence", "weighted_js_divergence"]

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from scipy.special import wrightomega
from torch import Tensor
from torch.nn.functional import softplus

from ..core.errors import nearest_name, need
from .divergences import log_ratio

Function = Callable[[Tensor], Tensor]
LOG2 = math.log(2)


@dataclass(frozen=True, kw_only=True)
class Integrand:
    r"""What :math:`D_f` integrates; all functions map :math:`(*)` to :math:`(*)`.

    Arguments:
        formula: :math:`f(u)` as plain text.
        f: :math:`f` as a function of :math:`\log u`.
        mirror: :math:`f^\circ(u) = u f(1 / u)` as a function of :math:`\log u`.
        curvature: :math:`f''` as a function of :math:`\log u`.
    """

    formula: str
    f: Function
    mirror: Function
    curvature: Function


@dataclass(frozen=True, kw_only=True)
class FDivergence(Integrand):
    r"""A row of the table: a convex :math:`f` with its slope and conjugate.

    Arguments:
        slope: :math:`f'` as a function of :math:`\log u`.
        star: The formula of :math:`f^*(t)` inside its domain.
        domain: The ends of the domain of :math:`f^*`, outside of which it is infinite.
    """

    slope: Function
    star: Function
    domain: tuple[float, float] = (-math.inf, math.inf)

    def conjugate(self, t: Tensor) -> Tensor:
        """The convex conjugate, infinite outside its domain."""
        low, high = self.domain
        return torch.where((t >= low) & (t <= high), self.star(t.clamp(low, high)), math.inf)


def f_divergence(divergence: str | Integrand, log_p: Tensor, log_q: Tensor, weights: Tensor | None = None) -> Tensor:
    r"""The divergence :math:`\int q\, f(p / q)`, by :math:`f` where :math:`p \le q` and by its mirror image elsewhere.

    References:
        | f-GAN: Training Generative Neural Samplers using Variational Divergence Minimization (Nowozin et al., 2016)
        | https://arxiv.org/abs/1606.00709 (Table 1)

    Arguments:
        divergence: The name of a row of :data:`F_DIVERGENCES`, or an integrand itself.
        log_p: Log-densities of the data, with shape `(*, n)`.
        log_q: Log-densities of the generator, with shape `(*, n)`.
        weights: The quadrature weights, with shape `(n,)`; without them the measure counts.

    Returns:
        The divergences in nats, with shape :math:`(*)`.

    Raises:
        ModescopeError: If the name is unknown.
    """
    row = _row(divergence)
    ratio = log_ratio(log_p, log_q)
    below, above = ratio.clamp(max=0), (-ratio).clamp(max=0)
    p, q = log_p.exp(), log_q.exp()
    values = torch.where(
        ratio <= 0, q * row.f(below).masked_fill(q == 0, 0), p * row.mirror(above).masked_fill(p == 0, 0)
    )
    return values.sum(-1) if weights is None else (values * weights).sum(-1)


def weighted_js_divergence(pi: float) -> FDivergence:
    r"""The row of :math:`\mathrm{JS}_\pi`, exactly :func:`modescope.theory.weighted_js`.

    Arguments:
        pi: The weight of the data, in (0, 1).

    Raises:
        ModescopeError: If `pi` is not in (0, 1).
    """
    need(0 < pi < 1, f"pi is {pi}, expected a number strictly between 0 and 1")
    log_pi, log_rest = math.log(pi), math.log1p(-pi)

    def log_m(s: Tensor, log_a: float = log_pi, log_b: float = log_rest) -> Tensor:
        return torch.logaddexp(log_a + s, torch.full_like(s, log_b))

    def mirror(s: Tensor) -> Tensor:
        m = log_m(s, log_rest, log_pi)
        return (1 - pi) * _times(s, s) - m.exp() * m

    return FDivergence(
        formula="π u log u − (1 − π + π u) log(1 − π + π u)",
        f=lambda s: pi * _times(s, s) - log_m(s).exp() * log_m(s),
        mirror=mirror,
        slope=lambda s: pi * (s - log_m(s)),
        curvature=lambda s: pi * (1 - pi) * (-s - log_m(s)).exp(),
        star=lambda t: (1 - pi) * (log_rest - torch.log(-torch.expm1(log_pi + t / pi))),
        domain=(-math.inf, -pi * log_pi),
    )


def alpha_divergence(alpha: float) -> FDivergence:
    r"""The row of the :math:`\alpha`-divergence: near the forward KL for :math:`\alpha \to 1`, the reverse for 0.

    Arguments:
        alpha: Any number but 0 and 1, which are the rows `reverse_kl` and `kl`.

    Raises:
        ModescopeError: If `alpha` is 0 or 1, or not finite.
    """
    need(math.isfinite(alpha) and alpha not in (0, 1), f"alpha is {alpha}, expected a finite number other than 0 and 1")
    scale, end = alpha * (alpha - 1), 1 / (1 - alpha)

    def f(s: Tensor, order: float = alpha) -> Tensor:
        return (torch.expm1(order * s) - order * torch.expm1(s)) / scale

    def star(t: Tensor) -> Tensor:
        return ((1 + t * (alpha - 1)).clamp(min=0) ** (alpha / (alpha - 1)) - 1) / alpha

    return FDivergence(
        formula="(u^α − 1 − α(u − 1)) / (α(α − 1))",
        f=f,
        mirror=lambda s: f(s, 1 - alpha),
        slope=lambda s: torch.expm1((alpha - 1) * s) / (alpha - 1),
        curvature=lambda s: ((alpha - 2) * s).exp(),
        star=star,
        domain=(-math.inf, math.inf if alpha > 1 else end),
    )


def _row(divergence: str | Integrand) -> Integrand:
    if isinstance(divergence, Integrand):
        return divergence
    if divergence not in F_DIVERGENCES:
        raise nearest_name("f-divergence", divergence, F_DIVERGENCES)
    return F_DIVERGENCES[divergence]


def _times(s: Tensor, value: Tensor) -> Tensor:
    """The product of u and a value that grows slower than 1 / u, so that it is 0 at u = 0."""
    u = s.exp()
    return u * value.masked_fill(u == 0, 0)


def _jensen_shannon(s: Tensor, shift: float) -> Tensor:
    r""":math:`u \log u - (u + 1) (\log(u + 1) - \mathrm{shift})`, its own mirror image."""
    return _times(s, s) - (s.exp() + 1) * (softplus(s) - shift)


def _jeffrey_star(t: Tensor) -> Tensor:
    """With W + log W = 1 - t: Lambert's function of exp(1 - t), which Wright's omega gives without overflow."""
    w = torch.as_tensor(wrightomega((1 - t).detach().cpu().numpy()), dtype=t.dtype, device=t.device)
    return w + 1 / w + t - 2


def _variation(s: Tensor) -> Tensor:
    return torch.expm1(s).abs() / 2


F_DIVERGENCES: dict[str, FDivergence] = {
    "kl": FDivergence(
        formula="u log u",
        f=lambda s: _times(s, s),
        mirror=lambda s: -s,
        slope=lambda s: s + 1,
        curvature=lambda s: (-s).exp(),
        star=lambda t: (t - 1).exp(),
    ),
    "reverse_kl": FDivergence(
        formula="−log u",
        f=lambda s: -s,
        mirror=lambda s: _times(s, s),
        slope=lambda s: -(-s).exp(),
        curvature=lambda s: (-2 * s).exp(),
        star=lambda t: -1 - (-t).log(),
        domain=(-math.inf, 0),
    ),
    "pearson": FDivergence(
        formula="(u − 1)²",
        f=lambda s: torch.expm1(s).square(),
        mirror=lambda s: torch.expm1(s) * -torch.expm1(-s),
        slope=lambda s: 2 * torch.expm1(s),
        curvature=lambda s: torch.full_like(s, 2),
        star=lambda t: torch.where(t < -2, -1, t.square() / 4 + t),
    ),
    "neyman": FDivergence(
        formula="(1 − u)² / u",
        f=lambda s: torch.expm1(s) * -torch.expm1(-s),
        mirror=lambda s: torch.expm1(s).square(),
        slope=lambda s: -torch.expm1(-2 * s),
        curvature=lambda s: 2 * (-3 * s).exp(),
        star=lambda t: 2 - 2 * (1 - t).sqrt(),
        domain=(-math.inf, 1),
    ),
    "squared_hellinger": FDivergence(
        formula="(√u − 1)²",
        f=lambda s: torch.expm1(s / 2).square(),
        mirror=lambda s: torch.expm1(s / 2).square(),
        slope=lambda s: -torch.expm1(-s / 2),
        curvature=lambda s: (-1.5 * s).exp() / 2,
        star=lambda t: t / (1 - t),
        domain=(-math.inf, 1),
    ),
    "jeffrey": FDivergence(
        formula="(u − 1) log u",
        f=lambda s: _times(s, s) - s,
        mirror=lambda s: _times(s, s) - s,
        slope=lambda s: s - torch.expm1(-s),
        curvature=lambda s: (-s).exp() + (-2 * s).exp(),
        star=_jeffrey_star,
    ),
    "jensen_shannon": FDivergence(  # twice JS
        formula="u log u − (u + 1) log((u + 1) / 2)",
        f=lambda s: _jensen_shannon(s, LOG2),
        mirror=lambda s: _jensen_shannon(s, LOG2),
        slope=lambda s: LOG2 - softplus(-s),
        curvature=lambda s: (-s - softplus(s)).exp(),
        star=lambda t: -(-torch.expm1(t - LOG2)).log() - LOG2,
        domain=(-math.inf, LOG2),
    ),
    "gan": FDivergence(  # twice JS, less log 4
        formula="u log u − (u + 1) log(u + 1)",
        f=lambda s: _jensen_shannon(s, 0),
        mirror=lambda s: _jensen_shannon(s, 0),
        slope=lambda s: -softplus(-s),
        curvature=lambda s: (-s - softplus(s)).exp(),
        star=lambda t: -(-torch.expm1(t)).log(),
        domain=(-math.inf, 0),
    ),
    "total_variation": FDivergence(
        formula="|u − 1| / 2",
        f=_variation,
        mirror=_variation,
        slope=lambda s: s.sign() / 2,
        curvature=lambda s: torch.where(s == 0, math.inf, torch.zeros_like(s)),
        star=lambda t: t,
        domain=(-0.5, 0.5),
    ),
}
