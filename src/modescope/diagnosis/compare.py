"""Takes measures of fakes, and the same measures of real samples in the fakes' place."""

__all__ = ["Row", "compare"]

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..core.noise import seed_of
from ..metrics.intervals import student_interval
from ..metrics.sets import random_subset
from ..report.text import number
from .measure import Measure, Prepare

SPLITS = 10
CLEAR = 3.0  # spreads of real against real, from which a gap is worth a word


@dataclass(frozen=True)
class Row:
    """One measure of the fakes, beside what real samples score.

    Arguments:
        measure: What was measured.
        value: The mean over splits.
        low: The lower end of its 95 % interval.
        high: The upper end.
        real: The mean score of real samples against other real samples, as many as of the fakes.
        real_spread: The standard deviation of that score from split to split.
        samples: How many samples of each kind.
        reason: Why there is no number; empty if there is one.
    """

    measure: Measure
    value: float
    low: float
    high: float
    real: float
    real_spread: float
    samples: int
    reason: str = ""

    @property
    def protocol(self) -> str:
        """How the number was taken."""
        return self.measure.protocol.format(n=f"{self.samples:,}")

    @property
    def gap(self) -> float:
        """How much worse than real samples the fakes score, in spreads of these; below 0 if better."""
        if not math.isfinite(self.value) or not math.isfinite(self.real):
            return math.nan
        worse = {
            "higher": self.real - self.value,
            "lower": self.value - self.real,
            "closer": abs(self.value - self.real),
        }[self.measure.direction]
        if self.real_spread > 0:
            return worse / self.real_spread
        # Real samples that score the same in every split, as a few do at a bound, leave the fakes' own chance alone.
        return 0.0 if self.low <= self.real <= self.high else math.copysign(math.inf, worse)

    @property
    def gap_shown(self) -> str:
        """The gap for tables."""
        return "–" if math.isnan(self.gap) else number(round(self.gap, 1) + 0.0)  # no minus before a zero

    @property
    def real_shown(self) -> str:
        """What real samples score, and its spread over parts of them, for tables."""
        spread = f" ± {number(self.real_spread, 2)}" if self.real_spread > 0 else ""
        return f"{number(self.real)}{spread}"

    @property
    def is_clear(self) -> bool:
        """Whether the fakes are worse by more than chance explains."""
        return self.gap >= CLEAR

    @property
    def note(self) -> str:
        """What the row says, in a sentence."""
        if self.reason:
            return self.reason
        if math.isnan(self.gap):
            return "It could not be taken."
        if not self.is_clear:
            better = self.gap < -CLEAR and self.measure.direction != "closer"
            return "Better than real samples against real ones." if better else "As real samples score."
        meaning = self.measure.meaning(self.value, self.real)
        return f"{'Far' if self.gap > 10 * CLEAR else 'Clearly'} off: {meaning}."


def compare(
    real: Tensor,
    fake: Tensor,
    measures: Sequence[Measure],
    seed: int,
    splits: int = SPLITS,
    tell: Callable[[int, int], None] = lambda done, total: None,
) -> list[Row]:
    """A row for each measure.

    A split draws `n` real samples, `n` others in the fakes' place, and `n` fakes, where `n` is at most half of either
    set, so that what fakes score can be held against what real samples score on as many. Measures of one `n` are taken
    on the same draws, and a row does not depend on which others are asked for.

    Arguments:
        real: Features, with shape `(N, D)`.
        fake: Features, with shape `(M, D)`.
        measures: What to measure.
        seed: All randomness.
        splits: How many splits.
        tell: Called with how many splits are done, and how many there are.
    """
    half = min(len(real), len(fake)) // 2
    sizes = {measure.name: min(half, measure.limit) for measure in measures}
    taken = [measure for measure in measures if sizes[measure.name] >= measure.least]
    scores: dict[str, list[tuple[float, float]]] = {measure.name: [] for measure in taken}
    for split in range(splits):
        for n in sorted({sizes[measure.name] for measure in taken}):
            together = [measure for measure in taken if sizes[measure.name] == n]
            for name, pair in split_scores(real, fake, n, together, seed_of("diagnosis", seed, n, split)).items():
                scores[name].append(pair)
        tell(split + 1, splits)
    return [row_of(measure, scores.get(measure.name), sizes[measure.name], real, fake) for measure in measures]


def split_scores(
    real: Tensor, fake: Tensor, n: int, measures: Sequence[Measure], seed: int
) -> dict[str, tuple[float, float]]:
    """What `n` fakes score, and `n` real samples in their place."""
    generator = torch.Generator().manual_seed(seed)
    drawn, some = random_subset(real, 2 * n, generator), random_subset(fake, n, generator)
    prepared = {
        prepare: prepare(drawn[:n], torch.Generator().manual_seed(seed))
        for prepare in dict.fromkeys(measure.prepare for measure in measures)
    }
    ours, theirs = (scores_of(prepared, part, measures, seed) for part in (some, drawn[n:]))
    return {measure.name: (ours[measure.name], theirs[measure.name]) for measure in measures}


def scores_of(
    prepared: Mapping[Prepare, Any], fake: Tensor, measures: Sequence[Measure], seed: int
) -> dict[str, float]:
    """The score of each measure; what several read is computed once."""
    found = {
        (prepare, compute): compute(prepared[prepare], fake, torch.Generator().manual_seed(seed))
        for prepare, compute in dict.fromkeys((measure.prepare, measure.compute) for measure in measures)
    }
    return {measure.name: float(measure.read(found[measure.prepare, measure.compute])) for measure in measures}


def row_of(measure: Measure, scores: Sequence[tuple[float, float]] | None, n: int, real: Tensor, fake: Tensor) -> Row:
    """The row of a measure with scores of fakes and of real samples, split by split."""
    if not scores:
        reason = f"It needs {2 * measure.least} samples of each kind."
        return Row(measure, math.nan, math.nan, math.nan, math.nan, math.nan, n, reason)
    values, controls = np.asarray(scores).T
    # Subsets of one set are more alike than fresh samples are: the variance of a mean of n of N is 1 - n / N of that of
    # a fresh one.
    fresh = 1 - (n / len(real) + n / len(fake)) / 2
    center, spread = float(values.mean()), float(values.std(ddof=1)) / math.sqrt(fresh)
    low, high = student_interval(center, spread, len(values) - 1, 0.95, measure.bounds)
    return Row(measure, center, low, high, float(controls.mean()), float(controls.std(ddof=1)), n)
