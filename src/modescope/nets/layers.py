"""Layers that work inside the population's tensor program."""

__all__ = ["BatchNorm", "Maxout", "Scale"]

import torch
from torch import Tensor, nn
from torch.nn.functional import batch_norm

WIDEST = 2**20  # units of a layer, and coordinates of a latent: a slip of the finger should not fill the memory


class Maxout(nn.Module):
    r"""The largest of several linear maps, :math:`\max_k W_k x + b_k`.

    References:
        | Maxout Networks (Goodfellow et al., 2013)
        | https://arxiv.org/abs/1302.4389

    Arguments:
        inputs: The number of input features.
        outputs: The number of output features.
        pieces: The number of linear maps.
    """

    def __init__(self, inputs: int, outputs: int, pieces: int = 5) -> None:
        super().__init__()
        self.pieces = pieces
        self.linear = nn.Linear(inputs, outputs * pieces)

    def forward(self, x: Tensor) -> Tensor:
        """Maps `(N, inputs)` to `(N, outputs)`."""
        return self.linear(x).unflatten(-1, (-1, self.pieces)).amax(-1)


class BatchNorm(nn.Module):
    r"""Normalises each feature by the mean and variance of its batch.

    References:
        | Batch Normalization: Accelerating Deep Network Training by Reducing Internal Covariate Shift
        | (Ioffe & Szegedy, 2015)
        | https://arxiv.org/abs/1502.03167

    Note:
        No running average is kept: at evaluation too, the statistics are those of the batch, and the engine evaluates
        every sample in the company of at least 1,024 latents. That suits averaged weights, for which a running average
        taken along training is wrong.

    Arguments:
        features: The number of features.
        eps: Added to the variance.
    """

    over_batch = True

    def __init__(self, features: int, eps: float = 1e-5) -> None:
        super().__init__()
        self.eps = eps
        self.weight = nn.Parameter(torch.ones(features))
        self.bias = nn.Parameter(torch.zeros(features))

    def forward(self, x: Tensor) -> Tensor:
        """Normalises `(N, features)`, or images `(N, features, H, W)` over all their places."""
        if x.ndim > 2:  # one fused operation, where memory and not arithmetic takes the time
            return batch_norm(x, None, None, self.weight, self.bias, training=True, eps=self.eps)
        centred = x - x.mean(0)
        return centred * (centred.square().mean(0) + self.eps).rsqrt() * self.weight + self.bias


class Scale(nn.Module):
    """Multiplies its input by a constant.

    Arguments:
        factor: The constant.
    """

    def __init__(self, factor: float) -> None:
        super().__init__()
        self.factor = factor

    def forward(self, x: Tensor) -> Tensor:
        """Scales a tensor of any shape."""
        return x * self.factor
