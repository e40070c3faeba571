r"""The precision-recall curve of two laws, from histograms over clusters of their union."""

__all__ = ["PRD", "prd", "prd_curve"]

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from ..core.errors import need
from .kmeans import kmeans
from .sets import check_sets


@dataclass(frozen=True)
class PRD:
    r"""What :func:`prd` and :func:`prd_curve` return, in float64.

    Attributes:
        precision: The curve :math:`\alpha`, from recall alone to precision alone, with shape :math:`(A)`.
        recall: The curve :math:`\beta`, with shape :math:`(A)`.
        f_recall: The greatest :math:`F_8` on the curve, which weighs recall 8 times as much: a summary of recall.
        f_precision: The greatest :math:`F_{1/8}`: a summary of precision.
    """

    precision: Tensor
    recall: Tensor
    f_recall: Tensor
    f_precision: Tensor


def prd(
    real: Tensor, fake: Tensor, generator: torch.Generator, clusters: int = 20, runs: int = 10, angles: int = 1001
) -> PRD:
    r"""The precision-recall curve of samples: :func:`prd_curve` of histograms over k-means clusters of their union.

    The curve is averaged over runs, each with clusters of its own, and the summaries are taken of the mean curve. A
    generator that makes 2 of 8 equal modes has precision 1 up to a recall of 1/4.

    Note:
        The official function is called with (eval, ref), but its README says (real, generated): whoever follows it
        swaps precision and recall. Here the order is (real, fake), as everywhere.
        The official code refuses sets of different sizes, since the larger would draw the clusters to itself; here
        points weigh in so that both sets count the same. It clusters by mini-batches with 10 restarts, here by Lloyd's
        iterations without: the curve differs by about the spread between runs.
        Two samples of one law have slightly less than 1: read the summaries beside their floor.

    References:
        | Assessing Generative Models via Precision and Recall (Sajjadi et al., 2018), section 3.3 and algorithm 1
        | https://arxiv.org/abs/1806.00035

    Arguments:
        real: Features of real samples, with shape :math:`(N, D)`.
        fake: Features of generated samples, with shape :math:`(M, D)`.
        generator: The randomness of the clusters' first centres.
        clusters: Clusters of the union.
        runs: Clusterings to average over.
        angles: Points of the curve, :math:`A`.

    Raises:
        ModescopeError: If the shapes do not fit, a feature is not finite, or a count is too small.

    Returns:
        The curve and its two summaries.
    """
    check_sets(real, fake)
    need(runs >= 1, f"runs is {runs}, expected at least 1")
    union = torch.cat([real, fake])
    weights = torch.ones(len(union), dtype=torch.float64, device=real.device)
    weights[: len(real)] = len(fake) / len(real)

    precision, recall = [], []
    for _ in range(runs):
        labels = kmeans(union, clusters, generator, weights).labels
        counts = [part.bincount(minlength=clusters) for part in labels.split([len(real), len(fake)])]
        curve = prd_curve(counts[0], counts[1], angles)
        precision.append(curve.precision)
        recall.append(curve.recall)
    return _summary(torch.stack(precision).mean(dim=0), torch.stack(recall).mean(dim=0))


def prd_curve(real: Tensor, fake: Tensor, angles: int = 1001) -> PRD:
    r"""The precision-recall curve of two discrete laws, :math:`p` of the reals and :math:`q` of the fakes.

    .. math::
        \alpha(\lambda) = \sum_\omega \min(\lambda p(\omega), q(\omega)), \qquad
        \beta(\lambda) = \frac{\alpha(\lambda)}{\lambda}, \qquad
        F_b = \frac{(1 + b^2)\, \alpha \beta}{b^2 \alpha + \beta}

    at :math:`\lambda = \tan \theta` for equally spaced angles within :math:`(0, \pi / 2)`. The largest precision is the
    mass of :math:`q` where :math:`p > 0`, and the largest recall the mass of :math:`p` where :math:`q > 0`.

    References:
        | Assessing Generative Models via Precision and Recall (Sajjadi et al., 2018), equations 5 to 8
        | https://arxiv.org/abs/1806.00035

    Arguments:
        real: Counts or probabilities, with shape :math:`(K)`.
        fake: Counts or probabilities, with shape :math:`(K)`.
        angles: Points of the curve, :math:`A`.

    Raises:
        ModescopeError: If the shapes differ, or a law is negative or has no mass.

    Returns:
        The curve and its two summaries.
    """
    need(
        real.ndim == 1 and real.shape == fake.shape,
        f"shapes are {tuple(real.shape)} and {tuple(fake.shape)}, expected (K,) twice",
    )
    need(angles >= 3, f"angles is {angles}, expected at least 3")
    p, q = (_law(name, counts) for name, counts in (("real", real), ("fake", fake)))
    theta = torch.linspace(1e-10, math.pi / 2 - 1e-10, angles, dtype=torch.float64, device=real.device)
    slopes = theta.tan()
    precision = torch.minimum(slopes[:, None] * p, q).sum(dim=1)
    return _summary(precision.clamp(max=1), (precision / slopes).clamp(max=1))


def _law(name: str, counts: Tensor) -> Tensor:
    mass = counts.double()
    valid = bool((mass >= 0).all()) and math.isfinite(mass.sum().item()) and mass.sum().item() > 0
    need(valid, f"{name} is {counts.tolist()}, expected finite mass, none of it negative")
    return mass / mass.sum()


def _summary(precision: Tensor, recall: Tensor) -> PRD:
    return PRD(precision, recall, _best(precision, recall, 8.0), _best(precision, recall, 1 / 8))


def _best(precision: Tensor, recall: Tensor, weight: float) -> Tensor:
    below = weight**2 * precision + recall
    scores = (1 + weight**2) * precision * recall / below
    return scores.where(below > 0, 0.0).max()
