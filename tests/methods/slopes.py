"""Gradients against finite differences along a few directions, for games with noise, fixed roles or steps ahead."""

from dataclasses import replace

import torch
from torch.func import grad

from modescope.core import Batch, Method, Networks
from modescope.testing import Case, glimpse, moved


def warm(method: Method) -> tuple[Networks, Batch]:
    """The networks after two rounds of the game, so that their optimisers have moments, and a batch."""
    nets, batch = glimpse(Case(method=method))
    for _ in range(2):
        for player in method.players():
            nets = nets.descend(player, replace(batch, z=batch.z.roll(1, 0)))
    return nets, batch


def check_slopes(method: Method, step: float = 1e-6, tolerance: float = 1e-5) -> None:
    """Every player's gradient is the finite difference of its loss, along directions that a seed draws."""
    nets, batch = warm(method)
    for player in method.players():
        here = nets.flats[player.name]
        found = grad(lambda flat, player=player: player.loss(moved(nets, player.name, flat), batch))(here)
        assert found.abs().max() > 1e-5
        for seed in range(3):
            way = torch.randn(here.shape, generator=torch.Generator().manual_seed(seed), dtype=here.dtype)
            up, down = (player.loss(moved(nets, player.name, here + s * step * way), batch) for s in (1, -1))
            torch.testing.assert_close(found @ way, (up - down) / (2 * step), rtol=tolerance, atol=tolerance)
