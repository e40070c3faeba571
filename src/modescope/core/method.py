"""The contract of a remedy: which networks play, and what each player descends."""

__all__ = [
    "CHANGES",
    "Changes",
    "Method",
    "OnePlayer",
    "TwoPlayer",
    "Wrapper",
    "float_fields",
    "holds",
    "layers",
    "need_game",
]

import abc
import copy
import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from numbers import Integral
from typing import Any, ClassVar, Literal, Self, get_args

from torch import Tensor, nn

from .errors import need
from .networks import Batch, Networks, Player
from .space import Builder, Space

Changes = Literal["objective", "critic", "latents", "inputs", "update rule", "extra networks"]
CHANGES: tuple[Changes, ...] = get_args(Changes)


@dataclass(frozen=True, kw_only=True)
class Method(abc.ABC):
    """A remedy (or the plain GAN) as a game.

    A subclass is a frozen dataclass of hyper-parameters. Its losses are pure, written for ONE member, return a scalar
    and read like its paper: they never detach, step, draw noise, or know how many members there are. The engine freezes
    the roles that a player does not train, maps the loss over the population, and takes the step.

    `training` holds the training settings that the method's paper needs (e.g. Adam without momentum); a data set's
    preset and the user's own settings go before it. `changes` says what it changes of the plain GAN, for lists.

    Three facts tell others what they may rely on: `logistic`, that the discriminator descends the plain logistic loss
    of single samples; `separable`, that the generator's loss reads scores only as a mean of a function of each; and
    `pointwise`, that every loss is a mean over samples (over packs, where they come so), each with its own latent and
    noise, so that a batch can be taken in parts. A wrapper has them if it leaves them as they are. A subclass does not
    inherit them, since its losses may differ.
    """

    logistic: ClassVar[bool] = False
    separable: ClassVar[bool] = False
    pointwise: ClassVar[bool] = False
    training: ClassVar[Mapping[str, Any]] = {}
    changes: ClassVar[Changes] = "objective"
    summary: ClassVar[str] = ""
    reference: ClassVar[str] = ""
    year: ClassVar[int | None] = None

    @property
    def packable(self) -> bool:
        """Whether the critic sees samples and nothing else, so that packing samples is defined."""
        return True

    @property
    def at_once(self) -> int:
        """How many samples, one after the other in a batch, its critics see at once."""
        return 1

    def settings(self) -> Mapping[str, Any]:
        """The training settings that the method's paper needs."""
        return self.training

    def latents(self, space: Space) -> Space:
        """The space as its latents are drawn, with another `latent_dim` or `prior` where the method shapes its own."""
        return space

    @property
    def fixed(self) -> tuple[str, ...]:
        """The roles that keep their initial parameters, which no player trains."""
        return ()

    @property
    def critics(self) -> tuple[str, ...]:
        """The roles that score samples and nothing else; stabilisers of critics act on these."""
        return ("discriminator",)

    @property
    def gradient_steps(self) -> int:
        """How many gradients a step of the game takes, over all players: what it costs, whatever its networks."""
        return sum(player.steps for player in players_of(self))

    @abc.abstractmethod
    def networks(self, space: Space) -> dict[str, Builder]:
        """What builds the network of each role, e.g. ``{"generator": space.generator}``."""

    @abc.abstractmethod
    def players(self) -> tuple[Player, ...]:
        """The players, in the order in which they step. Every role that is not `fixed` is trained by exactly one."""

    @abc.abstractmethod
    def sample(self, nets: Networks, z: Tensor) -> Tensor:
        """Samples `(N, D)` from latents `(N, L)`."""

    def noise(self, space: Space, batch_size: int) -> dict[str, tuple[int, ...]]:
        """The shapes of further standard normals that the losses read from ``batch.noise``."""
        return {}

    def memory(self, nets: Networks) -> dict[str, Tensor]:
        """The method's own state before the first step, e.g. BEGAN's balance, or an average of parameters."""
        return {}

    def remember(self, nets: Networks, batch: Batch) -> dict[str, Tensor]:
        """The method's own state after a step; the same keys and shapes as :meth:`memory`."""
        return dict(batch.memory)

    def observe(self, nets: Networks, batch: Batch) -> dict[str, Tensor]:
        """Scalars to record along training, e.g. the critic's mean score on reals and on fakes."""
        return {}

    def check(self, space: Space, batch_size: int) -> None:
        """Raises a `ModescopeError` where the method cannot run on `space` with this batch size."""

    def bind(self, values: Mapping[str, Tensor | float]) -> Self:
        """The method with some hyper-parameters replaced, by tensors too, without validation.

        Arguments:
            values: New values by path; ``base.pi`` is the field `pi` of the method that a wrapper wraps.
        """
        bound = copy.copy(self)
        nested: dict[str, dict[str, Tensor | float]] = {}
        for path, value in values.items():
            name, _, rest = path.partition(".")
            if rest:
                nested.setdefault(name, {})[rest] = value
            else:
                object.__setattr__(bound, name, value)
        for name, inner in nested.items():
            object.__setattr__(bound, name, getattr(self, name).bind(inner))
        return bound


@dataclass(frozen=True, kw_only=True)
class OnePlayer(Method):
    """A generator that is compared with the data itself, by no critic."""

    @property
    def critics(self) -> tuple[str, ...]:
        return ()

    @abc.abstractmethod
    def generator_loss(self, nets: Networks, batch: Batch) -> Tensor:
        """What the generator descends."""

    def networks(self, space: Space) -> dict[str, Builder]:
        return {"generator": space.generator}

    def players(self) -> tuple[Player, ...]:
        return (Player("generator", ("generator",), self.generator_loss),)

    def sample(self, nets: Networks, z: Tensor) -> Tensor:
        return nets["generator"](z)


@dataclass(frozen=True, kw_only=True)
class TwoPlayer(Method):
    """A generator against one discriminator, the shape of most remedies.

    Arguments:
        critic_steps: Discriminator steps before each generator step.
    """

    critic_steps: int = 1

    def __post_init__(self) -> None:
        whole = isinstance(self.critic_steps, Integral) and self.critic_steps >= 1
        need(whole, f"critic_steps is {self.critic_steps!r}, expected a whole number of at least 1")

    @abc.abstractmethod
    def discriminator_loss(self, nets: Networks, batch: Batch) -> Tensor:
        """What the discriminator descends."""

    @abc.abstractmethod
    def generator_loss(self, nets: Networks, batch: Batch) -> Tensor:
        """What the generator descends."""

    def networks(self, space: Space) -> dict[str, Builder]:
        return {"generator": space.generator, "discriminator": space.critic}

    def players(self) -> tuple[Player, ...]:
        return (
            Player("discriminator", ("discriminator",), self.discriminator_loss, self.critic_steps),
            Player("generator", ("generator",), self.generator_loss),
        )

    def sample(self, nets: Networks, z: Tensor) -> Tensor:
        return nets["generator"](z)

    def observe(self, nets: Networks, batch: Batch) -> dict[str, Tensor]:
        G, D = nets["generator"], nets["discriminator"]
        return {"critic_real": D(batch.real).mean(), "critic_fake": D(G(batch.z)).mean()}


@dataclass(frozen=True, kw_only=True)
class Wrapper(Method):
    """A method that changes another, `base`, and forwards to it all that it does not change."""

    base: Method

    def __post_init__(self) -> None:
        need(isinstance(self.base, Method), f"base is {self.base!r}, expected a method such as GAN()")

    @property
    def packable(self) -> bool:
        return self.base.packable

    @property
    def at_once(self) -> int:
        return self.base.at_once

    def settings(self) -> Mapping[str, Any]:
        return {**self.base.settings(), **self.training}

    def latents(self, space: Space) -> Space:
        return self.base.latents(space)

    @property
    def fixed(self) -> tuple[str, ...]:
        return self.base.fixed

    @property
    def critics(self) -> tuple[str, ...]:
        return self.base.critics

    @property
    def gradient_steps(self) -> int:
        return self.base.gradient_steps

    def networks(self, space: Space) -> dict[str, Builder]:
        return self.base.networks(space)

    def players(self) -> tuple[Player, ...]:
        return self.base.players()

    def sample(self, nets: Networks, z: Tensor) -> Tensor:
        return self.base.sample(nets, z)

    def noise(self, space: Space, batch_size: int) -> dict[str, tuple[int, ...]]:
        return self.base.noise(space, batch_size)

    def memory(self, nets: Networks) -> dict[str, Tensor]:
        return self.base.memory(nets)

    def remember(self, nets: Networks, batch: Batch) -> dict[str, Tensor]:
        return self.base.remember(nets, batch)

    def observe(self, nets: Networks, batch: Batch) -> dict[str, Tensor]:
        return self.base.observe(nets, batch)

    def check(self, space: Space, batch_size: int) -> None:
        self.base.check(space, batch_size)


def float_fields(method: Method) -> dict[str, str]:
    """The hyper-parameters that can be swept as a population: short name to path.

    A field of real numbers changes no shape, so its values can sit side by side in one tensor program. A field of a
    wrapped method keeps its bare name unless an outer one has it already, when it is ``base.name``.
    """
    found: dict[str, str] = {}
    for depth, layer in enumerate(layers(method)):
        prefix = "base." * depth
        for field in dataclasses.fields(layer):
            if field.type in (float, "float"):
                found.setdefault(field.name, prefix + field.name)
                found.setdefault(prefix + field.name, prefix + field.name)
    return found


def layers(method: Method) -> list[Method]:
    """A method and those that it wraps, from the outside in."""
    inner = getattr(method, "base", None)
    return [method, *(layers(inner) if isinstance(inner, Method) else [])]


def need_game(method: Method, space: Space) -> None:
    """Raises a `ModescopeError` unless what each layer says of its networks and players can be played with.

    The innermost layer goes first, since the others build on what it says.
    """
    for layer in reversed(layers(method)):
        found = layer.networks(space)
        good = isinstance(found, Mapping) and all(isinstance(role, str) and builds(found[role]) for role in found)
        need(
            good,
            f"{type(layer).__name__}.networks returned {told(found)}, expected a dict from roles to what builds their "
            "networks, e.g. {'generator': space.generator}",
        )
        players_of(layer)


def players_of(method: Method) -> tuple[Player, ...]:
    """The players of a method, or a `ModescopeError` if it names none."""
    found = method.players()
    good = isinstance(found, tuple | list) and bool(found) and all(isinstance(player, Player) for player in found)
    need(
        good,
        f"{type(method).__name__}.players returned {told(found)}, expected a tuple of players, e.g. "
        "(Player('generator', ('generator',), self.generator_loss),)",
    )
    return tuple(found)


def builds(value: object) -> bool:
    """Whether a value builds networks, and is none itself."""
    return callable(value) and not isinstance(value, nn.Module)


def told(value: object) -> str:
    """What something is, and what is in it."""
    parts = list(value.values()) if isinstance(value, Mapping) else value
    if not isinstance(parts, tuple | list):
        return f"a {type(value).__name__}"
    inner = sorted({type(part).__name__ for part in parts})
    return f"a {type(value).__name__} of {', '.join(inner) or 'nothing'}"


def holds(method: Method, fact: str) -> bool:
    """Whether a fact that methods state of themselves, e.g. `logistic`, is stated by every layer of one."""
    return all(fact in vars(type(layer)) and bool(getattr(layer, fact)) for layer in layers(method))
