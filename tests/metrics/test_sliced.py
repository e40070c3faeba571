"""Sliced Wasserstein distances of patches, against SciPy's filters, POT and their invariances."""

import numpy as np
import ot
import pytest
import torch
from scipy import ndimage

from modescope.core import ModescopeError
from modescope.metrics import sliced
from modescope.metrics.sliced import laplacian_pyramid, patch_swd


def images(n: int, side: int = 32, channels: int = 3, seed: int = 0) -> torch.Tensor:
    coarse = torch.rand(n, channels, 8, 8, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return torch.nn.functional.interpolate(coarse, (side, side), mode="bicubic")


def stream(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_pyramid_against_scipy() -> None:
    """Blur, halve, double, subtract: as OpenCV's pyrDown and pyrUp, with mirrored borders."""
    x = images(2, 64).numpy()
    taps = np.array([1, 4, 6, 4, 1]) / 16
    kernel = np.outer(taps, taps)[None, None]
    down = ndimage.convolve(x, kernel, mode="mirror")[:, :, ::2, ::2]
    up = np.zeros_like(x)
    up[:, :, ::2, ::2] = down
    fine = x - ndimage.convolve(up, 4 * kernel, mode="mirror")
    pyramid = laplacian_pyramid(torch.from_numpy(x), 3)
    assert [level.shape[-1] for level in pyramid] == [64, 32, 16]
    assert np.allclose(pyramid[0], fine, atol=1e-12)
    assert np.allclose(laplacian_pyramid(torch.from_numpy(down), 2)[1], pyramid[2], atol=1e-12)


def test_against_pot(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same patches along the same directions."""
    x, y = images(6), images(6, seed=1) ** 2
    seen = []
    whole = sliced._sliced
    monkeypatch.setattr(sliced, "_sliced", lambda a, b, p, g: seen.append((a, b)) or whole(a, b, p, g))
    report = patch_swd(x, y, stream(), patches=20, directions=400)
    for (a, b), value in zip(seen, report.by_level, strict=True):
        assert a.shape == (120, 3 * 49)
        theirs = ot.sliced_wasserstein_distance(a.numpy(), b.numpy(), n_projections=4000, p=1, seed=0)
        assert value.item() == pytest.approx(1000 * theirs, rel=0.05)
        assert a.view(120, 3, 49).mean(dim=(0, 2)).abs().max() < 1e-9
        assert a.view(120, 3, 49).std(dim=(0, 2), correction=0).tolist() == pytest.approx([1, 1, 1])
    assert report.mean == pytest.approx(report.by_level.mean().item())
    assert report.sides == (32, 16)
    assert report.patches == 120


def test_collapse_and_noise_stand_out() -> None:
    x = images(60)
    floor = patch_swd(x, images(60, seed=1), stream(), 32, 128)
    collapsed = patch_swd(x, images(1, seed=1).expand(60, -1, -1, -1), stream(), 32, 128)
    noisy = patch_swd(x, x + 0.1 * torch.randn(x.shape, generator=stream(9)), stream(), 32, 128)
    assert collapsed.mean > 2 * floor.mean
    assert noisy.by_level[0] > 1.5 * floor.by_level[0]
    assert noisy.by_level[0] > 1.5 * noisy.by_level[1]  # noise is fine


def test_contrast_shows_only_on_a_shared_scale() -> None:
    x, y = images(40), 0.5 * images(40, seed=1)
    own, shared = (patch_swd(x, y, stream(), 32, 64, shared_scale=s).mean for s in (False, True))
    assert own == pytest.approx(patch_swd(x, 2 * y, stream(), 32, 64).mean)
    assert shared > 2 * own


def test_seeds_pieces_and_float32(monkeypatch: pytest.MonkeyPatch) -> None:
    x, y = images(10), images(10, seed=1)
    value = patch_swd(x, y, stream(), 16, 40).mean
    assert patch_swd(x, y, stream(), 16, 40).mean == value
    assert patch_swd(x.float(), y.float(), stream(), 16, 40).mean == pytest.approx(value, rel=1e-4)
    assert patch_swd(x.float(), y, stream(), 16, 40).mean == pytest.approx(value, rel=1e-4)
    monkeypatch.setattr(sliced, "DIRECTIONS", 7)
    assert patch_swd(x, y, stream(), 16, 40).mean == pytest.approx(value)


def test_odd_images() -> None:
    flat = torch.ones(2, 1, 16, 16)
    report = patch_swd(flat, flat, stream(), 4, 8)
    assert report.mean == 0
    assert report.sides == (16,)
    assert patch_swd(images(1), images(1), stream(), 1, 1).mean >= 0


def test_bad_input_is_told() -> None:
    x = images(2)
    for bad in (images(2, 28), images(2, 8), x[..., :16]):
        with pytest.raises(ModescopeError, match="expected 16, 32, 64"):
            patch_swd(bad, bad, stream())
    with pytest.raises(ModescopeError, match="expected the same"):
        patch_swd(x, x[:1], stream())
    with pytest.raises(ModescopeError, match="real holds a NaN"):
        patch_swd(x * torch.nan, x, stream())
    with pytest.raises(ModescopeError, match="patches is 0"):
        patch_swd(x, x, stream(), patches=0)
