"""The samples of every entrant's seeds, along training and at its end, as the page's scripts draw them."""

__all__ = ["Reel", "Stage", "reel_of"]

from dataclasses import dataclass
from typing import Any

import numpy as np
from torch import Tensor

from ...datasets.base import Dataset
from ...report.backdrop import BINS, Backdrop
from ...report.figures import UNIT, quantised, size_of
from ...report.mosaic import LIGHT, data_uri, images_of, mosaic
from ...report.payload import backdrop_data
from ...report.text import number
from ...report.thin import evenly
from ...runs import History, Run
from ..panel import Panel
from ..standings import Standing, scored, worst_first
from ..words import fate_of

FILM_NUMBERS = 5_000_000  # coordinates of all films of a page, two bytes each, a third more in base64
FINAL_NUMBERS = 1_000_000  # the same of the final samples
FEWEST, MOST = 50, 400  # points of a member
TILES = 16  # images of a member


@dataclass(frozen=True)
class Reel:
    """An entrant's seeds at one learning rate, the worst first.

    Arguments:
        entrant: Its text.
        kinds: What it changes.
        tables: The tables in which it stands at this rate.
        scene: The index of its data among the page's scenes.
        seeds: The seeds.
        fates: What each scores at the end, in a few words.
        marks: The same in a word, such as ``7/8``.
        mean: What they score together, in a few words.
        steps: The steps of the frames.
        counts: How many modes each reaches at each frame, with shape `(F, S)`.
        points: Quantised samples at each frame, with shape `(F, S, n, d)`; None of images.
        final: Quantised samples at the end, with shape `(1, S, n, d)`; None of images.
        pictures: Of images: the final samples of each seed as a picture.
    """

    entrant: str
    kinds: tuple[str, ...]
    tables: tuple[str, ...]
    scene: int
    seeds: tuple[int, ...]
    fates: tuple[str, ...]
    marks: tuple[str, ...]
    mean: str
    steps: np.ndarray
    counts: np.ndarray
    points: np.ndarray | None
    final: np.ndarray | None
    pictures: tuple[str, ...]


@dataclass(frozen=True)
class Stage:
    """The data that samples are drawn on.

    Arguments:
        index: Its place among the page's scenes.
        dataset: The data set.
        backdrop: What is drawn behind samples.
    """

    index: int
    dataset: Dataset
    backdrop: Backdrop

    def data(self) -> dict[str, Any]:
        """What the page's scripts read of it."""
        modes = self.dataset.modes
        count = len(modes) if modes is not None else None
        return {"unit": UNIT, "bins": BINS, "modes": count, "backdrop": backdrop_data(self.backdrop)}


def reel_of(
    standing: Standing,
    run: Run,
    history: History,
    stage: Stage,
    panel: Panel,
    *,
    kinds: tuple[str, ...],
    tables: tuple[str, ...],
    reels: int,
) -> Reel:
    """The samples of an entrant's seeds.

    Arguments:
        standing: The entrant at a learning rate.
        run: Its run.
        history: What was recorded of it.
        stage: What its samples are drawn on.
        panel: What was measured.
        kinds: What it changes.
        tables: The tables in which it stands at this rate.
        reels: How many there are on the page, which share its room.
    """
    result, order = standing.result, worst_first(standing, panel)
    own = result.at(standing.rate)[order]
    backdrop, samples = stage.backdrop, run.samples()[own]
    images = backdrop.kind == "images"
    pictures = tuple(picture_of(each, stage.dataset) for each in samples) if images else ()
    steps, points = (np.empty(0, int), None) if images else film_of(run, own, backdrop, reels)
    count = min(MOST, max(FEWEST, FINAL_NUMBERS // max(1, 2 * len(own) * reels)))
    return Reel(
        entrant=standing.entrant,
        kinds=kinds,
        tables=tables,
        scene=stage.index,
        seeds=tuple(result.seeds[i] for i in own),
        fates=tuple(fate_of(standing, member, panel) for member in order),
        marks=tuple(mark_of(standing, member, panel, stage.dataset) for member in order),
        mean=f"{panel.fate[0][1].format(number(standing.means[panel.fate[0][0]][0]))} on average",
        steps=steps,
        counts=counts_of(history, own, steps),
        points=points,
        final=None if images else placed(samples[:, :count].double().numpy(), backdrop)[None],
        pictures=pictures,
    )


def mark_of(standing: Standing, member: int, panel: Panel, dataset: Dataset) -> str:
    """The same in a word: the modes of how many, or the distance."""
    value = number(float(scored(standing.result, panel.fate[0][0], standing.rate)[member]))
    return value if panel.modes is None or dataset.modes is None else f"{value}/{len(dataset.modes)}"


def film_of(run: Run, own: np.ndarray, backdrop: Backdrop, reels: int) -> tuple[np.ndarray, np.ndarray | None]:
    """The steps of an even choice of looks, and the quantised samples of some members at each."""
    if run.experiment.evaluation.snapshot == 0:
        return np.empty(0, int), None
    steps, samples = run.snapshots()
    weight = len(own) * len(backdrop.axes)
    frames, count = size_of(len(steps), samples.shape[2], FEWEST, FILM_NUMBERS // reels, weight)
    keep = evenly(len(steps), frames)
    return steps[keep], np.stack([placed(samples[look][own, :count], backdrop) for look in keep])


def placed(samples: np.ndarray, backdrop: Backdrop) -> np.ndarray:
    """Samples as quantised coordinates on the drawing."""
    return quantised(backdrop.place(samples), backdrop)


def counts_of(history: History, own: np.ndarray, steps: np.ndarray) -> np.ndarray:
    """How many modes members reach at some steps, with shape `(F, S)`; NaN where that was not recorded."""
    at = np.isin(history.steps, steps)
    return history.curves["modes"][at][:, own] if "modes" in history.curves else np.full((at.sum(), len(own)), np.nan)


def picture_of(samples: Tensor, dataset: Dataset) -> str:
    """The first images of a member as a picture."""
    return data_uri(mosaic(images_of(samples[:TILES], dataset)), LIGHT)
