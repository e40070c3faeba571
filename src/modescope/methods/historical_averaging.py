r"""Historical averaging: players that are pulled to where they have been on average."""

__all__ = ["HistoricalAveraging"]

import math
from dataclasses import dataclass, field, replace
from typing import ClassVar

import torch
from torch import Tensor

from ..core import Batch, Method, Networks, Player, Wrapper
from ..core.errors import need
from ..core.networks import Loss
from .composition import own_key
from .gan import GAN


@dataclass(frozen=True, kw_only=True)
class HistoricalAveraging(Wrapper):
    r"""Adds :math:`w\,\| \theta - \frac1t \sum_{i=1}^t \theta_i \|^2` to the loss of every player, to damp circling.

    The mean is that of all its parameters so far, the initial ones and those after each step of the game.

    References:
        | Improved Techniques for Training GANs (Salimans et al., 2016), section 3.3
        | https://arxiv.org/abs/1606.03498

    Note:
        The paper gives no weight; the default is ours. The sum is over all of a player's parameters. A player that
        takes several steps in one of the game enters the mean once.

    Arguments:
        base: The method whose players are pulled back.
        weight: The weight :math:`w` of the term.
    """

    logistic: ClassVar[bool] = True
    separable: ClassVar[bool] = True
    pointwise: ClassVar[bool] = True
    summary: ClassVar[str] = "Every player is pulled to the mean of its weights so far, to damp circling"
    reference: ClassVar[str] = (
        "Improved Techniques for Training GANs (Salimans et al., 2016), https://arxiv.org/abs/1606.03498"
    )
    year: ClassVar[int | None] = 2016

    base: Method = field(default_factory=GAN)
    weight: float = 0.01

    def __post_init__(self) -> None:
        super().__post_init__()
        need(math.isfinite(self.weight) and self.weight >= 0, f"weight is {self.weight}, expected at least 0")

    def players(self) -> tuple[Player, ...]:
        return tuple(replace(player, loss=self.anchored(player.name, player.loss)) for player in self.base.players())

    def anchored(self, name: str, loss: Loss) -> Loss:
        """A player's loss with the term."""

        def anchored(nets: Networks, batch: Batch) -> Tensor:
            astray = nets.flats[name] - batch.memory[own_key(self, name)]
            return loss(nets, batch) + self.weight * astray.square().sum()

        return anchored

    def memory(self, nets: Networks) -> dict[str, Tensor]:
        means = {own_key(self, player.name): nets.flats[player.name] for player in self.base.players()}
        return {**self.base.memory(nets), **means, own_key(self, "count"): torch.ones(())}

    def remember(self, nets: Networks, batch: Batch) -> dict[str, Tensor]:
        now = {own_key(self, "count"): batch.memory[own_key(self, "count")] + 1}
        for player in self.base.players():
            key = own_key(self, player.name)
            mean = batch.memory[key]
            now[key] = mean + (nets.flats[player.name] - mean) / now[own_key(self, "count")]
        return {**self.base.remember(nets, batch), **now}
