"""How networks compute: half precision, the scale of losses, and the order of images in memory."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_leaves

import modescope as ms
from modescope.core import ModescopeError
from modescope.core.config import Training, members_of
from modescope.core.engine import Population
from modescope.core.numerics import LossScale, Numerics
from modescope.datasets.ring import Ring
from modescope.methods import build
from modescope.nets import MLP, Architecture, ConvCritic, ConvGenerator

SMALL = Architecture(latent_dim=3, generator=MLP(hidden=(8,)), critic=MLP(hidden=(8,)))
CONV = Architecture(
    latent_dim=4,
    generator=ConvGenerator(channels=(8, 4), kernel=3),
    critic=ConvCritic(channels=(4, 8), kernel=3, batch_norm="all"),
)


class Pictures(Ring):
    """Points of a ring, stretched over pictures."""

    @property
    def shape(self) -> tuple[int, ...]:
        return (2, 6, 6)

    def push(self, uniform: Tensor, normal: Tensor) -> Tensor:
        return super().push(uniform, normal).repeat_interleave(36, -1)


def population(spec: str = "gan", numerics: Numerics | None = None, seeds: int = 2, **settings: Any) -> Population:
    method, training = build(spec), Training(**{"steps": 32, "batch_size": 16, "lr": 1e-2, **settings})
    members = members_of(method, training, range(seeds))
    found = Population(method, Ring(), SMALL.space(2), training, members, numerics=numerics or Numerics())
    found.play = found.game_step
    return found


def pictures(numerics: Numerics, dtype: torch.dtype) -> Population:
    method, training, data = build("gan"), Training(batch_size=8, optimizer="sgd", lr=0.1), Pictures()
    members = members_of(method, training, [0])
    return Population(method, data, CONV.space(*data.shape), training, members, dtype=dtype, numerics=numerics)


def flats(trained: Population) -> Tensor:
    return torch.cat([flat.flatten() for flat in trained.state["flats"].values()]).double()


@pytest.mark.parametrize("spec", ["gan", "wgan-gp", "unrolled"])
def test_half_precision_is_that_of_the_networks_alone(spec: str) -> None:
    whole, half = population(spec), population(spec, Numerics(precision="bfloat16"))
    for trained in (whole, half):
        trained.advance(2)
    assert all(leaf.dtype != torch.bfloat16 for leaf in tree_leaves(half.state))
    assert half.sample(5).dtype == torch.float32
    gap = (flats(half) - flats(whole)).abs().max()
    assert 1e-7 < gap < 0.05  # other bits, the same training


def test_a_network_under_half_precision_multiplies_as_autocast_does() -> None:
    torch.manual_seed(0)
    network, x = nn.Sequential(nn.Linear(8, 8), nn.Tanh(), nn.Linear(8, 1)), torch.randn(16, 8)
    ours = Numerics(precision="bfloat16").caller(torch.device("cpu"))(network, dict(network.named_parameters()), (x,))
    with torch.autocast("cpu", torch.bfloat16):
        theirs = network(x)
    assert ours.dtype == torch.float32
    assert torch.equal(ours, theirs.float())
    assert not torch.equal(ours, network(x))


def test_the_scale_follows_that_of_pytorch() -> None:
    theirs = torch.amp.GradScaler("cpu", init_scale=8.0, growth_interval=3)
    weight = nn.Parameter(torch.ones(1))
    optimizer = torch.optim.SGD([weight], lr=0.1)
    ours, rule = LossScale(start=8.0, patience=3).init(torch.zeros(1)), LossScale(start=8.0, patience=3)
    for finite in (True, True, True, True, False, True, True, False, False, True, True, True, True, True, True):
        theirs.scale(weight.sum() * (1.0 if finite else torch.inf)).backward()
        theirs.step(optimizer)
        theirs.update()
        optimizer.zero_grad()
        ours = rule.after(ours, torch.tensor([finite]))
        assert float(ours["scale"]) == theirs.get_scale()


def test_scaled_losses_train_as_unscaled_ones() -> None:
    whole, half = (
        population("gan", numerics, optimizer="sgd", lr=0.1) for numerics in (None, Numerics(precision="float16"))
    )
    for trained in (whole, half):
        trained.advance(4)
    gap = (flats(half) - flats(whole)).abs().max()
    assert 1e-8 < gap < 1e-3
    losses = [trained.take_losses()["discriminator"] for trained in (whole, half)]
    assert torch.allclose(*losses, atol=1e-3)  # as they are, not scaled
    assert torch.equal(half.state["scales"]["generator"]["calm"], torch.tensor([4.0, 4.0]))


def test_a_gradient_that_overflows_skips_the_step_of_its_member_alone() -> None:
    half, alone = (population("gan", Numerics(precision="float16"), seeds) for seeds in (2, 1))
    half.state["scales"]["discriminator"]["scale"][1] = torch.inf
    before = half.state["flats"]["discriminator"].clone()
    for trained in (half, alone):
        trained.advance(1)
    now = half.state["flats"]["discriminator"]
    assert torch.equal(now[1], before[1])
    assert torch.allclose(now[0], alone.state["flats"]["discriminator"][0], atol=1e-6)
    assert not torch.equal(now[0], before[0])
    assert half.state["diverged"].tolist() == [-1, -1]


def test_a_member_whose_gradient_always_overflows_diverges() -> None:
    half = population("gan", Numerics(precision="float16"), seeds=1)
    half.state["flats"]["generator"][0, 0] = 1e6  # beyond what half precision holds
    half.advance(18)
    assert half.state["diverged"].tolist() == [16]  # 2^16 halved 17 times is below 1
    assert half.take_losses()["discriminator"].isfinite().all()


def test_scales_are_kept_in_checkpoints() -> None:
    unbroken, stopped, resumed = (population("gan", Numerics(precision="float16"), seeds=1) for _ in range(3))
    stopped.state["scales"]["generator"]["scale"] *= 2
    unbroken.state["scales"]["generator"]["scale"] *= 2
    unbroken.advance(3)
    stopped.advance(2)
    resumed.load_state_dict(stopped.state_dict())
    resumed.advance(1)
    ours, theirs = unbroken.state_dict(), resumed.state_dict()
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)


def test_channels_last_changes_the_order_alone() -> None:
    plain, ordered = (pictures(Numerics(channels_last=last), torch.float64) for last in (False, True))
    for trained in (plain, ordered):
        trained.advance(2)
    assert (flats(plain) - flats(ordered)).abs().max() < 1e-10


def test_channels_last_reaches_every_convolution() -> None:
    network, x = nn.Sequential(nn.Conv2d(3, 4, 3), nn.LeakyReLU(), nn.Conv2d(4, 8, 3)), torch.randn(2, 3, 8, 8)
    seen = []
    for layer in network:
        layer.register_forward_hook(lambda module, given, made: seen.append(made))
    Numerics(channels_last=True).caller(torch.device("cpu"))(network, dict(network.named_parameters()), (x,))
    assert all(made.is_contiguous(memory_format=torch.channels_last) for made in seen)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"precision": "bfloat"}, "unknown precision 'bfloat': did you mean 'bfloat16'"),
        ({"precision": "bfloat16", "dtype": "float64"}, "expected dtype 'float32' for the parameters"),
        ({"precision": "float16"}, "precision is 'float16' on device 'cpu', expected 'cuda', where it is fast"),
        ({"cuda_graphs": True}, "cuda_graphs needs device 'cuda', but device is 'cpu'"),
        ({"channels_last": True}, "channels_last is for one member at a time, but block is 32, expected 1"),
    ],
)
def test_what_makes_no_sense_is_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ModescopeError, match=message):
        ms.plan("ring", **settings)


def test_numerics_survive_the_config() -> None:
    planned = ms.plan("ring", precision="bfloat16", block=1, channels_last=True)
    plain = planned.encode()
    assert ms.Experiment.decode(plain).numerics == Numerics(precision="bfloat16", channels_last=True)
    for name in ("precision", "channels_last", "cuda_graphs"):  # as runs of before have it
        plain.pop(name)
    plain["training"].pop("accumulate")
    assert ms.Experiment.decode(plain) == ms.plan("ring", block=1)
