r"""Precision, recall, density and coverage: which samples lie inside the nearest-neighbour balls of the other set."""

__all__ = ["PRDC", "density_coverage", "prdc", "prdc_each", "precision_recall"]

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ..core.errors import need
from .neighbours import radii
from .pairs import Pairs
from .sets import check_sets


@dataclass(frozen=True)
class PRDC:
    r"""What :func:`prdc` returns, each a float64 scalar tensor.

    Attributes:
        precision: The share of fakes inside the ball of at least one real: how faithful they are.
        recall: The share of reals inside the ball of at least one fake: how much of the data is reached.
        density: The mean number of real balls around a fake, over :math:`k`. It may exceed 1.
        coverage: The share of reals whose own ball holds at least one fake: how much of the data is reached.
    """

    precision: Tensor
    recall: Tensor
    density: Tensor
    coverage: Tensor


def prdc(real: Tensor, fake: Tensor, k: int = 5) -> PRDC:
    r"""Precision, recall, density and coverage together, at the cost of one.

    Each point is the centre of a ball that just reaches its :math:`k`-th nearest neighbour in its own set, with radius
    :math:`\mathrm{NN}_k(\cdot)`. With reals :math:`x_1, \dots, x_N` and fakes :math:`y_1, \dots, y_M`:

    .. math::
        \text{precision} &= \tfrac1M \textstyle\sum_j \mathbb{1}[\exists i: \|x_i - y_j\| \le \mathrm{NN}_k(x_i)] &
        \text{recall} &= \tfrac1N \textstyle\sum_i \mathbb{1}[\exists j: \|x_i - y_j\| \le \mathrm{NN}_k(y_j)] \\
        \text{density} &= \tfrac1{kM} \textstyle\sum_{ij} \mathbb{1}[\|x_i - y_j\| \le \mathrm{NN}_k(x_i)] &
        \text{coverage} &= \tfrac1N \textstyle\sum_i \mathbb{1}[\exists j: \|x_i - y_j\| \le \mathrm{NN}_k(x_i)]

    For two samples of one law density is 1 on average and coverage about :math:`1 - 2^{-k}` (for :math:`N = M`, less a
    little); precision and recall depend on the law and the dimension, so read them beside their floor. A collapsed
    generator has high precision and low recall and coverage. Recall trusts the balls of the fakes, which an outlier
    makes huge; coverage does not.

    Note:
        The balls are closed (:math:`\le`), as in equation 1 of Kynkäänniemi et al. The package `prdc` takes open ones
        (:math:`<`). On continuous data this is the same; but where every point has :math:`k` copies the radii are 0,
        nothing is inside an open ball, and that package scores 0 on two identical sets. Closed balls score 1. A set
        with its own bit-for-bit copy then has a density of :math:`(k + 1) / k`: each centre holds its copy besides its
        :math:`k` neighbours.
        Distances at a radius are compared exactly, not by matrix products. Memory holds a tile of pairs at a time.

    References:
        | Improved Precision and Recall Metric for Assessing Generative Models (Kynkäänniemi et al., 2019), equation 2
        | https://arxiv.org/abs/1904.06991

        | Reliable Fidelity and Diversity Metrics for Generative Models (Naeem et al., 2020), equations 3 and 5
        | https://arxiv.org/abs/2002.09797

    Arguments:
        real: Features of real samples, with shape :math:`(N, D)`.
        fake: Features of generated samples, with shape :math:`(M, D)`.
        k: Which neighbour sets the radius.

    Raises:
        ModescopeError: If the shapes do not fit, a feature is not finite, or `k` is not positive.

    Returns:
        The four shares. With :math:`N \le k` reals have no :math:`k`-th neighbour: precision, density and coverage are
        NaN. With :math:`M \le k` recall is.
    """
    return prdc_each(real, fake, (k,))[0]


def prdc_each(real: Tensor, fake: Tensor, ks: Sequence[int]) -> list[PRDC]:
    """What :func:`prdc` returns for several :math:`k`, at little more than the cost of one: they share the distances.

    Arguments:
        real: Features of real samples, with shape :math:`(N, D)`.
        fake: Features of generated samples, with shape :math:`(M, D)`.
        ks: Which neighbours set the radius, ascending.

    Raises:
        ModescopeError: If the shapes do not fit, a feature is not finite, or `ks` is empty, not positive or in another
            order.
    """
    check_sets(real, fake)
    need(len(ks) > 0, "ks is empty, expected at least one k")
    need(min(ks) >= 1, f"k is {min(ks)}, expected at least 1")
    need([*ks] == sorted({*ks}), f"ks is {[*ks]}, expected ascending")
    inside_real = torch.zeros(len(ks), len(fake), dtype=torch.bool, device=real.device)
    inside_fake, covered = torch.zeros(2, len(ks), len(real), dtype=torch.bool, device=real.device)
    totals = [0] * len(ks)

    balls = [*_radii(real, ks)[:, :, None], *_radii(fake, ks)[:, None]]
    for place, i, j in Pairs(real, fake).inside(balls):
        if place < len(ks):
            inside_real[place, j], covered[place, i] = True, True
            totals[place] += len(i)
        else:
            inside_fake[place - len(ks), i] = True
    return [_shares(*parts) for parts in zip(ks, inside_real, inside_fake, totals, covered, strict=True)]


def precision_recall(real: Tensor, fake: Tensor, k: int = 3) -> tuple[Tensor, Tensor]:
    """Precision and recall of :func:`prdc`, at the :math:`k` of Kynkäänniemi et al. (2019)."""
    found = prdc(real, fake, k)
    return found.precision, found.recall


def density_coverage(real: Tensor, fake: Tensor, k: int = 5) -> tuple[Tensor, Tensor]:
    """Density and coverage of :func:`prdc`, at the :math:`k` of Naeem et al. (2020)."""
    found = prdc(real, fake, k)
    return found.density, found.coverage


def _shares(k: int, inside_real: Tensor, inside_fake: Tensor, total: int, covered: Tensor) -> PRDC:
    nan = covered.new_tensor(torch.nan, dtype=torch.float64)
    from_reals, from_fakes = len(covered) > k, len(inside_real) > k
    return PRDC(
        precision=inside_real.double().mean() if from_reals else nan,
        recall=inside_fake.double().mean() if from_fakes else nan,
        density=nan.new_tensor(total / (k * len(inside_real))) if from_reals else nan,
        coverage=covered.double().mean() if from_reals else nan,
    )


def _radii(x: Tensor, ks: Sequence[int]) -> Tensor:
    """The distances of each point to its `k`-th neighbours, `(K, N)`; NaN, within which nothing is, if none."""
    found = x.new_full((len(ks), len(x)), torch.nan, dtype=torch.float64)
    there = [k for k in ks if k < len(x)]
    if there:
        found[: len(there)] = radii(x, there)
    return found
