r"""Optimisers as pure functions of a flat parameter vector.

An optimiser maps (gradient, state, parameters) to (parameters, state) without side effects, so that the same code steps
a whole population, and is differentiated through by :class:`modescope.methods.UnrolledGAN`. Parameters have shape
:math:`(*, P)`; learning rates, betas and counts broadcast against it with shape :math:`(*, 1)`.
"""

__all__ = ["SGD", "Adam", "Optimizer", "RMSprop", "learning_rate_factor"]

import abc
import math
from dataclasses import dataclass, replace
from typing import Self

import torch
from torch import Tensor

State = dict[str, Tensor]
Number = float | Tensor


@dataclass(frozen=True)
class Optimizer(abc.ABC):
    """A rule that turns gradients into steps."""

    lr: Number

    @abc.abstractmethod
    def init(self, params: Tensor) -> State:
        """The state before the first step, for `params` of shape :math:`(*, P)`."""

    @abc.abstractmethod
    def update(self, grads: Tensor, state: State, params: Tensor) -> tuple[Tensor, State]:
        """The parameters and the state after one step down `grads`."""

    def times(self, factor: Number) -> Self:
        """The same rule with its learning rate multiplied."""
        return self if isinstance(factor, float) and factor == 1.0 else replace(self, lr=self.lr * factor)


@dataclass(frozen=True)
class SGD(Optimizer):
    r"""Gradient descent, :math:`b \gets \mu b + g`, :math:`\theta \gets \theta - \eta b` (as ``torch.optim.SGD``)."""

    momentum: Number = 0.0

    def init(self, params: Tensor) -> State:
        # A swept momentum is a tensor, so its value cannot decide whether the buffer is kept.
        plain = isinstance(self.momentum, float) and self.momentum == 0.0
        return {} if plain else {"momentum": torch.zeros_like(params)}

    def update(self, grads: Tensor, state: State, params: Tensor) -> tuple[Tensor, State]:
        if "momentum" not in state:
            return params - self.lr * grads, state
        moving = self.momentum * state["momentum"] + grads
        return params - self.lr * moving, {"momentum": moving}


@dataclass(frozen=True)
class Adam(Optimizer):
    """Adaptive moments.

    References:
        | Adam: A Method for Stochastic Optimization (Kingma & Ba, 2014)
        | https://arxiv.org/abs/1412.6980
    """

    beta1: Number = 0.5
    beta2: Number = 0.999
    eps: float = 1e-8

    def init(self, params: Tensor) -> State:
        zeros = torch.zeros_like(params)
        return {"count": torch.zeros_like(params[..., :1]), "mean": zeros, "square": zeros.clone()}

    def update(self, grads: Tensor, state: State, params: Tensor) -> tuple[Tensor, State]:
        count = state["count"] + 1
        mean = self.beta1 * state["mean"] + (1 - self.beta1) * grads
        square = self.beta2 * state["square"] + (1 - self.beta2) * grads.square()
        # The tiny constant keeps the derivative of the root finite at 0, for unrolling; it is below rounding elsewhere.
        root = (square / (1 - self.beta2**count) + 1e-24).sqrt()
        step = mean / (1 - self.beta1**count) / (root + self.eps)
        return params - self.lr * step, {"count": count, "mean": mean, "square": square}


@dataclass(frozen=True)
class RMSprop(Optimizer):
    """Steps divided by a running root mean square (as ``torch.optim.RMSprop``, not centred)."""

    alpha: Number = 0.99
    eps: float = 1e-8

    def init(self, params: Tensor) -> State:
        return {"square": torch.zeros_like(params)}

    def update(self, grads: Tensor, state: State, params: Tensor) -> tuple[Tensor, State]:
        square = self.alpha * state["square"] + (1 - self.alpha) * grads.square()
        return params - self.lr * grads / ((square + 1e-24).sqrt() + self.eps), {"square": square}


def learning_rate_factor(schedule: str, progress: float) -> float:
    r"""What multiplies the learning rate at a fraction of the run.

    Arguments:
        schedule: ``constant``, ``linear`` (to 0) or ``cosine`` (to 0).
        progress: The fraction of the steps done, in :math:`[0, 1)`.
    """
    match schedule:
        case "linear":
            return 1 - progress
        case "cosine":
            return 0.5 * (1 + math.cos(math.pi * progress))
        case _:
            return 1.0
