"""Networks and random numbers that are used are left as they were."""

import random

import numpy as np
import pytest
import torch
from torch import nn

import modescope as ms
from modescope.core.untouched import evaluated, untouched_randomness


def network() -> nn.Sequential:
    """In training mode, but for a part that its owner froze."""
    made = nn.Sequential(nn.Linear(2, 4), nn.BatchNorm1d(4), nn.BatchNorm1d(4), nn.Dropout(0.5)).train()
    made[1].eval()
    return made


def modes(module: nn.Module) -> list[bool]:
    return [part.training for part in module.modules()]


def test_each_part_keeps_its_mode() -> None:
    module = network()
    before = modes(module)
    with evaluated(module):
        assert not any(modes(module))
    assert modes(module) == before
    with pytest.raises(ZeroDivisionError), evaluated(module):
        _ = 1 / 0
    assert modes(module) == before
    with evaluated(len):
        pass


def test_random_numbers_go_on_as_they_would() -> None:
    for seed in (random.seed, np.random.seed, torch.manual_seed):
        seed(3)
    with untouched_randomness():
        inside = random.random(), np.random.rand(), torch.rand(()).item()
    assert (random.random(), np.random.rand(), torch.rand(()).item()) == inside


def test_a_monitor_s_features_leave_training_alone() -> None:
    module, state = network(), torch.get_rng_state()
    before = {name: value.clone() for name, value in module.state_dict().items()}
    real = torch.randn(600, 2, generator=torch.Generator().manual_seed(0))
    monitor = ms.CollapseMonitor(real, features=module, every=1)
    monitor.watch(real[:256])
    assert torch.equal(torch.get_rng_state(), state)
    assert modes(module) == modes(network())
    assert all(torch.equal(value, before[name]) for name, value in module.state_dict().items())


def test_a_monitor_s_function_may_draw() -> None:
    real, state = torch.zeros(600, 2), torch.get_rng_state()
    monitor = ms.CollapseMonitor(real, features=lambda x: x + torch.randn_like(x), every=1)
    monitor.watch(real[:256])
    assert torch.equal(torch.get_rng_state(), state)


def test_a_diagnosis_leaves_networks_alone() -> None:
    features, generator = network(), nn.Sequential(nn.Linear(4, 2), nn.BatchNorm1d(2)).train()
    generator[1].eval()
    real = torch.randn(300, 2, generator=torch.Generator().manual_seed(1))
    ms.diagnose(real, generator, latent=4, n=300, features=features, metrics=[])
    assert modes(features) == modes(network())
    assert modes(generator) == [True, True, False]
