"""The Parzen-window log-likelihood, against scikit-learn, the original formula and the density it estimates."""

import math

import numpy as np
import pytest
import torch
from sklearn.neighbors import KernelDensity

from modescope.core import ModescopeError
from modescope.metrics import pairwise
from modescope.metrics.parzen import PUBLISHED_BANDWIDTHS, parzen_log_likelihood


def normals(*shape: int, seed: int = 0, dtype: torch.dtype = torch.float64) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def original(real: torch.Tensor, fake: torch.Tensor, sigma: float) -> tuple[float, float]:
    """As in the code of Goodfellow et al.: the mean log-likelihood, and its standard error."""
    a = (real.numpy()[:, None] - fake.numpy()[None]) / sigma
    power = -0.5 * (a**2).sum(2)
    top = power.max(1)
    log_mean = top + np.log(np.exp(power - top[:, None]).mean(1))
    values = log_mean - real.shape[1] * np.log(sigma * np.sqrt(np.pi * 2))
    return values.mean(), values.std() / np.sqrt(len(values))


@pytest.mark.parametrize("dim", [2, 40])
def test_against_the_original(dim: int) -> None:
    real, fake, validation = (normals(n, dim, seed=i) * 0.3 for i, n in enumerate((60, 80, 50)))
    result = parzen_log_likelihood(real, fake, validation)
    trials = [original(validation, fake, sigma)[0] for sigma in np.logspace(-1, 0, 10)]
    sigma = np.logspace(-1, 0, 10)[np.argmax(trials)]
    mean, error = original(real, fake, sigma)
    assert result.bandwidth == pytest.approx(sigma)
    assert result.mean.item() == pytest.approx(mean, rel=1e-9)
    assert result.standard_error.item() == pytest.approx(error, rel=1e-9)
    assert not result.at_edge


def test_against_sklearn() -> None:
    real, fake = normals(60, 3), normals(80, 3, seed=1)
    peer = KernelDensity(bandwidth=0.4).fit(fake).score_samples(real).mean()
    assert parzen_log_likelihood(real, fake, real, [0.4]).mean.item() == pytest.approx(peer, rel=1e-9)


def test_published_grid() -> None:
    assert np.allclose(PUBLISHED_BANDWIDTHS, np.logspace(-1, 0, num=10), rtol=1e-12)


def test_normals_in_closed_form() -> None:
    """Many windows are the density of N(0, 1 + h^2)."""
    h = 0.3
    real, fake = normals(2000, 1), normals(2000, 1, seed=1)
    result = parzen_log_likelihood(real, fake, real, [h])
    expected = -0.5 * math.log(2 * math.pi * (1 + h * h)) - 0.5 / (1 + h * h)
    assert abs(result.mean.item() - expected) < 4 * result.standard_error.item()
    assert result.standard_error < 0.03


def test_missing_modes_cost() -> None:
    modes = torch.eye(8).double() * 4
    real, validation = (modes.repeat(25, 1) + 0.3 * normals(200, 8, seed=i) for i in (0, 1))
    scores = []
    for k in (8, 4, 1):
        fake = modes[:k].repeat(200 // k, 1) + 0.3 * normals(200, 8, seed=2)
        scores.append(parzen_log_likelihood(real, fake, validation).mean.item())
    assert scores[0] > scores[1] + 5 > scores[2] + 5


def test_the_edge_is_told() -> None:
    x, y, v = normals(50, 2), normals(50, 2, seed=1), normals(50, 2, seed=2)
    assert parzen_log_likelihood(100 * x, 100 * y, 100 * v).at_edge
    assert parzen_log_likelihood(100 * x, 100 * y, 100 * v).bandwidth == 1
    wide = parzen_log_likelihood(100 * x, 100 * y, 100 * v, [400.0, 1.0, 40.0])
    assert wide.bandwidth == 40
    assert not wide.at_edge
    assert parzen_log_likelihood(x, y, v, [0.5]).at_edge


def test_the_bandwidth_is_the_validation_sets() -> None:
    """Not the test's: a validation set of the generator's own points takes the narrowest window."""
    real, fake = normals(60, 3), normals(80, 3, seed=1)
    assert parzen_log_likelihood(real, fake, fake).bandwidth == pytest.approx(0.1)
    assert parzen_log_likelihood(real, fake, real).bandwidth > 0.3
    first = torch.cat([fake, 30 + normals(5, 3)])
    assert parzen_log_likelihood(real, fake, first, validation_limit=80).bandwidth == pytest.approx(0.1)


def test_far_from_the_origin_and_float32() -> None:
    real, fake, validation = (normals(n, 30, seed=i) for i, n in enumerate((60, 80, 50)))
    value = parzen_log_likelihood(real, fake, validation).mean.item()
    far = parzen_log_likelihood(1e6 + real, 1e6 + fake, 1e6 + validation).mean.item()
    assert far == pytest.approx(value, rel=1e-6)
    single = parzen_log_likelihood(real.float(), fake.float(), validation.float())
    assert single.mean.dtype == torch.float64
    assert single.mean.item() == pytest.approx(value, rel=1e-5)


def test_blocks_do_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    real, fake, validation = (normals(n, 30, seed=i) for i, n in enumerate((60, 80, 50)))
    whole = parzen_log_likelihood(real, fake, validation)
    monkeypatch.setattr(pairwise, "CHUNK", 200)
    assert parzen_log_likelihood(real, fake, validation).mean.item() == pytest.approx(whole.mean.item(), rel=1e-12)


def test_few_samples() -> None:
    x = normals(10, 2)
    one = parzen_log_likelihood(x[:1], x[:1], x[:1], [0.5])
    assert one.mean.item() == pytest.approx(-2 * math.log(0.5 * math.sqrt(2 * math.pi)))
    assert one.standard_error.isnan()


def test_bad_input_is_told() -> None:
    x = normals(10, 2)
    for bandwidths in ([], [0.0], [1.0, -1.0]):
        with pytest.raises(ModescopeError, match="bandwidths"):
            parzen_log_likelihood(x, x, x, bandwidths)
    with pytest.raises(ModescopeError, match="validation_limit is 0"):
        parzen_log_likelihood(x, x, x, validation_limit=0)
    with pytest.raises(ModescopeError, match="validation has 3 coordinates, expected 2"):
        parzen_log_likelihood(x, x, normals(10, 3))
    with pytest.raises(ModescopeError, match="fake has 3 coordinates, expected 2"):
        parzen_log_likelihood(x, normals(10, 3), x)
