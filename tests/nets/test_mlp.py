"""Multilayer perceptrons: shapes, activations, and the laws that weights are drawn from."""

import math
from typing import Any

import numpy as np
import pytest
import torch
from scipy import stats
from torch import Tensor, nn

from modescope.core import ModescopeError
from modescope.nets import MLP, BatchNorm, Maxout, Scale


def built(spec: MLP, inputs: int, outputs: int, seed: int = 0) -> nn.Sequential:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = spec.build(inputs, outputs)
    assert isinstance(network, nn.Sequential)
    return network


def linears(network: nn.Module) -> list[nn.Linear]:
    return [module for module in network.modules() if isinstance(module, nn.Linear)]


@pytest.mark.parametrize("hidden", [(), (5,), (7, 3), (4, 4, 4)])
@pytest.mark.parametrize("activation", ["relu", "maxout"])
@pytest.mark.parametrize("batch_norm", [False, True])
def test_shapes(hidden: tuple[int, ...], activation: Any, batch_norm: bool) -> None:
    network = built(MLP(hidden=hidden, activation=activation, batch_norm=batch_norm, pieces=3), 6, 2)
    assert network(torch.zeros(10, 6)).shape == (10, 2)
    widths = [6, *hidden]
    pieces = 3 if activation == "maxout" else 1
    count = sum((a + 1) * b * pieces for a, b in zip(widths, hidden, strict=False)) + (widths[-1] + 1) * 2
    count += 2 * sum(hidden) if batch_norm else 0
    assert sum(p.numel() for p in network.parameters()) == count


ACTIVATIONS: dict[str, Any] = {
    "relu": lambda x: x.clamp(min=0),
    "leaky-relu": lambda x: torch.where(x > 0, x, 0.2 * x),
    "tanh": lambda x: 1 - 2 / (1 + (2 * x).exp()),
    "softplus": lambda x: (1 + x.exp()).log(),
    "elu": lambda x: torch.where(x > 0, x, x.exp() - 1),
}


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_forward_by_hand(activation: Any) -> None:
    network = built(MLP(hidden=(7, 4), activation=activation, input_scale=0.25), 3, 2).double()
    x = torch.randn(9, 3, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    y = 0.25 * x
    first, second, head = linears(network)
    for layer in (first, second):
        y = ACTIVATIONS[activation](y @ layer.weight.T + layer.bias)
    torch.testing.assert_close(network(x), y @ head.weight.T + head.bias, rtol=0, atol=1e-12)


def test_order_of_layers() -> None:
    def kinds(spec: MLP) -> list[type]:
        return [type(layer) for layer in built(spec, 3, 2)]

    assert kinds(MLP(hidden=(4, 4))) == [nn.Linear, nn.ReLU, nn.Linear, nn.ReLU, nn.Linear]
    assert kinds(MLP(hidden=(4,), batch_norm=True)) == [nn.Linear, BatchNorm, nn.ReLU, nn.Linear]
    assert kinds(MLP(hidden=(4,), activation="maxout", batch_norm=True)) == [Maxout, BatchNorm, nn.Linear]
    assert kinds(MLP(hidden=(), input_scale=0.25)) == [Scale, nn.Linear]


WIDE = (300, 500)


def weights(**given: Any) -> list[nn.Linear]:
    found = linears(built(MLP(hidden=WIDE, **given), 200, 100))
    assert [(layer.in_features, layer.out_features) for layer in found] == [(200, 300), (300, 500), (500, 100)]
    return found


def follows(x: Tensor, law: str, scale: float) -> bool:
    """Whether `x` is drawn from a law: normal of a standard deviation, or uniform within a bound."""
    sample = x.detach().double().flatten().numpy()[:20_000]
    if law == "normal":
        return bool(stats.kstest(sample / scale, "norm").pvalue > 1e-3)
    return bool(np.abs(sample).max() <= scale and stats.kstest(sample / scale / 2 + 0.5, "uniform").pvalue > 1e-3)


def test_torch_init_is_untouched() -> None:
    for layer in weights():
        bound = layer.in_features**-0.5
        assert follows(layer.weight, "uniform", bound)
        assert follows(layer.bias, "uniform", bound)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        plain = nn.Sequential(nn.Linear(3, 5), nn.ReLU(), nn.Linear(5, 2))
    for ours, theirs in zip(built(MLP(hidden=(5,)), 3, 2).parameters(), plain.parameters(), strict=True):
        assert torch.equal(ours, theirs)


def test_he() -> None:
    for layer in weights(init="he"):
        assert follows(layer.weight, "normal", math.sqrt(2 / layer.in_features))
        assert not layer.bias.any()


def test_xavier() -> None:
    for layer in weights(init="xavier"):
        assert follows(layer.weight, "normal", math.sqrt(2 / (layer.in_features + layer.out_features)))
        assert not layer.bias.any()


@pytest.mark.parametrize("gain", [0.02, 1.0])
def test_normal(gain: float) -> None:
    for layer in weights(init="normal", gain=gain):
        assert follows(layer.weight, "normal", gain)
        assert not layer.bias.any()


@pytest.mark.parametrize("gain", [0.8, 1.4])
def test_orthogonal(gain: float) -> None:
    for layer in weights(init="orthogonal", gain=gain):
        weight = layer.weight.detach().double()
        short = weight if weight.shape[0] <= weight.shape[1] else weight.T
        torch.testing.assert_close(short @ short.T, gain**2 * torch.eye(len(short)).double(), rtol=0, atol=1e-5)
        assert not layer.bias.any()


@pytest.mark.parametrize("init", ["torch", "he", "normal", "orthogonal"])
def test_biases_with_a_standard_deviation(init: Any) -> None:
    biases = torch.cat([layer.bias for layer in weights(init=init, bias=0.5)])
    assert follows(biases, "normal", 0.5)
    assert not torch.cat([layer.bias for layer in weights(init=init, bias=0.0)]).any()


def test_inits_reach_the_maps_of_maxout() -> None:
    (first, _) = linears(built(MLP(hidden=(200,), activation="maxout", init="normal", gain=0.02), 50, 1))
    assert first.out_features == 1000
    assert follows(first.weight, "normal", 0.02)
    assert not first.bias.any()


def test_batch_norm_starts_as_the_identity_of_standard_features() -> None:
    network = built(MLP(hidden=(6,), batch_norm=True, init="normal", gain=0.02, bias=3.0), 4, 2)
    (norm,) = [module for module in network.modules() if isinstance(module, BatchNorm)]
    assert torch.equal(norm.weight, torch.ones(6))
    assert torch.equal(norm.bias, torch.zeros(6))


def test_two_builds_differ_and_a_seed_repeats() -> None:
    spec = MLP(hidden=(4,), init="orthogonal", bias=0.1)
    a, b, c = (torch.cat([p.flatten() for p in built(spec, 3, 2, seed).parameters()]) for seed in (0, 0, 1))
    assert torch.equal(a, b)
    assert not torch.equal(a, c)


BAD: list[tuple[dict[str, Any], str]] = [
    ({"hidden": (8, 0)}, r"hidden is \(8, 0\), expected widths of at least 1"),
    (
        {"activation": "swish"},
        "activation is 'swish', expected one of relu, leaky-relu, leaky-relu-0.1, tanh, softplus, elu, maxout",
    ),
    ({"init": "zeros"}, "init is 'zeros', expected one of torch, he, xavier, normal, orthogonal"),
    ({"pieces": 0}, "pieces is 0, expected at least 1"),
    ({"gain": -1.0}, "gain is -1.0, expected at least 0"),
    ({"bias": math.nan}, "bias is nan, expected at least 0"),
]


@pytest.mark.parametrize(("given", "message"), BAD)
def test_bad_settings(given: dict[str, Any], message: str) -> None:
    with pytest.raises(ModescopeError, match=f"^{message}$"):
        MLP(**given)
