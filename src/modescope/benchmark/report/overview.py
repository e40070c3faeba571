"""All data sets and protocols at a glance: how much of each an entrant covers, and its worst seed."""

__all__ = ["Line", "Spot", "overview_of"]

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ...report.text import number
from ..panel import Panel
from ..standings import Standing, Standings
from .sources import kinds_of

HALF = 0.5


@dataclass(frozen=True)
class Spot:
    """One entrant on one data set.

    Arguments:
        share: The mean number of modes over what a perfect sampler covers; where no modes are known, the perfect
            sampler's distance over the mean one.
        text: The mean, of how many, or of which floor.
        worst: The same of the worst seed.
        tone: ``good`` if every seed covers all, ``bad`` if half or more are missed on average, else ``fair``; so where
            no modes are known.
    """

    share: float
    text: str
    worst: str
    tone: str


@dataclass(frozen=True)
class Line:
    """One entrant on all data sets.

    Arguments:
        entrant: Its text.
        kinds: What it changes.
        share: The mean of its shares.
        spots: One for each data set and protocol; None where it has no numbers.
    """

    entrant: str
    kinds: tuple[str, ...]
    share: float
    spots: tuple[Spot | None, ...]


def overview_of(found: Sequence[Standings]) -> list[Line]:
    """The lines of all entrants at the default learning rate, the greatest mean share first."""
    tables = [{standing.entrant: standing for standing in each.default} for each in found]
    kinds = {cell.entrant.label: kinds_of(cell.entrant) for each in found for cell in each.plan.possible}
    lines = []
    for entrant in dict.fromkeys(label for table in tables for label in table):
        spots = tuple(
            spot_of(table[entrant], each.plan.panel) if entrant in table else None
            for each, table in zip(found, tables, strict=True)
        )
        share = float(np.mean([spot.share for spot in spots if spot is not None]))
        lines.append(Line(entrant, kinds[entrant], share, spots))
    return sorted(lines, key=lambda line: -line.share)


def spot_of(standing: Standing, panel: Panel) -> Spot:
    """One entrant on one data set."""
    name = panel.modes or panel.chosen_by
    mean, floor, worst = standing.means[name][0], standing.floors[name], standing.worst[name]
    if panel.modes is None:
        return Spot(min(1.0, floor / mean), f"{number(mean)}, floor {number(floor)}", number(worst), "fair")
    tone = "good" if worst >= floor - 0.5 else "bad" if mean <= HALF * floor else "fair"
    return Spot(mean / floor, f"{number(mean)} of {number(floor)}", number(worst), tone)
