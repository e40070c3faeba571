"""What the machinery of the benchmark costs, beside the cells that it has done."""

import os
import resource
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from functools import cache
from itertools import pairwise
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import torch

from modescope.benchmark import Cell, Plan, Result, load_results, make_plan, run_cells, standings
from modescope.benchmark.panel import KNOWN
from modescope.benchmark.results import about
from modescope.benchmark.table import collect, write_table
from modescope.core.engine import Population

from .populations import population
from .timing import Ratio, paired, seconds

CELLS = 12  # of each worker, when rates are taken
STEPS = 80  # of a cell, when rates are taken: about a second
MANY = 10_000

Times = list[tuple[str, float, float]]


def scaling() -> Iterator[Ratio]:
    """Cells a second with two workers against two workers alone, and what lies between two cells."""
    teams: dict[str, tuple[Callable[[int], Times], str]] = {
        "processes without the benchmark's machinery": (bare, "what the machine allows"),
        "processes on this machine": (lambda workers: times(local, workers), "at least 0.9"),
        "workers of a Dask cluster": (lambda workers: times(dask, workers), "at least 0.9"),
    }
    for name, (timed, target) in teams.items():
        yield paired(
            f"cells a second of 2 {name} against twice those of 1",
            lambda timed=timed: rate(timed(2)),
            lambda timed=timed: 2 * rate(timed(1)),
            "cells/s",
            target,
            pairs=3,
        )
    with local(1) as options:
        spent = times_of(1, options)
    within = sum(end - start for _, start, end in spent)
    yield once("time between two cells, as a share of theirs", between(spent), within, "s", "at most 0.02")


def many() -> Iterator[Ratio]:
    """Ten thousand trivial cells: planned, run by two workers, and tabled."""
    plan: list[Plan] = []
    total = {"s": 0.0, "s of processors": 0.0}
    with tempfile.TemporaryDirectory() as folder:
        parts = {
            "planned": lambda: plan.append(plan_of(MANY)),
            "run": lambda: run_cells(plan[0].possible, folder, 2, work="benchmarks.scale:trivial"),
            "tabled": lambda: write_table(collect(folder), folder),
            "compared": lambda: standings(plan[0], load_results(plan[0], folder)),
        }
        for name, part in parts.items():
            before = processors()
            spent = {"s": seconds(part), "s of processors": processors() - before}
            for unit, value in spent.items():
                total[unit] += value
                yield once(f"{MANY:,} trivial cells {name}, against two minutes", value, 120, unit, "")
    for unit, value in total.items():
        yield once(f"{MANY:,} trivial cells, all of this, against two minutes", value, 120, unit, "at most 1")


def once(name: str, value: float, limit: float, unit: str, target: str) -> Ratio:
    """What was measured once, against something else."""
    return paired(name, lambda: value, lambda: limit, unit, target, pairs=1)


def processors() -> float:
    """The processor time of this process and of those that it started and that ended."""
    return sum(sum(resource.getrusage(who)[:2]) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))


def plan_of(count: int) -> Plan:
    """A plan of as many cells."""
    methods = [f"gan@critic_steps={steps}" for steps in range(2, count + 1)]
    return make_plan("ring", methods, seeds=2, budget=2, learning_rates=(1e-3,))


@contextmanager
def local(workers: int) -> Iterator[dict[str, Any]]:
    """Processes on this machine."""
    yield {"workers": workers}


@contextmanager
def dask(workers: int) -> Iterator[dict[str, Any]]:
    """A Dask cluster whose workers are processes."""
    from distributed import LocalCluster

    with LocalCluster(n_workers=workers, threads_per_worker=1, processes=True, dashboard_address=None) as cluster:
        yield {"scheduler": cluster.scheduler_address}


def times(team: Callable[[int], Any], workers: int) -> Times:
    """The process, the beginning and the end of every cell."""
    with team(workers) as options:
        return times_of(workers, options)


def times_of(workers: int, options: Mapping[str, Any]) -> Times:
    """The same with a team that is there."""
    cells: list[Cell] = plan_of(CELLS * workers).possible
    with tempfile.TemporaryDirectory() as folder:
        run_cells(cells, folder, work="benchmarks.scale:steady", **options)
        lines = [line.split() for line in (Path(folder) / "times").read_text().splitlines()]
    return [(pid, float(start), float(end)) for pid, start, end in lines]


def bare(workers: int) -> Times:
    """The same cells in processes of the standard library, which share nothing and write nothing."""
    with ProcessPoolExecutor(workers, get_context("spawn")) as pool:
        return list(pool.map(timed_cell, range(CELLS * workers)))


def timed_cell(number: int) -> tuple[str, float, float]:
    """A cell, whichever, on one thread."""
    torch.set_num_threads(1)
    members = ready()
    start = time.time()
    members.advance(STEPS)
    return str(os.getpid()), start, time.time()


def rate(spent: Times) -> float:
    """Cells a second, from where the last process began its first to where the first ended its last."""
    pids = {pid for pid, _, _ in spent}
    begin = max(min(start for other, start, _ in spent if other == pid) for pid in pids)
    end = min(max(end for other, _, end in spent if other == pid) for pid in pids)
    return sum(max(0.0, min(b, end) - max(a, begin)) / (b - a) for _, a, b in spent) / (end - begin)


def between(spent: Times) -> float:
    """The seconds between the cells of one process."""
    ordered = sorted(spent, key=lambda each: each[1])
    return sum(after[1] - before[2] for before, after in pairwise(ordered))


def trivial(cell: Mapping[str, Any], out: Path, stopped: Callable[[], bool]) -> Result:
    """A cell that takes no time."""
    values = dict.fromkeys(KNOWN.metrics, (1.0, 2.0))
    return Result(**about(cell), seeds=(0, 1), rates=(1e-3, 1e-3), values=values, diverged=(None, None))


def steady(cell: Mapping[str, Any], out: Path, stopped: Callable[[], bool]) -> Result:
    """A cell that always takes as many steps."""
    pid, start, end = timed_cell(0)
    with (out / "times").open("a") as log:
        log.write(f"{pid} {start!r} {end!r}\n")
    return trivial(cell, out, stopped)


@cache
def ready() -> Population:
    """A population that has recorded its steps."""
    members = population("ring", "gan", 16, compiled=False)
    members.advance(20)
    return members
