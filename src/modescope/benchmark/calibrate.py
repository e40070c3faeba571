"""What a cell will cost: its time from a few of its steps, and its room on the disk."""

__all__ = ["disk_of", "pace"]

import time

from ..runs.executor import one_thread
from .plan import Cell

STEPS = 3
LOOK = 700  # bytes of a line of the log for each member
WEIGHTS = 125_000  # bytes of the small networks of a member, with what the optimiser remembers


def pace(cell: Cell) -> float:
    """The seconds of a step of the game on one thread, all members together, after the recording of the first."""
    assert cell.experiment is not None
    with one_thread():
        population = cell.experiment.population(0)
        population.advance(1)
        began = time.process_time()
        population.advance(STEPS)
        seconds = (time.process_time() - began) / STEPS
    return seconds * len(cell.experiment.blocks)


def disk_of(cell: Cell) -> int:
    """About how many bytes the folder of a cell takes: samples, the snapshots of every look, a checkpoint, the logs."""
    assert cell.experiment is not None
    evaluation, steps = cell.experiment.evaluation, cell.experiment.training.steps
    looks = steps // evaluation.interval(steps) + 1
    points = evaluation.samples + looks * evaluation.kept
    return len(cell.experiment.members) * (4 * cell.experiment.dataset.dim * points + LOOK * looks + WEIGHTS)
