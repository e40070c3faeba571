"""A run: a folder that knows how it was made, and all that came out."""

__all__ = ["History", "Run"]

import platform
import shlex
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from .. import __version__
from ..core.config import Member
from ..core.engine import Population
from ..core.errors import ModescopeError, need
from ..core.files import atomic_write
from ..core.processes import ALONE, Processes
from ..core.sealed import sealed
from .executor import Job, train_jobs
from .experiment import SCHEMA, Experiment, available
from .paths import STOPS
from .progress import Tally, progress_for
from .store import BlockStore, as_kept, block_folder, read_sealed
from .worker import Look

if TYPE_CHECKING:
    from ..metrics import MetricResult


@dataclass(frozen=True)
class History:
    """What was recorded along training.

    Arguments:
        steps: The steps of the looks, with shape `(T,)`.
        curves: Each recorded quantity, with shape `(T, S)`, NaN where there is none: ``modes``, ``quality``,
            ``reverse_kl`` (or ``sliced_w2`` without known modes), ``loss/PLAYER``, ``critic_real``, ...
    """

    steps: np.ndarray
    curves: Mapping[str, np.ndarray]


class Run:
    """A run's folder.

    Arguments:
        folder: The folder, which must hold ``config.json``.

    Raises:
        ModescopeError: If it is no run's folder, or its configuration was damaged or is not valid.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        path = self.folder / "config.json"
        need(path.is_file(), f"{str(self.folder)!r} is no run: it has no config.json")
        self.config = read_sealed(path)
        need("experiment" in self.config, f"{str(path)!r} has no experiment: it was changed or damaged")

    @classmethod
    def create(cls, folder: str | Path, experiment: Experiment, command: Sequence[str] = (), name: str = "") -> "Run":
        """Makes the folder of a new run.

        Raises:
            ModescopeError: If the folder holds something already, or cannot be written.
        """
        available(experiment.device)  # before there is a folder
        folder = Path(folder)
        if (folder / "config.json").exists():
            raise ModescopeError(
                f"{str(folder)!r} holds a run already: go on with 'modescope resume {folder}', or choose another "
                "folder with --out"
            )
        try:
            folder.mkdir(parents=True, exist_ok=True)
            halves = set(folder.glob(".config.json.*.tmp"))  # of one who was killed here
            need(set(folder.iterdir()) <= halves, f"{str(folder)!r} is not empty: choose another folder with --out")
            about = {
                "schema": SCHEMA,
                "name": name or folder.name,
                "command": shlex.join(command),
                "created": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
                "versions": versions(),
                "experiment": experiment.encode(),
            }
            atomic_write(folder / "config.json", sealed(about, indent=2))
            for half in halves:
                half.unlink(missing_ok=True)
        except OSError as error:
            raise ModescopeError(f"the folder {str(folder)!r} cannot be written: {error.strerror or error}") from error
        return cls(folder)

    # What it is

    @cached_property
    def experiment(self) -> Experiment:
        """All that determines its numbers."""
        return Experiment.decode(self.config["experiment"])

    @property
    def name(self) -> str:
        """For titles."""
        return str(self.config.get("name") or self.folder.name)

    @property
    def command(self) -> str:
        """The command that makes it again."""
        return str(self.config.get("command", ""))

    @property
    def members(self) -> tuple[Member, ...]:
        """Its members, in the order of all results."""
        return self.experiment.members

    @property
    def stores(self) -> list[BlockStore]:
        """The folders of its blocks."""
        return [BlockStore(block_folder(self.folder, i)) for i in range(len(self.experiment.blocks))]

    @property
    def done(self) -> bool:
        """Whether every member was trained to the end."""
        return all((store.manifest() or {}).get("done", False) for store in self.stores)

    # Training

    def train(self, workers: int | None = None, quiet: bool = False, checkpoint_seconds: float = 15.0) -> "Run":
        """Trains from wherever it stands to the end.

        Arguments:
            workers: Processes that train blocks side by side; the number of cores if not given.
            quiet: Whether to show nothing.
            checkpoint_seconds: The least time between two checkpoints of a block.

        Raises:
            ModescopeError: If its configuration was changed since its checkpoint, or a checkpoint is damaged.
            KeyboardInterrupt: If it was stopped; all is saved.
        """
        train_runs([self], workers, quiet, checkpoint_seconds)
        return self

    # What came out

    def history(self) -> History:
        """What was recorded along training, up to where the slowest block stands."""
        with as_kept(self.folder):
            logs = [{line["step"]: line for line in store.stats()} for store in self.stores]
            steps = sorted(set.intersection(*(set(log) for log in logs)))
            rows = [[flat_line(log[step]) for log in logs] for step in steps]
            names = list(rows[0][0]) if rows else []
            curves = {
                name: np.array([[v for block in row for v in block[name]] for row in rows], dtype=float)
                for name in names
            }
            return History(np.array(steps, dtype=int), curves)

    def snapshots(self) -> tuple[np.ndarray, np.ndarray]:
        """The steps of the looks, and the samples that they kept, with shape `(T, S, n, D)`."""
        kept = self.experiment.evaluation.kept
        need(kept > 0, f"run {self.name!r} kept no snapshots: it was trained with --snapshot 0")
        steps, samples = self.looks()
        return steps, samples[:, :, :kept]

    def walks(self) -> tuple[np.ndarray, np.ndarray]:
        """The steps of the looks, and what they kept of walks between latents, with shape `(T, S, R, K, D)`."""
        evaluation = self.experiment.evaluation
        need(evaluation.walks > 0, f"run {self.name!r} kept no walks: it was trained with --walks 0")
        steps, samples = self.looks()
        shape = (*samples.shape[:2], evaluation.walks, STOPS, samples.shape[-1])
        return steps, samples[:, :, evaluation.kept :].reshape(shape)

    def looks(self) -> tuple[np.ndarray, np.ndarray]:
        """The steps of the looks, and all samples that they kept, those on walks last."""
        evaluation, dim = self.experiment.evaluation, self.experiment.dataset.dim
        count = evaluation.kept + evaluation.walks * STOPS
        parts = [
            store.snapshots(len(block), count, dim)
            for store, block in zip(self.stores, self.experiment.blocks, strict=True)
        ]
        steps = self.history().steps
        looks = min([len(steps), *(len(part) for part in parts)])
        need(looks > 0 or len(steps) == 0, f"run {self.name!r} lost its snapshots: snapshots.bin was cut short")
        if len(parts) == 1:
            return steps[:looks], parts[0][:looks]  # stays on the disk until it is read
        return steps[:looks], np.concatenate([part[:looks] for part in parts], axis=1)

    def samples(self) -> Tensor:
        """The final samples, with shape `(S, n, D)`; what was not finite is NaN.

        Raises:
            ModescopeError: If the run is not done, or its configuration or samples were changed.
        """
        parts = [store.samples(self.config["experiment"]) for store in self.stores]
        found = [part for part in parts if part is not None]
        need(
            len(found) == len(parts),
            f"run {self.name!r} is not done: go on with 'modescope resume {self.folder}'",
        )
        with as_kept(self.folder):
            samples, lost = map(torch.cat, zip(*found, strict=True))
            return self.experiment.dataset.restored(samples).masked_fill_(lost[..., None], torch.nan)

    def diverged(self) -> list[int | None]:
        """The step at which each member was frozen as NaN or infinite, or None."""
        last: list[int | None] = []
        for store in self.stores:
            lines = store.stats()
            need(bool(lines), f"{str(store.stats_path)!r} holds no look: the run never began, or it was cut short")
            with as_kept(store.stats_path):
                last += [step if step >= 0 else None for step in lines[-1]["diverged"]]
        return last

    def population(self, block: int = 0) -> Population:
        """One block's members as of the newest checkpoint, to sample from or to look into."""
        population = self.experiment.population(block)
        state = self.stores[block].load(self.config["experiment"])
        need(state is not None, f"run {self.name!r} has no checkpoint yet")
        assert state is not None
        with as_kept(self.stores[block].folder):
            state.pop("seconds")
            population.load_state_dict(state)
        return population

    def sample(self, n: int, purpose: str = "more") -> Tensor:
        """Fresh samples of every member, with shape `(S, n, D)`; another `purpose` gives other ones."""
        return torch.cat([self.population(i).sample(n, purpose) for i in range(len(self.stores))])

    def metrics(self, names: Iterable[str] | None = None, floor_repeats: int = 20) -> "list[MetricResult]":
        """Measures the final samples; see :func:`modescope.metrics.evaluate`."""
        from ..metrics import evaluate

        return evaluate(self.samples(), self.experiment.dataset, names, floor_repeats)

    def report(self, path: str | Path) -> Path:
        """Writes the report of this run; see :func:`modescope.report.write_report`."""
        from ..report import write_report

        return write_report([self], path)


def train_runs(
    runs: Sequence[Run],
    workers: int | None = None,
    quiet: bool = False,
    checkpoint_seconds: float = 15.0,
    processes: Processes = ALONE,
    watch: Mapping[Path, Callable[[], None]] | None = None,
) -> None:
    """Trains several runs side by side, each from wherever it stands; see :meth:`Run.train`.

    Several `processes` that all call this train every block together, each on its share of every batch. After each
    look of a run, what `watch` has for its folder is called in this process.
    """
    check_pace(workers, checkpoint_seconds)
    if processes != ALONE:
        for run in runs:
            run.experiment.need_apart(processes)
    tallies: dict[Path, tuple[str, Tally]] = {}
    jobs = []
    for run in runs:
        modes = run.experiment.dataset.modes
        tally = Tally(run.experiment.training.steps, len(run.members), len(modes) if modes else None)
        tallies[run.folder] = (run.name, tally)
        jobs += [Job(run.folder, block) for block in range(len(run.stores))]
    quiet = quiet or not processes.first
    if not quiet:
        tell_versions(runs)
    progress = progress_for(tallies, quiet)

    def tell(job: Job, look: Look) -> None:
        progress.tell(job, look)
        if watch and look.diverged is not None:  # a full look
            watch[job.folder]()

    try:
        with progress:
            finished = train_jobs(jobs, tell, workers, checkpoint_seconds, processes)
    except OSError as error:
        raise ModescopeError(
            f"the run's folder cannot be written: {error.strerror or error}; what its last checkpoint holds is kept"
        ) from error
    if not finished:
        raise KeyboardInterrupt


def check_pace(workers: int | None, checkpoint_seconds: float) -> None:
    """Raises unless runs can be trained by so many processes, with so much time between two checkpoints."""
    need(workers is None or workers >= 1, f"workers is {workers}, expected at least 1")
    need(checkpoint_seconds >= 0, f"checkpoint_seconds is {checkpoint_seconds}, expected at least 0")


def tell_versions(runs: Iterable[Run]) -> None:
    """Says on standard error which runs another version of this package or of PyTorch made."""
    now = versions()
    for run in runs:
        then = run.config.get("versions", {})
        others = [(key, then[key], now[key]) for key in ("modescope", "torch") if then.get(key, now[key]) != now[key]]
        if others:
            made = " and ".join(f"{key} {version}" for key, version, _ in others)
            here = " and ".join(f"{key} {version}" for key, _, version in others)
            what = "its results are kept" if run.done else "it goes on with this"
            print(f"{run.name} was made with {made}; this is {here}: {what}", file=sys.stderr, flush=True)


def flat_line(line: Mapping[str, Any]) -> dict[str, list[float]]:
    """The curves in one line of a log, by name."""
    losses = {f"loss/{player}": values for player, values in line["losses"].items()}
    rest = {k: v for k, v in line.items() if isinstance(v, list) and k != "diverged"}
    return {
        name: [np.nan if value is None else value for value in values]
        for name, values in {**rest, **line["observed"], **losses}.items()
    }


def versions() -> dict[str, str]:
    """The versions that a run was made with."""
    return {
        "modescope": __version__,
        "torch": torch.__version__,
        "python": platform.python_version(),
        "platform": f"{platform.system()} {platform.machine()}",
    }
