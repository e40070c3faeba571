"""What each logger is told, against its documented calls; no logging library is imported by the monitor."""

import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch

import modescope as ms
from modescope.core import ModescopeError
from modescope.monitor import writer_of

VALUES = {"modescope/spread": 1.5, "modescope/alarm": 0.0}


class WandbRun:
    """`wandb.Run.define_metric` and `wandb.Run.log` as documented; its own step may only grow."""

    def __init__(self) -> None:
        self.rows: list[dict[str, Any]] = []
        self.axes: dict[str, str] = {}

    def define_metric(self, name: str, step_metric: str | None = None, **options: Any) -> None:
        assert step_metric is not None
        self.axes[name] = step_metric

    def log(self, data: dict[str, Any], step: int | None = None, commit: bool | None = None) -> None:
        assert step is None
        self.rows.append(data)


def mlflow() -> tuple[ModuleType, list[tuple[dict[str, float], int | None]]]:
    """A module with `mlflow.log_metrics` as documented, whose names may hold letters, digits and ``_-. :/``."""
    module, rows = ModuleType("mlflow"), []

    def log_metrics(
        metrics: dict[str, float],
        step: int | None = None,
        synchronous: bool | None = None,
        run_id: str | None = None,
        timestamp: int | None = None,
    ) -> None:
        assert all(c.isalnum() or c in "_-. :/" for name in metrics for c in name)
        rows.append((dict(metrics), step))

    module.log_metrics = log_metrics  # type: ignore[attr-defined]
    return module, rows


def test_wandb() -> None:
    run = WandbRun()
    write = writer_of(run)
    write(VALUES, 7)
    write(VALUES, 5)  # after a roll-back the step may fall
    assert run.axes == {"modescope/*": "modescope/step"}
    assert run.rows == [{**VALUES, "modescope/step": 7}, {**VALUES, "modescope/step": 5}]


def test_mlflow() -> None:
    module, rows = mlflow()
    writer_of(module)(VALUES, 7)
    assert rows == [(VALUES, 7)]


def test_function() -> None:
    rows = []
    writer_of(lambda values, step: rows.append((values, step)))(VALUES, 7)
    assert rows == [(VALUES, 7)]


def test_anything_else_is_told() -> None:
    with pytest.raises(ModescopeError, match="the logger is a int, expected a SummaryWriter"):
        writer_of(3)


def test_tensorboard(tmp_path: Path) -> None:
    tensorboard = pytest.importorskip("torch.utils.tensorboard")
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    with tensorboard.SummaryWriter(tmp_path) as writer:
        writer_of(writer)(VALUES, 7)
    events = accumulator.EventAccumulator(str(tmp_path)).Reload()
    assert {(name, e.step, e.value) for name in events.Tags()["scalars"] for e in events.Scalars(name)} == {
        ("modescope/spread", 7, 1.5),
        ("modescope/alarm", 7, 0.0),
    }


def test_a_logger_of_lightning(tmp_path: Path) -> None:
    loggers = pytest.importorskip("lightning.pytorch.loggers")
    logger = loggers.CSVLogger(tmp_path)
    writer_of(logger)(VALUES, 7)
    logger.save()
    header, row = (tmp_path / "lightning_logs" / "version_0" / "metrics.csv").read_text().split()
    assert dict(zip(header.split(","), row.split(","), strict=True)) == {
        **{name: str(value) for name, value in VALUES.items()},
        "step": "7",
    }


def test_the_monitor_logs_each_look() -> None:
    run, rows = WandbRun(), []
    generator = torch.Generator().manual_seed(0)
    monitor = ms.CollapseMonitor(torch.randn(1000, 2, generator=generator), every=1, window=32)
    assert monitor.log_to(run, lambda values, step: rows.append((step, values))) is monitor
    for step in range(40):
        monitor.watch((1.0 if step < 30 else 0.05) * torch.randn(32, 2, generator=generator), step=step)
    assert [step for step, _ in rows] == list(range(40)) == [row["modescope/step"] for row in run.rows]
    first, healthy, last = rows[0][1], rows[29][1], rows[-1][1]
    assert "modescope/level" not in first
    assert (healthy["modescope/alarm"], last["modescope/alarm"]) == (0.0, 1.0)
    assert healthy["modescope/level"] > 0.7
    assert last["modescope/level"] < 0.1
    assert last["modescope/spread"] == monitor.history[-1]["spread"]


def test_what_is_not_finite_or_all_the_same_is_logged_too() -> None:
    rows: list[dict[str, float]] = []
    monitor = ms.CollapseMonitor(every=1, window=32, warmup=0).log_to(lambda values, step: rows.append(values))
    for _ in range(12):
        monitor.watch(torch.ones(32, 2))
    monitor.watch(torch.full((32, 2), torch.nan))
    assert rows[-2]["modescope/spread"] == rows[-2]["modescope/alarm"] == 0
    assert rows[-1] == {"modescope/alarm": 1.0}


def test_no_logging_library_is_imported() -> None:
    code = (
        "import sys, torch, modescope as ms;"
        "ms.CollapseMonitor(every=1, window=32).log_to(print).watch(torch.rand(32, 2));"
        "print([m for m in ('lightning', 'pytorch_lightning', 'tensorboard', 'wandb', 'mlflow') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
