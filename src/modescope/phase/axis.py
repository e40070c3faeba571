"""An axis of a phase diagram: a hyper-parameter and its values."""

__all__ = ["Axis"]

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..core.errors import ModescopeError, need

MOST = 1000  # values of an axis: a picture has no room for more
WIDE = 100.0  # the ratio of the ends from which on values are spread evenly by their logarithms
FORM = "expected NAME=LOW..HIGH:COUNT, as in lr=1e-4..1e-2:8, or NAME=A,B,..."


@dataclass(frozen=True)
class Axis:
    """A hyper-parameter and its values, ascending.

    Arguments:
        name: The hyper-parameter.
        values: At least two, at most 1000.
        log: Whether the axis is drawn logarithmically.

    Raises:
        ModescopeError: If there are too few values or too many, or they do not ascend.
    """

    name: str
    values: tuple[float, ...]
    log: bool = False

    def __post_init__(self) -> None:
        need_some(self.name, len(self.values))
        ascends = all(a < b for a, b in zip(self.values, self.values[1:], strict=False))
        need(
            ascends and all(map(math.isfinite, self.values)),
            f"{self.name} has the values {list(self.values)}, expected finite ones that ascend",
        )
        need(not self.log or self.values[0] > 0, f"{self.name} has values up to 0, which a log scale has no place for")

    @classmethod
    def parse(cls, text: str) -> "Axis":
        """The axis that a text stands for.

        ``lr=1e-4..1e-2:8`` is eight values from end to end, spread evenly, by their logarithms if the ends are at least
        a hundred apart; ``:log`` or ``:lin`` after it says otherwise. ``unroll=0,1,5`` lists them.

        Raises:
            ModescopeError: If the text is of neither form.

        Example:
            >>> Axis.parse("lr=1e-4..1e-2:3").values
            (0.0001, 0.001, 0.01)
        """
        name, equals, rest = text.partition("=")
        name = name.strip().replace("-", "_")
        need(bool(equals and name and rest.strip()), f"axis {text!r} cannot be read, {FORM}")
        try:
            return cls.spread(name, rest.strip()) if ".." in rest else cls.listed(name, rest)
        except ModescopeError:
            raise
        except ValueError:
            raise ModescopeError(f"axis {text!r} cannot be read, {FORM}") from None

    @classmethod
    def listed(cls, name: str, text: str) -> "Axis":
        """An axis of values that are listed, drawn logarithmically where that is how they are spread."""
        values = tuple(float(part) for part in text.split(","))
        return cls(name, values, wide(values[0], values[-1]) or doubling(values))

    @classmethod
    def spread(cls, name: str, text: str) -> "Axis":
        """An axis of values from end to end."""
        low_text, _, rest = text.partition("..")
        high_text, *parts = rest.split(":")
        if len(parts) not in (1, 2):
            raise ValueError(text)
        low, high, count = float(low_text), float(high_text), int(parts[0])
        scale = parts[1] if len(parts) == 2 else ("log" if wide(low, high) else "lin")
        need(scale in ("log", "lin"), f"{name} has the scale {scale!r}, expected log or lin")
        need_some(name, count)
        need(-math.inf < low < high < math.inf, f"{name} runs from {low:g} to {high:g}, expected it to ascend")
        need(scale == "lin" or low > 0, f"{name} begins at {low:g}, expected more than 0 on a log scale")
        spread = np.geomspace if scale == "log" else np.linspace
        # Ten digits: what a reader would write, and enough to tell neighbours apart.
        return cls(name, tuple(float(f"{value:.10g}") for value in spread(low, high, count)), scale == "log")

    def whole(self) -> "Axis":
        """The axis with its values rounded to whole numbers, for a hyper-parameter that counts something.

        Raises:
            ModescopeError: If two of them round to the same.
        """
        rounded = tuple(float(round(value)) for value in self.values)
        need(
            len(set(rounded)) == len(rounded),
            f"{self.name} takes whole numbers, and the values {', '.join(f'{v:g}' for v in self.values)} round to the "
            "same ones: take fewer",
        )
        return Axis(self.name, rounded, self.log)


def need_some(name: str, count: int) -> None:
    """Refuses too few values and too many."""
    need(count >= 2, f"{name} has {count} values, expected at least 2")
    need(count <= MOST, f"{name} has {count:,} values, expected at most {MOST:,}")


def wide(low: float, high: float) -> bool:
    """Whether a log scale suits values from end to end."""
    return low > 0 and high / low >= WIDE


def doubling(values: Sequence[float]) -> bool:
    """Whether values are spread more evenly by their logarithms than as they are, as 1, 2, 4, 8 are."""
    if len(values) < 3 or min(values) <= 0:
        return False
    gaps, ratios = np.diff(values), np.diff(np.log(values))
    return bool(gaps.min() > 0 and ratios.std() / ratios.mean() < gaps.std() / gaps.mean())
