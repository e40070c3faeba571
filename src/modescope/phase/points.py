"""The points of a phase diagram: what came out of each, for every seed."""

__all__ = ["Phase", "read_phase", "run_phase"]

import json
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..core.errors import ModescopeError, is_number, nearest_name, need
from ..core.files import atomic_write
from ..metrics import METRICS
from ..metrics import floor as floor_of
from ..runs import Run, train_many
from .axis import Axis
from .plan import SAMPLES, Diagram

FILE = "phase.json"
KEPT = ("dataset", "method", "metric", "floor", "floor_sd", "steps", "command")
FLOORS = 20  # true sets that the floor is taken over


@dataclass(frozen=True, eq=False)
class Phase:
    """A metric over two hyper-parameters.

    Arguments:
        dataset: The data set's text.
        method: The method's text.
        x: The horizontal axis, of :math:`X` values.
        y: The vertical axis, of :math:`Y` values.
        metric: The metric.
        values: Its value for each member, with shape :math:`(Y, X, S)`; NaN where a member diverged.
        diverged: Which members turned NaN or infinite, with the same shape.
        floor: What a perfect sampler scores on average.
        floor_sd: The standard deviation of that score.
        steps: Training steps of each member, from the least to the most.
        command: The command that makes it again.

    Raises:
        ModescopeError: If a value is of another type or shape, or the metric is unknown.
    """

    dataset: str
    method: str
    x: Axis
    y: Axis
    metric: str
    values: np.ndarray
    diverged: np.ndarray
    floor: float
    floor_sd: float
    steps: tuple[int, int]
    command: str = ""

    def __post_init__(self) -> None:
        for name in ("dataset", "method", "metric", "command"):
            value = getattr(self, name)
            need(isinstance(value, str), f"{name} is {value!r}, expected a text")
        if self.metric not in METRICS:
            raise nearest_name("metric", self.metric, METRICS)
        shape, values = (len(self.y.values), len(self.x.values)), self.values.shape
        good = len(values) == 3 and values[:2] == shape and values[2] > 0
        need(good, f"values has the shape {values}, expected {shape} and seeds")
        need(self.diverged.shape == values, f"diverged has the shape {self.diverged.shape}, expected {values}")
        for name in ("floor", "floor_sd"):
            need(is_number(getattr(self, name)), f"{name} is {getattr(self, name)!r}, expected a number")
        need(len(self.steps) == 2, f"steps is {self.steps}, expected the least and the most")

    @property
    def seeds(self) -> int:
        """Members at each point."""
        return int(self.values.shape[-1])

    @property
    def mean(self) -> np.ndarray:
        """The mean over the members of a point that did not diverge, with shape :math:`(Y, X)`; NaN if all did."""
        kept = np.where(np.isfinite(self.values), self.values, 0).sum(-1)
        count = np.isfinite(self.values).sum(-1)
        return np.where(count > 0, kept / np.maximum(count, 1), np.nan)

    @property
    def share_diverged(self) -> np.ndarray:
        """The share of a point's members that diverged, with shape :math:`(Y, X)`."""
        return np.asarray(self.diverged.mean(-1))

    @property
    def share_whole(self) -> np.ndarray:
        """The share of a point's members within three deviations of a perfect sampler's score, diverged ones not."""
        slack = 3 * self.floor_sd
        if METRICS[self.metric].direction == "higher":
            return np.asarray((self.values >= self.floor - slack).mean(-1))
        return np.asarray((self.values <= self.floor + slack).mean(-1))

    def write(self, folder: Path) -> Path:
        """Writes it as ``phase.json``."""
        plain = {
            **{name: getattr(self, name) for name in KEPT},
            "x": asdict(self.x),
            "y": asdict(self.y),
            "values": [[[finite(v) for v in point] for point in row] for row in self.values.tolist()],
            "diverged": self.diverged.astype(int).tolist(),
        }
        return atomic_write(folder / FILE, json.dumps(plain) + "\n")


def finite(value: float) -> float | None:
    """A number as JSON has it, to the digits that tell."""
    return float(f"{value:.6g}") if np.isfinite(value) else None


def read_phase(folder: str | Path) -> Phase:
    """The phase diagram in a folder.

    Raises:
        ModescopeError: If there is none, or it is damaged.
    """
    path = Path(folder) / FILE
    need(path.is_file(), f"there is no file {str(path)!r}, expected the folder of a phase diagram")
    try:
        plain: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        axes = {name: Axis(**{**plain[name], "values": tuple(plain[name]["values"])}) for name in ("x", "y")}
        values = np.array(plain["values"], dtype=float)
        arrays = {"values": values, "diverged": np.array(plain["diverged"], dtype=bool)}
        return Phase(**{**plain, **axes, **arrays, "steps": tuple(plain["steps"])})
    except ModescopeError as error:
        raise ModescopeError(f"{str(path)!r}: {error}") from error
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        raise ModescopeError(f"{str(path)!r} cannot be read: {type(error).__name__}: {error}") from error


def run_phase(
    diagram: Diagram,
    out: str | Path,
    *,
    workers: int | None = None,
    quiet: bool = False,
    command: Sequence[str] = (),
) -> Phase:
    """Trains what is not trained yet, measures every member, and writes ``phase.json``.

    The same call goes on where it was stopped.

    Arguments:
        diagram: The plan.
        out: The folder of all.
        workers: Processes that train side by side; the number of cores if not given.
        quiet: Whether to show nothing.
        command: The command that makes it again, to keep with it.

    Raises:
        ModescopeError: If the folder holds another diagram's runs, or cannot be written.
        KeyboardInterrupt: If it was stopped; all is saved.
    """
    experiments = {slab.name: slab.experiment for slab in diagram.slabs}
    runs = train_many(experiments, Path(out) / "runs", workers=workers, quiet=quiet, command=command)
    shape = (len(diagram.y.values), len(diagram.x.values), diagram.seeds)
    values, diverged = np.full(shape, np.nan), np.zeros(shape, dtype=bool)
    for slab, run in zip(diagram.slabs, runs, strict=True):
        (result,) = run.metrics([diagram.metric], floor_repeats=0)
        for index, (point, step) in enumerate(zip(slab.points(), run.diverged(), strict=True)):
            place = (*located(diagram, point), run.members[index].seed)
            diverged[place] = step is not None
            values[place] = np.nan if step is not None else result.per_member[index]
    floor, floor_sd = floor_of(METRICS[diagram.metric], runs[0].experiment.dataset, SAMPLES, FLOORS)
    found = Phase(
        dataset=diagram.dataset,
        method=diagram.method,
        x=diagram.x,
        y=diagram.y,
        metric=diagram.metric,
        values=values,
        diverged=diverged,
        floor=floor,
        floor_sd=floor_sd,
        steps=span(runs),
        command=shlex.join(command),
    )
    found.write(Path(out))
    return found


def located(diagram: Diagram, point: Mapping[str, float]) -> tuple[int, int]:
    """The row and the column of a point: of the nearest values, since a ratio comes back rounded."""
    row, column = (int(np.abs(np.array(axis.values) - point[axis.name]).argmin()) for axis in (diagram.y, diagram.x))
    return row, column


def span(runs: Sequence[Run]) -> tuple[int, int]:
    """The least and the most training steps."""
    steps = [run.experiment.training.steps for run in runs]
    return min(steps), max(steps)
