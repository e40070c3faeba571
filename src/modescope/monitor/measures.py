r"""How diverse a few hundred samples are, in a millisecond: five numbers, each the larger the more diverse."""

__all__ = ["MEASURES", "WITHOUT_REAL", "Yardstick", "diversity"]

from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor

from ..core.errors import need
from ..metrics.pairwise import distances

MEASURES = {
    "spread": "spread of the fakes",
    "effective": "effective number of different fakes",
    "dimensions": "number of directions in which fakes differ",
    "distinct": "share of fakes that are no near-duplicates",
    "covered": "share of the real data that fakes reach",
}

# Without real data, a cloud that gathers into clusters has fewer effective samples, though it may have learned them.
WITHOUT_REAL = ("spread", "dimensions", "distinct")

FRACTION = 0.25  # of the median distance: samples nearer than that look alike
NEIGHBOUR = 5  # but at least so many neighbours should lie within
COPIES = 1e-3  # of the median distance: without real data, nearer samples are near-duplicates
ROUNDING = 1e-6  # of the resolution: nearer samples are copies
RARE, TWIN = 0.01, 0.5  # with them: half the distance that the closest 1 % of real samples have
SCARCE = 0.2  # a real sample with less than this share of its due fakes around it is not reached
DUE = 5  # real samples around a real sample, from which on it can be asked whether fakes are there too
ANCHORS = 256
ON_DATA = 0.8  # of as many fakes as of real samples must lie near the data, or what they miss is a matter of quality


@dataclass(frozen=True)
class Yardstick:
    r"""What real samples say about distances, fixed before training.

    Arguments:
        resolution: The distance :math:`h` up to which samples look alike.
        twin: The distance up to which they are near-duplicates.
        anchors: Real samples that fakes should reach, with shape :math:`(A, F)`.
        due: How many of as many real samples as a window holds lie within :math:`h` of each, with shape :math:`(A)`.
        reach: The share of other real samples that lie within :math:`h` of one of them.
    """

    resolution: float
    twin: float
    anchors: Tensor
    due: Tensor
    reach: float

    @classmethod
    def of(cls, real: Tensor, window: int, generator: torch.Generator) -> Self:
        """Reads it off real samples `(N, F)`, at the size of a window.

        Raises:
            ModescopeError: If most real samples are the same.
        """
        real = real.double()
        some = real[torch.randperm(len(real), generator=generator)[:window]]
        gaps = distances(some, some).square().fill_diagonal_(torch.inf)
        resolution = resolution_of(gaps)
        need(resolution > 0, "most real samples are alike, expected samples that differ")
        order = torch.randperm(len(real), generator=generator)
        near = distances(real[order[:ANCHORS]], real[order]) <= resolution
        near.fill_diagonal_(False)  # a sample does not count itself
        due = near.sum(1) * (window / (len(real) - 1))
        known = due >= DUE
        reach = float(near[known].any(0).double().mean())
        return cls(
            resolution,
            TWIN * float(gaps.amin(1).quantile(RARE)) ** 0.5,
            real[order[:ANCHORS]][known],
            due[known],
            reach,
        )


def diversity(x: Tensor, yardstick: Yardstick | None = None) -> dict[str, float]:
    r"""Five measures of a window of samples :math:`x_1, \dots, x_n`, from their distances :math:`d_{ij}`.

    ============== ===================================================================================================
    name           what it is
    ============== ===================================================================================================
    ``spread``     the mean distance of two samples, :math:`\sum_{i \ne j} d_{ij} / n (n-1)`
    ``effective``  the Vendi score of order 2, :math:`n^2 / \sum_{ij} \exp(-d_{ij}^2 / h^2)`: how many samples there
                   would be if none resembled another
    ``dimensions`` the participation ratio of the covariance :math:`C`, :math:`(\mathrm{tr}\, C)^2 / \mathrm{tr}\, C^2`
    ``distinct``   the share of samples that have no near-duplicate
    ``covered``    with real data: the share of real samples with at least a fifth of their due fakes within :math:`h`;
                   left out where fewer than 80 % as many fakes as real samples lie within :math:`h` of the data
    ============== ===================================================================================================

    The resolution :math:`h` is a quarter of the median distance, but at least the typical distance to the 5th
    neighbour; of real samples if there are any, else of the window itself. Near-duplicates are at half the distance
    that the closest 1 % of real samples have, or less; without real samples, at a thousandth of the median distance.

    References:
        | The Vendi Score: A Diversity Evaluation Metric for Machine Learning (Friedman & Dieng, 2022)
        | https://arxiv.org/abs/2210.02410

        | Cousins Of The Vendi Score (Pasarkar & Dieng, 2023), the order 2, which needs no eigenvalues
        | https://arxiv.org/abs/2310.12952

    Arguments:
        x: Finite features of samples, with shape `(N, F)`, of as many samples as the yardstick was made for.
        yardstick: What real samples say about distances.

    Returns:
        A number for each name of :data:`MEASURES`, but ``covered`` only where it can be told.
    """
    n, x = len(x), x.double()
    gaps = distances(x, x).square().fill_diagonal_(torch.inf)
    if yardstick is None:
        resolution = resolution_of(gaps)
        twin = COPIES / FRACTION * resolution
    else:
        resolution, twin = yardstick.resolution, yardstick.twin
    twin = max(twin, ROUNDING * resolution)
    alike = torch.exp(gaps / -(resolution**2)) if resolution > 0 else (gaps == 0).double()
    found = {
        "effective": n * n / (n + alike.sum()),
        "dimensions": participation(x),
        "distinct": 1 - (gaps.amin(1) <= twin**2).double().mean(),
        "spread": gaps.fill_diagonal_(0).sqrt().sum() / (n * (n - 1)),
    }
    if yardstick is not None and len(yardstick.anchors):
        near = distances(yardstick.anchors, x) <= resolution
        if near.any(0).double().mean() >= ON_DATA * yardstick.reach:
            found["covered"] = (near.sum(1) >= SCARCE * yardstick.due).double().mean()
    return {name: float(found[name]) for name in MEASURES if name in found}


def resolution_of(gaps: Tensor) -> float:
    """The distance up to which samples look alike, from squared distances `(N, N)` with infinities on the diagonal."""
    n = len(gaps)
    middle = gaps.flatten().kthvalue(n * (n - 1) // 2 + 1).values
    neighbour = gaps.kthvalue(min(NEIGHBOUR, n - 1), dim=1).values.median()
    return max(FRACTION * float(middle) ** 0.5, float(neighbour) ** 0.5)


def participation(x: Tensor) -> Tensor:
    """The participation ratio of the covariance of `x` `(N, F)`; 0 if all samples are the same."""
    x = x - x.mean(0)
    gram = x.mT @ x if x.shape[1] < len(x) else x @ x.mT
    square = gram.square().sum()
    return torch.where(square > 0, gram.trace().square() / square.clamp(min=torch.finfo(x.dtype).tiny), 0.0)
