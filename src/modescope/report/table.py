"""The summary table: what each group scores, and which cannot be told apart from the best."""

__all__ = ["Column", "Row", "Summary", "best_rows", "summary_of"]

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, variance

from scipy.special import stdtr

from ..metrics import METRICS, MetricResult
from .groups import Group, Scene


@dataclass(frozen=True)
class Column:
    """A metric.

    Arguments:
        result: Its result for the first group, for all that is the same for each: label, direction, protocol, floor.
        summary: What it tells.
        best: The rows that cannot be told apart from the best; none if no row can.
    """

    result: MetricResult
    summary: str
    best: frozenset[int]


@dataclass(frozen=True)
class Row:
    """A group.

    Arguments:
        group: The group.
        cells: Its results, one for each column.
    """

    group: Group
    cells: tuple[MetricResult, ...]

    @property
    def lost(self) -> int:
        """How many members diverged."""
        return sum(step is not None for step in self.group.diverged)


@dataclass(frozen=True)
class Summary:
    """The table of a scene."""

    columns: tuple[Column, ...]
    rows: tuple[Row, ...]


def summary_of(scene: Scene) -> Summary:
    """The table of a scene: the metrics of the summary that are defined on its data set."""
    first = scene.groups[0].results
    names = [name for name in first if METRICS[name].core]
    rows = tuple(Row(group, tuple(group.results[name] for name in names)) for group in scene.groups)
    columns = tuple(
        Column(first[name], METRICS[name].summary, best_rows([row.cells[i] for row in rows]))
        for i, name in enumerate(names)
    )
    return Summary(columns, rows)


def best_rows(results: Sequence[MetricResult], alpha: float = 0.05) -> frozenset[int]:
    r"""The rows that cannot be told apart from the one with the best mean.

    A row is left out if its mean is worse by a one-sided Welch test at :math:`\alpha / (K - 1)` for :math:`K` rows.
    The truly best of the rows is then among those returned with probability :math:`1 - \alpha`, since it is lost only
    if one of the :math:`K - 1` others seems better than it is. Rows of one member, which tell nothing of other seeds,
    and rows with members that have no value take no part.

    Returns:
        The indices; empty if fewer than two rows take part, or none of them is worse.
    """
    sign = 1 if results[0].direction == "higher" else -1
    taking = {
        row: [sign * value for value in result.per_member]
        for row, result in enumerate(results)
        if len(result.per_member) > 1 and all(map(math.isfinite, result.per_member))
    }
    if len(taking) < 2:
        return frozenset()
    best = max(taking, key=lambda row: fmean(taking[row]))
    level = alpha / (len(taking) - 1)
    kept = frozenset(row for row, values in taking.items() if row == best or chance(taking[best], values) >= level)
    return kept if len(kept) < len(taking) else frozenset()


def chance(better: Sequence[float], worse: Sequence[float]) -> float:
    """The probability, were the true means equal, of a difference as great as between these two sets of values.

    It is that of Welch's t-test; where neither set varies, that of the order: all of one set before all of the other.
    """
    a, b = variance(better) / len(better), variance(worse) / len(worse)
    difference = fmean(better) - fmean(worse)
    if difference <= 0:
        return 0.5
    if a + b == 0:
        return 1 / math.comb(len(better) + len(worse), len(better))
    freedom = (a + b) ** 2 / (a**2 / (len(better) - 1) + b**2 / (len(worse) - 1))
    return float(stdtr(freedom, -difference / math.sqrt(a + b)))
