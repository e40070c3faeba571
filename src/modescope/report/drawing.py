"""What all drawings share: a sheet to draw on, colours that the colour-blind tell apart, and small files."""

__all__ = ["BLUE", "DRAWING", "GREEN", "GREY", "ORANGE", "canvas", "pixels", "png_of", "save"]

import io
from pathlib import Path
from typing import Any

import numpy as np

from ..core.errors import extra
from ..core.files import atomic_write

BLUE, ORANGE, GREEN, GREY = "#0072B2", "#D55E00", "#009E73", "#5b6675"  # the first three: Okabe and Ito
DRAWING = ("report", "drawing figures")


def canvas(rows: int, columns: int, size: tuple[float, float], dpi: int = 130) -> tuple[Any, Any]:
    """A figure apart from any global state, and its axes, with shape `(rows, columns)`."""
    figure = extra("matplotlib.figure", *DRAWING).Figure(figsize=size, dpi=dpi, layout="constrained")
    figure.get_layout_engine().set(w_pad=0.06, h_pad=0.08)
    axes = figure.subplots(rows, columns, squeeze=False)
    for ax in axes.flat:
        ax.spines[["top", "right"]].set_visible(False)
    return figure, axes


def pixels(figure: Any) -> np.ndarray:
    """The drawn figure as bytes, with shape `(height, width, 3)`."""
    sheet = extra("matplotlib.backends.backend_agg", *DRAWING).FigureCanvasAgg(figure)
    sheet.draw()
    return np.asarray(sheet.buffer_rgba())[..., :3].copy()


def png_of(figure: Any, colors: int = 256) -> bytes:
    """The figure as a PNG file, with few colours, which flat drawings do not exceed to the eye."""
    image, small = extra("PIL.Image", *DRAWING), io.BytesIO()
    drawn = image.fromarray(pixels(figure))
    drawn.quantize(colors, dither=image.Dither.NONE).save(small, "PNG", optimize=True)
    return small.getvalue()


def save(figure: Any, path: Path, colors: int = 128) -> Path:
    """Writes the picture in one step."""
    return atomic_write(path, png_of(figure, colors))
