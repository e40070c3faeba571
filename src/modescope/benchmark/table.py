"""The numbers of a benchmark as one table with a row for each member, which other programs read."""

__all__ = ["COLUMNS", "Ledger", "collect", "read_rows", "results_of", "rows_of", "write_table"]

import json
import math
import time
from collections.abc import Iterable, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from ..core.errors import ModescopeError, extra, is_number, need
from ..core.files import atomic_write, finite
from .panel import MEASURED, PANELS
from .results import FAILURE, RESULT, Result, read_result

COLUMNS: dict[str, type] = {
    "suite": str,
    "dataset": str,
    "protocol": str,
    "entrant": str,
    "seed": int,
    "lr": float,
    **dict.fromkeys(MEASURED, float),
    "diverged": int,
    "gradient_steps": int,
    "cell_seconds": float,
    "cell_memory": int,
    "key": str,
    "folder": str,
    "failure": str,
}
TABLE, COLUMNAR = "results.jsonl", "results.parquet"


def collect(out: str | Path) -> list[Result]:
    """The results of all cells in a benchmark's folder, by name; a file that was damaged is a failure that says so."""
    found = Path(out).glob("*/*/*/*.json")
    folders = sorted({path.parent for path in found if path.name in (RESULT, FAILURE)})
    return [result for folder in folders if (result := result_in(folder, Path(out))) is not None]


def result_in(folder: Path, out: Path) -> Result | None:
    """What came out of the cell of a folder."""
    try:
        return read_result(folder)
    except ModescopeError as error:
        place = folder.relative_to(out).as_posix()
        dataset, protocol, name = place.split("/")
        return Result(name, "", place, dataset=dataset, protocol=protocol, failure=str(error))


def columns_of(results: Iterable[Result]) -> list[str]:
    """The columns of a table: of metrics those alone that a result has."""
    measured = {name for result in results for name in result.values}
    return [name for name in COLUMNS if name not in MEASURED or name in measured]


def rows_of(result: Result, suite: str = "", columns: Sequence[str] | None = None) -> list[dict[str, Any]]:
    """A row for each member, or one for a cell that failed; what is not finite or not known is None.

    Arguments:
        result: What came out of a cell.
        suite: The name of the benchmark.
        columns: The columns; those of :func:`columns_of` if not given.
    """
    columns = columns_of([result]) if columns is None else columns
    common = {
        "suite": suite,
        "dataset": result.dataset,
        "protocol": result.protocol,
        "entrant": result.entrant,
        "gradient_steps": result.gradient_steps,
        "cell_seconds": result.seconds,
        "cell_memory": result.memory,
        "key": result.key,
        "folder": result.folder,
        "failure": result.failure or None,
    }
    members: list[dict[str, Any]] = [
        {
            "seed": seed,
            "lr": rate,
            "diverged": diverged,
            **{name: finite(values[index]) for name, values in result.values.items()},
        }
        for index, (seed, rate, diverged) in enumerate(zip(result.seeds, result.rates, result.diverged, strict=True))
    ]
    return [{name: {**common, **member}.get(name) for name in columns} for member in members or [{}]]


def write_table(results: Iterable[Result], out: str | Path, suite: str = "") -> list[Path]:
    """Writes ``results.jsonl``, and ``results.parquet`` where pyarrow is installed, each in one step.

    Returns:
        The files.
    """
    results = list(results)
    columns = columns_of(results)
    rows = [row for result in results for row in rows_of(result, suite, columns)]
    lines = "".join(json.dumps(row, allow_nan=False) + "\n" for row in rows)
    files = [atomic_write(Path(out) / TABLE, lines)]
    if find_spec("pyarrow") is not None:
        files.append(atomic_write(Path(out) / COLUMNAR, columnar(rows, columns)))
    return files


def columnar(rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> bytes:
    """Rows as the content of a Parquet file."""
    arrow = extra("pyarrow", "tables", "a Parquet file")
    parquet = extra("pyarrow.parquet", "tables", "a Parquet file")
    kinds = {str: arrow.string(), int: arrow.int64(), float: arrow.float64()}
    schema = arrow.schema([(name, kinds[COLUMNS[name]]) for name in columns])
    sink = arrow.BufferOutputStream()
    parquet.write_table(arrow.Table.from_pylist(list(rows), schema), sink)
    content: bytes = sink.getvalue().to_pybytes()
    return content


def read_rows(path: str | Path) -> list[dict[str, Any]]:
    """The rows of a ``results.jsonl``.

    Raises:
        ModescopeError: If it cannot be read, or a line is no row of such a table.
    """
    path = Path(path)
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise ModescopeError(f"{str(path)!r} cannot be read: {error}") from error
    return [row_in(line, f"line {number} of {str(path)!r}") for number, line in enumerate(lines, 1) if line.strip()]


def row_in(line: str, where: str) -> dict[str, Any]:
    """A row, once it is known to be one."""
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise ModescopeError(f"{where} is no JSON: {error}") from error
    good = isinstance(row, dict) and row.keys() <= COLUMNS.keys() and COLUMNS.keys() - row.keys() <= set(MEASURED)
    need(good, f"{where} has not the columns of a benchmark's table")
    for name, value in row.items():
        kind = COLUMNS[name]
        good = is_number(value) if kind is float else type(value) is kind
        need(value is None or good, f"{where} has {name} {value!r}, expected a value of type {kind.__name__}")
    return row


def results_of(rows: Iterable[Mapping[str, Any]]) -> list[Result]:
    """The inverse of :func:`rows_of`; what was not finite is NaN.

    Raises:
        ModescopeError: If a member stands there twice, which would count it twice.
    """
    cells: dict[tuple[Any, ...], list[Mapping[str, Any]]] = {}
    for row in rows:
        cells.setdefault((row["folder"], row["key"], row["failure"]), []).append(row)
    for cell in cells.values():
        twice = len({(row["seed"], row["lr"]) for row in cell}) < len(cell)
        need(not twice, f"the table has members of {cell[0]['entrant']} on {cell[0]['dataset']} twice")
    return [result_from(cell) for cell in cells.values()]


def result_from(rows: Sequence[Mapping[str, Any]]) -> Result:
    """The result that the rows of one cell tell."""
    first = rows[0]
    members = [] if first["failure"] is not None else rows
    values = {
        name: tuple(math.nan if row.get(name) is None else row[name] for row in members) for name in had_by(members)
    }
    return Result(
        entrant=first["entrant"] or "",
        key=first["key"] or "",
        folder=first["folder"] or "",
        seeds=tuple(row["seed"] or 0 for row in members),
        rates=tuple(row["lr"] for row in members),
        values=values if members else {},
        diverged=tuple(row["diverged"] for row in members),
        gradient_steps=first["gradient_steps"] or 0,
        seconds=first["cell_seconds"] or 0.0,
        memory=first["cell_memory"] or 0,
        dataset=first["dataset"] or "",
        protocol=first["protocol"] or "",
        failure=first["failure"] or "",
    )


def had_by(members: Sequence[Mapping[str, Any]]) -> list[str]:
    """The metrics that a cell was measured by: those with a value, and those that all such data are compared by.

    The latter may have no value for any member, as distances of samples that are not finite. All metrics of the table
    if none has a value.
    """
    known = [name for name in MEASURED if any(name in row for row in members)]
    valued = {name for name in known if any(row.get(name) is not None for row in members)}
    compared = [set(panel.compared) for panel in PANELS if valued <= set(panel.metrics)]
    had = valued.union(set.intersection(*compared) if compared else ())
    return [name for name in known if name in had] or known


class Ledger:
    """Keeps the table of a folder up to date while cells end, at a small share of the time.

    Arguments:
        out: The benchmark's folder.
        suite: Its name.
    """

    SHARE = 50  # times longer than writing took until it is written again
    LEAST = 10.0  # seconds

    def __init__(self, out: Path, suite: str) -> None:
        self.out, self.suite, self.due = out, suite, time.monotonic() + self.LEAST

    def note(self) -> None:
        """A cell has ended."""
        if time.monotonic() >= self.due:
            self.write()

    def write(self) -> list[Path]:
        """Writes the table of all cells that ended; the files."""
        began = time.monotonic()
        files = write_table(collect(self.out), self.out, self.suite)
        now = time.monotonic()
        self.due = now + max(self.LEAST, self.SHARE * (now - began))
        return files
