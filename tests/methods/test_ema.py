"""An averaged generator, as a wrapper and as the setting that does the same."""

import pytest
import torch

import modescope as ms
from modescope.core import ModescopeError
from modescope.core.config import Training, members_of
from modescope.methods import GAN, R3GAN, PacGAN, build
from modescope.methods.ema import EMA
from modescope.testing import Case, same_bits


def test_it_sets_the_decay_and_keeps_the_bases_settings():
    assert EMA(decay=0.9).settings() == {"ema": 0.9}
    assert PacGAN(base=EMA(base=R3GAN())).settings() == {**R3GAN.training, "ema": 0.999}
    assert EMA(base=EMA(decay=0.5), decay=0.9).settings() == {"ema": 0.9}


def test_training_does_not_change():
    mine, plain = (Case(method=method).population(3) for method in (EMA(), GAN()))
    assert same_bits(mine, plain)


def test_a_run_takes_its_decay_unless_it_is_told_another(tmp_path):
    def decay(**options):
        run = ms.train("ring", EMA(decay=0.8), seeds=1, steps=2, workers=1, quiet=True, **options)
        return run.experiment.training.ema

    assert decay(out=tmp_path / "own") == 0.8
    assert decay(out=tmp_path / "told", ema=0.5) == 0.5


def test_samples_are_those_of_the_averaged_weights():
    population = Case(method=EMA(decay=0.5)).population(0, **EMA(decay=0.5).settings())
    average = population.state["flats"]["generator"].clone()
    for _ in range(3):
        population.advance(1)
        average = 0.5 * average + 0.5 * population.state["flats"]["generator"]
    expected = Case(method=GAN()).population()
    expected.state["flats"]["generator"] = average
    torch.testing.assert_close(population.sample(7), expected.sample(7))


def test_the_decay_is_one_for_a_population():
    with pytest.raises(ModescopeError, match=r"^decay cannot be swept in one population, expected one of .*start one"):
        members_of(EMA(), Training(), [0], {"decay": [0.9, 0.99]})
    assert build("ema", decay=0) == EMA(decay=0.0)


@pytest.mark.parametrize("decay", [1.0, -0.1, float("nan")])
def test_a_bad_decay_is_refused(decay):
    with pytest.raises(ModescopeError, match=rf"^decay is {decay}, expected a number of at least 0 and less than 1$"):
        EMA(decay=decay)
