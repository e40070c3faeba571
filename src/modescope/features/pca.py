r"""The main directions of the real samples."""

__all__ = ["PCA"]

import hashlib
from typing import Self

import torch
from torch import Tensor

from ..core.errors import ModescopeError, is_whole, need
from ..sources import Source
from .base import Features
from .resize import unit

MOST = 8192  # the side of the largest matrix whose eigenvectors are found
MOST_HELD = 2**32  # bytes of samples held at once, where there are fewer samples than coordinates
BATCH = 1024


class PCA(Features):
    r"""Projections on the :math:`K` directions along which the real samples vary most, about their mean.

    Exact: eigenvectors of the covariance in double precision, or of the samples' products where these are fewer. A
    direction's sign is such that its largest entry is positive; nothing is divided by the spread.

    Arguments:
        components: How many directions, :math:`K`.
        device: Where it computes.

    Raises:
        ModescopeError: If `components` is not a positive whole number.
    """

    images = False

    def __init__(self, components: int, device: str = "cpu") -> None:
        need(
            is_whole(components, 1),
            f"pca has {components!r} components, expected a whole number of at least 1, as in pca:50",
        )
        self.name = f"pca:{components}"
        self.dim = components
        self.device = device
        self.protocol = f"the {components} main directions of the real samples (images as pixels in [0, 1])"
        self.mean: Tensor | None = None
        self.directions = torch.empty(0)

    def fit(self, source: Source) -> Self:
        components = self.dim or 0
        mean = sum_of(source) / source.count
        rank = min(source.count - 1, len(mean))
        need(
            components <= rank,
            f"{self.name} needs more real samples or coordinates: {source.count} samples with {len(mean)} coordinates "
            f"vary in at most {rank} directions",
        )
        values, directions = by_covariance(source, mean) if len(mean) <= source.count else by_products(source, mean)
        top = directions[:, :components]
        signs = top.gather(0, top.abs().argmax(dim=0, keepdim=True)).sign()
        self.mean = mean.to(self.device)
        self.directions = (top * torch.where(signs == 0, 1, signs)).to(self.device)
        total = values.sum()
        share = 100 * (values[:components].sum() / total).item() if total > 0 else 100.0
        self.protocol = (
            f"the {components} main directions of the real samples {source.name!r}"
            f"{' (pixels in [0, 1])' if source.kind == 'images' else ''}, which hold {share:.1f} % of their variance"
        )
        return self

    def __call__(self, batch: Tensor) -> Tensor:
        if self.mean is None:
            raise ModescopeError(f"{self.name} knows no directions yet: call fit(real) first")
        rows = flat(batch).to(self.device)
        need(
            rows.shape[1] == len(self.mean),
            f"{self.name} was fitted on {len(self.mean)} coordinates, but these samples have {rows.shape[1]}",
        )
        return (rows - self.mean) @ self.directions

    def fingerprint(self) -> str | None:
        if self.mean is None:
            return None
        content = torch.cat([self.mean[:, None], self.directions], dim=1).cpu().contiguous().numpy()
        return "pca 1 " + hashlib.sha256(content.reshape(-1).data).hexdigest()


def flat(batch: Tensor) -> Tensor:
    """Samples as rows in double precision."""
    return unit(batch).flatten(1).double()


def sum_of(source: Source) -> Tensor:
    """The sum of all samples, with shape `(D,)`."""
    total: Tensor | None = None
    for batch in source.batches(BATCH):
        part = flat(batch).sum(dim=0)
        total = part if total is None else total + part
    assert total is not None
    return total


def by_covariance(source: Source, mean: Tensor) -> tuple[Tensor, Tensor]:
    """Eigenvalues, falling, and eigenvectors in columns, of the covariance."""
    need(
        len(mean) <= MOST,
        f"pca of {source.count} samples with {len(mean)} coordinates is too large, expected at most {MOST} of either: "
        "give fewer real samples with n, or smaller images",
    )
    scatter = mean.new_zeros(len(mean), len(mean))
    for batch in source.batches(BATCH):
        rows = flat(batch) - mean
        scatter += rows.T @ rows
    values, vectors = torch.linalg.eigh(scatter)
    return values.flip(0).clamp(min=0), vectors.flip(1)


def by_products(source: Source, mean: Tensor) -> tuple[Tensor, Tensor]:
    """The same, where there are fewer samples than coordinates."""
    need(
        source.count <= MOST and source.count * len(mean) * 8 <= MOST_HELD,
        f"pca of {source.count} samples with {len(mean)} coordinates is too large: give fewer real samples with n, or "
        "smaller images",
    )
    rows = torch.cat([flat(batch) for batch in source.batches(BATCH)]) - mean
    _, values, vectors = torch.linalg.svd(rows, full_matrices=False)
    return values.square(), vectors.T
