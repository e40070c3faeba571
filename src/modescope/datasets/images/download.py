"""One file from the network, whole or not at all."""

__all__ = ["download"]

import errno
import os
import secrets
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

from ...core.errors import ModescopeError, extra, need
from .catalog import File
from .content import md5_of

PATIENCE = 30  # seconds without an answer
CHUNK = 2**16
LOCAL = (  # what a disk can say; the network's errors have other numbers, or none
    *(errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM, errno.EIO, errno.EFBIG, errno.ENOTDIR),
    *(errno.EISDIR, errno.ENAMETOOLONG),
)


def download(file: File, target: Path) -> None:
    """Downloads a file from the first of its homes that gives it.

    It arrives under another name, is checked, and takes its own name at once: what was there before stays until then.

    Arguments:
        file: What is known of it.
        target: Where it should lie.

    Raises:
        ModescopeError: If no home gives it; all reasons are told.
    """
    reasons = []
    for url in file.urls:
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            bring(url, file, target)
            return
        except (OSError, ValueError) as error:  # no network, cut off, or another file than expected
            need(not is_local(error), f"{file.name} cannot be kept in {str(target.parent)!r}: {error}")
            reasons.append(reason_of(error, url))
    raise ModescopeError(f"{file.name} cannot be downloaded: {'; '.join(reasons)}")


def is_local(error: Exception) -> bool:
    """Whether it is this machine that fails, e.g. by a full disk, and no host."""
    return isinstance(error, OSError) and error.errno in LOCAL


def bring(url: str, file: File, target: Path) -> None:
    """Downloads one address."""
    fresh = target.with_name(f".{target.name}.{secrets.token_hex(4)}.tmp")
    try:
        with Bar(target.name) as bar:
            pooch = extra("pooch", "images", "downloading data")
            pooch.HTTPDownloader(progressbar=bar, chunk_size=CHUNK, timeout=PATIENCE)(url, str(fresh), None)
        found = md5_of(fresh, file)
        need(found == file.md5, f"what comes has the MD5 {found}, expected {file.md5}")
        os.replace(fresh, target)  # noqa: PTH105 - the one call that is atomic and replaces on every platform
    finally:
        fresh.unlink(missing_ok=True)


def reason_of(error: Exception, url: str) -> str:
    """Why an address gave nothing, in a few words."""
    requests = extra("requests", "images", "downloading data")
    host = urlsplit(url).netloc
    if isinstance(error, requests.ConnectionError):
        return f"{host} cannot be reached"
    lines = str(error).strip().splitlines()
    return f"{host} failed: {lines[0] if lines else type(error).__name__}"


class Bar:
    """Progress on standard error, where that is a terminal, in the form that pooch reports to.

    Arguments:
        name: What is downloaded.
    """

    def __init__(self, name: str) -> None:
        console = Console(stderr=True)
        columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
        self.bar = Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
        self.task = self.bar.add_task(name, total=None)
        self.total = 0

    def __enter__(self) -> "Bar":
        self.bar.start()
        return self

    def __exit__(self, *caught: Any) -> None:
        self.bar.stop()

    def update(self, count: int) -> None:
        """Counts bytes that came."""
        self.bar.update(self.task, advance=count, total=self.total or None)

    def reset(self) -> None:
        """Begins again at 0."""
        self.bar.reset(self.task)

    def close(self) -> None:
        """Nothing: the bar ends with its block."""
