"""The engine: trains a population of GANs in lock-step as one tensor program."""

__all__ = ["Population"]

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import accumulate, pairwise
from typing import Any

import torch
from torch import Tensor
from torch.func import grad_and_value, vmap
from torch.utils._pytree import tree_leaves, tree_map

from ..datasets.base import Dataset
from .batches import Batches
from .config import Member, Training
from .errors import need
from .initial import initial
from .method import Method, float_fields
from .networks import Batch, Layout, Networks
from .noise import Need, Noise, seed_of
from .numerics import FULL, Numerics
from .optim import Optimizer
from .parts import InParts, Parts, need_apart
from .processes import ALONE, Processes
from .program import Program
from .space import Space
from .state import State, blend, flat_names, freeze, from_flat_names, with_own

COMPANY = 1024  # the fewest latents that are evaluated together, for the statistics of batch normalisation
AT_ONCE = 2**22  # numbers of a member's samples that are made at once, which bounds memory on images

Flats = dict[str, Tensor]
Values = Mapping[str, Tensor]


class Population:
    """Members that differ in their seeds and in values of hyper-parameters, trained in lock-step.

    A loss is written for one member; the engine maps it over the population with ``torch.func.vmap``. All parameters
    that one player trains lie in one tensor of shape `(S, P)`, so a step is the same few operations for any `S`.

    Nothing in a step depends on a value on the device: a member that turns NaN or infinite is frozen by a mask.

    Arguments:
        method: The game.
        dataset: What real samples are drawn from.
        space: The shapes, and the builder of networks.
        training: The settings.
        members: The members.
        device: Where to train.
        dtype: Of all numbers.
        compiled: Whether steps are fused by ``torch.compile``.
        processes: All that train these members, each on its share of every batch.
        numerics: How networks compute.
    """

    def __init__(
        self,
        method: Method,
        dataset: Dataset,
        space: Space,
        training: Training,
        members: Sequence[Member],
        *,
        device: str | torch.device = "cpu",
        dtype: torch.dtype = torch.float32,
        compiled: bool = False,
        processes: Processes = ALONE,
        numerics: Numerics = FULL,
    ) -> None:
        method.check(space, training.batch_size)
        space = space.over(dataset)
        self.method, self.dataset, self.space, self.training = method, dataset, space, training
        self.drawn = method.latents(space)
        self.members, self.device, self.dtype = tuple(members), torch.device(device), dtype
        self.numerics, self.scale = numerics, numerics.scale
        self.players = method.players()
        self.layout, flats = self.build()
        self.values, self.paths = self.swept(), float_fields(method)
        self.together = training.order == "simultaneous"
        self.batches = Batches(self.streams(), dataset, training)
        self.step, size = 0, len(self.members)
        self.state: State = {
            "flats": flats,
            "optimizers": {p.name: training.rule(p.name, self.values).init(flats[p.name]) for p in self.players},
            "memory": self.remembrance(flats),
            "ema": {owner: flats[owner].clone() for owner in self.averaged()},
            "losses": {p.name: self.zeros() for p in self.players},  # summed since they were last taken
            "steps": self.zeros(),  # since the losses were last taken
            "clock": torch.zeros(size, dtype=torch.int64, device=self.device),
            "diverged": torch.full((size,), -1, device=self.device),  # the step at which a member was frozen, or -1
        }
        if self.scale is not None:
            self.state["scales"] = {p.name: self.scale.init(self.zeros()) for p in self.players}
        program = partial(Program, compiled=compiled, graphed=numerics.cuda_graphs)
        count = training.accumulate * processes.count
        need_apart(method, self.layout.modules, training.batch_size, count)
        self.descent: Callable[..., tuple[Tensor, Tensor]] = self.slopes
        self.play: Callable[..., State] = program(self.game_step)
        if count > 1:
            parts = Parts.of(method, space, training.batch_size, count)
            self.descent = InParts(self.slopes, len(self.players), parts, processes, program)
            self.play = self.game_step  # what is not done in parts is not worth recording

    # Setting up

    def build(self) -> tuple[Layout, Flats]:
        """The layout, and every member's initial parameters."""
        seeds = [member.seed for member in self.members]
        layout, flats = initial(self.method.networks(self.space), seeds, self.players, self.method.fixed)
        for module in layout.modules.values():
            module.requires_grad_(False).to(self.device, self.dtype)
        placed = {name: flat.to(self.device, self.dtype) for name, flat in flats.items()}
        return replace(layout, call=self.numerics.caller(self.device)), placed

    def swept(self) -> dict[str, Tensor]:
        """The members' own values of swept hyper-parameters, each with shape `(S, 1)`."""
        return {
            name: torch.tensor([[m.values[name]] for m in self.members], dtype=self.dtype, device=self.device)
            for name in self.members[0].values
        }

    def streams(self) -> Noise:
        """The members' streams of noise."""
        size = self.training.batch_size
        each = Need(
            size,
            self.dataset.uniforms,
            self.dataset.normals,
            self.drawn.latent_dim,
            self.drawn.prior == "uniform",
            self.method.noise(self.space, size),
        )
        batches = 1 + max(self.batch_of_turn())
        return Noise([m.seed for m in self.members], each, batches, self.dtype, self.device)

    def averaged(self) -> list[str]:
        """The players whose parameters are averaged: the owner of the generator."""
        return [self.layout.owners["generator"]] if self.training.ema else []

    def zeros(self) -> Tensor:
        """A zero for every member."""
        return torch.zeros(len(self.members), dtype=self.dtype, device=self.device)

    def remembrance(self, flats: Flats) -> dict[str, Tensor]:
        """Every member's memory before the first step."""

        def begin(flats: Flats, values: Any) -> dict[str, Tensor]:
            method, nets = self.one(values, flats, {}, torch.zeros(3))
            return method.memory(nets)

        found = each(begin)(flats, self.values)
        return {k: v.to(self.device, self.dtype if v.is_floating_point() else None).clone() for k, v in found.items()}

    # Training

    def advance(self, steps: int) -> None:
        """Trains every member for `steps` steps."""
        for _ in range(steps):
            self.state = self.play(self.state, *self.batches.take(self.step))
            self.step += 1

    def game_step(self, state: State, batches: list[dict[str, Any]], clock: Tensor) -> State:
        """One step of the game: every player in turn, then memory, averages, and the mask of diverged members."""
        before = state
        state = {key: dict(part) if isinstance(part, dict) else part for key, part in state.items()}
        finite = torch.ones_like(state["diverged"], dtype=torch.bool)
        for index, which in zip(self.turns(), self.batch_of_turn(), strict=True):
            player = self.players[index]
            # Simultaneous players meet the others as they were before the step, on the same batch.
            seen = with_own(player.name, state, before) if self.together else state
            grads, losses = self.descent(index, seen, batches[which], clock)
            flat, own = self.moved(index, state, grads, clock)
            if self.scale is not None:
                good = grads.isfinite().all(-1)
                rest = state["flats"][player.name], state["optimizers"][player.name]
                flat, own, losses = blend(good, flat, rest[0]), blend(good, own, rest[1]), torch.where(good, losses, 0)
                scale = state["scales"][player.name] = self.scale.after(state["scales"][player.name], good)
                finite = finite & (scale["scale"] >= 1)
            state["flats"][player.name], state["optimizers"][player.name] = flat, own
            state["losses"][player.name] = state["losses"][player.name] + losses / player.steps
            finite = finite & torch.isfinite(sum((part.sum(-1) for part in own.values()), flat.sum(-1) + losses))
        state["memory"] = self.remembered(state, batches[-1], clock)
        decay = self.training.ema
        for owner, average in state["ema"].items():
            state["ema"][owner] = decay * average + (1 - decay) * state["flats"][owner]
        state["steps"] = state["steps"] + 1
        return freeze(state, before, finite)

    def moved(self, index: int, state: State, grads: Tensor, clock: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """Every member's player and its optimiser after one step down `grads`."""
        name = self.players[index].name

        def step(flat: Tensor, own: dict[str, Tensor], slope: Tensor, values: Any) -> tuple[Tensor, dict[str, Tensor]]:
            method, _ = self.one(values, {}, {}, clock)
            player = method.players()[index]
            rule = self.rule(name, values, clock).times(player.rate)
            moved, state = rule.update(slope, own, flat)
            moved = self.layout.project(player, moved)
            if player.moves is None:
                return moved, state
            now = player.moves(clock[2])
            return torch.where(now, moved, flat), {key: torch.where(now, state[key], own[key]) for key in own}

        return each(step)(state["flats"][name], state["optimizers"][name], grads, self.values)

    def turns(self) -> list[int]:
        """The index of the player of each turn."""
        order = list(range(len(self.players)))
        if self.training.order == "generator-first":
            order.reverse()
        return [index for index in order for _ in range(self.players[index].steps)]

    def batch_of_turn(self) -> list[int]:
        """Which batch each turn is on."""
        turns = self.turns()
        if self.together:
            return [0] * len(turns)
        if self.training.order == "shared-batch":  # a new player takes over the batch of the one before
            changes = [a != b for a, b in pairwise(turns)]
            return list(accumulate((int(not change) for change in changes), initial=0))
        return list(range(len(turns)))

    def slopes(self, index: int, state: State, batch: dict[str, Any], clock: Tensor) -> tuple[Tensor, Tensor]:
        """The gradient `(S, P)` and the loss `(S)` of every member's player."""
        name = self.players[index].name

        def loss(
            mine: Tensor, flats: Flats, optimizers: Any, memory: Any, batch: Any, values: Any, scale: Any
        ) -> Tensor:
            method, nets = self.one(values, {**flats, name: mine}, optimizers, clock)
            found = method.players()[index].loss(nets, one_batch(batch, memory, clock))
            shape = f"of shape {tuple(found.shape)}" if isinstance(found, Tensor) else f"a {type(found).__name__}"
            need(shape == "of shape ()", f"the loss of {name} is {shape}, expected a tensor with one number")
            return found * scale["scale"] if scale else found

        flats, optimizers, memory = state["flats"], state["optimizers"], state["memory"]
        scale = state["scales"][name] if self.scale is not None else {}
        grads, losses = each(grad_and_value(loss))(flats[name], flats, optimizers, memory, batch, self.values, scale)
        return (grads / scale["scale"][:, None], losses / scale["scale"]) if scale else (grads, losses)

    def remembered(self, state: State, batch: dict[str, Any], clock: Tensor) -> dict[str, Tensor]:
        """The method's own state after a step."""
        if not state["memory"]:
            return {}

        def remember(flats: Flats, memory: Any, batch: Any, values: Any) -> dict[str, Tensor]:
            method, nets = self.one(values, flats, {}, clock)
            return method.remember(nets, one_batch(batch, memory, clock))

        return each(remember)(state["flats"], state["memory"], batch, self.values)

    def one(
        self, values: Values, flats: Flats, optimizers: Mapping[str, Any], clock: Tensor
    ) -> tuple[Method, Networks]:
        """The method and the networks of one member, with its own values of hyper-parameters."""
        method = self.method.bind({self.paths[name]: value[0] for name, value in values.items() if name in self.paths})
        rules = {name: self.rule(name, values, clock) for name in optimizers}
        return method, Networks(self.layout, flats, rules, optimizers)

    def rule(self, player: str, values: Values, clock: Tensor) -> Optimizer:
        """The optimiser of a player at this step."""
        rule = self.training.rule(player, values)
        return rule if self.training.schedule == "constant" else replace(rule, lr=rule.lr * clock[1])

    # Looking

    @torch.no_grad()
    def sample(self, n: int, purpose: str = "evaluation") -> Tensor:
        """Samples of every member, with shape `(S, n, D)`, from latents that depend on its seed and `purpose` alone."""
        z = torch.stack([self.latents(member.seed, max(n, COMPANY), purpose) for member in self.members])
        return self.generated(z)[:, :n]

    @torch.no_grad()
    def generated(self, z: Tensor) -> Tensor:
        """What every member makes of its own latents `(S, n, L)`, with shape `(S, n, D)`; see :meth:`sample`."""
        flats = {**self.state["flats"], **self.state["ema"]}

        def draw(flats: Flats, z: Tensor, values: Any) -> Tensor:
            method, nets = self.one(values, flats, {}, z)
            return method.sample(nets, z)

        pieces = max(1, z.shape[1] // max(COMPANY, AT_ONCE // self.dataset.dim))  # none of less than COMPANY
        parts = [each(draw)(flats, part.to(self.device, self.dtype), self.values) for part in z.tensor_split(pieces, 1)]
        return torch.cat(parts, 1)

    def latents(self, seed: int, n: int, purpose: str) -> Tensor:
        """A member's latents for evaluation, with shape `(n, L)`."""
        generator = torch.Generator().manual_seed(seed_of(seed, purpose))
        # PyTorch draws normals by sixteens, so only whole sixteens start with the same numbers whatever `n`.
        shape = (n + -n % 16, self.drawn.latent_dim)
        if self.drawn.prior == "uniform":
            return torch.rand(shape, generator=generator)[:n] * 2 - 1
        return torch.randn(shape, generator=generator)[:n]

    @torch.no_grad()
    def observe(self) -> dict[str, Tensor]:
        """What the method records along training, each with shape `(S)`, on a batch that is drawn for this alone."""

        def look(flats: Flats, memory: Any, batch: Any, values: Any) -> dict[str, Tensor]:
            method, nets = self.one(values, flats, {}, batch["z"])
            return method.observe(nets, one_batch(batch, memory, torch.zeros(3, dtype=self.dtype, device=self.device)))

        parts = [self.observation(member.seed) for member in self.members]
        batch = tree_map(lambda *rows: torch.stack(rows).to(self.device, self.dtype), *parts)
        return each(look)(self.state["flats"], self.state["memory"], batch, self.values)

    def observation(self, seed: int) -> dict[str, Any]:
        """One member's batch to look at; the same at every step, so that curves show the networks alone."""
        need = self.batches.noise.need
        generator = torch.Generator().manual_seed(seed_of(seed, "observation"))
        return {
            "real": self.dataset.sample(need.batch_size, generator),
            "z": self.latents(seed, need.batch_size, "observation"),
            "u": torch.rand(need.batch_size, generator=generator),
            "noise": {name: torch.randn(shape, generator=generator) for name, shape in need.extra.items()},
        }

    def take_losses(self) -> dict[str, Tensor]:
        """Each player's mean loss a step since the last call, with shape `(S)`; NaN for a member that took no step."""
        steps = self.state["steps"]
        taken = {name: total / steps for name, total in self.state["losses"].items()}
        self.state["losses"] = {name: torch.zeros_like(total) for name, total in taken.items()}
        self.state["steps"] = torch.zeros_like(self.state["steps"])
        return taken

    # Stopping and going on

    def state_dict(self) -> dict[str, Tensor]:
        """All that a checkpoint needs, as named tensors."""
        named = {"step": torch.tensor(self.step)}
        named.update({f"noise.{key}": value for key, value in self.batches.noise.state().items()})
        return {**named, **flat_names(self.state)}

    def load_state_dict(self, named: Mapping[str, Tensor]) -> None:
        """Goes back to a state, bit for bit.

        Raises:
            ModescopeError: If the tensors are not those of this population.
        """
        wanted = self.state_dict()
        missing, odd = sorted(wanted.keys() - named.keys()), sorted(named.keys() - wanted.keys())
        need(not missing and not odd, f"the checkpoint does not fit: missing {missing}, unexpected {odd}")
        for name, value in wanted.items():
            given = named[name]
            need(
                given.shape == value.shape and given.dtype == value.dtype,
                f"the checkpoint does not fit: {name} is {given.dtype} {tuple(given.shape)}, "
                f"expected {value.dtype} {tuple(value.shape)}",
            )
        noise = self.batches.noise
        step, position = int(named["step"]), int(named["noise.position"])
        fits = 0 <= position <= noise.steps and (step - position) % noise.steps == 0
        need(fits, f"the checkpoint does not fit: step {step} cannot be at {position} of a chunk of {noise.steps}")
        self.step = step
        self.state = from_flat_names(self.state, named, self.device)
        self.batches.restore({"streams": named["noise.streams"], "position": named["noise.position"]}, step)


def each(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function of one member, mapped over members; one alone is not worth ``vmap``, which slows convolutions."""

    def mapped(*inputs: Any) -> Any:
        if len(tree_leaves(inputs)[0]) > 1:
            return vmap(function)(*inputs)
        return tree_map(lambda leaf: leaf.unsqueeze(0), function(*tree_map(lambda leaf: leaf[0], inputs)))

    return mapped


def one_batch(batch: Mapping[str, Any], memory: Mapping[str, Tensor], clock: Tensor) -> Batch:
    """One member's batch as its losses see it."""
    return Batch(batch["real"], batch["z"], batch["u"], batch["noise"], memory, clock[0])
