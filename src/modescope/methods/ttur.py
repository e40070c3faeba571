r"""TTUR: a critic that learns at a rate of its own."""

__all__ = ["TTUR"]

import math
from dataclasses import dataclass, field, replace
from typing import ClassVar

from ..core import Method, Player, Wrapper
from ..core.errors import need
from ..core.method import Changes
from .gan import GAN


@dataclass(frozen=True, kw_only=True)
class TTUR(Wrapper):
    r"""Multiplies the learning rate of all players but the generator's, so that critics keep up with it.

    With rates :math:`b_n` of the critic and :math:`a_n` of the generator of which the second falls faster,
    :math:`a_n / b_n \to 0`, the game converges to a local equilibrium under the conditions of theorem 1. In practice
    both are constant, and their ratio is `ratio`.

    References:
        | GANs Trained by a Two Time-Scale Update Rule Converge to a Local Nash Equilibrium (Heusel et al., 2017),
        | section 2
        | https://arxiv.org/abs/1706.08500

    Note:
        The same as a training with ``critic_lr`` at `ratio` times ``lr``; as a method it has a name in tables,
        composes, and sweeps relative to ``lr``. A ``critic_lr`` that is given is multiplied too. The default is the
        paper's for WGAN-GP on images, :math:`3 \cdot 10^{-4}` to :math:`10^{-4}` with one critic step in place of five.

    Arguments:
        base: The method whose critics learn at another rate.
        ratio: What multiplies the learning rate of all players but the generator's.
    """

    logistic: ClassVar[bool] = True
    separable: ClassVar[bool] = True
    pointwise: ClassVar[bool] = True
    changes: ClassVar[Changes] = "update rule"
    summary: ClassVar[str] = "The critic learns at a multiple of the generator's rate"
    reference: ClassVar[str] = (
        "GANs Trained by a Two Time-Scale Update Rule Converge to a Local Nash Equilibrium (Heusel et al., 2017), "
        "https://arxiv.org/abs/1706.08500"
    )
    year: ClassVar[int | None] = 2017

    base: Method = field(default_factory=GAN)
    ratio: float = 3.0

    def __post_init__(self) -> None:
        super().__post_init__()
        need(math.isfinite(self.ratio) and self.ratio > 0, f"ratio is {self.ratio}, expected more than 0")

    def players(self) -> tuple[Player, ...]:
        return tuple(
            player if "generator" in player.trains else replace(player, rate=player.rate * self.ratio)
            for player in self.base.players()
        )
