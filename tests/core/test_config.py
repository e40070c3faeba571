"""Settings of training, and who the members of a population are."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from modescope.core import Batch, Method, ModescopeError, Networks, TwoPlayer, Wrapper
from modescope.core.config import Member, Training, members_of, with_values
from modescope.core.errors import need
from modescope.core.optim import SGD, Adam, RMSprop
from modescope.methods import GAN, PacGAN

BAD: list[tuple[str, Any, str]] = [
    ("steps", -1, "steps is -1, expected a whole number of at least 0"),
    ("steps", 1e4, "steps is 10000.0, expected a whole number of at least 0"),
    ("batch_size", 0, "batch_size is 0, expected a whole number of at least 1"),
    ("batch_size", "64", "batch_size is '64', expected a whole number of at least 1"),
    ("optimizer", "adm", "unknown optimizer 'adm': did you mean 'adam'? the optimizers are adam, rmsprop, sgd"),
    ("optimizer", None, "unknown optimizer 'None': the optimizers are adam, rmsprop, sgd"),
    ("lr", -1e-3, "lr is -0.001, expected a finite number of at least 0"),
    ("lr", float("inf"), "lr is inf, expected a finite number of at least 0"),
    ("lr", None, "lr is None, expected a finite number of at least 0"),
    ("critic_lr", float("nan"), "critic_lr is nan, expected a finite number of at least 0"),
    ("beta1", 1.0, "beta1 is 1.0, expected a number in [0, 1)"),
    ("beta1", "a", "beta1 is 'a', expected a number in [0, 1)"),
    ("beta2", -0.1, "beta2 is -0.1, expected a number in [0, 1)"),
    ("momentum", 1.5, "momentum is 1.5, expected a number in [0, 1)"),
    ("alpha", float("nan"), "alpha is nan, expected a number in [0, 1)"),
    ("eps", 0, "eps is 0, expected a finite number of more than 0"),
    ("eps", float("inf"), "eps is inf, expected a finite number of more than 0"),
    (
        "schedule",
        "cosin",
        "unknown schedule 'cosin': did you mean 'cosine'? the schedules are constant, cosine, linear",
    ),
    ("ema", 1, "ema is 1, expected a number in [0, 1)"),
    (
        "order",
        "critic",
        "unknown order 'critic': did you mean 'critic-first'? "
        "the orders are critic-first, generator-first, shared-batch, simultaneous",
    ),
    ("accumulate", 0, "accumulate is 0, expected a whole number of at least 1"),
]


@pytest.mark.parametrize(("name", "value", "message"), BAD, ids=[f"{name}={value}" for name, value, _ in BAD])
def test_bad_settings_are_told_in_one_sentence(name: str, value: Any, message: str) -> None:
    with pytest.raises(ModescopeError) as caught:
        Training(**{name: value})
    assert str(caught.value) == message


def test_every_setting_is_checked() -> None:
    assert {name for name, _, _ in BAD} == set(Training.__dataclass_fields__)


def test_good_settings() -> None:
    limits: dict[str, Any] = {"steps": 0, "batch_size": 1, "lr": 0, "critic_lr": 0.0, "beta1": 0, "beta2": 0, "ema": 0}
    Training(**limits)
    Training(steps=np.int64(5), lr=np.float32(0.1))  # type: ignore[arg-type]
    for optimizer in ("adam", "sgd", "rmsprop"):
        for schedule in ("constant", "linear", "cosine"):
            for order in ("critic-first", "shared-batch", "generator-first", "simultaneous"):
                settings: dict[str, Any] = {"optimizer": optimizer, "schedule": schedule, "order": order}
                Training(**settings)


def test_rules() -> None:
    adam = Training(lr=0.1, critic_lr=0.2, beta1=0.3, beta2=0.4, eps=0.5)
    assert adam.rule("generator", {}) == Adam(0.1, 0.3, 0.4, 0.5)
    assert adam.rule("discriminator", {}) == Adam(0.2, 0.3, 0.4, 0.5)
    assert Training(lr=0.1).rule("encoder", {}) == Adam(0.1, 0.5, 0.999, 1e-8)
    assert Training(optimizer="sgd", lr=0.1, momentum=0.6).rule("generator", {}) == SGD(0.1, 0.6)
    assert Training(optimizer="rmsprop", lr=0.1, alpha=0.7, eps=0.5).rule("generator", {}) == RMSprop(0.1, 0.7, 0.5)
    assert Training(lr=0.1, critic_lr=0.0).rule("discriminator", {}).lr == 0.0  # 0 is a rate, not a missing one


def test_a_members_own_values_replace_settings() -> None:
    values = {"lr": torch.tensor([7.0]), "beta1": torch.tensor([0.75])}
    rule = Training(lr=0.1).rule("discriminator", values)
    assert isinstance(rule, Adam)
    assert (float(rule.lr), float(rule.beta1), rule.beta2) == (7.0, 0.75, 0.999)
    critic = Training(lr=0.1, critic_lr=0.2)
    assert critic.rule("discriminator", values).lr == 0.2
    own = {"critic_lr": torch.tensor([3.0])}
    assert float(critic.rule("discriminator", own).lr) == 3.0
    assert critic.rule("generator", own).lr == 0.1


@dataclass(frozen=True, kw_only=True)
class Weighted(TwoPlayer):
    pi: float = 0.5
    tau: float = 1.0
    pieces: int = 2

    def __post_init__(self) -> None:
        super().__post_init__()
        need(0 < self.pi < 1, f"pi is {self.pi}, expected a number in (0, 1)")

    def discriminator_loss(self, nets: Networks, batch: Batch) -> Tensor:
        return self.pi * nets["discriminator"](batch.real).mean()

    def generator_loss(self, nets: Networks, batch: Batch) -> Tensor:
        return self.tau * nets["discriminator"](nets["generator"](batch.z)).mean()


@dataclass(frozen=True, kw_only=True)
class Outer(Wrapper):
    base: Method = field(default_factory=Weighted)
    tau: float = 3.0


def test_members_without_a_sweep() -> None:
    members = members_of(GAN(), Training(), [5, 0, 2])
    assert [m.seed for m in members] == [5, 0, 2]
    assert [m.label for m in members] == ["seed 5", "seed 0", "seed 2"]
    assert {m.group for m in members} == {""}


def test_members_are_every_seed_with_every_combination() -> None:
    members = members_of(Weighted(), Training(), [1, 0], {"pi": [0.9, 0.1], "lr": [1e-3, 0.5, 2]})
    assert [(m.values["pi"], m.values["lr"], m.seed) for m in members] == [
        (pi, lr, seed) for pi in (0.9, 0.1) for lr in (1e-3, 0.5, 2) for seed in (1, 0)
    ]
    assert members[0].label == "pi=0.9, lr=0.001, seed 1"
    assert members[-1].label == "pi=0.1, lr=2, seed 0"
    assert members[1].group == "pi=0.9, lr=0.001"
    assert len({m.label for m in members}) == 12
    assert len({m.group for m in members}) == 6


def test_a_member_alone() -> None:
    assert Member(3).label == "seed 3"
    assert Member(3, {"pi": 0.25}).label == "pi=0.25, seed 3"
    labels = [Member(3, {"pi": value}).label for value in (0.1234567, 0.1234568)]
    assert labels == ["pi=0.1234567, seed 3", "pi=0.1234568, seed 3"]


def test_with_values_writes_into_the_method_and_the_training() -> None:
    method, training = with_values(Outer(), Training(), {"pi": 0.2, "tau": 5.0, "base.tau": 6.0, "beta1": 0.1})
    assert isinstance(method, Outer)
    assert method == Outer(base=Weighted(pi=0.2, tau=6.0), tau=5.0)
    assert training == Training(beta1=0.1)


SWEEPS: list[tuple[Method, Training, dict[str, Any], str]] = [
    (
        Weighted(),
        Training(),
        {"pieces": [1, 2]},
        "pieces cannot be swept in one population, expected one of pi, tau, lr, critic_lr, beta1, beta2; "
        "start one run for each value of pieces",
    ),
    (GAN(), Training(), {"critic_steps": [1, 2]}, "critic_steps cannot be swept .* each value of critic_steps"),
    (PacGAN(), Training(), {"critic_steps": [1]}, "critic_steps cannot be swept .* each value of critic_steps"),
    (PacGAN(), Training(), {"degree": [1, 2]}, "degree cannot be swept .* each value of degree"),
    (PacGAN(), Training(), {"base.critic_steps": [1]}, "base.critic_steps cannot be swept"),
    (GAN(), Training(), {"steps": [1, 2]}, "steps cannot be swept"),
    (GAN(), Training(), {"batch_size": [8]}, "batch_size cannot be swept"),
    (GAN(), Training(optimizer="sgd"), {"beta1": [0.1]}, "beta1 cannot be swept .* one of lr, critic_lr, momentum;"),
    (GAN(), Training(), {"momentum": [0.1]}, "momentum cannot be swept .* one of lr, critic_lr, beta1, beta2;"),
    (GAN(), Training(), {"lrr": [0.1]}, "unknown sweepable hyper-parameter 'lrr': did you mean 'lr'\\?"),
    (Weighted(), Training(), {"taux": [0.1]}, "unknown .* 'taux': did you mean 'tau'\\?"),
    (GAN(), Training(), {"memory": [0.1]}, "unknown .* 'memory': "),
    (Weighted(), Training(), {"pi": [0.5, 1.5]}, "^pi is 1.5, expected a number in \\(0, 1\\)$"),
    (Outer(), Training(), {"base.pi": [0.5, -1]}, "^pi is -1, expected a number in \\(0, 1\\)$"),
    (GAN(), Training(), {"lr": [1e-3, -1e-3]}, "^lr is -0.001, expected a finite number of at least 0$"),
    (GAN(), Training(), {"beta1": [1.0]}, "^beta1 is 1.0, expected a number in \\[0, 1\\)$"),
    (GAN(), Training(), {"lr": ["fast"]}, "^lr is 'fast', expected"),
    (GAN(), Training(), {"lr": []}, "^sweep of lr is empty, expected values$"),
    (GAN(), Training(), {"lr": [0.1, 0.2, 0.1]}, "^sweep of lr repeats a value: \\[0.1, 0.2, 0.1\\]$"),
]


@pytest.mark.parametrize(("method", "training", "sweep", "message"), SWEEPS)
def test_bad_sweeps_are_told_in_one_sentence(
    method: Method, training: Training, sweep: dict[str, Any], message: str
) -> None:
    with pytest.raises(ModescopeError, match=message) as caught:
        members_of(method, training, [0], sweep)
    assert "\n" not in str(caught.value)


def test_bad_seeds() -> None:
    with pytest.raises(ModescopeError, match="seeds is empty, expected at least one"):
        members_of(GAN(), Training(), [])
    with pytest.raises(ModescopeError, match=r"seeds \[0, 1, 0\] repeat, expected distinct ones"):
        members_of(GAN(), Training(), [0, 1, 0])
    with pytest.raises(ModescopeError, match=r"^seeds and sweep are 2,000,000 members, expected at most 1,000,000$"):
        members_of(GAN(), Training(), range(1_000_000), {"lr": [1e-3, 2e-3]})
