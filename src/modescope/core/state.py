"""The state of a population: nested dictionaries of tensors whose first dimension is the member."""

__all__ = ["State", "blend", "flat_names", "freeze", "from_flat_names", "with_own"]

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

State = dict[str, Any]


def with_own(player: str, now: State, before: State) -> State:
    """The state before a step, but for one player's own parameters and optimiser."""
    return {**before, **{part: {**before[part], player: now[part][player]} for part in ("flats", "optimizers")}}


def flat_names(tree: Any, prefix: str = "") -> dict[str, Tensor]:
    """A nested dictionary of tensors as one with dotted names."""
    if not isinstance(tree, dict):
        return {prefix: tree.contiguous()}
    return {
        name: leaf
        for key, part in tree.items()
        for name, leaf in flat_names(part, f"{prefix}.{key}" if prefix else key).items()
    }


def from_flat_names(like: Any, named: Mapping[str, Tensor], device: torch.device, prefix: str = "") -> Any:
    """The inverse of :func:`flat_names`, in the shape of `like`."""
    if not isinstance(like, dict):
        return named[prefix].to(device).clone()
    return {
        key: from_flat_names(part, named, device, f"{prefix}.{key}" if prefix else key) for key, part in like.items()
    }


def freeze(after: State, before: State, finite: Tensor) -> State:
    """Keeps members as they were before the step in which they turned NaN or infinite, and ever after."""
    diverged = before["diverged"]
    alive = (diverged < 0) & finite
    kept = {key: blend(alive, after[key], before[key]) for key in after if key not in ("diverged", "clock")}
    now = torch.where((diverged < 0) & ~finite, before["clock"], diverged)
    return {**kept, "clock": before["clock"] + 1, "diverged": now}


def blend(alive: Tensor, after: Any, before: Any) -> Any:
    """`after` where a member is alive, `before` where it is not, through nested dictionaries."""
    if isinstance(after, dict):
        return {key: blend(alive, value, before[key]) for key, value in after.items()}
    return torch.where(alive.view(-1, *[1] * (after.ndim - 1)), after, before)
