"""What must hold for every metric of the table."""

import math
import re
from dataclasses import dataclass

import pytest
import torch
from torch import Tensor

from modescope.datasets import Ring, make
from modescope.metrics import METRICS, floor

RING = make("ring", count=8, radius=1.0, sigma=0.05)
NAMES = list(METRICS)
every = pytest.mark.parametrize("name", NAMES)

# What is not finite where, by design; each stands in the docstring of its function.
NAN_WITH_ONE_SAMPLE = {"forward_kl_knn5", "reverse_kl_knn5", "mmd2_rbf_median_n1000", "mmd2_rbf_mix5_n1000"}
INFINITE_OFF_ALL_MODES = {"reverse_kl_modes_hq"}


def stream(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(1000 + seed)


def healthy(members: int, n: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.stack([RING.sample(n, generator, torch.float64) for _ in range(members)])


def on_modes(counts: list[int], seed: int = 0) -> Tensor:
    """Samples on some modes: as many on each as `counts` says, all within its 3 deviations; shape (1, N, 2)."""
    centers = RING.modes.centers.repeat_interleave(torch.tensor(counts), dim=0)
    noise = torch.randn(centers.shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return (centers + RING.sigma * noise.clamp(-2, 2)).unsqueeze(0)


@every
def test_a_metric_tells_what_it_is(name: str) -> None:
    metric = METRICS[name]
    assert metric.name == name
    assert re.fullmatch(r"[a-z0-9_]+", name)
    assert metric.direction in ("higher", "lower")
    assert "{n}" in metric.protocol
    assert not metric.summary.endswith(".")
    assert str(metric.year) in metric.reference
    cap = re.search(r"_n(\d+)$", name)
    assert (cap is None) or metric.limit == int(cap[1])
    if "3sigma" in name and "linf" not in name:
        assert "{radius}" in metric.protocol
    if "kl" in name or "js" in name:
        assert "nats" in metric.protocol
    assert metric.applies(RING) != name.endswith("_judged")


def test_labels_differ() -> None:
    assert len({metric.label for metric in METRICS.values()}) == len(METRICS)


@every
def test_the_true_sampler_is_near_its_floor(name: str) -> None:
    metric, members, repeats, n = METRICS[name], 6, 8, 400
    mean, spread = floor(metric, RING, n, repeats)
    value = metric(healthy(members, n), RING, stream()).mean().item()
    assert abs(value - mean) <= 4.5 * spread * math.sqrt(1 / members + 1 / repeats) + 1e-12


@every
def test_collapse_and_blur_score_worse(name: str) -> None:
    """All samples around one mode, three times too wide."""
    metric, n = METRICS[name], 400
    bad = RING.modes.centers[0] + 3 * RING.sigma * torch.randn(1, n, 2, generator=stream(), dtype=torch.float64)
    value = metric(bad, RING, stream()).item()
    mean, spread = floor(metric, RING, n, 8)
    worse = mean - value if metric.direction == "higher" else value - mean
    assert worse > 5 * spread


@every
@pytest.mark.parametrize("dropped", [1, 4, 7])
def test_dropping_modes_never_looks_better(name: str, dropped: int) -> None:
    """Every metric must tell that modes are missing, but for those of what lies within modes."""
    metric = METRICS[name]
    counts = [0] * dropped + [400 // (8 - dropped)] * (8 - dropped)
    x = on_modes(counts)
    value = metric(x, RING, stream()).item()
    mean, spread = floor(metric, RING, x.shape[1], 8)
    worse = mean - value if metric.direction == "higher" else value - mean
    if name.startswith("hq"):
        assert value == 1
    elif name == "spread_modes_hq":
        assert value == pytest.approx(mean, abs=0.15)  # the noise is cut at two deviations
    else:
        assert worse > 2 * spread


@every
@pytest.mark.parametrize("covered", range(1, 9))
def test_k_of_eight_modes(name: str, covered: int) -> None:
    value = METRICS[name](on_modes([40] * covered + [0] * (8 - covered)), RING, stream()).item()
    if name.startswith("modes"):
        assert value == covered
    elif name.startswith("reverse_kl_modes"):
        assert value == pytest.approx(math.log(8 / covered), abs=1e-12)
    elif name == "js_modes_all":
        share, rest = covered / 8, 1 - covered / 8
        kl_q, kl_w = -math.log((1 + share) / 2), -share * math.log((1 + 1 / share) / 2) + rest * math.log(2)
        assert value == pytest.approx((kl_q + kl_w) / 2, abs=1e-12)
    elif name.startswith("hq"):
        assert value == 1
    else:
        low, high = METRICS[name].bounds(RING)
        assert low <= value <= high


@dataclass(frozen=True, kw_only=True)
class Echo(Ring):
    """A ring whose true samples are the ones that are measured."""

    def sample(self, n: int, generator: object = None, dtype: torch.dtype = torch.float32) -> Tensor:
        return RING.sample(n, torch.Generator().manual_seed(7), dtype)


@every
def test_a_set_and_itself(name: str) -> None:
    """Distances are 0; an estimate without bias goes below what fresh true samples score."""
    x = RING.sample(400, torch.Generator().manual_seed(7), torch.float64).unsqueeze(0)
    value = METRICS[name](x, Echo(), stream()).item()
    if name.startswith(("w1", "w2", "sliced")):
        assert value == pytest.approx(0, abs=1e-9)
    elif name.startswith("mmd2") or "knn" in name:
        assert value < 0
    elif METRICS[name].direction == "higher":
        assert value >= floor(METRICS[name], RING, 400, 8)[0] - 0.02
    else:
        mean, spread = floor(METRICS[name], RING, 400, 8)
        assert value <= mean + 3 * spread


@every
def test_order_does_not_matter(name: str) -> None:
    x = healthy(1, 500)
    mixed = x[:, torch.randperm(500, generator=stream())]
    first, second = (METRICS[name](s, RING, stream()).item() for s in (x, mixed))
    # The kernel's jitter belongs to a row, so that one metric is the same in law only.
    assert second == pytest.approx(first, abs=0.01 if name.startswith("js_kde") else 1e-9)


@every
def test_members_score_the_same_alone(name: str) -> None:
    x = healthy(2, 1050)
    together, generator = METRICS[name](x, RING, stream()), stream()
    alone = [METRICS[name](member.unsqueeze(0), RING, generator).item() for member in x]
    assert together.shape == (2,)
    assert together.tolist() == alone


@every
def test_single_precision(name: str) -> None:
    x = healthy(1, 500, seed=3)
    double, single = METRICS[name](x, RING, stream()), METRICS[name](x.float(), RING, stream())
    assert double.dtype == torch.float64
    assert single.dtype == torch.float32
    # One sample on the edge of a mode may fall on either side: 1 of 500.
    assert single.item() == pytest.approx(double.item(), rel=2e-4, abs=2.1e-3 if name.startswith("hq") else 2e-5)


SETS = {
    "one on a mode": RING.modes.centers[:1],
    "one far away": torch.full((1, 2), 50.0, dtype=torch.float64),
    "two": healthy(1, 2)[0],
    "seven": healthy(1, 7)[0],
    "all at a mode": RING.modes.centers[:1].repeat(40, 1),
    "all far away": torch.full((40, 2), 50.0, dtype=torch.float64),
    "two points": RING.modes.centers[:2].repeat(20, 1),
    "huge": 1e9 * healthy(1, 40)[0],
}


@every
@pytest.mark.parametrize("case", SETS)
def test_degenerate_sets_are_finite_or_documented(name: str, case: str) -> None:
    x = SETS[case].unsqueeze(0)
    value = METRICS[name](x, RING, stream()).item()
    low, high = METRICS[name].bounds(RING)
    if x.shape[1] == 1 and name in NAN_WITH_ONE_SAMPLE:
        assert math.isnan(value)
    elif ("far" in case or case == "huge") and name in INFINITE_OFF_ALL_MODES:
        assert value == math.inf
    else:
        assert math.isfinite(value)
        assert low <= value <= high or name.startswith("js_kde")


@every
def test_a_sample_beyond_all_bounds_neither_crashes_nor_helps(name: str) -> None:
    metric, x = METRICS[name], healthy(1, 50)
    x[0, 0] = 1e200
    value = metric(x, RING, stream()).item()
    mean, spread = floor(metric, RING, 50, 8)
    if metric.direction == "higher":
        assert 0 < value <= mean + 4 * spread
    else:
        assert not value < mean - 4 * spread  # it may be infinite, or NaN
