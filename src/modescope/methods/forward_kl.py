r"""A term that pulls the generator towards the forward KL divergence."""

__all__ = ["ForwardKL"]

import math
from dataclasses import dataclass, field, replace
from typing import ClassVar, Literal, get_args

import torch
from torch import Tensor

from ..core import Batch, Method, ModescopeError, Networks, Player, Space, Wrapper
from ..core.errors import nearest_name, need
from ..core.networks import Loss
from .gan import GAN

Form = Literal["sig", "ratio", "bce", "bce-swapped"]

EPS = 1e-7  # TensorFlow's, kept from the ends of a probability


@dataclass(frozen=True, kw_only=True)
class ForwardKL(Wrapper):
    base: Method = field(default_factory=GAN)
    form: Form = "sig"
    weight: float = 0.1
    sigma_start: float = 0.3
    sigma_end: float = 0.05
    low: float = -1.5
    high: float = 1.5
    clip: float = 10.0

    def players(self) -> tuple[Player, ...]:
        return tuple(
            replace(player, loss=self.added(player.loss)) if "generator" in player.trains else player
            for player in self.base.players()
        )

    def added(self, loss: Loss) -> Loss:
        return lambda nets, batch: loss(nets, batch) + self.weight * self.term(nets, batch)

    def noise(self, space, batch_size):
        M = getattr(self, "M", 0) or type(self).M
        return {"latents": (M, space.latent_dim)} if M else {}
    M = 0
    def term(self, nets: Networks, batch: Batch) -> Tensor:
        match self.form:
            case "sig":
                z = batch.noise["latents"] if type(self).M else batch.z
                fake = self.sample(nets, z)
                sigma = self.sigma_start * (self.sigma_end / self.sigma_start) ** batch.progress
                return -bound(batch.real, fake, sigma)
            case "ratio":
                score = nets["discriminator"](self.sample(nets, batch.z))
                return -score.clamp(-self.clip, self.clip).exp().mean()
            case "bce":
                return bce(self.unit(batch.real), self.unit(self.sample(nets, batch.z)))
            case "bce-swapped":
                return bce(self.unit(self.sample(nets, batch.z)), self.unit(batch.real))

    def unit(self, x):
        return ((x - self.low) / (self.high - self.low)).clamp(0, 1)


def bce(target, output):
    output = output.clamp(EPS, 1 - EPS)
    return -(target * output.log() + (1 - target) * (1 - output).log()).mean()


def bound(x: Tensor, means: Tensor, sigma: Tensor) -> Tensor:
    square = x.square().sum(-1, keepdim=True) + means.square().sum(-1) - 2 * x @ means.T
    log_q = -square / (2 * sigma**2)
    return (torch.logsumexp(log_q, -1) - math.log(len(means)) - x.shape[-1] * (sigma.log() + math.log(2*math.pi)/2)).mean()
