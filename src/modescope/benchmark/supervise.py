"""The task that an executor runs: it has cells done by a child process, and outlives whatever they do to it."""

__all__ = ["CREW", "DIED", "do_cells"]

import json
import os
import select
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .results import write_failure

DIED = "its process died"
READY = 300.0  # seconds that a child may take to start, on a machine however loaded
PATIENCE = 60.0  # seconds that a child may take to save, once it is told to stop
RESTED = 30.0  # seconds without a cell after which a child is not used again; it leaves by itself after 60
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
# What a step frees the next one takes. Dask has glibc, by variables of its workers, give memory back to the system
# at once, with which a step takes twice as long.
KEEP_MEMORY = {"MALLOC_TRIM_THRESHOLD_": str(2**32), "MALLOC_MMAP_THRESHOLD_": str(2**25)}


def do_cells(task: str) -> None:
    """Does cells one after the other; what came out stands in their folders.

    Arguments:
        task: JSON with ``out``, the benchmark's folder; ``cells``, what :meth:`modescope.benchmark.Cell.encode` gives;
            ``work``, the import path of the function that does a cell; ``limit``, the seconds that a cell may take, or
            null; ``stop``, a file that is there when all should be saved and left; ``pin``, whether each process stays
            on a core of its own.

    Raises:
        FileNotFoundError: If the folder is not there: this machine does not share it.
    """
    plain = json.loads(task)
    out, stop = Path(plain["out"]), Path(plain["stop"])
    out.stat()
    child = None
    for cell in plain["cells"]:
        if stop.exists():
            break
        child = child or CREW.hire(plain["pin"])
        try:
            child.do({"cell": cell, "out": plain["out"], "work": plain["work"]}, plain["limit"], stop)
        except GoneError as gone:
            CREW.dismiss(child)
            child = None
            if gone.reason:
                write_failure(out / cell["folder"], cell, gone.reason)
    if child is not None:
        CREW.rest(child)


class GoneError(Exception):
    """A child can do no more cells.

    Arguments:
        reason: Why the cell that it was at failed; empty if it was told to save and leave.
    """

    def __init__(self, reason: str = "") -> None:
        super().__init__(reason)
        self.reason = reason


class Child:
    """A process that does cells; see :mod:`modescope.benchmark.child`.

    Arguments:
        core: The core that it stays on, if any.
    """

    def __init__(self, core: int | None) -> None:
        self.core, self.ready, self.since = core, False, time.monotonic()
        path = os.pathsep.join(part for part in sys.path if isinstance(part, str) and part)
        self.process = subprocess.Popen(
            [sys.executable, "-P", "-m", "modescope.benchmark.child"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, **ONE_THREAD, **KEEP_MEMORY, "PYTHONPATH": path},
            start_new_session=True,  # the terminal's Ctrl-C is for who asks, which decides
        )
        if core is not None:
            os.sched_setaffinity(self.process.pid, {core})

    def do(self, task: Mapping[str, Any], limit: float | None, stop: Path) -> None:
        """Does a cell.

        Raises:
            GoneError: If it died, took too long, or was told to stop.
        """
        assert self.process.stdin is not None
        if not self.ready:
            self.answer(READY, stop, f"its process did not start within {READY:g} seconds")
            self.ready = True
        try:
            self.process.stdin.write(json.dumps(task).encode() + b"\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            raise GoneError("" if stop.exists() else self.death()) from None
        self.answer(limit, stop, f"it took longer than the limit of {(limit or 0) / 60:g} minutes")

    def answer(self, limit: float | None, stop: Path, late: str) -> None:
        """Waits for a line, no longer than `limit` seconds."""
        assert self.process.stdout is not None
        began = time.monotonic()
        while not select.select([self.process.stdout], [], [], 0.5)[0]:
            if stop.exists():
                self.leave()
                raise GoneError
            if limit is not None and time.monotonic() - began > limit:
                raise GoneError(late)
        if not self.process.stdout.readline():
            raise GoneError("" if stop.exists() else self.death())

    def leave(self) -> None:
        """Lets it save and leave."""
        assert self.process.stdin is not None
        try:
            self.process.stdin.close()
            self.process.wait(PATIENCE)
        except (BrokenPipeError, subprocess.TimeoutExpired):
            self.process.kill()

    def death(self) -> str:
        """How it died."""
        code = self.process.wait()
        if code >= 0:
            return f"{DIED} with exit code {code}"
        name = signal.Signals(-code).name if -code in set(signal.Signals) else f"signal {-code}"
        return f"{DIED} by {name}" + (" (killed, or out of memory)" if name == "SIGKILL" else "")

    def end(self) -> None:
        """Ends it, whatever it does."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()
        try:
            self.process.stdin.close()
        except BrokenPipeError:  # half a cell was still to be sent
            return


class Crew:
    """The children of this process, at work and at rest."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.children: list[Child] = []
        self.resting: list[Child] = []

    def hire(self, pin: bool) -> Child:
        """A child that rests, or else a new one.

        Arguments:
            pin: Whether a new one stays on the core that the fewest others have.
        """
        with self.lock:
            while self.resting:
                child = self.resting.pop()
                if time.monotonic() - child.since < RESTED and child.process.poll() is None:
                    return child
                self.children.remove(child)
                child.end()
            taken = Counter(child.core for child in self.children)
            core = min(os.sched_getaffinity(0), key=lambda core: taken[core]) if pin else None
            self.children.append(child := Child(core))
            return child

    def rest(self, child: Child) -> None:
        """Keeps a child for the next task."""
        child.since = time.monotonic()
        with self.lock:
            self.resting.append(child)

    def dismiss(self, child: Child) -> None:
        """Ends a child."""
        with self.lock:
            self.children.remove(child)
        child.end()

    def close(self) -> None:
        """Ends all that rest."""
        with self.lock:
            idle, self.resting = self.resting, []
        for child in idle:
            self.dismiss(child)

    def kill(self) -> None:
        """Kills all, in the middle of their cells."""
        with self.lock:
            for child in self.children:
                child.process.kill()


CREW = Crew()
