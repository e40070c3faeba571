"""Whether the files of a run are what was written."""

__all__ = ["FileCheck", "verify_run", "verify_sealed"]

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

from ..core.config import MOST_MEMBERS
from ..core.errors import ModescopeError, is_whole, need
from ..core.sealed import seal_fits
from .store import SEALED, BlockStore, as_committed, as_kept, block_folder, read_sealed

Verdict = Literal["whole", "damaged", "unknown"]


@dataclass(frozen=True)
class FileCheck:
    """What a checksum says of a file.

    Arguments:
        path: The file.
        verdict: ``whole``, ``damaged`` (a missing file is, too), or ``unknown`` where no checksum is kept.
        note: Why it is not whole.
    """

    path: Path
    verdict: Verdict
    note: str = ""


def verify_run(folder: str | Path) -> list[FileCheck]:
    """Reads every file of a run and compares it with its checksum.

    The SHA-256 of ``config.json`` and of each ``checkpoint.json`` stands in the file itself; a block's
    ``checkpoint.json`` holds the SHA-256 of its state and samples, and the length and the CRC-32 of its logs. What a
    log grew by since the last checkpoint is not checked: a resumed run writes it anew.

    Arguments:
        folder: The run's folder.

    Returns:
        A row for each file, those without a place in a run last.

    Raises:
        ModescopeError: If the folder is no run's.
    """
    folder = Path(folder)
    config, blocks = folder / "config.json", {path for path in folder.glob("block-[0-9]*") if path.is_dir()}
    need(config.is_file() or bool(blocks), f"{str(folder)!r} is no run: it has no config.json")
    checks, own = [checked(config, lambda: planned(config) > 0 and read_sealed(config)["schema"] >= SEALED)], blocks
    if checks[0].verdict != "damaged":
        own = {block_folder(folder, index) for index in range(planned(config))}
    for block in sorted(own):
        checks += verify_block(BlockStore(block))
    known = {check.path for check in checks}
    others = [path for place in (folder, *sorted(own | blocks)) if place.is_dir() for path in sorted(place.iterdir())]
    checks += [
        FileCheck(path, "unknown", "it is none of the run's files")
        for path in others
        if path.is_file() and path not in known and path.name != "lock"
    ]
    return checks


def planned(config: Path) -> int:
    """How many blocks a run has, by its configuration alone: its data need not be at hand."""
    with as_kept(config):
        plain = read_sealed(config)["experiment"]
        members, block = len(plain["seeds"]) * math.prod(map(len, plain["sweep"].values())), plain["block"]
        need(is_whole(block, 1), f"{str(config)!r} has block {block!r}, expected a whole number of at least 1")
        need(members <= MOST_MEMBERS, f"{str(config)!r} has {members:,} members, expected at most {MOST_MEMBERS:,}")
        return math.ceil(members / block)


def verify_sealed(path: Path) -> FileCheck:
    """Compares a JSON file with the checksum that it carries, e.g. the results of a benchmark."""

    def fits() -> bool:
        need(seal_fits(path.read_bytes()), f"{str(path)!r} was changed or damaged since it was written")
        return True

    return checked(path, fits)


def verify_block(store: BlockStore) -> Iterator[FileCheck]:
    """The files of one block."""
    if not store.manifest_path.exists():
        yield FileCheck(store.manifest_path, "unknown", "there is none: the block has no checkpoint yet, or lost it")
        return
    own = checked(store.manifest_path, lambda: (store.manifest() or {})["schema"] >= SEALED)
    yield own
    if own.verdict == "damaged":
        return
    manifest = store.manifest() or {}
    yield checked(store.folder / manifest["state"], lambda: store.load() is not None)
    for name, path in store.logs.items():
        yield checked(path, partial(as_committed, path, name, manifest))
    if manifest["done"]:
        kept = manifest.get("samples_sha256") is not None
        yield checked(store.samples_path, lambda: store.samples() is not None and kept)


def checked(path: Path, fits: Callable[[], bool]) -> FileCheck:
    """One file.

    Arguments:
        path: The file.
        fits: Says whether there is a checksum that fits; raises if it does not fit.
    """
    try:
        need(path.is_file(), f"{str(path)!r} is missing")
        fit = fits()
    except (ModescopeError, OSError) as error:
        return FileCheck(path, "damaged", str(error))
    return FileCheck(path, "whole") if fit else FileCheck(path, "unknown", "an older version kept no checksum of it")
