"""``modescope list``."""

__all__ = ["entries", "print_list"]

import json
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from .. import datasets, methods, metrics, papers
from ..core.errors import nearest_name
from ..core.method import CHANGES

KINDS = ("methods", "datasets", "metrics", "measures", "papers")


def entries(kind: str) -> list[dict[str, Any]]:
    """What there is of a kind: objects with ``name``, ``summary``, ``reference``, ``year`` and more.

    Raises:
        ModescopeError: If there is no such kind.
    """
    match kind:
        case "methods":
            found = methods.available().items()
            ordered = sorted(found, key=lambda item: CHANGES.index(item[1].changes))
            return [entry(name, method, changes=method.changes) for name, method in ordered]
        case "datasets":
            plain = [entry(name, data) for name, data in datasets.DATASETS.items()]
            return plain + [
                entry(name, preset, preset_of=preset.dataset.__name__, source=datasets.TAGS[preset.tag])
                for name, preset in datasets.PRESETS.items()
            ]
        case "metrics":
            return [
                entry(name, metric, label=metric.label, direction=metric.direction, protocol=metric.protocol)
                for name, metric in metrics.METRICS.items()
            ]
        case "measures":
            from ..diagnosis import MEASURES

            return [
                entry(
                    name,
                    measure,
                    summary=f"{measure.label}: {measure.summary}",  # which does not repeat the label
                    label=measure.label,
                    direction=measure.direction,
                )
                for name, measure in MEASURES.items()
            ]
        case "papers":
            return [entry(name, item) for name, item in papers.ITEMS.items()]
    raise nearest_name("kind", kind, KINDS)


def entry(name: str, thing: Any, **more: Any) -> dict[str, Any]:
    """One object of a list."""
    return {"name": name, "summary": thing.summary, "reference": thing.reference, "year": thing.year, **more}


def print_list(kind: str | None, as_json: bool) -> None:
    """Prints what there is of one kind, or of all."""
    kinds = [kind] if kind else list(KINDS)
    if as_json:
        found = [item if kind else {"kind": each, **item} for each in kinds for item in entries(each)]
        print(json.dumps(found, indent=2))
        return
    console = Console()
    for each in kinds:
        table = Table(box=box.SIMPLE_HEAD, title=each, title_justify="left", title_style="bold", padding=(0, 1))
        table.add_column("name", no_wrap=True, style="cyan")
        table.add_column("what")
        table.add_column("year", style="dim")
        group = None
        for item in entries(each):
            if item.get("changes") != group:
                group = item["changes"]
                table.add_row(Text(heading_of(group), style="bold"), "", "")
            table.add_row(item["name"], item["summary"], str(item["year"] or ""))
        console.print(table)


def heading_of(changes: str) -> str:
    """What stands above the methods that change the same."""
    return "adds networks" if changes == "extra networks" else f"changes the {changes}"
