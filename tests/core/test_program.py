"""A captured step is the step, bit for bit; a compiled one is the step, but for rounding."""

import logging
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.func import grad, vmap
from torch.utils._pytree import tree_leaves

from modescope.core import ModescopeError
from modescope.core.config import Training, members_of
from modescope.core.engine import Population
from modescope.core.method import Method
from modescope.core.program import Program
from modescope.datasets.moons import TwoMoons
from modescope.methods import GAN, PacGAN
from modescope.nets import MLP, Architecture

DEEP = Architecture(
    latent_dim=3,
    generator=MLP(hidden=(8, 8), batch_norm=True, activation="elu"),
    critic=MLP(hidden=(6,), activation="maxout", input_scale=0.5),
)
SMALL = Architecture(latent_dim=2, generator=MLP(hidden=(6,)), critic=MLP(hidden=(6,), activation="softplus"))
KINDS: dict[str, tuple[Method, Architecture, dict[str, Any], torch.dtype]] = {
    "adam": (GAN(critic_steps=2), DEEP, {"ema": 0.9, "schedule": "cosine"}, torch.float64),
    "rmsprop": (PacGAN(), SMALL, {"optimizer": "rmsprop", "order": "simultaneous"}, torch.float32),
}


def population(kind: str, compiled: bool = False) -> Population:
    method, architecture, settings, dtype = KINDS[kind]
    training = Training(steps=20, batch_size=8, lr=1e-2, **settings)
    members = members_of(method, training, [0, 1], {"critic_lr": [1e-3, 1e-2]})
    space = architecture.space(2)
    return Population(method, TwoMoons(noise=0.1), space, training, members, dtype=dtype, compiled=compiled)


@pytest.mark.parametrize("kind", KINDS)
def test_captured_is_uncaptured_bit_for_bit(kind: str) -> None:
    captured, plain = population(kind), population(kind)
    plain.play = plain.game_step  # type: ignore[assignment]
    for _ in range(10):
        captured.advance(1)
        plain.advance(1)
        leaves = [tree_leaves(p.state) for p in (captured, plain)]
        assert len(leaves[0]) == len(leaves[1]) > 8
        for ours, theirs in zip(*leaves, strict=True):
            assert ours.dtype == theirs.dtype
            assert torch.equal(ours, theirs)


def swing(x: dict[str, Any], scale: list[Tensor]) -> dict[str, Any]:
    """Nested in, nested out, with a derivative and a map inside."""
    value = vmap(grad(lambda a: (a.sin() * scale[0]).sum()))(x["a"])
    return {"out": [value, x["b"]["c"] + 1], "same": x["b"]["c"] + 1, "kept": scale[0]}


def inputs(seed: int) -> tuple[dict[str, Any], list[Tensor]]:
    generator = torch.Generator().manual_seed(seed)
    draw = lambda *shape: torch.randn(shape, generator=generator, dtype=torch.float64)  # noqa: E731
    return {"a": draw(3, 4), "b": {"c": draw(2)}}, [draw(4)]


def test_the_function_runs_once_and_its_shape_stays() -> None:
    calls = []

    def counted(x: dict[str, Any], scale: list[Tensor]) -> dict[str, Any]:
        calls.append(1)
        return swing(x, scale)

    program = Program(counted)
    for seed in range(3):
        found, wanted = program(*inputs(seed)), swing(*inputs(seed))
        assert found.keys() == wanted.keys()
        assert torch.equal(found["out"][0], wanted["out"][0])
        assert torch.equal(found["out"][1], wanted["out"][1])
        assert torch.equal(found["same"], wanted["same"])
        assert torch.equal(found["kept"], wanted["kept"])
    assert len(calls) == 1


def test_equal_tensors_may_part_ways() -> None:
    def parting(x: Tensor) -> list[Tensor]:
        first, second, third = x * 2, x * 2, x.clone()
        first.add_(1)
        third[1:] = 0
        return [first, second, third, x]

    program, x = Program(parting), torch.arange(4.0)
    for _ in range(2):
        for ours, theirs in zip(program(x), parting(x), strict=True):
            assert torch.equal(ours, theirs)
    assert torch.equal(x, torch.arange(4.0))


def test_constants_of_two_kinds() -> None:
    """A tensor from outside, and one that is made anew in each run."""
    outside = torch.tensor([1.0, 2.0])

    def shifted(x: Tensor) -> dict[str, Tensor]:
        inside = torch.zeros(2) + torch.tensor([5.0, 7.0])
        return {"a": x + outside, "b": x - inside, "c": x * 1, "d": x / 1.0, "e": x.to(torch.int64) * 1}

    program = Program(shifted)
    for value in (0.0, 3.5):
        x = torch.full((2,), value)
        for name, theirs in shifted(x).items():
            ours = program(x)[name]
            assert ours.dtype == theirs.dtype
            assert torch.equal(ours, theirs)


def test_operations_with_several_results() -> None:
    def several(x: Tensor) -> list[Tensor]:
        highest, where = x.max(0)
        left, right = x.split([1, 2], 1)
        values, order = x.sort(1)
        return [highest, where, left.sum(0), right.sum(0), values, order, *x.unbind(0)]

    program = Program(several)
    for seed in range(3):
        x = torch.randn(2, 3, generator=torch.Generator().manual_seed(seed))
        assert all(torch.equal(ours, theirs) for ours, theirs in zip(program(x), several(x), strict=True))


def test_a_course_that_depends_on_a_value_is_refused() -> None:
    with pytest.raises(ModescopeError, match="reads the value of a tensor"):
        Program(lambda x: x * x.sum().item())(torch.ones(2))
    with pytest.raises(ModescopeError, match="reads the value of a tensor"):
        Program(lambda x: x if x.sum() > 0 else -x)(torch.ones(2))


def raise_at_once(*_: Any, **__: Any) -> Any:
    raise RuntimeError("torch.compile is not supported on Python 9.9\nand more")


def raise_when_called(*_: Any, **__: Any) -> Callable[..., Any]:
    return raise_at_once


@pytest.mark.parametrize("broken", [raise_at_once, raise_when_called])
def test_without_a_compiler_steps_run_uncompiled_with_a_warning(
    broken: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(torch, "compile", broken)
    program = Program(swing, compiled=True)
    with caplog.at_level(logging.WARNING, logger="modescope"):
        found = [program(*inputs(seed)) for seed in range(3)]
    for seed in range(3):
        assert torch.equal(found[seed]["out"][0], swing(*inputs(seed))["out"][0])
    records = [record for record in caplog.records if record.name == "modescope"]
    assert [record.levelname for record in records] == ["WARNING"]  # once, not at each step
    message = records[0].getMessage()
    assert "run uncompiled" in message
    assert "RuntimeError: torch.compile is not supported on Python 9.9)" in message
    assert "\n" not in message


def test_an_error_of_the_function_is_no_lack_of_a_compiler() -> None:
    def wrong(x: Tensor) -> Tensor:
        raise ValueError("the loss has a fault")

    with pytest.raises(ValueError, match="the loss has a fault"):
        Program(wrong, compiled=True)(torch.zeros(1))


@pytest.mark.slow  # the compiler takes the better part of a minute
def test_compiled_is_eager_but_for_rounding(caplog: pytest.LogCaptureFixture) -> None:
    compiled, eager = population("adam", compiled=True), population("adam")
    compiled.advance(20)
    eager.advance(20)
    warned = [record.getMessage() for record in caplog.records if record.name == "modescope"]
    assert warned == []  # or the compiler does not work here, and eager would be compared with itself
    for ours, theirs in zip(tree_leaves(compiled.state), tree_leaves(eager.state), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-6, atol=1e-6)
    torch.testing.assert_close(compiled.sample(9), eager.sample(9), rtol=0, atol=1e-6)
