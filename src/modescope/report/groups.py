"""What a report is about: groups of members that differ in their seeds alone, by the data that they learn."""

__all__ = [
    "JUDGED_KL",
    "JUDGED_MASS",
    "JUDGED_MODES",
    "MASS",
    "MODES",
    "QUALITY",
    "SLICED",
    "Group",
    "Scene",
    "scenes_of",
    "unique_names",
]

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from statistics import fmean, stdev

import torch
from torch import Tensor

from ..core.config import Member
from ..core.errors import need
from ..datasets.base import Dataset
from ..metrics import METRICS, MetricResult, metric_names
from ..metrics.intervals import student_interval
from ..runs import History, Run

MODES = "modes_l2_3sigma"
MASS = "modes_tenth_l2_3sigma"  # one stray sample covers no mode here, so verdicts rest on it
QUALITY = "hq_l2_3sigma"
SLICED = "sliced_w2_p128"
JUDGED_MODES, JUDGED_MASS, JUDGED_KL = "modes_judged", "modes_tenth_judged", "reverse_kl_judged"


@dataclass(frozen=True)
class Group:
    """Members of a run that differ in their seeds alone: a row of the table, a colour of the figures.

    Arguments:
        label: Its name, which no other group of the report has.
        run: The run.
        at: The indices of its members among those of the run.
        samples: Their final samples, with shape `(S, n, D)`.
        diverged: The step at which each was frozen as NaN or infinite, or None.
        results: Their metrics, by name.
        history: What was recorded of them along training.
    """

    label: str
    run: Run
    at: tuple[int, ...]
    samples: Tensor
    diverged: tuple[int | None, ...]
    results: dict[str, MetricResult]
    history: History

    @property
    def dataset(self) -> Dataset:
        """What they learn."""
        return self.run.experiment.dataset

    @property
    def members(self) -> tuple[Member, ...]:
        """Its members."""
        return tuple(self.run.members[i] for i in self.at)

    def ranking(self) -> list[int]:
        """The members from the worst to the best.

        Diverged ones come first; then, with known modes, those that cover fewer of them, and of these those with fewer
        samples on a mode, or, where a classifier tells the modes, those that spread over them less evenly; without,
        those farther from the truth.
        """

        def merit(member: int) -> tuple[float, ...]:
            alive = float(self.diverged[member] is None)
            if MASS in self.results:
                return (alive, self.score(MASS, member), self.score(QUALITY, member))
            if JUDGED_MASS in self.results:
                return (alive, self.score(JUDGED_MASS, member), -self.score(JUDGED_KL, member))
            return (alive, -self.score(SLICED, member))

        def key(member: int) -> tuple[float, ...]:
            return tuple(-math.inf if math.isnan(part) else part for part in merit(member))

        return sorted(range(len(self.at)), key=key)

    def score(self, metric: str, member: int) -> float:
        """What one member scores."""
        return self.results[metric].per_member[member]


@dataclass(frozen=True)
class Scene:
    """Groups that can be compared: the same data set, measured with as many samples.

    Arguments:
        dataset: The data set.
        groups: The groups, in the order of their colours.
    """

    dataset: Dataset
    groups: tuple[Group, ...]

    @property
    def samples(self) -> int:
        """The final samples of each member."""
        return self.groups[0].samples.shape[-2]

    @property
    def seen(self) -> tuple[int, ...]:
        """The samples of each member at a look; several numbers where runs differ in them."""
        return tuple(sorted({run.experiment.evaluation.seen for run in self.runs}))

    @property
    def of_images(self) -> bool:
        """Whether its samples are images."""
        return len(self.dataset.shape) == 3

    @property
    def runs(self) -> list[Run]:
        """Its runs, in order."""
        return list(dict.fromkeys(group.run for group in self.groups))


def scenes_of(runs: Sequence[Run]) -> list[Scene]:
    """Reads runs and puts those side by side that can be compared.

    Raises:
        ModescopeError: If there are no runs, or one is not done.
    """
    need(len(runs) > 0, "runs is empty, expected at least one run")
    for run in runs:
        need(run.done, f"run {run.name!r} is not done: go on with 'modescope resume {run.folder}'")
    stages: dict[str, list[Group]] = {}
    for run, name in zip(runs, unique_names(runs), strict=True):
        key = json.dumps([run.config["experiment"]["dataset"], run.experiment.evaluation.samples], sort_keys=True)
        stages.setdefault(key, []).extend(groups_of(run, name))
    return [Scene(groups[0].dataset, tuple(groups)) for groups in stages.values()]


def unique_names(runs: Sequence[Run]) -> list[str]:
    """The names of runs, told apart by their folders, or by numbers, where they are the same."""
    for names in (
        [run.name for run in runs],
        [f"{run.name} ({run.folder.resolve().name})" for run in runs],
    ):
        if len(set(names)) == len(names):
            return names
    return [f"{run.name} ({i})" for i, run in enumerate(runs, start=1)]


def groups_of(run: Run, name: str) -> list[Group]:
    """The groups of a run: one, or one for each combination of swept values."""
    samples, diverged, results, history = run.samples(), run.diverged(), measured(run), run.history()
    groups = []
    for label in dict.fromkeys(member.group for member in run.members):
        at = tuple(i for i, member in enumerate(run.members) if member.group == label)
        groups.append(
            Group(
                label=f"{name}, {label}" if label else name,
                run=run,
                at=at,
                samples=samples[torch.tensor(at)],
                diverged=tuple(diverged[i] for i in at),
                results={result.name: narrowed(result, at, run.experiment.dataset) for result in results},
                history=History(history.steps, {k: curve[:, at] for k, curve in history.curves.items()}),
            )
        )
    return groups


@lru_cache(maxsize=64)
def measured(run: Run) -> tuple[MetricResult, ...]:
    """The metrics of a report, taken once for its page and its pictures; a finished run does not change."""
    dataset = run.experiment.dataset
    names = metric_names(dataset, core=True)
    return tuple(run.metrics([*names, MASS] if MASS in metric_names(dataset) else names))


def narrowed(result: MetricResult, at: Sequence[int], dataset: Dataset) -> MetricResult:
    """A result for some of the members."""
    if len(at) == len(result.per_member):
        return result
    values = tuple(result.per_member[i] for i in at)
    finite = [value for value in values if math.isfinite(value)]
    mean = fmean(finite) if finite else math.nan
    error = stdev(finite) / math.sqrt(len(finite)) if len(finite) > 1 else math.nan
    low, high = student_interval(mean, error, len(finite) - 1, 0.95, METRICS[result.name].bounds(dataset))
    lost = len(values) - len(finite)
    note = f"{lost} of {len(values)} members left out: their value is not finite" if lost else ""
    return replace(result, value=mean, low=low, high=high, per_member=values, note=note)
