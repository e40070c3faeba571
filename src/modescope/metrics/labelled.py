r"""Modes and class balance by the labels of any classifier."""

__all__ = ["ModeReport", "mode_report"]

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ..core.errors import need
from .mode_kl import kl_floor, mode_kl

STEPS = 10_000  # of the correction at most; a thousand classes at 99 % accuracy take some tens
SMALL = 1e-12  # the change of a share that ends it
ROUNDS_TO_ONE = 0.5  # samples that a class holds at least, after the correction, to be a mode


@dataclass(frozen=True)
class ModeReport:
    r"""What :func:`mode_report` returns.

    Arguments:
        modes: The number of classes that hold enough samples.
        kl: :math:`\mathrm{KL}(\hat q \,\|\, p)`, in nats, at least 0.
        floor: What a perfect sampler scores as `kl` on average, to first order, in nats.
        share: :math:`\hat q`, the share of each class, with shape :math:`(K)`, float64.
        counts: The samples that the classifier put in each class, with shape :math:`(K)`, int64.
        samples: The number of samples.
    """

    modes: int
    kl: float
    floor: float
    share: Tensor
    counts: Tensor
    samples: int


def mode_report(
    labels: Tensor,
    classes: int,
    reference: Tensor | None = None,
    confusion: Tensor | Sequence[Tensor] | None = None,
    min_share: float = 0.0,
) -> ModeReport:
    r"""The number of classes that a generator reaches, and how unevenly, by what a classifier calls its samples.

    .. math:: \mathrm{KL}(\hat q \,\|\, p) = \sum_k \hat q_k \log \frac{\hat q_k}{p_k}, \qquad
        \text{floor} = \frac{K - 1}{2 n}

    A generator that spreads evenly over :math:`c` of :math:`K` equal classes scores :math:`\log (K / c)`. On Stacked
    MNIST the label is the number of three digits, :math:`100 a + 10 b + c`, with :math:`K = 1000`.

    A classifier errs, and one stray label makes a mode: of a thousand classes, 1 % of errors fills many that are empty.
    With its confusion matrix :math:`C_{ij} = P(\text{label } j \mid \text{class } i)` on held-out real samples, the
    shares of the classes themselves are estimated as the most likely ones: :math:`\hat q` maximises
    :math:`\sum_j n_j \log \sum_i \hat q_i C_{ij}` over the simplex, by expectation maximisation. Where a label is put
    together from parts that are classified one by one, as the three digits of Stacked MNIST, :math:`C` is the Kronecker
    product of the parts' matrices, which is never built: give its factors.

    Note:
        Papers differ in :math:`p` (uniform, or the labels of the training set) and in :math:`n` (25,600 or 26,000 on
        Stacked MNIST): their numbers do not compare. After the correction a class is a mode if its share stands for
        at least half a sample; the estimate is noisier, its floor higher (by the delta method), and where
        :math:`C` is singular classes cannot be told apart and the floor is NaN. The correction takes it that a class
        of generated samples is confused as real ones are.

    References:
        | Unrolled Generative Adversarial Networks (Metz et al., 2017), section 3.3.1
        | https://arxiv.org/abs/1611.02163

        | PacGAN: The power of two samples in generative adversarial networks (Lin et al., 2017), section 4.2
        | https://arxiv.org/abs/1712.04086

        | Adjusting the Outputs of a Classifier to New a Priori Probabilities (Saerens et al., 2002), section 2.2
        | https://doi.org/10.1162/089976602753284446

    Arguments:
        labels: A label for each sample, whole numbers below `classes` with shape :math:`(N)`; or floating logits or
            probabilities with shape :math:`(N, K)`, of which the largest counts (the first of equals).
        classes: The number of classes, :math:`K`.
        reference: The true mass or count of each class, with shape :math:`(K)`; uniform if not given.
        confusion: How often each class (row) gets each label (column), counts or rates, with shape :math:`(K, K)`, or
            the square matrices whose Kronecker product it is, that of the leading digit first; no correction if not
            given.
        min_share: The share of all samples that a mode holds at least, e.g. :math:`1 / (10 K)`.

    Raises:
        ModescopeError: If labels, masses or the confusion matrix do not fit the classes, or a label was never seen in
            the confusion matrix.

    Returns:
        The modes, the divergence and its floor. The divergence is infinite if a class of mass 0 holds samples.
    """
    need(classes >= 1, f"classes is {classes}, expected at least 1")
    counts = torch.bincount(_labels(labels, classes), minlength=classes)
    samples = int(counts.sum())
    mass = _masses("reference", torch.ones(classes) if reference is None else reference, classes).to(counts.device)
    if confusion is None:
        share, floor, least = counts.double() / samples, kl_floor(int((mass > 0).sum()), samples), 1.0
    else:
        rates = [factor.to(counts.device) for factor in _rates(confusion, classes)]
        share, floor, least = _corrected(counts, rates), _corrected_floor(mass, rates) / samples, ROUNDS_TO_ONE
    enough = (share * samples >= least * (1 - 1e-9)) & (share >= min_share)
    return ModeReport(int(enough.sum()), mode_kl(share, mass).item(), floor, share, counts, samples)


def _labels(labels: Tensor, classes: int) -> Tensor:
    shape = tuple(labels.shape)
    need(labels.numel() > 0, f"labels has shape {shape}, expected at least 1 sample")
    if labels.is_floating_point():
        need(labels.shape[1:] == (classes,), f"labels has shape {shape}, expected (N, {classes}) of logits")
        need(not bool(labels.isnan().any()), "labels holds a NaN, expected logits")
        return labels.argmax(dim=1)
    need(labels.ndim == 1, f"labels has shape {shape}, expected (N,)")
    low, high = int(labels.min()), int(labels.max())
    need(low >= 0 and high < classes, f"labels run from {low} to {high}, expected 0 to {classes - 1}")
    return labels.long()


def _masses(name: str, mass: Tensor, classes: int) -> Tensor:
    need(mass.shape == (classes,), f"{name} has shape {tuple(mass.shape)}, expected ({classes},)")
    mass = mass.double()
    good = bool((mass >= 0).all() and mass.isfinite().all() and mass.sum() > 0)
    need(good, f"{name} holds a negative number, a NaN or nothing, expected masses or counts")
    return mass / mass.sum()


def _rates(confusion: Tensor | Sequence[Tensor], classes: int) -> list[Tensor]:
    """The factors of the matrix of rates, one if it came whole."""
    factors = [confusion] if isinstance(confusion, Tensor) else list(confusion)
    shapes = [tuple(factor.shape) for factor in factors]
    sides = [shape[0] if len(shape) == 2 and shape[0] == shape[1] else 0 for shape in shapes]
    need(
        len(factors) > 0 and math.prod(sides) == classes,
        f"confusion has shape {', '.join(map(str, shapes)) or 'of nothing'}, expected ({classes}, {classes}), "
        f"or square matrices whose sides multiply to {classes}",
    )
    return [
        torch.stack([_masses(f"row {i} of confusion", row, len(factor)) for i, row in enumerate(factor)])
        for factor in factors
    ]


def _product(factors: Sequence[Tensor], v: Tensor) -> Tensor:
    """The Kronecker product of square matrices, times a vector."""
    for factor in factors:  # each acts on the leading axis, which goes last: after all of them the order is as it was
        v = (factor @ v.unflatten(0, (len(factor), -1))).mT.flatten()
    return v


def _corrected(counts: Tensor, rates: Sequence[Tensor]) -> Tensor:
    """The most likely shares of the classes, by expectation maximisation from equal ones."""
    seen = counts.double() / counts.sum()
    back = [factor.mT for factor in rates]
    strange = (seen > 0) & (_product(back, torch.ones_like(seen)) == 0)
    need(not bool(strange.any()), f"label {int(strange.int().argmax())} is among labels but not in confusion")
    share = torch.full_like(seen, 1 / len(seen))
    for _ in range(STEPS):
        said = _product(back, share)
        new = share * _product(rates, torch.where(seen > 0, seen / said, 0))
        if (new - share).abs().max() < SMALL:
            return new
        share = new
    return share


def _corrected_floor(mass: Tensor, rates: Sequence[Tensor]) -> float:
    r"""The mean of :math:`n \mathrm{KL}` of the corrected shares, by the delta method."""
    if any(torch.linalg.matrix_rank(factor) < len(factor) for factor in rates):
        return float("nan")
    said = _product([factor.mT for factor in rates], mass)
    back = [torch.linalg.inv(factor.mT) for factor in rates]
    # the diagonal of the covariance, times n
    spread = _product([factor.square() for factor in back], said) - _product(back, said).square()
    held = mass > 0
    return (spread[held] / mass[held]).sum().item() / 2
