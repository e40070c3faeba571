r"""f-GAN: a critic for any f-divergence."""

__all__ = ["FGAN"]

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from ..core import Batch, Networks, TwoPlayer
from .divergences import Divergence, Name, check_row, row_of


@dataclass(frozen=True, kw_only=True)
class FGAN(TwoPlayer):
    r"""Plays for a chosen f-divergence: some punish missed modes more, some punish stray samples more.

    For a convex :math:`f` with conjugate :math:`f^*` and any critic :math:`T` in the domain of :math:`f^*`,

    .. math:: D_f(p \| q) = \int q\, f(p / q) \ge F = \mathbb{E}_p T(x) - \mathbb{E}_q f^*(T(x)),

    with equality at :math:`T = f'(p / q)`. With a free score :math:`v` and :math:`T = g_f(v)` the critic ascends
    :math:`F`, which training records as `divergence_bound`. The generator descends :math:`F`, or
    :math:`-\mathbb{E}_z\,g_f(v(G(z)))` (`practical`). With :math:`u = p / q` and :math:`\zeta(v) = \log(1 + e^v)`:

    ===================== ============================ =========================== ====================
    `divergence`          :math:`f(u)`                 :math:`g_f(v)`              :math:`f^*(g_f(v))`
    ===================== ============================ =========================== ====================
    ``kl``                :math:`u \log u`             :math:`v`                   :math:`e^{v - 1}`
    ``reverse-kl``        :math:`-\log u`              :math:`-e^{-v}`             :math:`v - 1`
    ``pearson``           :math:`(u - 1)^2`            :math:`v`                   :math:`v^2 / 4 + v`, -1 below -2
    ``neyman``            :math:`(1 - u)^2 / u`        :math:`1 - e^{-v}`          :math:`2 - 2 e^{-v / 2}`
    ``squared-hellinger`` :math:`(\sqrt{u} - 1)^2`     :math:`1 - e^{-v}`          :math:`e^v - 1`
    ``jeffrey``           :math:`(u - 1) \log u`       :math:`v`                   :math:`W + 1 / W + v - 2`
    ``js``                twice Jensen-Shannon         :math:`\log 2 - \zeta(-v)`  :math:`\zeta(v) - \log 2`
    ``weighted-js``       :math:`\mathrm{JS}_\pi`      see below                   see below
    ``gan``               twice Jensen-Shannon - log 4 :math:`-\zeta(-v)`          :math:`\zeta(v)`
    ``alpha``             see below                    see below                   see below
    ``tv``                :math:`\frac12 |u - 1|`      :math:`\frac12 \tanh v`     :math:`\frac12 \tanh v`
    ===================== ============================ =========================== ====================

    - ``jeffrey``: :math:`W` is Lambert's function of :math:`e^{1 - v}`.
    - ``weighted-js``: :math:`f = \pi u \log u - (1 - \pi + \pi u) \log (1 - \pi + \pi u)`,
      :math:`g_f = -\pi \log \pi - \pi \zeta(-v)` and :math:`f^* = (1 - \pi) (\log (1 - \pi) + \zeta(v))`: the game of
      :class:`modescope.methods.WeightedJS` up to its scale, with the critic :math:`D = \sigma(v)`.
    - ``alpha``: :math:`f = \frac{u^\alpha - 1 - \alpha (u - 1)}{\alpha (\alpha - 1)}`, near ``kl`` for
      :math:`\alpha \to 1` and near ``reverse-kl`` for :math:`\alpha \to 0`;
      :math:`g_f = \frac{e^{(\alpha - 1) v} - 1}{\alpha - 1}` and :math:`f^* = \frac{e^{\alpha v} - 1}{\alpha}`.

    References:
        | f-GAN: Training Generative Neural Samplers using Variational Divergence Minimization (Nowozin et al., 2016),
        | equation 4, tables 1 and 2, and section 3.2 for the practical loss
        | https://arxiv.org/abs/1606.00709

    Note:
        *The practical loss descends another divergence.* Against the optimal critic, held still, it has the gradient of
        the divergence with :math:`f''(u) / u` in place of :math:`f''(u)`: the reverse KL for ``kl``, half of
        ``neyman`` for ``reverse-kl``, twice the forward KL for ``pearson``, the non-saturating GAN's for ``gan``.
        So ``practical`` turns the KL that covers modes into the one that drops them.

        *How scores are bounded.* Where a row grows exponentially (``kl`` and ``jeffrey`` above, ``reverse-kl`` and
        ``neyman`` below, ``squared-hellinger`` and ``alpha`` on both sides) the score is bent, smoothly, to stay within
        the best scores for :math:`|\log u| \le c`. Then :math:`F` is still a bound, of critics that cannot state a more
        extreme ratio. ``pearson`` grows as a square only, and is not bent.

        *Departures.* The conjugate of ``pearson`` is that of :math:`f` on ratios, which are never negative; the paper's
        is :math:`v^2 / 4 + v` below -2 too. Two activations differ from the paper's; any increasing map onto the
        domain of :math:`f^*` will do. ``weighted-js`` has :math:`\pi \zeta(-v)` for the paper's :math:`\zeta(-v)`, so
        that the score is a logit. ``alpha`` has one activation for every :math:`\alpha`, where the paper's changes its
        form at 1, so that the score is :math:`\log u` and :math:`\alpha` can be swept. The game of ``tv`` has a step as
        its best critic, which gives the generator no gradient.

    Arguments:
        divergence: ``kl``, ``reverse-kl``, ``pearson``, ``neyman``, ``squared-hellinger``, ``jeffrey``, ``js``,
            ``weighted-js``, ``gan``, ``alpha`` or ``tv``.
        practical: Whether the generator descends the practical loss. Else it descends the bound, whose real term is a
            constant to it, except to one that is unrolled.
        pi: The weight :math:`\pi` of real samples in ``weighted-js``, in (0, 1).
        power: The order :math:`\alpha` of ``alpha``, any number but 0 and 1.
        clip: The largest :math:`|\log u|` that a critic can state, :math:`c`, where a row grows exponentially.
    """

    separable: ClassVar[bool] = True
    pointwise: ClassVar[bool] = True
    summary: ClassVar[str] = "Plays for a chosen f-divergence: KL, reverse KL, chi-square, Jeffrey, JS, alpha, TV"
    reference: ClassVar[str] = (
        "f-GAN: Training Generative Neural Samplers using Variational Divergence Minimization (Nowozin et al., 2016), "
        "https://arxiv.org/abs/1606.00709"
    )
    year: ClassVar[int | None] = 2016

    divergence: Name = "kl"
    practical: bool = False
    pi: float = 0.5
    power: float = 0.5
    clip: float = 10.0

    def __post_init__(self) -> None:
        super().__post_init__()
        check_row(self.divergence, self.pi, self.power, self.clip)

    @property
    def row(self) -> Divergence:
        """The functions of the divergence."""
        return row_of(self.divergence, self.pi, self.power)

    def discriminator_loss(self, nets: Networks, batch: Batch) -> Tensor:
        on_real = self.row.activation(self.score(nets, batch.real)).mean()
        return self.row.conjugate(self.score(nets, nets["generator"](batch.z))).mean() - on_real

    def generator_loss(self, nets: Networks, batch: Batch) -> Tensor:
        if not self.practical:
            return -self.discriminator_loss(nets, batch)
        return -self.row.activation(self.score(nets, nets["generator"](batch.z))).mean()

    def score(self, nets: Networks, x: Tensor) -> Tensor:
        """The scores `v` within their bounds, with shape `(N, 1)`."""
        return self.row.held(nets["discriminator"](x), self.clip)

    def observe(self, nets: Networks, batch: Batch) -> dict[str, Tensor]:
        return {**super().observe(nets, batch), "divergence_bound": -self.discriminator_loss(nets, batch)}
