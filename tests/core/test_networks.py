"""What a loss sees: networks as functions, their layout, steps that are differentiated through."""

import copy
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.func import grad, vmap

from modescope.core import Batch, Layout, ModescopeError, Networks, Player, input_gradient
from modescope.core.optim import SGD, Adam, Optimizer
from modescope.nets import BatchNorm, Maxout


def modules() -> dict[str, nn.Module]:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return {
            "generator": nn.Sequential(nn.Linear(3, 5), BatchNorm(5), nn.Tanh(), nn.Linear(5, 2)).double(),
            "encoder": nn.Sequential(nn.Linear(2, 4), nn.Softplus(), nn.Linear(4, 3, bias=False)).double(),
            "discriminator": nn.Sequential(Maxout(2, 4, 3), nn.Softplus(), nn.Linear(4, 1)).double(),
        }


def critic_loss(nets: Networks, batch: Batch) -> Tensor:
    G, D = nets["generator"], nets["discriminator"]
    return nn.functional.softplus(-D(batch.real)).mean() + nn.functional.softplus(D(G(batch.z))).mean()


def generator_loss(nets: Networks, batch: Batch) -> Tensor:
    G, D, E = nets["generator"], nets["discriminator"], nets["encoder"]
    fake = G(batch.z)
    return nn.functional.softplus(-D(fake)).mean() + (E(fake) - batch.z).square().mean()


PLAYERS = (
    Player("discriminator", ("discriminator",), critic_loss),
    Player("generator", ("generator", "encoder"), generator_loss),
)


def numbers(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def batch() -> Batch:
    return Batch(numbers(8, 2, seed=1), numbers(8, 3, seed=2), torch.full((8,), 0.5, dtype=torch.float64))


def networks(rule: Optimizer | None = None) -> tuple[dict[str, nn.Module], Networks]:
    """Modules, and the networks with the same numbers in a layout whose own modules hold other ones."""
    found = modules()
    layout = Layout.of(found, PLAYERS)
    flats = layout.flatten(found)
    others = copy.deepcopy(found)
    for module in others.values():
        for parameter in module.parameters():
            parameter.data.fill_(7.0)
    layout = Layout.of(others, PLAYERS)
    rules = {name: rule for name in flats} if rule else {}
    states = {name: rule.init(flat) for name, flat in flats.items()} if rule else {}
    return found, Networks(layout, flats, rules, states)


def test_unflatten_is_the_inverse_of_flatten() -> None:
    found = modules()
    layout = Layout.of(found, PLAYERS)
    flats = layout.flatten(found)
    assert set(flats) == {"discriminator", "generator"}
    for player in PLAYERS:
        views = layout.unflatten(player.name, flats[player.name])
        assert set(views) == set(player.trains)
        for role in player.trains:
            own = dict(found[role].named_parameters())
            assert list(views[role]) == list(own)
            for name, view in views[role].items():
                assert torch.equal(view, own[name])
        count = sum(p.numel() for role in player.trains for p in found[role].parameters())
        assert flats[player.name].shape == (count,)
        flat = numbers(count, seed=3)
        again = torch.cat(
            [view.flatten() for role in player.trains for view in layout.unflatten(player.name, flat)[role].values()]
        )
        assert torch.equal(again, flat)


def test_flatten_copies() -> None:
    found = modules()
    flats = Layout.of(found, PLAYERS).flatten(found)
    kept = {name: flat.clone() for name, flat in flats.items()}
    for module in found.values():
        for parameter in module.parameters():
            parameter.data.zero_()
    assert all(torch.equal(flats[name], kept[name]) for name in flats)
    assert not any(flat.requires_grad for flat in flats.values())


def test_a_role_is_its_module() -> None:
    found, nets = networks()
    inputs = {"generator": numbers(6, 3), "encoder": numbers(6, 2), "discriminator": numbers(6, 2)}
    for role, x in inputs.items():
        torch.testing.assert_close(nets[role](x), found[role](x).detach(), rtol=0, atol=1e-15)
        assert role in nets
    assert "reconstructor" not in nets


def test_gradients_reach_the_flat_vector() -> None:
    found, nets = networks()

    def loss(flat: Tensor) -> Tensor:
        layout_flats = {**nets.flats, "generator": flat}
        return generator_loss(Networks(nets.layout, layout_flats), batch())

    ours = grad(loss)(nets.flats["generator"])
    z = batch().z
    fake = found["generator"](z)
    value = nn.functional.softplus(-found["discriminator"](fake)).mean() + (found["encoder"](fake) - z).square().mean()
    parameters = [*found["generator"].parameters(), *found["encoder"].parameters()]
    theirs = torch.cat([g.flatten() for g in torch.autograd.grad(value, parameters)])
    torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-14)


def test_layout_refuses_a_role_without_a_player_or_with_two() -> None:
    with pytest.raises(ModescopeError, match=r"players train .*expected each of .*'encoder'.* once"):
        Layout.of(modules(), (PLAYERS[0], Player("generator", ("generator",), generator_loss)))
    with pytest.raises(ModescopeError, match=r"'discriminator', 'discriminator'.*once"):
        Layout.of(modules(), (*PLAYERS, Player("again", ("discriminator",), critic_loss)))
    with pytest.raises(ModescopeError, match="'critic'"):
        Layout.of(modules(), (*PLAYERS, Player("again", ("critic",), critic_loss)))


def test_pipes_compose_in_the_order_in_which_they_are_added() -> None:
    found, nets = networks()
    x = numbers(6, 3)
    double = nets.piped("generator", lambda y: 2 * y)
    both = double.piped("generator", lambda y: y + 1)
    plain = found["generator"](x).detach()
    torch.testing.assert_close(double["generator"](x), 2 * plain)
    torch.testing.assert_close(both["generator"](x), 2 * plain + 1)
    torch.testing.assert_close(nets["generator"](x), plain)  # the networks it came from are as they were
    data = numbers(6, 2)
    torch.testing.assert_close(both["discriminator"](data), found["discriminator"](data).detach())


def test_a_pipe_stays_through_a_step() -> None:
    _, nets = networks(SGD(0.1))
    piped = nets.piped("generator", lambda y: y * 0 + 3)
    moved = piped.descend(PLAYERS[0], batch())
    assert torch.equal(moved["generator"](numbers(4, 3)), torch.full((4, 2), 3.0, dtype=torch.float64))
    z = batch().z
    alone = nets.descend(PLAYERS[0], batch())
    assert not torch.allclose(moved["discriminator"](z[:, :2]), alone["discriminator"](z[:, :2]))  # it saw the pipe


@pytest.mark.parametrize(
    ("rule", "make"),
    [
        (SGD(0.3), lambda p: torch.optim.SGD(p, lr=0.3)),
        (SGD(0.3, 0.9), lambda p: torch.optim.SGD(p, lr=0.3, momentum=0.9)),
        (Adam(0.05, 0.5, 0.9), lambda p: torch.optim.Adam(p, lr=0.05, betas=(0.5, 0.9))),
    ],
    ids=["sgd", "momentum", "adam"],
)
def test_descend_is_a_step_of_torch(rule: Optimizer, make: Any) -> None:
    found, nets = networks(rule)
    start = nets.flats["discriminator"].clone()
    optimizer = make(found["discriminator"].parameters())
    moved = nets
    for _ in range(3):
        moved = moved.descend(PLAYERS[0], batch())
        optimizer.zero_grad()
        real, fake = found["discriminator"](batch().real), found["discriminator"](found["generator"](batch().z))
        (nn.functional.softplus(-real).mean() + nn.functional.softplus(fake).mean()).backward()
        optimizer.step()
    theirs = torch.cat([p.detach().flatten() for p in found["discriminator"].parameters()])
    torch.testing.assert_close(moved.flats["discriminator"], theirs, rtol=0, atol=1e-13)
    x = numbers(5, 2, seed=9)
    torch.testing.assert_close(moved["discriminator"](x), found["discriminator"](x).detach(), rtol=0, atol=1e-12)
    assert torch.equal(moved.flats["generator"], nets.flats["generator"])
    assert torch.equal(nets.flats["discriminator"], start)


@pytest.mark.parametrize("rule", [SGD(0.3), SGD(0.3, 0.9), Adam(0.05, 0.5, 0.9)], ids=["sgd", "momentum", "adam"])
def test_the_derivative_of_a_step_is_a_finite_difference(rule: Optimizer) -> None:
    """How the generator's loss after two steps of the critic depends on the generator: what unrolling needs."""
    _, nets = networks(rule)

    def unrolled(flat: Tensor) -> Tensor:
        start = Networks(nets.layout, {**nets.flats, "generator": flat}, nets.optimizers, nets.states)
        return generator_loss(start.descend(PLAYERS[0], batch()).descend(PLAYERS[0], batch()), batch())

    def frozen(flat: Tensor) -> Tensor:
        after = nets.descend(PLAYERS[0], batch()).descend(PLAYERS[0], batch())
        return generator_loss(Networks(nets.layout, {**after.flats, "generator": flat}), batch())

    flat = nets.flats["generator"]
    derivative, without, h = grad(unrolled)(flat), grad(frozen)(flat), 1e-5
    for seed in range(4):
        direction = numbers(len(flat), seed=20 + seed)
        difference = (unrolled(flat + h * direction) - unrolled(flat - h * direction)) / (2 * h)
        assert float(derivative @ direction) == pytest.approx(float(difference), rel=1e-6, abs=1e-8)
    assert (derivative - without).abs().max() > 1e-4  # the steps themselves carry a part of the derivative


def test_descend_works_for_each_member_of_a_stack() -> None:
    _, nets = networks(Adam(0.05))
    flats = {name: torch.stack([flat, 0.5 * flat]) for name, flat in nets.flats.items()}
    rule = Adam(0.05)
    states = {name: rule.init(flat) for name, flat in flats.items()}
    data = batch()

    def step(flats: dict[str, Tensor], states: dict[str, dict[str, Tensor]]) -> Tensor:
        return Networks(nets.layout, flats, nets.optimizers, states).descend(PLAYERS[0], data).flats["discriminator"]

    together = vmap(step)(flats, states)
    for i in range(2):
        one = step({k: v[i] for k, v in flats.items()}, {k: {n: s[i] for n, s in v.items()} for k, v in states.items()})
        torch.testing.assert_close(together[i], one, rtol=0, atol=1e-14)


def test_input_gradient_as_autograd() -> None:
    found, nets = networks()
    x = numbers(7, 2, seed=4).requires_grad_()
    (theirs,) = torch.autograd.grad(found["discriminator"](x).sum(), x)
    ours = input_gradient(nets["discriminator"], x.detach())
    assert ours.shape == (7, 2)
    torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-15)


def test_input_gradient_is_differentiable_again() -> None:
    """As a gradient penalty needs: the derivative of the mean squared slope by the critic's parameters."""
    found, nets = networks()
    x = numbers(7, 2, seed=4)

    def penalty(flat: Tensor) -> Tensor:
        D = Networks(nets.layout, {**nets.flats, "discriminator": flat})["discriminator"]
        return (input_gradient(D, x).norm(dim=1) - 1).square().mean()

    ours = grad(penalty)(nets.flats["discriminator"])
    y = x.clone().requires_grad_()
    (slope,) = torch.autograd.grad(found["discriminator"](y).sum(), y, create_graph=True)
    value = (slope.norm(dim=1) - 1).square().mean()
    theirs = torch.autograd.grad(value, list(found["discriminator"].parameters()), allow_unused=True)
    flat = [
        torch.zeros_like(p) if g is None else g
        for g, p in zip(theirs, found["discriminator"].parameters(), strict=True)
    ]
    torch.testing.assert_close(ours, torch.cat([g.flatten() for g in flat]), rtol=0, atol=1e-14)
    assert ours.abs().max() > 1e-3
