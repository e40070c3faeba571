r"""A linear classifier on features: how much of the classes can be read off them."""

__all__ = ["LinearProbe", "linear_probe"]

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from ..core.errors import need
from .probe import standardise

PENALTIES = (1e-4, 1e-3, 1e-2, 1e-1)
HELD_OUT = 5  # one in so many training samples chooses the penalty


@dataclass(frozen=True)
class LinearProbe:
    r"""A linear classifier, :math:`\arg\max_c w_c^\top (x - m) / s + b_c`.

    Arguments:
        weight: With shape `(F + 1, C)`; the last row is :math:`b`.
        mean: Of the training features, :math:`m`.
        scale: Their standard deviations, :math:`s`.
        penalty: The weight of the squares of `weight`.
    """

    weight: Tensor
    mean: Tensor
    scale: Tensor
    penalty: float

    def predict(self, x: Tensor) -> Tensor:
        """The class of each sample, with shape `(N,)`, from features `(N, F)`."""
        return (with_one(self.mean, self.scale, x) @ self.weight).argmax(1)

    def accuracy(self, x: Tensor, labels: Tensor) -> float:
        """The share of samples, with features `(N, F)`, whose class is told rightly."""
        return float((self.predict(x) == labels).double().mean())


def linear_probe(x: Tensor, labels: Tensor, classes: int, penalty: float | None = None) -> LinearProbe:
    r"""Fits logistic regression of several classes, on features of mean 0 and variance 1.

    It descends :math:`\frac1N \sum_i -\log p_{y_i}(x_i) + \frac{\lambda}{2} \sum_c \|w_c\|^2`, which is convex, by
    L-BFGS; biases are free. Without a penalty, one fifth of the samples chooses it from 0.0001 to 0.1.

    References:
        | Understanding intermediate layers using linear classifier probes (Alain & Bengio, 2016)
        | https://arxiv.org/abs/1610.01644

    Note:
        DCGAN fits a linear support vector machine instead, of the same form; see
        :func:`modescope.runs.probe.probe_run`.

    Arguments:
        x: Features of training samples, with shape `(N, F)`.
        labels: Their classes, with shape `(N,)`.
        classes: The number of classes, :math:`C`.
        penalty: The weight :math:`\lambda`.

    Raises:
        ModescopeError: If there are fewer than five samples, or not as many labels.
    """
    need(x.ndim == 2 and len(x) >= HELD_OUT, f"x has shape {tuple(x.shape)}, expected (N, F) with N of at least 5")
    need(labels.shape == x.shape[:1], f"labels has shape {tuple(labels.shape)}, expected ({len(x)},)")
    if penalty is None:
        judge, rest = torch.arange(len(x)).remainder(HELD_OUT) == 0, torch.arange(len(x)).remainder(HELD_OUT) > 0
        tried = [linear_probe(x[rest], labels[rest], classes, value) for value in PENALTIES]
        penalty = max(tried, key=lambda probe: probe.accuracy(x[judge], labels[judge])).penalty
    mean, scale = (part.to(x.dtype) for part in standardise(x))
    return LinearProbe(minimum(with_one(mean, scale, x), labels, classes, penalty), mean, scale, penalty)


def minimum(x: Tensor, labels: Tensor, classes: int, penalty: float) -> Tensor:
    """The weights `(F + 1, C)` at which the loss is least."""
    weight = torch.zeros(x.shape[1], classes, dtype=x.dtype, requires_grad=True)
    optimizer = torch.optim.LBFGS(
        [weight], max_iter=200, tolerance_grad=1e-6, tolerance_change=1e-10, line_search_fn="strong_wolfe"
    )

    def loss() -> Tensor:
        optimizer.zero_grad()
        value = cross_entropy(x @ weight, labels) + penalty / 2 * weight[:-1].square().sum()
        value.backward()
        return value

    optimizer.step(loss)
    return weight.detach()


def with_one(mean: Tensor, scale: Tensor, x: Tensor) -> Tensor:
    """Features of mean 0 and variance 1, and a last one that is 1."""
    rows = (x.to(mean.dtype) - mean) / scale
    return torch.cat([rows, rows.new_ones(len(rows), 1)], 1)
