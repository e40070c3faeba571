"""Layers against PyTorch's functional forms and by hand."""

import pytest
import torch
from torch import Tensor, nn
from torch.func import functional_call, vmap
from torch.nn.functional import batch_norm

from modescope.nets import BatchNorm, Maxout, Scale


def numbers(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def randomised(module: nn.Module) -> nn.Module:
    module.double()
    for index, parameter in enumerate(module.parameters()):
        parameter.data = numbers(*parameter.shape, seed=50 + index)
    return module


@pytest.mark.parametrize("eps", [1e-5, 0.3])
def test_batch_norm_is_that_of_torch_with_the_statistics_of_the_batch(eps: float) -> None:
    layer = BatchNorm(5, eps)
    randomised(layer)
    x = 3 * numbers(16, 5) + 2
    theirs = batch_norm(x, None, None, layer.weight, layer.bias, training=True, eps=eps)
    torch.testing.assert_close(layer(x), theirs, rtol=0, atol=1e-12)


def test_gradients_of_batch_norm() -> None:
    layer = BatchNorm(4)
    randomised(layer)
    x, weights = numbers(9, 4, seed=1).requires_grad_(), numbers(9, 4, seed=2)
    theirs = batch_norm(x, None, None, layer.weight, layer.bias, training=True)
    wanted = torch.autograd.grad((theirs * weights).sum(), [x, layer.weight, layer.bias])
    found = torch.autograd.grad((layer(x) * weights).sum(), [x, layer.weight, layer.bias])
    for ours, reference in zip(found, wanted, strict=True):
        torch.testing.assert_close(ours, reference, rtol=0, atol=1e-11)


def test_batch_norm_is_the_same_in_evaluation_and_keeps_no_state() -> None:
    layer = BatchNorm(3).double()
    x = 5 + numbers(8, 3)
    trained = layer(x)
    assert torch.equal(layer.eval()(x), trained)
    torch.testing.assert_close(trained.mean(0), torch.zeros(3, dtype=torch.float64), rtol=0, atol=1e-12)
    torch.testing.assert_close(trained.var(0, correction=0), torch.ones(3, dtype=torch.float64), rtol=1e-4, atol=0)
    assert not list(layer.buffers())
    assert {name for name, _ in layer.named_parameters()} == {"weight", "bias"}


def test_maxout_by_hand() -> None:
    layer = Maxout(3, 4, 5)
    randomised(layer)
    x = numbers(7, 3)
    weight, bias = layer.linear.weight.detach().view(4, 5, 3), layer.linear.bias.detach().view(4, 5)
    by_hand = torch.empty(7, 4, dtype=torch.float64)
    for row in range(7):
        for unit in range(4):
            by_hand[row, unit] = max(float(weight[unit, piece] @ x[row] + bias[unit, piece]) for piece in range(5))
    torch.testing.assert_close(layer(x).detach(), by_hand, rtol=0, atol=1e-12)


def test_maxout_of_one_piece_is_linear() -> None:
    layer = Maxout(3, 4, 1)
    randomised(layer)
    x = numbers(7, 3)
    torch.testing.assert_close(layer(x), layer.linear(x), rtol=0, atol=1e-15)


def test_maxout_can_be_any_activation() -> None:
    """The absolute value is the larger of x and -x."""
    layer = Maxout(1, 1, 2).double()
    layer.linear.weight.data = torch.tensor([[1.0], [-1.0]], dtype=torch.float64)
    layer.linear.bias.data.zero_()
    x = numbers(9, 1)
    torch.testing.assert_close(layer(x).detach(), x.abs())


def test_scale() -> None:
    x = numbers(2, 3, 4)
    assert torch.equal(Scale(0.25)(x), x / 4)
    assert not list(Scale(2.0).parameters())


@pytest.mark.parametrize("layer", [BatchNorm(3), Maxout(3, 2, 4), Scale(0.5)], ids=lambda layer: type(layer).__name__)
def test_layers_map_over_members(layer: nn.Module) -> None:
    layer.double()
    stack = {name: numbers(2, *parameter.shape, seed=7) for name, parameter in layer.named_parameters()}
    x = numbers(2, 6, 3)
    together = vmap(lambda params, x: functional_call(layer, params, x))(stack, x)
    for member in range(2):
        one = functional_call(layer, {name: part[member] for name, part in stack.items()}, x[member])
        torch.testing.assert_close(together[member], one, rtol=0, atol=1e-13)
