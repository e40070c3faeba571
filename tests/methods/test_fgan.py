"""Every divergence: losses by hand, the divergence at the optimal critic, its gradient, and extreme scores."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from helpers import (
    SCORES,
    Given,
    Score,
    batch_of,
    check_gradients,
    check_sweep,
    check_trains,
    close,
    game,
    gradient,
    linear,
    log_ratio,
    loss,
    smooth,
    tiny,
)
from rows import (
    CASES,
    PI,
    SMOOTH,
    activation,
    best_critic,
    check_descends,
    conjugate,
    divergence,
    expected_gradient,
    expected_loss,
    wide,
)
from torch.func import grad

from modescope.core import Batch, ModescopeError, Networks
from modescope.methods import GAN, WeightedJS
from modescope.methods.fgan import FGAN

REALS, FAKES = np.array(SCORES)


@pytest.mark.parametrize("case", CASES)
def test_losses_by_hand(case):
    method = FGAN(**wide(case))
    bound = activation(case, REALS).mean() - conjugate(case, activation(case, FAKES)).mean()
    practical, nets = replace(method, practical=True), tiny(method)
    close(loss(method, "discriminator", nets, batch_of()), -bound, 1e-6)
    close(loss(method, "generator", nets, batch_of()), bound, 1e-6)
    close(loss(practical, "discriminator", nets, batch_of()), -bound, 1e-6)
    close(loss(practical, "generator", nets, batch_of()), -activation(case, FAKES).mean(), 1e-6)
    close(method.observe(nets, batch_of())["divergence_bound"], bound, 1e-6)


@pytest.mark.parametrize("case", CASES)
def test_the_optimal_critic_measures_the_divergence(case):
    method = FGAN(**wide(case))
    assert abs(divergence(case)) > 0.01
    tolerance = 1e-3 if case == "tv" else 1e-7  # whose kink lies between two points of the grid
    close(-expected_loss(method, "discriminator", best_critic(case)), divergence(case), tolerance)


@pytest.mark.parametrize("clip", [0.1, 20.0])
@pytest.mark.parametrize("case", CASES)
def test_every_critic_gives_a_bound_from_below(case, clip):
    """However tight its scores are held."""
    method = FGAN(**{**CASES[case], "clip": clip})
    critics = [torch.zeros_like, lambda x: -2 * x, lambda x: 2 * torch.sin(3 * x), lambda x: 0.7 * log_ratio(x) + 0.2]
    for critic in critics:
        assert -expected_loss(method, "discriminator", critic) < divergence(case) - 1e-4


@pytest.mark.parametrize("case", SMOOTH)
def test_the_generator_descends_the_divergence(case):
    check_descends(FGAN(**wide(case)), best_critic(case), case)


def test_the_total_variation_gives_the_generator_nothing():
    close(expected_gradient(FGAN(divergence="tv"), best_critic("tv")), [0.0, 0.0])


@pytest.mark.parametrize(
    ("case", "descends", "factor"),
    [("kl", "reverse-kl", 1.0), ("reverse-kl", "neyman", 0.5), ("pearson", "kl", 2.0)],
)
def test_the_practical_loss_descends_another_divergence(case, descends, factor):
    check_descends(FGAN(**wide(case), practical=True), best_critic(case), descends, factor)


def test_the_gan_is_a_row():
    nets, batch = smooth(GAN())
    for practical in (False, True):
        method, gan = FGAN(divergence="gan", practical=practical), GAN(saturating=not practical)
        for name in ("discriminator", "generator"):
            close(loss(method, name, nets, batch), loss(gan, name, nets, batch))
            close(gradient(method, name, nets, batch), gradient(gan, name, nets, batch))


@pytest.mark.parametrize("practical", [False, True])
@pytest.mark.parametrize("pi", [0.1, 0.33, 0.9])
def test_the_weighted_js_gan_is_a_row(pi, practical):
    """Unscaled, where the score is the other's logit; up to the constants of the entropies."""
    method = FGAN(divergence="weighted-js", pi=pi, practical=practical)
    other = WeightedJS(pi=pi, saturating=not practical, rescaled=False)
    shift = math.log(pi / (1 - pi))
    mine = game(method, generator=linear(2.0, 1.0), discriminator=linear(-1.5, 0.5 + shift))
    entropy = -pi * math.log(pi) - (1 - pi) * math.log(1 - pi)
    constants = {"discriminator": -entropy, "generator": pi * math.log(pi) if practical else entropy}
    for name, constant in constants.items():
        close(loss(method, name, mine, batch_of()), loss(other, name, tiny(other), batch_of()) + constant)
        close(gradient(method, name, mine, batch_of()), gradient(other, name, tiny(other), batch_of()))


@pytest.mark.parametrize("practical", [False, True])
@pytest.mark.parametrize("case", CASES)
def test_extreme_scores_stay_finite_in_float32(case, practical):
    method = FGAN(**CASES[case], practical=practical)
    extremes = torch.tensor([[-1e4], [-100.0], [-10.0], [0.0], [10.0], [100.0], [1e4]])
    nets = game(method, generator=Given(), discriminator=Score(lambda x: x))
    nets = Networks(nets.layout, {name: flat.float() for name, flat in nets.flats.items()})
    for x, y in ((extremes, extremes), (extremes[:1], extremes[-1:]), (extremes[-1:], extremes[:1])):
        batch = Batch(x, y, torch.zeros(len(x)))
        for name in ("discriminator", "generator"):
            value = loss(method, name, nets, batch)
            assert math.isfinite(value)
            assert torch.isfinite(gradient(method, name, nets, batch)).all()

    def twice(v):
        return grad(grad(lambda v: method.row.conjugate(method.row.held(v, method.clip))))(v)

    assert all(torch.isfinite(twice(v)) for v in extremes.flatten())


def test_a_critic_that_is_sure_of_a_mode_can_still_be_turned():
    """Beyond the bound a fake pulls the score down; cut off sharply it would not."""
    method = FGAN(divergence="kl")
    nets = game(method, generator=Given(), discriminator=Score(lambda x: x))
    found = gradient(method, "discriminator", nets, batch_of([[0.0]], [[13.0]]))
    assert found[0] > 1


@pytest.mark.parametrize("practical", [False, True])
@pytest.mark.parametrize("case", CASES)
def test_gradients(case, practical):
    check_gradients(FGAN(**CASES[case], practical=practical))


def test_training():
    check_trains(FGAN())
    check_trains(FGAN(divergence="jeffrey", practical=True))
    check_trains(FGAN(divergence="alpha", power=-0.5))


def test_parameters_of_families_can_be_swept():
    check_sweep(FGAN(divergence="weighted-js"), pi=(0.01, PI))
    check_sweep(FGAN(divergence="alpha"), power=(-0.5, 1.5))
    check_sweep(FGAN(), clip=(0.1, 10.0))
    check_sweep(FGAN(divergence="alpha", practical=True), power=(0.5, 2.0), clip=(0.1, 10.0))


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"divergence": "pearsn"}, "unknown divergence 'pearsn': did you mean 'pearson'"),
        ({"pi": 1.0}, "pi is 1.0, expected a number strictly between 0 and 1"),
        ({"power": 1.0}, r"power is 1.0, expected a finite number other than 0 \(reverse-kl\) and 1 \(kl\)"),
        ({"power": 0.0}, "power is 0.0, expected a finite number"),
        ({"power": math.inf}, "power is inf, expected a finite number"),
        ({"clip": 0.0}, "clip is 0.0, expected more than 0 and at most 40, or powers of the ratio overflow"),
        ({"clip": 41.0}, "clip is 41.0, expected more than 0 and at most 40"),
        ({"divergence": "alpha", "power": -7.1}, "clip is 10.0, expected more than 0 and at most 9.88, or"),
        ({"divergence": "alpha", "power": 20.0}, "clip is 10.0, expected more than 0 and at most 4, or"),
    ],
)
def test_bad_values_are_refused(fields, message):
    with pytest.raises(ModescopeError, match=message):
        FGAN(**fields)


def test_the_widest_bounds_are_allowed():
    assert FGAN(clip=40.0).clip == 40
    assert FGAN(divergence="alpha", power=-7.0, clip=10.0).power == -7  # powers of the ratio up to its eighth
    assert FGAN(divergence="kl", power=20.0).power == 20  # which does not matter here
