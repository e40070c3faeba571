"""Classifier two-sample tests, against scikit-learn, SciPy, brute force and their laws under the null."""

import math

import pytest
import torch
from scipy.stats import binom, binomtest, norm
from sklearn.neighbors import KNeighborsClassifier, NearestNeighbors

from modescope.core import ModescopeError
from modescope.metrics import c2st
from modescope.metrics.c2st import c2st_knn, c2st_neural, c2st_power, nearest_neighbour_test

HOLDOUT = [lambda x, y, g: c2st_neural(x, y, g, steps=100), c2st_knn]


def normals(*shape: int, seed: int = 0, dtype: torch.dtype = torch.float64) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def stream(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def brute_leave_one_out(real: torch.Tensor, fake: torch.Tensor) -> tuple[float, float]:
    """Ties share the vote, one sample at a time."""
    pool = torch.cat([real, fake])
    right = []
    for i, point in enumerate(pool):
        gaps = (pool - point).square().sum(dim=1)
        gaps[i] = torch.inf
        tied = gaps <= gaps.min()
        same = (torch.arange(len(pool)) < len(real)) == (i < len(real))
        right.append((tied & same).sum().item() / tied.sum().item())
    return sum(right[: len(real)]) / len(real), sum(right[len(real) :]) / len(fake)


@pytest.mark.parametrize("test", HOLDOUT)
class TestHoldout:
    def test_tells_apart_and_not(self, test) -> None:
        x, y = normals(200, 3), normals(200, 3, seed=1)
        far = test(x, 4 + y, stream())
        assert far.accuracy > 0.97
        assert far.p_value < 1e-6
        same = test(x, y, stream())
        assert abs(same.accuracy - 0.5) < 0.15
        assert same.p_value > 0.005

    def test_p_values(self, test) -> None:
        result = test(normals(100, 2), 0.5 + normals(90, 2, seed=1), stream())
        assert result.samples == 90
        right = round(result.accuracy * result.samples)
        assert result.p_value == pytest.approx(binom.sf(right - 1, 90, 0.5))
        assert result.p_normal == pytest.approx(1 - norm.cdf((result.accuracy - 0.5) * 2 * math.sqrt(90)))
        assert result.accuracy == pytest.approx((result.real_accuracy + result.fake_accuracy) / 2)

    def test_seeded(self, test) -> None:
        x, y = normals(80, 2), 0.3 + normals(80, 2, seed=1)
        before = torch.get_rng_state()
        assert test(x, y, stream(3)) == test(x, y, stream(3))
        assert torch.equal(torch.get_rng_state(), before)

    def test_collapsed(self, test) -> None:
        """One point of eight modes: it is told at once; real samples are seldom mistaken for it."""
        angle = torch.arange(800) * math.tau / 8
        real = 5 * torch.stack([angle.cos(), angle.sin()], dim=1) + normals(800, 2, dtype=torch.float32)
        result = test(real, real[:1].expand(800, 2), stream())
        assert result.fake_accuracy > 0.9
        assert result.real_accuracy > 0.7

    def test_odd_sets(self, test) -> None:
        same = torch.ones(40, 3)
        assert test(same, same, stream()).accuracy == pytest.approx(0.5, abs=0.2)
        assert test(normals(2, 50), normals(3, 50, seed=1), stream()).samples == 2
        constant = torch.cat([normals(60, 2), torch.zeros(60, 1, dtype=torch.float64)], dim=1)
        for scale in (1e-20, 1e20):
            assert test(scale * constant, scale * (constant + 5), stream()).accuracy > 0.9

    def test_bad_input_is_told(self, test) -> None:
        with pytest.raises(ModescopeError, match="1 sample"):
            test(normals(1, 2), normals(5, 2), stream())
        with pytest.raises(ModescopeError, match="fake has 3 coordinates, expected 2"):
            test(normals(5, 2), normals(5, 3), stream())
        with pytest.raises(ModescopeError, match="real holds a NaN"):
            test(normals(5, 2) * torch.nan, normals(5, 2), stream())


def test_level_of_the_knn_test() -> None:
    """Under equal laws p-values are not too small: at most a share alpha below alpha."""
    p = torch.tensor([c2st_knn(normals(50, 2, seed=i), normals(50, 2, seed=900 + i), stream(i)).p_value
                      for i in range(150)])  # fmt: skip
    for alpha in (0.05, 0.2, 0.5):
        assert (p <= alpha).double().mean() <= alpha + 3 * math.sqrt(alpha / 150)
    assert (p <= 0.6).double().mean() > 0.2


def test_knn_against_sklearn(monkeypatch: pytest.MonkeyPatch) -> None:
    x, y = normals(120, 4), 0.7 + normals(120, 4, seed=1)
    seen = {}
    whole = c2st._holdout
    monkeypatch.setattr(c2st, "_holdout", lambda a, b, g, vote: whole(a, b, g, lambda *s: seen.setdefault(s, vote(*s))))
    result = c2st_knn(x, y, stream(), k=7)
    ((real, fake, asked),) = seen
    reference = KNeighborsClassifier(7).fit(torch.cat([real, fake]), [0] * 60 + [1] * 60)
    assert result.accuracy == pytest.approx(reference.score(asked, [0] * 60 + [1] * 60))
    default = c2st_knn(x, y, stream())
    assert default == c2st_knn(x, y, stream(), k=10)  # floor(sqrt(120))


def test_ties_are_fair() -> None:
    """Each point once in both sets: neighbours tie in every vote, and neither answer wins."""
    grid = torch.cartesian_prod(torch.arange(20.0), torch.arange(20.0))
    runs = [c2st_knn(grid, grid, stream(i), k=2) for i in range(40)]
    said_fake = sum(r.fake_accuracy + 1 - r.real_accuracy for r in runs) / (2 * len(runs))
    assert said_fake == pytest.approx(0.5, abs=0.03)


class TestLeaveOneOut:
    @pytest.mark.parametrize("dim", [2, 40])
    def test_against_sklearn(self, dim: int) -> None:
        x, y = normals(150, dim), 0.2 + normals(150, dim, seed=1)
        nearest = NearestNeighbors(n_neighbors=2).fit(torch.cat([x, y])).kneighbors(return_distance=False)[:, 0]
        own = (nearest < 150) == (torch.arange(300).numpy() < 150)
        result = nearest_neighbour_test(x, y, stream(), 19)
        assert result.real_accuracy == pytest.approx(own[:150].mean())
        assert result.fake_accuracy == pytest.approx(own[150:].mean())
        assert result.accuracy == pytest.approx(own.mean())
        assert result.samples == 300

    @pytest.mark.parametrize("dim", [2, 20])
    def test_ties_against_brute_force(self, dim: int) -> None:
        x = normals(60, dim).mul(0.6).round()
        y = normals(60, dim, seed=1).mul(0.6).round()
        if dim > 2:
            y[:30] = x[:30]
        result = nearest_neighbour_test(x, y, stream(), 9)
        assert (result.real_accuracy, result.fake_accuracy) == pytest.approx(brute_leave_one_out(x, y), abs=0.02)
        assert brute_leave_one_out(x, y) == pytest.approx(brute_leave_one_out(x.flip(0), y.flip(0)))

    @pytest.mark.parametrize("dim", [2, 40])
    @pytest.mark.parametrize("noise", [0.0, 1e-6])
    def test_memorised(self, dim: int, noise: float) -> None:
        """Copies of real samples are next to their originals; the one-sided binomial test would not tell."""
        x = normals(200, dim)
        result = nearest_neighbour_test(x, x + noise * normals(200, dim, seed=1), stream(), 199)
        assert result.accuracy == 0
        assert result.p_below == 1 / 200
        assert result.p_value == 1
        assert binomtest(0, 400, alternative="greater").pvalue == 1

    def test_told_apart_and_collapsed(self) -> None:
        x = normals(100, 5)
        apart = nearest_neighbour_test(x, 20 + x, stream())
        assert apart.accuracy == 1
        assert apart.p_value == 1 / 1000
        inside = nearest_neighbour_test(normals(100, 60), 0.1 * normals(100, 60, seed=1), stream())
        assert inside.fake_accuracy == 1
        assert inside.real_accuracy < 0.3
        point = nearest_neighbour_test(x, x[:1].expand(100, 5), stream())
        assert point.fake_accuracy == pytest.approx(0.99)
        assert point.p_value == 1 / 1000

    def test_level(self) -> None:
        """Under equal laws the p-values are uniform, where the binomial law's are too often small."""
        runs = [nearest_neighbour_test(normals(40, 2, seed=i), normals(40, 2, seed=900 + i), stream(i), 19)
                for i in range(60)]  # fmt: skip
        mean = sum(run.accuracy for run in runs) / len(runs)
        assert mean == pytest.approx(39 / 79, abs=0.02)
        assert runs[0].chance == 39 / 79
        for name in ("p_value", "p_below"):
            p = torch.tensor([getattr(run, name) for run in runs])
            assert (p <= 0.1).double().mean() <= 0.1 + 3 * math.sqrt(0.09 / 60)
            assert (p <= 0.5).double().mean() > 0.3

    def test_one_place(self) -> None:
        same = torch.ones(10, 3)
        assert nearest_neighbour_test(same, same, stream()).accuracy == pytest.approx(9 / 19)
        assert nearest_neighbour_test(same[:1], same[:1] + 1, stream()).accuracy == 0

    def test_float32_order_and_sizes(self) -> None:
        x, y = normals(90, 30), 0.1 + normals(90, 30, seed=1)
        result = nearest_neighbour_test(x, y, stream(), 9)
        assert nearest_neighbour_test(x.float(), y.float(), stream(), 9).accuracy == pytest.approx(
            result.accuracy, abs=0.02
        )
        assert nearest_neighbour_test(x.flip(0), y.flip(0), stream(), 9).accuracy == pytest.approx(result.accuracy)
        assert nearest_neighbour_test(x[:50], y, stream(), 9).samples == 100


def test_power() -> None:
    assert c2st_power(100, 0) == pytest.approx(0.05)
    assert c2st_power(100, 0.1, 0.05) == pytest.approx(norm.cdf((1 - norm.ppf(0.95) / 2) / math.sqrt(0.24)))
    reject = next(k for k in range(1001) if binom.sf(k - 1, 1000, 0.5) <= 0.05)
    assert c2st_power(1000, 0.04) == pytest.approx(binom.sf(reject - 1, 1000, 0.54), abs=0.02)
    assert c2st_power(10**6, 0.01) == pytest.approx(1)
    assert c2st_power(10, 0.5) == 1
    for wrong in ((0, 0.1, 0.05), (10, 0.6, 0.05), (10, 0.1, 1.0)):
        with pytest.raises(ModescopeError):
            c2st_power(*wrong)
