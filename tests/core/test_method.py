"""The contract of a method: binding, what can be swept, and wrappers that forward everything."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
import torch
from torch import Tensor

from modescope.core import Batch, Method, ModescopeError, Networks, Space, TwoPlayer, Wrapper
from modescope.core.method import float_fields, layers
from modescope.methods import GAN
from modescope.nets import Architecture


@dataclass(frozen=True, kw_only=True)
class Weighted(TwoPlayer):
    pi: float = 0.5
    scale: float = 1.0
    pieces: int = 3
    label: str = "x"

    def discriminator_loss(self, nets: Networks, batch: Batch) -> Tensor:
        return self.pi * nets["discriminator"](batch.real).mean()

    def generator_loss(self, nets: Networks, batch: Batch) -> Tensor:
        return self.scale * nets["generator"](batch.z).mean()


@dataclass(frozen=True, kw_only=True)
class Stateful(Weighted):
    def noise(self, space: Space, batch_size: int) -> dict[str, tuple[int, ...]]:
        return {"code": (batch_size, 2)}

    def memory(self, nets: Networks) -> dict[str, Tensor]:
        return {"k": torch.tensor(0.25)}

    def remember(self, nets: Networks, batch: Batch) -> dict[str, Tensor]:
        return {"k": batch.memory["k"] + 1}

    def check(self, space: Space, batch_size: int) -> None:
        raise ModescopeError(f"checked {batch_size}")

    @property
    def packable(self) -> bool:
        return False


@dataclass(frozen=True, kw_only=True)
class Outer(Wrapper):
    base: Method = field(default_factory=Weighted)
    scale: float = 9.0
    degree: int = 2


def test_bind_replaces_by_path_and_changes_nothing_else() -> None:
    method = Outer(base=Outer(base=Weighted()))
    bound = method.bind({"scale": 1.5, "base.base.pi": torch.tensor(0.25), "base.scale": 2.5})
    assert isinstance(bound.base, Outer)
    assert isinstance(bound.base.base, Weighted)
    assert bound.scale == 1.5
    assert bound.base.scale == 2.5
    assert float(bound.base.base.pi) == 0.25
    assert bound.base.base.scale == 1.0
    assert bound.degree == 2
    assert method == Outer(base=Outer(base=Weighted()))  # the original is as it was


def test_bind_does_not_validate() -> None:
    """A traced tensor has no truth value, so the checks of `__post_init__` must not run."""
    assert isinstance(GAN().bind({"critic_steps": torch.tensor(2.0)}).critic_steps, torch.Tensor)


def test_real_valued_fields_can_be_swept() -> None:
    assert float_fields(Weighted()) == {"pi": "pi", "scale": "scale"}
    assert float_fields(GAN()) == {}


def test_fields_of_a_wrapped_method_keep_their_names_unless_hidden() -> None:
    assert float_fields(Outer(base=Weighted())) == {
        "scale": "scale",
        "pi": "base.pi",
        "base.pi": "base.pi",
        "base.scale": "base.scale",
    }
    deep = float_fields(Outer(base=Outer(base=Weighted())))
    assert deep["pi"] == "base.base.pi"
    assert deep["scale"] == "scale"
    assert deep["base.scale"] == "base.scale"
    assert deep["base.base.scale"] == "base.base.scale"


def test_layers_go_from_the_outside_in() -> None:
    inner = Weighted()
    middle = Outer(base=inner)
    outer = Outer(base=middle)
    assert layers(outer) == [outer, middle, inner]
    assert layers(inner) == [inner]


def test_a_wrapper_forwards_everything() -> None:
    base = Stateful()
    method = Outer(base=base)
    space = Architecture(latent_dim=3).space(2)
    batch = Batch(torch.zeros(4, 2), torch.zeros(4, 3), torch.zeros(4), memory={"k": torch.tensor(2.0)})
    nets: Any = {"generator": lambda z: z + 1, "discriminator": lambda x: x.sum(1, keepdim=True)}
    assert set(method.networks(space)) == {"generator", "discriminator"}
    assert method.players() == base.players()
    assert torch.equal(method.sample(nets, batch.z), batch.z + 1)
    assert method.noise(space, 4) == {"code": (4, 2)}
    assert float(method.memory(nets)["k"]) == 0.25
    assert float(method.remember(nets, batch)["k"]) == 3.0
    assert set(method.observe(nets, batch)) == {"critic_real", "critic_fake"}
    assert not method.packable
    with pytest.raises(ModescopeError, match="checked 4"):
        method.check(space, 4)


def test_a_wrapper_refuses_a_base_that_is_no_method() -> None:
    bad: Any = "gan"
    with pytest.raises(ModescopeError, match="base is 'gan', expected a method"):
        Outer(base=bad)


def test_defaults_of_a_method() -> None:
    method, space = Weighted(), Architecture().space(2)
    memory: Mapping[str, Tensor] = {"a": torch.ones(())}
    assert method.noise(space, 4) == {}
    assert method.memory(None) == {}  # type: ignore[arg-type]
    assert method.remember(None, Batch(torch.zeros(1), torch.zeros(1), torch.zeros(1), memory=memory)) == memory  # type: ignore[arg-type]
    assert method.packable
    method.check(space, 1)


def test_two_players_and_their_steps() -> None:
    critic, generator = GAN(critic_steps=3).players()
    assert (critic.name, critic.trains, critic.steps) == ("discriminator", ("discriminator",), 3)
    assert (generator.name, generator.trains, generator.steps) == ("generator", ("generator",), 1)
    for bad in (0, 1.5, "2"):
        with pytest.raises(ModescopeError, match=f"critic_steps is {bad!r}, expected a whole number of at least 1"):
            GAN(critic_steps=bad)  # type: ignore[arg-type]


def test_what_is_observed_of_two_players() -> None:
    nets: Any = {"generator": lambda z: 2 * z, "discriminator": lambda x: x.sum(1, keepdim=True)}
    seen = GAN().observe(nets, Batch(torch.full((4, 2), 3.0), torch.full((4, 2), 0.5), torch.zeros(4)))
    assert {name: float(value) for name, value in seen.items()} == {"critic_real": 6.0, "critic_fake": 2.0}
