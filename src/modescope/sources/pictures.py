"""A collection of pictures, wherever they lie: found, looked through once, then read in batches."""

__all__ = ["Collection", "from_collection", "notes_on_pixels"]

import hashlib
import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from pathlib import PurePosixPath
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor

from ..core.errors import ModescopeError, need
from .base import Source
from .decode import Facts, Picture, UnreadableError, decode, fit, quiet
from .settle import Options, chosen, least_two

Used = TypeVar("Used")

WINDOW = 64  # pictures decoded side by side
FIRST_NAMES = 3  # of what was left out, in notes


@dataclass(frozen=True)
class Collection:
    """Where pictures are.

    Arguments:
        what: What it is, for sentences.
        names: The names of its pictures, as paths with ``/``, in order.
        read: Gives the content of the pictures of these numbers, which rise, or why one cannot be read.
        notes: What was left out already.
        labels: Their classes, where they are known other than by folders.
    """

    what: str
    names: tuple[str, ...]
    read: Callable[[Sequence[int]], Iterator[bytes | UnreadableError]]
    notes: tuple[str, ...] = ()
    labels: Tensor | None = None


@dataclass
class Survey:
    """What one pass over all pictures found."""

    good: list[int] = field(default_factory=list)
    bad: list[tuple[str, str]] = field(default_factory=list)
    sizes: Counter[tuple[int, int]] = field(default_factory=Counter)
    modes: Counter[str] = field(default_factory=Counter)
    grey: bool = True
    frames: int = 0
    turned: int = 0
    hash: "hashlib._Hash" = field(default_factory=hashlib.sha256)

    def add(self, index: int, name: str, content: bytes | UnreadableError, picture: Facts | UnreadableError) -> None:
        """Counts one picture."""
        if isinstance(content, UnreadableError) or isinstance(picture, UnreadableError):
            self.bad.append((name, str(picture)))
            return
        self.good.append(index)
        self.sizes[picture.size] += 1
        self.modes[picture.mode] += 1
        self.grey = self.grey and picture.grey
        self.frames += picture.frames > 1
        self.turned += picture.turned
        self.hash.update(hashlib.sha256(content).digest())

    @property
    def size(self) -> tuple[int, int]:
        """The commonest size; of equally common ones the largest."""
        return max(self.sizes, key=lambda size: (self.sizes[size], size[0] * size[1], size))

    @property
    def mode(self) -> str:
        """The mode that all are brought to: grey only if all are grey."""
        return "L" if self.grey else "RGB"


def from_collection(collection: Collection, options: Options) -> Source:
    """The pictures of a collection, all in one size and mode.

    Every picture is decoded once on opening, to know which can be read, and once more in each pass.

    Raises:
        ModescopeError: If fewer than two can be read, or with `strict` if any cannot, or is of another size.
    """
    survey = look_through(collection)
    what = collection.what
    first_bad = f": {survey.bad[0][0]!r} ({survey.bad[0][1]})" if survey.bad else ""
    need(bool(survey.good), f"none of the {len(collection.names)} images in {what} can be read{first_bad}")
    need(not (options.strict and survey.bad), f"{len(survey.bad)} images in {what} cannot be read{first_bad}")
    need(
        not (options.strict and len(survey.sizes) > 1),
        f"{what} has images of {len(survey.sizes)} sizes ({several(survey.sizes)}), expected one, as strict is set",
    )
    rows = chosen(len(survey.good), options.n, options.seed, what)
    taken = tuple(survey.good if rows is None else (survey.good[i] for i in rows.tolist()))
    least_two(len(taken), what)
    labels, classes = classes_of(collection, taken)
    size, mode = survey.size, survey.mode
    notes = (*collection.notes, *notes_on(survey))
    if rows is not None:
        notes = (*notes, f"{len(rows):,} of {len(survey.good):,} images were chosen at random (seed {options.seed})")
    about = f"images {mode} {size} {len(taken)} {options.seed if rows is not None else ''} {survey.hash.hexdigest()}"
    return Source(
        name=options.name,
        kind="images",
        shape=(1 if mode == "L" else 3, size[1], size[0]),
        count=len(taken),
        blocks=lambda: read_blocks(collection, taken, mode, size),
        labels=labels,
        classes=classes,
        notes=notes,
        digest=lambda: hashlib.sha256(about.encode()).hexdigest(),
    )


def look_through(collection: Collection) -> Survey:
    """Decodes every picture once."""
    survey = Survey()
    for index, content, picture in decoded(collection, range(len(collection.names)), lambda picture: picture.facts):
        survey.add(index, collection.names[index], content, picture)
    return survey


def decoded(
    collection: Collection, indices: Sequence[int], use: Callable[[Picture], Used]
) -> Iterator[tuple[int, bytes | UnreadableError, Used | UnreadableError]]:
    """What `use` makes of pictures, with their numbers and contents, decoded on all cores, a window at a time.

    Only what `use` gives outlives a picture's turn, so that no more full-size pictures are held than there are threads.
    """
    wanted = iter(indices)
    contents = collection.read(indices)
    with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
        while window := list(islice(contents, WINDOW)):
            with quiet():
                pictures = list(pool.map(partial(attempt, use=use), window))
            yield from zip(islice(wanted, len(window)), window, pictures, strict=True)


def attempt(content: bytes | UnreadableError, use: Callable[[Picture], Used]) -> Used | UnreadableError:
    """What `use` makes of a picture, or why there is none."""
    if isinstance(content, UnreadableError):
        return content
    try:
        return use(decode(content))
    except UnreadableError as reason:
        return reason


def read_blocks(collection: Collection, taken: tuple[int, ...], mode: str, size: tuple[int, int]) -> Iterator[Tensor]:
    """A pass over the pictures that can be read."""
    held: list[np.ndarray] = []
    for index, _, picture in decoded(collection, taken, lambda picture: fit(picture.pixels, mode, size)):
        if isinstance(picture, UnreadableError):
            raise ModescopeError(
                f"{collection.names[index]!r} in {collection.what} could be read when it was opened, but cannot now: "
                f"{picture}"
            )
        held.append(picture)
        if len(held) == WINDOW:
            yield torch.from_numpy(np.stack(held))
            held = []
    if held:
        yield torch.from_numpy(np.stack(held))


def classes_of(collection: Collection, taken: tuple[int, ...]) -> tuple[Tensor | None, tuple[str, ...]]:
    """Labels by the folders that pictures lie in, where all lie in folders and these are several."""
    if collection.labels is not None:
        return collection.labels[list(taken)], ()
    paths = [PurePosixPath(name).parts for name in collection.names]
    while paths and len({path[0] for path in paths}) == 1 and min(map(len, paths)) > 1:
        paths = [path[1:] for path in paths]
    folders = [path[0] if len(path) > 1 else "" for path in (paths[i] for i in taken)]
    classes = tuple(sorted(set(folders)))
    if len(classes) < 2 or "" in classes:
        return None, ()
    number = {name: i for i, name in enumerate(classes)}
    return torch.tensor([number[folder] for folder in folders]), classes


def notes_on(survey: Survey) -> tuple[str, ...]:
    """What is told of the pictures."""
    notes = []
    if survey.bad:
        first = ", ".join(f"{shown(name)} ({reason})" for name, reason in survey.bad[:FIRST_NAMES])
        more = ", ..." if len(survey.bad) > FIRST_NAMES else ""
        notes.append(f"{len(survey.bad)} images were left out, as they cannot be read: {first}{more}")
    if len(survey.sizes) > 1:
        others = sum(survey.sizes.values()) - survey.sizes[survey.size]
        width, height = survey.size
        notes.append(
            f"{others} images of other sizes were resized to {width} x {height}, the commonest, by Lanczos's filter "
            f"({several(survey.sizes)})"
        )
    return (*notes, *notes_on_pixels(survey))


def notes_on_pixels(survey: Survey) -> tuple[str, ...]:
    """What is told of how pixels were read."""
    notes = []
    if set(survey.modes) != {survey.mode}:
        word = "grey" if survey.mode == "L" else "colour (RGB)"
        listed = ", ".join(f"{count} of mode {mode}" for mode, count in sorted(survey.modes.items()))
        notes.append(f"images were brought to 8-bit {word}, without transparency: {listed}")
    if survey.frames:
        notes.append(f"of {survey.frames} files with several frames the first was taken")
    if survey.turned:
        notes.append(f"{survey.turned} images say in their EXIF data that they lie turned; they were taken as stored")
    return tuple(notes)


def shown(name: str) -> str:
    """A file's name for people, quoted where it holds what a terminal would obey, or what is no text."""
    return name if name.isprintable() else repr(name)


def several(sizes: Counter[tuple[int, int]]) -> str:
    """The commonest sizes in words."""
    first = ", ".join(f"{count} of {w} x {h}" for (w, h), count in sizes.most_common(FIRST_NAMES))
    return first + (", ..." if len(sizes) > FIRST_NAMES else "")
