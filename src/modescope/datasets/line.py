r"""Gaussians on a line, where densities and divergences can be drawn."""

__all__ = ["Line"]

from dataclasses import dataclass
from typing import ClassVar

import torch

from .checks import nested, per_component, vector
from .gaussians import GaussianMixture, GaussianModes, relative


@dataclass(frozen=True, kw_only=True)
class Line(GaussianMixture):
    r"""A mixture of Gaussians in one dimension; by default two of standard deviation 1 at -3 and 3.

    References:
        | Multi-Agent Diverse Generative Adversarial Networks (Ghosh et al., 2018), five components
        | https://arxiv.org/abs/1704.02906

    Arguments:
        means: The centres.
        std: The standard deviation of each Gaussian.
        weights: The relative mass of each Gaussian, normalised to sum to 1; equal if not given.
    """

    summary: ClassVar[str] = "Gaussians on a line"
    reference: ClassVar[str] = (
        "Multi-Agent Diverse Generative Adversarial Networks (Ghosh et al., 2018), https://arxiv.org/abs/1704.02906"
    )
    year: ClassVar[int | None] = 2018

    means: tuple[float, ...] = (-3.0, 3.0)
    std: tuple[float, ...] = (1.0, 1.0)
    weights: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        means, weights = vector("means", self.means), nested(self.weights)
        object.__setattr__(self, "means", means)
        object.__setattr__(self, "std", per_component("std", self.std, len(means)))
        object.__setattr__(self, "weights", per_component("weights", weights, len(means)) if weights != () else ())

    def gaussians(self) -> GaussianModes:
        means = torch.tensor(self.means, dtype=torch.float64)
        std = torch.tensor(self.std, dtype=torch.float64)
        names = [f"{mean:.4g}" for mean in self.means]
        return GaussianModes(means[:, None], std, relative(self.weights, len(means)), names)
