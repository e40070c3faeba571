r"""PacGAN: a discriminator that sees several samples at once."""

__all__ = ["PacGAN"]

from dataclasses import dataclass, field, replace
from typing import ClassVar

from torch import Tensor

from ..core import Batch, Builder, Method, Networks, Player, Space, Wrapper
from ..core.errors import need
from ..core.method import Changes
from ..core.networks import Loss
from .composition import need_fit
from .gan import GAN


@dataclass(frozen=True, kw_only=True)
class PacGAN(Wrapper):
    r"""Shows the discriminator packs of samples, all real or all fake, so that missing variety shows.

    The discriminator scores :math:`m` samples joined along their features, :math:`D(x_1, \dots, x_m)`; nothing else of
    `base` changes. Mode collapse separates the product distributions :math:`p^m` and :math:`q^m` more than :math:`p`
    and :math:`q`.

    References:
        | PacGAN: The power of two samples in generative adversarial networks (Lin et al., 2017), section 2
        | https://arxiv.org/abs/1712.04086

    Note:
        The batch size counts samples, so the discriminator sees `batch_size / degree` packs. Methods whose
        losses compare more than packs of samples (ALI, VEEGAN, a bound on the density of single samples) are refused.
        For ALI and VEEGAN one could join pairs of a sample and a latent instead, but within the critic, after the pairs
        are made: what their encoders are given, and learn from, must stay single samples.

    Arguments:
        base: The method whose discriminator is packed.
        degree: The number of samples in a pack, :math:`m`.
    """

    pointwise: ClassVar[bool] = True
    changes: ClassVar[Changes] = "inputs"
    summary: ClassVar[str] = "The discriminator sees several samples at once, so that missing variety shows"
    reference: ClassVar[str] = (
        "PacGAN: The power of two samples in generative adversarial networks (Lin et al., 2017), "
        "https://arxiv.org/abs/1712.04086"
    )
    year: ClassVar[int | None] = 2017

    base: Method = field(default_factory=GAN)
    degree: int = 2

    def __post_init__(self) -> None:
        super().__post_init__()
        good = isinstance(self.degree, int) and self.degree >= 1
        need(good, f"degree is {self.degree!r}, expected a whole number of at least 1")
        need_fit(self, lambda method: method.packable, "its losses compare more than packs of samples")

    @property
    def at_once(self) -> int:
        return self.degree * self.base.at_once

    def check(self, space: Space, batch_size: int) -> None:
        need(
            batch_size % self.degree == 0,
            f"batch_size is {batch_size}, expected a multiple of PacGAN's degree {self.degree}",
        )
        self.base.check(space.packed(self.degree), batch_size // self.degree)

    def networks(self, space: Space) -> dict[str, Builder]:
        return self.base.networks(space.packed(self.degree))

    def noise(self, space: Space, batch_size: int) -> dict[str, tuple[int, ...]]:
        return self.base.noise(space.packed(self.degree), batch_size // self.degree)

    def players(self) -> tuple[Player, ...]:
        return tuple(replace(player, loss=self.packed(player.loss)) for player in self.base.players())

    def remember(self, nets: Networks, batch: Batch) -> dict[str, Tensor]:
        return self.base.remember(*self.packs(nets, batch))

    def observe(self, nets: Networks, batch: Batch) -> dict[str, Tensor]:
        return self.base.observe(*self.packs(nets, batch))

    def packed(self, loss: Loss) -> Loss:
        """The same loss on packs."""
        return lambda nets, batch: loss(*self.packs(nets, batch))

    def packs(self, nets: Networks, batch: Batch) -> tuple[Networks, Batch]:
        """The networks and the batch as a loss of `base` should see them."""
        rows = batch.u.shape[0] // self.degree
        return nets.piped("generator", self.pack), replace(batch, real=self.pack(batch.real), u=batch.u[:rows])

    def pack(self, x: Tensor) -> Tensor:
        """Joins samples, `(N, D)` to `(N / degree, degree * D)`."""
        return x.unflatten(0, (-1, self.degree)).flatten(1)
