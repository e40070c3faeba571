r"""Least-squares GAN."""

__all__ = ["LSGAN"]

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from ..core import Batch, Networks, TwoPlayer


@dataclass(frozen=True, kw_only=True)
class LSGAN(TwoPlayer):
    r"""Scores samples by squared distance to target labels, so far fakes keep a gradient.

    With a raw score :math:`s`, the discriminator descends
    :math:`\frac12 \mathbb{E}_p (s(x) - b)^2 + \frac12 \mathbb{E}_z (s(G(z)) - a)^2` and the generator
    :math:`\frac12 \mathbb{E}_z (s(G(z)) - c)^2`. The optimal score is :math:`(b p + a q) / (p + q)`.

    References:
        | Least Squares Generative Adversarial Networks (Mao et al., 2017), equation 2; labels in equations 8 and 9
        | https://arxiv.org/abs/1611.04076

    Note:
        With :math:`(a, b, c) = (-1, 1, 0)` the paper's value at the optimal score is
        :math:`\frac12 \chi^2(p + q \| 2 q)`, but that value holds a term :math:`\frac12 \mathbb{E}_p (s - c)^2` whose
        gradient the generator never sees. With :math:`u = p / q`, the gradient that it does see is that of an
        f-divergence with :math:`f'' = -2 (u - 1) / (u (1 + u)^3)`, which is not convex: fakes are drawn to the score 0
        from both sides, and an under-dispersed generator shrinks further. The default labels :math:`(0, 1, 1)` have
        :math:`f'' = 1 / (u (1 + u)^3)`, positive everywhere.

        The losses are means over the batch. The official code sums them (``tf.nn.l2_loss``), which Adam does not notice
        and SGD does.

    Arguments:
        fake: The critic's target on fakes, :math:`a`.
        real: The critic's target on reals, :math:`b`.
        wanted: The generator's target on fakes, :math:`c`.
    """

    separable: ClassVar[bool] = True
    pointwise: ClassVar[bool] = True
    summary: ClassVar[str] = "Squared distances to labels in place of a classifier's log loss"
    reference: ClassVar[str] = (
        "Least Squares Generative Adversarial Networks (Mao et al., 2017), https://arxiv.org/abs/1611.04076"
    )
    year: ClassVar[int | None] = 2017

    fake: float = 0.0
    real: float = 1.0
    wanted: float = 1.0

    def discriminator_loss(self, nets: Networks, batch: Batch) -> Tensor:
        G, D = nets["generator"], nets["discriminator"]
        on_real = (D(batch.real) - self.real).square().mean()
        on_fake = (D(G(batch.z)) - self.fake).square().mean()
        return (on_real + on_fake) / 2

    def generator_loss(self, nets: Networks, batch: Batch) -> Tensor:
        G, D = nets["generator"], nets["discriminator"]
        return (D(G(batch.z)) - self.wanted).square().mean() / 2
