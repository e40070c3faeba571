r"""Which divergence a generator's loss descends while its critic stands still at the optimum.

The critic knows the ratio :math:`u = p / q` at the current generator, and is frozen. A generator that descends
:math:`\mathbb{E}_q[h(u)]` then moves along the gradient of :math:`D_f` with

.. math:: f''(u) = -h'(u) / u

because :math:`\partial_\theta D_f = \int \partial_\theta q\,(f - u f')` and :math:`(f - u f')' = -u f''`. So a change
of the loss that keeps the game's equilibrium may change the divergence, and with it whether modes are merged or pruned.
"""

__all__ = ["GENERATOR_LOSSES", "GeneratorLoss", "Gradients", "exact_loss", "generator_gradients", "weighted_losses"]

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.func import grad
from torch.nn.functional import softplus

from ..core.errors import nearest_name, need
from .f_divergences import F_DIVERGENCES, Integrand, f_divergence, weighted_js_divergence
from .quadrature import Rule

LogDensity = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class GeneratorLoss:
    r"""A generator's loss and the divergence that it descends.

    Arguments:
        formula: The loss as usually written, in plain text.
        h: The loss of one sample as a function of :math:`\log u`.
        descends: The function :math:`f` with :math:`f'' = -h' / u`, convex or not.
        meaning: What that is, in words.
    """

    formula: str
    h: Callable[[Tensor], Tensor]
    descends: Integrand
    meaning: str


@dataclass(frozen=True)
class Gradients:
    r"""Both sides of the identity, in the order (shift, scale), each with shape `(2,)`.

    Attributes:
        frozen: The gradient of the loss against the frozen critic.
        divergence: The gradient of :math:`D_f`.
    """

    frozen: Tensor
    divergence: Tensor

    @property
    def error(self) -> float:
        """The largest difference, relative to the larger side."""
        size = torch.maximum(self.frozen.abs().max(), self.divergence.abs().max())
        return float((self.frozen - self.divergence).abs().max() / size)


def generator_gradients(
    loss: GeneratorLoss, log_p: LogDensity, log_base: LogDensity, rule: Rule, shift: float, scale: float
) -> Gradients:
    r"""Computes both gradients at the generator :math:`x = \mathrm{shift} + \mathrm{scale} \cdot y`.

    The first runs through the samples, as in training: :math:`\partial_\theta \mathbb{E}_y[h(u(x_\theta(y)))]` with
    :math:`u` a fixed function of :math:`x`. The second differentiates :math:`D_f(p \| q_\theta)` as an integral over
    :math:`x`. They share no algebra.

    Arguments:
        loss: The generator's loss, a row of :data:`GENERATOR_LOSSES`.
        log_p: The log-density of the data.
        log_base: The log-density of :math:`y`.
        rule: A quadrature rule that reaches all of the data, of :math:`y`, and of the generator.
        shift: The generator's shift.
        scale: The generator's scale, above 0.

    Raises:
        ModescopeError: If `scale` is not positive, or the rule misses mass of the data or of the generator.
    """
    need(scale > 0, f"scale is {scale}, expected a number above 0")
    here = torch.tensor([shift, scale], dtype=rule.nodes.dtype)
    x, weights = rule.nodes, rule.weights

    def log_q(points: Tensor, theta: Tensor) -> Tensor:
        return log_base((points - theta[0]) / theta[1]) - theta[1].log()

    for name, log_density in (("the data", log_p(x)), ("y", log_base(x)), ("the generator", log_q(x, here))):
        mass = float(rule.mass(log_density))
        need(abs(mass - 1) < 1e-6, f"rule finds mass {mass:.6g} in {name}, expected 1: widen or refine it")

    def frozen(theta: Tensor) -> Tensor:
        sample = theta[0] + theta[1] * x
        return rule.integrate(log_base(x).exp() * loss.h(log_p(sample) - log_q(sample, here)))

    def divergence(theta: Tensor) -> Tensor:
        return f_divergence(loss.descends, log_p(x), log_q(x, theta), weights)

    return Gradients(grad(frozen)(here), grad(divergence)(here))


def exact_loss(name: str) -> GeneratorLoss:
    r"""The minimax generator loss of f-GAN, :math:`-\mathbb{E}_q f^*(f'(u))`, which descends :math:`D_f` itself.

    References:
        | f-GAN: Training Generative Neural Samplers using Variational Divergence Minimization (Nowozin et al., 2016)
        | https://arxiv.org/abs/1606.00709 (Equation 4)

    Arguments:
        name: A row of :data:`modescope.theory.F_DIVERGENCES` other than `total_variation`.

    Raises:
        ModescopeError: If the name is unknown, or the loss is a step, so that samples receive no gradient.
    """
    if name not in F_DIVERGENCES:
        raise nearest_name("f-divergence", name, F_DIVERGENCES)
    need(
        name != "total_variation",
        "name is 'total_variation', expected a divergence with a smooth f: its loss is a step",
    )
    row = F_DIVERGENCES[name]
    return GeneratorLoss(
        "−f*(f′(u))", lambda s: row.f(s) - s.exp() * row.slope(s), row, f"{name.replace('_', ' ')}, exact"
    )


def weighted_losses(pi: float) -> dict[str, GeneratorLoss]:
    r"""The saturating and the non-saturating loss against the critic :math:`D = \pi p / (\pi p + (1 - \pi) q)`.

    With :math:`c = (1 - \pi) / \pi` the non-saturating loss is :math:`\log(1 + c / u)`, so
    :math:`f'' = c / (u^2 (u + c))`: the reverse divergence for :math:`\pi \to 0`, where the saturating loss has the
    forward one.

    Arguments:
        pi: The weight of the data, in (0, 1).

    Raises:
        ModescopeError: If `pi` is not in (0, 1).
    """
    jensen_shannon = weighted_js_divergence(pi)
    log_pi, log_rest = math.log(pi), math.log1p(-pi)

    def saturating(s: Tensor) -> Tensor:
        return (1 - pi) * -softplus(s + log_pi - log_rest)

    def non_saturating(s: Tensor) -> Tensor:
        return softplus(log_rest - log_pi - s)

    softened = _softened_reverse_kl(log_rest - log_pi)
    return {
        "saturating": GeneratorLoss("(1 − π) log(1 − D)", saturating, jensen_shannon, "JS_π, exact"),
        "non_saturating": GeneratorLoss("−log D", non_saturating, softened, "KL(m‖p) / (1 − π)"),
    }


def _softened_reverse_kl(log_c: float) -> Integrand:
    r""":math:`f(u) = (1 + u / c) \log((u + c) / u)`, whose divergence is KL(m‖p) / (1 - π) up to a constant."""
    c = math.exp(log_c)
    return Integrand(
        formula="(1 + u / c) log((u + c) / u)",
        f=lambda s: (1 + s.exp() / c) * softplus(log_c - s),
        mirror=lambda s: (s.exp() + 1 / c) * softplus(log_c + s),
        curvature=lambda s: (-2 * s - softplus(s - log_c)).exp(),
    )


PLUG_IN = Integrand(
    formula="−½ u log² u",
    f=lambda s: -s.exp() * s.square() / 2,
    mirror=lambda s: -s.square() / 2,
    curvature=lambda s: -(1 + s) * (-s).exp(),
)

GENERATOR_LOSSES: dict[str, GeneratorLoss] = {
    "saturating": GeneratorLoss("log(1 − D)", lambda s: -softplus(s), F_DIVERGENCES["gan"], "2 JS, exact"),
    "non_saturating": GeneratorLoss("−log D", lambda s: softplus(-s), _softened_reverse_kl(0), "2 KL(m‖p)"),
    "minus_logit": GeneratorLoss("−s", lambda s: -s, F_DIVERGENCES["reverse_kl"], "KL(q‖p), exact"),
    "minus_ratio": GeneratorLoss("−exp(s)", lambda s: -s.exp(), F_DIVERGENCES["kl"], "KL(p‖q), exact"),
    "plug_in_kl": GeneratorLoss("u log u", lambda s: s.exp() * s, PLUG_IN, "not a divergence: f″ < 0 for u > 1/e"),
}
