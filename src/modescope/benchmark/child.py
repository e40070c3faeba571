"""A process that does cells, one after the other, and may be killed without harm to any other.

It is started by :mod:`modescope.benchmark.supervise` as ``python -m modescope.benchmark.child``, reads cells as lines
of JSON, and answers each with a line when it has come to its end. What came out stands in the cell's folder.
"""

__all__ = ["main"]

import json
import os
import queue
import sys
import threading
import traceback
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

import torch
from filelock import FileLock, Timeout

from ..core.errors import ModescopeError
from ..core.imports import imported
from .results import LOCK, settled, write_failure, write_result

IDLE = 60.0  # seconds without a cell after which the process leaves


def main() -> None:
    """Does the cells that are asked for, until there are no more."""
    answers = own_output()
    torch.set_num_threads(1)
    stop, asked = threading.Event(), queue.SimpleQueue[dict[str, Any] | None]()
    threading.Thread(target=listen, args=(asked, stop), daemon=True).start()
    with suppress(BrokenPipeError, queue.Empty):
        print("ready", file=answers, flush=True)
        while (task := asked.get(timeout=IDLE)) is not None:
            perform(task, stop.is_set)
            print("over", file=answers, flush=True)
    os._exit(0)  # the listener may be in the middle of a read


def own_output() -> IO[str]:
    """The pipe to who asks; what cells print goes where errors go."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    return answers


def listen(asked: "queue.SimpleQueue[dict[str, Any] | None]", stop: threading.Event) -> None:
    """Passes on what is asked. When nobody is left to ask, or who asks says so, what is on is saved and left."""
    for line in sys.stdin:
        asked.put(json.loads(line))
    stop.set()
    asked.put(None)


def perform(task: Mapping[str, Any], stopped: Callable[[], bool]) -> None:
    """Does a cell, unless it is done or another process is at it, and writes what came out into its folder.

    The lock is held by this process, so it ends with it, however it ends.
    """
    cell = task["cell"]
    folder = Path(task["out"]) / cell["folder"]
    folder.mkdir(parents=True, exist_ok=True)
    with suppress(Timeout), FileLock(folder / LOCK, timeout=0):
        if settled(folder) is not None:
            return
        try:
            result = imported("work", task["work"])(cell, Path(task["out"]), stopped)
            if result is not None:
                write_result(folder, result)
        except (Exception, SystemExit) as error:
            reason = str(error) if isinstance(error, ModescopeError) else f"{type(error).__name__}: {error}"
            write_failure(folder, cell, reason, traceback.format_exc())


if __name__ == "__main__":
    main()
