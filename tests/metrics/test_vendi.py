"""The Vendi score, against vendi-score, closed forms and its own definition."""

import math
import warnings

import numpy as np
import pytest
import torch
from vendi_score import vendi

from modescope.core import ModescopeError
from modescope.metrics import vendi as ours
from modescope.metrics.vendi import vendi_score


def normals(*shape: int, seed: int = 0, dtype: torch.dtype = torch.float64) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def gaussian_kernel(x: torch.Tensor, h: float) -> np.ndarray:
    return torch.exp(-(torch.cdist(x, x, compute_mode="donot_use_mm_for_euclid_dist") ** 2) / (2 * h * h)).numpy()


@pytest.fixture(autouse=True)
def _quiet() -> None:
    warnings.filterwarnings("ignore", category=DeprecationWarning)


@pytest.mark.parametrize("shape", [(200, 12), (12, 200), (50, 50)])
@pytest.mark.parametrize("order", [0.5, 1, 2, math.inf])
def test_cosine_against_vendi_score(shape: tuple[int, int], order: float) -> None:
    x = 0.3 + normals(*shape)
    unit = (x / x.norm(dim=1, keepdim=True)).numpy()
    expected = vendi.score_K(unit @ unit.T, q="inf" if order == math.inf else order)
    loose = 1e-3 if order < 1 else 1e-9  # their eigenvalues of 1e-17 count: (1e-17)^0.5 each
    assert vendi_score(x, order=order).item() == pytest.approx(expected, rel=loose)
    dual = vendi.score_dual(x.numpy(), q="inf" if order == math.inf else order)
    assert vendi_score(x, order=order).item() == pytest.approx(dual, rel=loose)


@pytest.mark.parametrize("dim", [2, 40])
@pytest.mark.parametrize("order", [1, 2])
def test_gaussian_against_vendi_score(dim: int, order: int) -> None:
    x = normals(150, dim)
    h = math.sqrt(dim) / 2
    expected = vendi.score_K(gaussian_kernel(x, h), q=order)
    assert vendi_score(x, "gaussian", bandwidth=h, order=order).item() == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("order", [1, 2, math.inf])
def test_a_kernel_of_low_rank_is_condensed(order: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a wide kernel in the plane a small factor has all the eigenvalues that are not 0."""
    x = normals(300, 2)
    sides = []
    plain = torch.linalg.eigvalsh
    monkeypatch.setattr(torch.linalg, "eigvalsh", lambda matrix: sides.append(len(matrix)) or plain(matrix))
    value = vendi_score(x, "gaussian", bandwidth=1.5, order=order).item()
    share = plain(torch.from_numpy(gaussian_kernel(x, 1.5)) / 300).clamp(min=1e-300)
    powers = {1: torch.special.entr(share).sum().exp(), 2: 1 / share.square().sum(), math.inf: 1 / share.max()}
    assert value == pytest.approx(powers[order].item(), rel=1e-10)
    vendi_score(x, "gaussian", bandwidth=0.01, order=order)
    assert sides[0] < 150
    assert sides[1] == 300


def test_the_peer_ignores_its_order() -> None:
    x = normals(60, 5)
    assert vendi.score_X(x.numpy(), q=2) == pytest.approx(vendi.score_X(x.numpy(), q=1))
    assert vendi_score(x, order=2) < vendi_score(x, order=1) - 0.01


def test_linear() -> None:
    """With axes of lengths a_i, each its own sample, the shares are a_i^2 / sum a^2."""
    lengths = torch.tensor([1.0, 2.0, 3.0], dtype=torch.float64)
    share = lengths.square() / 14
    expected = torch.special.entr(share).sum().exp().item()
    assert vendi_score(torch.diag(lengths), "linear").item() == pytest.approx(expected)
    assert vendi_score(torch.diag(lengths), "cosine").item() == pytest.approx(3)
    x = normals(100, 6)
    unit = x / x.norm(dim=1, keepdim=True)
    assert vendi_score(unit, "linear").item() == pytest.approx(vendi_score(x).item())


@pytest.mark.parametrize("order", [0, 0.5, 1, 2, math.inf])
def test_counts_far_groups(order: float) -> None:
    """K groups of equal size, alike within and unlike across, are K samples, at any order."""
    axes = torch.eye(8, 20, dtype=torch.float64).repeat(30, 1)
    assert vendi_score(axes[:240], order=order).item() == pytest.approx(8)
    assert vendi_score(100 * axes, "gaussian", bandwidth=1.0, order=order).item() == pytest.approx(8)
    collapsed = axes[:1].repeat(240, 1)
    assert vendi_score(collapsed, order=order).item() == pytest.approx(1)
    assert vendi_score(collapsed, "gaussian", bandwidth=1.0, order=order).item() == pytest.approx(1)


def test_k_of_8_modes() -> None:
    angle = torch.arange(8) * math.tau / 8
    ring = torch.stack([angle.cos(), angle.sin()], dim=1).double()
    for kept in (1, 2, 4, 8):
        x = ring[:kept].repeat(400 // kept, 1) + 0.003 * normals(400, 2)
        assert vendi_score(x, "gaussian", bandwidth=0.1).item() == pytest.approx(kept, rel=0.05)


def test_bandwidth_goes_from_all_to_one() -> None:
    x = normals(80, 3)
    assert vendi_score(x, "gaussian", bandwidth=1e-4).item() == pytest.approx(80)
    assert vendi_score(x, "gaussian", bandwidth=1e4).item() == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize(("kernel", "bandwidth"), [("cosine", None), ("linear", None), ("gaussian", 1.0)])
class TestEveryKernel:
    def test_order_of_samples_and_copies(self, kernel: str, bandwidth: float | None) -> None:
        x = normals(90, 4)
        score = vendi_score(x, kernel, bandwidth)
        assert score.dtype == torch.float64
        assert score.shape == ()
        assert vendi_score(x.flip(0), kernel, bandwidth).item() == pytest.approx(score.item())
        assert vendi_score(x.repeat(3, 1), kernel, bandwidth).item() == pytest.approx(score.item())

    def test_float32(self, kernel: str, bandwidth: float | None) -> None:
        x = normals(90, 30, dtype=torch.float32)
        expected = vendi_score(x.double(), kernel, bandwidth).item()
        assert vendi_score(x, kernel, bandwidth).item() == pytest.approx(expected, rel=1e-9)

    def test_one_sample_and_constant_columns(self, kernel: str, bandwidth: float | None) -> None:
        assert vendi_score(normals(1, 4), kernel, bandwidth).item() == pytest.approx(1)
        assert vendi_score(torch.ones(50, 4), kernel, bandwidth).item() == pytest.approx(1)

    def test_falls_with_the_order(self, kernel: str, bandwidth: float | None) -> None:
        x = 0.5 + normals(60, 4)
        scores = [vendi_score(x, kernel, bandwidth, order=q).item() for q in (0, 0.5, 0.999, 1, 1.001, 2, math.inf)]
        assert scores == sorted(scores, reverse=True)
        assert scores[2] == pytest.approx(scores[4], rel=1e-2)


@pytest.mark.parametrize("scale", [1e-30, 1e30])
def test_scale(scale: float) -> None:
    x = normals(50, 5)
    for kernel in ("cosine", "linear"):
        assert vendi_score(scale * x, kernel).item() == pytest.approx(vendi_score(x, kernel).item())
        tiny = (scale * x).float()
        assert vendi_score(tiny, kernel).item() == pytest.approx(vendi_score(x, kernel).item(), rel=1e-5)
    assert vendi_score(scale * x, "gaussian", scale).item() == pytest.approx(vendi_score(x, "gaussian", 1.0).item())


def test_far_from_the_origin_copies_are_copies() -> None:
    x = 1e6 + 1e-3 * normals(20, 40)
    score = vendi_score(x.repeat(4, 1), "gaussian", bandwidth=1e-3 * math.sqrt(40))
    near = vendi_score(x - 1e6, "gaussian", bandwidth=1e-3 * math.sqrt(40))
    assert score.item() == pytest.approx(near.item(), rel=1e-4)


def test_zero_vectors() -> None:
    """They are alike to each other alone; the peer lets their mass disappear."""
    x = torch.cat([torch.eye(2), torch.zeros(2, 2)]).double()
    assert vendi_score(x).item() == pytest.approx(math.exp(1.5 * math.log(2)))  # shares 1/4, 1/4, 1/2
    assert vendi.score_dual(x.numpy()) == pytest.approx(2)  # of mass 1/2 only
    assert vendi_score(x[2:]).item() == pytest.approx(1)
    assert vendi_score(torch.zeros(4, 2), "linear").isnan()


def test_pieces_do_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    x = normals(100, 5)
    whole = vendi_score(x)
    monkeypatch.setattr(ours, "ROWS", 7)
    assert vendi_score(x).item() == pytest.approx(whole.item(), abs=1e-12)


def test_bad_input_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    x = normals(10, 2)
    with pytest.raises(ModescopeError, match="bandwidth is None"):
        vendi_score(x, "gaussian")
    with pytest.raises(ModescopeError, match="bandwidth is -1"):
        vendi_score(x, "gaussian", bandwidth=-1)
    with pytest.raises(ModescopeError, match="none for the cosine"):
        vendi_score(x, bandwidth=1.0)
    with pytest.raises(ModescopeError, match="order is -1"):
        vendi_score(x, order=-1)
    with pytest.raises(ModescopeError, match="kernel is 'rbf'"):
        vendi_score(x, "rbf")
    with pytest.raises(ModescopeError, match="finite"):
        vendi_score(torch.full((3, 2), torch.nan))
    with pytest.raises(ModescopeError, match=r"expected \(N, D\)"):
        vendi_score(x[None])
    monkeypatch.setattr(ours, "LIMIT", 5)
    with pytest.raises(ModescopeError, match="10 distinct samples, expected at most 5"):
        vendi_score(x, "gaussian", bandwidth=1.0)
    assert vendi_score(x[:5].repeat(4, 1), "gaussian", bandwidth=1.0) > 1


@pytest.mark.parametrize("order", [50, 1100, 2000, 1e6, 1e300])
def test_large_orders_of_equal_shares(order: float) -> None:
    assert vendi_score(torch.eye(2).repeat(5, 1), order=order).item() == pytest.approx(2, rel=1e-12)


def test_orders_beside_one() -> None:
    x = torch.eye(3).repeat_interleave(torch.tensor([5, 3, 2]), dim=0)
    at_one = vendi_score(x, order=1).item()
    shares = np.array([0.5, 0.3, 0.2])
    for step in (1e-15, 1e-9, 1e-4, 0.3):
        for order in (1 - step, 1 + step):
            if order == 1:
                continue
            logs = np.log(shares)
            expected = at_one if step < 1e-3 else math.exp(math.log((shares**order).sum()) / (1 - order))
            slope = np.sum(shares * logs**2) - np.sum(shares * logs) ** 2  # of -2 log VS along the order, at 1
            close = abs(step) * slope * at_one if step < 1e-3 else 1e-12
            assert vendi_score(x, order=order).item() == pytest.approx(expected, abs=close + 1e-12)
