"""The drawings of Figure 1 and of the propositions, in colours that the colour-blind tell apart."""

__all__ = ["critic_and_value", "preference_curves", "raw_and_normalised", "six_maps"]

import io
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..core.errors import extra
from ..core.files import atomic_write
from ..theory import Preference, kl, numeric_critic, optimal_logit, reverse_kl, weighted_js
from ..theory.two_gaussians import DATA, PRUNED, RULE, log_model

BLUE, ORANGE, GREEN, GREY, INK = "#0072B2", "#D55E00", "#009E73", "#5b6675", "#1f3a57"  # the first three: Okabe and Ito
DEPTH = ("#6aa5cf", "#c6dcec", "#ffffff")
SHARES = (0.03, 0.08, 0.16, 0.26, 0.38, 0.52, 0.68, 0.84, 0.95)
DRAWING = ("report", "drawing figures")
FIRST, LAST = 1e-8, 1 - 1e-8
NEAR_LAST = 1 - 1.5e-8

MAPS_CAPTION = (
    "Darker is smaller. Stars: the two global minima, p = q. Orange dots: local minima at which the generator rests on "
    "one mode. Diamond: both components merged at 0, a saddle of (a) and (d), a peak of the others. In every panel the "
    "lines enclose the same shares of the map."
)
NORMALISED_CAPTION = (
    "Above, all three panels share one scale: at the ends the raw objective is flat to the eye, and so is its "
    "gradient. Below, the same maps divided by π(1 − π): the forward KL on the left, the reverse KL on the right."
)
CRITIC_CAPTION = (
    "Left: the optimal critic at three weights, by formula (lines) and by numeric search (dots); where p = q it would "
    "be π (dashes). Right: the objective of a generator on one mode vanishes at both ends; divided by π(1 − π) it runs "
    "from KL(p‖q) to KL(q‖p)."
)
PREFERENCE_CAPTION = (
    "Above 1, the objective prefers to cover both modes. The saturating loss does so only below the flip; the paper's "
    "π = 0.33 is next to the ordinary GAN. The usual non-saturating loss prefers to drop a mode at every weight."
)


def six_maps(path: Path, axis: Tensor, maps: Mapping[str, Tensor], traps: Mapping[str, tuple[float, float]]) -> Path:
    """Six contour maps, as in the paper.

    Arguments:
        path: The PNG to write.
        axis: The values of both means, with shape `(T,)`.
        maps: The divergences, each with shape `(T, T)`, six of them.
        traps: The local minimum on one mode, of the divergences that have one.
    """
    figure, axes = _canvas(2, 3, (11.4, 8.2))
    for letter, (name, values), ax in zip("abcdef", maps.items(), axes.flat, strict=True):
        largest = float(values.max())
        unit = 1.0 if largest > 0.1 else 10.0 ** math.floor(math.log10(largest))
        _map(ax, axis, values / unit, _equal_shares(values / unit), traps.get(name))
        scale = "" if unit == 1 else rf"  ($\times\,10^{{{round(math.log10(unit))}}}$)"
        ax.set_title(f"({letter})  {name}{scale}", fontsize=12, pad=7)
    _finish_maps(figure, axes)
    return _save(figure, path)


def raw_and_normalised(
    path: Path,
    axis: Tensor,
    maps: Mapping[str, Tensor],
    scales: Mapping[str, float],
    traps: Mapping[str, tuple[float, float]],
) -> Path:
    r"""The weighted divergences on one common scale, and below them divided by :math:`\pi (1 - \pi)`.

    Arguments:
        path: The PNG to write.
        axis: The values of both means, with shape `(T,)`.
        maps: The divergences, each with shape `(T, T)`.
        scales: What divides each weighted divergence, by name.
        traps: The local minimum on one mode, of the divergences that have one.
    """
    figure, axes = _canvas(2, len(scales), (11.4, 8.6))
    common = np.linspace(0, max(float(maps[name].max()) for name in scales), 9)[1:-1]
    for (name, scale), above, below in zip(scales.items(), axes[0], axes[1], strict=True):
        values, trap = maps[name], traps.get(name)
        _map(above, axis, values, common, trap)
        above.set_title(f"{name}\nas printed: at most {_number(float(values.max()))}", fontsize=12, pad=7)
        _map(below, axis, values / scale, _equal_shares(values / scale), trap)
        below.set_title(f"divided by π(1 − π): at most {_number(float(values.max()) / scale)}", fontsize=12, pad=7)
    _finish_maps(figure, axes)
    return _save(figure, path)


def critic_and_value(path: Path, pi: Tensor) -> Path:
    """The optimal critic over x at three weights, and the generator's objective over the weight.

    Arguments:
        path: The PNG to write.
        pi: Weights, with shape `(K,)`.
    """
    figure, axes = _canvas(1, 2, (11.4, 4.5))
    _critics(axes[0, 0])
    _values(axes[0, 1], pi)
    return _save(figure, path)


def preference_curves(path: Path, pi: Tensor, curves: Preference, flip: float, trap: float) -> Path:
    """What pruning costs over what merging costs, over the weight.

    Arguments:
        path: The PNG to write.
        pi: Weights, with shape `(K,)`.
        curves: The ratios at these weights.
        flip: The weight at which the saturating ratio is 1.
        trap: The weight below which one mode is no local minimum.
    """
    figure, axes = _canvas(1, 1, (11.4, 5.6))
    ax = axes[0, 0]
    ax.axhspan(1, 4, color=BLUE, alpha=0.07, lw=0)
    ax.axhline(1, color="black", lw=1)
    ax.plot(pi, curves.saturating, color=BLUE, lw=2.8)
    ax.plot(pi, curves.non_saturating, color=ORANGE, lw=2.8, ls="--")
    _weight_axis(ax)
    ax.set_yscale("log")
    ax.set(ylim=(0.025, 4), ylabel="cost of one mode / cost of merging")
    ax.set_yticks([0.03, 0.1, 0.3, 1, 3], ["0.03", "0.1", "0.3", "1", "3"])
    ax.minorticks_off()
    for name, value in (("KL(p‖q)", curves.kl), ("KL(q‖p)", curves.reverse_kl)):
        ax.axhline(value, color=GREY, lw=0.9, ls=":")
        ax.text(NEAR_LAST, value * 1.05, f"{name}: {value:.2f}", ha="right", va="bottom", color=GREY)
    ax.axvline(trap, ymax=0.97, color=GREY, lw=0.9, ls=(0, (4, 3)))
    remark = f"saturating loss:\nfrom π = {trap:.2g} up, one mode\nis a local minimum"
    ax.text(trap * 1.15, 3.7, remark, color=GREY, fontsize=9.5, va="top")
    ax.plot([flip], [1], "o", color="black", ms=9, zorder=5)
    _note(ax, f"the preference flips\nat π = {_number(flip)}", (flip, 1), (1.2e-5, 0.66))
    for weight, label, target in (
        (1e-6, "Figure 1: π = 0.000001", (9e-5, 2.9)),
        (0.33, "Figure 3: π = 0.33", (0.80, 0.82)),
        (0.5, "ordinary GAN: π = ½", (0.985, 0.56)),
    ):
        height = float(np.interp(math.log(weight / (1 - weight)), torch.logit(pi), curves.saturating))
        ax.plot([weight], [height], "s", color=BLUE, ms=7.5, zorder=5)
        _note(ax, f"{label}\nratio {height:.2f}", (weight, height), target)
    ax.text(1.4e-8, 3.6, "prefers to cover both modes", color=BLUE, va="top", fontweight="bold")
    ax.text(1.4e-8, 0.027, "prefers to drop a mode", color=GREY, va="bottom", fontweight="bold")
    ax.text(1.4e-8, 1.55, "saturating loss:\nJS$_π$", color=BLUE, va="top", fontsize=11)
    ax.text(1.4e-8, 0.235, "non-saturating loss: KL(m‖p)", color=ORANGE, va="top", fontsize=11)
    ax.set_title("Proposition 3: covering or dropping?", fontsize=13, pad=10)
    return _save(figure, path)


def _critics(ax: Any) -> None:
    near = (RULE.nodes.abs() < 7).nonzero().flatten()
    x, log_p, log_q = RULE.nodes[near], log_model(DATA)[near], log_model(PRUNED)[near]
    dots = slice(8, None, 16)
    ax.fill_between(x, log_p.exp(), color=GREY, alpha=0.40, lw=0)
    ax.fill_between(x, log_q.exp(), color=GREY, alpha=0.18, lw=0)
    ax.text(-3, 0.22, "data p", ha="center", color=GREY)
    ax.text(4.35, 0.31, "generator q,\non one mode", color=GREY, va="top")
    for weight, color in ((0.9, GREEN), (0.5, BLUE), (0.1, ORANGE)):
        ax.plot(x, torch.sigmoid(optimal_logit(log_p, log_q, weight)), color=color, lw=2)
        ax.plot(x[dots], numeric_critic(log_p[dots], log_q[dots], weight), ".", color=color, ms=8)
        ax.plot([-7, 7], [weight, weight], color=color, lw=0.9, ls=(0, (4, 3)))
        ax.text(-6.8, weight + 0.01, f"π = {weight:g}", color=color, va="bottom")
        end = float(torch.sigmoid(optimal_logit(log_p[-1:], log_q[-1:], weight)))
        ax.text(7.15, end, "D*", color=color, va="center")
    ax.set(xlabel="x", xlim=(-7, 7), ylim=(0, 1.02))
    ax.set_title("Proposition 1: the optimal critic", fontsize=12, pad=8)


def _values(ax: Any, pi: Tensor) -> None:
    """The objective of a generator on one mode, raw and divided by π(1 − π)."""
    log_p, log_q = log_model(DATA), log_model(PRUNED)
    raw = weighted_js(log_p, log_q, pi, RULE.weights)
    ax.plot(pi, raw / (pi * (1 - pi)), color=BLUE, lw=2.4)
    ax.plot(pi, raw, color=ORANGE, lw=2.4, ls="--")
    ax.text(0.5, 1.9, "C(G) / π(1 − π)", color=BLUE, ha="left")
    ax.text(0.5, 1e-3, "C(G) as printed", color=ORANGE, ha="center")
    for name, value, place, side in (
        ("KL(p‖q)", kl(log_p, log_q, RULE.weights), NEAR_LAST, "right"),
        ("KL(q‖p)", reverse_kl(log_p, log_q, RULE.weights), FIRST, "left"),
    ):
        ax.axhline(float(value), color=GREY, lw=0.9, ls=":")
        ax.text(place, float(value) * 0.8, f" {name} = {float(value):.2f}", ha=side, va="top", color=GREY, fontsize=9)
    _weight_axis(ax)
    ax.set_yscale("log")
    ax.set(ylim=(1e-8, 60))
    ax.set_title("Theorem 2: the objective, q on one mode", fontsize=12, pad=8)


def _canvas(rows: int, columns: int, size: tuple[float, float]) -> tuple[Any, Any]:
    """A figure apart from any global state, and its axes, with shape `(rows, columns)`."""
    figure = extra("matplotlib.figure", *DRAWING).Figure(figsize=size, dpi=130, layout="constrained")
    figure.get_layout_engine().set(w_pad=0.08, h_pad=0.10)
    axes = figure.subplots(rows, columns, squeeze=False)
    for ax in axes.flat:
        ax.spines[["top", "right"]].set_visible(False)
    return figure, axes


def _equal_shares(values: Tensor) -> np.ndarray:
    return np.unique(np.quantile(values.numpy(), SHARES))


def _map(ax: Any, axis: Tensor, values: Tensor, levels: np.ndarray, trap: tuple[float, float] | None) -> None:
    """A shaded contour map with its minima marked."""
    colors, effects = extra("matplotlib.colors", *DRAWING), extra("matplotlib.patheffects", *DRAWING)
    bounds = np.concatenate([[0.0], levels, [max(float(values.max()), float(levels[-1])) * 1.001]])
    shades = colors.LinearSegmentedColormap.from_list("depth", DEPTH)
    ax.contourf(axis, axis, values, bounds, cmap=shades, norm=colors.BoundaryNorm(bounds, shades.N, clip=True))
    if float(values.max()) > levels[0]:
        lines = ax.contour(axis, axis, values, levels, colors=INK, linewidths=0.8)
        marks = np.array([(-3, 3), (3, -3), (0, 0), *([(3, 3), (-3, -3)] if trap else [])])
        for text in ax.clabel(lines, lines.levels[::2], fmt="%.2g", fontsize=8, inline=False, colors=INK):
            text.set_path_effects([effects.withStroke(linewidth=2.5, foreground="white")])
            x, y = text.get_position()
            near_mark = np.hypot(*(marks - (x, y)).T).min() < 1
            text.set_visible(not near_mark and max(abs(x), abs(y)) < 5.5)
    if trap:
        a, b = trap
        ax.plot([a, b, -a, -b], [b, a, -b, -a], "o", color=ORANGE, ms=6.5, mec="white", mew=0.8, zorder=5)
    ax.plot(0, 0, "D", color="white", mec="black", ms=6, zorder=5)
    ax.plot([-3, 3], [3, -3], "*", color="black", mec="white", mew=0.7, ms=14, zorder=5)
    ax.set(aspect="equal", xticks=range(-6, 7, 3), yticks=range(-6, 7, 3))


def _finish_maps(figure: Any, axes: Any) -> None:
    """Names the axes once a side, and explains the marks once."""
    for ax in axes[-1]:
        ax.set_xlabel("θ₁")
    for ax in axes[:, 0]:
        ax.set_ylabel("θ₂", rotation=0, labelpad=10)
    blank = axes[0, 0]
    marks = [
        blank.plot([], [], "*", color="black", ms=12)[0],
        blank.plot([], [], "o", color=ORANGE, ms=7)[0],
        blank.plot([], [], "D", color="white", mec="black", ms=6)[0],
    ]
    names = ["p = q, the global minima", "local minima on one mode", "merged at 0"]
    figure.legend(marks, names, loc="outside lower center", ncols=3, frameon=False, fontsize=11)


def _weight_axis(ax: Any) -> None:
    ax.set_xscale("logit")
    ax.set(xlim=(FIRST, LAST), xlabel="weight of the data, π")
    ticks = [1e-6, 1e-4, 1e-2, 0.5, 1 - 1e-2, 1 - 1e-4, 1 - 1e-6]
    ax.set_xticks(ticks, ["10⁻⁶", "10⁻⁴", "0.01", "½", "0.99", "1−10⁻⁴", "1−10⁻⁶"])
    ax.minorticks_off()


def _note(ax: Any, text: str, at: tuple[float, float], to: tuple[float, float]) -> None:
    arrow = {"arrowstyle": "-", "color": "black", "lw": 0.8, "shrinkB": 5}
    ax.annotate(text, at, to, fontsize=10, va="center", arrowprops=arrow)


def _number(value: float) -> str:
    """Two digits, with the power of ten as mathematicians write it."""
    if value >= 1e-3:
        return f"{value:.2g}"
    power = math.floor(math.log10(value))
    return rf"${value / 10.0**power:.1f} \cdot 10^{{{power}}}$"


def _save(figure: Any, path: Path) -> Path:
    """Writes the picture in one step, with 256 colours, which flat drawings do not exceed to the eye."""
    drawn, small = io.BytesIO(), io.BytesIO()
    figure.savefig(drawn, format="png", facecolor="white")
    image = extra("PIL.Image", *DRAWING)
    image.open(drawn).convert("RGB").quantize(256, dither=image.Dither.NONE).save(small, "PNG", optimize=True)
    return atomic_write(path, small.getvalue())
