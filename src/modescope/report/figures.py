"""The data of the figures of samples: final samples of each member, and the film of their training."""

__all__ = [
    "Film",
    "Panel",
    "Shown",
    "bin_centers",
    "coordinates",
    "films_of",
    "histogram",
    "panels_of",
    "quantised",
    "seed_label",
    "shown_of",
]

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np
import torch

from .backdrop import BINS, Backdrop
from .groups import JUDGED_KL, JUDGED_MASS, JUDGED_MODES, MASS, MODES, QUALITY, SLICED, Group, Scene
from .mosaic import LIGHT, file_of, images_of, mosaic, square
from .text import number, percent
from .thin import evenly

UNIT = 16_000  # of a coordinate: from one side of the view to the other
NOWHERE = -32_768  # a coordinate that is not finite
FRAMES = 1000
FEWEST = 100  # points of a member that a film keeps at least
TILES, FEWEST_TILES = 36, 16  # the same of images, which are as many as are seen at a glance


@dataclass(frozen=True)
class Shown:
    """The members of a group that are drawn, the worst first.

    Arguments:
        group: The index of the group in its scene.
        members: The indices of the members in the group.
        total: How many members the group has.
    """

    group: int
    members: tuple[int, ...]
    total: int


@dataclass(frozen=True)
class Panel:
    """The final samples of one member.

    Arguments:
        label: The member.
        fate: What it scores, in a few words.
        badge: ``worst``, ``best`` or ``diverged at step 300``, or nothing.
        outside: The share of its samples that lie outside the view.
        points: Some of its samples, quantised, with shape `(n, 2)`; on a line, and of images, none.
        bars: On a line: a histogram of all its samples, as densities in each bin.
    """

    label: str
    fate: str
    badge: str
    outside: float
    points: np.ndarray | None
    bars: np.ndarray | None


@dataclass(frozen=True)
class Film:
    """The samples of a group's members along training.

    Arguments:
        group: The index of the group in its scene.
        members: The indices of the members in the group, the worst first.
        steps: The steps of the frames, with shape `(F,)`.
        looks: How many looks there were.
        points: Quantised samples, with shape `(F, M, n, d)`; of images their bytes, `(F, M, n, C, H, W)`.
        kept: How many samples each look kept of a member.
        measure: What `scores` are: ``modes`` or ``sliced_w2``.
        scores: Of each member at each frame, with shape `(F, M)`.
        mean: Of all members of the group, drawn or not, at each frame, with shape `(F,)`.
    """

    group: int
    members: tuple[int, ...]
    steps: np.ndarray
    looks: int
    points: np.ndarray
    kept: int
    measure: str
    scores: np.ndarray
    mean: np.ndarray


def shown_of(scene: Scene, most: int) -> list[Shown]:
    """Which members are drawn: all, or an even choice of each group's from the worst to the best, `most` together."""
    each = max(2, most // len(scene.groups))
    shown = []
    for index, group in enumerate(scene.groups):
        ranking = group.ranking()
        members = tuple(ranking[i] for i in evenly(len(ranking), each))
        shown.append(Shown(index, members, len(ranking)))
    return shown


def panels_of(group: Group, members: Sequence[int], backdrop: Backdrop, points: int) -> list[Panel]:
    """The final samples of some members of a group, at most `points` of each."""
    return [panel_of(group, member, backdrop, points) for member in members]


def panel_of(group: Group, member: int, backdrop: Backdrop, points: int) -> Panel:
    """The final samples of one member."""
    label, fate, badge = seed_label(group, member), fate_of(group, member), badge_of(group, member)
    if backdrop.kind == "images":
        return Panel(label, fate, badge, 0.0, None, None)
    placed = backdrop.place(group.samples[member].double().numpy())
    on_line = backdrop.kind == "line"
    return Panel(
        label=label,
        fate=fate,
        badge=badge,
        outside=backdrop.outside(placed),
        points=None if on_line else quantised(placed[:points], backdrop),
        bars=histogram(placed[:, 0], backdrop) if on_line else None,
    )


def seed_label(group: Group, member: int) -> str:
    """The seed of a member; the swept values stand in the group's label."""
    return f"seed {group.members[member].seed}"


def fate_of(group: Group, member: int) -> str:
    """What a member scores at the end."""
    modes = group.dataset.modes
    if modes is not None and MASS in group.results:
        return f"{covers(group, member, MASS, MODES)} · {percent(group.score(QUALITY, member))} on a mode"
    if modes is not None and JUDGED_MASS in group.results:
        divergence = number(group.score(JUDGED_KL, member))
        return f"{covers(group, member, JUDGED_MASS, JUDGED_MODES)} · reverse KL {divergence}"
    return f"sliced W2 {number(group.score(SLICED, member))}"


def covers(group: Group, member: int, mass: str, modes: str) -> str:
    """How many modes a member covers by the metric `mass`, and how many more by `modes`, which counts any sample."""
    known, covered, reached = group.dataset.modes, group.score(mass, member), group.score(modes, member)
    strays = f" ({number(reached)} with stray samples)" if reached > covered else ""
    return f"covers {number(covered)} of {len(known or ()):,} modes{strays}"


def badge_of(group: Group, member: int) -> str:
    """What stands out of a member."""
    if group.diverged[member] is not None:
        return f"diverged at step {group.diverged[member]:,}"
    ranking = group.ranking()
    if len(ranking) < 2:
        return ""
    return {ranking[0]: "worst", ranking[-1]: "best"}.get(member, "")


def histogram(x: np.ndarray, backdrop: Backdrop) -> np.ndarray:
    """The density of all samples `x`, with shape `(n,)`, in each bin of the view; those outside count in the whole."""
    low, high = backdrop.view[0]
    counts, _ = np.histogram(x, BINS, (low, high))
    return counts / max(1, len(x)) * BINS / (high - low)


def bin_centers(backdrop: Backdrop) -> np.ndarray:
    """The middle of each bin of a histogram."""
    low, high = backdrop.view[0]
    return low + (high - low) * (np.arange(BINS) + 0.5) / BINS


def quantised(placed: np.ndarray, backdrop: Backdrop) -> np.ndarray:
    """Drawn coordinates as 16-bit numbers: 0 and `UNIT` are the sides of the view; what is far outside is cut off."""
    low, high = np.array(backdrop.view).T
    with np.errstate(invalid="ignore", over="ignore"):
        units = np.clip((placed - low) / (high - low), -1.0, 2.0) * UNIT
    return np.where(np.isfinite(placed), units, NOWHERE).round().astype("<i2")


def coordinates(points: np.ndarray, backdrop: Backdrop) -> np.ndarray:
    """The inverse of :func:`quantised`, up to rounding; NaN for what was not finite."""
    low, high = np.array(backdrop.view).T
    return np.where(points == NOWHERE, np.nan, low + (high - low) * points.astype(float) / UNIT)


def films_of(scene: Scene, shown: Sequence[Shown], backdrop: Backdrop, numbers: int) -> list[Film]:
    """The films of all groups that kept snapshots, of at most about `numbers` coordinates together.

    Fewer points are kept first, then fewer frames.
    """
    filmed = [part for part in shown if scene.groups[part.group].run.experiment.evaluation.snapshot > 0]
    films = []
    for run, parts in groupby(filmed, key=lambda part: scene.groups[part.group].run):
        steps, samples = run.snapshots()  # once for all groups of a run: they may be large
        for part in parts:
            films.append(film_of(scene.groups[part.group], part, backdrop, steps, samples, numbers // len(filmed)))
    return films


def film_of(
    group: Group, shown: Shown, backdrop: Backdrop, steps: np.ndarray, samples: np.ndarray, numbers: int
) -> Film:
    """The film of some members of a group, from its run's looks, `samples` with shape `(T, S, n, D)`."""
    members, own = shown.members, [group.at[member] for member in shown.members]
    if backdrop.kind == "images":
        weight = len(own) * picture_numbers(samples, own, group)
        frames, count = size_of(len(steps), min(samples.shape[2], TILES), FEWEST_TILES, numbers, weight)
        count = square(count)
    else:
        weight = len(own) * len(backdrop.axes)
        frames, count = size_of(len(steps), samples.shape[2], FEWEST, numbers, weight)
    keep = evenly(len(steps), frames)
    points = np.stack([kept_of(samples[look][own, :count], group, backdrop) for look in keep])
    measure = "modes" if "modes" in group.history.curves else "sliced_w2"
    scores = group.history.curves[measure][keep]
    return Film(
        group=shown.group,
        members=members,
        steps=steps[keep],
        looks=len(steps),
        points=points,
        kept=samples.shape[2],
        measure=measure,
        scores=scores[:, list(members)],
        mean=mean_over_members(scores),
    )


def size_of(looks: int, kept: int, fewest: int, numbers: int, weight: int) -> tuple[int, int]:
    """How many looks a film has, and how many samples of each, if each sample of a look takes `weight` of `numbers`."""
    frames = min(looks, FRAMES)
    count = min(kept, max(fewest, numbers // max(1, frames * weight)))
    return min(frames, max(2, numbers // (count * weight))), count


def picture_numbers(samples: np.ndarray, own: Sequence[int], group: Group) -> int:
    """What one image takes of a film's numbers, of two bytes each: its share of a few looks' pictures as files."""
    pictures = [samples[look][own, :TILES] for look in evenly(len(samples), 3)]
    sizes = [len(file_of(mosaic(row), LIGHT)[1]) for look in pictures for row in bytes_of(look, group)]
    return math.ceil(sum(sizes) / sum(look[..., 0].size for look in pictures) / 2)


def kept_of(look: np.ndarray, group: Group, backdrop: Backdrop) -> np.ndarray:
    """What a film keeps of a look's samples, with shape `(M, n, D)`; see :class:`Film`."""
    return bytes_of(look, group) if backdrop.kind == "images" else quantised(backdrop.place(look), backdrop)


def bytes_of(samples: np.ndarray, group: Group) -> np.ndarray:
    """Samples of images, with shape `(*, D)`, as bytes, with shape `(*, C, H, W)`."""
    return images_of(torch.from_numpy(np.ascontiguousarray(samples)), group.dataset)


def mean_over_members(scores: np.ndarray) -> np.ndarray:
    """The mean of each row over what is finite, NaN where nothing is."""
    finite = np.isfinite(scores)
    count = finite.sum(axis=1)
    return np.where(count > 0, np.where(finite, scores, 0).sum(axis=1) / np.maximum(count, 1), np.nan)
