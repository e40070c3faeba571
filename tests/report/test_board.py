"""Runs in TensorBoard."""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import modescope as ms
from modescope.cli.main import main
from modescope.cli.output import finish
from modescope.core.errors import MissingExtraError
from modescope.core.processes import ALONE
from modescope.report.board import Board
from modescope.report.mosaic import images_of, mosaic
from modescope.runs import Run

accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")


def events_of(folder: Path) -> Any:
    return accumulator.EventAccumulator(str(folder), size_guidance={"images": 0}).Reload()


def test_every_curve_of_every_member_is_there(swept: Run) -> None:
    Board(swept).write()
    board = Board(swept)  # replaces what was there
    board.write()
    history = swept.history()
    assert len(list(board.folder.iterdir())) == len(swept.members) == 6
    for at, member in enumerate(swept.members):
        events = events_of(board.home(member.label))
        for name, curve in history.curves.items():
            wanted = [(int(s), v) for s, v in zip(history.steps, curve[:, at], strict=True) if not np.isnan(v)]
            found = [(e.step, e.value) for e in events.Scalars(name)] if wanted else []
            assert [step for step, _ in found] == [step for step, _ in wanted]
            assert np.allclose([v for _, v in found], [v for _, v in wanted])


def test_images_come_as_grids(images: Run) -> None:
    board = Board(images)
    board.write()
    steps, samples = images.snapshots()
    data = images.experiment.dataset
    for at, member in enumerate(images.members):
        shown = events_of(board.home(member.label)).Images("samples")
        assert [event.step for event in shown] == steps.tolist()
        picture = mosaic(images_of(torch.from_numpy(np.array(samples[-1, at, :16])), data))
        assert (shown[-1].height, shown[-1].width) == picture.shape[:2]


def test_a_look_that_comes_while_others_are_written_waits(images: Run) -> None:
    board = Board(images)
    board.draw(0, images.history().steps[:-1])  # read before a worker added the last


def test_looks_are_written_while_the_run_trains(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    write = Board.write
    monkeypatch.setattr(Board, "write", lambda board: (write(board), seen.append(board.written))[0])
    look = ms.Evaluation(every=4, look=16, samples=16, snapshot=4)
    run = Run.create(tmp_path / "run", ms.plan("ring", seeds=1, steps=8, batch_size=8, evaluation=look))
    finish([run], 1, True, 15.0, ALONE, tensorboard=True)
    assert seen == [1, 2, 3]
    assert [event.step for event in events_of(run.folder / "tensorboard" / "seed_0").Scalars("modes")] == [0, 4, 8]


def test_without_tensorboard_nothing_is_begun(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "tensorboard", None)
    with pytest.raises(MissingExtraError, match=r"a board needs the library 'tensorboard': pip install"):
        Board(Run.create(tmp_path / "board", ms.plan("ring")))
    with pytest.raises(SystemExit) as stopped:
        main(["train", "ring", "--tensorboard", "--out", str(tmp_path / "run")])
    assert stopped.value.code == 2
    assert "pip install 'modescope[tensorboard]'" in " ".join(capsys.readouterr().err.split())
    assert not (tmp_path / "run").exists()
