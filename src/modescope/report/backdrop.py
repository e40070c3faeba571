"""What stands behind or beside the samples: the true density, its modes, or true samples; and where samples go."""

__all__ = ["BINS", "Backdrop", "backdrop_of"]

from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch

from ..core.errors import extra
from ..core.noise import seed_of
from ..datasets.base import Dataset, Extent, Modes, widen
from .mosaic import images_of, tiles

SHADES = 256  # cells along the longer side of a heat map
LINES = 384  # cells along the longer side when outlines are traced
DEPTH = 7.0  # nats below the peak at which the shade ends
TRUE = 1000  # true samples that are drawn
FITTED = 2000  # true samples that principal components are fitted to
BINS = 60
MARGIN = 0.1  # of the data's longer side, on every side, for samples that are off


@dataclass(frozen=True)
class Backdrop:
    """How samples of a data set are drawn.

    Arguments:
        kind: ``line`` in one dimension, ``plane`` in two, ``projection`` in more; ``images`` of images, which are
            shown as they are, with no axes and no view.
        axes: What each axis shows.
        view: The interval that each axis shows.
        about: What is drawn behind the samples, as sentences.
        heat: Shades from 0 to 255 over the view, with shape `(height, width)`, the top row first; or None.
        outlines: Closed lines at the usual radius around the modes, each with shape `(P, 2)`.
        truth: True samples, with shape `(N, 2)`, where no density can be shown; or None.
        profile: Of a ``line``: places and densities, with shape `(2, P)`.
        origin: Of a ``projection``: the point that is drawn at 0, with shape `(D,)`.
        basis: Of a ``projection``: the two directions, with shape `(D, 2)`.
        images: Of ``images``: true ones, with shape `(n, C, H, W)`, uint8.
    """

    kind: Literal["line", "plane", "projection", "images"]
    axes: tuple[str, ...]
    view: Extent
    about: str
    heat: np.ndarray | None = None
    outlines: tuple[np.ndarray, ...] = ()
    truth: np.ndarray | None = None
    profile: np.ndarray | None = None
    origin: np.ndarray | None = None
    basis: np.ndarray | None = None
    images: np.ndarray | None = None

    @property
    def aspect(self) -> float:
        """Width over height of a panel: equal scales, unless that would make it a strip."""
        if self.kind == "line":
            return 1.4
        if self.images is not None:
            return self.images.shape[-1] / self.images.shape[-2]
        (left, right), (low, high) = self.view
        return min(max((right - left) / (high - low), 0.6), 2.0)

    def place(self, x: np.ndarray) -> np.ndarray:
        """Where samples, with shape `(*, D)`, are drawn: `(*, 1)` on a line, `(*, 2)` otherwise."""
        if self.basis is None or self.origin is None:
            return x
        return (x - self.origin.astype(x.dtype)) @ self.basis.astype(x.dtype)

    def outside(self, placed: np.ndarray) -> float:
        """The share of drawn samples, with shape `(n, d)`, that lie outside the view or are not finite."""
        low, high = np.array(self.view).T
        return float(1 - ((placed >= low) & (placed <= high)).all(axis=-1).mean())


def backdrop_of(dataset: Dataset) -> Backdrop:
    """How samples of `dataset` are drawn."""
    if len(dataset.shape) == 3:
        return of_images(dataset)
    if dataset.dim == 1:
        return on_line(dataset)
    if dataset.dim == 2:
        return on_plane(dataset)
    return projected(dataset)


def margined(extent: Extent) -> Extent:
    """An extent with the same margin on every side."""
    margin = MARGIN * max(high - low for low, high in extent)
    return tuple((low - margin, high + margin) for low, high in extent)


def true_samples(dataset: Dataset, n: int) -> np.ndarray:
    """The same true samples every time, in float64."""
    generator = torch.Generator().manual_seed(seed_of("report"))
    return dataset.sample(n, generator, torch.float64).numpy()


def on_line(dataset: Dataset) -> Backdrop:
    """The density along the line."""
    view = margined(dataset.extent)
    ((low, high),) = view
    if dataset.has_density:
        x = torch.linspace(low, high, 400, dtype=torch.float64)
        profile = torch.stack([x, dataset.log_prob(x[:, None]).exp()]).numpy()
        about = "Line: the true density. Bars: a histogram of the generator's samples."
    else:
        heights, edges = np.histogram(true_samples(dataset, 20 * TRUE)[:, 0], BINS, (low, high), density=True)
        profile = np.stack([edges.repeat(2)[1:-1], heights.repeat(2)])
        about = "Line: a histogram of true samples. Bars: a histogram of the generator's."
    return Backdrop("line", ("x",), view, about, profile=profile)


def on_plane(dataset: Dataset) -> Backdrop:
    """The density over the plane, or true samples; and where a sample counts as being on a mode."""
    view, modes = margined(dataset.extent), dataset.modes
    outlines = traced(view, modes) if modes is not None else ()
    ring = f" Outlines: {modes.radius:.3g} standard deviations around the modes." if modes is not None else ""
    if modes is not None and not dataset.has_density:
        ring = f" Outlines: {modes.radius:.3g} units of distance around the modes."
    axes = ("x₁", "x₂")
    if dataset.has_density:
        about = f"Shade: the true density, on a log scale down to e⁻⁷ of its peak.{ring}"
        return Backdrop("plane", axes, view, about, heat=shaded(view, dataset), outlines=outlines)
    truth = np.unique(true_samples(dataset, TRUE), axis=0)
    return Backdrop("plane", axes, view, f"Grey: true samples.{ring}", truth=truth, outlines=outlines)


def projected(dataset: Dataset) -> Backdrop:
    """True samples on the two directions in which they vary most."""
    x = true_samples(dataset, FITTED)
    origin = x.mean(axis=0)
    _, scales, directions = np.linalg.svd(x - origin, full_matrices=False)
    basis = directions[:2].T
    basis = basis * np.sign(basis[np.abs(basis).argmax(axis=0), [0, 1]])  # a direction has no sign of its own
    share = float((scales[:2] ** 2).sum() / max((scales**2).sum(), 1e-300))
    truth = (x[:TRUE] - origin) @ basis
    spread = torch.from_numpy((x - origin) @ basis)
    about = (
        f"Of {dataset.dim:,} coordinates, the first two principal components of the true samples are drawn, "
        f"which hold {100 * share:.1f} % of their variance. Grey: true samples."
    )
    view = margined(widen(spread.amin(dim=0), spread.amax(dim=0)))
    axes = ("first component", "second component")
    return Backdrop("projection", axes, view, about, truth=truth, origin=origin, basis=basis)


def of_images(dataset: Dataset) -> Backdrop:
    """True images, to stand beside generated ones."""
    count = tiles(dataset.shape)
    truth = images_of(torch.from_numpy(true_samples(dataset, count)), dataset)
    about = "Images stand as they were drawn, none chosen."
    return Backdrop("images", (), (), about, images=truth)


def lattice(view: Extent, cells: int) -> tuple[np.ndarray, np.ndarray, torch.Tensor]:
    """The coordinates of a lattice's columns and rows, and its points, with shape `(height, width, 2)`."""
    (left, right), (low, high) = view
    step = max(right - left, high - low) / cells
    x = np.linspace(left, right, max(8, round((right - left) / step)))
    y = np.linspace(low, high, max(8, round((high - low) / step)))
    return x, y, torch.from_numpy(np.stack(np.meshgrid(x, y), axis=-1))


def shaded(view: Extent, dataset: Dataset) -> np.ndarray:
    """The log-density over the view as shades, the top row first."""
    _, _, points = lattice(view, SHADES)
    log_p = dataset.log_prob(points).numpy()
    return np.flipud(255 * np.clip(1 + (log_p - log_p.max()) / DEPTH, 0, 1)).round().astype(np.uint8)


def traced(view: Extent, modes: Modes) -> tuple[np.ndarray, ...]:
    """The lines at which the distance to the nearest mode is the usual radius."""
    x, y, points = lattice(view, LINES)
    distance = modes.nearest(points)[1].numpy()
    contours = extra("contourpy", "report", "the report").contour_generator(x, y, np.minimum(distance, 1e6))
    return tuple(contours.lines(modes.radius))
