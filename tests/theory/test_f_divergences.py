import math

import pytest
import torch
from scipy.stats import norm

from modescope.core.errors import ModescopeError
from modescope.theory import (
    F_DIVERGENCES,
    alpha_divergence,
    f_divergence,
    gauss_legendre,
    js,
    kl,
    log_normal_mixture,
    reverse_kl,
    weighted_js,
    weighted_js_divergence,
)

RULE = gauss_legendre(-20, 20, panels=80)
ROWS = {
    **F_DIVERGENCES,
    **{f"weighted_js {pi}": weighted_js_divergence(pi) for pi in (1e-6, 0.2, 0.5, 0.97)},
    **{f"alpha {order}": alpha_divergence(order) for order in (-1.0, 0.3, 0.5, 2.0, 3.0)},
}
LOGS = torch.linspace(-4, 4, 40, dtype=torch.float64)  # 0, where the total variation has its kink, is not among them


def gaussians(*means):
    return log_normal_mixture(RULE.nodes, torch.tensor(means, dtype=torch.float64))


@pytest.mark.parametrize("name", ROWS)
def test_conjugate_at_the_slope(name):
    row, u = ROWS[name], LOGS.exp()
    expected = u * row.slope(LOGS) - row.f(LOGS)
    torch.testing.assert_close(row.conjugate(row.slope(LOGS)), expected, rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("name", ROWS)
def test_conjugate_is_the_supremum(name):
    row, u = ROWS[name], LOGS.exp()
    t = row.slope(LOGS[::4])
    below = u * t[:, None] - row.f(LOGS)
    assert (row.conjugate(t)[:, None] - below).min() > -1e-9 * below.abs().max()


@pytest.mark.parametrize("name", ROWS)
def test_mirror_image(name):
    row = ROWS[name]
    torch.testing.assert_close(row.mirror(LOGS), LOGS.exp() * row.f(-LOGS), rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("name", ROWS)
def test_slope_and_curvature_are_derivatives(name):
    row = ROWS[name]
    s = LOGS.clone().requires_grad_()
    (df,) = torch.autograd.grad(row.f(s).sum(), s, create_graph=True)
    slope = df / s.exp()
    torch.testing.assert_close(slope, row.slope(LOGS), rtol=1e-8, atol=1e-10)
    (dslope,) = torch.autograd.grad(slope.sum(), s)
    torch.testing.assert_close(dslope / LOGS.exp(), row.curvature(LOGS), rtol=1e-6, atol=1e-9)
    assert (row.curvature(LOGS) >= 0).all()


@pytest.mark.parametrize("name", ROWS)
def test_conjugate_is_infinite_outside_its_domain(name):
    low, high = ROWS[name].domain
    if math.isfinite(high):
        assert float(ROWS[name].conjugate(torch.tensor(high + 0.1, dtype=torch.float64))) == math.inf
    if math.isfinite(low):
        assert float(ROWS[name].conjugate(torch.tensor(low - 0.1, dtype=torch.float64))) == math.inf


@pytest.mark.parametrize("shift", [0.5, 1.5])
@pytest.mark.parametrize(
    ("name", "closed"),
    [
        ("kl", lambda d: d**2 / 2),
        ("reverse_kl", lambda d: d**2 / 2),
        ("jeffrey", lambda d: d**2),
        ("pearson", lambda d: math.expm1(d**2)),
        ("neyman", lambda d: math.expm1(d**2)),
        ("squared_hellinger", lambda d: -2 * math.expm1(-(d**2) / 8)),
        ("total_variation", lambda d: 2 * norm.cdf(d / 2) - 1),
        ("alpha 0.5", lambda d: -4 * math.expm1(-(d**2) / 8)),
        ("alpha 3.0", lambda d: math.expm1(3 * d**2) / 6),
        ("alpha -1.0", lambda d: math.expm1(d**2) / 2),
    ],
)
def test_shifted_gaussians_in_closed_form(name, closed, shift):
    found = float(f_divergence(ROWS[name], gaussians(0.0), gaussians(shift), RULE.weights))
    # The kink of the total variation, in the middle of a panel, is the one place where the rule is not spectral.
    assert found == pytest.approx(closed(shift), rel=1e-4 if name == "total_variation" else 1e-10)


def test_rows_that_other_functions_know():
    p, q = gaussians(-3.0, 3.0), gaussians(3.0, 3.0)
    twice = 2 * float(js(p, q, RULE.weights))
    assert float(f_divergence("jensen_shannon", p, q, RULE.weights)) == pytest.approx(twice, rel=1e-12)
    assert float(f_divergence("gan", p, q, RULE.weights)) == pytest.approx(twice - math.log(4), rel=1e-12)
    assert float(f_divergence("kl", p, q, RULE.weights)) == pytest.approx(float(kl(p, q, RULE.weights)), rel=1e-12)
    for pi in (0.01, 0.33, 0.9):
        found = f_divergence(weighted_js_divergence(pi), p, q, RULE.weights)
        assert float(found) == pytest.approx(float(weighted_js(p, q, pi, RULE.weights)), rel=1e-11)
    near = f_divergence(alpha_divergence(1 + 1e-7), gaussians(0.0), gaussians(1.0), RULE.weights)
    assert float(near) == pytest.approx(0.5, rel=1e-5)


def test_huge_ratios_do_not_overflow():
    rule = gauss_legendre(-20, 120, panels=280)
    p, q = (log_normal_mixture(rule.nodes, torch.tensor([mean], dtype=torch.float64)) for mean in (0.0, 100.0))
    assert float(f_divergence("kl", p, q, rule.weights)) == pytest.approx(5000, rel=1e-10)
    assert float(f_divergence("reverse_kl", p, q, rule.weights)) == pytest.approx(float(reverse_kl(p, q, rule.weights)))
    assert float(f_divergence("jensen_shannon", p, q, rule.weights)) == pytest.approx(2 * math.log(2), rel=1e-10)
    assert float(f_divergence("squared_hellinger", p, q, rule.weights)) == pytest.approx(2, rel=1e-10)


def test_bad_input_is_named():
    with pytest.raises(ModescopeError, match="did you mean 'pearson'"):
        f_divergence("pearsn", gaussians(0.0), gaussians(1.0))
    with pytest.raises(ModescopeError, match="pi is 1"):
        weighted_js_divergence(1)
    with pytest.raises(ModescopeError, match="alpha is 0"):
        alpha_divergence(0)
