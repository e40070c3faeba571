"""The film of training as GIF and MP4."""

__all__ = ["movies_of"]

import io
import math
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..core.errors import ModescopeError, extra
from .backdrop import Backdrop
from .figures import Film, bin_centers, coordinates, films_of, histogram, seed_label, shown_of
from .groups import Scene
from .mosaic import mosaic
from .paint import DPI, INK, SOFT, canvas, color_of, label_of, paint_backdrop, paint_images
from .text import number
from .thin import evenly

PANELS = 24  # members in the film
WIDEST = 8  # panels in a row
NUMBERS = 2_000_000  # coordinates that are drawn
OF_IMAGES = 6_000_000  # the same of images, which are held as bytes, ten times as many as files of them
MP4_FRAMES, GIF_FRAMES = 240, 80
SECONDS = 10.0  # that a film lasts
HOLD = 1.5  # seconds that the last frame stays
QUALITY = ["-crf", "27", "-preset", "veryfast", "-movflags", "+faststart"]
GIF_WIDTH = 800  # pixels; larger ones grow too heavy for slides


@dataclass
class Cell:
    """One member's panel.

    Arguments:
        film: The film of its group.
        member: Its place in the film.
        ax: Its axes.
        dots: What shows its samples, as points, a histogram or images, moved from frame to frame.
        score: The text of its score.
    """

    film: Film
    member: int
    ax: Any
    dots: Any
    score: Any


def movies_of(scene: Scene, backdrop: Backdrop) -> list[tuple[str, bytes]]:
    """The film as ``film.gif`` and ``film.mp4``; nothing if no run kept samples along training."""
    films = films_of(scene, shown_of(scene, PANELS), backdrop, OF_IMAGES if scene.of_images else NUMBERS)
    if not films:
        return []
    steps = np.unique(np.concatenate([film.steps for film in films]))
    steps = steps[evenly(len(steps), MP4_FRAMES)]
    frames = list(frames_of(scene, films, backdrop, steps))
    few = evenly(len(frames), GIF_FRAMES)
    return [("film.gif", gif_of([frames[i] for i in few])), ("film.mp4", mp4_of(frames))]


def frames_of(scene: Scene, films: list[Film], backdrop: Backdrop, steps: np.ndarray) -> Iterator[np.ndarray]:
    """A picture for each step, with shape `(height, width, 3)`: all that moves is drawn over one still picture."""
    figure, cells, clock = still_picture(scene, films, backdrop)
    agg = extra("matplotlib.backends.backend_agg", "report", "drawing pictures").FigureCanvasAgg(figure)
    agg.draw()
    still = agg.copy_from_bbox(figure.bbox)
    for step in steps:
        agg.restore_region(still)
        for cell in cells:
            move(cell, backdrop, int(step), len(scene.dataset.modes) if scene.dataset.modes is not None else 0)
        clock.set_text(f"step {step:,} of {steps[-1]:,}")
        figure.draw_artist(clock)
        yield np.asarray(agg.buffer_rgba())[..., :3].copy()


def still_picture(scene: Scene, films: list[Film], backdrop: Backdrop) -> tuple[Any, list[Cell], Any]:
    """All that does not move, a cell for each member, and the text of the step."""
    most = max(len(film.members) for film in films)
    across = min(WIDEST if len(films) > 1 else 4, most)
    blocks = [math.ceil(len(film.members) / across) for film in films]
    width = min(3.0, 12.4 / across)
    height = even(sum(blocks) * (width / backdrop.aspect + 0.3) + 0.5)
    figure, axes = canvas(sum(blocks), across, (even(width * across + 0.4), height))
    figure.get_layout_engine().set(rect=(0, 0, 1, 1 - 0.4 / height), w_pad=0.03, h_pad=0.03)
    for ax in axes.flat:
        ax.set_axis_off()
    cells, top = [], 0
    for film, rows in zip(films, blocks, strict=True):
        places = axes[top : top + rows].flat
        cells += [cell_of(scene, film, member, places[member], backdrop) for member in range(len(film.members))]
        label = label_of(scene.groups[film.group].label, 30)
        places[0].set_ylabel(label, color=color_of(film.group), weight="bold", fontsize=10)
        top += rows
    clock = figure.text(0.99, 1 - 0.1 / height, "", ha="right", va="top", fontsize=13, color=INK, animated=True)
    return figure, cells, clock


def even(inches: float) -> float:
    """A length of an even number of pixels, as video needs."""
    return 2 * round(inches * DPI / 2) / DPI


def cell_of(scene: Scene, film: Film, member: int, ax: Any, backdrop: Backdrop) -> Cell:
    """One member's panel, without its samples."""
    ax.set_axis_on()
    ax.spines[["top", "right"]].set_visible(True)
    ax.spines[["top", "right", "left", "bottom"]].set_color("#dfe3e8")
    paint_backdrop(ax, backdrop)
    ax.set(xticks=[], yticks=[])
    style = {"color": color_of(film.group), "animated": True, "zorder": 2}
    if backdrop.kind == "images":
        dots = paint_images(ax, mosaic(film.points[0, member]), animated=True)
    elif backdrop.kind == "line":
        (dots,) = ax.plot([], [], drawstyle="steps-mid", lw=1.6, **style)
    else:
        (dots,) = ax.plot([], [], "o", ms=2.4, mew=0, alpha=0.6, **style)
    name = seed_label(scene.groups[film.group], film.members[member])
    ax.set_title(name, fontsize=8, color=SOFT, loc="left", pad=2)
    place = {"transform": ax.transAxes, "ha": "right", "va": "bottom", "fontsize": 8}
    return Cell(film, member, ax, dots, ax.text(1, 1.01, "", color=INK, animated=True, **place))


def move(cell: Cell, backdrop: Backdrop, step: int, modes: int) -> None:
    """Draws a member's samples and score at a step: those of its newest look."""
    film = cell.film
    frame = max(0, int(np.searchsorted(film.steps, step, side="right")) - 1)
    points = film.points[frame, cell.member]
    if backdrop.kind == "images":
        picture = mosaic(points)
        cell.dots.set_data(np.broadcast_to(picture, (*picture.shape[:2], 3)))
    elif backdrop.kind == "line":
        cell.dots.set_data(bin_centers(backdrop), histogram(coordinates(points, backdrop)[:, 0], backdrop))
    else:
        cell.dots.set_data(*coordinates(points, backdrop).T)
    score = number(float(film.scores[frame, cell.member]))
    cell.score.set_text(f"{score}/{modes}" if film.measure == "modes" else f"SW2 {score}")
    cell.ax.draw_artist(cell.dots)
    cell.ax.draw_artist(cell.score)


def gif_of(frames: list[np.ndarray]) -> bytes:
    """A GIF that repeats, in at most 128 colours."""
    image = extra("PIL.Image", "report", "drawing pictures")
    height, width = frames[0].shape[:2]
    size = (min(GIF_WIDTH, width), round(height * min(1.0, GIF_WIDTH / width)))
    pictures = [image.fromarray(frame).resize(size, image.Resampling.LANCZOS) for frame in frames]
    palette = palette_of(pictures[len(pictures) // 2])
    first, *rest = [picture.quantize(palette=palette, dither=image.Dither.NONE) for picture in pictures]
    each = max(40, round(1000 * SECONDS / len(frames)))
    lasting = [each] * (len(frames) - 1) + [round(1000 * HOLD)]
    file = io.BytesIO()
    first.save(file, "GIF", save_all=True, append_images=rest, duration=lasting, loop=0, optimize=False)
    return file.getvalue()


def palette_of(picture: Any) -> Any:
    """A picture with the colours that all frames use: those of one frame, and white for the paper."""
    image = extra("PIL.Image", "report", "drawing pictures")
    palette = picture.quantize(128, image.Quantize.MAXCOVERAGE, dither=image.Dither.NONE)
    colors = np.array(palette.getpalette()).reshape(-1, 3)
    colors[colors.sum(axis=1).argmax()] = 255
    palette.putpalette(colors.ravel().tolist())
    return palette


def mp4_of(frames: list[np.ndarray]) -> bytes:
    """An H.264 video that any player and slide program shows."""
    ffmpeg = extra("imageio_ffmpeg", "report", "an MP4 animation")
    height, width = frames[0].shape[:2]
    rate = max(8.0, len(frames) / SECONDS)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "film.mp4"
        try:
            writer = ffmpeg.write_frames(
                str(path),
                (width, height),
                fps=rate,
                quality=None,
                macro_block_size=2,
                ffmpeg_log_level="error",
                output_params=QUALITY,
            )
            writer.send(None)
            for frame in [*frames, *[frames[-1]] * round(HOLD * rate)]:
                writer.send(np.ascontiguousarray(frame))
            writer.close()
            return path.read_bytes()
        except (OSError, RuntimeError) as error:
            reason = str(error).strip().splitlines()[-1:] or [type(error).__name__]
            raise ModescopeError(f"the MP4 animation failed in ffmpeg: {reason[0]}") from error
