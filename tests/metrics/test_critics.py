"""Divergences by independent critics, against the divergences themselves."""

import math

import pytest
import torch
from scipy.integrate import quad
from scipy.stats import norm

from modescope.core import ModescopeError
from modescope.metrics.critics import critic_divergence
from modescope.metrics.mmd import mmd2

CRITERIA = ["js", "ls", "wasserstein-gp", "mmd"]
QUICK = {"sizes": ((16,),), "repeats": 2, "steps": 150, "rate": 2e-2}


def normals(*shape: int, seed: int = 0, dtype: torch.dtype = torch.float64) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def stream(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def truth(criterion: str, shift: float) -> float:
    """Between N(0, 1) and N(shift, 1)."""

    def over(f) -> float:
        return quad(lambda x: f(norm.pdf(x), norm.pdf(x, shift)), -8, 8 + shift)[0]

    return {
        "js": over(lambda p, q: (p * math.log(2 * p / (p + q)) + q * math.log(2 * q / (p + q))) / 2),
        "ls": over(lambda p, q: (p - q) ** 2 / (p + q)) / 4,
        "wasserstein-gp": shift,
    }[criterion]


@pytest.mark.parametrize("criterion", CRITERIA[:3])
def test_normals(criterion: str) -> None:
    x, y = normals(3000, 1), 1.5 + normals(3000, 1, seed=1)
    report = critic_divergence(x, y, stream(), criterion, **QUICK)
    assert report.mean == pytest.approx(truth(criterion, 1.5), rel=0.12)


def test_mmd_of_normals() -> None:
    """The held-out gap is the discrepancy at some bandwidth, close to the largest over those tried."""
    x, y = normals(1200, 2), 1 + normals(1200, 2, seed=1)
    report = critic_divergence(x, y, stream(), "mmd")
    both = torch.cat([x, y])
    tried = [mmd2(x, y, f * torch.pdist(both[:500]).median().item()).clamp(min=0).sqrt() for f in (0.25, 0.5, 1, 2, 4)]
    assert report.mean == pytest.approx(max(tried).item(), rel=0.1)
    assert report.values.shape == (1, 3)


@pytest.mark.parametrize("criterion", CRITERIA)
class TestEveryCriterion:
    def test_real_against_real(self, criterion: str) -> None:
        x, y = normals(800, 2), normals(800, 2, seed=1)
        control = critic_divergence(x, y, stream(), criterion, **QUICK)
        noise = 0.2 if criterion == "wasserstein-gp" else 0.08  # a slope of 1 on 200 held-out samples of each
        assert abs(control.mean) < noise
        assert critic_divergence(x, y + 0.7, stream(), criterion, **QUICK).mean > control.mean + 0.05

    def test_more_modes_are_nearer(self, criterion: str) -> None:
        """On 1 of 8, 4 of 8, all: the divergence falls; for one mode JS is 0.44 nats or so, by the masses."""
        angle = torch.arange(1600) * math.tau / 8
        ring = 2 * torch.stack([angle.cos(), angle.sin()], dim=1) + normals(1600, 2, seed=2, dtype=torch.float32) / 10
        kept = [ring[(torch.arange(1600) % 8) < k] for k in (1, 4, 8)]
        options = {**QUICK, "repeats": 1}
        one, four, all_of_them = (critic_divergence(ring, x, stream(), criterion, **options).mean for x in kept)
        assert one > four + 0.02 > all_of_them + 0.04

    def test_seeded_and_shaped(self, criterion: str) -> None:
        x, y = normals(60, 3, dtype=torch.float32), normals(80, 3, seed=1, dtype=torch.float32)
        options = {"sizes": ((4,), (4, 4)), "repeats": 2, "steps": 20}
        before = torch.get_rng_state()
        report = critic_divergence(x, y, stream(5), criterion, **options)
        assert torch.equal(torch.get_rng_state(), before)
        again = critic_divergence(x.double(), y.double(), stream(5), criterion, **options)
        assert torch.allclose(report.values, again.values, atol=1e-5)
        assert report.values.shape == ((1 if criterion == "mmd" else 2), 2)
        assert report.mean == pytest.approx(report.values.mean().item())
        assert report.spread == pytest.approx(report.values.std().item())
        assert report.criterion == criterion

    def test_odd_sets(self, criterion: str) -> None:
        options = {**QUICK, "steps": 30, "repeats": 1}
        point = torch.ones(20, 3)
        same = critic_divergence(point, point, stream(), criterion, **options)
        assert abs(same.mean) < 0.2
        assert math.isnan(same.spread)
        few = critic_divergence(normals(4, 50), normals(5, 50, seed=1), stream(), criterion, **options)
        assert math.isfinite(few.mean)


def test_scale_of_the_wasserstein_distance() -> None:
    x, y = normals(400, 2), 1 + normals(400, 2, seed=1)
    few = {**QUICK, "repeats": 1, "steps": 30}
    plain = critic_divergence(x, y, stream(), "wasserstein-gp", **few).mean
    for scale in (1e-20, 1e20):
        scaled = critic_divergence(scale * x, scale * y, stream(), "wasserstein-gp", **few).mean
        assert scaled / scale == pytest.approx(plain, rel=1e-3)


def test_bounds() -> None:
    x = normals(400, 2)
    assert critic_divergence(x, x + 50, stream(), "js", **QUICK).mean == pytest.approx(math.log(2), abs=0.01)
    assert critic_divergence(x, x + 50, stream(), "ls", **QUICK).mean == pytest.approx(0.5, abs=0.02)
    assert critic_divergence(x, x + 50, stream(), "mmd", **QUICK).mean <= math.sqrt(2)


def test_memorising_critics_do_not_count() -> None:
    """A large critic tells 40 training samples in 100 dimensions apart; held-out ones it cannot."""
    report = critic_divergence(normals(80, 100), normals(80, 100, seed=1), stream(), "js", ((64,),), 2, 100)
    assert report.mean < 0.05


def test_bad_input_is_told() -> None:
    x = normals(10, 2)
    for message, options in (
        ("criterion is 'kl'", {"criterion": "kl"}),
        ("sizes is empty", {"sizes": ()}),
        ("repeats is 0", {"repeats": 0}),
        ("steps is 0", {"steps": 0}),
    ):
        with pytest.raises(ModescopeError, match=message):
            critic_divergence(x, x, stream(), **options)
    with pytest.raises(ModescopeError, match="3 samples"):
        critic_divergence(x[:3], x, stream())
