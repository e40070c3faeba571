"""Where the files of the image sets lie, and that they are the published ones."""

__all__ = [
    "Checked",
    "Found",
    "cache_folder",
    "fetch",
    "find",
    "path",
    "stamp_of",
    "verify",
]

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from ...core.errors import ModescopeError, extra, nearest_name, need
from ...core.files import files_below, sweep
from .catalog import SETS, File, ImageSet, Layout
from .content import md5_of

VARIABLE = "MODESCOPE_DATA"
DEBIAN = Path("/usr/share/datasets")  # where Debian's packages dataset-NAME put theirs


@dataclass(frozen=True)
class Found:
    """A set that is on this machine.

    Arguments:
        name: Its name.
        layout: The form it is in.
        folder: The folder of its files.
        files: Its files, in the order of the layout's.
    """

    name: str
    layout: Layout
    folder: Path
    files: tuple[Path, ...]

    def pairs(self) -> Iterator[tuple[File, Path]]:
        """What is known of each file, and where it is."""
        return zip(self.layout.files, self.files, strict=True)

    def stamp(self) -> int:
        """A number that changes with the content of the files."""
        return stamp_of(self.files or files_below(self.folder))


def stamp_of(files: Iterable[Path]) -> int:
    """A number that changes with the names, the sizes and the times of files."""
    return hash(tuple(sorted((str(file), *size_and_time(file)) for file in files)))


def size_and_time(file: Path) -> tuple[int, int]:
    """The size of a file and when it was written; zeros of a link that leads nowhere, or where nobody may look."""
    try:
        stat = file.stat()
    except OSError:
        return 0, 0
    return stat.st_size, stat.st_mtime_ns


def known(name: str) -> ImageSet:
    """What is known of a set."""
    if name not in SETS:
        raise nearest_name("image set", name, SETS)
    return SETS[name]


def cache_folder() -> Path:
    """The folder for what is downloaded and decoded."""
    return Path(extra("pooch", "images", "keeping downloaded data").os_cache("modescope")) / "data"


def places() -> Iterator[Path]:
    """The folders of data, in the order in which they are looked through; the last where data can be kept at all."""
    named = os.environ.get(VARIABLE)
    if named:
        need(Path(named).is_dir(), f"{VARIABLE} is {named!r}, expected a folder of data")
        yield Path(named)
    yield DEBIAN
    if find_spec("pooch") is not None:
        yield cache_folder()


def find(name: str) -> Found | None:
    """The set where it is found first, or None: in the folder ``MODESCOPE_DATA``, Debian's, then the cache.

    Raises:
        ModescopeError: If there is no such set.
    """
    layouts = known(name).layouts
    for place in places():
        for layout in layouts:
            for folder in layout.folders:
                files = present(place / folder, layout)
                if files is not None:
                    return Found(name, layout, place / folder, files)
    return None


def present(folder: Path, layout: Layout) -> tuple[Path, ...] | None:
    """The files of a layout in a folder, or None unless all are there: at least one, if their names are not known."""
    try:
        if not folder.is_dir() or not (layout.files or any(files_below(folder))):
            return None
        here = [[folder / name for name in file.names if (folder / name).is_file()] for file in layout.files]
    except OSError as error:  # nobody may look
        raise ModescopeError(f"the folder {str(folder)!r} cannot be read: {error.strerror}") from error
    return tuple(names[0] for names in here) if all(here) else None


def fetch(name: str) -> Found:
    """The set, downloaded if it is on this machine nowhere.

    A file appears under its name only when it is whole and its hash is right.

    Arguments:
        name: A name in :data:`modescope.datasets.images.SETS`.

    Raises:
        ModescopeError: If it cannot be downloaded, or what comes has another hash; says which files to put where.
    """
    sweep_downloads(known(name).layouts[0])
    found = find(name)
    if found:
        return found
    from .download import download  # brings a progress bar, which few need

    wanted = known(name)
    need(wanted.can_be_fetched, f"{name} is not on this machine, and nobody offers it for download: {advice(name)}")
    layout = wanted.layouts[0]
    folder = cache_folder() / layout.folders[0]
    try:
        for file in layout.files:
            if not any((folder / each).is_file() for each in file.names):
                download(file, folder / file.name)
    except ModescopeError as error:
        raise ModescopeError(f"{name} is not on this machine, and {error}; {advice(name)}") from error
    found = find(name)
    assert found is not None
    return found


def sweep_downloads(layout: Layout) -> None:
    """Removes what killed downloads left of these files in the cache, if there is one."""
    if find_spec("pooch") is not None:
        for file in layout.files:
            sweep(cache_folder() / layout.folders[0] / file.name)


def advice(name: str) -> str:
    """Which files to put where."""
    wanted = known(name)
    layout = wanted.layouts[0 if wanted.can_be_fetched else -1]
    files = ", ".join(file.name for file in layout.files) or f"the folder {Path(layout.folders[0]).name}"
    inner = Path(layout.folders[0]) if layout.files else Path(layout.folders[0]).parent
    place = os.environ.get(VARIABLE)
    where = repr(str(Path(place) / inner)) if place else f"{inner}/ in a folder that {VARIABLE} names"
    them = "it" if len(layout.files) < 2 else "them"
    return f"by hand, get {files} from {wanted.home} and put {them} into {where}"


def path(name: str) -> Path:
    """The folder in which the files of a set lie.

    Raises:
        ModescopeError: If they are not on this machine.
    """
    found = find(name)
    if found is None:
        how = f"modescope data fetch {name} downloads it; " if known(name).can_be_fetched else ""
        raise ModescopeError(f"{name} is not on this machine: {how}{advice(name)}")
    return found.folder


@dataclass(frozen=True)
class Checked:
    """A file of a set beside what was published.

    Arguments:
        path: The file.
        expected: The MD5 that it should have, empty where none is published.
        md5: The MD5 that it has.
        fault: Why it is not the published file; empty if it may be.
    """

    path: Path
    expected: str
    md5: str
    fault: str


def verify(name: str) -> list[Checked]:
    """Each file of a set beside what was published: a hash, or at least a length. Of a folder of images nothing is.

    Raises:
        ModescopeError: If the set is not on this machine.
    """
    path(name)
    found = find(name)
    assert found is not None
    return [checked(where, file) for file, where in found.pairs()]


def checked(where: Path, file: File) -> Checked:
    """One file beside what was published of it."""
    md5, size, fault = md5_of(where, file), where.stat().st_size, ""
    if file.md5 and md5 != file.md5:
        fault = f"its MD5 is {md5}, expected {file.md5}"
    elif not file.md5 and file.size not in (0, size):
        fault = f"it has {size:,} bytes, expected {file.size:,}"
    return Checked(where, file.md5, md5, fault)
