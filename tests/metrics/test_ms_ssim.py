"""Multi-scale structural similarity, against pytorch-msssim, direct convolutions and its invariances."""

import math
import sys

import numpy as np
import pytest
import torch
from pytorch_msssim import ms_ssim as peer
from scipy.signal import convolve2d

from modescope.core import ModescopeError
from modescope.metrics.ms_ssim import ms_ssim, ms_ssim_diversity, ms_ssim_fewer_scales

ours = sys.modules[ms_ssim.__module__]  # the module, whose name its function has

WEIGHTS = [0.0448, 0.2856, 0.3001, 0.2363, 0.1333]


def images(n: int, side: int | tuple[int, int], channels: int = 1, seed: int = 0) -> torch.Tensor:
    """Smooth random images in [0, 1]."""
    height, width = (side, side) if isinstance(side, int) else side
    coarse = torch.rand(n, channels, 6, 6, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return torch.nn.functional.interpolate(coarse, (height, width), mode="bilinear")


def stream(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def direct(x: np.ndarray, y: np.ndarray, weights: list[float]) -> float:
    """One channel by two-dimensional convolutions, scale by scale."""
    offset = np.arange(11) - 5
    window = np.exp(-(offset[:, None] ** 2 + offset[None] ** 2) / 4.5)
    window /= window.sum()

    def blur(z: np.ndarray) -> np.ndarray:
        return convolve2d(z, window, mode="valid")

    value = 1.0
    for j, weight in enumerate(weights):
        mx, my = blur(x), blur(y)
        cs = (2 * (blur(x * y) - mx * my) + 0.03**2) / (blur(x * x) - mx**2 + blur(y * y) - my**2 + 0.03**2)
        luminance = (2 * mx * my + 0.01**2) / (mx**2 + my**2 + 0.01**2)
        value *= max(0.0, (cs * luminance if j == len(weights) - 1 else cs).mean()) ** weight
        x, y = (np.pad(z, [(0, side % 2) for side in z.shape], mode="symmetric") for z in (x, y))
        x, y = ((z[::2, ::2] + z[1::2, ::2] + z[::2, 1::2] + z[1::2, 1::2]) / 4 for z in (x, y))
    return value


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("side", [176, (192, 176)])
def test_against_pytorch_msssim(channels: int, side: int | tuple[int, int]) -> None:
    x = images(3, side, channels)
    y = (0.7 * x + 0.3 * images(3, side, channels, seed=1)).clamp(0, 1)
    rounded = peer(x, y, data_range=1.0, size_average=False)  # its window is float32
    assert ms_ssim(x, y).tolist() == pytest.approx(rounded.tolist(), abs=5e-6)
    window = torch.exp(-(torch.arange(11) - 5.0).double().square() / 4.5)
    window = (window / window.sum()).expand(channels, 1, 1, 11)
    expected = peer(x, y, data_range=1.0, size_average=False, win=window)
    assert ms_ssim(x, y).tolist() == pytest.approx(expected.tolist(), abs=1e-9)
    assert ms_ssim(255 * x, 255 * y, 255.0).tolist() == pytest.approx(expected.tolist(), abs=1e-9)
    assert 0.1 < ms_ssim(x, y).min() < 0.99


def test_odd_sides() -> None:
    """The smallest images: the direct formula with a repeated border; the peer's zeros change its value."""
    x, y = images(1, 161), (images(1, 161) + images(1, 161, seed=1)) / 2
    expected = direct(x[0, 0].numpy(), y[0, 0].numpy(), WEIGHTS)
    assert ms_ssim(x, y).item() == pytest.approx(expected, abs=1e-9)
    assert abs(peer(x, y, data_range=1.0).item() - expected) > 1e-4


def test_identity_symmetry_and_range() -> None:
    x, y = images(2, 176, 3), images(2, 176, 3, seed=1)
    assert ms_ssim(x, x).tolist() == [1, 1]
    assert ms_ssim(x, y).tolist() == pytest.approx(ms_ssim(y, x).tolist())
    assert ms_ssim(x, 1 - x).tolist() == [0, 0]  # negatively correlated: clipped
    black = torch.zeros(1, 1, 161, 161)
    assert ms_ssim(black, black).item() == 1
    assert ms_ssim(x, y).dtype == torch.float64


def test_float32() -> None:
    x, y = images(2, 176), (images(2, 176) + images(2, 176, seed=1)) / 2
    assert ms_ssim(x.float(), y.float()).tolist() == pytest.approx(ms_ssim(x, y).tolist(), abs=1e-4)


@pytest.mark.parametrize(("side", "scales"), [(11, 1), (28, 2), (32, 2), (64, 3), (128, 4), (176, 5)])
def test_fewer_scales(side: int, scales: int) -> None:
    x, y = images(1, side), (images(1, side) + images(1, side, seed=1)) / 2
    total = sum(WEIGHTS[:scales])
    expected = direct(x[0, 0].numpy(), y[0, 0].numpy(), [w / total for w in WEIGHTS[:scales]])
    assert ms_ssim_fewer_scales(x, y).item() == pytest.approx(expected, abs=1e-9)


class TestDiversity:
    def test_all_pairs(self) -> None:
        """The mean over many random pairs is that over all pairs of different images."""
        x = images(6, 32)
        a, b = torch.triu_indices(6, 6, offset=1)
        expected = ms_ssim_fewer_scales(x[a], x[b]).mean().item()
        report = ms_ssim_diversity(x, 500, stream(), measure=ms_ssim_fewer_scales)
        assert report.mean == pytest.approx(expected, abs=4 * report.error)
        assert 0 < report.error < 0.03
        assert report.measure == "ms_ssim_fewer_scales"

    def test_collapse_is_alike(self) -> None:
        diverse, point = images(40, 32), images(1, 32).expand(40, 1, 32, 32)
        near = 0.9 * point + 0.1 * diverse
        scores = [
            ms_ssim_diversity(x, 100, stream(), measure=ms_ssim_fewer_scales).mean for x in (diverse, near, point)
        ]
        assert scores[0] + 0.1 < scores[1] < scores[2] == 1

    def test_within_classes(self) -> None:
        """Three classes of copies: each is alike inside, whatever the others are; a class of one has no pair."""
        x = images(4, 32).repeat(5, 1, 1, 1)[:16]
        labels = torch.arange(16) % 4 + 3
        report = ms_ssim_diversity(x, 10, stream(), labels, measure=ms_ssim_fewer_scales)
        assert report.mean == 1
        assert report.error == 0
        assert report.classes.tolist() == [3, 4, 5, 6]
        assert ms_ssim_diversity(x, 50, stream(), measure=ms_ssim_fewer_scales).mean < 0.95
        labels[0] = 9
        alone = ms_ssim_diversity(x, 10, stream(), labels, measure=ms_ssim_fewer_scales)
        assert alone.by_class.isnan().tolist() == [False] * 4 + [True]
        assert alone.mean == 1

    def test_large_images_and_chunks(self, monkeypatch: pytest.MonkeyPatch) -> None:
        x = images(4, 161)
        report = ms_ssim_diversity(x, 6, stream())
        monkeypatch.setattr(ours, "PIXELS", 2 * 161 * 161)
        assert ms_ssim_diversity(x, 6, stream()).mean == pytest.approx(report.mean)
        assert report.measure == "ms_ssim"
        assert math.isnan(ms_ssim_diversity(x, 1, stream()).error)


def test_bad_input_is_told() -> None:
    x = images(2, 32)
    with pytest.raises(ModescopeError, match="side of 32 pixels, expected at least 161"):
        ms_ssim(x, x)
    with pytest.raises(ModescopeError, match="expected at least 11"):
        ms_ssim_fewer_scales(x[..., :10], x[..., :10])
    with pytest.raises(ModescopeError, match="x has values from -1 to"):
        ms_ssim_fewer_scales(2 * x.round() - 1, x)
    with pytest.raises(ModescopeError, match=r"y has values from .* expected 0 to data_range, 1"):
        ms_ssim_fewer_scales(x, 255 * x)
    with pytest.raises(ModescopeError, match="values from nan"):
        ms_ssim_fewer_scales(x * torch.nan, x)
    with pytest.raises(ModescopeError, match="expected the same"):
        ms_ssim_fewer_scales(x, x[:1])
    with pytest.raises(ModescopeError, match="no class with two images"):
        ms_ssim_diversity(x, 5, stream(), torch.tensor([0, 1]), measure=ms_ssim_fewer_scales)
    with pytest.raises(ModescopeError, match="labels has shape"):
        ms_ssim_diversity(x, 5, stream(), torch.tensor([0]), measure=ms_ssim_fewer_scales)
    with pytest.raises(ModescopeError, match="pairs is 0"):
        ms_ssim_diversity(x, 0, stream())
    with pytest.raises(ModescopeError, match="dtype"):
        ms_ssim(x.long(), x.long())
