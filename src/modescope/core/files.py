"""Files that are whole or not there."""

__all__ = ["atomic_write", "files_below", "finite", "jsonable", "seen_from", "sweep"]

import math
import os
import secrets
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from glob import escape
from pathlib import Path
from typing import Any

from .errors import ModescopeError, need

ABANDONED = 600  # seconds after which nobody goes on with a half file


def atomic_write(path: str | Path, content: bytes | str) -> Path:
    """Writes a file in one step, so that a reader never meets half of it and a failure leaves the old one.

    The content goes to a new file in the same folder, is flushed to the disk, and takes the name at once. A link stays
    one: what it points to is written. What is neither file nor folder, such as a pipe or ``/dev/null``, is written to.

    Arguments:
        path: The file to write; its folder must exist.
        content: The bytes, or text, which is written as UTF-8.

    Returns:
        The path.

    Raises:
        ModescopeError: If the folder does not exist, or the path is a folder.
    """
    path, content = Path(path), content.encode() if isinstance(content, str) else content
    need(bool(path.name) and not path.is_dir(), f"{str(path)!r} cannot be written: it is a folder")
    need(path.parent.is_dir(), f"path is {str(path)!r}, but the folder {str(path.parent)!r} does not exist")
    if path.exists() and not path.is_file():  # a file in its place would be the end of it, for all who use it
        path.write_bytes(content)
        return path
    target = Path(os.path.realpath(path))
    fresh = target.with_name(f".{target.name}.{secrets.token_hex(4)}.tmp")
    try:
        with fresh.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(fresh, target)  # noqa: PTH105 - the one call that is atomic and replaces on every platform
    except BaseException:
        with suppress(OSError, ValueError):  # what could not be made need not be removed
            fresh.unlink(missing_ok=True)
        raise
    return path


def sweep(path: Path) -> None:
    """Removes halves of a file that a process left which was killed: nobody has written to them for a while."""
    for half in path.parent.glob(f".{escape(path.name)}.*.tmp"):
        with suppress(OSError):  # another process may sweep too
            if time.time() - half.stat().st_mtime > ABANDONED:
                half.unlink()


def files_below(folder: Path) -> Iterator[Path]:
    """The files in a folder and in the folders in it, links to folders included, hidden folders left out.

    Raises:
        ModescopeError: If one of the folders cannot be looked into.
    """
    seen: set[str] = set()
    for root, folders, files in os.walk(folder, onerror=told, followlinks=True):
        if os.path.realpath(root) in seen:  # a link that leads back, or to a folder that another leads to
            folders.clear()
            continue
        seen.add(os.path.realpath(root))
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        yield from (Path(root) / file for file in files)


def told(error: OSError) -> None:
    """Says which folder cannot be looked into; one that is not there, or was a moment ago, has no files."""
    if not isinstance(error, FileNotFoundError | NotADirectoryError):
        raise ModescopeError(f"the folder {error.filename!r} cannot be read: {error.strerror}") from error


def seen_from(path: str | Path) -> str:
    """Where a path that is not absolute is looked for, to end a sentence with: runs keep paths as they were given."""
    return "" if Path(path).is_absolute() else f"; it is looked for from {str(Path.cwd())!r}, where this runs"


def finite(value: float) -> float | None:
    """A number as JSON knows it: None where it is not finite."""
    return value if math.isfinite(value) else None


def jsonable(value: Any) -> Any:
    """Nested data without NaN or infinities, which JSON does not know."""
    if isinstance(value, Mapping):
        return {key: jsonable(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [jsonable(part) for part in value]
    return finite(value) if isinstance(value, float) else value
