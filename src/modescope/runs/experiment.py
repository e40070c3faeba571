"""All that determines the numbers of a run, and its form on disk."""

__all__ = ["SCHEMA", "Evaluation", "Experiment", "block_for", "first_difference"]

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

import torch

from .. import datasets, methods
from ..core.config import Member, Training, members_of
from ..core.engine import Population
from ..core.errors import ModescopeError, is_whole, nearest_name, need
from ..core.initial import seeded
from ..core.method import Method, need_game
from ..core.numerics import Numerics, Precision
from ..core.parts import need_apart
from ..core.processes import ALONE, Processes
from ..datasets.base import Dataset
from ..nets import MLP, NETWORKS, ROLES, Architecture, NetworkSpec, UserModule

SCHEMA = 2  # of the run folder; a later version must still read it, and 1, which had fewer checksums

Device = Literal["cpu", "cuda", "mps"]
Dtype = Literal["float32", "float64"]


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """How a run is looked at while it trains.

    Arguments:
        every: Steps between two looks; a hundredth of the run if not given.
        samples: Samples of each member in the final file that metrics read.
        look: Samples of each member at a look; as many as `samples` if not given.
        snapshot: Samples of each member that every look keeps, for animations.
        walks: Walks between latents of each member that every look keeps, of ten samples each.
    """

    every: int | None = None
    samples: int = 2500
    look: int | None = None
    snapshot: int = 500
    walks: int = 0

    def __post_init__(self) -> None:
        need(self.every is None or self.every >= 1, f"every is {self.every}, expected at least 1")
        need(self.samples >= 1, f"samples is {self.samples}, expected at least 1")
        need(self.look is None or self.look >= 1, f"look is {self.look}, expected at least 1")
        need(self.snapshot >= 0, f"snapshot is {self.snapshot}, expected at least 0")
        need(self.walks >= 0, f"walks is {self.walks}, expected at least 0")

    @property
    def seen(self) -> int:
        """Samples of each member at a look."""
        return self.look or self.samples

    @property
    def kept(self) -> int:
        """Samples of each member that a look keeps."""
        return min(self.snapshot, self.seen)

    def interval(self, steps: int) -> int:
        """Steps between two looks in a run of `steps`."""
        return self.every or max(1, steps // 100)


@dataclass(frozen=True, kw_only=True)
class Experiment:
    """All that determines the numbers of a run.

    Arguments:
        dataset: What the generator should learn.
        method: The game.
        architecture: The networks.
        training: Optimisers, batch, length.
        seeds: One member for each seed and each combination of swept values.
        sweep: Values of real-valued hyper-parameters, by name.
        evaluation: How it is looked at.
        device: Where it trains.
        dtype: Of all numbers.
        compile: Whether steps are fused by ``torch.compile``.
        precision: Of what networks compute: ``full``, as `dtype` has it, or ``bfloat16`` or ``float16`` where that is
            safe, with parameters and losses of `dtype`.
        channels_last: Whether convolutions see images with the channels of a pixel side by side in memory.
        cuda_graphs: Whether a step is replayed as one CUDA graph.
        block: Members that are trained as one tensor program; blocks run one after the other or in worker processes.
    """

    dataset: Dataset
    method: Method
    architecture: Architecture = field(default_factory=Architecture)
    training: Training = field(default_factory=Training)
    seeds: tuple[int, ...] = (0,)
    sweep: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    evaluation: Evaluation = field(default_factory=Evaluation)
    device: Device = "cpu"
    dtype: Dtype = "float32"
    compile: bool = False
    precision: Precision = "full"
    channels_last: bool = False
    cuda_graphs: bool = False
    block: int = 32

    def __post_init__(self) -> None:
        need(is_whole(self.block, 1), f"block is {self.block!r}, expected a whole number of at least 1")
        for name in ("compile", "channels_last", "cuda_graphs"):
            value = getattr(self, name)
            need(isinstance(value, bool), f"{name} is {value!r}, expected true or false")
        need(self.dtype in ("float32", "float64"), f"dtype is {self.dtype!r}, expected float32 or float64")
        self.numerics.check(self.device, self.dtype, self.block)
        space = self.architecture.space(*self.dataset.shape)
        need_game(self.method, space.over(self.dataset))
        self.method.check(space, self.training.batch_size)
        self.need_apart()  # a user's own network fails here, before a folder is made
        self.members  # noqa: B018 - validates seeds and sweep

    def need_apart(self, processes: Processes = ALONE) -> None:
        """Raises a `ModescopeError` where networks cannot be built, or batches not be taken in the parts asked for."""
        space = self.architecture.space(*self.dataset.shape).over(self.dataset)
        modules = {role: seeded(build, 0, role) for role, build in self.method.networks(space).items()}
        need_apart(self.method, modules, self.training.batch_size, self.training.accumulate * processes.count)

    @cached_property
    def members(self) -> tuple[Member, ...]:
        """Every member, in the order of all results."""
        return members_of(self.method, self.training, self.seeds, self.sweep)

    @property
    def numerics(self) -> Numerics:
        """How networks compute."""
        return Numerics(precision=self.precision, channels_last=self.channels_last, cuda_graphs=self.cuda_graphs)

    @property
    def blocks(self) -> list[tuple[Member, ...]]:
        """The members, in groups that are trained together."""
        return [self.members[i : i + self.block] for i in range(0, len(self.members), self.block)]

    def population(self, block: int, processes: Processes = ALONE) -> Population:
        """The members of one block, before the first step, to be trained by these processes."""
        return Population(
            self.method,
            self.dataset,
            self.architecture.space(*self.dataset.shape),
            self.training,
            self.blocks[block],
            device=available(self.device),
            dtype=getattr(torch, self.dtype),
            compiled=self.compile,
            processes=processes,
            numerics=self.numerics,
        )

    def encode(self) -> dict[str, Any]:
        """As plain data for ``config.json``."""
        fields = {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}
        plain = {
            **fields,
            "dataset": datasets.encode(self.dataset),
            "method": methods.encode(self.method),
            "architecture": encode_architecture(self.architecture),
            "training": dataclasses.asdict(self.training),
            "seeds": list(self.seeds),
            "sweep": {name: list(values) for name, values in self.sweep.items()},
            "evaluation": dataclasses.asdict(self.evaluation),
        }
        found: dict[str, Any] = json.loads(json.dumps(plain, default=lambda number: number.item()))  # NumPy's numbers
        return found

    @classmethod
    def decode(cls, plain: Mapping[str, Any]) -> "Experiment":
        """The inverse of :meth:`encode`.

        Raises:
            ModescopeError: If a part is missing or not valid.
        """
        try:
            return cls(
                **{
                    **plain,
                    "dataset": datasets.decode(plain["dataset"]),
                    "method": methods.decode(plain["method"]),
                    "architecture": decode_architecture(plain["architecture"]),
                    "training": Training(**plain["training"]),
                    "seeds": tuple(plain["seeds"]),
                    "sweep": {name: tuple(values) for name, values in plain["sweep"].items()},
                    "evaluation": Evaluation(**plain["evaluation"]),
                }
            )
        except ModescopeError:
            raise
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            raise ModescopeError(f"the run's config cannot be read: {type(error).__name__}: {error}") from error


def block_for(shape: tuple[int, ...], device: str) -> int:
    """How many members pay to be trained as one tensor program, on samples of `shape`."""
    if len(shape) == 3:
        return 1  # convolutions with weights of several members are slower than one member's after the other's
    return 32 if device == "cpu" else 4096


def available(device: str) -> torch.device:
    """The device, if this machine has it."""
    here = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    names = ", ".join(name for name, there in here.items() if there)
    need(here.get(device, False), f"device is {device!r}, expected one that this machine has: {names}")
    return torch.device(device)


def encode_architecture(architecture: Architecture) -> dict[str, Any]:
    """An architecture as plain data: a user's module is its import path, a network of ours its kind and its fields."""
    plain = {f.name: getattr(architecture, f.name) for f in dataclasses.fields(architecture)}
    return {name: encode_network(value) if name in ROLES else value for name, value in plain.items()}


def encode_network(spec: NetworkSpec) -> str | dict[str, Any]:
    """How a network is built, as plain data; an MLP, the only kind of the first runs, does without its kind."""
    if isinstance(spec, UserModule):
        return spec.path
    kind = {} if isinstance(spec, MLP) else {"network": type(spec).__name__}
    return {**kind, **dataclasses.asdict(spec)}


def decode_architecture(plain: Mapping[str, Any]) -> Architecture:
    """The inverse of :func:`encode_architecture`."""
    fields: dict[str, Any] = {name: decode_network(value) if name in ROLES else value for name, value in plain.items()}
    return Architecture(**fields)


def decode_network(plain: str | Mapping[str, Any]) -> NetworkSpec:
    """The inverse of :func:`encode_network`."""
    if isinstance(plain, str):
        return UserModule(plain)
    fields: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in plain.items()}
    kind = fields.pop("network", "MLP")
    if kind not in NETWORKS:
        raise nearest_name("network", kind, NETWORKS)
    return NETWORKS[kind](**fields)


def first_difference(old: Any, new: Any, path: str = "") -> str | None:
    """Where two configurations first differ, as a sentence's end, or None."""
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for key in [*old, *(key for key in new if key not in old)]:
            here = f"{path}.{key}" if path else str(key)
            if key not in new or key not in old:
                return f"{here} is {'missing' if key not in new else 'new'}"
            found = first_difference(old[key], new[key], here)
            if found:
                return found
        return None
    return None if old == new else f"{path} was {old!r} and is now {new!r}"
