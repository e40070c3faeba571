"""Takes measures of fakes, and the same measures of real samples in the fakes' place."""

__all__ = ["Row", "compare"]

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ..metrics.intervals import student_interval
from .measure import Measure

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
        if worse == 0:
            return 0.0
        return worse / self.real_spread if self.real_spread > 0 else math.copysign(math.inf, worse)

    @property
    def note(self) -> str:
        """What the row says, in a sentence."""
        if self.reason:
            return self.reason
        if math.isnan(self.gap):
            return "It could not be taken."
        if self.gap < CLEAR:
            better = self.gap < -CLEAR and self.measure.direction != "closer"
            return "Better than real samples against real ones." if better else "As real samples score."
        return f"{'Far' if self.gap > 10 * CLEAR else 'Clearly'} off: {self.measure.bad}."


def compare(
    real: Tensor,
    fake: Tensor,
    measures: Sequence[Measure],
    generator: torch.Generator,
    splits: int = SPLITS,
    tell: Callable[[str], None] = lambda name: None,
) -> list[Row]:
    """A row for each measure.

    A split draws `n` real samples, `n` others in the fakes' place, and `n` fakes, where `n` is at most half of either
    set, so that what fakes score can be held against what real samples score on as many.

    Arguments:
        real: Features, with shape `(N, D)`.
        fake: Features, with shape `(M, D)`.
        measures: What to measure.
        generator: All randomness.
        splits: How many splits.
        tell: Called with each measure's name when it is done.
    """
    rows = []
    for measure in measures:
        rows.append(row_of(measure, real, fake, generator, splits))
        tell(measure.name)
    return rows


def row_of(measure: Measure, real: Tensor, fake: Tensor, generator: torch.Generator, splits: int) -> Row:
    """One measure, over splits."""
    n = min(len(real) // 2, len(fake) // 2, measure.limit)
    if n < measure.least:
        reason = f"It needs {2 * measure.least} samples of each kind."
        return Row(measure, math.nan, math.nan, math.nan, math.nan, math.nan, n, reason)
    values: list[float] = []
    controls: list[float] = []
    for _ in range(splits):
        drawn = real[torch.randperm(len(real), generator=generator)[: 2 * n]]
        some = fake[torch.randperm(len(fake), generator=generator)[:n]]
        seed = int(torch.randint(2**62, (), generator=generator))
        for found, others in ((values, some), (controls, drawn[n:])):
            found.append(float(measure.compute(drawn[:n], others, torch.Generator().manual_seed(seed))))
    center, real_center = float(np.mean(values)), float(np.mean(controls))
    # Subsets of one set are more alike than fresh samples are: the variance of a mean of n of N is 1 - n / N of that of
    # a fresh one.
    fresh = 1 - (n / len(real) + n / len(fake)) / 2
    spread = float(np.std(values, ddof=1)) / math.sqrt(fresh)
    low, high = student_interval(center, spread, splits - 1, 0.95, measure.bounds)
    return Row(measure, center, low, high, real_center, float(np.std(controls, ddof=1)), n)
