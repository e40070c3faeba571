"""The rule that turns evidence into a verdict, in constants and a few lines that can be read aloud."""

__all__ = ["Verdict", "VerdictName", "judge", "judge_alone"]

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from ..report.text import percent
from .evidence import SCALE, Evidence, Share

VerdictName = Literal["none", "partial", "severe", "unknown"]

# Together 5 %: how often, at most, no collapse is called one.
LEVELS = {"missed": 0.02, "lost_modes": 0.01, "lost_clusters": 0.01, "twins": 0.005, "narrow": 0.005}
LEAST = 0.05  # of the real data, or of the fakes: a smaller loss is not called a collapse, however sure it is
SEVERE = 1 / 3
BESIDE, FAR = 0.1, 0.8  # shares of fakes off the data, from which neighbours of the data, and clusters, tell little
ENOUGH = 250  # samples of each, with fewer of which finding nothing says little


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
    beside the data, real samples have no fakes near them with or without collapse: from a tenth of them on, clusters
    alone are asked, and where nearly all do, only what fakes are to each other.
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
    # With many fakes beside the data only clusters were asked.
    where = "in every cluster of the real data" if off >= BESIDE else "wherever real data are"
    same = f"Fakes are found {where}, and repeat themselves no more than those."
    fine = f"What is lost in regions of less than {percent(SCALE)} of the data shows only where they lie apart."
    return Verdict("none", f"{same} {fine}{aside}")


def judge_alone(count: int, distinct: int) -> Verdict:
    """The verdict on fakes without real samples: `distinct` of `count` are not copies of another."""
    copies = 1 - distinct / count
    without = "No real samples were given, so what the fakes leave out cannot be told."
    if copies >= LEAST:
        name: VerdictName = "severe" if copies >= SEVERE else "partial"
        return Verdict(name, f"{percent(copies)} of the fakes are exact copies of other fakes. {without}")
    return Verdict("unknown", without)


def losses_of(evidence: Evidence) -> Iterator[tuple[str, float]]:
    """What is lost, in words, and how large a share."""
    off = evidence.off_data.excess
    lost = {
        "have hardly any fakes near them": found(evidence, "missed") if off < BESIDE else 0.0,
        "are in separate modes without fakes": found(evidence, "lost_modes") if off < BESIDE else 0.0,
        "are in clusters that fakes hardly reach": found(evidence, "lost_clusters") if off < FAR else 0.0,
    }
    how = max(lost, key=lambda text: lost[text])
    if lost[how] > 0:
        yield f"{percent(lost[how])} of the real data {how}", lost[how]
    twins = found(evidence, "twins")
    if twins > 0:
        yield f"{percent(twins)} of the fakes are near-duplicates of each other", twins
    if evidence.narrow <= LEVELS["narrow"]:
        yield f"fakes spread over {percent(evidence.spread)} of the width of the real data", 1 - evidence.spread


def found(evidence: Evidence, name: str) -> float:
    """The size of a loss, if it is large and sure enough to count; else 0."""
    share: Share = getattr(evidence, name)
    return share.excess if share.p_value <= LEVELS[name] and share.excess >= LEAST else 0.0
