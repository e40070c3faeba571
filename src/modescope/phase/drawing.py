"""The picture of a phase diagram."""

__all__ = ["draw_phase"]

from pathlib import Path
from typing import Any

import numpy as np

from ..metrics import METRICS
from ..report.drawing import canvas, save
from .axis import Axis
from .points import Phase

LABELS = {
    "lr": "learning rate",
    "critic_lr": "critic's learning rate",
    "lr_ratio": "generator's learning rate / critic's",
    "latent_dim": "latent dimension",
    "width": "width of the generator's layers",
    "critic_width": "width of the critic's layers",
    "batch_size": "batch size",
    "unroll": "unrolled steps",
    "pi": "π",
}
MANY = 0.5  # of a point's members: it counts as diverged
COLOURS = "viridis"  # even to the eye, and to the colour-blind
UNEVEN = 2.0  # the ratio of the widest gap between values to the narrowest from which on they stand side by side
LEAST = 6  # points along an axis from which on contours say more than the tiles


def draw_phase(phase: Phase, path: Path) -> Path:
    """Two maps: the mean over seeds, and the share of seeds that do as well as a perfect sampler.

    Points of which half the seeds or more diverged are hatched.

    Arguments:
        phase: What to draw.
        path: The PNG to write.
    """
    metric = METRICS[phase.metric]
    figure, axes = canvas(1, 2, (11.0, 4.6))
    rises = metric.direction == "higher"
    finite = phase.mean[np.isfinite(phase.mean)]
    ends = (0.0, phase.floor) if rises else (min(phase.floor, finite.min(initial=phase.floor)), finite.max(initial=1.0))
    scale = {"vmin": ends[0], "vmax": max(ends[1], ends[0] + 1e-9), "cmap": COLOURS if rises else COLOURS + "_r"}
    paint(figure, axes[0, 0], phase, phase.mean, scale, f"{metric.label}, mean over {phase.seeds} seeds")
    share = {"vmin": 0.0, "vmax": 1.0, "cmap": COLOURS}
    paint(figure, axes[0, 1], phase, phase.share_whole, share, "share of seeds as good as a perfect sampler")
    figure.suptitle(f"{phase.method} on {phase.dataset}", fontsize=12, x=0.01, ha="left")
    return save(figure, path)


def paint(figure: Any, ax: Any, phase: Phase, values: np.ndarray, scale: dict[str, Any], title: str) -> None:
    """One map with its contours, its scale, and hatches where members diverged."""
    x, y = (np.array(place(axis).values) for axis in (phase.x, phase.y))
    shown = np.ma.masked_invalid(values)
    tiles = ax.pcolormesh(edges(phase.x), edges(phase.y), shown, **scale, rasterized=True)
    if min(values.shape) >= LEAST and np.isfinite(values).all() and np.ptp(values) > 0:
        levels = np.linspace(scale["vmin"], scale["vmax"], 5)[1:-1]
        ax.contour(x, y, values, levels=levels, colors="white", linewidths=0.9, alpha=0.85)
    lost = np.ma.masked_where(phase.share_diverged < MANY, np.ones_like(values))
    ax.pcolor(edges(phase.x), edges(phase.y), lost, hatch="////", facecolor="#dddddd", edgecolor="#555555", linewidth=0)
    for axis, set_scale, set_label in (
        (phase.x, ax.set_xscale, ax.set_xlabel),
        (phase.y, ax.set_yscale, ax.set_ylabel),
    ):
        set_scale("log" if place(axis).log else "linear")
        set_label(LABELS.get(axis.name, axis.name.replace("_", " ")))
    ticks(ax, phase)
    ax.set_title(title, fontsize=10, loc="left")
    figure.colorbar(tiles, ax=ax, fraction=0.05, pad=0.02)


def ticks(ax: Any, phase: Phase) -> None:
    """Marks every value of a short linear axis, since it is these that were tried."""
    for axis, mark in ((phase.x, ax.set_xticks), (phase.y, ax.set_yticks)):
        if len(axis.values) <= 8 or place(axis) != axis:
            mark(place(axis).values, [f"{value:.3g}" for value in axis.values], minor=False)
            mark([], minor=True)


def place(axis: Axis) -> Axis:
    """Where values are drawn: at themselves, or side by side if gaps between them are uneven, as of 0, 1, 2, 5."""
    gaps = np.diff(np.log(axis.values) if axis.log else axis.values)
    if len(gaps) == 0 or gaps.max() <= UNEVEN * gaps.min():
        return axis
    return Axis(axis.name, tuple(float(i) for i in range(len(axis.values))))


def edges(axis: Axis) -> np.ndarray:
    """The edges of the tiles around the values: half way to the next, and as far beyond the ends."""
    axis = place(axis)
    values = np.log(axis.values) if axis.log else np.array(axis.values)
    middles = (values[1:] + values[:-1]) / 2
    found = np.concatenate([[2 * values[0] - middles[0]], middles, [2 * values[-1] - middles[-1]]])
    return np.exp(found) if axis.log else found
