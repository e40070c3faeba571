r"""Your own samples, from a file or from memory."""

__all__ = ["ArrayData", "FixedSet", "load_array"]

import abc
import hashlib
import zipfile
from dataclasses import InitVar, dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import embedding

from ..core.errors import ModescopeError, nearest_name, need
from ..core.files import seen_from
from .base import Dataset

MOST_ROWS = 2**24


@dataclass(frozen=True, kw_only=True)
class FixedSet(Dataset):
    """A finite set of points, each sample one of them at random."""

    @property
    @abc.abstractmethod
    def points(self) -> Tensor:
        """The points, with shape `(N, D)`."""

    @property
    def dim(self) -> int:
        return self.points.shape[-1]

    @property
    def finite(self) -> bool:
        return True

    @property
    def uniforms(self) -> int:
        return 1

    @property
    def normals(self) -> int:
        return 0

    def push(self, uniform: Tensor, normal: Tensor) -> Tensor:
        points = _placed(self, uniform.dtype, uniform.device)
        index = (uniform[..., 0] * len(points)).long()  # never N: the greatest float below 1 times N rounds below N
        return embedding(index, points)


@lru_cache(maxsize=8)
def _placed(data: FixedSet, dtype: torch.dtype, device: torch.device) -> Tensor:
    """The points as `push` reads them, moved once."""
    return data.points.to(device, dtype)


@dataclass(frozen=True, kw_only=True)
class ArrayData(FixedSet):
    r"""The rows of an array, each as likely as the others; no density and no known modes.

    Arguments:
        path: A ``.npy`` or ``.npz`` file, or a ``.csv`` file with commas and perhaps a line of names on top, which
            must not be 0, 1, 2, ..., as these may be a sample. Pickled objects are never loaded.
        key: Which array of a ``.npz`` file; may be left out where it has only one.
        digest: The SHA-256 of the shape and the numbers, found on loading. If given, the file must match it, so that a
            run is never compared with data that changed since.
        array: The numbers themselves, with shape `(N, D)`, in place of a file; see :meth:`from_array`.

    Raises:
        ModescopeError: If the file is missing or cannot be read, or does not hold a matrix of finite real numbers.

    Note:
        A single-precision uniform takes 2^24 values, which is the most rows that can be drawn from; near it some rows
        come up more often than others.
    """

    summary: ClassVar[str] = "your own samples, from a .npy, .npz or .csv file"

    path: str = ""
    key: str = ""
    digest: str = ""
    array: InitVar[Any] = None
    rows: Tensor = field(init=False, repr=False, compare=False)

    def __post_init__(self, array: Any) -> None:
        need(
            bool(self.path) != (array is not None),
            "array data is held in a file or in memory: give a path, or an array with ArrayData.from_array",
        )
        object.__setattr__(self, "path", str(self.path))
        source = f"{self.path!r}" if self.path else "the array"
        found = load_array(Path(self.path), self.key) if self.path else _to_numpy(array)
        rows = _checked(found, source)
        digest = hashlib.sha256(repr(rows.shape).encode() + rows.astype("<f8").tobytes()).hexdigest()
        need(
            self.digest in ("", digest),
            f"{source} has changed: its digest is {digest[:12]}..., expected {self.digest[:12]}...",
        )
        object.__setattr__(self, "digest", digest)
        object.__setattr__(self, "rows", torch.from_numpy(rows))

    @classmethod
    def from_array(cls, array: Any) -> Self:
        """The data set of the rows of a NumPy array, a tensor or nested lists, with shape `(N, D)`; it is copied."""
        return cls(array=array)

    @property
    def points(self) -> Tensor:
        return self.rows

    def no_density(self) -> str:
        return "only its rows are known"


def _to_numpy(array: Any) -> np.ndarray:
    """`array` as a NumPy array."""
    try:
        return np.array(array.detach().cpu().numpy() if isinstance(array, Tensor) else array)
    except (TypeError, ValueError) as error:
        raise ModescopeError(f"the array cannot be read as a matrix: {error}") from error


def _checked(array: np.ndarray, source: str) -> np.ndarray:
    """`array` as a matrix of finite floats, in single precision where it came so and in double otherwise."""
    need(
        array.dtype.kind in "fiu",
        f"{source} holds {array.dtype} values, expected real numbers",
    )
    hint = "; reshape one coordinate to (N, 1)" if array.ndim == 1 else ""
    need(array.ndim == 2, f"{source} has shape {array.shape}, expected (rows, columns){hint}")
    need(array.size > 0, f"{source} is empty, its shape is {array.shape}")
    need(len(array) <= MOST_ROWS, f"{source} has {len(array)} rows, expected at most {MOST_ROWS}")
    with np.errstate(over="ignore"):  # what single precision cannot hold would become infinite in training
        good = np.isfinite(array.astype(np.float32)).all(axis=1)
    if not good.all():
        bad = np.flatnonzero(~good)
        raise ModescopeError(
            f"{source} has values that are NaN, infinite or beyond 3e38 in {len(bad)} of {len(array)} rows, "
            f"the first is row {bad[0]} counted from 0"
        )
    return np.ascontiguousarray(array, dtype=np.float32 if array.dtype == np.float32 else np.float64)


def load_array(path: Path, key: str) -> np.ndarray:
    """The array in a file."""
    readers = {".npy": _load_npy, ".npz": _load_npz, ".csv": _load_csv}
    suffix = path.suffix.lower()
    need(suffix in readers, f"{str(path)!r} is of an unknown kind, expected a file that ends in {', '.join(readers)}")
    need(path.is_file(), f"there is no file {str(path)!r}{seen_from(path)}")
    need(not key or suffix == ".npz", f"key is {key!r}, but only a .npz file has keys, not {str(path)!r}")
    try:
        return readers[suffix](path, key)
    except ModescopeError:
        raise
    except Exception as error:  # readers raise anything on damaged files
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ModescopeError(f"{str(path)!r} cannot be read as a {suffix} file: {reason}") from error


def _load_npy(path: Path, key: str) -> np.ndarray:
    with path.open("rb") as file:
        return np.lib.format.read_array(file, allow_pickle=False)


def _load_npz(path: Path, key: str) -> np.ndarray:
    with zipfile.ZipFile(path) as archive:
        names = {name.removesuffix(".npy"): name for name in archive.namelist()}
        if key and key not in names:
            raise nearest_name("array", key, names)
        need(
            bool(key) or len(names) == 1,
            f"{str(path)!r} holds {len(names)} arrays, give the key of one: {', '.join(sorted(names))}",
        )
        with archive.open(names[key or next(iter(names))]) as file:
            return np.lib.format.read_array(file, allow_pickle=False)


def _load_csv(path: Path, key: str) -> np.ndarray:
    lines = [line for line in path.read_text(encoding="utf-8-sig").splitlines() if line.strip()]
    need(bool(lines), f"{str(path)!r} is empty")
    cells = [cell.strip().strip('"') for cell in lines[0].split(",")]
    _check_names(cells, path)
    header = not any(map(_is_float, cells))
    need(len(lines) > header, f"{str(path)!r} has a line of names and no rows")
    return np.loadtxt(lines[header:], delimiter=",", ndmin=2, quotechar='"', dtype=np.float64)


def _check_names(cells: list[str], path: Path) -> None:
    """Raises where the first line, as pandas may write it, leaves open what is a sample and what a coordinate."""
    need(
        cells != [str(index) for index in range(len(cells))],
        f"{str(path)!r} starts with the line {','.join(cells)}, which may be the names of columns or a sample: take it "
        f"out (pandas' to_csv with header=False), or write {cells[0]}.0 in it if it is a sample",
    )
    need(
        cells[0] != "" or len(cells) == 1,
        f"{str(path)!r} has a first column without a name, as of the numbers of rows: take it out (pandas' to_csv with "
        "index=False), or name it if it is a coordinate",
    )


def _is_float(text: str) -> bool:
    """Whether a cell of a file is a number."""
    try:
        float(text)
    except ValueError:
        return False
    return True
