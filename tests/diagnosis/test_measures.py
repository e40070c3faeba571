"""What every measure of anyone's samples must hold, over the whole registry: a new entry is tested by being there.

What does not hold of a measure stands in a table below, with the reason.
"""

import contextlib
import math
import random
import sys
from collections.abc import Callable
from functools import cache

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from modescope.core import ModescopeError
from modescope.diagnosis import MEASURES
from modescope.diagnosis.measure import Measure

N = 240
MODES = 8
STEPS = 60  # of training, where a measure trains a network: enough for what is claimed here
BLOCKS = {"BLOCK": 5, "CHUNK": 900, "ELEMENTS": 300, "ROWS": 50, "TILE": 50, "TILE_CPU": 50}  # what bounds memory

# What identical laws score, where it is not the bound in the better direction: 1 for shares, 0 for distances.
AT_ONE_LAW = {
    "authenticity": (
        1 - 1 / (4 / 3 + math.sqrt(3) / math.tau),
        "a real ball about the nearest real sample is empty but for the lens that it shares with the ball about the "
        "fake, of two circles through each other's centres: in the plane 0.38, in many dimensions a half",
    ),
    "c2st_neural": (0.5, "nobody can do better than a coin"),
    "density_k5": (1.0, "each fake is in as many balls as a real sample, 5 over 5"),
    "ndb_k100": (0.05, "the level of each bin's test"),
    "nn_loo": (0.5, "neighbours are of either kind"),
}
# What the real samples themselves score in the fakes' place, where it is not the same.
AT_COPIES = {
    "authenticity": (0.0, "copies are what it finds"),
    "c2st_neural": (0.5, "the network is asked about samples it has not seen, half of which have a copy that it has"),
    "copied": (1.0, "copies are what it finds"),
    "critic_js": (0.0, "held-out samples again"),
    "density_k5": (6 / 5, "each ball holds the copy of its centre besides its 5 neighbours"),
    "ndb_k100": (0.0, "the counts are the same"),
    "nn_loo": (0.0, "the nearest neighbour of each sample is its copy"),
}
# Faults that make a score worse; both of these if not said.
SEES = {
    "authenticity": ({"copied"}, "fakes off the data are no copies, whatever they cover"),
    "copied": ({"copied"}, "nothing but copies"),
    "density_k5": ({"noisy"}, "it counts the balls around a fake, wherever that is"),
    "precision_k3": ({"noisy"}, "it asks whether fakes are plausible, not whether all are there"),
    "prd_f8_k20": ({"dropped"}, "it weighs recall 8 times as much as precision"),
    "recall_k3": ({"dropped"}, "scattered fakes have large balls, which hold much"),
}
# Recall-like measures, that are about k/8 where k of 8 modes are hit, and how far they may be from it.
RECALL_LIKE = {"recall_k3": 0.08, "coverage_k5": 0.06, "prd_f8_k20": 0.06}
PRECISION_LIKE = ("precision_k3", "density_k5")
# The power of the unit in a score; None if it has none, as the kernel or the network has a unit of its own.
DEGREE = {"frechet": (2, "squared"), "kid": (None, "its kernel is a polynomial of the coordinates")} | dict.fromkeys(
    ("pairwise_l2", "sliced_w2_p128", "w2_exact_n1000"), (1, "a distance")
)
OVERFLOWS = dict.fromkeys(
    ("sliced_w2_p128", "vendi_rbf", "w2_exact_n1000"),
    "squares, or those of the bandwidth, are taken in the type of the samples: infinite in float32 beyond 1e19",
)
NOT_MOVED = {"kid": "its kernel depends on the origin"}
NOT_TURNED = {
    "c2st_neural": "each coordinate is standardised by itself, and the network's first weights have axes",
    "critic_js": "each coordinate is standardised by itself, and the network's first weights have axes",
    "sliced_w2_p128": "its directions are fixed, and finitely many",
}

EVERY = pytest.mark.parametrize("name", [name for name, measure in MEASURES.items() if not measure.classes])


def normals(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def ring(modes: int = MODES, seed: int = 0, noise: float = 0.05) -> torch.Tensor:
    """Samples in equal parts on the first modes of a ring of 8."""
    angles = math.tau / MODES * (torch.arange(N) % modes).double()
    return torch.stack([angles.cos(), angles.sin()], dim=1) + noise * normals(N, 2, seed=seed)


SETS: dict[str, Callable[[], torch.Tensor]] = {
    "real": ring,
    "copied": lambda: ring().flip(0),
    "noisy": lambda: ring(seed=9, noise=0.6),
    "dropped": lambda: ring(MODES // 2, seed=10),
    "collapsed": lambda: ring(1, seed=11, noise=0.01),
    **{f"fresh {i}": lambda i=i: ring(seed=1 + i) for i in range(3)},
    **{f"{k} modes": lambda k=k: ring(k, seed=20 + k) for k in range(1, MODES + 1)},
}


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def taken(name: str, fake: torch.Tensor, real: torch.Tensor | None = None, seed: int = 0) -> float:
    return MEASURES[name](ring() if real is None else real, fake, generator(seed))


@cache
def score(name: str, fakes: str, seed: int = 0) -> float:
    """The score of one of the sets, against the real samples."""
    return taken(name, SETS[fakes](), seed=seed)


def fresh(name: str) -> list[float]:
    """Scores of samples of the same law, of several draws."""
    return [score(name, f"fresh {i}") for i in range(3)]


def best(measure: Measure) -> float:
    """The best score there is: the bound, or 0 for an unbounded distance; a real sample's where it should be equal."""
    if measure.direction == "closer":
        return float(np.mean(fresh(measure.name)))
    bound = measure.bounds[measure.direction == "higher"]
    return bound if math.isfinite(bound) else 0.0


def loss(measure: Measure, value: float) -> float:
    """How much worse a score is than the samples of the same law score."""
    usual = float(np.mean(fresh(measure.name)))
    return {"higher": usual - value, "lower": value - usual, "closer": abs(value - usual)}[measure.direction]


def chance(name: str) -> float:
    """How far scores of the same law lie apart, by the draw of samples or of the measure's own randomness."""
    return max(np.ptp(fresh(name)), abs(score(name, "fresh 0", 1) - score(name, "fresh 0")))


@pytest.fixture(autouse=True, scope="module")
def _short_training() -> object:
    """Networks of measures train for fewer steps."""
    with pytest.MonkeyPatch.context() as patch:
        for place in ("modescope.metrics.c2st", "modescope.metrics.critics"):
            module = sys.modules[place]
            whole = module.fit

            def brief(net, objective, real, fake, generator, steps, *rest, whole=whole, **named):  # type: ignore[no-untyped-def]
                return whole(net, objective, real, fake, generator, min(steps, STEPS), *rest, **named)

            patch.setattr(module, "fit", brief)
        yield
    score.cache_clear()


def test_the_tables_name_measures() -> None:
    """A measure that is renamed or gone leaves no exception behind."""
    tables = (AT_ONE_LAW, AT_COPIES, SEES, RECALL_LIKE, DEGREE, OVERFLOWS, NOT_MOVED, NOT_TURNED)
    assert {name for table in tables for name in table} | {*PRECISION_LIKE} <= {*MEASURES}


@EVERY
def test_one_law_is_perfect(name: str) -> None:
    measure = MEASURES[name]
    ideal = AT_ONE_LAW[name][0] if name in AT_ONE_LAW else best(measure)
    worst = max(abs(score(name, fakes) - ideal) for fakes in ("collapsed", "noisy", "copied"))
    assert np.mean(fresh(name)) == pytest.approx(ideal, abs=0.15 * worst)


@EVERY
def test_copies(name: str) -> None:
    measure = MEASURES[name]
    value = score(name, "copied")
    if name in AT_COPIES:
        trained = name in ("c2st_neural", "critic_js")
        assert value == pytest.approx(AT_COPIES[name][0], abs=0.12 if trained else 1e-12)
    elif measure.direction == "closer":
        assert abs(value - best(measure)) <= 2 * chance(name)
    elif measure.bounds[0] == -math.inf:
        assert value <= 0  # an unbiased estimate of 0, and no other set is closer
    else:
        assert value == pytest.approx(best(measure), abs=1e-9)


@EVERY
def test_order_of_samples(name: str) -> None:
    real, fake = ring(), SETS["fresh 0"]()
    value, turned = score(name, "fresh 0"), taken(name, fake.roll(17, 0), real.flip(0))
    if score(name, "fresh 0", 1) == value:  # nothing is drawn
        assert turned == pytest.approx(value, rel=1e-9, abs=1e-12)
    else:
        assert abs(turned - value) <= 3 * chance(name)


@pytest.mark.parametrize("name", RECALL_LIKE)
def test_k_of_8_modes(name: str) -> None:
    values = [score(name, f"{k} modes") for k in range(1, MODES + 1)]
    assert values == pytest.approx([k / MODES for k in range(1, MODES + 1)], abs=RECALL_LIKE[name])
    assert values == sorted(values)


def test_collapse_keeps_precision_and_loses_recall() -> None:
    for fakes in ("dropped", "collapsed"):
        for name in PRECISION_LIKE:
            assert score(name, fakes) > 0.8
        for name in RECALL_LIKE:
            assert score(name, fakes) < 0.6
    for name in PRECISION_LIKE:
        assert score(name, "noisy") < 0.3


@EVERY
@pytest.mark.parametrize("fault", ["dropped", "noisy", "copied"])
def test_worse_in_the_declared_direction(name: str, fault: str) -> None:
    seen = SEES[name][0] if name in SEES else {"dropped", "noisy"}
    if fault in seen:
        assert loss(MEASURES[name], score(name, fault)) > 2 * max(abs(loss(MEASURES[name], v)) for v in fresh(name))


@EVERY
@pytest.mark.parametrize("dim", [2, 12])
def test_float32(name: str, dim: int) -> None:
    """The same numbers in either type: shares are equal, the rest to 1e-5."""
    real, fake = (lifted(x, dim).float() for x in (ring(), SETS["fresh 0"]()))
    single, double = taken(name, fake, real), taken(name, fake.double(), real.double())
    assert single == pytest.approx(double, rel=1e-5, abs=1e-6)


def lifted(x: torch.Tensor, dim: int) -> torch.Tensor:
    """The plane in more dimensions, with a little noise: above 10 neighbours are found otherwise."""
    if dim == 2:
        return x
    return x @ torch.linalg.qr(normals(dim, 2)).Q.mT + 0.01 * normals(len(x), dim, seed=3)


@EVERY
@pytest.mark.parametrize("dim", [2, 12])
def test_blocks_do_not_show(name: str, dim: int, monkeypatch: pytest.MonkeyPatch) -> None:
    real, fake = lifted(ring(), dim), lifted(SETS["fresh 0"](), dim)
    whole = taken(name, fake, real)
    for place, module in [*sys.modules.items()]:
        for constant, size in BLOCKS.items() if place.startswith("modescope.metrics.") else ():
            if hasattr(module, constant):
                monkeypatch.setattr(module, constant, size)
    assert taken(name, fake, real) == pytest.approx(whole, rel=1e-9, abs=1e-12)


@EVERY
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_devices_agree(name: str) -> None:
    found = taken(name, SETS["fresh 0"]().cuda(), ring().cuda())
    assert abs(found - score(name, "fresh 0")) <= max(1e-6, 2 * chance(name))


@EVERY
def test_a_seed_is_a_value(name: str) -> None:
    """The same seed gives the same number, and nothing is drawn from the streams that everyone shares."""
    before = torch.get_rng_state(), np.random.get_state()[1].copy(), random.getstate()
    assert taken(name, SETS["fresh 0"]()) == score(name, "fresh 0")
    assert torch.equal(torch.get_rng_state(), before[0])
    assert (np.random.get_state()[1] == before[1]).all()
    assert random.getstate() == before[2]


@EVERY
def test_samples_are_left_as_they_are(name: str) -> None:
    real, fake = ring(), SETS["fresh 0"]()
    kept = real.clone(), fake.clone()
    taken(name, fake, real)
    assert torch.equal(real, kept[0])
    assert torch.equal(fake, kept[1])


def same(name: str, value: float, expected: float) -> bool:
    """Equal, up to the measure's own randomness where it draws."""
    drawn = score(name, "fresh 0", 1) != score(name, "fresh 0")
    return abs(value - expected) <= 1e-6 * abs(expected) + (3 * chance(name) if drawn else 1e-9)


@EVERY
def test_moved_and_turned(name: str) -> None:
    real, fake, turn = ring(), SETS["dropped"](), torch.linalg.qr(normals(2, 2)).Q
    value = score(name, "dropped")
    if name not in NOT_MOVED:
        assert same(name, taken(name, fake + 3, real + 3), value)
    if name not in NOT_TURNED:
        assert same(name, taken(name, fake @ turn, real @ turn), value)


@EVERY
def test_other_units(name: str) -> None:
    degree = DEGREE.get(name, (0, ""))[0]
    if degree is None:
        pytest.skip(DEGREE[name][1])
    unit = 1e-5
    value = taken(name, unit * SETS["dropped"](), unit * ring()) / unit**degree
    assert same(name, value, score(name, "dropped"))


@st.composite
def odd(draw: st.DrawFn, n: int, dim: int) -> torch.Tensor:
    """Samples as they should not be: copies, constant coordinates, far from the origin."""
    x = normals(n, dim, seed=draw(st.integers(0, 99)))
    x = x[torch.arange(n) % draw(st.sampled_from([1, 2, n]))]
    x[:, : draw(st.sampled_from([0, 1, dim]))] = 1.0
    return x + draw(st.sampled_from([0.0, 1e4]))


@st.composite
def odd_pairs(draw: st.DrawFn, sizes: list[int]) -> tuple[torch.Tensor, torch.Tensor]:
    n, dim = draw(st.sampled_from(sizes)), draw(st.sampled_from([1, 2, 11, 70]))
    real = draw(odd(n, dim))
    fake = draw(st.one_of(odd(n, dim), st.just(real)))
    unit = draw(st.sampled_from([1e-30, 1.0, 1e30]))
    dtype = draw(st.sampled_from([torch.float32, torch.float64]))
    return (unit * real).to(dtype), (unit * fake).to(dtype)


@EVERY
def test_odd_sets(name: str) -> None:
    """From `least` on a measure is a number within its bounds; below, it may be NaN, or refuse and say why."""
    measure = MEASURES[name]

    @settings(max_examples=20 if measure.cheap else 3, deadline=None, derandomize=True, database=None)
    @given(odd_pairs([1, 2, 5, measure.least, measure.least + 1]))
    def check(sets: tuple[torch.Tensor, torch.Tensor]) -> None:
        real, fake = sets
        if name in OVERFLOWS and real.dtype == torch.float32 and max(real.abs().max(), fake.abs().max()) > 1e19:
            return
        few = len(real) < measure.least
        with contextlib.suppress(ModescopeError) if few else contextlib.nullcontext():
            value = measure(real, fake, generator())
            in_bounds = measure.bounds[0] - 1e-9 <= value <= measure.bounds[1] + 1e-9
            assert in_bounds or (few and math.isnan(value))
            assert few or math.isfinite(value)

    check()
