r"""The log-likelihood of real samples under a Parzen window of generated ones."""

__all__ = ["PUBLISHED_BANDWIDTHS", "ParzenLikelihood", "parzen_log_likelihood"]

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ..core.errors import need
from .kde import kde_log_prob
from .neighbours import check_points
from .sets import check_sets

PUBLISHED_BANDWIDTHS = tuple(10 ** (step / 9 - 1) for step in range(10))  # from 0.1 to 1, for pixels from 0 to 1


@dataclass(frozen=True)
class ParzenLikelihood:
    """What :func:`parzen_log_likelihood` returns, in nats.

    Arguments:
        mean: The mean log-likelihood of a real sample, a 0-d float64 tensor.
        standard_error: Its standard error over the real samples, a 0-d float64 tensor; NaN for one real sample.
        bandwidth: The window's standard deviation, in data units.
        at_edge: Whether that is the least or the greatest of the bandwidths tried, so that a better one may lie beyond.
    """

    mean: Tensor
    standard_error: Tensor
    bandwidth: float
    at_edge: bool


def parzen_log_likelihood(
    real: Tensor,
    fake: Tensor,
    validation: Tensor,
    bandwidths: Sequence[float] = PUBLISHED_BANDWIDTHS,
    validation_limit: int = 1000,
) -> ParzenLikelihood:
    r"""The mean log-likelihood of real samples under Gaussian windows around the generated ones.

    .. math::
        \frac1N \sum_j \log \frac1M \sum_i \mathcal{N}(x_j \,|\, y_i, \sigma^2 I), \qquad
        \sigma = \arg\max_\sigma \sum_{v \in \text{validation}} \log \frac1M \sum_i \mathcal{N}(v \,|\, y_i, \sigma^2 I)

    The early papers report it of 10,000 generated samples, with :math:`\sigma` from 10 logarithmic steps between 0.1
    and 1, chosen on 1,000 validation images with pixels from 0 to 1.

    Note:
        Sound in up to three dimensions. In many, it ranks generators wrongly: centroids of k-means score above real
        samples, and a score says little about the likelihood, the samples or their diversity. Report it only to compare
        with papers that do. The standard error is that over real samples; another set of generated samples moves the
        value, too.

    References:
        | Generative Adversarial Nets (Goodfellow et al., 2014), section 5 and table 1
        | https://arxiv.org/abs/1406.2661

        | Better Mixing via Deep Representations (Bengio et al., 2013)
        | https://arxiv.org/abs/1207.4404

        | A note on the evaluation of generative models (Theis et al., 2016)
        | https://arxiv.org/abs/1511.01844

    Arguments:
        real: True samples for the test, with shape :math:`(N, D)`.
        fake: The generator's samples, with shape :math:`(M, D)`.
        validation: Other true samples, which choose the bandwidth, with shape :math:`(V, D)`.
        bandwidths: The standard deviations :math:`\sigma` to choose from, in data units.
        validation_limit: How many of the validation samples are used, the first ones.

    Raises:
        ModescopeError: If the shapes do not fit, a sample is not finite, a bandwidth is not positive, or
            `validation_limit` is below 1.

    Returns:
        The mean and its standard error, in nats, and the bandwidth chosen.
    """
    check_sets(real, fake)
    check_points("validation", validation, real.shape[1])
    need(validation_limit >= 1, f"validation_limit is {validation_limit}, expected at least 1")
    grid = sorted(float(h) for h in bandwidths)
    need(len(grid) > 0 and grid[0] > 0, f"bandwidths is {bandwidths}, expected positive numbers")
    centre = fake.double().mean(dim=0)  # densities move with the origin, but digits are lost far from it
    windows = fake - centre
    judges = validation[:validation_limit] - centre
    trials = torch.stack([kde_log_prob(judges, windows, h).mean() for h in grid])
    best = int(trials.argmax())
    values = kde_log_prob(real - centre, windows, grid[best])
    spread = values.std(correction=0) if len(values) > 1 else values.new_tensor(torch.nan)
    return ParzenLikelihood(values.mean(), spread / len(values) ** 0.5, grid[best], best in (0, len(grid) - 1))
