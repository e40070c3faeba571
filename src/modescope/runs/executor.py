"""Trains the blocks of runs in worker processes, one thread each, and stops them gently."""

__all__ = ["Job", "train_jobs"]

import multiprocessing
import os
import queue
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Any

import torch

from ..core.errors import ModescopeError
from ..core.processes import ALONE, Processes
from .worker import Look, train_block


@dataclass(frozen=True)
class Job:
    """One block of one run.

    Arguments:
        folder: The run's folder.
        block: The index of the block.
    """

    folder: Path
    block: int


def train_jobs(
    jobs: Sequence[Job],
    tell: Callable[[Job, Look], None],
    workers: int | None = None,
    checkpoint_seconds: float = 15.0,
    processes: Processes = ALONE,
) -> bool:
    """Trains blocks side by side.

    The first Ctrl-C lets every block save and leave; a second one leaves at once.

    Arguments:
        jobs: The blocks.
        tell: Called in this process with what the blocks tell.
        workers: The number of processes; the number of cores if not given. One block, or one worker, trains in this
            process.
        checkpoint_seconds: The least time between two checkpoints of a block.
        processes: All that train each block together, one block after the other.

    Returns:
        Whether every block is done; False if they were stopped.
    """
    count = min(workers or cores(), len(jobs)) if processes == ALONE else 1
    if count <= 1:
        with one_thread(), stop_on_interrupt() as stop:
            for job in jobs:
                asked = partial(tell, job), stop.is_set, checkpoint_seconds, processes
                if not train_block(job.folder, job.block, *asked):
                    return False
        return True
    return train_in_processes(jobs, tell, count, checkpoint_seconds)


def cores() -> int:
    """The number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def train_in_processes(
    jobs: Sequence[Job], tell: Callable[[Job, Look], None], workers: int, checkpoint_seconds: float
) -> bool:
    """Trains blocks in `workers` processes."""
    context = multiprocessing.get_context("spawn")
    stop, looks = context.Event(), context.Queue()
    with (
        stop_on_interrupt(stop),
        ProcessPoolExecutor(workers, context, initializer=enter, initargs=(stop, looks, os.getpid())) as pool,
    ):
        futures = [pool.submit(work, job, checkpoint_seconds) for job in jobs]
        try:
            while not all(future.done() for future in futures):
                if any(future.done() and future.exception() for future in futures):
                    stop.set()  # the others save and leave, then the failure is told
                drain(looks, tell, wait=0.1)
            drain(looks, tell)
            return all([result(future) for future in futures])
        except BaseException:
            stop.set()
            raise


def result(future: Future[bool]) -> bool:
    """Whether a block is done; a worker that died is told in one sentence."""
    error = future.exception()
    if error is not None and type(error).__name__ == "BrokenProcessPool":
        raise ModescopeError(
            "a worker process died (killed, or out of memory); every block is kept as of its last checkpoint: "
            "resume the run"
        ) from error
    return future.result()


def drain(looks: Any, tell: Callable[[Job, Look], None], wait: float = 0.0) -> None:
    """Passes on what the blocks told."""
    try:
        while True:
            tell(*looks.get(timeout=wait) if wait else looks.get_nowait())
    except queue.Empty:
        return


@contextmanager
def one_thread() -> Iterator[None]:
    """One thread for tensor operations: on small networks several are slower, far slower on a busy machine."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def stop_on_interrupt(stop: Event | threading.Event | None = None) -> Iterator[Event | threading.Event]:
    """An event that the first Ctrl-C (or a polite kill) sets; the second one interrupts."""
    stop = stop or threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return

    def handle(number: int, frame: Any) -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        stop.set()

    before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class Worker:
    """What a worker process knows of its parent."""

    stop: Event
    looks: Any
    parent: int
    busy: bool = False

    @classmethod
    def orphaned(cls) -> bool:
        """Whether the parent is gone."""
        return os.getppid() != cls.parent


def enter(stop: Event, looks: Any, parent: int) -> None:
    """Sets up a worker process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides
    torch.set_num_threads(1)
    Worker.stop, Worker.looks, Worker.parent = stop, looks, parent
    threading.Thread(target=leave_when_orphaned, daemon=True).start()


def leave_when_orphaned() -> None:
    """Ends an idle worker whose parent was killed, and so cannot tell it to end."""
    while not Worker.orphaned() or Worker.busy:
        time.sleep(0.5)
    os._exit(1)


def work(job: Job, checkpoint_seconds: float) -> bool:
    """Trains a block in a worker process."""

    def stopped() -> bool:
        # A parent that was killed cannot say so; its workers must not go on behind a resumed run's back.
        return Worker.stop.is_set() or Worker.orphaned()

    def tell(look: Look) -> None:
        Worker.looks.put((job, look))

    Worker.busy = True
    try:
        return train_block(job.folder, job.block, tell, stopped, checkpoint_seconds)
    finally:
        Worker.busy = False
