r"""Wasserstein GAN with clipped weights."""

__all__ = ["WGAN"]

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, ClassVar

from torch import Tensor

from ..core import Batch, Networks, Player, TwoPlayer
from ..core.errors import need
from ..core.method import Changes
from .long_rounds import check_rounds, moves_in_rounds
from .slopes import steepest_slope


@dataclass(frozen=True, kw_only=True)
class WGAN(TwoPlayer):
    r"""A critic that cannot be steep, so that its scores measure how far mass must move.

    The critic descends :math:`\mathbb{E}_z s(G(z)) - \mathbb{E}_p s(x)` and is clipped after each step, every weight to
    :math:`[-c, c]`; the generator descends :math:`-\mathbb{E}_z s(G(z))`. Clipped critics share some Lipschitz
    constant :math:`K`, so the best of them measures at most :math:`K` times the Wasserstein-1 distance. Along training
    `steepest_slope` records the largest norm of the critic's slope between reals and fakes, which :math:`K` bounds.

    References:
        | Wasserstein GAN (Arjovsky et al., 2017), algorithm 1
        | https://arxiv.org/abs/1701.07875

    Note:
        The paper's algorithm clips after each step of the critic, as here. The official code clips before, so that the
        critic which its generator meets may lie a step outside the box. The code also has the opposite sign, the
        critic low on reals; the game is the same.

        :math:`K` is at most the product of the layers' norms, and a clipped layer from :math:`n` to :math:`m` numbers
        has a norm of at most :math:`c \sqrt{nm}`: it hangs on the widths and the depth, and nothing holds it to 1. So
        the critic's loss is a distance in units that change with the network.

        The code's critic takes 100 steps, not 5, before each of the generator's first 25 steps and before every 500th
        from its 501st on. `long_rounds` does the same: as one step of the game holds `critic_steps` critic steps, the
        generator is held until 100 are done. A run of :math:`n` steps then has fewer steps of the generator; its first
        25 take 500 steps of the game at the default `critic_steps`. The setting ``order`` must be ``critic-first``.

        RMSprop at :math:`5 \cdot 10^{-5}` is the paper's, which finds momentum harmful here; it is slow on toy data.

    Arguments:
        critic_steps: Critic steps before each generator step; a divisor of 100 with `long_rounds`.
        clip: The largest size :math:`c` of the critic's weights.
        long_rounds: Whether the critic takes 100 steps early on and every now and then, as in the official code.
    """

    separable: ClassVar[bool] = True
    pointwise: ClassVar[bool] = True
    training: ClassVar[Mapping[str, Any]] = {"optimizer": "rmsprop", "lr": 5e-5}
    changes: ClassVar[Changes] = "critic"
    summary: ClassVar[str] = "A critic with clipped weights, whose scores measure a transport distance"
    reference: ClassVar[str] = "Wasserstein GAN (Arjovsky et al., 2017), https://arxiv.org/abs/1701.07875"
    year: ClassVar[int | None] = 2017

    critic_steps: int = 5
    clip: float = 0.01
    long_rounds: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        need(math.isfinite(self.clip) and self.clip > 0, f"clip is {self.clip}, expected more than 0")
        if self.long_rounds:
            check_rounds(self.critic_steps)

    def players(self) -> tuple[Player, ...]:
        critic, generator = super().players()
        critic = replace(critic, project={"discriminator": lambda weights: weights.clamp(-self.clip, self.clip)})
        if self.long_rounds:
            generator = replace(generator, moves=partial(moves_in_rounds, self.critic_steps))
        return critic, generator

    def discriminator_loss(self, nets: Networks, batch: Batch) -> Tensor:
        G, D = nets["generator"], nets["discriminator"]
        return D(G(batch.z)).mean() - D(batch.real).mean()

    def generator_loss(self, nets: Networks, batch: Batch) -> Tensor:
        return -nets["discriminator"](nets["generator"](batch.z)).mean()

    def observe(self, nets: Networks, batch: Batch) -> dict[str, Tensor]:
        return {**super().observe(nets, batch), "steepest_slope": steepest_slope(nets, batch)}
