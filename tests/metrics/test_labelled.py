"""Modes by a classifier's labels, against closed forms, scipy and simulated classifiers."""

import math

import pytest
import torch
from scipy.optimize import minimize
from scipy.stats import entropy

from modescope.core import ModescopeError
from modescope.metrics.labelled import mode_report


def draw(share: torch.Tensor, n: int, seed: int = 0) -> torch.Tensor:
    return torch.multinomial(share, n, replacement=True, generator=torch.Generator().manual_seed(seed))


def confused(labels: torch.Tensor, rates: torch.Tensor, seed: int = 1) -> torch.Tensor:
    """What a classifier with these rates calls the samples of these classes."""
    return torch.multinomial(rates[labels], 1, generator=torch.Generator().manual_seed(seed)).squeeze(1)


def noisy(classes: int, error: float) -> torch.Tensor:
    rates = torch.full((classes, classes), error / (classes - 1), dtype=torch.float64)
    return rates.fill_diagonal_(1 - error)


def as_rates(counts: torch.Tensor) -> torch.Tensor:
    return counts.double() / counts.sum(dim=1, keepdim=True)


@pytest.mark.parametrize("kept", [1, 2, 5, 10])
def test_even_over_some_classes(kept: int) -> None:
    report = mode_report(torch.arange(kept).repeat(100), 10)
    assert report.modes == kept
    assert report.kl == pytest.approx(math.log(10 / kept), abs=1e-12)
    assert report.floor == pytest.approx(9 / (2 * 100 * kept))
    assert report.samples == 100 * kept
    assert report.counts.tolist() == [100] * kept + [0] * (10 - kept)


def test_against_scipy() -> None:
    labels = draw(torch.tensor([0.1, 0.2, 0.3, 0.4]), 500)
    counts = torch.tensor([3, 1, 4, 2])
    report = mode_report(labels, 4, reference=counts)
    assert report.kl == pytest.approx(entropy(torch.bincount(labels), counts), rel=1e-12)
    assert report.kl == pytest.approx(mode_report(labels, 4, reference=counts / 10).kl, rel=1e-6)
    assert mode_report(labels.flip(0), 4, reference=counts).kl == report.kl


def test_logits_are_labels() -> None:
    logits = torch.randn(200, 7, generator=torch.Generator().manual_seed(0))
    by_labels = mode_report(logits.argmax(dim=1), 7)
    for scores in (logits, logits.softmax(dim=1), logits.double()):
        assert mode_report(scores, 7).kl == by_labels.kl


def test_the_floor_is_what_a_perfect_sampler_scores() -> None:
    share = torch.tensor([0.4, 0.3, 0.2, 0.1]).double()
    scores = [mode_report(draw(share, 400, seed), 4, reference=share) for seed in range(300)]
    mean = sum(score.kl for score in scores) / len(scores)
    assert mean == pytest.approx(scores[0].floor, rel=0.2)
    assert scores[0].floor == 3 / 800


def test_a_class_without_mass() -> None:
    reference = torch.tensor([1.0, 1.0, 0.0])
    assert mode_report(torch.tensor([0, 1, 0, 1]), 3, reference).kl == 0
    assert mode_report(torch.tensor([0, 1, 0, 1]), 3, reference).floor == 1 / 8
    assert mode_report(torch.tensor([0, 1, 2]), 3, reference).kl == math.inf


def test_least_share() -> None:
    labels = torch.tensor([0] * 998 + [1, 2])
    assert mode_report(labels, 10).modes == 3
    assert mode_report(labels, 10, min_share=0.01).modes == 1


class TestConfusion:
    def test_a_perfect_classifier_changes_nothing(self) -> None:
        labels = draw(torch.tensor([0.5, 0.25, 0.0, 0.25]), 300)
        plain, corrected = mode_report(labels, 4), mode_report(labels, 4, confusion=50 * torch.eye(4))
        assert corrected.modes == plain.modes == 3
        assert corrected.kl == pytest.approx(plain.kl, abs=1e-12)
        assert corrected.floor == pytest.approx(plain.floor)

    def test_errors_make_modes_and_the_correction_takes_them_away(self) -> None:
        classes, rates = 50, noisy(50, 0.02)
        labels = confused(draw(torch.cat([torch.ones(10), torch.zeros(40)]), 20_000), rates)
        plain = mode_report(labels, classes)
        corrected = mode_report(labels, classes, confusion=rates, min_share=1 / (10 * classes))
        assert plain.modes > 40
        assert corrected.modes == 10
        assert plain.kl < math.log(5) - 0.05
        assert corrected.kl == pytest.approx(math.log(5), abs=0.02)

    def test_is_the_most_likely(self) -> None:
        rates = torch.tensor([[0.8, 0.1, 0.1], [0.2, 0.7, 0.1], [0.0, 0.3, 0.7]]).double()
        counts = torch.tensor([50, 90, 60])
        report = mode_report(torch.arange(3).repeat_interleave(counts), 3, confusion=rates)
        found = minimize(
            lambda q: -(counts.numpy() * torch.from_numpy(q).matmul(rates).log().numpy()).sum(),
            [1 / 3] * 3,
            bounds=[(1e-12, 1)] * 3,
            constraints={"type": "eq", "fun": lambda q: q.sum() - 1},
            tol=1e-12,
        )
        assert report.share.tolist() == pytest.approx(found.x.tolist(), abs=1e-4)
        exact = torch.linalg.solve(rates.mT, counts / 200.0 * torch.ones(3).double())
        assert report.share.tolist() == pytest.approx(exact.tolist(), abs=1e-6)

    def test_floor(self) -> None:
        share, rates = torch.tensor([0.4, 0.3, 0.2, 0.1]).double(), noisy(4, 0.3)
        runs = [mode_report(confused(draw(share, 1000, s), rates, s + 500), 4, share, rates) for s in range(80)]
        mean = sum(run.kl for run in runs) / len(runs)
        assert mean == pytest.approx(runs[0].floor, rel=0.3)
        assert runs[0].floor > 1.5 * 3 / 2000

    def test_factors_are_their_kronecker_product(self) -> None:
        factors = [noisy(2, 0.1), torch.tensor([[8, 1, 1], [2, 7, 1], [0, 3, 7]]), noisy(4, 0.05)]
        whole = torch.kron(torch.kron(factors[0], as_rates(factors[1])), factors[2])
        share = torch.rand(24, generator=torch.Generator().manual_seed(0), dtype=torch.float64) ** 3
        labels = confused(draw(share, 3000), whole)
        by_factors, by_whole = (mode_report(labels, 24, share, confusion=given) for given in (factors, whole))
        assert by_factors.share.tolist() == pytest.approx(by_whole.share.tolist(), abs=1e-9)
        assert by_factors.kl == pytest.approx(by_whole.kl, rel=1e-8)
        assert by_factors.floor == pytest.approx(by_whole.floor, rel=1e-9)
        assert by_factors.modes == by_whole.modes

    def test_three_digits_that_are_confused_one_by_one(self) -> None:
        rates = noisy(10, 0.02)
        digits = torch.randint(5, (20_000, 3), generator=torch.Generator().manual_seed(0))  # 125 of 1,000 classes
        said = confused(digits.flatten(), rates).unflatten(0, (-1, 3))
        labels = (said * torch.tensor([100, 10, 1])).sum(dim=1)
        plain, corrected = (
            mode_report(labels, 1000, confusion=given, min_share=1e-4) for given in (None, (rates, rates, rates))
        )
        assert plain.modes > 300
        assert 125 <= corrected.modes < 180  # chance alone gives a class that is empty two samples or more
        assert plain.kl < math.log(8) - 0.15
        assert corrected.kl == pytest.approx(math.log(8), abs=0.08)

    def test_classes_that_cannot_be_told_apart(self) -> None:
        report = mode_report(torch.tensor([0, 1, 1, 0]), 2, confusion=torch.ones(2, 2))
        assert math.isnan(report.floor)
        assert report.share.sum().item() == pytest.approx(1)


def test_one_sample() -> None:
    report = mode_report(torch.tensor([2]), 3)
    assert report.modes == 1
    assert report.kl == pytest.approx(math.log(3))


def test_bad_input_is_told() -> None:
    labels = torch.tensor([0, 1, 2])
    cases = [
        ("run from 0 to 2, expected 0 to 1", (labels, 2)),
        ("at least 1 sample", (labels[:0], 3)),
        (r"expected \(N,\)", (labels[None], 3)),
        ("logits", (torch.zeros(3, 4), 3)),
        ("NaN", (torch.full((3, 3), torch.nan), 3)),
        (r"reference has shape \(2,\)", (labels, 3, torch.ones(2))),
        ("reference holds a negative", (labels, 3, torch.tensor([-1.0, 1, 1]))),
        (r"confusion has shape", (labels, 3, None, torch.ones(2, 2))),
        (r"shape \(2, 2\), \(2, 2\), expected \(3, 3\), or", (labels, 3, None, [torch.eye(2), torch.eye(2)])),
        (r"shape of nothing, expected \(3, 3\), or", (labels, 3, None, [])),
        ("row 1 of confusion", (labels, 3, None, torch.diag(torch.tensor([1.0, 0.0, 1.0])))),
        ("label 2 is among labels", (labels, 3, None, torch.tensor([[1.0, 0, 0], [0, 1, 0], [1, 1, 0]]))),
        ("classes is 0", (labels, 0)),
    ]
    for message, arguments in cases:
        with pytest.raises(ModescopeError, match=message):
            mode_report(*arguments)
