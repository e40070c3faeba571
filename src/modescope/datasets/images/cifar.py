"""The files of CIFAR-10, as their authors publish them."""

__all__ = ["archived_binary", "archived_python", "binary_batches", "parse_batch", "parse_pickle", "python_batches"]

import io
import pickletools
import tarfile
import zlib
from collections.abc import Callable, Mapping
from pathlib import PurePosixPath

import torch
from torch import Tensor

from ...core.errors import ModescopeError, need
from .arrays import Arrays, arrays_of
from .catalog import BATCHES
from .content import read
from .store import Found

SHAPE = (3, 32, 32)
PIXELS = 3 * 32 * 32
CLASSES = 10
NUMBERS = ("BININT1", "BININT2", "BININT", "INT")  # instructions of a pickle that hold a number
REFERENCES = ("GLOBAL", "PUT", "GET")  # and those whose text is no content

Batch = tuple[Tensor, Tensor]


def binary_batches(found: Found, split: str) -> Arrays:
    """The batches in the folder ``cifar-10-batches-bin``, of which no hash is published, but the length is known."""
    contents = {}
    for file, where in found.pairs():
        if of_split(where.name, split):
            contents[where.name] = content = read(where, file)
            what = f"{str(where)!r} has {len(content)} bytes, expected {file.size}: it is not whole"
            need(len(content) == file.size, what)
    return together(contents, parse_batch)


def python_batches(found: Found, split: str) -> Arrays:
    """The batches in the folder ``cifar-10-batches-py``, whose hashes must be the published ones."""
    contents = {where.name: read(where, file) for file, where in found.pairs() if of_split(where.name, split)}
    return together(contents, parse_pickle)


def archived_binary(found: Found, split: str) -> Arrays:
    """The batches in ``cifar-10-binary.tar.gz``."""
    return together(members(found, split, ".bin"), parse_batch)


def archived_python(found: Found, split: str) -> Arrays:
    """The batches in ``cifar-10-python.tar.gz``."""
    return together(members(found, split, ""), parse_pickle)


def of_split(name: str, split: str) -> bool:
    """Whether a batch belongs to a split."""
    return name.startswith("test") == (split == "test")


def members(found: Found, split: str, suffix: str) -> dict[str, bytes]:
    """The batches of a split in an archive, read in place."""
    wanted = {f"{name}{suffix}" for name in BATCHES if of_split(name, split)}
    contents: dict[str, bytes] = {}
    for file, where in found.pairs():
        try:
            with tarfile.open(fileobj=io.BytesIO(read(where, file))) as archive:
                for member in archive:
                    name = PurePosixPath(member.name).name
                    stream = archive.extractfile(member) if name in wanted else None
                    if stream is not None:
                        contents[name] = stream.read()
        except (tarfile.TarError, EOFError, OSError, zlib.error) as error:
            raise ModescopeError(f"{str(where)!r} cannot be read: {error}") from error
        missing = sorted(wanted - set(contents))
        need(not missing, f"{str(where)!r} holds no {', '.join(missing)}")
    return contents


def together(contents: Mapping[str, bytes], parse: Callable[[bytes, str], Batch]) -> Arrays:
    """The images of all batches, in the order of their names."""
    batches = [parse(contents[name], name) for name in sorted(contents)]
    images = torch.cat([images for images, _ in batches])
    return arrays_of(images, torch.cat([labels for _, labels in batches]))


def parse_batch(content: bytes, what: str) -> Batch:
    """A binary batch: for each image one byte of class, then the rows of its red, its green and its blue.

    Raises:
        ModescopeError: If the length is no multiple of that of an image, or a class is above 9.
    """
    need(
        len(content) > 0 and len(content) % (1 + PIXELS) == 0,
        f"{what} has {len(content)} bytes, expected a multiple of {1 + PIXELS}, those of one image with its class",
    )
    rows = torch.frombuffer(bytearray(content), dtype=torch.uint8).view(-1, 1 + PIXELS)
    return rows[:, 1:].reshape(-1, *SHAPE), classes(rows[:, 0].long(), what)


def parse_pickle(content: bytes, what: str) -> Batch:
    """A Python batch: a pickled dictionary, whose instructions are read here and never carried out.

    The pixels are the one string that is as long as all of them, the classes are the numbers that follow the key
    ``labels``.

    Raises:
        ModescopeError: If it is not of that form.
    """
    strings: list[bytes] = []
    labels: list[int] = []
    after = b""
    try:
        for operation, argument, _ in pickletools.genops(content):
            if isinstance(argument, str | bytes) and operation.name not in REFERENCES:
                after = argument.encode("latin-1") if isinstance(argument, str) else argument
                strings.append(after)
            elif isinstance(argument, int) and operation.name in NUMBERS and after == b"labels":
                labels.append(argument)
    except (ValueError, UnicodeError, TypeError) as error:
        raise ModescopeError(f"{what} is no batch of CIFAR-10: {error}") from error
    pixels = [text for text in strings if len(text) == PIXELS * len(labels)] if labels else []
    need(len(pixels) == 1, f"{what} is no batch of CIFAR-10: no array in it has {PIXELS} values for each of its labels")
    images = torch.frombuffer(bytearray(pixels[0]), dtype=torch.uint8).view(-1, *SHAPE)
    return images, classes(torch.tensor(labels), what)


def classes(labels: Tensor, what: str) -> Tensor:
    """The classes, if they are ten."""
    least, greatest = int(labels.min()), int(labels.max())
    strange = least if least < 0 else greatest
    need(0 <= strange < CLASSES, f"{what} has the class {strange}, expected 0 to 9")
    return labels
