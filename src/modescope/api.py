"""Training from Python, with the same defaults as the command line."""

__all__ = ["plan", "train"]

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from . import datasets, methods
from .core.config import MOST_MEMBERS, Training
from .core.errors import nearest_name, need
from .core.method import Method
from .datasets.base import Dataset
from .nets import Architecture
from .nets import architecture as named_architecture
from .papers.settings import setting_for
from .runs import Evaluation, Experiment, Run, block_for

ARGUMENTS = {"seeds", "sweep", "architecture", "evaluation"}  # those of `plan` that may be misspelt, too


def plan(
    dataset: str | Dataset,
    method: str | Method = "gan",
    *,
    seeds: int | Iterable[int] = 8,
    sweep: Mapping[str, Sequence[float]] | None = None,
    architecture: str | Architecture | None = None,
    evaluation: Evaluation | None = None,
    **settings: Any,
) -> Experiment:
    """All that determines a run's numbers, with what was not given filled in.

    A training setting is the caller's, else the data set preset's (its paper's), else the method's (its paper's), else
    the default of :class:`modescope.core.config.Training`. The networks and the evaluation are the caller's, else the
    preset's, else the common small ones.

    Arguments:
        dataset: A name such as ``ring``, a preset such as ``ring:unrolled``, a path to an array, or a data set.
        method: A name such as ``lsgan``, a chain such as ``unrolled+pacgan+lsgan``, or a method.
        seeds: The seeds, or how many, from 0.
        sweep: Values of real-valued hyper-parameters of the method or the training, by name.
        architecture: The networks, or their name.
        evaluation: How the run is looked at.
        settings: Fields of :class:`modescope.core.config.Training` (``steps``, ``lr``, ...) and of
            :class:`modescope.runs.Experiment` (``device``, ``dtype``, ``compile``, ``precision``, ...).

    Raises:
        ModescopeError: If a name is unknown or a value is not valid.
    """
    data = datasets.make(dataset) if isinstance(dataset, str) else dataset
    need(isinstance(data, Dataset), f"dataset is {data!r}, expected a name or a data set such as Ring()")
    setting = setting_for(dataset if isinstance(dataset, str) else "", len(data.shape) == 3)
    game = methods.build(method) if isinstance(method, str) else method
    need(isinstance(game, Method), f"method is {game!r}, expected a name or a method such as GAN()")
    if isinstance(architecture, str | None):
        architecture = named_architecture(architecture or setting.architecture)
    training_fields = {field.name for field in dataclasses.fields(Training)}
    engine_fields = {"device", "dtype", "compile", "precision", "channels_last", "cuda_graphs", "block"}
    for name in settings:
        if name not in training_fields | engine_fields:
            raise nearest_name("setting", name, training_fields | engine_fields | ARGUMENTS)
    chosen = {name: value for name, value in settings.items() if name in training_fields}
    engine = {name: value for name, value in settings.items() if name in engine_fields}
    if isinstance(seeds, int):
        need(seeds >= 1, f"seeds is {seeds}, expected at least 1")
        need(seeds <= MOST_MEMBERS, f"seeds is {seeds:,}, expected at most {MOST_MEMBERS:,}")
        seeds = range(seeds)
    return Experiment(
        dataset=data,
        method=game,
        architecture=architecture,
        training=Training(**{**game.settings(), **setting.training, **chosen}),
        seeds=tuple(int(seed) for seed in seeds),
        sweep={name: tuple(float(value) for value in values) for name, values in (sweep or {}).items()},
        evaluation=evaluation or Evaluation(**setting.evaluation),
        **{"block": block_for(data.shape, engine.get("device", "cpu")), **engine},
    )


def train(
    dataset: str | Dataset,
    method: str | Method = "gan",
    *,
    out: str | Path | None = None,
    workers: int | None = None,
    quiet: bool = False,
    command: Sequence[str] = (),
    **options: Any,
) -> Run:
    """Trains a population and returns its run.

    Arguments:
        dataset: A name such as ``ring``, a preset such as ``ring:unrolled``, a path to an array, or a data set.
        method: A name such as ``lsgan``, a chain such as ``unrolled+pacgan+lsgan``, or a method.
        out: The run's folder; a new one in ``runs/`` if not given.
        workers: Processes that train blocks of members side by side; the number of cores if not given.
        quiet: Whether to show nothing.
        command: The command that makes the run again, to keep with it.
        options: What :func:`plan` takes: ``seeds``, ``sweep``, ``steps``, ``lr``, ...

    Raises:
        ModescopeError: If a name is unknown, a value is not valid, or the folder cannot be written.
        KeyboardInterrupt: If it was stopped; all is saved, and ``Run(folder).train()`` goes on.

    Example:
        >>> run = train("ring", "pacgan", seeds=range(8), steps=5000)  # doctest: +SKIP
        >>> run.metrics()  # doctest: +SKIP
    """
    experiment = plan(dataset, method, **options)
    data = dataset if isinstance(dataset, str) else type(dataset).__name__.lower()
    spec = methods.spec_of(experiment.method)
    run = Run.create(out or fresh_folder(data, spec), experiment, command, f"{data} {spec}")
    return run.train(workers, quiet)


def fresh_folder(data: str, method: str) -> Path:
    """A folder in ``runs/`` that does not exist yet, e.g. ``runs/ring-pacgan-2``; of paths it has the last name."""
    name = f"{Path(data).name or Path(data).resolve().name} {Path(method).name}"
    stem = "".join(c if c.isalnum() or c in "._+" else "-" for c in name).strip("-").lower()
    folder, count = Path("runs") / stem, 1
    while folder.exists():
        count += 1
        folder = Path("runs") / f"{stem}-{count}"
    return folder
