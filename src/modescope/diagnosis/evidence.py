r"""What the neighbours of real and fake samples tell of collapse, each with an exact p-value.

If a generator makes samples as the data do, the labels *real* and *fake* mean nothing: any shuffle of them is as likely
as the one that was seen. So every share below is compared with what it is under shuffled labels, whatever the
dimension, the features or the number of samples.
"""

__all__ = ["SCALE", "Evidence", "Share", "gather_evidence"]

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from ..core.errors import need
from ..metrics.kmeans import kmeans
from ..metrics.neighbours import neighbours
from ..metrics.sets import random_subset, shuffled

NEAREST = 30  # neighbours among which twins, and the gaps around separate modes, are looked for
SCALE = 0.03  # of all samples: the neighbourhood in which fakes are counted
FEWEST = 5  # samples of a neighbourhood at least
AT_MOST = 2500  # samples of each kind for this, as its scale does not depend on how many there are
SCARCE = 0.2  # of their due: fewer fakes than that, and a place counts as left out
GAP = 3.0  # times as far lies what is not of a separate mode, as what is
MEMBERS = 3  # samples that a separate mode holds besides one of its own, at least
RARE = 0.01  # real samples closer to, or farther from, their nearest neighbour than the others
NARROW = 0.5  # of the width of the real data: from there on a spread is not asked about
TWIN = 0.5  # of the distance at which the closest of the real samples lie
PERMUTATIONS = 399
GLANCE = 8  # neighbours whose kinds fit a byte, and show both kinds for 127 of 128 samples
CLUSTERS = 25
CLUSTER_SIZE = 20  # real samples that a cluster should hold at least, on average
FIRST_BIT = torch.tensor([GLANCE, *((byte & -byte).bit_length() - 1 for byte in range(1, 2**GLANCE))])


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
        missed: Real samples among whose nearest neighbours, 3 % of all samples, fakes have less than a fifth of their
            due: regions of the data that the generator leaves out.
        lost_modes: Real samples of separate modes that hold no fake, of any size; a mode is separate if what lies
            outside is three times as far as what lies in it.
        lost_clusters: Real samples in clusters that get less than a fifth of their due fakes; fair to fakes that lie
            beside the data.
        off_data: Fakes farther from any real sample than 99 % of real samples are from each other: a fault of quality,
            not of diversity.
        twins: Fakes with another fake at half the distance that the closest 1 % of real samples have, or less.
        spread: The root-mean-square distance of fakes to their mean, over that of the real samples.
        narrow: How often shuffled labels give as small a spread, by permutations; 1 if it is half or more.
        count: Real samples, and as many fakes, that it comes from.
    """

    missed: Share
    lost_modes: Share
    lost_clusters: Share
    off_data: Share
    twins: Share
    spread: float
    narrow: float
    count: int


def gather_evidence(
    real: Tensor, fake: Tensor, generator: torch.Generator, permutations: int = PERMUTATIONS
) -> Evidence:
    """Asks the nearest neighbours of all samples, real and fake together.

    References:
        | Multivariate Two-Sample Tests Based on Nearest Neighbors (Schilling, 1986), whose statistic counts
          neighbours of the same kind
        | https://doi.org/10.1080/01621459.1986.10478337

        | Permutation methods: (1 + how many reach the observed) / (1 + permutations) as in "Permutation P-values Should
          Never Be Zero" (Phipson & Smyth, 2010)
        | https://doi.org/10.2202/1544-6115.1585

    Note:
        Whether *any* real sample has a fake among its very nearest neighbours tells fakes from data, but not coverage
        from its lack: a generator that reaches every mode, and has its own fine structure there, fails it in most
        samples. So fakes are counted in regions of a few per cent of the data, and finer ones are asked for only where
        the data themselves fall into separate modes.

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
    points, is_fake = mixed(real, fake, generator)
    distances, indices = neighbours(points, k=min(NEAREST, 2 * count - 1))
    sizes = mode_sizes(distances)
    nearest, by_place = indices[:, :GLANCE].mT.contiguous(), distances.mT.contiguous()

    def shares(is_fake: Tensor) -> Tensor:
        """Of lost modes, off the data, and twins."""
        same, other = first_of_each_kind(is_fake, indices, nearest)
        to_same, to_other = distance_at(same, by_place), distance_at(other, by_place)
        near, far = quantiles(to_same[~is_fake])
        lost = (other >= sizes) & ~is_fake
        off, twins = (to_other > far) & is_fake, (to_same <= TWIN * near) & is_fake
        return torch.stack([part.sum().double() / count for part in (lost, off, twins)])

    lost, off, twins = against_chance(shares, is_fake, permutations, generator, count)
    regions, clusters = (ask(real, fake, generator, permutations) for ask in (missed, lost_clusters))
    spread, narrow = spread_of(points, is_fake, generator, permutations)
    return Evidence(
        missed=regions,
        lost_modes=lost,
        lost_clusters=clusters,
        off_data=off,
        twins=twins,
        spread=spread,
        narrow=narrow,
        count=count,
    )


def mixed(real: Tensor, fake: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """All samples in a random order, so that ties among copies favour neither kind, and which are fakes."""
    order = torch.randperm(len(real) + len(fake), generator=generator)
    return torch.cat([real, fake])[order], order >= len(real)


def mode_sizes(distances: Tensor) -> Tensor:
    """How many neighbours `(N, K)` of each sample belong to its mode, if that is separate; more than `K` if not."""
    inside, outside = distances[:, MEMBERS - 1 : -1], distances[:, MEMBERS:]
    gap = (outside >= GAP * inside) & (outside > 0)
    return torch.where(gap.any(1), gap.byte().argmax(1) + MEMBERS, distances.shape[1] + 1)


def missed(real: Tensor, fake: Tensor, generator: torch.Generator, permutations: int) -> Share:
    """The share of real samples with hardly any fakes in their neighbourhood."""
    real, fake = (random_subset(part, AT_MOST, generator) for part in (real, fake))
    points, is_fake = mixed(real, fake, generator)
    k = min(max(FEWEST, round(SCALE * len(points))), len(points) - 1)
    indices = neighbours(points, k=k).indices

    def share(is_fake: Tensor) -> Tensor:
        fakes = is_fake.float().index_select(0, indices.flatten()).view_as(indices).sum(1)
        return (fakes < k * SCARCE / (1 + SCARCE))[~is_fake].double().mean(0, keepdim=True)

    return against_chance(share, is_fake, permutations, generator, len(real))[0]


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

    return against_chance(share, is_fake, permutations, generator, count)[0]


def first_of_each_kind(is_fake: Tensor, indices: Tensor, nearest: Tensor) -> Tensor:
    """The places `(2, N)` among the neighbours `(N, K)` of each sample of the first of its own kind, and of the other.

    The place is `K` where there is none. Most samples have both kinds among their `nearest` few `(G, N)`: the kinds of
    these are a byte, and a table tells its first bits. All neighbours are looked at for the others only.
    """
    kinds, few = is_fake.byte(), len(nearest)
    other = torch.zeros_like(kinds)
    for place, neighbour in enumerate(nearest):
        other |= (kinds.index_select(0, neighbour) ^ kinds) << place
    places = FIRST_BIT[torch.stack([other ^ (2**few - 1), other]).long()]
    rest = (places >= few).any(0).nonzero().flatten()
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
    """The distances `(N,)` to the neighbours in those places, of `(K, N)`; infinite at place `K`."""
    last = len(distances) - 1
    found = distances.gather(0, place.clamp(max=last).unsqueeze(0)).squeeze(0)
    return torch.where(place <= last, found, torch.inf)


def quantiles(values: Tensor) -> tuple[Tensor, Tensor]:
    """The values that the least and the greatest 1 % lie beyond; `(N,)` may hold infinities."""
    last = len(values) - 1
    low, high = (values.kthvalue(1 + place).values for place in (int(RARE * last), round((1 - RARE) * last)))
    return low, high


def spread_of(points: Tensor, is_fake: Tensor, generator: torch.Generator, permutations: int) -> tuple[float, float]:
    """The spread of fakes over that of as many real samples, and how often shuffled labels give as small a one.

    Of heavy tails one sample in hundreds decides how wide they are, so chance alone makes this small.
    """
    points = points.double() - points[0].double()  # of samples that are all the same exact zeros are left
    squares = points.square().sum(1)

    def ratios(labels: Tensor) -> Tensor:
        """For each row of labels."""
        fake, real = (
            (part @ squares - (part @ points).square().sum(1) / part.sum(1)).clamp(min=0)
            for part in (labels.double(), (~labels).double())
        )
        return torch.where(fake == real, 1.0, fake / real).sqrt()

    seen = ratios(is_fake.unsqueeze(0))
    if seen >= NARROW:
        return float(seen), 1.0
    null = ratios(torch.stack([shuffled(is_fake, generator) for _ in range(permutations)]))
    return float(seen), (1 + int((null <= seen + 1e-12).sum())) / (1 + permutations)


def against_chance(
    statistic: Callable[[Tensor], Tensor],
    labels: Tensor,
    permutations: int,
    generator: torch.Generator,
    count: int,
) -> list[Share]:
    """Shares `(S,)` of `count` samples, beside the same under shuffled labels."""
    observed = statistic(labels)
    null = torch.stack([statistic(shuffled(labels, generator)) for _ in range(permutations)])
    reached = (null >= observed - 1e-12).sum(0)
    return [
        Share(float(seen), float(mean), (1 + int(times)) / (1 + permutations), count)
        for seen, mean, times in zip(observed, null.mean(0), reached, strict=True)
    ]
