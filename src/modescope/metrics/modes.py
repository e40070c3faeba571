r"""Mode coverage on distributions with known modes, and variety within them."""

__all__ = ["ModeCounts", "count_modes", "mode_spread"]

from typing import NamedTuple

import torch
from torch import Tensor

from ..core.errors import need
from ..datasets.base import Modes, norm_order
from .pairwise import check_samples


class ModeCounts(NamedTuple):
    r"""What :func:`count_modes` returns."""

    covered: Tensor  # modes that hold enough samples, with shape (*)
    quality: Tensor  # share of samples within `radius` of their nearest mode, with shape (*)
    counts: Tensor  # samples that each mode holds, with shape (*, M)


def count_modes(
    x: Tensor,
    modes: Modes | Tensor,
    radius: float = 3.0,
    norm: str = "l2",
    min_count: int = 1,
    min_share: float | Tensor = 0.0,
) -> ModeCounts:
    r"""Counts the modes that samples reach.

    A sample belongs to its nearest mode if it lies within `radius` of it; such samples are of *high quality*. A mode is
    covered if it holds at least `min_count` samples and at least `min_share` of all of them.

    Note:
        Published numbers mix protocols: VEEGAN captures within an absolute Euclidean radius, PacGAN within 3 standard
        deviations of each mode, which agree on isotropic modes. The largest-coordinate norm is a looser variant.
        Not every sample of a perfect sampler is of high quality: in two dimensions
        :math:`1 - e^{-9/2} = 98.89 \%` are (not 99.73 %, the figure of one dimension);
        :meth:`modescope.datasets.Modes.ceiling` tells. One stray sample covers a mode, so a count with a minimal
        share should stand beside the plain one.

    References:
        | VEEGAN: Reducing Mode Collapse in GANs using Implicit Variational Learning (Srivastava et al., 2017)
        | https://arxiv.org/abs/1705.07761

        | PacGAN: The power of two samples in generative adversarial networks (Lin et al., 2017)
        | https://arxiv.org/abs/1712.04086

    Arguments:
        x: The samples, with shape :math:`(*, N, D)`. Samples that are not finite belong to no mode.
        modes: The modes of a data set, or centres with shape :math:`(M, D)`.
        radius: The capture radius, in standard deviations of the mode; in data units if `modes` is a tensor.
        norm: ``l2`` (Euclidean) or ``linf`` (the largest coordinate).
        min_count: The samples that a covered mode holds at least.
        min_share: The share of all samples that a covered mode holds at least, one number or one for each mode, with
            shape :math:`(M)`.

    Raises:
        ModescopeError: If the shapes do not fit, or the norm is unknown.

    Example:
        >>> centers = torch.tensor([[0.0, 0.0], [5.0, 0.0], [0.0, 5.0]])
        >>> found = count_modes(torch.tensor([[0.0, 0.1], [5.0, 0.0], [9.0, 9.0], [5.1, 0.0]]), centers, radius=0.3)
        >>> found.covered, found.quality, found.counts
        (tensor(2), tensor(0.7500), tensor([1, 2, 0]))
    """
    check_samples("x", x)
    _, good, counts = _captured(x, modes, radius, norm)
    enough = (counts >= min_count) & (counts >= torch.as_tensor(min_share, device=x.device) * x.shape[-2])

    return ModeCounts(enough.sum(dim=-1), good.to(x.dtype).mean(dim=-1), counts)


def mode_spread(x: Tensor, modes: Modes | Tensor, radius: float = 3.0, norm: str = "l2") -> Tensor:
    r"""The standard deviation of samples about the middle of their own mode: variety within modes.

    A generator that draws one point of each mode reaches them all, with high quality; that intra-mode collapse shows
    here. Of the :math:`n_k` samples :math:`x_i` within `radius` of mode :math:`k`, and their mean :math:`\bar x_k`,

    .. math:: s^2 = \frac{\sum_k \sum_{i \in k} \|x_i - \bar x_k\|^2}{D \sum_k (n_k - 1)}.

    Note:
        Only what lies within `radius` counts, so true samples score a little less than the standard deviation of the
        modes: compare with true samples, measured alike. The means are those of the samples, so a mode that is
        displaced is not wider for it.

    References:
        | Black-Box Diagnosis and Calibration on GAN Intra-Mode Collapse: A Pilot Study (Wu et al., 2021), which names
          the fault and measures it on images by neighbours, without known modes
        | https://arxiv.org/abs/2107.12202

    Arguments:
        x: The samples, with shape :math:`(*, N, D)`.
        modes: The modes of a data set, or centres with shape :math:`(M, D)`.
        radius: The capture radius, as in :func:`count_modes`.
        norm: ``l2`` or ``linf``.

    Returns:
        The standard deviation of a coordinate, in data units, with shape :math:`(*)`; 0 where no mode holds two.

    Raises:
        ModescopeError: If the shapes do not fit, or the norm is unknown.

    Example:
        >>> centers = torch.tensor([[0.0], [5.0]])
        >>> mode_spread(torch.tensor([[-0.1], [0.1], [5.2], [9.0]]), centers, radius=0.3)
        tensor(0.1414)
    """
    check_samples("x", x)
    nearest, good, counts = _captured(x, modes, radius, norm)
    # In float64: float32 loses the digits of a mean that is far from the origin.
    kept = x.double().masked_fill(~good.unsqueeze(-1), 0.0)
    places = nearest.unsqueeze(-1).expand_as(kept)
    sums = kept.new_zeros(*counts.shape, x.shape[-1]).scatter_add(-2, places, kept)
    middles = sums / counts.clamp(min=1).unsqueeze(-1)
    squares = ((kept - middles.gather(-2, places)) * good.unsqueeze(-1)).square().sum(dim=(-2, -1))
    freedom = (counts - 1).clamp(min=0).sum(dim=-1) * x.shape[-1]
    return (squares / freedom.clamp(min=1)).sqrt().to(x.dtype)


def _captured(x: Tensor, modes: Modes | Tensor, radius: float, norm: str) -> tuple[Tensor, Tensor, Tensor]:
    """The nearest mode of each sample, whether it lies within the radius, and how many each mode holds so."""
    nearest, distance = _nearest_center(x, modes, norm) if isinstance(modes, Tensor) else modes.nearest(x, norm)
    good = distance <= radius
    counts = torch.zeros(*x.shape[:-2], len(modes), dtype=torch.long, device=x.device)
    return nearest, good, counts.scatter_add(-1, nearest, good.long())


def _nearest_center(x: Tensor, centers: Tensor, norm: str) -> tuple[Tensor, Tensor]:
    need(
        centers.ndim == 2 and centers.shape[-1] == x.shape[-1] and len(centers) > 0,
        f"modes has shape {tuple(centers.shape)}, expected (M, {x.shape[-1]}), at least one mode, for samples of "
        f"{x.shape[-1]} coordinates",
    )
    # Taken directly: the matrix product loses the digits of a small distance between points far from the origin.
    gaps = torch.cdist(x, centers.to(x), p=norm_order(norm), compute_mode="donot_use_mm_for_euclid_dist")
    distance, nearest = gaps.min(dim=-1)
    return nearest, distance
