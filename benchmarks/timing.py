"""How ratios are taken: pairs of timings, one right after the other, and the median of their ratios."""

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Ratio:
    """How two rates compare.

    Arguments:
        name: What was compared.
        ours: Our median rate.
        theirs: The other's median rate.
        unit: Of the rates.
        ratio: The median of the pairs' ratios.
        low: The smallest pair's ratio.
        high: The largest.
        target: What the ratio should reach, in words.
    """

    name: str
    ours: float
    theirs: float
    unit: str
    ratio: float
    low: float
    high: float
    target: str

    def line(self) -> str:
        return (
            f"{self.name}\n    {self.ours:,.6g} against {self.theirs:,.6g} {self.unit}: "
            f"ratio {self.ratio:.3g} ({self.low:.3g} to {self.high:.3g} over pairs; {self.target})"
        )


def seconds(action: Callable[[], object]) -> float:
    """How long an action takes."""
    started = time.perf_counter()
    action()
    return time.perf_counter() - started


def paired(
    name: str, ours: Callable[[], float], theirs: Callable[[], float], unit: str, target: str, pairs: int = 5
) -> Ratio:
    """Measures two rates alternately.

    Arguments:
        name: What is compared.
        ours: Measures our rate once.
        theirs: Measures the other rate once.
        unit: Of both.
        target: What the ratio should reach, in words.
        pairs: How often.
    """
    rates = [(ours(), theirs()) for _ in range(pairs)]
    ratios = [a / b for a, b in rates]
    return Ratio(
        name,
        statistics.median(a for a, _ in rates),
        statistics.median(b for _, b in rates),
        unit,
        statistics.median(ratios),
        min(ratios),
        max(ratios),
        target,
    )
