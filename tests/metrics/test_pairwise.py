"""What measures of pairs share: distinct points, against PyTorch and NumPy."""

import numpy as np
import pytest
import torch

from modescope.metrics.pairwise import DIRECT_DIM, distinct


@pytest.mark.parametrize("dim", [1, 2, DIRECT_DIM, DIRECT_DIM + 1])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_distinct_points(dim: int, dtype: torch.dtype) -> None:
    """Few values in each coordinate, so that rows agree in some of them, and often in all."""
    points = torch.randint(-1, 2, (300, dim), generator=torch.Generator().manual_seed(0)).to(dtype)
    points = torch.cat([points, points[:50], -points[:50]])  # which makes negative zeros
    places, place, copies = distinct(points)
    expected, where, counts = np.unique(points.double().numpy(), axis=0, return_inverse=True, return_counts=True)
    assert np.array_equal(places.double().numpy(), expected)
    assert np.array_equal(place.numpy(), where.flatten())
    assert np.array_equal(copies.numpy(), counts)


def test_one_point() -> None:
    places, place, copies = distinct(torch.ones(5, 3))
    assert (places.tolist(), place.tolist(), copies.tolist()) == ([[1, 1, 1]], [0] * 5, [5])
