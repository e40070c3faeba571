r"""D2GAN: one critic that rewards reals, and one that rewards fakes."""

__all__ = ["D2GAN"]

import math
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor
from torch.nn.functional import softplus

from ..core import Batch, Builder, Networks, Player, Space, TwoPlayer
from ..core.errors import need
from ..core.method import Changes

EPS = 1e-8  # the least value of a critic, whose logarithm would not be finite at 0


@dataclass(frozen=True, kw_only=True)
class D2GAN(TwoPlayer):
    r"""Plays against two critics of opposite preferences, to descend both KL divergences at once.

    With positive critics :math:`D_1`, which is high on reals, and :math:`D_2`, which is high on fakes, the critics
    ascend and the generator descends

    .. math::
        \alpha\,\mathbb{E}_p \log D_1(x) - \mathbb{E}_z D_1(G(z)) - \mathbb{E}_p D_2(x)
        + \beta\,\mathbb{E}_z \log D_2(G(z)).

    They are best at :math:`D_1 = \alpha p / q` and :math:`D_2 = \beta q / p`, where the value is

    .. math::
        \alpha\,\mathrm{KL}(p \| q) + \beta\,\mathrm{KL}(q \| p) + \alpha (\log \alpha - 1) + \beta (\log \beta - 1):

    the first divergence punishes missing modes, the second samples off the data.

    References:
        | Dual Discriminator Generative Adversarial Nets (Nguyen et al., 2017), equation 1 and theorem 2
        | https://arxiv.org/abs/1709.03831

    Note:
        The critics are :math:`\mathrm{softplus}(s) + 10^{-8}` of their networks' scores. There is no non-saturating
        form: with the critics frozen at their best, :math:`-D_1` has exactly the gradient of
        :math:`\alpha\,\mathrm{KL}(p \| q)` and :math:`\beta \log D_2` that of :math:`\beta\,\mathrm{KL}(q \| p)`. The
        terms of the reals are constants to the generator, except to one that is unrolled.

    Arguments:
        critic_steps: Steps of both critics before each generator step.
        alpha: The weight :math:`\alpha` of the forward KL; the paper takes it from (0, 1].
        beta: The weight :math:`\beta` of the reverse KL; likewise.
    """

    pointwise: ClassVar[bool] = True
    changes: ClassVar[Changes] = "extra networks"
    summary: ClassVar[str] = "One critic rewards reals and another fakes, so both KL divergences fall"
    reference: ClassVar[str] = (
        "Dual Discriminator Generative Adversarial Nets (Nguyen et al., 2017), https://arxiv.org/abs/1709.03831"
    )
    year: ClassVar[int | None] = 2017

    alpha: float = 1.0
    beta: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("alpha", "beta"):
            value = getattr(self, name)
            need(math.isfinite(value) and value >= 0, f"{name} is {value}, expected at least 0")

    @property
    def critics(self) -> tuple[str, ...]:
        return ("discriminator", "discriminator2")

    def networks(self, space: Space) -> dict[str, Builder]:
        return {**super().networks(space), "discriminator2": space.critic}

    def players(self) -> tuple[Player, ...]:
        return (
            Player("discriminator", self.critics, self.discriminator_loss, self.critic_steps),
            Player("generator", ("generator",), self.generator_loss),
        )

    def discriminator_loss(self, nets: Networks, batch: Batch) -> Tensor:
        return -self.generator_loss(nets, batch)

    def generator_loss(self, nets: Networks, batch: Batch) -> Tensor:
        real, fake = batch.real, nets["generator"](batch.z)
        first = self.alpha * rated(nets, "discriminator", real).log() - rated(nets, "discriminator", fake)
        second = self.beta * rated(nets, "discriminator2", fake).log() - rated(nets, "discriminator2", real)
        return first.mean() + second.mean()

    def observe(self, nets: Networks, batch: Batch) -> dict[str, Tensor]:
        second = nets["discriminator2"]
        fake = nets["generator"](batch.z)
        return {
            **super().observe(nets, batch),
            "critic2_real": second(batch.real).mean(),
            "critic2_fake": second(fake).mean(),
        }


def rated(nets: Networks, role: str, x: Tensor) -> Tensor:
    """The positive output of a critic, with shape `(N, 1)`."""
    return softplus(nets[role](x)) + EPS
