r"""Gaussians on a circle, the commonest benchmark of mode collapse."""

__all__ = ["Ring"]

import math
from dataclasses import dataclass
from typing import ClassVar

import torch

from .checks import positive, whole
from .gaussians import GaussianMixture, GaussianModes


@dataclass(frozen=True, kw_only=True)
class Ring(GaussianMixture):
    r"""Equal Gaussians at the angles :math:`2 \pi i / K` of a circle.

    References:
        | Unrolled Generative Adversarial Networks (Metz et al., 2017), where the benchmark comes from
        | https://arxiv.org/abs/1611.02163

    Arguments:
        count: How many angles, :math:`K`.
        radius: The radius of the circle.
        sigma: The standard deviation of each Gaussian.
        duplicate_endpoint: Whether the angles include both 0 and :math:`2 \pi`, as in the official unrolled-GAN
            notebook. The first mode and the last then coincide: there are :math:`K - 1` distinct modes, one of them
            with weight :math:`2 / K`.

    Note:
        Codes that write :math:`(\sin, \cos)` for the angles start at the top and turn clockwise; the ring here starts
        on the right. Without a duplicate the two are the same set; with one they are mirror images.
    """

    summary: ClassVar[str] = "Gaussians on a circle"
    reference: ClassVar[str] = (
        "Unrolled Generative Adversarial Networks (Metz et al., 2017), https://arxiv.org/abs/1611.02163"
    )
    year: ClassVar[int | None] = 2017

    count: int = 8
    radius: float = 1.0
    sigma: float = 0.05
    duplicate_endpoint: bool = False

    def __post_init__(self) -> None:
        whole("count", self.count, 2 if self.duplicate_endpoint else 1)
        positive("radius", self.radius)
        positive("sigma", self.sigma)

    def gaussians(self) -> GaussianModes:
        distinct = self.count - self.duplicate_endpoint
        angles = torch.arange(distinct, dtype=torch.float64) * (2 * math.pi / distinct)
        centers = self.radius * torch.stack([angles.cos(), angles.sin()], dim=-1)
        weights = torch.ones(distinct, dtype=torch.float64)
        weights[0] += self.duplicate_endpoint
        names = [f"{360 * i / distinct:.4g}°" for i in range(distinct)]
        return GaussianModes(centers, torch.full_like(weights, self.sigma), weights, names)
