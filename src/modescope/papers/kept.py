"""Scores kept beside the run that they are of, since to take them may cost as much as training."""

__all__ = ["kept_beside"]

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .. import __version__
from ..core.code import code_digest
from ..core.files import atomic_write
from ..metrics import MetricResult
from ..runs import Run

ROOMS = (  # what scores come from
    *("core", "datasets", "diagnosis", "features", "judges", "methods", "metrics", "nets", "papers", "runs", "sources"),
    "theory",
)


def kept_beside(run: Run, how: dict[str, Any], take: Callable[[], list[MetricResult]]) -> dict[str, MetricResult]:
    """Scores of a run, by metric: read if they were taken of the same networks in the same way, else taken and written.

    A file that is damaged, or comes from other code or another way, is taken for none.

    Arguments:
        run: The run.
        how: All that the scores depend on besides the run and the code, in plain values, e.g. the number of samples,
            which names the file.
        take: Takes them.
    """
    path = run.folder / f"measured-{how['samples']}.json"
    states = [(store.manifest() or {}).get("sha256") for store in run.stores]
    key = {"how": how, "states": states, "code": [__version__, code_digest(ROOMS)]}
    rows = read(path, key)
    if rows is None:
        rows = take()
        atomic_write(path, json.dumps({"key": key, "rows": [dataclasses.asdict(row) for row in rows]}))
    return {row.name: row for row in rows}


def read(path: Path, key: dict[str, Any]) -> list[MetricResult] | None:
    """The scores in a file, if it is there, whole, and has this key."""
    try:
        kept = json.loads(path.read_text())
        if kept["key"] == key:
            return [MetricResult(**{**row, "per_member": tuple(row["per_member"])}) for row in kept["rows"]]
    except (OSError, ValueError, KeyError, TypeError):
        pass
    return None
