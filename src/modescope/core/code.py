"""Which code numbers come from, as a hash."""

__all__ = ["code_digest", "digest"]

import hashlib
from functools import cache
from pathlib import Path

PACKAGE = Path(__file__).parents[1]


@cache
def code_digest(rooms: tuple[str, ...]) -> str:
    """A hash of all files in these folders of the package, code and data alike."""
    files = [path for room in rooms for path in sorted((PACKAGE / room).rglob("*")) if path.is_file()]
    return digest(tuple(path for path in files if path.suffix != ".pyc"))


@cache
def digest(files: tuple[Path, ...]) -> str:
    """A hash of files' contents, in their order."""
    total = hashlib.sha256()
    for path in files:
        total.update(hashlib.sha256(path.read_bytes()).digest())
    return total.hexdigest()
