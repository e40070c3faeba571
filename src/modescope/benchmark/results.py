"""What came out of a cell, as one JSON file beside its run."""

__all__ = ["METRICS", "Result", "load_results", "measure", "write_failure", "write_result"]

import dataclasses
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ..core.files import atomic_write
from ..runs import Run
from ..runs.store import read_json
from .plan import Cell, Plan

METRICS = (
    "modes_l2_3sigma",
    "modes_tenth_l2_3sigma",
    "hq_l2_3sigma",
    "reverse_kl_modes_all",
    "forward_kl_knn5",
    "w2_exact_n1000",
)
RESULT, FAILURE = "result.json", "failure.json"


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
    """

    entrant: str
    key: str
    folder: str
    seeds: tuple[int, ...]
    rates: tuple[float | None, ...]
    values: dict[str, tuple[float, ...]]
    diverged: tuple[int | None, ...]
    gradient_steps: int
    seconds: float
    memory: int
    failure: str = field(default="", compare=False)

    def at(self, rate: float | None) -> np.ndarray:
        """Which members were trained at a learning rate, in the order of their seeds."""
        return np.array([i for i, other in enumerate(self.rates) if other == rate], dtype=int)

    def column(self, metric: str, rate: float | None) -> np.ndarray:
        """A metric over the seeds, at a learning rate."""
        return np.array(self.values[metric], dtype=float)[self.at(rate)]


def measure(run: Run, cell: Cell, folder: str, seconds: float, memory: int) -> Result:
    """Measures a run that is done. The perfect sampler's scores are taken once for all cells, so not here."""
    found = run.metrics(METRICS, floor_repeats=0)
    return Result(
        entrant=cell.entrant.label,
        key=cell.key,
        folder=folder,
        seeds=tuple(member.seed for member in run.members),
        rates=tuple(member.values.get("lr") for member in run.members),
        values={result.name: tuple(result.per_member) for result in found},
        diverged=tuple(run.diverged()),
        gradient_steps=run.experiment.training.steps * run.experiment.method.gradient_steps,
        seconds=round(seconds, 3),
        memory=memory,
    )


def write_result(folder: Path, result: Result) -> None:
    """Writes a cell's numbers."""
    plain = dataclasses.asdict(result)
    plain.pop("failure")
    plain["values"] = {name: [number(value) for value in values] for name, values in result.values.items()}
    atomic_write(folder / RESULT, json.dumps(plain, indent=1) + "\n")


def write_failure(folder: Path, reason: str, detail: str = "") -> None:
    """Writes why a cell failed, for the table; it is tried again when the benchmark is run again."""
    folder.mkdir(parents=True, exist_ok=True)
    atomic_write(folder / FAILURE, json.dumps({"reason": reason, "detail": detail}, indent=1) + "\n")


def number(value: float) -> float | str:
    """A number as JSON can hold it."""
    return value if np.isfinite(value) else repr(float(value))


def read_result(folder: Path, cell: Cell) -> Result | None:
    """What came out of a cell, or None if it has not run."""
    if (folder / RESULT).is_file():
        plain: dict[str, Any] = read_json(folder / RESULT)
        tuples = {name: tuple(plain[name]) for name in ("seeds", "rates", "diverged")}
        values = {name: tuple(map(float, row)) for name, row in plain["values"].items()}
        return Result(**{**plain, **tuples, "values": values})
    if (folder / FAILURE).is_file():
        reason = str(read_json(folder / FAILURE)["reason"])
        return Result(cell.entrant.label, cell.key, cell.folder, (), (), {}, (), 0, 0.0, 0, reason)
    return None


def load_results(plan: Plan, out: str | Path) -> Sequence[Result]:
    """The numbers of every cell of a plan that was run, in the plan's order; failed ones with their reason."""
    found = [read_result(Path(out) / cell.folder, cell) for cell in plan.possible]
    return [result for result in found if result is not None]
