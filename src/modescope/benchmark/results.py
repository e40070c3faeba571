"""What came out of a cell, as one JSON file beside its run."""

__all__ = [
    "Result",
    "about",
    "load_results",
    "measure",
    "read_result",
    "settled",
    "write_failure",
    "write_result",
]

import dataclasses
import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ..core.errors import ModescopeError
from ..core.files import atomic_write
from ..core.sealed import seal_fits, sealed
from ..runs import Run
from .plan import Cell, Plan

RESULT, FAILURE, LOCK = "result.json", "failure.json", "lock"


@dataclass(frozen=True)
class Result:
    """One entrant's numbers.

    Arguments:
        entrant: Its text.
        key: The cell's key.
        folder: Where its run is.
        seeds: The seed of each member.
        rates: The learning rate of each member; None where its paper's was kept.
        values: Each metric's value for each member, by name; NaN where it is not defined.
        diverged: The step at which each member turned NaN or infinite, or None.
        gradient_steps: Gradient steps of a member, over all players.
        seconds: Processor time of the whole population.
        memory: Peak memory of the process above what it had before, in bytes.
        dataset: The data set's text.
        protocol: The protocol.
        failure: Why it has no numbers.
    """

    entrant: str
    key: str
    folder: str
    seeds: tuple[int, ...] = ()
    rates: tuple[float | None, ...] = ()
    values: dict[str, tuple[float, ...]] = field(default_factory=dict)
    diverged: tuple[int | None, ...] = ()
    gradient_steps: int = 0
    seconds: float = 0.0
    memory: int = 0
    dataset: str = ""
    protocol: str = ""
    failure: str = field(default="", compare=False)

    def at(self, rate: float | None) -> np.ndarray:
        """Which members were trained at a learning rate, in the order of their seeds."""
        return np.array([i for i, other in enumerate(self.rates) if other == rate], dtype=int)

    def column(self, metric: str, rate: float | None) -> np.ndarray:
        """A metric over the seeds, at a learning rate."""
        return np.array(self.values[metric], dtype=float)[self.at(rate)]


def measure(run: Run, cell: Cell) -> Result:
    """Measures a run that is done; what it cost is yet to be filled in.

    The perfect sampler's scores are taken once for all cells, so not here.
    """
    found = run.metrics(cell.panel.metrics, floor_repeats=0)
    return Result(
        entrant=cell.entrant.label,
        key=cell.key,
        folder=cell.folder,
        seeds=tuple(member.seed for member in run.members),
        rates=tuple(member.values.get("lr") for member in run.members),
        values={result.name: tuple(result.per_member) for result in found},
        diverged=tuple(run.diverged()),
        gradient_steps=run.experiment.training.steps * run.experiment.method.gradient_steps,
        dataset=cell.dataset,
        protocol=cell.protocol,
    )


def write_result(folder: Path, result: Result) -> None:
    """Writes a cell's numbers, with a checksum."""
    plain = dataclasses.asdict(result)
    plain.pop("failure")
    plain["values"] = {name: [number(value) for value in values] for name, values in result.values.items()}
    atomic_write(folder / RESULT, sealed(plain))


def write_failure(folder: Path, cell: Mapping[str, Any], reason: str, detail: str = "") -> None:
    """Writes why a cell failed; it is tried again when the benchmark is run again.

    Arguments:
        folder: The cell's folder.
        cell: What :meth:`Cell.encode` gives.
        reason: A sentence, for the tables.
        detail: Where it happened, for who mends it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    atomic_write(folder / FAILURE, sealed({**about(cell), "reason": reason, "detail": detail}))


def about(cell: Mapping[str, Any]) -> dict[str, Any]:
    """What a result says of its cell.

    Arguments:
        cell: What :meth:`Cell.encode` gives, or what came out of one.
    """
    return {name: str(cell[name]) for name in ("entrant", "dataset", "protocol", "key", "folder")}


def number(value: float) -> float | str:
    """A number as JSON can hold it."""
    return value if np.isfinite(value) else repr(float(value))


def read_result(folder: Path) -> Result | None:
    """What came out of the cell of a folder, its failure too, or None if it has not run.

    Raises:
        ModescopeError: If the file was damaged or is none of ours.
    """
    for name, read in ((RESULT, result_of), (FAILURE, failure_of)):
        path = folder / name
        if path.exists() and not path.is_file():  # who reads a pipe waits forever
            raise damaged(path)
        with suppress(FileNotFoundError):
            content = path.read_bytes()
            try:
                if not seal_fits(content):
                    raise damaged(path)
                return read(json.loads(content))
            except (ValueError, KeyError, TypeError, RecursionError) as error:
                raise damaged(path) from error
    return None


def settled(folder: Path) -> Result | None:
    """As :func:`read_result`, but what was damaged counts as not run."""
    with suppress(ModescopeError):
        return read_result(folder)
    return None


def damaged(path: Path) -> ModescopeError:
    """The error for a file that is not as it was written."""
    return ModescopeError(
        f"{str(path)!r} was changed or damaged since it was written: remove it and run the benchmark again"
    )


def result_of(plain: Mapping[str, Any]) -> Result:
    """The numbers in a result's file."""
    fields = {name: plain[name] for name in (f.name for f in dataclasses.fields(Result)) if name != "failure"}
    tuples = {name: tuple(fields[name]) for name in ("seeds", "rates", "diverged")}
    values = {name: tuple(map(float, row)) for name, row in fields["values"].items()}
    members = len(tuples["seeds"])
    if any(len(row) != members for row in (*values.values(), *tuples.values())):
        raise ValueError("a column has another number of members")
    return Result(**{**fields, **tuples, "values": values})


def failure_of(plain: Mapping[str, Any]) -> Result:
    """What a failure's file tells."""
    return Result(**about(plain), failure=str(plain["reason"]))


def load_results(plan: Plan, out: str | Path) -> Sequence[Result]:
    """The numbers of every cell of a plan that was run, in the plan's order; failed ones with their reason."""
    found = [read_result(Path(out) / cell.folder) for cell in plan.possible]
    return [result for result in found if result is not None]
