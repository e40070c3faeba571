import math

import mpmath
import numpy as np
import pytest
import torch
from scipy.spatial.distance import jensenshannon
from scipy.special import rel_entr

from modescope.core.errors import ModescopeError
from modescope.theory import (
    game_value,
    gauss_legendre,
    js,
    kl,
    log_normal_mixture,
    log_ratio,
    mixture_kl,
    reverse_kl,
    weighted_js,
)

RULE = gauss_legendre(-16, 16)
WEIGHTS = (1e-6, 0.01, 0.33, 0.5, 0.9, 0.999999)


def gaussians(*means, scale=1.0):
    return log_normal_mixture(RULE.nodes, torch.tensor(means, dtype=torch.float64), scale)


def reference(pi, means, kind):
    """The divergence of the mixture at `means` from the one at (-3, 3), with 22 digits."""
    with mpmath.workdps(22):
        pi = mpmath.mpf(pi)

        def density(x, pair):
            return sum(mpmath.exp(-((x - mean) ** 2) / 2) for mean in pair) / mpmath.sqrt(8 * mpmath.pi)

        def weighted(x):
            p, q = density(x, (-3, 3)), density(x, means)
            m = pi * p + (1 - pi) * q
            return pi * p * mpmath.log(p / m) + (1 - pi) * q * mpmath.log(q / m)

        def mixture(x):
            p, q = density(x, (-3, 3)), density(x, means)
            m = pi * p + (1 - pi) * q
            return m * mpmath.log(m / p)

        return mpmath.quad({"weighted": weighted, "mixture": mixture}[kind], mpmath.linspace(-14, 14, 15))


@pytest.mark.parametrize(
    ("pi", "means"),
    [
        (1e-6, (3.0, 3.0)),
        (1e-6, (-2.9, 3.0)),
        (0.33, (0.0, 0.0)),
        (1 - 1e-6, (3.0, 3.0)),
        (1 - 1e-6, (-2.9, 3.0)),
    ],
)
def test_weighted_js_keeps_its_digits(pi, means):
    found = float(weighted_js(gaussians(-3.0, 3.0), gaussians(*means), pi, RULE.weights))
    assert found == pytest.approx(float(reference(pi, means, "weighted")), rel=1e-12)


@pytest.mark.parametrize(
    ("pi", "digits", "means"),
    [(1e-6, 1e-12, (3.0, 3.0)), (0.33, 1e-12, (0.0, 0.0)), (1 - 1e-6, 1e-7, (0.0, 0.0))],
)
def test_mixture_kl_against_22_digits(pi, digits, means):
    found = float(mixture_kl(gaussians(-3.0, 3.0), gaussians(*means), pi, RULE.weights))
    assert found == pytest.approx(float(reference(pi, means, "mixture")), rel=digits)


@pytest.mark.parametrize("shift", [0.5, 2.0, 5.0])
@pytest.mark.parametrize("scale", [0.7, 1.0, 1.3])
def test_kl_of_gaussians(shift, scale):
    p, q = gaussians(0.0), gaussians(shift, scale=scale)
    forward = math.log(scale) + (1 + shift**2) / (2 * scale**2) - 0.5
    backward = -math.log(scale) + (scale**2 + shift**2) / 2 - 0.5
    assert float(kl(p, q, RULE.weights)) == pytest.approx(forward, rel=1e-12)
    assert float(reverse_kl(p, q, RULE.weights)) == pytest.approx(backward, rel=1e-12)


def test_far_gaussians_do_not_overflow():
    rule = gauss_legendre(-20, 1020, panels=2080)
    p, q = (log_normal_mixture(rule.nodes, torch.tensor([mean], dtype=torch.float64)) for mean in (0.0, 1000.0))
    assert float(kl(p, q, rule.weights)) == pytest.approx(500_000, rel=1e-10)
    for pi in WEIGHTS:
        entropy = -pi * math.log(pi) - (1 - pi) * math.log1p(-pi)
        assert float(weighted_js(p, q, pi, rule.weights)) == pytest.approx(entropy, rel=1e-9)


def test_outcomes_against_scipy():
    generator = torch.Generator().manual_seed(0)
    p, q = torch.rand(2, 5, 9, generator=generator, dtype=torch.float64).add(0.01).unbind()
    p, q = p / p.sum(-1, keepdim=True), q / q.sum(-1, keepdim=True)
    np.testing.assert_allclose(kl(p.log(), q.log()), rel_entr(p.numpy(), q.numpy()).sum(-1), rtol=1e-12)
    np.testing.assert_allclose(js(p.log(), q.log()), jensenshannon(p, q, axis=-1) ** 2, rtol=1e-10)


def test_missing_outcomes():
    p, q = torch.tensor([[0.5, 0.5, 0.0, 0.0], [0.25, 0.25, 0.5, 0.0]], dtype=torch.float64).log().unbind()
    assert float(kl(p, q)) == pytest.approx(math.log(2))
    assert float(kl(q, p)) == math.inf
    assert float(js(p, q)) == pytest.approx(float(js(q, p)))
    disjoint = torch.tensor([0.0, 0.0, 0.0, 1.0], dtype=torch.float64).log()
    assert float(js(p, disjoint)) == pytest.approx(math.log(2))
    assert float(kl(p, p)) == 0
    assert log_ratio(p, p).tolist() == [0, 0, 0, 0]


@pytest.mark.parametrize("pi", WEIGHTS)
def test_weighted_js_bounds_symmetry_and_zero(pi):
    p, q = gaussians(-3.0, 3.0), gaussians(3.0, 3.0)
    found = float(weighted_js(p, q, pi, RULE.weights))
    assert 0 < found < -pi * math.log(pi) - (1 - pi) * math.log1p(-pi)
    assert found == pytest.approx(float(weighted_js(q, p, 1 - pi, RULE.weights)), rel=1e-9)
    assert float(weighted_js(p, p, pi, RULE.weights)) == 0


def test_many_weights_at_once():
    p, q = gaussians(-3.0, 3.0), gaussians(3.0, 3.0)
    pi = torch.tensor(WEIGHTS, dtype=torch.float64)
    each = torch.stack([weighted_js(p, q, weight, RULE.weights) for weight in WEIGHTS])
    torch.testing.assert_close(weighted_js(p, q, pi, RULE.weights), each, rtol=1e-12, atol=0)
    assert float(js(p, q, RULE.weights)) == float(each[3])


def test_many_generators_at_once():
    means = torch.tensor([[-3.0, 3.0], [0.0, 1.0], [2.0, 2.0]], dtype=torch.float64)
    p, q = gaussians(-3.0, 3.0), log_normal_mixture(RULE.nodes, means)
    for divergence in (kl, reverse_kl, js):
        each = torch.stack([divergence(p, row, RULE.weights) for row in q])
        torch.testing.assert_close(divergence(p, q, RULE.weights), each, rtol=1e-12, atol=1e-15)


def test_the_ends_are_the_two_kl_divergences_to_first_order():
    p, q = gaussians(-3.0, 3.0), gaussians(-2.5, 3.0)
    forward, reverse = kl(p, q, RULE.weights), reverse_kl(p, q, RULE.weights)

    def gap(pi):  # by symmetry, the weight 1 - pi of the second is the weight pi with the arguments swapped
        at_zero = weighted_js(p, q, pi, RULE.weights) / pi / forward - 1
        at_one = weighted_js(q, p, pi, RULE.weights) / pi / reverse - 1
        return abs(float(at_zero)), abs(float(at_one))

    for coarse, fine in zip(gap(1e-4), gap(1e-6), strict=True):
        assert fine < 1e-5
        assert coarse / fine == pytest.approx(100, rel=0.01)


@pytest.mark.parametrize("pi", WEIGHTS)
def test_mixture_kl_ends(pi):
    p, q = gaussians(-3.0, 3.0), gaussians(-2.0, 2.0)
    found = float(mixture_kl(p, q, pi, RULE.weights))
    m = torch.logaddexp(p + math.log(pi), q + math.log1p(-pi))
    assert found == pytest.approx(float(kl(m, p, RULE.weights)), rel=1e-3 if pi > 0.99 else 1e-10)
    if pi < 1e-5:
        assert found == pytest.approx(float(reverse_kl(p, q, RULE.weights)), rel=1e-4)


@pytest.mark.parametrize("pi", WEIGHTS)
def test_a_blind_critic_has_value_zero_at_its_weight(pi):
    p, q = gaussians(-3.0, 3.0), gaussians(0.0, 0.0)
    logit = torch.full_like(p, math.log(pi) - math.log1p(-pi))
    assert float(game_value(p, q, logit, pi, RULE.weights)) == pytest.approx(0, abs=1e-15)


@pytest.mark.parametrize("divergence", [kl, reverse_kl, js])
def test_gradients_are_finite_where_densities_underflow(divergence):
    theta = torch.tensor([3.0, 3.0], dtype=torch.float64, requires_grad=True)
    rule = gauss_legendre(-60, 60, panels=240)
    p = log_normal_mixture(rule.nodes, torch.tensor([-3.0, 3.0], dtype=torch.float64))
    divergence(p, log_normal_mixture(rule.nodes, theta), rule.weights).backward()
    assert theta.grad.isfinite().all()
    assert float(theta.grad[0]) == pytest.approx(float(theta.grad[1]))


@pytest.mark.parametrize("pi", [0.0, 1.0, -0.1, math.nan])
@pytest.mark.parametrize("divergence", [weighted_js, mixture_kl])
def test_a_weight_outside_the_unit_interval_is_named(divergence, pi):
    with pytest.raises(ModescopeError, match="pi is"):
        divergence(gaussians(0.0), gaussians(1.0), pi)


def test_single_precision():
    p, q = gaussians(-3.0, 3.0).float(), gaussians(3.0, 3.0).float()
    weights = RULE.weights.float()
    exact = weighted_js(p.double(), q.double(), 1e-6, RULE.weights)
    assert weighted_js(p, q, 1e-6, weights).dtype == torch.float32
    assert float(weighted_js(p, q, 1e-6, weights)) == pytest.approx(float(exact), rel=1e-4)
