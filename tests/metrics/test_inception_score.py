"""The Inception score, against the original formula, torchmetrics and its bounds."""

import numpy as np
import pytest
import torch
from torchmetrics.image.inception import InceptionScore as TorchmetricsScore

from modescope.core import ModescopeError
from modescope.metrics import pairwise
from modescope.metrics.inception_score import inception_score, inception_score_infinity


def normals(*shape: int, seed: int = 0, dtype: torch.dtype = torch.float64) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def original(logits: torch.Tensor, splits: int) -> tuple[float, float]:
    """As in the code of Salimans et al."""
    preds, scores = logits.softmax(1).numpy(), []
    for i in range(splits):
        part = preds[i * len(preds) // splits : (i + 1) * len(preds) // splits]
        kl = part * (np.log(part) - np.log(np.expand_dims(np.mean(part, 0), 0)))
        scores.append(np.exp(np.mean(np.sum(kl, 1))))
    return np.mean(scores), np.std(scores)


class Identity(torch.nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x


@pytest.mark.parametrize("splits", [1, 3, 10])
def test_against_the_original(splits: int) -> None:
    logits = 3 * normals(257, 20)
    score = inception_score(logits, splits)
    mean, std = original(logits, splits)
    assert score.mean.item() == pytest.approx(mean, rel=1e-12)
    assert score.std.item() == pytest.approx(std, rel=1e-9, abs=1e-15)
    assert score.scores.shape == (splits,)


@pytest.mark.filterwarnings("ignore::UserWarning:torchmetrics")
def test_against_torchmetrics() -> None:
    """In one split, where its shuffle does not show."""
    logits = 3 * normals(300, 20, dtype=torch.float32)
    peer = TorchmetricsScore(Identity(), splits=1)
    peer.update(logits)
    assert inception_score(logits, 1).mean.item() == pytest.approx(peer.compute()[0].item(), rel=1e-5)


def test_bounds() -> None:
    """Sure of one class a sample, with c classes in equal parts: c. Unsure, or sure of one class: 1."""
    for classes in (1, 3, 10):
        sure = 100 * torch.eye(10).double()[torch.arange(300) % classes]
        assert inception_score(sure, 1).mean.item() == pytest.approx(classes, rel=1e-12)
    assert inception_score(torch.zeros(50, 10)).mean.item() == 1
    assert inception_score(normals(10, 7), 10).mean.item() == pytest.approx(1)  # one sample a split is its own marginal
    assert inception_score(normals(1, 7), 1).mean.item() == pytest.approx(1)


def test_blind_inside_a_class() -> None:
    """One image for each class scores as well as many."""
    sure = 100 * torch.eye(10).double()
    assert inception_score(sure, 1).mean.item() == pytest.approx(10)


def test_probabilities_that_underflow() -> None:
    """The original formula is NaN here."""
    logits = 1000 * torch.eye(4).double().repeat(5, 1)
    with np.errstate(divide="ignore", invalid="ignore"):
        assert np.isnan(original(logits, 1)[0])
    assert inception_score(logits, 1).mean.item() == pytest.approx(4)
    log_p = torch.eye(4).double().repeat(5, 1).log()
    assert inception_score(log_p, 1).mean.item() == pytest.approx(4)


def test_order() -> None:
    """Samples sorted by class score 1 in splits; shuffled, the number of classes; in one split the same."""
    sure = 100 * torch.eye(10).double().repeat_interleave(200, 0)
    assert inception_score(sure).mean.item() == pytest.approx(1)
    shuffled = inception_score(sure, generator=torch.Generator().manual_seed(0))
    assert 9.5 < shuffled.mean < 10
    logits = normals(60, 5)
    assert inception_score(logits, 1).mean.item() == pytest.approx(inception_score(logits.flip(0), 1).mean.item())


def test_shift_of_logits() -> None:
    logits = normals(60, 5)
    value = inception_score(logits, 2).mean.item()
    assert inception_score(logits + 1e3, 2).mean.item() == pytest.approx(value, rel=1e-9)
    assert inception_score(logits.float(), 2).mean.item() == pytest.approx(value, rel=1e-6)


def test_blocks_do_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    logits = normals(100, 5)
    whole = inception_score(logits, 3)
    monkeypatch.setattr(pairwise, "CHUNK", 35)
    assert torch.allclose(inception_score(logits, 3).scores, whole.scores, rtol=1e-13)


def test_infinity_removes_the_bias() -> None:
    """A uniform choice among 40 sure classes: the limit is 40; a finite set has an uneven marginal, and scores less."""
    generator = torch.Generator().manual_seed(0)
    labels = torch.randint(40, (6, 2000), generator=generator)
    lines = [inception_score_infinity(100 * torch.eye(40).double()[row], generator) for row in labels]
    raw = torch.stack([line.scores[-1] for line in lines]).mean()
    limit = torch.stack([line.value for line in lines]).mean()
    assert 40 - raw > 0.25  # about 40 * 39 / (2 * 2000) = 0.39
    assert abs(40 - limit) < 0.15
    assert all(line.slope < 0 for line in lines)
    assert lines[0].sizes.tolist()[::14] == [200, 2000]


def test_infinity_of_few_samples() -> None:
    assert inception_score_infinity(normals(1, 3), torch.Generator()).value.isnan()
    assert inception_score_infinity(normals(4, 3), torch.Generator()).value.isfinite()


def test_bad_input_is_told() -> None:
    logits = normals(5, 3)
    with pytest.raises(ModescopeError, match="splits is 10, expected 1 to the 5 samples"):
        inception_score(logits)
    with pytest.raises(ModescopeError, match="NaN"):
        inception_score(logits * torch.nan, 1)
    with pytest.raises(ModescopeError, match="infinity"):
        inception_score(torch.full((5, 3), -torch.inf), 1)
    with pytest.raises(ModescopeError, match=r"expected \(N, K\)"):
        inception_score(normals(2, 5, 3), 1)
    with pytest.raises(ModescopeError, match="dtype"):
        inception_score(torch.ones(5, 3, dtype=torch.long), 1)
