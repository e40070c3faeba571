"""A step as a flat list of tensor operations, captured once and replayed."""

__all__ = ["Program"]

import logging
import operator
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.fx import Graph, GraphModule, Node
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_flatten, tree_map_only, tree_unflatten

from .errors import ModescopeError
from .numerics import CudaGraph

log = logging.getLogger("modescope")


class Program:
    """Replays a pure function of nested tensors without the Python that wrote it.

    On the first call, it is recorded which tensor operations the function comes down to once ``vmap`` and ``grad`` are
    worked out; common subexpressions are computed once. Replaying them takes a third of the time of running the
    transforms again for small networks, gives the same bits, and is what ``torch.compile`` fuses further.

    Arguments:
        function: A pure function of tensors in nested dictionaries and lists, whose course depends on shapes alone.
        compiled: Whether the operations are fused by ``torch.compile``. Without a working compiler a warning is logged
            and the operations are replayed one by one.
        graphed: Whether they are replayed as one CUDA graph.
    """

    def __init__(self, function: Callable[..., Any], compiled: bool = False, graphed: bool = False) -> None:
        self.function, self.compiled, self.graphed = function, compiled, graphed
        self.replay: Callable[..., list[Tensor]] | None = None
        self.shape_out: Any = None

    def __call__(self, *inputs: Any) -> Any:
        leaves, shape_in = tree_flatten(inputs)
        if self.replay is None:
            self.replay = self.capture(leaves, shape_in)
        return tree_unflatten(self.replay(*leaves), self.shape_out)

    def capture(self, leaves: list[Tensor], shape_in: Any) -> Callable[..., list[Tensor]]:
        """Records the operations, and makes of them what is asked for."""
        with Recorder(leaves) as recorder:
            out, self.shape_out = tree_flatten(self.function(*tree_unflatten(leaves, shape_in)))
        module = recorder.module(out)
        replay = fused(module, leaves) if self.compiled else module.forward
        return CudaGraph(replay, leaves) if self.graphed else replay


class Recorder(TorchDispatchMode):
    """Writes every tensor operation into a graph, as ``make_fx`` does, in a tenth of its time.

    Arguments:
        inputs: The tensors that stand for the graph's inputs; all others that were not made here are constants.
    """

    def __init__(self, inputs: Sequence[Tensor]) -> None:
        super().__init__()
        self.graph, self.root = Graph(), nn.Module()
        self.nodes: dict[int, Node] = {}
        self.alive: list[Tensor] = []  # an id is unique among the living
        for index, tensor in enumerate(inputs):
            self.keep(tensor, self.graph.placeholder(f"input_{index}"))

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func is torch.ops.aten._local_scalar_dense.default:
            raise ModescopeError("a step reads the value of a tensor, on which its course must not depend")
        written = tree_map_only(Tensor, self.node, (args, kwargs or {}))
        out = func(*args, **(kwargs or {}))
        node = self.graph.call_function(func, *written)
        if isinstance(out, Tensor):
            self.keep(out, node)
        else:
            for index, part in enumerate(out):
                if isinstance(part, Tensor):
                    self.keep(part, self.graph.call_function(operator.getitem, (node, index)))
        return out

    def keep(self, tensor: Tensor, node: Node) -> None:
        """Remembers which node a tensor stands for."""
        self.nodes[id(tensor)] = node
        self.alive.append(tensor)

    def node(self, tensor: Tensor) -> Node:
        """The node that a tensor stands for; a new constant if it was made elsewhere."""
        if id(tensor) not in self.nodes:
            name = f"constant_{len(self.alive)}"
            self.root.register_buffer(name, tensor)
            self.keep(tensor, self.graph.get_attr(name))
        return self.nodes[id(tensor)]

    def module(self, out: Sequence[Tensor]) -> GraphModule:
        """What was recorded, as a module from the inputs to `out`."""
        self.graph.output([self.node(tensor) for tensor in out])
        share(self.graph)
        self.graph.eliminate_dead_code()
        return GraphModule(self.root, self.graph)


def share(graph: Graph) -> None:
    """Computes common subexpressions once; not where memory is written to, since equal tensors may then part ways."""
    calls = [node for node in graph.nodes if node.op == "call_function"]
    if any(node.target is not operator.getitem and node.target._schema.is_mutable for node in calls):
        return
    known: dict[Any, Node] = {}
    for node in calls:
        if torch.Tag.nondeterministic_seeded in getattr(node.target, "tags", ()):
            continue  # two draws are not one
        leaves, shape = tree_flatten((node.args, node.kwargs))
        key = (
            node.target,
            str(shape),
            tuple((type(leaf), repr(leaf) if isinstance(leaf, float) else leaf) for leaf in leaves),
        )
        first = known.setdefault(key, node)
        if first is not node:
            node.replace_all_uses_with(first)
            graph.erase_node(node)


def fused(module: GraphModule, leaves: Sequence[Tensor]) -> Callable[..., list[Tensor]]:
    """The operations compiled, or as they are where that is not possible."""
    try:
        compiled: Callable[..., list[Tensor]] = torch.compile(module, dynamic=False)
        compiled(*leaves)  # compiles; the result is dropped, since the function is pure
    except Exception as error:
        reason = f"{type(error).__name__}: {error}".splitlines()[0][:200]
        log.warning("torch.compile does not work here, so steps run uncompiled, with the same results (%s)", reason)
        return module.forward
    return compiled
