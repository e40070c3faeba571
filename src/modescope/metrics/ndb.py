r"""The number of statistically different bins: where a generator puts too many samples, and where too few."""

__all__ = ["Bins", "DifferentBins", "compare_bins", "different_bins", "make_bins"]

from dataclasses import dataclass

import torch
from scipy.special import ndtri
from torch import Tensor

from ..core.errors import need
from .kmeans import kmeans
from .mode_kl import mode_js
from .neighbours import check_points
from .pairwise import distances, row_chunks
from .sets import check_sets


@dataclass(frozen=True)
class Bins:
    """The bins of :func:`make_bins`, for any number of sets of fakes.

    Arguments:
        mean: Of the real samples, with shape `(D)`, float64.
        spread: The unit of each coordinate about it, with shape `(D)`, float64.
        centers: In that unit, with shape `(K, D)`.
        counts: The real samples in each bin, with shape `(K)`, int64.
    """

    mean: Tensor
    spread: Tensor
    centers: Tensor
    counts: Tensor

    def fill(self, x: Tensor) -> Tensor:
        """How many samples of `x` `(N, D)` fall in each bin, with shape `(K)`, int64."""
        return _fill(_placed(x, self.mean, self.spread), self.centers)


@dataclass(frozen=True)
class DifferentBins:
    r"""What :func:`different_bins` returns.

    Arguments:
        different: The number of bins whose shares differ at the level alpha (NDB).
        share: That number over the number of bins (NDB/K).
        js: The Jensen-Shannon divergence of the two histograms, in nats, from 0 to :math:`\log 2`.
        z: For each bin the test's statistic, positive where the generator has more, with shape :math:`(K)`, float64.
        real_counts: The real samples in each bin, with shape :math:`(K)`, int64.
        fake_counts: The generated samples in each bin, with shape :math:`(K)`, int64.
        alpha: The level of each bin's test: what equal laws score as `share`.
    """

    different: int
    share: float
    js: float
    z: Tensor
    real_counts: Tensor
    fake_counts: Tensor
    alpha: float


def different_bins(
    real: Tensor,
    fake: Tensor,
    generator: torch.Generator,
    bins: int = 100,
    alpha: float = 0.05,
    whiten: bool = False,
) -> DifferentBins:
    r"""Bins of the real samples, and a test for each whether the generator fills it as the data do.

    The bins are the cells of `bins` centres by :math:`k`-means on the real samples; every sample falls in the cell of
    its nearest centre. Then :func:`compare_bins`. A missed mode leaves its bins empty (very negative :math:`z`).

    Note:
        Equal laws score about alpha, not 0. The number grows with the sample sizes for any fixed difference, so compare
        at equal ones, and `js` with that of other real samples: it is biased upwards by about
        :math:`(K - 1) (1/N + 1/M) / 8`. The centres are fitted to the very samples that are counted, as in the
        authors' code, which adds a little where bins hold few. That code bins by a random sixth of the coordinates
        where there are more than 1000, and its MNIST demonstration calls bins different above :math:`|z| = 4`; all
        coordinates count here, and 4 is ``alpha=6.3e-5``. Here the real samples too are put in the nearest cell after
        the last step of :math:`k`-means, so that a set with itself has no different bin.

    References:
        | On GANs and GMMs (Richardson & Weiss, 2018), section 3
        | https://arxiv.org/abs/1805.12462

    Arguments:
        real: Real samples, with shape :math:`(N, D)`.
        fake: Generated samples, with shape :math:`(M, D)`.
        generator: Draws the first centres.
        bins: The number of bins :math:`K`; :math:`N` if that is smaller.
        alpha: The level of each test, between 0 and 1.
        whiten: Whether to divide each coordinate by its standard deviation in the real samples.

    Raises:
        ModescopeError: If the samples are not finite or do not fit, or `bins` or `alpha` is out of range.

    Returns:
        The number of different bins, with all it was made from.
    """
    check_sets(real, fake)
    found = make_bins(real, generator, bins, whiten)
    return compare_bins(found.counts, found.fill(fake.detach()), alpha)


def make_bins(real: Tensor, generator: torch.Generator, bins: int = 100, whiten: bool = False) -> Bins:
    """The bins of :func:`different_bins`, which depend on the real samples alone.

    Arguments:
        real: Real samples, with shape :math:`(N, D)`.
        generator: Draws the first centres.
        bins: The number of bins :math:`K`; :math:`N` if that is smaller.
        whiten: Whether to divide each coordinate by its standard deviation in the real samples.

    Raises:
        ModescopeError: If a sample is not finite, or `bins` is out of range.
    """
    check_points("real", real)
    need(bins >= 1, f"bins is {bins}, expected at least 1")
    mean, spread = _unit_of(real.detach(), whiten)
    placed = _placed(real.detach(), mean, spread)
    centers = kmeans(placed, min(bins, len(real)), generator).centers
    return Bins(mean, spread, centers, _fill(placed, centers))


def compare_bins(real_counts: Tensor, fake_counts: Tensor, alpha: float = 0.05) -> DifferentBins:
    r"""The two-proportions test of each bin, two-sided, with the pooled share.

    .. math::
        z = \frac{\hat q - \hat p}{\sqrt{s (1 - s) (1/N + 1/M)}}, \qquad s = \frac{N \hat p + M \hat q}{N + M}

    Note:
        A bin that is empty in both, or holds all samples of both, has no variance: its :math:`z` is 0 (NaN in the
        authors' code; different in neither). The normal law is rough where a bin holds fewer than about 5 samples.

    References:
        | On GANs and GMMs (Richardson & Weiss, 2018), section 3
        | https://arxiv.org/abs/1805.12462

    Arguments:
        real_counts: Real samples in each bin, with shape :math:`(K)`.
        fake_counts: Generated samples in each bin, with shape :math:`(K)`.
        alpha: The level of each test, between 0 and 1.

    Raises:
        ModescopeError: If the counts do not fit, or one histogram is empty.

    Returns:
        The number of different bins, with all it was made from.
    """
    need(0 < alpha < 1, f"alpha is {alpha}, expected a number between 0 and 1")
    shapes = tuple(real_counts.shape), tuple(fake_counts.shape)
    need(
        shapes[0] == shapes[1] and len(shapes[0]) == 1,
        f"real_counts and fake_counts have shapes {shapes[0]} and {shapes[1]}, expected the same (K,)",
    )
    real, fake = real_counts.double(), fake_counts.double()  # small integers would wrap
    n, m = real.sum(), fake.sum()
    filled = bool(n > 0 and m > 0 and (real_counts >= 0).all() and (fake_counts >= 0).all())
    need(filled, "real_counts or fake_counts holds no sample or a negative number, expected counts")
    p, q = real / n, fake / m
    pooled = (real + fake) / (n + m)
    error = (pooled * (1 - pooled) * (1 / n + 1 / m)).sqrt()
    z = torch.where(error > 0, (q - p) / error, 0)
    different = int((z.abs() > -ndtri(alpha / 2)).sum())
    js = mode_js(fake, p).item()
    return DifferentBins(different, different / len(z), js, z, real_counts, fake_counts, alpha)


def _unit_of(real: Tensor, whiten: bool) -> tuple[Tensor, Tensor]:
    """The mean, and the spread of all coordinates, or of each if `whiten`."""
    mean = real.double().mean(dim=0)
    gaps = real.double() - mean
    scale = gaps.abs().amax(dim=0).clamp(min=torch.finfo(torch.float64).tiny)  # so that squares stay finite
    spread = scale * (gaps / scale).square().mean(dim=0).sqrt()
    if not whiten:
        spread = spread.max().expand_as(spread)
    return mean, torch.where(spread > 0, spread, 1)


def _placed(x: Tensor, mean: Tensor, spread: Tensor) -> Tensor:
    return ((x.double() - mean) / spread).to(x.dtype)


def _fill(x: Tensor, centers: Tensor) -> Tensor:
    labels = [distances(rows, centers.to(rows)).argmin(dim=1) for rows in row_chunks(x, len(centers))]
    return torch.bincount(torch.cat(labels), minlength=len(centers))
