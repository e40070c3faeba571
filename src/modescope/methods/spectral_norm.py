r"""Spectral normalisation: a critic whose slope is bounded."""

__all__ = ["SpectralNorm"]

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import ClassVar

import torch
from torch import Tensor
from torch.nn.functional import normalize

from ..core import Batch, Method, Networks, Player, Wrapper
from ..core.errors import need
from ..core.method import Changes
from ..core.networks import Loss, Weights
from .composition import need_fit, own_key
from .gan import GAN

FIRST = 15  # power iterations at the start, as in PyTorch
EPS = 1e-12  # the least norm that a vector is divided by, as in the paper's code


@dataclass(frozen=True, kw_only=True)
class SpectralNorm(Wrapper):
    r"""Divides every weight matrix of the critics by its largest singular value, :math:`W / \sigma(W)`.

    With activations of slope at most 1, the critic then moves by at most :math:`c \|x - y\|` from :math:`x` to
    :math:`y`, where :math:`c` is `scale`. The singular value is followed by the power method: a vector :math:`u` for
    each matrix is kept along training, and :math:`v \propto W^\top u`, :math:`u \propto W v`,
    :math:`\sigma \approx u^\top W v` once in every step.

    References:
        | Spectral Normalization for Generative Adversarial Networks (Miyato et al., 2018), equation 8 and algorithm 1
        | https://arxiv.org/abs/1802.05957

    Note:
        :math:`c = 1` is the paper's, on images, whose distances are tens of units. On fine data that is too little: the
        logit of the best critic rises by several units within a mode's width. A bound is not reached, either: a critic
        of two hidden layers of 64 ReLUs, trained on a ring of radius 1, had slopes of about 0.13 at :math:`c = 1`. Its
        scores differed by less than 1, where the logistic loss is all but a line, and two modes of eight were found; at
        :math:`c = 10` all were. So where modes are narrow beside 1, raise `scale` or enlarge the data. `scale`
        multiplies the critic's output.

        Within a step of the game all losses start from the same :math:`u` and take one iteration from it, also where
        critics take several steps or are unrolled. Biases stay as they are, and tensors of more than two dimensions
        are read as matrices of their first dimension by all others.

    Arguments:
        base: The method whose critics are normalised.
        scale: The bound :math:`c` on the critic's slope.

    Raises:
        ModescopeError: If `scale` is out of its range, or `base` has no critic.
    """

    separable: ClassVar[bool] = True
    pointwise: ClassVar[bool] = True
    changes: ClassVar[Changes] = "critic"
    summary: ClassVar[str] = "The critic's weights are divided by their largest singular value, to bound its slope"
    reference: ClassVar[str] = (
        "Spectral Normalization for Generative Adversarial Networks (Miyato et al., 2018), "
        "https://arxiv.org/abs/1802.05957"
    )
    year: ClassVar[int | None] = 2018

    base: Method = field(default_factory=GAN)
    scale: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        need(math.isfinite(self.scale) and self.scale > 0, f"scale is {self.scale}, expected more than 0")
        need_fit(self, lambda method: bool(method.critics), "no network of its base scores samples alone")

    def players(self) -> tuple[Player, ...]:
        return tuple(replace(player, loss=self.bounded(player.loss)) for player in self.base.players())

    def bounded(self, loss: Loss) -> Loss:
        """The same loss of normalised critics."""
        return lambda nets, batch: loss(self.normalised(nets, batch.memory), batch)

    def memory(self, nets: Networks) -> dict[str, Tensor]:
        own = {}
        for key, matrix in self.matrices(nets):
            # Any start will do that no singular vector is perpendicular to.
            u = torch.arange(1, len(matrix) + 1, dtype=matrix.dtype, device=matrix.device).cos()
            for _ in range(FIRST):
                u, _ = power_step(matrix, u)
            own[key] = u
        return {**self.base.memory(self.normalised(nets, own)), **own}

    def remember(self, nets: Networks, batch: Batch) -> dict[str, Tensor]:
        own = {key: power_step(matrix, batch.memory[key])[0] for key, matrix in self.matrices(nets)}
        return {**self.base.remember(self.normalised(nets, batch.memory), batch), **own}

    def observe(self, nets: Networks, batch: Batch) -> dict[str, Tensor]:
        return self.base.observe(self.normalised(nets, batch.memory), batch)

    def normalised(self, nets: Networks, memory: Mapping[str, Tensor]) -> Networks:
        """The networks with normalised critics."""
        for role in self.critics:
            nets = nets.normalised(role, partial(self.divided, role, memory)).piped(role, self.scaled)
        return nets

    def divided(self, role: str, memory: Mapping[str, Tensor], weights: Weights) -> dict[str, Tensor]:
        """The parameters of a role, its matrices divided by their largest singular values."""
        norms = {
            name: singular_value(weight.flatten(1), memory[self.key(role, name)])
            for name, weight in weights.items()
            if weight.ndim > 1
        }
        return {name: weight / norms[name] if name in norms else weight for name, weight in weights.items()}

    def scaled(self, score: Tensor) -> Tensor:
        """Scores of the wanted slope."""
        return self.scale * score

    def matrices(self, nets: Networks) -> Iterator[tuple[str, Tensor]]:
        """The key and the weight of each matrix of the critics."""
        for role in self.critics:
            for name, weight in nets.weights(role).items():
                if weight.ndim > 1:
                    yield self.key(role, name), weight.flatten(1)

    def key(self, role: str, name: str) -> str:
        """Where the vector of a weight is remembered."""
        return own_key(self, f"{role}.{name}")


def power_step(matrix: Tensor, u: Tensor) -> tuple[Tensor, Tensor]:
    """One iteration of the power method.

    Arguments:
        matrix: The matrix, with shape `(M, N)`.
        u: The left singular vector so far, with shape `(M,)`.

    Returns:
        The left and the right singular vector, with shapes `(M,)` and `(N,)`.
    """
    v = normalize(matrix.T @ u, dim=0, eps=EPS)
    return normalize(matrix @ v, dim=0, eps=EPS), v


def singular_value(matrix: Tensor, u: Tensor) -> Tensor:
    """The largest singular value of a matrix `(M, N)`, a scalar, one iteration after `u`."""
    u, v = power_step(matrix.detach(), u)  # constants to the gradient, as published
    return u @ matrix @ v
