"""Two learning rates, as a wrapper and as the setting that does the same."""

import pytest
from helpers import SPACE

from modescope.core import ModescopeError, Player
from modescope.core.config import Member, Training
from modescope.core.engine import Population
from modescope.datasets.ring import Ring
from modescope.methods import ALI, GAN, VEEGAN, PacGAN, UnrolledGAN
from modescope.methods.ttur import TTUR
from modescope.testing import Case, distance, glimpse, moved, rows


@pytest.mark.parametrize("optimizer", ["adam", "sgd", "rmsprop"])
def test_it_is_the_training_with_another_critic_lr(optimizer):
    case = Case(method=GAN())
    settings = {"lr": 1e-3, "optimizer": optimizer, "schedule": "linear"}
    mine = case.population(4, method=TTUR(ratio=2.5), **settings)
    setting = case.population(4, critic_lr=2.5e-3, **settings)
    plain = case.population(4, **settings)
    assert distance(rows(mine, 0), rows(setting, 0)) < 1e-12
    assert distance(rows(mine, 0), rows(plain, 0)) > 1e-6


def test_a_ratio_of_one_is_the_base():
    case = Case(method=GAN())
    assert distance(rows(case.population(3), 0), rows(case.population(3, method=TTUR(ratio=1.0)), 0)) == 0


def test_all_players_but_the_generators_are_faster():
    def rates(method):
        return {player.name: player.rate for player in method.players()}

    assert rates(TTUR()) == {"discriminator": 3.0, "generator": 1.0}
    assert rates(TTUR(base=VEEGAN(), ratio=2.0)) == {"discriminator": 2.0, "generator": 1.0, "reconstructor": 2.0}
    assert rates(TTUR(base=ALI())) == {"discriminator": 3.0, "generator": 1.0}
    assert rates(TTUR(base=TTUR(base=PacGAN(), ratio=2.0), ratio=5.0)) == {"discriminator": 10.0, "generator": 1.0}


def test_a_rate_of_the_base_is_multiplied():
    class Slow(GAN):
        def players(self):
            critic, generator = super().players()
            return Player(critic.name, critic.trains, critic.loss, rate=0.5), generator

    assert TTUR(base=Slow()).players()[0].rate == 1.5


def test_a_swept_ratio_is_each_alone():
    members = [Member(0, {"ratio": value}) for value in (0.5, 4.0)]
    training = Training(steps=10, batch_size=8)
    swept = Population(TTUR(), Ring(), SPACE, training, members)
    swept.advance(3)
    for row, value in enumerate((0.5, 4.0)):
        alone = Population(TTUR(ratio=value), Ring(), SPACE, training, [Member(0)])
        alone.advance(3)
        assert distance(rows(swept, row), rows(alone, 0)) < 1e-6


def test_unrolled_steps_are_as_fast():
    nets, batch = glimpse(Case(method=GAN()))
    fast = TTUR(ratio=4.0).players()[0]
    ahead = nets.descend(fast, batch)
    plain = nets.descend(GAN().players()[0], batch)
    here = nets.flats["discriminator"]
    step, slow = ahead.flats["discriminator"] - here, plain.flats["discriminator"] - here
    assert (step - 4 * slow).abs().max() < 1e-12
    method = UnrolledGAN(base=TTUR(ratio=4.0), unroll=1)
    foreseen = method.players()[1].loss(nets, batch)
    assert abs(foreseen - GAN().players()[1].loss(moved(nets, "discriminator", here + 4 * slow), batch)) < 1e-12


@pytest.mark.parametrize("ratio", [0.0, -1.0, float("inf")])
def test_a_bad_ratio_is_refused(ratio):
    with pytest.raises(ModescopeError, match=rf"^ratio is {ratio}, expected more than 0$"):
        TTUR(ratio=ratio)
