r"""Classifier two-sample tests: can anyone tell the generated samples from the real ones?"""

__all__ = ["LeaveOneOut", "TwoSampleTest", "c2st_knn", "c2st_neural", "c2st_power", "nearest_neighbour_test"]

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from scipy.special import bdtrc, ndtr, ndtri
from torch import Tensor, nn
from torch.nn.functional import logsigmoid

from ..core.errors import need
from .neighbours import neighbours
from .pairwise import distinct
from .probe import fit, perceptron, standardise
from .sets import balanced, check_sets, shuffled

FAR = 1e6  # deviations from the mean; what lies further counts as this far
TIED = 8  # neighbours that may be equally near at most

Vote = Callable[[Tensor, Tensor, Tensor], Tensor]


@dataclass(frozen=True)
class TwoSampleTest:
    r"""What :func:`c2st_neural` and :func:`c2st_knn` return.

    Arguments:
        accuracy: The share of held-out samples told right: ½ if the laws are equal, 1 if they are told apart.
        real_accuracy: That share among the real ones.
        fake_accuracy: That share among the generated ones.
        p_value: The chance of as many right answers or more if the laws are equal, by the binomial law; exact or, as
            the held-out classes have equal sizes, a little too large.
        p_normal: The same by the published normal approximation.
        samples: The number of held-out samples.
    """

    accuracy: float
    real_accuracy: float
    fake_accuracy: float
    p_value: float
    p_normal: float
    samples: int


@dataclass(frozen=True)
class LeaveOneOut:
    r"""What :func:`nearest_neighbour_test` returns.

    Arguments:
        accuracy: The share of samples whose nearest neighbour is of their own kind.
        real_accuracy: That share among the real ones: low if every real sample has a generated one close by.
        fake_accuracy: That share among the generated ones: high if they are closer to each other than to the data.
        chance: What equal laws score on average, :math:`(n - 1) / (2 n - 1)` for :math:`n` samples of each.
        p_value: The share of relabelings with at least this accuracy: small if the laws differ.
        p_below: The share of relabelings with at most this accuracy: small if generated samples repeat real ones.
        samples: The number of samples, :math:`2 n`.
    """

    accuracy: float
    real_accuracy: float
    fake_accuracy: float
    chance: float
    p_value: float
    p_below: float
    samples: int


def c2st_neural(
    real: Tensor, fake: Tensor, generator: torch.Generator, hidden: int = 20, steps: int = 1000
) -> TwoSampleTest:
    r"""Trains a small network on half of both sets and asks it about the other half.

    Under equal laws the number of right answers :math:`n \hat t` of :math:`n` is binomial with chance ½, so that

    .. math::
        p = P \big( \mathrm{Bin}(n, \tfrac12) \geq n \hat t \big) \approx 1 - \Phi \big( (2 \hat t - 1) \sqrt n \big).

    Note:
        The paper pools and splits at random; here both halves hold as many real as generated samples (the larger set
        is cut at random), so that always giving one answer scores ½. The network is the paper's, 20 ReLU units and a
        logistic output on standardised coordinates, by Adam at 0.01 on batches of 256; the paper names 100 epochs and
        its code takes 10,000 steps of all samples. The test is one-sided: an accuracy below ½ is not flagged, see
        :func:`nearest_neighbour_test`. The power falls with few samples in many dimensions: :func:`c2st_power`.

    References:
        | Revisiting Classifier Two-Sample Tests (Lopez-Paz & Oquab, 2017), section 3
        | https://arxiv.org/abs/1610.06545

    Arguments:
        real: Real samples, with shape :math:`(N, D)`.
        fake: Generated samples, with shape :math:`(M, D)`.
        generator: Draws the split, the first weights and the batches.
        hidden: The width of the hidden layer.
        steps: The steps of training.

    Raises:
        ModescopeError: If the samples are not finite, do not fit, or are fewer than 2 of a kind.

    Returns:
        The accuracies and the p-values.
    """
    need(hidden >= 1 and steps >= 1, f"hidden is {hidden} and steps is {steps}, expected at least 1")

    def vote(real: Tensor, fake: Tensor, asked: Tensor) -> Tensor:
        mean, spread = standardise(real, fake)
        real, fake, asked = (((x.double() - mean) / spread).clamp(-FAR, FAR).float() for x in (real, fake, asked))
        net = perceptron(real.shape[1], (hidden,), generator).to(real.device)
        fit(net, _log_likelihood, real, fake, generator, steps, batch=256, rate=0.01)
        with torch.no_grad():
            return -net(asked)

    return _holdout(real, fake, generator, vote)


def c2st_knn(real: Tensor, fake: Tensor, generator: torch.Generator, k: int | None = None) -> TwoSampleTest:
    r"""Asks the :math:`k` nearest of one half of both sets about the other half; see :func:`c2st_neural`.

    Note:
        :math:`k = \lfloor \sqrt{n_\text{train}} \rfloor`, as published. The authors' code answers "generated" above
        :math:`\lceil k/2 \rceil` votes: one too many at odd :math:`k`, and equal votes go to "real". Here the
        majority decides, and a coin where votes are equal. Among equally near samples a random order decides.
        Distances are Euclidean in the coordinates as they are.

    References:
        | Revisiting Classifier Two-Sample Tests (Lopez-Paz & Oquab, 2017), sections 3 and 4
        | https://arxiv.org/abs/1610.06545

    Arguments:
        real: Real samples, with shape :math:`(N, D)`.
        fake: Generated samples, with shape :math:`(M, D)`.
        generator: Draws the split and the coins.
        k: The number of neighbours; as published if not given.

    Raises:
        ModescopeError: If the samples are not finite, do not fit, or are fewer than 2 of a kind, or than `k` in half.

    Returns:
        The accuracies and the p-values.
    """

    def vote(real: Tensor, fake: Tensor, asked: Tensor) -> Tensor:
        pool = len(real) + len(fake)
        count = math.isqrt(pool) if k is None else k
        order = shuffled(torch.arange(pool, device=real.device), generator)
        kind = torch.where(order < len(real), -1, 1)
        nearest = neighbours(asked, torch.cat([real, fake])[order], count).indices
        return kind[nearest].sum(dim=1).float()

    return _holdout(real, fake, generator, vote)


def nearest_neighbour_test(
    real: Tensor, fake: Tensor, generator: torch.Generator, relabelings: int = 999
) -> LeaveOneOut:
    r"""Whether the nearest neighbour of each sample, among all others, is of its own kind.

    Near ½: equal laws. Near 1: told apart. Well below ½: memorised, as each copy is next to its original. A generator
    collapsed onto some real samples shows a high accuracy on the generated ones and a lower one on the real ones.

    Note:
        Neighbours at equal distance, such as copies of one point, share the vote: a sample with 3 copies of its own
        kind and 1 of the other scores ¾. Answers of neighbours depend on each other, so the binomial law does not hold
        (its tails are too thin); the p-values are exact, by relabeling all samples at random. The larger set is cut at
        random to the size of the smaller.

    References:
        | Revisiting Classifier Two-Sample Tests (Lopez-Paz & Oquab, 2017)
        | https://arxiv.org/abs/1610.06545

        | An empirical study on evaluation metrics of generative adversarial networks (Xu et al., 2018), section 3
        | https://arxiv.org/abs/1806.07755

    Arguments:
        real: Real samples, with shape :math:`(N, D)`.
        fake: Generated samples, with shape :math:`(M, D)`.
        generator: Draws the cut and the relabelings.
        relabelings: How many; the least p-value is one over one more.

    Raises:
        ModescopeError: If the samples are not finite or do not fit, or `relabelings` is less than 1.

    Returns:
        The accuracies and the p-values.
    """
    check_sets(real, fake)
    need(relabelings >= 1, f"relabelings is {relabelings}, expected at least 1")
    real, fake = balanced(real.detach(), fake.detach(), generator)
    n = len(real)
    graph = _Graph(torch.cat([real, fake]))
    kind = (torch.arange(2 * n, device=real.device) >= n).double()
    right = graph.agreement(kind)
    observed = right.mean()
    others = torch.stack([graph.agreement(shuffled(kind, generator)).mean() for _ in range(relabelings)])
    rounding = 1e-9
    above = 1 + int((others >= observed - rounding).sum())
    below = 1 + int((others <= observed + rounding).sum())
    return LeaveOneOut(
        accuracy=observed.item(),
        real_accuracy=right[:n].mean().item(),
        fake_accuracy=right[n:].mean().item(),
        chance=(n - 1) / (2 * n - 1),
        p_value=above / (relabelings + 1),
        p_below=below / (relabelings + 1),
        samples=2 * n,
    )


def c2st_power(samples: int, effect: float, alpha: float = 0.05) -> float:
    r"""How likely the test finds a difference: the chance that :math:`p \leq \alpha`, by the normal approximation.

    .. math:: \Phi \bigg( \frac{\epsilon \sqrt n - \Phi^{-1}(1 - \alpha) / 2}{\sqrt{1/4 - \epsilon^2}} \bigg)

    References:
        | Revisiting Classifier Two-Sample Tests (Lopez-Paz & Oquab, 2017), theorem 1
        | https://arxiv.org/abs/1610.06545

    Arguments:
        samples: The number of held-out samples :math:`n`.
        effect: How much the classifier's true accuracy exceeds ½, :math:`\epsilon`, from 0 to ½.
        alpha: The level of the test, between 0 and 1.

    Raises:
        ModescopeError: If an argument is out of range.

    Returns:
        A probability.
    """
    need(samples >= 1, f"samples is {samples}, expected at least 1")
    need(0 <= effect <= 0.5, f"effect is {effect}, expected a number from 0 to 0.5")
    need(0 < alpha < 1, f"alpha is {alpha}, expected a number between 0 and 1")
    gain = effect * math.sqrt(samples) + ndtri(alpha) / 2
    spread = math.sqrt(0.25 - effect**2)
    return float(ndtr(gain / spread)) if spread > 0 else float(gain >= 0)


def _log_likelihood(net: nn.Module, real: Tensor, fake: Tensor) -> Tensor:
    return (logsigmoid(net(real)).mean() + logsigmoid(-net(fake)).mean()) / 2


def _holdout(real: Tensor, fake: Tensor, generator: torch.Generator, vote: Vote) -> TwoSampleTest:
    """Trains on one half and asks about the other; a vote above 0 says "generated", and a coin decides at 0."""
    check_sets(real, fake)
    real, fake = balanced(real.detach(), fake.detach(), generator)
    need(len(real) >= 2, "real or fake has 1 sample, expected at least 2, to train on one and ask about the other")
    half = len(real) // 2
    votes = vote(real[:half], fake[:half], torch.cat([real[half:], fake[half:]])).cpu()
    coins = torch.rand(len(votes), generator=generator, device=generator.device).cpu() < 0.5
    says_fake = torch.where(votes == 0, coins, votes > 0)
    told = ~says_fake[: len(votes) // 2], says_fake[len(votes) // 2 :]
    right, n = int(torch.cat(told).sum()), len(votes)
    return TwoSampleTest(
        accuracy=right / n,
        real_accuracy=told[0].double().mean().item(),
        fake_accuracy=told[1].double().mean().item(),
        p_value=float(bdtrc(right - 1, n, 0.5)) if right else 1.0,
        p_normal=float(ndtr((1 - 2 * right / n) * math.sqrt(n))),
        samples=n,
    )


class _Graph:
    """Who is nearest to whom, for any labels: places, how many share each, and the places nearest to each."""

    def __init__(self, points: Tensor) -> None:
        places, self.place, self.copies = distinct(points)
        if len(places) == 1:
            return
        found = neighbours(places, k=min(TIED, len(places) - 1))
        self.nearest = found.indices
        self.tied = (found.distances <= found.distances[:, :1] * (1 + 1e-12)).double()

    def agreement(self, kind: Tensor) -> Tensor:
        """For each point, the share of its nearest others that are of its own kind (1 or 0), with shape (N)."""
        ones = torch.zeros(len(self.copies), dtype=kind.dtype, device=kind.device).index_add(0, self.place, kind)
        copies = self.copies.to(kind)
        twins = copies[self.place] - 1
        share = (ones[self.place] - kind) / twins
        if len(copies) > 1:
            near = (self.tied * ones[self.nearest]).sum(dim=1) / (self.tied * copies[self.nearest]).sum(dim=1)
            share = torch.where(twins > 0, share, near[self.place])
        return kind * share + (1 - kind) * (1 - share)
