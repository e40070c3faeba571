"""What every step reads: each member's batches, and the clock."""

__all__ = ["Batches"]

from typing import Any

import torch
from torch import Tensor

from ..datasets.base import Dataset
from .config import Training
from .noise import Noise
from .optim import learning_rate_factor

AHEAD = 2**22  # numbers of real samples that are mapped from noise at once


class Batches:
    """The batches of a population, made of its members' noise.

    Arguments:
        noise: The members' streams.
        dataset: What maps noise to real samples.
        training: How long the run is, and how rates fall along it.
    """

    def __init__(self, noise: Noise, dataset: Dataset, training: Training) -> None:
        self.noise, self.dataset, self.training = noise, dataset, training

    def take(self, step: int) -> tuple[list[dict[str, Any]], Tensor]:
        """The batches of a step, and its clock: the share of the run, the rates' factor, and the step itself."""
        if self.noise.position == self.noise.steps:
            self.noise.draw()
            self.begin(step)
        at = self.noise.position
        self.noise.position += 1
        return [self.batch(at, index) for index in range(self.noise.batches)], self.clocks[at]

    def begin(self, step: int) -> None:
        """Sets the clocks of the chunk of noise that a step lies in."""
        start = step - self.noise.position
        self.real: tuple[int, Tensor] | None = None
        rows = []
        for each in range(start, start + self.noise.steps):
            progress = min(1.0, each / max(1, self.training.steps))
            rows.append((progress, learning_rate_factor(self.training.schedule, progress), each))
        self.clocks = torch.tensor(rows, dtype=self.noise.dtype).to(self.noise.device)

    def restore(self, state: dict[str, Tensor], step: int) -> None:
        """Goes back to what :meth:`modescope.core.noise.Noise.state` gave before a step."""
        self.noise.restore(state)
        if self.noise.position < self.noise.steps:
            self.begin(step)

    def real_samples(self, at: int) -> Tensor:
        """The real samples of a step of the chunk, with shape `(batches, S, N, D)`.

        They are mapped from noise for as many steps at once as are few numbers: all of a chunk of points in the plane,
        one step of images.
        """
        need, noise = self.noise.need, self.noise
        numbers = noise.batches * len(noise.generators) * need.batch_size * self.dataset.dim
        ahead = max(1, AHEAD // numbers)
        first = at - at % ahead
        if self.real is None or self.real[0] != first:
            rows = slice(first, first + ahead)
            uniform = noise.uniform[0][rows].unflatten(-1, (need.batch_size, need.uniforms))
            normal = noise.normal[0][rows].unflatten(-1, (need.batch_size, need.normals))
            self.real = first, self.dataset.push(uniform, normal)
        return self.real[1][at - first]

    def batch(self, at: int, index: int) -> dict[str, Any]:
        """One batch of every member, each part with shape `(S, N, ...)`."""
        noise, need, place = self.noise, self.noise.need, (at, index)
        z = noise.uniform[2][place] * 2 - 1 if need.uniform_prior else noise.normal[1][place]
        extra = zip(need.extra.items(), noise.normal[2:], strict=True)
        return {
            "real": self.real_samples(at)[index],
            "z": z.unflatten(-1, (need.batch_size, need.latent_dim)),
            "u": noise.uniform[1][place],
            "noise": {name: part[place].reshape(len(noise.generators), *shape) for (name, shape), part in extra},
        }
