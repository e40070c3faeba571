"""How networks compute: with how many bits, with images in which order in memory, and replayed by what."""

__all__ = ["FULL", "CudaGraph", "LossScale", "Numerics", "Precision"]

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.utils._pytree import tree_map_only

from .errors import nearest_name, need

Precision = Literal["full", "bfloat16", "float16"]
Weights = dict[str, Tensor]
Call = Callable[[nn.Module, Weights, tuple[Tensor, ...]], Any]


@dataclass(frozen=True, kw_only=True)
class Numerics:
    """How networks compute.

    Arguments:
        precision: ``full``, or the half precision of matrix products and convolutions where PyTorch's autocast holds it
            to be safe. Parameters, what networks return, losses and optimisers keep all their bits.
        channels_last: Whether convolutions see images with the channels of a pixel side by side in memory.
        cuda_graphs: Whether a step is replayed as one CUDA graph, without the time that its launches take.
    """

    precision: Precision = "full"
    channels_last: bool = False
    cuda_graphs: bool = False

    def check(self, device: str, dtype: str, block: int) -> None:
        """Raises a `ModescopeError` where this makes no sense, with the reason.

        Arguments:
            device: Where networks are trained.
            dtype: Of all numbers.
            block: Members that are trained as one tensor program.
        """
        if self.precision not in get_args(Precision):
            raise nearest_name("precision", self.precision, get_args(Precision))
        need(
            self.precision == "full" or dtype == "float32",
            f"precision is {self.precision!r} with dtype {dtype!r}, expected dtype 'float32' for the parameters",
        )
        need(
            self.precision != "float16" or device == "cuda",
            f"precision is 'float16' on device {device!r}, expected 'cuda', where it is fast: use bfloat16 or full",
        )
        need(
            not self.channels_last or block == 1,
            f"channels_last is for one member at a time, but block is {block}, expected 1",
        )
        need(not self.cuda_graphs or device == "cuda", f"cuda_graphs needs device 'cuda', but device is {device!r}")

    @property
    def scale(self) -> "LossScale | None":
        """How losses are scaled, where gradients of half precision would vanish otherwise."""
        return LossScale() if self.precision == "float16" else None

    def caller(self, device: torch.device) -> Call:
        """How a network is called with parameters of its own."""
        call: Call = functional_call
        if self.channels_last:
            call = with_channels_last(call)
        if self.precision != "full":
            call = with_fewer_bits(call, device.type, getattr(torch, self.precision))
        return call


FULL = Numerics()


def with_channels_last(call: Call) -> Call:
    """The same call, with the weights of convolutions in that order, which what they make takes over."""

    def ordered(module: nn.Module, weights: Weights, x: tuple[Tensor, ...]) -> Any:
        return call(module, {name: in_order(weight) for name, weight in weights.items()}, x)

    return ordered


def in_order(weight: Tensor) -> Tensor:
    """A weight, with the channels last in memory if it is one of a convolution."""
    return weight.contiguous(memory_format=torch.channels_last) if weight.ndim == 4 else weight


def with_fewer_bits(call: Call, device: str, dtype: torch.dtype) -> Call:
    """The same call under autocast, whose result has all its bits again."""

    def lowered(module: nn.Module, weights: Weights, x: tuple[Tensor, ...]) -> Any:
        with torch.autocast(device, dtype, cache_enabled=False):  # a cache would outlive the transforms of functions
            found = call(module, weights, x)
        return tree_map_only(Tensor, lambda out: out.to(next(iter(weights.values())).dtype), found)

    return lowered


@dataclass(frozen=True)
class LossScale:
    """Multiplies a loss so that its gradient is not lost below the smallest number of half precision.

    A step whose gradient is not finite is skipped, and the scale is halved; after `patience` steps without one it is
    doubled.

    References:
        | Mixed Precision Training (Micikevicius et al., 2017), section 3.2; constants as in ``torch.amp.GradScaler``
        | https://arxiv.org/abs/1710.03740

    Note:
        ``GradScaler`` goes on for ever; here a member whose scale has fallen below 1 has diverged.

    Arguments:
        start: The first scale.
        patience: Steps without an overflow after which it is doubled.
    """

    start: float = 2.0**16
    patience: int = 2000

    def init(self, zeros: Tensor) -> dict[str, Tensor]:
        """The scale of each member, and its steps since the last overflow, from a zero for each."""
        return {"scale": zeros + self.start, "calm": zeros}

    def after(self, own: Mapping[str, Tensor], good: Tensor) -> dict[str, Tensor]:
        """What :meth:`init` gave, after a step that was `good` or skipped, a mask with shape `(S)`."""
        calm = torch.where(good, own["calm"] + 1, 0)
        full = calm >= self.patience
        factor = torch.where(good, torch.where(full, 2.0, 1.0), 0.5)
        return {"scale": own["scale"] * factor, "calm": torch.where(full, 0, calm)}


class CudaGraph:
    """Replays tensor operations as one CUDA graph.

    The graph reads and writes memory of its own, so inputs are copied in and results out; the operations must do the
    same whatever their inputs hold, as those of :class:`modescope.core.program.Program` do.

    Arguments:
        function: The operations, from tensors to tensors.
        leaves: Inputs of the shapes that all later ones have.
    """

    def __init__(self, function: Callable[..., list[Tensor]], leaves: Sequence[Tensor]) -> None:
        self.inputs = [leaf.clone() for leaf in leaves]
        side = torch.cuda.Stream()
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):  # libraries set themselves up outside of the graph
            for _ in range(3):
                function(*self.inputs)
        torch.cuda.current_stream().wait_stream(side)
        self.graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self.graph):
            self.outputs = function(*self.inputs)

    def __call__(self, *leaves: Tensor) -> list[Tensor]:
        for own, leaf in zip(self.inputs, leaves, strict=True):
            own.copy_(leaf)
        self.graph.replay()
        return [output.clone() for output in self.outputs]
