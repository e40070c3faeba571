r"""DRAGAN: a discriminator of slope 1 around real samples."""

__all__ = ["DRAGAN"]

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, get_args

from torch import Tensor
from torch.nn.functional import softplus
from torch.special import ndtr

from ..core import Batch, Networks, Space, TwoPlayer
from ..core.errors import nearest_name, need
from ..core.method import Changes
from .slopes import slope_norms

Perturbation = Literal["uniform", "normal"]


@dataclass(frozen=True, kw_only=True)
class DRAGAN(TwoPlayer):
    r"""Keeps the discriminator from rising sharply at real samples, where bad equilibria of few modes sit.

    With :math:`D = \sigma(s)` the discriminator descends the GAN's loss and a penalty around real samples,
    :math:`\mathbb{E}_p\,\mathrm{softplus}(-s(x)) + \mathbb{E}_z\,\mathrm{softplus}(s(G(z))) + \lambda\,\mathbb{E}_p
    (\|\nabla s(x + \delta)\|_2 - k)^2`; the generator descends :math:`\mathbb{E}_z\,\mathrm{softplus}(-s(G(z)))`. With
    the standard deviation :math:`\varsigma` of all numbers in the batch of reals, the perturbation is

    - ``uniform``: :math:`\delta = a\,r \varsigma\,v`, with :math:`a \sim U(0, 1)` for each sample and
      :math:`v_i \sim U(0, 1)` for each coordinate, as in the official code;
    - ``normal``: :math:`\delta \sim \mathcal{N}(0, r^2 \varsigma^2 I)`, which is the paper's up to its unit.

    References:
        | On Convergence and Stability of GANs (Kodali et al., 2017), "Mode collapse and gradient penalties"
        | https://arxiv.org/abs/1705.07215

    Note:
        The code's perturbations are never negative, so the penalty sits on one side of every real sample; the paper's
        are centred, :math:`\mathcal{N}(0, cI)` with :math:`c` in the units of images. Here both grow with the data.

        The slope is that of the score :math:`s`, as in the official code. That of the probability is
        :math:`D (1 - D) \nabla s`, at most a quarter as large, so a penalty on it (the paper writes :math:`D`) asks for
        a score at least four times as steep.

        A slope of 1 is in the units of the data: on modes of width :math:`\sigma` the ratio :math:`\log (p / q)` that a
        GAN's score learns has slopes of about :math:`1 / \sigma`. :math:`\lambda = 10` and Adam's decays are the
        official code's, for images.

        The paper's :math:`k` is 1, so slopes below 1 are penalised too. Where :math:`p = q` the best score of a GAN is
        flat, so this discriminator cannot rest there, and it pulls a generator on that has found the data. On a ring of
        eight modes (radius 1, :math:`\sigma = 0.05`) small networks with the default weight held at most one mode after
        1000 steps, in each of five seeds; with a `slope` of 0 they held seven or eight.

    Arguments:
        penalty: The weight :math:`\lambda` of the penalty.
        slope: The slope :math:`k` that the penalty holds the score to.
        reach: How far a perturbation reaches, :math:`r`, in standard deviations of the data.
        perturbation: ``uniform`` or ``normal``.
    """

    separable: ClassVar[bool] = True
    training: ClassVar[Mapping[str, Any]] = {"beta1": 0.5, "beta2": 0.9}
    changes: ClassVar[Changes] = "critic"
    summary: ClassVar[str] = "A discriminator held to slope 1 around real samples"
    reference: ClassVar[str] = (
        "On Convergence and Stability of GANs (Kodali et al., 2017), https://arxiv.org/abs/1705.07215"
    )
    year: ClassVar[int | None] = 2017

    penalty: float = 10.0
    slope: float = 1.0
    reach: float = 0.5
    perturbation: Perturbation = "uniform"

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("penalty", "slope", "reach"):
            value = getattr(self, name)
            need(math.isfinite(value) and value >= 0, f"{name} is {value}, expected at least 0")
        if self.perturbation not in get_args(Perturbation):
            raise nearest_name("perturbation", self.perturbation, get_args(Perturbation))

    def noise(self, space: Space, batch_size: int) -> dict[str, tuple[int, ...]]:
        return {"perturbation": (batch_size, space.pack * space.data_dim)}

    def discriminator_loss(self, nets: Networks, batch: Batch) -> Tensor:
        G, D = nets["generator"], nets["discriminator"]
        slopes = slope_norms(D, self.perturbed(batch))
        penalty = self.penalty * (slopes - self.slope).square().mean()
        return softplus(-D(batch.real)).mean() + softplus(D(G(batch.z))).mean() + penalty

    def generator_loss(self, nets: Networks, batch: Batch) -> Tensor:
        return softplus(-nets["discriminator"](nets["generator"](batch.z))).mean()

    def perturbed(self, batch: Batch) -> Tensor:
        """Points near real samples, with shape `(N, D)`."""
        noise = batch.noise["perturbation"]
        if self.perturbation == "uniform":
            noise = batch.u.unsqueeze(-1) * ndtr(noise)  # the normal's own distribution function makes it uniform
        return batch.real + self.reach * batch.real.std(correction=0) * noise
