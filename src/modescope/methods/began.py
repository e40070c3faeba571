r"""BEGAN: an autoencoder as the critic, with a balance that is kept along training."""

__all__ = ["BEGAN"]

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from ..core import Batch, Networks
from ..core.errors import need
from .autoencoder import Autoencoding


@dataclass(frozen=True, kw_only=True)
class BEGAN(Autoencoding):
    r"""Weighs how badly the critic should reconstruct fakes, so that their error stays a fraction of the reals'.

    With an autoencoder's error :math:`L(v) = |v - \mathrm{Dec}(\mathrm{Enc}(v))|^\eta` the critic descends
    :math:`\mathbb{E}_p L(x) - k_t \mathbb{E}_z L(G(z))` and the generator :math:`\mathbb{E}_z L(G(z))`. After each step

    .. math:: k_{t+1} = \mathrm{clip}_{[0, 1]} \big( k_t + \lambda_k (\gamma L(x) - L(G(z))) \big), \qquad k_0 = 0,

    which holds :math:`\mathbb{E} L(G(z)) / \mathbb{E} L(x)` at :math:`\gamma`, the diversity ratio: the lower it is,
    the more the critic attends to reals and the fewer kinds of fakes there are. How far training has come shows in
    :math:`M = L(x) + |\gamma L(x) - L(G(z))|`.

    References:
        | BEGAN: Boundary Equilibrium Generative Adversarial Networks (Berthelot et al., 2017), sections 3.3 to 3.4.1
        | https://arxiv.org/abs/1703.10717

    Note:
        The code needs fewer coordinates than the data: nothing else keeps the autoencoder of :math:`k_t = 0`, where it
        starts, from the identity, whose errors are the same everywhere. The default is for data in two dimensions.

        On the rings and grids of this package BEGAN settles on one mode or two, on the ring also if :math:`k_t` moves
        up to a thousand times faster. The game compares two mean errors and no more: fakes that all lie on one mode,
        where the error is a share :math:`\gamma` of the reals' mean, keep the balance as well as fakes on every mode.

        :math:`L` is a mean over coordinates. The balance moves once both players have, by their errors on the step's
        last batch. The paper lowers its learning rate, :math:`10^{-4}` for images, when :math:`M` stalls, which is left
        to the run's schedule. It gives latents and codes the same size and draws latents uniformly; both are free here.

    Arguments:
        critic_steps: Steps of the autoencoder before each generator step.
        code_dim: The number of coordinates of a code.
        eta: The power :math:`\eta` of the error, 1 or 2.
        gamma: The diversity ratio :math:`\gamma`, in [0, 1].
        lambda_k: The learning rate :math:`\lambda_k` of the balance.
    """

    pointwise: ClassVar[bool] = True
    summary: ClassVar[str] = "An autoencoder whose errors on reals and on fakes are kept in a given ratio"
    reference: ClassVar[str] = (
        "BEGAN: Boundary Equilibrium Generative Adversarial Networks (Berthelot et al., 2017), "
        "https://arxiv.org/abs/1703.10717"
    )
    year: ClassVar[int | None] = 2017

    code_dim: int = 1
    eta: int = 1
    gamma: float = 0.5
    lambda_k: float = 0.001

    def __post_init__(self) -> None:
        super().__post_init__()
        need(self.eta in (1, 2), f"eta is {self.eta!r}, expected 1 or 2")
        need(0 <= self.gamma <= 1, f"gamma is {self.gamma}, expected a number in [0, 1]")
        need(0 <= self.lambda_k <= 1, f"lambda_k is {self.lambda_k}, expected a number in [0, 1]")

    def memory(self, nets: Networks) -> dict[str, Tensor]:
        return {"k": torch.zeros(())}

    def remember(self, nets: Networks, batch: Batch) -> dict[str, Tensor]:
        k = batch.memory["k"] + self.lambda_k * self.imbalance(nets, batch)
        return {"k": k.clamp(0, 1)}

    def discriminator_loss(self, nets: Networks, batch: Batch) -> Tensor:
        return self.on_real(nets, batch) - batch.memory["k"] * self.on_fake(nets, batch)

    def generator_loss(self, nets: Networks, batch: Batch) -> Tensor:
        return self.on_fake(nets, batch)

    def imbalance(self, nets: Networks, batch: Batch) -> Tensor:
        """How far the fakes' error lies below its share of the reals', a scalar."""
        return self.gamma * self.on_real(nets, batch) - self.on_fake(nets, batch)

    def on_real(self, nets: Networks, batch: Batch) -> Tensor:
        """The mean error on reals, a scalar."""
        return self.error(nets, batch.real)

    def on_fake(self, nets: Networks, batch: Batch) -> Tensor:
        """The mean error on fakes, a scalar."""
        return self.error(nets, nets["generator"](batch.z))

    def error(self, nets: Networks, x: Tensor) -> Tensor:
        """The mean error of the autoencoder on samples, a scalar."""
        left = self.residual(nets, x)
        return left.abs().mean() if self.eta == 1 else left.square().mean()

    def observe(self, nets: Networks, batch: Batch) -> dict[str, Tensor]:
        on_real = self.on_real(nets, batch)
        return {
            "error_real": on_real,
            "error_fake": self.on_fake(nets, batch),
            "balance": batch.memory["k"],
            "convergence": on_real + self.imbalance(nets, batch).abs(),
        }
