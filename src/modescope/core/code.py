"""Which code numbers come from, as a hash."""

__all__ = ["code_digest", "digest"]

import hashlib
from functools import cache
from pathlib import Path

PACKAGE = Path(__file__).parents[1]


@cache
def code_digest(rooms: tuple[str, ...]) -> str:
    """A hash of all files in these folders of the package, code and data alike."""
    return digest(tuple(path for room in rooms for path in sorted((PACKAGE / room).rglob("*")) if counts(path)))


def counts(path: Path) -> bool:
    """Whether numbers may come from a file: what Python compiled, and what editors and systems leave, is none."""
    left = path.name.startswith(".") or path.name.endswith("~") or "__pycache__" in path.parts
    return not left and path.is_file()


@cache
def digest(files: tuple[Path, ...]) -> str:
    """A hash of files' contents, in their order."""
    total = hashlib.sha256()
    for path in files:
        total.update(hashlib.sha256(path.read_bytes()).digest())
    return total.hexdigest()
