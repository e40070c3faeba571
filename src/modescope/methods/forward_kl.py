r"""A term that pulls a generator towards the forward KL divergence."""

__all__ = ["ForwardKL"]

import math
from dataclasses import dataclass, field, replace
from typing import ClassVar, Literal, get_args

from torch import Tensor

from ..core import Batch, Method, Networks, Player, Wrapper
from ..core.errors import nearest_name, need
from ..core.networks import Loss
from .gan import GAN
from .sig import annealed, log_mixture

Form = Literal["sig", "ratio", "bce", "bce-swapped"]

EPS = 1e-7  # what TensorFlow keeps a probability away from 0 and 1


@dataclass(frozen=True, kw_only=True)
class ForwardKL(Wrapper):
    r"""Adds :math:`\lambda` times a term to the generator's loss of `base`, so that reals reach the generator directly.

    The term should fall with :math:`\mathrm{KL}(p \| q)`, which is infinite where a mode is missed. It has four forms:

    - ``sig`` is what works: the semi-implicit generator's bound on the cross-entropy. The output of the generator is
      the mean of a Gaussian, :math:`q_\sigma(x) = \mathbb{E}_z \mathcal{N}(x; G(z), \sigma^2 I)`, and the term is
      :math:`-\mathbb{E}_p \log \frac{1}{M} \sum_{j=1}^M \mathcal{N}(x; G(z_j), \sigma^2 I)`, on average at least
      :math:`-\mathbb{E}_p \log q_\sigma(x) = \mathrm{KL}(p \| q_\sigma) + H(p)` and closer for a larger :math:`M`.
      Along the run :math:`\sigma` falls from `sigma_start` to `sigma_end`, by the same factor in every step.
    - ``ratio`` is :math:`-\mathbb{E}_z e^{s(G(z))}`. At the optimal discriminator :math:`e^s = p / q`, and the gradient
      is exactly that of :math:`\mathrm{KL}(p \| q)`; the value, always -1 there, says nothing.
    - ``bce`` is the paper's, as printed: ``tf.binary_cross_entropy`` with a real sample :math:`r` as the target and a
      fake :math:`g` as the input, :math:`-\mathbb{E}[r \log g + (1 - r) \log (1 - g)]` over coordinates.
    - ``bce-swapped`` has the two arguments exchanged, as the paper's account of its results suggests.

    References:
        | GANs Optimizing KL Divergence Gain Resistance To Mode Collapse, section 4 (Method 2)

        | Semi-Implicit Generative Model (Yin & Zhou, 2019), which the paper names as what it implements
        | https://arxiv.org/abs/1905.12659

    Note:
        *Errors of the paper.* Cross-entropy stands for :math:`\mathrm{KL}(p \| q)` only if it is taken of the
        generator's density, which ``tf.binary_cross_entropy`` of unpaired samples does not know. As printed it is least
        where every fake is the mean of the data, a collapse. Exchanged, it is linear in each fake and least at the
        corners of the box, the "very high or very low" values that the authors report (old releases of TensorFlow
        differ in the order of the two). Neither is least at :math:`p = q`, so the term does change where training
        converges. The default is therefore ``sig``. The paper gives no :math:`\lambda`; the default is ours, on a ring
        of radius 1 and width 0.05.

        *Forms* ``bce`` *and* ``bce-swapped``. Samples are mapped from the box [`low`, `high`] to [0, 1] and cut off
        there, since off [0, 1], where a ring has its coordinates, the logarithms do not exist. So a fake outside the
        box receives no gradient from the term, and a fake just inside it one of up to :math:`10^7` under ``bce``. On
        data that are symmetric about the box's middle, the mean slope of ``bce-swapped`` is 0: only noise is left.

        *Form* ``sig``. The :math:`M` latents are the batch's own, so :math:`M` is the batch size and they have the
        right prior. What is fitted is :math:`G(z) + \sigma \epsilon`, while samples are :math:`G(z)`: their variance in
        a mode falls short by :math:`\sigma^2`, so `sigma_end` should lie below the width of the narrowest mode.
        `sigma_start` should be near the distance of neighbouring modes, or no gradient crosses from one to the next.

        *Form* ``ratio``. It cannot help where the discriminator is sure of every fake, for then :math:`e^s` is flat.

        *Order of wrappers.* The term compares single samples: under ``sig`` write ``ForwardKL(base=PacGAN(...))``. The
        ratio needs the logit of a plain GAN, so there write ``PacGAN(base=ForwardKL(form="ratio"))``, whose ratio is
        that of packs.

    Arguments:
        base: The method whose generator's loss gains the term.
        form: ``sig``, ``ratio``, ``bce`` or ``bce-swapped``.
        weight: The weight :math:`\lambda` of the term.
        sigma_start: The bandwidth at the start of the run, in data units.
        sigma_end: The bandwidth at its end.
        low: The lower end of the box in every coordinate, in data units.
        high: The upper end of the box.
        clip: Where the logit of the ratio is cut off, on both sides, beyond which a fake receives no gradient.

    Raises:
        ModescopeError: If a value is out of its range, or `form` is ``ratio`` and `base` is not a GAN.
    """

    summary: ClassVar[str] = "Method 2 of the KL paper: a term of the forward KL in the generator's loss"
    reference: ClassVar[str] = "GANs Optimizing KL Divergence Gain Resistance To Mode Collapse"

    base: Method = field(default_factory=GAN)
    form: Form = "sig"
    weight: float = 0.1
    sigma_start: float = 0.3
    sigma_end: float = 0.025
    low: float = -1.5
    high: float = 1.5
    clip: float = 10.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.form not in get_args(Form):
            raise nearest_name("form", self.form, get_args(Form))
        need(math.isfinite(self.weight) and self.weight >= 0, f"weight is {self.weight}, expected at least 0")
        for name in ("sigma_start", "sigma_end", "clip"):
            value = getattr(self, name)
            need(math.isfinite(value) and value > 0, f"{name} is {value}, expected more than 0")
        need(
            math.isfinite(self.high - self.low) and self.low < self.high,
            f"high is {self.high}, expected more than low, which is {self.low}",
        )
        need(
            self.form != "ratio" or isinstance(self.base, GAN),
            f"base is {type(self.base).__name__}, expected GAN: form 'ratio' reads the logit of a GAN's discriminator "
            "(wrap the ForwardKL instead)",
        )

    @property
    def packable(self) -> bool:
        """The bound of ``sig`` would be that of packs; the other terms are the same on packs, or defined by them."""
        return self.form != "sig" and self.base.packable

    @property
    def pointwise(self) -> bool:  # type: ignore[override]
        """The bound of ``sig`` is that of a mixture of all fakes of a batch."""
        return self.form != "sig"

    def players(self) -> tuple[Player, ...]:
        return tuple(
            replace(player, loss=self.regularised(player.loss)) if "generator" in player.trains else player
            for player in self.base.players()
        )

    def regularised(self, loss: Loss) -> Loss:
        """The same loss with the term."""
        return lambda nets, batch: loss(nets, batch) + self.weight * self.term(nets, batch)

    def term(self, nets: Networks, batch: Batch) -> Tensor:
        """What `weight` weighs."""
        real, fake = batch.real, self.sample(nets, batch.z)
        match self.form:
            case "sig":
                sigma = annealed(self.sigma_start, self.sigma_end, batch.progress)
                return -log_mixture(real, fake, sigma).mean()
            case "ratio":
                return -nets["discriminator"](fake).clamp(-self.clip, self.clip).exp().mean()
            case "bce":
                return binary_cross_entropy(target=self.unit(real), output=self.unit(fake))
            case _:
                return binary_cross_entropy(target=self.unit(fake), output=self.unit(real))

    def unit(self, x: Tensor) -> Tensor:
        """The box as [0, 1], with samples outside cut off."""
        return ((x - self.low) / (self.high - self.low)).clamp(0, 1)


def binary_cross_entropy(target: Tensor, output: Tensor) -> Tensor:
    """The mean over samples and coordinates; only `output` is kept away from 0 and 1, as in TensorFlow."""
    output = output.clamp(EPS, 1 - EPS)
    return -(target * output.log() + (1 - target) * (1 - output).log()).mean()
