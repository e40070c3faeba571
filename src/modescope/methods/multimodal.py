r"""Multi-modal latents: what is in pieces is made from what is in pieces."""

__all__ = ["MultiModalLatents", "lattice"]

import math
from dataclasses import dataclass, field, replace
from typing import ClassVar

import torch
from torch import Tensor

from ..core import Batch, Builder, Method, Networks, Player, Space, Wrapper
from ..core.errors import need
from ..core.method import Changes, layers
from ..core.networks import Loss
from .composition import need_fit
from .gan import GAN
from .latents import LATENTS

MOST_MODES = 100_000  # their centres are laid out at every step


@dataclass(frozen=True, kw_only=True)
class MultiModalLatents(Wrapper):
    r"""Draws latents from a mixture of `modes` Gaussians, :math:`\frac{1}{K} \sum_k \mathcal{N}(c_k, \tau^2 I)`.

    A generator is continuous, so it cannot tear one Gaussian into the modes of the data. Let its slopes be at most
    :math:`L`, and two modes lie :math:`\Delta` apart and get the same mass. Then the latents of the two modes lie at
    least :math:`\Delta / L` apart, and by the isoperimetric inequality of Gaussians a fraction of at least

    .. math:: 1 - 2\,\Phi\!\left(-\frac{\Delta}{2 L}\right)

    of all samples falls between them. With two modes of latents at a distance of :math:`s > \Delta / L` it can be as
    little as :math:`\Phi(-\frac{1}{2}(s - \Delta / L))`, since hardly any latents are where the generator must climb.

    References:
        | Gaussian Mixture Generative Adversarial Networks for Diverse Datasets, and the Unsupervised Clustering of
        | Images (Ben-Yosef & Weinshall, 2018)
        | https://arxiv.org/abs/1808.10356

        | Learning disconnected manifolds: a no GAN's land (Tanielian et al., 2020), on what a single Gaussian must miss
        | https://arxiv.org/abs/2006.04596

    Note:
        The centres :math:`c_k` are fixed, in a layout of our own: the first `modes` points of the narrowest cubic
        lattice with at least so many, neighbours `spread` apart, about their mean. With one coordinate for every
        doubling of `modes` they are corners of a cube, with two coordinates points of a square, with one of a line.

        A latent here is a standard normal that is mapped: one more coordinate than the latent has picks the component,
        by the normal distribution function. So the prior of the architecture is not used, and one mode is the plain
        normal, with `dim` coordinates. An encoder of `base` (ALI, VEEGAN) learns the mapped latents.

        The paper trades diversity for quality after training, by sampling from other Gaussians than those of training;
        `sampling_std` does so. It narrows what is made of each Gaussian and moves no mass between them.

    Arguments:
        base: The method whose latents are shaped.
        modes: The number :math:`K` of Gaussians.
        spread: The distance :math:`s` of neighbouring centres.
        std: The standard deviation of the Gaussians; what counts above is how many of them `spread` is, but a network
            learns from latents of about 1 more easily than from large ones.
        sampling_std: The standard deviation of the Gaussians that samples are made of after training; `std` if not
            given. Smaller means closer to the middle of each mode, and less variety within it.
        dim: The number of coordinates of a latent; the architecture's if not given.

    Raises:
        ModescopeError: If a value is out of its range, or `base` lays out latents of its own.
    """

    logistic: ClassVar[bool] = True
    separable: ClassVar[bool] = True
    pointwise: ClassVar[bool] = True
    changes: ClassVar[Changes] = "latents"
    summary: ClassVar[str] = "Latents come from several Gaussians far apart, so no generator must tear one to pieces"
    reference: ClassVar[str] = (
        "Gaussian Mixture Generative Adversarial Networks for Diverse Datasets, and the Unsupervised Clustering of "
        "Images (Ben-Yosef & Weinshall, 2018), https://arxiv.org/abs/1808.10356"
    )
    year: ClassVar[int | None] = 2018

    base: Method = field(default_factory=GAN)
    modes: int = 8
    spread: float = 6.0
    std: float = 1.0
    sampling_std: float | None = None
    dim: int | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        good = isinstance(self.modes, int) and self.modes >= 1
        need(good, f"modes is {self.modes!r}, expected a whole number of at least 1")
        need(self.modes <= MOST_MODES, f"modes is {self.modes}, expected at most {MOST_MODES:,}")
        need(math.isfinite(self.spread) and self.spread >= 0, f"spread is {self.spread}, expected at least 0")
        need(math.isfinite(self.std) and self.std > 0, f"std is {self.std}, expected more than 0")
        good = self.sampling_std is None or (math.isfinite(self.sampling_std) and self.sampling_std >= 0)
        need(good, f"sampling_std is {self.sampling_std}, expected nothing or at least 0")
        good = self.dim is None or (isinstance(self.dim, int) and self.dim >= 1)
        need(good, f"dim is {self.dim!r}, expected nothing or a whole number of at least 1")
        need_fit(self, has_common_latents, "its base lays out latents of its own")

    def latents(self, space: Space) -> Space:
        placed = self.placed_in(space)
        return replace(placed, latent_dim=placed.latent_dim + 1)

    def check(self, space: Space, batch_size: int) -> None:
        self.base.check(self.placed_in(space), batch_size)

    def networks(self, space: Space) -> dict[str, Builder]:
        return self.base.networks(self.placed_in(space))

    def noise(self, space: Space, batch_size: int) -> dict[str, tuple[int, ...]]:
        wanted = self.base.noise(self.placed_in(space), batch_size)
        if LATENTS in wanted:
            *shape, dim = wanted[LATENTS]
            wanted = {**wanted, LATENTS: (*shape, dim + 1)}
        return wanted

    def players(self) -> tuple[Player, ...]:
        return tuple(replace(player, loss=self.shaped(player.loss)) for player in self.base.players())

    def remember(self, nets: Networks, batch: Batch) -> dict[str, Tensor]:
        return self.base.remember(nets, self.seen(batch))

    def observe(self, nets: Networks, batch: Batch) -> dict[str, Tensor]:
        return self.base.observe(nets, self.seen(batch))

    def sample(self, nets: Networks, z: Tensor) -> Tensor:
        return self.base.sample(nets, self.placed(z, self.sampling_std))

    def placed_in(self, space: Space) -> Space:
        """The space as `base` should see it."""
        return replace(space, latent_dim=self.dim or space.latent_dim, prior="normal")

    def shaped(self, loss: Loss) -> Loss:
        """The same loss of latents of the mixture."""
        return lambda nets, batch: loss(nets, self.seen(batch))

    def seen(self, batch: Batch) -> Batch:
        """The batch as a loss of `base` should see it."""
        noise = dict(batch.noise)
        if LATENTS in noise:
            noise[LATENTS] = self.placed(noise[LATENTS])
        return replace(batch, z=self.placed(batch.z), noise=noise)

    def placed(self, z: Tensor, std: float | None = None) -> Tensor:
        """Standard normals `(..., L + 1)` as latents of the mixture, with shape `(..., L)`."""
        std = self.std if std is None else std
        component = (torch.special.ndtr(z[..., -1]) * self.modes).long().clamp(max=self.modes - 1)
        centres = z.new_tensor(lattice(self.modes, z.shape[-1] - 1))
        return std * z[..., :-1] + self.spread * (centres - centres.mean(0))[component]


def has_common_latents(method: Method) -> bool:
    """Whether no layer of a method has latents of another shape or prior than the architecture's."""
    common = (Method.latents, Wrapper.latents)
    return all(type(layer).latents in common for layer in layers(method))


def lattice(points: int, dim: int) -> list[list[int]]:
    """The first points of the narrowest cubic lattice with at least so many, in `dim` coordinates of whole numbers.

    The coordinates of a point are the digits of its index, the lowest first.

    Example:
        >>> lattice(5, 2)
        [[0, 0], [1, 0], [2, 0], [0, 1], [1, 1]]
    """
    side = next(side for side in range(1, points + 1) if side**dim >= points)
    return [[index // side**place % side for place in range(dim)] for index in range(points)]
