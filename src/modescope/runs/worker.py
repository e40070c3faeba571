"""Trains one block of a run, from wherever its folder stands, to its end."""

__all__ = ["Look", "train_block"]

import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ..core.engine import Population
from ..core.processes import ALONE, Processes
from ..datasets.base import Dataset
from ..metrics import count_modes, mode_kl, random_directions, sliced_wasserstein
from .experiment import Experiment
from .paths import walked
from .store import BlockStore, as_kept, block_folder, read_sealed


@dataclass(frozen=True)
class Look:
    """What a block tells while it trains.

    Arguments:
        block: The index of the block.
        step: The steps done.
        members: The number of members.
        covered: The mean number of modes covered, if the data set has modes and this is a full look.
        diverged: The number of members that diverged, likewise.
    """

    block: int
    step: int
    members: int
    covered: float | None = None
    diverged: int | None = None


class Clock:
    """The seconds that a block has taken so far, in this process and in those that it goes on from.

    Arguments:
        wall: Those of the processes before, on the wall's clock.
        processor: Those of the processes before, of the processor; runs of earlier versions do not tell.
    """

    def __init__(self, wall: float = 0.0, processor: float = 0.0) -> None:
        self.wall_began, self.processor_began = time.monotonic() - wall, time.process_time() - processor

    @property
    def wall(self) -> float:
        return time.monotonic() - self.wall_began

    @property
    def processor(self) -> float:
        return time.process_time() - self.processor_began

    def kept(self) -> Tensor:
        """Both, as the state keeps them."""
        return torch.tensor([self.wall, self.processor], dtype=torch.float64)


def train_block(
    folder: Path,
    block: int,
    tell: Callable[[Look], None],
    stopped: Callable[[], bool],
    checkpoint_seconds: float = 15.0,
    processes: Processes = ALONE,
) -> bool:
    """Trains a block until its end, or until `stopped`, and keeps everything in the run's folder.

    Of several processes that train it together the first alone writes. If one is stopped all are, at the same step.

    Arguments:
        folder: The run's folder, which holds ``config.json``.
        block: The index of the block.
        tell: Called with every look, and a few times a second.
        stopped: Asked before each step whether to save and leave.
        checkpoint_seconds: The least time between two checkpoints.
        processes: All that train the block, each on its share of every batch.

    Returns:
        Whether the block is done.

    Raises:
        ModescopeError: If the folder does not fit its configuration, or its checkpoint is damaged.
    """
    config = read_sealed(folder / "config.json")["experiment"]
    experiment = Experiment.decode(config)
    store = BlockStore(block_folder(folder, block))
    with store.locked() if processes.first else nullcontext():
        manifest, state = store.manifest(), store.load(config)
        if processes.first:
            store.rewind()
        members = len(experiment.blocks[block])
        if manifest and manifest["done"] and store.samples(config) is not None:
            tell(Look(block, experiment.training.steps, members))
            return True
        population = experiment.population(block, processes)
        clock = Clock()
        if state is not None:
            with as_kept(store.folder):
                clock = Clock(*state.pop("seconds").reshape(-1).tolist())
                population.load_state_dict(state)
        ended = stopped if processes == ALONE else lambda: processes.any(stopped())
        if not processes.first:
            return follow(population, ended)
        tell(Look(block, population.step, members))
        return Trainer(experiment, population, store, config, block, tell, ended, checkpoint_seconds, clock).run()


def follow(population: Population, stopped: Callable[[], bool]) -> bool:
    """Trains beside the process that keeps the folder; returns whether the end was reached."""
    while population.step < population.training.steps:
        if stopped():
            return False
        population.advance(1)
    return True


@dataclass
class Trainer:
    """The loop over one block."""

    experiment: Experiment
    population: Population
    store: BlockStore
    config: dict[str, Any]
    block: int
    tell: Callable[[Look], None]
    stopped: Callable[[], bool]
    checkpoint_seconds: float
    clock: Clock

    def run(self) -> bool:
        """Trains to the end; returns whether it was reached."""
        population, steps = self.population, self.experiment.training.steps
        interval = self.experiment.evaluation.interval(steps)
        if population.step == 0 and not self.store.stats():
            self.look()
        saved = told = time.monotonic()
        while population.step < steps:
            if self.stopped():
                self.save(done=False)
                return False
            population.advance(1)
            now = time.monotonic()
            if population.step % interval == 0 or population.step == steps:
                self.look()
                if now - saved >= self.checkpoint_seconds and population.step < steps:
                    self.save(done=False)
                    saved = time.monotonic()
            elif now - told > 0.2:
                self.tell(Look(self.block, population.step, len(population.members)))
                told = now
        samples = population.sample(self.experiment.evaluation.samples)
        self.store.write_samples(self.experiment.dataset.kept(samples), ~samples.isfinite().all(-1))
        self.save(done=True)
        return True

    def save(self, done: bool) -> None:
        """Commits the state and the logs."""
        state = {**self.population.state_dict(), "seconds": self.clock.kept()}
        self.store.commit(state, self.population.step, self.config, done)

    def look(self) -> None:
        """Measures the members, and adds a line and a snapshot to the logs."""
        population, evaluation = self.population, self.experiment.evaluation
        samples = population.sample(evaluation.seen)
        coverage = measures(samples, self.experiment.dataset)
        diverged = population.state["diverged"].tolist()
        line = {
            "step": population.step,
            "seconds": round(self.clock.wall, 3),
            "processor_seconds": round(self.clock.processor, 3),
            "losses": {name: loss.tolist() for name, loss in population.take_losses().items()},
            "observed": {name: value.tolist() for name, value in population.observe().items()},
            **{name: value.tolist() for name, value in coverage.items()},
            "diverged": diverged,
        }
        self.store.append(line, self.kept(samples).float().cpu().numpy())
        covered = coverage["modes"].float().mean().item() if "modes" in coverage else None
        frozen = sum(step >= 0 for step in diverged)
        self.tell(Look(self.block, population.step, len(diverged), covered, frozen))

    def kept(self, samples: Tensor) -> Tensor:
        """What a look keeps: the first of its samples `(S, n, D)`, then those on walks between latents."""
        evaluation = self.experiment.evaluation
        first = samples[:, : evaluation.kept]
        if not evaluation.walks:
            return first
        return torch.cat([first, walked(self.population, evaluation.walks).flatten(1, 2)], 1)


def measures(samples: Tensor, dataset: Dataset) -> dict[str, Tensor]:
    """Cheap measures of coverage for curves, each with shape `(S)`, from samples `(S, n, D)`."""
    modes = dataset.modes
    if modes is None:
        return {"sliced_w2": sliced(samples[:, :1000].cpu().double(), dataset)}
    found = count_modes(samples, modes, radius=modes.radius)
    everywhere = count_modes(samples, modes, radius=float("inf")).counts
    quality = {} if modes.judged else {"quality": found.quality}  # a judge calls every image one of its classes
    return {"modes": found.covered, **quality, "reverse_kl": mode_kl(everywhere, modes.weights.to(samples))}


def sliced(samples: Tensor, dataset: Dataset) -> Tensor:
    """The sliced Wasserstein-2 distance of each member to the same true samples."""
    generator = torch.Generator().manual_seed(0)
    true = dataset.sample(samples.shape[1], generator, torch.float64)
    directions = random_directions(32, dataset.dim)
    return sliced_wasserstein(samples, true.expand_as(samples), directions, p=2)
