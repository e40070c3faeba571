"""The folder of one block of a run: logs that only grow, and checkpoints that commit them.

``checkpoint.json`` names the newest state and how many bytes of each log belong to it. It is replaced in one step, last
of all, so whatever moment a run is killed at, the folder holds one consistent past. It also keeps a checksum of each
file, and of itself, so nothing that was damaged since is ever used.
"""

__all__ = ["BlockStore", "as_kept", "read_json", "read_sealed"]

import contextlib
import fcntl
import hashlib
import json
import os
import time
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from ..core.errors import ModescopeError, need
from ..core.files import atomic_write, jsonable
from ..core.sealed import seal_fits, sealed
from .experiment import SCHEMA, first_difference

SEALED = 2  # the first schema whose files carry checksums
CHUNK = 1 << 20


def block_folder(run: Path, index: int) -> Path:
    """Where a run keeps one of its blocks."""
    return run / f"block-{index:03d}"


class BlockStore:
    """The files of one block.

    Arguments:
        folder: The block's folder.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.stats_path = folder / "stats.jsonl"
        self.snapshots_path = folder / "snapshots.bin"
        self.manifest_path = folder / "checkpoint.json"
        self.samples_path = folder / "samples.safetensors"
        self.logs = {"stats": self.stats_path, "snapshot": self.snapshots_path}  # by their names in checkpoint.json

    # Writing

    @contextlib.contextmanager
    def locked(self, patience: float = 15.0) -> Iterator[None]:
        """Keeps other processes from training this block.

        Raises:
            ModescopeError: If another process still holds it after `patience` seconds.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / "lock").open("w") as file:
            give_up = time.monotonic() + patience
            while True:
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except OSError:
                    need(time.monotonic() < give_up, f"another process is training {str(self.folder)!r}")
                    time.sleep(0.1)
            yield

    def append(self, line: Mapping[str, Any], snapshot: np.ndarray) -> None:
        """Adds a look to the logs."""
        with self.snapshots_path.open("ab") as file:  # first, so that whoever reads a line finds its snapshot
            file.write(np.ascontiguousarray(snapshot, dtype="<f4").tobytes())
        with self.stats_path.open("ab") as file:
            file.write(json.dumps(jsonable(line), allow_nan=False).encode() + b"\n")

    def commit(self, state: Mapping[str, Tensor], step: int, config: Mapping[str, Any], done: bool) -> None:
        """Makes a checkpoint of the state and of the logs as they are now."""
        before = self.manifest() or {}
        name, digest = before.get("state"), before.get("sha256")
        if before.get("step") != step or not (self.folder / str(name)).is_file():
            name = f"state-{step:09d}.safetensors"
            content = save({key: value.cpu() for key, value in state.items()})
            digest = hashlib.sha256(content).hexdigest()
            atomic_write(self.folder / name, content)
        # The state of a step that is kept already stays: written anew it would not fit the manifest until that is, too.
        manifest = {
            "schema": SCHEMA,
            "block": self.folder.name,
            "step": step,
            "done": done,
            "state": name,
            "sha256": digest,
            **{key: value for name, path in self.logs.items() for key, value in grown(path, name, before).items()},
            "samples_sha256": hashlib.sha256(self.samples_path.read_bytes()).hexdigest() if done else None,
            "config": config,
        }
        atomic_write(self.manifest_path, sealed(manifest))
        for old in self.folder.glob("state-*.safetensors"):
            if old.name != name:
                old.unlink()

    def write_samples(self, samples: Tensor, lost: Tensor) -> None:
        """Keeps the final samples.

        Arguments:
            samples: As the data set keeps them, with shape `(S, n, D)`, of any kind of number.
            lost: Which were NaN or infinite before, with shape `(S, n)`; bytes, as images are kept, cannot say so.
        """
        marks = {"lost": lost.cpu()} if lost.any() else {}
        atomic_write(self.samples_path, save({"samples": samples.cpu().contiguous(), **marks}))

    def rewind(self) -> None:
        """Cuts the logs back to the newest checkpoint, or to nothing if there is none, and clears what a kill left.

        Raises:
            ModescopeError: If a log was damaged.
        """
        manifest = self.manifest() or {}
        for name, path in self.logs.items():
            as_committed(path, name, manifest)
            if path.exists():
                with path.open("ab") as file:
                    file.truncate(manifest.get(f"{name}_bytes", 0))
        for half in self.folder.glob(".*.tmp"):
            half.unlink()

    # Reading

    def manifest(self) -> dict[str, Any] | None:
        """The newest checkpoint's description, or None before the first.

        Raises:
            ModescopeError: If it was damaged, written by a later version, or is another block's.
        """
        if not self.manifest_path.exists():
            return None
        manifest = read_sealed(self.manifest_path)
        block = manifest.get("block", self.folder.name)  # older versions did not write it
        need(block == self.folder.name, f"{str(self.manifest_path)!r} is of {block}: folders were exchanged")
        wanted = {"step", "done", "state", "sha256", "stats_bytes", "snapshot_bytes", "config"}
        missing = sorted(wanted - manifest.keys())
        need(not missing, f"{str(self.manifest_path)!r} lacks {', '.join(missing)}: it was changed or damaged")
        for key in ("step", "stats_bytes", "snapshot_bytes"):
            value = manifest[key]
            need(
                isinstance(value, int) and value >= 0,
                f"{str(self.manifest_path)!r} has {key} {value!r}, expected a whole number of at least 0",
            )
        return manifest

    def load(self, config: Mapping[str, Any] | None = None) -> dict[str, Tensor] | None:
        """The newest state, or None before the first checkpoint.

        Arguments:
            config: What the run is configured as now, which must be what it was.

        Raises:
            ModescopeError: If the configuration changed, or the file is truncated or altered.
        """
        manifest = self.manifest()
        if manifest is None:
            return None
        if config is not None:
            unchanged(manifest["config"], config)
        name = manifest["state"]
        need(isinstance(name, str) and Path(name).name == name, f"{str(self.manifest_path)!r} names no file: {name!r}")
        path = self.folder / name
        need(path.is_file(), f"checkpoint {str(path)!r} is missing")
        content = path.read_bytes()
        digest = hashlib.sha256(content).hexdigest()
        need(
            digest == manifest["sha256"],
            f"checkpoint {str(path)!r} was truncated or changed: its sha256 is {digest[:12]}…, "
            f"expected {str(manifest['sha256'])[:12]}…",
        )
        try:
            return load(content)
        except SafetensorError as error:
            raise ModescopeError(f"checkpoint {str(path)!r} is damaged: {error}") from error

    def stats(self) -> list[dict[str, Any]]:
        """The lines of the log, the committed ones and those of a run that goes on.

        Raises:
            ModescopeError: If the log was damaged.
        """
        as_committed(self.stats_path, "stats", self.manifest() or {})
        if not self.stats_path.exists():
            return []
        lines = self.stats_path.read_bytes().split(b"\n")[:-1]  # what follows the last newline is half a line
        try:
            looks = [json.loads(line) for line in lines]
        except (ValueError, RecursionError) as error:
            raise ModescopeError(f"{str(self.stats_path)!r} is damaged: {error}") from error
        need(all(isinstance(look, dict) for look in looks), f"{str(self.stats_path)!r} is damaged: a look is no object")
        return looks

    def snapshots(self, members: int, count: int, dim: int) -> np.ndarray:
        """What the looks kept, with shape `(T, S, count, D)`.

        Raises:
            ModescopeError: If it was damaged.
        """
        as_committed(self.snapshots_path, "snapshot", self.manifest() or {})
        length = self.snapshots_path.stat().st_size // 4 if self.snapshots_path.exists() else 0
        flat = np.memmap(self.snapshots_path, "<f4", "r", shape=(length,)) if length else np.empty(0, "<f4")
        each = members * count * dim
        looks = len(flat) // each if each else 0
        return flat[: looks * each].reshape(looks, members, count, dim)

    def samples(self, config: Mapping[str, Any] | None = None) -> tuple[Tensor, Tensor] | None:
        """The final samples, and which are lost, as :meth:`write_samples` has them; None before the end.

        Arguments:
            config: What the run is configured as now, which must be what it was.

        Raises:
            ModescopeError: If the configuration or the file was changed.
        """
        manifest = self.manifest()
        if manifest is None or not manifest["done"] or not self.samples_path.exists():
            return None
        if config is not None:
            unchanged(manifest["config"], config)
        content, path = self.samples_path.read_bytes(), str(self.samples_path)
        expected = manifest.get("samples_sha256")
        need(expected in (None, hashlib.sha256(content).hexdigest()), f"{path!r} was truncated or changed")
        try:
            found = load(content)
            return found["samples"], found.get("lost", torch.zeros(found["samples"].shape[:2], dtype=torch.bool))
        except (SafetensorError, KeyError) as error:
            raise ModescopeError(f"{path!r} is damaged: {error}") from error


@contextlib.contextmanager
def as_kept(path: Path) -> Iterator[None]:
    """Tells in one sentence where a run's file holds something else than what a run keeps there."""
    try:
        yield
    except ModescopeError:
        raise
    except (KeyError, TypeError, ValueError, AttributeError, IndexError, ArithmeticError, RuntimeError) as error:
        what = f"{type(error).__name__}: {error}"
        raise ModescopeError(f"{str(path)!r} does not hold what a run keeps there: {what}") from error


def unchanged(old: Mapping[str, Any], new: Mapping[str, Any]) -> None:
    """Refuses a configuration that is not the one that a checkpoint was made with."""
    changed = first_difference(old, new)
    need(changed is None, f"the run's config was changed since its checkpoint: {changed}")


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object from a file.

    Raises:
        ModescopeError: If it is no JSON object.
    """
    try:
        return json_object(path.read_bytes(), path)
    except OSError as error:
        raise ModescopeError(f"{str(path)!r} cannot be read as JSON: {error}") from error


def json_object(content: bytes, path: Path) -> dict[str, Any]:
    """The JSON object that the content of a file is."""
    try:
        found = json.loads(content.decode())
    except (ValueError, RecursionError) as error:
        raise ModescopeError(f"{str(path)!r} cannot be read as JSON: {error}") from error
    need(isinstance(found, dict), f"{str(path)!r} holds a {type(found).__name__}, expected a JSON object")
    return found


def read_sealed(path: Path) -> dict[str, Any]:
    """A JSON object of a run's folder, which says the schema that it follows.

    Raises:
        ModescopeError: If it is no JSON object, was damaged, or written by a later version.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ModescopeError(f"{str(path)!r} cannot be read: {error.strerror or error}") from error
    found = json_object(content, path)
    schema = found.get("schema")
    need(
        isinstance(schema, int) and 1 <= schema <= SCHEMA,
        f"{str(path)!r} has schema {schema!r}, expected 1 to {SCHEMA}: it was damaged, or needs a later modescope",
    )
    need(
        found["schema"] < SEALED or seal_fits(content),
        f"{str(path)!r} was changed or damaged since it was written: its checksum does not fit",
    )
    return found


def grown(path: Path, name: str, before: Mapping[str, Any]) -> dict[str, int]:
    """How many bytes of a log are on the disk, and their CRC-32, worked out from that of the last checkpoint.

    What the log held at the last checkpoint is not read again, so damage to it never gets a checksum that fits.

    Arguments:
        path: The log.
        name: What its entries in a checkpoint's description begin with.
        before: The description of the last checkpoint, empty before the first.
    """
    size, known = flushed_size(path), before.get(f"{name}_crc32")
    start = 0 if known is None else before[f"{name}_bytes"]
    return {f"{name}_bytes": size, f"{name}_crc32": crc32_of(path, start, size, known or 0)}


def as_committed(path: Path, name: str, manifest: Mapping[str, Any]) -> bool:
    """Raises if what a log held at the newest checkpoint was cut short or changed; see :func:`grown`.

    Returns:
        Whether there is a checksum; an older version kept the length alone.
    """
    wanted, crc = manifest.get(f"{name}_bytes", 0), manifest.get(f"{name}_crc32")
    have = path.stat().st_size if path.exists() else 0
    need(have >= wanted, f"{str(path)!r} has {have} bytes, expected at least {wanted}: it was cut short")
    if crc is not None:
        fits = crc32_of(path, 0, wanted, 0) == crc
        need(fits, f"{str(path)!r} was changed or damaged since it was written: its checksum does not fit")
    return crc is not None


def crc32_of(path: Path, start: int, stop: int, crc: int) -> int:
    """The CRC-32 of bytes that end before `stop`, from `crc`, that of those before `start`."""
    with path.open("rb") as file:
        file.seek(start)
        for position in range(start, stop, CHUNK):
            crc = zlib.crc32(file.read(min(CHUNK, stop - position)), crc)
    return crc


def flushed_size(path: Path) -> int:
    """The size of a log, once it is on the disk."""
    with path.open("ab") as file:
        flush(file)
        return file.tell()


def flush(file: IO[bytes]) -> None:
    """Waits until the disk has what was written."""
    file.flush()
    os.fsync(file.fileno())
