"""What became of a group of members, in a sentence or two that the numbers bear out."""

__all__ = ["Verdict", "rule_of", "verdict_of"]

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from ..datasets.base import Modes
from ..metrics import count_modes
from .groups import JUDGED_KL, JUDGED_MASS, MASS, QUALITY, SLICED, Group
from .text import interval, joined, number, percent, plural, span

Tone = Literal["good", "fair", "bad", "plain"]

# What can become of a member, the worst first: the badge, its tone, and how one and how several such members are told.
FATES: dict[str, tuple[str, Tone, str, str]] = {
    "diverged": ("Diverged", "bad", "diverged", "diverged"),
    "collapsed": ("Mode collapse", "bad", "collapsed {near}", "collapsed {near}"),
    "blurred": (
        "Blurred",
        "bad",
        "spreads between the modes and covers none",
        "spread between the modes and cover none",
    ),
    "some": ("Misses modes", "fair", "covers {some} of {modes} modes", "cover {some} of {modes} modes"),
    "all": ("All modes covered", "good", "covers {all}", "cover {all}"),
}
RULE = (
    "A mode counts as covered if it holds at least a tenth of its share of the samples, and a seed as collapsed if at "
    "most a quarter of the modes (one, if there are fewer than eight) are the nearest to that many samples."
)
JUDGED_RULE = (
    "A classifier tells the mode of an image. A mode counts as covered if it holds at least a tenth of its share of "
    "the samples, and a seed as collapsed if it covers no more than a quarter of what a perfect sampler covers (one, "
    "if it is fewer than eight). Every image is told to be of some mode, however poor it is: look at the images too."
)


@dataclass(frozen=True)
class Verdict:
    """What became of a group.

    Arguments:
        badge: In two or three words.
        tone: ``good``, ``fair`` or ``bad``; ``plain`` where there are no modes to cover and it may be either.
        text: In a sentence or two.
    """

    badge: str
    tone: Tone
    text: str


def rule_of(modes: Modes | None) -> str:
    """When a mode counts as covered and a seed as collapsed; nothing where no modes are known."""
    if modes is None:
        return ""
    return JUDGED_RULE if modes.judged else RULE


def verdict_of(group: Group) -> Verdict:
    """What became of a group."""
    modes = group.dataset.modes
    if modes is not None and MASS in group.results:
        near = near_modes(group, modes)
        fates = [fate(group, member, near[member], len(modes)) for member in range(len(group.at))]
        return Verdict(*badge_of(fates), f"{coverage(group, fates, near, len(modes))} {precision(group)}")
    if modes is not None and JUDGED_MASS in group.results:
        return judged(group, len(modes))
    return closeness(group)


def near_modes(group: Group, modes: Modes) -> list[int]:
    """How many modes are the nearest to at least a tenth of their share of each member's samples, however far."""
    counted = count_modes(group.samples.double(), modes, math.inf, min_share=modes.weights / 10)
    return counted.covered.tolist()


def fate(group: Group, member: int, near: int, modes: int) -> str:
    """What became of one member, a key of :data:`FATES`; see :data:`RULE`.

    Collapse is told from where the samples are nearest, since a small cloud may circle the modes and rest on none, and
    a cloud over all of them may be too wide to cover any.
    """
    covered = group.score(MASS, member)
    if group.diverged[member] is not None or math.isnan(covered):
        return "diverged"
    if covered >= modes:
        return "all"
    if modes > 1 and near <= max(1, modes // 4):
        return "collapsed"
    return "some" if covered else "blurred"


def badge_of(fates: list[str]) -> tuple[str, Tone]:
    """The worst that became of a member."""
    worst = next(found for found in FATES if found in fates)
    return FATES[worst][:2]


def coverage(group: Group, fates: list[str], near: list[int], modes: int) -> str:
    """How many members cover how many modes."""
    around = span([n for n, found in zip(near, fates, strict=True) if found == "collapsed"] or [1])
    words = {
        "near": "to one mode" if around == "1" else f"to the surroundings of {around} of {modes} modes",
        "some": span([int(group.score(MASS, i)) for i, found in enumerate(fates) if found == "some"] or [0]),
        "all": "the only mode" if modes == 1 else f"all {modes} modes",
        "modes": f"{modes}",
    }
    return shares(fates, words)


def shares(fates: list[str], words: Mapping[str, str]) -> str:
    """How many members met which fate, told with `words` for what stands in braces in :data:`FATES`."""
    counts, total = Counter(fates), len(fates)
    if len(counts) == 1:
        who = "The one seed" if total == 1 else f"Every one of {total} seeds"
        return f"{who} {FATES[fates[0]][2].format(**words)}."
    told = [
        f"{counts[found]} {(one if counts[found] == 1 else several).format(**words)}"
        for found, (_, _, one, several) in FATES.items()
        if counts[found]
    ]
    return f"Of {total} seeds, {joined(told)}."


def precision(group: Group) -> str:
    """How many samples lie on a mode."""
    quality = group.results[QUALITY]
    if math.isnan(quality.value):
        return "Their samples are not finite."
    floor = f"; of a perfect sampler's, {percent(quality.floor)} do" if math.isfinite(quality.floor) else ""
    return f"{percent(quality.value)} of the samples lie on a mode{floor}."


def judged(group: Group, modes: int) -> Verdict:
    """What became of a group whose modes a classifier tells: as many as a perfect sampler's samples show are all.

    Of a thousand modes, a few hundred samples reach but a part, and the classifier errs on true images too.
    """
    result, divergence = group.results[JUDGED_MASS], group.results[JUDGED_KL]
    full = result.floor - 2 * result.floor_sd
    scores = [group.score(JUDGED_MASS, member) for member in range(len(group.at))]
    covered = [0 if math.isnan(score) else int(score) for score in scores]
    fates = [
        "diverged" if step is not None or math.isnan(score) else judged_fate(count, full)
        for step, score, count in zip(group.diverged, scores, covered, strict=True)
    ]
    counts = {name: [n for n, found in zip(covered, fates, strict=True) if found == name] for name in FATES}
    few, some = counts["collapsed"], counts["some"]
    words = {
        "near": "to one mode" if set(few) == {1} else f"to {span(few or [0])} of {modes:,} modes",
        "some": span(some or [0]),
        "all": f"all {modes:,} modes" if full >= modes else f"as many of {modes:,} modes as a perfect sampler does",
        "modes": f"{modes:,}",
    }
    floor = f"; a perfect sampler's is {number(divergence.floor, 2)}" if math.isfinite(divergence.floor) else ""
    evenness = f"{divergence.label} is {number(divergence.value)} nats{floor}."
    return Verdict(*badge_of(fates), f"{shares(fates, words)} {evenness}")


def judged_fate(covered: int, full: float) -> str:
    """What became of a member that covers so many modes, of the `full` ones that a perfect sampler does."""
    if covered >= full:
        return "all"
    return "collapsed" if covered <= max(1, full // 4) else "some"


def closeness(group: Group) -> Verdict:
    """How far a group is from data without known modes, in terms of a perfect sampler's distance."""
    result, seeds = group.results[SLICED], plural(len(group.at), "seed")
    lost = sum(
        step is not None or math.isnan(value) for step, value in zip(group.diverged, result.per_member, strict=True)
    )
    parts = [f"{lost} of {seeds} diverged."] if lost else []
    if math.isnan(result.value):
        return Verdict("Diverged", "bad", " ".join([*parts, "There is no finite score."]))
    inside = interval(result.low, result.high)
    scored = f"{result.label} is {number(result.value)}{f' (95 % interval {inside})' if inside else ''}"
    close = result.value <= result.floor + 2 * result.floor_sd
    if close:
        parts.append(f"{scored}, within the noise of a perfect sampler's {number(result.floor)}.")
    else:
        times = f"{number(result.value / result.floor, 2)} times " if result.floor else "against "
        parts.append(f"{scored}, {times}a perfect sampler's {number(result.floor)}.")
    if lost:
        return Verdict("Diverged", "bad", " ".join(parts))
    return Verdict("Near the truth", "good", parts[0]) if close else Verdict("Off the truth", "plain", parts[0])
