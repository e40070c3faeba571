"""Kernel densities, against scikit-learn, closed forms and quadrature."""

import math

import numpy as np
import pytest
import torch
from scipy.integrate import quad
from scipy.special import logsumexp
from scipy.stats import norm
from sklearn.neighbors import KernelDensity

from modescope.core import ModescopeError
from modescope.metrics import forward_kl_kde, js_kde, kde_log_prob, likelihood_bandwidth


def normals(*shape: int, seed: int = 0, dtype: torch.dtype = torch.float64) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def standard(x: torch.Tensor) -> torch.Tensor:
    return -x.square().sum(-1) / 2 - x.shape[-1] / 2 * math.log(2 * math.pi)


@pytest.mark.parametrize("dim", [1, 2, 5])
def test_against_scipy_and_sklearn(dim: int) -> None:
    x, y = normals(700, dim), normals(500, dim, seed=1)  # more pairs than one chunk holds
    log_q = kde_log_prob(y, x, 0.3).numpy()
    kernels = norm.logpdf(y.numpy()[:, None], x.numpy(), 0.3).sum(axis=-1)
    np.testing.assert_allclose(log_q, logsumexp(kernels, axis=1) - math.log(700), rtol=1e-10)
    # scikit-learn's tree sums the tails less exactly.
    np.testing.assert_allclose(log_q, KernelDensity(bandwidth=0.3).fit(x.numpy()).score_samples(y.numpy()), rtol=1e-5)


def test_far_away_stays_finite() -> None:
    log_q = kde_log_prob(torch.tensor([[1e4, 0.0]]), torch.zeros(10, 2), 0.01)
    assert log_q.item() == pytest.approx(-((1e4 / 0.01) ** 2) / 2, rel=1e-4)


def test_bandwidth_of_a_normal_sample() -> None:
    """The optimal bandwidth is 1.06 n^(-1/5) for the square error; the likelihood's is of the same order."""
    n = 1000
    h = likelihood_bandwidth(normals(n, 1))
    assert 0.5 < h / (1.06 * n**-0.2) < 1.6


def test_bandwidth_follows_the_unit_and_keeps_modes_apart() -> None:
    x = 0.02 * normals(800, 2) + 2 * torch.tensor([[1.0, 0.0], [-1.0, 0.0]], dtype=torch.float64).repeat(400, 1)
    h = likelihood_bandwidth(x)
    assert h < 0.02  # Silverman's rule gives 0.46 here, which would fill the gap
    assert likelihood_bandwidth(100 * x) == pytest.approx(100 * h, rel=0.03)


def test_bandwidth_is_the_best_on_a_grid() -> None:
    x = normals(300, 2)
    inside = torch.cdist(x, x).fill_diagonal_(torch.inf)

    def loss(h: float) -> float:
        kernels = (-(inside**2) / (2 * h * h)).logsumexp(-1) - math.log(299) - math.log(2 * math.pi * h * h)
        return -kernels.mean().item()

    grid = np.geomspace(0.05, 1.0, 60)
    assert loss(likelihood_bandwidth(x)) <= min(map(loss, grid)) + 1e-4


def test_forward_kl_of_shifted_normals() -> None:
    """A kernel density on many samples of N(m, 1) is N(m, 1 + h^2), whose divergence from N(0, 1) is known."""
    h, shift = 0.3, 1.0
    x, y = normals(2000, 1) + shift, normals(2000, 1, seed=1)
    variance = 1 + h * h
    expected = (math.log(variance) + (1 + shift**2) / variance - 1) / 2
    assert forward_kl_kde(x, y, standard(y), h).item() == pytest.approx(expected, abs=0.05)


def test_js_by_quadrature() -> None:
    h, shift, n = 0.3, 1.0, 2000
    x, y = normals(n, 1) + shift, normals(n, 1, seed=1)
    noise = normals(n, 1, seed=2)

    def density(t: float, mean: float, variance: float) -> float:
        return math.exp(-((t - mean) ** 2) / (2 * variance)) / math.sqrt(2 * math.pi * variance)

    def integrand(t: float) -> float:
        p, q = density(t, 0, 1), density(t, shift, 1 + h * h)
        m = (p + q) / 2
        return (p * math.log(p / m) + q * math.log(q / m)) / 2

    expected = quad(integrand, -10, 10)[0]
    assert js_kde(x, y, noise, standard, h).item() == pytest.approx(expected, abs=0.02)


def test_js_ends() -> None:
    y, noise = normals(200, 2), normals(200, 2, seed=1)
    assert js_kde(y + 1000, y, noise, standard, 0.1).item() == pytest.approx(math.log(2))
    lone = torch.zeros(1, 2, dtype=torch.float64)  # the kernel density on it, of width 1, is the standard normal
    assert js_kde(lone, y, noise[:1], standard, 1.0).item() == pytest.approx(0, abs=1e-12)


def test_collapse_to_a_point_is_finite_and_worse() -> None:
    y, x = normals(300, 2), normals(300, 2, seed=1)
    point = torch.zeros(300, 2, dtype=torch.float64)
    healthy, collapsed = (forward_kl_kde(s, y, standard(y), 0.3) for s in (x, point))
    assert healthy < collapsed < torch.inf


def test_batches_are_loops() -> None:
    x, y = normals(2, 3, 40, 2), normals(50, 2, seed=1)
    noise = normals(2, 3, 40, 2, seed=2)
    together = forward_kl_kde(x, y, standard(y), 0.3), js_kde(x, y, noise, standard, 0.3)
    assert together[0].shape == together[1].shape == (2, 3)
    assert together[0][1, 2] == forward_kl_kde(x[1, 2], y, standard(y), 0.3)
    assert together[1][1, 2] == js_kde(x[1, 2], y, noise[1, 2], standard, 0.3)


def test_bad_input_is_told() -> None:
    with pytest.raises(ModescopeError, match="bandwidth is 0"):
        kde_log_prob(normals(3, 2), normals(3, 2), 0.0)
    with pytest.raises(ModescopeError, match="copies"):
        likelihood_bandwidth(torch.zeros(50, 2))
    with pytest.raises(ModescopeError, match="at least 3"):
        likelihood_bandwidth(torch.zeros(2, 2))
