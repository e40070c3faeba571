r"""Ways between latents, and what generators make along them."""

__all__ = ["STOPS", "path", "walked"]

import torch
from torch import Tensor

from ..core.engine import COMPANY, Population
from ..core.space import Prior

STOPS = 10  # the images of a walk, its ends among them
STRAIGHT = 1e-4  # of a half turn: latents closer to one line than this are joined by a straight one


def walked(population: Population, rows: int, stops: int = STOPS) -> Tensor:
    """What every member makes on its own ways between latents, which depend on its seed alone.

    Others go along, as many as in a run's samples, so that batch normalisation sees what it is used to.

    Arguments:
        population: The members.
        rows: The number of ways; the first are the same however many there are.
        stops: The samples of each.

    Returns:
        With shape `(S, R, K, D)`.
    """
    z = torch.stack([population.latents(member.seed, 2 * rows + COMPANY, "walks") for member in population.members])
    ends = z[:, : 2 * rows].unflatten(1, (rows, 2))
    ways = torch.stack([path(own[:, 0], own[:, 1], stops, population.drawn.prior) for own in ends])
    made = population.generated(torch.cat([ways.flatten(1, 2), z[:, 2 * rows :]], 1))
    return made[:, : rows * stops].unflatten(1, (rows, stops))


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
