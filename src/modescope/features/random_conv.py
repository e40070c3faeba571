"""Features of an untrained convolutional network: no download, no taste for photographs."""

__all__ = ["RandomConv"]

import torch
from torch import Tensor
from torch.nn.functional import conv2d, leaky_relu

from .base import Features
from .resize import colour, resize

SIZE = 64
WIDTHS = (32, 64, 128, 256)
SLOPE = 0.2


class RandomConv(Features):
    r"""Averages of each layer of a network with random weights, which see colours, edges and textures.

    Four 3 x 3 convolutions of stride 2 with 32, 64, 128 and 256 channels, each followed by a leaky ReLU (0.2). The
    weights are normal with variance :math:`2 / ((1 + 0.2^2)\, 9\, C)`, which keeps the scale from layer to layer, and
    the same for everyone who gives the same seed. The features are the averages over the image of each layer's
    channels, one after the other.

    References:
        | Reliable Fidelity and Diversity Metrics for Generative Models (Naeem et al., 2020), section 4, on random
          embeddings
        | https://arxiv.org/abs/2002.09797

    Note:
        That paper takes an untrained VGG16; this network is this package's own, so numbers compare only with each
        other.

    Arguments:
        seed: What the weights come from.
        device: Where it computes.
    """

    dim = sum(WIDTHS)

    def __init__(self, seed: int = 0, device: str = "cpu") -> None:
        self.name = "random-conv" if seed == 0 else f"random-conv:{seed}"
        self.protocol = (
            f"images in colour at {SIZE} x {SIZE} (antialiased bicubic) in [-1, 1], averages of all 4 layers of an "
            f"UNTRAINED convolutional network of this package (weights of seed {seed})"
        )
        self.device = device
        self.weights = [weight.to(device) for weight in random_weights(seed)]

    def __call__(self, batch: Tensor) -> Tensor:
        hidden = resize(colour(batch.to(self.device)), SIZE) / 127.5 - 1
        means = []
        for weight in self.weights:
            hidden = leaky_relu(conv2d(hidden, weight, stride=2, padding=1), SLOPE)
            means.append(hidden.mean(dim=(2, 3)))
        return torch.cat(means, dim=1)

    def fingerprint(self) -> str:
        return f"random-conv 1 {self.name}"


def random_weights(seed: int) -> list[Tensor]:
    """The weights of the layers, each with shape `(out, in, 3, 3)`."""
    generator = torch.Generator().manual_seed(seed)
    inputs = (3, *WIDTHS[:-1])
    return [
        torch.randn(width, given, 3, 3, generator=generator) * (2 / ((1 + SLOPE**2) * 9 * given)) ** 0.5
        for given, width in zip(inputs, WIDTHS, strict=True)
    ]
