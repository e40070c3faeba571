r"""BourGAN: latents that are laid out as the data are."""

__all__ = ["BourGAN", "Embedding", "bourgain"]

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, ClassVar, Literal, get_args

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from ..core import Batch, Builder, Networks, Space, TwoPlayer
from ..core.errors import nearest_name, need
from ..core.method import Changes

Scale = Literal["root", "largest", "mean"]

TINY = 1e-12  # a squared distance under a logarithm, for two latents that are the same


@dataclass(frozen=True, kw_only=True)
class BourGAN(TwoPlayer):
    r"""Draws latents from a mixture of Gaussians around data points, embedded so that their distances are kept.

    Each of `points` real samples has, for several random subsets of them, its distance to the nearest sample of the
    subset as a coordinate: Bourgain's embedding. A latent is an embedded point, picked at random, plus
    :math:`\mathcal{N}(0, \tau^2 I)`, so where the data have modes so have the latents, and no generator need tear one
    apart. The generator should keep distances as well: besides its loss of a GAN it descends

    .. math:: \beta\,\mathbb{E}_{z, z'} [\log \| G(z) - G(z') \| - \log (\Lambda \| z - z' \|)]^2.

    References:
        | BourGAN: Generative Networks with Metric Embeddings (Xiao et al., 2018)
        | https://arxiv.org/abs/1805.07674

    Note:
        All constants but `points` are the official code's, which embeds its whole data set. Subsets of level
        :math:`j = 1, \dots, \lceil \log_2 n \rceil` hold each of the :math:`n` points with probability
        :math:`2^{-j}`, and there are `sets` of each level; the coordinate of an empty one is 0. Coordinates are
        centred, and scaled to a mean square of 1. :math:`\Lambda` is the *root* of the largest ratio of two samples'
        distance to that of their embeddings. A root does not scale with the data: the smaller their unit, the further
        samples are pushed apart, to about twice the distances of the data on the official grid from -4 to 4, and to
        more than three times on a ring of radius 1. With `scale` ``mean`` there is no such bias.

        A latent here is a standard normal that is mapped: one more coordinate than the embedding has picks the point,
        by the normal distribution function. Pairs are each latent and the next of the batch, where the code draws a
        second batch. Two samples that are the same are left out of the ratios.

    Arguments:
        critic_steps: Discriminator steps before each generator step.
        points: The number :math:`n` of real samples that are embedded, each member's own.
        sets: The number of random subsets of each level; the latent has `sets` :math:`\lceil \log_2 n \rceil`
            coordinates.
        noise_scale: The standard deviation :math:`\tau` of the noise around an embedded point.
        beta: The weight :math:`\beta` of the distances.
        scale: What :math:`\Lambda` is: the ``root`` of the largest ratio of distances, that ``largest`` ratio itself,
            or the geometric ``mean`` of all.
    """

    logistic: ClassVar[bool] = True
    separable: ClassVar[bool] = True
    changes: ClassVar[Changes] = "latents"
    summary: ClassVar[str] = "Latents are data points, embedded with their distances, which samples must keep"
    reference: ClassVar[str] = (
        "BourGAN: Generative Networks with Metric Embeddings (Xiao et al., 2018), https://arxiv.org/abs/1805.07674"
    )
    year: ClassVar[int | None] = 2018
    training: ClassVar[Mapping[str, Any]] = {"lr": 1e-3, "beta1": 0.5}

    points: int = 256
    sets: int = 5
    noise_scale: float = 0.01
    beta: float = 0.1
    scale: Scale = "root"

    def __post_init__(self) -> None:
        super().__post_init__()
        for name, least in (("points", 2), ("sets", 1)):
            value = getattr(self, name)
            good = isinstance(value, int) and value >= least
            need(good, f"{name} is {value!r}, expected a whole number of at least {least}")
        for name in ("noise_scale", "beta"):
            value = getattr(self, name)
            need(math.isfinite(value) and value >= 0, f"{name} is {value}, expected at least 0")
        if self.scale not in get_args(Scale):
            raise nearest_name("scale", self.scale, get_args(Scale))

    @property
    def packable(self) -> bool:
        return False

    @property
    def fixed(self) -> tuple[str, ...]:
        return ("embedding",)

    @property
    def dim(self) -> int:
        """The number of coordinates of an embedded point."""
        return self.sets * math.ceil(math.log2(self.points))

    def latents(self, space: Space) -> Space:
        return replace(space, latent_dim=self.dim + 1, prior="normal")

    def check(self, space: Space, batch_size: int) -> None:
        need(batch_size >= 2, f"batch_size is {batch_size}, expected at least 2 for BourGAN's pairs")

    def networks(self, space: Space) -> dict[str, Builder]:
        embedded = replace(space, latent_dim=self.dim)
        return {**super().networks(embedded), "embedding": partial(self.embedding, space)}

    def embedding(self, space: Space) -> "Embedding":
        """The embedding of real samples, drawn from PyTorch's own generator as networks are."""
        assert space.real is not None
        data = space.real(self.points).double()
        distances = torch.cdist(data, data, compute_mode="donot_use_mm_for_euclid_dist")
        levels = torch.arange(1, self.dim // self.sets + 1).repeat_interleave(self.sets)
        members = torch.rand(self.dim, self.points) < 0.5 ** levels.unsqueeze(-1)
        return Embedding(bourgain(distances, members), distances, self.scale)

    def discriminator_loss(self, nets: Networks, batch: Batch) -> Tensor:
        D = nets["discriminator"]
        return softplus(-D(batch.real)).mean() + softplus(D(self.sample(nets, batch.z))).mean()

    def generator_loss(self, nets: Networks, batch: Batch) -> Tensor:
        z = self.placed(nets, batch.z)
        fake = nets["generator"](z)
        scale = nets.weights("embedding")["scale"]
        gap = log_distances(fake) - log_distances(z) - scale.log()
        return softplus(-nets["discriminator"](fake)).mean() + self.beta * gap.square().mean()

    def placed(self, nets: Networks, z: Tensor) -> Tensor:
        """Standard normals `(N, dim + 1)` as latents around embedded points, with shape `(N, dim)`."""
        return nets["embedding"](torch.special.ndtr(z[:, -1])) + self.noise_scale * z[:, :-1]

    def sample(self, nets: Networks, z: Tensor) -> Tensor:
        return nets["generator"](self.placed(nets, z))

    def observe(self, nets: Networks, batch: Batch) -> dict[str, Tensor]:
        D = nets["discriminator"]
        return {"critic_real": D(batch.real).mean(), "critic_fake": D(self.sample(nets, batch.z)).mean()}


class Embedding(nn.Module):
    """Embedded points in a row, and the scale that makes their distances those of the data.

    Arguments:
        points: The points, with shape `(n, L)`.
        distances: The distances of the data, with shape `(n, n)`.
        scale: What makes one scale of all ratios of distances, as in :class:`BourGAN`.
    """

    def __init__(self, points: Tensor, distances: Tensor, scale: Scale) -> None:
        super().__init__()
        self.points = nn.Parameter(points)
        apart = torch.cdist(points, points, compute_mode="donot_use_mm_for_euclid_dist")
        ratios = distances[apart > 0] / apart[apart > 0]
        match scale:
            case "root":
                self.scale = nn.Parameter(ratios.max().sqrt())
            case "largest":
                self.scale = nn.Parameter(ratios.max())
            case _:
                self.scale = nn.Parameter(ratios.log().mean().exp())

    def forward(self, where: Tensor) -> Tensor:
        """The point at each place `(N,)` between the row's ends, 0 and 1; with shape `(N, L)`."""
        n = len(self.points)
        return self.points[(where * n).long().clamp(max=n - 1)]


def bourgain(distances: Tensor, members: Tensor) -> Tensor:
    """Bourgain's embedding, centred and scaled to a mean square of 1.

    Arguments:
        distances: The distances of the points, with shape `(n, n)`.
        members: Whether a point is in each of the subsets, with shape `(L, n)`.

    Returns:
        The embedded points, with shape `(n, L)`.
    """
    nearest = torch.stack([distances.masked_fill(~subset, torch.inf).amin(1) for subset in members], 1)
    coordinates = nearest.masked_fill(nearest.isinf(), 0.0)  # of an empty subset
    coordinates = coordinates - coordinates.mean(0)
    size = coordinates.square().mean().sqrt()
    need(bool(distances.max() > 0), "the real samples that BourGAN embeds are all the same, expected some that differ")
    need(bool(size > 0), "no subset tells the real samples that BourGAN embeds apart, expected more points or sets")
    return coordinates / size


def log_distances(x: Tensor) -> Tensor:
    """The logarithm of the distance of each row `(N, D)` to the next, with shape `(N,)`."""
    return ((x - x.roll(1, 0)).square().sum(-1) + TINY).log() / 2
