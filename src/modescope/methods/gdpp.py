r"""GDPP: fakes as diverse as reals, in the features of the critic."""

__all__ = ["GDPP"]

import math
from dataclasses import dataclass, field, replace
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

from ..core import Batch, Builder, Method, Networks, Player, Space, Wrapper
from ..core.errors import need
from ..core.method import layers
from ..core.networks import Loss, without_last
from .composition import need_fit
from .gan import GAN
from .pacgan import PacGAN

BROADENING = 1e-5  # of gaps between eigenvalues, as a fraction of their sum


@dataclass(frozen=True, kw_only=True)
class GDPP(Wrapper):
    r"""Asks fakes for the eigenvalues and eigenvectors of reals, so that a batch of them is as diverse.

    The last hidden layer of the discriminator gives a batch of features; with rows of length 1, :math:`\phi`, its
    kernel is :math:`S = \phi \phi^\top`, that of a determinantal point process, with eigenvalues :math:`\lambda_i` and
    eigenvectors :math:`v_i`, the largest first. The generator descends :math:`\frac12 (L_G + w L)` with

    .. math:: L = \frac{m}{N} \sum_{i=1}^N (\lambda_i^f - \lambda_i^r)^2
        - \sum_{i=1}^k \hat\lambda_i^r\,|\langle v_i^f, v_i^r \rangle|,

    where :math:`\hat\lambda^r` are the eigenvalues of the reals, scaled to [0, 1]. Fakes in one mode have but one
    eigenvalue that is not 0.

    References:
        | GDPP: Learning Diverse Generations using Determinantal Point Processes (Elfeki et al., 2019)
        | https://arxiv.org/abs/1812.00068

    Note:
        The paper prints the sum of the distances of eigenvalues, with no weights; :math:`w = 1`, :math:`m = 10^{-4}`,
        the mean square and the factor 1/2 are the official code's. It takes all :math:`N` eigenvectors, with the sign
        that comes out (and its PyTorch version those of a routine for matrices that are not symmetric, in no order).
        But the sign of an eigenvector is arbitrary, and so is every eigenvector where eigenvalues coincide, as they do
        at 0 for all beyond the width of the layer. Here the overlap is taken without its sign, and of the eigenvectors
        of the largest :math:`k` eigenvalues only; the default of :math:`k` is ours.

        An eigenvector turns by :math:`\langle v_j, dS\,v_i \rangle / (\lambda_i - \lambda_j)` towards another. That is
        the gradient used, with the quotient kept finite where the gap is below :math:`10^{-5} N`; between equal
        eigenvalues it is 0. So a collapsed batch gives a finite gradient. It cannot be differentiated a second time.

        An eigenvector has one coordinate a sample, so :math:`L` also depends on the order of the fakes beside the
        reals.

    Arguments:
        base: The method whose generator's loss gains the term.
        weight: The weight :math:`w` of the term.
        magnitude: The weight :math:`m` of the eigenvalues beside the eigenvectors.
        k: The number of eigenvectors; the width of the last hidden layer and the batch size bound it.

    Raises:
        ModescopeError: If a value is out of its range, or the discriminator sees more than single samples.
    """

    logistic: ClassVar[bool] = True
    separable: ClassVar[bool] = True
    summary: ClassVar[str] = "The critic's features of a batch of fakes get the eigenvalues and vectors of reals"
    reference: ClassVar[str] = (
        "GDPP: Learning Diverse Generations using Determinantal Point Processes (Elfeki et al., 2019), "
        "https://arxiv.org/abs/1812.00068"
    )
    year: ClassVar[int | None] = 2019

    base: Method = field(default_factory=GAN)
    weight: float = 1.0
    magnitude: float = 1e-4
    k: int = 16

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("weight", "magnitude"):
            value = getattr(self, name)
            need(math.isfinite(value) and value >= 0, f"{name} is {value}, expected at least 0")
        need(isinstance(self.k, int) and self.k >= 1, f"k is {self.k!r}, expected a whole number of at least 1")
        need_fit(self, sees_single_samples, "it reads the features that a discriminator has of single samples")

    def networks(self, space: Space) -> dict[str, Builder]:
        builders = self.base.networks(space)
        build = builders["discriminator"]

        def with_features() -> nn.Module:
            network = build()
            without_last(network, "discriminator")  # a network without features fails here, not in training
            return network

        return {**builders, "discriminator": with_features}

    def players(self) -> tuple[Player, ...]:
        return tuple(
            replace(player, loss=self.diverse(player.loss)) if "generator" in player.trains else player
            for player in self.base.players()
        )

    def diverse(self, loss: Loss) -> Loss:
        """The same loss with the term."""
        return lambda nets, batch: (loss(nets, batch) + self.weight * self.term(nets, batch)) / 2

    def term(self, nets: Networks, batch: Batch) -> Tensor:
        """What `weight` weighs."""
        features = nets.features("discriminator")
        on_real, on_fake = features(batch.real), features(self.sample(nets, batch.z))
        rank = min(self.k, *on_real.shape)
        values_real, vectors_real = eigenpairs(kernel(on_real), rank)
        values_fake, vectors_fake = eigenpairs(kernel(on_fake), rank)
        overlap = (vectors_fake * vectors_real).sum(0).abs()
        structure = (unit(values_real)[-rank:] * overlap).sum()
        return self.magnitude * (values_fake - values_real).square().mean() - structure


def kernel(features: Tensor) -> Tensor:
    """The inner products of features `(N, F)` of length 1 each, with shape `(N, N)`."""
    rows = normalize(features, dim=1)
    return rows @ rows.T


def unit(values: Tensor) -> Tensor:
    """Ascending values `(N,)`, scaled to [0, 1]; zeros where all are the same."""
    return (values - values[0]) / (values[-1] - values[0]).clamp(min=1e-12)


def eigenpairs(matrix: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """All eigenvalues of a symmetric matrix, and its last eigenvectors, differentiable once.

    Arguments:
        matrix: The matrix, with shape `(N, N)`.
        k: The number of eigenvectors.

    Returns:
        The eigenvalues, ascending, with shape `(N,)`, and the eigenvectors of the last `k`, with shape `(N, k)`.
    """
    # The derivative of eigh is infinite where eigenvalues coincide, so it is written out here: the decomposition is a
    # constant, and `change`, which is 0, carries the gradient. Infinite numbers would raise an error for all members.
    fixed = matrix.detach()
    values, vectors = torch.linalg.eigh(fixed.nan_to_num(0.0, 0.0, 0.0))
    change = vectors.T @ (matrix - fixed) @ vectors
    gaps = values[-k:] - values.unsqueeze(-1)
    least = BROADENING * len(values)
    turns = gaps / (gaps.square() + least**2) * change[:, -k:]
    return values + change.diagonal(), vectors[:, -k:] + vectors @ turns


def sees_single_samples(method: Method) -> bool:
    """Whether the discriminator of a method sees one sample at a time and nothing else."""
    chain = layers(method)
    packed = any(isinstance(layer, PacGAN) for layer in chain)
    return "discriminator" in method.critics and chain[-1].packable and not packed
