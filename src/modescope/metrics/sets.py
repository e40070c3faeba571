"""What measures that split and shuffle sets of samples `(N, D)` share."""

__all__ = ["balanced", "check_sets", "random_subset", "shuffled"]

import torch
from torch import Tensor

from ..core.errors import need
from .neighbours import check_points


def check_sets(real: Tensor, fake: Tensor) -> None:
    """Raises a ModescopeError unless both are finite sets, with as many coordinates, on one device."""
    check_points("real", real)
    check_points("fake", fake, real.shape[1])
    need(real.device == fake.device, f"real is on {real.device} but fake on {fake.device}, expected the same device")


def random_subset(x: Tensor, size: int, generator: torch.Generator) -> Tensor:
    """`size` different rows of `x` (all, if there are fewer), in a random order."""
    order = torch.randperm(len(x), generator=generator, device=generator.device)
    return x[order[:size].to(x.device)]


def shuffled(x: Tensor, generator: torch.Generator) -> Tensor:
    """The rows of `x` in a random order."""
    return random_subset(x, len(x), generator)


def balanced(real: Tensor, fake: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Both sets in a random order, the larger one cut to the size of the smaller."""
    size = min(len(real), len(fake))
    return random_subset(real, size, generator), random_subset(fake, size, generator)
