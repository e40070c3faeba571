r"""Walks between latents: what a generator makes on the way from one latent to another."""

__all__ = ["Walks", "path", "reach", "unevenness", "walks_of"]

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ..core.engine import COMPANY
from ..core.noise import seed_of
from ..core.space import Prior
from ..runs import Run
from .mosaic import images_of

ROWS, STOPS = 6, 10
PAIRS = 200  # of true images, whose distance the ends of walks are compared with
STRAIGHT = 1e-4  # of a half turn: latents closer to one line than this are joined by a straight one


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
    z = population.latents(run.members[member].seed, 2 * rows + COMPANY, "walks")
    ways = path(z[:rows], z[rows : 2 * rows], stops, population.drawn.prior)
    # Others go along, as many as in the run's own samples, so that batch normalisation sees what it is used to.
    latents = torch.cat([ways.flatten(0, 1), z[2 * rows :]]).expand(len(population.members), -1, -1)
    x = population.generated(latents)[index, : rows * stops].cpu().float()
    x = dataset.restored(dataset.kept(x)).unflatten(0, (rows, stops))
    true = dataset.sample(2 * PAIRS, torch.Generator().manual_seed(seed_of("walks"))).view(PAIRS, 2, -1)
    return Walks(images_of(x, dataset), unevenness(x), reach(x, true))


def path(start: Tensor, end: Tensor, stops: int, prior: Prior) -> Tensor:
    r"""Latents at even distances on the way from `start` to `end`, both among them.

    Where latents are normal, nearly all lie close to a sphere, and a straight line would leave it for its inside, which
    the generator was never trained on. So these walks follow the sphere:

    .. math:: \frac{\sin((1 - t)\, \omega)}{\sin \omega} a + \frac{\sin(t\, \omega)}{\sin \omega} b, \qquad
        \cos \omega = \frac{a^\top b}{\|a\| \|b\|}

    Uniform latents fill a cube, in which a straight line stays; so do those on one line with the origin.

    References:
        | Sampling Generative Networks (White, 2016), section 2
        | https://arxiv.org/abs/1609.04468

    Arguments:
        start: With shape `(R, L)`.
        end: With shape `(R, L)`.
        stops: How many, `K`.
        prior: What latents are drawn from.

    Returns:
        With shape `(R, K, L)`.
    """
    a, b = start[:, None], end[:, None]
    t = torch.linspace(0, 1, stops).to(a)[:, None]
    straight = torch.lerp(a, b, t)
    if prior == "uniform":
        return straight
    cosine = torch.nn.functional.cosine_similarity(a, b, dim=-1).unsqueeze(-1)
    angle = cosine.clamp(-1, 1).acos()
    curved = (((1 - t) * angle).sin() * a + (t * angle).sin() * b) / angle.sin()
    return torch.where(angle.sin() > STRAIGHT, curved, straight)


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
