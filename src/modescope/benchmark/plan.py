"""What a benchmark trains: one experiment for each entrant, under a protocol that is the same for all."""

__all__ = ["PROTOCOLS", "Cell", "Plan", "make_plan"]

import hashlib
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from .. import datasets
from ..api import plan as experiment_of
from ..core.config import MOST_MEMBERS
from ..core.errors import ModescopeError, nearest_name, need
from ..datasets.base import Dataset
from ..papers.settings import PAPERS, SETTINGS, setting_for
from ..report.text import slug
from ..runs import Evaluation, Experiment
from .entrants import Entrant, entrants
from .panel import Panel, panel_of
from .provenance import code_of

PROTOCOLS = {
    "common": "the same networks, batch, budget of gradient steps, seeds and learning rates for all",
    "paper": "each method as its paper trained it on this kind of data, where it did",
}
LEARNING_RATES = (3e-4, 1e-3, 3e-3)
DEFAULT_RATE = 1e-3  # of the common protocol, and what "default" means in its tables
BUDGET = 10_000
LOOKS = 20


@dataclass(frozen=True)
class Cell:
    """One entrant, ready to be trained: all its seeds and learning rates as one population.

    Arguments:
        entrant: Who.
        protocol: A key of :data:`PROTOCOLS`.
        dataset: The data set's text.
        experiment: All that determines its numbers; None if it cannot take part.
        reason: Why it cannot.
    """

    entrant: Entrant
    protocol: str
    dataset: str
    experiment: Experiment | None
    reason: str = ""

    @cached_property
    def key(self) -> str:
        """A hash of all that determines its numbers: configuration, data, code, and what is measured.

        Data that are read from files stand in the configuration by a hash of their contents.
        """
        need(self.experiment is not None, f"{self.entrant.label} cannot take part: {self.reason}")
        assert self.experiment is not None
        plain = json.dumps([code_of(self.experiment), self.panel.metrics, self.config], sort_keys=True)
        return hashlib.sha256(plain.encode()).hexdigest()[:12]

    @cached_property
    def panel(self) -> Panel:
        """What is measured."""
        assert self.experiment is not None
        return panel_of(self.experiment.dataset)

    @cached_property
    def config(self) -> dict[str, Any]:
        """Its experiment as plain data."""
        assert self.experiment is not None
        return self.experiment.encode()

    @property
    def folder(self) -> str:
        """The name of its folder; another configuration, other data and other code have another one."""
        return f"{slug(self.dataset)}/{self.protocol}/{self.entrant.slug}-{self.key}"

    def encode(self) -> dict[str, Any]:
        """As plain data, which another process reads by :meth:`decode`."""
        return {
            "entrant": self.entrant.label,
            "dataset": self.dataset,
            "protocol": self.protocol,
            "key": self.key,
            "folder": self.folder,
            "experiment": self.config,
        }

    @classmethod
    def decode(cls, plain: Mapping[str, Any]) -> "Cell":
        """The inverse of :meth:`encode`.

        Raises:
            ModescopeError: If the code or the data are others than where it was encoded.
        """
        found = cls(
            Entrant.parse(plain["entrant"]),
            plain["protocol"],
            plain["dataset"],
            Experiment.decode(plain["experiment"]),
        )
        need(
            found.key == plain["key"],
            f"{found.entrant.label} would be trained by other code than planned: update modescope where it runs, and "
            "start again if its files were changed meanwhile",
        )
        return found


@dataclass(frozen=True)
class Plan:
    """The cells of a benchmark.

    Arguments:
        dataset: The data set's text.
        protocol: A key of :data:`PROTOCOLS`.
        cells: One for each entrant.
        panel: What is measured.
    """

    dataset: str
    protocol: str
    cells: tuple[Cell, ...]
    panel: Panel

    @property
    def possible(self) -> list[Cell]:
        """The cells that can be trained."""
        return [cell for cell in self.cells if cell.experiment is not None]


def make_plan(
    dataset: str,
    methods: Iterable[str] | None = None,
    *,
    protocol: str = "common",
    seeds: int = 12,
    budget: int = BUDGET,
    learning_rates: Sequence[float] = LEARNING_RATES,
) -> Plan:
    """The cells of a benchmark.

    Arguments:
        dataset: A data set of points, e.g. ``ring``, or of images with a judge, e.g. ``stacked-mnist``.
        methods: Texts of entrants, e.g. ``pacgan@degree=4``; all methods and their variants if not given.
        protocol: ``common`` or ``paper``.
        seeds: How many seeds, from 0.
        budget: Gradient steps of each member under ``common``, over all players.
        learning_rates: What is swept under ``common``; the tables show 0.001 as the default if it is among them, else
            the first.

    Raises:
        ModescopeError: If a name is unknown, a value is not valid, or the data set has nothing to measure.
    """
    if protocol not in PROTOCOLS:
        raise nearest_name("protocol", protocol, PROTOCOLS)
    need(seeds >= 2, f"seeds is {seeds}, expected at least 2, since intervals are over seeds")
    need(seeds <= MOST_MEMBERS, f"seeds is {seeds:,}, expected at most {MOST_MEMBERS:,}")
    need(budget >= 1, f"budget is {budget}, expected at least 1 gradient step")
    need(len(learning_rates) > 0, "learning_rates is empty, expected at least one")
    for rate in learning_rates:
        need(0 < rate < math.inf, f"learning_rates has {rate:g}, expected positive numbers")
    need(len(set(learning_rates)) == len(learning_rates), "learning_rates has a number twice, expected each once")
    data = datasets.make(dataset)
    panel, who = panel_of(data), entrants(methods)
    if protocol == "common":
        cells = [common(dataset, data, entrant, seeds, budget, learning_rates) for entrant in who]
    else:
        cells = [paper(dataset, entrant, seeds) for entrant in who]
    return Plan(dataset, protocol, tuple(cells), panel)


def common(name: str, data: Dataset, entrant: Entrant, seeds: int, budget: int, rates: Sequence[float]) -> Cell:
    """An entrant under the common protocol. Its paper's optimiser settings hold, but for learning rate and batch."""
    method = entrant.method()
    steps = max(1, budget // method.gradient_steps)
    kept = {name: value for name, value in method.settings().items() if name not in COMMON}
    settings = {**COMMON, **kept, "steps": steps}
    if len(data.shape) == 1:  # small networks are fastest all together
        settings["block"] = seeds * len(rates)
    setting = setting_for("", len(data.shape) == 3)  # of its kind, whatever its preset
    try:
        found = experiment_of(
            data,
            method,
            seeds=seeds,
            sweep={"lr": list(rates)},
            architecture=setting.architecture,
            evaluation=looks(steps, setting.evaluation),
            **settings,
        )
    except ModescopeError as error:
        return Cell(entrant, "common", name, None, str(error))
    return Cell(entrant, "common", name, found)


COMMON = {"batch_size": 64, "lr": DEFAULT_RATE, "critic_lr": None, "schedule": "constant", "order": "critic-first"}


def paper(dataset: str, entrant: Entrant, seeds: int) -> Cell:
    """An entrant as its paper trained it on this kind of data."""
    family = dataset.partition(":")[0]
    preset = PAPERS.get(family, {}).get(entrant.label)
    if preset is None:
        return Cell(entrant, "paper", dataset, None, f"its paper has no experiment on {family}")
    found = experiment_of(preset, entrant.method(), seeds=seeds)
    evaluation = looks(found.training.steps, SETTINGS[preset].evaluation)
    block = seeds if len(found.dataset.shape) == 1 else found.block
    return Cell(entrant, "paper", preset, replace(found, evaluation=evaluation, block=block))


def looks(steps: int, setting: Mapping[str, Any]) -> Evaluation:
    """Twenty looks along a run, with snapshots small enough to keep for a hundred runs, and no walks."""
    return Evaluation(**{"snapshot": 200, **setting, "every": max(1, steps // LOOKS), "walks": 0})
