"""The network of a judge: small, fast on one core, without batch norm once it is trained."""

__all__ = ["CLASSES", "SIDE", "JudgeNet", "folded"]

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

SIDE = 28
CLASSES = 10
# kernel, stride, channels
LAYERS = ((5, 2, 32), (3, 1, 48), (3, 1, 64), (3, 1, 96), (3, 1, 128))


class Block(nn.Module):
    """A convolution, a batch norm while it trains, and a ReLU."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int, norm: bool) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, kernel, stride, bias=not norm)
        self.norm = nn.BatchNorm2d(outputs) if norm else None

    def forward(self, x: Tensor) -> Tensor:
        hidden = self.conv(x)
        return (hidden if self.norm is None else self.norm(hidden)).relu_()


class JudgeNet(nn.Module):
    r"""Five convolutions without padding or pooling, from 28 x 28 pixels to 4 x 4 x 128, and a linear layer.

    Without pooling the last layer sees where each feature lies, and without padding there is no edge to learn; the
    cost is 14 million operations an image.

    References:
        | An Ensemble of Simple Convolutional Neural Network Models for MNIST Digit Recognition (An et al., 2020),
          section 2.1, on networks of unpadded convolutions alone
        | https://arxiv.org/abs/2008.10400

    Note:
        Theirs have ten layers at full resolution; here the first convolution halves it, at a fiftieth of the cost.

    Arguments:
        norm: Whether there are batch norms; :func:`folded` takes them away.
    """

    def __init__(self, norm: bool = True) -> None:
        super().__init__()
        blocks, inputs, side = [], 1, SIDE
        for kernel, stride, outputs in LAYERS:
            blocks.append(Block(inputs, outputs, kernel, stride, norm))
            inputs, side = outputs, (side - kernel) // stride + 1
        self.blocks = nn.Sequential(*blocks)
        self.last = nn.Linear(inputs * side**2, CLASSES)

    def features(self, x: Tensor) -> Tensor:
        """The last hidden layer, with shape `(N, 128, 4, 4)`, of images `(N, 1, 28, 28)` in [0, 1]."""
        made: Tensor = self.blocks(x.contiguous(memory_format=torch.channels_last))
        return made

    def forward(self, x: Tensor) -> Tensor:
        """The logits, with shape `(N, 10)`."""
        logits: Tensor = self.last(self.features(x).flatten(1))
        return logits


def folded(net: JudgeNet, temperature: float = 1.0) -> JudgeNet:
    """The same function without batch norms, its logits divided by a temperature."""
    plain = JudgeNet(norm=False).eval()
    for new, old in zip(plain.blocks, net.eval().blocks, strict=True):
        assert isinstance(old, Block)
        assert old.norm is not None
        new.conv = fuse_conv_bn_eval(old.conv, old.norm)
    with torch.no_grad():
        plain.last.weight.copy_(net.last.weight / temperature)
        plain.last.bias.copy_(net.last.bias / temperature)
    return plain.requires_grad_(False)
