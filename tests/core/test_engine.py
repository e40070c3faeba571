"""The engine against the loop that a user would write: modules, torch.optim, one member at a time."""

import copy
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import combinations
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits
from torch.nn.utils import parameters_to_vector

from modescope.core.config import Member, Order, Training, members_of
from modescope.core.engine import Population
from modescope.core.noise import Noise, seed_of
from modescope.datasets.ring import Ring
from modescope.methods import GAN
from modescope.nets import MLP, Architecture

STEPS, LATENT, SIZE = 50, 3, 16
RING = Ring(count=8, radius=1.0, sigma=0.05)
SPACE = Architecture(
    latent_dim=LATENT,
    generator=MLP(hidden=(8, 6), activation="tanh"),
    critic=MLP(hidden=(8,), activation="leaky-relu"),
).space(2)


def plain_generator() -> nn.Module:
    return nn.Sequential(nn.Linear(LATENT, 8), nn.Tanh(), nn.Linear(8, 6), nn.Tanh(), nn.Linear(6, 2))


def plain_critic() -> nn.Module:
    return nn.Sequential(nn.Linear(2, 8), nn.LeakyReLU(0.2), nn.Linear(8, 1))


def drawn(build: Callable[[], nn.Module], seed: int, role: str) -> nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed_of(seed, role))
        return build().double()


@dataclass
class Plain:
    """One GAN in a plain PyTorch loop."""

    training: Training
    critic_steps: int
    seed: int
    values: Mapping[str, float]
    losses: dict[str, float] = field(default_factory=lambda: {"discriminator": 0.0, "generator": 0.0})

    def __post_init__(self) -> None:
        self.G, self.D = (
            drawn(plain_generator, self.seed, "generator"),
            drawn(plain_critic, self.seed, "discriminator"),
        )
        self.averaged = copy.deepcopy(self.G)
        lr = self.values.get("lr", self.training.lr)
        critic_lr = self.values.get("critic_lr", self.training.critic_lr)
        self.g_optimizer = self.optimizer(self.G, lr)
        self.d_optimizer = self.optimizer(self.D, lr if critic_lr is None else critic_lr)
        self.schedulers = [self.scheduler(o) for o in (self.g_optimizer, self.d_optimizer)]

    def optimizer(self, module: nn.Module, lr: float) -> torch.optim.Optimizer:
        get = lambda name: self.values.get(name, getattr(self.training, name))  # noqa: E731
        match self.training.optimizer:
            case "adam":
                return torch.optim.Adam(module.parameters(), lr=lr, betas=(get("beta1"), get("beta2")))
            case "sgd":
                return torch.optim.SGD(module.parameters(), lr=lr, momentum=get("momentum"))
            case _:
                return torch.optim.RMSprop(module.parameters(), lr=lr, alpha=get("alpha"))

    def scheduler(self, optimizer: torch.optim.Optimizer) -> torch.optim.lr_scheduler.LRScheduler:
        match self.training.schedule:
            case "cosine":
                return torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=self.training.steps)
            case "linear":
                return torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.0, total_iters=self.training.steps)
            case _:
                return torch.optim.lr_scheduler.ConstantLR(optimizer, 1.0)

    def critic_step(self, G: nn.Module, real: Tensor, z: Tensor) -> None:
        on_real, on_fake = self.D(real), self.D(G(z).detach())
        loss = binary_cross_entropy_with_logits(on_real, torch.ones_like(on_real))
        loss = loss + binary_cross_entropy_with_logits(on_fake, torch.zeros_like(on_fake))
        self.d_optimizer.zero_grad()
        loss.backward()
        self.d_optimizer.step()
        self.losses["discriminator"] += loss.item() / self.critic_steps

    def generator_step(self, D: nn.Module, z: Tensor) -> None:
        score = D(self.G(z))
        loss = binary_cross_entropy_with_logits(score, torch.ones_like(score))
        self.g_optimizer.zero_grad()
        loss.backward()
        self.g_optimizer.step()
        self.losses["generator"] += loss.item()

    def step(self, batches: list[tuple[Tensor, Tensor]]) -> None:
        fresh = iter(batches)
        match self.training.order:
            case "critic-first":
                for _ in range(self.critic_steps):
                    self.critic_step(self.G, *next(fresh))
                self.generator_step(self.D, next(fresh)[1])
            case "shared-batch":
                for _ in batches:
                    self.critic_step(self.G, *next(fresh))
                self.generator_step(self.D, batches[-1][1])
            case "generator-first":
                self.generator_step(self.D, next(fresh)[1])
                for _ in range(self.critic_steps):
                    self.critic_step(self.G, *next(fresh))
            case "simultaneous":  # both against the other as it was before the step, on one batch
                real, z = next(fresh)
                G, D = copy.deepcopy(self.G), copy.deepcopy(self.D)
                for _ in range(self.critic_steps):
                    self.critic_step(G, real, z)
                self.generator_step(D, z)
        assert next(fresh, None) is None
        for scheduler in self.schedulers:
            scheduler.step()
        with torch.no_grad():
            for mean, now in zip(self.averaged.parameters(), self.G.parameters(), strict=True):
                mean.mul_(self.training.ema).add_((1 - self.training.ema) * now)


def stream(population: Population, member: Member) -> Iterator[list[tuple[Tensor, Tensor]]]:
    """The batches of a member's steps, mapped to real samples and latents here."""
    need, count = population.batches.noise.need, population.batches.noise.batches
    noise = Noise([member.seed], need, count, torch.float64, torch.device("cpu"))
    while True:
        noise.draw()
        for step in range(noise.steps):
            batches = []
            for index in range(count):
                uniform = noise.uniform[0][step, index, 0].view(SIZE, RING.uniforms)
                normal = noise.normal[0][step, index, 0].view(SIZE, RING.normals)
                if need.uniform_prior:
                    z = noise.uniform[2][step, index, 0].view(SIZE, LATENT) * 2 - 1
                else:
                    z = noise.normal[1][step, index, 0].view(SIZE, LATENT)
                batches.append((RING.push(uniform, normal), z))
            yield batches


CASES: dict[str, tuple[Training, int, dict[str, list[float]], bool]] = {}


def case(
    name: str, critic_steps: int = 1, sweep: dict[str, list[float]] | None = None, uniform: bool = False, **given: Any
) -> None:
    settings = {"steps": STEPS, "batch_size": SIZE, "lr": 5e-3, **given}
    CASES[name] = (Training(**settings), critic_steps, sweep or {}, uniform)


case("critic-first")
case("generator-first", order="generator-first")
case("simultaneous", order="simultaneous")
case("shared batch", order="shared-batch")
case("shared batch, two critic steps, average", 2, order="shared-batch", ema=0.9)
case("critic-first, two critic steps, average, cosine", 2, ema=0.9, schedule="cosine", critic_lr=2e-2)
case("generator-first, two critic steps, linear", 2, order="generator-first", schedule="linear", beta1=0.9)
case("simultaneous, two critic steps, average", 2, order="simultaneous", ema=0.5, optimizer="rmsprop", alpha=0.9)
case("uniform latents, momentum", uniform=True, optimizer="sgd", momentum=0.5, lr=0.05)
case("swept rates and betas", sweep={"lr": [1e-3, 1e-2], "critic_lr": [2e-3], "beta1": [0.0, 0.9]})
case("swept momentum from none", optimizer="sgd", lr=0.05, sweep={"momentum": [0.0, 0.9]}, schedule="cosine")
case("swept alpha", optimizer="rmsprop", sweep={"alpha": [0.5, 0.99], "lr": [1e-3]}, schedule="linear")

CAPTURED = ("critic-first", "swept momentum from none")


def same(flat: Tensor, module: nn.Module) -> None:
    torch.testing.assert_close(flat, parameters_to_vector(module.parameters()).detach(), rtol=0, atol=1e-10)


@pytest.mark.parametrize("name", CASES)
def test_as_a_plain_loop(name: str) -> None:
    training, critic_steps, sweep, uniform = CASES[name]
    method = GAN(critic_steps=critic_steps)
    members = members_of(method, training, [3] if sweep else [3, 11], sweep)
    space = replace(SPACE, prior="uniform" if uniform else "normal")
    population = Population(method, RING, space, training, members, dtype=torch.float64)
    if name not in CAPTURED:
        population.play = population.game_step  # type: ignore[assignment]  # the same, see test_program.py
    start = {player: flat.clone() for player, flat in population.state["flats"].items()}
    population.advance(STEPS)
    losses = population.take_losses()

    for index, member in enumerate(members):
        plain = Plain(training, critic_steps, member.seed, member.values)
        same(start["generator"][index], plain.G)
        for batches, _ in zip(stream(population, member), range(STEPS), strict=False):
            plain.step(batches)
        flats = population.state["flats"]
        same(flats["generator"][index], plain.G)
        same(flats["discriminator"][index], plain.D)
        if training.ema:
            average = population.state["ema"]["generator"][index]
            same(average, plain.averaged)
            assert not torch.allclose(average, flats["generator"][index], atol=1e-4)
        for player, total in plain.losses.items():
            assert float(losses[player][index]) == pytest.approx(total / STEPS, abs=1e-10)
    for player, flat in population.state["flats"].items():
        assert (flat - start[player]).abs().max() > 1e-3, player  # they did train
        assert ((flat[0] - flat[1]).abs() > 1e-6).all()  # and are two different members


def test_the_orders_differ() -> None:
    """So that the cases above cannot all pass with one order."""
    orders: tuple[Order, ...] = ("critic-first", "generator-first", "simultaneous", "shared-batch")
    found = []
    for order in orders:
        training = Training(steps=STEPS, batch_size=SIZE, lr=5e-3, order=order)
        population = Population(GAN(), RING, SPACE, training, [Member(3)], dtype=torch.float64)
        population.play = population.game_step  # type: ignore[assignment]  # for three steps not worth capturing
        population.advance(3)
        found.append(population.state["flats"]["generator"])
    for one, other in combinations(found, 2):
        assert not torch.allclose(one, other, atol=1e-6)


def test_a_shared_batch_makes_its_samples_once() -> None:
    """The generator's matrix products of the critic's step are those of its own step."""

    def products(order: Order) -> int:
        training = Training(steps=STEPS, batch_size=SIZE, order=order)
        population = Population(GAN(), RING, SPACE, training, [Member(3)], dtype=torch.float64)
        population.advance(1)
        nodes = population.play.replay.__self__.graph.nodes  # type: ignore[union-attr]
        return sum(node.target in (torch.ops.aten.addmm.default, torch.ops.aten.mm.default) for node in nodes)

    assert products("critic-first") - products("shared-batch") == 3  # the layers of the generator
