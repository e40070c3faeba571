"""A critic that is an autoencoder, shared by methods that look at what it reconstructs."""

__all__ = ["Autoencoding"]

from dataclasses import dataclass
from functools import partial
from typing import ClassVar

from torch import Tensor

from ..core import Builder, Networks, Player, Space, TwoPlayer
from ..core.errors import need
from ..core.method import Changes


@dataclass(frozen=True, kw_only=True)
class Autoencoding(TwoPlayer):
    """A generator against an autoencoder; the encoder is built as a critic is, the decoder as a generator.

    Arguments:
        critic_steps: Steps of the autoencoder before each generator step.
        code_dim: The number of coordinates of a code.
    """

    changes: ClassVar[Changes] = "critic"

    code_dim: int = 8

    def __post_init__(self) -> None:
        super().__post_init__()
        good = isinstance(self.code_dim, int) and self.code_dim >= 1
        need(good, f"code_dim is {self.code_dim!r}, expected a whole number of at least 1")

    @property
    def critics(self) -> tuple[str, ...]:
        return ()  # neither role alone scores a sample

    def networks(self, space: Space) -> dict[str, Builder]:
        return {
            "generator": space.generator,
            "encoder": partial(space.critic, self.code_dim),
            "decoder": partial(space.decoder, self.code_dim),
        }

    def players(self) -> tuple[Player, ...]:
        return (
            Player("discriminator", ("encoder", "decoder"), self.discriminator_loss, self.critic_steps),
            Player("generator", ("generator",), self.generator_loss),
        )

    def residual(self, nets: Networks, x: Tensor) -> Tensor:
        """What the autoencoder leaves of samples, with shape `(N, D)`."""
        return nets["decoder"](nets["encoder"](x)) - x
