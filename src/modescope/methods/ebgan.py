r"""EBGAN: a critic that is an autoencoder, whose error is a sample's energy."""

__all__ = ["ADM", "EBGAN"]

import math
from dataclasses import dataclass
from typing import ClassVar, Literal, get_args

from torch import Tensor
from torch.nn.functional import relu

from ..core import Batch, Networks, Space
from ..core.errors import nearest_name, need
from .autoencoder import Autoencoding

Energy = Literal["norm", "squared-sum", "squared-mean", "absolute"]

TINY = 1e-12  # under a root, to keep its derivative finite at 0


@dataclass(frozen=True, kw_only=True)
class EBGAN(Autoencoding):
    r"""Gives low energy to reals, and energy of at least a margin to fakes; pulls the fakes' codes apart.

    The energy is an autoencoder's error, :math:`E(x) = \| \mathrm{Dec}(\mathrm{Enc}(x)) - x \|`. The critic descends
    :math:`\mathbb{E}_p E(x) + \mathbb{E}_z [m - E(G(z))]_+`, the generator
    :math:`\mathbb{E}_z E(G(z)) + \lambda f_{PT}(S)` with the codes :math:`S` of a batch of fakes and the pulling-away
    term :math:`f_{PT}(S) = \frac{1}{N (N - 1)} \sum_{i \ne j} \cos^2(S_i, S_j)`, large where fakes are alike.

    References:
        | Energy-based Generative Adversarial Network (Zhao et al., 2016), equations 1 and 2 and section 2.4
        | https://arxiv.org/abs/1609.03126

    Note:
        The best critic is 0 where :math:`p > q` and :math:`m` where :math:`p < q`; its loss is then
        :math:`m (1 - \mathrm{TV}(p, q))`. At equilibrium :math:`p = q`, the energy is any constant in :math:`[0, m]`,
        the critic's loss :math:`m`: energies are not log-densities.

        The margin is in the units of the energy. The default suits modes of width 0.05 at radius 1; the paper chose 10
        for its MNIST. The autoencoder needs no bottleneck, since the margin keeps it from being the identity.

        The pulling-away term of a large batch is least, 1 / `code_dim`, for codes that spread over all directions;
        for codes of one coordinate it is always 1. It enters the generator's loss alone. 0.1 is the paper's weight
        (EBGAN-PT).

    Arguments:
        critic_steps: Steps of the autoencoder before each generator step.
        code_dim: The number of coordinates of a code.
        energy: How the error is measured: ``norm`` (Euclidean), ``squared-sum`` or ``squared-mean`` over coordinates,
            or ``absolute``, the sum of absolute errors.
        margin: The margin :math:`m`.
        pull_away: The weight :math:`\lambda` of the pulling-away term; 0 leaves it out.
    """

    summary: ClassVar[str] = "An autoencoder's error is low on reals and above a margin on fakes, whose codes repel"
    reference: ClassVar[str] = (
        "Energy-based Generative Adversarial Network (Zhao et al., 2016), https://arxiv.org/abs/1609.03126"
    )
    year: ClassVar[int | None] = 2016

    energy: Energy = "norm"
    margin: float = 0.3
    pull_away: float = 0.1

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.energy not in get_args(Energy):
            raise nearest_name("energy", self.energy, get_args(Energy))
        need(math.isfinite(self.margin) and self.margin > 0, f"margin is {self.margin}, expected more than 0")
        good = math.isfinite(self.pull_away) and self.pull_away >= 0
        need(good, f"pull_away is {self.pull_away}, expected at least 0")

    def check(self, space: Space, batch_size: int) -> None:
        need(batch_size >= 2, f"batch_size is {batch_size}, expected at least 2 for EBGAN's pulling-away term")

    def discriminator_loss(self, nets: Networks, batch: Batch) -> Tensor:
        on_real = self.energies(nets, batch.real)
        on_fake = self.energies(nets, nets["generator"](batch.z))
        return on_real.mean() + relu(self.margin - on_fake).mean()

    def generator_loss(self, nets: Networks, batch: Batch) -> Tensor:
        fake = nets["generator"](batch.z)
        return self.energies(nets, fake).mean() + self.pull_away * alignment(nets["encoder"](fake))

    def energies(self, nets: Networks, x: Tensor) -> Tensor:
        """The energies of samples, with shape `(N,)`."""
        left = self.residual(nets, x)
        match self.energy:
            case "norm":
                return (left.square().sum(-1) + TINY).sqrt()
            case "squared-sum":
                return left.square().sum(-1)
            case "squared-mean":
                return left.square().mean(-1)
            case _:
                return left.abs().sum(-1)

    def observe(self, nets: Networks, batch: Batch) -> dict[str, Tensor]:
        fake = nets["generator"](batch.z)
        return {
            "energy_real": self.energies(nets, batch.real).mean(),
            "energy_fake": self.energies(nets, fake).mean(),
            "pull_away": alignment(nets["encoder"](fake)),
        }


@dataclass(frozen=True, kw_only=True)
class ADM(EBGAN):
    r"""Absolute deviation with margin: EBGAN with the energy :math:`\| \mathrm{Dec}(\mathrm{Enc}(x)) - x \|_1`.

    References:
        | Energy-based Generative Adversarial Network (Zhao et al., 2016), equations 1 and 2
        | https://arxiv.org/abs/1609.03126

    Note:
        Its paper has no such name; others list the loss under it, e.g. Progressive Growing of GANs (Karras et al.,
        2017). Here the deviation is summed over coordinates, and no pulling-away term is added.

    Arguments:
        critic_steps: Steps of the autoencoder before each generator step.
        code_dim: The number of coordinates of a code.
        energy: How the error is measured, as in :class:`EBGAN`.
        margin: The margin :math:`m`, in the units of the energy.
        pull_away: The weight of the pulling-away term.
    """

    summary: ClassVar[str] = "Absolute deviation with margin: an autoencoder's absolute error in a hinge"

    energy: Energy = "absolute"
    pull_away: float = 0.0


def alignment(codes: Tensor) -> Tensor:
    r"""The pulling-away term :math:`f_{PT}`, the mean squared cosine of the angles between two codes.

    Arguments:
        codes: The codes :math:`S`, with shape `(N, C)`.
    """
    directions = codes / (codes.square().sum(-1, keepdim=True) + TINY).sqrt()
    square = (directions @ directions.T).square()
    n = len(codes)
    return (square.sum() - square.diagonal().sum()) / (n * (n - 1))
