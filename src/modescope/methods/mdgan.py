r"""MDGAN: first to the manifold of the data, then along it."""

__all__ = ["MDGAN"]

import math
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor
from torch.nn.functional import softplus

from ..core import Batch, Builder, Method, Networks, Player, Space
from ..core.errors import need
from ..core.method import Changes
from .mode_regularized import reconstructed, square_error


@dataclass(frozen=True, kw_only=True)
class MDGAN(Method):
    r"""Parts what a GAN does at once: reconstructions are matched to the data, and samples to the reconstructions.

    With the reconstruction :math:`\hat x = G(E(x))` there are two critics.

    - *Manifold*: :math:`D_1` tells real samples from reconstructions, and generator and encoder descend
      :math:`\mathbb{E}_p\,[\| x - \hat x \|^2 - \lambda \log D_1(\hat x)]`, so what can be generated comes to contain
      the data.
    - *Diffusion*: :math:`D_2` tells reconstructions, class 1, from samples, and the generator descends
      :math:`-\mathbb{E}_z \log D_2(G(z))`, which spreads the samples. Both of its classes are outputs of one generator,
      so the paper expects :math:`D_2` to part them less sharply than samples and data, and to keep a slope to follow.

    References:
        | Mode Regularized Generative Adversarial Networks (Che et al., 2016), section 3.3
        | https://arxiv.org/abs/1612.02136

    Note:
        The paper steps the generator twice, once down each of its two losses. Here it takes one step down their sum,
        since each network has one player with one optimiser. :math:`\lambda = 0.01` is the paper's for faces, as it is
        remembered; since the distance has the weight 1, it depends on the data's scale. MD-GAN (2019), of several
        discriminators on several machines, is another method.

    Arguments:
        weight: The weight :math:`\lambda` of the score of reconstructions.
    """

    pointwise: ClassVar[bool] = True
    changes: ClassVar[Changes] = "extra networks"
    summary: ClassVar[str] = "Reconstructions are matched to the data, then samples to reconstructions, by two critics"
    reference: ClassVar[str] = (
        "Mode Regularized Generative Adversarial Networks (Che et al., 2016), https://arxiv.org/abs/1612.02136"
    )
    year: ClassVar[int | None] = 2016

    weight: float = 0.01

    def __post_init__(self) -> None:
        need(math.isfinite(self.weight) and self.weight >= 0, f"weight is {self.weight}, expected at least 0")

    @property
    def packable(self) -> bool:
        return False

    @property
    def critics(self) -> tuple[str, ...]:
        return ("manifold", "diffusion")

    def networks(self, space: Space) -> dict[str, Builder]:
        return {
            "generator": space.generator,
            "encoder": space.encoder,
            "manifold": space.critic,
            "diffusion": space.critic,
        }

    def players(self) -> tuple[Player, ...]:
        return (
            Player("manifold", ("manifold",), self.manifold_loss),
            Player("diffusion", ("diffusion",), self.diffusion_loss),
            Player("generator", ("generator",), self.generator_loss),
            Player("encoder", ("encoder",), self.encoder_loss),
        )

    def manifold_loss(self, nets: Networks, batch: Batch) -> Tensor:
        D1 = nets["manifold"]
        return softplus(-D1(batch.real)).mean() + softplus(D1(reconstructed(nets, batch))).mean()

    def diffusion_loss(self, nets: Networks, batch: Batch) -> Tensor:
        D2, G = nets["diffusion"], nets["generator"]
        return softplus(-D2(reconstructed(nets, batch))).mean() + softplus(D2(G(batch.z))).mean()

    def generator_loss(self, nets: Networks, batch: Batch) -> Tensor:
        D2, G = nets["diffusion"], nets["generator"]
        return self.encoder_loss(nets, batch) + softplus(-D2(G(batch.z))).mean()

    def encoder_loss(self, nets: Networks, batch: Batch) -> Tensor:
        again = reconstructed(nets, batch)
        return square_error(again, batch.real) + self.weight * softplus(-nets["manifold"](again)).mean()

    def sample(self, nets: Networks, z: Tensor) -> Tensor:
        return nets["generator"](z)

    def observe(self, nets: Networks, batch: Batch) -> dict[str, Tensor]:
        D1, D2, again = nets["manifold"], nets["diffusion"], reconstructed(nets, batch)
        return {
            "manifold_real": D1(batch.real).mean(),
            "manifold_fake": D1(again).mean(),
            "diffusion_real": D2(again).mean(),
            "diffusion_fake": D2(nets["generator"](batch.z)).mean(),
            "reconstruction": square_error(again, batch.real),
        }
