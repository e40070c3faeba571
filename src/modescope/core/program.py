"""A step as a flat list of tensor operations, captured once and replayed."""

__all__ = ["Program"]

import logging
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch._functorch.compile_utils import fx_graph_cse
from torch.fx import GraphModule
from torch.fx.experimental.proxy_tensor import make_fx
from torch.utils._pytree import tree_flatten, tree_unflatten

log = logging.getLogger("modescope")


class Program:
    """Replays a pure function of nested tensors without the Python that wrote it.

    On the first call, ``make_fx`` records which tensor operations the function comes down to once ``vmap`` and ``grad``
    are worked out; common subexpressions are computed once. Replaying them takes a third of the time of running the
    transforms again for small networks, gives the same bits, and is what ``torch.compile`` fuses further.

    Arguments:
        function: A pure function of tensors in nested dictionaries and lists, whose course depends on shapes alone.
        compiled: Whether the operations are fused by ``torch.compile``. Without a working compiler a warning is logged
            and the operations are replayed one by one.
    """

    def __init__(self, function: Callable[..., Any], compiled: bool = False) -> None:
        self.function, self.compiled = function, compiled
        self.replay: Callable[..., list[Tensor]] | None = None
        self.shape_out: Any = None

    def __call__(self, *inputs: Any) -> Any:
        leaves, shape_in = tree_flatten(inputs)
        if self.replay is None:
            self.replay = self.capture(leaves, shape_in)
        return tree_unflatten(self.replay(*leaves), self.shape_out)

    def capture(self, leaves: list[Tensor], shape_in: Any) -> Callable[..., list[Tensor]]:
        """Records the operations, and compiles them where that is asked for and possible."""

        def flat(*leaves: Tensor) -> list[Tensor]:
            out, self.shape_out = tree_flatten(self.function(*tree_unflatten(list(leaves), shape_in)))
            return out

        recorded = make_fx(flat)(*leaves)
        graph = fx_graph_cse(recorded.graph)
        graph.eliminate_dead_code()
        module = GraphModule(recorded, graph)
        if not self.compiled:
            return module.forward
        try:
            fused = torch.compile(module, dynamic=False)
            fused(*leaves)  # compiles; the result is dropped, since the function is pure
        except Exception as error:
            reason = f"{type(error).__name__}: {error}".splitlines()[0][:200]
            log.warning("torch.compile does not work here, so steps run uncompiled, with the same results (%s)", reason)
            return module.forward
        return fused
