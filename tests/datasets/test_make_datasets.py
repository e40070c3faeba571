"""The tables: every name builds, every preset holds its source's numbers, bad names are told."""

import math
from dataclasses import dataclass

import pytest
import torch

from modescope.core.errors import ModescopeError
from modescope.datasets import (
    DATASETS,
    PRESETS,
    TAGS,
    Dataset,
    Grid,
    HighDim,
    ImageData,
    Line,
    Ring,
    SwissRoll,
    TwoMoons,
    decode,
    encode,
    make,
    spec_names,
)

EXPECTED = {
    "ring:unrolled": Ring(count=8, radius=1.0, sigma=0.01),
    "ring:unrolled-legacy": Ring(count=8, radius=1.0, sigma=0.01, duplicate_endpoint=True),
    "ring:unrolled-paper": Ring(count=8, radius=2.0, sigma=0.02),
    "ring:lsgan": Ring(count=9, radius=1.0, sigma=0.01, duplicate_endpoint=True),
    "ring:d2gan": Ring(count=8, radius=2.0, sigma=math.sqrt(0.02)),
    "ring:pacgan": Ring(count=8, radius=1.0, sigma=0.01),
    "ring:veegan": Ring(count=8, radius=1.0, sigma=0.01),
    "ring:wgan-gp": Ring(count=8, radius=2 / 1.414, sigma=0.02 / 1.414),
    "ring:lbt": Ring(count=8, radius=1.0, sigma=0.1),
    "ring:gdpp": Ring(count=8, radius=1.0, sigma=0.01, duplicate_endpoint=True),
    "grid25": Grid(rows=5, columns=5, spacing=2.0, sigma=0.05),
    "grid25:ali": Grid(rows=5, columns=5, spacing=2.0, sigma=0.05),
    "grid25:veegan": Grid(rows=5, columns=5, spacing=2.0, sigma=0.05),
    "grid25:pacgan": Grid(rows=5, columns=5, spacing=2.0, sigma=0.05),
    "grid25:gdpp": Grid(rows=5, columns=5, spacing=2.0, sigma=0.05),
    "grid25:wgan-gp": Grid(rows=5, columns=5, spacing=2 / 2.828, sigma=0.05 / 2.828),
    "grid25:bourgan": Grid(rows=5, columns=5, spacing=2.0, sigma=0.1),
    "grid100": Grid(rows=10, columns=10, spacing=0.2, sigma=0.01),
    "grid100:lbt": Grid(rows=10, columns=10, spacing=0.2, sigma=0.01),
    "highdim:veegan": HighDim(positions=(-1, -0.5, 0, 0.5, -2, -2.5, 10, 0.25, -13, -5.5), size=1200, noisy=700),
    "swissroll:wgan-gp": SwissRoll(noise=0.25, scale=7.5),
    "pair": Line(means=(-3.0, 3.0), std=(1.0, 1.0)),
    "pair:kl": Line(means=(-3.0, 3.0), std=(1.0, 1.0)),
    "five:madgan": Line(means=(10.0, 20.0, 60.0, 80.0, 110.0), std=(3.0, 3.0, 2.0, 2.0, 1.0)),
    "moons:review": TwoMoons(noise=0.0),
}


def test_presets():
    points = [name for name, preset in PRESETS.items() if not issubclass(preset.dataset, ImageData)]
    assert {name: make(name) for name in points} == EXPECTED
    for preset in PRESETS.values():
        assert preset.tag in TAGS
        assert len(preset.summary) > 10
        assert len(preset.reference) > 10
        assert preset.year is None or f"{preset.year})" in preset.reference


def test_numbers_of_the_papers():
    assert len(make("ring:lsgan").modes) == 8
    assert make("ring:lsgan").modes.weights[0].item() == pytest.approx(2 / 9)
    assert len(make("ring:gdpp").modes) == 7
    assert make("ring:d2gan").modes.scale[0].item() ** 2 == pytest.approx(0.02)
    assert make("ring:wgan-gp").radius == pytest.approx(1.414, abs=1e-3)
    assert make("grid25:wgan-gp").spacing == pytest.approx(0.707, abs=1e-3)
    assert make("grid25:wgan-gp").sigma == pytest.approx(0.0177, abs=1e-4)
    assert sorted(set(make("grid25:veegan").modes.centers.flatten().tolist())) == [-4, -2, 0, 2, 4]


def test_names():
    assert set(spec_names()) == {*DATASETS, *PRESETS}
    assert not set(DATASETS) & set(PRESETS)
    assert make("ring") == Ring()
    assert make("grid", rows=2) == Grid(rows=2)
    assert make("ring:pacgan", count=16) == Ring(count=16, radius=1.0, sigma=0.01)
    for name in ("ring", "grid", "grid25", "grid100", "line", "pair", "moons", "moons32", "highdim", "swissroll"):
        assert make(name).sample(2).shape == (2, make(name).dim)


@pytest.mark.parametrize(
    ("spec", "fields", "message"),
    [
        ("rign", {}, "unknown dataset 'rign': did you mean 'ring'"),
        ("ring:pagan", {}, "did you mean 'ring:pacgan'"),
        ("", {}, "unknown dataset ''"),
        ("ring", {"sigmaa": 1.0}, "unknown Ring field 'sigmaa': did you mean 'sigma'"),
        ("mixture", {}, "Mixture needs the field 'means'"),
        ("mixture", {"means": ((0.0,),)}, "either std or covariances"),
        ("array", {}, "give a path, or an array"),
        ("array", {"rows": 3}, "unknown ArrayData field 'rows'"),
    ],
)
def test_bad_specs(spec, fields, message):
    with pytest.raises(ModescopeError, match=message):
        make(spec, **fields)


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ({"name": "rings"}, "did you mean 'ring'"),
        ({"name": "ring:pacgan"}, "unknown dataset"),
        ({"count": 8}, "describes no data set"),
        ({"name": 8}, "describes no data set"),
        ([1], "describes no data set"),
        ({"name": "ring", "width": 1}, "unknown Ring field 'width'"),
        ({"name": "ring", "sigma": None}, "sigma is None, expected a positive number"),
        ({"name": "mixture"}, "Mixture needs the field 'means'"),
        ({"name": "array"}, "an array in memory"),
    ],
)
def test_bad_decode(written, message):
    with pytest.raises(ModescopeError, match=message):
        decode(written)


@dataclass(frozen=True, kw_only=True)
class Mine(Ring):
    pass


def test_a_class_of_ones_own_is_used_but_not_written_down():
    mine: Dataset = Mine()
    assert torch.equal(
        mine.sample(3, torch.Generator().manual_seed(0)), Ring().sample(3, torch.Generator().manual_seed(0))
    )
    with pytest.raises(ModescopeError, match="Mine cannot be written down"):
        encode(mine)
