"""A diagnosis: the verdict, the rows it stands on, and the ways to look at it."""

__all__ = ["Diagnosis"]

import io
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich import box
from rich.console import Console, ConsoleOptions, RenderResult
from rich.table import Table
from rich.text import Text

from ..core.errors import extra
from ..core.files import finite
from ..report.text import interval, number, plural
from .compare import Row
from .evidence import Evidence
from .pictures import Scene, draw
from .rule import Verdict

WIDE = 105  # columns from which on a row has room for a sentence
NUMBERS = ("value", "low", "high", "real", "real_spread", "gap")
COLUMNS = (*NUMBERS, "direction", "protocol", "note")  # of a data frame
COLORS = {"none": "green", "partial": "yellow", "severe": "red", "unknown": "cyan"}


@dataclass(frozen=True)
class Diagnosis:
    """Whether a generator collapsed, how badly, and how sure that is.

    It prints as a table; in a notebook it shows as a page.

    Arguments:
        verdict: The verdict, by the rule of :mod:`modescope.diagnosis.rule`.
        evidence: What it stands on; None without real samples.
        rows: The measures.
        n_real: How many real samples there were.
        n_fake: How many fakes.
        features: What the samples were turned into before all.
        notes: What was skipped or converted on the way, a sentence each.
        scene: What the pictures show.
    """

    verdict: Verdict
    evidence: Evidence | None
    rows: tuple[Row, ...]
    n_real: int
    n_fake: int
    features: str
    notes: tuple[str, ...] = ()
    scene: Scene | None = field(default=None, repr=False, compare=False)

    def to_dict(self) -> dict[str, Any]:
        """As plain data for JSON, in which numbers that are not finite are null."""
        return {
            "verdict": self.verdict.name,
            "reason": self.verdict.reason,
            "metrics": [
                {
                    "name": row.measure.name,
                    **{name: finite(getattr(row, name)) for name in NUMBERS},
                    "direction": row.measure.direction,
                    "protocol": row.protocol,
                    "note": row.note,
                }
                for row in self.rows
            ],
            "n_real": self.n_real,
            "n_fake": self.n_fake,
            "features": self.features,
            "notes": list(self.notes),
        }

    def to_frame(self) -> Any:
        """The rows as a pandas DataFrame, with the names of the measures as its index."""
        pandas = extra("pandas", "tables", "a table of measures as a DataFrame")
        columns = ["name", *COLUMNS]
        return pandas.DataFrame(self.to_dict()["metrics"], columns=columns).set_index("name")

    def to_html(self, path: str | Path | None = None) -> str:
        """The diagnosis as one HTML page with its pictures, which loads nothing from elsewhere.

        Arguments:
            path: A file to write it to as well; its folder must exist.
        """
        from .page import page_of

        return page_of(self, path)

    def plot(self) -> Any:
        """The pictures as one matplotlib figure: real and fake, clusters, near-duplicates, spectrum.

        Raises:
            ModescopeError: If there were no real samples.
        """
        return draw(self)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        head = Text(f"{self.verdict.title}. ", style=f"bold {COLORS[self.verdict.name]}")
        yield head.append(self.verdict.reason, style="not bold default")
        counts = f"{plural(self.n_real, 'real sample')}, {plural(self.n_fake, 'fake')}; features: {self.features}"
        for line in (counts, *self.notes):
            yield Text(line, style="dim")
        if self.rows:
            is_wide = options.max_width >= WIDE
            yield table_of(self.rows, is_wide)
            if not is_wide:
                yield from (Text(f"{row.measure.label}: {row.note}") for row in self.rows if row.is_clear)

    def __str__(self) -> str:
        console = Console(file=io.StringIO(), width=110, color_system=None)
        console.print(self)
        assert isinstance(console.file, io.StringIO)
        return console.file.getvalue()

    def _repr_html_(self) -> str:
        return self.to_html()


def table_of(rows: tuple[Row, ...], has_notes: bool) -> Table:
    """The rows for a terminal, with what each says if there is room."""
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column("measure", no_wrap=has_notes)
    for name in ("fake", "95 % interval", "real", "gap"):  # where it is narrow words may break, numbers may not
        table.add_column(name, justify="right", no_wrap=has_notes or name != "95 % interval")
    if has_notes:
        table.add_column("what it says", style="dim")
    for row in rows:
        real = row.real_shown if has_notes else number(row.real)
        shown = [row.measure.title, number(row.value), interval(row.low, row.high), real, row.gap_shown]
        table.add_row(*shown, *([row.note] if has_notes else ()), style="bold" if row.is_clear else "")
    return table
