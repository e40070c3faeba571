"""The figures of a benchmark: every seed of every entrant, and the samples of each one's worst seed."""

__all__ = ["every_seed", "worst_seeds"]

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ..core.errors import extra
from ..metrics import METRICS
from ..report.drawing import BLUE, DRAWING, GREEN, GREY, ORANGE, canvas, save
from ..runs import Run
from .plan import Cell
from .standings import Standing, scored

SHOWN = ("modes_l2_3sigma", "hq_l2_3sigma", "w2_exact_n1000")
COLUMNS = 8
POINTS = 600


def every_seed(path: Path, standings: Sequence[Standing]) -> Path:
    """Every seed as a dot, the mean as a bar, the perfect sampler as a line; entrants from best to worst.

    Arguments:
        path: The PNG to write.
        standings: One table.
    """
    order = sorted(standings, key=lambda s: s.means["w2_exact_n1000"][0], reverse=True)
    figure, axes = canvas(1, len(SHOWN), (11, 1.0 + 0.21 * len(order)))
    for ax, name in zip(axes[0], SHOWN, strict=True):
        for height, standing in enumerate(order):
            color = ORANGE if standing.entrant == "gan" else colour(standing, name)
            values = scored(standing.result, name, standing.rate)
            shown = values[np.isfinite(values)]
            ax.plot(shown, np.full(len(shown), height), "o", color=color, alpha=0.45, ms=3.5, mew=0)
            ax.plot(standing.means[name][0], height, "|", color=color, ms=9, mew=2)
        ax.axvline(order[0].floors[name], color=GREY, lw=1, ls="--")
        ax.set(title=METRICS[name].label, ylim=(-0.7, len(order) - 0.3), yticks=range(len(order)))
        ax.set_yticklabels([s.entrant if ax is axes[0, 0] else "" for s in order], fontsize=8)
        ax.grid(axis="y", color=GREY, alpha=0.15, lw=0.6)
        ax.tick_params(axis="x", labelsize=8)
    axes[0, -1].set_xscale("log")
    ticks = extra("matplotlib.ticker", *DRAWING)
    axes[0, -1].xaxis.set_major_locator(ticks.LogLocator(subs=(1, 2, 5)))
    axes[0, -1].xaxis.set_major_formatter(ticks.FuncFormatter(lambda value, _: f"{value:g}"))
    axes[0, -1].xaxis.set_minor_locator(ticks.NullLocator())
    return save(figure, path)


def colour(standing: Standing, metric: str) -> str:
    """Green where an entrant is better than the plain GAN by the test, grey where it is worse, else blue."""
    return {"better": GREEN, "worse": GREY}.get(standing.verdict(metric), BLUE)


def worst_seeds(path: Path, standings: Sequence[Standing], cells: Sequence[Cell], out: Path) -> Path:
    """The samples of each entrant's worst seed by the fewest modes, then the lowest quality, beside the data.

    Arguments:
        path: The PNG to write.
        standings: One table.
        cells: Its cells.
        out: The benchmark's folder.
    """
    by_label = {cell.entrant.label: cell for cell in cells}
    first = by_label[standings[0].entrant].experiment
    assert first is not None
    rows = -(-(len(standings) + 1) // COLUMNS)
    figure, axes = canvas(rows, COLUMNS, (1.55 * COLUMNS, 1.75 * rows))
    for ax in axes.flat:
        ax.set_axis_off()
    true = first.dataset.sample(POINTS, torch.Generator().manual_seed(0)).numpy()
    panel(axes.flat[0], true, true, "the data", GREY)
    for ax, standing in zip(axes.flat[1:], standings, strict=False):
        member, modes, quality = worst_member(standing)
        samples = Run(out / standing.result.folder / "run").samples()[member, :POINTS].numpy()
        experiment = by_label[standing.entrant].experiment
        assert experiment is not None
        data = experiment.dataset.sample(POINTS, torch.Generator().manual_seed(0)).numpy()
        panel(ax, data, samples, f"{short(standing.entrant)}\n{modes:.0f} modes, {100 * quality:.0f} % HQ", BLUE)
    return save(figure, path)


def worst_member(standing: Standing) -> tuple[int, float, float]:
    """The index of the member with the fewest modes, then the lowest quality, and both."""
    members = standing.result.at(standing.rate)
    modes = scored(standing.result, "modes_l2_3sigma", standing.rate)
    quality = scored(standing.result, "hq_l2_3sigma", standing.rate)
    worst = int(np.lexsort((quality, modes))[0])
    return int(members[worst]), float(modes[worst]), float(quality[worst])


def panel(ax: Any, data: np.ndarray, samples: np.ndarray, title: str, color: str) -> None:
    """Samples in the window of the data."""
    low, high = data.min(0), data.max(0)
    pad = 0.15 * (high - low)
    ax.plot(*samples[:, :2].T, "o", color=color, ms=1.3, mew=0, alpha=0.6)
    ax.set(xlim=(low[0] - pad[0], high[0] + pad[0]), ylim=(low[1] - pad[1], high[1] + pad[1]))
    ax.set_title(title, fontsize=6.5)
    ax.set_box_aspect(1)


def short(label: str) -> str:
    """A label that fits above a small panel."""
    return label if len(label) <= 26 else f"{label[:25]}…"
