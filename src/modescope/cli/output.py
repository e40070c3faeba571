"""What the commands print."""

__all__ = ["finish", "metrics_json", "print_comparison", "print_metrics"]

import json
import math
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from textwrap import fill

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from ..core.processes import Processes
from ..metrics import METRICS, MetricResult
from ..metrics.base import ARROWS
from ..metrics.intervals import mean_interval
from ..report.text import plural
from ..runs import Run, train_runs

NAME_WIDTH = 14  # characters of a metric's name in a line


def finish(
    runs: Sequence[Run],
    workers: int | None,
    quiet: bool,
    checkpoint_seconds: float,
    processes: Processes,
    tensorboard: bool = False,
) -> None:
    """Trains runs to their end; Ctrl-C saves, says how to go on, and leaves with code 130."""
    watch = boards(runs) if tensorboard and processes.first else None
    try:
        train_runs(runs, workers, quiet, checkpoint_seconds, processes, watch)
    except KeyboardInterrupt:
        for run in runs:
            if processes.first and not run.done:
                say(f"stopped; all is saved. Go on with: modescope resume {run.folder}")
        raise SystemExit(130) from None


def boards(runs: Sequence[Run]) -> dict[Path, Callable[[], None]]:
    """What copies the looks of each run to TensorBoard, by its folder."""
    from ..report import Board

    return {run.folder: Board(run).write for run in runs}


def say(text: str) -> None:
    """Prints a line for people, beside what programs read."""
    Console(stderr=True).print(Text(text), soft_wrap=True)


def metrics_json(run: Run, results: Sequence[MetricResult]) -> str:
    """The metrics of a run as JSON."""
    diverged = run.diverged()
    members = [
        {"index": i, "label": m.label, "seed": m.seed, "values": dict(m.values), "diverged_at": diverged[i]}
        for i, m in enumerate(run.members)
    ]
    return json.dumps({"members": members, "metrics": [result.to_dict() for result in results]}, indent=2)


def print_metrics(run: Run, as_json: bool = False, names: Sequence[str] | None = None, floor_repeats: int = 20) -> None:
    """Prints the metrics of a run, as a table or as JSON."""
    results = run.metrics(names, floor_repeats)
    if as_json:
        print(metrics_json(run, results))
        return
    console = Console()
    console.print(title(run))
    groups = list(dict.fromkeys(member.group for member in run.members))
    if len(groups) > 1:
        results = columns(results, names)
        console.print(group_table(run, groups, results))
    else:
        console.print(metric_table(results, len(run.members)))
    footnotes(console, results)
    console.print(Text(f"run: {run.folder}"), soft_wrap=True)


def print_comparison(runs: Sequence[Run], names: Sequence[str] | None = None) -> None:
    """Prints a table with a row for each run, and the perfect sampler's row below.

    Arguments:
        runs: The runs, on one data set.
        names: Metrics; those that fit the width of a terminal if not given.
    """
    measured = [columns(run.metrics(names), names) for run in runs]
    table = wide_table("run", measured[0])
    for run, results in zip(runs, measured, strict=True):
        table.add_row(Text(run.name), *(spread(r.value, r.low, r.high) for r in results), end_section=run is runs[-1])
    table.add_row("perfect sampler", *(number(result.floor) for result in measured[0]), style="dim")
    console = Console()
    console.print(table)
    console.print(Text("mean over seeds, and its 95 % interval below", style="dim"))
    footnotes(console, measured[0])


def columns(results: Sequence[MetricResult], names: Sequence[str] | None = None) -> list[MetricResult]:
    """The results that stand side by side: at most four, since a terminal is narrow, unless they were named."""
    return list(results if names is not None else results[:4])


def wide_table(first: str, results: Sequence[MetricResult]) -> Table:
    """A table with a column for each metric."""
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column(first, overflow="fold", min_width=15)
    for result in results:
        name = fill(heading(result), NAME_WIDTH, break_long_words=False)
        table.add_column(name, justify="right", no_wrap=True)
    return table


def title(run: Run) -> Text:
    """One line on a run."""
    lost = sum(step is not None for step in run.diverged())
    text = Text(run.name, style="bold")
    text.append(f": {plural(len(run.members), 'member')}, {run.experiment.training.steps:,} steps", style="not bold")
    return text.append(f", {lost} diverged", style="not bold red") if lost else text


def heading(result: MetricResult) -> str:
    """A metric's label, with an arrow towards better that stays with its last word."""
    return f"{result.label}\N{NO-BREAK SPACE}{ARROWS[result.direction]}"


def metric_table(results: Sequence[MetricResult], members: int) -> Table:
    """A row for each metric, beside what a perfect sampler scores."""
    table = Table(box=box.SIMPLE_HEAD)
    table.add_column("metric")  # a long name goes on below; a number is never cut
    table.add_column("mean" if members > 1 else "value", justify="right", no_wrap=True)
    table.add_column("95 % interval", justify="right", no_wrap=True)
    table.add_column("perfect sampler", justify="right", no_wrap=True, style="dim")
    for result in results:
        low, high = number(result.low), number(result.high)
        table.add_row(heading(result), number(result.value), f"{low} to {high}", number(result.floor))
    return table


def group_table(run: Run, groups: Sequence[str], results: Sequence[MetricResult]) -> Table:
    """A row for each combination of swept values, and the perfect sampler's row below."""
    table = wide_table("swept", results)
    for group in groups:
        cells = [group_cell(run, group, result) for result in results]
        table.add_row(group, *cells, end_section=group == groups[-1])
    table.add_row("perfect sampler", *(number(result.floor) for result in results), style="dim")
    return table


def group_cell(run: Run, group: str, result: MetricResult) -> str:
    """The mean over the members of one group, with its interval."""
    own = [value for member, value in zip(run.members, result.per_member, strict=True) if member.group == group]
    return spread(*mean_interval(own, METRICS[result.name].bounds(run.experiment.dataset)))


def footnotes(console: Console, results: Iterable[MetricResult]) -> None:
    """How each number was taken, and what else to know of it."""
    for result in results:
        note = f" ({result.note})" if result.note else ""
        console.print(Text(f"{result.label}: {result.protocol}{note}", style="dim"))


def spread(value: float, low: float, high: float) -> str:
    """A mean above its interval."""
    return f"{number(value)}\n[dim]{number(low)}…{number(high)}[/dim]"


def number(value: float) -> str:
    """A number with the figures that matter."""
    if not math.isfinite(value):
        return "–" if math.isnan(value) else "∞"
    if 999.5 <= abs(value) < 9999.5:
        return f"{value:.0f}"
    if value == 0 or 1e-3 <= abs(value) < 999.5:
        return f"{value:.3g}"
    return f"{value:.1e}"
