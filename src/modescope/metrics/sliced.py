r"""Sliced Wasserstein distances between the patches of images, at each scale of a Laplacian pyramid."""

__all__ = ["PatchDistances", "laplacian_pyramid", "patch_swd"]

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import conv2d, pad

from ..core.errors import need
from .ms_ssim import check_images

PATCH = 7  # pixels of a side
COARSEST = 16  # pixels of a side of the last level
TAPS = (1 / 16, 4 / 16, 6 / 16, 4 / 16, 1 / 16)  # of the pyramid's filter
IMAGES = 256  # decomposed at once
DIRECTIONS = 32  # projected at once


@dataclass(frozen=True)
class PatchDistances:
    r"""What :func:`patch_swd` returns.

    Arguments:
        mean: The mean over the levels.
        by_level: The distance at each level, finest first, times 1000, with shape :math:`(L)`, float64.
        sides: The side of each level's images, in pixels.
        patches: The number of patches of each set.
    """

    mean: float
    by_level: Tensor
    sides: tuple[int, ...]
    patches: int


def patch_swd(
    real: Tensor,
    fake: Tensor,
    generator: torch.Generator,
    patches: int = 128,
    directions: int = 512,
    shared_scale: bool = False,
) -> PatchDistances:
    r"""How far generated patches are from real ones in appearance and variety, at each scale.

    .. math::
        \mathrm{SWD} = \frac{1000}{P} \sum_\theta \frac1N \sum_i
        \big| (\theta^\top a)_{(i)} - (\theta^\top b)_{(i)} \big|

    Every image is split into the levels of a Laplacian pyramid, halving the side down to 16 pixels. At each level
    random :math:`7 \times 7` patches are cut, standardised, and projected on random directions, along which sorting
    solves the transport. Coarse levels tell large structures, fine ones texture.

    Note:
        As published, each set's patches are standardised by channel with *their own* mean and deviation, which hides
        a shift of contrast or brightness; `shared_scale` standardises both by the real ones'. The value of two samples
        of one law is not 0: take real against real as the floor. The paper takes 16,384 images of each.

    References:
        | Progressive Growing of GANs for Improved Quality, Stability, and Variation (Karras et al., 2018), section 5
        | https://arxiv.org/abs/1710.10196

    Arguments:
        real: Real images, with shape :math:`(N, C, H, H)`, the side 16 times a power of 2.
        fake: Generated images, with the same shape.
        generator: Draws the patches and the directions.
        patches: The patches of an image at each level.
        directions: The number of directions :math:`P`.
        shared_scale: Whether the real patches' mean and deviation serve both sets.

    Raises:
        ModescopeError: If the shapes do not fit or a value is not finite.

    Returns:
        The distances, a thousand times, in units of the patches' deviation.
    """
    for name, images in (("real", real), ("fake", fake)):
        check_images(name, images)
        need(bool(images.isfinite().all()), f"{name} holds a NaN or an infinity, expected finite pixels")
    shapes = tuple(real.shape), tuple(fake.shape)
    need(shapes[0] == shapes[1], f"real has shape {shapes[0]} but fake has {shapes[1]}, expected the same")
    need(real.device == fake.device, f"real is on {real.device} but fake on {fake.device}, expected the same device")
    need(patches >= 1 and directions >= 1, f"patches is {patches} and directions is {directions}, expected at least 1")
    sides, exact = _sides(*real.shape[-2:]), torch.promote_types(real.dtype, fake.dtype)
    sets = [_cut(images.detach().to(exact), len(sides), patches, generator) for images in (real, fake)]
    values = []
    for a, b in zip(*sets, strict=True):
        scale = _scale(a)
        a, b = _standard(a, *scale), _standard(b, *(scale if shared_scale else _scale(b)))
        values.append(1000 * _sliced(a.flatten(1), b.flatten(1), directions, generator))
    by_level = torch.stack(values)
    return PatchDistances(by_level.mean().item(), by_level, sides, len(real) * patches)


def laplacian_pyramid(images: Tensor, levels: int) -> list[Tensor]:
    r"""The differences of images `(N, C, H, W)` to their blurred halves, finest first, and the last half.

    References:
        | The Laplacian Pyramid as a Compact Image Code (Burt & Adelson, 1983)
        | https://doi.org/10.1109/TCOM.1983.1095851
    """
    pyramid = [images]
    for _ in range(levels - 1):
        half = _blurred(pyramid[-1])[:, :, ::2, ::2]
        up = half.new_zeros(pyramid[-1].shape)
        up[:, :, ::2, ::2] = half
        pyramid[-1] = pyramid[-1] - 4 * _blurred(up)
        pyramid.append(half)
    return pyramid


def _sides(height: int, width: int) -> tuple[int, ...]:
    side, sides = height, [height]
    while side > COARSEST and side % 2 == 0:
        side //= 2
        sides.append(side)
    need(
        height == width and side == COARSEST, f"images have {height} x {width} pixels, expected 16, 32, 64, ... squared"
    )
    return tuple(sides)


def _blurred(x: Tensor) -> Tensor:
    taps = torch.tensor(TAPS, dtype=x.dtype, device=x.device)
    flat = pad(x.flatten(0, 1).unsqueeze(1), (2, 2, 2, 2), mode="reflect")
    return conv2d(conv2d(flat, taps.view(1, 1, -1, 1)), taps.view(1, 1, 1, -1)).reshape(x.shape)


def _cut(images: Tensor, levels: int, patches: int, generator: torch.Generator) -> list[Tensor]:
    """Random patches of each level, in float32 at least, with shape `(N * patches, C, 7, 7)`."""
    kept = torch.promote_types(images.dtype, torch.float32)
    parts: list[list[Tensor]] = [[] for _ in range(levels)]
    for batch in images.split(IMAGES):
        for part, level in zip(parts, laplacian_pyramid(batch.to(kept), levels), strict=True):
            part.append(_patches(level, patches, generator))
    return [torch.cat(part) for part in parts]


def _patches(images: Tensor, count: int, generator: torch.Generator) -> Tensor:
    n, _, height, width = images.shape
    corners = [
        torch.randint(side - PATCH + 1, (n, count, 1, 1), generator=generator, device=generator.device)
        for side in (height, width)
    ]
    span = torch.arange(PATCH, device=images.device)
    rows = corners[0].to(images.device) + span[:, None]
    columns = corners[1].to(images.device) + span
    which = torch.arange(n, device=images.device).view(n, 1, 1, 1)
    return images.movedim(1, -1)[which, rows, columns].flatten(0, 1).movedim(-1, 1)


def _scale(patches: Tensor) -> tuple[Tensor, Tensor]:
    """The mean and deviation of each channel; 1 where it is constant."""
    values = patches.double()
    mean, deviation = values.mean(dim=(0, 2, 3), keepdim=True), values.std(dim=(0, 2, 3), keepdim=True, correction=0)
    return mean, torch.where(deviation > 0, deviation, 1)


def _standard(patches: Tensor, mean: Tensor, deviation: Tensor) -> Tensor:
    return ((patches - mean) / deviation).to(patches.dtype)


def _sliced(a: Tensor, b: Tensor, directions: int, generator: torch.Generator) -> Tensor:
    theta = torch.randn(a.shape[1], directions, generator=generator, device=generator.device, dtype=torch.float64)
    theta = (theta / theta.norm(dim=0)).to(a)
    gaps = [
        (_sorted(a @ some) - _sorted(b @ some)).abs().mean(dim=0, dtype=torch.float64)
        for some in theta.split(DIRECTIONS, dim=1)
    ]
    return torch.cat(gaps).mean()


def _sorted(x: Tensor) -> Tensor:
    return x.sort(dim=0).values
