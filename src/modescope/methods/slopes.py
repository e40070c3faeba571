r"""How steep a critic is: what gradient penalties hold it to, and what to look at where weights are clipped."""

__all__ = ["between", "slope_norms", "square_slope", "steepest_slope"]

from collections.abc import Callable

from torch import Tensor

from ..core import Batch, Networks, input_gradient

Critic = Callable[[Tensor], Tensor]


def slope_norms(critic: Critic, x: Tensor) -> Tensor:
    r"""The norms :math:`\|\nabla s(x)\|_2`, with shape `(N,)`.

    A constant of :math:`10^{-12}` under the root keeps the norm's derivative finite where the slope is 0; it moves a
    slope of 1 by less than rounding.

    Arguments:
        critic: Maps samples, with shape `(N, D)`, to scores, with shape `(N, 1)`.
        x: The samples, with shape `(N, D)`.
    """
    return (input_gradient(critic, x).square().sum(-1) + 1e-12).sqrt()


def square_slope(critic: Critic, x: Tensor) -> Tensor:
    r"""The mean :math:`\mathbb{E} \|\nabla s(x)\|^2`, a scalar.

    Arguments:
        critic: Maps samples, with shape `(N, D)`, to scores, with shape `(N, 1)`.
        x: The samples, with shape `(N, D)`.
    """
    return input_gradient(critic, x).square().sum(-1).mean()


def between(real: Tensor, fake: Tensor, u: Tensor) -> Tensor:
    """A point on the segment from each fake to its real sample, with shape `(N, D)`.

    Arguments:
        real: The ends at 1, with shape `(N, D)`.
        fake: The ends at 0, with shape `(N, D)`.
        u: How far along, with shape `(N,)`.
    """
    along = u.unsqueeze(-1)
    return along * real + (1 - along) * fake


def steepest_slope(nets: Networks, batch: Batch) -> Tensor:
    """The largest norm of the critic's slope found between reals and fakes, a scalar and a bound from below."""
    return slope_norms(nets["discriminator"], between(batch.real, nets["generator"](batch.z), batch.u)).amax()
