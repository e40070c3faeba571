"""The metrics as classes: every one of them sums over batches, forgets, forwards, and stands beside its floor."""

import importlib
import inspect
import math
import pickle
import re
import sys
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torchmetrics import Metric
from torchmetrics.image.fid import FrechetInceptionDistance
from torchmetrics.image.kid import KernelInceptionDistance
from torchmetrics_cases import CASES, Case, filled, images, plain, points

import modescope
import modescope.torchmetrics as tm
from modescope import metrics as pure
from modescope.core.errors import MissingExtraError, ModescopeError
from modescope.features import RandomConv

ALL = pytest.mark.parametrize("case", [pytest.param(case, id=kind.__name__) for kind, case in CASES.items()])
KEPT = [pytest.param(case, id=kind.__name__) for kind, case in CASES.items() if issubclass(kind, tm.Gathered)]


def close(a, b, rel: float = 1e-9) -> None:
    assert plain(a) == pytest.approx(plain(b), rel=rel, abs=1e-12, nan_ok=True)


def test_no_class_is_forgotten() -> None:
    kinds = {kind for name in tm.__all__ if inspect.isclass(kind := getattr(tm, name)) and not inspect.isabstract(kind)}
    assert kinds - {tm.Battle} == set(CASES)
    assert all(issubclass(kind, Metric) for kind in kinds)
    assert modescope.torchmetrics is tm


@ALL
@settings(max_examples=3, deadline=None, derandomize=True)
@given(data=st.data())
def test_batches_and_their_order_do_not_matter(case: Case, data) -> None:
    whole = filled(case.make(), case.real, case.fake).compute()
    batches = []
    for rows, real in ((case.real, True), (case.fake, False)):
        cuts = data.draw(st.lists(st.integers(1, len(rows) - 1), max_size=4, unique=True))
        order = torch.randperm(len(rows), generator=torch.Generator().manual_seed(data.draw(st.integers(0, 99))))
        batches += [(part, real) for part in rows[order].tensor_split(sorted(cuts))]
    metric = case.make()
    for batch, real in data.draw(st.permutations(batches)):
        metric.update(batch, real=real)
    close(metric.compute(), whole)


@ALL
def test_forward_gives_the_batch_and_adds_it(case: Case) -> None:
    metric, single = case.make(), case.make()
    fakes = case.fake.split(20)
    assert all(math.isnan(value) for value in plain(metric(case.real, real=True)).values())
    single.update(case.real, real=True)
    single.update(fakes[1], real=False)
    metric(fakes[0], real=False)
    close(metric(fakes[1], real=False), single.compute())
    close(metric.compute(), filled(case.make(), case.real, case.fake).compute())
    metric.update(fakes[0], real=False)
    close(metric.compute(), filled(case.make(), case.real, torch.cat([case.fake, fakes[0]])).compute())


@ALL
def test_reset(case: Case) -> None:
    metric = filled(case.make(), case.data(30, 7), case.data(30, 8))
    metric.reset()
    close(filled(metric, case.real, case.fake).compute(), filled(case.make(), case.real, case.fake).compute())
    kept = filled(case.make(reset_real_features=False), case.real, case.data(30, 8))
    kept.reset()
    kept.update(case.fake, real=False)
    close(kept.compute(), metric.compute())


@ALL
def test_nothing_to_compute(case: Case) -> None:
    metric = case.make()
    with pytest.warns(UserWarning, match="before"), pytest.raises(ModescopeError, match=r"call update\(batch, real="):
        metric.compute()
    metric.update(case.real, real=True)
    with pytest.raises(ModescopeError, match=r"no fake samples: call update\(batch, real=False\)"):
        metric.compute()


@ALL
def test_floor_is_real_against_real(case: Case) -> None:
    """It is the measure of half the real samples in the fakes' place, and does not depend on the fakes."""
    metric = filled(case.make(), case.real, case.data(60, 1))
    found = metric.floor()
    assert plain(found).keys() == plain(metric.compute()).keys()
    close(filled(case.make(), case.real, case.data(60, 9)).floor(), found)
    if isinstance(metric, tm.Summed):
        close(found, filled(case.make(), case.real[::2], case.real[1::2]).compute(), rel=1e-6)
    assert any(math.isfinite(value) for value in plain(found).values())
    with pytest.raises(ModescopeError, match="splits the real samples in two, and 0 are held"):
        case.make().floor()


@pytest.mark.parametrize(
    "kind",
    [kind for kind in CASES if kind.higher_is_better is not None and kind not in (tm.Precision, tm.PrecisionRecall)],
    ids=lambda kind: kind.__name__,
)
def test_collapse_is_worse_than_the_floor(kind: type[tm.TwoSets]) -> None:
    case, spare = CASES[kind], {tm.CriticDivergence: {"criterion": "mmd"}}.get(kind, {})
    metric = case.make(**spare)
    fake = case.real[:1] + 1e-3 * case.data(30, 1)
    value, floor = (
        next(iter(plain(each).values())) for each in (filled(metric, case.real, fake).compute(), metric.floor())
    )
    assert value > floor if kind.higher_is_better is False else value < floor


@ALL
def test_copies(case: Case) -> None:
    metric = filled(case.make(), case.real, case.fake)
    expected = metric.compute()
    for copy in (metric.clone(), pickle.loads(pickle.dumps(metric)), metric.to("cpu")):
        close(copy.compute(), expected)
        copy.update(case.real[:10], real=False)
        assert int(copy.fake_seen) == len(case.fake) + 10
    metric.persistent(True)
    fresh = case.make()
    fresh.load_state_dict(metric.state_dict())
    fresh.update(case.real[::6], real=False)
    metric.update(case.real[::6], real=False)
    close(fresh.compute(), metric.compute())

    half = filled(case.make(), case.real[:30], case.fake[:10])
    half.merge_state(filled(case.make(), case.real[30:], case.fake[10:]))
    close(half.compute(), expected)


@ALL
def test_names(case: Case) -> None:
    metric = filled(case.make(), case.real, case.fake)
    assert metric.name
    value = metric.compute()
    if len(metric.outputs) == 1:
        assert value.dtype == torch.float64
        assert value.shape == ()
    else:
        assert list(value) == [output + metric.name.removeprefix(metric.family) for output in metric.outputs]


def test_names_carry_the_protocol() -> None:
    assert tm.Recall().name == "recall_k3"
    assert tm.PRDC(k=4).name == "prdc_k4"
    assert tm.KernelDistanceOfSubsets().name == "kid_50x1000"
    assert tm.VendiScore(order=2).name == "vendi_cosine_q2"
    assert tm.NDB(bins=9).name == "ndb_k9_alpha0_05"  # a module's name holds no point
    assert tm.Recall.higher_is_better is True
    assert tm.PRDC.higher_is_better is None
    assert tm.FrechetDistance.higher_is_better is False


# Values


def test_against_the_pure_functions() -> None:
    real, fake = points(60, 0), points(40, 1, 0.7)

    def value(metric):
        return filled(metric, real, fake, 17).compute()

    assert value(tm.FrechetDistance()).item() == pytest.approx(pure.frechet_distance(real, fake).item())
    assert value(tm.KernelDistance()).item() == pytest.approx(pure.kid(real, fake).item())
    assert value(tm.CMMD(sigma=2)).item() == pytest.approx(pure.cmmd(real, fake, 2).item())
    assert value(tm.Recall()).item() == pure.precision_recall(real, fake)[1].item()
    assert value(tm.Density()).item() == pytest.approx(pure.density_coverage(real, fake)[0].item())
    assert value(tm.Authenticity()).item() == pure.authenticity(real, fake).item()
    assert value(tm.CopiedShare(eps=0.3)).item() == pure.copied_share(real, fake, 0.3).item() > 0
    assert value(tm.Rarity())["rarity_k3"].item() == pytest.approx(pure.rarity(real, fake).nanmean().item())
    for kernel in ("cosine", "linear"):
        for order in (0.5, 1, math.inf):
            with_zero = torch.cat([fake, torch.zeros(2, 3)])
            expected = pure.vendi_score(with_zero, kernel, order=order).item()
            found = filled(tm.VendiScore(kernel, order=order), real, with_zero, 9).compute().item()
            assert found == pytest.approx(expected, rel=1e-6)
    expected = pure.vendi_score(fake, "gaussian", 0.8).item()
    assert value(tm.GaussianVendiScore(bandwidth=0.8)).item() == pytest.approx(expected)
    expected = pure.inception_score(fake, splits=1).mean.item()
    assert value(tm.InceptionScore(splits=1))["inception_score_splits1"].item() == pytest.approx(expected)
    expected = pure.sliced_wasserstein(fake.double(), real[:40].double(), pure.random_directions(128, 3), 2).item()
    found = filled(tm.SlicedWasserstein(), real[:40], fake, 7).compute().item()
    assert found == pytest.approx(expected)
    found = filled(tm.Wasserstein(p=2), real[:40], fake, 7).compute().item()
    assert found == pytest.approx(pure.wasserstein(fake.double(), real[:40].double(), 2).item())


def test_splits_take_every_tenth_sample() -> None:
    logits = 3 * points(57, 3)
    value = filled(tm.InceptionScore(splits=10), logits, logits, 8).compute()
    scores = torch.stack([pure.inception_score(logits[i::10], splits=1).mean for i in range(10)])
    assert value["inception_score_splits10"].item() == pytest.approx(scores.mean().item())
    assert value["inception_score_std_splits10"].item() == pytest.approx(scores.std(correction=0).item())


class Identity(nn.Identity):
    num_features = 3


def test_against_the_library_s_own() -> None:
    real, fake = points(60, 0).double(), points(60, 1, 0.7).double()
    peer = filled(FrechetInceptionDistance(feature=Identity()), real, fake, 17)
    assert filled(tm.FrechetDistance(), real, fake, 11).compute().item() == pytest.approx(peer.compute().item(), 1e-8)
    with pytest.warns(UserWarning, match="buffer"):
        peer = KernelInceptionDistance(feature=Identity(), subsets=1, subset_size=60)
    expected = filled(peer, real, fake, 17).compute()[0].item()
    assert filled(tm.KernelDistance(), real, fake, 11).compute().item() == pytest.approx(expected)


def test_far_from_the_origin_no_digits_are_lost() -> None:
    real, fake = points(200, 0).double(), points(200, 1, 0.7).double()
    near, far = (filled(tm.FrechetDistance(), real + at, fake + at, 33).compute().item() for at in (0.0, 1e7))
    assert far == pytest.approx(near, rel=1e-6)


def test_labels_by_a_classifier() -> None:
    logits = torch.eye(4)[[0, 0, 1, 1, 1, 2]]
    report = tm.ModeReport(4, features=lambda batch: batch.double() @ torch.eye(4).double())
    report.update(logits, real=False)
    value = report.compute()
    assert value["modes_of_4"].item() == 3
    assert value["mode_kl_of_4"].item() == pytest.approx(
        math.log(4) - torch.special.entr(torch.tensor([2, 3, 1]) / 6).sum().item()
    )
    report.update(logits, real=True)
    assert report.compute()["mode_kl_of_4"].item() == pytest.approx(0, abs=1e-12)
    unseen = tm.UnseenMass(100)
    unseen.update(torch.tensor([1, 1, 5, 7, 9, 9]), real=False)
    assert unseen.compute()["unseen_mass_of_100"].item() == pytest.approx(2 / 6)
    with pytest.raises(ModescopeError, match="labels run from 0 to 4, expected 0 to 3"):
        report.__class__(4).update(torch.tensor([0, 4]), real=False)


def test_a_battle_sums_over_batches() -> None:
    g = torch.Generator().manual_seed(0)
    answers = {
        name: torch.rand(50, generator=g) ** power for name, power in zip(tm.match.ANSWERS, (1, 1, 2, 0.5), strict=True)
    }
    for form in ("errors", "accuracies"):
        metric = tm.Battle(form, tolerance=0.5)
        with pytest.warns(UserWarning, match="before"), pytest.raises(ModescopeError, match="no answers first_on_test"):
            metric.compute()
        for name, answer in answers.items():
            for part in answer.split(13):
                metric.update(**{name: part})
        expected = pure.battle(**answers, form=form, tolerance=0.5)
        value = metric.compute()
        assert value[f"winner_{form}"].item() == {"first": 1, "tie": 0, "second": -1}[expected.winner]
        assert value[f"sample_ratio_{form}"].item() == expected.sample_ratio
        assert value[f"test_ratio_{form}"].item() == expected.test_ratio
    with pytest.raises(ModescopeError, match="its own twin"):
        metric.floor()
    with pytest.raises(ModescopeError, match="outside"):
        metric.update(first_on_test=torch.tensor([2.0]))


# A part of the samples


@pytest.mark.parametrize("case", KEPT)
def test_a_limit_bounds_the_memory(case: Case) -> None:
    limit = 25
    metric = case.make(limit=limit, seed=3)
    one = filled(case.make(limit=limit, seed=3), case.real, case.fake).compute()
    for batch in case.real.split(7):
        metric.update(batch, real=True)
    for batch in case.fake.split(7):
        metric(batch, real=False)
    close(metric.compute(), one)
    for _ in range(10):
        metric.update(case.fake, real=False)
        assert sum(len(rows) for rows in metric.fake_rows) <= 2 * limit + len(case.fake)


def test_the_part_kept_is_uniform() -> None:
    """Of 60 samples in uneven batches 20 stay; each does so a third of the time (chi-squared, 150 seeds)."""
    rows, kept = torch.arange(60.0)[:, None], torch.zeros(60)
    for seed in range(150):
        metric = tm.CopiedShare(limit=20, seed=seed)
        for batch in rows.tensor_split([1, 10, 41]):
            metric.update(batch, real=True)
        held = metric._held("real").long().flatten()
        assert len(held.unique()) == 20
        kept[held] += 1
    statistic = ((kept - 150 / 3).square() / (150 / 3 * 2 / 3)).sum().item()
    assert 30 < statistic < 100  # the 0.1 % tails of 59 degrees of freedom are 31 and 98


# Together


def test_a_collection_holds_the_samples_once() -> None:
    cases = {kind: case for kind, case in CASES.items() if case.data is points}
    single = {case.make().name: filled(case.make(), *pair(case)).compute() for case in cases.values()}
    together = tm.collection(*(case.make() for case in cases.values()))
    for rows, real in ((points(60, 0), True), (points(40, 1), False)):
        for batch in rows.split(23):
            together.update(batch, real=real)
    found = together.compute()
    for name, value in single.items():
        for key, each in value.items() if isinstance(value, dict) else ((name, value),):
            same = found[key] if key in found else found[f"{name}_{key}"]
            assert same.item() == pytest.approx(each.item(), rel=1e-6, nan_ok=True)
    groups = sorted(map(len, together.compute_groups.values()))
    assert groups[:-1] == [1, 1, 1]  # three that hold sums; all others share their rows
    together.reset()
    assert all(int(metric.real_seen) == 0 for metric in together.values())


def pair(case: Case):
    return case.real, case.fake


def test_metrics_with_other_features_do_not_share() -> None:
    """Though the first batch looks the same to both."""
    together = tm.collection(tm.Recall(), tm.Precision(features=torch.relu), tm.Coverage(limit=10))
    for batch, real in ((points(20, 0).abs(), True), (-points(20, 1), False), (points(20, 2), False)):
        together.update(batch, real=real)
    assert len(together.compute_groups) == 3
    fakes = torch.cat([-points(20, 1), points(20, 2)]).relu()
    assert together.compute()["precision_k3"] == pure.precision_recall(points(20, 0).abs(), fakes)[0]
    with pytest.raises(ModescopeError, match="two metrics are named recall_k3"):
        tm.collection(tm.Recall(), tm.Recall())


def test_a_collection_forwards() -> None:
    together = tm.collection(tm.Recall(), tm.Coverage(), tm.FrechetDistance(), prefix="val/")
    together.update(points(30, 0), real=True)
    together.update(points(20, 1), real=False)
    value = together(points(20, 2), real=False)
    close(value["val/recall_k3"], pure.precision_recall(points(30, 0), points(20, 2))[1])
    fakes = torch.cat([points(20, 1), points(20, 2)])
    close(together.compute()["val/coverage_k5"], pure.density_coverage(points(30, 0), fakes)[1])
    close(together.compute()["val/frechet"], pure.frechet_distance(points(30, 0), fakes), rel=1e-6)


# Features


def test_features() -> None:
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.body = nn.Sequential(nn.Flatten(), nn.Dropout(0.5))

        def forward(self, batch):
            return self.body(batch)

    net = Net().train()
    net.body[0].eval()
    recall = filled(tm.Recall(features=net), images(20, 0), images(20, 1))
    assert recall.compute() == pure.precision_recall(images(20, 0).flatten(1), images(20, 1).flatten(1))[1]
    assert [part.training for part in net.modules()] == [True, True, False, True]

    floats = filled(tm.FrechetDistance(features=RandomConv()), images(20, 0), images(20, 1))
    whole = [(images(20, seed) * 255).round().to(torch.uint8) for seed in (0, 1)]
    assert floats.compute() == filled(tm.FrechetDistance(features=RandomConv()), *whole).compute()
    with pytest.raises(ModescopeError, match=r"expected uint8 or floats in \[0, 1\]"):
        floats.update(2 * images(3, 0) - 1, real=True)
    with pytest.raises(ModescopeError, match="expected a row for each"):
        tm.Recall(features=lambda batch: batch[:1]).update(points(3, 0), real=True)


def test_half_precision_and_states_on_the_cpu() -> None:
    metric = tm.FrechetDistance(compute_on_cpu=True)
    close(
        filled(metric, points(60, 0).half(), points(40, 1).half(), 9).compute(),
        pure.frechet_distance(points(60, 0).half().float(), points(40, 1).half().float()),
        rel=1e-6,
    )


def test_wrong_batches() -> None:
    metric = tm.Recall()
    with pytest.raises(ModescopeError, match=r"batch has shape \(2, 3, 4\), expected \(N, D\)"):
        metric.update(torch.zeros(2, 3, 4), real=True)
    with pytest.raises(ModescopeError, match="batch holds a NaN"):
        metric.update(torch.full((2, 3), torch.nan), real=True)
    metric.update(points(4, 0), real=True)
    with pytest.raises(ModescopeError, match=r"batch has rows of shape \(2,\) after \(3,\)"):
        metric.update(torch.zeros(2, 2), real=False)
    frechet = tm.FrechetDistance()
    frechet.update(points(4, 0), real=True)
    with pytest.raises(ModescopeError, match=r"batch has rows of shape \(2,\), other than"):
        frechet.update(torch.zeros(2, 2), real=True)
    for wrong, match in (({"limit": 1}, "limit is 1"), ({"k": 0}, "k is 0"), ({"features": 3}, "features is 3")):
        with pytest.raises(ModescopeError, match=match):
            tm.Recall(**wrong)


def test_a_value_is_drawn() -> None:
    figure, axes = filled(tm.PRDC(), points(60, 0), points(40, 1)).plot()
    assert axes.get_ylim()[0] <= 0
    figure.clear()


def test_the_example_of_the_guide(capsys) -> None:
    page = (Path(__file__).parents[2] / "docs" / "diagnosis.md").read_text(encoding="utf-8")
    (example,) = (
        block for block in re.findall(r"```python\n(.*?)```", page, re.DOTALL) if "modescope.torchmetrics" in block
    )
    exec(example, {"batches": [(points(20, 0), points(20, 1)), (points(20, 2), points(20, 3))]})
    printed = capsys.readouterr().out
    real, fake = torch.cat([points(20, 0), points(20, 2)]), torch.cat([points(20, 1), points(20, 3)])
    assert f"{pure.density_coverage(real, fake)[1].item():.4f}" in printed
    assert "val/coverage_k5" in printed
    assert "val/frechet" in printed


def test_without_the_library(monkeypatch) -> None:
    for name in [name for name in sys.modules if name.startswith("modescope.torchmetrics")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "torchmetrics", None)
    with pytest.raises(
        MissingExtraError, match=r"needs the library 'torchmetrics': pip install 'modescope\[torchmetrics\]'"
    ):
        importlib.import_module("modescope.torchmetrics")


def test_few_real_samples_do_not_make_duplicates() -> None:
    metric = tm.BirthdayParadox()
    metric.update(torch.randn(100, 2, generator=torch.Generator().manual_seed(0)), real=True)
    metric.update(torch.randn(2000, 2, generator=torch.Generator().manual_seed(1)), real=False)
    found = {name: value.item() for name, value in metric.compute().items()}
    (duplicated,) = (value for name, value in found.items() if "duplicated" in name)
    assert duplicated < 0.1


def test_rows_of_another_width_are_refused_one_by_one() -> None:
    metric = tm.FrechetDistance()
    metric.update(torch.randn(1, 3), real=True)
    with pytest.raises(ModescopeError, match="other than those before"):
        metric.update(torch.randn(1, 4), real=True)
