"""What the pictures of a diagnosis show, worked out before anything is drawn."""

__all__ = ["Scene", "scene_of"]

from dataclasses import dataclass

import torch
from torch import Tensor

from ..metrics.kmeans import kmeans
from ..metrics.neighbours import Neighbours, neighbours
from .evidence import CLUSTER_SIZE, CLUSTERS

SHOWN = 3000  # samples of each kind
PAIRS = 6
TILES = 8  # images of a cluster


@dataclass(frozen=True)
class Scene:
    """Real and fake samples as pictures need them.

    Arguments:
        plane: Real samples and fakes in two dimensions, with shapes `(N, 2)` and `(M, 2)`: the features themselves, or
            on the two main axes of the real ones.
        axes: What the two dimensions are.
        shares: Of the real samples, and of the fakes, the share in each cluster of the real ones, with shape `(2, K)`.
        nearest: Distances to the nearest neighbour of the same kind, of the real samples and of the fakes.
        spectra: Variances along the main axes of the real samples, and of the fakes, the largest first.
        pairs: The closest pairs of fakes, with shape `(P, 2)`, indices into the fakes.
        tiles: For the clusters with the least and the greatest share of fakes, indices of a few real samples and fakes.
        images: The real samples and the fakes as images, if they are.
    """

    plane: tuple[Tensor, Tensor]
    axes: tuple[str, str]
    shares: Tensor
    nearest: tuple[Tensor, Tensor]
    spectra: tuple[Tensor, Tensor]
    pairs: Tensor
    tiles: dict[int, tuple[Tensor, Tensor]]
    images: tuple[Tensor, Tensor] | None = None


def scene_of(
    real: Tensor, fake: Tensor, generator: torch.Generator, images: tuple[Tensor, Tensor] | None = None
) -> Scene:
    """The scene of features `(N, D)` and `(M, D)`, of which a random few thousand are shown."""
    kept = [torch.randperm(len(part), generator=generator)[:SHOWN] for part in (real, fake)]
    real, fake = (part[keep].double() for part, keep in zip((real, fake), kept, strict=True))
    if images is not None:
        images = (images[0][kept[0]], images[1][kept[1]])
    clusters = max(2, min(CLUSTERS, len(real) // 2 // CLUSTER_SIZE))
    centers = kmeans(real, clusters, generator).centers
    labels = [torch.cdist(part, centers.double()).argmin(1) for part in (real, fake)]
    shares = torch.stack([torch.bincount(label, minlength=len(centers)) / len(label) for label in labels])
    near = [neighbours(part, k=1) for part in (real, fake)]
    ratio = shares[1] / shares[0].clamp(min=1e-12)
    order = ratio.argsort().tolist()
    chosen = dict.fromkeys([*order[:3], *order[-2:]])
    tiles = {c: (members(labels[0], c), members(labels[1], c)) for c in chosen}
    return Scene(
        plane=on_plane(real, fake),
        axes=("x", "y") if real.shape[1] == 2 else ("main axis of the real data", "second axis"),
        shares=shares.double(),
        nearest=(near[0].distances[:, 0], near[1].distances[:, 0]),
        spectra=(spectrum(real), spectrum(fake)),
        pairs=closest_pairs(near[1]),
        tiles=tiles,
        images=images,
    )


def closest_pairs(near: Neighbours) -> Tensor:
    """The closest few pairs `(P, 2)`, each once though two samples may be nearest to each other."""
    first = near.distances[:, 0].argsort()
    pairs = torch.stack([first, near.indices[first, 0]], 1).sort(1).values
    return torch.tensor(list(dict.fromkeys(map(tuple, pairs.tolist())))[:PAIRS])


def members(labels: Tensor, cluster: int) -> Tensor:
    """The first few samples of a cluster."""
    return (labels == cluster).nonzero().flatten()[:TILES]


def on_plane(real: Tensor, fake: Tensor) -> tuple[Tensor, Tensor]:
    """Both sets in two dimensions."""
    if real.shape[1] == 1:
        return tuple(torch.cat([part, torch.zeros_like(part)], 1) for part in (real, fake))  # type: ignore[return-value]
    if real.shape[1] == 2:
        return real, fake
    center = real.mean(0)
    _, _, axes = torch.linalg.svd(real - center, full_matrices=False)
    return (real - center) @ axes[:2].T, (fake - center) @ axes[:2].T


def spectrum(points: Tensor) -> Tensor:
    """The variances along the main axes, the largest first."""
    values: Tensor = torch.linalg.svdvals(points - points.mean(0)).square() / max(1, len(points) - 1)
    return values
