"""The table of divergences as games, against the theory's table and the formulas as printed."""

import math

import numpy as np
import pytest
import torch
from helpers import close
from rows import CASES, PI, SMOOTH, activation, conjugate, row, theory
from scipy.special import wrightomega
from torch.func import grad, vmap

from modescope.methods.divergences import ROWS, alpha_family, jeffrey_conjugate, jeffrey_log_ratio, weighted_js

LOGS = torch.linspace(-4, 4, 40, dtype=torch.float64)  # 0, where the total variation has its kink, is not among them
SCORES = torch.linspace(-3, 3, 61, dtype=torch.float64)


@pytest.mark.parametrize("case", CASES)
def test_activation_and_conjugate_are_the_printed_ones(case):
    g = activation(case, SCORES.numpy())
    close(row(case).activation(SCORES), g)
    close(row(case).conjugate(SCORES), conjugate(case, g), 1e-9)


@pytest.mark.parametrize("case", CASES)
def test_the_best_score_states_the_slope_of_f(case):
    found, wanted = row(case), theory(case)
    best = found.best(LOGS)
    close(found.activation(best), wanted.slope(LOGS), 1e-9)
    if case != "tv":
        close(found.conjugate(best), wanted.conjugate(wanted.slope(LOGS)), 1e-7)


@pytest.mark.parametrize("case", CASES)
def test_f_and_the_exact_loss_are_those_of_the_theory(case):
    found, wanted = row(case), theory(case)
    close(found.f(LOGS), wanted.f(LOGS), 1e-9)
    close(found.exact(LOGS), wanted.f(LOGS) - LOGS.exp() * wanted.slope(LOGS), 1e-9)


@pytest.mark.parametrize("case", SMOOTH)
def test_the_exact_loss_has_the_curvature_of_f(case):
    """A loss E_q h(u) descends the divergence with f'' = -h'(u) / u; here h' = dh/ds / u with s = log u."""
    slope = vmap(grad(row(case).exact))(LOGS)
    close(-slope * (-2 * LOGS).exp(), theory(case).curvature(LOGS), 1e-8)


def test_the_losses_that_papers_use_descend_what_they_descend():
    """Saturating: twice JS; non-saturating: 2 KL(m, p); -s: the reverse KL; -exp(s): the forward KL."""

    def curvature(h):
        return -vmap(grad(h))(LOGS) * (-2 * LOGS).exp()

    u = LOGS.exp()
    close(curvature(ROWS["gan"].exact), 1 / (u * (1 + u)), 1e-9)
    close(curvature(lambda s: -ROWS["gan"].activation(s)), 1 / (u.square() * (1 + u)), 1e-9)
    close(curvature(ROWS["reverse-kl"].exact), 1 / u.square(), 1e-9)
    close(curvature(ROWS["kl"].exact), 1 / u, 1e-9)
    close(curvature(ROWS["kl"].f), -(1 + LOGS) / u, 1e-9)  # plugged in: the wrong sign for u > 1 / e
    assert (curvature(ROWS["kl"].f) < 0).equal(u > math.exp(-1))


@pytest.mark.parametrize("case", CASES)
def test_activations_rise(case):
    """Monotone maps, so that a higher score always states a higher ratio."""
    assert (row(case).activation(SCORES).diff() > 0).all()


# Jeffrey's equation


def test_jeffreys_equation_is_solved_to_rounding():
    v = torch.cat([-torch.logspace(-3, 4, 200), torch.linspace(-2, 2, 200), torch.logspace(-3, 2, 200)]).double()
    s = jeffrey_log_ratio(v)
    close((-s).exp(), wrightomega((1 - v).numpy()), 1e-12)
    close(s - torch.expm1(-s), v, 1e-10)
    close(jeffrey_conjugate(v)[:400], theory("jeffrey").conjugate(v)[:400], 1e-9)


def test_jeffreys_derivatives_are_those_of_the_conjugate():
    """The slope of a conjugate is the ratio, here u(v); its second derivative is 1 / f''(u)."""
    for v in (-30.0, -2.0, 0.0, 0.5, 0.999, 1.0, 1.001, 4.0):
        at = torch.tensor(v, dtype=torch.float64)
        u = jeffrey_log_ratio(at).exp()
        close(grad(jeffrey_conjugate)(at), u, 1e-9)
        close(grad(grad(jeffrey_conjugate))(at), 1 / (1 / u + 1 / u**2), 1e-9)


def test_jeffreys_equation_in_float32_and_mapped():
    v = torch.tensor([-1e4, -100.0, 0.0, 1.0, 10.0])
    s = vmap(jeffrey_log_ratio)(v)
    torch.testing.assert_close(s, jeffrey_log_ratio(v.double()).float(), rtol=1e-5, atol=1e-6)


# Bounds


@pytest.mark.parametrize("case", CASES)
def test_scores_are_held_on_the_sides_that_explode(case):
    found, clip = row(case), 0.3
    at = torch.tensor(clip, dtype=torch.float64)
    low, high = float(found.best(-at)), float(found.best(at))
    for dtype, far in ((torch.float32, 1e10), (torch.float64, 1e4)):
        expected = [low if found.explodes[0] else -far, high if found.explodes[1] else far]
        close(found.held(torch.tensor([-far, far], dtype=dtype), clip), expected, 1e-6)
    explodes = {
        "kl": (False, True),
        "reverse-kl": (True, False),
        "neyman": (True, False),
        "squared-hellinger": (True, True),
        "jeffrey": (False, True),
    }
    assert found.explodes == explodes.get(case, (True, True) if case.startswith("alpha") else (False, False))


@pytest.mark.parametrize("case", CASES)
def test_within_the_bounds_scores_hardly_change_and_beyond_them_gradients_live(case):
    found, clip = row(case), 10.0
    ends = [float(found.best(torch.tensor(sign * clip, dtype=torch.float64))) for sign in (-1, 1)]
    middle = torch.linspace(-0.5, 0.5, 11, dtype=torch.float64)
    close(found.held(middle, clip), middle, 0.01)
    for end, held in zip(ends, found.explodes, strict=True):
        if held:
            slope = float(grad(lambda v: found.held(v, clip))(torch.tensor(end * 1.2, dtype=torch.float64)))
            assert 0.01 < slope < 0.5


# The families


def test_families_meet_the_rows_at_their_ends():
    close(alpha_family(1 + 1e-7).exact(LOGS), ROWS["kl"].exact(LOGS) + 1, 1e-5)
    close(alpha_family(1e-7).exact(LOGS), ROWS["reverse-kl"].exact(LOGS) - 1, 1e-5)
    close(2 * alpha_family(2.0).f(LOGS), ROWS["pearson"].f(LOGS), 1e-9)
    close(2 * alpha_family(-1.0).f(LOGS), ROWS["neyman"].f(LOGS), 1e-9)
    close(alpha_family(0.5).f(LOGS), 2 * ROWS["squared-hellinger"].f(LOGS), 1e-9)
    close(2 * weighted_js(0.5).f(LOGS), ROWS["js"].f(LOGS), 1e-9)


@pytest.mark.parametrize("family", [alpha_family, weighted_js])
@pytest.mark.parametrize("name", ["f", "exact", "activation", "conjugate", "best"])
def test_families_take_tensors(family, name):
    values = torch.tensor([0.2, PI, 0.9], dtype=torch.float64)
    mapped = vmap(lambda value: getattr(family(value), name)(SCORES))(values)
    for value, found in zip(values.tolist(), mapped, strict=True):
        close(found, getattr(family(value), name)(SCORES))


def test_numbers_keep_the_precision_of_the_scores():
    for name in ("activation", "conjugate", "f", "exact", "best"):
        assert getattr(weighted_js(0.1), name)(SCORES).dtype == torch.float64
    expected = -0.1 * (math.log(0.1) + np.log1p(np.exp(-SCORES.numpy())))
    close(weighted_js(0.1).activation(SCORES), expected, 1e-14)
