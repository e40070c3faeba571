"""A user's own networks, by import path: what works, and what is told in one sentence."""

import sys
from pathlib import Path

import pytest
import torch
from torch import nn
from torch.nn.functional import batch_norm

from modescope.core import ModescopeError
from modescope.core.config import Training, members_of
from modescope.core.engine import Population
from modescope.datasets.ring import Ring
from modescope.methods import GAN
from modescope.nets import MLP, Architecture, UserModule

SOURCE = """
import torch
from torch import nn
from torch.nn import functional as F


class Good(nn.Module):
    def __init__(self, inputs, outputs):
        super().__init__()
        self.first = nn.Linear(inputs, 8)
        self.last = nn.Linear(8, outputs)

    def forward(self, x):
        return self.last(F.relu_(self.first(x)))


class Normed(nn.Module):
    def __init__(self, inputs, outputs):
        super().__init__()
        self.first, self.norm, self.last = nn.Linear(inputs, 8), nn.BatchNorm1d(8), nn.Linear(8, outputs)

    def forward(self, x):
        return self.last(torch.tanh(self.norm(self.first(x))))


def factory(inputs, outputs):
    return nn.Sequential(nn.LazyLinear(5), nn.LayerNorm(5), nn.ReLU(inplace=True), nn.Linear(5, outputs))


def wide(inputs, outputs):
    return nn.Linear(inputs, outputs + 1)


def number(inputs, outputs):
    return 7


def one_argument(inputs):
    return nn.Linear(inputs, 2)


def dropout(inputs, outputs):
    return nn.Sequential(nn.Linear(inputs, 8), nn.Dropout(0.5), nn.Linear(8, outputs), nn.AlphaDropout(0.5))


def frozen(inputs, outputs):
    found = nn.Sequential(nn.Linear(inputs, 8), nn.Linear(8, outputs))
    found[0].requires_grad_(False)
    return found


def empty(inputs, outputs):
    return nn.Identity()


class Broken(Good):
    def forward(self, x):
        raise KeyError("no such thing")


class Noisy(Good):
    def forward(self, x):
        return super().forward(F.dropout(x, 0.5))


class Branching(Good):
    def forward(self, x):
        y = super().forward(x)
        return y if y.sum() > 0 else -y


class Pair(Good):
    def forward(self, x):
        return super().forward(x), x
"""


@pytest.fixture(autouse=True)
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A module `my_nets` in the current folder, for one test."""
    (tmp_path / "my_nets.py").write_text(SOURCE)
    (tmp_path / "no_nets.py").write_text("1 / 0\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    for name in ("my_nets", "no_nets"):
        monkeypatch.delitem(sys.modules, name, raising=False)


def test_a_class_from_the_current_folder() -> None:
    network = UserModule("my_nets:Good").build(3, 2)
    assert type(network).__name__ == "Good"
    assert network(torch.zeros(6, 3)).shape == (6, 2)


def test_a_function_with_lazy_layers() -> None:
    network = UserModule("my_nets:factory").build(3, 2)
    assert [tuple(p.shape) for p in network.parameters()] == [(5, 3), (5,), (5,), (5,), (2, 5), (2,)]


def test_a_class_from_an_installed_package() -> None:
    assert type(UserModule("torch.nn:Linear").build(3, 2)) is nn.Linear


def test_every_build_is_fresh() -> None:
    spec = UserModule("my_nets:Good")
    a, b = (torch.cat([p.flatten() for p in spec.build(3, 2).parameters()]) for _ in range(2))
    assert not torch.equal(a, b)


def test_batch_norm_of_torch_is_switched_to_the_statistics_of_the_batch() -> None:
    network = UserModule("my_nets:Normed").build(3, 2)
    norm = network.norm
    assert isinstance(norm, nn.BatchNorm1d)
    assert norm.running_mean is None
    assert norm.running_var is None
    assert not list(network.buffers())
    x = 4 + torch.randn(32, 3, generator=torch.Generator().manual_seed(0))
    for mode in (network.train(), network.eval()):
        hidden = batch_norm(mode.first(x), None, None, norm.weight, norm.bias, training=True)  # type: ignore[operator]
        torch.testing.assert_close(mode(x), mode.last(hidden.tanh()))  # type: ignore[operator]


@pytest.mark.parametrize("name", ["Good", "Normed", "factory"])
def test_they_train_in_a_population_as_alone(name: str) -> None:
    training = Training(steps=4, batch_size=8, lr=1e-2)
    own = UserModule(f"my_nets:{name}")
    space = Architecture(latent_dim=3, generator=own, critic=own).space(2)

    def trained(seeds: list[int]) -> Population:
        members = members_of(GAN(), training, seeds)
        found = Population(GAN(), Ring(), space, training, members, dtype=torch.float64)
        found.play = found.game_step  # type: ignore[assignment]  # capturing takes longer than four steps
        found.advance(4)
        return found

    stack, alone = trained([0, 1]), trained([1])
    torch.testing.assert_close(stack.sample(5)[1], alone.sample(5)[0], rtol=0, atol=1e-10)
    start = Population(GAN(), Ring(), space, training, members_of(GAN(), training, [1]), dtype=torch.float64)
    for player, flat in alone.state["flats"].items():
        moved = (flat - start.state["flats"][player]).abs()
        assert (moved > 1e-6).double().mean() > 0.5
    assert alone.state["diverged"].tolist() == [-1]


BAD = [
    ("my_nets", "'my_nets' is no import path like 'package.module:Name'"),
    (":Good", "':Good' is no import path like"),
    ("my_nets:", "'my_nets:' is no import path like"),
    ("your_nets:Good", "'your_nets:Good' cannot be imported: ModuleNotFoundError: No module named 'your_nets'"),
    ("no_nets:Good", "'no_nets:Good' cannot be imported: ZeroDivisionError: division by zero"),
    (
        "my_nets:Normd",
        "unknown network 'my_nets:Normd': did you mean 'my_nets:Normed'\\? the networks are my_nets:Branching, .*",
    ),
    ("os:kill", "'os:kill' is of Python's own library, expected one of your own or of an installed package"),
    ("collections.abc:Callable", "'collections.abc:Callable' is of Python's own library"),
    ("torch:Tensor", "'torch:Tensor' is a class that is no nn.Module"),
    ("my_nets:wide", r"'my_nets:wide' maps a batch of shape \(4, 3\) to \(4, 3\), expected \(4, 2\)"),
    ("my_nets:number", "'my_nets:number' returned a int, expected an nn.Module"),
    (
        "my_nets:one_argument",
        r"'my_nets:one_argument' cannot be built from \(3, 2\), its numbers of inputs and outputs: TypeError: .*",
    ),
    ("my_nets:dropout", r"'my_nets:dropout' has dropout \(1, 3\), whose noise is in no member's stream; remove it"),
    ("my_nets:frozen", r"parameters that require no gradient \(0.weight, 0.bias\), but a player trains all of them"),
    ("my_nets:empty", "'my_nets:empty' has no parameters, so there is nothing to train"),
    ("my_nets:Broken", r"'my_nets:Broken' fails on a batch of shape \(4, 3\): KeyError: 'no such thing'"),
    ("my_nets:Noisy", r"'my_nets:Noisy' fails on a batch of shape \(4, 3\): RuntimeError: .*random"),
    ("my_nets:Branching", r"'my_nets:Branching' fails on a batch of shape \(4, 3\): RuntimeError: .*data-dependent"),
    ("my_nets:Pair", r"'my_nets:Pair' fails on a batch of shape \(4, 3\): .*'tuple' object has no attribute 'shape'"),
]


@pytest.mark.parametrize(("path", "message"), BAD, ids=[path for path, _ in BAD])
def test_what_is_refused(path: str, message: str) -> None:
    with pytest.raises(ModescopeError, match=message) as caught:
        UserModule(path).build(3, 2)
    assert "\n" not in str(caught.value)
    assert "network" in str(caught.value)


def test_a_network_of_the_wrong_shape_is_refused_by_a_population() -> None:
    training = Training(steps=4, batch_size=8)
    space = Architecture(latent_dim=3, generator=UserModule("my_nets:wide"), critic=MLP()).space(2)
    with pytest.raises(ModescopeError, match="'my_nets:wide' maps"):
        Population(GAN(), Ring(), space, training, members_of(GAN(), training, [0]))


def test_what_fails_only_when_it_is_differentiated_is_refused(tmp_path, monkeypatch) -> None:
    (tmp_path / "odd_nets.py").write_text(
        "from torch import nn, ones\n"
        "class Counts(nn.Module):\n"
        "    def __init__(self, i, o):\n"
        "        super().__init__()\n"
        "        self.body = nn.Linear(i, o)\n"
        "        self.register_buffer('calls', ones(1))\n"
        "    def forward(self, x):\n"
        "        self.calls.add_(1)\n"
        "        return self.body(x)\n"
        "class Twice(nn.Module):\n"
        "    def __init__(self, i, o):\n"
        "        super().__init__()\n"
        "        self.a = nn.Linear(i, i)\n"
        "        self.b, self.c = self.a, nn.Linear(i, o)\n"
        "    def forward(self, x):\n"
        "        return self.c(self.b(self.a(x)))\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ModescopeError, match="Counts' fails on a batch"):
        UserModule("odd_nets:Counts").build(3, 2)
    with pytest.raises(ModescopeError, match="same layer twice, as a and b"):
        UserModule("odd_nets:Twice").build(3, 2)
