r"""Three pictures in the three colours of one: a thousand known modes."""

__all__ = ["Stacked", "StackedFashionMNIST", "StackedMNIST"]

import hashlib
from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar

import torch
from torch import Tensor

from ..checks import whole
from .arrays import Arrays
from .base import ImageData, placed, rows
from .load import Split, load

CHANNELS = 3


@dataclass(frozen=True, kw_only=True)
class Stacked(ImageData):
    r"""Three grey pictures, drawn independently, as the red, green and blue of one of shape `(3, 28, 28)`.

    With the classes :math:`a, b, c` of red, green and blue, the class of a triple is :math:`100 a + 10 b + c`: 1,000
    modes, each about as likely as the others.

    Arguments:
        split: The pictures that triples are made of: ``train``, ``test``, or ``all``, both of them.
        pixels: The numbers for black and white.
        digest: The SHA-256 of the pictures and of the fixed triples; see :class:`ImageData`.
        fixed: How many triples are drawn once and then kept, all samples being of them; 0 draws a new triple for each
            sample.
        fixed_seed: What the fixed triples are drawn from.
    """

    source: ClassVar[str]

    split: Split = "train"
    fixed: int = 0
    fixed_seed: int = 0

    def __post_init__(self) -> None:
        whole("fixed", self.fixed, 0)
        whole("fixed_seed", self.fixed_seed, 0)
        super().__post_init__()

    def read(self) -> Arrays:
        return load(self.source, self.split)

    def fingerprint(self, arrays: Arrays) -> str:
        if not self.fixed:
            return arrays.digest
        table = _table(len(arrays), self.fixed, self.fixed_seed, torch.device("cpu"))
        return hashlib.sha256(arrays.digest.encode() + table.numpy().astype("<i8").tobytes()).hexdigest()

    @property
    def shape(self) -> tuple[int, ...]:
        return (CHANNELS, *self.arrays.images.shape[2:])

    @property
    def count(self) -> int | None:
        return self.fixed or None

    @property
    def uniforms(self) -> int:
        return 1 if self.fixed else CHANNELS

    def index(self, uniform: Tensor) -> Tensor:
        return (uniform * (self.fixed or len(self.arrays))).long()

    def triples(self, index: Tensor) -> Tensor:
        r"""The numbers of the pictures in each sample, red first, with shape :math:`(*, 3)`."""
        if not self.fixed:
            return index
        return _table(len(self.arrays), self.fixed, self.fixed_seed, index.device)[index[..., 0]]

    def pictures(self, index: Tensor) -> Tensor:
        return rows(placed(self.arrays, index.device), self.triples(index)).squeeze(-3)

    def labels(self, index: Tensor) -> Tensor:
        known = self.arrays.labels
        assert known is not None
        red, green, blue = known.to(index.device)[self.triples(index)].unbind(-1)
        return 100 * red + 10 * green + blue

    def masses(self) -> Tensor:
        if self.fixed:
            return super().masses()
        known = self.arrays.labels
        assert known is not None
        share = torch.bincount(known, minlength=10).double() / len(known)
        return torch.einsum("a,b,c->abc", share, share, share).flatten()


@lru_cache(maxsize=8)
def _table(pictures: int, count: int, seed: int, device: torch.device) -> Tensor:
    """The fixed triples, with shape `(count, 3)`: each number of a picture is drawn with replacement."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(pictures, (count, CHANNELS), generator=generator).to(device)


@dataclass(frozen=True, kw_only=True)
class StackedMNIST(Stacked):
    r"""Three digits of MNIST as the red, green and blue of one picture: 1,000 modes.

    With the digits :math:`a, b, c` in red, green and blue, the class is :math:`100 a + 10 b + c`.

    References:
        | Unrolled Generative Adversarial Networks (Metz et al., 2017), section 3.3.1, which made it
        | https://arxiv.org/abs/1611.02163

    Arguments:
        split: The digits that triples are made of: ``train``, ``test``, or ``all``, both of them.
        pixels: The numbers for black and white.
        digest: The SHA-256 of the digits and of the fixed triples; see :class:`ImageData`.
        fixed: How many triples are drawn once and then kept, all samples being of them; 0 draws a new triple for each
            sample.
        fixed_seed: What the fixed triples are drawn from.

    Note:
        MNIST's digits are not equally frequent, so neither are the modes: their divergence from equal shares is 0.0043
        nats (training digits), which a perfect sampler scores above the floor of its sample count where a divergence is
        measured from equal shares; ``reverse_kl_judged`` measures it from the shares of the data.
    """

    source: ClassVar[str] = "mnist"
    judge: ClassVar[str] = "mnist"
    summary: ClassVar[str] = "three digits in three colours: 1,000 modes"
    reference: ClassVar[str] = (
        "Unrolled Generative Adversarial Networks (Metz et al., 2017), https://arxiv.org/abs/1611.02163"
    )
    year: ClassVar[int | None] = 2017


@dataclass(frozen=True, kw_only=True)
class StackedFashionMNIST(Stacked):
    r"""Three pieces of Fashion-MNIST as the red, green and blue of one picture: 1,000 modes, equally likely.

    With the classes :math:`a, b, c` in red, green and blue, the class is :math:`100 a + 10 b + c`.

    References:
        | Unrolled Generative Adversarial Networks (Metz et al., 2017), section 3.3.1, which stacked digits so
        | https://arxiv.org/abs/1611.02163

    Arguments:
        split: The pieces that triples are made of: ``train``, ``test``, or ``all``, both of them.
        pixels: The numbers for black and white.
        digest: The SHA-256 of the pieces and of the fixed triples; see :class:`ImageData`.
        fixed: How many triples are drawn once and then kept, all samples being of them; 0 draws a new triple for each
            sample.
        fixed_seed: What the fixed triples are drawn from.
    """

    source: ClassVar[str] = "fashion-mnist"
    judge: ClassVar[str] = "fashion-mnist"
    summary: ClassVar[str] = "three pieces of clothing in three colours: 1,000 modes"
    reference: ClassVar[str] = (
        "Unrolled Generative Adversarial Networks (Metz et al., 2017), https://arxiv.org/abs/1611.02163"
    )
    year: ClassVar[int | None] = 2017
