"""The rule that turns evidence into a verdict, in constants and a few lines that can be read aloud."""

__all__ = ["Verdict", "VerdictName", "judge", "judge_alone"]

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from ..report.text import percent
from .evidence import Evidence

VerdictName = Literal["none", "partial", "severe", "unknown"]

LEVELS = {"missed": 0.02, "twins": 0.02, "lost_clusters": 0.01}  # together 5 %: how often no collapse is called one
LEAST = 0.03  # of the real data: a smaller loss is not called a collapse, however sure it is
LEAST_TWINS = 0.05
SEVERE = 0.4  # half of the data lost is severe, and must not fall below by chance
BESIDE, FAR = 0.1, 0.8  # shares of fakes off the data, from which single neighbours, and whole clusters, tell little
NARROW = 0.5
ENOUGH = 250  # samples of each, with which the loss of an eighth is found in more than 99 of 100 cases


@dataclass(frozen=True)
class Verdict:
    """Whether a generator collapsed.

    Arguments:
        name: ``none`` (no sign of collapse), ``partial``, ``severe``, or ``unknown`` (cannot be told).
        reason: Why, in a sentence or two.
    """

    name: VerdictName
    reason: str

    @property
    def title(self) -> str:
        """The verdict in words."""
        return {
            "none": "No sign of collapse",
            "partial": "Partial collapse",
            "severe": "Severe collapse",
            "unknown": "Cannot be told",
        }[self.name]


def judge(evidence: Evidence) -> Verdict:
    """The verdict on evidence.

    A loss counts if its p-value is below its level and it takes a visible share; the largest decides. Where fakes lie
    beside the data, real samples have no fakes near them with or without collapse: from a tenth of them on, whole
    clusters are asked instead, and where nearly all do, only what fakes are to each other.
    """
    off = evidence.off_data.excess
    losses = dict(losses_of(evidence))
    fault = f" {percent(off)} of the fakes lie where no real data are, which is a fault of quality."
    aside = fault if off >= BESIDE else ""
    if losses:
        reason = "; ".join(sorted(losses, key=lambda text: -losses[text]))
        name: VerdictName = "severe" if max(losses.values()) >= SEVERE else "partial"
        return Verdict(name, f"{reason[:1].upper()}{reason[1:]}.{aside}")
    if evidence.count < ENOUGH:
        return Verdict("unknown", f"{evidence.count} samples of each are too few: at least {ENOUGH} are needed.")
    if off >= FAR:
        return Verdict("unknown", f"What fakes miss cannot be told from what they get wrong.{aside}")
    fine = f"Modes that hold less than one in {evidence.count:,} of the data are too fine for so few samples to show."
    same = "Fakes are found wherever real data are, and repeat themselves no more than those."
    return Verdict("none", f"{same} {fine}{aside}")


def judge_alone(count: int, distinct: int) -> Verdict:
    """The verdict on fakes without real samples: `distinct` of `count` are not copies of another."""
    copies = 1 - distinct / count
    without = "No real samples were given, so what the fakes leave out cannot be told."
    if copies >= LEAST_TWINS:
        name: VerdictName = "severe" if copies >= SEVERE else "partial"
        return Verdict(name, f"{percent(copies)} of the fakes are exact copies of other fakes. {without}")
    return Verdict("unknown", without)


def losses_of(evidence: Evidence) -> Iterator[tuple[str, float]]:
    """What is lost, in words, and how large a share."""
    missed, lost, twins, off = evidence.missed, evidence.lost_clusters, evidence.twins, evidence.off_data.excess
    is_missed = off < BESIDE and missed.p_value <= LEVELS["missed"] and missed.excess >= LEAST
    if is_missed:
        yield f"{percent(missed.excess)} of the real data have no fakes near them", missed.excess
    if not is_missed and off < FAR and lost.p_value <= LEVELS["lost_clusters"] and lost.excess >= LEAST:
        yield f"{percent(lost.excess)} of the real data are in clusters that fakes hardly reach", lost.excess
    if twins.p_value <= LEVELS["twins"] and twins.excess >= LEAST_TWINS:
        yield f"{percent(twins.excess)} of the fakes are near-duplicates of each other", twins.excess
    if evidence.spread < NARROW:
        yield f"fakes spread over {percent(evidence.spread)} of the width of the real data", 1 - evidence.spread
