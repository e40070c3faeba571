"""``modescope benchmark``."""

__all__ = ["Benchmark"]

import dataclasses
import shlex
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from textwrap import fill
from typing import TYPE_CHECKING, Annotated, Any, Literal

import tyro
from rich.console import Console
from rich.table import Table
from rich.text import Text

from ..core.errors import ModescopeError, need, need_extra
from ..report.text import plural

if TYPE_CHECKING:
    from ..benchmark import Cell, Plan, Standings
    from ..benchmark.suite import Suite


PAGE = ("matplotlib", "PIL", "jinja2")  # what writes the page
COLUMN = 13  # characters of a metric's name in a line


@dataclass(kw_only=True)
class Benchmark:
    """Trains every remedy on data sets under one protocol, and writes tables with intervals and paired tests.

    What was done before is kept, so the same command goes on where it was stopped; several may work in one folder. It
    leaves with code 0 if all is done, 1 if a cell failed, and 130 if it was stopped.

    Arguments:
        suite: A suite (2d, papers, quick), a TOML file that describes one, or a data set, e.g. ring.
        methods: Entrants, separated by spaces, e.g. veegan pacgan@degree=4; the suite's if not given, else all methods.
        protocol: common gives all the same networks, batch, budget and learning rates; paper gives each its paper's.
        seeds: How many seeds, from 0; the suite's if not given, else 12.
        budget: Gradient steps of each member under common, over all players; the suite's if not given, else 10,000.
        learning_rates: Those under common, separated by commas; the suite's if not given, else 3e-4,1e-3,3e-3.
        limit: The minutes after which an entrant is ended, and counts as failed.
        workers: Entrants at the same time, a process each; as many as there are cores and memory for if not given.
        scheduler: local, the address of a Dask scheduler (tcp://HOST:PORT), slurm, or slurm-local.
        out: The folder; benchmarks/SUITE if not given.
        dry_run: Prints what would be trained, with the time and the room that it would take, and stops.
        quiet: Shows no progress.
    """

    suite: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="SUITE|FILE|DATASET")]
    methods: Annotated[tuple[str, ...] | None, tyro.conf.arg(metavar="METHOD ...", help_behavior_hint="")] = None
    protocol: Annotated[Literal["common", "paper"] | None, tyro.conf.arg(help_behavior_hint="")] = None
    seeds: Annotated[int | None, tyro.conf.arg(metavar="INT", help_behavior_hint="")] = None
    budget: Annotated[int | None, tyro.conf.arg(metavar="INT", help_behavior_hint="")] = None
    learning_rates: Annotated[str | None, tyro.conf.arg(metavar="A,B,...", help_behavior_hint="")] = None
    limit: Annotated[float | None, tyro.conf.arg(metavar="MINUTES", help_behavior_hint="")] = None
    workers: Annotated[int | None, tyro.conf.arg(metavar="INT", help_behavior_hint="")] = None
    scheduler: Annotated[str, tyro.conf.arg(metavar="NAME|ADDRESS")] = "local"
    out: Annotated[Path | None, tyro.conf.arg(metavar="PATH", help_behavior_hint="")] = None
    dry_run: bool = False
    quiet: bool = False

    def __call__(self) -> None:
        from ..benchmark import load_results, run_cells, standings
        from ..benchmark.page import write_benchmark
        from ..benchmark.table import Ledger
        from .output import say

        need(self.workers is None or self.workers >= 1, f"workers is {self.workers}, expected at least 1")
        suite = self.described()
        plans = suite.plans()
        out = self.out or Path("benchmarks") / suite.name.replace(":", "-").replace("/", "-")
        cells = [cell for plan in plans for cell in plan.possible]
        if self.dry_run:
            print_plans(plans, out, self.workers)
            return
        need_extra(PAGE, "report", "the benchmark's page")
        ledger, teller = Ledger(out, suite.name), Teller(len(cells), self.quiet or not cells)
        if not self.quiet:
            say(outline(plans, out))

        def tell(cell: "Cell", outcome: str) -> None:
            teller(cell, outcome)
            ledger.note()

        finished = run_cells(cells, out, self.workers, tell, scheduler=self.scheduler, limit=suite.limit)
        found = [standings(plan, load_results(plan, out)) for plan in plans]
        for one in found:
            if one.default:
                print_standings(one, title=len(found) > 1)
        if any(one.default for one in found):
            print(write_benchmark([one for one in found if one.default], out, command_of(self)))
        for path in ledger.write():
            print(path)
        if not finished:
            say("stopped; all is saved. The same command goes on")
            raise SystemExit(130)
        if teller.failed:
            say(f"{teller.failed} of {plural(len(cells), 'cell')} failed; the same command tries them again")
            raise SystemExit(1)

    def described(self) -> "Suite":
        """The suite, with what the flags say in place of what it says."""
        from ..benchmark.suite import suite_of

        given: dict[str, Any] = {
            "methods": self.methods,
            "protocols": None if self.protocol is None else (self.protocol,),
            "seeds": self.seeds,
            "budget": self.budget,
            "learning_rates": None if self.learning_rates is None else rates_of(self.learning_rates),
            "limit": self.limit,
        }
        return replace(suite_of(self.suite), **{name: value for name, value in given.items() if value is not None})


def command_of(command: Benchmark) -> str:
    """The command line that says the same, for the page."""
    words = ["modescope", "benchmark"]
    for field in dataclasses.fields(command):
        value = getattr(command, field.name)
        name = [] if field.default is dataclasses.MISSING else [f"--{field.name.replace('_', '-')}"]
        if value is True:
            words += name
        elif value != field.default:
            words += [*name, *map(str, value if isinstance(value, tuple) else [value])]
    return shlex.join(words)


class Teller:
    """Tells of each cell as it ends.

    Arguments:
        total: How many there are.
        quiet: Whether to tell nothing.
    """

    def __init__(self, total: int, quiet: bool) -> None:
        self.total, self.quiet, self.count, self.failed, self.began = total, quiet, 0, 0, time.monotonic()

    def __call__(self, cell: "Cell", outcome: str) -> None:
        good = outcome in ("done", "kept")
        self.count, self.failed = self.count + 1, self.failed + (not good)
        if self.quiet:
            return
        spent = time.monotonic() - self.began
        text = Text(f"{self.count:>{len(str(self.total))}}/{self.total}  {cell.entrant.label:<32} {cell.dataset}  ")
        word = outcome if good else f"failed: {outcome.splitlines()[0]}"
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


def outline(plans: "Sequence[Plan]", out: Path) -> str:
    """What is about to be trained, in a line."""
    from ..benchmark.calibrate import disk_of

    cells = [cell for plan in plans for cell in plan.possible]
    room = size(sum(map(disk_of, cells)))
    return f"{plural(len(cells), 'cell')}, {plural(members_of(cells), 'member')}, {room} in {out}"


def members_of(cells: "Sequence[Cell]") -> int:
    """How many members cells have."""
    return sum(len(cell.experiment.members) for cell in cells if cell.experiment is not None)


def size(count: int) -> str:
    """Bytes in words."""
    return f"about {count / 1e9:.1f} GB" if count >= 1e9 else f"about {max(1, round(count / 1e6))} MB"


def print_plans(plans: "Sequence[Plan]", out: Path, workers: int | None) -> None:
    """Prints what would be trained, timed by a few steps of each entrant on data of each shape."""
    from ..benchmark.calibrate import pace
    from ..benchmark.schedulers import local_slots

    table = Table(box=None, padding=(0, 2, 0, 0))
    several = len(plans) > 1
    for name in (*(("data",) if several else ()), "entrant", "members", "steps", "minutes"):
        table.add_column(name, justify="left" if name in ("data", "entrant") else "right", no_wrap=True)
    if any(len(plan.possible) < len(plan.cells) for plan in plans):
        table.add_column("cannot take part")
    total, paces = 0.0, dict[tuple[object, ...], float]()
    for cell in (cell for plan in plans for cell in plan.cells):
        who = [Text(cell.dataset), Text(cell.entrant.label)][not several :]
        if cell.experiment is None:
            table.add_row(*who, "–", "–", "–", Text(cell.reason), style="dim")
            continue
        like = (cell.entrant.label, cell.experiment.dataset.shape, cell.dataset if cell.protocol == "paper" else "")
        if like not in paces:
            paces[like] = pace(cell)
        steps = cell.experiment.training.steps
        total += paces[like] * steps
        members, minutes = str(len(cell.experiment.members)), f"{paces[like] * steps / 60:.1f}"
        table.add_row(*who, members, f"{steps:,}", minutes)
    console, count = Console(), workers or local_slots()
    console.print(table)
    time = plural(round(total / 60 / count), "minute")
    console.print(Text(f"{outline(plans, out)}; about {time} with {plural(count, 'worker')}"), soft_wrap=True)


def print_standings(found: "Standings", title: bool) -> None:
    """Prints the table of the default learning rate, the best entrant first, perhaps with the data set above it."""
    from ..benchmark.words import header, rows

    console, panel = Console(), found.plan.panel
    shown = [0, *(2 + panel.metrics.index(name) for name in panel.brief)]
    table = Table(box=None, padding=(0, 2, 0, 0))
    names = header(panel)
    for index in shown:
        table.add_column(fill(names[index], COLUMN), justify="left" if index == 0 else "right", no_wrap=True)
    for row in rows(found.default, panel):
        table.add_row(*(Text(str(row[index]).split(" (")[0]) for index in shown))
    if title:
        console.print(Text(f"\n{found.plan.dataset}, protocol {found.plan.protocol}", style="bold"))
    console.print(table)
    for label, reason in found.failed.items():
        console.print(Text(f"{label}: {reason.splitlines()[0]}", style="dim"), soft_wrap=True)
