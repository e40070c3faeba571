"""What is measured on which data, and benchmarks of data without modes, without a density, and of images."""

import json
import math
import re
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from modescope.benchmark import Plan, Result, load_results, make_plan, standings
from modescope.benchmark.calibrate import disk_of
from modescope.benchmark.drawings import draw
from modescope.benchmark.page import write_benchmark
from modescope.benchmark.panel import JUDGED, KNOWN, MEASURED, PANELS, POINTS, panel_of
from modescope.benchmark.queries import SHORT, compare, groups, members
from modescope.benchmark.results import write_result
from modescope.benchmark.standings import scored, worst_first
from modescope.benchmark.table import read_rows, results_of, write_table
from modescope.benchmark.training import train
from modescope.cli import main
from modescope.core import ModescopeError
from modescope.datasets import FixedSet, make
from modescope.metrics import METRICS
from modescope.report.drawing import BLUE, canvas, save
from modescope.runs import Evaluation


@pytest.fixture
def digits(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A folder beside a made-up MNIST."""
    monkeypatch.syspath_prepend(str(Path(__file__).parents[1] / "datasets"))
    from tiny_images import tiny_mnist

    tiny_mnist(monkeypatch, tmp_path / "data", train=400)
    return tmp_path


@dataclass(frozen=True, kw_only=True)
class Photographs(FixedSet):
    """Images whose classes nobody tells."""

    @property
    def points(self) -> Tensor:
        return torch.zeros(3, 3 * 4 * 4)

    @property
    def shape(self) -> tuple[int, ...]:
        return (3, 4, 4)


@pytest.mark.parametrize(
    ("name", "panel", "without"),
    [
        ("ring", KNOWN, ()),
        ("grid25", KNOWN, ()),
        ("highdim", KNOWN, ("forward_kl_knn5",)),  # in 1,200 dimensions
        ("moons", KNOWN, ("forward_kl_knn5",)),
        ("moons32", KNOWN, ("forward_kl_knn5",)),
        ("swissroll", POINTS, ()),
    ],
)
def test_the_panel_of_points(name: str, panel: object, without: tuple[str, ...]) -> None:
    found = panel_of(make(name))
    assert found.metrics == tuple(metric for metric in panel.metrics if metric not in without)
    assert found.compared == panel.compared
    assert set(found.brief) <= set(found.metrics)


@pytest.mark.usefixtures("digits")
def test_the_panel_of_images() -> None:
    assert panel_of(make("mnist")) == JUDGED
    assert panel_of(make("stacked-mnist")) == JUDGED
    with pytest.raises(ModescopeError, match=r"^Photographs cannot be benchmarked: it has neither known modes, nor a"):
        panel_of(Photographs())


@pytest.mark.parametrize("panel", PANELS, ids=["known", "judged", "points"])
def test_a_panel_is_whole(panel: object) -> None:
    """All that it names is measured, what chooses is a distance, and what is compared has a short name."""
    named = {*panel.compared, *panel.brief, panel.chosen_by, *(name for name, _ in panel.fate)}
    assert named | {panel.modes, panel.quality} - {None} <= set(panel.metrics) <= set(METRICS)
    assert METRICS[panel.chosen_by].direction == "lower"
    assert set(panel.metrics) <= set(SHORT.values())
    assert set(panel.metrics) <= set(MEASURED)


SIX = (
    *("modes_l2_3sigma", "modes_tenth_l2_3sigma", "hq_l2_3sigma"),
    *("reverse_kl_modes_all", "forward_kl_knn5", "w2_exact_n1000"),
)


def test_a_ring_is_measured_as_before_there_were_panels() -> None:
    """By six metrics, in the order that stands in the key; a preset brings its data, and not its optimiser."""
    assert make_plan("ring", ["lsgan"], seeds=2, budget=4).cells[1].panel.metrics == SIX
    cell = make_plan("ring:pacgan", ["lsgan"], seeds=2).cells[1]
    assert (cell.experiment.training.batch_size, cell.experiment.training.beta1) == (64, 0.5)


@pytest.mark.usefixtures("digits")
def test_papers_on_images_and_moons() -> None:
    """Each of these has the networks and the steps of its preset."""
    stacked = {cell.entrant.label: cell for cell in make_plan("stacked-mnist", protocol="paper", seeds=2).possible}
    assert {name: cell.dataset for name, cell in stacked.items()} == {
        "unrolled": "stacked-mnist:unrolled",
        "veegan": "stacked-mnist:veegan",
        "pacgan": "stacked-mnist:veegan",
    }
    assert stacked["veegan"].experiment.training.steps == 100_000
    assert [cell.dataset for cell in make_plan("moons", protocol="paper", seeds=2).possible] == ["moons:review"]


def small(plan: Plan) -> Plan:
    """A plan whose images are looked at once, and few."""
    evaluation = Evaluation(every=1, look=4, samples=40, snapshot=4)
    cells = tuple(replace(cell, experiment=replace(cell.experiment, evaluation=evaluation)) for cell in plan.possible)
    return Plan(plan.dataset, plan.protocol, cells, plan.panel)


def test_a_benchmark_without_modes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["benchmark", "swissroll", "--methods", "lsgan", "--seeds", "2", "--budget", "8", "--workers", "1"]
    with pytest.raises(SystemExit) as left:
        main([*command, "--learning-rates", "1e-3", "--out", str(tmp_path)])
    assert left.value.code in (None, 0)
    printed = capsys.readouterr().out
    assert "Wasserstein-2" in printed
    assert "Modes" not in printed
    page, table = (tmp_path / "common.html").read_text(), (tmp_path / "common.md").read_text()
    assert "is the seed farthest from the data by W2" in page
    assert "All modes in every seed" not in table
    assert "| Forward KL ↓ |" in table
    rows = read_rows(tmp_path / "results.jsonl")
    assert {name for name in rows[0] if name in MEASURED} == set(POINTS.metrics)
    (gan, lsgan) = results_of(rows)
    found = {row["metric"]: row for row in compare([gan, lsgan], "gan", "lsgan")}
    assert set(found) == set(POINTS.compared)
    assert found["w2_exact_n1000"]["gan"] == pytest.approx(np.mean(gan.values["w2_exact_n1000"]))


def test_a_benchmark_of_images(digits: Path) -> None:
    plan = small(make_plan("mnist", ["lsgan"], seeds=2, budget=2, learning_rates=(1e-3,)))
    experiment = plan.possible[0].experiment
    assert len(experiment.blocks) == 2  # convolutions of several members together are slower
    for cell in plan.possible:  # here, since another process does not know the made-up digits
        write_result(digits / cell.folder, train(cell.encode(), digits, lambda: False))
    results = load_results(plan, digits)
    assert [set(result.values) for result in results] == [set(JUDGED.metrics)] * 2
    folder = digits / results[0].folder / "run"
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    assert size / 2 < disk_of(plan.possible[0]) < 2 * size
    page = write_benchmark([standings(plan, results, floor_repeats=1)], digits).read_text()
    assert "architecture dcgan-small" in page
    assert "All are final samples." in page
    assert "with the fewest modes, then the greatest KL" in page
    with Image.open(digits / "common-default-worst.png") as picture:
        assert picture.width > 5 * picture.height  # the data and two entrants, in one row of eight


@pytest.mark.filterwarnings("error")
def test_data_that_are_all_the_same_are_drawn(tmp_path: Path) -> None:
    np.save(tmp_path / "same.npy", np.ones((50, 2)))
    data, (figure, axes) = make(str(tmp_path / "same.npy")), canvas(1, 1, (2, 2))
    draw(axes[0, 0], data.sample(10, torch.Generator()), data, "same", BLUE)
    assert axes[0, 0].get_xlim() == axes[0, 0].get_ylim() == (0, 2)
    save(figure, tmp_path / "same.png")


def result_of(panel: object, dataset: str, entrant: str, value: float) -> Result:
    values = {name: (value, value + 1) for name in panel.metrics}
    more = {"dataset": dataset, "protocol": "common", "folder": f"{dataset}/common/{entrant}"}
    return Result(entrant, "0" * 12, seeds=(0, 1), rates=(1e-3, 1e-3), values=values, diverged=(None, None), **more)


def test_a_table_of_several_kinds_of_data(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each row is read back with the metrics of its own data, and means of others are told by a dash."""
    results = [result_of(KNOWN, "ring", "gan", 1.0), result_of(JUDGED, "mnist", "gan", 3.0)]
    lines = write_table(results, tmp_path)[0]
    assert [set(result.values) for result in results_of(read_rows(lines))] == [set(KNOWN.metrics), set(JUDGED.metrics)]
    ring, digits = groups(results)
    assert ring["modes_l2_3sigma"][0] == 1.5
    assert math.isnan(ring["modes_judged"][0])
    assert digits["modes_judged"][0] == 3.5
    assert members(results)[0].keys() == members(results)[-1].keys()
    monkeypatch.setenv("COLUMNS", "110")
    assert shown(capsys, lines, "--where", "classes>1")[1] == "entrant  classes  classes tenth  class kl"
    both = shown(capsys, lines)
    names = re.split(r"  +", both[1])
    assert names == ["dataset", "entrant", "modes", "hq", "reverse kl", "w2", "classes", "classes tenth", "class kl"]
    assert [line.count("–") for line in both[2:4]] == [3, 4]


def test_a_table_tells_what_is_infinite_from_what_is_not_measured(tmp_path: Path) -> None:
    """Distances of samples that are not finite are so for all members, in a table with columns of other data."""
    ring, digits = result_of(KNOWN, "ring", "gan", 1.0), result_of(JUDGED, "mnist", "gan", 3.0)
    wild = replace(ring, values={**ring.values, "w2_exact_n1000": (math.inf, math.nan)})
    read = results_of(read_rows(write_table([wild, digits], tmp_path)[0]))
    assert [set(result.values) for result in read] == [set(KNOWN.metrics), set(JUDGED.metrics)]
    assert [row["w2_exact_n1000"][0] for row in groups(read)] == [math.inf, pytest.approx(math.nan, nan_ok=True)]


def test_lines_of_a_cell_may_have_other_columns(tmp_path: Path) -> None:
    """As after two tables were put together by hand; found by ``python -m benchmarks.fuzz table``."""
    lines = write_table([result_of(KNOWN, "ring", "gan", 1.0)], tmp_path)[0]
    first, second = map(json.loads, lines.read_text().splitlines())
    del second["hq_l2_3sigma"]
    lines.write_text(json.dumps(first) + "\n" + json.dumps(second) + "\n")
    (found,) = results_of(read_rows(lines))
    assert found.values["hq_l2_3sigma"][0] == 1
    assert math.isnan(found.values["hq_l2_3sigma"][1])


def test_a_member_that_diverged_is_the_worst() -> None:
    """It was frozen as it was before, so its samples may be better than those of one that collapsed."""
    result = replace(result_of(KNOWN, "ring", "gan", 3.0), diverged=(None, 5))
    assert scored(result, "modes_l2_3sigma", 1e-3).tolist() == [3, 0]
    assert scored(result, "w2_exact_n1000", 1e-3).tolist() == [3, math.inf]


def shown(capsys: pytest.CaptureFixture[str], *args: object) -> list[str]:
    """The lines that ``modescope results`` prints."""
    with pytest.raises(SystemExit) as left:
        main(["results", *map(str, args)])
    assert left.value.code == 0
    return [line.strip() for line in capsys.readouterr().out.splitlines()]


def test_the_worst_seed_comes_first() -> None:
    """By the fewest modes, then by the lowest quality, or the greatest divergence."""
    known = replace(
        result_of(KNOWN, "ring", "gan", 0.0),
        seeds=(0, 1, 2),
        rates=(None,) * 3,
        diverged=(None,) * 3,
        values={
            **dict.fromkeys(KNOWN.metrics, (1.0,) * 3),
            "modes_l2_3sigma": (7, 3, 3),
            "hq_l2_3sigma": (0, 0.9, 0.5),
        },
    )
    judged = replace(known, values={"modes_judged": (9, 4, 4), "reverse_kl_judged": (0.1, 2.0, math.nan)})
    for result, panel, order in ((known, KNOWN, [2, 1, 0]), (judged, JUDGED, [2, 1, 0])):
        standing = type("Standing", (), {"result": result, "rate": None})()
        assert worst_first(standing, panel) == order


def test_a_table_of_before_is_still_read(tmp_path: Path) -> None:
    """As versions wrote it that knew no other metrics than those of the ring."""
    about = {"suite": "ring", "dataset": "ring", "protocol": "common", "entrant": "gan", "seed": 0, "lr": 1e-3}
    cost = {"diverged": None, "gradient_steps": 20, "cell_seconds": 0.1, "cell_memory": 1}
    place = {"key": "0" * 12, "folder": "ring/common/gan", "failure": None}
    path = tmp_path / "results.jsonl"
    path.write_text(json.dumps({**about, **dict.fromkeys(SIX, 2.0), **cost, **place}) + "\n")
    (found,) = results_of(read_rows(path))
    assert found.values == dict.fromkeys(SIX, (2.0,))
