"""``modescope benchmark``."""

__all__ = ["Benchmark"]

import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import tyro
from rich.console import Console
from rich.table import Table
from rich.text import Text

from ..core.errors import ModescopeError, need
from ..report.text import plural

if TYPE_CHECKING:
    from ..benchmark import Cell, Plan, Standings


@dataclass(kw_only=True)
class Benchmark:
    """Trains every remedy on a data set under one protocol, and writes a table with intervals and paired tests.

    Entrants that were done before are kept, so the same command goes on where it was stopped.

    Arguments:
        dataset: A data set with known modes, e.g. ring or grid25.
        methods: Entrants, separated by spaces, e.g. veegan pacgan@degree=4; all methods if not given.
        protocol: common gives all the same networks, batch, budget and learning rates; paper gives each its paper's.
        seeds: How many seeds, from 0.
        budget: Gradient steps of each member under common, over all players.
        learning_rates: The learning rates under common, separated by commas.
        workers: Worker processes, one entrant each; the number of cores if not given.
        out: The folder; benchmarks/DATASET if not given.
        dry_run: Prints what would be trained, with the time that it would take, and stops.
        quiet: Shows no progress.
    """

    dataset: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="DATASET")]
    methods: Annotated[tuple[str, ...] | None, tyro.conf.arg(metavar="METHOD ...", help_behavior_hint="")] = None
    protocol: Literal["common", "paper"] = "common"
    seeds: int = 12
    budget: int = 10_000
    learning_rates: Annotated[str, tyro.conf.arg(metavar="A,B,...")] = "3e-4,1e-3,3e-3"
    workers: Annotated[int | None, tyro.conf.arg(metavar="INT", help_behavior_hint="")] = None
    out: Annotated[Path | None, tyro.conf.arg(metavar="PATH", help_behavior_hint="")] = None
    dry_run: bool = False
    quiet: bool = False

    def __call__(self) -> None:
        from ..benchmark import load_results, make_plan, run_cells, standings
        from ..benchmark.page import write_benchmark

        need(self.workers is None or self.workers >= 1, f"workers is {self.workers}, expected at least 1")
        plan = make_plan(
            self.dataset,
            self.methods,
            protocol=self.protocol,
            seeds=self.seeds,
            budget=self.budget,
            learning_rates=rates_of(self.learning_rates),
        )
        out = self.out or Path("benchmarks") / self.dataset.replace(":", "-").replace("/", "-")
        if self.dry_run:
            print_plan(plan, out, self.workers)
            return
        teller = Teller(len(plan.possible), self.quiet)
        finished = run_cells(plan.possible, out, self.workers, teller)
        found = standings(plan, load_results(plan, out))
        if found.default:
            print_standings(found)
            print(write_benchmark([found], out))
        if not finished:
            Console(stderr=True).print("stopped; all is saved. The same command goes on", soft_wrap=True)
            raise SystemExit(130)


class Teller:
    """Tells of each entrant as it ends.

    Arguments:
        total: How many there are.
        quiet: Whether to tell nothing.
    """

    def __init__(self, total: int, quiet: bool) -> None:
        self.total, self.quiet, self.count, self.began = total, quiet, 0, time.monotonic()

    def __call__(self, cell: "Cell", outcome: str) -> None:
        self.count += 1
        if self.quiet:
            return
        spent = time.monotonic() - self.began
        label = cell.entrant.label
        text = Text(f"{self.count:>3}/{self.total}  {label:<32} ")
        word = outcome if outcome in ("done", "kept") else f"failed: {outcome.splitlines()[0]}"
        text.append(word, style={"done": "green", "kept": "dim"}.get(outcome, "red"))
        Console(stderr=True).print(text.append(f"  {spent / 60:.1f} min", style="dim"), soft_wrap=True)


def rates_of(text: str) -> tuple[float, ...]:
    """Learning rates from ``3e-4,1e-3``."""
    try:
        return tuple(float(part) for part in text.split(",") if part.strip())
    except ValueError:
        raise ModescopeError(
            f"learning_rates is {text!r}, expected numbers separated by commas, e.g. 3e-4,1e-3"
        ) from None


def print_plan(plan: "Plan", out: Path, workers: int | None) -> None:
    """Prints what would be trained, timed by a few steps of each."""
    from ..benchmark.calibrate import calibrate

    table = Table(box=None, padding=(0, 2, 0, 0))
    for name in ("entrant", "members", "steps", "minutes"):
        table.add_column(name, justify="left" if name == "entrant" else "right", no_wrap=True)
    if len(plan.possible) < len(plan.cells):
        table.add_column("cannot take part")
    total = 0.0
    for cell in plan.cells:
        if cell.experiment is None:
            table.add_row(cell.entrant.label, "–", "–", "–", cell.reason, style="dim")
            continue
        seconds = calibrate(cell)
        total += seconds
        steps = f"{cell.experiment.training.steps:,}"
        table.add_row(cell.entrant.label, str(len(cell.experiment.members)), steps, f"{seconds / 60:.1f}")
    from ..runs.executor import cores

    count = workers or cores()
    console = Console()
    console.print(table)
    minutes = plural(round(total / 60 / count), "minute")
    console.print(f"about {minutes} with {plural(count, 'worker')}, into {out}", soft_wrap=True)


def print_standings(found: "Standings") -> None:
    """Prints the table of the default learning rate, the best entrant first."""
    from ..benchmark.page import header, rows

    console = Console()
    shown = [0, 2, 4, 5, 7]  # what fits a terminal: who, modes, quality, reverse KL, W2
    table = Table(box=None, padding=(0, 2, 0, 0))
    names = header()
    for index in shown:
        lines = names[index].replace(" on", "").replace(" ", "\n", 1)
        table.add_column(lines, justify="left" if index == 0 else "right", no_wrap=True)
    for row in rows(found.default):
        table.add_row(*(Text(str(row[index]).split(" (")[0]) for index in shown))
    console.print(table)
    for label, reason in found.failed.items():
        console.print(Text(f"{label}: {reason.splitlines()[0]}", style="dim"), soft_wrap=True)
