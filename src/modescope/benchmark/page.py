"""The files that tell of a benchmark: its page, its tables in Markdown, its numbers in JSON, and figures."""

__all__ = ["write_benchmark"]

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..core.files import atomic_write
from ..report.text import slug
from .drawings import every_seed, worst_seeds
from .report import write_html
from .standings import Standing, Standings
from .words import OTHERS, PRINTED, counted, header, left_out, printed, protocol_of, reading, rows


def write_benchmark(found: Sequence[Standings], out: str | Path, command: str = "") -> Path:
    """Writes one page for all data sets and protocols, and for each a Markdown table, a JSON file and figures.

    With one, the files are named by its protocol, e.g. ``common.html``; with more, the page is ``benchmark.html``.

    Arguments:
        found: The tables, for each data set and protocol.
        out: The benchmark's folder.
        command: The command that makes it again, for the page.

    Returns:
        The page.
    """
    folder, one = Path(out), len(found) == 1
    for each in found:
        write_tables(each, folder, each.plan.protocol if one else f"{slug(each.plan.dataset)}-{each.plan.protocol}")
    return write_html(found, folder / f"{found[0].plan.protocol if one else 'benchmark'}.html", command)


def write_tables(found: Standings, folder: Path, name: str) -> None:
    """Writes ``NAME.md``, ``.json`` and figures into the benchmark's folder."""
    tables = {"Default learning rate": found.default}
    if any(standing.rate is not None for standing in found.best):
        tables["Best learning rate"] = found.best
    for title, standings in tables.items():
        if standings:
            which = title.split()[0].lower()
            every_seed(folder / f"{name}-{which}-seeds.png", standings, found.plan.panel)
            worst_seeds(folder / f"{name}-{which}-worst.png", standings, found.plan, folder)
    atomic_write(folder / f"{name}.md", markdown(found, tables))
    atomic_write(folder / f"{name}.json", json.dumps(record(found, tables), indent=1, allow_nan=False) + "\n")


def markdown(found: Standings, tables: dict[str, tuple[Standing, ...]]) -> str:
    """The tables for a text."""
    panel = found.plan.panel
    parts = [f"# Benchmark: {found.plan.dataset}, protocol {found.plan.protocol}", protocol_of(found)]
    for title, standings in tables.items():
        if standings:
            parts += [
                f"## {title}",
                counted(standings, panel),
                grid(header(panel), rows(standings, panel)),
                reading(found),
            ]
    if table := printed(found, found.default):
        parts += ["## What papers printed", OTHERS, grid(PRINTED, table)]
    if found.failed or found.missing:
        parts += ["## Not in the tables", grid(["entrant", "why"], left_out(found))]
    return "\n\n".join(parts) + "\n"


def grid(head: Sequence[str], body: Sequence[Sequence[object]]) -> str:
    """A table in Markdown."""
    lines = [head, ["---"] * len(head), *body]
    return "\n".join("| " + " | ".join(str(cell).replace("|", r"\|") for cell in line) + " |" for line in lines)


def record(found: Standings, tables: dict[str, tuple[Standing, ...]]) -> dict[str, Any]:
    """All numbers, seed by seed."""
    results = {s.entrant: s.result for standings in tables.values() for s in standings}
    return {
        "dataset": found.plan.dataset,
        "protocol": found.plan.protocol,
        "tables": {
            title: [
                {
                    "entrant": s.entrant,
                    "rate": s.rate,
                    "means": {name: finite(list(s.means[name])) for name in found.plan.panel.metrics},
                    "floors": finite(s.floors),
                    "worst": finite(s.worst),
                    "gaps": finite(s.gaps),
                    "p_values": finite(s.p_values),
                    "diverged": s.diverged,
                }
                for s in standings
            ]
            for title, standings in tables.items()
        },
        "members": {
            label: {
                "seeds": result.seeds,
                "rates": result.rates,
                "values": {name: finite(list(values)) for name, values in result.values.items()},
                "diverged": result.diverged,
                "gradient_steps": result.gradient_steps,
                "seconds": result.seconds,
                "memory": result.memory,
            }
            for label, result in results.items()
        },
        "failed": found.failed,
        "missing": found.missing,
    }


def finite(values: Any) -> Any:
    """Numbers as JSON holds them, with six digits: null where one is not finite."""
    if isinstance(values, dict):
        return {name: finite(value) for name, value in values.items()}
    if isinstance(values, list):
        return [finite(value) for value in values]
    return float(f"{values:.6g}") if math.isfinite(values) else None
