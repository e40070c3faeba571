"""The optimisers against torch.optim, and their derivatives."""

import copy
from collections.abc import Callable, Iterable

import pytest
import torch
from torch import Tensor, nn
from torch.func import grad
from torch.nn.utils import parameters_to_vector, vector_to_parameters

from modescope.core.optim import SGD, Adam, Optimizer, RMSprop, learning_rate_factor

Reference = Callable[[Iterable[Tensor]], torch.optim.Optimizer]

RULES: dict[str, tuple[Optimizer, Reference]] = {
    "sgd": (SGD(0.05), lambda p: torch.optim.SGD(p, lr=0.05)),
    "sgd-momentum": (SGD(0.02, 0.9), lambda p: torch.optim.SGD(p, lr=0.02, momentum=0.9)),
    "adam-gan": (Adam(0.01, 0.5, 0.999), lambda p: torch.optim.Adam(p, lr=0.01, betas=(0.5, 0.999))),
    "adam-usual": (Adam(0.03, 0.9, 0.99, 1e-6), lambda p: torch.optim.Adam(p, lr=0.03, betas=(0.9, 0.99), eps=1e-6)),
    "adam-no-memory": (Adam(0.01, 0.0, 0.9), lambda p: torch.optim.Adam(p, lr=0.01, betas=(0.0, 0.9))),
    "rmsprop": (RMSprop(0.005), lambda p: torch.optim.RMSprop(p, lr=0.005)),
    "rmsprop-short": (RMSprop(0.01, 0.9, 1e-5), lambda p: torch.optim.RMSprop(p, lr=0.01, alpha=0.9, eps=1e-5)),
}


def numbers(*shape: int, seed: int = 0, dtype: torch.dtype = torch.float64) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


@pytest.mark.parametrize("name", RULES)
def test_quadratic_as_torch(name: str) -> None:
    rule, make = RULES[name]
    root = numbers(12, 12)
    curvature, slope = root @ root.T / 12 + torch.eye(12), numbers(12, seed=1)

    theirs = nn.Parameter(numbers(12, seed=2))
    optimizer = make([theirs])
    ours = theirs.detach().clone()
    state = rule.init(ours)
    for _ in range(50):
        theirs.grad = curvature @ theirs.detach() - slope
        optimizer.step()
        ours, state = rule.update(curvature @ ours - slope, state, ours)
    assert (ours - numbers(12, seed=2)).abs().min() > 1e-4  # every coordinate moved
    torch.testing.assert_close(ours, theirs.detach(), rtol=0, atol=1e-12)


@pytest.mark.parametrize("name", RULES)
def test_network_as_torch(name: str) -> None:
    rule, make = RULES[name]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        theirs = nn.Sequential(nn.Linear(3, 16), nn.ReLU(), nn.Linear(16, 1)).double()
    mine = copy.deepcopy(theirs)
    optimizer = make(theirs.parameters())
    flat = parameters_to_vector(mine.parameters()).detach()
    state = rule.init(flat)
    for step in range(50):
        x = numbers(32, 3, seed=step)  # a fresh batch each step
        y = (x.prod(1, keepdim=True)).sin()
        optimizer.zero_grad()
        (theirs(x) - y).square().mean().backward()
        optimizer.step()

        vector_to_parameters(flat, mine.parameters())
        gradient = torch.autograd.grad((mine(x) - y).square().mean(), list(mine.parameters()))
        flat, state = rule.update(parameters_to_vector(gradient), state, flat)
    torch.testing.assert_close(flat, parameters_to_vector(theirs.parameters()).detach(), rtol=0, atol=1e-12)


def test_single_precision_adam_stays_near_torch() -> None:
    rule, make = RULES["adam-gan"]
    theirs = nn.Parameter(numbers(20, dtype=torch.float32))
    optimizer, ours = make([theirs]), theirs.detach().clone()
    state = rule.init(ours)
    for step in range(200):
        gradient = numbers(20, seed=step, dtype=torch.float32)
        theirs.grad = gradient.clone()
        optimizer.step()
        ours, state = rule.update(gradient, state, ours)
    torch.testing.assert_close(ours, theirs.detach(), rtol=0, atol=2e-6)  # of steps that sum to about 1


@pytest.mark.parametrize("name", RULES)
def test_update_is_pure(name: str) -> None:
    rule, _ = RULES[name]
    params, gradient = numbers(5), numbers(5, seed=1)
    state = rule.init(params)
    _, state = rule.update(gradient, state, params)
    inputs = {"params": params.clone(), "gradient": gradient.clone(), **{k: v.clone() for k, v in state.items()}}
    first = rule.update(gradient, state, params)
    second = rule.update(gradient, state, params)
    assert torch.equal(first[0], second[0])
    for key, value in {"params": params, "gradient": gradient, **state}.items():
        assert torch.equal(value, inputs[key]), key


def column(*values: float) -> Tensor:
    return torch.tensor(values, dtype=torch.float64).unsqueeze(-1)


def row(rule: Optimizer, index: int) -> Optimizer:
    """The rule of one member, with plain numbers."""
    fields = {name: float(value[index]) if isinstance(value, Tensor) else value for name, value in vars(rule).items()}
    return type(rule)(**fields)


@pytest.mark.parametrize(
    "rule",
    [
        SGD(column(0.1, 0.01), column(0.0, 0.9)),
        Adam(column(0.1, 0.01), column(0.0, 0.9), column(0.9, 0.999)),
        RMSprop(column(0.1, 0.01), column(0.5, 0.99)),
    ],
    ids=lambda rule: type(rule).__name__,
)
def test_a_stack_steps_each_row_by_its_own_numbers(rule: Optimizer) -> None:
    params = numbers(2, 7)
    stacked, state = params, rule.init(params)
    alone = [params[i] for i in range(2)]
    rules = [row(rule, i) for i in range(2)]
    states = [r.init(p) for r, p in zip(rules, alone, strict=True)]
    for step in range(5):
        gradient = numbers(2, 7, seed=10 + step)
        stacked, state = rule.update(gradient, state, stacked)
        for i in range(2):
            alone[i], states[i] = rules[i].update(gradient[i], states[i], alone[i])
    torch.testing.assert_close(stacked, torch.stack(alone), rtol=0, atol=1e-14)
    assert not torch.allclose(stacked[0] - params[0], stacked[1] - params[1], atol=1e-3)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("rule", [Adam(0.1), RMSprop(0.1), SGD(0.1, 0.9)], ids=lambda rule: type(rule).__name__)
def test_steps_are_differentiable_at_zero_gradients(rule: Optimizer, dtype: torch.dtype) -> None:
    """Of a dead unit the gradient is exactly zero, where the slope of a square root is infinite."""

    def after_three_steps(gradient: Tensor) -> Tensor:
        params = torch.zeros_like(gradient)
        state = rule.init(params)
        for _ in range(3):
            params, state = rule.update(gradient, state, params)
        return (params * torch.arange(1, 5, dtype=dtype)).sum()

    gradient = torch.tensor([0.0, 0.0, 0.5, -2.0], dtype=dtype)
    derivative = grad(after_three_steps)(gradient)
    assert derivative.isfinite().all()
    assert (derivative[:2] < 0).all()  # a push on a dead unit moves it


def test_slope_of_a_first_step_at_zero() -> None:
    """With fresh moments Adam's step is g / (|g| + eps), whose slope at 0 is 1 / eps."""
    rule = Adam(1.0, 0.5, 0.999, 1e-8)
    zero = torch.zeros(1, dtype=torch.float64)
    slope = grad(lambda g: rule.update(g, rule.init(zero), zero)[0].sum())(zero)
    torch.testing.assert_close(slope, torch.tensor([-1e8], dtype=torch.float64), rtol=2e-4, atol=0)


@pytest.mark.parametrize("name", ["adam-gan", "rmsprop", "sgd-momentum"])
def test_derivative_through_steps_is_a_finite_difference(name: str) -> None:
    rule, _ = RULES[name]

    def after(start: Tensor) -> Tensor:
        params, state = start, rule.init(start)
        for _ in range(4):
            params, state = rule.update(params.sin() + params, state, params)
        return params.square().sum()

    start = numbers(6)
    derivative, h = grad(after)(start), 1e-6
    for i, direction in enumerate(torch.eye(6, dtype=torch.float64)):
        difference = (after(start + h * direction) - after(start - h * direction)) / (2 * h)
        assert float(derivative[i]) == pytest.approx(float(difference), rel=1e-6, abs=1e-9)


def schedulers(steps: int) -> dict[str, Callable[[torch.optim.Optimizer], torch.optim.lr_scheduler.LRScheduler]]:
    return {
        "constant": lambda o: torch.optim.lr_scheduler.ConstantLR(o, factor=1.0, total_iters=steps),
        "linear": lambda o: torch.optim.lr_scheduler.LinearLR(o, 1.0, 0.0, total_iters=steps),
        "cosine": lambda o: torch.optim.lr_scheduler.CosineAnnealingLR(o, T_max=steps, eta_min=0.0),
    }


@pytest.mark.parametrize("schedule", ["constant", "linear", "cosine"])
def test_learning_rate_factor_as_torch(schedule: str) -> None:
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=1.0)
    scheduler = schedulers(40)[schedule](optimizer)
    for step in range(41):
        assert learning_rate_factor(schedule, step / 40) == pytest.approx(scheduler.get_last_lr()[0], abs=1e-12)
        optimizer.step()
        scheduler.step()


def test_learning_rate_factor_at_the_ends() -> None:
    assert [learning_rate_factor(s, 0.0) for s in ("constant", "linear", "cosine")] == [1.0, 1.0, 1.0]
    assert [learning_rate_factor(s, 0.5) for s in ("constant", "linear")] == [1.0, 0.5]
    assert learning_rate_factor("cosine", 0.5) == pytest.approx(0.5)
    assert [learning_rate_factor(s, 1.0) for s in ("constant", "linear", "cosine")] == [1.0, 0.0, 0.0]
