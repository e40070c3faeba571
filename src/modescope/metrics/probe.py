"""Small networks trained on two sets of samples, to tell them apart."""

__all__ = ["fit", "perceptron", "standardise"]

import copy
import math
from collections.abc import Callable, Iterator, Sequence

import torch
from torch import Tensor, nn

from .sets import shuffled

Objective = Callable[[nn.Module, Tensor, Tensor], Tensor]


def perceptron(inputs: int, hidden: Sequence[int], generator: torch.Generator) -> nn.Sequential:
    """A ReLU network with one linear output; PyTorch's own law of weights, drawn from `generator`, on its device."""
    layers: list[nn.Module] = []
    for width in hidden:
        layers += [_linear(inputs, width, generator), nn.ReLU()]
        inputs = width
    return nn.Sequential(*layers, _linear(inputs, 1, generator), nn.Flatten(0))


def fit(
    net: nn.Module,
    objective: Objective,
    real: Tensor,
    fake: Tensor,
    generator: torch.Generator,
    steps: int,
    batch: int,
    rate: float,
    validation: tuple[Tensor, Tensor] | None = None,
    score: Objective | None = None,
    every: int = 50,
    patience: int = 6,
) -> nn.Module:
    """Maximises `objective` by Adam on batches of both sets, without replacement until a set is used up.

    With `validation` it keeps the weights of the best `score` (or objective) on it, measured every so many steps, and
    stops when `patience` measurements in a row were no better. The first counts before any training.
    """
    optimiser = torch.optim.Adam(net.parameters(), lr=rate)
    streams = _batches(real, batch, generator), _batches(fake, batch, generator)
    best, kept, stale = -math.inf, copy.deepcopy(net.state_dict()), 0
    for step in range(steps + 1):
        if validation is not None and (step % every == 0 or step == steps):
            value = (score or objective)(net, *validation).item()
            stale = 0 if value > best else stale + 1
            if value > best:
                best, kept = value, copy.deepcopy(net.state_dict())
            if stale > patience:
                break
        if step == steps:
            break
        optimiser.zero_grad()
        (-objective(net, next(streams[0]), next(streams[1]))).backward()
        optimiser.step()
    if validation is not None:
        net.load_state_dict(kept)
    return net


def standardise(*sets: Tensor, common: bool = False) -> tuple[Tensor, Tensor]:
    """The mean and the standard deviation of the coordinates of all sets together, 1 where constant, in float64.

    With `common` all coordinates share one deviation, the root of their mean variance.
    """
    x = torch.cat([points.double() for points in sets])
    mean = x.mean(dim=0)
    gaps = x - mean
    top = gaps.abs().max().clamp(min=torch.finfo(torch.float64).tiny)  # so that squares stay finite
    variance = (gaps / top).square().mean(dim=0)
    spread = top * (variance.mean().expand_as(variance) if common else variance).sqrt()
    return mean, torch.where(spread > 0, spread, 1)


def _linear(inputs: int, outputs: int, generator: torch.Generator) -> nn.Linear:
    layer: nn.Linear = nn.utils.skip_init(nn.Linear, inputs, outputs, device=generator.device)
    bound = 1 / math.sqrt(inputs)
    nn.init.uniform_(layer.weight, -bound, bound, generator=generator)
    nn.init.uniform_(layer.bias, -bound, bound, generator=generator)
    return layer


def _batches(x: Tensor, batch: int, generator: torch.Generator) -> Iterator[Tensor]:
    while True:
        yield from shuffled(x, generator).split(batch)
