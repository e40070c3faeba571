"""Several runs in one folder, trained side by side."""

__all__ = ["train_many"]

from collections.abc import Mapping, Sequence
from pathlib import Path

from ..core.errors import need
from .experiment import Experiment, first_difference
from .run import Run, train_runs


def train_many(
    experiments: Mapping[str, Experiment],
    folder: str | Path,
    *,
    workers: int | None = None,
    quiet: bool = False,
    command: Sequence[str] = (),
    checkpoint_seconds: float = 15.0,
) -> list[Run]:
    """Trains experiments side by side, each in its own folder, and goes on where it was stopped before.

    Arguments:
        experiments: What to train, by the name of its folder.
        folder: The folder of all.
        workers: Processes that train blocks side by side; the number of cores if not given.
        quiet: Whether to show nothing.
        command: The command that makes them again, to keep with them.
        checkpoint_seconds: The least time between two checkpoints of a block.

    Raises:
        ModescopeError: If a run of that name is there with another experiment, or the folder cannot be written.
        KeyboardInterrupt: If it was stopped; all is saved, and the same call goes on.
    """
    runs = [opened(Path(folder) / name, name, experiment, command) for name, experiment in experiments.items()]
    train_runs(runs, workers, quiet, checkpoint_seconds)
    return runs


def opened(folder: Path, name: str, experiment: Experiment, command: Sequence[str]) -> Run:
    """The run of this experiment, made if it is not there yet."""
    if not (folder / "config.json").exists():
        return Run.create(folder, experiment, command, name)
    run = Run(folder)
    changed = first_difference(run.experiment.encode(), experiment.encode())
    need(
        changed is None,
        f"{str(folder)!r} holds a run of another experiment: {changed}; remove it or choose another folder",
    )
    return run
