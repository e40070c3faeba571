r"""Gaussians on a square grid."""

__all__ = ["Grid"]

from dataclasses import dataclass
from typing import ClassVar

import torch

from .checks import positive, whole
from .gaussians import GaussianMixture, GaussianModes


@dataclass(frozen=True, kw_only=True)
class Grid(GaussianMixture):
    r"""Equal Gaussians at the crossings of a grid that is centred at the origin, row by row from below.

    References:
        | Adversarially Learned Inference (Dumoulin et al., 2017), where the grid of 25 comes from
        | https://arxiv.org/abs/1606.00704

    Arguments:
        rows: How many rows.
        columns: How many columns.
        spacing: The distance between neighbours.
        sigma: The standard deviation of each Gaussian.
    """

    summary: ClassVar[str] = "Gaussians on a square grid"
    reference: ClassVar[str] = (
        "Adversarially Learned Inference (Dumoulin et al., 2017), https://arxiv.org/abs/1606.00704"
    )
    year: ClassVar[int | None] = 2017

    rows: int = 5
    columns: int = 5
    spacing: float = 2.0
    sigma: float = 0.05

    def __post_init__(self) -> None:
        whole("rows", self.rows)
        whole("columns", self.columns)
        positive("spacing", self.spacing)
        positive("sigma", self.sigma)

    def gaussians(self) -> GaussianModes:
        x = self.spacing * (torch.arange(self.columns, dtype=torch.float64) - (self.columns - 1) / 2)
        y = self.spacing * (torch.arange(self.rows, dtype=torch.float64) - (self.rows - 1) / 2)
        centers = torch.cartesian_prod(y, x).flip(-1)
        weights = torch.ones(len(centers), dtype=torch.float64)
        names = [f"({a:.4g}, {b:.4g})" for a, b in centers.tolist()]
        return GaussianModes(centers, torch.full_like(weights, self.sigma), weights, names)
