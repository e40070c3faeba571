r"""Whether fakes copy the reals: rarity, authenticity, and the share of copies."""

__all__ = ["authenticity", "copied_share", "rarity"]

import torch
from torch import Tensor

from ..core.errors import need
from .neighbours import neighbours
from .pairs import TIE, Pairs
from .sets import check_sets


def rarity(real: Tensor, fake: Tensor, k: int = 3) -> Tensor:
    r"""How rare each fake would be among the reals: the radius of the smallest real ball that holds it.

    .. math:: r(y) = \min \{ \mathrm{NN}_k(x_i) : \|x_i - y\| \le \mathrm{NN}_k(x_i) \}

    with :math:`\mathrm{NN}_k(x_i)` the distance of :math:`x_i` to its :math:`k`-th neighbour among the other reals.
    Small balls stand where data are dense, so a generator that keeps to the common has small scores.

    Note:
        The official code gives 0, the least score there is, to a fake outside all balls, so that broken samples lower
        the mean; here it is NaN. The balls are closed, as in :func:`~modescope.metrics.prdc.prdc`; the official code
        takes open ones, in which copies of a point are outside.

    References:
        | Rarity Score: A New Metric to Evaluate the Uncommonness of Synthesized Images (Han et al., 2022), equation 3
        | https://arxiv.org/abs/2206.08549

    Arguments:
        real: Features of real samples, with shape :math:`(N, D)`.
        fake: Features of generated samples, with shape :math:`(M, D)`.
        k: Which neighbour sets the radius.

    Raises:
        ModescopeError: If the shapes do not fit, a feature is not finite, or `k` is not positive.

    Returns:
        A radius for each fake, in data units, float64, with shape :math:`(M)`; NaN for one outside all balls. With
        :math:`N \le k` there are no balls, and all are NaN.
    """
    check_sets(real, fake)
    need(k >= 1, f"k is {k}, expected at least 1")
    scores = real.new_full((len(fake),), torch.inf, dtype=torch.float64)
    if len(real) > k:
        radii = neighbours(real, k=k).distances[:, -1]
        for _, i, j in Pairs(real, fake).inside([radii[:, None]]):
            scores.scatter_reduce_(0, j, radii[i], "amin")
    return scores.where(scores.isfinite(), torch.nan)


def authenticity(real: Tensor, fake: Tensor) -> Tensor:
    r"""The share of fakes that are not noisy copies: farther from their nearest real than that real from the others.

    .. math:: \frac1M \sum_j \mathbb{1}\big[ \|y_j - x_{i(j)}\| > \min_{l \ne i(j)} \|x_{i(j)} - x_l\| \big], \qquad
        i(j) = \operatorname{argmin}_i \|y_j - x_i\|

    A generator that memorised scores 0. Fresh samples of the true law score a third in one dimension and up to a half
    in many, so read it beside its floor. Fakes that are simply bad are far from all reals, and score 1.

    Note:
        A widespread implementation looks up the nearest *fake* of each real, and with its index, that of a fake, the
        neighbours of the *reals*: it compares unrelated points, its value changes with the order of the reals, and it
        fails if there are more fakes than reals. The paper's definition, and the authors' later code, are as here.

    References:
        | How Faithful is your Synthetic Data? Sample-level Metrics for Evaluating and Auditing Generative Models
          (Alaa et al., 2022), section 3.3
        | https://arxiv.org/abs/2102.08921

    Arguments:
        real: Features of real samples, with shape :math:`(N, D)`: those that the generator was trained on.
        fake: Features of generated samples, with shape :math:`(M, D)`.

    Raises:
        ModescopeError: If the shapes do not fit, or a feature is not finite.

    Returns:
        The share, a float64 scalar tensor; NaN with one real, which has no neighbour.
    """
    check_sets(real, fake)
    if len(real) < 2:
        return real.new_tensor(torch.nan, dtype=torch.float64)
    nearest, which = (part[:, 0] for part in neighbours(fake, real))
    others = neighbours(real).distances[:, 0]
    return (nearest > others[which] * (1 + TIE)).double().mean()


def copied_share(real: Tensor, fake: Tensor, eps: float = 0.0) -> Tensor:
    """The share of fakes that are a real sample, bit for bit, or within `eps` of one.

    Arguments:
        real: Features of real samples, with shape :math:`(N, D)`.
        fake: Features of generated samples, with shape :math:`(M, D)`, computed just like those of the reals: a network
            may give other last digits to the same picture in another batch. Then `eps` should allow for them.
        eps: The distance at which a sample counts as a copy, in data units.

    Raises:
        ModescopeError: If the shapes do not fit, a feature is not finite, or `eps` is negative.

    Returns:
        The share, a float64 scalar tensor.
    """
    check_sets(real, fake)
    need(eps >= 0, f"eps is {eps}, expected at least 0")
    return (neighbours(fake, real).distances[:, 0] <= eps * (1 + TIE)).double().mean()
