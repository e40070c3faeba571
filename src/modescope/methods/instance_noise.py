r"""Instance noise: a critic that sees reals and fakes through a fog that lifts."""

__all__ = ["InstanceNoise"]

import math
from dataclasses import dataclass, field, replace
from typing import ClassVar

from torch import Tensor

from ..core import Batch, Method, Networks, Player, Space, Wrapper
from ..core.errors import need
from ..core.method import Changes
from ..core.networks import Loss
from .composition import need_fit, own_key
from .gan import GAN


@dataclass(frozen=True, kw_only=True)
class InstanceNoise(Wrapper):
    r"""Adds noise to the reals and the fakes that a critic sees, so that they overlap from the start.

    All losses see :math:`x + \sigma_t \epsilon` and :math:`G(z) + \sigma_t \epsilon'` with standard normal noise, where
    :math:`\sigma_t = \sigma\,(1 - t / t_0)_+` at the fraction :math:`t` of the run. The game is then that of the
    blurred densities, which have no gaps for a critic to be sure in. Samples are made without noise.

    References:
        | Amortised MAP Inference for Image Super-resolution (Sønderby et al., 2016)
        | https://arxiv.org/abs/1610.04490

        | Towards Principled Methods for Training Generative Adversarial Networks (Arjovsky & Bottou, 2017), section 3
        | https://arxiv.org/abs/1701.04862

    Note:
        The papers' noise is for images; the default is ours, on modes of width 0.05 at a distance of about 0.8. What is
        recorded along training are the scores of samples without noise.

    Arguments:
        base: The method whose critics see noise.
        sigma: The standard deviation :math:`\sigma` of the noise at the start of the run, in data units.
        until: The fraction :math:`t_0` of the run at which the noise is gone, in (0, 1].

    Raises:
        ModescopeError: If a value is out of its range, or losses of `base` read samples but through a critic.
    """

    separable: ClassVar[bool] = True
    pointwise: ClassVar[bool] = True
    changes: ClassVar[Changes] = "inputs"
    summary: ClassVar[str] = "The critic sees reals and fakes with noise, which fades along the run"
    reference: ClassVar[str] = (
        "Amortised MAP Inference for Image Super-resolution (Sønderby et al., 2016), https://arxiv.org/abs/1610.04490"
    )
    year: ClassVar[int | None] = 2016

    base: Method = field(default_factory=GAN)
    sigma: float = 0.3
    until: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        need(math.isfinite(self.sigma) and self.sigma >= 0, f"sigma is {self.sigma}, expected at least 0")
        need(0 < self.until <= 1, f"until is {self.until}, expected a number of more than 0 and at most 1")
        need_fit(self, lambda method: method.packable, "losses of its base read more of samples than a critic's scores")

    def noise(self, space: Space, batch_size: int) -> dict[str, tuple[int, ...]]:
        shape = (batch_size, space.pack * space.data_dim)
        return {**self.base.noise(space, batch_size), own_key(self, "real"): shape, own_key(self, "fake"): shape}

    def players(self) -> tuple[Player, ...]:
        return tuple(replace(player, loss=self.blurred(player.loss)) for player in self.base.players())

    def remember(self, nets: Networks, batch: Batch) -> dict[str, Tensor]:
        return self.base.remember(*self.seen(nets, batch))

    def blurred(self, loss: Loss) -> Loss:
        """The same loss of noisy samples."""
        return lambda nets, batch: loss(*self.seen(nets, batch))

    def seen(self, nets: Networks, batch: Batch) -> tuple[Networks, Batch]:
        """The networks and the batch as a loss of `base` should see them."""
        sigma = self.sigma * (1 - batch.progress / self.until).clamp(min=0)
        on_real, on_fake = (sigma * batch.noise[own_key(self, name)] for name in ("real", "fake"))
        return nets.piped("generator", lambda x: x + on_fake), replace(batch, real=batch.real + on_real)
