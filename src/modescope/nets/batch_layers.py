"""Layers of critics that compare the samples of a batch, for networks of your own too.

Put one before the last layer of a critic, e.g.
``nn.Sequential(nn.Linear(2, 64), nn.ReLU(), MinibatchStddevLayer(), nn.Linear(65, 1))``.
"""

__all__ = ["BatchLayer", "MinibatchDiscriminationLayer", "MinibatchStddevLayer", "before_last"]

from collections.abc import Callable
from functools import reduce
from operator import add

import torch
from torch import Tensor, nn

from ..core.errors import need
from ..core.space import Builder


class MinibatchStddevLayer(nn.Module):
    r"""Appends how much features vary within groups of samples.

    Samples :math:`i, i + N / g, i + 2 N / g, \dots` are a group of :math:`g`. The standard deviation of each feature
    over the group, :math:`\sqrt{\mathrm{Var} + 10^{-8}}`, averaged over features, is one further feature of them all.

    References:
        | Progressive Growing of GANs for Improved Quality, Stability, and Variation (Karras et al., 2017), section 3
        | https://arxiv.org/abs/1710.10196

    Arguments:
        group: The samples in a group, :math:`g`; all of the batch where it has fewer.
    """

    extra = 1  # feature that it adds
    over_batch = True

    def __init__(self, group: int = 4) -> None:
        super().__init__()
        self.group = group

    def forward(self, x: Tensor) -> Tensor:
        """Maps `(N, F)` to `(N, F + 1)`."""
        size = min(self.group, len(x))
        need(len(x) % size == 0, f"a batch of {len(x)} comes in no groups of {size}, expected a multiple")
        groups = x.unflatten(0, (size, -1))
        spread = (groups.var(0, correction=0) + 1e-8).sqrt().mean(-1, keepdim=True)
        return torch.cat([x, spread.repeat(size, 1)], -1)


class MinibatchDiscriminationLayer(nn.Module):
    r"""Appends how near each sample is to the others of its batch.

    The features :math:`h_i` of a sample are mapped to :math:`B` vectors :math:`M_{ib} = T_b h_i` of :math:`C`
    coordinates, and :math:`o_{ib} = \sum_{j \ne i} \exp(-\|M_{ib} - M_{jb}\|_1)` are :math:`B` further features.

    References:
        | Improved Techniques for Training GANs (Salimans et al., 2016), section 3.2
        | https://arxiv.org/abs/1606.03498

    Note:
        :math:`T` is a plain weight, drawn with columns of about length 1; in the official code it is normalised, with a
        learnt scale. The bias there, one for each :math:`o_b`, is that of the linear layer after it. Time and memory
        grow with :math:`N^2 B C`.

    Arguments:
        features: The number of features, :math:`F`.
        kernels: The number :math:`B` of vectors.
        dims: The number :math:`C` of their coordinates.
    """

    over_batch = True

    def __init__(self, features: int, kernels: int = 8, dims: int = 5) -> None:
        super().__init__()
        self.dims, self.extra = dims, kernels
        self.weight = nn.Parameter(torch.randn(features, kernels * dims) / features**0.5)

    def forward(self, x: Tensor) -> Tensor:
        """Maps `(N, F)` to `(N, F + B)`."""
        # One of the C coordinates (B, N) at a time: all differences at once take more memory than a cache has.
        vectors = (self.weight.T @ x.T).unflatten(0, (-1, self.dims)).unbind(1)
        distance = reduce(add, ((v.unsqueeze(-1) - v.unsqueeze(-2)).abs() for v in vectors))
        others = (-distance).exp().sum(-1) - 1  # without itself, at distance 0
        return torch.cat([x, others.T], -1)


BatchLayer = MinibatchStddevLayer | MinibatchDiscriminationLayer


def before_last(build: Builder, name: str, layer: Callable[[int], BatchLayer]) -> Builder:
    """The builder of a network, with a layer put before its last one, which is widened for what the layer adds.

    All other weights are those that `build` draws, since the layer's and the new columns of the last are drawn after
    them.

    Arguments:
        build: Builds an ``nn.Sequential`` that ends in an ``nn.Linear``.
        name: What the layer is called, for the error.
        layer: Builds the layer from its number of features; `extra` says how many it adds.

    Returns:
        The builder, which raises a `ModescopeError` if the network is another.
    """

    def widened() -> nn.Module:
        network = build()
        last = network[-1] if isinstance(network, nn.Sequential) else network
        kind = " that ends in ".join(dict.fromkeys([type(network).__name__, type(last).__name__]))
        need(
            isinstance(network, nn.Sequential) and isinstance(last, nn.Linear),
            f"the critic is a {kind}, expected an nn.Sequential that ends in an nn.Linear, to put a {name} before it; "
            f"hold a modescope.nets.batch_layers.{name} in a critic of your own instead",
        )
        assert isinstance(network, nn.Sequential)
        assert isinstance(last, nn.Linear)
        added = layer(last.in_features)
        wide = nn.Linear(last.in_features + added.extra, last.out_features, bias=last.bias is not None)
        with torch.no_grad():
            wide.weight[:, : last.in_features] = last.weight
            if last.bias is not None:
                wide.bias.copy_(last.bias)
        return nn.Sequential(*list(network)[:-1], added, wide)

    return widened
