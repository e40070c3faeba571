"""How different the fakes are from each other, and from the real samples that they may copy."""

__all__ = ["Authenticity", "BirthdayParadox", "CopiedShare", "GaussianVendiScore", "PairwiseDiversity", "Rarity"]

import math
from collections.abc import Callable
from typing import Any, ClassVar

import torch
from torch import Tensor

from ..core.errors import need
from ..metrics.birthday import birthday, calibrated_radius, closest_pairs
from ..metrics.memorisation import authenticity, copied_share, rarity
from ..metrics.mmd import median_bandwidth
from ..metrics.pairwise_diversity import pairwise_diversity
from ..metrics.vendi import vendi_score
from .base import Outputs, Values
from .gathered import Gathered, OfNeighbours


class GaussianVendiScore(Gathered):
    r"""The effective number of different fakes, with a Gaussian kernel.

    See :func:`~modescope.metrics.vendi.vendi_score`. It should be as of real samples: higher is more diverse.

    References:
        | The Vendi Score: A Diversity Evaluation Metric for Machine Learning (Friedman & Dieng, 2022), definition 3.1
        | https://arxiv.org/abs/2210.02410

    Arguments:
        bandwidth: The kernel's standard deviation, in data units; the median distance of the real samples if not given.
        order: The order :math:`q \geq 0`.
        settings: See :class:`~modescope.torchmetrics.gathered.Gathered`.
    """

    outputs: ClassVar[Outputs] = {"vendi": None}
    plot_lower_bound = 1.0

    def __init__(self, bandwidth: float | None = None, order: float = 1.0, **settings: Any) -> None:
        super().__init__(**settings)
        self.bandwidth, self.order = bandwidth, order

    @property
    def protocol(self) -> str:
        return ("rbf_median" if self.bandwidth is None else f"rbf{self.bandwidth:g}") + f"_q{self.order:g}"

    def measure(self, real: Tensor, fake: Tensor, generator: torch.Generator) -> Values:
        width = median_bandwidth(real.double()) if self.bandwidth is None else self.bandwidth
        return {"vendi": vendi_score(fake, "gaussian", width, self.order)}


class PairwiseDiversity(Gathered):
    r"""The mean distance of two fakes, with its interval.

    See :func:`~modescope.metrics.pairwise_diversity.pairwise_diversity`. It should be as of real samples.

    References:
        | Toward Multimodal Image-to-Image Translation (Zhu et al., 2017), section 5.1
        | https://arxiv.org/abs/1711.11586

    Arguments:
        pairs: How many disjoint pairs; all that there are if not given.
        distance: From two sets of rows to their distances; Euclidean if not given.
        confidence: The nominal coverage of the interval.
        settings: See :class:`~modescope.torchmetrics.gathered.Gathered`.
    """

    outputs: ClassVar[Outputs] = {"pairwise": None, "pairwise_low": None, "pairwise_high": None}
    family = "pairwise"
    needs_real = False
    plot_lower_bound = 0.0

    def __init__(
        self,
        pairs: int | None = None,
        distance: Callable[[Tensor, Tensor], Tensor] | None = None,
        confidence: float = 0.95,
        **settings: Any,
    ) -> None:
        super().__init__(**settings)
        self.pairs, self.distance, self.confidence = pairs, distance, confidence

    @property
    def protocol(self) -> str:
        return "l2" if self.distance is None else getattr(self.distance, "__name__", type(self.distance).__name__)

    def measure(self, real: Tensor, fake: Tensor, generator: torch.Generator) -> Values:
        found = pairwise_diversity(fake, generator, self.pairs, self.distance, self.confidence)
        return {"pairwise": found.mean, "pairwise_low": found.low, "pairwise_high": found.high}


class BirthdayParadox(Gathered):
    r"""Duplicates among the fakes, and the number of pictures that the generator makes, as they tell.

    See :func:`~modescope.metrics.birthday.birthday`: the share of fakes with a duplicate, the effective support by all
    pairs and by the published rule, and the distance of the closest pair. All should be as of real samples; a
    collapsed generator has more duplicates and a smaller support.

    References:
        | Do GANs learn the distribution? Some Theory and Empirics (Arora et al., 2018), section 3
        | https://arxiv.org/abs/1706.08224

    Arguments:
        radius: The distance up to which two samples are duplicates, in data units; that within which a share `rate` of
            as many real samples have another, if not given: then as many are taken of either kind.
        rate: That share.
        settings: See :class:`~modescope.torchmetrics.gathered.Gathered`.
    """

    outputs: ClassVar[Outputs] = {"duplicated": False, "effective_support": None, "support_rule": None, "closest": None}
    family = "birthday"
    plot_lower_bound = 0.0

    def __init__(self, radius: float | None = None, rate: float = 0.01, **settings: Any) -> None:
        super().__init__(**settings)
        need(0 < rate <= 1, f"rate is {rate}, expected above 0 and at most 1")
        need(radius is None or radius >= 0, f"radius is {radius}, expected at least 0")
        self.radius, self.rate = radius, rate
        self.needs_real = radius is None

    @property
    def protocol(self) -> str:
        return f"rate{self.rate:g}" if self.radius is None else f"radius{self.radius:g}"

    def measure(self, real: Tensor, fake: Tensor, generator: torch.Generator) -> Values:
        radius = self.radius
        if radius is None:  # a sample of more has more duplicates within the same radius
            count = min(len(real), len(fake))
            real, fake = real[:count], fake[:count]
            radius = calibrated_radius(real, self.rate).item()
        need(not math.isnan(radius), f"{self.name} holds 1 real sample, expected 2 or a radius")
        found = birthday(fake, radius, generator)
        closest = closest_pairs(fake, 1).distances
        return {
            "duplicated": found.duplicated,
            "effective_support": found.effective,
            "support_rule": found.support_rule,
            "closest": closest[0] if len(closest) else math.nan,
        }


class Rarity(OfNeighbours):
    r"""How rare the fakes would be among the real samples: the mean of those within a ball, and the share of others.

    See :func:`~modescope.metrics.memorisation.rarity`. Rarity should be as of real samples; the share outside all
    balls, of broken fakes, lower.

    References:
        | Rarity Score: A New Metric to Evaluate the Uncommonness of Synthesized Images (Han et al., 2022), equation 3
        | https://arxiv.org/abs/2206.08549

    Arguments:
        k: Which neighbour sets the radius.
        settings: See :class:`~modescope.torchmetrics.gathered.Gathered`.
    """

    outputs: ClassVar[Outputs] = {"rarity": None, "rarity_outside": False}
    family = "rarity"

    def __init__(self, k: int = 3, **settings: Any) -> None:
        super().__init__(k, **settings)

    def measure(self, real: Tensor, fake: Tensor, generator: torch.Generator) -> Values:
        if len(real) <= self.k:
            return {"rarity": math.nan, "rarity_outside": math.nan}
        scores = rarity(real, fake, self.k)
        return {"rarity": scores.nanmean(), "rarity_outside": scores.isnan().double().mean()}


class Authenticity(Gathered):
    r"""The share of fakes that are not noisy copies of a real sample. Higher is better, and about a half is well.

    See :func:`~modescope.metrics.memorisation.authenticity`; the real samples are those of the training.

    References:
        | How Faithful is your Synthetic Data? (Alaa et al., 2022), section 3.3
        | https://arxiv.org/abs/2102.08921

    Arguments:
        settings: See :class:`~modescope.torchmetrics.gathered.Gathered`.
    """

    outputs: ClassVar[Outputs] = {"authenticity": True}
    randomised = False
    plot_lower_bound = 0.0
    plot_upper_bound = 1.0

    def measure(self, real: Tensor, fake: Tensor, generator: torch.Generator) -> Values:
        return {"authenticity": authenticity(real, fake)}


class CopiedShare(Gathered):
    r"""The share of fakes that are a real sample, bit for bit or nearly. Lower is better.

    See :func:`~modescope.metrics.memorisation.copied_share`; the real samples are those of the training.

    Arguments:
        eps: The distance at which a sample counts as a copy, in data units.
        settings: See :class:`~modescope.torchmetrics.gathered.Gathered`.
    """

    outputs: ClassVar[Outputs] = {"copied": False}
    randomised = False
    plot_lower_bound = 0.0
    plot_upper_bound = 1.0

    def __init__(self, eps: float = 0.0, **settings: Any) -> None:
        super().__init__(**settings)
        need(eps >= 0, f"eps is {eps}, expected at least 0")
        self.eps = eps

    @property
    def protocol(self) -> str:
        return f"eps{self.eps:g}"

    def measure(self, real: Tensor, fake: Tensor, generator: torch.Generator) -> Values:
        return {"copied": copied_share(real, fake, self.eps)}
