"""Curves along training: the data of a chart for each recorded quantity, with all groups side by side."""

__all__ = ["Chart", "Curve", "charts_of"]

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from ..core.noise import seed_of
from ..datasets.base import Dataset
from ..metrics.remember import remember
from ..runs.worker import measures
from .groups import Group, Scene
from .thin import evenly

LOOKS = 400  # of a curve that are drawn
FEWEST = 50
LINES = 32  # members of a curve that can be drawn one by one
COVERAGE = ("modes", "quality", "reverse_kl", "sliced_w2")  # what a perfect sampler's score is known of
NUMBERS = 400_000  # of all curves together; more groups have fewer lines and looks
FLOORS = 8  # true sets that a floor is taken over
FEW = 2  # the same where a classifier must see all of their images


@dataclass(frozen=True)
class Curve:
    """One quantity of one group.

    Arguments:
        group: The index of the group in its scene.
        steps: The steps of the looks, with shape `(T,)`.
        values: Of members, the worst first, with shape `(M, T)`; NaN where there is none.
        bands: The least value, the quartiles and the greatest value over all members, with shape `(5, T)`.
        looks: How many looks there were.
    """

    group: int
    steps: np.ndarray
    values: np.ndarray
    bands: np.ndarray
    looks: int


@dataclass(frozen=True)
class Chart:
    """One quantity of every group that recorded it.

    Arguments:
        name: The quantity.
        title: What it is.
        floor: What a perfect sampler scores, where that is defined.
        limits: The interval that the axis shows; outliers may lie outside.
        curves: The curves.
    """

    name: str
    title: str
    floor: float | None
    limits: tuple[float, float]
    curves: tuple[Curve, ...]


def charts_of(scene: Scene) -> list[Chart]:
    """A chart for each quantity that a group recorded, coverage first, then losses, then what methods observe."""
    names = list(dict.fromkeys(name for group in scene.groups for name in group.history.curves))
    floors = floors_of(scene.dataset, scene.seen[0]) if len(scene.seen) == 1 else {}
    names.sort(key=lambda name: (name not in COVERAGE, not name.startswith("loss/")))
    lines = max(4, min(LINES, 4 * LINES // len(scene.groups)))
    looks = max(FEWEST, min(LOOKS, NUMBERS // max(1, len(names) * len(scene.groups) * (lines + 5))))
    charts = []
    for name in names:
        recorded = [i for i, group in enumerate(scene.groups) if name in group.history.curves]
        curves = [curve_of(i, scene.groups[i], name, looks, lines) for i in recorded]
        seen = tuple(curve for curve in curves if np.isfinite(curve.values).any())
        if seen:
            floor = floors.get(name)
            charts.append(Chart(name, title_of(name, scene.dataset), floor, limits_of(seen, floor), seen))
    return charts


def curve_of(index: int, group: Group, name: str, looks: int, lines: int) -> Curve:
    """One quantity of one group, at an even choice of at most `looks`, with as many members as there are `lines`."""
    steps, ranking = group.history.steps, group.ranking()
    values = group.history.curves[name][:, ranking].T
    if name.startswith("loss/"):
        # A loss is the mean over the steps since the look before: the first look has none, nor have frozen members.
        ends = np.array([np.inf if group.diverged[i] is None else group.diverged[i] for i in ranking])
        values = np.where((steps > 0) & (steps <= ends[:, None]), values, np.nan)
    keep = evenly(len(steps), looks)
    values = values[:, keep]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # a look without any value has NaN for its bands
        bands = np.nanquantile(values, [0, 0.25, 0.5, 0.75, 1], axis=0)
    return Curve(index, steps[keep], values[evenly(len(values), lines)], bands, len(steps))


@remember
def floors_of(dataset: Dataset, n: int) -> dict[str, float]:
    """What a perfect sampler scores on the quantities of coverage, by the run's own measure of `n` samples."""
    generator = torch.Generator().manual_seed(seed_of("curves"))
    sets = FEW if dataset.modes is not None and dataset.modes.judged else FLOORS
    looks = [measures(dataset.sample(n, generator)[None], dataset) for _ in range(sets)]
    return {name: float(torch.stack([look[name].double() for look in looks]).mean()) for name in looks[0]}


def limits_of(curves: Sequence[Curve], floor: float | None) -> tuple[float, float]:
    """An interval that holds nearly all values and the floor, with a margin; a few outliers may lie outside."""
    values = np.concatenate([curve.values.ravel() for curve in curves])
    values = values[np.isfinite(values)]
    low, high = np.quantile(values, [0.01, 0.99]).tolist()
    if floor is not None:
        low, high = min(low, floor, 0.0), max(high, floor)
    margin = 0.06 * (high - low) or 1.0
    return low - margin, high + margin


def title_of(name: str, dataset: Dataset) -> str:
    """What a quantity is, for the title of its chart."""
    modes = dataset.modes
    titles = {
        "modes": f"Modes reached, of {len(modes) if modes else 0:,}",
        "quality": "Share of samples on a mode",
        "reverse_kl": "Reverse KL on modes (nats)",
        "sliced_w2": "Sliced Wasserstein-2 to the truth",
        "critic_real": "Critic on real samples",
        "critic_fake": "Critic on generated samples",
    }
    if name.startswith("loss/"):
        return f"Loss of the {name.removeprefix('loss/')}"
    return titles.get(name) or name.replace("_", " ").capitalize()
