"""What coverage costs: curves of entrants along their processor time, and the front that none beats."""

__all__ = ["Curve", "cost_chart", "curve_of", "front_of", "told"]

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import numpy as np

from ...report.text import number
from ...runs import History
from ..standings import Standing
from .svg import Scale, element, line, path, text

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 380, 270, 44, 12, 12, 42


@dataclass(frozen=True)
class Curve:
    """The mean over seeds of what an entrant reaches along training.

    Arguments:
        entrant: Its text.
        seconds: Processor seconds of one seed up to each look, with shape `(T,)`: its share of the population's.
        values: What it reaches, with shape `(T,)`.
    """

    entrant: str
    seconds: np.ndarray
    values: np.ndarray


def curve_of(standing: Standing, history: History, name: str) -> Curve | None:
    """The curve of a recorded quantity, of which a seed without a value has none; None where it was not recorded."""
    later = history.steps > 0
    if name not in history.curves or not later.any() or not standing.result.seconds > 0:
        return None
    own = history.curves[name][later][:, standing.result.at(standing.rate)]
    each = standing.result.seconds / len(standing.result.seeds)
    share = history.steps[later] / history.steps[-1]
    return Curve(standing.entrant, each * share, np.where(np.isfinite(own), own, 0.0).mean(axis=1))


def front_of(curves: Sequence[Curve]) -> list[tuple[float, float, str]]:
    """The Pareto front: seconds, value and entrant of each point that no point of any curve reaches for less.

    Arguments:
        curves: Curves whose values are better the higher they are.
    """
    points = [
        (float(seconds), -float(value), curve.entrant)
        for curve in curves
        for seconds, value in zip(curve.seconds, curve.values, strict=True)
    ]
    front: list[tuple[float, float, str]] = []
    for seconds, negative, entrant in sorted(points):
        if not front or -negative > front[-1][1]:
            front.append((seconds, -negative, entrant))
    return front


def cost_chart(curves: Sequence[Curve], top: float, axis: str) -> str:
    """The curves and their front as SVG.

    Arguments:
        curves: The curves, at least one.
        top: The greatest value there can be.
        axis: What the values are.
    """
    seconds = np.concatenate([curve.seconds for curve in curves])
    x = Scale(float(seconds.min()), float(max(seconds.max(), 1.01 * seconds.min())), LEFT, WIDTH - RIGHT, log=True)
    y = Scale(0.0, top, HEIGHT - BOTTOM, TOP)
    front = front_of(curves)
    leading = {entrant for _, _, entrant in front}
    parts = [frame(x, y, axis)]
    for curve in sorted(curves, key=lambda curve: curve.entrant in leading):
        points = zip(map(x, curve.seconds.tolist()), map(y, curve.values.tolist()), strict=True)
        kind = "curve leads" if curve.entrant in leading else "curve"
        end = f"{curve.entrant}: {number(curve.values[-1])} after {number(curve.seconds[-1])} s"
        about = element("title", escape(end))
        stroke = element("path", d=path(points), _class=kind)
        parts.append(element("g", about + stroke, data_entrant=curve.entrant))
    parts.append(element("path", d=stairs(front, x, y), _class="front"))
    label = f"{axis} against processor seconds"
    return element("svg", "".join(parts), viewBox=f"0 0 {WIDTH} {HEIGHT}", role="img", aria_label=label, _class="costs")


def frame(x: Scale, y: Scale, axis: str) -> str:
    """The axes, with their grid."""
    parts = []
    for tick in x.ticks():
        parts.append(line(x(tick), TOP, x(tick), HEIGHT - BOTTOM, _class="grid"))
        parts.append(text(x(tick), HEIGHT - BOTTOM + 15, f"{tick:g}", text_anchor="middle"))
    for tick in y.ticks():
        parts.append(line(LEFT, y(tick), WIDTH - RIGHT, y(tick), _class="grid"))
        parts.append(text(LEFT - 6, y(tick) + 4, f"{tick:g}", text_anchor="end"))
    middle = (TOP + HEIGHT - BOTTOM) / 2
    parts.append(text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 8, "processor seconds of one seed", text_anchor="middle"))
    turned = f"rotate(-90 12 {middle:g})"
    parts.append(text(12, middle, axis, text_anchor="middle", transform=turned))
    return "".join(parts)


def stairs(front: Sequence[tuple[float, float, str]], x: Scale, y: Scale) -> str:
    """The front as a line that rises where more is reached."""
    points: list[tuple[float, float]] = []
    for seconds, value, _ in front:
        points += [(x(seconds), points[-1][1] if points else y(value)), (x(seconds), y(value))]
    return path([*points, (x.end, points[-1][1])])


def told(front: Sequence[tuple[float, float, str]]) -> str:
    """The front in words: who leads from when on, with what."""
    parts: list[str] = []
    last = ""
    for seconds, value, entrant in front:
        if entrant != last:
            parts.append(f"{entrant} from {number(seconds, 2)} s ({number(value)})")
        last = entrant
    return ", ".join(parts)
