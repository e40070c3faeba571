"""What the page's scripts read: plain data, in which arrays of small whole numbers are base64."""

__all__ = ["encoded", "payload_of"]

import base64
import dataclasses
import json
import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from .backdrop import BINS, Backdrop, backdrop_of
from .curves import charts_of
from .figures import UNIT, Film, films_of, panels_of, quantised, seed_label, shown_of
from .groups import Scene
from .mosaic import LIGHT, data_uri, mosaic

PANELS = 48  # members that are drawn
SVG_POINTS = 16_000  # of all panels together; more make a page slow
POINTS = 500  # of a panel
FILM_NUMBERS = 5_000_000  # coordinates of all films (of images: their files), two bytes each, a third more in base64
DIGITS = 5


def payload_of(scene: Scene, scenes: int = 1) -> dict[str, Any]:
    """The data of the figures of a scene, which is one of `scenes` on the page."""
    backdrop = backdrop_of(scene.dataset)
    shown = shown_of(scene, PANELS // scenes)
    points = min(POINTS, max(100, SVG_POINTS // scenes // sum(len(part.members) for part in shown)))
    return {
        "unit": UNIT,
        "bins": BINS,
        "modes": len(scene.dataset.modes) if scene.dataset.modes is not None else None,
        "judged": scene.dataset.modes is not None and scene.dataset.modes.judged,
        "labels": [group.label for group in scene.groups],
        "backdrop": backdrop_data(backdrop),
        "charts": [plain(chart) for chart in charts_of(scene)],
        "panels": [
            {
                "group": part.group,
                "total": part.total,
                "panels": plain(panels_of(scene.groups[part.group], part.members, backdrop, points)),
            }
            for part in shown
        ],
        "films": [film_data(film, scene) for film in films_of(scene, shown, backdrop, FILM_NUMBERS // scenes)],
    }


def backdrop_data(backdrop: Backdrop) -> dict[str, Any]:
    """What is drawn behind samples; points and lines are quantised as the samples are."""
    return {
        "kind": backdrop.kind,
        "axes": plain(backdrop.axes),
        "view": plain(backdrop.view),
        "about": backdrop.about,
        "aspect": plain(backdrop.aspect),
        "heat": plain(backdrop.heat),
        "outlines": [plain(quantised(line, backdrop)) for line in backdrop.outlines],
        "truth": None if backdrop.truth is None else plain(quantised(backdrop.truth, backdrop)),
        "profile": plain(backdrop.profile),
    }


def film_data(film: Film, scene: Scene) -> dict[str, Any]:
    """A film, with the labels of its members; of images, a picture of each member at each frame."""
    group = scene.groups[film.group]
    labels = [seed_label(group, member) for member in film.members]
    if not scene.of_images:
        return {**plain(film), "labels": labels}
    pictures = [[data_uri(mosaic(images), LIGHT) for images in frame] for frame in film.points]
    bare = plain(dataclasses.replace(film, points=film.points[:0]))
    return {**bare, "points": {"shape": list(film.points.shape)}, "pictures": pictures, "labels": labels}


def plain(value: Any) -> Any:
    """Nested data as JSON knows it: numbers that are not finite are null, others are rounded to a few digits."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, np.ndarray) and value.dtype.kind in "iu" and value.itemsize <= 2:
        return {"shape": list(value.shape), "bytes": value.itemsize, "data": base64.b64encode(value.tobytes()).decode()}
    if isinstance(value, np.ndarray):
        return plain(value.tolist())
    if isinstance(value, Mapping):
        return {key: plain(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [plain(part) for part in value]
    if isinstance(value, float):
        return float(f"{value:.{DIGITS}g}") if math.isfinite(value) else None
    return value


def encoded(payload: Any) -> str:
    """JSON that may stand inside a script element: no text in it can end the element."""
    text = json.dumps(payload, allow_nan=False, ensure_ascii=False, separators=(",", ":"))
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")
