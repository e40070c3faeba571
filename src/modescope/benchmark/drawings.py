"""The figures of a benchmark: every seed of every entrant, and the samples of each one's worst seed."""

__all__ = ["every_seed", "worst_seeds"]

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..core.errors import ModescopeError, extra
from ..datasets.base import Dataset
from ..metrics import METRICS
from ..report.drawing import BLUE, DRAWING, GREEN, GREY, ORANGE, canvas, save
from ..report.mosaic import images_of, mosaic
from ..runs import Run
from .panel import Panel
from .plan import Plan
from .standings import Standing, scored, worst_first
from .words import fate_of

COLUMNS = 8
POINTS = 600
TILES = 16  # images


def every_seed(path: Path, standings: Sequence[Standing], panel: Panel) -> Path:
    """Every seed as a dot, the mean as a bar, the perfect sampler as a line; entrants from best to worst.

    Arguments:
        path: The PNG to write.
        standings: One table.
        panel: What was measured.
    """
    order = sorted(standings, key=lambda s: s.means[panel.chosen_by][0], reverse=True)
    figure, axes = canvas(1, len(panel.compared), (11, 1.0 + 0.21 * len(order)))
    for ax, name in zip(axes[0], panel.compared, strict=True):
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
        if METRICS[name].direction == "lower":
            logarithmic(ax)
    return save(figure, path)


def logarithmic(ax: Any) -> None:
    """Spreads distances by their logarithms, with ticks at 1, 2 and 5."""
    ticks = extra("matplotlib.ticker", *DRAWING)
    ax.set_xscale("log")
    ax.xaxis.set_major_locator(ticks.LogLocator(subs=(1, 2, 5)))
    ax.xaxis.set_major_formatter(ticks.FuncFormatter(lambda value, _: f"{value:g}"))
    ax.xaxis.set_minor_locator(ticks.NullLocator())


def colour(standing: Standing, metric: str) -> str:
    """Green where an entrant is better than the plain GAN by the test, grey where it is worse, else blue."""
    return {"better": GREEN, "worse": GREY}.get(standing.verdict(metric), BLUE)


def worst_seeds(path: Path, standings: Sequence[Standing], plan: Plan, out: Path) -> Path:
    """The samples of each entrant's worst seed beside the data.

    Arguments:
        path: The PNG to write.
        standings: One table.
        plan: Of whom it is.
        out: The benchmark's folder.
    """
    by_label = {cell.entrant.label: cell for cell in plan.possible}
    first = by_label[standings[0].entrant].experiment
    assert first is not None
    rows = -(-(len(standings) + 1) // COLUMNS)
    figure, axes = canvas(rows, COLUMNS, (1.55 * COLUMNS, 1.75 * rows))
    for ax in axes.flat:
        ax.set_axis_off()
    draw(axes.flat[0], true_samples(first.dataset), first.dataset, "the data", GREY)
    for ax, standing in zip(axes.flat[1:], standings, strict=False):
        worst = worst_first(standing, plan.panel)[0]
        member = standing.result.at(standing.rate)[worst]
        experiment = by_label[standing.entrant].experiment
        assert experiment is not None
        title = f"{short(standing.entrant)}\n{fate_of(standing, worst, plan.panel)}"
        try:
            samples = Run(out / standing.result.folder / "run").samples()[member, :POINTS]
        except ModescopeError:  # its numbers are here, its run is not
            ax.set_title(f"{title}\nnot drawn: no run here", fontsize=6.5)
            continue
        draw(ax, samples, experiment.dataset, title, BLUE)
    return save(figure, path)


def true_samples(dataset: Dataset) -> Tensor:
    """Samples of the data, always the same."""
    return dataset.sample(POINTS, torch.Generator().manual_seed(0))


def draw(ax: Any, samples: Tensor, dataset: Dataset, title: str, color: str) -> None:
    """Images side by side, points in the window of the data, or a histogram of what has one coordinate."""
    ax.set_title(title, fontsize=6.5)
    if len(dataset.shape) == 3:
        picture = mosaic(images_of(samples[:TILES], dataset))
        ax.imshow(picture, cmap="gray", vmin=0, vmax=255)
        return
    ax.set_box_aspect(1)
    data, points = true_samples(dataset).numpy(), samples.numpy()
    low, high = data.min(0), data.max(0)
    pad = np.where(high > low, 0.15 * (high - low), 1.0)  # some room where all data are the same too
    ax.set_xlim(low[0] - pad[0], high[0] + pad[0])
    if dataset.dim == 1:
        ax.hist(points[:, 0], bins=60, range=ax.get_xlim(), color=color)
        return
    ax.plot(*points[:, :2].T, "o", color=color, ms=1.3, mew=0, alpha=0.6)
    ax.set_ylim(low[1] - pad[1], high[1] + pad[1])


def short(label: str) -> str:
    """A label that fits above a small panel."""
    return label if len(label) <= 26 else f"{label[:25]}…"
