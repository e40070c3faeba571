"""Pictures in a folder."""

__all__ = ["collection_of", "from_folder"]

from collections.abc import Iterator, Sequence
from pathlib import Path

from ..core.errors import need
from ..core.files import files_below
from .base import Source
from .decode import SUFFIXES, UnreadableError
from .pictures import Collection, from_collection
from .settle import Options

MOST_BYTES = 2**28  # of one file


def from_folder(path: Path, options: Options) -> Source:
    """The pictures in a folder and the folders in it."""
    return from_collection(collection_of(path), options)


def collection_of(path: Path) -> Collection:
    """The pictures in a folder and the folders in it, sorted by name; hidden files and folders are left out."""
    what = f"the folder {str(path)!r}"
    names, others = [], 0
    for file in files_below(path):
        if file.name.startswith(".") or not file.name.lower().endswith(SUFFIXES):
            others += 1
        else:
            names.append(file.relative_to(path).as_posix())
    need(bool(names), f"{what} holds no images, expected files that end in {', '.join(SUFFIXES)}")
    names.sort()
    notes = (f"{others} files were left out, as they are no images or hidden",) if others else ()

    def read(indices: Sequence[int]) -> Iterator[bytes | UnreadableError]:
        return (read_file(path / names[i]) for i in indices)

    return Collection(what, tuple(names), read, notes)


def read_file(path: Path) -> bytes | UnreadableError:
    """The content of a file, or why it has none."""
    try:
        if path.exists() and not path.is_file():
            return UnreadableError("no file")  # a pipe, for one, would be waited for
        size = path.stat().st_size
        return path.read_bytes() if size <= MOST_BYTES else UnreadableError(f"{size} bytes, more than {MOST_BYTES}")
    except OSError as error:
        return UnreadableError(error.strerror or str(error))
