"""How long a cell will take, from a few of its steps."""

__all__ = ["calibrate"]

import time

from ..runs.executor import one_thread
from .plan import Cell

STEPS = 3


def calibrate(cell: Cell) -> float:
    """The seconds that training a cell takes on one thread, from three steps after the recording of the first."""
    assert cell.experiment is not None
    with one_thread():
        population = cell.experiment.population(0)
        population.advance(1)
        began = time.process_time()
        population.advance(STEPS)
        seconds = (time.process_time() - began) / STEPS
    return seconds * cell.experiment.training.steps * len(cell.experiment.blocks)
