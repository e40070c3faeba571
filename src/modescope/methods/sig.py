r"""SIG: a generator without a critic, trained by the likelihood of its samples as a mixture."""

__all__ = ["SIG", "annealed", "log_mixture"]

import math
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from ..core import Batch, Networks, OnePlayer, Space
from ..core.errors import need
from .distances import squared_distances
from .latents import LATENTS, further_latents, need_normal_prior


@dataclass(frozen=True, kw_only=True)
class SIG(OnePlayer):
    r"""Makes real samples likely under a mixture of Gaussians whose centres are generated: no critic at all.

    The output of the generator is the mean of a Gaussian, :math:`q_\sigma(x) = \mathbb{E}_z \mathcal{N}(x; G(z),
    \sigma^2 I)`: an explicit distribution given :math:`z`, implicit once :math:`z` is mixed out, so semi-implicit. The
    generator descends

    .. math:: -\mathbb{E}_p \log \frac{1}{M} \sum_{j=1}^M \mathcal{N}(x; G(z_j), \sigma^2 I),

    which is on average at least :math:`-\mathbb{E}_p \log q_\sigma(x) = \mathrm{KL}(p \| q_\sigma) + H(p)`, and closer
    for a larger :math:`M`. The forward KL is large wherever a mode is missed. Along the run :math:`\sigma` falls from
    `sigma_start` to `sigma_end`, by the same factor in every step.

    References:
        | Semi-Implicit Generative Model (Yin & Zhou, 2019)
        | https://arxiv.org/abs/1905.12659

    Note:
        What is fitted is :math:`G(z) + \sigma \epsilon`, while samples are :math:`G(z)`: their variance in a mode falls
        short by :math:`\sigma^2`, so `sigma_end` should lie below the width of the narrowest mode. A real sample pulls
        the generated ones that are nearest to it, as in IMLE, where all the pull goes to the nearest; so `sigma_start`
        should be near the distance of neighbouring modes, or little moves between them. The defaults are ours, on a
        ring of radius 1 and width 0.05.

        Nothing keeps generated samples from lying where no data are, beyond the mass that they take from the data.

    Arguments:
        components: The number :math:`M` of latents whose samples are the centres.
        sigma_start: The bandwidth :math:`\sigma` at the start of the run, in data units.
        sigma_end: The bandwidth at its end.
    """

    pointwise: ClassVar[bool] = True
    summary: ClassVar[str] = "No critic: real samples are made likely under Gaussians around generated ones"
    reference: ClassVar[str] = "Semi-Implicit Generative Model (Yin & Zhou, 2019), https://arxiv.org/abs/1905.12659"
    year: ClassVar[int | None] = 2019

    components: int = 256
    sigma_start: float = 0.3
    sigma_end: float = 0.025

    def __post_init__(self) -> None:
        good = isinstance(self.components, int) and self.components >= 1
        need(good, f"components is {self.components!r}, expected a whole number of at least 1")
        for name in ("sigma_start", "sigma_end"):
            value = getattr(self, name)
            need(math.isfinite(value) and value > 0, f"{name} is {value}, expected more than 0")

    @property
    def packable(self) -> bool:
        return False

    def check(self, space: Space, batch_size: int) -> None:
        need_normal_prior("SIG", space)

    def noise(self, space: Space, batch_size: int) -> dict[str, tuple[int, ...]]:
        return further_latents(space, self.components)

    def generator_loss(self, nets: Networks, batch: Batch) -> Tensor:
        return -self.bound(nets, batch, annealed(self.sigma_start, self.sigma_end, batch.progress))

    def bound(self, nets: Networks, batch: Batch, sigma: Tensor) -> Tensor:
        """The bound on the mean log-likelihood of real samples in nats, a scalar."""
        return log_mixture(batch.real, nets["generator"](batch.noise[LATENTS]), sigma).mean()

    def observe(self, nets: Networks, batch: Batch) -> dict[str, Tensor]:
        last = annealed(self.sigma_start, self.sigma_end, torch.ones_like(batch.progress))
        return {"log_likelihood": self.bound(nets, batch, last)}


def annealed(start: float, end: float, progress: Tensor) -> Tensor:
    """What falls from `start` to `end` by the same factor in every step.

    Arguments:
        start: The value at the start of the run.
        end: The value at its end.
        progress: The fraction of the run that is done, a scalar.
    """
    return start * (end / start) ** progress


def log_mixture(x: Tensor, means: Tensor, sigma: Tensor) -> Tensor:
    r"""The log-density of :math:`\frac{1}{M} \sum_j \mathcal{N}(\mu_j, \sigma^2 I)`.

    Arguments:
        x: The points, with shape `(N, D)`.
        means: The means, with shape `(M, D)`.
        sigma: The standard deviation, a scalar.

    Returns:
        The log-densities in nats, with shape `(N,)`.
    """
    exponents = -squared_distances(x, means) / (2 * sigma.square())
    nearness = torch.logsumexp(exponents, -1) - math.log(len(means))
    return nearness - x.shape[-1] * (sigma.log() + math.log(2 * math.pi) / 2)
