"""What doing a cell means: training it, and measuring it."""

__all__ = ["train"]

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..runs import Run
from ..runs.many import opened
from ..runs.worker import train_block
from .memory import fresh_peak, peak_memory
from .plan import Cell
from .results import Result, measure


def train(plain: Mapping[str, Any], out: Path, stopped: Callable[[], bool]) -> Result | None:
    """Trains a cell from wherever its folder stands, and measures it.

    Arguments:
        plain: What :meth:`modescope.benchmark.Cell.encode` gives.
        out: The benchmark's folder.
        stopped: Asked before each step whether to save and leave.

    Returns:
        Its numbers, or None if it was stopped.
    """
    before = fresh_peak()
    cell = Cell.decode(plain)
    assert cell.experiment is not None
    run = opened(out / cell.folder / "run", cell.entrant.label, cell.experiment, [])
    if not all([train_block(run.folder, block, lambda look: None, stopped) for block in range(len(run.stores))]):
        return None
    began = time.process_time()
    found = measure(Run(run.folder), cell)
    measuring = time.process_time() - began
    training = sum(store.stats()[-1]["processor_seconds"] for store in run.stores)  # of processes before this one too
    return replace(found, seconds=round(training + measuring, 3), memory=max(0, peak_memory() - before))
