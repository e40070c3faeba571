r"""IMLE: a generator without a critic, whose nearest samples are pulled to the data."""

__all__ = ["IMLE"]

import math
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from ..core import Batch, Networks, OnePlayer, Space
from ..core.errors import need
from .distances import squared_distances
from .latents import LATENTS, further_latents, need_normal_prior


@dataclass(frozen=True, kw_only=True)
class IMLE(OnePlayer):
    r"""Pulls to each real sample the generated one that is nearest to it: every mode is owed a sample, so none is lost.

    Of a pool of candidates :math:`z_1, \dots, z_M`, each real sample :math:`x_i` chooses :math:`\sigma(i) = \arg\min_j
    \| x_i - G(z_j) \|^2`, and the generator descends :math:`\mathbb{E}_i \| x_i - G(z_{\sigma(i)} + \tau
    \epsilon_i) \|^2`, with the choice as it is. A critic asks whether each fake is near some real sample; here each
    real sample asks whether some fake is near.

    References:
        | Implicit Maximum Likelihood Estimation (Li & Malik, 2018), algorithm 1
        | https://arxiv.org/abs/1809.09087

    Note:
        The paper keeps the assignment of a batch for many steps. Here each step draws new data and new candidates, and
        assigns anew. The noise :math:`\tau \epsilon` that is added to a chosen latent, and ten
        candidates for each real sample, are from code derived from the authors'.

        A candidate that no real sample chooses is moved by nothing. With ten for each real sample, the loss is small
        once one in ten lies near the data, and falls slowly from there: the method covers the modes, but on a ring of
        eight it leaves most samples between them for long. The smaller the pool, the fewer are left there, and the more
        a sample is the mean of the data that share it.

    Arguments:
        candidates: The number of candidates for each real sample; all real samples of a batch choose from one pool.
        noise_scale: The standard deviation :math:`\tau` of the noise that is added to a chosen latent.
    """

    summary: ClassVar[str] = "No critic: for every real sample, the nearest generated one is pulled to it"
    reference: ClassVar[str] = (
        "Implicit Maximum Likelihood Estimation (Li & Malik, 2018), https://arxiv.org/abs/1809.09087"
    )
    year: ClassVar[int | None] = 2018

    candidates: int = 10
    noise_scale: float = 0.01

    def __post_init__(self) -> None:
        good = isinstance(self.candidates, int) and self.candidates >= 1
        need(good, f"candidates is {self.candidates!r}, expected a whole number of at least 1")
        good = math.isfinite(self.noise_scale) and self.noise_scale >= 0
        need(good, f"noise_scale is {self.noise_scale}, expected at least 0")

    @property
    def packable(self) -> bool:
        return False

    def check(self, space: Space, batch_size: int) -> None:
        need_normal_prior("IMLE", space)

    def noise(self, space: Space, batch_size: int) -> dict[str, tuple[int, ...]]:
        return {"shift": (batch_size, space.latent_dim), **further_latents(space, self.candidates * batch_size)}

    def generator_loss(self, nets: Networks, batch: Batch) -> Tensor:
        moved = self.chosen(nets, batch) + self.noise_scale * batch.noise["shift"]
        return (batch.real - nets["generator"](moved)).square().sum(-1).mean()

    def chosen(self, nets: Networks, batch: Batch) -> Tensor:
        """The latent that each real sample chooses, with shape `(N, L)`."""
        pool = batch.noise[LATENTS]
        return pool[squared_distances(batch.real, nets["generator"](pool)).argmin(-1)]

    def observe(self, nets: Networks, batch: Batch) -> dict[str, Tensor]:
        left = batch.real - nets["generator"](self.chosen(nets, batch))
        return {"nearest": left.square().sum(-1).sqrt().mean()}
