"""The leaderboard's rows: every number with its interval, its seeds, and what a perfect sampler scores."""

__all__ = ["Cell", "Column", "Row", "columns_of", "rows_of"]

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import quote

import numpy as np

from ...metrics import METRICS as METRICS_BY_NAME
from ...metrics.base import ARROWS
from ...report.text import plural
from ..entrants import Entrant
from ..plan import Plan
from ..standings import Standing, scored
from ..words import shown
from .sources import anchor_of, kinds_of


@dataclass(frozen=True)
class Column:
    """A metric.

    Arguments:
        name: Its name.
        label: What it is.
        arrow: Towards better.
        about: What it measures, in a sentence.
        protocol: How it was taken.
        low: The value at the left of its strips.
        high: The value at their right.
        floor: What a perfect sampler scores; None where that is not the same for all rows.
    """

    name: str
    label: str
    arrow: str
    about: str
    protocol: str
    low: float
    high: float
    floor: float | None

    @property
    def floor_shown(self) -> str:
        """The floor as text."""
        return "–" if self.floor is None else shown(self.floor, self.name)

    def place(self, value: float) -> float:
        """Where a value lies in a strip, from 0 to 100."""
        share = (value - self.low) / ((self.high - self.low) or 1.0)
        return round(100 * min(max(share, 0.0), 1.0), 1)


@dataclass(frozen=True)
class Cell:
    """A number of a row.

    Arguments:
        value: The mean over seeds.
        text: The same, as text.
        verdict: ``better`` or ``worse`` than the plain GAN, or nothing.
        around: Its interval, as text, or how many seeds make it infinite; empty where all seeds have the same.
        worst: What the worst seed scores, as text.
        floor: What a perfect sampler scores, as text.
        seeds: Where the seeds lie in the strip.
        mean: Where the mean lies, or None where it is not finite.
        limit: Where the floor lies.
    """

    value: float
    text: str
    verdict: str
    around: str
    worst: str
    floor: str
    seeds: tuple[float, ...]
    mean: float | None
    limit: float


@dataclass(frozen=True)
class Row:
    """An entrant.

    Arguments:
        entrant: Its text.
        anchor: Where the page tells of its method.
        kinds: What it changes.
        rate: Its learning rate, as text.
        rate_value: The same as a number, for sorting; NaN where its paper's was kept.
        cells: Its numbers, in the order of the columns.
        lost: How many of its seeds diverged.
        seconds: Processor time of one seed: its share of the population's.
        memory: Peak memory of the population, in MB.
        folder: The address of its run's folder, relative to the page.
    """

    entrant: str
    anchor: str
    kinds: tuple[str, ...]
    rate: str
    rate_value: float
    cells: tuple[Cell, ...]
    lost: int
    seconds: float
    memory: float
    folder: str


def columns_of(plan: Plan, standings: Sequence[Standing]) -> list[Column]:
    """The metrics of a table, with the range of its seeds."""
    experiment = plan.possible[0].experiment
    assert experiment is not None
    columns = []
    for name in plan.panel.metrics:
        metric = METRICS_BY_NAME[name]
        floors = {standing.floors[name] for standing in standings}
        values = np.concatenate([scored(s.result, name, s.rate) for s in standings] + [np.array(list(floors))])
        values = values[np.isfinite(values)]
        least, most = metric.bounds(experiment.dataset)
        low = least if math.isfinite(least) else float(values.min())
        high = most if math.isfinite(most) and name != plan.panel.chosen_by else float(values.max())
        protocol = metric.describe(experiment.dataset, experiment.evaluation.samples)
        arrow = ARROWS[metric.direction]
        floor = floors.pop() if len(floors) == 1 else None
        columns.append(Column(name, metric.label, arrow, metric.summary, protocol, low, high, floor))
    return columns


def rows_of(standings: Sequence[Standing], columns: Sequence[Column], entrants: Mapping[str, Entrant]) -> list[Row]:
    """The rows of a table."""
    return [row_of(standing, columns, entrants[standing.entrant]) for standing in standings]


def row_of(standing: Standing, columns: Sequence[Column], entrant: Entrant) -> Row:
    """One row."""
    result = standing.result
    return Row(
        entrant=standing.entrant,
        anchor=anchor_of(entrant),
        kinds=kinds_of(entrant),
        rate="its paper's" if standing.rate is None else f"{standing.rate:g}",
        rate_value=math.nan if standing.rate is None else standing.rate,
        cells=tuple(cell_of(standing, column) for column in columns),
        lost=standing.diverged,
        seconds=result.seconds / max(1, len(result.seeds)),
        memory=result.memory / 2**20,
        folder=quote(f"{result.folder}/run/"),
    )


def cell_of(standing: Standing, column: Column) -> Cell:
    """One number of a row."""
    name = column.name
    mean, low, high = standing.means[name]
    seeds = scored(standing.result, name, standing.rate)
    verdict = standing.verdict(name)
    return Cell(
        value=mean,
        text=shown(mean, name),
        verdict=verdict if verdict in ("better", "worse") else "",
        around=around_of(seeds, low, high, name),
        worst=shown(standing.worst[name], name),
        floor=shown(standing.floors[name], name),
        seeds=tuple(column.place(value) for value in seeds[np.isfinite(seeds)].tolist()),
        mean=column.place(mean) if math.isfinite(mean) else None,
        limit=column.place(standing.floors[name]),
    )


def around_of(seeds: np.ndarray, low: float, high: float, name: str) -> str:
    """An interval as text; without one, how many seeds make the mean infinite."""
    lost = int(np.isinf(seeds).sum())
    if lost:
        return f"infinite in {lost} of {plural(len(seeds), 'seed')}"
    return "" if math.isnan(low) or low == high else f"{shown(low, name)} to {shown(high, name)}"
