"""The sequential test: a martingale by arithmetic, its false-alarm rate by simulation, and its states."""

import math

import pytest
import torch
from scipy.integrate import quad

from modescope.monitor.alarm import KAPPA, LEAST_P, RECOVERY, Alarm, Event, Evidence, Level

NAMES = ["spread", "effective"]


def noisy(count: int, seed: int, mean: float = 1.0, noise: float = 0.05) -> list[dict[str, float]]:
    drawn = mean + noise * torch.randn(count, len(NAMES), generator=torch.Generator().manual_seed(seed))
    return [dict(zip(NAMES, row, strict=True)) for row in drawn.tolist()]


def make(real: float | None = None, tolerance: float = 0.25, warmup: int = 0) -> Alarm:
    level = None if real is None else dict.fromkeys(NAMES, Level(real, 0.05, 59))
    return Alarm(NAMES, 0.05, tolerance, 0.4, warmup, level)


def play(alarm: Alarm, looks: list[dict[str, float]], start: int = 0) -> list[Event]:
    found = [alarm.update(start + i, look) for i, look in enumerate(looks)]
    return [event for event in found if event is not None]


def test_the_bet_is_fair() -> None:
    """An e-value has a mean of at most 1 under a uniform p-value: 1 less what the bound on p takes."""
    mean = quad(lambda p: KAPPA * max(p, LEAST_P) ** (KAPPA - 1), 0, 1, points=[LEAST_P])[0]
    assert 0.85 < mean <= 1


def test_evidence_is_the_sum_over_starts() -> None:
    """The recursion equals a bet on each start times what followed."""
    p_values = [0.5, 0.01, 0.2, 0.001, 0.9]
    evidence = Evidence(["spread"], 0.05)
    for p_value in p_values:
        evidence.add({"spread": p_value})
    gains = [KAPPA * p ** (KAPPA - 1) for p in p_values]
    total = sum(math.prod(gains[start:]) / ((start + 1) * (start + 2)) for start in range(len(gains)))
    assert evidence.total == pytest.approx(total)


def test_ever_rings_at_most_at_the_rate_when_p_values_are_uniform() -> None:
    """Ville's inequality on 500 runs of 200 looks at the boundary of the hypothesis, with dependent measures."""
    drawn = torch.rand(500, 200, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    rung = 0
    for row in drawn.tolist():
        evidence = Evidence(NAMES, 0.05)
        for p_value in row:
            evidence.add({"spread": p_value, "effective": 1 - p_value})
            if evidence.rings:
                rung += 1
                break
    assert 0 < rung / 500 < 0.05


@pytest.mark.parametrize("real", [None, 1.0])
def test_a_level_that_stays_or_falls_by_less_than_the_tolerance_does_not_ring(real: float | None) -> None:
    for seed in range(10):
        alarm = make(real)
        assert play(alarm, noisy(100, seed) + noisy(300, seed + 100, mean=0.8)) == []


@pytest.mark.parametrize("real", [None, 1.0])
def test_a_fall_rings_once_and_recovers_once(real: float | None) -> None:
    alarm = make(real)
    looks = noisy(60, 0) + noisy(60, 1, mean=0.4) + noisy(60, 2) + noisy(30, 3, mean=0.3)
    events = play(alarm, looks)
    assert [event.kind for event in events] == ["collapse", "recovered", "collapse"]
    first, back, second = events
    assert 60 <= first.step <= 64
    assert first.last_healthy is not None
    assert 55 <= first.last_healthy < 60
    assert 120 + RECOVERY - 2 <= back.step <= 130
    assert 180 <= second.step <= 186
    assert first.p_value is not None
    assert first.p_value <= 0.05
    assert back.p_value is None
    assert str(first).startswith(f"step {first.step}: collapse: ")


def test_a_rise_to_half_way_is_no_recovery() -> None:
    events = play(make(), noisy(60, 0) + noisy(60, 1, mean=0.4) + noisy(60, 2, mean=0.7))
    assert [event.kind for event in events] == ["collapse"]


def test_what_overshoots_may_come_down_to_the_real_level() -> None:
    looks = noisy(60, 0, mean=2.0) + noisy(60, 1, mean=1.0)
    assert play(make(real=1.0), looks) == []
    assert [event.kind for event in play(make(), looks)] == ["collapse"]


def test_learning_does_not_ring() -> None:
    looks = [{name: look[name] * min(1.0, 0.01 + i / 150) for name in NAMES} for i, look in enumerate(noisy(300, 0))]
    assert play(make(real=1.0), looks) == []
    assert play(make(), looks) == []


def test_a_fall_of_what_was_healthy_is_never_called_stuck() -> None:
    events = play(make(real=1.0), noisy(90, 0) + noisy(90, 1, mean=0.3))
    assert [event.kind for event in events] == ["collapse"]


def test_stuck_is_told_against_real_samples_only() -> None:
    looks = noisy(100, 0, mean=0.3, noise=0.01)
    events = play(make(real=1.0), looks)
    assert [event.kind for event in events] == ["stuck"]
    assert 20 <= events[0].step <= 50
    assert "30 % of the level of real samples" in events[0].reason
    assert play(make(), looks) == []


def test_one_look_does_not_ring_alone() -> None:
    for seed in range(20):
        assert play(make(), [*noisy(60, seed), dict.fromkeys(NAMES, 0.0), *noisy(60, seed + 1)]) == []


def test_warm_up_is_not_remembered() -> None:
    looks = noisy(10, 0, mean=3.0) + noisy(60, 1)
    assert play(make(warmup=10), looks) == []
    assert [event.kind for event in play(make(warmup=0), looks)] == ["collapse"]


def test_a_measure_that_is_left_out_speaks_for_nothing() -> None:
    looks = noisy(60, 0) + [{"spread": look["spread"]} for look in noisy(60, 1)]
    assert play(make(), looks) == []


def test_the_event_names_what_fell_most_surely() -> None:
    looks = noisy(60, 0) + [{**look, "effective": 0.2} for look in noisy(20, 1)]
    event = play(make(), looks)[0]
    assert event.reason.startswith("effective number of different fakes fell to 2")
    assert "also" not in event.reason


def test_rearm() -> None:
    alarm = make()
    assert len(play(alarm, noisy(60, 0) + noisy(10, 1, mean=0.3))) == 1
    alarm.rearm()
    assert [event.kind for event in play(alarm, noisy(10, 2, mean=0.3))] == ["collapse"]
    alarm.forget()
    assert play(alarm, noisy(60, 3, mean=0.3)) == []


def test_state_goes_on() -> None:
    looks = noisy(60, 0) + noisy(20, 1, mean=0.4) + noisy(30, 2)
    whole = make(1.0)
    expected = play(whole, looks)
    for cut in (3, 58, 61, 75, 90):
        first, second = make(1.0), make(1.0)
        events = play(first, looks[:cut])
        second.restore(first.state())
        assert events + play(second, looks[cut:], start=cut) == expected
        assert second.state() == whole.state()


def test_noise_is_not_the_trend() -> None:
    rising = [float(i) for i in range(8)]
    assert Level.of(rising, steady=False).noise < Level.of(rising, steady=True).noise / 2
