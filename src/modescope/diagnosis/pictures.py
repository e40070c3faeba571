"""Draws a diagnosis: where fakes lie, which clusters they leave out, how much they repeat themselves."""

__all__ = ["PANELS", "Panel", "Scene", "draw", "draw_duplicates", "draw_panel", "draw_tiles"]

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from ..core.errors import ModescopeError
from ..report.drawing import BLUE, GREY, ORANGE, canvas
from ..report.text import percent
from .evidence import SCARCE
from .scene import TILES, Scene

if TYPE_CHECKING:
    from .result import Diagnosis

ABUNDANT = 1 / SCARCE  # as far above their due as scarce is below


@dataclass(frozen=True)
class Panel:
    """A picture of a diagnosis.

    Arguments:
        alt: What it shows.
        about: How to read it.
        paint: What draws it.
    """

    alt: str
    about: str
    paint: Callable[[Any, Scene], None]


def draw(found: "Diagnosis") -> Any:
    """The panels on one sheet: samples, clusters, distances to the nearest neighbour, spectrum."""
    if found.scene is None:
        raise ModescopeError("there are no pictures without real samples to compare with: give real too")
    figure, axes = canvas(2, 2, (11, 8.2))
    for ax, panel in zip(axes.flat, PANELS, strict=True):
        panel.paint(ax, found.scene)
    return figure


def draw_panel(panel: Panel, scene: Scene) -> Any:
    """One panel on a sheet of its own."""
    figure, axes = canvas(1, 1, (5.5, 4.1))
    panel.paint(axes[0, 0], scene)
    return figure


def draw_plane(ax: Any, scene: Scene) -> None:
    real, fake = (part.numpy() for part in scene.plane)
    ax.scatter(*real.T, s=5, color=GREY, alpha=0.35, linewidths=0, label="real")
    ax.scatter(*fake.T, s=5, color=ORANGE, alpha=0.45, linewidths=0, label="fake")
    low, high = np.percentile(np.vstack([real, real, fake]), [0.2, 99.8], axis=0)
    margin = 0.12 * np.maximum(high - low, 1e-9)
    ax.set_xlim(low[0] - margin[0], high[0] + margin[0])
    ax.set_ylim(low[1] - margin[1], high[1] + margin[1])
    ax.set_xlabel(scene.axes[0])
    ax.set_ylabel(scene.axes[1])
    ax.set_title("Where samples lie")
    ax.legend(loc="upper right", markerscale=3, frameon=True, framealpha=0.85, edgecolor="none")


def draw_clusters(ax: Any, scene: Scene) -> None:
    ratio = (scene.shares[1] / scene.shares[0].clamp(min=1e-12)).numpy()
    order = np.argsort(ratio)
    heights = np.clip(ratio[order], 2**-5, 2**5)
    colors = [ORANGE if value < SCARCE else BLUE if value > ABUNDANT else GREY for value in ratio[order]]
    ax.bar(np.arange(len(order)), np.log2(heights), color=colors, width=0.8)
    ax.axhline(0, color="black", linewidth=0.8)
    ticks = [-5, -3, -1, 0, 1, 3, 5]
    ax.set_yticks(ticks, ["≤ 1/32", "1/8", "1/2", "1", "2", "8", "≥ 32"])
    ax.set_ylim(-5.3, 5.3)
    ax.set_xticks([])
    ax.set_xlabel(f"{len(order)} clusters of the real data")
    ax.set_ylabel("fakes for each real sample")
    missing = int((ratio < 2**-5).sum())
    ax.set_title(f"Clusters: {missing} without fakes, {int((ratio < SCARCE).sum()) - missing} more with few")


def draw_nearest(ax: Any, scene: Scene) -> None:
    both = [part.numpy() for part in scene.nearest]
    positive = np.concatenate(both)
    positive = positive[positive > 0]
    if len(positive):
        edges = np.geomspace(positive.min(), max(positive.max(), positive.min() * 1.01), 50)
        for part, color, name in zip(both, (GREY, ORANGE), ("real", "fake"), strict=True):
            copies = f", {percent(np.mean(part == 0))} copies" if (part == 0).any() else ""
            ax.hist(np.clip(part, edges[0], None), edges, color=color, alpha=0.6, label=f"{name}{copies}")
        ax.set_xscale("log")
        ax.legend(frameon=False)
    ax.set_xlabel("distance to the nearest sample of the same kind")
    ax.set_ylabel("samples")
    ax.set_title("How much samples repeat themselves")


def draw_spectra(ax: Any, scene: Scene) -> None:
    for part, color, name, width in zip(scene.spectra, (GREY, ORANGE), ("real", "fake"), (5, 2), strict=True):
        values = part.clamp(min=1e-12 * float(part.max().clamp(min=1e-300))).numpy()
        ax.plot(np.arange(1, len(values) + 1), values, color=color, linewidth=width, marker="o", markersize=width + 1,
                label=name, alpha=0.8)  # fmt: skip
    ax.set_yscale("log")
    axes = len(scene.spectra[0])
    if axes > 20:
        ax.set_xscale("log")
    else:
        ax.set_xticks(range(1, axes + 1, 1 + axes // 8))
    ax.set_xlabel("main axis")
    ax.set_ylabel("variance")
    ax.set_title("Spectrum of the covariance")
    ax.legend(frameon=False)


PANELS = (
    Panel("Real and fake samples", "Real samples grey, fakes orange.", draw_plane),
    Panel(
        "Fakes in each cluster of the real data",
        "Clusters of the real data, as many as the verdict asks about, from the one with the fewest fakes on. Orange: "
        "less than a fifth of their due, which the verdict calls hardly reached; blue: more than five times it.",
        draw_clusters,
    ),
    Panel("Distances to the nearest sample", "Fakes that repeat each other lie to the left.", draw_nearest),
    Panel(
        "Spectra of the covariance", "Directions in which the fakes do not vary lie below the grey line.", draw_spectra
    ),
)


def draw_duplicates(scene: Scene) -> Any:
    """The closest pairs of fakes, side by side; None for points."""
    if scene.images is None:
        return None
    figure, axes = canvas(1, len(scene.pairs), (1.9 * len(scene.pairs), 1.5))
    for ax, pair in zip(axes[0], scene.pairs.tolist(), strict=True):
        ax.imshow(strip(scene.images[1][pair]), interpolation="nearest")
        ax.axis("off")
    return figure


def draw_tiles(scene: Scene) -> Any:
    """Of clusters with few fakes and with many, some real samples and some fakes; None for points."""
    if scene.images is None:
        return None
    figure, axes = canvas(len(scene.tiles), 2, (9, 1.15 * len(scene.tiles) + 0.4))
    for line, (cluster, both) in zip(axes, scene.tiles.items(), strict=True):
        for ax, which, images, name in zip(line, both, scene.images, ("real", "fake"), strict=True):
            share = float(scene.shares[0 if name == "real" else 1, cluster])
            ax.set_title(f"{name}, {percent(share)} of them", fontsize=9, loc="left")
            ax.axis("off")
            room = images.new_full((TILES - len(which), *images.shape[1:]), 255)  # or titles would stand at two heights
            ax.imshow(strip(torch.cat([images[which], room])), interpolation="nearest")
    return figure


def strip(images: Tensor) -> np.ndarray:
    """Images `(N, C, H, W)` side by side, with shape `(H, N (W + 1), 3)`."""
    colored = images.expand(-1, 3, -1, -1) if images.shape[1] == 1 else images
    padded = torch.nn.functional.pad(colored, (0, 1), value=255)
    found: np.ndarray = torch.cat(list(padded), -1).permute(1, 2, 0).numpy()
    return found
