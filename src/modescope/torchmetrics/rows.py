"""Rows of many processes and batches: gathered, numbered at random, and put in an order that is theirs alone."""

__all__ = ["gather", "random_keys", "settled"]

from functools import reduce

import numpy as np
import torch
import torch.distributed as dist
from torch import Tensor

from ..metrics.sets import shuffled
from .imported import gather_all_tensors

DTYPES = (torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.int64)  # of states
DIMS = 8  # of a state at most


def gather(state: Tensor, group: dist.ProcessGroup | None = None) -> list[Tensor]:
    """A state of every process; a process that has seen no sample gives no rows, and need not know their shape.

    The library's own function, called at the end, waits forever or fails where dtypes or numbers of dimensions differ.
    """
    about = torch.zeros(DIMS + 2, dtype=torch.int64, device=state.device)
    about[: state.ndim + 2] = torch.tensor([DTYPES.index(state.dtype), state.ndim, *state.shape])
    everyone = [torch.zeros_like(about) for _ in range(dist.get_world_size(group))]
    dist.all_gather(everyone, about, group=group)
    filled = [told.tolist() for told in everyone if told[1] > 0 and told[2] > 0]
    if filled:
        dtype = reduce(torch.promote_types, (DTYPES[kind] for kind, *_ in filled))
        _, dims, _, *row = filled[0]
        state = state.to(dtype) if state.numel() else torch.empty(0, *row[: dims - 1], dtype=dtype, device=state.device)
    found: list[Tensor] = gather_all_tensors(state, group)
    return found


def random_keys(seed: int, first: int, count: int) -> Tensor:
    """Numbers in [0, 1) for samples `first`, `first + 1`, ... of this process: the same however they are batched."""
    rank = dist.get_rank() if dist.is_available() and dist.is_initialized() else 0
    stream = np.random.PCG64([seed, rank]).advance(first)
    return torch.from_numpy(np.random.Generator(stream).random(count))


def settled(x: Tensor, generator: torch.Generator) -> Tensor:
    """The rows in a random order that depends on them and on `generator`, not on the order they came in."""
    if len(x) == 0:
        return x
    place = x.flatten(1).unique(dim=0, return_inverse=True)[1]
    return shuffled(x[place.argsort(stable=True)], generator)
