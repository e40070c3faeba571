"""Pictures for slides: PNG figures, and the film of training as GIF and MP4."""

__all__ = ["write_pictures"]

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..core.errors import ModescopeError
from ..core.files import atomic_write
from ..runs import Run
from .backdrop import Backdrop, backdrop_of
from .curves import Chart, charts_of
from .drawing import png_of
from .figures import bin_centers, coordinates, panels_of, shown_of
from .gallery import final_picture
from .groups import Scene, scenes_of
from .mosaic import mosaic
from .movie import movies_of
from .paint import INK, SOFT, canvas, color_of, dash_of, label_of, paint_backdrop, paint_images
from .table import summary_of
from .text import plural, slug

PANELS = 48  # members that are drawn, in all
POINTS = 500  # of a panel
ACROSS = 4  # panels or charts in a row


def write_pictures(runs: Sequence[Run], folder: str | Path) -> list[Path]:
    """Writes the figures of a report for slides: the summary, the curves, the samples of each group, and the film.

    The film is left out for runs that kept no samples along training.

    Arguments:
        runs: The runs, each trained to its end.
        folder: Where to; it is made if need be, and files of the same names are replaced.

    Returns:
        The files.

    Raises:
        ModescopeError: If there are no runs, one is not done, or the folder cannot be written.
        MissingExtraError: If a library of the extra ``report`` is not installed.
    """
    scenes, folder, written = scenes_of(runs), Path(folder), []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for index, scene in enumerate(scenes, start=1):
            prefix = f"{index}-{slug(type(scene.dataset).__name__)}-" if len(scenes) > 1 else ""
            for name, content in pictures_of(scene):
                written.append(atomic_write(folder / f"{prefix}{name}", content))
    except OSError as error:
        raise ModescopeError(f"pictures cannot be written to {str(folder)!r}: {error.strerror or error}") from error
    return written


def pictures_of(scene: Scene) -> list[tuple[str, bytes]]:
    """The files of a scene, by name."""
    backdrop = backdrop_of(scene.dataset)
    files = [("summary.png", draw_summary(scene)), ("curves.png", draw_curves(scene))]
    for part in shown_of(scene, PANELS):
        name = f"samples-{part.group + 1}-{slug(scene.groups[part.group].label)}.png"
        files.append((name, draw_samples(scene, part.group, part.members, backdrop)))
    return files + movies_of(scene, backdrop)


def draw_summary(scene: Scene) -> bytes:
    """For each metric, every member's score, the mean with its interval, and the floor."""
    summary = summary_of(scene)
    count, groups = len(summary.columns), len(summary.rows)
    across = min(ACROSS, count)
    down = math.ceil(count / across)
    figure, axes = canvas(down, across, (12.8, down * (1.3 + 0.42 * groups)))
    for i, ax in enumerate(axes.flat):
        if i >= count:
            ax.set_axis_off()
            continue
        column = summary.columns[i].result
        for row, line in enumerate(summary.rows):
            paint_score(ax, row, line.cells[i])
        if math.isfinite(column.floor):
            ax.axvline(column.floor, color=INK, lw=1, ls="--")
        better = "higher is better" if column.direction == "higher" else "lower is better"
        ax.set_title(f"{label_of(column.label)} ({better})", fontsize=10, color=INK)
        named = i % across == 0
        labels = [label_of(line.group.label, 32) if named else "" for line in summary.rows]
        ax.set_yticks(range(groups), labels, color=INK, fontsize=10)
        ax.set_ylim(groups - 0.5, -0.5)
    figure.supxlabel(
        "dots: seeds; bar: 95 % interval of their mean; dashes: a perfect sampler", fontsize=10, color=SOFT
    )
    return png_of(figure)


def paint_score(ax: Any, row: int, cell: Any) -> None:
    """One group's scores on one metric."""
    color = color_of(row)
    ax.plot(cell.per_member, [row] * len(cell.per_member), "o", color=color, alpha=0.35, ms=5, mew=0)
    if math.isfinite(cell.low):
        ax.plot([cell.low, cell.high], [row, row], color=color, lw=2.5, solid_capstyle="butt")
    ax.plot([cell.value], [row], "D", color=color, ms=7, mec="white")


def draw_curves(scene: Scene) -> bytes:
    """Every chart of the report."""
    charts = charts_of(scene)
    across = min(ACROSS, max(1, len(charts)))
    down = max(1, math.ceil(len(charts) / across))
    figure, axes = canvas(down, across, (12.8, 3 * down + 0.6))
    for ax in axes.flat[len(charts) :]:
        ax.set_axis_off()
    for ax, chart in zip(axes.flat, charts, strict=False):
        paint_chart(ax, chart)
    handles = [axes.flat[0].plot([], [], color=color_of(i), ls=dash_of(i), lw=2)[0] for i in range(len(scene.groups))]
    labels = [label_of(group.label, 40) for group in scene.groups]
    figure.legend(handles, labels, loc="outside lower center", ncols=min(4, len(labels)), frameon=False, fontsize=10)
    return png_of(figure)


def paint_chart(ax: Any, chart: Chart) -> None:
    """One quantity: medians, the middle half, and the range over members."""
    for curve in chart.curves:
        color = color_of(curve.group)
        least, low, middle, high, most = curve.bands
        ax.fill_between(curve.steps, least, most, color=color, alpha=0.10, lw=0)
        ax.fill_between(curve.steps, low, high, color=color, alpha=0.22, lw=0)
        ax.plot(curve.steps, middle, color=color, lw=1.6, ls=dash_of(curve.group))
    if chart.floor is not None:
        ax.axhline(chart.floor, color=INK, lw=1, ls="--")
    ax.set_ylim(*chart.limits)
    ax.set_title(label_of(chart.title), fontsize=10.5, color=INK)
    ax.set_xlabel("step", fontsize=9, color=SOFT)


def draw_samples(scene: Scene, index: int, members: Sequence[int], backdrop: Backdrop) -> bytes:
    """The final samples of a group's members, the worst first."""
    group = scene.groups[index]
    panels = panels_of(group, members, backdrop, POINTS)
    images = backdrop.images is not None
    across = min(ACROSS, len(panels) + images)
    down = math.ceil((len(panels) + images) / across)
    width = 3.0 if across > 1 else 5.0
    figure, axes = canvas(down, across, (max(5.0, width * across), down * (width / backdrop.aspect + 0.55) + 0.5))
    places = list(axes.flat)
    if backdrop.images is not None:
        paint_backdrop(places[0], backdrop)
        paint_images(places[0], mosaic(backdrop.images))
        places[0].set_title("true images", fontsize=9, color=INK)
        places = places[1:]
    for ax, panel, member in zip(places, panels, members, strict=False):
        paint_backdrop(ax, backdrop)
        if backdrop.images is not None:
            paint_images(ax, final_picture(group, member))
        if panel.points is not None:
            dots = coordinates(panel.points, backdrop)
            ax.plot(*dots.T, "o", color=color_of(index), alpha=0.6, ms=2.6, mew=0, zorder=2)
        if panel.bars is not None:
            x = bin_centers(backdrop)
            ax.bar(x, panel.bars, x[1] - x[0], color=color_of(index), alpha=0.6, zorder=2)
        badge = f" ({panel.badge})" if panel.badge else ""
        ax.set_title(f"{panel.label}{badge}\n{panel.fate.replace(' · ', chr(10))}", fontsize=9, color=INK)
    for ax in places[len(panels) :]:
        ax.set_axis_off()
    title = f"{label_of(group.label)}: final samples of {len(panels)} of {plural(len(group.at), 'seed')}"
    figure.suptitle(title, fontsize=12, color=INK)
    return png_of(figure)
