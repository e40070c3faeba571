r"""MMD nets: a generator that descends a kernel's discrepancy, without a critic."""

__all__ = ["MMDNet"]

from dataclasses import dataclass
from functools import partial
from typing import ClassVar

from torch import Tensor

from ..core import Batch, Networks, OnePlayer, Space
from ..core.errors import need
from .kernels import check_scales, gaussian, mmd2, positive_root


@dataclass(frozen=True, kw_only=True)
class MMDNet(OnePlayer):
    r"""Compares a batch of fakes with a batch of reals by all their distances, so a missing mode is seen directly.

    The generator descends the squared maximum mean discrepancy

    .. math:: \mathrm{MMD}^2 = \mathbb{E}\,k(x, x') - 2\,\mathbb{E}\,k(x, G(z)) + \mathbb{E}\,k(G(z), G(z')), \qquad
        k(a, b) = \sum_\sigma \exp \Big( -\frac{\|a - b\|^2}{2 \sigma^2} \Big),

    or its square root (`root`). The last term pushes fakes apart; both distributions are equal exactly where it is 0.

    References:
        | Generative Moment Matching Networks (Li et al., 2015), which take the root
        | https://arxiv.org/abs/1502.02761

        | Training generative neural networks via Maximum Mean Discrepancy optimization (Dziugaite et al., 2015), which
        | take the unbiased estimate
        | https://arxiv.org/abs/1505.03906

    Note:
        A kernel draws a fake to reals within a few :math:`\sigma`. The bandwidths are in data units, and the default
        suits modes of width 0.05 at radius 1: from their width to the distance across.

        The root is taken of :math:`\max(\mathrm{MMD}^2, 0) + 10^{-8}`, whose derivative is finite.

    Arguments:
        sigmas: The bandwidths :math:`\sigma`, in data units.
        unbiased: Whether pairs of a sample with itself are left out.
        root: Whether the generator descends the root.
    """

    summary: ClassVar[str] = "No critic: the generator descends a kernel's discrepancy of two batches"
    reference: ClassVar[str] = "Generative Moment Matching Networks (Li et al., 2015), https://arxiv.org/abs/1502.02761"
    year: ClassVar[int | None] = 2015

    sigmas: tuple[float, ...] = (0.05, 0.1, 0.2, 0.5, 1.0, 2.0)
    unbiased: bool = False
    root: bool = False

    def __post_init__(self) -> None:
        check_scales("sigmas", self.sigmas)

    def check(self, space: Space, batch_size: int) -> None:
        need(batch_size >= 2, f"batch_size is {batch_size}, expected at least 2 for the distances within a batch")

    def generator_loss(self, nets: Networks, batch: Batch) -> Tensor:
        square = self.discrepancy(nets, batch)
        return positive_root(square) if self.root else square

    def discrepancy(self, nets: Networks, batch: Batch) -> Tensor:
        """The squared discrepancy of fakes and reals, a scalar."""
        kernel = partial(gaussian, sigmas=self.sigmas)
        return mmd2(nets["generator"](batch.z), batch.real, kernel, self.unbiased)

    def observe(self, nets: Networks, batch: Batch) -> dict[str, Tensor]:
        return {"mmd2": self.discrepancy(nets, batch)}
