r"""The Inception score: how sure a classifier is of each sample, and how many classes it sees over all."""

__all__ = ["InceptionScore", "inception_score", "inception_score_infinity"]

from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor

from ..core.errors import need
from .extrapolation import Extrapolation, extrapolate
from .pairwise import check_samples, row_chunks
from .sets import shuffled


@dataclass(frozen=True)
class InceptionScore:
    """What :func:`inception_score` returns, from 1 to the number of classes.

    Arguments:
        mean: The mean of the splits' scores, a 0-d float64 tensor.
        std: Their standard deviation (divided by their number), a 0-d float64 tensor; 0 for one split.
        scores: The score of each split, in float64, with shape `(S)`.
    """

    mean: Tensor
    std: Tensor
    scores: Tensor


def inception_score(logits: Tensor, splits: int = 10, generator: torch.Generator | None = None) -> InceptionScore:
    r"""The exponential of the mutual information between a generated sample and its class.

    .. math::
        \exp \Big( \frac1N \sum_i \mathrm{KL} \big( p(c \,|\, x_i) \,\|\, \hat p(c) \big) \Big)
        = \exp \Big( H(\hat p) - \frac1N \sum_i H \big( p(c \,|\, x_i) \big) \Big),
        \qquad \hat p(c) = \frac1N \sum_i p(c \,|\, x_i)

    The marginal :math:`\hat p` is that of the *generated* samples of the split: no real sample is looked at. So the
    score sees a dropped class, but neither collapse inside a class nor samples copied from the training set, and a
    generator that makes one perfect image of each class scores the maximum.

    Note:
        The second form needs no logarithm of a probability that underflows, which in the original code is NaN.
        The original code splits the samples as they come, so samples sorted by class score low; pass a `generator` to
        shuffle them first, as torch-fidelity and torchmetrics do. torchmetrics divides the variance by one less than
        the number of splits. Small splits score too low: see :func:`inception_score_infinity`.

    References:
        | Improved Techniques for Training GANs (Salimans et al., 2016), section 4
        | https://arxiv.org/abs/1606.03498

        | A Note on the Inception Score (Barratt & Sharma, 2018)
        | https://arxiv.org/abs/1801.01973

    Arguments:
        logits: The classifier's logits (or log-probabilities) of generated samples, with shape :math:`(N, K)`.
        splits: Into how many parts the samples are cut; 10 of 5,000 in the paper.
        generator: Shuffles the samples before they are split; left in their order if not given.

    Raises:
        ModescopeError: If the shape does not fit, a logit is NaN or positive infinity, or there are fewer samples than
            splits.

    Returns:
        The mean and standard deviation over the splits, and the score of each.
    """
    _check_logits(logits)
    need(1 <= splits <= len(logits), f"splits is {splits}, expected 1 to the {len(logits)} samples")
    rows = logits if generator is None else shuffled(logits, generator)
    edges = [i * len(rows) // splits for i in range(splits + 1)]
    scores = torch.stack([_score(rows[low:high]) for low, high in pairwise(edges)])
    return InceptionScore(scores.mean(), scores.std(correction=0), scores)


def inception_score_infinity(
    logits: Tensor, generator: torch.Generator, points: int = 15, smallest: int | None = None
) -> Extrapolation:
    r"""The Inception score of one split, extrapolated to infinitely many samples.

    References:
        | Effectively Unbiased FID and Inception Score and where to find them (Chong & Forsyth, 2020)
        | https://arxiv.org/abs/1911.07023

    Arguments:
        logits: The classifier's logits of generated samples, with shape :math:`(N, K)`.
        generator: The source of the random subsets.
        points: How many sizes, evenly spaced from `smallest` to :math:`N`.
        smallest: The smallest subset; a tenth of :math:`N` if not given.

    Raises:
        ModescopeError: If the shape does not fit, a logit is NaN or positive infinity, `points` is below 2, or
            `smallest` is not from 1 to :math:`N`.

    Returns:
        The extrapolated value, the (negative) slope, and the scores of the subsets.
    """
    _check_logits(logits)
    return extrapolate(_score, logits, generator, points, smallest)


def _check_logits(logits: Tensor) -> None:
    check_samples("logits", logits)
    need(logits.ndim == 2, f"logits has shape {tuple(logits.shape)}, expected (N, K)")
    # The largest logit of a row is finite just where its softmax is: -inf elsewhere is a probability of 0.
    need(bool(logits.amax(dim=1).isfinite().all()), "logits holds a NaN or an infinity, expected finite numbers")


def _score(logits: Tensor) -> Tensor:
    total = logits.new_zeros(logits.shape[1], dtype=torch.float64)
    entropy = logits.new_zeros((), dtype=torch.float64)
    for rows in row_chunks(logits, logits.shape[1]):
        p = rows.double().softmax(dim=1)
        total = total + p.sum(dim=0)
        entropy = entropy + torch.special.entr(p).sum()
    marginal = torch.special.entr(total / len(logits)).sum()
    return (marginal - entropy / len(logits)).clamp(min=0).exp()
