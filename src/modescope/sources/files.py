"""Samples in a file of numbers: .npy, .npz, .csv, or a tensor in .pt."""

__all__ = ["from_npy", "from_npz", "from_table", "from_tensor_file"]

import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO

import numpy as np
import torch
from torch import Tensor

from ..core.errors import ModescopeError, nearest_name, need
from ..datasets.array import load_array
from .arrays import raw_rows, rows_of
from .base import Source
from .layout import to_rows
from .settle import Options, Raw, refuse, settle, subset


def from_npy(path: Path, options: Options) -> Source:
    """The array in a .npy file, which is mapped into memory, not read as a whole; pickled objects are refused."""
    what = f"{str(path)!r}"
    try:
        rows = np.load(path, mmap_mode="r", allow_pickle=False)
    except Exception as error:  # NumPy's readers raise anything on damaged headers
        raise refuse(what, error) from error
    need(isinstance(rows, np.ndarray), f"{what} is no .npy file, although it ends so")
    return subset(settle(raw_rows(rows, what), options), options)


def from_table(path: Path, options: Options) -> Source:
    """The rows of a .csv file, with commas and perhaps a line of names on top; they are held in memory."""
    rows = load_array(path, "")
    return subset(settle(raw_rows(rows, f"{str(path)!r}"), options), options)


def from_tensor_file(path: Path, options: Options) -> Source:
    """The tensor that ``torch.save`` wrote; anything else in the file is refused, unloaded."""
    what = f"{str(path)!r}"
    try:
        rows = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # whatever a damaged or foreign file raises
        raise ModescopeError(
            f"{what} holds neither a tensor nor a TorchScript network: a pickled network is not loaded, as that would "
            "run any code in it; write it with torch.jit.script(generator).save(path)"
        ) from error
    need(
        isinstance(rows, Tensor),
        f"{what} holds a {type(rows).__name__}, expected one tensor of samples or a TorchScript network",
    )
    return subset(settle(raw_rows(rows, what), options), options)


@dataclass(frozen=True)
class Member:
    """One array of a .npz file.

    Arguments:
        name: Its key.
        shape: Its shape.
        dtype: The dtype of its numbers.
        rows: Whether its numbers lie sample after sample.
    """

    name: str
    shape: tuple[int, ...]
    dtype: np.dtype
    rows: bool


def from_npz(path: Path, key: str, options: Options) -> Source:
    """One array of a .npz file, read block by block.

    Arguments:
        path: The file.
        key: Which array; may be left out where only one has two axes or more. An array of whole numbers of the same
            length beside it is the labels.
        options: What the user said.

    Raises:
        ModescopeError: If the file is damaged, the key is unknown, or it is not clear which array is meant.
    """
    what = f"{str(path)!r}"
    try:
        members = members_of(path)
        member = pick(members, key, what)
        beside = [m for m in members if is_labels(m, len_of(member)) and m is not member]
        labels = torch.from_numpy(load_array(path, beside[0].name).astype(np.int64)) if len(beside) == 1 else None
        need(member.dtype.kind in "fiu", f"{what} holds {member.dtype} values, expected real numbers")
        if member.rows and len(member.shape) > 1 and all(member.shape):
            raw = Raw(what, partial(read_member, path, member), len_of(member), labels)
        else:
            raw = raw_rows(load_array(path, member.name), what, labels)
        return subset(settle(raw, options), options)
    except ModescopeError:
        raise
    except Exception as error:  # readers of archives and headers raise anything on damaged ones
        raise refuse(what, error) from error


def len_of(member: Member) -> int:
    """How many samples an array holds."""
    return member.shape[0] if member.shape else 0


def is_labels(member: Member, count: int) -> bool:
    """Whether an array may be the classes of `count` samples."""
    return member.dtype.kind in "iu" and member.shape == (count,)


def pick(members: list[Member], key: str, what: str) -> Member:
    """The array that is meant."""
    names = {member.name: member for member in members}
    if key:
        if key not in names:
            raise nearest_name("array", key, names)
        return names[key]
    large = [member for member in members if len(member.shape) > 1] if len(members) > 1 else members
    need(
        len(large) == 1,
        f"{what} holds {len(members)} arrays: {', '.join(sorted(names))}; add the name of one as in "
        f"{what[1:-1] + ':' + (large or members)[0].name!r}"
        if members
        else f"{what} is empty: it holds no arrays",
    )
    return large[0]


def members_of(path: Path) -> list[Member]:
    """The arrays of a .npz file, by their headers alone."""
    found = []
    with zipfile.ZipFile(path) as archive:
        for name in archive.namelist():
            with archive.open(name) as file:
                shape, fortran, dtype = read_header(file)
            found.append(Member(name.removesuffix(".npy"), shape, dtype, not fortran))
    return found


def read_header(file: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype]:
    """Shape, whether the order is Fortran's, and dtype; the file then stands at the numbers."""
    version = np.lib.format.read_magic(file)
    readers = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
    need(version in readers, f"an array is written in version {version} of NumPy's format, expected 1.0 or 2.0")
    return readers[version](file)


def read_member(path: Path, member: Member) -> Iterator[Tensor]:
    """An array of a .npz file, block by block."""
    what = f"{str(path)!r}"
    each = int(np.prod(member.shape[1:])) * member.dtype.itemsize
    size = rows_of(member.shape)
    try:
        with zipfile.ZipFile(path) as archive, archive.open(entry(archive, member.name)) as file:
            read_header(file)
            for start in range(0, len_of(member), size):
                count = min(size, len_of(member) - start)
                content = file.read(count * each)
                need(len(content) == count * each, f"{what} was cut short: it ends within sample {start}")
                yield to_rows(np.frombuffer(content, member.dtype).reshape(count, *member.shape[1:]), what)
    except ModescopeError:
        raise
    except Exception as error:
        raise refuse(what, error) from error


def entry(archive: zipfile.ZipFile, name: str) -> str:
    """The file in the archive that holds the array `name`."""
    return f"{name}.npy" if f"{name}.npy" in archive.namelist() else name
