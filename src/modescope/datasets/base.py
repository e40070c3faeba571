"""The contract of a data set: an exact sampler, an exact density, known modes."""

__all__ = ["Dataset", "Extent", "Modes", "norm_order", "widen"]

import abc
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from ..core.errors import ModescopeError, nearest_name

Extent = tuple[tuple[float, float], ...]


def norm_order(norm: str) -> float:
    """The order of a vector norm named ``l2`` or ``linf``."""
    orders = {"l2": 2.0, "linf": torch.inf}
    if norm not in orders:
        raise nearest_name("norm", norm, orders)
    return orders[norm]


def widen(low: Tensor, high: Tensor) -> Extent:
    """The intervals from `low` to `high`, each of shape `(D,)`, with a tenth of their width added on both sides."""
    margin = torch.where(high > low, 0.1 * (high - low), torch.ones_like(low))
    return tuple(zip((low - margin).tolist(), (high + margin).tolist(), strict=True))


class Modes(abc.ABC):
    r"""The modes of a data set, and how far a sample is from them.

    Attributes:
        names: A short name of each of the :math:`M` modes.
        weights: The mass of each mode, with shape :math:`(M)`, summing to 1.
        radius: The usual capture radius for the norm ``l2``, in standard deviations.
        judged: Whether a classifier tells the mode of a sample; no distance to a mode is known then.
        about: Who tells the mode of a sample, where a classifier does, to complete a sentence.
    """

    names: tuple[str, ...]
    weights: Tensor
    radius: float = 3.0
    judged: bool = False
    about: str = ""

    def __len__(self) -> int:
        return len(self.names)

    @abc.abstractmethod
    def nearest(self, x: Tensor, norm: str = "l2") -> tuple[Tensor, Tensor]:
        r"""The nearest mode of each sample, and the distance to it.

        Arguments:
            x: The samples, with shape :math:`(*, D)`.
            norm: ``l2`` or ``linf``.

        Returns:
            The index of the mode, and the distance in units of the mode's standard deviation, each with shape
            :math:`(*)`.
        """

    @abc.abstractmethod
    def ceiling(self, radius: float, norm: str = "l2") -> float:
        """The share of true samples that lie within `radius` standard deviations of their mode."""


@dataclass(frozen=True, kw_only=True)
class Dataset(abc.ABC):
    r"""A distribution as the image of uniforms and normals.

    Each sample is a function of `uniforms` numbers in [0, 1) and `normals` standard normal numbers, so the engine draws
    the noise of a whole population from its members' own streams and maps it at once.

    A subclass is a frozen dataclass of parameters.
    """

    summary: ClassVar[str]
    reference: ClassVar[str] = ""
    year: ClassVar[int | None] = None

    @property
    @abc.abstractmethod
    def dim(self) -> int:
        """The number of coordinates of a sample, :math:`D`."""

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of a sample before it is flattened: `(D,)`, or `(C, H, W)` of an image."""
        return (self.dim,)

    @property
    @abc.abstractmethod
    def uniforms(self) -> int:
        """How many uniform numbers one sample takes."""

    @property
    @abc.abstractmethod
    def normals(self) -> int:
        """How many standard normal numbers one sample takes."""

    @abc.abstractmethod
    def push(self, uniform: Tensor, normal: Tensor) -> Tensor:
        r"""Maps noise to samples.

        Arguments:
            uniform: Numbers in [0, 1), with shape :math:`(*, U)`.
            normal: Standard normal numbers, with shape :math:`(*, K)`.

        Returns:
            Samples, with shape :math:`(*, D)`, of the dtype and on the device of the noise.
        """

    @property
    def finite(self) -> bool:
        """Whether samples are picked from a finite set, so that those of training come again."""
        return False

    @property
    def modes(self) -> Modes | None:
        """The known modes, or None where there are none."""
        return None

    def log_prob(self, x: Tensor) -> Tensor:
        r"""The exact log-density :math:`\log p(x)` (natural log) at `x` of shape :math:`(*, D)`.

        Raises:
            ModescopeError: If the distribution has no density.
        """
        raise ModescopeError(f"{type(self).__name__} has no density: {self.no_density()}")

    def no_density(self) -> str:
        """Why there is no density, to complete a sentence."""
        return "only its samples are known"

    @property
    def has_density(self) -> bool:
        """Whether :meth:`log_prob` is defined."""
        return type(self).log_prob is not Dataset.log_prob

    @property
    def extent(self) -> Extent:
        """The interval of each coordinate that holds the samples with a margin, for plots."""
        x = self.sample(4096, torch.Generator().manual_seed(0), torch.float64)
        return widen(x.amin(dim=0), x.amax(dim=0))

    def kept(self, samples: Tensor) -> Tensor:
        """Samples as a file keeps them: in single precision; images as bytes."""
        return samples.float()

    def restored(self, kept: Tensor) -> Tensor:
        """Samples as numbers again, from what :meth:`kept` made of them."""
        return kept

    def sample(self, n: int, generator: torch.Generator | None = None, dtype: torch.dtype = torch.float32) -> Tensor:
        r"""Draws `n` samples, with shape :math:`(n, D)`."""
        device = generator.device if generator is not None else torch.device("cpu")
        uniform = torch.rand(n, self.uniforms, generator=generator, dtype=dtype, device=device)
        normal = torch.randn(n, self.normals, generator=generator, dtype=dtype, device=device)
        return self.push(uniform, normal)
