r"""The Fréchet distance between two samples as if both were normal: the FID, where they are Inception features."""

__all__ = ["Moments", "frechet_distance", "frechet_from_moments", "frechet_infinity"]

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from ..core.errors import need
from .extrapolation import Extrapolation, extrapolate
from .neighbours import check_points
from .sets import check_sets

ROWS = 4096  # taken at once: enough for a fast matrix product, few enough to convert to float64
BLOCK = 256  # rows of a symmetric product taken at once: enough for a fast product, few enough to skip half of it
LARGEST = 1e140  # of a coordinate, so that sums of products of two stay finite
NEGATIVE = 1e-3  # a covariance's eigenvalue this far below 0, relatively, is no rounding of float32
DIRECT_SIZE = 512  # singular values of matrices up to this size are taken directly; above, as roots if exact enough
EXACT = 1e-8  # relative error allowed to them: a bound that adds all roundings up, mostly a thousand times too large


@dataclass(frozen=True)
class Moments:
    r"""The mean and covariance of samples that come in batches: `update` gives new moments, and leaves the old ones.

    Sums of squares are kept about the mean, so data far from the origin lose no digits.

    References:
        | Updating Formulae and a Pairwise Algorithm for Computing Sample Variances (Chan et al., 1979)
        | https://apps.dtic.mil/sti/citations/ADA083170

    Arguments:
        count: The number of samples :math:`N`.
        mean: Their mean, in float64, with shape :math:`(D)`.
        scatter: :math:`\sum_i (x_i - \bar x)(x_i - \bar x)^\top`, in float64, with shape :math:`(D, D)`.
    """

    count: int
    mean: Tensor
    scatter: Tensor

    @classmethod
    def empty(cls, dim: int, device: torch.device | str = "cpu") -> "Moments":
        """The moments of no samples with `dim` coordinates."""
        need(dim >= 1, f"dim is {dim}, expected at least 1")
        zeros = torch.zeros(dim, dim + 1, dtype=torch.float64, device=device)
        return cls(0, zeros[:, 0], zeros[:, 1:])

    @property
    def covariance(self) -> Tensor:
        """The unbiased covariance (divided by `N - 1`), with shape `(D, D)`; NaN for fewer than 2 samples."""
        if self.count < 2:
            return torch.full_like(self.scatter, torch.nan)
        return self.scatter / (self.count - 1)

    def update(self, batch: Tensor) -> "Moments":
        """The moments with the samples of `batch` `(N, D)` added."""
        check_points("batch", batch, len(self.mean))
        moments = self
        for rows in batch.split(ROWS):
            exact = rows.to(self.mean)
            mean = exact.mean(dim=0)
            centred = exact - mean
            moments = moments.merge(Moments(len(rows), mean, _gram(centred)))
        return moments

    def merge(self, other: "Moments") -> "Moments":
        """The moments of both sets of samples together."""
        dim, given = len(self.mean), len(other.mean)
        need(dim == given, f"other has {given} coordinates, expected {dim}")
        if self.count == 0 or other.count == 0:
            return other if self.count == 0 else self
        count = self.count + other.count
        gap = other.mean - self.mean
        share = other.count / count
        scatter = self.scatter + other.scatter + torch.outer(gap, gap * (self.count * share))
        return Moments(count, self.mean + gap * share, scatter)


def frechet_distance(real: Tensor, fake: Tensor) -> Tensor:
    r"""The Fréchet (2-Wasserstein) distance, squared, between the normal laws with two samples' means and covariances.

    .. math:: \|\mu_1 - \mu_2\|^2 + \mathrm{tr} \big( C_1 + C_2 - 2 (C_1 C_2)^{1/2} \big)

    It is the FID where the samples are pool features of the Inception network. Any :math:`A, B` with
    :math:`A^\top A = C_1` and :math:`B^\top B = C_2` give the last trace as the sum of the singular values of
    :math:`A B^\top`: no square root of a matrix that is not symmetric, and nothing lost where covariances are
    singular. For fewer samples than coordinates, the centred samples are such a factor.

    Note:
        Two moments do not see modes: a generator that matches them scores 0 however it collapsed, so raw coordinates
        need other measures. The expected value is above the true one, by about a constant over the number of samples;
        the constant depends on the generator. See :func:`frechet_infinity`, and compare at equal sizes only.
        Well-known implementations take the square root of :math:`C_1 C_2` numerically, and where a covariance is
        singular add a small multiple of the identity or lose up to half the digits. Above 512 coordinates the singular
        values are taken as roots of eigenvalues, of :math:`L^\top C_2 L` with :math:`L L^\top = C_1` where there are
        enough samples, if that keeps their sum to 1e-8 (in practice to about 1e-14).

    References:
        | GANs Trained by a Two Time-Scale Update Rule Converge to a Local Nash Equilibrium (Heusel et al., 2017), (6)
        | https://arxiv.org/abs/1706.08500

        | The Fréchet distance between multivariate normal distributions (Dowson & Landau, 1982)
        | https://doi.org/10.1016/0047-259X(82)90077-X

    Arguments:
        real: True samples, with shape :math:`(N, D)`.
        fake: The generator's samples, with shape :math:`(M, D)`.

    Raises:
        ModescopeError: If the shapes do not fit, or a sample is not finite or too large to be squared.

    Returns:
        The squared distance, a 0-d float64 tensor, in squared data units; NaN if a set has one sample, which has no
        unbiased covariance.
    """
    check_sets(real, fake)
    return _distance(_of_samples(real), _of_samples(fake))


def frechet_from_moments(mean1: Tensor, cov1: Tensor, mean2: Tensor, cov2: Tensor) -> Tensor:
    r"""The squared Fréchet distance of :func:`frechet_distance`, from means and covariances.

    It reads the published statistics of reference sets, and :class:`Moments`.

    Note:
        Eigenvalues below :math:`D` roundings of the largest cannot be told from 0 in a covariance, and count as 0.

    References:
        | GANs Trained by a Two Time-Scale Update Rule Converge to a Local Nash Equilibrium (Heusel et al., 2017), (6)
        | https://arxiv.org/abs/1706.08500

    Arguments:
        mean1: The first mean, with shape :math:`(D)`.
        cov1: The first covariance, with shape :math:`(D, D)`.
        mean2: The second mean, with shape :math:`(D)`.
        cov2: The second covariance, with shape :math:`(D, D)`.

    Raises:
        ModescopeError: If the shapes do not fit, a number is not finite, or a matrix is not a covariance: symmetric,
            with no negative eigenvalue beyond rounding.

    Returns:
        The squared distance, a 0-d float64 tensor, in squared data units.
    """
    first, second = _of_moments("1", mean1, cov1), _of_moments("2", mean2, cov2)
    need(len(mean1) == len(mean2), f"mean1 has {len(mean1)} coordinates but mean2 has {len(mean2)}, expected the same")
    return _distance(first, second)


def frechet_infinity(
    real: Tensor,
    fake: Tensor,
    generator: torch.Generator,
    points: int = 15,
    smallest: int | None = None,
) -> Extrapolation:
    r"""The squared Fréchet distance extrapolated to infinitely many generated samples.

    References:
        | Effectively Unbiased FID and Inception Score and where to find them (Chong & Forsyth, 2020)
        | https://arxiv.org/abs/1911.07023

    Note:
        As in the authors' code, `real` is used whole and its own bias stays. Their quasi-random latents are left to
        whoever draws `fake`; only the extrapolation is here. The line holds for subsets of many more samples than
        coordinates.

    Arguments:
        real: True samples, with shape :math:`(N, D)`.
        fake: The generator's samples, with shape :math:`(M, D)`.
        generator: The source of the random subsets.
        points: How many sizes, evenly spaced from `smallest` to :math:`M`.
        smallest: The smallest subset; a tenth of :math:`M` if not given.

    Raises:
        ModescopeError: If the shapes do not fit, a sample is not finite, `points` is below 2, or `smallest` is not
            from 1 to :math:`M`.

    Returns:
        The extrapolated value, the slope, and the distances of the subsets; NaN where a subset has one sample.
    """
    check_sets(real, fake)
    truth = _of_samples(real)
    return extrapolate(lambda drawn: _distance(truth, _of_samples(drawn)), fake, generator, points, smallest)


class _Normal:
    """A normal law, by its covariance or by a matrix `(R, D)` whose Gram matrix this is.

    Arguments:
        mean: With shape `(D)`.
        covariance: With shape `(D, D)`, if the root is not given.
        rows: The root, with shape `(R, D)`, if the covariance is not given.
        name: The covariance's, for errors.
    """

    def __init__(
        self, mean: Tensor, covariance: Tensor | None = None, rows: Tensor | None = None, name: str = "the covariance"
    ) -> None:
        self.mean, self.covariance, self.rows, self.name = mean, covariance, rows, name

    @cached_property
    def root(self) -> Tensor:
        if self.rows is not None:
            return self.rows
        assert self.covariance is not None
        return _root(self.covariance, self.name)

    @property
    def finite(self) -> bool:
        known = self.covariance if self.rows is None else self.rows
        return known is not None and bool(known.isfinite().all())


def _distance(first: _Normal, second: _Normal) -> Tensor:
    if not (first.finite and second.finite):
        return first.mean.new_tensor(torch.nan)
    gap = (first.mean - second.mean).square().sum()
    if first.covariance is not None and second.covariance is not None and len(first.mean) > DIRECT_SIZE:
        shared = _sum_of_roots(first.covariance, second.covariance)
        if shared is not None:
            return (gap + first.covariance.trace() + second.covariance.trace() - 2 * shared).clamp(min=0)
    spread = first.root.square().sum() + second.root.square().sum()
    return (gap + spread - 2 * _nuclear_norm(first.root @ second.root.mT)).clamp(min=0)


def _sum_of_roots(first: Tensor, second: Tensor) -> Tensor | None:
    """The trace of the root of a product of covariances, by eigenvalues; None unless all are large enough for that.

    That they are positive proves, by Sylvester's law of inertia, that `second` is a covariance.
    """
    scales = [cov.diagonal().max() for cov in (first, second)]
    if min(scales) <= 0:
        return None
    first, second = (cov / scale for cov, scale in zip((first, second), scales, strict=True))
    lower, failed = torch.linalg.cholesky_ex(first)
    if failed:
        return None
    squares = torch.linalg.eigvalsh(_congruent(lower, second))  # which reads the lower half
    rounding = 8 * torch.finfo(squares.dtype).eps * first.norm() * second.norm()
    if squares[0] <= rounding:
        return None
    roots = squares.sqrt()
    if (rounding / roots).sum() > EXACT * roots.sum():
        return None
    return scales[0].sqrt() * scales[1].sqrt() * roots.sum()


def _congruent(lower: Tensor, matrix: Tensor) -> Tensor:
    """The lower half of `L^T M L`, for a lower triangle `L` and a symmetric `M`: its zeros are not multiplied."""
    product, half = torch.empty_like(matrix), torch.zeros_like(matrix)
    blocks = [slice(start, min(start + BLOCK, len(matrix))) for start in range(0, len(matrix), BLOCK)]
    for block in blocks:
        product[:, block] = matrix[:, block.start :] @ lower[block.start :, block]
    for block in blocks:
        half[block, : block.stop] = lower[block.start :, block].mT @ product[block.start :, : block.stop]
    return half


def _gram(rows: Tensor) -> Tensor:
    """`rows^T rows`, of which one half is computed."""
    gram = rows.new_empty(rows.shape[1], rows.shape[1])
    for start in range(0, rows.shape[1], BLOCK):
        stop = start + BLOCK
        part = rows[:, start:stop].mT @ rows[:, :stop]
        gram[:stop, start:stop] = part.mT
        gram[start:stop, :stop] = part
    return gram


def _nuclear_norm(product: Tensor) -> Tensor:
    """The sum of singular values; of a large matrix as roots of eigenvalues, twice as fast, if none is too small."""
    if min(product.shape) > DIRECT_SIZE and (scale := product.abs().max()) > 0:
        short = (product if product.shape[0] <= product.shape[1] else product.mT) / scale
        squares = torch.linalg.eigvalsh(_gram(short.mT))
        rounding = 8 * torch.finfo(squares.dtype).eps * squares[-1]
        roots = squares.clamp(min=rounding).sqrt()
        if (rounding / roots).sum() <= EXACT * roots.sum():
            return scale * roots.sum()
    return torch.linalg.svdvals(product).sum()


def _of_samples(x: Tensor) -> _Normal:
    need(bool(x.abs().max() < LARGEST), f"a sample has a coordinate beyond {LARGEST}, too large to be squared")
    if len(x) > x.shape[1]:
        moments = Moments.empty(x.shape[1], x.device).update(x)
        return _Normal(moments.mean, moments.covariance)
    exact = x.double()
    mean = exact.mean(dim=0)
    if len(x) == 1:
        return _Normal(mean, rows=torch.full_like(exact, torch.nan))
    return _Normal(mean, rows=(exact - mean) / (len(x) - 1) ** 0.5)


def _of_moments(which: str, mean: Tensor, cov: Tensor) -> _Normal:
    need(mean.ndim == 1 and len(mean) > 0, f"mean{which} has shape {tuple(mean.shape)}, expected (D)")
    dim = len(mean)
    need(cov.shape == (dim, dim), f"cov{which} has shape {tuple(cov.shape)}, expected ({dim}, {dim})")
    exact = cov.double()
    finite = bool(mean.abs().max() < LARGEST and exact.abs().max() < LARGEST**2)
    need(finite, f"mean{which} or cov{which} holds a NaN, an infinity or too large a number, expected finite moments")
    skew = exact - exact.mT
    symmetric = bool(skew.amax() <= NEGATIVE * exact.amax())
    need(symmetric, f"cov{which} is not symmetric, expected a covariance")
    return _Normal(mean.double(), exact - skew / 2, name=f"cov{which}")


def _root(cov: Tensor, name: str = "the covariance") -> Tensor:
    """A matrix `(R, D)` whose Gram matrix is `cov`: Cholesky's where `cov` is well away from singular."""
    rounding = len(cov) * torch.finfo(cov.dtype).eps
    lower, failed = torch.linalg.cholesky_ex(cov)
    if failed == 0 and lower.diagonal().square().min() > rounding * cov.diagonal().max():
        return lower.mT
    values, vectors = torch.linalg.eigh(cov)
    need(bool(values[0] >= -NEGATIVE * values[-1].abs()), f"{name} has a negative eigenvalue, expected a covariance")
    kept = values > rounding * values[-1]
    return (vectors[:, kept] * values[kept].sqrt()).mT
