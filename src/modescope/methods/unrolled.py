r"""Unrolled GAN: a generator that foresees how its critic will answer."""

__all__ = ["UnrolledGAN"]

from dataclasses import dataclass, field, replace
from typing import ClassVar

from torch import Tensor

from ..core import Batch, Method, Networks, Player, Wrapper
from ..core.errors import need
from ..core.method import Changes
from ..core.networks import Loss
from .composition import need_fit
from .gan import GAN


def default_base() -> GAN:
    """The game of the paper, a value that one side ascends and the other descends."""
    return GAN(saturating=True)


@dataclass(frozen=True, kw_only=True)
class UnrolledGAN(Wrapper):
    r"""Lets the generator descend its loss at the critic that will have answered, not at the critic of today.

    Every player of `base` but the generator's takes :math:`K` steps that are not kept,

    .. math:: \theta_D^{k+1} = \theta_D^k - \mathrm{Adam}(\nabla_{\theta_D} L_D(\theta_G, \theta_D^k)),

    and the generator descends :math:`f_K(\theta_G) = L_G(\theta_G, \theta_D^K(\theta_G))`, with the gradient *through*
    the :math:`K` steps. To leave one mode for another no longer pays, since the critic's answer is foreseen. The
    critic then takes one ordinary step, as in `base`.

    References:
        | Unrolled Generative Adversarial Networks (Metz et al., 2017), equations 5 to 9
        | https://arxiv.org/abs/1611.02163

    Note:
        The inner steps follow the run's own optimiser from its current state, Adam's moments included, all on the batch
        of the generator's step. Several critic players answer in turn, each once in each of the :math:`K` rounds.

        The default base descends the negated value, as the official notebook does. It matters that this loss keeps the
        term of the real samples, :math:`\mathbb{E}_p \log D(x)`: it is a constant to the generator of a plain GAN, but
        depends on it through :math:`\theta_D^K`. A base whose generator's loss has no such term (the non-saturating
        GAN, LSGAN) is unrolled as it is written.

        A step with :math:`K = 5` takes the time of 4 to 7 plain ones, as :math:`G(z)` is computed once.

    Arguments:
        base: The method whose generator looks ahead.
        unroll: The number of steps that it looks ahead, :math:`K`; 0 is `base` itself.
    """

    changes: ClassVar[Changes] = "update rule"
    summary: ClassVar[str] = "The generator descends through the critic's next steps, so it foresees the answer"
    reference: ClassVar[str] = (
        "Unrolled Generative Adversarial Networks (Metz et al., 2017), https://arxiv.org/abs/1611.02163"
    )
    year: ClassVar[int | None] = 2017

    base: Method = field(default_factory=default_base)
    unroll: int = 5

    def __post_init__(self) -> None:
        super().__post_init__()
        good = isinstance(self.unroll, int) and self.unroll >= 0
        need(good, f"unroll is {self.unroll!r}, expected a whole number of at least 0")
        need_fit(self, lambda method: bool(answers(method)), "no player of its base answers its generator")

    @property
    def gradient_steps(self) -> int:
        ahead = self.unroll * len(answers(self.base))
        mine = sum(player.steps for player in self.base.players() if "generator" in player.trains)
        return self.base.gradient_steps + ahead * mine

    def players(self) -> tuple[Player, ...]:
        return tuple(
            replace(player, loss=self.foreseen(player.loss)) if "generator" in player.trains else player
            for player in self.base.players()
        )

    def foreseen(self, loss: Loss) -> Loss:
        """The same loss, after the critics' next steps."""
        answering = answers(self.base)

        def unrolled(nets: Networks, batch: Batch) -> Tensor:
            for _ in range(self.unroll):
                for player in answering:
                    nets = nets.descend(player, batch)
            return loss(nets, batch)

        return unrolled


def answers(method: Method) -> list[Player]:
    """The players of a method that answer its generator."""
    return [player for player in method.players() if "generator" not in player.trains]
