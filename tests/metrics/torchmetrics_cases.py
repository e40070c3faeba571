"""Every class of `modescope.torchmetrics`, with settings that are quick and data that it takes."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

import modescope.torchmetrics as tm
from modescope.metrics import ms_ssim_fewer_scales


def points(count: int, seed: int, spread: float = 1.0) -> Tensor:
    return spread * torch.randn(count, 3, generator=torch.Generator().manual_seed(seed)) + 0.5


def labels(count: int, seed: int) -> Tensor:
    return torch.randint(6, (count,), generator=torch.Generator().manual_seed(seed)).square() % 5


def images(count: int, seed: int) -> Tensor:
    return torch.rand(count, 1, 16, 16, generator=torch.Generator().manual_seed(seed))


@dataclass(frozen=True)
class Case:
    make: Callable[..., tm.TwoSets]
    data: Callable[[int, int], Tensor] = points

    @property
    def real(self) -> Tensor:
        return self.data(60, 0)

    @property
    def fake(self) -> Tensor:
        return self.data(40, 1)


def case(kind: type[tm.TwoSets], data: Callable[[int, int], Tensor] = points, **settings: object) -> Case:
    return Case(lambda **more: kind(**{**settings, **more}), data)


CASES: dict[type[tm.Measured], Case] = {
    tm.FrechetDistance: case(tm.FrechetDistance),
    tm.InceptionScore: case(tm.InceptionScore, splits=1),
    tm.VendiScore: case(tm.VendiScore),
    tm.ModeReport: case(tm.ModeReport, labels, classes=5),
    tm.UnseenMass: case(tm.UnseenMass, labels, classes=5),
    tm.KernelDistance: case(tm.KernelDistance),
    tm.KernelDistanceOfSubsets: case(tm.KernelDistanceOfSubsets, subsets=3, subset_size=5),
    tm.CMMD: case(tm.CMMD, sigma=1.0),
    tm.SlicedWasserstein: case(tm.SlicedWasserstein, directions=8),
    tm.Wasserstein: case(tm.Wasserstein),
    tm.MMDTest: case(tm.MMDTest, permutations=20),
    tm.ParzenLogLikelihood: case(tm.ParzenLogLikelihood, bandwidths=(0.3, 0.6)),
    tm.C2ST: case(tm.C2ST, steps=2),
    tm.NearestC2ST: case(tm.NearestC2ST),
    tm.LeaveOneOut: case(tm.LeaveOneOut, relabelings=9),
    tm.CriticDivergence: case(tm.CriticDivergence, hidden=((4,),), steps=2, repeats=2),
    tm.PRDC: case(tm.PRDC),
    tm.PrecisionRecall: case(tm.PrecisionRecall),
    tm.Precision: case(tm.Precision),
    tm.Recall: case(tm.Recall),
    tm.DensityCoverage: case(tm.DensityCoverage),
    tm.Density: case(tm.Density),
    tm.Coverage: case(tm.Coverage),
    tm.PRDCurve: case(tm.PRDCurve, clusters=4, runs=2),
    tm.NDB: case(tm.NDB, bins=5),
    tm.GaussianVendiScore: case(tm.GaussianVendiScore),
    tm.PairwiseDiversity: case(tm.PairwiseDiversity),
    tm.BirthdayParadox: case(tm.BirthdayParadox, rate=0.2),
    tm.Rarity: case(tm.Rarity),
    tm.Authenticity: case(tm.Authenticity),
    tm.CopiedShare: case(tm.CopiedShare, eps=0.3),
    tm.MSSSIMDiversity: case(tm.MSSSIMDiversity, images, pairs=10, measure=ms_ssim_fewer_scales),
    tm.PatchSWD: case(tm.PatchSWD, images, patches=2, directions=8),
}


def filled(metric: tm.TwoSets, real: Tensor, fake: Tensor, batch: int = 100) -> tm.TwoSets:
    for rows, kind in ((real, True), (fake, False)):
        for part in rows.split(batch):
            metric.update(part, real=kind)
    return metric


def plain(value: Tensor | dict[str, Tensor]) -> dict[str, float]:
    return {key: each.item() for key, each in value.items()} if isinstance(value, dict) else {"": value.item()}
