r"""How much of a law a sample has not seen: the missing mass, and the number of unseen classes."""

__all__ = ["Unseen", "label_counts", "unseen"]

import math
from dataclasses import dataclass
from statistics import NormalDist

import torch
from torch import Tensor

from ..core.errors import need


@dataclass(frozen=True)
class Unseen:
    r"""What :func:`unseen` returns, each a float64 scalar tensor.

    Attributes:
        observed: The number of classes seen.
        support: Chao's estimate of the number of classes that there are, seen or not (a lower bound on average).
        support_low: The lower end of its interval.
        support_high: The upper end of its interval.
        mass: Good and Turing's estimate of the probability that the next sample is of a class not seen yet.
        mass_low: The lower end of its interval.
        mass_high: The upper end of its interval.
    """

    observed: Tensor
    support: Tensor
    support_low: Tensor
    support_high: Tensor
    mass: Tensor
    mass_low: Tensor
    mass_high: Tensor


def unseen(counts: Tensor, confidence: float = 0.95) -> Unseen:
    r"""Estimates what a sample missed from the classes that it met once or twice.

    With :math:`f_1` classes seen once, :math:`f_2` seen twice, :math:`n` samples of :math:`S` classes, and
    :math:`a = (n - 1) / n`,

    .. math::
        \text{mass} = \frac{f_1}{n}, \qquad
        \text{support} = S + a \, \frac{f_1^2}{2 f_2} \quad \text{or} \quad
        S + a \, \frac{f_1 (f_1 - 1)}{2} \;\; \text{if } f_2 = 0.

    For a generator: of all fakes that it can make, what share is of modes that this sample does not show? For a
    collapsed one both are small: its few modes have been seen often, and more samples will bring no new ones.

    Note:
        The support estimate is a lower bound on average, nearly reached when the unseen classes are equally likely;
        its interval, log-normal as in Chao (1987), is for that bound. Some libraries leave out :math:`a`, or use
        :math:`f_1 (f_1 - 1) / (2 (f_2 + 1))` throughout. Where nothing is estimated unseen (:math:`f_1 = 0`, or
        :math:`f_1 = 1` and :math:`f_2 = 0`) the interval is that of the EstimateS manual, equations 8 and 14;
        a single sample has none, and its ends are NaN.
        The interval of the mass is Esty's, normal: too narrow for few singletons.

    References:
        | The Population Frequencies of Species and the Estimation of Population Parameters (Good, 1953), equation 9
        | https://doi.org/10.1093/biomet/40.3-4.237

        | Estimating the Population Size for Capture-Recapture Data with Unequal Catchability (Chao, 1987)
        | https://doi.org/10.2307/2531532

        | A Normal Limit Law for a Nonparametric Estimator of the Coverage of a Random Sample (Esty, 1983), theorem 1
        | https://doi.org/10.1214/aos/1176346161

    Arguments:
        counts: The samples of each class or cluster, with shape :math:`(K)`, e.g. of :func:`label_counts`; zeros do not
            matter.
        confidence: The nominal coverage of the intervals.

    Raises:
        ModescopeError: If `counts` holds anything but whole numbers from 0, or no sample.

    Returns:
        The estimates and their intervals.
    """
    n, seen, once, twice = _frequencies(counts)
    need(0 < confidence < 1, f"confidence is {confidence}, expected between 0 and 1")
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    a = (n - 1) / n
    extra = a * (once**2 / (2 * twice) if twice else once * (once - 1) / 2)
    low, high = _lognormal(seen, once, twice, a, extra, z) if extra > 0 else _complete(counts, z)
    mass = once / n
    error = z * math.sqrt(max(0.0, once * (1 - once / n) + 2 * twice)) / n
    values = (seen, seen + extra, low, high, mass, max(0.0, mass - error), min(1.0, mass + error))
    return Unseen(*(torch.tensor(float(value), dtype=torch.float64, device=counts.device) for value in values))


def label_counts(labels: Tensor) -> Tensor:
    """The samples of each class, with shape `(K)`, from the class of each sample, whole numbers with shape `(N)`."""
    whole = not (labels.is_floating_point() or labels.is_complex())
    need(whole and labels.ndim == 1, f"labels is {labels.dtype} {tuple(labels.shape)}, expected whole numbers, (N,)")
    return labels.unique(return_counts=True)[1]


def _frequencies(counts: Tensor) -> tuple[int, int, int, int]:
    """Samples, classes seen, classes seen once, and classes seen twice."""
    need(counts.ndim == 1, f"counts has shape {tuple(counts.shape)}, expected (K,)")
    whole = bool(((counts >= 0) & counts.isfinite() & (counts == counts.double().round())).all())
    need(whole, "counts holds a negative or fractional number, expected whole numbers of samples")
    n = int(counts.sum())
    need(n > 0, "counts holds no sample, expected at least 1")
    return n, int((counts > 0).sum()), int((counts == 1).sum()), int((counts == 2).sum())


def _lognormal(seen: int, once: int, twice: int, a: float, extra: float, z: float) -> tuple[float, float]:
    """Chao's interval: the number unseen is log-normal, and not negative."""
    if twice:
        ratio = once / twice
        variance = twice * (a * ratio**2 / 2 + a**2 * ratio**3 + a**2 * ratio**4 / 4)
    else:
        variance = a * once * (once - 1) / 2 + a**2 * (once * (2 * once - 1) ** 2 / 4 - once**4 / (4 * (seen + extra)))
    factor = math.exp(z * math.sqrt(math.log1p(variance / extra**2)))
    return seen + extra / factor, seen + extra * factor


def _complete(counts: Tensor, z: float) -> tuple[float, float]:
    """The interval where no class is estimated unseen: each was missed with probability about exp(-count)."""
    found = counts[counts > 0].double()
    if bool((found == 1).all()):  # one sample tells nothing
        return math.nan, math.nan
    missed = torch.exp(-found)
    share = missed.mean().item()
    variance = (missed - missed**2).sum().item() - (found * missed).sum().item() ** 2 / found.sum().item()
    variance = max(0.0, variance)
    center, half = len(found) / (1 - share), z * math.sqrt(variance) / (1 - share)
    return max(float(len(found)), center - half), center + half
