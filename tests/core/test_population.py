"""Members, streams, frozen members, samples, and checkpoints of a population."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import pytest
import torch
from safetensors.torch import load, save
from torch import Tensor, nn
from torch.utils._pytree import tree_leaves

from modescope.core import Batch, Method, ModescopeError, Networks, Player, Space, TwoPlayer
from modescope.core.config import Training, members_of
from modescope.core.engine import Population
from modescope.core.noise import seed_of
from modescope.datasets.ring import Ring
from modescope.methods import GAN, PacGAN
from modescope.nets import MLP, Architecture

RING = Ring()
SMALL = Architecture(latent_dim=3, generator=MLP(hidden=(8,)), critic=MLP(hidden=(8,)))
NORMED = Architecture(
    latent_dim=3,
    generator=MLP(hidden=(8,), batch_norm=True),
    critic=MLP(hidden=(6,), activation="maxout", init="orthogonal", input_scale=0.5),
)


@dataclass(frozen=True, kw_only=True)
class Counting(TwoPlayer):
    """A GAN with a hyper-parameter, a state of its own and extra noise, that can be made to burst.

    From `burst` to `until` of the run, the discriminator's loss is NaN (or its slope infinite), as are its parameters.
    """

    weight: float = 1.0
    burst: float = 9.0
    until: float = 99.0
    quietly: bool = False

    def noise(self, space: Space, batch_size: int) -> dict[str, tuple[int, ...]]:
        return {"shift": (), "jitter": (batch_size, 2)}

    def memory(self, nets: Networks) -> dict[str, Tensor]:
        return {"count": torch.tensor(0), "mean": torch.zeros(2)}

    def remember(self, nets: Networks, batch: Batch) -> dict[str, Tensor]:
        mean = 0.9 * batch.memory["mean"] + 0.1 * nets["generator"](batch.z).mean(0)
        return {"count": batch.memory["count"] + 1, "mean": mean}

    def discriminator_loss(self, nets: Networks, batch: Batch) -> Tensor:
        G, D = nets["generator"], nets["discriminator"]
        loss = self.weight * GAN().discriminator_loss(nets, batch)
        loss = loss + D(G(batch.z) + 0.1 * batch.noise["jitter"]).mean() * batch.noise["shift"]
        now = (batch.progress >= self.burst) & (batch.progress < self.until)
        if not self.quietly:
            return loss + torch.where(now, torch.nan, 0.0)
        level = D(batch.real).mean()
        zero = level - level.detach()
        return loss + torch.where(now, torch.where(now, zero, 1.0).sqrt(), 0.0)  # a root at 0: finite, its slope not

    def generator_loss(self, nets: Networks, batch: Batch) -> Tensor:
        drift = (batch.memory["mean"] - nets["generator"](batch.z).mean(0)).square().sum()
        return GAN().generator_loss(nets, batch) + self.weight * drift


def population(
    method: Method,
    seeds: Sequence[int] = (0, 1),
    sweep: dict[str, list[float]] | None = None,
    *,
    architecture: Architecture = SMALL,
    captured: bool = False,
    dtype: torch.dtype = torch.float64,
    **settings: Any,
) -> Population:
    training = Training(**{"steps": 32, "batch_size": 8, "lr": 1e-2, **settings})
    found = Population(
        method,
        RING,
        architecture.space(2),
        training,
        members_of(method, training, seeds, sweep),
        dtype=dtype,
    )
    if not captured:
        found.play = found.game_step  # type: ignore[assignment]  # capturing takes longer than a few dozen steps
    return found


def equal(a: Population, b: Population) -> bool:
    """Whether two populations are in the same state, bit for bit."""
    ours, theirs = a.state_dict(), b.state_dict()
    return ours.keys() == theirs.keys() and all(torch.equal(ours[name], theirs[name]) for name in ours)


# Initial parameters


def test_initial_parameters_depend_on_seed_and_role_alone() -> None:
    stack = population(GAN(), [4, 9, 2]).state["flats"]
    alone = population(GAN(), [9]).state["flats"]
    other = population(PacGAN(), [2, 9], {"lr": [0.1, 0.2]}).state["flats"]
    assert torch.equal(stack["generator"][1], alone["generator"][0])
    assert torch.equal(stack["discriminator"][1], alone["discriminator"][0])
    assert torch.equal(other["generator"], stack["generator"][[2, 1, 2, 1]])  # another method, the same start
    assert not torch.allclose(stack["generator"][0], stack["generator"][1])


def test_initial_parameters_are_drawn_by_the_seed_of_seed_and_role() -> None:
    flats = population(GAN(), [4]).state["flats"]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed_of(4, "discriminator"))
        theirs = nn.Sequential(nn.Linear(2, 8), nn.ReLU(), nn.Linear(8, 1))
    assert torch.equal(
        flats["discriminator"][0], torch.cat([p.detach().flatten().double() for p in theirs.parameters()])
    )


def test_global_generators_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    def touched(*_: object) -> None:
        raise AssertionError("an accelerator's generator was seeded")

    monkeypatch.setattr(torch.cuda, "manual_seed_all", touched)
    before = torch.get_rng_state()
    found = population(Counting(), captured=True)
    found.advance(2)
    found.sample(5)
    found.observe()
    found.load_state_dict(found.state_dict())
    assert torch.equal(torch.get_rng_state(), before)


def test_a_role_must_have_one_player() -> None:
    @dataclass(frozen=True, kw_only=True)
    class Idle(GAN):
        def players(self) -> tuple[Player, ...]:
            return super().players()[:1]

    with pytest.raises(ModescopeError, match=r"the players train \['discriminator'\], expected each of"):
        population(Idle())


def test_a_method_checks_the_batch_size() -> None:
    with pytest.raises(ModescopeError, match="batch_size is 9, expected a multiple of PacGAN's degree 2"):
        population(PacGAN(degree=2), batch_size=9)


# A member alone and in a stack

KINDS: dict[str, tuple[Callable[[], Method], Architecture, dict[str, Any]]] = {
    "gan": (GAN, SMALL, {}),
    "batch norm, maxout, average": (lambda: GAN(critic_steps=2), NORMED, {"ema": 0.8}),
    "pac": (lambda: PacGAN(degree=4), SMALL, {"order": "simultaneous"}),
    "memory and noise": (Counting, SMALL, {"order": "generator-first", "optimizer": "rmsprop"}),
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_member_is_the_same_alone_and_in_a_stack(kind: str) -> None:
    method, architecture, settings = KINDS[kind]
    seeds, sweep = [5, 3], {"lr": [1e-2, 3e-2]}
    stack = population(method(), seeds, sweep, architecture=architecture, **settings)
    stack.advance(10)
    assert len(stack.members) == 4
    for index, member in enumerate(stack.members):
        alone = population(
            method(), [member.seed], architecture=architecture, **{**settings, "lr": member.values["lr"]}
        )
        alone.advance(10)
        for ours, theirs in zip(tree_leaves(alone.state), tree_leaves(stack.state), strict=True):
            torch.testing.assert_close(ours[0], theirs[index], rtol=1e-9, atol=1e-9)
        torch.testing.assert_close(alone.sample(7)[0], stack.sample(7)[index], rtol=1e-9, atol=1e-9)
        for name, value in alone.observe().items():
            torch.testing.assert_close(value[0], stack.observe()[name][index], rtol=1e-9, atol=1e-9)


def test_a_swept_hyper_parameter_of_the_method_is_its_field() -> None:
    for wrap in (lambda m: m, lambda m: PacGAN(base=m)):
        method = wrap(Plain())
        stack = population(method, [1], {"weight": [0.5, 2.0]})
        stack.advance(6)
        for index, weight in enumerate((0.5, 2.0)):
            alone = population(wrap(Plain(weight=weight)), [1])
            alone.advance(6)
            torch.testing.assert_close(
                stack.state["flats"]["generator"][index], alone.state["flats"]["generator"][0], rtol=0, atol=1e-11
            )
        light, heavy = stack.state["flats"]["generator"]
        assert not torch.allclose(light, heavy, atol=1e-4)


@dataclass(frozen=True, kw_only=True)
class Plain(TwoPlayer):
    weight: float = 1.0

    def discriminator_loss(self, nets: Networks, batch: Batch) -> Tensor:
        return self.weight * GAN().discriminator_loss(nets, batch)

    def generator_loss(self, nets: Networks, batch: Batch) -> Tensor:
        loss = GAN().generator_loss(nets, batch)
        return loss + self.weight * nets["generator"](batch.z).square().mean()


def test_memory_progress_and_noise_reach_the_losses() -> None:
    seen: list[dict[str, Tensor]] = []

    @dataclass(frozen=True, kw_only=True)
    class Watching(Counting):
        def generator_loss(self, nets: Networks, batch: Batch) -> Tensor:
            loss = super().generator_loss(nets, batch)
            assert batch.noise["shift"].shape == ()
            assert batch.noise["jitter"].shape == (8, 2)
            assert batch.u.shape == (8,)
            assert batch.memory["mean"].shape == (2,)
            return loss + 0 * batch.progress

        def observe(self, nets: Networks, batch: Batch) -> dict[str, Tensor]:
            seen.append({"progress": batch.progress, "count": batch.memory["count"]})
            return {"count": batch.memory["count"].double()}

    found = population(Watching(), steps=8)
    found.advance(5)
    assert found.state["memory"]["count"].tolist() == [5, 5]
    assert found.state["memory"]["count"].dtype == torch.int64
    assert found.observe()["count"].tolist() == [5.0, 5.0]
    assert len(seen) == 1
    first, second = found.state["memory"]["mean"]
    assert not torch.allclose(first, second, atol=1e-3)


@pytest.mark.parametrize("order", ["critic-first", "generator-first", "simultaneous", "shared-batch"])
def test_memory_is_taken_after_the_step_on_its_last_batch(order: str) -> None:
    found = population(Counting(), [2], order=order)
    found.advance(1)
    view = found.layout.unflatten("generator", found.state["flats"]["generator"][0])["generator"]
    z = found.batches.batch(0, found.batches.noise.batches - 1)["z"][0]
    hidden = (z @ view["0.weight"].T + view["0.bias"]).clamp(min=0)
    mean = (hidden @ view["2.weight"].T + view["2.bias"]).mean(0)
    torch.testing.assert_close(found.state["memory"]["mean"][0], 0.1 * mean, rtol=0, atol=1e-13)


def test_progress_is_the_fraction_of_the_run() -> None:
    found = population(GAN(), steps=4, schedule="linear")
    clocks = []
    for _ in range(6):
        found.advance(1)
        clocks.append(found.batches.clocks[found.batches.noise.position - 1].tolist())
    assert clocks == [[0, 1, 0], [0.25, 0.75, 1], [0.5, 0.5, 2], [0.75, 0.25, 3], [1, 0, 4], [1, 0, 5]]


def test_beyond_the_end_a_linear_schedule_stands_still() -> None:
    found = population(GAN(), steps=4, schedule="linear", optimizer="sgd")
    found.advance(4)
    flats = found.state["flats"]
    found.advance(3)
    assert all(torch.equal(flats[name], found.state["flats"][name]) for name in flats)


def test_latents_of_training_and_of_evaluation_follow_the_prior() -> None:
    uniform = Architecture(latent_dim=3, prior="uniform", generator=MLP(hidden=(8,)), critic=MLP(hidden=(8,)))
    for architecture, inside in ((SMALL, False), (uniform, True)):
        found = population(GAN(), architecture=architecture, batch_size=256)
        found.advance(1)
        for z in (found.batches.batch(0, 0)["z"], found.latents(0, 512, "evaluation")):
            assert (float(z.abs().max()) < 1) is inside
            assert abs(float(z.mean())) < 0.1
            assert float(z.std()) == pytest.approx(3**-0.5 if inside else 1.0, rel=0.1)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_everything_has_the_dtype_that_was_asked_for(dtype: torch.dtype) -> None:
    found = population(Counting(), dtype=dtype, ema=0.5, schedule="cosine")
    found.advance(3)
    floats = [leaf for leaf in tree_leaves(found.state) if leaf.is_floating_point()]
    assert {leaf.dtype for leaf in (*floats, found.sample(4), *found.observe().values())} == {dtype}


# Frozen members


@pytest.mark.parametrize("quietly", [False, True], ids=["loss", "slope"])
@pytest.mark.parametrize("order", ["critic-first", "generator-first", "simultaneous"])
def test_a_member_that_bursts_is_frozen_and_the_others_go_on(order: str, quietly: bool) -> None:
    method = Counting(quietly=quietly)
    settings: dict[str, Any] = {"order": order, "ema": 0.5}
    mixed = population(method, [0, 1], {"burst": [9.0, 10 / 32]}, **settings)
    healthy = population(method, [0, 1], {"burst": [9.0, 8.0]}, **settings)
    mixed.advance(10)
    healthy.advance(10)
    at_ten = mixed.state
    assert equal(mixed, healthy)  # until then nothing differs
    mixed.advance(7)
    healthy.advance(7)

    assert mixed.state["diverged"].tolist() == [-1, -1, 10, 10]
    assert healthy.state["diverged"].tolist() == [-1] * 4
    assert mixed.state["clock"].tolist() == [17] * 4
    for part in ("flats", "optimizers", "memory", "ema", "losses", "steps"):
        leaves = [tree_leaves(p.state[part]) for p in (mixed, healthy)]
        for ours, theirs, before in zip(*leaves, tree_leaves(at_ten[part]), strict=True):
            assert ours.isfinite().all()
            assert torch.equal(ours[:2], theirs[:2]), part  # the healthy two, bit for bit
            assert torch.equal(ours[2:], before[2:]), part  # the frozen two, as they were before the step
    assert mixed.sample(5).isfinite().all()
    assert all(loss.isfinite().all() for loss in mixed.take_losses().values())


def test_a_burst_at_once_and_one_by_one() -> None:
    found = population(Counting(), [0], {"burst": [0.0, 3 / 32, 9.0]})
    start = found.state["flats"]["generator"][0].clone()
    found.advance(8)
    assert found.state["diverged"].tolist() == [0, 3, -1]
    assert torch.equal(found.state["flats"]["generator"][0], start)
    found.load_state_dict(found.state_dict())
    found.advance(2)
    assert found.state["diverged"].tolist() == [0, 3, -1]  # the first cause stays


def test_a_frozen_member_does_not_thaw() -> None:
    """Though its loss is finite again one step later, its place in the game is lost."""
    found = population(Counting(until=4 / 32), [0], {"burst": [3 / 32, 9.0]})
    found.advance(3)
    before = [leaf[0].clone() for leaf in tree_leaves(found.state["flats"])]
    found.advance(5)
    assert found.state["diverged"].tolist() == [3, -1]
    assert all(torch.equal(leaf[0], kept) for leaf, kept in zip(tree_leaves(found.state["flats"]), before, strict=True))


def test_a_rate_that_is_far_too_large() -> None:
    """No trick: plain descent on a squared score at a rate at which it overflows."""

    @dataclass(frozen=True, kw_only=True)
    class Squared(TwoPlayer):
        def discriminator_loss(self, nets: Networks, batch: Batch) -> Tensor:
            return nets["discriminator"](batch.real).square().mean()

        def generator_loss(self, nets: Networks, batch: Batch) -> Tensor:
            return nets["generator"](batch.z).square().mean()

    found = population(Squared(), [0], {"lr": [1e-2, 1e3]}, optimizer="sgd", dtype=torch.float32)
    found.advance(32)
    assert int(found.state["diverged"][0]) == -1
    assert 0 < int(found.state["diverged"][1]) < 32
    assert all(leaf.isfinite().all() for leaf in tree_leaves(found.state))


# Samples


def test_samples_depend_on_seed_and_purpose_alone() -> None:
    found = population(GAN(), [0, 1])
    first = found.sample(40)
    assert first.shape == (2, 40, 2)
    assert torch.equal(first, found.sample(40))
    assert not torch.allclose(first, found.sample(40, "figure"))
    assert not torch.allclose(first[0], first[1])
    again = population(GAN(), [7, 1])
    torch.testing.assert_close(again.sample(40)[1], first[1], rtol=0, atol=1e-14)
    found.advance(1)
    moved = found.sample(40)
    assert not torch.equal(first, moved)
    found.advance(0)
    assert torch.equal(moved, found.sample(40))  # the training's own streams have nothing to do with it


@pytest.mark.parametrize("prior", ["normal", "uniform"])
def test_more_samples_begin_with_fewer(prior: Any) -> None:
    """Of odd numbers too: PyTorch draws normals in blocks, and would begin the last one otherwise."""
    architecture = Architecture(latent_dim=3, prior=prior, generator=MLP(hidden=(8,)), critic=MLP(hidden=(8,)))
    found = population(GAN(), architecture=architecture)
    most = found.sample(2501)
    for n in (1, 7, 1024, 1025, 1501, 2047, 2500):
        torch.testing.assert_close(found.sample(n), most[:, :n], rtol=0, atol=1e-14)


def test_samples_are_the_generator_at_the_latents() -> None:
    found = population(GAN(), [3])
    found.advance(4)
    view = found.layout.unflatten("generator", found.state["flats"]["generator"][0])["generator"]
    z = torch.randn(1024, 3, generator=torch.Generator().manual_seed(seed_of(3, "evaluation"))).double()
    hidden = (z @ view["0.weight"].T + view["0.bias"]).clamp(min=0)
    x = hidden @ view["2.weight"].T + view["2.bias"]
    torch.testing.assert_close(found.sample(1024)[0], x, rtol=0, atol=1e-13)
    torch.testing.assert_close(found.sample(3)[0], x[:3], rtol=0, atol=1e-13)


def test_samples_are_what_is_generated_from_the_members_own_latents() -> None:
    found = population(GAN())
    z = torch.stack([found.latents(member.seed, 1024, "evaluation") for member in found.members])
    assert torch.equal(found.generated(z), found.sample(1024))
    assert not torch.equal(found.generated(z.flip(1)), found.sample(1024))


def test_samples_that_are_made_in_pieces_are_those_made_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    found = population(GAN())
    whole = found.sample(5000)
    monkeypatch.setattr("modescope.core.engine.AT_ONCE", 3000)
    torch.testing.assert_close(found.sample(5000), whole, rtol=0, atol=1e-14)


@pytest.mark.parametrize("ahead", [1, 300, 10**9])
def test_how_far_ahead_real_samples_are_mapped_changes_nothing(ahead: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("modescope.core.noise.CHUNK_STEPS", 5)
    usual = population(GAN())
    usual.advance(8)
    monkeypatch.setattr("modescope.core.batches.AHEAD", ahead)
    other = population(GAN())
    other.advance(3)
    again = population(GAN())
    again.load_state_dict(other.state_dict())
    for found in (other, again):
        found.advance(8 - found.step)
        assert equal(found, usual)


def test_few_samples_of_a_normalised_generator_are_taken_in_company() -> None:
    found = population(GAN(), architecture=NORMED)
    many = found.sample(1024)
    torch.testing.assert_close(found.sample(1), many[:, :1], rtol=0, atol=1e-14)


def test_the_average_is_what_is_sampled() -> None:
    found = population(GAN(), ema=0.9)
    found.advance(5)
    averaged = found.sample(6)
    found.state["flats"]["generator"] = found.state["ema"]["generator"]
    found.state["ema"] = {}
    assert torch.equal(found.sample(6), averaged)


def test_observations_are_of_one_fixed_batch() -> None:
    found = population(GAN(), [0, 1])
    seen = found.observe()
    assert {name: value.shape for name, value in seen.items()} == {"critic_real": (2,), "critic_fake": (2,)}
    assert torch.equal(found.observe()["critic_real"], seen["critic_real"])
    view = found.layout.unflatten("discriminator", found.state["flats"]["discriminator"][1])["discriminator"]
    x = RING.sample(8, torch.Generator().manual_seed(seed_of(1, "observation"))).double()
    hidden = (x @ view["0.weight"].T + view["0.bias"]).clamp(min=0)
    mean = (hidden @ view["2.weight"].T + view["2.bias"]).mean()
    torch.testing.assert_close(seen["critic_real"][1], mean, rtol=0, atol=1e-13)


def test_losses_are_means_since_they_were_last_taken() -> None:
    found, one_by_one = population(GAN()), population(GAN())
    found.advance(5)
    rows = []
    for _ in range(5):
        one_by_one.advance(1)
        rows.append(one_by_one.take_losses()["generator"])
    torch.testing.assert_close(found.take_losses()["generator"], torch.stack(rows).mean(0))
    found.advance(1)
    one_by_one.advance(1)
    assert torch.equal(found.take_losses()["generator"], one_by_one.take_losses()["generator"])


# Stopping and going on


@pytest.mark.parametrize("stop", [0, 1, 4, 5, 8, 11])
@pytest.mark.parametrize("kind", ["plain", "everything"])
def test_a_run_goes_on_bit_for_bit(kind: str, stop: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stops before, within, between and after chunks of four steps; through a file's bytes and back."""
    monkeypatch.setattr("modescope.core.noise.CHUNK_STEPS", 4)

    def fresh() -> Population:
        if kind == "plain":
            return population(GAN(), optimizer="sgd")
        settings: dict[str, Any] = {"ema": 0.9, "schedule": "cosine", "steps": 12}
        return population(Counting(), [0], {"burst": [9.0, 6 / 12]}, architecture=NORMED, **settings)

    whole, first, second = fresh(), fresh(), fresh()
    whole.advance(12)
    first.advance(stop)
    file = save(first.state_dict())
    first.advance(3)  # what happens after a checkpoint does not reach it
    second.advance(2)  # nor does what happened before it was loaded stay
    second.load_state_dict(load(file))
    assert second.step == stop
    second.advance(12 - stop)
    assert equal(second, whole)
    assert torch.equal(second.sample(3), whole.sample(3))
    if kind == "everything":
        assert whole.state["diverged"].tolist() == [-1, 6]


def test_a_checkpoint_is_not_an_alias() -> None:
    found = population(Counting(), ema=0.5, optimizer="sgd", momentum=0.9)
    found.advance(2)
    named = found.state_dict()
    kept = {name: value.clone() for name, value in named.items()}
    found.take_losses()
    found.advance(3)
    found.load_state_dict(named)
    found.advance(3)
    assert all(torch.equal(named[name], kept[name]) for name in kept)


def test_a_checkpoint_has_a_name_for_everything() -> None:
    named = population(Counting(), ema=0.5).state_dict()
    parts = {"step", "noise.streams", "noise.position", "steps", "clock", "diverged", "ema.generator"}
    parts |= {f"{part}.{player}" for part in ("flats", "losses") for player in ("generator", "discriminator")}
    parts |= {
        f"optimizers.{player}.{name}"
        for player in ("generator", "discriminator")
        for name in ("count", "mean", "square")
    }
    assert set(named) == parts | {"memory.count", "memory.mean"}


MISFITS: list[tuple[Callable[[dict[str, Tensor]], Any], str]] = [
    (lambda d: d.pop("flats.generator"), r"missing \['flats.generator'\], unexpected \[\]"),
    (lambda d: d.update(extra=torch.zeros(1)), r"missing \[\], unexpected \['extra'\]"),
    (
        lambda d: d.update({"clock": torch.zeros(3, dtype=torch.int64)}),
        r"clock is torch.int64 \(3,\), expected torch.int64 \(2,\)",
    ),
    (
        lambda d: d.update({"flats.generator": d["flats.generator"].float()}),
        r"flats.generator is torch.float32 \(2, 50\), expected torch.float64 \(2, 50\)",
    ),
    (lambda d: d.update({"noise.position": torch.tensor(99)}), "step 5 cannot be at 99 of a chunk of 64"),
    (lambda d: d.update({"step": torch.tensor(6)}), "step 6 cannot be at 5 of a chunk of 64"),
]


@pytest.mark.parametrize(("spoil", "message"), MISFITS, ids=[message[:30] for _, message in MISFITS])
def test_a_checkpoint_that_does_not_fit_is_refused(spoil: Callable[[dict[str, Tensor]], Any], message: str) -> None:
    found = population(GAN())
    found.advance(5)
    named = found.state_dict()
    spoil(named)
    other = population(GAN())
    before = {name: value.clone() for name, value in other.state_dict().items()}
    with pytest.raises(ModescopeError, match=f"^the checkpoint does not fit: .*{message}$"):
        other.load_state_dict(named)
    assert all(torch.equal(value, before[name]) for name, value in other.state_dict().items())  # nothing was loaded


def test_a_checkpoint_of_other_members_or_networks_is_refused() -> None:
    named = population(GAN(), [0, 1]).state_dict()
    for other in (population(GAN(), [0]), population(GAN(), architecture=NORMED), population(GAN(), optimizer="sgd")):
        with pytest.raises(ModescopeError, match=r"^the checkpoint does not fit: "):
            other.load_state_dict(named)
