"""Scores kept beside the run that they are of, since to take them may cost as much as training."""

__all__ = ["kept_beside"]

import dataclasses
import json
from collections.abc import Callable

from ..core.files import atomic_write
from ..metrics import MetricResult
from ..runs import Run


def kept_beside(run: Run, name: str, take: Callable[[], list[MetricResult]]) -> dict[str, MetricResult]:
    """Scores of a run, by metric: read if they were taken of the same networks before, else taken and written.

    Arguments:
        run: The run.
        name: What names the file: all that the scores depend on besides the run.
        take: Takes them.
    """
    path = run.folder / f"measured-{name}.json"
    states = [(store.manifest() or {}).get("sha256") for store in run.stores]
    kept = json.loads(path.read_text()) if path.is_file() else {}
    if kept.get("states") == states:
        rows = [MetricResult(**{**row, "per_member": tuple(row["per_member"])}) for row in kept["rows"]]
    else:
        rows = take()
        atomic_write(path, json.dumps({"states": states, "rows": [dataclasses.asdict(row) for row in rows]}))
    return {row.name: row for row in rows}
