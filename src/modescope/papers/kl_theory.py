"""Figure 1 and the propositions of "GANs Optimizing KL Divergence Gain Resistance To Mode Collapse"."""

__all__ = ["figure1", "propositions"]

from collections.abc import Mapping
from pathlib import Path

import torch
from scipy.stats import spearmanr
from torch import Tensor

from ..theory import (
    GENERATOR_LOSSES,
    Statement,
    divergence_map,
    exact_loss,
    flip_weight,
    gauss_legendre,
    generator_gradients,
    js,
    kl,
    log_normal_mixture,
    preference,
    proposition_1,
    proposition_3,
    rest_point,
    reverse_kl,
    theorem_2,
    trap_weight,
    weighted_losses,
)
from ..theory.statement import plain
from ..theory.two_gaussians import DATA, Divergence, js_at, log_model
from . import kl_theory_figures as draw
from .page import Figure, Heading, Paragraph, Section, Statements, Table, write_page
from .record import Reproduction, write_record

PAPER = "GANs Optimizing KL Divergence Gain Resistance To Mode Collapse"
TINY, HALF, NEARLY_ONE = 1e-6, 0.5, 0.999999
LISTED = (TINY, 1e-4, 0.01, 0.1, 0.33, 0.5, 0.9, NEARLY_ONE)

PANELS: dict[str, Divergence] = {
    "KL(p‖q)": kl,
    "KL(q‖p)": reverse_kl,
    "JSD": js,
    "JSD, π = 0.000001": js_at(TINY),
    "JSD, π = 0.5": js_at(HALF),
    "JSD, π = 0.999999": js_at(NEARLY_ONE),
}
FORWARD, REVERSE, BALANCED, AT_ZERO, AT_HALF, AT_ONE = PANELS
SCALES = {AT_ZERO: TINY * (1 - TINY), AT_HALF: HALF * (1 - HALF), AT_ONE: NEARLY_ONE * (1 - NEARLY_ONE)}


def figure1(out: Path, quick: bool = False) -> Reproduction:
    r"""Figure 1: six divergences of two Gaussians from two Gaussians, over the generator's two means.

    Writes ``kl-figure1.png`` as the paper draws it, ``kl-figure1-normalised.png`` with the weighted divergence divided
    by :math:`\pi (1 - \pi)`, ``kl-figure1.json`` and ``kl-figure1.html``.

    Arguments:
        out: The folder to write to; it is made if it does not exist.
        quick: Whether to draw on a coarse grid.

    Raises:
        MissingExtra: If matplotlib is not installed.
    """
    out.mkdir(parents=True, exist_ok=True)
    axis = torch.linspace(-6, 6, 25 if quick else 121, dtype=torch.float64)
    maps = divergence_map(axis, PANELS)
    mass_error = float((maps.pop("mass") - 1).abs().max())
    pruned = {name: rest_point(divergence, (3.0, 2.8)) for name, divergence in PANELS.items()}
    traps = {name: rest.theta for name, rest in pruned.items() if min(rest.theta) > 0}
    statements = (_global_minimum(maps, axis), _similarity(maps), _local_minimum(traps))
    figures = (
        draw.six_maps(out / "kl-figure1.png", axis, maps, traps),
        draw.raw_and_normalised(out / "kl-figure1-normalised.png", axis, maps, SCALES, traps),
    )
    coarse = torch.isclose(axis, axis.round())
    ours = {
        "grid": {"low": -6.0, "high": 6.0, "points": len(axis)},
        "largest": {name: float(value.max()) for name, value in maps.items()},
        "largest_normalised": {name: float(maps[name].max()) / scale for name, scale in SCALES.items()},
        "rest_near_one_mode": {name: list(theta) for name, theta in traps.items()},
        "mass_error": mass_error,
        "balanced_minus_half": float((maps[BALANCED] - maps[AT_HALF]).abs().max()),
        "theta": axis[coarse].tolist(),
        "maps_at_theta": {name: value[coarse][:, coarse].tolist() for name, value in maps.items()},
    }
    paper = {
        "data": "0.5 N(-3, 1) + 0.5 N(3, 1)",
        "model": "0.5 N(theta1, 1) + 0.5 N(theta2, 1)",
        "weights": [TINY, NEARLY_ONE],
        "statements": [statement.printed for statement in statements],
        "missing": "The range of the axes, the levels of the contours, and any scale for the weighted divergence.",
    }
    numbers = write_record(out / "kl-figure1.json", "kl-figure1", paper, ours, statements)
    rows = [
        (
            name,
            float(value.max()),
            float(value.max()) / SCALES[name] if name in SCALES else None,
            _place(traps.get(name)),
        )
        for name, value in maps.items()
    ]
    page = write_page(
        out / "kl-figure1.html",
        "Figure 1: which divergence merges, and which prunes?",
        f"From “{PAPER}”. Two unit Gaussians with means θ₁ and θ₂ are fitted to two unit Gaussians at −3 and 3. "
        "Every value is an integral in double precision.",
        _figure1_page(figures, rows, statements),
    )
    return Reproduction("kl-figure1", page, numbers, figures)


def propositions(out: Path, quick: bool = False) -> Reproduction:
    """Proposition 1, Theorem 2 and Proposition 3, and which divergence each generator loss descends.

    Writes ``kl-critic.png``, ``kl-preference.png``, ``kl-propositions.json`` and ``kl-propositions.html``.

    Arguments:
        out: The folder to write to; it is made if it does not exist.
        quick: Whether to draw the curves with few points.

    Raises:
        MissingExtra: If matplotlib is not installed.
    """
    out.mkdir(parents=True, exist_ok=True)
    first, second, third = proposition_1(), theorem_2(), proposition_3()
    pi = torch.sigmoid(torch.linspace(-18.5, 18.5, 41 if quick else 371, dtype=torch.float64))
    curves, flip, trap = preference(pi), flip_weight(), trap_weight()
    figures = (
        draw.critic_and_value(out / "kl-critic.png", pi),
        draw.preference_curves(out / "kl-preference.png", pi, curves, flip, trap),
    )
    listed = preference(torch.tensor(LISTED, dtype=torch.float64))
    ratios = list(zip(map(plain, LISTED), listed.saturating.tolist(), listed.non_saturating.tolist(), strict=True))
    gradients = _gradient_rows()
    ours = {
        "preference": {
            "saturating": {weight: ratio for weight, ratio, _ in ratios},
            "non_saturating": {weight: ratio for weight, _, ratio in ratios},
            "kl": listed.kl,
            "reverse_kl": listed.reverse_kl,
        },
        "flip_weight": flip,
        "trap_weight": trap,
        "generator_gradients": [dict(zip(GRADIENT_KEYS, row, strict=True)) for row in gradients],
    }
    statements = (*first, *second, *third)
    paper = {
        "statements": [statement.printed for statement in statements],
        "missing": "The generator's loss, and the scale of the step at other weights than one half.",
    }
    numbers = write_record(out / "kl-propositions.json", "kl-propositions", paper, ours, statements)
    page = write_page(
        out / "kl-propositions.html",
        "The propositions, as numbers",
        f"Proposition 1, Theorem 2 and Proposition 3 of “{PAPER}”, put to the test on the example of its Figure 1. "
        "Every verdict is computed from the numbers beside it.",
        [
            Heading("Proposition 1: the discriminator"),
            Statements(first),
            Figure(figures[0], "Optimal critics over x, and the objective over π.", draw.CRITIC_CAPTION),
            Heading("Theorem 2: the generator"),
            Statements(second),
            Heading("Proposition 3: merging or pruning"),
            Statements(third),
            Figure(figures[1], "What pruning costs over what merging costs, over π.", draw.PREFERENCE_CAPTION),
            Table(
                ("weight π", "saturating loss, JS_π", "non-saturating loss, KL(m‖p)"),
                ratios,
                "The cost of keeping one mode over the cost of merging both: above 1, covering is preferred. "
                f"For comparison, the KL divergence has {listed.kl:.2f}, the reverse {listed.reverse_kl:.2f}.",
            ),
            Heading("Which divergence a generator loss descends"),
            Paragraph(
                "The critic is optimal and stands still, and u = p / q. A generator that descends the mean of h(u) over its "
                "own samples then follows the gradient of the f-divergence with f″(u) = −h′(u) / u. The two gradients "
                "below, with respect to a shift, are computed apart: one through the samples against the frozen critic, "
                "one as the derivative of the integral."
            ),
            Table(GRADIENT_HEADER, gradients),
        ],
    )
    return Reproduction("kl-propositions", page, numbers, figures)


GRADIENT_KEYS = ("loss", "formula", "descends", "frozen_critic", "divergence", "relative_error")
GRADIENT_HEADER = ("loss", "per sample", "descends", "gradient, frozen critic", "gradient of D_f", "relative error")


def _gradient_rows() -> list[tuple[str, str, str, float, float, float]]:
    """Both gradients of each loss at a generator that is too narrow and off centre."""
    rule = gauss_legendre(-20, 20, panels=80)
    weighted = {
        f"{name.replace('_', '-')}, π = {plain(pi)}": loss
        for pi in (0.001, 0.33, 0.999)
        for name, loss in weighted_losses(pi).items()
    }
    exact = {f"f-GAN, {name.replace('_', ' ')}": exact_loss(name) for name in ("pearson", "squared_hellinger")}
    plain = {name.replace("_", "-"): loss for name, loss in GENERATOR_LOSSES.items()}
    rows = []
    for name, loss in {**plain, **exact, **weighted}.items():
        found = generator_gradients(
            loss,
            lambda x: log_normal_mixture(x, torch.tensor(DATA, dtype=torch.float64)),
            lambda y: log_normal_mixture(y, torch.tensor([-1.5, 1.5], dtype=torch.float64)),
            rule,
            shift=0.5,
            scale=1.2,
        )
        rows.append((name, loss.formula, loss.meaning, float(found.frozen[0]), float(found.divergence[0]), found.error))
    return rows


def _global_minimum(maps: Mapping[str, Tensor], axis: Tensor) -> Statement:
    theta2, theta1 = torch.meshgrid(axis, axis, indexing="ij")
    away = torch.minimum(torch.hypot(theta1 + 3, theta2 - 3), torch.hypot(theta1 - 3, theta2 + 3)) > 0.4
    rule_weights = gauss_legendre(-16, 16).weights
    here = abs(float(kl(log_model(DATA), log_model((-3.0, 3.0)), rule_weights)))
    there = abs(float(kl(log_model(DATA), log_model((3.0, -3.0)), rule_weights)))
    elsewhere = float(maps[FORWARD][away].min())
    return Statement(
        claim="The global minima of (a)",
        printed="When (θ₁, θ₂) takes value (−3, 3), D_KL(p‖q) = 0, which is one of the global minimum in (a).",
        right="The same; the other is (3, −3).",
        evidence={
            "KL at (−3, 3)": here,
            "KL at (3, −3)": there,
            "smallest KL more than 0.4 away from both": elsewhere,
        },
        holds=here < 1e-14 < elsewhere,
        verified=max(here, there) < 1e-14 < elsewhere,
    )


def _similarity(maps: Mapping[str, Tensor]) -> Statement:
    def alike(a: str, b: str) -> float:
        return float(spearmanr(maps[a].flatten(), maps[b].flatten()).statistic)

    pairs = [(FORWARD, AT_ZERO), (REVERSE, AT_ONE), (REVERSE, BALANCED), (FORWARD, BALANCED), (FORWARD, REVERSE)]
    rank = {f"{a}  and  {b}": alike(a, b) for a, b in pairs}
    low, high, balanced_reverse, balanced_forward, _ = rank.values()
    ratio = {f"largest value of {name}": float(maps[name].max()) for name in (FORWARD, AT_ZERO, REVERSE, AT_ONE)}
    return Statement(
        claim="Which maps look alike",
        printed="KL and JSW(π = 0.000001) have similar contour while Reverse KL, JSW(π = 0.999999) and JSD have similar "
        "contour.",
        right="The shapes agree as printed (rank correlations over the map, 1 for equal contours), and JSD is nearer to the "
        "reverse KL. The values agree only after division by π (1 − π): as they stand they are a million times smaller.",
        evidence=rank | ratio,
        holds=low > 0.99 and high > 0.99 and balanced_reverse > 0.9,
        verified=balanced_reverse > balanced_forward
        and maps[AT_ZERO].max() < 1e-5 * maps[FORWARD].max()
        and bool(maps[AT_ONE].max() < 1e-5 * maps[REVERSE].max()),
    )


def _local_minimum(traps: Mapping[str, tuple[float, float]]) -> Statement:
    seeking, covering = (REVERSE, BALANCED, AT_ONE), (FORWARD, AT_ZERO)
    evidence: dict[str, float] = {}
    for name in seeking:
        if name in traps:
            evidence |= {f"{name}: θ₁ of the minimum": traps[name][0], f"{name}: θ₂": traps[name][1]}
    ridge = {name: rest_point(PANELS[name], (3.0, 3.0)).curvatures[0] for name in seeking}
    evidence |= {f"{name}: least curvature of the best θ₁ = θ₂": value for name, value in ridge.items()}
    found = all(name in traps for name in seeking)
    return Statement(
        claim="The pruned solutions",
        printed="Pruning operation is that parameters are (3, 3) or (−3, −3) where Reverse KL alike contours reach local "
        "minimum. JSD also has those local minimum areas.",
        right="Nearly: the two means part a little. Equal means are a saddle, since the curvature across the diagonal is "
        "negative, and the minima lie close by. KL and JSD at π = 0.000001 have none: descents from there find both modes.",
        evidence=evidence,
        holds=found and all(abs(value - 3) < 0.5 for name in seeking for value in traps[name]),
        verified=found and max(ridge.values()) < 0 and not any(name in traps for name in covering),
    )


def _place(theta: tuple[float, float] | None) -> str:
    return f"({theta[0]:.2f}, {theta[1]:.2f})" if theta else "none"


def _figure1_page(
    figures: tuple[Path, ...], rows: list[tuple[str, float, float | None, str]], statements: tuple[Statement, ...]
) -> list[Section]:
    return [
        Heading("As the paper draws it"),
        Figure(figures[0], "Contour maps of six divergences over the two means.", draw.MAPS_CAPTION),
        Heading("What the caption states"),
        Statements(statements),
        Heading("Why the weighted divergence must be rescaled"),
        Figure(figures[1], "Raw and normalised maps of the weighted divergence.", draw.NORMALISED_CAPTION),
        Table(
            ("divergence", "largest value on the map", "the same / π(1 − π)", "local minimum on one mode"),
            rows,
            "Unweighted divergences need no scale. JSD and weighted JSD at π = 0.5 are the same.",
        ),
        Paragraph(
            "The paper gives no range of the axes, no levels and no scale; the axes here reach from −6 to 6, and levels "
            "are chosen at equal shares of the map, so that maps of the same shape show the same lines."
        ),
    ]
