"""``modescope verify``."""

__all__ = ["Verify"]

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from ..core.errors import need

if TYPE_CHECKING:
    from ..runs import FileCheck

STYLES = {"whole": "green", "damaged": "bold red", "unknown": "dim"}


@dataclass(kw_only=True)
class Verify:
    """Compares every file of runs with its checksum; leaves with code 1 if one is damaged.

    Arguments:
        folders: Runs' folders, or folders that hold runs, e.g. a benchmark's.
        json: Prints a JSON list with a row for each file.
    """

    folders: Annotated[
        tyro.conf.Positional[tuple[Path, ...]], tyro.conf.arg(metavar="RUN ...", help_behavior_hint="(required)")
    ]
    json: bool = False

    def __call__(self) -> None:
        from ..benchmark.results import FAILURE, RESULT
        from ..runs import verify_run, verify_sealed

        need(len(self.folders) > 0, "folders is empty, expected at least one run's folder")
        runs = [run for folder in self.folders for run in runs_in(folder)]
        checks = [check for run in runs for check in verify_run(run)]
        results = [path for folder in self.folders for name in (RESULT, FAILURE) for path in folder.rglob(name)]
        checks += [verify_sealed(path) for path in sorted(results)]
        if self.json:
            rows = [{"path": str(check.path), "verdict": check.verdict, "note": check.note} for check in checks]
            print(json.dumps(rows, indent=2))
        else:
            print_checks(checks)
        if any(check.verdict == "damaged" for check in checks):
            raise SystemExit(1)


def runs_in(folder: Path) -> list[Path]:
    """The folders of the runs that a folder is or holds, those that lost their ``config.json`` too."""
    found = {path.parent for mark in ("config.json", "block-[0-9]*/") for path in folder.rglob(mark)}
    return sorted(found) or [folder]


def print_checks(checks: "list[FileCheck]") -> None:
    """Prints what is not whole, and how many files are."""
    console = Console()
    rest = [check for check in checks if check.verdict != "whole"]
    if rest:
        table = Table(box=box.SIMPLE_HEAD, padding=(0, 1))
        table.add_column("file", overflow="fold")
        table.add_column("")
        table.add_column("why")
        for check in rest:
            table.add_row(Text(str(check.path)), Text(check.verdict, style=STYLES[check.verdict]), Text(check.note))
        console.print(table)
    counts = {verdict: sum(check.verdict == verdict for check in checks) for verdict in STYLES}
    told = ", ".join(f"{count:,} {verdict}" for verdict, count in counts.items() if count)
    console.print(Text(f"{len(checks):,} files: {told}"), soft_wrap=True)
