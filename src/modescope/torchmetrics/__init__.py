"""Every measure of a generator as a `torchmetrics.Metric`: it sums over batches and processes.

>>> from modescope.torchmetrics import Recall  # doctest: +SKIP
>>> recall = Recall(k=3)  # doctest: +SKIP
>>> recall.update(features, real=True)  # doctest: +SKIP
>>> recall.update(others, real=False)  # doctest: +SKIP
>>> recall.compute(), recall.floor()  # doctest: +SKIP
"""

from .base import Measured, TwoSets, collection
from .coverage import NDB, PRDC, Coverage, Density, DensityCoverage, PRDCurve, Precision, PrecisionRecall, Recall
from .distances import (
    C2ST,
    CMMD,
    CriticDivergence,
    KernelDistance,
    KernelDistanceOfSubsets,
    LeaveOneOut,
    MMDTest,
    NearestC2ST,
    ParzenLogLikelihood,
    SlicedWasserstein,
    Wasserstein,
)
from .diversity import Authenticity, BirthdayParadox, CopiedShare, GaussianVendiScore, PairwiseDiversity, Rarity
from .gathered import Gathered
from .images import MSSSIMDiversity, PatchSWD
from .match import Battle
from .summed import FrechetDistance, InceptionScore, ModeReport, Summed, UnseenMass, VendiScore

__all__ = [
    "C2ST",
    "CMMD",
    "NDB",
    "PRDC",
    "Authenticity",
    "Battle",
    "BirthdayParadox",
    "CopiedShare",
    "Coverage",
    "CriticDivergence",
    "Density",
    "DensityCoverage",
    "FrechetDistance",
    "Gathered",
    "GaussianVendiScore",
    "InceptionScore",
    "KernelDistance",
    "KernelDistanceOfSubsets",
    "LeaveOneOut",
    "MMDTest",
    "MSSSIMDiversity",
    "Measured",
    "ModeReport",
    "NearestC2ST",
    "PRDCurve",
    "PairwiseDiversity",
    "ParzenLogLikelihood",
    "PatchSWD",
    "Precision",
    "PrecisionRecall",
    "Rarity",
    "Recall",
    "SlicedWasserstein",
    "Summed",
    "TwoSets",
    "UnseenMass",
    "VendiScore",
    "Wasserstein",
    "collection",
]
