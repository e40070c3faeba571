"""What a person sees while runs train."""

__all__ = ["Progress", "Silent", "progress_for"]

import sys
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, ProgressColumn, SpinnerColumn, Task, TaskID, TextColumn
from rich.progress import Progress as Bars
from rich.text import Text

from .executor import Job
from .worker import Look


class Silent:
    """Tells nothing."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None

    def tell(self, job: Job, look: Look) -> None:
        """Takes what a block tells."""


class Tally:
    """Adds up what the blocks of one run tell.

    Arguments:
        steps: The steps of each member.
        members: The number of members.
        modes: The number of modes, or None.
    """

    def __init__(self, steps: int, members: int, modes: int | None) -> None:
        self.steps, self.members, self.modes = steps, members, modes
        self.looks: dict[int, Look] = {}
        self.starts: dict[int, int] = {}
        self.covered: dict[int, tuple[float, int]] = {}
        self.diverged: dict[int, int] = {}
        self.first: tuple[float, float] | None = None
        self.last: tuple[float, float] = (time.monotonic(), 0.0)

    def add(self, look: Look) -> None:
        """Takes a look of one block."""
        self.looks[look.block] = look
        start = self.starts.setdefault(look.block, look.step)
        if look.covered is not None:
            self.covered[look.block] = (look.covered, look.members)
        if look.diverged is not None:
            self.diverged[look.block] = look.diverged
        now = time.monotonic()
        if look.step > start:  # the first steps hold the recording, or compiling, of the program
            self.first = self.first or (now, self.gained)
        self.last = (now, self.gained)

    @property
    def done(self) -> float:
        """Member-steps done."""
        return float(sum(look.step * look.members for look in self.looks.values()))

    @property
    def gained(self) -> float:
        """Member-steps done since the blocks were begun or gone on with."""
        return float(sum((look.step - self.starts[block]) * look.members for block, look in self.looks.items()))

    @property
    def total(self) -> float:
        """Member-steps in all."""
        return float(self.steps * self.members)

    @property
    def rate(self) -> float:
        """Member-steps a second since the first steps; what was done before a resume does not count."""
        if self.first is None or self.last[0] <= self.first[0]:
            return 0.0
        return (self.last[1] - self.first[1]) / (self.last[0] - self.first[0])

    @property
    def coverage(self) -> str:
        """The mean number of modes covered, and members that diverged."""
        parts = []
        if self.modes is not None and self.covered:
            weight = sum(n for _, n in self.covered.values())
            parts.append(f"modes {sum(c * n for c, n in self.covered.values()) / weight:.1f}/{self.modes}")
        if sum(self.diverged.values()):
            parts.append(f"{sum(self.diverged.values())} diverged")
        return ", ".join(parts)

    @property
    def speed(self) -> str:
        """Steps a second and member-steps a second."""
        return f"{self.rate / self.members:,.0f} steps/s, {self.rate:,.0f} member-steps/s" if self.rate else ""

    @property
    def remaining(self) -> str:
        """The time that is left at this rate."""
        if not self.rate:
            return ""
        seconds = int((self.total - self.done) / self.rate)
        return f"{seconds // 60}:{seconds % 60:02d} left"


class Live(ProgressColumn):
    """A column that reads the tally of its task."""

    def render(self, task: Task) -> Text:
        tally: Tally = task.fields["tally"]
        return Text(" · ".join(part for part in (tally.coverage, tally.speed, tally.remaining) if part), style="dim")


class Progress(Silent):
    """A bar for each run in a terminal, or a plain line now and then elsewhere.

    Arguments:
        runs: The tally and the name of each run's folder.
        console: Where to write.
        period: Seconds between two plain lines of a run.
    """

    def __init__(self, runs: Mapping[Path, tuple[str, Tally]], console: Console, period: float = 10.0) -> None:
        self.runs, self.console, self.period = runs, console, period
        self.bars = Bars(
            SpinnerColumn(finished_text="✓"),
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            TextColumn("{task.percentage:>3.0f}%"),
            Live(),
            console=console,
        )
        self.tasks: dict[Path, TaskID] = {}
        self.spoke: dict[Path, float] = {}

    def __enter__(self) -> Self:
        if self.console.is_terminal:
            self.bars.start()
            for folder, (name, tally) in self.runs.items():
                self.tasks[folder] = self.bars.add_task(name, total=tally.total, tally=tally)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.console.is_terminal:
            self.bars.stop()

    def tell(self, job: Job, look: Look) -> None:
        name, tally = self.runs[job.folder]
        tally.add(look)
        if job.folder in self.tasks:
            self.bars.update(self.tasks[job.folder], completed=tally.done)
            return
        now = time.monotonic()
        if now - self.spoke.get(job.folder, 0.0) >= self.period or tally.done == tally.total:
            self.spoke[job.folder] = now
            words = (f"{100 * tally.done / max(1.0, tally.total):.0f} %", tally.coverage, tally.speed, tally.remaining)
            print(f"{name}: " + ", ".join(word for word in words if word), file=sys.stderr, flush=True)


def progress_for(runs: Mapping[Path, tuple[str, Tally]], quiet: bool) -> Silent:
    """The progress display that fits where the output goes."""
    return Silent() if quiet else Progress(runs, Console(stderr=True))
