"""What a file of a set holds, and whether that is what was published."""

__all__ = ["check", "md5_of", "read"]

import gzip
import hashlib
import zlib
from pathlib import Path
from typing import BinaryIO, cast

from ...core.errors import ModescopeError, need
from .catalog import File

CHUNK = 2**20


def md5_of(where: Path, file: File) -> str:
    """The MD5 of a file; of a packed one, that of its content."""
    total = hashlib.md5(usedforsecurity=False)
    try:
        with opened(where, file) as stream:
            while piece := stream.read(CHUNK):
                total.update(piece)
    except (OSError, EOFError, zlib.error) as error:
        raise ModescopeError(f"{str(where)!r} cannot be read: {error}") from error
    return total.hexdigest()


def opened(where: Path, file: File) -> BinaryIO:
    """The content of a file as a stream; a packed one may have been unpacked."""
    with where.open("rb") as stream:
        packed = file.packed and stream.read(2) == b"\x1f\x8b"
    return cast(BinaryIO, gzip.open(where)) if packed else where.open("rb")


def check(where: Path, file: File, found: str) -> None:
    """Raises unless the hash of a file is the published one, if one is published."""
    need(
        file.md5 in ("", found),
        f"{str(where)!r} is not the published {file.name}: its MD5 is {found}, expected {file.md5}",
    )


def read(where: Path, file: File) -> bytes:
    """The content of a file, unpacked, if it is the published one.

    Raises:
        ModescopeError: If it cannot be read, or its hash is not the published one.
    """
    try:
        with opened(where, file) as stream:
            content = stream.read()
    except (OSError, EOFError, zlib.error) as error:
        raise ModescopeError(f"{str(where)!r} cannot be read: {error}") from error
    check(where, file, hashlib.md5(content, usedforsecurity=False).hexdigest())
    return content
