"""Small games for wrappers, with the memory and the noise that their losses read."""

from collections.abc import Callable
from dataclasses import replace

import torch
from helpers import SPACE, close, gradient, loss, player, smooth
from torch import Tensor
from torch.func import grad

from modescope.core import Batch, Method, Networks

ROWS = 4  # of the batch of `smooth`


def furnished(method: Method) -> tuple[Networks, Batch]:
    """Random smooth networks in two dimensions, and a random batch of four at the middle of the run."""
    nets, batch = smooth(method)
    generator = torch.Generator().manual_seed(1)
    shapes = method.noise(SPACE, ROWS)
    noise = {name: torch.randn(shape, generator=generator, dtype=torch.float64) for name, shape in shapes.items()}
    return nets, replace(batch, noise=noise, memory=doubled(method.memory(nets)))


def doubled(memory: dict[str, Tensor]) -> dict[str, Tensor]:
    return {key: value.double() for key, value in memory.items()}


def moved(nets: Networks, name: str, flat: Tensor) -> Networks:
    return replace(nets, flats={**nets.flats, name: flat})


def slope_of(method: Method, name: str, nets: Networks, batch: Batch) -> Tensor:
    """The slope of a player's loss in its own parameters, with the optimisers that an unrolled step needs."""
    return grad(lambda flat: player(method, name).loss(moved(nets, name, flat), batch))(nets.flats[name])


def differences(function: Callable[[Networks], float], nets: Networks, name: str, step: float = 1e-5) -> Tensor:
    """The central finite differences of a function in a player's parameters."""
    flat = nets.flats[name]
    ways = step * torch.eye(len(flat), dtype=torch.float64)
    pairs = [(function(moved(nets, name, flat + way)), function(moved(nets, name, flat - way))) for way in ways]
    return torch.tensor([(up - down) / (2 * step) for up, down in pairs], dtype=torch.float64)


def check_slopes(method: Method, nets: Networks, batch: Batch, tolerance: float = 1e-7) -> None:
    """Every player's gradient is the finite difference of its loss."""
    for name in nets.flats:
        expected = differences(lambda moved, name=name: loss(method, name, moved, batch), nets, name)
        assert expected.abs().max() > 1e-4
        close(gradient(method, name, nets, batch), expected, tolerance)
