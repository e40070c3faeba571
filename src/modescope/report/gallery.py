"""What a page of images embeds besides its film: true images, final samples, walks between latents, nearest images."""

__all__ = ["Along", "Gallery", "Near", "Still", "Walk", "gallery_of"]

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ..core.errors import ModescopeError
from ..runs.paths import STOPS
from .backdrop import backdrop_of
from .copies import Copies, copies_of, true_images
from .figures import Shown, badge_of, seed_label
from .groups import Group, Scene
from .mosaic import data_uri, images_of, mosaic, square, tiles
from .text import number
from .walks import Walks, walks_of

GROUPS = 6  # with walks and nearest images; a page of many would grow heavy
LOOKS = 8  # at which a walk is shown
SAMPLES = 8  # beside their nearest true images


@dataclass(frozen=True)
class Still:
    """A picture.

    Arguments:
        address: The picture, as a data address.
        width: In pixels.
        height: In pixels.
    """

    address: str
    width: int
    height: int


@dataclass(frozen=True)
class Walk:
    """Walks between latents of one member.

    Arguments:
        label: The member.
        badge: What stands out of it.
        still: A walk in each row.
        told: What was measured.
    """

    label: str
    badge: str
    still: Still
    told: str


@dataclass(frozen=True)
class Along:
    """One walk of one member, as it was while it trained.

    Arguments:
        label: The member.
        still: The walk at a look in each row, the first look at the top.
        steps: The steps of the looks.
    """

    label: str
    still: Still
    steps: tuple[int, ...]


@dataclass(frozen=True)
class Near:
    """Samples of one member beside true images.

    Arguments:
        label: The member.
        still: The samples, and below each the true image that is nearest to it.
        told: What was measured.
    """

    label: str
    still: Still
    told: str


@dataclass(frozen=True)
class Gallery:
    """The pictures of a scene.

    Arguments:
        truth: True images.
        finals: Final samples of the members that are drawn, in the order of the panels, by group.
        walks: Of the first groups, by group: of the worst and the best member.
        alongs: Of the first groups whose looks kept walks: one of the best member's, along training.
        nears: Of the first groups: the best member's samples and their nearest true images.
        searched: Among how many true images the nearest were found, in words.
        notes: What is left out, and why.
        stops: The images of a walk.
    """

    truth: Still
    finals: tuple[tuple[Still, ...], ...]
    walks: tuple[tuple[Walk, ...], ...]
    alongs: tuple[Along | None, ...]
    nears: tuple[Near, ...]
    searched: str
    notes: tuple[str, ...]
    stops: int = STOPS


def gallery_of(scene: Scene, shown: Sequence[Shown]) -> Gallery | None:
    """The pictures of a scene of images, whose members `shown` are drawn; None of points."""
    truth = backdrop_of(scene.dataset).images
    if truth is None:
        return None
    walks, notes = [], []
    for group in scene.groups[:GROUPS]:
        try:
            walks.append(walks_in(group))
        except ModescopeError as error:
            walks.append(())
            notes.append(f"{group.label}: there are no walks between latents: {error}.")
    true, whole = true_images(scene.dataset)
    nears = tuple(near_in(group, true) for group in scene.groups[:GROUPS])
    if len(scene.groups) > GROUPS:
        notes.append(f"Walks between latents and nearest true images are of the first {GROUPS} groups alone.")
    return Gallery(
        truth=still(mosaic(truth)),
        finals=tuple(tuple(final(scene.groups[part.group], member) for member in part.members) for part in shown),
        walks=tuple(walks),
        alongs=tuple(along_in(group) for group in scene.groups[:GROUPS]),
        nears=nears,
        searched=f"{'all ' if whole else ''}{len(true):,} true images",
        notes=tuple(notes),
    )


def still(picture: np.ndarray) -> Still:
    """A picture as the page embeds it."""
    return Still(data_uri(picture), picture.shape[1], picture.shape[0])


def final(group: Group, member: int) -> Still:
    """The final samples of a member."""
    return still(final_picture(group, member))


def final_picture(group: Group, member: int) -> np.ndarray:
    """The first of the final samples of a member, as a picture."""
    samples = group.samples[member]
    return mosaic(images_of(samples[: square(min(tiles(group.dataset.shape), len(samples)))], group.dataset))


def walks_in(group: Group) -> tuple[Walk, ...]:
    """Walks of the worst and the best member of a group."""
    ranking = group.ranking()
    return tuple(
        Walk(seed_label(group, member), badge_of(group, member), *walk_of(walks_of(group.run, group.at[member])))
        for member in dict.fromkeys([ranking[0], ranking[-1]])
    )


def along_in(group: Group) -> Along | None:
    """The first walk of the best member of a group, at a few of its looks."""
    if not group.run.experiment.evaluation.walks:
        return None
    best = group.ranking()[-1]
    steps, walks = group.run.walks()
    looks = np.unique(np.linspace(0, len(steps) - 1, min(LOOKS, len(steps))).round().astype(int))
    images = images_of(torch.from_numpy(walks[looks, group.at[best], 0]), group.dataset)
    picture = mosaic(images.reshape(-1, *images.shape[2:]), images.shape[1])
    return Along(seed_label(group, best), still(picture), tuple(int(step) for step in steps[looks]))


def walk_of(walks: Walks) -> tuple[Still, str]:
    """The picture of walks, and what was measured of them."""
    return still(mosaic(walks.images.reshape(-1, *walks.images.shape[2:]), walks.images.shape[1])), told_of(walks)


def told_of(walks: Walks) -> str:
    """What was measured of walks, in a sentence."""
    if math.isnan(walks.unevenness):
        return "The walks do not move at all: every latent gives the same image."
    return (
        f"The largest step is {number(walks.unevenness, 2)} times the mean step; "
        f"the ends are {number(walks.reach, 2)} times as far apart as two true images."
    )


def near_in(group: Group, true: Tensor) -> Near:
    """Samples of the best member of a group beside the nearest of true images, with shape `(N, D)`."""
    best = group.ranking()[-1]
    copies = copies_of(group.samples[best, :SAMPLES], group.dataset, true)
    pairs = np.concatenate([copies.samples, copies.nearest])
    return Near(seed_label(group, best), still(mosaic(pairs, len(copies.samples))), told_of_copies(copies))


def told_of_copies(copies: Copies) -> str:
    """How near samples are to true images, in a sentence."""
    low, high = (number(float(ratio), 2) for ratio in (copies.ratios.min(), copies.ratios.max()))
    times = low if low == high else f"{low} to {high}"
    return f"The distances are {times} times those from the true images to their own nearest."
