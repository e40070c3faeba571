"""Each form of the term: what it is, what it is least at, and how it composes."""

import math

import numpy as np
import pytest
import torch
from helpers import (
    SCALE,
    SHIFT,
    Affine,
    Given,
    batch_of,
    check_descends,
    check_gradients,
    check_sweep,
    check_trains,
    close,
    game,
    gaussians,
    gradient,
    linear,
    loss,
    normals,
    slope,
    tiny,
)
from torch import nn
from torch.nn.functional import binary_cross_entropy

from modescope.core import ModescopeError
from modescope.methods import GAN, PacGAN
from modescope.methods.forward_kl import ForwardKL
from modescope.methods.lsgan import LSGAN

FORMS = ("sig", "ratio", "bce", "bce-swapped")
FAKES = [2.0, 0.5]


def point(at: float) -> nn.Module:
    """A generator of one sample only."""
    return linear(0.0, at)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("saturating", [True, False])
def test_term_is_added_to_the_generator_alone(form, saturating):
    base = GAN(saturating=saturating)
    method = ForwardKL(base=base, form=form, weight=0.7, low=-3.0, high=3.0)
    nets, batch = tiny(method), batch_of()
    close(loss(method, "discriminator", nets, batch), loss(base, "discriminator", nets, batch))
    expected = loss(base, "generator", nets, batch) + 0.7 * float(method.term(nets, batch))
    close(loss(method, "generator", nets, batch), expected)


@pytest.mark.parametrize("form", FORMS)
def test_gradients_and_training(form):
    check_gradients(ForwardKL(form=form, low=-4.0, high=4.0))
    check_trains(ForwardKL(form=form))


def test_values_can_be_swept():
    check_sweep(ForwardKL(), weight=(0.1, 1.0), sigma_start=(0.3, 1.0), sigma_end=(0.02, 0.2))
    check_sweep(ForwardKL(form="ratio"), clip=(0.01, 10.0))
    check_sweep(ForwardKL(form="bce"), low=(-1.5, -5.0), high=(1.5, 5.0))
    check_sweep(ForwardKL(form="bce-swapped"), low=(-1.5, -5.0), high=(1.5, 5.0))


# The semi-implicit bound


def test_bound_by_hand():
    method = ForwardKL(sigma_start=0.5, sigma_end=0.5)
    real, fake = np.array([[0.1, 0.4], [-1.0, 2.0]]), np.array([[0.0, 0.0], [1.0, 1.0], [-2.0, 1.5]])
    square = ((real[:, None] - fake[None]) ** 2).sum(-1)
    densities = np.exp(-square / (2 * 0.25)) / (2 * math.pi * 0.25)
    nets = game(method, generator=Given(2), discriminator=nn.Linear(2, 1).double())
    close(method.term(nets, batch_of(real, fake)), -np.log(densities.mean(1)).mean())


@pytest.mark.parametrize(("progress", "sigma"), [(0.0, 0.8), (0.5, 0.4), (0.75, 0.8 * 4**-0.75), (1.0, 0.2)])
def test_bandwidth_falls_geometrically(progress, sigma):
    falling, fixed = ForwardKL(sigma_start=0.8, sigma_end=0.2), ForwardKL(sigma_start=sigma, sigma_end=sigma)
    found = falling.term(tiny(falling), batch_of(progress=progress))
    close(found, fixed.term(tiny(fixed), batch_of()))


def test_bound_lies_below_the_likelihood_and_tightens():
    sigma = 0.4
    method = ForwardKL(sigma_start=sigma, sigma_end=sigma)
    nets = game(method, generator=Affine(), discriminator=linear(1.0, 0.0))
    real = normals(200)
    width = math.hypot(SCALE, sigma)
    truth = float((-((real - SHIFT) / width).square() / 2).mean()) - math.log(width * math.sqrt(2 * math.pi))

    generator = torch.Generator().manual_seed(0)
    bounds = []
    for latents in (1, 4, 16, 64):
        z = torch.randn(600, latents, 1, generator=generator, dtype=torch.float64)
        bounds.append(-float(np.mean([float(method.term(nets, batch_of(real, draw))) for draw in z])))
    assert bounds == sorted(bounds)
    assert bounds[0] < truth - 1
    assert truth - 0.1 < bounds[-1] < truth
    many = -float(method.term(nets, batch_of(real, normals(5000))))
    close(many, truth, 1e-3)


def test_bound_is_least_where_the_smoothed_generator_is_the_data():
    sigma = 0.4
    method = ForwardKL(sigma_start=sigma, sigma_end=sigma)
    z = normals(4000)
    at = lambda scale: slope(  # noqa: E731
        method.term,
        "generator",
        game(method, generator=Affine(0.0, scale), discriminator=linear(1.0, 0.0)),
        batch_of(normals(1000), z),
    )
    best = math.sqrt(1 - sigma**2)
    close(at(best), [0.0, 0.0], 2e-3)
    assert at(0.9 * best)[1] < -0.01
    assert at(1.1 * best)[1] > 0.01


def test_bound_pulls_the_nearest_sample_to_a_mode_that_has_none():
    method = ForwardKL(sigma_start=0.3, sigma_end=0.3)
    fakes = torch.tensor([[-1.0], [-0.5]], dtype=torch.float64)
    nets = game(method, generator=Given(), discriminator=linear(1.0, 0.0))
    pull = -torch.func.grad(lambda z: method.term(nets, batch_of([[-1.0], [1.0]], z)))(fakes)
    assert abs(pull[0]) < 0.1
    assert pull[1] > 5


# The ratio


def test_ratio_by_hand():
    method = ForwardKL(form="ratio")
    close(method.term(tiny(method), batch_of()), -(math.exp(-2.5) + math.exp(-0.25)) / 2)


def test_ratio_descends_the_forward_kl_exactly():
    method = ForwardKL(form="ratio")
    nets, batch = gaussians(method)
    close(method.term(nets, batch), -1.0, 1e-4)
    check_descends(slope(method.term, "generator", nets, batch), lambda p, q: p * np.log(p / q))


def test_generator_descends_the_sum_of_both_divergences():
    method = ForwardKL(form="ratio", weight=3.0)

    def both(p, q):
        return (p + q) * np.log((p + q) / 2 / p) + 3 * p * np.log(p / q)

    check_descends(gradient(method, "generator", *gaussians(method)), both)


def test_ratio_is_cut_off_on_both_sides():
    method = ForwardKL(form="ratio", clip=2.0)
    nets, batch = gaussians(method, lambda x: 1e4 * x, 64)
    halves = (math.exp(2) + math.exp(-2)) / 2
    nets.flats["generator"].copy_(torch.tensor([0.0, 1.0]))
    close(method.term(nets, batch), -halves)
    close(slope(method.term, "generator", nets, batch), [0.0, 0.0])


# Binary cross-entropy, as printed and exchanged


def test_bce_is_that_of_pytorch_inside_the_box():
    nets, batch = tiny(ForwardKL(form="bce")), batch_of()
    unit = lambda x: (torch.as_tensor(x).double() + 3) / 7  # noqa: E731
    real, fake = unit(batch.real), unit(FAKES).unsqueeze(-1)
    box = {"low": -3.0, "high": 4.0}
    close(ForwardKL(form="bce", **box).term(nets, batch), binary_cross_entropy(fake, target=real))
    close(ForwardKL(form="bce-swapped", **box).term(nets, batch), binary_cross_entropy(real, target=fake))


def term_slope(method: ForwardKL, at: float, real: list[list[float]]) -> float:
    """The slope of the term at a generator of one sample only, in that sample."""
    nets = game(method, generator=point(at), discriminator=linear(1.0, 0.0))
    return float(slope(method.term, "generator", nets, batch_of(real, [[0.0]] * len(real)))[1])


REAL = [[-1.0], [-0.8], [-0.5], [1.1]]
MEAN = float(np.mean(REAL))


def test_bce_as_printed_is_least_at_the_mean_of_the_data():
    method = ForwardKL(form="bce")
    close(term_slope(method, MEAN, REAL), 0.0)
    assert term_slope(method, MEAN - 0.1, REAL) < -0.01
    assert term_slope(method, MEAN + 0.1, REAL) > 0.01


def test_bce_as_printed_moves_a_perfect_generator():
    """With G = data, the term still shrinks the samples towards their mean."""
    method = ForwardKL(form="bce", low=-6.0, high=6.0)
    z = normals(1000)
    shuffled = z[torch.randperm(1000, generator=torch.Generator().manual_seed(0))]
    nets = game(method, generator=Affine(0.0, 1.0), discriminator=linear(1.0, 0.0))
    assert slope(method.term, "generator", nets, batch_of(shuffled, z))[1] > 0.01


def test_bce_exchanged_is_linear_and_least_at_a_corner():
    method = ForwardKL(form="bce-swapped")
    real = (np.array(REAL) + 1.5) / 3
    expected = -np.log(real / (1 - real)).mean() / 3
    assert expected > 0.1  # so the corner is the low one
    for at in (-1.4, MEAN, 0.0, 1.3):
        close(term_slope(method, at, REAL), expected)
    close(term_slope(method, -1.6, REAL), 0.0)
    mirrored = [[-x] for (x,) in REAL]
    close(term_slope(method, 0.3, mirrored), -expected)


def test_bce_exchanged_has_no_mean_slope_on_symmetric_data():
    close(term_slope(ForwardKL(form="bce-swapped"), 0.4, [[-1.0], [1.0], [0.3], [-0.3]]), 0.0)


@pytest.mark.parametrize("form", ["bce", "bce-swapped"])
def test_outside_the_box_the_term_is_finite_and_has_no_slope(form):
    method = ForwardKL(form=form)
    for at in (-50.0, 1.6):
        nets = game(method, generator=point(at), discriminator=linear(1.0, 0.0))
        assert math.isfinite(method.term(nets, batch_of([[-9.0], [9.0], [0.5]], [[0.0]] * 3)))
        close(term_slope(method, at, REAL), 0.0)


# Wrapping


def test_packing_goes_inside_the_bound():
    outer, plain = ForwardKL(base=PacGAN(base=GAN(), degree=2)), ForwardKL(base=GAN())
    real, z = np.array([[0.1, 0.4], [-1.0, 2.0], [0.3, 0.3], [1.0, -1.0]]), np.eye(4)[:, :2]
    nets = game(outer, generator=Given(2), discriminator=nn.Linear(4, 1).double())
    batch = batch_of(real, z)
    close(outer.term(nets, batch), plain.term(nets, batch))
    packed = loss(PacGAN(base=GAN(), degree=2), "generator", nets, batch)
    close(loss(outer, "generator", nets, batch), packed + 0.1 * float(plain.term(nets, batch)))


def test_the_bound_inside_packing_is_refused():
    message = r"^PacGAN over ForwardKL over GAN is not defined, .*; ForwardKL over PacGAN over GAN is$"
    with pytest.raises(ModescopeError, match=message):
        PacGAN(base=ForwardKL(form="sig"))


@pytest.mark.parametrize("form", ["bce", "bce-swapped"])
def test_cross_entropy_is_the_same_on_packs(form):
    inner = PacGAN(base=ForwardKL(form=form), degree=2)
    outer = ForwardKL(base=PacGAN(degree=2), form=form)
    real, z = np.array([[0.1, 0.4], [-1.0, 1.2], [0.3, 0.3], [1.0, -1.0]]), np.eye(4)[:, :2]
    nets = game(inner, generator=Given(2), discriminator=nn.Linear(4, 1).double())
    close(loss(inner, "generator", nets, batch_of(real, z)), loss(outer, "generator", nets, batch_of(real, z)))


def test_ratio_of_packs_is_the_sum_of_scores():
    """The optimal score of a pack is the sum over its samples."""
    method = PacGAN(base=ForwardKL(form="ratio", weight=2.0), degree=2)
    nets = game(method, generator=linear(2.0, 1.0), discriminator=nn.Linear(2, 1).double())
    nets.flats["discriminator"].copy_(torch.tensor([-1.5, -1.5, 1.0]))
    gan = loss(PacGAN(degree=2), "generator", nets, batch_of())
    close(loss(method, "generator", nets, batch_of()), gan - 2 * math.exp(-2.75))


@pytest.mark.parametrize("base", [LSGAN(), PacGAN()])
def test_ratio_needs_the_logit_of_a_gan(base):
    name = type(base).__name__
    with pytest.raises(ModescopeError, match=f"^base is {name}, expected GAN: form 'ratio' reads the logit"):
        ForwardKL(form="ratio", base=base)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"form": "sog"}, "^unknown form 'sog': did you mean 'sig'"),
        ({"weight": -0.1}, "^weight is -0.1, expected at least 0$"),
        ({"sigma_end": 0.0}, "^sigma_end is 0.0, expected more than 0$"),
        ({"sigma_start": math.inf}, "^sigma_start is inf, expected more than 0$"),
        ({"clip": -1.0}, "^clip is -1.0, expected more than 0$"),
        ({"low": 2.0}, "^high is 1.5, expected more than low, which is 2.0$"),
    ],
)
def test_bad_values_are_refused(values, message):
    with pytest.raises(ModescopeError, match=message):
        ForwardKL(**values)
