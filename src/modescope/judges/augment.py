"""Small random changes of images that leave their class as it is."""

__all__ = ["Augment"]

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import affine_grid, grid_sample, interpolate


@dataclass(frozen=True)
class Augment:
    """How far images are moved and bent; each amount is uniform up to the limit, or normal where it says so.

    Arguments:
        degrees: The angle of rotation.
        scale: The logarithm of the change of each side.
        shear: The shift of a row for each row below it.
        shift: Along each axis, in pixels.
        bend: The standard deviation of an elastic displacement along each axis, in pixels.
        cells: The displacement is drawn on a grid of so many points a side, smooth in between.
        flip: Whether left and right are swapped in half of the images.
    """

    degrees: float = 0.0
    scale: float = 0.0
    shear: float = 0.0
    shift: float = 0.0
    bend: float = 0.0
    cells: int = 6
    flip: bool = False

    def __call__(self, images: Tensor, generator: torch.Generator) -> Tensor:
        """Changes images of shape `(N, 1, H, H)`, bilinear, with zeros from outside; draws on the CPU."""
        count, side = len(images), images.shape[-1]
        grid = affine_grid(self.maps(count, side, generator), list(images.shape), align_corners=False)
        if self.bend:
            coarse = torch.randn(count, 2, self.cells, self.cells, generator=generator) * (2 * self.bend / side)
            smooth = interpolate(coarse, (side, side), mode="bicubic", align_corners=True)
            grid = grid + smooth.permute(0, 2, 3, 1)
        return grid_sample(images, grid.to(images.device), align_corners=False)

    def maps(self, count: int, side: int, generator: torch.Generator) -> Tensor:
        """Affine maps of the plane, from the new image to the old, with shape `(N, 2, 3)`; the image is [-1, 1]^2."""
        angle, wide, high, shear, right, down, swap = (2 * torch.rand(7, count, generator=generator) - 1).unbind()
        angle, shear = angle * math.radians(self.degrees), shear * self.shear
        wide, high = (wide * self.scale).exp(), (high * self.scale).exp()
        if self.flip:
            wide = wide * swap.sign()
        cos, sin = angle.cos(), angle.sin()
        rows = [wide * cos, shear - high * sin, right * 2 * self.shift / side]
        rows += [wide * sin, high * cos, down * 2 * self.shift / side]
        return torch.stack(rows, dim=1).unflatten(1, (2, 3))
