r"""Mode-regularized GAN (Reg-GAN): a generator that must be able to make every real sample."""

__all__ = ["ModeRegularized"]

import math
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor
from torch.nn.functional import softplus

from ..core import Batch, Builder, Networks, Player, Space
from ..core.errors import need
from ..core.method import Changes
from .gan import GAN


@dataclass(frozen=True, kw_only=True)
class ModeRegularized(GAN):
    r"""An encoder finds a latent for every real sample, so the generator hears of modes where it has no samples.

    With the reconstruction :math:`\hat x = G(E(x))`, both descend

    .. math:: R = \mathbb{E}_p\,[\lambda_1 \| x - \hat x \|^2 - \lambda_2 \log D(\hat x)],

    and the generator also its loss of a GAN, :math:`-\mathbb{E}_z \log D(G(z))`. The first term draws some samples to
    every mode, the second keeps what they become of looking real. The discriminator is that of a GAN: no reconstruction
    enters its loss.

    References:
        | Mode Regularized Generative Adversarial Networks (Che et al., 2016), section 3.2
        | https://arxiv.org/abs/1612.02136

    Note:
        Error of the paper: it prints the last term as :math:`+\lambda_2 \log D(\hat x)`, also where it is reproduced.
        Descended as it stands, that makes reconstructions look *fake*, and by ever steeper steps, since the logarithm
        has no lower bound. `printed_sign` shows what it does. Of its weights the paper is remembered to use
        :math:`\lambda_1 = 0.2` and :math:`\lambda_2 = 0.4`, the defaults; the distance is not scaled, so
        :math:`\lambda_1` depends on the data's scale.

        The encoder steps after the generator, on a batch of its own. The base loss of the generator can be the
        saturating one, as in a GAN.

    Arguments:
        lambda1: The weight :math:`\lambda_1` of the reconstruction.
        lambda2: The weight :math:`\lambda_2` of the score of reconstructions.
        printed_sign: Whether the score of reconstructions has the sign that the paper prints.
    """

    logistic: ClassVar[bool] = True
    pointwise: ClassVar[bool] = True
    changes: ClassVar[Changes] = "extra networks"
    summary: ClassVar[str] = "An encoder finds a latent for every real sample, which the generator must make again"
    reference: ClassVar[str] = (
        "Mode Regularized Generative Adversarial Networks (Che et al., 2016), https://arxiv.org/abs/1612.02136"
    )
    year: ClassVar[int | None] = 2016

    lambda1: float = 0.2
    lambda2: float = 0.4
    printed_sign: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("lambda1", "lambda2"):
            value = getattr(self, name)
            need(math.isfinite(value) and value >= 0, f"{name} is {value}, expected at least 0")

    @property
    def packable(self) -> bool:
        return False

    def networks(self, space: Space) -> dict[str, Builder]:
        return {**super().networks(space), "encoder": space.encoder}

    def players(self) -> tuple[Player, ...]:
        return (*super().players(), Player("encoder", ("encoder",), self.regularizer))

    def generator_loss(self, nets: Networks, batch: Batch) -> Tensor:
        return super().generator_loss(nets, batch) + self.regularizer(nets, batch)

    def regularizer(self, nets: Networks, batch: Batch) -> Tensor:
        """What the encoder descends, and the generator besides its loss of a GAN: R."""
        again = reconstructed(nets, batch)
        seen = softplus(-nets["discriminator"](again)).mean()  # -log D
        sign = -1.0 if self.printed_sign else 1.0
        return self.lambda1 * square_error(again, batch.real) + sign * self.lambda2 * seen

    def observe(self, nets: Networks, batch: Batch) -> dict[str, Tensor]:
        again = reconstructed(nets, batch)
        return {**super().observe(nets, batch), "reconstruction": square_error(again, batch.real)}


def reconstructed(nets: Networks, batch: Batch) -> Tensor:
    """What the generator makes of the encoded real samples, with shape `(N, D)`."""
    return nets["generator"](nets["encoder"](batch.real))


def square_error(x: Tensor, y: Tensor) -> Tensor:
    """The mean squared distance of samples in pairs, both with shape `(N, D)`."""
    return (x - y).square().sum(-1).mean()
