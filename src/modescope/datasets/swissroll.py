r"""A rolled-up band, seen from its side."""

__all__ = ["SwissRoll"]

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar

import torch
from torch import Tensor

from .base import Dataset
from .checks import not_negative, positive
from .curve import Nodes, curve_log_prob, gauss_legendre

START, END = 1.5 * math.pi, 4.5 * math.pi


def on_spiral(angle: Tensor) -> Tensor:
    r"""The point :math:`(t \cos t, t \sin t)` of the spiral."""
    return torch.stack([angle * angle.cos(), angle * angle.sin()], dim=-1)


@dataclass(frozen=True, kw_only=True)
class SwissRoll(Dataset):
    r"""The first and the third coordinate of scikit-learn's ``make_swiss_roll``, divided by `scale`.

    The points are :math:`(t \cos t, t \sin t)` with :math:`t` uniform on :math:`[1.5 \pi, 4.5 \pi]`, plus noise. It has
    no discrete modes: it shows whether a generator follows a curve to both of its ends.

    References:
        | Improved Training of Wasserstein GANs (Gulrajani et al., 2017), the code of the toy experiments
        | https://arxiv.org/abs/1704.00028

    Arguments:
        noise: The standard deviation of the noise, before the division.
        scale: What the coordinates are divided by.
    """

    summary: ClassVar[str] = "a spiral with noise"
    reference: ClassVar[str] = (
        "Improved Training of Wasserstein GANs (Gulrajani et al., 2017), https://arxiv.org/abs/1704.00028"
    )
    year: ClassVar[int | None] = 2017

    noise: float = 0.25
    scale: float = 7.5

    def __post_init__(self) -> None:
        not_negative("noise", self.noise)
        positive("scale", self.scale)

    @property
    def dim(self) -> int:
        return 2

    @property
    def uniforms(self) -> int:
        return 1

    @property
    def normals(self) -> int:
        return 2 if self.noise > 0 else 0

    def push(self, uniform: Tensor, normal: Tensor) -> Tensor:
        x = on_spiral(START + (END - START) * uniform[..., 0])
        return (x + self.noise * normal if self.noise > 0 else x) / self.scale

    @property
    def has_density(self) -> bool:
        return self.noise > 0

    def no_density(self) -> str:
        return "without noise its samples lie on a curve, which has no area"

    def log_prob(self, x: Tensor) -> Tensor:
        if not self.has_density:
            return super().log_prob(x)
        return curve_log_prob(x, _spiral_nodes(self.noise, self.scale), self.noise / self.scale)


@lru_cache(maxsize=8)
def _spiral_nodes(noise: float, scale: float) -> Nodes:
    """The quadrature of the spiral; its speed is at most sqrt(1 + END^2), at the outer end."""
    angle, weight = gauss_legendre(START, END, (END - START) * math.hypot(1, END), noise)
    return Nodes(on_spiral(angle) / scale, weight.log())
