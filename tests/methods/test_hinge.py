"""The losses by hand, and the total variation at the optimal critic."""

import math

import numpy as np
import pytest
import torch
from helpers import (
    SCALE,
    SCORES,
    SHIFT,
    batch_of,
    check_gradients,
    check_sweep,
    check_trains,
    close,
    density,
    gaussians,
    gradient,
    integral,
    log_ratio,
    loss,
    tiny,
)

from modescope.core import ModescopeError
from modescope.methods.hinge import Hinge

REALS, FAKES = np.array(SCORES)


def test_losses_by_hand():
    for margin, expected in ((1.0, (0.8 + 0) / 2 + (0 + 0.75) / 2), (2.5, (2.3 + 0.5) / 2 + (0 + 2.25) / 2)):
        method = Hinge(margin=margin)
        close(loss(method, "discriminator", tiny(method), batch_of()), expected)
        close(loss(method, "generator", tiny(method), batch_of()), -FAKES.mean())


def test_the_margin_of_the_paper():
    assert Hinge().margin == 1


def test_samples_beyond_the_margin_do_not_count():
    """Of the scores 0.2, 2 on reals and -2.5, -0.25 on fakes only the first and the last lie within 1."""
    expected = np.array([-0.2 + 0.5, -1 + 1]) / 2  # in weight and bias: reals at 0.2, fakes at 0.5
    close(gradient(Hinge(), "discriminator", tiny(Hinge()), batch_of()), expected)
    flat = gradient(Hinge(margin=0.1), "discriminator", tiny(Hinge()), batch_of())
    close(flat, [0.0, 0.0])


@pytest.mark.parametrize("margin", [1.0, 0.3])
def test_the_optimal_critic_measures_the_total_variation(margin):
    method = Hinge(margin=margin)
    nets, batch = gaussians(method, lambda x: margin * log_ratio(x).sign())
    variation = integral(np.abs(density() - density(SHIFT, SCALE))) / 2
    assert variation > 0.1
    close(loss(method, "discriminator", nets, batch), 2 * margin * (1 - variation), 1e-4)
    gap = nets["discriminator"](batch.real).mean() + loss(method, "generator", nets, batch)
    close(gap, 2 * margin * variation, 1e-4)


@pytest.mark.parametrize("other", [torch.zeros_like, log_ratio, lambda x: 3 * log_ratio(x).sign(), lambda x: -x])
def test_any_other_critic_pays_more(other):
    best, batch = gaussians(Hinge(), lambda x: log_ratio(x).sign())
    worse, _ = gaussians(Hinge(), other)
    assert loss(Hinge(), "discriminator", worse, batch) > loss(Hinge(), "discriminator", best, batch) + 0.01


def test_a_larger_margin_is_the_same_game_for_scores_scaled_with_it():
    def scaled(margin):
        nets, batch = gaussians(Hinge(), lambda x: margin * torch.sin(2 * x), 1000)
        return [loss(Hinge(margin=margin), name, nets, batch) / margin for name in ("discriminator", "generator")]

    close(scaled(4.0), scaled(1.0))


def test_gradients_and_training():
    check_gradients(Hinge())
    check_trains(Hinge())


def test_the_margin_can_be_swept():
    check_sweep(Hinge(), margin=(0.05, 1.0))


@pytest.mark.parametrize("margin", [0.0, -1.0, math.inf])
def test_a_bad_margin_is_refused(margin):
    with pytest.raises(ModescopeError, match=f"^margin is {margin}, expected more than 0$"):
        Hinge(margin=margin)
