"""A classifier that tells which class a generated image is of."""

__all__ = ["JUDGES", "WEIGHTS", "Judge", "Pixels", "judge", "read_judge"]

from collections.abc import Callable
from copy import deepcopy
from functools import cache, cached_property
from pathlib import Path
from typing import Literal

import torch
from safetensors.torch import load
from torch import Tensor

from ..core.errors import nearest_name, need
from .card import Card, digest
from .net import SIDE, JudgeNet

Pixels = Literal["0 to 1", "-1 to 1"]

JUDGES = ("mnist", "fashion-mnist")
WEIGHTS = Path(__file__).with_name("weights")
LOWEST = {"0 to 1": 0.0, "-1 to 1": -1.0}
SLACK = 1e-3  # beyond the range, for rounding
BATCH = 512  # images that the network sees at once, which take some 30 MB


class Judge:
    """A small convolutional network trained on real images, with what is known of its errors.

    Images are floating numbers with shape `(N, 1, 28, 28)` or `(N, 784)` on any device, light on dark as in the set
    that the judge was trained on. Results are where the images are.

    Arguments:
        card: What is known of it.
        net: The network without batch norms, on the CPU.

    Attributes:
        name: The set of images that it was trained on.
        card: What is known of it.
    """

    def __init__(self, card: Card, net: JudgeNet) -> None:
        self.name, self.card = card.name, card
        self._nets = {torch.device("cpu"): net}

    @property
    def accuracy(self) -> float:
        """The share of test images that get the right label."""
        return self.card.accuracy

    @cached_property
    def confusion(self) -> Tensor:
        """How many test images of each class (row) get each label (column), int64 with shape `(10, 10)`."""
        return torch.tensor(self.card.confusion)

    def labels(self, x: Tensor, pixels: Pixels = "0 to 1") -> Tensor:
        """The most likely class of each image.

        Arguments:
            x: Images, with shape `(N, 1, 28, 28)` or `(N, 784)`.
            pixels: The range that runs from dark to light.

        Raises:
            ModescopeError: If the shape does not fit, or a pixel is NaN or out of range.

        Returns:
            Whole numbers from 0 to 9, int64 with shape `(N)`.
        """
        return self.logits(x, pixels).argmax(dim=1)

    def probabilities(self, x: Tensor, pixels: Pixels = "0 to 1") -> Tensor:
        """The probability of each class, with shape `(N, 10)`; arguments and errors as of :meth:`labels`."""
        return self.logits(x, pixels).softmax(dim=1)

    def logits(self, x: Tensor, pixels: Pixels = "0 to 1") -> Tensor:
        """The logarithms of the probabilities, up to a constant, with shape `(N, 10)`."""
        return self._each_batch(x, pixels, 1, lambda net, images: net(images))

    def features(self, x: Tensor, pixels: Pixels = "0 to 1") -> Tensor:
        """The last hidden layer averaged over the image, with shape `(N, 128)`."""
        return self._each_batch(x, pixels, 1, lambda net, images: net.features(images).mean(dim=(2, 3)))

    def stacked_labels(self, x: Tensor, pixels: Pixels = "0 to 1") -> Tensor:
        r"""The number that three digits make, :math:`100 a + 10 b + c`, of the channels in their order.

        References:
            | Unrolled Generative Adversarial Networks (Metz et al., 2017), section 3.3.1
            | https://arxiv.org/abs/1611.02163

        Arguments:
            x: Images of three channels, with shape `(N, 3, 28, 28)` or `(N, 2352)`.
            pixels: The range that runs from dark to light.

        Raises:
            ModescopeError: If the shape does not fit, or a pixel is NaN or out of range.

        Returns:
            Whole numbers from 0 to 999, int64 with shape `(N)`.
        """
        digits = self._each_batch(x, pixels, 3, lambda net, images: net(images).argmax(dim=1))
        return (digits.unflatten(0, (-1, 3)) * torch.tensor([100, 10, 1], device=digits.device)).sum(dim=1)

    def _each_batch(
        self, x: Tensor, pixels: Pixels, channels: int, function: Callable[[JudgeNet, Tensor], Tensor]
    ) -> Tensor:
        """A function of the network and of each image, a channel an image, one after the other."""
        lowest = _check(x, pixels, channels)
        net = self._on(x.device)
        with torch.inference_mode():
            parts = x.reshape(-1, 1, SIDE, SIDE).split(BATCH)
            made = [function(net, (part.float() - lowest) / (1 - lowest)) for part in parts]
        return torch.cat(made).clone()

    def _on(self, device: torch.device) -> JudgeNet:
        """The network on a device."""
        if device not in self._nets:
            self._nets[device] = deepcopy(self._nets[torch.device("cpu")]).to(device)
        return self._nets[device]


def _check(x: Tensor, pixels: str, channels: int) -> float:
    """Raises unless `x` holds images; returns the value of a black pixel."""
    if pixels not in LOWEST:
        raise nearest_name("range of pixels", pixels, LOWEST)
    shapes = ((channels, SIDE, SIDE), (channels * SIDE**2,))
    need(
        tuple(x.shape[1:]) in shapes and len(x) > 0,
        f"x has shape {tuple(x.shape)}, expected (N, {channels}, {SIDE}, {SIDE}) or (N, {channels * SIDE**2})",
    )
    need(x.is_floating_point(), f"x holds {str(x.dtype).removeprefix('torch.')}, expected floats in {pixels}")
    low, high = (value.item() for value in x.aminmax())
    need(
        LOWEST[pixels] - SLACK <= low and high <= 1 + SLACK,  # false for a NaN too
        f"x runs from {low:.3g} to {high:.3g}, expected pixels from {pixels}"
        + ('; say pixels="-1 to 1" if they run from -1 to 1' if pixels == "0 to 1" and -1 - SLACK <= low < 0 else ""),
    )
    return LOWEST[pixels]


@cache
def judge(name: str) -> Judge:
    """The judge of a set of images, from its file of weights; the same object each time.

    Arguments:
        name: ``"mnist"`` or ``"fashion-mnist"``.

    Raises:
        ModescopeError: If there is no such judge, or its weights are not those that its card describes.

    Example:
        >>> judge("mnist").labels(torch.zeros(2, 784)).shape
        torch.Size([2])
    """
    if name not in JUDGES:
        raise nearest_name("judge", name, JUDGES)
    return read_judge(WEIGHTS, name)


def read_judge(folder: Path, name: str) -> Judge:
    """The judge whose weights and card are in a folder, e.g. one that you trained.

    Arguments:
        folder: Where ``NAME.safetensors`` and ``NAME.json`` are.
        name: The set of images.

    Raises:
        ModescopeError: If the weights are not those that the card describes.
    """
    card = Card.read(folder / f"{name}.json")
    path = folder / f"{name}.safetensors"
    content = path.read_bytes()
    need(
        digest(content) == card.sha256,
        f"the weights {str(path)!r} have SHA-256 {digest(content)}, expected {card.sha256} as their card says",
    )
    return Judge(card, network(content))


def network(content: bytes) -> JudgeNet:
    """The network without batch norms whose weights a safetensors file holds."""
    net = JudgeNet(norm=False)
    net.load_state_dict(load(content))
    return net.eval().requires_grad_(False).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
