"""Figure 1 of "GANs Optimizing KL Divergence Gain Resistance To Mode Collapse": six divergences as contour maps."""

__all__ = ["PAPER", "figure1"]

from collections.abc import Mapping
from pathlib import Path

import torch
from scipy.stats import spearmanr
from torch import Tensor

from ..report.page import Figure, Heading, Paragraph, Section, Statements, Table, write_page
from ..theory import Statement, divergence_map, js, kl, rest_point, reverse_kl
from ..theory.two_gaussians import DATA, RULE, Divergence, js_at, log_model
from . import kl_theory_figures as draw
from .record import Reproduction, write_record

PAPER = "GANs Optimizing KL Divergence Gain Resistance To Mode Collapse"
TINY, HALF, NEARLY_ONE = 1e-6, 0.5, 0.999999

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

Point = tuple[float, float]


def figure1(out: Path, quick: bool = False) -> Reproduction:
    r"""Figure 1: six divergences of two Gaussians from two Gaussians, over the generator's two means.

    Writes ``kl-figure1.png`` as the paper draws it, ``kl-figure1-normalised.png`` with the weighted divergence divided
    by :math:`\pi (1 - \pi)`, ``kl-figure1.json`` and ``kl-figure1.html``.

    Arguments:
        out: The folder to write to; it is made if it does not exist.
        quick: Whether to draw on a coarse grid.

    Raises:
        MissingExtraError: If matplotlib is not installed.
    """
    out.mkdir(parents=True, exist_ok=True)
    axis = torch.linspace(-6, 6, 25 if quick else 121, dtype=torch.float64)
    maps = divergence_map(axis, PANELS)
    mass_error = float((maps.pop("mass") - 1).abs().max())
    rests = {name: rest_point(divergence, (3.0, 2.8)).theta for name, divergence in PANELS.items()}
    traps = {name: theta for name, theta in rests.items() if min(theta) > 0}
    statements = (_global_minimum(maps, axis), _similarity(maps), _local_minimum(traps))
    figures = (
        draw.six_maps(out / "kl-figure1.png", axis, maps, traps),
        draw.raw_and_normalised(out / "kl-figure1-normalised.png", axis, maps, SCALES, traps),
    )
    whole = torch.isclose(axis, axis.round())
    ours = {
        "grid": {"low": -6.0, "high": 6.0, "points": len(axis)},
        "largest": {name: float(value.max()) for name, value in maps.items()},
        "largest_normalised": {name: float(maps[name].max()) / scale for name, scale in SCALES.items()},
        "local_minimum_on_one_mode": {name: list(theta) for name, theta in traps.items()},
        "mass_error": mass_error,
        "balanced_minus_half": float((maps[BALANCED] - maps[AT_HALF]).abs().max()),
        "theta": axis[whole].tolist(),
        "maps_at_theta": {name: value[whole][:, whole].tolist() for name, value in maps.items()},
    }
    paper = {
        "data": "0.5 N(-3, 1) + 0.5 N(3, 1)",
        "model": "0.5 N(theta1, 1) + 0.5 N(theta2, 1)",
        "weights": [TINY, NEARLY_ONE],
        "statements": [statement.printed for statement in statements],
        "missing": "The range of the axes, the levels of the contours, and any scale for the weighted divergence.",
    }
    page = write_page(
        out / "kl-figure1.html",
        "Figure 1: which divergence merges, and which prunes?",
        f"From “{PAPER}”. Two unit Gaussians with means θ₁ and θ₂ are fitted to two unit Gaussians at −3 and 3. "
        "Every value is an integral in double precision.",
        _sections(figures, maps, traps, statements),
    )
    numbers = write_record(out / "kl-figure1.json", "kl-figure1", paper, ours, statements)
    return Reproduction("kl-figure1", page, numbers, figures)


def _global_minimum(maps: Mapping[str, Tensor], axis: Tensor) -> Statement:
    theta2, theta1 = torch.meshgrid(axis, axis, indexing="ij")
    away = torch.minimum(torch.hypot(theta1 + 3, theta2 - 3), torch.hypot(theta1 - 3, theta2 + 3)) > 0.4
    here, there = (abs(float(kl(log_model(DATA), log_model(q), RULE.weights))) for q in ((-3.0, 3.0), (3.0, -3.0)))
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

    at_zero, at_one = alike(FORWARD, AT_ZERO), alike(REVERSE, AT_ONE)
    balanced_reverse, balanced_forward = alike(REVERSE, BALANCED), alike(FORWARD, BALANCED)
    largest = {name: float(maps[name].max()) for name in (FORWARD, AT_ZERO, REVERSE, AT_ONE)}
    return Statement(
        claim="Which maps look alike",
        printed="KL and JSW(π = 0.000001) have similar contour while Reverse KL, JSW(π = 0.999999) and JSD have "
        "similar contour.",
        right="The shapes agree as printed (rank correlations over the map, 1 for the same contours), and JSD is "
        "nearer to the reverse KL. The values do not: as they stand they are a million times smaller. Divided by "
        "π(1 − π) they agree with the reverse KL, and with the KL except far from the data, where the KL is larger.",
        evidence={
            "rank correlation of KL(p‖q) and JSD at π = 0.000001": at_zero,
            "rank correlation of KL(q‖p) and JSD at π = 0.999999": at_one,
            "rank correlation of KL(q‖p) and JSD": balanced_reverse,
            "rank correlation of KL(p‖q) and JSD": balanced_forward,
        }
        | {f"largest value of {name}": value for name, value in largest.items()}
        | {f"largest value of {name}, divided": largest[name] / SCALES[name] for name in (AT_ZERO, AT_ONE)},
        holds=at_zero > 0.99 and at_one > 0.99 and balanced_reverse > 0.9,
        verified=balanced_reverse > balanced_forward
        and abs(largest[AT_ONE] / SCALES[AT_ONE] / largest[REVERSE] - 1) < 0.01
        and largest[AT_ZERO] / SCALES[AT_ZERO] < 0.5 * largest[FORWARD],
    )


def _local_minimum(traps: Mapping[str, Point]) -> Statement:
    seeking, covering = (REVERSE, BALANCED, AT_ONE), (FORWARD, AT_ZERO)
    ridges = {name: rest_point(PANELS[name], (3.0, 3.0)).curvatures[0] for name in seeking}
    evidence: dict[str, float] = {}
    for name in seeking:
        if name in traps:
            evidence |= {f"{name}: θ₁ of the minimum": traps[name][0], f"{name}: θ₂ of the minimum": traps[name][1]}
        evidence[f"{name}: least curvature at the best θ₁ = θ₂ near 3"] = ridges[name]
    found = all(name in traps for name in seeking)
    return Statement(
        claim="The pruned solutions",
        printed="Pruning operation is that parameters are (3, 3) or (−3, −3) where Reverse KL alike contours reach "
        "local minimum. JSD also has those local minimum areas.",
        right="Nearly: equal means are a saddle, since the curvature across the diagonal is negative, and the minima "
        "lie close by, with the means a little apart. KL and JSD at π = 0.000001 have none: descents from there "
        "find both modes.",
        evidence=evidence,
        holds=found and all(abs(mean - 3) < 0.5 for name in seeking for mean in traps[name]),
        verified=found and max(ridges.values()) < 0 and not any(name in traps for name in covering),
    )


def _sections(
    figures: tuple[Path, ...],
    maps: Mapping[str, Tensor],
    traps: Mapping[str, Point],
    statements: tuple[Statement, ...],
) -> list[Section]:
    rows = []
    for name, value in maps.items():
        largest, theta = float(value.max()), traps.get(name)
        place = f"({theta[0]:.2f}, {theta[1]:.2f})" if theta else "none"
        rows.append((name, largest, largest / SCALES[name] if name in SCALES else None, place))
    return [
        Heading("As the paper draws it"),
        Figure(figures[0], "Contour maps of six divergences over the two means.", draw.MAPS_CAPTION),
        Paragraph(
            "The paper gives no range of the axes, no levels and no scale. The axes here reach from −6 to 6, and the "
            "levels enclose equal shares of each map, so that maps of the same shape show the same lines."
        ),
        Heading("What the caption states"),
        Statements(statements),
        Heading("Why the weighted divergence must be rescaled"),
        Figure(figures[1], "Raw and normalised maps of the weighted divergence.", draw.NORMALISED_CAPTION),
        Table(
            ("divergence", "largest value on the map", "the same / π(1 − π)", "local minimum on one mode"),
            rows,
            "The unweighted divergences need no scale. JSD and the weighted JSD at π = 0.5 are one and the same.",
        ),
    ]
