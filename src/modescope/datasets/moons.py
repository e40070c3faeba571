r"""Two interleaving half circles: curves in place of points, and the set of 32 that a review trained on."""

__all__ = ["ArcModes", "MoonsThirtyTwo", "TwoMoons"]

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar

import torch
from torch import Tensor

from ..core.errors import need
from .array import FixedSet
from .base import Dataset, Modes, norm_order
from .checks import not_negative, positive
from .curve import Nodes, curve_log_prob, gauss_legendre


def on_arc(arc: Tensor, angle: Tensor) -> Tensor:
    r"""The point at `angle` in :math:`[0, \pi]` of the outer arc (0) or the inner arc (1), as in scikit-learn.

    The outer arc is :math:`(\cos t, \sin t)` and the inner arc :math:`(1 - \cos t, \tfrac12 - \sin t)`: the outer one
    turned by half a circle about :math:`(\tfrac12, \tfrac14)`.
    """
    sign = 1 - 2 * arc
    return torch.stack([arc + sign * angle.cos(), arc / 2 + sign * angle.sin()], dim=-1)


def arc_distance(x: Tensor, norm: str) -> Tensor:
    r"""The exact distance of `x`, with shape :math:`(*, 2)`, to the upper half of the unit circle."""
    order = norm_order(norm)
    a, b = x.unbind(dim=-1)
    ends = torch.stack([a.abs() - 1, b], dim=-1)
    to_end = torch.linalg.vector_norm(ends, order, dim=-1)
    if order == 2:
        return torch.where(b >= 0, (torch.linalg.vector_norm(x, dim=-1) - 1).abs(), to_end)
    # The maximum of |dx| and |dy| is least at an end, at the top, or where both agree: on a diagonal through x.
    best = torch.minimum(to_end, torch.linalg.vector_norm(torch.stack([a, b - 1], dim=-1), order, dim=-1))
    for slope in (1.0, -1.0):
        middle = -(a + slope * b) / 2
        root = (middle.square() - (a.square() + b.square() - 1) / 2).sqrt()  # nan where the diagonal misses the circle
        for step in (middle + root, middle - root):
            best = torch.where(b + slope * step >= 0, torch.minimum(best, step.abs()), best)
    return best


class ArcModes(Modes):
    r"""The two arcs as modes; ``nearest(x)[0]`` tells which arc a point belongs to.

    The distance is the exact one to the arc, in units of `noise` or of `tolerance`, whichever is greater. Samples that
    are not finite are infinitely far from both.

    Arguments:
        noise: The standard deviation of the noise around the arcs.
        tolerance: The least unit of distance, since without noise every sample of a network is off the curve.
    """

    names = ("outer", "inner")

    def __init__(self, noise: float, tolerance: float) -> None:
        self.noise, self.unit = noise, max(noise, tolerance)
        self.weights = torch.full((2,), 0.5, dtype=torch.float64)

    def nearest(self, x: Tensor, norm: str = "l2") -> tuple[Tensor, Tensor]:
        need(x.shape[-1:] == (2,), f"x has shape {tuple(x.shape)}, expected 2 coordinates in the last dimension")
        pivot = x.new_tensor([1.0, 0.5])
        outer, inner = arc_distance(x, norm), arc_distance(pivot - x, norm)
        distance = torch.where(inner < outer, inner, outer) / self.unit
        return (inner < outer).long(), torch.where(x.isfinite().all(dim=-1), distance, torch.inf)

    def ceiling(self, radius: float, norm: str = "l2") -> float:
        """The share of true samples that lie within `radius` units of their arc.

        Without noise it is 1. With noise it is the share of 2^18 points of a Sobol sequence pushed to one arc, right to
        about 2e-4; the arcs are congruent.
        """
        if self.noise == 0:
            norm_order(norm)
            return float(radius >= 0)
        angle, *cube = (torch.quasirandom.SobolEngine(3).draw(2**18, dtype=torch.float64) + 2**-31).unbind(dim=-1)
        noise = self.noise * torch.special.ndtri(torch.stack(cube, dim=-1))
        x = on_arc(torch.zeros_like(angle), math.pi * angle) + noise
        return float((arc_distance(x, norm) <= radius * self.unit).double().mean())


@dataclass(frozen=True, kw_only=True)
class TwoMoons(Dataset):
    r"""An endless stream from two half circles, as scikit-learn's ``make_moons``, angles uniform on :math:`[0, \pi]`.

    References:
        | Addressing mode collapse in GANs (Martina-Perez), a review that trains on them without noise
        | Scikit-learn: Machine Learning in Python (Pedregosa et al., 2011)
        | https://www.jmlr.org/papers/v12/pedregosa11a.html

    Arguments:
        noise: The standard deviation of the noise added to each coordinate.
        tolerance: The unit in which distances to the arcs are counted where the noise is less.

    Note:
        Scikit-learn places a given number of points at equal steps; here every sample has a random angle.
    """

    summary: ClassVar[str] = "two interleaving half circles, an endless stream"
    reference: ClassVar[str] = (
        "Scikit-learn: Machine Learning in Python (Pedregosa et al., 2011), "
        "https://www.jmlr.org/papers/v12/pedregosa11a.html"
    )
    year: ClassVar[int | None] = 2011

    noise: float = 0.0
    tolerance: float = 0.1

    def __post_init__(self) -> None:
        not_negative("noise", self.noise)
        positive("tolerance", self.tolerance)

    @property
    def dim(self) -> int:
        return 2

    @property
    def uniforms(self) -> int:
        return 2

    @property
    def normals(self) -> int:
        return 2 if self.noise > 0 else 0

    @property
    def modes(self) -> ArcModes:
        return ArcModes(self.noise, self.tolerance)

    def push(self, uniform: Tensor, normal: Tensor) -> Tensor:
        coin, angle = uniform.unbind(dim=-1)
        x = on_arc((coin >= 0.5).to(uniform.dtype), math.pi * angle)
        return x + self.noise * normal if self.noise > 0 else x

    @property
    def has_density(self) -> bool:
        return self.noise > 0

    def no_density(self) -> str:
        return "without noise its samples lie on two curves, which have no area"

    def log_prob(self, x: Tensor) -> Tensor:
        if not self.has_density:
            return super().log_prob(x)
        return curve_log_prob(x, _arc_nodes(self.noise), self.noise)


@lru_cache(maxsize=8)
def _arc_nodes(noise: float) -> Nodes:
    """The quadrature of both arcs."""
    angle, weight = gauss_legendre(0.0, math.pi, math.pi, noise)
    arcs = torch.stack([on_arc(torch.full_like(angle, arc), angle) for arc in (0.0, 1.0)])
    return Nodes(arcs.reshape(-1, 2), (weight / 2).log().repeat(2))


@dataclass(frozen=True, kw_only=True)
class MoonsThirtyTwo(FixedSet):
    r"""The 32 points of ``make_moons(32, noise=0)``, 16 at equal steps on each arc.

    References:
        | Addressing mode collapse in GANs (Martina-Perez), whose published notebook draws its batches so

    Arguments:
        tolerance: The unit in which distances to the arcs are counted.

    Note:
        The review calls its data the two moons, but its notebook asks for 32 points without noise at each step, and the
        random state then only shuffles them: the target has 32 atoms, not two curves. The notebook used all 32 at each
        step; here a batch draws from them at random. Use :class:`TwoMoons` for what the review's text describes.
    """

    summary: ClassVar[str] = "the 32 fixed points of the two moons that the review's notebook trained on"
    reference: ClassVar[str] = "Addressing mode collapse in GANs (Martina-Perez)"

    tolerance: float = 0.1

    def __post_init__(self) -> None:
        positive("tolerance", self.tolerance)

    @property
    def points(self) -> Tensor:
        angle = torch.linspace(0, math.pi, 16, dtype=torch.float64).repeat(2)
        return on_arc(self.arcs.double(), angle)

    @property
    def arcs(self) -> Tensor:
        """The arc of each point, 0 for the outer and 1 for the inner, with shape `(32,)`."""
        return torch.arange(2).repeat_interleave(16)

    @property
    def modes(self) -> ArcModes:
        return ArcModes(0.0, self.tolerance)

    def no_density(self) -> str:
        return "it is a set of 32 points"
