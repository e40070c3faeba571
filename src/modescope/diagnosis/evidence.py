r"""What the neighbours of real and fake samples tell of collapse, each with an exact p-value.

If a generator makes samples as the data do, the labels *real* and *fake* mean nothing: any shuffle of them is as likely
as the one that was seen. So every share below is compared with what it is under shuffled labels, whatever the
dimension, the features or the number of samples.
"""

__all__ = ["NEAREST", "Evidence", "Share", "gather_evidence"]

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from ..core.errors import need
from ..metrics.kmeans import kmeans
from ..metrics.neighbours import neighbours
from ..metrics.sets import random_subset, shuffled

NEAREST = (1, 3, 10, 30)  # neighbourhoods from the finest that samples resolve to the smoothest
RARE = 0.01  # real samples closer to, or farther from, their nearest neighbour than the others
TWIN = 0.5  # of the distance at which the closest of the real samples lie
SCARCE = 0.2  # a cluster with less than this share of its due fakes is lost
PERMUTATIONS = 399
GLANCE = 4  # neighbours that show both kinds for 7 of 8 samples
CLUSTERS = 50
CLUSTER_SIZE = 20  # real samples that a cluster should hold at least, on average


@dataclass(frozen=True)
class Share:
    """A share of samples, beside what it is by chance.

    Arguments:
        observed: The share that was seen.
        expected: Its mean under shuffled labels.
        p_value: How often shuffled labels give as large an excess, by permutations, one-sided.
        count: How many samples it is a share of.
    """

    observed: float
    expected: float
    p_value: float
    count: int

    @property
    def excess(self) -> float:
        """The share beyond chance, from 0 to 1: what is left if the samples that chance takes are left out."""
        if self.expected >= 1:
            return 0.0
        return max(0.0, (self.observed - self.expected) / (1 - self.expected))

    @property
    def interval(self) -> tuple[float, float]:
        """A 95 % interval of the excess, by the normal approximation."""
        if self.expected >= 1:
            return 0.0, 0.0
        half = 1.96 * math.sqrt(self.observed * (1 - self.observed) / self.count) / (1 - self.expected)
        return max(0.0, self.excess - half), min(1.0, self.excess + half)


@dataclass(frozen=True)
class Evidence:
    """What the verdict rests on.

    Arguments:
        missed: Real samples with no fake among their nearest neighbours: regions of the data that the generator leaves
            out.
        off_data: Fakes farther from any real sample than 99 % of real samples are from each other: a fault of quality,
            not of diversity.
        twins: Fakes with another fake at half the distance that the closest 1 % of real samples have, or less.
        lost_clusters: Real samples in clusters that get less than a fifth of their due fakes; coarser than `missed`,
            and fair to fakes that lie beside the data.
        spread: The root-mean-square distance of fakes to their mean, over that of the real samples.
        count: Real samples, and as many fakes, that it comes from.
    """

    missed: Share
    off_data: Share
    twins: Share
    lost_clusters: Share
    spread: float
    count: int


def gather_evidence(
    real: Tensor, fake: Tensor, generator: torch.Generator, permutations: int = PERMUTATIONS
) -> Evidence:
    r"""Asks the nearest neighbours of all samples, real and fake together.

    With :math:`r_i` the place of the nearest sample of the other kind among the neighbours of sample :math:`i`, the
    missed share at :math:`k` is the share of real samples with :math:`r_i > k`. Its largest standardised excess over
    several :math:`k` is the statistic, and the same of shuffled labels its null.

    References:
        | Multivariate Two-Sample Tests Based on Nearest Neighbors (Schilling, 1986), whose statistic counts
          neighbours of the same kind
        | https://doi.org/10.1080/01621459.1986.10478337

        | Permutation methods: (1 + how many reach the observed) / (1 + permutations) as in "Permutation P-values Should
          Never Be Zero" (Phipson & Smyth, 2010)
        | https://doi.org/10.2202/1544-6115.1585

    Arguments:
        real: Features of real samples, with shape `(N, D)`.
        fake: Features of generated samples, with shape `(N, D)`.
        generator: All randomness: the order of samples, shuffles, clusters.
        permutations: How many shuffles; no p-value is below one over this.

    Raises:
        ModescopeError: If the shapes differ, or there are fewer than 4 samples of each.
    """
    need(
        real.shape == fake.shape, f"real has shape {tuple(real.shape)} and fake {tuple(fake.shape)}, expected the same"
    )
    need(len(real) >= 4, f"there are {len(real)} samples of each, expected at least 4")
    count = len(real)
    order = torch.randperm(2 * count, generator=generator)  # so that ties among copies favour neither kind
    points, is_fake = torch.cat([real, fake])[order], (order >= count)
    k = min(max(NEAREST), 2 * count - 1)
    distances, indices = neighbours(points, k=k)
    stages = [stage for stage in NEAREST if stage <= k]

    def shares(is_fake: Tensor) -> Tensor:
        """Missed at each stage, off the data, twins; with shape `(stages + 2,)`."""
        same, other = first_of_each_kind(is_fake, indices)
        to_same, to_other = distance_at(same, distances), distance_at(other, distances)
        near, far = quantiles(to_same[~is_fake])
        missed = [(other[~is_fake] >= stage).double().mean() for stage in stages]
        off = (to_other[is_fake] > far).double().mean()
        return torch.stack([*missed, off, (to_same[is_fake] <= TWIN * near).double().mean()])

    observed, null = shares(is_fake), null_of(shares, is_fake, permutations, generator)
    s = len(stages)
    return Evidence(
        missed=largest(observed[:s], null[:, :s], count),
        off_data=largest(observed[s : s + 1], null[:, s : s + 1], count),
        twins=largest(observed[s + 1 :], null[:, s + 1 :], count),
        lost_clusters=lost_clusters(real, fake, generator, permutations),
        spread=spread_of(fake) / max(spread_of(real), 1e-300),
        count=count,
    )


def lost_clusters(real: Tensor, fake: Tensor, generator: torch.Generator, permutations: int) -> Share:
    """The share of real samples in clusters that the fakes hardly reach.

    The clusters are those of one half of the real samples; the other half is compared with as many fakes, so that under
    equal laws the labels of those mean nothing.
    """
    count = len(real) // 2
    halves = shuffled(real, generator)
    clusters = max(2, min(CLUSTERS, count // CLUSTER_SIZE))
    centers = kmeans(halves[:count], clusters, generator).centers
    held, some = halves[count : 2 * count], random_subset(fake, count, generator)
    cluster = torch.cdist(torch.cat([held, some]).to(centers.dtype), centers).argmin(1)
    is_fake = torch.arange(2 * count) >= count

    def share(is_fake: Tensor) -> Tensor:
        of_real = torch.bincount(cluster[~is_fake], minlength=len(centers)).double()
        of_fake = torch.bincount(cluster[is_fake], minlength=len(centers)).double()
        return (of_real[of_fake < SCARCE * of_real].sum() / count).unsqueeze(0)

    return largest(share(is_fake), null_of(share, is_fake, permutations, generator), count)


def first_of_each_kind(is_fake: Tensor, indices: Tensor) -> Tensor:
    """The places `(2, N)` among the neighbours `(N, K)` of each sample of the first of its own kind, and of the other.

    The place is `K` where there is none. Most samples have both kinds among their first few neighbours, so all are
    looked at for the others only.
    """
    places = first_places(is_fake, is_fake, indices[:, :GLANCE])
    rest = (places == min(GLANCE, indices.shape[1])).any(0).nonzero().flatten()
    places[:, rest] = first_places(is_fake, is_fake[rest], indices[rest])
    return places


def first_places(is_fake: Tensor, own: Tensor, indices: Tensor) -> Tensor:
    """The same for samples of kinds `own` `(N,)`, with all their neighbours at once."""
    other = is_fake[indices] != own.unsqueeze(-1)
    return torch.stack([first_true(~other), first_true(other)])


def first_true(mask: Tensor) -> Tensor:
    """The column of the first true entry of each row of `(N, K)`; `K` where there is none."""
    return torch.where(mask.any(1), mask.byte().argmax(1), mask.shape[1])


def distance_at(place: Tensor, distances: Tensor) -> Tensor:
    """The distances `(N,)` to the neighbours in those places, of `(N, K)`; infinite at place `K`."""
    last = distances.shape[1] - 1
    found = distances.gather(1, place.clamp(max=last).unsqueeze(-1)).squeeze(-1)
    return torch.where(place <= last, found, torch.inf)


def quantiles(values: Tensor) -> tuple[Tensor, Tensor]:
    """The values that the least and the greatest 1 % lie beyond; `(N,)` may hold infinities."""
    last = len(values) - 1
    low, high = (values.kthvalue(1 + place).values for place in (int(RARE * last), round((1 - RARE) * last)))
    return low, high


def spread_of(points: Tensor) -> float:
    """The root-mean-square distance to the mean."""
    return float((points.double() - points.double().mean(0)).square().sum(1).mean().sqrt())


def null_of(
    statistic: Callable[[Tensor], Tensor], labels: Tensor, permutations: int, generator: torch.Generator
) -> Tensor:
    """A statistic under shuffled labels, with shape `(permutations, ...)`."""
    return torch.stack([statistic(shuffled(labels, generator)) for _ in range(permutations)])


def largest(observed: Tensor, null: Tensor, count: int) -> Share:
    """The share with the largest standardised excess, with a p-value that counts the choice.

    A share of `count` samples moves in steps of `1 / count`, so its spread is not taken below that.
    """
    mean, spread = null.mean(0), null.std(0).clamp(min=1 / count)
    score, scores = ((observed - mean) / spread).max(), ((null - mean) / spread).max(1).values
    p_value = (1 + int((scores >= score - 1e-12).sum())) / (1 + len(null))
    shown = int(((observed - mean) / (1 - mean).clamp(min=1e-12)).argmax())
    return Share(float(observed[shown]), float(mean[shown]), p_value, count)
