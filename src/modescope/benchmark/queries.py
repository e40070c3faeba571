"""Parts of a benchmark's table: means of groups, the rows that conditions hold for, and two entrants compared."""

__all__ = ["NAMES", "SHORT", "Condition", "compare", "groups", "members"]

import math
import operator
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from .. import datasets
from ..core.errors import ModescopeError, nearest_name, need
from ..metrics import METRICS as METRICS_BY_NAME
from .panel import MEASURED, PANELS
from .results import Result
from .standings import against, default_rate, holm, mean_of, scored
from .table import columns_of, rows_of

SHORT = {
    "modes": "modes_l2_3sigma",
    "modes_tenth": "modes_tenth_l2_3sigma",
    "hq": "hq_l2_3sigma",
    "reverse_kl": "reverse_kl_modes_all",
    "forward_kl": "forward_kl_knn5",
    "w2": "w2_exact_n1000",
    "classes": "modes_judged",
    "classes_tenth": "modes_tenth_judged",
    "class_kl": "reverse_kl_judged",
    "sliced_w2": "sliced_w2_p128",
    "mmd2": "mmd2_rbf_median_n1000",
}
SIGNS: dict[str, Callable[[Any, Any], bool]] = {
    ">=": operator.ge,
    "<=": operator.le,
    "!=": operator.ne,
    "==": operator.eq,
    "=": operator.eq,
    ">": operator.gt,
    "<": operator.lt,
}
COMPARED = tuple(dict.fromkeys(name for panel in PANELS for name in panel.compared))
Row = dict[str, Any]


EQUALITIES = ("=", "==", "!=")  # which texts have too
NAMES = ("dataset", "protocol", "entrant", "key")  # columns that are the same for all members of a cell


@dataclass(frozen=True)
class Condition:
    """A condition on a row, such as ``modes>7``.

    Arguments:
        column: The column, or its short name in :data:`SHORT`.
        sign: A key of :data:`SIGNS`.
        value: What the column is compared with, as it was written: a key such as 12e4567890ab looks like a number.
    """

    column: str
    sign: str
    value: str

    @classmethod
    def parse(cls, text: str) -> "Condition":
        """The condition that a text such as ``modes>7`` or ``dataset=ring`` states.

        Raises:
            ModescopeError: If it is none.
        """
        match = re.fullmatch(r"\s*(\w+)\s*(>=|<=|!=|==|=|>|<)\s*(.+?)\s*", text)
        need(match is not None, f"where is {text!r}, expected a column, a sign and a value, e.g. modes>7")
        assert match is not None
        column, sign, value = match.groups()
        found = cls(column, sign, value)
        good = found.number is not None or sign in EQUALITIES
        need(good, f"where is {text!r}, expected a number after {sign}")
        return found

    @property
    def number(self) -> float | None:
        """The value as a number, if it is one."""
        try:
            return float(self.value)
        except ValueError:
            return None

    def holds(self, row: Mapping[str, Any]) -> bool:
        """Whether it holds for a row; never where the row has no value, or a value of another kind.

        Raises:
            ModescopeError: If rows have no such column.
        """
        name = self.column if self.column in row else SHORT.get(self.column, self.column)
        if name not in row:
            raise nearest_name("column", self.column, [*row, *SHORT])
        value = row[name][0] if isinstance(row[name], tuple) else row[name]
        if isinstance(value, str):
            return self.sign in EQUALITIES and SIGNS[self.sign](value, self.value)
        if value is None or math.isnan(value) or self.number is None:
            return False
        return SIGNS[self.sign](value, self.number)


def members(results: Iterable[Result]) -> list[Row]:
    """A row for each member; see :func:`modescope.benchmark.table.rows_of`."""
    done = [result for result in results if not result.failure]
    columns = columns_of(done)
    rows = [row for result in done for row in rows_of(result, columns=columns)]
    return [{name: value for name, value in row.items() if name != "suite"} for row in rows]


def groups(results: Sequence[Result]) -> list[Row]:
    """A row for each entrant at each learning rate: of every metric the mean over seeds and its 95 % interval.

    A member without a finite value has the worst there is, as in the tables of the benchmark. Where an entrant was
    trained with several configurations or by several versions of the code, its key is shown with its name.
    """
    done = [result for result in results if not result.failure]
    known = Counter((result.dataset, result.protocol, result.entrant) for result in done)
    metrics = [name for name in columns_of(done) if name in MEASURED]
    rows: list[Row] = []
    for result in done:
        twice = known[result.dataset, result.protocol, result.entrant] > 1
        for rate in dict.fromkeys(result.rates):
            own = result.at(rate)
            rows.append(
                {
                    "dataset": result.dataset,
                    "protocol": result.protocol,
                    "entrant": f"{result.entrant} [{result.key}]" if twice else result.entrant,
                    "lr": rate,
                    "seeds": len(own),
                    **{name: spread(result, name, rate) for name in metrics},
                    "diverged": sum(result.diverged[index] is not None for index in own),
                }
            )
    return rows


def spread(result: Result, metric: str, rate: float | None) -> tuple[float, float, float]:
    """The mean of a metric over seeds, and its interval; NaN where data of its kind are not measured by it."""
    if metric not in result.values:
        return math.nan, math.nan, math.nan
    return mean_of(scored(result, metric, rate), bounds(metric, result.dataset))


@cache
def bounds(metric: str, dataset: str) -> tuple[float, float]:
    """The least and the greatest value of a metric; none where the data set is not at hand."""
    try:
        return METRICS_BY_NAME[metric].bounds(datasets.make(dataset))
    except ModescopeError:
        return -math.inf, math.inf


def compare(results: Sequence[Result], first: str, second: str) -> list[Row]:
    """How two entrants differ on each data set, paired by seed, each at its default learning rate.

    Arguments:
        results: What came out.
        first: An entrant.
        second: Another.

    Returns:
        A row for each data set, protocol and metric: both means, by how much the second is better, the p-value of
        Wilcoxon's signed-rank test, corrected by Holm's method over all rows, and how many seeds there are.

    Raises:
        ModescopeError: If one of them was not trained, or never where the other was, or they are one.
    """
    need(first != second, f"compare is {first} with itself, expected two entrants")
    done = [result for result in results if not result.failure]
    for name in (first, second):
        if name not in {result.entrant for result in done}:
            raise nearest_name("entrant", name, {result.entrant for result in done})
    rows: list[Row] = []
    for place in dict.fromkeys((result.dataset, result.protocol) for result in done):
        there = [result for result in done if (result.dataset, result.protocol) == place]
        here = {result.entrant: (result, default_rate(result)) for result in there}
        if first not in here or second not in here:
            continue
        for name in (first, second):
            keys = [result.key for result in there if result.entrant == name]
            others = " ".join(f"'key!={key}'" for key in keys[:-1])
            need(len(keys) == 1, f"{name} was trained in {len(keys)} ways on {place[0]}: keep one by --where {others}")
        for metric in (name for name in COMPARED if all(name in here[who][0].values for who in (first, second))):
            gap, p_value = against(here[first], here[second], metric)
            rows.append(
                {
                    "dataset": place[0],
                    "protocol": place[1],
                    "metric": metric,
                    first: float(scored(here[first][0], metric, here[first][1]).mean()),
                    second: float(scored(here[second][0], metric, here[second][1]).mean()),
                    "better by": gap,
                    "p": p_value,
                    "seeds": len(here[first][0].at(here[first][1])),
                }
            )
    need(len(rows) > 0, f"{first} and {second} were not trained on the same data set under the same protocol")
    tested = [row for row in rows if math.isfinite(row["p"])]
    for row, p_value in zip(tested, holm([row["p"] for row in tested]), strict=True):
        row["p"] = p_value
    return rows
