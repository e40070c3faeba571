"""The term by hand, and where it pulls."""

import numpy as np
import pytest
from helpers import (
    Given,
    batch_of,
    check_gradients,
    check_sweep,
    check_trains,
    close,
    game,
    gradient,
    linear,
    loss,
    tiny,
)

from modescope.core import ModescopeError
from modescope.methods import GAN, LSGAN, PacGAN
from modescope.methods.msgan import MSGAN
from modescope.testing import Case


def test_term_by_hand():
    """The means are taken over rows and coordinates before the division."""
    z = np.array([[0.5, 1.0], [-0.25, 0.0], [2.0, -1.0]])
    made = 3 * z + np.array([1.0, -2.0])

    class Triple(Given):
        def forward(self, z):
            return 3 * z + 1 + self.offset

    nets = game(MSGAN(), generator=Triple(2), discriminator=Given(2))
    distance = lambda x: np.mean([np.abs(x[i] - x[i - 1]) for i in range(3)])  # noqa: E731
    close(MSGAN().term(nets, batch_of(z, z)), 1 / (distance(made) / distance(z) + 1e-5))
    close(MSGAN().term(nets, batch_of(z, z)), 1 / (3 + 1e-5))


def test_only_the_generators_loss_gains_the_term():
    method = MSGAN(base=LSGAN(), weight=0.7)
    nets, batch = tiny(method), batch_of()
    close(loss(method, "discriminator", nets, batch), loss(LSGAN(), "discriminator", nets, batch))
    close(loss(method, "generator", nets, batch), loss(LSGAN(), "generator", nets, batch) + 0.7 / (2 + 1e-5))


def test_the_spread_is_pulled_up_and_the_place_left_alone():
    flat = game(GAN(), generator=linear(2.0, 1.0), discriminator=linear(0.0, 0.0))
    weight, bias = gradient(MSGAN(base=GAN()), "generator", flat, batch_of())
    close(weight, -1 / (2 + 1e-5) ** 2)
    close(bias, 0.0)


def test_a_collapsed_generator_has_a_finite_loss():
    nets = game(MSGAN(), generator=linear(0.0, 1.0), discriminator=linear(-1.5, 0.5))
    close(MSGAN().term(nets, batch_of()), 1e5)
    assert gradient(MSGAN(), "generator", nets, batch_of()).isfinite().all()


def test_gradients_sweeps_and_training():
    check_gradients(MSGAN())
    check_sweep(MSGAN(), weight=(0.1, 2.0))
    check_trains(MSGAN(base=PacGAN()))


@pytest.mark.parametrize("weight", [-1.0, float("inf")])
def test_a_bad_weight_is_refused(weight):
    with pytest.raises(ModescopeError, match=rf"^weight is {weight}, expected at least 0$"):
        MSGAN(weight=weight)


def test_packs_and_single_samples_are_refused():
    with pytest.raises(ModescopeError, match=r"MSGAN over PacGAN over GAN is$"):
        PacGAN(base=MSGAN())
    with pytest.raises(ModescopeError, match=r"^batch_size is 1, expected at least 2 for MSGAN's pairs$"):
        Case(method=MSGAN(), batch_size=1).population()
    with pytest.raises(ModescopeError, match="expected a multiple of PacGAN's degree"):
        Case(method=MSGAN(base=PacGAN(degree=3))).population()
