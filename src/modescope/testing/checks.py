"""What every method holds, one rule a check."""

__all__ = ["CHECKS"]

import json
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.func import grad

from ..core.config import Member, Training, with_values
from ..core.method import Method, float_fields, holds, layers, need_game
from ..methods import GAN, PacGAN, UnrolledGAN, build, decode, encode, spec_of
from ..runs import Experiment
from .case import Case, distance, expect, field_value, generator, glimpse, leaves, moved, refused, rows, same_bits


def check_roles(case: Case) -> None:
    """Every role is trained by exactly one player, and one of them is the generator."""
    space = case.architecture.space(*case.dataset.shape)
    need_game(case.method, space.over(case.dataset))
    roles = sorted(case.method.networks(space))
    trained = sorted(role for player in case.method.players() for role in player.trains)
    trained = sorted([*trained, *case.method.fixed])
    expect(trained == roles, f"the players train {trained}, expected each of the roles {roles} once")
    expect("generator" in roles, f"there is no role 'generator' among {roles}")
    names = [player.name for player in case.method.players()]
    expect(len(set(names)) == len(names), f"the players' names {names} repeat")


def check_losses(case: Case) -> None:
    """Losses are finite scalars, pure, and draw no randomness of their own."""
    nets, batch = glimpse(case)
    for player in case.method.players():
        before = [leaf.clone() for leaf in leaves(nets, batch)]
        state = torch.get_rng_state()
        loss = player.loss(nets, batch)
        expect(isinstance(loss, Tensor), f"the loss of {player.name} is a {type(loss).__name__}, expected a tensor")
        expect(loss.shape == (), f"the loss of {player.name} has shape {tuple(loss.shape)}, expected a scalar")
        expect(bool(loss.isfinite()), f"the loss of {player.name} is {loss.item()}")
        expect(torch.equal(loss, player.loss(nets, batch)), f"the loss of {player.name} differs when called again")
        expect(torch.equal(state, torch.get_rng_state()), f"the loss of {player.name} draws from PyTorch's generator")
        same = all(map(torch.equal, before, leaves(nets, batch)))
        expect(same, f"the loss of {player.name} changes its inputs")


def check_gradients(case: Case) -> None:
    """A gradient reaches every parameter, but for those that are said to be unreached."""
    nets, batch = glimpse(case)
    still = set()
    for player in case.method.players():
        slope = grad(lambda flat, player=player: player.loss(moved(nets, player.name, flat), batch))
        found = slope(nets.flats[player.name])
        expect(bool(found.isfinite().all()), f"the gradient of {player.name} is not finite")
        negligible = 1e-12 * float(found.abs().max())
        for role, parameters in nets.layout.unflatten(player.name, found).items():
            still |= {f"{role}.{name}" for name, part in parameters.items() if not (part.abs() > negligible).any()}
    expect(still == set(case.unreached), f"no gradient reaches {sorted(still)}, expected {sorted(case.unreached)}")


def check_stack(case: Case) -> None:
    """A member of a stack is trained as it is alone."""
    stacked = case.population(case.steps, members=[Member(3), Member(11), Member(42)])
    alone = case.population(case.steps, members=[Member(11)])
    gap = distance(rows(stacked, 1), rows(alone, 0))
    expect(gap < 1e-9, f"a member of a stack is {gap:.1e} away from the same member alone after {case.steps} steps")


def check_recording(case: Case) -> None:
    """Steps replayed as a program give the bits of steps run as they are written."""
    replayed, plain = case.population(2, recorded=True), case.population(2)
    expect(same_bits(replayed, plain), "replayed steps differ from plain ones: does a loss depend on a tensor's value?")


def check_resume(case: Case) -> None:
    """A run that was stopped within a chunk of noise goes on bit for bit."""
    unbroken, stopped, resumed = case.population(5), case.population(3), case.population()
    resumed.load_state_dict({name: value.clone() for name, value in stopped.state_dict().items()})
    resumed.advance(2)
    expect(same_bits(unbroken, resumed), "a run that was stopped and resumed differs from one that was not")


def check_parts(case: Case) -> None:
    """Where losses are stated to be means over samples, batches taken in parts train as whole ones do."""
    if holds(case.method, "pointwise"):
        size = case.batch_size * case.method.at_once
        whole, parts = (case.population(2, batch_size=size, accumulate=count) for count in (1, 4))
        gap = distance(rows(whole, 0), rows(parts, 0))
        expect(gap < 1e-9, f"batches in 4 parts move the method by {gap:.1e}, but it states that it is pointwise")


def check_sweeps(case: Case) -> None:
    """Every real-valued field sweeps: equal values give equal members, different ones different members."""
    alone, training = case.population(2), Training(batch_size=case.batch_size)
    for name in dict.fromkeys(float_fields(case.method).values()):
        value = field_value(case.method, name)
        others = [other for other in near(value) if valid(case.method, training, name, other)]
        expect(bool(others), f"{name} cannot be swept: no other value than {value} is valid")
        members = [Member(0, {name: chosen}) for chosen in (value, value, *others)]
        swept = case.population(2, members=members)
        for row in (0, 1):
            gap = distance(rows(swept, row), rows(alone, 0))
            expect(gap < 1e-9, f"sweeping {name} over its own value {value} moves a member by {gap:.1e}")
        inert = max(distance(rows(swept, row), rows(swept, 0)) for row in range(2, len(members))) < 1e-12
        expect(
            inert == (name in case.inert), f"sweeping {name} over {others} changes {'nothing' if inert else 'results'}"
        )


def check_start(case: Case) -> None:
    """A generator of the common shape starts from the weights that every method starts from, given the seed."""
    mine, common = (generator(case.population(method=method)) for method in (case.method, GAN()))
    if {name: part.shape for name, part in mine.items()} == {name: part.shape for name, part in common.items()}:
        expect(all(torch.equal(mine[name], common[name]) for name in mine), "the generator starts from its own weights")


def check_samples(case: Case) -> None:
    """Samples have the data's shape, are finite, and depend on the seed alone."""
    population = case.population(1)
    x = population.sample(5)
    expect(x.shape == (1, 5, case.dataset.dim), f"5 samples have shape {tuple(x.shape[1:])}")
    expect(bool(x.isfinite().all()), "samples are not finite")
    expect(torch.equal(x, population.sample(5)), "samples differ when drawn again")


def check_observations(case: Case) -> None:
    """What is recorded along training, and the method's memory, keep their shapes and are finite."""
    population = case.population(1)
    for name, value in population.observe().items():
        expect(value.shape == (1,) and bool(value.isfinite().all()), f"the observation {name} is {value}, not a number")
    memory, now = case.population().state["memory"], population.state["memory"]
    expect(memory.keys() == now.keys(), f"memory starts as {sorted(memory)} and goes on as {sorted(now)}")
    for name, value in memory.items():
        good = now[name].shape == value.shape and bool(now[name].isfinite().all())
        expect(
            good, f"the memory {name} is {now[name]} after a step, expected shape {tuple(value.shape[1:])} and finite"
        )


def check_config(case: Case) -> None:
    """The method survives being written to JSON, and its layers survive being named."""
    again = decode(json.loads(json.dumps(encode(case.method))))
    expect(again == case.method, f"written to JSON and read again it is {again!r}")
    kinds = [[type(layer) for layer in layers(method)] for method in (case.method, build(spec_of(case.method)))]
    expect(kinds[0] == kinds[1], f"{spec_of(case.method)!r} builds {kinds[1]}")
    training = Training(steps=2, batch_size=case.batch_size)
    planned = Experiment(dataset=case.dataset, method=case.method, architecture=case.architecture, training=training)
    reread = Experiment.decode(json.loads(json.dumps(planned.encode())))
    expect(reread == planned, f"an experiment with it, written to JSON and read again, is {reread!r}")


def check_training(case: Case) -> None:
    """Every optimiser, schedule and order trains every player, and so does an averaged generator."""
    start = case.population()
    for settings in TRAININGS:
        population = case.population(2, **settings)
        expect(bool((population.state["diverged"] < 0).all()), f"training with {settings} diverges")
        for name in population.state["optimizers"]:
            stays = torch.equal(population.state["flats"][name], start.state["flats"][name])
            expect(not stays, f"training with {settings} leaves {name} in place")


def check_divergence(case: Case) -> None:
    """A member that turns infinite is frozen, finite, and leaves the others alone."""
    members = [Member(0, {"lr": 1e-3}), Member(0, {"lr": 1e308}), Member(1, {"lr": 1e-3})]
    together, others = case.population(3, members=members), case.population(3, members=members[::2])
    expect(
        (together.state["diverged"] >= 0).tolist() == [False, True, False], "a learning rate of 1e308 does not diverge"
    )
    gap = max(distance(rows(together, 0), rows(others, 0)), distance(rows(together, 2), rows(others, 1)))
    expect(gap < 1e-9, f"a member that diverges moves the others by {gap:.1e}")
    frozen = [leaf for leaf in rows(together, 1) if leaf.is_floating_point()]
    expect(all(bool(leaf.isfinite().all()) for leaf in frozen), "a member that diverged is not finite")


def check_wrappers(case: Case) -> None:
    """Packing single samples and unrolling no step change nothing; real packs and steps train, or are refused."""
    alone = case.population(2)
    wrapped: list[Method] = []
    if not refused(lambda: UnrolledGAN(base=case.method)):
        idle = case.population(2, method=UnrolledGAN(base=case.method, unroll=0))
        expect(same_bits(alone, idle), "unrolling 0 steps differs")
        wrapped.append(UnrolledGAN(base=case.method, unroll=1))
    if case.method.packable:
        gap = distance(rows(alone, 0), rows(case.population(2, method=PacGAN(base=case.method, degree=1)), 0))
        expect(gap < 1e-12, f"packs of 1 move the method by {gap:.1e}")
        wrapped.append(PacGAN(base=case.method, degree=2))
    else:
        expect(refused(lambda: PacGAN(base=case.method)), "it is not packable, but PacGAN takes it")
    for method in wrapped:
        try:
            diverged = bool((case.population(2, method=method).state["diverged"] >= 0).any())
        except Exception as error:
            reason = f"{type(error).__name__}: {error}"
            raise AssertionError(f"{spec_of(method)} fails, expected to train or to be refused: {reason}") from error
        expect(not diverged, f"{spec_of(method)} diverges")


CHECKS: tuple[Callable[[Case], None], ...] = (
    check_roles,
    check_losses,
    check_gradients,
    check_stack,
    check_recording,
    check_resume,
    check_parts,
    check_sweeps,
    check_start,
    check_samples,
    check_observations,
    check_config,
    check_training,
    check_divergence,
    check_wrappers,
)

TRAININGS: tuple[dict[str, Any], ...] = (
    {"optimizer": "sgd", "momentum": 0.9},
    {"optimizer": "rmsprop"},
    {"schedule": "linear", "critic_lr": 1e-4},
    {"schedule": "cosine", "ema": 0.9},
    {"order": "generator-first"},
    {"order": "simultaneous"},
)


def near(value: float) -> list[float]:
    """Values to try beside a field's own."""
    return sorted({value / 1000, value / 2, value * 2, value - 0.1, value + 0.1} - {value})


def valid(method: Method, training: Training, name: str, value: float) -> bool:
    """Whether a value may be swept."""
    return not refused(lambda: with_values(method, training, {name: value}))
