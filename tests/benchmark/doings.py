"""What cells of tests do in place of training: quickly, badly, or not at all."""

import os
import resource
import signal
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch

from modescope.benchmark import Result
from modescope.benchmark.panel import KNOWN
from modescope.benchmark.results import about

Cell = Mapping[str, Any]
Stopped = Callable[[], bool]


def quick(cell: Cell, out: Path, stopped: Stopped) -> Result:
    """Two members with numbers of their own, and a line in a log for each time that a cell is done."""
    with (out / "log").open("a") as log:
        log.write(f"{cell['key']} {os.getpid()}\n")
    print("what a cell prints goes where errors go")
    first = int(cell["key"], 16) % 8
    return made(cell, (float(first), first + 0.5))


def made(cell: Cell, values: tuple[float, float]) -> Result:
    cost = {"gradient_steps": 20, "seconds": 0.1, "memory": 1}
    each = dict.fromkeys(KNOWN.metrics, values)
    return Result(**about(cell), seeds=(0, 1), rates=(1e-3, 1e-3), values=each, diverged=(None, None), **cost)


def slow(cell: Cell, out: Path, stopped: Stopped) -> Result:
    """As :func:`quick`, after a while."""
    time.sleep(0.2)
    return quick(cell, out, stopped)


def frugal(cell: Cell, out: Path, stopped: Stopped) -> Result:
    """As :func:`quick`, and tells how many pages of memory the system had to give while tensors came and went."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(50):
        torch.ones(2**18)
    (out / "pages").write_text(str(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before))
    return quick(cell, out, stopped)


def various(cell: Cell, out: Path, stopped: Stopped) -> Result | None:
    """What the entrant's number of critic steps says."""
    match cell["experiment"]["method"]["critic_steps"]:
        case 2:
            time.sleep(600)
        case 3:
            raise MemoryError("no room for a cell")
        case 4 if not (out / "died").exists():
            (out / "died").touch()
            os.kill(os.getpid(), signal.SIGSEGV)
        case 5:
            raise SystemExit(3)
    return quick(cell, out, stopped)


def patient(cell: Cell, out: Path, stopped: Stopped) -> Result | None:
    """Goes on until it is told to stop, and says that it began and that it left."""
    (out / "began").touch()
    while not stopped():
        time.sleep(0.05)
    (out / "left").touch()
    return None
