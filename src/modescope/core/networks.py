"""What a loss sees of a GAN: its networks as functions, and one batch of randomness."""

__all__ = ["Batch", "Layout", "Networks", "Player", "input_gradient", "without_last"]

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call, grad

from .errors import ModescopeError, need
from .optim import Optimizer

Loss = Callable[["Networks", "Batch"], Tensor]
Pipe = Callable[[Tensor], Tensor]
Weights = Mapping[str, Tensor]
FIXED = "fixed"  # the owner of roles that no player trains


@dataclass(frozen=True)
class Player:
    """One side of the game.

    Arguments:
        name: What the player is called; ``"generator"`` takes the generator's learning rate, all others the critic's.
        trains: The roles that its steps change.
        loss: What it descends, for one member.
        steps: How many steps it takes in a step of the game, each on a fresh batch.
        rate: What multiplies its learning rate.
        moves: Whether it moves at all in a step of the game, from the step's number, a scalar tensor; always if not
            given. WGAN's schedule of critic steps is one.
        project: What the parameters of a role become after each of its steps, e.g. clipped ones.
    """

    name: str
    trains: tuple[str, ...]
    loss: Loss
    steps: int = 1
    rate: float | Tensor = 1.0
    moves: Callable[[Tensor], Tensor] | None = None
    project: Mapping[str, Pipe] = field(default_factory=dict)


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
    parts: Mapping[str, tuple[tuple[str, str, torch.Size], ...]]  # owner -> (role, parameter, shape) ...
    call: Callable[..., Any] = functional_call  # a module with parameters, of inputs

    @classmethod
    def of(cls, modules: Mapping[str, nn.Module], players: tuple[Player, ...], fixed: tuple[str, ...] = ()) -> "Layout":
        """The layout of `modules` for `players`, each of whom owns the roles that it trains.

        Arguments:
            modules: The network of each role.
            players: The players.
            fixed: Roles that keep their initial parameters.

        Raises:
            ModescopeError: If a role is neither fixed nor trained by exactly one player.
        """
        owned = {player.name: player.trains for player in players} | ({FIXED: fixed} if fixed else {})
        trained = sorted(role for roles in owned.values() for role in roles)
        need(trained == sorted(modules), f"the players train {trained}, expected each of {sorted(modules)} once")
        parts = {
            owner: tuple(
                (role, name, parameter.shape) for role in roles for name, parameter in modules[role].named_parameters()
            )
            for owner, roles in owned.items()
        }
        return cls(modules, {role: owner for owner, roles in owned.items() for role in roles}, parts)

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

    def project(self, player: Player, flat: Tensor) -> Tensor:
        """A player's vector of shape `(P,)`, after the projections of its roles."""
        if not player.project:
            return flat
        pieces = flat.split([shape.numel() for _, _, shape in self.parts[player.name]])
        roles = [role for role, _, _ in self.parts[player.name]]
        keep = lambda x: x  # noqa: E731
        return torch.cat([player.project.get(role, keep)(piece) for role, piece in zip(roles, pieces, strict=True)])


@dataclass(frozen=True)
class Networks:
    """A read-only view of every network of one GAN: ``nets[role]`` is a function.

    Arguments:
        layout: Where the parameters lie.
        flats: The vector of each player, with shape `(P,)`.
        optimizers: The rule that each player steps by.
        states: The state of each player's optimiser.
        pipes: What the output of a role passes through, for wrappers that change inputs.
        reweighted: What the parameters of a role pass through before they are used, for wrappers that normalise them.
    """

    layout: Layout
    flats: Mapping[str, Tensor]
    optimizers: Mapping[str, Optimizer] = field(default_factory=dict)
    states: Mapping[str, Mapping[str, Tensor]] = field(default_factory=dict)
    pipes: Mapping[str, Pipe] = field(default_factory=dict)
    reweighted: Mapping[str, Callable[[Weights], Weights]] = field(default_factory=dict)
    views: Mapping[str, Mapping[str, Tensor]] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        views: dict[str, dict[str, Tensor]] = {}
        for player, flat in self.flats.items():
            views.update(self.layout.unflatten(player, flat))
        object.__setattr__(self, "views", views)

    def __contains__(self, role: str) -> bool:
        return role in self.layout.modules

    def __getitem__(self, role: str) -> Callable[..., Any]:
        module, params, pipe = self.layout.modules[role], self.weights(role), self.pipes.get(role)
        call = self.layout.call
        if pipe is None:
            return lambda *x: call(module, params, x)
        return lambda *x: pipe(call(module, params, x))

    def weights(self, role: str) -> dict[str, Tensor]:
        """The parameters that a role's network is called with, by name."""
        params = dict(self.views[role])
        return dict(self.reweighted[role](params)) if role in self.reweighted else params

    def features(self, role: str) -> Callable[[Tensor], Tensor]:
        """A role's last hidden layer as a function: its network without the last layer.

        Raises:
            ModescopeError: If the network is no ``nn.Sequential``, so that its last layer cannot be told.
        """
        body = without_last(self.layout.modules[role], role)
        wanted = dict(body.named_parameters())
        params = {name: value for name, value in self.weights(role).items() if name in wanted}
        return lambda x: self.layout.call(body, params, (x,))

    def piped(self, role: str, pipe: Pipe) -> "Networks":
        """The same networks, with the output of `role` passed through `pipe`."""
        inner = self.pipes.get(role)
        outer = pipe if inner is None else lambda x: pipe(inner(x))
        return replace(self, pipes={**self.pipes, role: outer})

    def normalised(self, role: str, weights: Callable[[Weights], Weights]) -> "Networks":
        """The same networks, with the parameters of `role` passed through `weights` before they are used."""
        inner = self.reweighted.get(role)
        outer = weights if inner is None else lambda params: weights(inner(params))
        return replace(self, reweighted={**self.reweighted, role: outer})

    def descend(self, player: Player, batch: Batch) -> "Networks":
        """The networks after one more step of `player`, differentiable through the step and its optimiser's state."""
        name = player.name
        slope = grad(lambda flat: player.loss(replace(self, flats={**self.flats, name: flat}), batch))(self.flats[name])
        rule = self.optimizers[name].times(player.rate)
        moved, state = rule.update(slope, dict(self.states[name]), self.flats[name])
        moved = self.layout.project(player, moved)
        return replace(self, flats={**self.flats, name: moved}, states={**self.states, name: state})


def without_last(module: nn.Module, role: str) -> nn.Module:
    """A network without its last layer, its parameters named as they were.

    Raises:
        ModescopeError: If the network is no ``nn.Sequential``, so that its last layer cannot be told.
    """
    if not isinstance(module, nn.Sequential):
        raise ModescopeError(
            f"the {role} is a {type(module).__name__}, expected an nn.Sequential, whose last layer is left out"
        )
    return module[:-1]


def input_gradient(critic: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    r"""The slope :math:`\nabla_x s(x)` of a critic at each sample, differentiable again.

    Arguments:
        critic: Maps samples, with shape `(N, D)`, to scores, with shape `(N, 1)`.
        x: The samples, with shape `(N, D)`.

    Returns:
        The slopes, with shape `(N, D)`.
    """
    return grad(lambda y: critic(y).sum())(x)
