"""Metrics of images themselves: rows have the shape `(N, C, H, W)`."""

__all__ = ["MSSSIMDiversity", "PatchSWD"]

from collections.abc import Callable
from typing import Any, ClassVar

import torch
from torch import Tensor

from ..core.errors import need
from ..metrics.ms_ssim import check_images, ms_ssim, ms_ssim_diversity
from ..metrics.sets import balanced
from ..metrics.sliced import patch_swd
from .base import Outputs, Values
from .gathered import Gathered


class Pictures(Gathered):
    """Keeps images."""

    def _check(self, rows: Tensor) -> None:
        check_images("batch", rows)
        need(bool(rows.isfinite().all()), "batch holds a NaN or an infinity, expected finite pixels")


class MSSSIMDiversity(Pictures):
    r"""The mean similarity of random pairs of fakes, MS-SSIM: 1 for copies, lower if more diverse.

    See :func:`~modescope.metrics.ms_ssim.ms_ssim_diversity`. It should be as of real samples; noise is not similar
    either.

    References:
        | Conditional Image Synthesis with Auxiliary Classifier GANs (Odena et al., 2017), section 4.2
        | https://arxiv.org/abs/1610.09585

    Arguments:
        pairs: The number of pairs.
        data_range: The greatest value that a pixel may have.
        measure: :func:`~modescope.metrics.ms_ssim.ms_ssim`, or
            :func:`~modescope.metrics.ms_ssim.ms_ssim_fewer_scales` below 161 pixels.
        settings: See :class:`~modescope.torchmetrics.gathered.Gathered`.
    """

    outputs: ClassVar[Outputs] = {"similarity": None, "similarity_error": None}
    family = "similarity"
    needs_real = False
    plot_lower_bound = 0.0
    plot_upper_bound = 1.0

    def __init__(
        self,
        pairs: int = 1000,
        data_range: float = 1.0,
        measure: Callable[[Tensor, Tensor, float], Tensor] = ms_ssim,
        **settings: Any,
    ) -> None:
        super().__init__(**settings)
        self.pairs, self.data_range, self.similarity = pairs, data_range, measure

    @property
    def protocol(self) -> str:
        return f"{getattr(self.similarity, '__name__', type(self.similarity).__name__)}_{self.pairs}pairs"

    def measure(self, real: Tensor, fake: Tensor, generator: torch.Generator) -> Values:
        found = ms_ssim_diversity(fake, self.pairs, generator, data_range=self.data_range, measure=self.similarity)
        return {"similarity": found.mean, "similarity_error": found.error}


class PatchSWD(Pictures):
    r"""How far the patches of fakes are from real ones at each scale, times 1,000. Lower is better.

    See :func:`~modescope.metrics.sliced.patch_swd`. The larger set is cut at random to the size of the smaller.

    References:
        | Progressive Growing of GANs for Improved Quality, Stability, and Variation (Karras et al., 2018), section 5
        | https://arxiv.org/abs/1710.10196

    Arguments:
        patches: The patches of an image at each level.
        directions: The number of directions.
        shared_scale: Whether the real patches' mean and deviation serve both sets.
        settings: See :class:`~modescope.torchmetrics.gathered.Gathered`.
    """

    outputs: ClassVar[Outputs] = {"patch_swd": False}
    plot_lower_bound = 0.0

    def __init__(self, patches: int = 128, directions: int = 512, shared_scale: bool = False, **settings: Any) -> None:
        super().__init__(**settings)
        self.patches, self.directions, self.shared_scale = patches, directions, shared_scale

    @property
    def protocol(self) -> str:
        return f"{self.patches}x{self.directions}" + ("_shared" if self.shared_scale else "")

    def measure(self, real: Tensor, fake: Tensor, generator: torch.Generator) -> Values:
        real, fake = balanced(real, fake, generator)
        found = patch_swd(real, fake, generator, self.patches, self.directions, self.shared_scale)
        return {"patch_swd": found.mean}
