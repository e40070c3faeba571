"""The drawings of the KL paper's experiments."""

__all__ = ["along_budget", "along_pi", "along_training", "every_seed", "grids", "side_by_side"]

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ..datasets.base import Dataset
from ..metrics import MetricResult
from ..metrics.intervals import mean_interval
from ..report.drawing import BLUE, GREEN, GREY, ORANGE, canvas, save
from ..report.mosaic import images_of, mosaic
from ..runs import Run

COLOURS = (BLUE, ORANGE, GREEN, "#CC79A7", "#E69F00", "#56B4E9", "#000000")
POINTS = 1000  # of each member in a picture


def side_by_side(path: Path, runs: Mapping[str, Run], seeds: Mapping[str, int]) -> Path:
    """One member of each run, beside true samples, as the paper draws it.

    Arguments:
        path: The PNG to write.
        runs: The runs, by title.
        seeds: The index of the member to draw, by title.
    """
    dataset = next(iter(runs.values())).experiment.dataset
    true = dataset.sample(POINTS, torch.Generator().manual_seed(0)).numpy()
    columns = min(4, len(runs) + 1)
    rows = -(-(len(runs) + 1) // columns)
    figure, axes = canvas(rows, columns, (2.9 * columns, 3.0 * rows))
    for ax in axes.flat[len(runs) + 1 :]:
        ax.set_axis_off()
    scatter(axes.flat[0], dataset, true, "the data", GREY)
    for ax, (title, run) in zip(axes.flat[1:], runs.items(), strict=False):
        scatter(ax, dataset, run.samples()[seeds[title], :POINTS].numpy(), title, BLUE)
    return save(figure, path)


def every_seed(path: Path, run: Run, modes: MetricResult) -> Path:
    """The samples of every member of a run, from the fewest modes to the most.

    Arguments:
        path: The PNG to write.
        run: The run.
        modes: The modes that each member covers.
    """
    order = np.argsort(np.nan_to_num(modes.per_member, nan=-1), kind="stable")
    columns = min(5, len(order))
    rows = -(-len(order) // columns)
    figure, axes = canvas(rows, columns, (2.2 * columns, 2.4 * rows))
    for ax in axes.flat[len(order) :]:
        ax.set_axis_off()
    samples = run.samples()[:, :POINTS].numpy()
    for ax, member in zip(axes.flat, order, strict=False):
        title = f"seed {run.members[member].seed}: {modes.per_member[member]:.0f} modes"
        scatter(ax, run.experiment.dataset, samples[member], title, BLUE)
    return save(figure, path)


def along_training(path: Path, curves: Mapping[str, tuple[np.ndarray, np.ndarray]], label: str, floor: float) -> Path:
    """A quantity along training: the median over seeds, their quartiles, and a perfect sampler's value.

    Arguments:
        path: The PNG to write.
        curves: Steps, with shape `(T,)`, and values, with shape `(T, S)`, by title.
        label: What the quantity is.
        floor: What a perfect sampler scores.
    """
    figure, axes = canvas(1, 1, (8.6, 4.6))
    ax = axes[0, 0]
    for colour, (title, (steps, values)) in zip(COLOURS, curves.items(), strict=False):
        low, middle, high = np.nanpercentile(values.clip(min=floor / 10), (25, 50, 75), axis=1)
        ax.plot(steps, middle, color=colour, label=title, linewidth=1.8)
        ax.fill_between(steps, low, high, color=colour, alpha=0.15, linewidth=0)
    ax.axhline(floor, color=GREY, linestyle="--", linewidth=1.2, label="a perfect sampler")
    ax.set(xlabel="steps", ylabel=label, xlim=(0, None), yscale="log")
    figure.legend(loc="outside right upper", frameon=False, fontsize=9)
    return save(figure, path)


def along_budget(path: Path, curves: Mapping[str, tuple[np.ndarray, np.ndarray]], label: str) -> Path:
    """A quantity along the budget, its mean over seeds, each curve named at its end.

    Arguments:
        path: The PNG to write.
        curves: Shares of the budget, with shape `(T,)`, and values, with shape `(T, S)`, by title.
        label: What the quantity is.
    """
    figure, axes = canvas(1, 1, (9.6, 5.2))
    ax = axes[0, 0]
    for index, (title, (shares, values)) in enumerate(curves.items()):
        style = {"color": COLOURS[index % len(COLOURS)], "ls": ("-", "--", ":")[index // len(COLOURS)]}
        ax.plot(100 * shares, np.nanmean(values, axis=1), label=title, linewidth=1.8, **style)
    ax.set(xlabel="share of the gradient steps (%)", ylabel=label, xlim=(0, 100))
    figure.legend(loc="outside right upper", frameon=False, fontsize=9)
    return save(figure, path)


def grids(path: Path, runs: Mapping[str, Run], members: Mapping[str, int], across: int = 6) -> Path:
    """Images of one member of each run, beside true ones, each as a grid.

    Arguments:
        path: The PNG to write.
        runs: The runs, by title.
        members: The index of the member to draw, by title.
        across: Images in a row of a grid, which has as many rows.
    """
    data = next(iter(runs.values())).experiment.dataset
    count = across**2
    shown = {"the data": data.sample(count, torch.Generator().manual_seed(0))}
    shown |= {title: run.samples()[members[title], :count] for title, run in runs.items()}
    columns = min(4, len(shown))
    rows = -(-len(shown) // columns)
    figure, axes = canvas(rows, columns, (2.7 * columns, 2.9 * rows))
    for ax in axes.flat:
        ax.set_axis_off()
    for ax, (title, x) in zip(axes.flat, shown.items(), strict=False):
        ax.imshow(mosaic(images_of(x, data), across), interpolation="nearest")
        ax.set_title(title, fontsize=10)
    return save(figure, path)


def along_pi(
    path: Path, pis: Sequence[float], runs: Mapping[str, Mapping[str, tuple[MetricResult, np.ndarray]]]
) -> Path:
    """Measures against the weight of Method 1, on a logit axis: every member, and the mean with its interval.

    Arguments:
        path: The PNG to write.
        pis: The weights.
        runs: The result and the values, with shape `(len(pis), S)`, by measure and by title.
    """
    figure, axes = canvas(1, len(runs), (4.3 * len(runs), 3.9))
    places = np.log(np.asarray(pis) / (1 - np.asarray(pis)))
    for ax, (label, found) in zip(axes.flat, runs.items(), strict=True):
        for shift, colour, (title, (result, values)) in zip((-0.12, 0.12), (BLUE, ORANGE), found.items(), strict=False):
            means, lows, highs = np.array([mean_interval(row) for row in values]).T
            for place, row in zip(places, values, strict=True):
                ax.plot(np.full(len(row), place + shift), row, ".", color=colour, alpha=0.25, markersize=4)
            error = np.stack([means - lows, highs - means])
            ax.errorbar(places + shift, means, error, color=colour, marker="o", markersize=4, label=title, capsize=2)
            ax.axhline(result.floor, color=GREY, linestyle="--", linewidth=1)
        ax.set_title(label, fontsize=11)
        ax.set_xlabel("π")
        shown = [(p, x) for p, x in zip(pis, places, strict=True) if p != 0.5]
        ax.set_xticks([x for _, x in shown], [f"{p:g}" for p, _ in shown], fontsize=8)
    axes.flat[0].legend(frameon=False, fontsize=9)
    return save(figure, path)


def scatter(ax: Any, dataset: Dataset, points: np.ndarray, title: str, colour: str) -> None:
    """Samples in the window of the data."""
    (left, right), (bottom, top) = dataset.extent[:2]
    pad = 0.15 * (right - left)
    ax.plot(points[:, 0], points[:, 1], ".", color=colour, markersize=2.2, alpha=0.5, markeredgewidth=0)
    ax.set(xlim=(left - pad, right + pad), ylim=(bottom - pad, top + pad), aspect="equal", xticks=[], yticks=[])
    ax.set_title(title, fontsize=10)
