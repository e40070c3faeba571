"""Which part of the data the fakes reach, and which part of the fakes lies in the data."""

__all__ = [
    "NDB",
    "PRDC",
    "Coverage",
    "Density",
    "DensityCoverage",
    "PRDCurve",
    "Precision",
    "PrecisionRecall",
    "Recall",
]

from dataclasses import asdict
from typing import Any, ClassVar

import torch
from torch import Tensor

from ..metrics.ndb import different_bins
from ..metrics.prd import prd
from ..metrics.prdc import prdc
from .base import Outputs, Values
from .gathered import Gathered, OfNeighbours


class PRDC(OfNeighbours):
    r"""Precision, recall, density and coverage by nearest-neighbour balls, at the cost of one.

    See :func:`~modescope.metrics.prdc.prdc`. All should be as of real samples; more is better but for density, which
    is 1 for the data themselves. A collapsed generator has high precision, and low recall and coverage.

    References:
        | Improved Precision and Recall Metric for Assessing Generative Models (Kynkäänniemi et al., 2019), equation 2
        | https://arxiv.org/abs/1904.06991

        | Reliable Fidelity and Diversity Metrics for Generative Models (Naeem et al., 2020), equations 3 and 5
        | https://arxiv.org/abs/2002.09797

    Arguments:
        k: Which neighbour sets the radius.
        settings: See :class:`~modescope.torchmetrics.gathered.Gathered`.
    """

    outputs: ClassVar[Outputs] = {"precision": True, "recall": True, "density": None, "coverage": True}
    family = "prdc"

    def __init__(self, k: int = 5, **settings: Any) -> None:
        super().__init__(k, **settings)

    def measure(self, real: Tensor, fake: Tensor, generator: torch.Generator) -> Values:
        return asdict(prdc(real, fake, self.k))


class PrecisionRecall(PRDC):
    """Precision and recall of :class:`PRDC`, at the published k. Higher is better."""

    outputs: ClassVar[Outputs] = {"precision": True, "recall": True}
    family = "precision_recall"
    plot_upper_bound = 1.0

    def __init__(self, k: int = 3, **settings: Any) -> None:
        super().__init__(k, **settings)


class Precision(PrecisionRecall):
    """The share of fakes within the ball of a real sample, one number of :class:`PRDC`. Higher is better."""

    outputs: ClassVar[Outputs] = {"precision": True}


class Recall(PrecisionRecall):
    """The share of real samples within the ball of a fake, one number of :class:`PRDC`. Higher is better."""

    outputs: ClassVar[Outputs] = {"recall": True}


class DensityCoverage(PRDC):
    """Density and coverage of :class:`PRDC`, at the published k."""

    outputs: ClassVar[Outputs] = {"density": None, "coverage": True}
    family = "density_coverage"


class Density(DensityCoverage):
    """The mean number of real balls around a fake, over k, one number of :class:`PRDC`. 1 for the data themselves."""

    outputs: ClassVar[Outputs] = {"density": None}


class Coverage(DensityCoverage):
    """The share of real samples whose own ball holds a fake, one number of :class:`PRDC`. Higher is better."""

    outputs: ClassVar[Outputs] = {"coverage": True}
    plot_upper_bound = 1.0


class PRDCurve(Gathered):
    r"""The greatest :math:`F_8` (recall) and :math:`F_{1/8}` (precision) along the curve of clusters of the union.

    See :func:`~modescope.metrics.prd.prd`. Higher is better.

    References:
        | Assessing Generative Models via Precision and Recall (Sajjadi et al., 2018), section 3.3 and algorithm 1
        | https://arxiv.org/abs/1806.00035

    Arguments:
        clusters: Clusters of the union.
        runs: Clusterings to average over.
        settings: See :class:`~modescope.torchmetrics.gathered.Gathered`.
    """

    outputs: ClassVar[Outputs] = {"prd_f8": True, "prd_f1_8": True}
    family = "prd"
    plot_lower_bound = 0.0
    plot_upper_bound = 1.0

    def __init__(self, clusters: int = 20, runs: int = 10, **settings: Any) -> None:
        super().__init__(**settings)
        self.clusters, self.runs = clusters, runs

    @property
    def protocol(self) -> str:
        return f"k{self.clusters}"

    def measure(self, real: Tensor, fake: Tensor, generator: torch.Generator) -> Values:
        found = prd(real, fake, generator, self.clusters, self.runs)
        return {"prd_f8": found.f_recall, "prd_f1_8": found.f_precision}


class NDB(Gathered):
    r"""The share of bins that the fakes fill otherwise than the data do, and the divergence of both histograms.

    See :func:`~modescope.metrics.ndb.different_bins`. Lower is better; equal laws score about `alpha`.

    References:
        | On GANs and GMMs (Richardson & Weiss, 2018), section 3
        | https://arxiv.org/abs/1805.12462

    Arguments:
        bins: The number of bins.
        alpha: The level of each test, between 0 and 1.
        whiten: Whether to divide each coordinate by its standard deviation in the real samples.
        settings: See :class:`~modescope.torchmetrics.gathered.Gathered`.
    """

    outputs: ClassVar[Outputs] = {"ndb": False, "ndb_js": False}
    family = "ndb"
    plot_lower_bound = 0.0
    plot_upper_bound = 1.0

    def __init__(self, bins: int = 100, alpha: float = 0.05, whiten: bool = False, **settings: Any) -> None:
        super().__init__(**settings)
        self.bins, self.alpha, self.whiten = bins, alpha, whiten

    @property
    def protocol(self) -> str:
        return f"k{self.bins}_alpha{self.alpha:g}" + ("_white" if self.whiten else "")

    def measure(self, real: Tensor, fake: Tensor, generator: torch.Generator) -> Values:
        found = different_bins(real, fake, generator, self.bins, self.alpha, self.whiten)
        return {"ndb": found.share, "ndb_js": found.js}
