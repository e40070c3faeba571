r"""Walks between latents: what a generator makes on the way from one latent to another."""

__all__ = ["Walks", "reach", "unevenness", "walks_of"]

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ..core.noise import seed_of
from ..runs import Run
from ..runs.paths import STOPS, walked
from .mosaic import images_of

ROWS = 6
PAIRS = 200  # of true images, whose distance the ends of walks are compared with


@dataclass(frozen=True)
class Walks:
    """Some walks of one member.

    Arguments:
        images: The images on the way, with shape `(R, K, C, H, W)`, uint8.
        unevenness: See :func:`unevenness`.
        reach: See :func:`reach`.
    """

    images: np.ndarray
    unevenness: float
    reach: float


@torch.no_grad()
def walks_of(run: Run, member: int, rows: int = ROWS, stops: int = STOPS) -> Walks:
    """Walks of a member of a run, between latents that depend on its seed alone.

    References:
        | Unsupervised Representation Learning with Deep Convolutional Generative Adversarial Networks (Radford et al.,
          2015), section 6.1
        | https://arxiv.org/abs/1511.06434

    Arguments:
        run: The run, which keeps its networks as of its end.
        member: Which of its members.
        rows: The number of walks.
        stops: The images of each, its ends among them.

    Raises:
        ModescopeError: If the run has no checkpoint, or this machine lacks the device that it was trained on.
    """
    block, index = divmod(member, run.experiment.block)
    population, dataset = run.population(block), run.experiment.dataset
    x = walked(population, rows, stops)[index].cpu().float()
    x = dataset.restored(dataset.kept(x))
    true = dataset.sample(2 * PAIRS, torch.Generator().manual_seed(seed_of("walks"))).view(PAIRS, 2, -1)
    return Walks(images_of(x, dataset), unevenness(x), reach(x, true))


def unevenness(x: Tensor) -> float:
    """The largest step of a walk over its mean step, on average over walks.

    It is 1 where all steps are as large, and `K - 1` where all of the change is in one, as between stills that were
    learnt by heart. Walks that do not move at all say nothing and are left out; NaN if none moves.

    Arguments:
        x: Samples on the way, with shape `(R, K, D)`.
    """
    steps = x.double().diff(dim=1).norm(dim=-1)
    ratios = steps.amax(dim=1) / steps.mean(dim=1)
    return float(ratios[ratios.isfinite()].mean())


def reach(x: Tensor, true: Tensor) -> float:
    """How far the ends of walks are apart, on average, over the mean distance between two true samples.

    Near 1, two latents give images as different as two true ones; near 0, a collapsed generator makes one image only,
    and its walks are smooth for that reason alone.

    Arguments:
        x: Samples on the way, with shape `(R, K, D)`.
        true: Pairs of true samples, with shape `(P, 2, D)`.
    """
    ends, pairs = (x[:, -1] - x[:, 0]).double(), (true[:, 1] - true[:, 0]).double()
    return float(ends.norm(dim=-1).mean() / pairs.norm(dim=-1).mean())
