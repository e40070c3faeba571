"""The contract that every method and every composition of methods holds, and that the checks can fail."""

import itertools
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import pytest
import torch
from torch import Tensor
from torch.nn.functional import softplus

from modescope.core import Batch, Builder, Method, ModescopeError, Networks, Player, Space, TwoPlayer, Wrapper
from modescope.core.method import holds
from modescope.methods import GAN, METHODS, ForwardKL, build
from modescope.methods.gdpp import sees_single_samples
from modescope.testing import (
    CHECKS,
    Case,
    check_config,
    check_divergence,
    check_gradients,
    check_losses,
    check_method,
    check_observations,
    check_parts,
    check_recording,
    check_resume,
    check_roles,
    check_samples,
    check_stack,
    check_start,
    check_sweeps,
    check_training,
    check_wrappers,
    generator,
)

Check = Callable[[Case], None]

FEWER: dict[str, dict[str, Any]] = {"wgan-gp": {"critic_steps": 2}, "unrolled": {"unroll": 2}}  # to save time
FEWER |= {"wgan": {"critic_steps": 2}, "mmd-gan": {"critic_steps": 1, "code_dim": 3}}
SMALL_LBT = {"unroll": 2, "rounds": 1, "variance": 0.1}  # a variance for which SGD's step is not too long
FEWER |= {"lbt": SMALL_LBT, "lbt-gan": SMALL_LBT}
FEWER |= {"bourgan": {"points": 16, "sets": 2}}
FEWER |= {"began": {"gamma": 1.0}}  # with which its balance moves within the first steps
ONLY_DIFFERENCES = ("discriminator.4.bias",)  # of scores enter these losses, so the critic's last bias stays
UNREACHED = {"wgan-gp": ONLY_DIFFERENCES, "r3gan": ONLY_DIFFERENCES}
UNREACHED |= {"wgan": ONLY_DIFFERENCES, "rpgan": ONLY_DIFFERENCES}
UNREACHED |= {"hinge": ONLY_DIFFERENCES}  # at the start all scores lie within the margin, and the pulls cancel
INERT = {"forward-kl": ("low", "high", "clip")}
INERT |= {"fgan": ("pi", "power"), "ratio": ("pi",)}
RECORDED = tuple(METHODS)
SEVERAL_GENERATORS = ("mad-gan",)


def case_of(name: str, **options: Any) -> Case:
    return Case(method=build(name, **FEWER.get(name, {})), unreached=unreached(name), **options)


def unreached(spec: str) -> tuple[str, ...]:
    """The parameters that no gradient should reach; statistics of the batch move the critic's last layer by one."""
    *outer, inner = spec.split("+")
    layer = 4 + sum(name.startswith("minibatch") for name in outer)
    return tuple(name.replace(".4.", f".{layer}.") for name in UNREACHED.get(inner, ()))


@pytest.mark.parametrize("check", [check for check in CHECKS if check is not check_recording], ids=lambda c: c.__name__)
@pytest.mark.parametrize("name", METHODS)
def test_every_method(name: str, check: Check) -> None:
    check(case_of(name, inert=INERT.get(name, ())))


@pytest.mark.parametrize("name", RECORDED)
def test_replayed_steps_give_the_same_bits(name: str) -> None:
    check_recording(case_of(name))


@pytest.mark.parametrize("name", [name for name in METHODS if name not in (*SEVERAL_GENERATORS, "bourgan")])
def test_methods_share_the_initial_generator(name: str) -> None:
    mine, common = (generator(case_of(which).population()) for which in (name, "gan"))
    assert mine.keys() == common.keys()
    assert all(torch.equal(mine[part], common[part]) for part in common)


@pytest.mark.parametrize(
    ("form", "inert"),
    [
        ("ratio", ("sigma_start", "sigma_end", "low", "high")),
        ("bce", ("sigma_start", "sigma_end", "clip")),
        ("bce-swapped", ("sigma_start", "sigma_end", "clip")),
    ],
)
def test_the_other_forms_of_the_forward_kl(form: Any, inert: tuple[str, ...]) -> None:
    case = Case(method=ForwardKL(form=form), inert=inert, steps=4)
    for check in (check_losses, check_gradients, check_stack, check_sweeps):
        check(case)


def unfit(fits: Callable[[Method], bool], *outers: str) -> set[str]:
    """The pairs of wrappers with methods that they do not fit."""
    return {f"{outer}+{name}" for outer in outers for name, kind in METHODS.items() if not fits(kind())}


WRAPPERS = [name for name, kind in METHODS.items() if issubclass(kind, Wrapper)]
REFUSED = {"pacgan+ali", "pacgan+veegan", "pacgan+forward-kl"}
REFUSED |= {f"pacgan+{name}" for name in ("mode-regularized", "mdgan", "lbt", "lbt-gan", "sig", "imle")}
REFUSED |= {"unrolled+sig", "unrolled+imle", "multimodal+multimodal", "multimodal+bourgan", "pacgan+bourgan"}
REFUSED |= {"pacgan+mad-gan", "multimodal+mad-gan", "unrolled+mmd-net"}
REFUSED |= unfit(lambda base: bool(base.critics), "spectral-norm", "minibatch-stddev", "minibatch-discrimination")
REFUSED |= unfit(lambda base: base.packable, "instance-noise")
REFUSED |= unfit(lambda base: holds(base, "logistic"), "label-smoothing")
REFUSED |= unfit(lambda base: holds(base, "separable"), "top-k")
REFUSED |= unfit(sees_single_samples, "gdpp") | {"pacgan+msgan"}
CHAINS = ["unrolled+pacgan+wgan-gp", "pacgan+unrolled+r3gan", "forward-kl+unrolled+pacgan+lsgan"]
PAIRS = [f"{outer}+{inner}" for outer in WRAPPERS for inner in METHODS if f"{outer}+{inner}" not in REFUSED]
QUICK: tuple[Check, ...] = (check_roles, check_losses, check_gradients, check_config)


def pair(spec: str) -> Case:
    """A composition, with as few inner steps as there can be."""
    fields = {"unroll": 1} if "unrolled" in spec else {}
    critic = {"critic_steps": 1} if spec.endswith(("wgan", "wgan-gp", "mmd-gan")) else {}
    return Case(method=build(spec, **fields, **critic), unreached=unreached(spec), steps=3)


@pytest.mark.parametrize("spec", [*PAIRS, *CHAINS])
def test_every_composition_is_a_game(spec: str) -> None:
    for check in QUICK:
        check(pair(spec))


ALWAYS = {"unrolled", "pacgan"}  # the two that every paper composes with; the others' training is a long study


@pytest.mark.parametrize(
    "spec",
    [
        pytest.param(spec, marks=() if spec.split("+")[0] in ALWAYS or spec in CHAINS else pytest.mark.slow)
        for spec in (*PAIRS, *CHAINS)
    ],
)
def test_every_composition_trains(spec: str) -> None:
    for check in (check_stack, check_observations):
        check(pair(spec))


def test_fields_of_every_layer_sweep() -> None:
    check_sweeps(Case(method=build("unrolled+pacgan+lsgan", unroll=1)))


@pytest.mark.parametrize("spec", sorted(REFUSED))
def test_what_is_not_defined_is_refused_with_the_reason(spec: str) -> None:
    with pytest.raises(ModescopeError, match=r"^\w+ over .* is not defined(, since|:) "):
        build(spec)


def test_an_author_runs_all_checks_at_once() -> None:
    check_method(build("veegan"))


# The checks can fail: each of these breaks one rule.


COUNT = itertools.count(1)


@dataclass(frozen=True, kw_only=True)
class Broken(GAN):
    """A GAN with one fault."""

    fault: str = ""
    strength: float = 1.0

    def generator_loss(self, nets: Networks, batch: Batch) -> Tensor:
        score = nets["discriminator"](nets["generator"](batch.z))
        match self.fault:
            case "vector":
                return softplus(-score)
            case "infinite":
                return softplus(-score).mean() / torch.zeros_like(score).mean()
            case "random":
                return softplus(-score).mean() + torch.randn(())
            case "changes its batch":
                batch.z.mul_(0.5)
            case "detached":
                return softplus(-score.detach()).mean() + 0.0 * score.mean()
            case "not swept":
                return softplus(-score).mean() + 0.0 * self.strength
            case "counts":
                return softplus(-score).mean() * next(COUNT)
            case "not swept rightly":
                return (self.strength + float(isinstance(self.strength, Tensor))) * softplus(-score).mean()
        return self.strength * softplus(-score).mean()

    def sample(self, nets: Networks, z: Tensor) -> Tensor:
        x = nets["generator"](z)
        return x[:, :1] if self.fault == "samples" else x

    def memory(self, nets: Networks) -> dict[str, Tensor]:
        return {"mean": torch.zeros(())} if self.fault == "memory" else {}

    def remember(self, nets: Networks, batch: Batch) -> dict[str, Tensor]:
        return {"mean": torch.zeros(2)} if self.fault == "memory" else {}

    def observe(self, nets: Networks, batch: Batch) -> dict[str, Tensor]:
        return {"score": batch.z.mean(0)} if self.fault == "observations" else super().observe(nets, batch)


@dataclass(frozen=True, kw_only=True)
class OwnStart(GAN):
    """Starts from weights of its own."""

    def networks(self, space: Space) -> dict[str, Builder]:
        def build() -> Any:
            torch.rand(1)
            return space.generator()

        return {**super().networks(space), "generator": build}


@dataclass(frozen=True, kw_only=True)
class TwiceTrained(GAN):
    """Has two players for one network."""

    def players(self) -> tuple[Player, ...]:
        critic, generator = super().players()
        return critic, generator, replace(generator, name="second")


@dataclass(frozen=True, kw_only=True)
class Unforwarding(TwoPlayer):
    """Holds a field that JSON cannot."""

    thing: object = frozenset()

    def discriminator_loss(self, nets: Networks, batch: Batch) -> Tensor:
        return GAN().discriminator_loss(nets, batch)

    def generator_loss(self, nets: Networks, batch: Batch) -> Tensor:
        return GAN().generator_loss(nets, batch)


@dataclass(frozen=True, kw_only=True)
class FalselyPackable(GAN):
    """Compares samples with latents, but does not say that packs of samples do not suit it."""

    def generator_loss(self, nets: Networks, batch: Batch) -> Tensor:
        return super().generator_loss(nets, batch) + (nets["generator"](batch.z) - batch.z[:, :2]).square().mean()


@dataclass(frozen=True, kw_only=True)
class FalselyPointwise(GAN):
    """States that its loss is a mean over samples, but takes the square of a mean."""

    pointwise: ClassVar[bool] = True

    def generator_loss(self, nets: Networks, batch: Batch) -> Tensor:
        return super().generator_loss(nets, batch).square()


@pytest.mark.parametrize(
    ("method", "check", "message"),
    [
        (FalselyPointwise(), check_parts, "batches in 4 parts move the method by .* states that it is pointwise"),
        (Broken(fault="vector"), check_losses, "the loss of generator has shape"),
        (Broken(fault="infinite"), check_losses, "the loss of generator is inf"),
        (Broken(fault="random"), check_losses, "the loss of generator differs when called again"),
        (Broken(fault="changes its batch"), check_losses, "differs when called again|changes its inputs"),
        (Broken(fault="detached"), check_gradients, "no gradient reaches"),
        (Broken(fault="not swept"), check_sweeps, "sweeping strength .* changes nothing"),
        (Broken(fault="not swept rightly"), check_sweeps, "sweeping strength over its own value 1.0 moves a member"),
        (Broken(fault="samples"), check_samples, "5 samples have shape"),
        (Broken(fault="memory"), check_observations, "the memory mean is"),
        (Broken(fault="observations"), check_observations, "the observation score is"),
        (OwnStart(), check_start, "starts from its own weights"),
        (TwiceTrained(), check_roles, "expected each of the roles"),
        (Broken(fault="counts"), check_recording, "replayed steps differ"),
        (FalselyPackable(), check_wrappers, r"pacgan\+.*FalselyPackable fails, expected to train or to be refused"),
    ],
    ids=lambda part: getattr(part, "fault", None) or getattr(part, "__name__", type(part).__name__),
)
def test_a_check_can_fail(method: Method, check: Check, message: str) -> None:
    with pytest.raises((AssertionError, ModescopeError), match=message):
        check(Case(method=method))


def test_a_check_of_the_config_can_fail() -> None:
    with pytest.raises(ModescopeError, match="thing of Unforwarding is a frozenset"):
        check_config(Case(method=Unforwarding()))


@pytest.mark.parametrize(
    ("fault", "check"),
    [("lean", check_stack), ("forget", check_resume), ("idle", check_training), ("lean", check_divergence)],
)
def test_the_checks_of_training_can_fail(fault: str, check: Check, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a population whose members lean on each other, that forgets its place in the noise, or does nothing."""
    faithful = Case.population

    def faulty(case: Case, steps: int = 0, **options: Any) -> Any:
        population = faithful(case, 0 if fault == "idle" else steps, **options)
        if fault == "lean":
            for flat in population.state["flats"].values():
                flat.add_(1e-6 * len(population.members))
        if fault == "forget":
            population.batches.noise.state = lambda: {
                "streams": population.batches.noise.before,
                "position": torch.tensor(0),
            }
        return population

    monkeypatch.setattr(Case, "population", faulty)
    with pytest.raises((AssertionError, ModescopeError)):
        check(Case(method=GAN()))


@dataclass(frozen=True, kw_only=True)
class Odd(GAN):
    """A method whose loss is nonsense."""

    kind: str = "number"

    def generator_loss(self, nets: Networks, batch: Batch) -> Tensor:
        found = nets["discriminator"](nets["generator"](batch.z))
        return {"number": 0.5, "nothing": None, "rows": found}[self.kind]


@pytest.mark.parametrize(
    ("kind", "told"), [("number", "a float"), ("nothing", "a NoneType"), ("rows", r"of shape \(8, 1\)")]
)
def test_a_loss_that_is_none_is_told(kind: str, told: str) -> None:
    case = Case(method=Odd(kind=kind))
    with pytest.raises(ModescopeError, match=f"the loss of generator is {told}, expected a tensor with one number"):
        case.population(1)
    with pytest.raises(AssertionError, match=r"the loss of generator (is|has)"):
        check_losses(case)
