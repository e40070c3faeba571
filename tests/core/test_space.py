"""The shapes that networks are asked for."""

from dataclasses import dataclass

import torch
from torch import nn

from modescope.core import Space


@dataclass(frozen=True)
class Spec:
    """Writes down what it is asked for."""

    name: str

    def build(self, inputs: int, outputs: int, shape: tuple[int, ...] = (), extra: int = 0) -> nn.Module:
        assert shape == (5,)
        module = nn.Linear(inputs, outputs)
        module.asked = self.name  # type: ignore[assignment]
        module.joined = extra  # type: ignore[assignment]
        return module


SPACE = Space((5,), 3, Spec("g"), Spec("c"), Spec("e"))


def shape(module: nn.Module) -> tuple[object, int, int]:
    assert isinstance(module, nn.Linear)
    return module.asked, module.in_features, module.out_features


def test_shapes() -> None:
    assert shape(SPACE.generator()) == ("g", 3, 5)
    assert shape(SPACE.generator(7)) == ("g", 3, 7)
    assert shape(SPACE.critic()) == ("c", 5, 1)
    assert shape(SPACE.critic(9)) == ("c", 5, 9)
    assert shape(SPACE.joint_critic()) == ("c", 8, 1)
    assert shape(SPACE.encoder()) == ("e", 5, 3)
    assert shape(SPACE.encoder(4, extra=2)) == ("e", 7, 4)
    assert shape(SPACE.decoder(4)) == ("g", 4, 5)


def test_critics_are_told_what_is_joined_to_a_sample() -> None:
    asked = (SPACE.critic(), SPACE.joint_critic(), SPACE.encoder(), SPACE.encoder(4, extra=2), SPACE.packed(2).critic())
    assert [network.joined for network in asked] == [0, 3, 0, 2, 0]


def test_packing_changes_what_critics_see_alone() -> None:
    packed = SPACE.packed(2).packed(3)
    assert shape(packed.critic()) == ("c", 30, 1)
    assert shape(packed.generator()) == ("g", 3, 5)
    assert shape(packed.encoder()) == ("e", 5, 3)
    assert shape(packed.decoder(4)) == ("g", 4, 30)
    assert SPACE.pack == 1


def test_every_call_builds_a_fresh_network() -> None:
    first, second = SPACE.generator(), SPACE.generator()
    assert first is not second
    assert not torch.equal(next(first.parameters()), next(second.parameters()))
