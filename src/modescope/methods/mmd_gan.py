r"""MMD GAN: a kernel's discrepancy, of codes that are learned to make it large."""

__all__ = ["MMDGAN"]

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, ClassVar, Literal, get_args

from torch import Tensor
from torch.nn.functional import relu

from ..core import Batch, Networks, Player
from ..core.errors import nearest_name, need
from .autoencoder import Autoencoding
from .kernels import Kernel, check_scales, gaussian, mmd2, positive_root, rational_quadratic
from .long_rounds import check_rounds, moves_in_rounds

KernelName = Literal["rbf", "rational-quadratic"]


@dataclass(frozen=True, kw_only=True)
class MMDGAN(Autoencoding):
    r"""Compares batches of reals and fakes by a kernel of their codes, which an encoder learns to tell apart.

    With the encoder :math:`f`, its decoder :math:`g`, and :math:`\mathrm{MMD}` the maximum mean discrepancy of codes,
    the autoencoder ascends and the generator descends

    .. math:: \mathrm{MMD}(f(x), f(G(z))) + 16\,h, \qquad
        h = \frac1C \sum_{c=1}^C \min(\mathbb{E} f_c(x) - \mathbb{E} f_c(G(z)), 0),

    and the autoencoder also descends :math:`\frac8D (\mathbb{E} \|x - g(f(x))\|^2 + \mathbb{E} \|y - g(f(y))\|^2)` with
    :math:`y = G(z)`, over :math:`D` coordinates, which keeps :math:`f` injective, so that the kernel of codes still
    tells any two distributions apart. The weights of :math:`f` are clipped, to bound its slope.

    References:
        | MMD GAN: Towards Deeper Understanding of Moment Matching Network (Li et al., 2017), algorithm 1
        | https://arxiv.org/abs/1705.08584

        | Demystifying MMD GANs (Bińkowski et al., 2018), for the rational quadratic kernel
        | https://arxiv.org/abs/1801.01401

    Note:
        As in the official code: the discrepancy is the biased estimate's root, of :math:`\max(\mathrm{MMD}^2, 0) +
        10^{-8}` here; kernels are summed over `sigmas` or `alphas`; :math:`h` orders the means of codes from one side
        alone, :math:`\mathbb{E} f(x) \ge \mathbb{E} f(G(z))`; errors of the autoencoder are means over coordinates; the
        decoder is not clipped. The code clips before each step of the autoencoder, here it is after. With `long_rounds`
        the autoencoder takes 100 steps before each of the generator's first 25 and before every 500th, as in
        :class:`modescope.methods.wgan.WGAN`.

        The official clip is 0.01, for convolutions with batch normalisation and samples in a box. Plain networks of
        that size give codes of next to nothing, and fakes that no box holds run off; the default is ours. RMSprop at
        :math:`5 \cdot 10^{-5}` is the paper's and slow on toy data, where :math:`10^{-3}` is quicker.

    Arguments:
        critic_steps: Steps of the autoencoder before each generator step.
        code_dim: The number of coordinates of a code; at least those of the data, for the encoder to be injective.
        kernel: ``rbf``, Gaussian, or ``rational-quadratic``.
        sigmas: The bandwidths of ``rbf``, in the units of codes.
        alphas: The exponents of ``rational-quadratic``.
        reconstruction: The weight of the autoencoder's errors.
        ordering: The weight of :math:`h`.
        clip: The largest size of the encoder's weights.
        long_rounds: Whether the autoencoder takes 100 steps early on and every now and then.
    """

    training: ClassVar[Mapping[str, Any]] = {"optimizer": "rmsprop", "lr": 5e-5}
    summary: ClassVar[str] = "A kernel's discrepancy of codes, from an encoder that learns to make it large"
    reference: ClassVar[str] = (
        "MMD GAN: Towards Deeper Understanding of Moment Matching Network (Li et al., 2017), "
        "https://arxiv.org/abs/1705.08584"
    )
    year: ClassVar[int | None] = 2017

    critic_steps: int = 5
    code_dim: int = 10
    kernel: KernelName = "rbf"
    sigmas: tuple[float, ...] = (1.0, 2.0, 4.0, 8.0, 16.0)
    alphas: tuple[float, ...] = (0.2, 0.5, 1.0, 2.0, 5.0)
    reconstruction: float = 8.0
    ordering: float = 16.0
    clip: float = 0.5
    long_rounds: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.kernel not in get_args(KernelName):
            raise nearest_name("kernel", self.kernel, get_args(KernelName))
        for name in ("sigmas", "alphas"):
            check_scales(name, getattr(self, name))
        for name in ("reconstruction", "ordering"):
            value = getattr(self, name)
            need(math.isfinite(value) and value >= 0, f"{name} is {value}, expected at least 0")
        need(math.isfinite(self.clip) and self.clip > 0, f"clip is {self.clip}, expected more than 0")
        if self.long_rounds:
            check_rounds(self.critic_steps)

    def players(self) -> tuple[Player, ...]:
        critic, generator = super().players()
        critic = replace(critic, project={"encoder": lambda weights: weights.clamp(-self.clip, self.clip)})
        if self.long_rounds:
            generator = replace(generator, moves=partial(moves_in_rounds, self.critic_steps))
        return critic, generator

    def discriminator_loss(self, nets: Networks, batch: Batch) -> Tensor:
        fake = nets["generator"](batch.z)
        errors = (self.residual(nets, x).square().mean() for x in (batch.real, fake))
        return self.reconstruction * sum(errors) - self.value(nets, batch.real, fake)

    def generator_loss(self, nets: Networks, batch: Batch) -> Tensor:
        return self.value(nets, batch.real, nets["generator"](batch.z))

    def value(self, nets: Networks, real: Tensor, fake: Tensor) -> Tensor:
        """What the encoder ascends and the generator descends, a scalar."""
        on_real, on_fake = nets["encoder"](real), nets["encoder"](fake)
        behind = relu(on_fake.mean(0) - on_real.mean(0)).mean()
        return positive_root(mmd2(on_real, on_fake, self.of_distances())) - self.ordering * behind

    def of_distances(self) -> Kernel:
        """The kernel, of squared distances."""
        if self.kernel == "rbf":
            return partial(gaussian, sigmas=self.sigmas)
        return partial(rational_quadratic, alphas=self.alphas)

    def observe(self, nets: Networks, batch: Batch) -> dict[str, Tensor]:
        real, fake = batch.real, nets["generator"](batch.z)
        codes = nets["encoder"](real), nets["encoder"](fake)
        return {
            "mmd2": mmd2(*codes, self.of_distances()),
            "error_real": self.residual(nets, real).square().mean(),
            "error_fake": self.residual(nets, fake).square().mean(),
        }
