r"""A generator that reads the density ratio off the GAN's critic, to descend any f-divergence."""

__all__ = ["RatioGAN"]

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor
from torch.nn.functional import softplus

from ..core import Batch, Networks, TwoPlayer
from ..core.errors import need
from .divergences import Name, check_row, row_of


@dataclass(frozen=True, kw_only=True)
class RatioGAN(TwoPlayer):
    r"""Trains the critic as a classifier whatever the divergence, and lets the generator alone choose one.

    The critic's score learns :math:`s = \log u` with :math:`u = p / q`: it descends
    :math:`\mathbb{E}_p\,\mathrm{softplus}(-s(x)) + \mathbb{E}_z\,\mathrm{softplus}(s(G(z)))`, as in a GAN. The
    generator descends :math:`\mathbb{E}_z\,h(u(G(z)))`, :math:`u` held, with

    .. math:: h(u) = f(u) - u f'(u),

    whose gradient at the optimal critic is exactly that of :math:`D_f(p \| q) = \int q\,f(p / q)`. For the family
    ``alpha``, :math:`h = -(u^\alpha - 1) / \alpha`: a large :math:`\alpha` covers modes, towards the forward KL at 1; a
    small one avoids stray samples, towards the reverse KL at 0. The critic's loss stays tame, and is no bound.

    References:
        | Improved generator objectives for GANs (Poole et al., 2016)
        | https://arxiv.org/abs/1612.02780

    Note:
        The recipe as the paper is remembered plugs the ratio into :math:`\mathbb{E}_z f(u(G(z)))` (`plug_in`). Its
        value is :math:`D_f`, but its gradient with :math:`u` held is that of :math:`f'' = -f'(u) / u`, which is right
        for the reverse KL only. Fakes are drawn to where :math:`f` is least, for most rows to :math:`u = 1`, from both
        sides: where reals are more frequent still, they are pushed away. For ``kl``, :math:`f = u \log u`, the sign is
        wrong wherever :math:`u > 1/e`, that is also at :math:`p = q`. The correction is :math:`-u f'(u)`.

        The variance of :math:`u = e^s` over fakes is why a forward KL is hard to descend early on: its gradient comes
        from the few fakes on modes that are missed. The score is cut off at :math:`\pm c`, beyond which a fake receives
        no gradient.

    Arguments:
        divergence: ``kl``, ``reverse-kl``, ``pearson``, ``neyman``, ``squared-hellinger``, ``jeffrey``, ``js``,
            ``weighted-js``, ``gan``, ``alpha`` or, with `plug_in` alone, ``tv``: its :math:`h` is a step. They are
            those of :class:`modescope.methods.FGAN`.
        plug_in: Whether the generator descends the mean of :math:`f(u)` itself.
        pi: The weight :math:`\pi` of real samples in ``weighted-js``, in (0, 1).
        power: The order :math:`\alpha` of ``alpha``, any number but 0 and 1.
        clip: Where the score is cut off, :math:`c`.
    """

    logistic: ClassVar[bool] = True
    separable: ClassVar[bool] = True
    pointwise: ClassVar[bool] = True
    summary: ClassVar[str] = "A classifier as critic; the generator reads its ratio to descend any f-divergence"
    reference: ClassVar[str] = (
        "Improved generator objectives for GANs (Poole et al., 2016), https://arxiv.org/abs/1612.02780"
    )
    year: ClassVar[int | None] = 2016

    divergence: Name = "alpha"
    plug_in: bool = False
    pi: float = 0.5
    power: float = 0.5
    clip: float = 10.0

    def __post_init__(self) -> None:
        super().__post_init__()
        check_row(self.divergence, self.pi, self.power, self.clip)
        need(
            self.plug_in or self.divergence != "tv",
            "divergence is 'tv', expected plug_in with it or another divergence: its loss is a step, without gradient",
        )

    def discriminator_loss(self, nets: Networks, batch: Batch) -> Tensor:
        G, D = nets["generator"], nets["discriminator"]
        return softplus(-D(batch.real)).mean() + softplus(D(G(batch.z))).mean()

    def generator_loss(self, nets: Networks, batch: Batch) -> Tensor:
        row = row_of(self.divergence, self.pi, self.power)
        score = nets["discriminator"](nets["generator"](batch.z)).clamp(-self.clip, self.clip)
        return (row.f if self.plug_in else row.exact)(score).mean()
