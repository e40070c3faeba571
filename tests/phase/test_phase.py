"""Phase diagrams: axes, the packing into populations, and that every point holds what it says."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from modescope import train
from modescope.cli import main
from modescope.core import ModescopeError
from modescope.phase import Axis, Phase, make_diagram, read_phase, run_phase
from modescope.phase.drawing import draw_phase, edges
from modescope.phase.page import best_rows, write_phase

SMALL = {"steps": 20}


# Axes


def test_ranges_are_spread_by_logarithms_where_the_ends_are_far_apart() -> None:
    rate, share = Axis.parse("lr=1e-5..1e-2:4"), Axis.parse("pi=0.01..0.99:3")
    assert rate.log
    assert rate.values == pytest.approx((1e-5, 1e-4, 1e-3, 1e-2))
    assert not share.log
    assert share.values == (0.01, 0.5, 0.99)
    assert Axis.parse("pi=0.01..0.99:3:log").values[1] == pytest.approx(0.0995, rel=1e-2)
    assert Axis.parse("lr=1e-5..1e-2:3:lin").values[1] == pytest.approx(0.005005)
    assert Axis.parse("critic-lr = 1e-3,2e-3") == Axis("critic_lr", (1e-3, 2e-3))


def test_listed_values_are_drawn_as_they_are_spread() -> None:
    logs = {"1,2,4,8": True, "4,16,64": True, "1,2,3,4": False, "0,1,5": False, "1e-4,1e-2": True, "1,2": False}
    for text, log in logs.items():
        assert Axis.parse(f"width={text}").log == log


BAD_AXES = {
    "lr": "axis 'lr' cannot be read, expected NAME=LOW..HIGH:COUNT",
    "=1,2": "axis '=1,2' cannot be read",
    "lr=": "axis 'lr=' cannot be read",
    "lr=a,b": "axis 'lr=a,b' cannot be read",
    "lr=1..2": r"axis 'lr=1\.\.2' cannot be read",
    "lr=1..2:x": r"axis 'lr=1\.\.2:x' cannot be read",
    "lr=1..2:3:log:4": "cannot be read",
    "lr=1..2:3:cubic": "lr has the scale 'cubic', expected log or lin",
    "lr=1..2:1": "lr has 1 values, expected at least 2",
    "lr=2..1:3": "lr runs from 2 to 1, expected it to ascend",
    "lr=0..1:3:log": "lr begins at 0, expected more than 0 on a log scale",
    "lr=1..2:1000000000": "lr has 1,000,000,000 values, expected at most 1,000",
    "lr=1..inf:3": "lr runs from 1 to inf, expected it to ascend",
    "lr=-inf..1:3": "lr runs from -inf to 1, expected it to ascend",
    "lr=1": "lr has 1 values, expected at least 2",
    "lr=2,1": r"lr has the values \[2.0, 1.0\], expected finite ones that ascend",
    "lr=1,inf": "expected finite ones that ascend",
    "lr=1,nan": "expected finite ones that ascend",
}


@pytest.mark.parametrize("text", BAD_AXES)
def test_bad_axes(text: str) -> None:
    with pytest.raises(ModescopeError, match=BAD_AXES[text]):
        Axis.parse(text)


def test_tiles_lie_around_their_values() -> None:
    for axis in (Axis("a", (1.0, 2.0, 4.0)), Axis("b", (1.0, 10.0, 100.0), log=True)):
        found = edges(axis)
        assert all(low < value < high for low, value, high in zip(found, axis.values, found[1:], strict=False))
    assert edges(Axis("b", (1.0, 100.0), log=True)) == pytest.approx([0.1, 10, 1000])


@pytest.mark.parametrize("log", [False, True])
def test_values_far_apart_stand_side_by_side(log: bool) -> None:
    """Of 1, 2, 3, 50 the last would take nearly all of the map, or a half where logarithms are drawn."""
    assert edges(Axis("unroll", (1.0, 2.0, 3.0, 50.0), log)) == pytest.approx([-0.5, 0.5, 1.5, 2.5, 3.5])


# Plans


def test_what_can_be_swept_is_one_population() -> None:
    found = make_diagram("ring", "weighted-js", x="lr=1e-4..1e-2:4", y="pi=0.1..0.9:3", seeds=2, **SMALL)
    assert len(found.slabs) == 1
    assert found.members == 4 * 3 * 2
    assert found.metric == "modes_l2_3sigma"
    points = list(found.slabs[0].points())
    assert {(p["lr"], p["pi"]) for p in points} == {(x, y) for x in found.x.values for y in found.y.values}


def test_whole_numbers_and_shapes_have_populations_of_their_own() -> None:
    found = make_diagram("moons", "gan", x="latent_dim=1,2", y="width=4,8", seeds=2, **SMALL)
    assert [dict(slab.fixed) for slab in found.slabs] == [
        {"latent_dim": d, "width": w} for d in (1.0, 2.0) for w in (4.0, 8.0)
    ]
    for slab in found.slabs:
        networks = slab.experiment.architecture
        assert networks.latent_dim == slab.fixed["latent_dim"]
        assert set(networks.generator.hidden) == {slab.fixed["width"]}
    mixed = make_diagram("ring", "unrolled", x="lr=1e-4,1e-3", y="unroll=0,2,5", seeds=2, **SMALL)
    assert [slab.experiment.method.unroll for slab in mixed.slabs] == [0, 2, 5]
    assert all(slab.experiment.sweep == {"lr": (1e-4, 1e-3)} for slab in mixed.slabs)


def test_what_can_be_swept_is_what_the_methods_own_optimiser_has() -> None:
    found = make_diagram("ring", "wgan", x="alpha=0.9,0.99", y="lr=1e-4,1e-3", seeds=1, **SMALL)
    assert len(found.slabs) == 1
    with pytest.raises(ModescopeError, match="unknown hyper-parameter 'beta1'"):
        make_diagram("ring", "wgan", x="beta1=0.1,0.5", y="lr=1e-4,1e-3", seeds=1, **SMALL)


def test_a_ratio_of_rates_moves_the_critics() -> None:
    found = make_diagram("ring", "gan", x="lr_ratio=1,10", y="lr=1e-3,2e-3", seeds=1, **SMALL)
    assert len(found.slabs) == 2
    for slab in found.slabs:
        assert slab.experiment.training.lr == slab.fixed["lr"]
        assert slab.experiment.sweep["critic_lr"] == pytest.approx((slab.fixed["lr"], slab.fixed["lr"] / 10))
        assert [point["lr_ratio"] for point in slab.points()] == pytest.approx([1, 10])


BAD_DIAGRAMS = {
    "twice": ({"x": "lr=1,2", "y": "lr=1,2"}, "x and y are both lr, expected two hyper-parameters"),
    "unknown": ({"x": "pie=0.1,0.2", "y": "lr=1e-3,1e-2"}, "unknown hyper-parameter 'pie': did you mean 'pi'"),
    "value": ({"x": "pi=0.1,2", "y": "lr=1e-3,1e-2"}, "pi is 2.0, expected a number strictly between 0 and 1"),
    "rounds": ({"x": "batch_size=1..2:4", "y": "lr=1e-3,1e-2"}, "batch_size takes whole numbers, and the values"),
    "seeds": ({"x": "pi=0.1,0.2", "y": "lr=1e-3,1e-2", "seeds": 0}, "seeds is 0, expected at least 1"),
    "metric": ({"x": "pi=0.1,0.2", "y": "lr=1e-3,1e-2", "metric": "modse"}, "unknown metric 'modse'"),
    "judged": ({"x": "pi=0.1,0.2", "y": "lr=1e-3,1e-2", "metric": "modes_judged"}, "is not defined on this data set"),
    "no ratio": ({"x": "lr_ratio=0,2", "y": "pi=0.1,0.2"}, "lr_ratio begins at 0, expected more than 0"),
    "both": ({"x": "lr_ratio=1,2", "y": "critic_lr=1e-3,1e-2"}, "lr_ratio and critic_lr both move critic_lr"),
    "again": ({"x": "lr_ratio=1,2", "y": "pi=0.1,0.2", "critic_lr": 1.0}, "critic_lr is a setting for all points, but"),
    "sweep": ({"x": "pi=0.1,0.2", "y": "lr=1e-3,1e-2", "sweep": "lr"}, "sweep is no setting of a phase diagram"),
    "block": ({"x": "pi=0.1,0.2", "y": "lr=1e-3,1e-2", "block": "a"}, "block is 'a', expected a whole number"),
    "flag": ({"x": "pi=0.1,0.2", "y": "lr=1e-3,1e-2", "compile": "a"}, "compile is 'a', expected true or false"),
    "wide": ({"x": "width=1e30,2e30", "y": "lr=1e-3,1e-2"}, "hidden is .*, expected at most 1,048,576"),
    "latents": ({"x": "latent_dim=1e30,2e30", "y": "lr=1e-3,1e-2"}, "latent_dim is .*, expected at most 1,048,576"),
    "batch": ({"x": "batch_size=1e30,2e30", "y": "lr=1e-3,1e-2"}, "batch_size is .*, expected at most"),
    "many": (
        {"x": "pi=0.1..0.9:1000", "y": "lr=1e-3..1e-2:1000"},
        "are 8,000,000 networks, expected at most 1,000,000",
    ),
}


def test_populations_that_differ_by_little_have_folders_of_their_own() -> None:
    close = make_diagram("ring", "gan", x="lr_ratio=1,10", y="lr=1e-3,1.0000001e-3", seeds=1, **SMALL)
    long = make_diagram("ring", "gan", x="steps=1000001,1000002", y="lr=1e-3,2e-3", seeds=1)
    for found in (close, long):
        assert len({slab.name for slab in found.slabs}) == 2


BAD_SETTINGS = {
    "seeds=3": "seeds is no training setting: it has a place of its own",
    "dataset=moons": "dataset is no training setting",
    "steps=6": "set of steps is given twice",
}


@pytest.mark.parametrize("case", BAD_DIAGRAMS)
def test_bad_diagrams(case: str) -> None:
    arguments, message = BAD_DIAGRAMS[case]
    with pytest.raises(ModescopeError, match=message):
        make_diagram("ring", "weighted-js", **arguments)


def test_convolutions_have_no_width(tmp_path) -> None:
    for i in range(4):
        Image.new("RGB", (28, 28), (60 * i, 0, 0)).save(tmp_path / f"{i}.png")
    with pytest.raises(ModescopeError, match="width is of layers of an MLP, which the generator is not"):
        make_diagram(str(tmp_path), "gan", x="width=4,8", y="lr=1e-3,1e-2", architecture="stacked-quarter")


# Runs


def test_every_point_is_the_run_that_one_would_make_of_it(tmp_path: Path) -> None:
    diagram = make_diagram("ring", "weighted-js", x="lr_ratio=1,10", y="pi=0.2,0.8", seeds=2, **SMALL)
    found = run_phase(diagram, tmp_path / "phase", workers=1, quiet=True)
    alone = train(
        "ring",
        "weighted-js",
        out=tmp_path / "alone",
        seeds=2,
        sweep={"pi": [0.8], "critic_lr": [1e-4]},
        evaluation=diagram.slabs[0].experiment.evaluation,
        quiet=True,
        workers=1,
        **SMALL,
    )
    (expected,) = alone.metrics(["modes_l2_3sigma"], floor_repeats=0)
    assert diagram.slabs[0].experiment.training.lr == 1e-3
    assert found.values[1, 1].tolist() == list(expected.per_member)
    assert found.floor == 8
    assert not found.diverged.any()


def test_it_goes_on_where_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    diagram = make_diagram("ring", "gan", x="lr=1e-3,1e-2", y="batch_size=8,16", seeds=1, **SMALL)
    first = run_phase(diagram, tmp_path, workers=1, quiet=True)
    times = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("samples.safetensors")}
    assert len(times) == 2
    again = run_phase(diagram, tmp_path, workers=1, quiet=True)
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("samples.safetensors")} == times
    assert np.array_equal(first.values, again.values)
    other = make_diagram("ring", "gan", x="lr=1e-3,2e-2", y="batch_size=8,16", seeds=1, **SMALL)
    with pytest.raises(ModescopeError, match="holds a run of another experiment"):
        run_phase(other, tmp_path, workers=1, quiet=True)


def test_members_that_diverge_are_counted_apart(tmp_path: Path) -> None:
    rates = "lr=1e-3,1e30"
    diagram = make_diagram("ring", "lsgan", x=rates, y="critic_lr=1e-3,2e-3", seeds=2, optimizer="sgd", **SMALL)
    found = run_phase(diagram, tmp_path, workers=1, quiet=True)
    assert found.share_diverged[:, 1].tolist() == [1, 1]
    assert found.share_diverged[:, 0].tolist() == [0, 0]
    assert np.isnan(found.mean[:, 1]).all()
    assert found.share_whole[:, 1].tolist() == [0, 0]
    assert draw_phase(found, tmp_path / "p.png").stat().st_size > 5_000


# What is kept and shown


@pytest.fixture
def phase() -> Phase:
    values = np.arange(12.0).reshape(2, 3, 2) % 9
    values[0, 0, 1] = np.nan
    return Phase(
        dataset="ring",
        method="gan<b>",
        x=Axis("lr", (1e-4, 1e-3, 1e-2), log=True),
        y=Axis("pi", (0.1, 0.9)),
        metric="modes_l2_3sigma",
        values=values,
        diverged=np.isnan(values),
        floor=8.0,
        floor_sd=0.0,
        steps=(20, 40),
        command="modescope phase",
    )


def test_it_is_read_as_it_was_written(phase: Phase, tmp_path: Path) -> None:
    phase.write(tmp_path)
    again = read_phase(tmp_path)
    assert np.array_equal(again.values, phase.values, equal_nan=True)
    assert np.array_equal(again.diverged, phase.diverged)
    assert (again.x, again.y, again.steps, again.command) == (phase.x, phase.y, phase.steps, phase.command)
    assert again.mean[0, 0] == 0
    assert again.share_whole.tolist() == [[0, 0, 0], [0, 0.5, 0]]


def test_damaged_files_are_refused(phase: Phase, tmp_path: Path) -> None:
    with pytest.raises(ModescopeError, match="there is no file"):
        read_phase(tmp_path)
    plain = json.loads(phase.write(tmp_path).read_text())
    changes = ({"values": [[1]]}, {"x": {"name": "lr"}}, {"floor": "8"}, {"steps": [1]}, {"diverged": [[[1]]]})
    for damaged in ("{", "[]", "[" * 100_000, *(json.dumps({**plain, **change}) for change in changes)):
        (tmp_path / "phase.json").write_text(damaged)
        with pytest.raises(ModescopeError, match=r"phase.json'.*(cannot be read|has the shape|expected)"):
            read_phase(tmp_path)
    (tmp_path / "phase.json").write_text(json.dumps({**plain, "metric": "modes_l2_2sigma"}))
    with pytest.raises(ModescopeError, match="did you mean 'modes_l2_3sigma'"):
        read_phase(tmp_path)


def test_the_page_names_the_best_points_and_escapes(phase: Phase, tmp_path: Path) -> None:
    assert best_rows(phase, 2)[0][:3] == [1e-4, 0.9, 6.5]
    page = write_phase(phase, tmp_path).read_text(encoding="utf-8")
    assert "gan&lt;b&gt;" in page
    assert "20 to 40 steps" in page
    assert "0 of 2" in page


def test_from_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["phase", "ring", "gan", "--x", "lr=1e-3,1e-2", "--y", "width=4,8", "--seeds", "1", "--set", "steps=5"]
    with pytest.raises(SystemExit) as left:
        main([*words, "--out", str(tmp_path), "--dry-run"])
    assert left.value.code == 0
    assert "4 points of 1 seed: 4 networks in 2 populations" in capsys.readouterr().out
    assert not list(tmp_path.iterdir())
    with pytest.raises(SystemExit) as left:
        main([*words, "--out", str(tmp_path), "--quiet"])
    assert left.value.code == 0
    assert capsys.readouterr().out.strip().endswith("index.html")
    assert read_phase(tmp_path).command == "modescope " + " ".join(words)
    for bad in (["--set", "steps"], ["--set", "stpes=3"], ["--workers", "0"]):
        with pytest.raises(SystemExit) as left:
            main([*words, "--out", str(tmp_path), *bad])
        assert left.value.code == 2
        assert "error:" in capsys.readouterr().err
    for setting, message in BAD_SETTINGS.items():
        with pytest.raises(SystemExit) as left:
            main([*words, "--out", str(tmp_path), "--set", setting])
        assert left.value.code == 2
        assert message in " ".join(capsys.readouterr().err.split())
