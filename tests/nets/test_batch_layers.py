"""Layers that compare samples, against literal loops."""

import math

import pytest
import torch
from torch import nn
from torch.func import functional_call, grad, vmap

from modescope.core import ModescopeError
from modescope.nets import MLP
from modescope.nets.batch_layers import MinibatchDiscriminationLayer, MinibatchStddevLayer, before_last


def numbers(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.parametrize(("rows", "group"), [(8, 4), (12, 4), (6, 2), (3, 4), (8, 8)])
def test_stddev_by_hand(rows, group):
    x = numbers(rows, 3)
    out = MinibatchStddevLayer(group)(x)
    assert out.shape == (rows, 4)
    assert torch.equal(out[:, :3], x)
    size = min(group, rows)
    apart = rows // size
    for i in range(rows):
        members = [x[i % apart + apart * j].tolist() for j in range(size)]
        spreads = []
        for f in range(3):
            mean = sum(member[f] for member in members) / size
            spreads.append(math.sqrt(sum((member[f] - mean) ** 2 for member in members) / size + 1e-8))
        assert math.isclose(float(out[i, 3]), sum(spreads) / 3, rel_tol=1e-12)


def test_stddev_of_equal_samples_is_next_to_zero_with_a_finite_slope():
    x = torch.ones(4, 3, dtype=torch.float64)
    assert torch.allclose(MinibatchStddevLayer()(x)[:, 3], torch.full((4,), 1e-4, dtype=torch.float64))
    assert grad(lambda x: MinibatchStddevLayer()(x).sum())(x).isfinite().all()


def test_stddev_refuses_a_batch_in_no_groups():
    with pytest.raises(ModescopeError, match=r"^a batch of 6 comes in no groups of 4, expected a multiple$"):
        MinibatchStddevLayer()(torch.zeros(6, 2))


def test_discrimination_by_hand():
    layer = MinibatchDiscriminationLayer(3, kernels=4, dims=2).double()
    x = numbers(5, 3)
    out = layer(x).detach()
    assert out.shape == (5, 7)
    assert torch.equal(out[:, :3], x)
    T = layer.weight.detach().view(3, 4, 2)
    for i in range(5):
        for b in range(4):
            near = 0.0
            for j in range(5):
                if j != i:
                    near += math.exp(-sum(abs(float((x[i] - x[j]) @ T[:, b, c])) for c in range(2)))
            assert math.isclose(float(out[i, 3 + b]), near, rel_tol=1e-9)


def test_discrimination_counts_a_collapsed_batch_in_full():
    layer = MinibatchDiscriminationLayer(3).double()
    assert torch.allclose(layer(torch.ones(6, 3, dtype=torch.float64))[:, 3:], torch.tensor(5.0, dtype=torch.float64))
    assert torch.allclose(layer(100 * numbers(6, 3))[:, 3:], torch.zeros(6, 8, dtype=torch.float64), atol=1e-6)


def test_columns_start_at_about_length_one():
    lengths = MinibatchDiscriminationLayer(400).weight.norm(dim=0)
    assert 0.8 < lengths.min() < 1 < lengths.max() < 1.2


@pytest.mark.parametrize("make", [MinibatchStddevLayer, lambda: MinibatchDiscriminationLayer(3)])
def test_order_of_a_group_does_not_matter_and_members_map(make):
    layer = make().double()
    x = numbers(4, 3)
    order = torch.tensor([3, 1, 0, 2])
    torch.testing.assert_close(layer(x)[order], layer(x[order]))
    stack = {name: numbers(2, *part.shape, seed=7) for name, part in layer.named_parameters()}
    xs = numbers(2, 4, 3, seed=8)
    together = vmap(lambda params, x: functional_call(layer, params, x))(stack, xs)
    for member in range(2):
        alone = functional_call(layer, {name: part[member] for name, part in stack.items()}, xs[member])
        torch.testing.assert_close(together[member], alone)


@pytest.mark.parametrize("outputs", [1, 3])
def test_the_other_weights_are_those_of_the_plain_network(outputs):
    plain = lambda: MLP(hidden=(5, 6)).build(2, outputs)  # noqa: E731
    torch.manual_seed(3)
    expected = plain()
    torch.manual_seed(3)
    found = before_last(plain, "layer", lambda features: MinibatchDiscriminationLayer(features, 4))()
    assert [type(part).__name__ for part in found][-2:] == ["MinibatchDiscriminationLayer", "Linear"]
    assert found[-1].weight.shape == (outputs, 6 + 4)
    assert torch.equal(found[-1].weight[:, :6], expected[-1].weight)
    assert torch.equal(found[-1].bias, expected[-1].bias)
    for index in (0, 2):
        assert torch.equal(found[index].weight, expected[index].weight)
    x = torch.randn(7, 2)
    near = MinibatchDiscriminationLayer.forward(found[-2], found[:-2](x))[:, 6:]
    torch.testing.assert_close(found(x), expected(x) + near @ found[-1].weight[:, 6:].T)


def test_a_last_layer_without_bias_stays_so():
    build = lambda: nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 1, bias=False))  # noqa: E731
    assert before_last(build, "layer", lambda features: MinibatchStddevLayer())()[-1].bias is None


@pytest.mark.parametrize(
    ("build", "kind"),
    [(lambda: nn.Bilinear(2, 2, 1), "Bilinear"), (lambda: nn.Sequential(nn.Tanh()), "Sequential that ends in Tanh")],
)
def test_other_networks_are_refused_with_what_to_do(build, kind):
    with pytest.raises(ModescopeError) as error:
        before_last(build, "MinibatchStddevLayer", lambda features: MinibatchStddevLayer())()
    assert str(error.value) == (
        f"the critic is a {kind}, expected an nn.Sequential that ends in an nn.Linear, to put a MinibatchStddevLayer "
        "before it; hold a modescope.nets.batch_layers.MinibatchStddevLayer in a critic of your own instead"
    )


def test_an_empty_hidden_part_compares_the_samples_themselves():
    network = before_last(lambda: nn.Sequential(nn.Linear(2, 1)), "layer", lambda features: MinibatchStddevLayer(2))()
    assert network(torch.randn(4, 2)).shape == (4, 1)
