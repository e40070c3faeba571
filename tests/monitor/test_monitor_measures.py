"""The cheap measures: closed forms, independent references, what collapses do to them, and the features beneath."""

import math

import pytest
import torch

from modescope.core import ModescopeError
from modescope.metrics import vendi_score
from modescope.monitor import Yardstick, diversity
from modescope.monitor.embed import POINT_DIM, Embedding
from modescope.monitor.measures import resolution_of


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def ring(modes: list[int], n: int = 256, seed: int = 0, radius: float = 1.0) -> torch.Tensor:
    which = torch.tensor(modes)[torch.randint(len(modes), (n,), generator=generator(seed))]
    angle = which * math.pi / 4
    center = radius * torch.stack([angle.cos(), angle.sin()], 1)
    return center + 0.02 * torch.randn(n, 2, generator=generator(seed + 1))


def yardstick(window: int = 256) -> Yardstick:
    return Yardstick.of(ring(list(range(8)), 4000, seed=9), window, generator())


@pytest.mark.parametrize("dim", [2, 300])
def test_against_plain_definitions(dim: int) -> None:
    x = torch.randn(60, dim, generator=generator(), dtype=torch.float64) + 5
    gaps = torch.cdist(x, x, compute_mode="donot_use_mm_for_euclid_dist")
    found = diversity(x)
    eigenvalues = torch.linalg.eigvalsh(torch.cov(x.mT))
    assert found["spread"] == pytest.approx(float(gaps.sum() / (60 * 59)))
    assert found["dimensions"] == pytest.approx(float(eigenvalues.sum() ** 2 / eigenvalues.square().sum()))
    resolution = resolution_of(gaps.square().fill_diagonal_(torch.inf))
    assert found["effective"] == pytest.approx(float(vendi_score(x, "gaussian", resolution, order=2.0)))
    assert found["distinct"] == 1
    assert "covered" not in found


@pytest.mark.parametrize("kept", [1, 2, 4, 6, 8])
def test_modes_of_a_ring(kept: int) -> None:
    found = diversity(ring(list(range(kept))), yardstick())
    assert found["effective"] == pytest.approx(kept, rel=0.12)
    assert found["covered"] == pytest.approx(kept / 8, abs=0.07)
    assert found["distinct"] > 0.9


@pytest.mark.parametrize("dim", [2, 30])
def test_real_samples_in_the_fakes_place_are_covered(dim: int) -> None:
    """Also where the tails of the data, or its dimension, leave few neighbours."""
    real = torch.randn(3000, dim, generator=generator())
    found = [diversity(torch.randn(256, dim, generator=generator(i + 1)), Yardstick.of(real, 256, generator()))
             for i in range(20)]  # fmt: skip
    assert all(each["covered"] > 0.9 for each in found)


def test_fakes_off_the_data_leave_coverage_open() -> None:
    far = diversity(ring(list(range(8)), radius=2.0), yardstick())
    assert "covered" not in far
    assert far["effective"] == pytest.approx(8, rel=0.1)


def test_copies() -> None:
    x = ring(list(range(8)))
    x[128:] = x[:128]
    for scale in (yardstick(), None):
        assert diversity(x, scale)["distinct"] < 0.02
    point = torch.ones(64, 3)
    for scale in (None, Yardstick.of(torch.randn(500, 3, generator=generator()), 64, generator())):
        found = diversity(point, scale)
        assert (found["spread"], found["effective"], found["distinct"], found["dimensions"]) == (0, 1, 0, 0)


def test_without_real_data_the_unit_does_not_matter() -> None:
    x = torch.randn(100, 4, generator=generator())
    small, large = diversity(x), diversity(1e4 * x)
    assert large.pop("spread") == pytest.approx(1e4 * small.pop("spread"))
    assert large == pytest.approx(small)


def test_real_samples_all_alike_are_refused() -> None:
    with pytest.raises(ModescopeError, match="alike"):
        Yardstick.of(torch.zeros(300, 2), 64, generator())


def test_features_of_each_kind() -> None:
    points = torch.randn(10, 5, generator=generator())
    assert torch.equal(Embedding()(points), points)
    assert torch.equal(Embedding()(points.half()), points.half().float())
    wide = torch.randn(40, 3000, generator=generator())
    seen = Embedding()(wide)
    assert seen.shape == (40, POINT_DIM)
    ratio = torch.pdist(seen) / torch.pdist(wide)
    assert ratio.mean() == pytest.approx(1, abs=0.1)
    for channels, side in ((1, 28), (3, 64), (3, 17)):
        assert Embedding()(torch.rand(4, channels, side, side, generator=generator())).shape == (4, 480)
    assert Embedding()(torch.rand(4, 5, 16, 16, generator=generator())).shape == (4, POINT_DIM)
    assert Embedding(lambda x: x[:, :1])(points).shape == (10, 1)


def test_bytes_are_seen_as_the_floats_that_they_stand_for() -> None:
    images = torch.randint(256, (6, 3, 32, 32), generator=generator(), dtype=torch.uint8)
    for black, white in ((-1.0, 1.0), (0.0, 1.0)):
        floats = images.float() / 255 * (white - black) + black
        assert torch.allclose(Embedding(pixels=(black, white))(images), Embedding()(floats), atol=1e-5)


def test_images_of_one_kind_are_less_diverse_than_of_many() -> None:
    colours = torch.rand(128, 3, 1, 1, generator=generator()).expand(-1, -1, 32, 32) * 2 - 1
    noise = 0.1 * torch.randn(128, 3, 32, 32, generator=generator(1))
    see = Embedding()
    many, one = diversity(see(colours + noise)), diversity(see(colours[:1] + noise))
    assert one["spread"] < 0.3 * many["spread"]


def test_changed_shapes_are_told() -> None:
    see = Embedding()
    see(torch.zeros(4, 5))
    with pytest.raises(ModescopeError, match="7 coordinates, expected 5"):
        see(torch.zeros(4, 7))
    with pytest.raises(ModescopeError, match=r"expected \(B, F\)"):
        Embedding(lambda x: x.sum())(torch.zeros(4, 5))
