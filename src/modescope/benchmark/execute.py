"""Has the cells of a benchmark done: each once, by whoever comes first, and one that fails fails alone."""

__all__ = ["run_cells"]

import json
import secrets
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, wait
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from ..core.errors import ModescopeError, need
from ..runs.executor import stop_on_interrupt
from .plan import Cell
from .results import FAILURE, LOCK, settled, write_failure
from .schedulers import Team, team_of
from .supervise import DIED, do_cells

Tell = Callable[[Cell, str], None]
TRAIN = "modescope.benchmark.training:train"
TRIES = 2  # of a cell whose process or machine died, which may have been another's doing


def run_cells(
    cells: Sequence[Cell],
    out: str | Path,
    workers: int | None = None,
    tell: Tell | None = None,
    *,
    scheduler: str = "local",
    limit: float | None = None,
    work: str = TRAIN,
) -> bool:
    """Trains and measures the cells that have no result yet.

    Every cell has a folder named by its key, so cells that were done are not run again, and one that was stopped goes
    on from its checkpoint. A cell that fails is told, and fails nothing else; one whose process died is tried once
    more. Several processes, also on several machines, may work in one folder: a cell is locked while it is worked at,
    and each is done once.

    Arguments:
        cells: The cells.
        out: The folder of all.
        workers: How many cells are done at the same time, one thread each; what there is room for if not given.
        tell: Called with each cell that ends, and ``done``, ``kept`` (it was done before) or the reason of its failure.
        scheduler: A key of :data:`modescope.benchmark.SCHEDULERS`, or the address of a Dask scheduler.
        limit: The minutes after which a cell is ended, and counts as failed.
        work: The import path ``module:function`` of what does a cell; see :func:`modescope.benchmark.training.train`.

    Returns:
        Whether all cells ended; False if they were stopped by Ctrl-C, when all is saved.

    Raises:
        ModescopeError: If the folder cannot be written, or there is no such scheduler.

    Note:
        The lock is one of the operating system (``flock``), held by the process that trains: the system frees it
        when that process ends, however it ends. On a folder that machines share by NFS, the server frees it when the
        machine's lease ends, after a minute or two. A file system without such locks cannot be shared by benchmarks.
    """
    need(limit is None or limit > 0, f"limit is {limit}, expected a positive number of minutes")
    folder = Path(out).absolute()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ModescopeError(f"the folder {str(folder)!r} cannot be written: {error.strerror or error}") from error
    tell = tell or (lambda cell, outcome: None)
    left = []
    for cell in cells:
        (folder / cell.folder / FAILURE).unlink(missing_ok=True)
        if settled(folder / cell.folder) is None:
            left.append(cell)
        else:
            tell(cell, "kept")
    if not left:
        return True
    with stop_on_interrupt() as stop, stop_file(folder) as stopped, team_of(scheduler, workers, folder) as team:
        return Campaign(left, folder, team, tell, None if limit is None else 60 * limit, work, stopped).run(stop.is_set)


@contextmanager
def stop_file(folder: Path) -> Iterator[Path]:
    """The path of a file that tells all who work for this process to save and leave, once it is there."""
    path = folder / f".stop-{secrets.token_hex(4)}"
    try:
        yield path
    finally:
        path.unlink(missing_ok=True)


class Campaign:
    """Cells on their way.

    Arguments:
        cells: Those without a result.
        folder: The folder of all.
        team: Who does them.
        tell: Called with each that ends.
        limit: The seconds that one may take.
        work: The import path of what does one.
        stop: The file that tells all to save and leave.
    """

    def __init__(
        self,
        cells: Sequence[Cell],
        folder: Path,
        team: Team,
        tell: Tell,
        limit: float | None,
        work: str,
        stop: Path,
    ) -> None:
        self.folder, self.team, self.tell, self.stop = folder, team, tell, stop
        self.common = {"out": str(folder), "work": work, "limit": limit, "stop": str(stop), "pin": team.pin}
        self.waiting, self.elsewhere = deque(cells), list[Cell]()
        self.pending: dict[Future[None], list[Cell]] = {}
        self.tries: Counter[str] = Counter()
        self.stopped = False
        self.size = max(1, len(cells) // (team.slots * team.share))

    def run(self, stopping: Callable[[], bool]) -> bool:
        """Goes on until every cell has ended, here or elsewhere; returns False if it was stopped."""
        try:
            while self.waiting or self.pending or self.elsewhere:
                if stopping() and not self.stopped:
                    self.leave()
                self.turn()
        except BaseException:
            self.leave()
            raise
        return not self.stopped

    def leave(self) -> None:
        """Tells all to save and leave."""
        self.stopped = True
        self.waiting.clear()
        self.elsewhere.clear()
        with suppress(OSError):  # a full disk: then they are killed
            self.stop.touch()
        self.team.recall()

    def turn(self) -> None:
        """Hands out tasks, and sees to those that ended meanwhile."""
        self.team.check()
        self.hand_out()
        done, _ = wait(self.pending, timeout=0.5, return_when="FIRST_COMPLETED")
        for future in done:
            reason = "" if future.cancelled() else str(future.exception() or "")
            for cell in self.pending.pop(future):
                self.see(cell, reason)
        if self.elsewhere and not self.pending:
            time.sleep(0.5)
            self.look_elsewhere()

    def hand_out(self) -> None:
        """Gives tasks to the team, a few more than it can do at once, so that it never waits."""
        while self.waiting and len(self.pending) < 2 * self.team.slots:
            cells = [self.waiting.popleft() for _ in range(min(self.size, len(self.waiting)))]
            task = json.dumps({**self.common, "cells": [cell.encode() for cell in cells]})
            self.pending[self.team.executor.submit(do_cells, task)] = cells

    def see(self, cell: Cell, reason: str) -> None:
        """What became of a cell that was handed out.

        Arguments:
            cell: The cell.
            reason: Why its task failed, if it did.
        """
        folder = self.folder / cell.folder
        found = settled(folder)
        if found is not None and not found.failure:
            self.tell(cell, "done")
        elif self.stopped:
            return
        elif found is None and held(folder):
            self.elsewhere.append(cell)
        elif found is None or found.failure.startswith(DIED):
            self.again(cell, found.failure if found else f"{DIED} with its machine: {reason or 'nothing was told'}")
        else:
            self.tell(cell, found.failure)

    def again(self, cell: Cell, reason: str) -> None:
        """Puts a cell whose process died behind all others, unless it did so before."""
        self.tries[cell.key] += 1
        if self.tries[cell.key] < TRIES:
            (self.folder / cell.folder / FAILURE).unlink(missing_ok=True)
            self.waiting.append(cell)
        else:
            write_failure(self.folder / cell.folder, cell.encode(), reason)
            self.tell(cell, reason)

    def look_elsewhere(self) -> None:
        """Whether what others were at has come to its end; if they died, it is done here."""
        still = []
        for cell in self.elsewhere:
            folder = self.folder / cell.folder
            found = settled(folder)
            if found is not None:
                self.tell(cell, found.failure or "done")
            elif held(folder):
                still.append(cell)
            else:
                self.waiting.append(cell)
        self.elsewhere = still


def held(folder: Path) -> bool:
    """Whether a process is at the cell of a folder."""
    if not folder.is_dir():
        return False
    try:
        with FileLock(folder / LOCK, timeout=0):
            return False
    except Timeout:
        return True
