"""A batch taken in parts: one after the other, so that less memory is needed, or by processes side by side."""

__all__ = ["InParts", "Parts", "need_apart", "over_batch"]

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from .errors import need
from .method import Method, holds, layers
from .processes import Processes
from .program import Program
from .space import Space

Slopes = Callable[..., tuple[Tensor, Tensor]]


@dataclass(frozen=True)
class Parts:
    r"""How a batch comes apart.

    Where a loss is a mean over :math:`N` samples, each with its own latent and noise, its slope on a batch is the mean
    of its slopes on :math:`P` parts of :math:`N / P` samples,
    :math:`\nabla L = \frac1P \sum_p \nabla L_p`, up to rounding.

    Arguments:
        count: The number of parts, :math:`P`.
        rows: The samples of a part, :math:`N / P`.
        at_once: The samples that a term of a loss reads; see :attr:`modescope.core.Method.at_once`.
        axes: Which axis of each of the method's own noises runs over the batch; none of a noise that all samples share.
    """

    count: int
    rows: int
    at_once: int
    axes: Mapping[str, int | None]

    @classmethod
    def of(cls, method: Method, space: Space, batch_size: int, count: int) -> "Parts":
        """How the batches of a method come in so many parts."""
        rows = batch_size // count
        whole, part = method.noise(space, batch_size), method.noise(space, rows)
        return cls(count, rows, method.at_once, {name: differing(whole[name], part[name]) for name in whole})

    def take(self, batch: Mapping[str, Any], part: int) -> dict[str, Any]:
        """One part of a batch whose tensors have the shape `(S, N, ...)`."""
        start = part * self.rows
        return {
            "real": batch["real"].narrow(1, start, self.rows),
            "z": batch["z"].narrow(1, start, self.rows),
            # A pack takes one uniform, and packs take the first of them.
            "u": batch["u"].narrow(1, start // self.at_once, self.rows),
            "noise": {name: self.noise(name, value, part) for name, value in batch["noise"].items()},
        }

    def noise(self, name: str, value: Tensor, part: int) -> Tensor:
        """One part of a method's own noise."""
        axis = self.axes[name]
        return value if axis is None else value.tensor_split(self.count, axis + 1)[part]


class InParts:
    """The slopes of a batch as the mean of those of its parts.

    One part's operations are recorded and replayed part by part, so that what one part left in memory is gone before
    the next.

    Arguments:
        slopes: Gives the gradient `(S, P)` and the loss `(S)` of a player, by its index, on a batch.
        players: The number of players.
        parts: How batches come apart.
        processes: Who takes which parts.
        program: How a part's operations are replayed.
    """

    def __init__(
        self, slopes: Slopes, players: int, parts: Parts, processes: Processes, program: Callable[..., Program]
    ) -> None:
        self.programs = [program(partial(slopes, index)) for index in range(players)]
        self.parts, self.processes = parts, processes
        share = parts.count // processes.count
        self.own = range(processes.rank * share, (processes.rank + 1) * share)

    def __call__(self, index: int, state: Any, batch: Mapping[str, Any], clock: Tensor) -> tuple[Tensor, Tensor]:
        """The gradient `(S, P)` and the loss `(S)` of every member's player."""
        total = None
        for part in self.own:
            grads, losses = self.programs[index](state, self.parts.take(batch, part), clock)
            found = torch.cat([grads, losses[:, None]], -1)  # one tensor to send
            total = found if total is None else total + found
        assert total is not None
        mean = self.processes.total(total) / self.parts.count
        return mean[:, :-1], mean[:, -1]


def need_apart(method: Method, modules: Mapping[str, nn.Module], batch_size: int, count: int) -> None:
    """Refuses to take batches in `count` parts where that is not the same game, with the reason."""
    if count == 1:
        return
    unit = count * method.at_once
    why = f"{count} parts (accumulate times processes)" + (
        f" of packs of {method.at_once}" if method.at_once > 1 else ""
    )
    need(batch_size % unit == 0, f"batch_size is {batch_size}, expected a multiple of {unit} to be taken in {why}")
    odd = [type(layer).__name__ for layer in layers(method) if not holds(layer, "pointwise")]
    need(
        not odd,
        f"a batch cannot be taken in parts with {odd[-1] if odd else ''}: it does not state that its losses are means "
        "over samples (pointwise); use accumulate 1 and one process",
    )
    for role, module in modules.items():
        kind = over_batch(module)
        need(
            kind is None,
            f"a batch cannot be taken in parts, since the {role} has a {kind}, which mixes the samples of a batch; "
            "use accumulate 1 and one process, or networks without it, e.g. architecture 'resnet-small'",
        )


def over_batch(module: nn.Module) -> str | None:
    """The kind of a layer of a network that mixes samples, if there is one; a layer says so by `over_batch`."""
    for part in module.modules():
        if getattr(part, "over_batch", False) or isinstance(part, nn.modules.batchnorm._BatchNorm):
            return type(part).__name__
    return None


def differing(whole: tuple[int, ...], part: tuple[int, ...]) -> int | None:
    """The axis in which two shapes differ, if any."""
    return next((axis for axis, (a, b) in enumerate(zip(whole, part, strict=True)) if a != b), None)
