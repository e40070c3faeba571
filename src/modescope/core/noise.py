"""The randomness of a population: one stream for each member, drawn in chunks."""

__all__ = ["Need", "Noise", "seed_of"]

import hashlib
from dataclasses import dataclass
from functools import cached_property
from math import prod

import torch
from torch import Tensor

CHUNK_NUMBERS = 2**18  # numbers that a member draws at once; fixed, since the chunk shapes the stream
CHUNK_STEPS = 64


def seed_of(*parts: object) -> int:
    """A seed that depends on every part and on nothing else, e.g. ``seed_of(7, "generator")``."""
    digest = hashlib.sha256("/".join(map(str, parts)).encode()).digest()
    return int.from_bytes(digest[:4], "little")


@dataclass(frozen=True)
class Need:
    """What one member draws for one batch.

    Arguments:
        batch_size: The number of samples, `N`.
        uniforms: Uniforms that a real sample takes, `U`.
        normals: Normals that a real sample takes, `K`.
        latent_dim: The number of coordinates of a latent, `L`.
        uniform_prior: Whether latents are uniform on (-1, 1) rather than standard normal.
        extra: The shapes of further normals, by name.
    """

    batch_size: int
    uniforms: int
    normals: int
    latent_dim: int
    uniform_prior: bool
    extra: dict[str, tuple[int, ...]]

    @cached_property
    def uniform_sizes(self) -> list[int]:
        """Numbers on [0, 1): for the real samples, for ``batch.u``, and for uniform latents."""
        latents = self.latent_dim if self.uniform_prior else 0
        return [self.batch_size * k for k in (self.uniforms, 1, latents)]

    @cached_property
    def normal_sizes(self) -> list[int]:
        """Standard normal numbers: for the real samples, for the latents, and for each extra."""
        latents = 0 if self.uniform_prior else self.latent_dim
        return [self.batch_size * self.normals, self.batch_size * latents, *map(prod, self.extra.values())]

    def chunk(self, batches: int) -> int:
        """How many steps of `batches` batches are drawn at once."""
        numbers = batches * (sum(self.uniform_sizes) + sum(self.normal_sizes))
        return max(1, min(CHUNK_STEPS, CHUNK_NUMBERS // numbers))


class Noise:
    """The streams of a population.

    A chunk is drawn member by member from the member's own generator, so a member's numbers do not depend on its
    company; and its length depends on the problem alone, so they do not depend on when a run was stopped.

    Arguments:
        seeds: The seed of each member.
        need: What a member draws for one batch.
        batches: The number of batches in a step.
        dtype: Of the numbers.
        device: Where they are drawn.
    """

    def __init__(self, seeds: list[int], need: Need, batches: int, dtype: torch.dtype, device: torch.device) -> None:
        self.need, self.batches, self.dtype, self.device = need, batches, dtype, device
        self.steps = need.chunk(batches)
        self.generators = [torch.Generator(device).manual_seed(seed_of(seed, "stream")) for seed in seeds]
        self.before = self.generator_states()
        self.uniform: tuple[Tensor, ...] = ()
        self.normal: tuple[Tensor, ...] = ()
        self.position = self.steps  # within the chunk; at its end, the next chunk is drawn first

    def generator_states(self) -> Tensor:
        """The state of every stream, with shape `(S, bytes)`."""
        return torch.stack([generator.get_state() for generator in self.generators])

    def draw(self) -> None:
        """Draws the next chunk, each part with shape `(steps, batches, S, size)`."""
        self.before = self.generator_states()
        flat = (self.steps, self.batches, sum(self.need.uniform_sizes))
        bell = (self.steps, self.batches, sum(self.need.normal_sizes))
        uniform, normal = [], []
        for generator in self.generators:
            uniform.append(torch.rand(flat, generator=generator, dtype=self.dtype, device=self.device))
            normal.append(torch.randn(bell, generator=generator, dtype=self.dtype, device=self.device))
        self.uniform = torch.stack(uniform, 2).split(self.need.uniform_sizes, -1)
        self.normal = torch.stack(normal, 2).split(self.need.normal_sizes, -1)
        self.position = 0

    def state(self) -> dict[str, Tensor]:
        """What a checkpoint holds: the streams before this chunk, and the place within it."""
        spent = self.position == self.steps
        return {"streams": self.generator_states() if spent else self.before, "position": torch.tensor(self.position)}

    def restore(self, state: dict[str, Tensor]) -> None:
        """Goes back to a state, drawing its chunk again."""
        for generator, bits in zip(self.generators, state["streams"], strict=True):
            generator.set_state(bits.cpu().clone())
        self.before = state["streams"].clone()
        position = int(state["position"])
        if position < self.steps:
            self.draw()
        self.position = position
