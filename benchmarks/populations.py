"""Populations to time."""

import multiprocessing
import os
import time
from multiprocessing.connection import Connection
from typing import Any

import torch

import modescope as ms
from modescope.core.engine import Population

CORES = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def population(dataset: str, method: str, members: int, *, compiled: bool = True, **settings: Any) -> Population:
    """A population before its first step, in one block."""
    experiment = ms.plan(dataset, method, seeds=members, block=members, compile=compiled, **settings)
    return experiment.population(0)


def rate(members: Population, steps: int) -> float:
    """Member-steps a second over `steps` steps."""
    started = time.perf_counter()
    members.advance(steps)
    synchronize(members.device)
    return steps * len(members.members) / (time.perf_counter() - started)


def synchronize(device: torch.device) -> None:
    """Waits for the device."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


class Team:
    """Populations in worker processes of one thread each, which train at the same time, as a run's blocks do.

    Arguments:
        workers: The number of processes.
        arguments: What :func:`population` takes, for each process.
    """

    def __init__(self, workers: int, **arguments: Any) -> None:
        context = multiprocessing.get_context("spawn")
        self.pipes: list[Connection] = []
        for _ in range(workers):
            ours, theirs = context.Pipe()
            context.Process(target=serve, args=(theirs, arguments), daemon=True).start()
            self.pipes.append(ours)
        for pipe in self.pipes:
            pipe.recv()  # warm

    def rate(self, steps: int) -> float:
        """Member-steps a second of all together, until the last is done."""
        started = time.perf_counter()
        for pipe in self.pipes:
            pipe.send(steps)
        count = sum(pipe.recv() for pipe in self.pipes)
        return count / (time.perf_counter() - started)

    def close(self) -> None:
        """Ends the processes."""
        for pipe in self.pipes:
            pipe.send(None)


def serve(pipe: Connection, arguments: dict[str, Any]) -> None:
    """Trains on request."""
    torch.set_num_threads(1)
    members = population(**arguments)
    members.advance(50)
    pipe.send("warm")
    while (steps := pipe.recv()) is not None:
        members.advance(steps)
        pipe.send(steps * len(members.members))
