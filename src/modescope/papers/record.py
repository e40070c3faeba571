"""What a reproduced item leaves behind: a page, its pictures, and its numbers."""

__all__ = ["Reproduction", "write_record"]

import dataclasses
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..core.files import atomic_write, jsonable
from ..theory.statement import Statement


@dataclass(frozen=True)
class Reproduction:
    """The files of one reproduced item.

    Attributes:
        item: What was reproduced, e.g. ``"kl-figure1"``.
        page: The page for readers.
        numbers: The numbers, as JSON.
        figures: The pictures, as PNG.
    """

    item: str
    page: Path
    numbers: Path
    figures: tuple[Path, ...]


def write_record(
    path: Path, item: str, paper: Mapping[str, Any], ours: Mapping[str, Any], statements: Sequence[Statement]
) -> Path:
    """Writes the numbers of an item as JSON with the keys `item`, `paper`, `ours` and `statements`.

    Arguments:
        path: The file to write; its folder must exist.
        item: What was reproduced.
        paper: What the paper printed, its errors included.
        ours: What came out.
        statements: The paper's statements, put to the test.

    Returns:
        The path.

    Note:
        JSON has no sign for numbers that are not finite: they are written as null.
    """
    listed = [dataclasses.asdict(statement) for statement in statements]
    record = jsonable({"item": item, "paper": paper, "ours": ours, "statements": listed})
    return atomic_write(path, json.dumps(record, indent=1, ensure_ascii=False, allow_nan=False) + "\n")
