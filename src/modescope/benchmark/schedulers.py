"""Where cells are done: this machine, a Dask cluster, or Slurm, each an executor of the standard library."""

__all__ = ["SCHEDULERS", "Team", "team_of"]

import os
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..core.errors import ModescopeError, extra, nearest_name, need
from ..runs.executor import cores
from .memory import available_memory
from .supervise import CREW

SCHEDULERS = {
    "local": "processes on this machine",
    "tcp://HOST:PORT": "the Dask cluster whose scheduler has this address",
    "slurm": "Slurm jobs",
    "slurm-local": "what Slurm would run, as processes on this machine",
}
CELL_MEMORY = 2**30  # bytes that a cell is taken to need; on the ring half take 0.6 GiB, interpreter included
CONNECT = 30.0  # seconds until a Dask scheduler should answer
JOBS = 64  # Slurm jobs at the same time, if nobody says how many
MINUTES = 24 * 60  # that a Slurm job asks for
GIGABYTES = 4  # that a Slurm job asks for; on the ring the greediest cell took 1.7, interpreter not included
POLL = 1.0  # seconds between two looks at a job


@dataclass(frozen=True)
class Team:
    """Who does tasks.

    Arguments:
        executor: What takes them.
        slots: How many it does at the same time.
        share: Into how many tasks the cells of a slot are split: many where a task costs little.
        pin: Whether processes stay on a core each.
        recall: Takes back tasks that have not begun.
        check: Raises if nobody is left to do tasks.
    """

    executor: Executor
    slots: int
    share: int = 32
    pin: bool = False
    recall: Callable[[], None] = lambda: None
    check: Callable[[], None] = lambda: None


def team_of(scheduler: str, workers: int | None, out: Path) -> AbstractContextManager[Team]:
    """The team that a scheduler stands for, until the context ends.

    Arguments:
        scheduler: A key of :data:`SCHEDULERS`, or the address of a Dask scheduler.
        workers: How many cells are done at the same time; what the machine or the cluster has if not given.
        out: The benchmark's folder, which all machines share.

    Raises:
        ModescopeError: If there is no such scheduler, or it does not answer.
    """
    need(workers is None or workers >= 1, f"workers is {workers}, expected at least 1")
    if scheduler == "local":
        return local(workers)
    if "://" in scheduler:
        return dask(scheduler, workers)
    if scheduler in ("slurm", "slurm-local"):
        return slurm(scheduler, workers, out)
    raise nearest_name("scheduler", scheduler, SCHEDULERS)


@contextmanager
def local(workers: int | None) -> Iterator[Team]:
    """Processes on this machine, one thread each: as many as there are cores, if there is memory for so many.

    Each is watched by a thread of ours. Where every core has one, each stays on its own.
    """
    slots = workers or local_slots()
    with ThreadPoolExecutor(slots, "modescope") as pool:
        try:
            yield Team(pool, slots, pin=slots >= cores() and hasattr(os, "sched_setaffinity"))
        except BaseException:
            CREW.kill()
            raise
        finally:
            pool.shutdown(cancel_futures=True)
            CREW.close()


def local_slots() -> int:
    """How many cells this machine does at the same time."""
    memory = available_memory()
    return cores() if memory is None else max(1, min(cores(), memory // CELL_MEMORY))


@contextmanager
def dask(address: str, workers: int | None) -> Iterator[Team]:
    """The workers of a Dask cluster. They see the folder and have this package; what is sent to them are texts."""
    distributed = extra("distributed", "cluster", "a Dask cluster")
    try:
        client = distributed.Client(address, timeout=CONNECT)
    except (OSError, ValueError) as error:
        raise ModescopeError(f"no Dask scheduler answers at {address!r}: {error}") from error
    with client:
        threads = sum(client.nthreads().values())
        need(threads > 0, f"the Dask cluster at {address!r} has no workers: start some with 'dask worker {address}'")
        seen = time.monotonic()

        def check() -> None:
            nonlocal seen
            if client.status == "running":
                seen = time.monotonic()
            need(
                time.monotonic() - seen < CONNECT,
                f"the Dask scheduler at {address!r} is gone; all that was done is kept: the same command goes on",
            )

        yield Team(client.get_executor(pure=False), workers or threads, check=check)


class Jobs(ThreadPoolExecutor):
    """Jobs of submitit as an executor: a thread follows each.

    What a job returned is never read, since it comes as a pickle from the disk: a future only tells that its job ended.

    Arguments:
        jobs: An executor of submitit.
        slots: How many jobs there are at the same time.
    """

    def __init__(self, jobs: Any, slots: int) -> None:
        super().__init__(slots, "modescope")
        self.jobs, self.running, self.over = jobs, list[Any](), threading.Event()

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        return super().submit(self.follow, fn, *args, **kwargs)

    def follow(self, fn: Callable[..., Any], *args: Any, **kwargs: Any) -> None:
        """Submits a job, and waits until it has ended."""
        job = self.jobs.submit(fn, *args, **kwargs)
        self.running.append(job)
        while not job.done():
            if self.over.wait(POLL):
                job.cancel(check=False)
                break
        self.running.remove(job)

    def recall(self) -> None:
        """Cancels the jobs that wait in the queue."""
        for job in list(self.running):
            if job.state == "PENDING":
                job.cancel(check=False)


@contextmanager
def slurm(scheduler: str, workers: int | None, out: Path) -> Iterator[Team]:
    """Slurm jobs of one core. Options of ``sbatch`` are set by its own variables, e.g. ``SBATCH_PARTITION``.

    The files of submitit are pickles, so they are in a fresh folder that no other may write to.
    """
    submitit = extra("submitit", "slurm", "Slurm")
    need(
        scheduler == "slurm-local" or shutil.which("sbatch") is not None, "there is no Slurm here: sbatch is not found"
    )
    slots = workers or (local_slots() if scheduler == "slurm-local" else JOBS)
    folder = Path(tempfile.mkdtemp(prefix=".slurm-", dir=out))
    jobs = submitit.AutoExecutor(folder, cluster="local" if scheduler == "slurm-local" else "slurm")
    jobs.update_parameters(name="modescope", timeout_min=MINUTES, cpus_per_task=1, mem_gb=GIGABYTES)
    with Jobs(jobs, slots) as executor:
        try:
            yield Team(executor, slots, share=4, recall=executor.recall)
        except BaseException:
            executor.over.set()
            raise
        finally:
            executor.shutdown(cancel_futures=True)
            shutil.rmtree(folder, ignore_errors=True)
