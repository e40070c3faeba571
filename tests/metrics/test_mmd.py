"""The maximum mean discrepancy, against scikit-learn, closed forms and its own definition."""

import math

import pytest
import torch
from sklearn.metrics.pairwise import rbf_kernel

from modescope.core import ModescopeError
from modescope.metrics import median_bandwidth, mmd2, pairwise


def normals(*shape: int, seed: int = 0, dtype: torch.dtype = torch.float64) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


@pytest.mark.parametrize("unbiased", [True, False])
@pytest.mark.parametrize("dim", [2, 30])
def test_against_sklearn(unbiased: bool, dim: int) -> None:
    x, y, scales = normals(90, dim), 0.5 + normals(70, dim, seed=1), (0.5, 2.0)

    def kernel(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        return sum(torch.from_numpy(rbf_kernel(a, b, gamma=1 / (2 * h * h))) for h in scales) / len(scales)

    def mean(k: torch.Tensor) -> torch.Tensor:
        return (k.sum() - k.trace()) / (len(k) * (len(k) - 1)) if unbiased else k.mean()

    expected = mean(kernel(x, x)) + mean(kernel(y, y)) - 2 * kernel(x, y).mean()
    assert mmd2(x, y, scales, unbiased).item() == pytest.approx(expected.item(), abs=1e-10)


def test_normals_in_closed_form() -> None:
    """Between N(0, I) and N(m, I): 2 (h^2 / (h^2 + 2))^(D/2) (1 - exp(-|m|^2 / (2 (h^2 + 2))))."""
    h, dim, shift, n = 1.0, 2, 1.0, 3000
    x, y = normals(n, dim), normals(n, dim, seed=1) + torch.tensor([shift, 0.0]).double()
    wide = h * h + 2
    expected = 2 * (h * h / wide) ** (dim / 2) * (1 - math.exp(-(shift**2) / (2 * wide)))
    assert mmd2(x, y, h).item() == pytest.approx(expected, rel=0.1)


def test_bias() -> None:
    """For equal laws the unbiased estimate averages to 0, and the biased one to about 2 (1 - E k) / n."""
    draws, n = 300, 30
    x, y = normals(draws, n, 2), normals(draws, n, 2, seed=1)
    unbiased, biased = mmd2(x, y, 1.0), mmd2(x, y, 1.0, unbiased=False)
    assert abs(unbiased.mean()) < 4 * unbiased.std() / math.sqrt(draws)
    assert unbiased.min() < 0 <= biased.min()
    assert biased.mean().item() == pytest.approx(2 * (1 - 1 / 3) / n, rel=0.1)  # E k is h^2 / (h^2 + 2) here


def test_a_set_with_itself() -> None:
    x = normals(200, 2)
    assert mmd2(x, x.flip(0), 1.0, unbiased=False).item() == pytest.approx(0, abs=1e-12)
    assert mmd2(x, x.flip(0), 1.0) < 0


def test_chunks_do_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    x, y = normals(100, 2), normals(90, 2, seed=1)
    whole = mmd2(x, y, 1.0)
    monkeypatch.setattr(pairwise, "CHUNK", 500)
    assert mmd2(x, y, 1.0).item() == pytest.approx(whole.item(), abs=1e-12)
    assert max(len(rows) for rows in pairwise.row_chunks(x, 90)) == 5


def test_median() -> None:
    y = torch.tensor([[0.0, 0.0], [3.0, 4.0], [6.0, 8.0]])
    assert median_bandwidth(y) == 5
    assert median_bandwidth(torch.zeros(9, 2)) == 1
    assert median_bandwidth(torch.zeros(1, 2)) == 1
    mostly_copies = torch.cat([torch.zeros(9, 2), torch.ones(1, 2)])
    assert median_bandwidth(mostly_copies) == pytest.approx(9 * math.sqrt(2) / 45)


def test_one_sample() -> None:
    x, y = normals(1, 2), normals(10, 2, seed=1)
    assert mmd2(x, y, 1.0).isnan()
    assert mmd2(x, y, 1.0, unbiased=False) > 0


def test_batches_are_loops() -> None:
    x, y = normals(2, 3, 30, 2), normals(40, 2, seed=1)
    together = mmd2(x, y, (0.5, 1.0))
    assert together.shape == (2, 3)
    assert together[1, 2] == mmd2(x[1, 2], y, (0.5, 1.0))


def test_bad_input_is_told() -> None:
    x = normals(10, 2)
    for bandwidths in (0.0, [1.0, -1.0], []):
        with pytest.raises(ModescopeError, match="bandwidths"):
            mmd2(x, x, bandwidths)
