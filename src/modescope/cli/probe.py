"""``modescope probe``."""

__all__ = ["Probe"]

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from ..report.text import plural


@dataclass(kw_only=True)
class Probe:
    """Tells what the critics of a run on images have learnt of classes that nobody told them.

    A linear classifier is fitted on the features of all convolutional layers of each critic, of the same critic before
    its training, and on the pixels.

    Arguments:
        run: The run's folder.
        train: Labelled images that classifiers are fitted on.
        test: Held-out images.
        seed: Of the choice of images.
        json: Prints JSON.
    """

    run: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="RUN")]
    train: int = 2000
    test: int = 10_000
    seed: int = 0
    json: bool = False

    def __call__(self) -> None:
        from ..runs import Run
        from ..runs.probe import probe_run

        run = Run(self.run)
        found = probe_run(run, self.train, self.test, self.seed)
        if self.json:
            print(json.dumps(found.to_dict(), indent=2))
            return
        table = Table(box=box.SIMPLE_HEAD)
        table.add_column("features of", no_wrap=True)
        for name in ("number", "accuracy", "95 % interval"):
            table.add_column(name, justify="right", no_wrap=True)
        for row in found.rows:
            interval = f"{100 * row.low:.1f} to {100 * row.high:.1f} %"
            table.add_row(row.features, f"{row.dims:,}", f"{100 * row.accuracy:.1f} %", interval)
        console = Console()
        console.print(Text(f"{run.name}: {plural(len(run.members), 'member')}", style="bold"))
        console.print(table)
        console.print(
            Text(
                f"accuracy: share of {found.test:,} held-out images whose {found.classes} is told rightly by logistic "
                f"regression fitted on {found.train:,}; intervals over members, or over images of one value alone "
                "(Clopper-Pearson)",
                style="dim",
            )
        )
