"""``modescope diagnose``."""

__all__ = ["Diagnose"]

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import tyro
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.text import Text

from ..core.errors import need

if TYPE_CHECKING:
    from ..diagnosis import Diagnosis

FAILING = {"partial": ("partial", "severe"), "severe": ("severe",)}


@dataclass(kw_only=True)
class Diagnose:
    """Tells from samples whether a generator collapsed, how badly, and how sure that is.

    Samples are a folder or zip of images, a .npy, .npz, .csv or .parquet file, a named data set, a run's folder, or a
    TorchScript or ONNX generator.

    Arguments:
        fake: The fakes.
        real: Real samples of the same kind; without them copies alone are looked for.
        features: What samples are turned into, e.g. raw, pca:50, random-conv, efficientnet-lite0; raw for points and
            random-conv for images if not given.
        metrics: Names of measures, separated by commas, or all; those that are cheap if not given.
        latent: The shape of a generator's latent, e.g. 128 or 128x1x1.
        n: How many samples of each; all if not given, and 10,000 of a generator or a named data set.
        drop: Leaves out samples that hold NaN or infinite values, and says how many.
        seed: What all random numbers come from.
        cache: A folder that keeps features for the next time.
        json: Prints JSON.
        html: A file for the page with pictures.
        fail_on: The verdict from which on the exit code is 1.
        quiet: Shows no progress.
    """

    fake: Annotated[str, tyro.conf.arg(metavar="SAMPLES")]
    real: Annotated[str | None, tyro.conf.arg(metavar="DATA", help_behavior_hint="")] = None
    features: Annotated[str | None, tyro.conf.arg(metavar="NAME", help_behavior_hint="")] = None
    metrics: Annotated[str | None, tyro.conf.arg(metavar="NAME,NAME,...|all", help_behavior_hint="")] = None
    latent: Annotated[str | None, tyro.conf.arg(metavar="SHAPE", help_behavior_hint="")] = None
    n: Annotated[int | None, tyro.conf.arg(metavar="INT", help_behavior_hint="")] = None
    drop: bool = False
    seed: int = 0
    cache: Annotated[Path | None, tyro.conf.arg(metavar="PATH", help_behavior_hint="")] = None
    json: bool = False
    html: Annotated[Path | None, tyro.conf.arg(metavar="FILE", help_behavior_hint="")] = None
    fail_on: Annotated[
        Literal["partial", "severe"] | None, tyro.conf.arg(metavar="{partial,severe}", help_behavior_hint="")
    ] = None
    quiet: bool = False

    def __call__(self) -> None:
        from ..diagnosis import diagnose

        if self.html is not None:
            fits = self.html.parent.is_dir() and not self.html.is_dir()
            need(fits, f"--html is {str(self.html)!r}, expected a file in a folder that exists")
        with Teller(self.quiet) as tell:
            found = diagnose(
                self.real,
                self.fake,
                features=self.features,
                metrics=self.metrics,
                latent=shape_of(self.latent),
                n=self.n,
                drop=self.drop,
                seed=self.seed,
                cache=self.cache,
                tell=tell,
            )
        self.show(found)
        if self.fail_on is not None and found.verdict.name in FAILING[self.fail_on]:
            raise SystemExit(1)

    def show(self, found: "Diagnosis") -> None:
        """Prints the diagnosis, and writes the page."""
        if self.json:
            print(json.dumps(found.to_dict(), indent=2, ensure_ascii=False))
        else:
            Console().print(found)
        if self.html is not None:
            found.to_html(self.html)
            Console(stderr=True).print(Text(f"page: {self.html}"), soft_wrap=True)


class Teller:
    """A progress bar on standard error, a line for each thing that is done.

    Arguments:
        quiet: Whether to show nothing.
    """

    def __init__(self, quiet: bool) -> None:
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        console = Console(stderr=True)
        self.bar = Progress(*columns, console=console, transient=True, disable=quiet or not console.is_terminal)
        self.tasks: dict[str, int] = {}

    def __enter__(self) -> "Teller":
        self.bar.start()
        return self

    def __exit__(self, *caught: object) -> None:
        self.bar.stop()

    def __call__(self, what: str, done: int, total: int) -> None:
        if what not in self.tasks:
            self.tasks[what] = self.bar.add_task(what, total=total)
        self.bar.update(self.tasks[what], completed=done, total=total)  # type: ignore[arg-type]


def shape_of(text: str | None) -> int | tuple[int, ...] | None:
    """The shape that a text such as ``128`` or ``128x1x1`` names."""
    if text is None:
        return None
    parts = text.lower().replace(",", "x").split("x")
    need(all(part.strip().isdecimal() for part in parts), f"--latent is {text!r}, expected a shape such as 128x1x1")
    sizes = tuple(int(part) for part in parts)
    return sizes[0] if len(sizes) == 1 else sizes
