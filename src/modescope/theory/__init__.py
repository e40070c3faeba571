"""Divergences by quadrature, and what the papers state about them, as numbers."""

from .densities import log_normal_mixture
from .divergences import game_value, js, kl, log_ratio, mixture_kl, reverse_kl, weighted_js
from .f_divergences import (
    F_DIVERGENCES,
    FDivergence,
    Integrand,
    alpha_divergence,
    f_divergence,
    weighted_js_divergence,
)
from .generator_losses import (
    GENERATOR_LOSSES,
    GeneratorLoss,
    Gradients,
    exact_loss,
    generator_gradients,
    weighted_losses,
)
from .propositions import numeric_critic, optimal_logit, proposition_1, proposition_3, theorem_2
from .quadrature import Rule, gauss_legendre, in_chunks
from .statement import Statement
from .two_gaussians import Preference, Rest, divergence_map, flip_weight, preference, rest_point, trap_weight

__all__ = [
    "F_DIVERGENCES",
    "GENERATOR_LOSSES",
    "FDivergence",
    "GeneratorLoss",
    "Gradients",
    "Integrand",
    "Preference",
    "Rest",
    "Rule",
    "Statement",
    "alpha_divergence",
    "divergence_map",
    "exact_loss",
    "f_divergence",
    "flip_weight",
    "game_value",
    "gauss_legendre",
    "generator_gradients",
    "in_chunks",
    "js",
    "kl",
    "log_normal_mixture",
    "log_ratio",
    "mixture_kl",
    "numeric_critic",
    "optimal_logit",
    "preference",
    "proposition_1",
    "proposition_3",
    "rest_point",
    "reverse_kl",
    "theorem_2",
    "trap_weight",
    "weighted_js",
    "weighted_js_divergence",
    "weighted_losses",
]
