"""CIFAR-10, CelebA and figures 8 and 9 of the KL paper, end to end on small sets of made-up photographs."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from modescope.core import ModescopeError
from modescope.features import Features
from modescope.papers import kl_images, kl_photographs
from modescope.papers.items import ITEMS
from modescope.papers.kl_photographs import SCORES, classifier, faces

FEW = ("Method 2, BCE as printed", "Method 2, ratio")  # each method takes seconds to be recorded
METHODS = ("DCGAN", *FEW)


class Colours(Features):
    """The mean colour of an image; its classes are red, green and blue."""

    name, protocol, classes = "colours", "means of the channels", 3

    def __call__(self, batch: torch.Tensor) -> torch.Tensor:
        return batch.float().mean(dim=(2, 3)) / 255

    def logits(self, features: torch.Tensor) -> torch.Tensor:
        return 100 * features


@pytest.fixture
def photographs(tmp_path, monkeypatch):
    """A folder with a made-up CIFAR-10 and made-up sign digits, and features that need no download."""
    monkeypatch.syspath_prepend(str(Path(__file__).parents[1] / "datasets"))
    from tiny_images import binary, cifar_batches, place, publish

    batches = {f"{name}.bin": binary(*batch) for name, batch in cifar_batches(30).items()}
    publish(monkeypatch, "cifar10", batches, form="cifar-binary")
    folder = tmp_path / "data"
    place(folder / "cifar-10-batches-bin", batches)
    hands = np.random.RandomState(0).randint(0, 256, (40, 64, 64, 3)).astype(np.uint8)
    (folder / "sign-digits").mkdir()
    np.savez(folder / "sign-digits" / "signdigits64.npz", x=hands, y=(np.arange(40) % 10).astype(np.uint8))
    monkeypatch.setenv("MODESCOPE_DATA", str(folder))
    monkeypatch.setattr(kl_photographs, "classifier", Colours)
    every = kl_images.method2
    monkeypatch.setattr(kl_photographs, "method2", lambda pixels: {name: every(pixels)[name] for name in FEW})
    return tmp_path


def test_cifar10_has_scores_of_every_method_beside_real_images(photographs) -> None:
    made = kl_photographs.cifar10(photographs, quick=True, workers=1, quiet=True, runs=photographs / "runs")
    record = json.loads(made.numbers.read_text())
    assert tuple(record["ours"]["per_seed"]) == METHODS
    for name in METHODS:
        rows = {row["name"]: row for row in record["ours"]["metrics"][name]}
        assert tuple(rows) == SCORES
        assert rows["coverage_k5"]["floor"] > 0.8  # real images cover real ones
        assert 1 <= rows["inception_score"]["value"] <= 3
        assert all(len(values) == 2 for values in record["ours"]["per_seed"][name].values())
    assert len(record["statements"]) == 3 * len(FEW)
    page = made.page.read_text(encoding="utf-8")
    assert "real against real (floor)" in page
    assert "means of the channels" in page

    drawn = kl_photographs.figure8(photographs, quick=True, workers=1, quiet=True, runs=photographs / "runs")
    assert drawn.figures[0].stat().st_size > 10_000
    assert len(list((photographs / "runs").iterdir())) == len(METHODS)  # trained once for both


def test_every_form_of_method_2_is_trained_as_long_as_dcgan(photographs, monkeypatch) -> None:
    planned = {}
    monkeypatch.setattr(kl_photographs, "method2", kl_images.method2)
    monkeypatch.setattr(
        kl_photographs, "train_many", lambda experiments, *_, **__: planned.update(experiments) or planned
    )
    kl_photographs.trained("cifar10", {}, photographs, quick=False, workers=1, quiet=True)
    assert list(planned) == [f"cifar10-{kl_photographs.file_name(name)}" for name in ("DCGAN", *kl_images.METHOD2)]
    assert {experiment.training.steps for experiment in planned.values()} == {2000}
    assert {len(experiment.seeds) for experiment in planned.values()} == {10}


def test_pictures_of_faces_are_of_hands_where_there_are_no_faces(photographs) -> None:
    made = kl_photographs.figure9(photographs, quick=True, workers=1, quiet=True, runs=photographs / "runs")
    assert json.loads(made.numbers.read_text())["ours"]["data"] == "sign-digits"
    assert "There is no CelebA on this machine" in made.page.read_text(encoding="utf-8")
    assert {path.name for path in (photographs / "runs").iterdir()} >= {"sign-digits-lsgan", "sign-digits-dcgan"}
    again = kl_photographs.celeba(photographs, quick=True, workers=1, quiet=True, runs=photographs / "runs")
    assert [path.name for path in again.figures] == ["kl-celeba.png", "kl-celeba-seed-1.png"]  # no seed is chosen
    assert all(path.stat().st_size > 10_000 for path in again.figures)
    assert len({path.read_bytes() for path in again.figures}) == 2
    page = again.page.read_text(encoding="utf-8")
    assert "Of each method seed 0." in page
    assert "Of each method seed 1." in page


def test_without_faces_and_hands_it_says_what_to_do(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(kl_photographs, "find", lambda name: None)
    with pytest.raises(ModescopeError, match=r"modescope data fetch celeba downloads 1\.4 GB"):
        faces()


def test_inception_is_taken_where_it_is(tmp_path, monkeypatch) -> None:
    asked = []
    monkeypatch.setattr(kl_photographs, "cached", lambda: tmp_path / "inception.pt")
    monkeypatch.setattr(kl_photographs, "Inception", lambda path: asked.append(path) or Colours())
    assert classifier().name == "colours"
    assert asked == [tmp_path / "inception.pt"]
    monkeypatch.setattr(kl_photographs, "cached", lambda: None)
    monkeypatch.setattr(kl_photographs, "make_features", lambda name: asked.append(name) or Colours())
    classifier()
    assert asked[1] == "efficientnet-lite0"


def test_they_are_listed_and_made_by_their_own_names_only() -> None:
    assert all(ITEMS[f"kl/{name}"].long for name in ("cifar10", "celeba", "figure8", "figure9"))
