"""What became of a group of members, in a sentence or two that the numbers bear out."""

__all__ = ["RULE", "Verdict", "verdict_of"]

import math
from collections import Counter
from dataclasses import dataclass
from typing import Literal

from ..datasets.base import Modes
from ..metrics import count_modes
from .groups import MASS, QUALITY, SLICED, Group
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
    "A mode counts as covered if it holds at least a tenth of its share of the samples, and a seed as collapsed if no "
    "more than a quarter of the modes (one, if there are fewer than eight) are the nearest to so many."
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


def verdict_of(group: Group) -> Verdict:
    """What became of a group."""
    modes = group.dataset.modes
    if modes is None or MASS not in group.results:
        return closeness(group)
    near = near_modes(group, modes)
    fates = [fate(group, member, near[member], len(modes)) for member in range(len(group.at))]
    return Verdict(*badge_of(fates), f"{coverage(group, fates, near, len(modes))} {precision(group)}")


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
        "modes": modes,
    }
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
