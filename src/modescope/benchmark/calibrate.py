"""What a cell will cost: its time from a few of its steps, and its room on the disk."""

__all__ = ["disk_of", "pace"]

import time

import torch

from ..core.initial import seeded
from ..runs import Experiment
from ..runs.executor import one_thread
from .plan import Cell

STEPS = 3
LOOK = 700  # bytes of a line of the log for each member
WEIGHTS = 125_000  # bytes of the small networks of a member, with what the optimiser remembers
REMEMBERED = 3 * 4  # bytes of a weight, with both moments of Adam


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
    evaluation, steps, data = cell.experiment.evaluation, cell.experiment.training.steps, cell.experiment.dataset
    looks = steps // evaluation.interval(steps) + 1
    samples = evaluation.samples + looks * evaluation.kept
    each = data.kept(torch.zeros(1, data.dim)).nbytes
    weights = REMEMBERED * weights_of(cell.experiment) if len(data.shape) == 3 else WEIGHTS
    return len(cell.experiment.members) * (each * samples + LOOK * looks + weights)


def weights_of(experiment: Experiment) -> int:
    """How many weights the networks of a member have."""
    space = experiment.architecture.space(*experiment.dataset.shape).over(experiment.dataset)
    modules = [seeded(build, 0, role) for role, build in experiment.method.networks(space).items()]
    return sum(weight.numel() for module in modules for weight in module.parameters())
