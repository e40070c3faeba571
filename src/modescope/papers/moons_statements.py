"""What the review states of its two moons, put to the test; each verdict and its wording follow from the numbers."""

__all__ = ["Findings", "statements"]

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy.stats import binomtest, norm

from ..metrics import MetricResult
from ..report.page import show
from ..theory import Statement
from .comparisons import Difference, order_share, paired_difference, rank_trend
from .moons_measures import BOTH, COVERAGE, LIGHTER, OFF, W1

FEW, MANY = 2, 4  # the latent dimensions that the review compares
CONCENTRATED = 0.1  # a lighter moon with less of the samples: all but concentrated on the other
POOR = 0.05  # of the samples off both moons: a poor separation
PRINTED_END = 150_000  # steps of the review's run with 2 latent dimensions
SETTLED = 0.1  # of its distance, that a settled run moves at most
DECISIVE = 0.95  # of all pairs of runs, for a single pair to be enough


@dataclass(frozen=True)
class Findings:
    """What came out of a study.

    Attributes:
        results: The measures at the end, by latent dimension and by name.
        off: For each latent dimension, the share of many samples that lie off both moons, with shape `(S,)`, NaN for
            members that do not reach both.
        samples: How many samples `off` is taken over.
        steps: The steps at which `along` was taken, with shape `(T,)`.
        along: Wasserstein-1 along training for the two compared latent dimensions, with shape `(T, S)`.
        floor: The same of a perfect sampler.
    """

    results: Mapping[int, Mapping[str, MetricResult]]
    off: Mapping[int, np.ndarray]
    samples: int
    steps: np.ndarray
    along: Mapping[int, np.ndarray]
    floor: float

    def values(self, latent: int, name: str) -> np.ndarray:
        """A measure of each member, with shape `(S,)`."""
        return np.array(self.results[latent][name].per_member)

    @property
    def latents(self) -> list[int]:
        """The latent dimensions, in order."""
        return sorted(self.results)


def statements(found: Findings) -> list[Statement]:
    """The review's statements, as printed and as these runs have it."""
    chosen = [
        _one_mode(found),
        _better(
            found,
            W1,
            "Latent dimension 4 captures the shape better",
            "Network trained using latent dimension 4, the network is better able to capture the appropriate shape of "
            "the distribution.",
        ),
        _better(
            found,
            OFF,
            "Latent dimension 4 tells the modes apart better",
            "We can see that the network is now better able to distinguish between the different modes of the "
            "distribution.",
        ),
        _single_runs(found),
        _separation(found),
        _converged(found),
    ]
    return [_related(found), *chosen] if len(found.latents) > 2 else chosen


def _related(found: Findings) -> Statement:
    latents = found.latents

    def trend_of(name: str, chosen: list[int]) -> tuple[float, float, int, bool]:
        trend = rank_trend(chosen, np.array([found.values(latent, name) for latent in chosen]))
        return trend.rho, trend.p_value, trend.sign, trend.confirmed

    rho, p_value, sign, confirmed = trend_of(COVERAGE, latents)
    later_rho, later_p, later_sign, _ = trend_of(COVERAGE, latents[1:])
    shape_rho, shape_p, _, _ = trend_of(W1, latents)
    seeds = len(found.values(latents[0], COVERAGE))
    span = f"Over latent dimensions {latents[0]} to {latents[-1]} and {seeds} seeds"
    right = {
        1: f"{span} it is: more of the arcs is covered in more dimensions.",
        -1: f"{span} it is, but the other way round: less of the arcs is covered in more dimensions.",
        0: f"{span} no relation between the latent dimension and the share of the arcs that is covered shows.",
    }[sign]
    if sign and later_sign != sign:
        right += f" It is latent dimension {latents[0]} that makes it: from {latents[1]} on, no such relation shows."
    return Statement(
        claim="The latent dimension and mode collapse",
        printed="The dimension of the latent variables is related to observing mode collapse in this problem.",
        right=right,
        evidence={
            f"mean arc coverage, latent dimension {latent}": found.results[latent][COVERAGE].value for latent in latents
        }
        | {
            "rank correlation of latent dimension and arc coverage": rho,
            "its p-value (latent dimensions permuted within seeds)": p_value,
            f"the same from latent dimension {latents[1]} on": later_rho,
            "its p-value": later_p,
            "rank correlation of latent dimension and Wasserstein-1": shape_rho,
            "its p-value, permuted likewise": shape_p,
        },
        holds=sign != 0,
        verified=confirmed,
    )


def _one_mode(found: Findings) -> Statement:
    few, many = (int((found.values(latent, LIGHTER) < CONCENTRATED).sum()) for latent in (FEW, MANY))
    seeds = len(found.values(FEW, LIGHTER))
    test = binomtest(few, seeds)
    interval = test.proportion_ci(0.95, method="exact")
    usual, unusual = bool(interval.low > 0.5), bool(interval.high < 0.5)
    count = f"{few} of {seeds} seeds put more than {_percent(1 - CONCENTRATED)} of their samples nearest to one moon"
    right = (
        f"It is what mostly happens: at latent dimension {FEW}, {count}."
        if usual
        else f"It is not what mostly happens: at latent dimension {FEW}, {count}."
        if unusual
        else f"At latent dimension {FEW}, {count}: too few seeds, or too even, to say whether most do."
    )
    return Statement(
        claim="Latent dimension 2 collapses to one mode",
        printed="We see that there is mode collapse, as the distribution is concentrated around just one mode.",
        right=right,
        evidence={
            f"seeds concentrated on one moon, latent dimension {FEW}": few,
            f"seeds concentrated on one moon, latent dimension {MANY}": many,
            f"of {seeds} seeds, share at latent dimension {FEW}, low end": float(interval.low),
            "high end": float(interval.high),
            f"share of seeds that cover both moons, latent dimension {FEW}": found.results[FEW][BOTH].value,
            f"share of seeds that cover both moons, latent dimension {MANY}": found.results[MANY][BOTH].value,
        },
        holds=usual,
        verified=bool(test.pvalue < 0.05) == (usual or unusual),
    )


def _better(found: Findings, name: str, claim: str, printed: str) -> Statement:
    """Whether 4 latent dimensions beat 2 on a measure that should be low."""
    few, many = found.results[FEW][name], found.results[MANY][name]
    gap = paired_difference(few.per_member, many.per_member)
    measure = {W1: "the Wasserstein-1 distance", OFF: "the share of samples off both moons"}[name]
    change = f"from latent dimension {FEW} to {MANY}, {measure} changes by {_with_interval(gap)} over {gap.pairs} seeds"
    right = {
        -1: f"It is: {change}.",
        1: f"The opposite: {change}.",
        0: f"{gap.pairs} seeds do not show it: {change}.",
    }[gap.sign]
    return Statement(
        claim=claim,
        printed=printed,
        right=right,
        evidence={
            f"{few.label}, latent dimension {FEW}": few.value,
            f"{many.label}, latent dimension {MANY}": many.value,
            "a perfect sampler": few.floor,
            "mean difference, seed by seed": gap.mean,
            "its p-value (signs flipped)": gap.p_value,
            "seeds that are better at 4": int((np.array(many.per_member) < np.array(few.per_member)).sum()),
        },
        holds=gap.sign < 0,
        verified=gap.confirmed,
    )


def _single_runs(found: Findings) -> Statement:
    few, many = found.values(FEW, W1), found.values(MANY, W1)
    share = order_share(few, many)
    spread = math.hypot(few.std(ddof=1), many.std(ddof=1))
    gap = float(many.mean() - few.mean())
    enough = max(share, 1 - share) >= DECISIVE
    normal = float(norm.cdf(abs(gap) / spread)) if spread > 0 else float(gap != 0)
    pairs = (
        f"in {_percent(share)} of the {len(few) * len(many)} pairs of seeds, the run with {MANY} latent dimensions has"
    )
    right = (
        f"Here one pair of runs is enough: {pairs} the lower Wasserstein-1 distance."
        if enough
        else f"One pair of runs decides nothing: {pairs} the lower Wasserstein-1 distance, in the others not."
    )
    return Statement(
        claim="One run for each latent dimension",
        printed="We repeat the experiment above, now with latent dimension equal to 4, leaving all other training "
        "parameters identical. (One network is shown for each.)",
        right=right,
        evidence={
            "share of pairs in which 4 beats 2": share,
            "difference of the mean Wasserstein-1": gap,
            f"standard deviation over seeds, latent dimension {FEW}": float(few.std(ddof=1)),
            f"standard deviation over seeds, latent dimension {MANY}": float(many.std(ddof=1)),
        },
        holds=share >= DECISIVE,
        verified=(normal >= DECISIVE) == enough,
    )


def _separation(found: Findings) -> Statement:
    off = np.concatenate([found.off[latent] for latent in found.latents])
    both = off[np.isfinite(off)]
    least = float(both.min()) if len(both) else math.nan
    at_many = found.results[MANY][OFF]
    poor = at_many.low > POOR
    right = (
        "It cannot be perfect, in any dimension: a continuous image of the connected latent space is connected, so a "
        "generator that reaches both moons also fills a path between them. "
    )
    right += (
        f"Each of the {len(both)} members that reach both moons puts at least {_percent(least, 1)} of its samples off "
        "them."
        if len(both) and least > 0
        else f"{int((both == 0).sum())} of the {len(both)} members that reach both moons show none of it, though."
        if len(both)
        else "No member reaches both moons here."
    )
    evidence: dict[str, float] = {
        "members, of all latent dimensions": len(off),
        "members that reach both moons": len(both),
    }
    if len(both):
        evidence[f"least share of {found.samples} samples off the moons among them"] = least
    return Statement(
        claim="The separation of the modes",
        printed="… even though the separation is not very good.",
        right=right,
        evidence=evidence
        | {
            f"mean share off both moons, latent dimension {MANY}": at_many.value,
            "a perfect sampler": at_many.floor,
        },
        holds=poor,
        verified=len(both) > 0 and least > 0,
    )


def _converged(found: Findings) -> Statement:
    curve, last = found.along[FEW], int(found.steps[-1])
    start = int(np.abs(found.steps - PRINTED_END).argmin())
    gap = paired_difference(curve[start], curve[-1])
    level, moved = float(curve[start].mean()), float(np.abs(curve[-1] - curve[start]).mean())
    enough, calm = last > PRINTED_END, moved <= SETTLED * level
    span = f"from step {found.steps[start]:,} to {last:,}, the Wasserstein-1 distance changes by {_with_interval(gap)}"
    right = (
        f"These runs end at step {last:,}, too early to tell."
        if not enough
        else f"Training has not come to rest: {span}."
        if gap.sign
        else f"It has come to rest: {span}, and by {show(moved)} in a single seed."
        if calm
        else f"The mean has come to rest, single runs have not: {span}, but by {show(moved)} in a single seed."
    )
    return Statement(
        claim="Convergence",
        printed="We train for 150000 epochs to ensure convergence.",
        right=right + " (An epoch of the review is one step on one batch.)",
        evidence={
            f"mean Wasserstein-1 at step {found.steps[start]:,}, latent dimension {FEW}": level,
            f"mean Wasserstein-1 at step {last:,}": float(curve[-1].mean()),
            "mean change of a single seed, without its sign": moved,
            "p-value of the mean change (signs flipped)": gap.p_value,
        },
        holds=enough and gap.sign == 0 and calm,
        verified=not enough or gap.confirmed,
    )


def _percent(share: float, digits: int = 0) -> str:
    return f"{100 * share:.{digits}f}\N{NO-BREAK SPACE}%"


def _with_interval(gap: Difference) -> str:
    ends = f"{show(round(gap.low, 4))} to {show(round(gap.high, 4))}"
    interval = "" if math.isnan(gap.low) else f" (95\N{NO-BREAK SPACE}% interval {ends})"
    return f"{show(round(gap.mean, 4))}{interval}"
