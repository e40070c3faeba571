"""Each entry of the table takes the function, the arguments and the direction that its name says."""

import math

import pytest
import torch
from torch import Tensor

from modescope.datasets import FixedSet, Modes, make
from modescope.metrics import (
    METRICS,
    count_modes,
    forward_kl_kde,
    js_kde,
    kl_knn,
    likelihood_bandwidth,
    median_bandwidth,
    mmd2,
    mode_js,
    mode_kl,
    mode_spread,
    random_directions,
    sliced_wasserstein,
    wasserstein,
)
from modescope.metrics.adapters import true_bandwidth, true_spread
from modescope.metrics.base import Metric
from modescope.metrics.summary import metric_names

# Seven modes, the first of weight 2/8: a weight that is forgotten shows.
RING = make("ring", count=8, radius=1.0, sigma=0.05, duplicate_endpoint=True)
MODES, WEIGHTS = RING.modes, RING.modes.weights
N = 300


def sample() -> Tensor:
    """Unlike the truth in every respect: modes of unequal mass, one almost empty, and too wide."""
    counts = torch.tensor([100, 80, 60, 40, 17, 1, 2])
    noise = torch.randn(N, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    return MODES.centers.repeat_interleave(counts, dim=0) + 1.4 * RING.sigma * noise


X = sample()
Y = RING.sample(N, torch.Generator().manual_seed(5), torch.float64)


def jitter() -> Tensor:
    generator = torch.Generator().manual_seed(5)
    RING.sample(N, generator, torch.float64)
    return torch.randn(N, 2, generator=generator, dtype=torch.float64)


def held(radius: float = 3.0, norm: str = "l2") -> Tensor:
    return count_modes(X, MODES, radius, norm).counts


THETA = random_directions(128, 2)
H = median_bandwidth(Y)
EXPECTED = {
    "modes_l2_3sigma": lambda: (held() > 0).sum(),
    "modes_tenth_l2_3sigma": lambda: (held() >= WEIGHTS / 10 * N).sum(),
    "modes_1pct_l2_3sigma": lambda: (held() >= 0.01 * N).sum(),
    "modes_linf_3sigma": lambda: (held(norm="linf") > 0).sum(),
    "hq_l2_3sigma": lambda: held().sum().double() / N,
    "hq_linf_3sigma": lambda: held(norm="linf").sum().double() / N,
    "spread_modes_hq": lambda: 1 - true_spread(RING) / mode_spread(X, MODES),
    "reverse_kl_modes_all": lambda: mode_kl(held(math.inf), WEIGHTS),
    "reverse_kl_modes_hq": lambda: mode_kl(held(), WEIGHTS),
    "js_modes_all": lambda: mode_js(held(math.inf), WEIGHTS),
    "forward_kl_knn5": lambda: kl_knn(Y, X, 5),
    "reverse_kl_knn5": lambda: kl_knn(X, Y, 5),
    "forward_kl_kde_n1000": lambda: forward_kl_kde(X, Y, RING.log_prob(Y), true_bandwidth(RING, N)),
    "js_kde_n1000": lambda: js_kde(X, Y, jitter(), RING.log_prob, true_bandwidth(RING, N)),
    "w1_exact_n1000": lambda: wasserstein(X, Y, 1),
    "w2_exact_n1000": lambda: wasserstein(X, Y, 2),
    "sliced_w1_p128": lambda: sliced_wasserstein(X, Y, THETA, 1),
    "sliced_w2_p128": lambda: sliced_wasserstein(X, Y, THETA, 2),
    "mmd2_rbf_median_n1000": lambda: mmd2(X, Y, H),
    "mmd2_rbf_mix5_n1000": lambda: mmd2(X, Y, [H / 4, H / 2, H, 2 * H, 4 * H]),
}


@pytest.mark.parametrize("name", [name for name, metric in METRICS.items() if metric.applies(RING)])
def test_an_entry_is_its_function(name: str) -> None:
    value = METRICS[name](X.unsqueeze(0), RING, torch.Generator().manual_seed(5))
    assert value.item() == pytest.approx(float(EXPECTED[name]()), rel=1e-9)


def test_the_entries_tell_this_sample_apart() -> None:
    """The check above would miss a swapped function if two of them gave the same number."""
    values = [round(float(expected()), 9) for name, expected in EXPECTED.items() if not name.startswith("modes")]
    assert len(set(values)) == len(values)
    counts = [float(EXPECTED[f"modes_{kind}_3sigma"]()) for kind in ("l2", "tenth_l2", "1pct_l2")]
    assert counts[0] > counts[1] >= counts[2]


class Told(Modes):
    """Four classes, told by the quadrant of a point."""

    names, weights, judged, about = ("a", "b", "c", "d"), torch.tensor([0.4, 0.3, 0.2, 0.1]), True, "a rule of thumb"

    def nearest(self, x: Tensor, norm: str = "l2") -> tuple[Tensor, Tensor]:
        return (x[..., 0] > 0).long() + 2 * (x[..., 1] > 0), torch.zeros(x.shape[:-1], dtype=x.dtype)

    def ceiling(self, radius: float, norm: str = "l2") -> float:
        return 1.0


class Judged(FixedSet):
    """Points whose classes a judge tells."""

    @property
    def points(self) -> Tensor:
        return torch.zeros(3, 2)

    @property
    def modes(self) -> Modes:
        return Told()


def test_what_a_judge_tells() -> None:
    """Of 100 points 90 are of the first class, 9 of the second, 1 of the third, and none of the last."""
    signs = torch.tensor([[-1.0, -1.0]] * 90 + [[1.0, -1.0]] * 9 + [[-1.0, 1.0]])
    data, expected = Judged(), {"modes_judged": 3, "modes_tenth_judged": 2}
    divergence = sum(q * math.log(q / p) for q, p in ((0.9, 0.4), (0.09, 0.3), (0.01, 0.2)))
    expected["reverse_kl_judged"] = divergence
    assert {name for name in metric_names(data) if name.endswith("_judged")} == set(expected)
    for name, value in expected.items():
        metric = METRICS[name]
        assert metric(signs.double().unsqueeze(0), data, torch.Generator()).item() == pytest.approx(value)
        assert metric.describe(data, 100).endswith("by a rule of thumb")
        assert not metric.applies(RING)
    assert not METRICS["hq_l2_3sigma"].applies(data)  # no distance to a mode is known
    assert not METRICS["sliced_w2_p128"].applies(data)


def test_the_largest_coordinate_reaches_into_corners() -> None:
    corner = (MODES.centers[:1] + 2.9 * RING.sigma).unsqueeze(0)
    assert METRICS["modes_linf_3sigma"](corner, RING, torch.Generator()) == 1
    assert METRICS["modes_l2_3sigma"](corner, RING, torch.Generator()) == 0


def test_a_share_of_one_percent_is_not_a_tenth_of_the_mass() -> None:
    x = MODES.centers.repeat_interleave(torch.tensor([110, 11, 11, 11, 11, 40, 806]), dim=0)[:1000].unsqueeze(0)
    assert METRICS["modes_1pct_l2_3sigma"](x, RING, torch.Generator()) == 7
    assert METRICS["modes_tenth_l2_3sigma"](x, RING, torch.Generator()) == 3


def test_what_each_direction_of_kl_sees() -> None:
    """One of seven modes, of mass 1/8: KL(q|p) is log 8; KL(p|q) is far more."""
    x = (MODES.centers[3] + RING.sigma * jitter()).unsqueeze(0)
    reverse = METRICS["reverse_kl_knn5"](x, RING, torch.Generator().manual_seed(5)).item()
    assert reverse == pytest.approx(math.log(8), abs=0.2)
    for name in ("forward_kl_knn5", "forward_kl_kde_n1000"):
        assert METRICS[name](x, RING, torch.Generator().manual_seed(5)).item() > 2 * math.log(8)


def test_a_cap_takes_a_random_subset() -> None:
    """Not the first samples: a file may be sorted by class."""

    def spread(x: Tensor) -> Tensor:
        assert x.shape[1] == 50
        return x[..., 0].std(dim=-1)

    first = Metric(
        name="x", label="x", direction="lower", protocol="{n}", summary="x.", reference="", year=2024, limit=50,
        compute=lambda x, dataset, generator: spread(x),
    )  # fmt: skip
    line = torch.linspace(0, 1, 5000, dtype=torch.float64).expand(1, 2, -1).mT
    assert first(line, RING, torch.Generator()).item() == pytest.approx(1 / math.sqrt(12), rel=0.2)


def test_the_bandwidth_comes_from_the_truth_and_the_size() -> None:
    assert true_bandwidth(RING, 1000) < true_bandwidth(RING, 100) < 4 * RING.sigma
    assert true_bandwidth(RING, 2) == true_bandwidth(RING, 50)  # never from a handful
    assert true_bandwidth(RING, 1000) == pytest.approx(
        likelihood_bandwidth(RING.sample(1000, torch.Generator().manual_seed(1), torch.float64)), rel=0.2
    )
