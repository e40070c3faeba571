"""The drawings of the two moons."""

__all__ = ["against_latent", "along_training", "animation", "every_seed", "stages"]

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ..core.files import atomic_write
from ..datasets.array import FixedSet
from ..datasets.base import Dataset
from ..datasets.moons import on_arc
from ..metrics import MetricResult
from ..report.drawing import BLUE, GREEN, GREY, ORANGE, canvas, pixels, save
from ..report.movie import gif_of
from .moons_measures import BOTH, COVERAGE, LIGHTER, OFF, ON_EACH, W1

WINDOW = (-1.9, 2.9), (-1.3, 1.8)  # of every picture of samples
PANELS = (  # the least top of the axis, the measures in it, and their title
    (0.0, (W1,), "Wasserstein-1 distance (logarithmic)"),
    (1.05, (COVERAGE,), "arc coverage, both moons"),
    (1.05, (BOTH,), "share of seeds that cover both moons"),
    (1.05, (OFF,), "samples off both moons"),
    (0.55, (LIGHTER,), "samples nearest to the lighter moon"),
    (0.55, ON_EACH, "samples on outer (blue), inner (green)"),
)


def stages(path: Path, dataset: Dataset, steps: np.ndarray, samples: np.ndarray) -> Path:
    """One network at several steps, side by side, as the review draws it.

    Arguments:
        path: The PNG to write.
        dataset: The moons.
        steps: The step of each panel, with shape `(P,)`.
        samples: The samples at each step, with shape `(P, n, 2)`.
    """
    figure, axes = canvas(1, len(steps), (3.1 * len(steps), 2.35))
    for ax, step, points in zip(axes.flat, steps, samples, strict=True):
        draw_samples(ax, dataset, points, size=9)
        ax.set_title(f"after {step:,} steps", fontsize=11)
    return save(figure, path)


def every_seed(path: Path, dataset: Dataset, samples: np.ndarray, seeds: Sequence[int], result: MetricResult) -> Path:
    """The samples of every member, from the best to the worst.

    Arguments:
        path: The PNG to write.
        dataset: The moons.
        samples: The samples, with shape `(S, n, 2)`.
        seeds: The seed of each member.
        result: The measure that they are ordered by, lower being better.
    """
    columns = min(4, len(seeds))
    rows = -(-len(seeds) // columns)
    figure, axes = canvas(rows, columns, (2.9 * columns, 2.25 * rows))
    order = np.argsort(result.per_member)
    for ax in axes.flat[len(seeds) :]:
        ax.set_axis_off()
    for ax, member in zip(axes.flat, order, strict=False):
        draw_samples(ax, dataset, samples[member], size=5)
        ax.set_title(f"seed {seeds[member]}:  W$_1$ = {result.per_member[member]:.2f}", fontsize=10)
    return save(figure, path)


def against_latent(path: Path, results: Mapping[int, Mapping[str, MetricResult]]) -> Path:
    """Each measure against the latent dimension: every member, the mean with its interval, and the floor.

    Arguments:
        path: The PNG to write.
        results: The measures, by latent dimension and by name.
    """
    latents = sorted(results)
    figure, axes = canvas(2, 3, (11.6, 6.4))
    for ax, (top, names, title) in zip(axes.flat, PANELS, strict=True):
        for place, latent in enumerate(latents):
            for index, name in enumerate(names):
                width = 0.6 / len(names)
                middle = place + (index - (len(names) - 1) / 2) * width * 1.3
                draw_members(ax, results[latent][name], middle, width, (BLUE, GREEN)[index])
        ax.axhline(results[latents[0]][names[0]].floor, color=ORANGE, lw=1.6, ls=(0, (5, 3)), zorder=3)
        if names == (W1,):
            logarithmic(ax, results[latents[0]][W1].floor)
        else:
            top = max(top, ax.get_ylim()[1])
            ax.set_ylim(-0.04 * top, top)
        ax.set_xticks(range(len(latents)), [str(latent) for latent in latents])
        ax.set_xlim(-0.6, len(latents) - 0.4)
        ax.set_title(title, fontsize=11)
    for ax in axes[-1]:
        ax.set_xlabel("latent dimension")
    marks = [
        axes[0, 0].plot([], [], "o", color=BLUE, alpha=0.5, ms=6, mew=0)[0],
        axes[0, 0].plot([], [], "D", color="black", ms=5)[0],
        axes[0, 0].plot([], [], color=ORANGE, lw=1.6, ls=(0, (5, 3)))[0],
    ]
    legend = ["one seed", "mean and 95 % interval", "a perfect sampler"]
    figure.legend(marks, legend, loc="outside lower center", ncols=3, frameon=False, fontsize=11)
    return save(figure, path)


def draw_members(ax: Any, result: MetricResult, middle: float, width: float, color: str) -> None:
    """Every member as a dot, and the mean with its interval."""
    values = np.array(result.per_member)
    spread = np.linspace(-width / 2, width / 2, len(values)) if len(values) > 1 else np.zeros(1)
    ax.plot(middle + spread, values, "o", color=color, alpha=0.45, ms=3.6, mew=0, zorder=2)
    low, high = np.nan_to_num([result.value - result.low, result.high - result.value])
    style = {"color": "black", "ms": 4.5, "capsize": 3, "lw": 1.5, "zorder": 4}
    ax.errorbar(middle, result.value, [[low], [high]], fmt="D", **style)


def along_training(path: Path, steps: np.ndarray, curves: Mapping[int, np.ndarray], floor: float) -> Path:
    """The Wasserstein-1 distance along training: every member, and the median.

    Arguments:
        path: The PNG to write.
        steps: The steps, with shape `(T,)`.
        curves: The distance, with shape `(T, S)`, by latent dimension.
        floor: That of a perfect sampler.
    """
    figure, axes = canvas(1, len(curves), (11.6, 3.9))
    top = 1.3 * max(float(np.nanmax(curve)) for curve in curves.values())
    for ax, (latent, curve) in zip(axes.flat, sorted(curves.items()), strict=True):
        ax.plot(steps, curve, color=BLUE, alpha=0.35, lw=1)
        ax.plot(steps, np.nanmedian(curve, axis=1), color="black", lw=2.4)
        ax.axhline(floor, color=ORANGE, lw=1.6, ls=(0, (5, 3)))
        ax.set(xlim=(0, steps[-1]), xlabel="step")
        logarithmic(ax, floor, top)
        ax.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
        ax.set_title(f"latent dimension {latent}", fontsize=11.5)
    axes[0, 0].set_ylabel("Wasserstein-1 distance (logarithmic)")
    return save(figure, path)


def animation(path: Path, dataset: Dataset, steps: np.ndarray, samples: np.ndarray, titles: Sequence[str]) -> Path:
    """Some members along training, side by side.

    Arguments:
        path: The GIF to write.
        dataset: The moons.
        steps: The step of each frame, with shape `(T,)`.
        samples: The samples, with shape `(T, K, n, 2)`.
        titles: What to write above each member.
    """
    figure, axes = canvas(1, len(titles), (2.6 * len(titles), 2.1), dpi=100)
    title = figure.suptitle(f"step {steps[-1]:,}", fontsize=10)
    clouds = [draw_samples(ax, dataset, points, size=5) for ax, points in zip(axes.flat, samples[0], strict=True)]
    for ax, text in zip(axes.flat, titles, strict=True):
        ax.set_title(text, fontsize=9)
    pixels(figure)
    figure.set_layout_engine("none")  # the frames must not move

    def frames() -> Iterator[np.ndarray]:
        for step, kept in zip(steps, samples, strict=True):
            title.set_text(f"step {step:,}")
            for (cloud, note), points in zip(clouds, kept, strict=True):
                cloud.set_offsets(points)
                note.set_text(outside(points))
            yield pixels(figure)

    return atomic_write(path, gif_of(list(frames())))


def logarithmic(ax: Any, floor: float, top: float | None = None) -> None:
    """A logarithmic axis from below the floor, with plain numbers."""
    ax.set_yscale("log")
    ax.set_ylim(0.7 * floor, top)
    ticks = [tick for tick in (0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50) if 0.7 * floor < tick < ax.get_ylim()[1]]
    ax.set_yticks(ticks, [f"{tick:g}" for tick in ticks])
    ax.minorticks_off()


def draw_samples(ax: Any, dataset: Dataset, points: np.ndarray, size: float) -> tuple[Any, Any]:
    """Draws the data, the samples, and how many of them lie outside of the window; returns the latter two."""
    angle = torch.linspace(0, torch.pi, 100, dtype=torch.float64)
    for arc in (0.0, 1.0):
        ax.plot(*on_arc(torch.full_like(angle, arc), angle).T, color=ORANGE, lw=1.2, alpha=0.9, zorder=2)
    if isinstance(dataset, FixedSet):
        ax.plot(*dataset.points.T, "o", color=ORANGE, ms=3, zorder=3)
    cloud = ax.scatter(*points.T, s=size, color=BLUE, alpha=0.45, linewidths=0, zorder=4)
    place = {"transform": ax.transAxes, "ha": "right", "va": "bottom", "zorder": 5}
    paper = {"color": "white", "alpha": 0.8, "pad": 1.5, "lw": 0}
    note = ax.text(0.98, 0.03, outside(points), fontsize=8, color=GREY, bbox=paper, **place)
    ax.set(xlim=WINDOW[0], ylim=WINDOW[1], aspect="equal", xticks=[], yticks=[])
    ax.spines[:].set_visible(True)
    ax.spines[:].set_color("#c5ccd4")
    return cloud, note


def outside(points: np.ndarray) -> str:
    """How many points lie outside of the window, if any, from shape `(n, 2)`."""
    (left, right), (low, high) = WINDOW
    inside = (points > (left, low)).all(axis=1) & (points < (right, high)).all(axis=1)
    return "" if inside.all() else f"{(~inside).sum()} of {len(points)} outside"
