"""Drawing with matplotlib: what the pictures and the film have in common."""

__all__ = ["DPI", "INK", "SOFT", "canvas", "color_of", "dash_of", "label_of", "paint_backdrop", "paint_images"]

from typing import Any

import numpy as np

from ..core.errors import extra
from . import drawing
from .backdrop import Backdrop

COLORS = ("#0072b2", "#d55e00", "#009e73", "#b5579a", "#c98a00", "#6a4fb3")  # the colour-blind tell them apart
DASHES = ("-", "--", ":", "-.")
DPI = 120
INK, SOFT, SHADE = "#1c2430", "#5b6675", "#8d9bab"


def color_of(group: int) -> str:
    """The colour of a group."""
    return COLORS[group % len(COLORS)]


def dash_of(group: int) -> str:
    """The dash of a group, which tells groups of one colour apart."""
    return DASHES[group // len(COLORS) % len(DASHES)]


def label_of(text: str, width: int = 60) -> str:
    """Text that matplotlib shows as it is, not as mathematics, cut to a width."""
    return (text if len(text) <= width else text[: width - 1] + "…").replace("$", r"\$")


def canvas(rows: int, columns: int, size: tuple[float, float]) -> tuple[Any, np.ndarray]:
    """A figure apart from any global state, and its axes in soft colours, with shape `(rows, columns)`."""
    figure, axes = drawing.canvas(rows, columns, size, DPI)
    for ax in axes.flat:
        ax.spines[["left", "bottom"]].set_color(SHADE)
        ax.tick_params(colors=SOFT, labelsize=9)
    return figure, axes


def paint_backdrop(ax: Any, backdrop: Backdrop) -> None:
    """The density, outlines and true samples behind a member's samples, and the shape of the panel."""
    ax.set_box_aspect(1 / backdrop.aspect)
    if backdrop.kind == "images":
        ax.set(xticks=[], yticks=[])
        return
    if backdrop.profile is not None:
        ax.plot(*backdrop.profile, color=INK, lw=1.3, zorder=3)
        ax.set(xlim=backdrop.view[0], ylim=(0, 2 * backdrop.profile[1].max()))
        return
    (left, right), (low, high) = backdrop.view
    if backdrop.heat is not None:
        shade = extra("matplotlib.colors", "report", "drawing pictures").to_rgb(SHADE)
        image = np.empty((*backdrop.heat.shape, 4))
        image[..., :3], image[..., 3] = shade, 0.85 * backdrop.heat / 255
        ax.imshow(image, extent=(left, right, low, high), aspect="auto", zorder=0)
    if backdrop.truth is not None:
        ax.plot(*backdrop.truth.T, "o", color=SHADE, alpha=0.5, ms=1.8, mew=0, zorder=1)
    for line in backdrop.outlines:
        ax.plot(*line.T, color=SOFT, lw=0.6, alpha=0.8, zorder=1)
    ax.set(xlim=(left, right), ylim=(low, high))


def paint_images(ax: Any, picture: np.ndarray, **style: Any) -> Any:
    """A picture with shape `(height, width, 1 or 3)`, in its own shape within the panel; returns what shows it."""
    colours = np.broadcast_to(picture, (*picture.shape[:2], 3))
    return ax.imshow(colours, aspect="equal", interpolation="antialiased", **style)
