"""What `evaluate` gives: floors, intervals, notes, and JSON."""

import dataclasses
import json
import math

import pytest
import torch
from scipy.stats import ttest_1samp

from modescope.core import ModescopeError
from modescope.datasets import Dataset, make
from modescope.metrics import METRICS, Metric, evaluate, metric_names

RING = make("ring", count=8, radius=1.0, sigma=0.05)
CHEAP = ("modes_l2_3sigma", "hq_l2_3sigma", "reverse_kl_modes_hq", "forward_kl_knn5", "mmd2_rbf_median_n1000")
KEYS = ["name", "value", "low", "high", "floor", "direction", "protocol", "per_member"]


def draw(members: int, n: int, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.stack([RING.sample(n, generator) for _ in range(members)])


def strict_json(text: str) -> object:
    def refuse(name: str) -> float:
        raise AssertionError(f"{name} is not JSON")

    return json.loads(text, parse_constant=refuse)


def test_keys_and_json() -> None:
    for result in evaluate(draw(3, 300), RING, CHEAP, floor_repeats=3):
        written = result.to_dict()
        assert list(written)[: len(KEYS)] == KEYS
        assert strict_json(json.dumps(written)) == written
        assert len(written["per_member"]) == 3
        assert written["low"] <= written["value"] <= written["high"]
        assert "300" in written["protocol"]
        assert "floor over 3 true sets" in written["protocol"]


def test_default_is_the_core() -> None:
    found = [result.name for result in evaluate(draw(2, 60), RING, floor_repeats=2)]
    assert found == [name for name, metric in METRICS.items() if metric.core and metric.applies(RING)]
    assert {"modes_l2_3sigma", "hq_l2_3sigma", "reverse_kl_modes_all", "w1_exact_n1000"} <= set(found)


def test_the_mean_and_its_interval_are_of_the_members() -> None:
    x = draw(4, 200)
    x[2:] = x[2:, :1]  # two members collapse to a point
    (modes,) = evaluate(x, RING, ["modes_l2_3sigma"], floor_repeats=2)
    assert modes.per_member == (8, 8, 1, 1)
    assert modes.value == 4.5
    assert (modes.low, modes.high) == (0, 8)  # 4.5 +- 3.18 * 2.02, cut
    assert (modes.floor, modes.ceiling) == (8, 8)


def test_the_interval_is_students_over_members() -> None:
    for result in evaluate(draw(5, 200), RING, ["hq_l2_3sigma", "sliced_w1_p128"], floor_repeats=2, confidence=0.8):
        expected = ttest_1samp(result.per_member, 0).confidence_interval(0.8)
        assert (result.low, result.high) == pytest.approx(tuple(expected))


def test_high_quality_has_the_ceiling_of_the_chi_distribution() -> None:
    (quality,) = evaluate(draw(8, 2000), RING, ["hq_l2_3sigma"], floor_repeats=10)
    assert quality.ceiling == pytest.approx(1 - math.exp(-4.5))
    assert quality.floor == pytest.approx(quality.ceiling, abs=0.004)
    assert quality.low < quality.ceiling < quality.high


def test_diverged_members_are_left_out_and_told() -> None:
    x = draw(4, 200)
    x[1, 5, 0] = torch.nan
    x[2, 7, 1] = torch.inf
    for result in evaluate(x, RING, CHEAP, floor_repeats=2):
        assert [math.isnan(value) for value in result.per_member] == [False, True, True, False]
        assert math.isfinite(result.value)
        assert result.note == "2 of 4 members left out: their samples are not finite"
        assert strict_json(json.dumps(result.to_dict()))["per_member"][1] is None


def test_an_infinite_value_is_left_out_and_told() -> None:
    x = draw(3, 200)
    x[0] += 100
    (result,) = evaluate(x, RING, ["reverse_kl_modes_hq"], floor_repeats=2)
    assert result.per_member[0] == math.inf
    assert math.isfinite(result.value)
    assert result.note == "1 of 3 members left out: their value is not finite"
    assert result.to_dict()["per_member"][0] is None


def test_all_diverged() -> None:
    for result in evaluate(torch.full((2, 100, 2), torch.nan), RING, CHEAP, floor_repeats=2):
        assert all(map(math.isnan, (result.value, result.low, result.high)))
        assert math.isfinite(result.floor)
        assert result.note.startswith("2 of 2 members left out")
        assert result.to_dict()["value"] is None


def test_survivors_keep_their_references() -> None:
    """A member's value does not depend on the others, whether they diverged or are not there."""
    x = draw(3, 300)
    broken = x.clone()
    broken[0] = torch.nan
    for name in ("w1_exact_n1000", "js_kde_n1000", "sliced_w2_p128"):
        whole, part, first = (evaluate(s, RING, [name], floor_repeats=2)[0].per_member for s in (x, broken, x[:2]))
        assert whole[1:] == part[1:]
        assert whole[:2] == first


def test_one_member_has_an_interval_from_its_samples() -> None:
    n = 1000
    (quality,) = evaluate(draw(1, n), RING, ["hq_l2_3sigma"], floor_repeats=200)
    error = (quality.high - quality.low) / 2 / 1.97
    assert error == pytest.approx(math.sqrt(quality.value * (1 - quality.value) / n), rel=0.2)
    assert "one member" in quality.note


def test_the_interval_of_a_lone_member_covers_a_capped_metric() -> None:
    """Halves of the thousand samples used, not of the ten thousand given; too wide by 1.22 at most."""
    name = "mmd2_rbf_median_n1000"
    x = draw(1, 4000) + torch.tensor([0.5, 0.0])
    (result,) = evaluate(x, RING, [name], floor_repeats=30)
    many = METRICS[name](draw(30, 1000, 1).double() + torch.tensor([0.5, 0.0]), RING, torch.Generator())
    error = (result.high - result.low) / 2 / 2.05
    assert 0.7 < error / many.std().item() < 1.6
    assert abs(result.value - many.mean().item()) < 4 * many.std().item()


def test_floor_is_remembered_and_does_not_depend_on_the_seed(monkeypatch: pytest.MonkeyPatch) -> None:
    name = "sliced_w1_p128"
    x = draw(2, 123)
    first, second = (evaluate(x, RING, [name], floor_repeats=4, seed=seed)[0] for seed in (0, 1))
    assert first.floor == second.floor
    assert first.value != second.value
    assert evaluate(x, RING, [name], floor_repeats=4)[0] == first

    draws = []
    real = type(RING).sample
    monkeypatch.setattr(type(RING), "sample", lambda self, n, *rest: draws.append(n) or real(self, n, *rest))
    evaluate(x, make("ring"), [name], floor_repeats=4)  # an equal data set, built anew
    assert len(draws) == 2  # the two members' references, and no floor


def test_floor_of_a_cap_does_not_depend_on_the_size() -> None:
    x = draw(2, 1500)
    small, large = (evaluate(x[:, :n], RING, ["mmd2_rbf_median_n1000"], floor_repeats=2)[0] for n in (1200, 1500))
    assert small.floor == large.floor
    assert "1000 samples" in large.protocol


def test_no_floor() -> None:
    (result,) = evaluate(draw(2, 100), RING, ["hq_l2_3sigma"], floor_repeats=0)
    assert math.isnan(result.floor)
    assert result.to_dict()["floor"] is None
    assert result.protocol.endswith("no floor")
    assert math.isfinite(result.low)


def test_a_data_sets_own_radius_is_used_and_told() -> None:
    sheet = make("highdim", size=120, noisy=70)
    x = sheet.sample(400, torch.Generator().manual_seed(0)).unsqueeze(0)
    (quality,) = evaluate(x, sheet, ["hq_l2_3sigma"], floor_repeats=2)
    assert quality.value > 0.95
    assert f"within {sheet.modes.radius:.4g} standard" in quality.protocol
    assert "within 3 standard" in evaluate(x, sheet, ["hq_linf_3sigma"], floor_repeats=0)[0].protocol


def test_what_applies() -> None:
    roll, curves = make("swissroll"), make("moons", noise=0.0)
    assert not any("modes" in name or "hq" in name for name in metric_names(roll))
    assert "forward_kl_kde_n1000" in metric_names(roll)
    assert "modes_l2_3sigma" in metric_names(curves)
    assert not any("kl_k" in name or "kde" in name for name in metric_names(curves))
    assert "modes_1pct_l2_3sigma" not in metric_names(make("grid100"))
    assert set(metric_names(RING, core=True)) < set(metric_names(RING))


def test_your_own_metric() -> None:
    mine = Metric(
        name="spread",
        label="Spread",
        direction="higher",
        protocol="standard deviation of {n} samples",
        summary="How wide the samples lie.",
        reference="",
        year=2024,
        compute=lambda x, dataset, generator: x.std(dim=(1, 2)),
    )
    x = draw(2, 500)
    (result,) = evaluate(x, RING, [mine], floor_repeats=5)
    assert result.per_member == pytest.approx(x.double().std(dim=(1, 2)).tolist())
    assert result.floor == pytest.approx(math.sqrt(0.5 + 0.05**2), abs=0.01)


def test_unhashable_data_sets_work() -> None:
    @dataclasses.dataclass(frozen=True, kw_only=True)
    class Listed(Dataset):
        width: list[float]
        dim, uniforms, normals = 2, 0, 2

        def push(self, uniform: torch.Tensor, normal: torch.Tensor) -> torch.Tensor:
            return normal * self.width[0]

    results = [evaluate(draw(2, 100), Listed(width=[s]), ["sliced_w1_p128"], floor_repeats=2)[0] for s in (1.0, 3.0)]
    assert results[1].floor == pytest.approx(3 * results[0].floor)  # not the first one's, from the cache


def test_global_randomness_is_left_alone() -> None:
    before = torch.random.get_rng_state()
    evaluate(draw(1, 50), RING, floor_repeats=2)
    assert torch.equal(before, torch.random.get_rng_state())


def test_bad_input_is_told() -> None:
    x = draw(2, 50)
    with pytest.raises(ModescopeError, match="did you mean 'modes_l2_3sigma'"):
        evaluate(x, RING, ["modes_l2_3sigm"])
    with pytest.raises(ModescopeError, match="'hq_l2_3sigma' is not defined on SwissRoll: it needs known modes"):
        evaluate(x, make("swissroll"), ["hq_l2_3sigma"])
    with pytest.raises(ModescopeError, match=r"shape \(50, 2\)"):
        evaluate(x[0], RING)
    with pytest.raises(ModescopeError, match="3 coordinates, expected 2"):
        evaluate(torch.zeros(2, 5, 3), RING)
    with pytest.raises(ModescopeError, match="confidence is 95"):
        evaluate(x, RING, confidence=95)
    with pytest.raises(ModescopeError, match="floor_repeats is -1"):
        evaluate(x, RING, floor_repeats=-1)
