"""Pictures in a .zip archive, read in place: nothing is written to the disk."""

__all__ = ["from_zip"]

import zipfile
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath, PureWindowsPath

from ..core.errors import need
from .base import Source
from .decode import SUFFIXES, UnreadableError
from .pictures import Collection, from_collection
from .settle import Options, refuse

MOST_BYTES = 2**28  # of one file, unpacked
MOST_TOTAL = 2**40  # of all files, unpacked
MOST_RATIO = 100  # of unpacked to packed bytes; images are packed already
SMALL = 2**20  # a file up to this size may be packed as tightly as it likes


def from_zip(path: Path, options: Options) -> Source:
    """The pictures in a .zip archive, sorted by name.

    Left out with a note: names that lead out of the archive, what is encrypted, and what unpacks to much more than it
    takes, as a bomb does.

    Raises:
        ModescopeError: If it is no archive, or its files overlap or unpack to more than 1 TiB.
    """
    what = f"the archive {str(path)!r}"
    try:
        with zipfile.ZipFile(path) as archive:
            infos = [info for info in archive.infolist() if not info.is_dir()]
    except Exception as error:  # zipfile raises anything on damaged archives
        raise refuse(what, error) from error
    check_whole(infos, path, what)
    reasons = {info.filename: reason_against(info) for info in infos}
    left = [reason for reason in reasons.values() if reason]
    good = sorted(name for name, reason in reasons.items() if not reason)
    need(bool(good), f"{what} holds no images, expected files that end in {', '.join(SUFFIXES)}{told(left)}")
    notes = tuple(f"{count} files were left out: {reason}" for reason, count in sorted(Counter(left).items()))

    def read(indices: Sequence[int]) -> Iterator[bytes | UnreadableError]:
        with zipfile.ZipFile(path) as archive:
            for i in indices:
                yield read_entry(archive, good[i])

    return from_collection(Collection(what, tuple(good), read, notes), options)


def told(reasons: list[str]) -> str:
    """The first reason, for a sentence."""
    return f"; {reasons[0]}" if reasons else ""


def check_whole(infos: list[zipfile.ZipInfo], path: Path, what: str) -> None:
    """Raises if the archive as a whole is a bomb."""
    packed, unpacked = sum(info.compress_size for info in infos), sum(info.file_size for info in infos)
    need(packed <= path.stat().st_size, f"{what} holds files that overlap: it is damaged or made to do harm")
    need(unpacked <= MOST_TOTAL, f"{what} would unpack to {unpacked} bytes, expected at most {MOST_TOTAL}")


def reason_against(info: zipfile.ZipInfo) -> str:
    """Why a file of an archive is left out, or nothing."""
    path = PurePosixPath(info.filename.replace("\\", "/"))
    if path.is_absolute() or ".." in path.parts or PureWindowsPath(info.filename).drive:
        return "their names lead out of the archive"
    if any(part.startswith(".") or part == "__MACOSX" for part in path.parts) or path.suffix.lower() not in SUFFIXES:
        return "they are no images, or hidden"
    if info.flag_bits & 0x1:
        return "they are encrypted"
    if info.file_size > MOST_BYTES:
        return f"they unpack to more than {MOST_BYTES} bytes each"
    if info.file_size > SMALL and info.file_size > MOST_RATIO * max(1, info.compress_size):
        return f"they unpack to more than {MOST_RATIO} times their size"
    return ""


def read_entry(archive: zipfile.ZipFile, name: str) -> bytes | UnreadableError:
    """The content of a file of an archive, never more than its header says, or why it has none."""
    try:
        return archive.read(name)
    except Exception as error:  # and so does each way to unpack
        return UnreadableError(str(error).splitlines()[0] if str(error) else type(error).__name__)
