import math

import pytest
import torch
from scipy.integrate import quad

from modescope.core.errors import ModescopeError
from modescope.theory import gauss_legendre, in_chunks, log_normal_mixture


@pytest.mark.parametrize(("panels", "order"), [(1, 1), (1, 4), (3, 2), (5, 7)])
def test_polynomials_up_to_the_degree_are_exact(panels, order):
    rule = gauss_legendre(-1.0, 2.0, panels, order)
    for degree in range(2 * order):
        exact = (2.0 ** (degree + 1) - (-1.0) ** (degree + 1)) / (degree + 1)
        assert float(rule.integrate(rule.nodes**degree)) == pytest.approx(exact, rel=1e-12, abs=1e-12)
    one_more = (2.0 ** (2 * order + 1) + 1) / (2 * order + 1)
    assert abs(float(rule.integrate(rule.nodes ** (2 * order))) - one_more) > 1e-12


def test_converges_at_the_order_of_the_rule():
    def error(panels):
        rule = gauss_legendre(0.0, 3.0, panels, order=2)
        return abs(float(rule.integrate(rule.nodes.exp())) - math.expm1(3))

    assert error(8) / error(16) == pytest.approx(2**4, rel=0.05)


def test_batches_against_adaptive_quadrature():
    rule = gauss_legendre(-16, 16)
    means = torch.tensor([[-3.0, 3.0], [0.0, 5.5], [-6.0, -6.0]], dtype=torch.float64)
    found = rule.integrate(log_normal_mixture(rule.nodes, means).exp() * rule.nodes.cos())
    for value, pair in zip(found.tolist(), means.tolist(), strict=True):

        def integrand(x, pair=pair):
            return sum(math.exp(-((x - mean) ** 2) / 2) for mean in pair) / math.sqrt(8 * math.pi) * math.cos(x)

        assert value == pytest.approx(quad(integrand, -16, 16, epsabs=1e-13, limit=200)[0], abs=1e-12)


def test_densities_have_mass_one():
    rule = gauss_legendre(-16, 16)
    means = torch.linspace(-6, 6, 9, dtype=torch.float64).reshape(3, 3)
    torch.testing.assert_close(rule.mass(log_normal_mixture(rule.nodes, means)), torch.ones(3, dtype=torch.float64))
    wide = gauss_legendre(-40, 40)
    assert float(wide.mass(log_normal_mixture(wide.nodes, means[0], scale=3.0))) == pytest.approx(1, abs=1e-13)


@pytest.mark.parametrize("size", [1, 3, 7, 100])
def test_chunks_change_nothing(size):
    a, b = torch.arange(7.0), torch.arange(14.0).reshape(7, 2)
    torch.testing.assert_close(in_chunks(lambda x, y: x[:, None] * y, a, b, size=size), a[:, None] * b)
    both = in_chunks(lambda x, y: {"sum": x + y.sum(-1), "x": x}, a, b, size=size)
    torch.testing.assert_close(both, {"sum": a + b.sum(-1), "x": a})


@pytest.mark.parametrize(
    ("call", "names"),
    [
        (lambda: gauss_legendre(1, 1), "interval"),
        (lambda: gauss_legendre(0, math.inf), "interval"),
        (lambda: gauss_legendre(0, 1, panels=0), "panels"),
        (lambda: gauss_legendre(0, 1, order=0), "order"),
        (lambda: in_chunks(torch.add, torch.zeros(2), torch.zeros(3)), "rows"),
        (lambda: in_chunks(torch.neg, torch.zeros(0)), "rows"),
    ],
)
def test_bad_input_is_named(call, names):
    with pytest.raises(ModescopeError, match=names):
        call()
