"""Runs the cells of a benchmark in worker processes: each in its own, so that one that fails fails alone."""

__all__ = ["run_cells"]

import multiprocessing
import os
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any

from ..core.errors import ModescopeError, need
from ..runs import Run
from ..runs.executor import Worker, cores, enter, stop_on_interrupt
from ..runs.many import opened
from ..runs.worker import train_block
from .plan import Cell
from .results import FAILURE, measure, read_result, write_failure, write_result

Tell = Callable[[Cell, str], None]


def run_cells(cells: Sequence[Cell], out: str | Path, workers: int | None = None, tell: Tell | None = None) -> bool:
    """Trains and measures the cells that have no result yet.

    Every cell has a folder named by its configuration, so cells that were done are not run again, and one that was
    stopped goes on from its checkpoint. A cell that fails is told, and fails nothing else.

    Arguments:
        cells: The cells.
        out: The folder of all.
        workers: Worker processes, one thread each; the number of cores if not given.
        tell: Called with each cell that ends, and ``done``, ``kept`` (it was done before) or the reason of its failure.

    Returns:
        Whether all cells ended; False if they were stopped by Ctrl-C, when all is saved.

    Raises:
        ModescopeError: If the folder cannot be written.
    """
    need(workers is None or workers >= 1, f"workers is {workers}, expected at least 1")
    tell = tell or (lambda cell, outcome: None)
    folder = Path(out)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ModescopeError(f"the folder {str(folder)!r} cannot be written: {error.strerror or error}") from error
    left = []
    for cell in cells:
        (folder / cell.folder / FAILURE).unlink(missing_ok=True)
        if read_result(folder / cell.folder, cell) is None:
            left.append(cell)
        else:
            tell(cell, "kept")
    with stop_on_interrupt(multiprocessing.get_context("spawn").Event()) as stop:
        while left and not stop.is_set():
            suspects = train_together(left, folder, tell, min(workers or cores(), len(left)), stop)
            for cell in suspects:  # one of them killed its worker, and the pool with it: each is tried alone
                if train_together([cell], folder, tell, 1, stop):
                    fail(cell, folder, tell, "its worker process died (killed, or out of memory)")
            left = [cell for cell in left if read_result(folder / cell.folder, cell) is None]
        return not stop.is_set()


def train_together(cells: Sequence[Cell], folder: Path, tell: Tell, workers: int, stop: Any) -> list[Cell]:
    """Runs cells in a pool of workers, until all ended, they were stopped, or a worker died.

    Returns:
        The cells that may have killed a worker: those that were on, or next, when one died.
    """
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(
        workers,
        context,
        initializer=enter,
        initargs=(stop, None, os.getpid()),
        max_tasks_per_child=1,  # so that the peak memory of a process is that of one cell
    ) as pool:
        futures = {pool.submit(run_cell, cell, folder): cell for cell in cells}
        pending, suspects = set(futures), []
        while pending:
            on = [future for future in pending if future.running()]
            done, pending = wait(pending, timeout=0.5, return_when="FIRST_COMPLETED")
            for future in done:
                if isinstance(future.exception(), BrokenProcessPool):
                    suspects += [futures[future]] if future in on else []
                elif (outcome := future.result()) != "stopped":
                    tell(futures[future], outcome)
            if stop.is_set():
                for future in pending:
                    future.cancel()
                pending = {future for future in pending if not future.cancelled()}
        return suspects


def fail(cell: Cell, folder: Path, tell: Tell, reason: str) -> None:
    """Writes down that a cell failed, and tells of it."""
    write_failure(folder / cell.folder, reason)
    tell(cell, reason)


def run_cell(cell: Cell, out: Path) -> str:
    """Trains and measures a cell in a worker process, with its own folder for everything.

    Returns:
        ``done``, ``stopped``, or the reason of its failure, which is also written down.
    """
    folder = out / cell.folder
    assert cell.experiment is not None
    Worker.busy = True
    try:
        began, before = time.process_time(), peak_memory()
        run = opened(folder / "run", cell.entrant.label, cell.experiment, [])
        if not all([train_block(run.folder, block, ignore, stopping) for block in range(len(run.stores))]):
            return "stopped"
        spent = time.process_time() - began
        write_result(folder, measure(Run(run.folder), cell, cell.folder, spent, peak_memory() - before))
        return "done"
    except Exception as error:
        reason = str(error) if isinstance(error, ModescopeError) else f"{type(error).__name__}: {error}"
        write_failure(folder, reason, traceback.format_exc())
        return reason
    finally:
        Worker.busy = False


def stopping() -> bool:
    """Whether this worker should save and leave."""
    return Worker.stop.is_set() or Worker.orphaned()


def ignore(look: object) -> None:
    """Hears a look and forgets it: a benchmark tells of cells, not of steps."""


def peak_memory() -> int:
    """The most memory that this process has held, in bytes; 0 where the system does not tell."""
    try:
        import resource
    except ImportError:  # Windows
        return 0
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
