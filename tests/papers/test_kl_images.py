"""Table 1 and figure 7 of the KL paper: one protocol for all rows, and both items end to end on made-up digits."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from modescope.papers import kl_images
from modescope.papers.items import ITEMS
from modescope.papers.kl_images import GAMES, METHOD2, PRINTED, inked, measured, trained
from modescope.runs import Run

FEW = ("DCGAN", "Method 2, ratio", "PacDCGAN2")


@pytest.fixture
def digits(tmp_path, monkeypatch):
    """A folder with a made-up MNIST."""
    monkeypatch.syspath_prepend(str(Path(__file__).parents[1] / "datasets"))
    from tiny_images import mnist_files, publish

    contents = mnist_files()
    publish(monkeypatch, "mnist", contents)
    folder = tmp_path / "data" / "mnist"
    folder.mkdir(parents=True)
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    monkeypatch.setenv("MODESCOPE_DATA", str(tmp_path / "data"))


def test_every_row_has_the_same_budget_data_and_generator(digits, tmp_path, monkeypatch) -> None:
    planned = {}
    monkeypatch.setattr(kl_images, "train_many", lambda experiments, *_, **__: planned.update(experiments) or planned)
    trained(tmp_path, GAMES, quick=False, workers=1, quiet=True)
    experiments = list(planned.values())
    assert len(experiments) == len(GAMES) == 12
    for experiment in experiments:
        steps = experiment.training.steps * experiment.method.gradient_steps
        assert kl_images.BUDGET * 0.999 <= steps <= kl_images.BUDGET
        assert experiment.seeds == tuple(range(10))
        assert experiment.dataset == experiments[0].dataset
        assert experiment.architecture.generator == experiments[0].architecture.generator
        assert experiment.training.batch_size == 64


def test_methods_of_penalties_have_critics_without_batch_norm(digits, tmp_path, monkeypatch) -> None:
    planned = {}
    monkeypatch.setattr(kl_images, "train_many", lambda experiments, *_, **__: planned.update(experiments) or planned)
    trained(tmp_path, GAMES, quick=False, workers=1, quiet=True)
    free = {name for name, e in planned.items() if e.architecture.critic.batch_norm == "none"}
    assert free == {"wgan-gp", "r3gan"}


def test_what_is_printed_is_of_rows_of_the_table() -> None:
    assert set(PRINTED) < set(GAMES)
    assert PRINTED["Method 2, BCE as printed"] == (("the paper", 187.6, 3.7),)
    assert set(METHOD2) < set(GAMES)


def test_inked_pixels_by_hand() -> None:
    x = torch.tensor([[-1.0, -0.97, -0.95, 0.0, 0.5, 0.961, 1.0, 0.9]])
    assert inked(x) == 4 / 8


def test_both_items_end_to_end(digits, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(kl_images, "GAMES", {name: GAMES[name] for name in FEW})
    monkeypatch.setattr(kl_images, "METHOD2", {FEW[1]: METHOD2[FEW[1]]})
    runs = tmp_path / "runs"
    made = kl_images.table1(tmp_path, quick=True, workers=1, quiet=True, runs=runs)
    record = json.loads(made.numbers.read_text())
    assert record["ours"]["per_seed"].keys() == set(FEW)
    assert len(record["statements"]) == 2
    page = made.page.read_text(encoding="utf-8")
    assert "real triples (floor)" in page
    assert "do not compare" in page
    assert all(path.stat().st_size > 10_000 for path in made.figures)
    ours = record["ours"]
    assert 0 < ours["ink"]["real triples"][0] < 1
    assert all(len(ours["ink"][name]) == 2 for name in FEW)  # a share for each seed
    assert ours["departures"]["DCGAN"] == {}
    assert ours["departures"][FEW[1]] == {"method": ours["departures"][FEW[1]]["method"]}
    assert ours["departures"][FEW[1]]["method"]["form"] == METHOD2[FEW[1]].form
    modes = {name: ours["per_seed"][name]["modes_judged"] for name in FEW}
    gap = ours["against_dcgan"][FEW[1]]
    assert gap["mean"] == pytest.approx(np.mean(modes[FEW[1]]) - np.mean(modes["DCGAN"]))
    assert gap["p_value"] <= gap["p_holm"] <= 1
    assert "more modes than DCGAN" in page
    assert "form ratio, weight 0.1" in page  # its own settings
    looks = ours["along_budget"]["DCGAN"]
    assert looks["share"][-1] == 1
    assert max(looks["share"][:-1]) < 0.96
    assert [len(row) for row in looks["modes"]] == [2] * len(looks["share"])  # of each seed
    claims = [statement["claim"] for statement in record["statements"]]
    assert claims[1] == f"PacDCGAN2 against {FEW[1]}"

    drawn = kl_images.figure7(
        tmp_path, quick=True, workers=1, quiet=True, runs=runs
    )  # of the same runs, trained no more
    assert drawn.figures[0].stat().st_size > 10_000

    run = Run(runs / "dcgan")
    assert len(measured(run, kl_images.QUICK)["modes_judged"].per_member) == 2
    monkeypatch.setattr(kl_images, "evaluate", lambda *_: pytest.fail("measured again"))
    measured(run, kl_images.QUICK)
    with pytest.raises(pytest.fail.Exception, match="measured again"):
        measured(run, 100)


def test_they_are_listed() -> None:
    assert {"kl/table1", "kl/figure7"} < set(ITEMS)
