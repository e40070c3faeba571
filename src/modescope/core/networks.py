"""What a loss sees of a GAN: its networks as functions, and one batch of randomness."""

__all__ = ["Batch", "Layout", "Networks", "Player", "input_gradient"]

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call, grad

from .errors import need
from .optim import Optimizer

Loss = Callable[["Networks", "Batch"], Tensor]
Pipe = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Player:
    """One side of the game.

    Arguments:
        name: What the player is called; ``"generator"`` takes the generator's learning rate, all others the critic's.
        trains: The roles that its steps change.
        loss: What it descends, for one member.
        steps: How many steps it takes in a step of the game, each on a fresh batch.
    """

    name: str
    trains: tuple[str, ...]
    loss: Loss
    steps: int = 1


@dataclass(frozen=True)
class Batch:
    """All the randomness that a loss may use, drawn outside it.

    Arguments:
        real: Real samples, with shape `(N, D)`.
        z: Latents, with shape `(N, L)`.
        u: Uniforms on [0, 1), with shape `(N,)`.
        noise: Further standard normals that the method asked for with :meth:`Method.noise`.
        memory: The method's own state, from :meth:`Method.memory`.
        progress: The fraction of the run that is done, a scalar in [0, 1).
    """

    real: Tensor
    z: Tensor
    u: Tensor
    noise: Mapping[str, Tensor] = field(default_factory=dict)
    memory: Mapping[str, Tensor] = field(default_factory=dict)
    progress: Tensor = field(default_factory=lambda: torch.zeros(()))


@dataclass(frozen=True)
class Layout:
    """Where each parameter of each role lies in the flat vector of the player that trains it.

    One vector a player makes an optimiser step a handful of tensor operations, whatever the networks.
    """

    modules: Mapping[str, nn.Module]
    owners: Mapping[str, str]
    parts: Mapping[str, tuple[tuple[str, str, torch.Size], ...]]  # player -> (role, parameter, shape) ...

    @classmethod
    def of(cls, modules: Mapping[str, nn.Module], players: tuple[Player, ...]) -> "Layout":
        """The layout of `modules` for `players`, each of whom owns the roles that it trains.

        Raises:
            ModescopeError: If a role is trained by no player, or by two.
        """
        trained = sorted(role for player in players for role in player.trains)
        need(trained == sorted(modules), f"the players train {trained}, expected each of {sorted(modules)} once")
        parts = {
            player.name: tuple(
                (role, name, parameter.shape)
                for role in player.trains
                for name, parameter in modules[role].named_parameters()
            )
            for player in players
        }
        return cls(modules, {role: player.name for player in players for role in player.trains}, parts)

    def flatten(self, modules: Mapping[str, nn.Module]) -> dict[str, Tensor]:
        """The parameters of `modules` as one vector of shape `(P,)` for each player."""
        found = {role: dict(module.named_parameters()) for role, module in modules.items()}
        return {
            player: torch.cat([found[role][name].detach().reshape(-1) for role, name, _ in parts])
            for player, parts in self.parts.items()
        }

    def unflatten(self, player: str, flat: Tensor) -> dict[str, dict[str, Tensor]]:
        """The parameters of the roles that `player` trains, as views of its vector of shape `(P,)`."""
        parts = self.parts[player]
        pieces = flat.split([shape.numel() for _, _, shape in parts])
        views: dict[str, dict[str, Tensor]] = {}
        for (role, name, shape), piece in zip(parts, pieces, strict=True):
            views.setdefault(role, {})[name] = piece.view(shape)
        return views


@dataclass(frozen=True)
class Networks:
    """A read-only view of every network of one GAN: ``nets[role]`` is a function.

    Arguments:
        layout: Where the parameters lie.
        flats: The vector of each player, with shape `(P,)`.
        optimizers: The rule that each player steps by.
        states: The state of each player's optimiser.
        pipes: What the output of a role passes through, for wrappers that change inputs.
    """

    layout: Layout
    flats: Mapping[str, Tensor]
    optimizers: Mapping[str, Optimizer] = field(default_factory=dict)
    states: Mapping[str, Mapping[str, Tensor]] = field(default_factory=dict)
    pipes: Mapping[str, Pipe] = field(default_factory=dict)
    views: Mapping[str, Mapping[str, Tensor]] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        views: dict[str, dict[str, Tensor]] = {}
        for player, flat in self.flats.items():
            views.update(self.layout.unflatten(player, flat))
        object.__setattr__(self, "views", views)

    def __contains__(self, role: str) -> bool:
        return role in self.layout.modules

    def __getitem__(self, role: str) -> Callable[..., Any]:
        module, params, pipe = self.layout.modules[role], dict(self.views[role]), self.pipes.get(role)
        if pipe is None:
            return lambda *x: functional_call(module, params, x)
        return lambda *x: pipe(functional_call(module, params, x))

    def piped(self, role: str, pipe: Pipe) -> "Networks":
        """The same networks, with the output of `role` passed through `pipe`."""
        inner = self.pipes.get(role)
        outer = pipe if inner is None else lambda x: pipe(inner(x))
        return replace(self, pipes={**self.pipes, role: outer})

    def descend(self, player: Player, batch: Batch) -> "Networks":
        """The networks after one more step of `player`, differentiable through the step and its optimiser's state."""
        name = player.name
        slope = grad(lambda flat: player.loss(replace(self, flats={**self.flats, name: flat}), batch))(self.flats[name])
        moved, state = self.optimizers[name].update(slope, dict(self.states[name]), self.flats[name])
        return replace(self, flats={**self.flats, name: moved}, states={**self.states, name: state})


def input_gradient(critic: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    r"""The slope :math:`\nabla_x s(x)` of a critic at each sample, differentiable again.

    Arguments:
        critic: Maps samples, with shape `(N, D)`, to scores, with shape `(N, 1)`.
        x: The samples, with shape `(N, D)`.

    Returns:
        The slopes, with shape `(N, D)`.
    """
    return grad(lambda y: critic(y).sum())(x)
