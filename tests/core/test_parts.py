"""Batches that are taken in parts train as whole ones do, or are refused with the reason."""

from dataclasses import dataclass, replace
from typing import Any, ClassVar

import pytest
import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_leaves

from modescope.core import Batch, ModescopeError, Networks
from modescope.core.config import Training, members_of
from modescope.core.engine import Population
from modescope.core.parts import Parts, over_batch
from modescope.datasets.ring import Ring
from modescope.methods import GAN, build
from modescope.nets import MLP, Architecture

RING = Ring()
SMALL = Architecture(latent_dim=3, generator=MLP(hidden=(8,)), critic=MLP(hidden=(8,)), encoder=MLP(hidden=(8,)))


def population(spec: str, architecture: Architecture = SMALL, **settings: Any) -> Population:
    method, training = build(spec), Training(**{"steps": 32, "batch_size": 24, "lr": 1e-2, **settings})
    members = members_of(method, training, [0, 1], {"critic_lr": [1e-2, 3e-2]})
    found = Population(method, RING, architecture.space(2), training, members, dtype=torch.float64)
    if training.accumulate == 1:
        found.play = found.game_step
    return found


def distance(a: Population, b: Population) -> float:
    pairs = zip(tree_leaves(a.state), tree_leaves(b.state), strict=True)
    return max(float((x - y).abs().max()) for x, y in pairs if x.numel())


@pytest.mark.parametrize(
    ("spec", "settings"),
    [
        ("gan", {"ema": 0.9, "order": "simultaneous"}),
        ("wgan-gp", {"order": "shared-batch"}),  # the uniforms of its segments go with their samples
        ("pacgan+wgan-gp", {}),  # a pack has one uniform
        ("pacgan+pacgan+r3gan", {}),
        ("instance-noise+pacgan+hinge", {}),
        ("pacgan+instance-noise+hinge", {}),  # noise of packs
        ("multimodal+veegan", {}),
        ("historical-averaging+spectral-norm+hinge", {}),
        ("began", {}),  # its balance reads the whole batch
    ],
)
def test_parts_train_as_the_whole(spec: str, settings: dict[str, Any]) -> None:
    whole, parts = (population(spec, accumulate=count, **settings) for count in (1, 3))
    for trained in (whole, parts):
        trained.advance(3)
    assert distance(whole, parts) < 1e-10


def test_parts_cover_the_batch_once_and_in_order() -> None:
    method = build("instance-noise+hinge")
    parts = Parts.of(method, SMALL.space(2), 12, 3)
    batch = {
        "real": torch.arange(24.0).reshape(1, 12, 2),
        "z": torch.arange(36.0).reshape(1, 12, 3),
        "u": torch.arange(12.0).reshape(1, 12),
        "noise": {name: torch.randn(1, *shape) for name, shape in method.noise(SMALL.space(2), 12).items()},
    }
    taken = [parts.take(batch, part) for part in range(3)]
    for name in ("real", "z", "u"):
        assert torch.equal(torch.cat([part[name] for part in taken], 1), batch[name])
    for name, noise in batch["noise"].items():
        assert torch.equal(torch.cat([part["noise"][name] for part in taken], 1), noise)


def test_noise_that_all_samples_share_goes_to_every_part() -> None:
    parts = Parts.of(build("sig", components=5), SMALL.space(2), 12, 3)
    noise = torch.randn(1, 5, 3)
    assert parts.axes == {"latents": None}
    assert all(parts.noise("latents", noise, part) is noise for part in range(3))


def test_parts_resume_bit_for_bit() -> None:
    unbroken, stopped, resumed = (population("pacgan", accumulate=2) for _ in range(3))
    unbroken.advance(5)
    stopped.advance(3)
    resumed.load_state_dict({name: value.clone() for name, value in stopped.state_dict().items()})
    resumed.advance(2)
    ours, theirs = unbroken.state_dict(), resumed.state_dict()
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)


@pytest.mark.parametrize(
    ("spec", "normed", "settings", "message"),
    [
        (
            "unrolled+gan",
            None,
            {},
            "in parts with UnrolledGAN: it does not state that its losses are means over samples",
        ),
        ("pacgan+top-k+gan", None, {}, "with TopK: "),
        ("forward-kl", None, {}, "with ForwardKL: "),
        ("minibatch-stddev", None, {}, "with MinibatchStddev: "),
        ("gan", "generator", {}, "the generator has a BatchNorm, which mixes the samples of a batch"),
        ("gan", "critic", {}, "the discriminator has a BatchNorm"),
        ("gan", None, {"accumulate": 5}, "batch_size is 24, expected a multiple of 5 to be taken in 5 parts"),
        ("pacgan", None, {"accumulate": 8}, "expected a multiple of 16 to be taken in 8 parts .* of packs of 2"),
    ],
)
def test_what_mixes_samples_is_refused(spec: str, normed: str | None, settings: dict[str, Any], message: str) -> None:
    architecture = replace(SMALL, **{normed: MLP(hidden=(8,), batch_norm=True)}) if normed else SMALL
    with pytest.raises(ModescopeError, match=message):
        population(spec, architecture, **{"accumulate": 2, **settings})
    population(spec, architecture)  # whole batches are no matter


def test_the_forms_of_the_forward_kl_that_average_are_taken_in_parts() -> None:
    assert build("forward-kl", form="bce").pointwise
    assert not build("forward-kl", form="sig").pointwise


def test_layers_of_others_that_mix_samples_are_found() -> None:
    assert over_batch(nn.Sequential(nn.Linear(2, 2), nn.Sequential(nn.BatchNorm1d(2)))) == "BatchNorm1d"
    assert over_batch(nn.Sequential(nn.Linear(2, 2), nn.LayerNorm(2), nn.GroupNorm(1, 2))) is None


@dataclass(frozen=True, kw_only=True)
class Inheriting(GAN):
    """Whoever changes a loss states anew what it is."""

    summary: ClassVar[str] = "A GAN whose critic sees the batch as a whole"

    def discriminator_loss(self, nets: Networks, batch: Batch) -> Tensor:
        return super().discriminator_loss(nets, batch).square()


def test_a_subclass_does_not_inherit_that_it_is_pointwise() -> None:
    training = Training(batch_size=8, accumulate=2)
    with pytest.raises(ModescopeError, match="with Inheriting"):
        Population(Inheriting(), RING, SMALL.space(2), training, members_of(GAN(), training, [0]))
