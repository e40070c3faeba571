r"""Divergences by independent critics, trained anew on the finished generator's samples."""

__all__ = ["CriticReport", "critic_divergence"]

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import logsigmoid

from ..core.errors import need
from .mmd import median_bandwidth, mmd2
from .pairwise import distances, row_chunks
from .probe import Objective, fit, perceptron, standardise
from .sets import check_sets, shuffled

PENALTY = 10.0  # weight of the gradient penalty
FACTORS = (0.25, 0.5, 1.0, 2.0, 4.0)  # bandwidths tried, in median distances
WITNESSES = 4096  # samples of each set that the kernel critic holds at most

Criterion = Literal["js", "ls", "wasserstein-gp", "mmd"]
Split = tuple[Tensor, Tensor]


@dataclass(frozen=True)
class CriticReport:
    r"""What :func:`critic_divergence` returns.

    Arguments:
        mean: The mean over sizes and repeats.
        spread: Their standard deviation (of critics and splits, not of the mean); NaN for one run.
        values: The value of each run, with shape :math:`(\text{sizes}, \text{repeats})`, float64; one size for ``mmd``.
        criterion: Which divergence it is.
    """

    mean: float
    spread: float
    values: Tensor
    criterion: Criterion


def critic_divergence(
    real: Tensor,
    fake: Tensor,
    generator: torch.Generator,
    criterion: Criterion = "js",
    sizes: Sequence[Sequence[int]] = ((64,), (64, 64)),
    repeats: int = 3,
    steps: int = 1000,
    batch: int = 128,
    rate: float = 1e-3,
) -> CriticReport:
    r"""How well fresh critics tell generated from real samples that none of them has seen.

    .. math:: \sup_{f \in \mathcal F} \; \mathbb E_p\, \mu(f(x)) - \mathbb E_q\, \upsilon(f(x))

    Each critic is trained on half of both sets, keeps the weights that were best on a quarter, and is valued on the
    last quarter. The values are in the units of a divergence, 0 for equal laws:

    - ``js``: the Jensen-Shannon divergence in nats, at most :math:`\log 2`, from the GAN's value :math:`V` as
      :math:`V / 2 + \log 2`;
    - ``ls``: the least-squares GAN's value plus ½, at most ½: a quarter of the triangular discrimination
      :math:`\int (p - q)^2 / (p + q)`;
    - ``wasserstein-gp``: the Wasserstein-1 distance in data units, the critic's slope held near 1 by a penalty;
    - ``mmd``: the maximum mean discrepancy with a Gaussian kernel (not squared), at most :math:`\sqrt 2`.

    Each is a lower bound on average (with the penalty, roughly), tight if the critics are good: compare generators
    under the same settings, and beside them two sets of *real* samples, passed as `real` and `fake`.

    Note:
        Values below 0 are chance, or a critic that learned nothing that holds elsewhere. The kernel critic is the
        witness function of its training samples (at most 4096 of each set), of norm 1, at the bandwidth from ¼ to 4
        median distances that was best on the validation quarter. The paper reports the raw ``ls`` and GAN
        values. Its critics are convolutional ones on images; these are for features. Each repeat draws its own split,
        shared by all sizes, so the spread holds the sampling error too.

    References:
        | Quantitatively Evaluating GANs With Divergences Proposed for Training (Im et al., 2018), section 2
        | https://arxiv.org/abs/1803.01045

    Arguments:
        real: Real samples, with shape :math:`(N, D)`.
        fake: Generated samples, with shape :math:`(M, D)`.
        generator: Draws the splits, the first weights and the batches.
        criterion: ``js``, ``ls``, ``wasserstein-gp`` or ``mmd``.
        sizes: The hidden widths of each critic.
        repeats: The number of splits and first weights.
        steps: The steps of Adam at most.
        batch: The samples of each set in a step.
        rate: The learning rate.

    Raises:
        ModescopeError: If the samples are not finite, do not fit, or are fewer than 4 of a kind, or a setting is out of
            range.

    Returns:
        The divergence by each critic, and their mean and spread.
    """
    check_sets(real, fake)
    least = min(len(real), len(fake))
    need(least >= 4, f"real or fake has {least} samples, expected at least 4, to train, validate and test a critic")
    known = criterion in ("js", "ls", "wasserstein-gp", "mmd")
    need(known, f"criterion is {criterion!r}, expected js, ls, wasserstein-gp or mmd")
    need(len(sizes) >= 1, "sizes is empty, expected the hidden widths of at least one critic")
    counts = {"repeats": repeats, "steps": steps, "batch": batch}
    for name, count in counts.items():
        need(count >= 1, f"{name} is {count}, expected at least 1")

    train = partial(_network, criterion=criterion, steps=steps, batch=batch, rate=rate)
    columns = []
    for _ in range(repeats):
        splits, unit = _splits(real.detach(), fake.detach(), generator, common=criterion in ("wasserstein-gp", "mmd"))
        if criterion == "mmd":
            columns.append([_kernel(splits)])
        else:
            scale = unit if criterion == "wasserstein-gp" else 1.0
            columns.append([scale * train(splits, tuple(hidden), generator) for hidden in sizes])
    values = torch.tensor(columns, dtype=torch.float64).mT
    spread = values.std().item() if values.numel() > 1 else math.nan
    return CriticReport(values.mean().item(), spread, values, criterion)


def _splits(real: Tensor, fake: Tensor, generator: torch.Generator, common: bool) -> tuple[list[Split], float]:
    """Half, a quarter and a quarter of both sets, standardised by the first; and the unit of that, if `common`."""
    pieces = []
    for x in (real, fake):
        half, rest = len(x) // 2, len(x) // 4
        pieces.append(shuffled(x, generator).split([half, rest, len(x) - half - rest]))
    mean, spread = standardise(pieces[0][0], pieces[1][0], common=common)
    scaled = [[((x.double() - mean) / spread).float() for x in parts] for parts in pieces]
    return list(zip(*scaled, strict=True)), spread[0].item()


def _network(
    splits: list[Split],
    hidden: tuple[int, ...],
    generator: torch.Generator,
    criterion: Criterion,
    steps: int,
    batch: int,
    rate: float,
) -> float:
    train, validation, test = splits
    net = perceptron(train[0].shape[1], hidden, generator).to(train[0].device)
    value = VALUES[criterion]
    objective = partial(_penalised, generator) if criterion == "wasserstein-gp" else value
    fit(net, objective, *train, generator, steps, batch, rate, validation)
    with torch.no_grad():
        return value(net, *test).item()


def _js(net: nn.Module, real: Tensor, fake: Tensor) -> Tensor:
    return (logsigmoid(net(real)).mean() + logsigmoid(-net(fake)).mean()) / 2 + math.log(2)


def _least_squares(net: nn.Module, real: Tensor, fake: Tensor) -> Tensor:
    return 0.5 - (net(real) - 1).square().mean() - net(fake).square().mean()


def _gap(net: nn.Module, real: Tensor, fake: Tensor) -> Tensor:
    return net(real).mean() - net(fake).mean()


def _penalised(generator: torch.Generator, net: nn.Module, real: Tensor, fake: Tensor) -> Tensor:
    """The gap, less the penalty on slopes other than 1 between real and generated samples."""
    count = min(len(real), len(fake))
    u = torch.rand(count, 1, generator=generator, device=generator.device).to(real)
    between = (u * real[:count] + (1 - u) * fake[:count]).requires_grad_()
    (slope,) = torch.autograd.grad(net(between).sum(), between, create_graph=True)
    return _gap(net, real, fake) - PENALTY * (slope.norm(dim=1) - 1).square().mean()


VALUES: dict[str, Objective] = {"js": _js, "ls": _least_squares, "wasserstein-gp": _gap}


def _kernel(splits: list[Split]) -> float:
    """The held-out gap of the witness function, at the bandwidth that was best in validation."""
    train, validation, test = [(real.double(), fake.double()) for real, fake in splits]
    train = train[0][:WITNESSES], train[1][:WITNESSES]
    median = median_bandwidth(torch.cat([part[:500] for part in train]))
    best = max((factor * median for factor in FACTORS), key=lambda h: _witness_gap(train, validation, h))
    return _witness_gap(train, test, best)


def _witness_gap(train: Split, asked: Split, h: float) -> float:
    norm = mmd2(*train, h, unbiased=False).clamp(min=0).sqrt().item()
    if norm < 1e-7:  # equal sets, up to rounding: no critic
        return 0.0
    values = [_mean_kernel(x, train[0], h) - _mean_kernel(x, train[1], h) for x in asked]
    return (values[0] - values[1]) / norm


def _mean_kernel(x: Tensor, y: Tensor, h: float) -> float:
    sums = [torch.exp(distances(rows, y).square() / (-2 * h * h)).sum() for rows in row_chunks(x, len(y))]
    return torch.stack(sums).sum().item() / (len(x) * len(y))
