r"""Convolutional networks of images, as DCGAN and its ports have them.

Samples are flat rows, as everywhere; these networks fold them into images of the data set's shape `(C, H, W)`. Channels
are the first axis, so samples that PacGAN packs side by side are images with as many times the channels.
"""

__all__ = ["ConvCritic", "ConvGenerator"]

from dataclasses import dataclass
from itertools import pairwise
from math import prod
from typing import Literal

import torch
from torch import Tensor, nn

from ..core.errors import need
from .layers import BatchNorm
from .shapes import Shape, halved, image_channels, need_channels, plane, whole_images

Head = Literal["tanh", "sigmoid", "linear"]
HEADS: dict[str, type[nn.Module]] = {"tanh": nn.Tanh, "sigmoid": nn.Sigmoid, "linear": nn.Identity}


@dataclass(frozen=True, kw_only=True)
class ConvGenerator:
    """Latents to images: one linear map to a small image of many channels, then layers that double its size.

    References:
        | Unsupervised Representation Learning with Deep Convolutional Generative Adversarial Networks
        | (Radford et al., 2015), section 3
        | https://arxiv.org/abs/1511.06434

    Note:
        Sizes are halved from the image's own, rounded up (28, 14, 7, 4, 2), and doubled back, so any size will do.

    Arguments:
        channels: The channels of each layer, from the latents to the image.
        kernel: The width of a filter, odd.
        batch_norm: Whether each layer but the last is normalised over its batch.
        last: Whether the image is made by a layer that doubles its size (``double``, as DCGAN), or by one of stride 1
            after as many doublings (``same``).
        head: What the last layer's output passes through.
        init: The standard deviation of the initial weights; biases start at 0.
    """

    channels: tuple[int, ...] = (512, 256, 128, 64)
    kernel: int = 5
    batch_norm: bool = True
    last: Literal["double", "same"] = "double"
    head: Head = "tanh"
    init: float = 0.02

    def __post_init__(self) -> None:
        need_channels(self.channels)
        need_odd(self.kernel)
        need(self.last in ("double", "same"), f"last is {self.last!r}, expected double or same")
        need(self.head in HEADS, f"head is {self.head!r}, expected one of {', '.join(HEADS)}")

    def build(self, inputs: int, outputs: int, shape: Shape = (), extra: int = 0) -> nn.Module:
        """A fresh network from `(N, inputs)` to `(N, outputs)`, images with height and width of `shape`."""
        size = plane(shape, type(self).__name__)
        image = image_channels(outputs, size, type(self).__name__)
        sizes = halved(size, len(self.channels) - (self.last == "same"))
        first, *_ = self.channels
        layers = [nn.Linear(inputs, first * prod(sizes[0])), nn.Unflatten(1, (first, *sizes[0])), *self.after(first)]
        for (before, after), (small, large) in zip(pairwise(self.channels), pairwise(sizes), strict=False):
            layers += [self.double(before, after, small, large), *self.after(after)]
        if self.last == "double":
            layers.append(self.double(self.channels[-1], image, sizes[-2], sizes[-1]))
        else:
            layers.append(nn.Conv2d(self.channels[-1], image, self.kernel, padding=self.kernel // 2))
        network = nn.Sequential(*layers, HEADS[self.head](), nn.Flatten())
        return drawn(network, self.init)

    def double(self, before: int, after: int, small: Shape, large: Shape) -> nn.Module:
        """A layer from one size to the next."""
        odd = tuple(int(b == 2 * a) for a, b in zip(small, large, strict=True))
        return nn.ConvTranspose2d(
            before, after, self.kernel, stride=2, padding=self.kernel // 2, output_padding=(odd[0], odd[1])
        )

    def after(self, channels: int) -> list[nn.Module]:
        """What follows each layer but the last."""
        return [*([BatchNorm(channels)] if self.batch_norm else []), nn.ReLU()]


@dataclass(frozen=True, kw_only=True)
class ConvCritic:
    """Images to scores: layers of stride 2, then one linear map. An encoder is built the same way.

    What is joined to an image, such as the latents that ALI's critic sees, passes through one layer of its own, and
    meets the image's features in a further one.

    References:
        | Unsupervised Representation Learning with Deep Convolutional Generative Adversarial Networks
        | (Radford et al., 2015), section 3
        | https://arxiv.org/abs/1511.06434

    Arguments:
        channels: The channels of each layer.
        kernel: The width of a filter, odd.
        batch_norm: Which layers are normalised over their batch: ``none``, ``all``, or ``inner``, all but the first.
        slope: The slope of the leaky rectifier below 0.
        joined: The width of both layers that take what is joined to an image.
        init: The standard deviation of the initial weights; biases start at 0.
    """

    channels: tuple[int, ...] = (64, 128, 256, 512)
    kernel: int = 5
    batch_norm: Literal["none", "inner", "all"] = "inner"
    slope: float = 0.2
    joined: int = 512
    init: float = 0.02

    def __post_init__(self) -> None:
        need_channels(self.channels)
        need_odd(self.kernel)
        valid = ("none", "inner", "all")
        need(self.batch_norm in valid, f"batch_norm is {self.batch_norm!r}, expected one of {', '.join(valid)}")
        need(self.joined >= 1, f"joined is {self.joined}, expected at least 1")

    def build(self, inputs: int, outputs: int, shape: Shape = (), extra: int = 0) -> nn.Module:
        """A fresh network from `(N, inputs)`, images of `shape` and `extra` numbers each, to `(N, outputs)`."""
        height, width = plane(shape, type(self).__name__)
        channels = whole_images(inputs - extra, shape, type(self).__name__)
        body: list[nn.Module] = [nn.Unflatten(1, (channels, height, width))]
        for layer, (before, after) in enumerate(pairwise((channels, *self.channels))):
            body.append(nn.Conv2d(before, after, self.kernel, stride=2, padding=self.kernel // 2))
            if self.batch_norm == "all" or (self.batch_norm == "inner" and layer > 0):
                body.append(BatchNorm(after))
            body.append(nn.LeakyReLU(self.slope))
        body.append(nn.Flatten())
        features = self.channels[-1] * prod(halved((height, width), len(self.channels))[0])
        if extra:
            body = [Joined(nn.Sequential(*body), inputs - extra, extra, self.joined), *self.meeting(features)]
            features = self.joined
        return drawn(nn.Sequential(*body, nn.Linear(features, outputs)), self.init)

    def meeting(self, features: int) -> list[nn.Module]:
        """The layer in which the image's features meet those of what is joined to it."""
        return [nn.Linear(features + self.joined, self.joined), nn.LeakyReLU(self.slope)]


class Joined(nn.Module):
    """The features of an image, beside those of what is joined to it.

    Arguments:
        body: From images `(N, inputs)` to features.
        inputs: The numbers of an image.
        extra: The numbers that are joined to it.
        width: The number of their features.
    """

    def __init__(self, body: nn.Module, inputs: int, extra: int, width: int) -> None:
        super().__init__()
        self.body, self.sizes = body, (inputs, extra)
        self.side = nn.Sequential(nn.Linear(extra, width), nn.LeakyReLU(0.2))

    def forward(self, x: Tensor) -> Tensor:
        """Maps `(N, inputs + extra)` to features `(N, F + width)`."""
        image, joined = x.split(self.sizes, 1)
        return torch.cat([self.body(image), self.side(joined)], 1)


def need_odd(kernel: int) -> None:
    """Refuses filters that have no middle."""
    need(kernel >= 1 and kernel % 2 == 1, f"kernel is {kernel}, expected an odd number of at least 1")


def drawn(network: nn.Module, std: float) -> nn.Module:
    """The network with normal weights and no biases; scales of a batch normalisation are drawn about 1 likewise."""
    for module in network.modules():
        if isinstance(module, nn.Linear | nn.Conv2d | nn.ConvTranspose2d):
            nn.init.normal_(module.weight, std=std)
            assert module.bias is not None
            nn.init.zeros_(module.bias)
        elif isinstance(module, BatchNorm):
            nn.init.normal_(module.weight, 1.0, std)
    return network
