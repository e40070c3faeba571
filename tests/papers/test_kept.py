"""Scores kept beside a run are read only where they are of that run, that way and that code."""

import math
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

from modescope.core import code as code_module
from modescope.metrics import MetricResult
from modescope.papers import kept as kept_module
from modescope.papers import kl_images, kl_photographs
from modescope.papers.kept import ROOMS, kept_beside

HOW = {"samples": 100, "metrics": ["modes"], "features": ["pixels", None]}


def result(value: float) -> MetricResult:
    return MetricResult(
        name="modes", label="modes", value=value, low=1.0, high=3.0, floor=2.0, floor_sd=0.1, direction="higher",
        protocol="counted", per_member=(value, math.nan),
    )  # fmt: skip


def run_in(folder: Path, *states: str) -> SimpleNamespace:
    return SimpleNamespace(folder=folder, stores=[SimpleNamespace(manifest=lambda s=s: {"sha256": s}) for s in states])


def never() -> list[MetricResult]:
    pytest.fail("taken again")


def test_the_same_is_read(tmp_path) -> None:
    run = run_in(tmp_path, "a", "b")
    first = kept_beside(run, HOW, lambda: [result(2.5)])
    second = kept_beside(run, dict(HOW), never)
    assert repr(second) == repr(first)  # NaN and all
    assert second["modes"].per_member[0] == 2.5


@pytest.mark.parametrize("other", [{"metrics": ["kl"]}, {"features": ["pixels", "f00"]}, {"splits": 3}])
def test_another_way_is_taken_anew(tmp_path, other) -> None:
    run = run_in(tmp_path, "a")
    kept_beside(run, HOW, lambda: [result(2.5)])
    assert kept_beside(run, {**HOW, **other}, lambda: [result(9.0)])["modes"].value == 9.0


def test_sample_counts_stand_side_by_side(tmp_path) -> None:
    run = run_in(tmp_path, "a")
    kept_beside(run, HOW, lambda: [result(1.0)])
    kept_beside(run, {**HOW, "samples": 200}, lambda: [result(2.0)])
    assert kept_beside(run, HOW, never)["modes"].value == 1.0


def test_other_networks_and_other_code_are_taken_anew(tmp_path, monkeypatch) -> None:
    kept_beside(run_in(tmp_path, "a"), HOW, lambda: [result(1.0)])
    assert kept_beside(run_in(tmp_path, "b"), HOW, lambda: [result(2.0)])["modes"].value == 2.0
    monkeypatch.setattr(kept_module, "code_digest", lambda rooms: "another")
    assert kept_beside(run_in(tmp_path, "b"), HOW, lambda: [result(3.0)])["modes"].value == 3.0


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"rows": []}', b"\xff\xfe", None])
def test_a_damaged_file_is_taken_for_none(tmp_path, content) -> None:
    run = run_in(tmp_path, "a")
    kept_beside(run, HOW, lambda: [result(1.0)])
    path = tmp_path / "measured-100.json"
    path.write_bytes(path.read_bytes().replace(b'"per_member"', b'"members"') if content is None else content)
    assert kept_beside(run, HOW, lambda: [result(5.0)])["modes"].value == 5.0
    assert kept_beside(run, HOW, never)["modes"].value == 5.0


def test_scores_come_from_every_room_that_they_come_through() -> None:
    """Each folder of the package that the code of scores imports counts."""
    for module in (kl_images, kl_photographs):
        needed = {name.split(".")[1] for name in imported_by(module)} - {"api", "report"}
        assert needed <= set(ROOMS)


def imported_by(module: ModuleType) -> set[str]:
    """The modules of this package in which what a module names was made."""
    made = {getattr(value, "__module__", None) or getattr(value, "__name__", "") for value in vars(module).values()}
    return {name for name in made if name.startswith("modescope.")}


def test_what_editors_and_python_leave_is_no_code(tmp_path, monkeypatch) -> None:
    (tmp_path / "room" / "__pycache__").mkdir(parents=True)
    (tmp_path / "room" / "a.py").write_text("1")
    monkeypatch.setattr(code_module, "PACKAGE", tmp_path)
    first = code_module.code_digest.__wrapped__(("room",))
    for name in ("__pycache__/a.cpython-311.pyc.12345", ".a.py.swp", "a.py~"):
        (tmp_path / "room" / name).write_text("2")
    assert code_module.code_digest.__wrapped__(("room",)) == first
    (tmp_path / "room" / "b.py").write_text("2")
    assert code_module.code_digest.__wrapped__(("room",)) != first
