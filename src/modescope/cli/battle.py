"""``modescope battle``."""

__all__ = ["Battle"]

import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import tyro
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from ..report.text import number, percent

if TYPE_CHECKING:
    from ..runs import Battles
    from ..runs.battles import Estimate


@dataclass(kw_only=True)
class Battle:
    """Lets two runs play against each other: whose generators fool the other's critics more often.

    A match swaps the critics of two trained GANs. It is fair if both critics do equally well on held-out real samples
    (the test ratio is near 1); then the sample ratio, of how they do on each other's fakes, names the winner.

    Arguments:
        first: A run's folder.
        second: Another, on the same data set.
        form: Ratios of errors, as in the paper, or of accuracies, as in its authors' code.
        n: How many samples of each kind a critic judges.
        seed: What all random numbers come from.
        tolerance: How far the test ratio, or one over it, may exceed 1 in a fair match.
        paired: Whether each member meets the one with the same number alone, not all.
        json: Prints JSON.
    """

    first: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="RUN_A")]
    second: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="RUN_B")]
    form: Literal["errors", "accuracies"] = "errors"
    n: int = 10_000
    seed: int = 0
    tolerance: float = 0.1
    paired: bool = False
    json: bool = False

    def __call__(self) -> None:
        from ..runs import Run, battle_runs

        found = battle_runs(
            Run(self.first),
            Run(self.second),
            form=self.form,
            tolerance=self.tolerance,
            n=self.n,
            seed=self.seed,
            paired=self.paired,
        )
        if self.json:
            print(json.dumps(found.to_dict(), indent=2, ensure_ascii=False))
        else:
            print_battles(found)


def print_battles(found: "Battles") -> None:
    """Prints who won, and by which ratios."""
    console = Console()
    first, second = told = called(found)
    total = sum(len(row) for row in found.matches)
    console.print(Text(f"{first} against {second}: {total} {'match' if total == 1 else 'matches'}", style="bold"))
    console.print(outcome_table(found, told))
    console.print(ratio_table(found, told))
    notes = [
        f"Ratios are {first} over {second}, of {found.form}, at {found.samples:,} samples of each kind; medians over "
        "matches.",
        "Intervals are of members drawn anew from both runs (95 %, pigeonhole bootstrap); of shares of 0 and 100 %, "
        f"exact ones (Clopper-Pearson) of {min(found.members)} matches of different members.",
        *found.notes,
    ]
    for note in notes:
        console.print(Text(note, style="dim"))


def outcome_table(found: "Battles", told: tuple[str, str]) -> Table:
    """How many matches ended how."""
    words = {
        "first": f"{told[0]} wins",
        "second": f"{told[1]} wins",
        "unfair": "tie, the critics differ on real samples",
        "even": "tie, both are fooled equally often",
    }
    table = Table(box=box.SIMPLE_HEAD)
    table.add_column("outcome")
    for name in ("matches", "share", "95 % interval"):
        table.add_column(name, justify="right", no_wrap=True)
    for outcome, text in words.items():
        count, share = found.count(outcome), found.share(outcome)
        if outcome != "even" or count:
            table.add_row(Text(text), str(count), percent(share.value), spread(share, percent))
    return table


def ratio_table(found: "Battles", told: tuple[str, str]) -> Table:
    """Both ratios."""
    side = "below" if found.form == "errors" else "above"
    slack = 1 + found.tolerance
    rows = {
        "test ratio": (found.test_ratio, f"fair from {1 / slack:.3g} to {slack:.3g}"),
        "sample ratio": (found.sample_ratio, f"{side} 1 speaks for {told[0]}"),
    }
    table = Table(box=box.SIMPLE_HEAD)
    table.add_column("ratio", no_wrap=True)
    for name in ("median", "95 % interval"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("what it says", style="dim")
    for name, (estimate, text) in rows.items():
        table.add_row(name, number(estimate.value), spread(estimate, number), Text(text))
    return table


def called(found: "Battles") -> tuple[str, str]:
    """What the runs are called: by their names, or by their places where these are the same."""
    first, second = found.names
    return (first, second) if first != second else (f"{first} (1st)", f"{second} (2nd)")


def spread(estimate: "Estimate", form: Callable[[float], str]) -> str:
    """The interval of a number; its ends are ∞ where a critic made no error and the other did."""
    return "–" if math.isnan(estimate.low) else f"{form(estimate.low)} to {form(estimate.high)}"
