r"""LBT: a generator that teaches a density estimator, whose answer it foresees."""

__all__ = ["LBT"]

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, ClassVar

import torch
from torch import Tensor

from ..core import Batch, Builder, Method, Networks, Player, Space
from ..core.errors import need
from ..core.method import Changes
from .latents import LATENTS, further_latents, need_normal_prior


@dataclass(frozen=True, kw_only=True)
class LBT(Method):
    r"""Learns by teaching: an estimator of density is fitted to samples, and they should make it expect the data.

    The estimator is a variational autoencoder, whose evidence bound :math:`\mathcal{E}_\phi(x) \le \log p_\phi(x)` is
    explicit. It ascends :math:`\mathbb{E}_z \mathcal{E}_\phi(G(z))`. The generator sees :math:`K` steps of it ahead,

    .. math:: \phi^{k+1} = \phi^k + \mathrm{Adam}(\nabla_\phi \mathbb{E}_z \mathcal{E}_{\phi^k}(G(z))),

    each on fresh samples and not kept, and descends :math:`-\mathbb{E}_p \mathcal{E}_{\phi^K}(x)` with the gradient
    *through* these steps. For an estimator that fits any generator it is :math:`\mathrm{KL}(p \| q)` up to a constant,
    and a mode that is missed makes the data unlikely.

    References:
        | Learning Implicit Generative Models by Teaching Explicit Ones (Du et al., 2018)
        | https://arxiv.org/abs/1807.03870

    Note:
        As in the official code for toy data, whose settings are the defaults, a step of the game is `rounds` times
        :math:`K` steps of the estimator, `rate` times as large as those seen ahead, then one of the generator. The
        steps ahead start from the estimator's own moments of Adam. The official code holds Adam's second moment to be a
        constant to the generator, and adds its :math:`\epsilon` under the root; here the gradient flows through
        all of the step. It also cuts the norm of the generator's gradient at 5, which is not done here.

        The code has latents of 256 coordinates, tanh networks of 2 x 128, batches of 512 and a million steps. Its
        variance of a sample given its code, 0.001, is for data of the scale 1: it should lie below that of the
        narrowest mode.

    Arguments:
        unroll: The number :math:`K` of the estimator's steps that the generator sees ahead.
        rounds: How many times :math:`K` steps the estimator takes in a step of the game.
        rate: How many times larger these are than the steps that the generator sees ahead.
        variance: The variance of a sample given its code, in squared data units.
        code_dim: The number of coordinates of the estimator's code.
    """

    training: ClassVar[Mapping[str, Any]] = {"lr": 1e-3, "critic_lr": 1e-4, "beta1": 0.5}
    changes: ClassVar[Changes] = "extra networks"
    summary: ClassVar[str] = "A density estimator learns from samples, and the generator wants it to fit the data"
    reference: ClassVar[str] = (
        "Learning Implicit Generative Models by Teaching Explicit Ones (Du et al., 2018), "
        "https://arxiv.org/abs/1807.03870"
    )
    year: ClassVar[int | None] = 2018

    unroll: int = 5
    rounds: int = 2
    rate: float = 3.0
    variance: float = 0.001
    code_dim: int = 32

    def __post_init__(self) -> None:
        for name in ("unroll", "rounds", "code_dim"):
            value = getattr(self, name)
            good = isinstance(value, int) and value >= 1
            need(good, f"{name} is {value!r}, expected a whole number of at least 1")
        for name in ("rate", "variance"):
            value = getattr(self, name)
            need(math.isfinite(value) and value > 0, f"{name} is {value}, expected more than 0")

    @property
    def packable(self) -> bool:
        return False

    @property
    def critics(self) -> tuple[str, ...]:
        return ()

    @property
    def gradient_steps(self) -> int:
        return super().gradient_steps + self.unroll

    def check(self, space: Space, batch_size: int) -> None:
        need_normal_prior(type(self).__name__, space)

    def networks(self, space: Space) -> dict[str, Builder]:
        return {
            "generator": space.generator,
            "estimator_encoder": partial(space.encoder, 2 * self.code_dim),
            "estimator_decoder": partial(space.decoder, self.code_dim),
        }

    def noise(self, space: Space, batch_size: int) -> dict[str, tuple[int, ...]]:
        codes = (self.unroll + 1, batch_size, self.code_dim)  # of the steps ahead, and of the data after them
        return {"codes": codes, **further_latents(space, self.unroll, batch_size)}

    def players(self) -> tuple[Player, ...]:
        return (self.estimator(), Player("generator", ("generator",), self.generator_loss))

    def estimator(self) -> Player:
        """The player that fits the density of samples."""
        roles = ("estimator_encoder", "estimator_decoder")
        return Player("estimator", roles, self.estimator_loss, self.rounds * self.unroll, self.rate)

    def estimator_loss(self, nets: Networks, batch: Batch) -> Tensor:
        return -self.evidence(nets, nets["generator"](batch.z), batch.noise["codes"][0])

    def generator_loss(self, nets: Networks, batch: Batch) -> Tensor:
        return -self.evidence(self.taught(nets, batch), batch.real, batch.noise["codes"][-1])

    def taught(self, nets: Networks, batch: Batch) -> Networks:
        """The networks after the estimator's next steps."""
        estimator = replace(self.estimator(), rate=1.0)
        for step in range(self.unroll):
            fresh = {**batch.noise, "codes": batch.noise["codes"][step:]}
            nets = nets.descend(estimator, replace(batch, z=batch.noise[LATENTS][step], noise=fresh))
        return nets

    def evidence(self, nets: Networks, x: Tensor, noise: Tensor) -> Tensor:
        """The mean of the estimator's bound on the log-density of samples, in nats.

        Arguments:
            nets: The networks.
            x: The samples, with shape `(N, D)`.
            noise: Standard normals that their codes are drawn with, with shape `(N, code_dim)`.
        """
        mean, log_variance = nets["estimator_encoder"](x).chunk(2, -1)
        decoded = nets["estimator_decoder"](mean + (log_variance / 2).exp() * noise)
        spread = torch.zeros_like(x) + self.variance
        likelihood = -((x - decoded).square() / spread + (2 * math.pi * spread).log()) / 2
        surprise = (mean.square() + log_variance.exp() - 1 - log_variance) / 2  # KL of the code from N(0, I)
        return (likelihood.sum(-1) - surprise.sum(-1)).mean()

    def sample(self, nets: Networks, z: Tensor) -> Tensor:
        return nets["generator"](z)

    def observe(self, nets: Networks, batch: Batch) -> dict[str, Tensor]:
        codes = batch.noise["codes"]
        return {
            "evidence_real": self.evidence(nets, batch.real, codes[0]),
            "evidence_fake": self.evidence(nets, nets["generator"](batch.z), codes[1]),
        }
