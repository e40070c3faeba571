r"""The GAN of the weighted Jensen-Shannon divergence."""

__all__ = ["WeightedJS"]

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor
from torch.nn.functional import softplus

from ..core import Batch, Networks, TwoPlayer
from ..core.errors import need


@dataclass(frozen=True, kw_only=True)
class WeightedJS(TwoPlayer):
    r"""Weighs reals against fakes, to move from the reverse to the forward KL divergence.

    The discriminator ascends :math:`\pi\,\mathbb{E}_p \log D(x) + (1 - \pi)\,\mathbb{E}_z \log (1 - D(G(z)))`, and is
    best at :math:`D^* = \pi p / m` with :math:`m = \pi p + (1 - \pi) q`, which is :math:`\pi` where :math:`p = q`. The
    generator descends the same value (`saturating`), that is
    :math:`\mathrm{JS}_\pi = \pi\,\mathrm{KL}(p \| m) + (1 - \pi)\,\mathrm{KL}(q \| m)` up to a constant.

    Both losses are divided by :math:`\pi (1 - \pi)` (`rescaled`), since :math:`\mathrm{JS}_\pi` vanishes at both ends.
    Near :math:`p = q` every :math:`\pi` then pulls as strongly as a KL divergence, and the limits are
    :math:`\mathrm{KL}(p \| q)` as :math:`\pi \to 0` and :math:`\mathrm{KL}(q \| p)` as :math:`\pi \to 1`.

    References:
        | GANs Optimizing KL Divergence Gain Resistance To Mode Collapse, section 3: proposition 1 and theorem 2

        | How (not) to Train your Generative Model: Scheduled Sampling, Likelihood, Adversary? (Huszár, 2015)
        | https://arxiv.org/abs/1511.05101

    Note:
        With :math:`D = \sigma(s + \log \frac{\pi}{1 - \pi})` the network's score :math:`s` learns :math:`\log (p / q)`
        for every :math:`\pi`, and starts near equilibrium. In the paper :math:`D` is the plain sigmoid, whose last bias
        must learn the offset first.

        Unscaled, the value is the paper's up to a constant; Adam hardly notices the factor, and SGD does.

        The paper never states the generator's loss. Theorem 2 needs the saturating one, the default. The usual
        non-saturating one, :math:`-\pi\,\mathbb{E}_z \log D`, has the gradient of
        :math:`\frac{\pi}{1 - \pi} \mathrm{KL}(m \| p)` instead, that is :math:`f'' = (1 - \pi) / (u^2 (u + c))` with
        :math:`u = p / q` and :math:`c = (1 - \pi) / \pi`: with it proposition 3 is reversed, and :math:`\pi \to 0` is
        the *reverse* KL.

        Errors of the paper: proposition 1 says that :math:`D^*` minimises the value, which it maximises; the text after
        theorem 2 pairs :math:`\pi \to 1` with the forward KL, against proposition 3, which is right; "vanilla GAN" at
        :math:`\pi = 1/2` holds up to a factor 1/2 and a constant (rescaled, the losses are twice the GAN's). The
        :math:`\pi = 0.33` of its experiment lies on the mode-seeking side: on the pair of Gaussians of its figure 1,
        covering wins only below about :math:`8 \cdot 10^{-4}`.

    Arguments:
        pi: The weight :math:`\pi` of real samples, in (0, 1).
        saturating: Whether the generator descends the discriminator's value, as theorem 2 needs. Its real term is a
            constant to the generator, except to one that is unrolled.
        rescaled: Whether both losses are divided by :math:`\pi (1 - \pi)`.
    """

    separable: ClassVar[bool] = True
    pointwise: ClassVar[bool] = True
    summary: ClassVar[str] = "Method 1 of the KL paper: real samples weigh less, to move towards the forward KL"
    reference: ClassVar[str] = "GANs Optimizing KL Divergence Gain Resistance To Mode Collapse"

    pi: float = 0.33
    saturating: bool = True
    rescaled: bool = True

    def __post_init__(self) -> None:
        super().__post_init__()
        need(0 < self.pi < 1, f"pi is {self.pi}, expected a number strictly between 0 and 1")

    def discriminator_loss(self, nets: Networks, batch: Batch) -> Tensor:
        on_real = softplus(-self.logit(nets, batch.real)).mean()
        on_fake = softplus(self.logit(nets, nets["generator"](batch.z))).mean()
        return (self.pi * on_real + (1 - self.pi) * on_fake) / self.scale

    def generator_loss(self, nets: Networks, batch: Batch) -> Tensor:
        if self.saturating:
            return -self.discriminator_loss(nets, batch)
        fooled = self.logit(nets, nets["generator"](batch.z))
        return self.pi * softplus(-fooled).mean() / self.scale

    def logit(self, nets: Networks, x: Tensor) -> Tensor:
        """The logit of `D`, with shape `(N, 1)`: the score plus the log-odds of a real sample."""
        score = nets["discriminator"](x)
        return score + (torch.zeros_like(score) + self.pi).logit()  # pi is a tensor where it is swept

    @property
    def scale(self) -> float:
        """What the losses are divided by."""
        return self.pi * (1 - self.pi) if self.rescaled else 1.0
