"""Two runs against each other: every generator before every critic of the other run."""

__all__ = ["Battles", "Estimate", "battle_runs"]

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from .. import datasets
from ..core.errors import need
from ..core.files import finite
from ..core.noise import seed_of
from .critics import critic_of
from .experiment import first_difference

if TYPE_CHECKING:
    from ..metrics.battle import Battle, Form
    from .run import Run

RESAMPLES = 1000
OUTCOMES = ("first", "unfair", "even", "second")


@dataclass(frozen=True)
class Estimate:
    """A number over all matches.

    Arguments:
        value: The number.
        low: The lower end of its 95 % interval, NaN of a ratio where one member stands for each run.
        high: The upper end.
    """

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Battles:
    """What :func:`battle_runs` returns.

    Arguments:
        names: The names of both runs.
        members: How many members of each there are.
        matches: The match of member `i` of the first with member `j` of the second run in row `i` and column `j`; one
            column where members played in pairs.
        form: Whether ratios are of ``errors`` or of ``accuracies``.
        tolerance: How far the test ratio may be from 1 in a fair match.
        samples: How many samples of each kind a critic judged.
        seed: What fixed all randomness.
        paired: Whether members played in pairs.
        notes: What else to know, a sentence each.
    """

    names: tuple[str, str]
    members: tuple[int, int]
    matches: "tuple[tuple[Battle, ...], ...]"
    form: "Form"
    tolerance: float
    samples: int
    seed: int
    paired: bool
    notes: tuple[str, ...] = ()

    def count(self, outcome: str) -> int:
        """How many matches the ``first`` or the ``second`` won, or were ties: ``unfair`` ones or ``even`` ones."""
        return int(self.table(lambda match: outcome_of(match) == outcome).sum())

    def share(self, outcome: str) -> Estimate:
        """The share of matches with an outcome; see :meth:`count`.

        If none or all have it, drawing members anew gives no other share. The interval is then Clopper and Pearson's of
        as many matches as can be played without playing twice, whose outcomes are independent.
        """
        found = self.estimate(self.table(lambda match: outcome_of(match) == outcome), np.mean)
        if 0 < found.value < 1:
            return found
        reach = 1 - 0.025 ** (1 / min(self.members))
        low, high = (0.0, reach) if found.value == 0 else (1 - reach, 1.0)
        return Estimate(found.value, low, high)

    @property
    def test_ratio(self) -> Estimate:
        """The median of the test ratios."""
        return self.estimate(self.table(lambda match: match.test_ratio), np.median)

    @property
    def sample_ratio(self) -> Estimate:
        """The median of the sample ratios."""
        return self.estimate(self.table(lambda match: match.sample_ratio), np.median)

    def table(self, of: "Callable[[Battle], float]") -> np.ndarray:
        """A number of each match, with shape `(S, T)`, or `(S, 1)` of pairs."""
        return np.array([[float(of(match)) for match in row] for row in self.matches])

    def estimate(self, values: np.ndarray, statistic: Callable[..., Any]) -> Estimate:
        """A statistic over matches, and its percentile interval.

        Matches that share a member are no independent ones, so members are drawn anew, of both runs, and with them all
        their matches (the pigeonhole bootstrap).

        References:
            | The pigeonhole bootstrap (Owen, 2007)
            | https://doi.org/10.1214/07-AOAS122
        """
        draw = np.random.default_rng(0)
        rows, columns = (draw.integers(size, size=(RESAMPLES, size)) for size in values.shape)
        drawn = statistic(values[rows[:, :, None], columns[:, None, :]], axis=(1, 2))
        many = values.size > 1
        ends = np.quantile(drawn, (0.025, 0.975), method="inverted_cdf") if many else (math.nan, math.nan)
        return Estimate(float(statistic(values)), float(ends[0]), float(ends[1]))

    def to_dict(self) -> dict[str, Any]:
        """As plain data for JSON, in which infinite ratios and intervals that are not defined are null."""
        return {
            "runs": list(self.names),
            "members": list(self.members),
            "form": self.form,
            "tolerance": self.tolerance,
            "samples": self.samples,
            "seed": self.seed,
            "paired": self.paired,
            "matches": sum(len(row) for row in self.matches),
            "outcomes": {name: {"count": self.count(name), **plain(self.share(name))} for name in OUTCOMES},
            "test_ratio": plain(self.test_ratio),
            "sample_ratio": plain(self.sample_ratio),
            "each": [
                {
                    "first": i,
                    "second": i if self.paired else j,
                    "winner": match.winner,
                    "fair": match.fair,
                    "test_ratio": finite(match.test_ratio),
                    "sample_ratio": finite(match.sample_ratio),
                }
                for i, row in enumerate(self.matches)
                for j, match in enumerate(row)
            ],
            "notes": list(self.notes),
        }


@dataclass(frozen=True)
class Side:
    """One run's members, ready to play.

    Arguments:
        critics: From samples to probabilities of "real", one of each member.
        samples: What the generators make, with shape `(S, n, D)`.
        on_test: What each critic says of held-out real samples.
    """

    critics: Sequence[Callable[[Tensor], Tensor]]
    samples: Tensor
    on_test: Sequence[Tensor]


def battle_runs(
    first: "Run",
    second: "Run",
    *,
    form: "Form" = "errors",
    tolerance: float = 0.1,
    n: int = 10_000,
    seed: int = 0,
    paired: bool = False,
) -> Battles:
    """Lets the generators of two runs play against each other's critics; see :func:`modescope.metrics.battle`.

    Every member of the first run meets every member of the second. All critics judge the same held-out real samples,
    and all generators make their samples once.

    Arguments:
        first: A run that is done.
        second: Another, on the same data set.
        form: ``errors``, the paper's, or ``accuracies``, its authors' code's.
        tolerance: How far the test ratio, or one over it, may exceed 1 in a fair match.
        n: How many samples of each kind a critic judges.
        seed: All randomness.
        paired: Whether each member meets the one with the same number alone.

    Raises:
        ModescopeError: If the runs are not done or on different data, or a critic calls nothing real or fake.
    """
    from ..metrics.battle import battle

    notes = check_fit(first, second, n, paired)
    real = first.experiment.dataset.sample(n, torch.Generator().manual_seed(seed_of(seed, "battle")))
    sides = [side_of(run, real, n, f"battle {seed}") for run in (first, second)]

    def match(i: int, j: int) -> "Battle":
        a, b = sides
        crossed = a.critics[i](b.samples[j]), b.critics[j](a.samples[i])
        return battle(a.on_test[i], b.on_test[j], *crossed, form=form, tolerance=tolerance)

    size, other = len(first.members), len(second.members)
    opponents = [[i] if paired else list(range(other)) for i in range(size)]
    matches = tuple(tuple(match(i, j) for j in row) for i, row in enumerate(opponents))
    return Battles((first.name, second.name), (size, other), matches, form, tolerance, n, seed, paired, tuple(notes))


def side_of(run: "Run", real: Tensor, n: int, purpose: str) -> Side:
    """A run's critics and samples."""
    critics = []
    for block in range(len(run.stores)):
        population = run.population(block)
        critics += [critic_of(population, index) for index in range(len(population.members))]
    return Side(critics, run.sample(n, purpose), [critic(real) for critic in critics])


def check_fit(first: "Run", second: "Run", n: int, paired: bool) -> list[str]:
    """Raises unless two runs can play; says what weakens the result."""
    notes = []
    for run in (first, second):
        need(run.done, f"run {run.name!r} is not done: go on with 'modescope resume {run.folder}'")
        pack = run.experiment.method.at_once
        need(n >= pack, f"n is {n}, expected at least {pack}, for the critics of {run.name!r} to judge")
        lost = sum(step is not None for step in run.diverged())
        if lost:
            notes.append(f"{lost} members of {run.name} diverged; they play as they were before.")
        if pack > 1:
            notes.append(f"Critics of {run.name} judge packs of {pack} samples, which is easier than single ones.")
    data = [datasets.encode(run.experiment.dataset) for run in (first, second)]
    apart = first_difference(data[0], data[1])
    need(apart is None, f"the runs are on different data sets: {apart}")
    sizes = len(first.members), len(second.members)
    need(not paired or sizes[0] == sizes[1], f"paired runs have {sizes[0]} and {sizes[1]} members, expected as many")
    if first.experiment.dataset.finite:
        notes.append("The data are a fixed set, so the critics judge real samples that they were trained on.")
    return notes


def outcome_of(match: "Battle") -> str:
    """Who won, or why nobody did."""
    if match.winner != "tie":
        return match.winner
    return "even" if match.fair else "unfair"


def plain(estimate: Estimate) -> dict[str, float | None]:
    """An estimate as plain data."""
    return {"value": finite(estimate.value), "low": finite(estimate.low), "high": finite(estimate.high)}
