r"""When a fall of diversity is no chance: a sequential test whose false-alarm rate holds for a run of any length.

The hypothesis is that nothing is wrong: *at no look is the true diversity below* :math:`1 - \tau` *of the reference*.
At look :math:`t` each measure gives a p-value :math:`p_t`, small if the measure is farther below than sampling noise
takes it, and an e-value :math:`e(p_t) = \kappa p_t^{\kappa - 1}`, whose mean is then at most 1. The evidence

.. math:: S_t = (S_{t-1} + w_t)\, e(p_t), \qquad w_t = \frac{1}{t (t + 1)}, \qquad \sum_t w_t = 1,

puts a bet of :math:`w_t` on a fall that starts at look :math:`t` and multiplies it by what follows. With the bets
still to be placed it is a supermartingale that starts at 1, so by Ville's inequality it *ever* reaches
:math:`1 / \alpha` with a probability of at most :math:`\alpha`, however often one looks. The mean over measures is such
a process too, whatever the dependence between them.

The inequality is exact; the p-values are not quite, since references and noise are estimated and the noise is taken
to be normal. So references are lower bounds, no p-value counts for less than 1e-4, and ``python -m benchmarks.alarm``
simulates the rate.

References:
    | E-detectors: A Nonparametric Framework for Sequential Change Detection (Shin, Ramdas & Rinaldo, 2022)
    | https://arxiv.org/abs/2203.03532

    | E-values: Calibration, Combination, and Applications (Vovk & Wang, 2021), on :math:`\kappa p^{\kappa - 1}`
    | https://arxiv.org/abs/1912.06116
"""

__all__ = ["Alarm", "Event", "Level"]

import math
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Literal, NamedTuple

from scipy.special import stdtr

from ..report.text import joined, number, percent
from .measures import MEASURES

Kind = Literal["collapse", "stuck", "diverged", "recovered"]

KAPPA = 0.2
LEAST_P = 1e-4  # no look counts for more: Student's distribution is not trusted beyond
BLOCK = 8  # looks over which a level must hold to count as sustained
RECOVERY = 5  # looks over which diversity must be back
LEAST_NOISE = 0.02  # of the reference: no level is known better
ERRORS = 2.0  # a reference is its level less so many standard errors, so that luck does not raise it
RISE = 0.05  # of the level of real samples: a generator whose diversity rises by that is still learning
PATIENCE = 20  # looks without such a rise, after which it should have learned


class Level(NamedTuple):
    """What a measure usually is."""

    value: float  # its mean over some looks, less two standard errors
    noise: float  # the standard deviation of one look
    freedom: int  # the degrees of freedom of that

    @classmethod
    def of(cls, values: list[float], steady: bool) -> "Level":
        """The level of some looks; unless `steady`, their noise is taken from successive ones, whatever the trend."""
        n = len(values)
        mean = math.fsum(values) / n
        if steady:
            variance = math.fsum((value - mean) ** 2 for value in values) / (n - 1)
        else:
            variance = math.fsum((b - a) ** 2 for a, b in pairwise(values)) / (2 * (n - 1))
        noise = max(math.sqrt(variance), LEAST_NOISE * abs(mean))
        return cls(mean - ERRORS * noise / math.sqrt(n), noise, n - 1)

    def p_value(self, value: float, tolerance: float) -> float:
        """How often sampling noise alone takes a measure this far below `1 - tolerance` of the level."""
        return float(stdtr(self.freedom, (value - (1 - tolerance) * self.value) / max(self.noise, 1e-300)))


@dataclass(frozen=True)
class Event:
    """Something happened to the generator.

    Arguments:
        kind: ``collapse``: diversity fell significantly below its own best, or the level of real samples if that is
            less. ``stuck``: it has settled far below the level of real samples. ``diverged``: fakes are NaN or
            infinite. ``recovered``: what an earlier event told of is over.
        step: The step at which it was found.
        reason: Why, in words.
        measures: The measures at that look; empty if fakes are not finite.
        levels: The reference of each.
        p_value: For a fall, the probability that a healthy run ever gives such evidence, at most; else None.
        last_healthy: The step of the last look at which all measures were close to their references, to roll back to.
    """

    kind: Kind
    step: int
    reason: str
    measures: dict[str, float] = field(default_factory=dict)
    levels: dict[str, float] = field(default_factory=dict)
    p_value: float | None = None
    last_healthy: int | None = None

    def __str__(self) -> str:
        chance = "" if self.p_value is None else f" (p ≤ {self.p_value:.1g})"
        return f"step {self.step:,}: {self.kind}: {self.reason}{chance}"


class Evidence:
    """Bets on falls that start at each look, and what became of them.

    Arguments:
        names: The measures.
        alpha: The false-alarm rate.
    """

    def __init__(self, names: list[str], alpha: float) -> None:
        self.alpha = alpha
        self.looks = 0
        self.sums = dict.fromkeys(names, 0.0)

    def add(self, p_values: Mapping[str, float]) -> None:
        """One look; a measure that could not be taken speaks for no fall."""
        self.looks += 1
        bet = 1 / (self.looks * (self.looks + 1))
        for name in self.sums:
            p_value = max(p_values.get(name, 1.0), LEAST_P)
            self.sums[name] = (self.sums[name] + bet) * KAPPA * p_value ** (KAPPA - 1)

    @property
    def total(self) -> float:
        """The mean over measures."""
        return math.fsum(self.sums.values()) / len(self.sums)

    @property
    def rings(self) -> bool:
        """Whether there is enough for an alarm."""
        return self.total >= 1 / self.alpha

    @property
    def strongest(self) -> str:
        """The measure with most of it."""
        return max(self.sums, key=lambda name: self.sums[name])

    def clear(self) -> None:
        """Takes all bets back; those to come stay as small as they would be."""
        self.sums = dict.fromkeys(self.sums, 0.0)


class Alarm:
    r"""Turns measures into events, one for each fall.

    The reference of a measure is the best level that it sustained over 8 looks, but not more than real samples have:
    what has not yet been learned cannot be lost, and what overshoots may come down. After an event of a fall there is
    no other until all measures are, over 5 looks, back within half the tolerance.

    With real samples a second test asks whether the generator is stuck: while its diversity has not risen for 20 looks,
    measures that never came near the level of real samples are held against that. Each test has half of :math:`\alpha`.

    Arguments:
        names: The measures.
        alpha: How often, at most, a run in which no measure ever truly falls below the tolerance has a false alarm.
        tolerance: The fall that is no matter, as a share of the reference.
        shortfall: How far below the level of real samples a settled generator may be, as a share.
        warmup: The first looks, which are not remembered.
        real: The level of real samples.
    """

    def __init__(
        self,
        names: list[str],
        alpha: float,
        tolerance: float,
        shortfall: float,
        warmup: int,
        real: Mapping[str, Level] | None = None,
    ) -> None:
        self.tolerance, self.shortfall, self.warmup = tolerance, shortfall, warmup
        self.real = dict(real or {})
        share = alpha / 2 if self.real else alpha
        self.fall, self.stuck = Evidence(names, share), Evidence(names, share)
        self.forget()

    def forget(self) -> None:
        """Starts the history anew."""
        self.looks = 0
        self.latest: dict[str, float] = {}
        self.recent: dict[str, deque[float]] = {name: deque(maxlen=BLOCK) for name in self.fall.sums}
        self.best: dict[str, Level] = {}
        self.marks: dict[str, float] = {}  # levels that were left behind, to see whether learning goes on
        self.risen = 0  # the look at which it last did
        self.last_healthy: int | None = None
        self.rearm()

    def rearm(self) -> None:
        """Forgets an alarm, so that the next fall rings anew."""
        self.raised: Kind | None = None
        self.since = 0  # looks since the alarm
        self.floor: dict[str, float] = {}  # what must be reached again
        self.fall.clear()
        self.stuck.clear()

    @property
    def references(self) -> dict[str, Level]:
        """What each measure is held against."""
        return {
            name: min(best, self.real[name], key=lambda level: level.value) if name in self.real else best
            for name, best in self.best.items()
        }

    @property
    def healthy(self) -> bool:
        """Whether at the last look all measures were taken, and within half the tolerance of their references."""
        references = self.references
        return bool(references) and all(
            self.latest.get(name, -math.inf) >= (1 - self.tolerance / 2) * level.value
            for name, level in references.items()
        )

    def update(self, step: int, values: Mapping[str, float]) -> Event | None:
        """One look.

        Arguments:
            step: Where training is.
            values: The measures.
        """
        self.looks, self.latest = self.looks + 1, dict(values)
        if self.raised is None:
            event = self.judge_fall(step, values) or self.judge_stuck(step, values)
        else:
            event = self.judge_recovery(step, values)
        if self.looks > self.warmup:
            self.remember(values)
        if self.raised is None and self.healthy:
            self.last_healthy = step
        return event

    def judge_fall(self, step: int, values: Mapping[str, float]) -> Event | None:
        """Holds a look against the references."""
        references = self.references
        if not references:
            return None
        self.fall.add(p_values_of(values, references, self.tolerance))
        if not self.fall.rings:
            return None
        main = self.fall.strongest
        capped = main in self.real and references[main] == self.real[main]
        what = "the level of real samples" if capped else "its best level"
        return self.sound("collapse", step, values, references, self.fall, f"fell to {{share}} of {what}")

    def judge_stuck(self, step: int, values: Mapping[str, float]) -> Event | None:
        """Holds a look against real samples, if the generator learns no more."""
        low = {
            name: level
            for name, level in self.real.items()
            if name in self.best and self.best[name].value < (1 - self.shortfall) * level.value
        }
        if not low or self.looks - self.risen <= PATIENCE:
            return None
        self.stuck.add(p_values_of(values, low, self.shortfall))
        if not self.stuck.rings:
            return None
        said = "has settled at {share} of the level of real samples"
        return self.sound("stuck", step, values, self.real, self.stuck, said)

    def sound(
        self,
        kind: Kind,
        step: int,
        values: Mapping[str, float],
        references: Mapping[str, Level],
        evidence: Evidence,
        said: str,
    ) -> Event:
        """Raises the alarm."""
        levels = {name: level.value for name, level in references.items()}
        p_value = min(1.0, (2 if self.real else 1) / evidence.total)  # two tests share the false-alarm rate
        tolerance = self.tolerance if kind == "collapse" else self.shortfall
        reason = reason_of(evidence.strongest, values, levels, said, tolerance)
        self.rearm()
        self.raised = kind
        self.floor = {name: (1 - tolerance / 2) * level for name, level in levels.items()}
        return Event(kind, step, reason, dict(values), levels, p_value, self.last_healthy)

    def judge_recovery(self, step: int, values: Mapping[str, float]) -> Event | None:
        """Whether the measures are back, on average over some looks."""
        self.since += 1
        last = {name: [*self.recent[name], values.get(name, 0.0)][-RECOVERY:] for name in self.floor}
        back = all(math.fsum(some) / len(some) >= self.floor[name] for name, some in last.items())
        if self.since < RECOVERY or not back:
            return None
        before = "fakes are finite again" if self.raised == "diverged" else "diversity is back"
        levels = {name: level.value for name, level in self.references.items()}
        self.rearm()
        return Event("recovered", step, f"{before}, over {RECOVERY} looks", dict(values), levels, None, step)

    def diverge(self, step: int, bad: int, count: int) -> Event | None:
        """Tells of fakes that are not finite, once."""
        if self.raised == "diverged":
            self.since = 0
            return None
        self.rearm()
        self.raised = "diverged"
        return Event("diverged", step, f"{bad} of {count} fakes are NaN or infinite", last_healthy=self.last_healthy)

    def remember(self, values: Mapping[str, float]) -> None:
        """Adds a look to the history, and raises the references if they were surpassed."""
        for name in self.recent.keys() & values.keys():
            self.recent[name].append(values[name])
            if len(self.recent[name]) == BLOCK:
                level = Level.of(list(self.recent[name]), steady=False)
                if name not in self.best or level.value > self.best[name].value:
                    self.best[name] = level
        for name, level in self.references.items():
            if name in self.real and level.value > self.marks.get(name, 0.0) + RISE * self.real[name].value:
                self.marks[name], self.risen = level.value, self.looks

    def state(self) -> dict[str, Any]:
        """All that it remembers, as plain data."""
        return {
            "looks": self.looks,
            "latest": dict(self.latest),
            "recent": {name: list(values) for name, values in self.recent.items()},
            "best": {name: tuple(level) for name, level in self.best.items()},
            "real": {name: tuple(level) for name, level in self.real.items()},
            "marks": dict(self.marks),
            "risen": self.risen,
            "last_healthy": self.last_healthy,
            "raised": self.raised,
            "since": self.since,
            "floor": dict(self.floor),
            "fall": (self.fall.looks, dict(self.fall.sums)),
            "stuck": (self.stuck.looks, dict(self.stuck.sums)),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Goes back to a state."""
        for name in ("looks", "risen", "last_healthy", "raised", "since"):
            setattr(self, name, state[name])
        self.recent = {name: deque(values, maxlen=BLOCK) for name, values in state["recent"].items()}
        self.best = {name: Level(*level) for name, level in state["best"].items()}
        self.real = {name: Level(*level) for name, level in state["real"].items()}
        self.latest, self.marks, self.floor = (dict(state[name]) for name in ("latest", "marks", "floor"))
        for evidence, (looks, sums) in ((self.fall, state["fall"]), (self.stuck, state["stuck"])):
            evidence.looks, evidence.sums = looks, dict(sums)


def p_values_of(values: Mapping[str, float], levels: Mapping[str, Level], tolerance: float) -> dict[str, float]:
    """A p-value for each measure that was taken."""
    return {name: level.p_value(values[name], tolerance) for name, level in levels.items() if name in values}


def reason_of(main: str, values: Mapping[str, float], levels: Mapping[str, float], said: str, tolerance: float) -> str:
    """What fell, and what else."""
    shares = {name: values[name] / level for name, level in levels.items() if name in values and level > 0}
    others = [
        f"{name} {percent(shares[name])}"
        for name in sorted(shares, key=lambda name: shares[name])
        if name != main and shares[name] < 1 - tolerance
    ]
    also = f"; also {joined(others)}" if others else ""
    numbers = f"{number(values[main])}, was {number(levels[main])}"
    if "settled" in said:
        numbers = f"{number(values[main])}, real {number(levels[main])}"
    return f"{MEASURES[main]} {said.format(share=percent(shares.get(main, 0.0)))} ({numbers}){also}"
