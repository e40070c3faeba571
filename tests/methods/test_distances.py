"""All distances of two batches, narrow and wide, near and far from 0."""

import numpy as np
import pytest
import torch
from scipy.spatial.distance import cdist

from modescope.methods.distances import NARROW, squared_distances


@pytest.mark.parametrize("dim", [1, 2, NARROW, NARROW + 1, 100])
def test_against_scipy(dim: int) -> None:
    x, y = (torch.randn(n, dim, generator=torch.Generator().manual_seed(n), dtype=torch.float64) for n in (5, 7))
    np.testing.assert_allclose(squared_distances(x, y), cdist(x, y, "sqeuclidean"), atol=1e-12)


@pytest.mark.parametrize("dim", [2, 100])
def test_far_samples_are_never_nearer_than_none(dim: int) -> None:
    x = 1e4 + torch.randn(50, dim, generator=torch.Generator().manual_seed(0))
    found = squared_distances(x, x)
    assert (found >= 0).all()
    if dim == 2:
        np.testing.assert_allclose(found, cdist(x.double(), x.double(), "sqeuclidean"), rtol=1e-3, atol=1e-6)
