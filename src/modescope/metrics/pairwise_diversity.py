r"""How different two samples of a generator are: the mean distance of random pairs."""

__all__ = ["PairwiseDiversity", "pairwise_diversity", "random_pairs"]

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from ..core.errors import need
from .intervals import student_interval
from .neighbours import check_points

ELEMENTS = 2**20  # coordinates whose distances are taken at once


@dataclass(frozen=True)
class PairwiseDiversity:
    """What :func:`pairwise_diversity` returns, float64 scalar tensors and a count.

    Attributes:
        mean: The mean distance, in units of the features.
        low: The lower end of its Student-t interval over pairs.
        high: The upper end.
        pairs: The number of pairs.
    """

    mean: Tensor
    low: Tensor
    high: Tensor
    pairs: int


def pairwise_diversity(
    x: Tensor,
    generator: torch.Generator,
    pairs: int | None = None,
    distance: Callable[[Tensor, Tensor], Tensor] | None = None,
    confidence: float = 0.95,
) -> PairwiseDiversity:
    r"""The mean distance between two samples of a set: 0 for a generator collapsed to a point.

    .. math:: \frac1P \sum_{p} d(x_{i_p}, x_{j_p})

    over disjoint random pairs, so that the distances are independent and the interval holds. With a perceptual distance
    this is the LPIPS diversity of image-to-image translation. Within the samples of one class or one input it shows
    collapse there; compare it with that of as many reals.

    Note:
        It sees collapse to a point, not to a few far modes: half the samples on each of two points score as high as a
        broad law. Published numbers reuse samples in several pairs, which leaves the mean as it is, on average, but an
        interval over such pairs too narrow.

    References:
        | Toward Multimodal Image-to-Image Translation (Zhu et al., 2017), section 5.1
        | https://arxiv.org/abs/1711.11586

        | The Unreasonable Effectiveness of Deep Features as a Perceptual Metric (Zhang et al., 2018)
        | https://arxiv.org/abs/1801.03924

    Arguments:
        x: Features, with shape :math:`(N, D)`.
        generator: The randomness of the pairs.
        pairs: How many pairs, :math:`P`, at most :math:`N / 2`, which it is if not given.
        distance: From two sets of rows, :math:`(B, D)` each, to their distances :math:`(B)`; Euclidean if not given.
        confidence: The nominal coverage of the interval.

    Raises:
        ModescopeError: If the shape does not fit, a feature is not finite, or there are not so many pairs.

    Returns:
        The mean and its interval. One sample makes no pair: the mean is NaN; one pair has no interval.
    """
    check_points("x", x)
    i, j = random_pairs(len(x), len(x) // 2 if pairs is None else pairs, generator)
    i, j, step = i.to(x.device), j.to(x.device), max(1, ELEMENTS // x.shape[1])
    measure = distance or _euclidean
    gaps = [measure(x[a], x[b]).double() for a, b in zip(i.split(step), j.split(step), strict=True) if len(a)]
    values = torch.cat(gaps) if gaps else x.new_empty(0, dtype=torch.float64)
    need(values.shape == i.shape, f"distance gave shape {tuple(values.shape)}, expected ({len(i)},), one for each pair")

    mean = values.mean()
    error = values.std().item() / math.sqrt(len(values)) if len(values) > 1 else math.nan
    low, high = student_interval(mean.item(), error, len(values) - 1, confidence, (0.0, math.inf))
    return PairwiseDiversity(mean, mean.new_tensor(low), mean.new_tensor(high), len(values))


def random_pairs(n: int, pairs: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Disjoint random pairs of `n` indices: two tensors with shape `(P)`.

    Raises:
        ModescopeError: If there are not so many.
    """
    need(0 <= pairs <= n // 2, f"pairs is {pairs}, expected at most {n // 2}, the disjoint pairs of {n} samples")
    order = torch.randperm(n, generator=generator, device=generator.device)
    return order[:pairs], order[pairs : 2 * pairs]


def _euclidean(x: Tensor, y: Tensor) -> Tensor:
    return torch.linalg.vector_norm(x.double() - y.double(), dim=1)
