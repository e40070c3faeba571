r"""Residual networks of images without normalisation, after R3GAN."""

__all__ = ["ResNetCritic", "ResNetGenerator", "Residual", "Resized"]

from dataclasses import dataclass
from itertools import pairwise
from math import prod

from torch import Tensor, nn
from torch.nn.functional import interpolate

from ..core.errors import need
from .shapes import Shape, halved, image_channels, need_channels, plane, whole_images

SLOPE = 0.2  # of the leaky rectifiers below 0


class Residual(nn.Module):
    r"""Adds to an image what two convolutions make of it, :math:`x + W_2\,\phi(W_1\,\phi(x))`.

    :math:`W_2` starts at 0, so a network of any depth starts as if it had no such layers, and needs no normalisation.

    References:
        | Fixup Initialization: Residual Learning Without Normalization (Zhang et al., 2019)
        | https://arxiv.org/abs/1901.09321

    Arguments:
        channels: The channels of the image.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        first, second = (nn.Conv2d(channels, channels, 3, padding=1) for _ in range(2))
        nn.init.kaiming_normal_(first.weight, SLOPE)
        for start in (first.bias, second.weight, second.bias):
            assert start is not None
            nn.init.zeros_(start)
        self.body = nn.Sequential(nn.LeakyReLU(SLOPE), first, nn.LeakyReLU(SLOPE), second)

    def forward(self, x: Tensor) -> Tensor:
        """Maps `(N, C, H, W)` to the same shape."""
        return x + self.body(x)


class Resized(nn.Module):
    """Brings images to a size by bilinear interpolation, then to a number of channels.

    Arguments:
        before: The channels of the images.
        after: The channels that come out.
        size: The height and width that come out.
    """

    def __init__(self, before: int, after: int, size: Shape) -> None:
        super().__init__()
        self.size = size
        self.mix = nn.Conv2d(before, after, 1, bias=False)
        nn.init.kaiming_normal_(self.mix.weight, 1.0)

    def forward(self, x: Tensor) -> Tensor:
        """Maps `(N, before, h, w)` to `(N, after, H, W)`."""
        return self.mix(interpolate(x, self.size, mode="bilinear", align_corners=False))


@dataclass(frozen=True, kw_only=True)
class ResNetGenerator:
    """Latents to images: a small image of many channels, then residual layers and doublings of its size.

    References:
        | The GAN is dead; long live the GAN! A Modern GAN Baseline (Huang et al., 2024), section 4
        | https://arxiv.org/abs/2501.05441

    Note:
        R3GAN's layers have a bottleneck of grouped convolutions, three to a layer; these have two plain ones, which
        suits images of 28 x 28 and small machines.

    Arguments:
        channels: The channels at each size, from the latents to the image.
        blocks: The residual layers at each size.
    """

    channels: tuple[int, ...] = (64, 32, 16, 16)
    blocks: int = 1

    def __post_init__(self) -> None:
        need_channels(self.channels)
        need_blocks(self.blocks)

    def build(self, inputs: int, outputs: int, shape: Shape = (), extra: int = 0) -> nn.Module:
        """A fresh network from `(N, inputs)` to `(N, outputs)`, images with height and width of `shape`."""
        size = plane(shape, type(self).__name__)
        image = image_channels(outputs, size, type(self).__name__)
        sizes = halved(size, len(self.channels) - 1)
        first = self.channels[0]
        layers = [nn.Linear(inputs, first * prod(sizes[0])), nn.Unflatten(1, (first, *sizes[0]))]
        layers += residuals(first, self.blocks)
        for (before, after), size in zip(pairwise(self.channels), sizes[1:], strict=True):
            layers += [Resized(before, after, size), *residuals(after, self.blocks)]
        last = nn.Conv2d(self.channels[-1], image, 1)
        return nn.Sequential(*layers, last, nn.Flatten())


@dataclass(frozen=True, kw_only=True)
class ResNetCritic:
    """Images to scores: the mirror of :class:`ResNetGenerator`. An encoder is built the same way.

    References:
        | The GAN is dead; long live the GAN! A Modern GAN Baseline (Huang et al., 2024), section 4
        | https://arxiv.org/abs/2501.05441

    Arguments:
        channels: The channels at each size, from the image on.
        blocks: The residual layers at each size.
    """

    channels: tuple[int, ...] = (16, 16, 32, 64)
    blocks: int = 1

    def __post_init__(self) -> None:
        need_channels(self.channels)
        need_blocks(self.blocks)

    def build(self, inputs: int, outputs: int, shape: Shape = (), extra: int = 0) -> nn.Module:
        """A fresh network from `(N, inputs)`, one or more images of `shape`, to `(N, outputs)`."""
        height, width = plane(shape, type(self).__name__)
        need(
            extra == 0,
            f"a ResNetCritic sees whole images of shape {shape}, but {extra} numbers are joined to them; take the "
            "ConvCritic for a method that joins something to them",
        )
        channels = whole_images(inputs, shape, type(self).__name__)
        sizes = halved((height, width), len(self.channels) - 1)[::-1]
        layers: list[nn.Module] = [nn.Unflatten(1, (channels, height, width))]
        layers += [Resized(channels, self.channels[0], sizes[0]), *residuals(self.channels[0], self.blocks)]
        for (before, after), size in zip(pairwise(self.channels), sizes[1:], strict=True):
            layers += [Resized(before, after, size), *residuals(after, self.blocks)]
        features = self.channels[-1] * prod(sizes[-1])
        return nn.Sequential(*layers, nn.LeakyReLU(SLOPE), nn.Flatten(), nn.Linear(features, outputs))


def need_blocks(blocks: int) -> None:
    """Refuses sizes without a layer."""
    need(blocks >= 1, f"blocks is {blocks}, expected at least 1")


def residuals(channels: int, blocks: int) -> list[nn.Module]:
    """The residual layers at one size."""
    return [Residual(channels) for _ in range(blocks)]
