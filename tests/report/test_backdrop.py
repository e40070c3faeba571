"""What is drawn behind samples, against the data set itself."""

import numpy as np
import pytest
import torch

from modescope.datasets import Grid, HighDim, Line, Ring, TwoMoons
from modescope.report.backdrop import DEPTH, backdrop_of


def test_shades_are_the_log_density():
    ring = Ring()
    backdrop = backdrop_of(ring)
    (left, right), (low, high) = backdrop.view
    rows, columns = backdrop.heat.shape
    assert (backdrop.heat.max(), backdrop.heat.min()) == (255, 0)
    for row, column in ((10, 10), (rows // 2, 40), (rows // 5, columns // 2), (rows - 40, columns // 3)):
        x = left + (right - left) * column / (columns - 1)
        y = high - (high - low) * row / (rows - 1)  # the top row first
        log_p = ring.log_prob(torch.tensor([x, y], dtype=torch.float64)).item()
        peak = ring.log_prob(ring.modes.centers[:1]).item()
        shade = 255 * min(1, max(0, 1 + (log_p - peak) / DEPTH))
        assert backdrop.heat[row, column] == pytest.approx(shade, abs=8)  # the peak lies between cells


@pytest.mark.parametrize("dataset", [Ring(), Grid(), TwoMoons(), TwoMoons(noise=0.05)])
def test_outlines_lie_at_the_radius(dataset):
    lines = backdrop_of(dataset).outlines
    assert len(lines) >= (1 if isinstance(dataset, TwoMoons) else len(dataset.modes))
    points = torch.from_numpy(np.concatenate(lines))
    _, distance = dataset.modes.nearest(points)
    assert distance.median().item() == pytest.approx(dataset.modes.radius, rel=0.02)
    assert (distance - dataset.modes.radius).abs().max() < 0.2 * dataset.modes.radius


def test_without_a_density_true_samples_are_drawn():
    moons = TwoMoons()
    backdrop = backdrop_of(moons)
    assert backdrop.heat is None
    assert moons.modes.nearest(torch.from_numpy(backdrop.truth))[1].max() < 1e-6
    assert backdrop.outside(backdrop.truth) == 0


def test_the_profile_is_the_density():
    line = Line()
    x, density = backdrop_of(line).profile
    assert np.trapezoid(density, x) == pytest.approx(1, abs=1e-3)
    assert density[np.abs(x - 3).argmin()] == pytest.approx(line.log_prob(torch.tensor([[3.0]])).exp().item(), rel=0.01)


def test_a_projection_keeps_what_varies_most():
    high = HighDim(positions=(-2.0, 3.0, 8.0), size=30, noisy=20)
    backdrop = backdrop_of(high)
    np.testing.assert_allclose(backdrop.basis.T @ backdrop.basis, np.eye(2), atol=1e-10)
    diagonal = np.full(30, 30**-0.5)  # along which the modes lie
    assert abs(backdrop.basis[:, 0] @ diagonal) > 0.99
    x = high.sample(500, torch.Generator().manual_seed(3), torch.float64).numpy()
    placed = backdrop.place(x)
    np.testing.assert_allclose(placed, (x - backdrop.origin) @ backdrop.basis)
    assert backdrop.outside(placed) == 0
    assert "30 coordinates" in backdrop.about


def test_what_is_outside_is_told():
    backdrop = backdrop_of(Ring())
    points = np.array([[0.0, 0.0], [9.0, 0.0], [np.nan, 0.0], [0.0, -np.inf]])
    assert backdrop.outside(points) == 0.75
