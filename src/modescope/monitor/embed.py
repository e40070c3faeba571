"""What the monitor sees of samples: short vectors, taken wherever the samples are, and kept on the CPU."""

__all__ = ["Embedding"]

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn.functional import conv2d, interpolate, leaky_relu

from ..core.errors import need
from ..core.untouched import evaluated, untouched_randomness
from ..features import RandomConv
from ..features.random_conv import SLOPE
from ..features.resize import colour

POINT_DIM = 64  # up to this dimension points are looked at as they are
PICTURES = (1, 3)  # channels
SIDE = 32  # of images, in pixels: a quarter of the cost of features for a diagnosis


class Embedding:
    r"""Samples as vectors in which distances mean something, cheaply.

    Points of at most 64 coordinates stay as they are; longer ones, and anything that is neither points nor images, are
    flattened and projected on 64 random directions, which keep distances. Images with 1 or 3 channels are averaged down
    to 32 x 32 pixels and go through the untrained network :class:`modescope.features.RandomConv`. It has no biases, so
    a wider range of the pixels only widens the features.

    No gradient is taken, none is kept, and no random number of PyTorch's own stream is used.

    Arguments:
        features: A function from samples to vectors `(B, F)` instead, such as a trained network; a module computes in
            evaluation mode, and is left as it was.
        pixels: What black and white of 8-bit images are in the images of floats that they are compared with.
        seed: Of the random directions and weights.
    """

    def __init__(
        self,
        features: Callable[[Tensor], Tensor] | None = None,
        pixels: tuple[float, float] = (-1.0, 1.0),
        seed: int = 0,
    ) -> None:
        self.features, self.pixels, self.seed = features, pixels, seed
        self.size: int | None = None  # of a sample of points, once seen
        self.dim: int | None = None
        self.networks: dict[str, RandomConv] = {}
        self.projections: dict[tuple[int, str], Tensor] = {}

    def __call__(self, samples: Tensor) -> Tensor:
        r"""The vectors of samples of shape :math:`(B, \dots)`: float32 on the CPU, with shape :math:`(B, F)`."""
        floats = self.as_floats(samples.detach())
        with torch.no_grad(), torch.autocast(samples.device.type, enabled=False):
            found = self.vectors(floats)
        need(
            found.ndim == 2 and len(found) == len(samples),
            f"features have shape {tuple(found.shape)} for {len(samples)} samples, expected (B, F)",
        )
        need(
            self.dim in (None, found.shape[1]),
            f"features have {found.shape[1]} coordinates, expected {self.dim} as before",
        )
        self.dim = found.shape[1]
        return found.detach().to("cpu", torch.float32)

    def as_floats(self, samples: Tensor) -> Tensor:
        """Samples in float32, where 8-bit images have the range of those of floats."""
        dense = samples.layout is torch.strided and not samples.is_meta
        need(dense and not samples.is_complex(), "samples are complex, sparse or on no device, expected real numbers")
        need(samples.ndim > 1, f"samples have shape {tuple(samples.shape)}, expected one axis more than a sample has")
        if samples.dtype == torch.uint8 and samples.ndim == 4:
            black, white = self.pixels
            return samples.float() * ((white - black) / 255) + black
        return samples.float()

    def vectors(self, samples: Tensor) -> Tensor:
        """The features, on the samples' device."""
        if self.features is not None:
            with evaluated(self.features), untouched_randomness():
                return self.features(samples)
        if samples.ndim == 4 and samples.shape[1] in PICTURES:
            return self.picture(samples)
        flat = samples.flatten(1)
        need(
            self.size in (None, flat.shape[1]),
            f"samples have {flat.shape[1]} coordinates, expected {self.size} as before",
        )
        self.size = flat.shape[1]
        return flat if flat.shape[1] <= POINT_DIM else flat @ self.projection(flat.shape[1], flat.device)

    def picture(self, images: Tensor) -> Tensor:
        """The averages of each layer of the untrained network, of images `(B, C, H, W)`."""
        key = str(images.device)
        if key not in self.networks:
            self.networks[key] = RandomConv(self.seed, key)
        hidden = colour(interpolate(images, (SIDE, SIDE), mode="area"))
        means = []
        for weight in self.networks[key].weights:
            hidden = leaky_relu(conv2d(hidden, weight, stride=2, padding=1), SLOPE)
            means.append(hidden.mean((2, 3)))
        return torch.cat(means, 1)

    def projection(self, size: int, device: torch.device) -> Tensor:
        """Random directions, with shape `(size, 64)`, that keep squared lengths on average."""
        key = (size, str(device))
        if key not in self.projections:
            generator = torch.Generator().manual_seed(self.seed)
            self.projections[key] = (torch.randn(size, POINT_DIM, generator=generator) / POINT_DIM**0.5).to(device)
        return self.projections[key]
