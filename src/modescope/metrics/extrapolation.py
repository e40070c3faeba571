r"""A score of infinitely many samples, from its scores of subsets."""

__all__ = ["Extrapolation", "extrapolate"]

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from ..core.errors import need
from .sets import random_subset


@dataclass(frozen=True)
class Extrapolation:
    r"""A line :math:`\text{score}(n) = \text{value} + \text{slope} / n`, fitted by least squares.

    Arguments:
        value: The line at infinitely many samples, a 0-d float64 tensor; NaN if the sizes do not differ.
        slope: The bias times the number of samples, a 0-d float64 tensor.
        sizes: How many samples each score took, with shape :math:`(P)`.
        scores: The scores, in float64, with shape :math:`(P)`.
    """

    value: Tensor
    slope: Tensor
    sizes: Tensor
    scores: Tensor


def extrapolate(
    score: Callable[[Tensor], Tensor],
    samples: Tensor,
    generator: torch.Generator,
    points: int = 15,
    smallest: int | None = None,
) -> Extrapolation:
    r"""Takes a score of random subsets of growing size and fits it as a line in :math:`1 / n`.

    Scores that are smooth functions of means have a bias of :math:`c / n + O(1 / n^2)`. The constant depends on the
    generator, so a fixed :math:`n` does not make two generators comparable; the line's intercept does.

    References:
        | Effectively Unbiased FID and Inception Score and where to find them (Chong & Forsyth, 2020)
        | https://arxiv.org/abs/1911.07023

    Note:
        As in the authors' code, the subsets are drawn without replacement from one set, so they overlap, and the line's
        residuals understate its error.

    Arguments:
        score: From samples, with shape :math:`(n, D)`, to a scalar.
        samples: With shape :math:`(N, D)`.
        generator: The source of the random subsets.
        points: How many sizes, evenly spaced from `smallest` to :math:`N`.
        smallest: The smallest subset; a tenth of :math:`N` if not given, the 5,000 of 50,000 of the authors' code.

    Raises:
        ModescopeError: If `points` is below 2, or `smallest` is not from 1 to :math:`N`.

    Returns:
        The line and the scores that it fits.
    """
    need(points >= 2, f"points is {points}, expected at least 2")
    least = max(1, len(samples) // 10) if smallest is None else smallest
    need(1 <= least <= len(samples), f"smallest is {least}, expected 1 to the {len(samples)} samples")
    sizes = torch.linspace(least, len(samples), points, dtype=torch.float64).long()
    scores = torch.stack([score(random_subset(samples, size, generator)).double() for size in sizes.tolist()])
    x = 1 / sizes.to(scores)
    spread = x - x.mean()
    slope = (spread * scores).sum() / spread.square().sum()
    return Extrapolation(scores.mean() - slope * x.mean(), slope, sizes, scores)
