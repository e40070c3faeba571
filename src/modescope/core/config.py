"""How a run is trained: optimisers, batch, length, device."""

__all__ = ["MOST_MEMBERS", "Member", "Training", "members_of"]

import dataclasses
import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from numbers import Integral
from typing import Any, Literal, get_args

import torch

from .errors import ModescopeError, is_number, nearest_name, need
from .method import Method, float_fields, layers
from .optim import SGD, Adam, Optimizer, RMSprop

OptimizerName = Literal["adam", "sgd", "rmsprop"]
Schedule = Literal["constant", "linear", "cosine"]
MOST_MEMBERS = 1_000_000  # of a population: a slip of the finger should not fill the memory
MOST_STEPS = 2**31 - 1  # and samples of a batch: what tensors count without overflow
Order = Literal["critic-first", "shared-batch", "generator-first", "simultaneous"]


@dataclass(frozen=True, kw_only=True)
class Training:
    """The settings of a run's training.

    Arguments:
        steps: Steps of the game; in each, every player takes its own number of steps.
        batch_size: Samples that a player sees in one step.
        optimizer: The rule of every player: ``adam``, ``sgd`` or ``rmsprop``.
        lr: The generator's learning rate.
        critic_lr: The learning rate of all other players; the generator's if not given.
        beta1: Adam's decay of the mean gradient.
        beta2: Adam's decay of the mean squared gradient.
        momentum: Of SGD.
        alpha: RMSprop's decay of the mean squared gradient.
        eps: Added to the denominator of Adam and RMSprop.
        schedule: How learning rates fall along the run: ``constant``, ``linear`` or ``cosine`` (both to 0).
        ema: The decay of the averaged generator that is evaluated; 0 evaluates the generator itself.
        order: Which player steps first; or ``shared-batch``, critic first and each player after it on the batch of the
            step before, as DCGAN's code does, so that samples need not be made twice; or ``simultaneous``, all on the
            same batch, from the same point.
        accumulate: Parts that each batch is taken in, one after the other, which takes less memory; the slope is that
            of the whole batch, so only losses that are means over samples can be taken in parts.
    """

    steps: int = 5000
    batch_size: int = 128
    optimizer: OptimizerName = "adam"
    lr: float = 1e-3
    critic_lr: float | None = None
    beta1: float = 0.5
    beta2: float = 0.999
    momentum: float = 0.0
    alpha: float = 0.99
    eps: float = 1e-8
    schedule: Schedule = "constant"
    ema: float = 0.0
    order: Order = "critic-first"
    accumulate: int = 1

    def __post_init__(self) -> None:
        for name, least in (("steps", 0), ("batch_size", 1), ("accumulate", 1)):
            value = getattr(self, name)
            good = isinstance(value, Integral) and not isinstance(value, bool) and int(value) >= least
            need(good, f"{name} is {value!r}, expected a whole number of at least {least}")
            need(int(value) <= MOST_STEPS, f"{name} is {value!r}, expected at most {MOST_STEPS:,}")
        for name in ("lr", "critic_lr"):
            value = getattr(self, name)
            good = (value is None and name == "critic_lr") or (is_number(value) and value >= 0)
            need(good, f"{name} is {value!r}, expected a finite number of at least 0")
        for name in ("beta1", "beta2", "momentum", "alpha", "ema"):
            value = getattr(self, name)
            need(is_number(value) and 0 <= value < 1, f"{name} is {value!r}, expected a number in [0, 1)")
        need(is_number(self.eps) and self.eps > 0, f"eps is {self.eps!r}, expected a finite number of more than 0")
        for name, options in (("optimizer", OptimizerName), ("schedule", Schedule), ("order", Order)):
            given = getattr(self, name)
            if given not in get_args(options):
                raise nearest_name(name, str(given), get_args(options))

    def rule(self, player: str, values: Mapping[str, torch.Tensor]) -> Optimizer:
        """The optimiser of a player, with some settings replaced by a member's own `values`."""
        get = lambda name: values.get(name, getattr(self, name))  # noqa: E731
        lr = get("lr")
        if player != "generator" and get("critic_lr") is not None:
            lr = get("critic_lr")
        match self.optimizer:
            case "adam":
                return Adam(lr, get("beta1"), get("beta2"), self.eps)
            case "sgd":
                return SGD(lr, get("momentum"))
            case _:
                return RMSprop(lr, get("alpha"), self.eps)


SWEPT_TRAINING = {"adam": ("beta1", "beta2"), "sgd": ("momentum",), "rmsprop": ("alpha",)}


@dataclass(frozen=True)
class Member:
    """One run of a population.

    Arguments:
        seed: Of its initial weights and its stream of noise.
        values: Its own values of swept hyper-parameters, by name.
    """

    seed: int
    values: Mapping[str, float] = field(default_factory=dict)

    @property
    def label(self) -> str:
        """For legends: the swept values and the seed."""
        return ", ".join([*filter(None, [self.group]), f"seed {self.seed}"])

    @property
    def group(self) -> str:
        """The swept values alone; members of one group differ in their seeds."""
        return ", ".join(f"{name}={short(value)}" for name, value in self.values.items())


def short(value: float) -> str:
    """A number in the fewest digits that tell it from all others."""
    return f"{value:g}" if float(f"{value:g}") == value else repr(value)


def members_of(
    method: Method, training: Training, seeds: Sequence[int], sweep: Mapping[str, Sequence[float]] | None = None
) -> tuple[Member, ...]:
    """Every seed with every combination of swept values.

    Raises:
        ModescopeError: If a swept name is unknown or changes shapes, a value is not valid for it, or there are more
            than a million members.
    """
    need(len(seeds) > 0, "seeds is empty, expected at least one")
    count = len(seeds) * math.prod(map(len, (sweep or {}).values()))
    need(count <= MOST_MEMBERS, f"seeds and sweep are {count:,} members, expected at most {MOST_MEMBERS:,}")
    need(len(set(seeds)) == len(seeds), f"seeds {list(seeds)} repeat, expected distinct ones")
    sweep = dict(sweep or {})
    paths = float_fields(method)
    places = [paths.get(name, name) for name in sweep]
    need(len(set(places)) == len(places), f"sweep names the same hyper-parameter twice: {', '.join(sweep)}")
    for name, values in sweep.items():
        need(len(values) > 0, f"sweep of {name} is empty, expected values")
        need(len(set(values)) == len(values), f"sweep of {name} repeats a value: {list(values)}")
        for value in values:
            with_values(method, training, {name: value})
    combinations = [dict(zip(sweep, values, strict=True)) for values in itertools.product(*sweep.values())]
    return tuple(Member(int(seed), values) for values in combinations for seed in seeds)


def with_values(method: Method, training: Training, values: Mapping[str, float]) -> tuple[Method, Training]:
    """The method and the training with swept values written in, validated."""
    paths = float_fields(method)
    of_training = ("lr", "critic_lr", *SWEPT_TRAINING[training.optimizer])
    for name, value in values.items():
        if name in paths:
            method = replaced(method, paths[name], value)
        elif name in of_training:
            changes: dict[str, Any] = {name: value}
            training = dataclasses.replace(training, **changes)
        else:
            raise unsweepable(name, [*paths, *of_training], method, training)
    return method, training


def replaced(method: Method, path: str, value: float) -> Method:
    """The method with one field replaced, through its own validation."""
    name, _, rest = path.partition(".")
    return dataclasses.replace(method, **{name: replaced(getattr(method, name), rest, value) if rest else value})


def unsweepable(name: str, valid: list[str], method: Method, training: Training) -> ModescopeError:
    """Why a name cannot be swept."""
    parts: list[Any] = [*layers(method), training]
    known = {field.name for part in parts for field in dataclasses.fields(part)}
    if name.rpartition(".")[2] in known:
        return ModescopeError(
            f"{name} cannot be swept in one population, expected one of {', '.join(valid)}; "
            f"start one run for each value of {name}"
        )
    return nearest_name("sweepable hyper-parameter", name, valid)
