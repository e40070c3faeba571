r"""The original GAN."""

__all__ = ["GAN"]

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor
from torch.nn.functional import softplus

from ..core import Batch, Networks, TwoPlayer


@dataclass(frozen=True, kw_only=True)
class GAN(TwoPlayer):
    r"""A generator against a classifier of real and fake.

    With :math:`D = \sigma(s)`, the discriminator ascends
    :math:`\mathbb{E}_p \log D(x) + \mathbb{E}_z \log (1 - D(G(z)))`. The generator descends the same value
    (`saturating`), or ascends :math:`\mathbb{E}_z \log D(G(z))` (what nearly everybody uses).

    References:
        | Generative Adversarial Nets (Goodfellow et al., 2014), equation 1 and section 3
        | https://arxiv.org/abs/1406.2661

    Note:
        At the optimal discriminator the saturating loss is :math:`2\,\mathrm{JS}(p, q) - \log 4`. The non-saturating
        loss has another gradient, that of :math:`2\,\mathrm{KL}(m \| p)` with :math:`m = (p + q) / 2`, a softened
        reverse KL.

    Arguments:
        saturating: Whether the generator descends the discriminator's value. Its real term is a constant to the
            generator, except to one that is unrolled.
    """

    logistic: ClassVar[bool] = True
    separable: ClassVar[bool] = True
    pointwise: ClassVar[bool] = True
    summary: ClassVar[str] = "A generator against a classifier of real and fake, with no remedy"
    reference: ClassVar[str] = "Generative Adversarial Nets (Goodfellow et al., 2014), https://arxiv.org/abs/1406.2661"
    year: ClassVar[int | None] = 2014

    saturating: bool = False

    def discriminator_loss(self, nets: Networks, batch: Batch) -> Tensor:
        G, D = nets["generator"], nets["discriminator"]
        return softplus(-D(batch.real)).mean() + softplus(D(G(batch.z))).mean()

    def generator_loss(self, nets: Networks, batch: Batch) -> Tensor:
        if self.saturating:
            return -self.discriminator_loss(nets, batch)
        G, D = nets["generator"], nets["discriminator"]
        return softplus(-D(G(batch.z))).mean()
