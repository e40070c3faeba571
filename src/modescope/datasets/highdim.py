r"""Ten modes on a sheet of 700 dimensions in a space of 1200."""

__all__ = ["HighDim"]

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor
from torch.nn.functional import pad

from ..core.errors import need
from .checks import vector, whole
from .gaussians import GaussianMixture, GaussianModes


@dataclass(frozen=True, kw_only=True)
class HighDim(GaussianMixture):
    r"""Gaussians of standard deviation 1 in the first coordinates only, at the points :math:`c \, (1, \dots, 1)`.

    The other coordinates hold :math:`c` exactly. The distance to a mode is the Euclidean one over ALL coordinates, with
    the noise's standard deviation as its unit, so that a small error in the exact coordinates costs little and a large
    one much. The usual radius is the quantile of the chi distribution of the noisy coordinates (28.1 for 700), at which
    a perfect sampler scores 98.9 % as in the plane.

    References:
        | VEEGAN: Reducing Mode Collapse in GANs using Implicit Variational Learning (Srivastava et al., 2017)
        | https://arxiv.org/abs/1705.07761
        | PacGAN: The power of two samples in generative adversarial networks (Lin et al., 2018), whose code has the
          centres
        | https://arxiv.org/abs/1712.04086

    Arguments:
        positions: The :math:`c` of each mode.
        size: The number of coordinates.
        noisy: The number of coordinates that hold noise, the first ones.

    Note:
        The paper counts a sample as good within 10 standard deviations of a centre. True samples lie 26.4 +- 0.7 from
        theirs, so that a perfect sampler scores 0 by that rule; see :attr:`Modes.radius` for the one used here.

        The distribution has no density in the space of all coordinates. :meth:`log_prob` is the density of the noisy
        coordinates, with respect to the Lebesgue measure on them alone; the others are not looked at.
    """

    summary: ClassVar[str] = "ten modes on a sheet of 700 dimensions in a space of 1200"
    reference: ClassVar[str] = (
        "VEEGAN: Reducing Mode Collapse in GANs using Implicit Variational Learning (Srivastava et al., 2017), "
        "https://arxiv.org/abs/1705.07761"
    )
    year: ClassVar[int | None] = 2017

    positions: tuple[float, ...] = (-1.0, -0.5, 0.0, 0.5, -2.0, -2.5, 10.0, 0.25, -13.0, -5.5)
    size: int = 1200
    noisy: int = 700

    def __post_init__(self) -> None:
        object.__setattr__(self, "positions", vector("positions", self.positions))
        whole("size", self.size)
        whole("noisy", self.noisy)
        need(self.noisy <= self.size, f"noisy is {self.noisy}, expected at most size, which is {self.size}")

    def gaussians(self) -> GaussianModes:
        positions = torch.tensor(self.positions, dtype=torch.float64)
        ones, names = torch.ones_like(positions), [f"{c:.4g}" for c in self.positions]
        return GaussianModes(positions[:, None].repeat(1, self.size), ones, ones, names, freedom=self.noisy)

    @property
    def normals(self) -> int:
        return self.noisy

    def push(self, uniform: Tensor, normal: Tensor) -> Tensor:
        return super().push(uniform, pad(normal, (0, self.size - self.noisy)))

    def log_prob(self, x: Tensor) -> Tensor:
        need(x.shape[-1:] == (self.size,), f"x has shape {tuple(x.shape)}, expected {self.size} coordinates")
        sheet = HighDim(positions=self.positions, size=self.noisy, noisy=self.noisy)
        return GaussianMixture.log_prob(sheet, x[..., : self.noisy])
