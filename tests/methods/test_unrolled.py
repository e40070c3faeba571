"""Unrolling against PyTorch's Adam, finite differences, and a game that is solved by hand."""

from dataclasses import dataclass, replace

import pytest
import torch
from torch import Tensor, nn
from torch.func import grad
from torch.utils.flop_counter import FlopCounterMode

from modescope.core import Batch, Builder, Method, ModescopeError, Networks, Player, Space, TwoPlayer
from modescope.core.networks import Layout
from modescope.core.optim import SGD, Adam
from modescope.datasets import Mixture
from modescope.methods import ALI, GAN, LSGAN, R3GAN, VEEGAN, PacGAN, UnrolledGAN
from modescope.methods.unrolled import answers
from modescope.nets import MLP, Architecture
from modescope.testing import Case, glimpse, moved, same_bits

BASES = [GAN(), GAN(saturating=True), LSGAN(), R3GAN(), PacGAN(base=LSGAN()), ALI(), VEEGAN()]


def generator_loss(method: Method, nets: Networks, batch: Batch) -> Tensor:
    (loss,) = [player.loss for player in method.players() if "generator" in player.trains]
    return loss(nets, batch)


def generator_slope(method: Method, nets: Networks, batch: Batch) -> Tensor:
    return grad(lambda flat: generator_loss(method, moved(nets, "generator", flat), batch))(nets.flats["generator"])


def trained(method: Method) -> tuple[Networks, Batch]:
    """Networks whose optimisers have moments that are not zero."""
    nets, batch = glimpse(Case(method=method))
    for _ in range(3):
        for player in method.players():
            nets = nets.descend(player, replace(batch, z=batch.z.roll(1, 0)))
    return nets, batch


@pytest.mark.parametrize("base", BASES, ids=repr)
def test_unrolling_no_step_is_the_base_bit_for_bit(base: Method) -> None:
    case = Case(method=base)
    assert same_bits(case.population(3), case.population(3, method=UnrolledGAN(base=base, unroll=0)))


def test_inner_steps_are_those_of_pytorchs_adam() -> None:
    case = Case(method=GAN())
    population = case.population(4, lr=3e-3, beta1=0.4)
    nets, batch = glimpse(case)
    state = {name: {k: v[0] for k, v in own.items()} for name, own in population.state["optimizers"].items()}
    rule = Adam(3e-3, 0.4, 0.999)
    flats = {name: flat[0] for name, flat in population.state["flats"].items()}
    nets = Networks(nets.layout, flats, {name: rule for name in flats}, state)

    critic, own = nn.Parameter(flats["discriminator"].clone()), state["discriminator"]
    theirs = torch.optim.Adam([critic], lr=3e-3, betas=(0.4, 0.999), eps=1e-8)
    moments = {"exp_avg": own["mean"].clone(), "exp_avg_sq": own["square"].clone()}
    theirs.state[critic] = {"step": own["count"][0].clone(), **moments}
    (player, _) = GAN().players()
    for _ in range(5):
        theirs.zero_grad()
        player.loss(moved(nets, "discriminator", critic), batch).backward()
        theirs.step()

    ahead = nets
    for _ in range(5):
        ahead = ahead.descend(player, batch)
    assert torch.allclose(ahead.flats["discriminator"], critic.detach(), rtol=0, atol=1e-9)
    assert not torch.allclose(nets.flats["discriminator"], critic.detach(), rtol=0, atol=1e-4)

    unrolled = generator_loss(UnrolledGAN(unroll=5), nets, batch)
    assert torch.allclose(unrolled, -player.loss(moved(nets, "discriminator", critic), batch), atol=1e-8)


@pytest.mark.parametrize("base", [GAN(), GAN(saturating=True), R3GAN(), VEEGAN()], ids=repr)
def test_the_gradient_flows_through_the_steps(base: Method) -> None:
    nets, batch = trained(base)
    method, here = UnrolledGAN(base=base, unroll=3), nets.flats["generator"]
    slope = generator_slope(method, nets, batch)
    step = 1e-6
    for seed in range(3):
        way = torch.randn(here.shape, generator=torch.Generator().manual_seed(seed), dtype=here.dtype)
        up, down = (generator_loss(method, moved(nets, "generator", here + s * way), batch) for s in (step, -step))
        assert torch.allclose(slope @ way, (up - down) / (2 * step), rtol=1e-5)

    first_order = nets
    for _ in range(3):
        for player in answers(method.base):
            first_order = first_order.descend(player, batch)
    assert not torch.allclose(slope, generator_slope(base, first_order, batch), rtol=1e-2)


class Constant(nn.Module):
    """A generator that makes one point."""

    def __init__(self) -> None:
        super().__init__()
        self.point = nn.Parameter(torch.zeros(1))

    def forward(self, z: Tensor) -> Tensor:
        return self.point.expand(len(z), 1)


class Slope(nn.Module):
    """A critic that is linear through the origin."""

    def __init__(self) -> None:
        super().__init__()
        self.slope = nn.Parameter(torch.ones(1))

    def forward(self, x: Tensor) -> Tensor:
        return x * self.slope


@dataclass(frozen=True, kw_only=True)
class Bilinear(TwoPlayer):
    """The game with the value psi (mean(x) - theta), which plain gradient steps circle for ever."""

    def networks(self, space: Space) -> dict[str, Builder]:
        return {"generator": Constant, "discriminator": Slope}

    def discriminator_loss(self, nets: Networks, batch: Batch) -> Tensor:
        return (nets["discriminator"](nets["generator"](batch.z)) - nets["discriminator"](batch.real)).mean()

    def generator_loss(self, nets: Networks, batch: Batch) -> Tensor:
        return -self.discriminator_loss(nets, batch)


def test_the_bilinear_game_is_solved_by_hand() -> None:
    """With gap = theta - mean(x) and SGD at rate r, psi_K = psi - K r gap, so f_K = -psi gap + K r gap^2."""
    modules = {"generator": Constant().double(), "discriminator": Slope().double()}
    layout = Layout.of(modules, Bilinear().players())
    flats = {
        "generator": torch.tensor([0.7], dtype=torch.float64),
        "discriminator": torch.tensor([0.3], dtype=torch.float64),
    }
    rules = {name: SGD(0.05) for name in flats}
    nets = Networks(layout, flats, rules, {name: {} for name in flats})
    real = torch.tensor([[1.0], [3.0]]).double()
    batch = Batch(real, torch.zeros(2, 1).double(), torch.zeros(2).double())
    gap = 0.7 - 2.0
    for steps in (0, 1, 4):
        slope = generator_slope(UnrolledGAN(base=Bilinear(), unroll=steps), nets, batch)
        assert slope.item() == pytest.approx(-0.3 + 2 * steps * 0.05 * gap, abs=1e-12)


@pytest.mark.parametrize(("unroll", "settles"), [(0, False), (5, True)])
def test_looking_ahead_makes_the_bilinear_game_settle(unroll: int, settles: bool) -> None:
    case = Case(method=UnrolledGAN(base=Bilinear(), unroll=unroll), dataset=Mixture(means=((2.0,),), std=1e-6))
    population = case.population(optimizer="sgd", lr=0.1)
    gaps = []
    for _ in range(150):
        population.advance(1)
        gaps.append(abs(population.state["flats"]["generator"].item() - 2.0))
    assert (max(gaps[-60:]) < 0.05) == settles
    assert settles or max(gaps[-60:]) > 1.0  # still on its circle


def test_the_default_base_keeps_the_term_of_the_real_samples() -> None:
    nets, batch = trained(GAN())

    def without_real(nets: Networks, batch: Batch) -> Tensor:
        for _ in range(5):
            nets = nets.descend(GAN().players()[0], batch)
        fooled = nets["discriminator"](nets["generator"](batch.z))
        return -nn.functional.softplus(fooled).mean()

    half = grad(lambda flat: without_real(moved(nets, "generator", flat), batch))(nets.flats["generator"])
    assert UnrolledGAN().base == GAN(saturating=True)
    assert not torch.allclose(generator_slope(UnrolledGAN(), nets, batch), half, rtol=1e-3)
    plain = generator_slope(GAN(saturating=True), nets, batch)  # without steps, the term is a constant

    def fake_half(flat: Tensor) -> Tensor:
        G = moved(nets, "generator", flat)["generator"]
        return -nn.functional.softplus(nets["discriminator"](G(batch.z))).mean()

    assert torch.allclose(plain, grad(fake_half)(nets.flats["generator"]), atol=1e-12)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_critic_without_slope_gives_a_finite_gradient(dtype: torch.dtype) -> None:
    nets, batch = glimpse(Case(method=GAN()))
    flats = {name: flat.to(dtype) for name, flat in nets.flats.items()}
    flats["discriminator"] = torch.zeros_like(flats["discriminator"])  # all hidden gradients are exactly zero
    states = {name: Adam(1e-3).init(flat) for name, flat in flats.items()}
    nets = Networks(nets.layout, flats, nets.optimizers, states)
    batch = Batch(batch.real.to(dtype), batch.z.to(dtype), batch.u.to(dtype))
    assert generator_slope(UnrolledGAN(unroll=5), nets, batch).isfinite().all()


def test_every_player_but_the_generators_answers_in_turn() -> None:
    nets, batch = trained(VEEGAN())
    discriminator, _, reconstructor = VEEGAN().players()
    ahead = nets
    for _ in range(2):
        ahead = ahead.descend(discriminator, batch).descend(reconstructor, batch)
    foreseen = generator_loss(UnrolledGAN(base=VEEGAN(), unroll=2), nets, batch)
    assert torch.equal(foreseen, generator_loss(VEEGAN(), ahead, batch))


def test_unrolling_commutes_with_packing_and_adds_up() -> None:
    inner, outer = (
        Case(method=method).population(3)
        for method in (UnrolledGAN(base=PacGAN(), unroll=2), PacGAN(base=UnrolledGAN(base=GAN(), unroll=2)))
    )
    assert same_bits(inner, outer)
    twice, once = (
        Case(method=method).population(3)
        for method in (UnrolledGAN(base=UnrolledGAN(unroll=1), unroll=2), UnrolledGAN(unroll=3))
    )
    assert same_bits(twice, once)


def test_a_step_costs_less_than_the_forward_and_backward_passes_that_it_needs() -> None:
    """In floating point operations of the recorded program, which computes G(z) once."""
    net = MLP(hidden=(32, 32), activation="tanh")
    sizes = {"architecture": Architecture(latent_dim=16, generator=net, critic=net), "batch_size": 16}
    spent = []
    for method in (GAN(saturating=True), UnrolledGAN(unroll=2)):
        population = Case(method=method, **sizes).population(1, recorded=True)
        with FlopCounterMode(display=False) as counter:
            population.advance(1)
        spent.append(counter.get_total_flops())
    assert spent[0] > 0
    assert spent[1] / spent[0] <= 1 + 2 * 2


@dataclass(frozen=True, kw_only=True)
class Lonely(Method):
    """A generator with nobody to answer it."""

    def networks(self, space: Space) -> dict[str, Builder]:
        return {"generator": space.generator}

    def players(self) -> tuple[Player, ...]:
        return (Player("generator", ("generator",), lambda nets, batch: nets["generator"](batch.z).square().mean()),)

    def sample(self, nets: Networks, z: Tensor) -> Tensor:
        return nets["generator"](z)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"unroll": -1}, "unroll is -1"),
        ({"unroll": 2.5}, "unroll is 2.5"),
        ({"base": Lonely()}, "UnrolledGAN over Lonely is not defined, since no player"),
        ({"base": GAN}, "expected a method such as GAN"),
    ],
)
def test_refuses_bad_fields(fields: dict[str, object], message: str) -> None:
    with pytest.raises(ModescopeError, match=message):
        UnrolledGAN(**fields)
