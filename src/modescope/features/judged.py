"""What a judge of digits or of clothes sees."""

__all__ = ["JudgeFeatures"]

from torch import Tensor

from ..core.errors import need
from ..judges import judge
from ..judges.net import SIDE
from .base import Features
from .resize import resize


class JudgeFeatures(Features):
    """The last hidden layer of a judge, averaged over the image: 128 numbers for each channel.

    Each channel is an image of its own to the judge, as in Stacked MNIST; those of one image stand one after the other.

    Arguments:
        name: The judge, e.g. ``"mnist"``.
        device: Where it computes.

    Raises:
        ModescopeError: If there is no such judge.
    """

    def __init__(self, name: str, device: str = "cpu") -> None:
        need(bool(name), "judge needs the set that it was trained on, as in judge:mnist")
        self.judge = judge(name)
        self.name = f"judge:{name}"
        self.device = device
        self.protocol = (
            f"each channel at {SIDE} x {SIDE} (antialiased bicubic) in [0, 1], averages of the last convolution of "
            f"this package's classifier of {name}"
        )

    def __call__(self, batch: Tensor) -> Tensor:
        images = resize(batch.to(self.device), SIDE).clamp(0, 255) / 255
        return self.judge.features(images.flatten(0, 1).unsqueeze(1)).unflatten(0, (len(batch), -1)).flatten(1)

    def fingerprint(self) -> str:
        return f"judge 1 {self.judge.card.sha256}"
