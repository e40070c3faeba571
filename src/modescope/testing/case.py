"""A method on a small game, and what the checks look at there."""

__all__ = [
    "Case",
    "distance",
    "expect",
    "field_value",
    "generator",
    "glimpse",
    "leaves",
    "moved",
    "refused",
    "rows",
    "same_bits",
]

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor
from torch.utils._pytree import tree_leaves, tree_map

from ..core.config import Member, Training
from ..core.engine import Population
from ..core.errors import ModescopeError
from ..core.method import Method
from ..core.networks import Batch, Networks
from ..datasets import Dataset, Ring
from ..nets import MLP, Architecture

SMALL = MLP(hidden=(8, 8), activation="tanh")  # smooth, so that a gradient that is zero means that none flows
ONE = (Member(0),)


def small() -> Architecture:
    """Networks that take a millisecond a step."""
    return Architecture(latent_dim=3, generator=SMALL, critic=SMALL, encoder=SMALL)


@dataclass(frozen=True, kw_only=True)
class Case:
    """A method, and the small game in float64 that it is checked on.

    Arguments:
        method: The method.
        dataset: What it learns.
        architecture: Its networks.
        batch_size: Samples in a batch.
        steps: Steps of the check that compares a stack with its members.
        unreached: Parameters that no gradient should reach, e.g. ``discriminator.4.bias`` where only differences of
            scores enter the losses.
        inert: Real-valued fields that change nothing at the other fields' values, e.g. a bound that nothing reaches.
    """

    method: Method
    dataset: Dataset = field(default_factory=Ring)
    architecture: Architecture = field(default_factory=small)
    batch_size: int = 8
    steps: int = 20
    unreached: tuple[str, ...] = ()
    inert: tuple[str, ...] = ()

    def population(
        self,
        steps: int = 0,
        *,
        method: Method | None = None,
        members: Sequence[Member] = ONE,
        recorded: bool = False,
        **training: Any,
    ) -> Population:
        """Members of a population after some steps, which run as they are written unless they should be `recorded`."""
        population = Population(
            method or self.method,
            self.dataset,
            self.architecture.space(*self.dataset.shape),
            Training(**{"steps": 100, "batch_size": self.batch_size, **training}),
            members,
            dtype=torch.float64,
        )
        if not recorded:
            population.play = population.game_step
        population.advance(steps)
        return population


def expect(condition: bool, message: str) -> None:
    """An `AssertionError` unless `condition` holds, also where Python skips ``assert``."""
    if not condition:
        raise AssertionError(message)


def refused(make: Callable[[], object]) -> bool:
    """Whether `make` raises a :class:`ModescopeError`."""
    try:
        make()
    except ModescopeError:
        return True
    return False


def glimpse(case: Case) -> tuple[Networks, Batch]:
    """The networks and the first batch of one member, outside of any population."""
    population = case.population()
    batches, clock = population.batches.take(0)
    state = tree_map(lambda leaf: leaf[0], {part: population.state[part] for part in ("flats", "optimizers", "memory")})
    parts = tree_map(lambda leaf: leaf[0], batches[0])
    _, nets = population.one({}, state["flats"], state["optimizers"], clock)
    return nets, Batch(**parts, memory=state["memory"], progress=clock[0])


def moved(nets: Networks, player: str, flat: Tensor) -> Networks:
    """The networks, with a player's parameters replaced."""
    return Networks(nets.layout, {**nets.flats, player: flat}, nets.optimizers, nets.states)


def leaves(nets: Networks, batch: Batch) -> list[Tensor]:
    """Every tensor that a loss is given."""
    parts = (dict(nets.flats), dict(nets.states), dict(batch.noise), dict(batch.memory))
    return tree_leaves((*parts, batch.real, batch.z, batch.u, batch.progress))


def rows(population: Population, row: int) -> list[Tensor]:
    """One member's part of the state."""
    return [leaf[row] for leaf in tree_leaves(population.state)]


def distance(some: Sequence[Tensor], others: Sequence[Tensor]) -> float:
    """The largest difference between two members; infinite where one is not a number."""
    gaps = [float((a - b).abs().max()) for a, b in zip(some, others, strict=True) if a.numel()]
    return max(gap if gap == gap else float("inf") for gap in gaps)


def same_bits(some: Population, other: Population) -> bool:
    """Whether two populations hold the same numbers."""
    a, b = some.state_dict(), other.state_dict()
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


def generator(population: Population) -> dict[str, Tensor]:
    """The parameters of the first member's generator."""
    owner = population.layout.owners["generator"]
    return population.layout.unflatten(owner, population.state["flats"][owner][0])["generator"]


def field_value(method: Method, path: str) -> float:
    """The value of the field that a path leads to."""
    value: Any = method
    for name in path.split("."):
        value = getattr(value, name)
    return float(value)
