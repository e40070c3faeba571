"""Who does better than the plain GAN, and whether that is more than luck."""

__all__ = ["Standing", "Standings", "holm", "mean_of", "standings", "worst_first"]

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import rankdata, wilcoxon

from ..metrics import METRICS as METRICS_BY_NAME
from ..metrics import floor
from ..metrics.intervals import mean_interval
from ..papers.comparisons import holm
from .panel import Panel
from .plan import DEFAULT_RATE, Cell, Plan
from .results import Result

LEVEL = 0.05
FEW = 14  # differences whose signs are all gone through
TIE = 1e-9  # sums of ranks that differ by less are the same

Trained = tuple[Result, float | None]  # an entrant, and the learning rate that it is shown at
Chosen = Mapping[str, Trained]


@dataclass(frozen=True)
class Standing:
    """One entrant in one table.

    Arguments:
        entrant: Its text.
        rate: The learning rate; None where its paper's was kept.
        means: For each metric the mean over seeds and its 95 % interval.
        worst: For each metric the worst seed.
        gaps: For each compared metric the mean paired difference to the plain GAN, positive where it is better; NaN if
            it is infinite both ways.
        p_values: Of those differences, two-sided, Holm-corrected over the entrants of the table; none for the GAN.
        floors: For each metric what a perfect sampler scores, the mean over sets.
        diverged: How many members turned NaN or infinite.
        seeds: How many members there are.
        result: All its numbers.
    """

    entrant: str
    rate: float | None
    means: dict[str, tuple[float, float, float]]
    worst: dict[str, float]
    gaps: dict[str, float]
    p_values: dict[str, float]
    floors: dict[str, float]
    diverged: int
    seeds: int
    result: Result

    def verdict(self, metric: str) -> str:
        """``better``, ``worse`` or ``no difference found`` than the plain GAN."""
        if not self.p_values.get(metric, np.nan) < LEVEL or math.isnan(self.gaps[metric]):
            return "no difference found"
        return "better" if self.gaps[metric] > 0 else "worse"


@dataclass(frozen=True)
class Standings:
    """The tables of a benchmark.

    Arguments:
        plan: What was run.
        default: Every entrant at the default learning rate.
        best: Every entrant at its best learning rate, by the panel's distance.
        failed: Entrants with the reason for which they have no numbers.
        missing: Entrants that have not run yet.
    """

    plan: Plan
    default: tuple[Standing, ...]
    best: tuple[Standing, ...]
    failed: dict[str, str]
    missing: tuple[str, ...]


def standings(plan: Plan, results: Sequence[Result], floor_repeats: int = 20) -> Standings:
    """Every entrant's place, with intervals, floors, and paired tests against the plain GAN.

    The test is Wilcoxon's signed-rank test on the seeds' differences; p-values are corrected by Holm's method over all
    entrants, for each metric by itself. At the best learning rates the entrant and the GAN each have their own. Under
    the ``paper`` protocol data and networks differ between entrants, so nothing is tested.

    Note:
        The best rate is chosen on the seeds that are shown, so the second table flatters every entrant. A member
        that diverged counts as no mode, and as infinitely far. With :math:`n` seeds no p-value is below
        :math:`2^{1 - n}`, so among :math:`k` entrants nothing can be found unless that is below :math:`0.05 / k`.
    """
    cells = {cell.entrant.label: cell for cell in plan.possible}
    by_label = {result.entrant: result for result in results}
    failed = {cell.entrant.label: cell.reason for cell in plan.cells if cell.experiment is None}
    failed |= {label: result.failure for label, result in by_label.items() if result.failure}
    done = {label: result for label, result in by_label.items() if not result.failure}
    floors = {label: floors_of(cells[label], floor_repeats) for label in done}
    return Standings(
        plan,
        table(plan, {label: (result, default_rate(result)) for label, result in done.items()}, floors),
        table(
            plan, {label: (result, best_rate(result, plan.panel.chosen_by)) for label, result in done.items()}, floors
        ),
        failed,
        tuple(label for label in cells if label not in by_label),
    )


def floors_of(cell: Cell, repeats: int) -> dict[str, float]:
    """What a perfect sampler scores on a cell's data, for each metric."""
    assert cell.experiment is not None
    data, samples = cell.experiment.dataset, cell.experiment.evaluation.samples
    metrics = [METRICS_BY_NAME[name] for name in cell.panel.metrics]
    return {metric.name: floor(metric, data, metric.used(samples), repeats)[0] for metric in metrics}


def default_rate(result: Result) -> float | None:
    """The learning rate of the first table."""
    return DEFAULT_RATE if DEFAULT_RATE in result.rates else result.rates[0]


def best_rate(result: Result, distance: str) -> float | None:
    """The learning rate with the smallest mean of a metric."""
    rates = list(dict.fromkeys(result.rates))
    return min(rates, key=lambda rate: float(np.mean(scored(result, distance, rate))))


def table(plan: Plan, chosen: Chosen, floors: Mapping[str, dict[str, float]]) -> tuple[Standing, ...]:
    """One table, in the order of the plan."""
    cells = {cell.entrant.label: cell for cell in plan.possible}
    gaps, p_values = compared(chosen if plan.protocol == "common" else {}, plan.panel.compared)
    found = []
    for label, (result, rate) in chosen.items():
        experiment = cells[label].experiment
        assert experiment is not None
        means, worst = {}, {}
        for name in plan.panel.metrics:
            metric, column = METRICS_BY_NAME[name], scored(result, name, rate)
            means[name] = mean_of(column, metric.bounds(experiment.dataset))
            worst[name] = float(column.min() if metric.direction == "higher" else column.max())
        own = result.at(rate)
        lost = sum(result.diverged[i] is not None for i in own)
        tested = gaps.get(label, {}), p_values.get(label, {})
        found.append(Standing(label, rate, means, worst, *tested, floors[label], lost, len(own), result))
    return tuple(found)


def compared(chosen: Chosen, metrics: Sequence[str]) -> tuple[dict[str, dict[str, float]], dict[str, dict[str, float]]]:
    """The mean differences to the plain GAN and their corrected p-values, by entrant and metric."""
    if "gan" not in chosen:
        return {}, {}
    gaps: dict[str, dict[str, float]] = {label: {} for label in chosen if label != "gan"}
    p_values: dict[str, dict[str, float]] = {label: {} for label in gaps}
    for name in metrics:
        raw = {}
        for label in gaps:
            gaps[label][name], raw[label] = against(chosen["gan"], chosen[label], name)
        tested = {label: value for label, value in raw.items() if np.isfinite(value)}
        corrected = dict(zip(tested, holm(list(tested.values())), strict=True))
        for label in gaps:
            p_values[label][name] = corrected.get(label, float("nan"))
    return gaps, p_values


def scored(result: Result, metric: str, rate: float | None) -> np.ndarray:
    """A metric over the seeds; a member that diverged, or has no finite value, has the worst there is.

    A member that diverged was frozen as it was before, so its samples are finite, and may be better than others'.
    """
    column = result.column(metric, rate)
    whole = np.array([result.diverged[index] is None for index in result.at(rate)], dtype=bool)
    lowest = 0.0 if METRICS_BY_NAME[metric].direction == "higher" else np.inf
    return np.where(whole & np.isfinite(column), column, lowest)


def mean_of(column: np.ndarray, bounds: tuple[float, float]) -> tuple[float, float, float]:
    """The mean over seeds and its interval; infinite, with no interval, where a member is infinitely far."""
    if not np.isfinite(column).all():
        return math.inf, math.nan, math.nan
    return mean_interval(column.tolist(), bounds)


def worst_first(standing: Standing, panel: Panel) -> list[int]:
    """The seeds of a standing, the worst first by what tells how a seed ended."""
    keys = []
    for name, _ in panel.fate:
        values = scored(standing.result, name, standing.rate)
        keys.append(values if METRICS_BY_NAME[name].direction == "higher" else -values)
    return [int(i) for i in np.lexsort(keys[::-1])]


def against(gan: Trained, other: Trained, metric: str) -> tuple[float, float]:
    """The mean difference to the plain GAN over shared seeds, positive if better, and its p-value before correction.

    A member that is infinitely far is the greatest difference there is; two that are so are tied.
    """
    first, second = by_seed(*gan, metric), by_seed(*other, metric)
    sign = 1.0 if METRICS_BY_NAME[metric].direction == "higher" else -1.0
    pairs = [(first[seed], second[seed]) for seed in first if seed in second]
    gap = np.array([0.0 if ours == theirs else sign * (theirs - ours) for ours, theirs in pairs])
    if len(gap) < 2:
        return math.nan, math.nan
    return math.nan if {-math.inf, math.inf} <= set(gap) else float(gap.mean()), signed_rank(gap)


def signed_rank(gaps: np.ndarray) -> float:
    r"""The two-sided p-value of Wilcoxon's signed-rank test, with zeros left out.

    With few differences all :math:`2^n` signs of the ranks are gone through, which is exact with ties too, such as
    those of counts of modes.

    References:
        | Individual Comparisons by Ranking Methods (Wilcoxon, 1945)
    """
    gaps = gaps[gaps != 0]
    if len(gaps) == 0:
        return 1.0
    if len(gaps) > FEW:
        return float(wilcoxon(gaps).pvalue)
    ranks = rankdata(np.abs(gaps))
    signs = (np.arange(2 ** len(gaps))[:, None] >> np.arange(len(gaps))) & 1
    sums, found = signs @ ranks, float(ranks[gaps > 0].sum())
    return min(1.0, 2 * float(min((sums >= found - TIE).mean(), (sums <= found + TIE).mean())))


def by_seed(result: Result, rate: float | None, metric: str) -> dict[int, float]:
    """A metric of each seed, at a learning rate."""
    return {result.seeds[i]: float(v) for i, v in zip(result.at(rate), scored(result, metric, rate), strict=True)}
