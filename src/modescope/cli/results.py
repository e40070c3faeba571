"""``modescope results``."""

__all__ = ["Results"]

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import tyro
from rich.console import Console
from rich.table import Table
from rich.text import Text

from ..core.errors import need

if TYPE_CHECKING:
    from ..benchmark import Result


@dataclass(kw_only=True)
class Results:
    """Shows, filters, compares and exports the numbers of a benchmark: means over seeds with their 95 % intervals.

    A terminal of fewer than 120 characters shows the means alone.

    Arguments:
        path: A benchmark's folder, or the results.jsonl of one.
        where: Conditions that shown rows meet, e.g. "modes>7" dataset=ring.
        method: Entrants to show, e.g. veegan pacgan@degree=4; all if not given.
        dataset: Data sets to show; all if not given.
        compare: Two entrants, whose differences are paired by seed and tested.
        members: Shows every member instead of means.
        format: What to write; markdown, latex (for the package booktabs) and csv go to other programs.
        out: The file to write to; the terminal if not given.
    """

    path: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="DIR")]
    where: Annotated[tuple[str, ...], tyro.conf.arg(metavar="CONDITION ...", help_behavior_hint="")] = ()
    method: Annotated[tuple[str, ...], tyro.conf.arg(metavar="METHOD ...", help_behavior_hint="")] = ()
    dataset: Annotated[tuple[str, ...], tyro.conf.arg(metavar="DATASET ...", help_behavior_hint="")] = ()
    compare: Annotated[tuple[str, str] | None, tyro.conf.arg(metavar="A B", help_behavior_hint="")] = None
    members: bool = False
    format: Literal["table", "markdown", "latex", "csv"] = "table"
    out: Annotated[Path | None, tyro.conf.arg(metavar="PATH", help_behavior_hint="")] = None

    def __call__(self) -> None:
        from ..benchmark.queries import NAMES, compare

        need(self.format != "table" or self.out is None, "out needs a format for files: markdown, latex or csv")
        need(not (self.compare and self.members), "compare and members exclude each other")
        for condition in self.conditions if self.compare else ():
            whole = condition.column in NAMES
            need(whole, f"where is about {condition.column}, but compare has conditions on {', '.join(NAMES)} alone")
        results = self.chosen(loaded(self.path))
        rows = compare(results, *self.compare) if self.compare else self.shown(results)
        if not rows:
            tell_failures(results)
        need(len(rows) > 0, "no row is left: nothing was trained that meets all conditions")
        if self.format == "table":
            say(about(rows))
        self.write(*(numbers(rows) if self.format == "csv" else words(rows, narrow=self.format == "table")))
        if self.format == "table" and not self.members:
            wide = Console().width >= WIDTH
            say(PAIRED if self.compare else MEANS.format("95 % intervals" if wide else WHERE))
        if self.format == "table":
            tell_failures(results)

    def chosen(self, results: "list[Result]") -> "list[Result]":
        """The results of the chosen entrants and data sets."""
        from ..benchmark.queries import NAMES
        from ..core.errors import nearest_name

        for name, wanted in (("entrant", self.method), ("dataset", self.dataset)):
            known = {getattr(result, name) for result in results}
            for text in wanted:
                if text not in known:
                    raise nearest_name(name, text, known)
            results = [result for result in results if not wanted or getattr(result, name) in wanted]
        whole = [condition for condition in self.conditions if condition.column in NAMES]
        about = [({name: getattr(result, name) for name in NAMES}, result) for result in results]
        return [result for names, result in about if all(condition.holds(names) for condition in whole)]

    def shown(self, results: "list[Result]") -> list[dict[str, Any]]:
        """The rows that meet the other conditions."""
        from ..benchmark.queries import NAMES, groups, members

        rows = members(results) if self.members else groups(results)
        others = [condition for condition in self.conditions if condition.column not in NAMES]
        return [row for row in rows if all(condition.holds(row) for condition in others)]

    @property
    def conditions(self) -> "list[Any]":
        """What shown rows meet."""
        from ..benchmark.queries import Condition

        return [Condition.parse(text) for text in self.where]

    def write(self, head: Sequence[str], body: Sequence[Sequence[str]]) -> None:
        """Writes a table as it is wanted."""
        from ..core.files import atomic_write
        from ..report.export import FORMATS

        if self.format == "table":
            print_table(head, body)
        elif self.out is None:
            print(FORMATS[self.format](head, body), end="")
        else:
            print(atomic_write(self.out, FORMATS[self.format](head, body)))


def tell_failures(results: "Sequence[Result]") -> None:
    """Prints the cells that failed, and why."""
    for result in results:
        if result.failure:
            text = f"{result.entrant} on {result.dataset}: {result.failure.splitlines()[0]}"
            Console(stderr=True).print(Text(text, style="dim"), soft_wrap=True)


def loaded(path: Path) -> "list[Result]":
    """The results in a folder or a file."""
    from ..benchmark.table import collect, read_rows, results_of

    found = results_of(read_rows(path)) if path.is_file() else collect(path)
    need(len(found) > 0, f"{str(path)!r} holds no results of a benchmark")
    return found


def numbers(rows: Sequence[dict[str, Any]]) -> tuple[list[str], list[list[str]]]:
    """Rows for programs: all digits, and the ends of an interval in columns of their own."""
    head = [part for name, value in rows[0].items() for part in (parts(name) if isinstance(value, tuple) else [name])]
    flat = [
        [part for value in row.values() for part in (value if isinstance(value, tuple) else [value])] for row in rows
    ]
    return head, [["" if absent(value) else str(value) for value in row] for row in flat]


def parts(name: str) -> list[str]:
    """The columns of a mean and its interval."""
    return [name, f"{name}_low", f"{name}_high"]


def absent(value: object) -> bool:
    """Whether there is no value."""
    return value is None or (isinstance(value, float) and math.isnan(value))


def unmeasured(value: object) -> bool:
    """Whether it is the mean of a metric that data of its kind do not have."""
    return isinstance(value, tuple) and math.isnan(value[0])


def words(rows: Sequence[dict[str, Any]], narrow: bool) -> tuple[list[str], list[list[str]]]:
    """Rows for people: a few digits, the interval behind the mean.

    Arguments:
        rows: The rows.
        narrow: Whether they go to a terminal, which has no room for all metrics, nor for what is the same in all rows.
    """
    from ..benchmark.queries import SHORT

    labels = {long: short.replace("_", " ") for short, long in SHORT.items()}
    names = [name for name in rows[0] if name not in HIDDEN and not all(unmeasured(row[name]) for row in rows)]
    if narrow:
        same = shared(rows)
        names = [name for name in names if name not in same and labels.get(name) not in WIDE]
    body = [[cell(name, row[name]) for name in names] for row in rows]
    return [labels.get(name, name.replace("_", " ")) for name in names], body


def shared(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """What is the same in all rows, and stands above the table instead."""
    return {name: rows[0][name] for name in SHARED if name in rows[0] and len({row[name] for row in rows}) == 1}


def about(rows: Sequence[dict[str, Any]]) -> str:
    """What is the same in all rows, in words, e.g. ``ring, common, lr 0.001, 12 seeds``."""
    from ..report.text import plural

    same = shared(rows)
    parts = [str(same[name]) for name in ("dataset", "protocol") if name in same]
    parts += [f"lr {same['lr']:g}"] if same.get("lr") is not None else []
    parts += [plural(same["seeds"], "seed")] if "seeds" in same else []
    parts += [f"{same['diverged']} diverged"] if same.get("diverged") and "seeds" in same else []
    return ", ".join(parts)


def say(text: str) -> None:
    """A line beside a table."""
    if text:
        Console().print(Text(text, style="dim"))


MEANS = "Means over seeds; {}."
WHERE = "95 % intervals in terminals of 120 characters, or by --format"
PAIRED = (
    "Means over seeds, each at its default learning rate, and the mean difference, paired by seed; "
    "p by Wilcoxon's signed-rank test, corrected over all rows (Holm)."
)
SHARED = ("dataset", "protocol", "lr", "seeds", "diverged")
WIDE = ("modes tenth", "forward kl")
WIDTH = 120  # characters of a terminal with room for intervals
HIDDEN = ("gradient_steps", "cell_seconds", "cell_memory", "key", "folder", "failure")


def cell(name: str, value: Any) -> str:
    """A value in a few digits."""
    from ..benchmark.queries import SHORT
    from ..report.text import number

    if name == "metric":
        return next(short for short, long in SHORT.items() if long == value).replace("_", " ")
    if absent(value) or unmeasured(value):
        return "–"
    if isinstance(value, tuple):
        mean, low, high = value
        around = "" if math.isnan(low) or low == high else f" ({number(low)} to {number(high)})"
        return number(mean) + around
    if name == "lr":
        return f"{value:g}"
    return number(value) if isinstance(value, float) else str(value)


def print_table(head: Sequence[str], body: Sequence[Sequence[str]]) -> None:
    """Prints a table; the intervals stand below the means where the terminal has room for them."""
    console, table = Console(), Table(box=None, padding=(0, 2, 0, 0))
    for index, name in enumerate(head):
        table.add_column(Text(name), justify="left" if index == 0 else "right", overflow="fold")
    for line in body:
        table.add_row(*(Text(told(text, console.width)) for text in line))
    console.print(table)


def told(text: str, width: int) -> str:
    """A cell in a terminal of a width."""
    return text.replace(" (", "\n(") if width >= WIDTH else text.partition(" (")[0]
