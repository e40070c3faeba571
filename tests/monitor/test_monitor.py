"""The monitor in a loop: events, what it leaves untouched, schedules, memory, states, and what it is given."""

import math
import random
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

import modescope as ms
from modescope.core import ModescopeError
from modescope.monitor import Event
from modescope.monitor.schedule import Schedule

WINDOW = 64


def ring(modes: int, n: int, generator: torch.Generator) -> torch.Tensor:
    angle = torch.randint(modes, (n,), generator=generator) * math.pi / 4
    return torch.stack([angle.cos(), angle.sin()], 1) + 0.03 * torch.randn(n, 2, generator=generator)


def watch(monitor: ms.CollapseMonitor, plan: list[int], seed: int = 0, batch: int = WINDOW) -> list[Event]:
    """Plays a generator that makes so many modes at each step."""
    generator = torch.Generator().manual_seed(seed)
    found = [monitor.watch(ring(modes, batch, generator), step=step) for step, modes in enumerate(plan)]
    return [event for event in found if event is not None]


def real(n: int = 2000) -> torch.Tensor:
    return ring(8, n, torch.Generator().manual_seed(99))


def make(every: int = 1, window: int = WINDOW) -> ms.CollapseMonitor:
    return ms.CollapseMonitor(real(), every=every, window=window)


def test_collapse_roll_back_and_collapse_again() -> None:
    events = watch(make(), [8] * 40 + [2] * 20 + [8] * 20 + [4] * 20)
    assert [event.kind for event in events] == ["collapse", "recovered", "collapse"]
    assert 40 <= events[0].step < 45
    assert events[0].measures["covered"] < 0.4
    assert events[0].levels["covered"] > 0.9


def test_without_real_samples() -> None:
    assert [event.kind for event in watch(ms.CollapseMonitor(every=1, window=WINDOW), [8] * 40 + [1] * 20)] == [
        "collapse"
    ]


def test_one_mode_at_a_time_is_a_collapse() -> None:
    monitor, generator = make(), torch.Generator().manual_seed(0)
    events = []
    for step in range(60):
        fakes = ring(8, WINDOW, generator) if step < 40 else ring(1, WINDOW, generator) @ turn(step)
        events.append(monitor.watch(fakes, step=step))
    assert [event.kind for event in events if event] == ["collapse"]


def turn(step: int) -> torch.Tensor:
    angle = step * math.pi / 4
    return torch.tensor([[math.cos(angle), math.sin(angle)], [-math.sin(angle), math.cos(angle)]])


def test_healthy_runs_do_not_ring() -> None:
    for seed in range(3):
        assert watch(make(), [8] * 60, seed) == []


def test_fakes_that_are_not_finite() -> None:
    monitor = make()
    assert watch(monitor, [8] * 20) == []
    bad = torch.zeros(WINDOW, 2)
    bad[3], bad[5, 1] = math.nan, math.inf
    event = monitor.watch(bad, step=20)
    assert event is not None
    assert (event.kind, event.p_value, event.measures) == ("diverged", None, {})
    assert event.reason == "2 of 64 fakes are NaN or infinite"
    assert monitor.watch(bad, step=21) is None
    assert [event.kind for event in watch(monitor, [8] * 10)] == ["recovered"]
    assert monitor.healthy


def test_training_is_left_untouched() -> None:
    """A loop with the monitor is bit for bit the loop without, gradients and all random numbers included."""

    def train(watched: bool) -> list[torch.Tensor]:
        torch.manual_seed(0)
        random.seed(0)
        np.random.seed(0)
        net = nn.Linear(2, 2)
        monitor = make(window=32) if watched else None
        for step in range(30):
            fakes = net(torch.randn(16, 2))
            if monitor:
                monitor.watch(fakes, step=step)
                monitor.watch(lambda: net(torch.randn(16, 2) + random.random() + np.random.rand()))
            fakes.square().sum().backward()
        assert net.weight.grad is not None
        numbers = [torch.rand(3), torch.tensor([random.random(), np.random.rand()])]
        return [net.weight.grad, *numbers]

    for one, other in zip(train(True), train(False), strict=True):
        assert torch.equal(one, other)


def test_real_samples_are_read_without_touching_random_numbers() -> None:
    loader = DataLoader(TensorDataset(real(600), torch.zeros(600)), batch_size=50, shuffle=True)
    torch.manual_seed(0)
    before = torch.get_rng_state()
    for source in (loader, lambda count: torch.randn(count, 2), "ring"):
        ms.CollapseMonitor(source, window=WINDOW)
        assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("sizes", [(1,), (5, 17, 3), (1000,)])
def test_any_batch_size_fills_a_window(sizes: tuple[int, ...]) -> None:
    monitor, generator = make(window=32), torch.Generator().manual_seed(0)
    calls = 0
    while len(monitor.history) < 3:
        monitor.watch(ring(8, sizes[calls % len(sizes)], generator))
        calls += 1
    assert calls >= 3 * 32 / max(sizes)
    assert monitor.history[-1]["covered"] > 0.8


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_any_dtype(dtype: torch.dtype) -> None:
    monitor = make()
    monitor.watch(ring(8, WINDOW, torch.Generator().manual_seed(0)).to(dtype))
    assert monitor.history[0]["covered"] > 0.9


def test_images_in_autocast_and_inference() -> None:
    generator = torch.Generator().manual_seed(0)
    images = torch.rand(200, 3, 16, 16, generator=generator) * 2 - 1
    monitor = ms.CollapseMonitor(((images + 1) * 127.5).byte(), every=1, window=32)
    with torch.autocast("cpu", torch.bfloat16), torch.inference_mode():
        monitor.watch(images[:32])
    monitor.watch(images[32:64].half())
    for look in monitor.history:
        assert look["spread"] == pytest.approx(monitor.alarm.real["spread"].value, rel=0.2)


def test_looks_by_calls() -> None:
    monitor = make(every=7)
    watch(monitor, [8] * 30)
    assert [look["step"] for look in monitor.history] == [0, 7, 14, 21, 28]
    gathering = make(every=7)
    watch(gathering, [8] * 30, batch=20)
    assert [look["step"] for look in gathering.history] == [3, 10, 17, 24]


def test_looks_by_the_clock_keep_to_their_budget() -> None:
    """Steps take 1 s and looks 0.5 s: 2 % of the time is a look every 25 s, and a pause is no reason for more."""
    now, looks, shares = [0.0], [], []
    schedule = Schedule(0.02, clock=lambda: now[0])
    for step in range(2000):
        now[0] += 1.0 if step != 1000 else 5000.0
        if schedule.due():
            with schedule.timed():
                now[0] += 0.5
            schedule.close()
            looks.append(step)
        shares.append(schedule.spent / now[0])
    assert looks[0] == 0
    assert 2000 / 26 <= len(looks) <= 2000 / 25 + 2
    assert min(b - a for a, b in pairwise(looks)) >= 24
    assert max(shares[looks[1] :]) <= 0.02
    assert schedule.share < 0.02


def test_a_function_is_called_only_when_a_look_is_due() -> None:
    calls = []

    def fakes() -> torch.Tensor:
        assert not torch.is_grad_enabled()
        calls.append(1)
        return real(WINDOW)

    monitor = make(every=5)
    for _ in range(11):
        monitor.watch(fakes)
    assert len(calls) == len(monitor.history) == 3


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("modescope.monitor.monitor.KEPT", 10)
    monitor = make(window=32)
    for _ in range(30):
        monitor.watch(real(100).requires_grad_())
    assert len(monitor.history) == 10
    big = make(window=32, every=1)
    big.watch(torch.zeros(20, 2))
    assert sum(part.untyped_storage().nbytes() for part in big.gathered) == 20 * 2 * 4
    assert not any(part.requires_grad for part in big.gathered)


@pytest.mark.parametrize("given", [True, False])
def test_a_resumed_run_goes_on_bit_for_bit(given: bool, tmp_path: Path) -> None:
    def fresh() -> ms.CollapseMonitor:
        return ms.CollapseMonitor(real() if given else None, every=2, window=WINDOW, seed=3)

    plan = [8] * 60 + [1] * 40 + [8] * 30
    whole = fresh()
    expected = watch(whole, plan, batch=40)
    assert [event.kind for event in expected] == ["collapse", "recovered"]
    generator = torch.Generator().manual_seed(0)
    first, events = fresh(), []
    for step, modes in enumerate(plan):
        if step in (3, 61, 90):
            torch.save(first.state_dict(), tmp_path / "state.pt")
            first = ms.CollapseMonitor(real(500) if given else None, every=2, window=WINDOW)
            first.load_state_dict(torch.load(tmp_path / "state.pt", weights_only=True))
        event = first.watch(ring(modes, 40, generator), step=step)
        events += [event] if event else []
    assert events == expected
    assert first.history == whole.history


def test_rearm_after_a_roll_back() -> None:
    monitor = make()
    assert len(watch(monitor, [8] * 40 + [1] * 10)) == 1
    assert not monitor.healthy
    monitor.rearm()
    assert [event.kind for event in watch(monitor, [1] * 10)] == ["collapse"]


def test_real_samples_of_any_kind(tmp_path: Path) -> None:
    x = real(600)
    np.save(tmp_path / "real.npy", x.numpy())
    loader = DataLoader(TensorDataset(x, torch.zeros(600)), batch_size=50)
    for source in (x, x.numpy(), loader, list(x.split(100)), lambda n: real(n), tmp_path / "real.npy", "ring"):
        monitor = ms.CollapseMonitor(source, every=1, window=WINDOW)
        assert monitor.alarm.real["effective"].value == pytest.approx(7.5, abs=0.7)
    assert ms.CollapseMonitor(real(200), every=1).window == 50


def test_bad_input_is_told() -> None:
    with pytest.raises(ModescopeError, match="at least 128"):
        ms.CollapseMonitor(real(100))
    with pytest.raises(ModescopeError, match="used up"):
        ms.CollapseMonitor(iter([real()]))
    with pytest.raises(ModescopeError, match="NaN"):
        ms.CollapseMonitor(torch.full((200, 2), math.nan))
    with pytest.raises(ModescopeError, match="real is a int"):
        ms.CollapseMonitor(5)
    with pytest.raises(ModescopeError, match="tolerance is 2"):
        ms.CollapseMonitor(tolerance=2)
    with pytest.raises(ModescopeError, match="every is 0"):
        ms.CollapseMonitor(every=0)
    with pytest.raises(ModescopeError, match="window is 3"):
        ms.CollapseMonitor(window=3)
    with pytest.raises(ModescopeError, match="samples along the first axis"):
        make().watch(torch.zeros(5))
    with pytest.raises(ModescopeError, match="expected a tensor or a function"):
        make().watch(None)  # type: ignore[arg-type]
    with pytest.raises(ModescopeError, match="3 coordinates, expected 2"):
        make().watch(torch.zeros(64, 3))


def test_a_small_file_of_real_samples_is_read_whole(tmp_path: Path) -> None:
    np.savez(tmp_path / "real.npz", a=real(200).numpy(), b=np.zeros(3))
    assert ms.CollapseMonitor(f"{tmp_path / 'real.npz'}:a").window == 50


@pytest.mark.parametrize(
    ("fakes", "message"),
    [
        (torch.zeros(64, 2, dtype=torch.complex64), "samples are complex, sparse"),
        (torch.eye(64).to_sparse(), "samples are complex, sparse"),
        (torch.zeros(64, 2, device="meta"), "samples are complex, sparse or on no device"),
    ],
)
def test_fakes_that_are_no_plain_numbers(fakes: torch.Tensor, message: str) -> None:
    with pytest.raises(ModescopeError, match=message):
        ms.CollapseMonitor(every=1).watch(fakes)


@pytest.mark.parametrize(
    ("real", "settings", "message"),
    [
        (torch.zeros(500), {}, r"samples have shape \(256,\)"),
        (torch.eye(500).to_sparse(), {}, "real is a sparse tensor"),
        (None, {"seed": 2**70}, "seed is"),
        (None, {"seed": "x"}, "seed is 'x'"),
        (None, {"features": "raw"}, "features is 'raw', expected a function"),
    ],
)
def test_settings_that_cannot_be(real: torch.Tensor | None, settings: dict, message: str) -> None:
    with pytest.raises(ModescopeError, match=message):
        ms.CollapseMonitor(real, **settings)


def test_a_state_of_another_monitor_is_refused() -> None:
    real = torch.randn(500, 2, generator=torch.Generator().manual_seed(0))
    blind, seeing = ms.CollapseMonitor(every=1), ms.CollapseMonitor(real, every=1)
    for monitor, state in ((blind, seeing.state_dict()), (seeing, blind.state_dict())):
        with pytest.raises(ModescopeError, match="were real samples given"):
            monitor.load_state_dict(state)
    for state in ({}, None):
        with pytest.raises(ModescopeError, match="the state is none of a CollapseMonitor"):
            blind.load_state_dict(state)


def test_arrays_that_pytorch_does_not_read_as_they_are() -> None:
    rows = np.random.RandomState(0).randn(600, 3).astype(np.float32)
    fakes = torch.from_numpy(rows[:256].copy())
    for real in (rows[:, ::-1], [rows[:300, ::-1], rows[300:, ::-1]], rows[:, ::-1].astype(">f4")):
        ms.CollapseMonitor(real, every=1).watch(fakes)
    for bad in (rows.astype(object), rows.astype(str)):
        with pytest.raises(ModescopeError, match="expected real numbers"):
            ms.CollapseMonitor(bad)
