"""Small drawings as SVG, in the colours of the page's theme."""

__all__ = ["Scale", "element", "line", "path", "text"]

import math
from collections.abc import Iterable
from dataclasses import dataclass
from html import escape


@dataclass(frozen=True)
class Scale:
    """A map from values to places on the drawing.

    Arguments:
        low: The value at `start`.
        high: The value at `end`.
        start: A place, in units of the drawing.
        end: Another.
        log: Whether equal ratios, not equal differences, are equally far apart.
    """

    low: float
    high: float
    start: float
    end: float
    log: bool = False

    def __call__(self, value: float) -> float:
        low, high, at = map(math.log, (self.low, self.high, value)) if self.log else (self.low, self.high, value)
        return round(self.start + (self.end - self.start) * (at - low) / ((high - low) or 1.0), 1)

    def ticks(self, most: int = 6) -> list[float]:
        """Round values within the scale, at most about so many."""
        return self.ratios(most) if self.log else self.steps(most)

    def steps(self, most: int) -> list[float]:
        """Multiples of 1, 2 or 5 times a power of ten."""
        rough = (self.high - self.low) / most or 1.0
        power = 10 ** math.floor(math.log10(rough))
        step = next(power * times for times in (1, 2, 5, 10) if power * times >= rough * 0.999)
        first = math.ceil(self.low / step - 1e-9)
        return [float(f"{i * step:.12g}") for i in range(first, math.floor(self.high / step + 1e-9) + 1)]

    def ratios(self, most: int) -> list[float]:
        """Powers of ten, with 2 and 5 between them where there is room."""
        decades = range(math.floor(math.log10(self.low)), math.ceil(math.log10(self.high)) + 1)
        for times in ((1, 2, 5), (1, 3), (1,)):
            found = [10.0**decade * time for decade in decades for time in times]
            found = [value for value in found if self.low * 0.999 <= value <= self.high * 1.001]
            if len(found) <= most:
                break
        return found


def element(tag: str, content: str = "", /, **attributes: object) -> str:
    """An element; `content` is markup, values of attributes are text. Of names, ``_`` stands for ``-``."""
    given = "".join(
        f' {name.strip("_").replace("_", "-")}="{escape(str(value))}"' for name, value in attributes.items()
    )
    return f"<{tag}{given}>{content}</{tag}>" if content else f"<{tag}{given}/>"


def text(x: float, y: float, content: str, **attributes: object) -> str:
    """Plain text at a place."""
    return element("text", escape(content), **{"x": x, "y": y, **attributes})


def line(x1: float, y1: float, x2: float, y2: float, **attributes: object) -> str:
    """A straight line."""
    return element("path", "", d=f"M{x1:g} {y1:g}L{x2:g} {y2:g}", **attributes)


def path(points: Iterable[tuple[float, float]]) -> str:
    """The outline of a line through points, for ``d``."""
    return "M" + "L".join(f"{x:g} {y:g}" for x, y in points)
