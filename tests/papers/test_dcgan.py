"""The review's claims about DCGAN, end to end on a made-up MNIST, and what decides them."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from modescope import datasets
from modescope.papers import dcgan
from modescope.papers.dcgan import Measured, Truth, little_memorised, measured, of_use, real_ones, smooth
from modescope.runs.probe import Row


@pytest.fixture
def digits(tmp_path, monkeypatch):
    """A folder with a made-up MNIST of 2,000 training images and 500 test images."""
    monkeypatch.syspath_prepend(str(Path(__file__).parents[1] / "datasets"))
    from tiny_images import tiny_mnist

    tiny_mnist(monkeypatch, tmp_path / "data", train=2000)
    return tmp_path


def test_all_three_claims_are_measured(digits) -> None:
    made = dcgan.dcgan(digits, quick=True, workers=1, quiet=True)
    record = json.loads(made.numbers.read_text())
    ours = record["ours"]
    assert len(ours["per_seed"]) == 2
    assert ours["true_images"]["unevenness"] == pytest.approx(1)
    assert [statement["claim"] for statement in record["statements"]] == [
        "walks between latents",
        "memorisation",
        "features",
    ]
    assert not record["statements"][0]["holds"]  # after four steps nothing looks like a digit
    assert set(ours["probe"]) == {"critic", "critic before training", "pixels"}
    assert all(path.stat().st_size < 300_000 for path in made.figures)
    page = made.page.read_text(encoding="utf-8")
    assert "true images in their place" in page
    assert "learning rates of 0.001 for the generator and 0.0001 for the critic" in page
    assert "4 steps of each, 2 seeds" in page
    assert "1,000 samples of each member" in page


def test_copies_are_told_from_fresh_images(digits) -> None:
    truth = Truth.of(datasets.make("mnist"))
    fades = real_ones(truth)
    assert truth.strangeness(truth.unseen) == pytest.approx(1)
    walks = truth.training[:20].view(2, 10, -1)
    learnt = measured(walks, truth.training, truth)
    assert (learnt.authentic, learnt.closest) == (0, 0)
    assert learnt.midway == learnt.ends == 0
    assert learnt.unevenness > 1
    classes = truth.data.modes.nearest(truth.training)[0].tolist()
    assert learnt.digits == sum(classes.count(digit) >= 20 for digit in range(10))
    assert not little_memorised([learnt, learnt], fades).holds
    assert fades.midway > 0


def every(**changes) -> list[Measured]:
    """Three seeds that do well, but for the changes."""
    good = Measured(digits=9, unevenness=1.4, reach=0.9, midway=1.2, ends=1.1, authentic=0.8, closest=0.6)
    return [replace(good, **changes) for _ in range(3)]


GREY = np.full((29, 290, 1), 128, np.uint8)
TRUE = Measured(digits=10, unevenness=1.0, reach=1.0, midway=2.8, ends=1.0, authentic=0.7, closest=0.5)


@pytest.mark.parametrize(
    ("changes", "right"),
    [
        ({}, "the largest step is below 2 times the mean step, the ends are more than 0.5 times"),
        ({"unevenness": 5.0}, "the largest step is not below 2 times"),
        ({"reach": 0.1}, "the ends are not more than 0.5 times as far apart"),
        ({"midway": 3.0}, "what lies between is not less strange than a cross-fade"),
    ],
)
def test_walks_are_smooth_only_if_they_lead_somewhere_past_digits(changes, right) -> None:
    found = smooth(every(**changes), TRUE)
    assert found.holds == (not changes)
    assert right in found.right


def test_samples_must_be_as_far_from_the_training_images_as_unseen_ones() -> None:
    assert little_memorised(every(), TRUE).holds
    assert not little_memorised(every(authentic=0.6), TRUE).holds


def row(name: str, *values: float) -> Row:
    mean = sum(values) / len(values)
    return Row(name, mean, mean - 0.01, mean + 0.01, values, 10)


@pytest.mark.parametrize(
    ("critic", "holds", "right"),
    [
        ((0.95, 0.96, 0.95, 0.96, 0.97, 0.96), True, "better than"),
        ((0.92, 0.93, 0.92, 0.92, 0.93, 0.92), False, "no better that can be told than"),
        ((0.82, 0.83, 0.82, 0.82, 0.83, 0.83), False, "worse than"),
    ],
)
def test_features_must_beat_those_before_training_and_pixels(critic, holds, right) -> None:
    before = row("critic before training", 0.92, 0.92, 0.93, 0.92, 0.92, 0.93)
    rows = {"critic": row("critic", *critic), before.features: before, "pixels": row("pixels", 0.88)}
    found = of_use(rows)
    assert found.holds == holds
    assert f"does {right} on the features" in found.right
    assert not of_use({**rows, "pixels": row("pixels", 0.99)}).holds


def test_a_picture_has_as_many_in_a_row_as_a_walk(tmp_path, monkeypatch) -> None:
    seen = {}
    monkeypatch.setattr(dcgan, "mosaic", lambda images, columns: seen.update(n=len(images), columns=columns) or GREY)
    for count, rows in ((20, 2), (60, 6)):
        path = dcgan.drawn(tmp_path / "p.png", "rows", np.zeros((count, 1, 28, 28), np.uint8))
        assert seen == {"n": count, "columns": 10}
        with Image.open(path) as picture:
            assert picture.height / picture.width == pytest.approx((0.35 + 0.58 * rows) / 6, rel=0.02)
