"""Images that must be decoded first: CelebA's archive, CIFAR-10 as JPEG, folders of your own."""

__all__ = ["CROPS", "celeba", "cifar_jpeg", "folder_images", "sign_digits"]

import hashlib
import os
import re
import secrets
import zipfile
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from ...core.errors import ModescopeError, need
from ...core.files import sweep
from ..array import load_array
from .arrays import Arrays, arrays_of
from .cifar import classes
from .content import check, md5_of
from .store import Found, cache_folder

if TYPE_CHECKING:  # the readers of a user's samples stand above the data sets: imported where they are used
    from ...sources.pictures import Collection

CROPS = (108, 140)
SIDE = 64
ALIGNED = (178, 218)  # width and height of CelebA's aligned images
LAST_TRAIN, LAST_VALIDATION = 162_770, 182_637  # numbers of images in its authors' list_eval_partition.txt


def decode_all(collection: "Collection", use: Callable[[Any], np.ndarray]) -> Iterator[np.ndarray]:
    """What `use` makes of every picture of a collection, in order; none may fail."""
    from ...sources.decode import UnreadableError
    from ...sources.pictures import decoded

    for index, _, made in decoded(collection, range(len(collection.names)), use):
        if isinstance(made, UnreadableError):
            raise ModescopeError(f"{collection.names[index]!r} in {collection.what} cannot be read: {made}")
        yield made


def kept(key: str, shape: tuple[int, ...], rows: Callable[[], Iterator[np.ndarray]]) -> torch.Tensor:
    """Images that are decoded once, kept in the cache as one file of bytes, and mapped into memory.

    Arguments:
        key: What they are made from and how, e.g. with the hash of the source.
        shape: `(N, C, H, W)`.
        rows: Decodes them one by one.
    """
    folder = cache_folder() / "decoded"
    path = folder / f"{key}.npy"
    sweep(path)
    if not path.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        fresh = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
        try:
            with fresh.open("xb") as file:  # row by row: where the disk is full, a map of a file kills the process
                about = {"descr": "|u1", "fortran_order": False, "shape": shape}
                np.lib.format.write_array_header_1_0(file, about)
                for row in rows():
                    file.write(np.ascontiguousarray(row, np.uint8).data)
                file.flush()
                os.fsync(file.fileno())
            os.replace(fresh, path)  # noqa: PTH105 - the one call that is atomic and replaces on every platform
        except OSError as error:
            raise ModescopeError(f"decoded images cannot be kept in {str(folder)!r}: {error}") from error
        finally:
            fresh.unlink(missing_ok=True)
    try:
        mapped = np.load(path, mmap_mode="c", allow_pickle=False)  # pages are read as rows are asked for
    except (OSError, EOFError, ValueError) as error:
        raise ModescopeError(f"{str(path)!r} cannot be read: {error}; delete it, and it is made again") from error
    found = torch.from_numpy(mapped)
    need(found.shape == shape, f"{str(path)!r} has the shape {tuple(found.shape)}, expected {shape}: delete it")
    return found


def celeba(found: Found, split: str, crop: int) -> Arrays:
    """The middle of each aligned image, `crop` pixels high and wide, at 64 x 64.

    The numbers of the images are their names, and tell to which split of the authors they belong.
    """
    from ...sources.archive import read_entry
    from ...sources.decode import fit
    from ...sources.pictures import Collection

    ((file, where),) = found.pairs()
    digest = md5_of(where, file)
    check(where, file, digest)
    with zipfile.ZipFile(where) as archive:
        names = sorted(name for name in archive.namelist() if re.fullmatch(r"\d+\.jpg", PurePosixPath(name).name))
    need(bool(names), f"{str(where)!r} holds no images named like 000001.jpg")
    left, top = (ALIGNED[0] - crop) // 2, (ALIGNED[1] - crop) // 2

    def contents(indices: Sequence[int]) -> Iterator[Any]:
        with zipfile.ZipFile(where) as archive:
            yield from (read_entry(archive, names[i]) for i in indices)

    def middle(picture: Any) -> np.ndarray:
        need(picture.size == ALIGNED, f"an image of CelebA has the size {picture.size}, expected {ALIGNED}")
        return fit(picture.pixels.crop((left, top, left + crop, top + crop)), "RGB", (SIDE, SIDE))

    collection = Collection(f"the archive {str(where)!r}", tuple(names), contents)
    images = kept(f"celeba-{crop}-{digest}", (len(names), 3, SIDE, SIDE), lambda: decode_all(collection, middle))
    numbers = [int(PurePosixPath(name).stem) for name in names]
    ends = {"train": (0, LAST_TRAIN), "test": (LAST_VALIDATION, numbers[-1]), "all": (0, numbers[-1])}[split]
    first, last = (bisect_right(numbers, end) for end in ends)
    need(last > first, f"{str(where)!r} holds no images of the split {split!r}")
    made = hashlib.sha256(f"{digest} {crop} {first} {last}".encode()).hexdigest()
    return Arrays(
        images[first:last], None, made, f"middle {crop} x {crop} pixels, at {SIDE} x {SIDE} by Lanczos's filter"
    )


def cifar_jpeg(found: Found, split: str) -> Arrays:
    """CIFAR-10 in one .npz file of JPEG bytes: ``jpeg_train``, where each begins (``off_train``), and ``y_train``."""
    from ...sources.decode import fit
    from ...sources.pictures import Collection

    ((_, where),) = found.pairs()
    content, starts, labels = (load_array(where, f"{part}_{split}") for part in ("jpeg", "off", "y"))
    count = labels.size
    whole = all(numbers.ndim == 1 and numbers.dtype.kind in "iu" for numbers in (starts, labels))
    good = whole and content.dtype == np.uint8 and content.ndim == 1 and len(starts) == count + 1 and count > 0
    need(good and starts[-1] == len(content), f"{str(where)!r} is damaged: offsets, bytes and labels do not agree")
    classes(torch.from_numpy(labels.astype(np.int64)), repr(str(where)))

    def contents(indices: Sequence[int]) -> Iterator[Any]:
        return (content[starts[i] : starts[i + 1]].tobytes() for i in indices)

    digest = hashlib.sha256(content.data)
    digest.update(labels.astype("<i8").data)
    names = tuple(f"image {i}" for i in range(count))
    images = kept(
        f"cifar10-jpeg-{split}-{digest.hexdigest()}",
        (count, 3, 32, 32),
        lambda: decode_all(Collection(repr(str(where)), names, contents), lambda p: fit(p.pixels, "RGB", (32, 32))),
    )
    return Arrays(images, torch.from_numpy(labels.astype(np.int64)), digest.hexdigest(), found.layout.note)


def sign_digits(found: Found, split: str) -> Arrays:
    """The photographs of hand signs: in one .npz file, `x` with shape `(N, H, W, 3)`, uint8, and `y`; or in folders."""
    need(split != "test", "sign-digits has no test set of its own: its split is 'train' or, the same, 'all'")
    if not found.files:
        return folder_images(found.folder, SIDE)
    ((_, where),) = found.pairs()
    x, y = load_array(where, "x"), load_array(where, "y")
    good = x.dtype == np.uint8 and x.ndim == 4 and x.shape[-1] == 3 and x.size > 0
    whole_numbers = y.dtype.kind in "iu" and y.shape == x.shape[:1]
    need(
        good and whole_numbers,
        f"{str(where)!r} holds x {x.shape}, {x.dtype}, and y {y.shape}, {y.dtype}, expected bytes (N, H, W, 3) "
        "and whole numbers (N,)",
    )
    images = torch.from_numpy(x).permute(0, 3, 1, 2).contiguous()
    return arrays_of(images, classes(torch.from_numpy(y.astype(np.int64)), repr(str(where))))


def folder_images(path: Path, size: int) -> Arrays:
    """The images in a folder, its sub-folders being their classes.

    Arguments:
        path: The folder.
        size: The width and height that the middle square of each is brought to; 0 keeps images as they are.

    Raises:
        ModescopeError: If it holds no two images, one cannot be read, or they are of several sizes and `size` is 0.
    """
    from ...sources.decode import fit
    from ...sources.folder import collection_of
    from ...sources.pictures import classes_of, look_through, notes_on_pixels, several
    from ...sources.settle import least_two

    collection = collection_of(path)
    survey = look_through(collection)
    if survey.bad:
        name, reason = survey.bad[0]
        raise ModescopeError(f"{len(survey.bad)} images in {collection.what} cannot be read: {name!r} ({reason})")
    least_two(len(survey.good), collection.what)
    need(
        size > 0 or len(survey.sizes) == 1,
        f"{collection.what} has images of {len(survey.sizes)} sizes ({several(survey.sizes)}), expected one: give a "
        "size, to which the middle square of each is brought",
    )
    goal = (size, size) if size else survey.size

    def middle(picture: Any) -> np.ndarray:
        return fit(square(picture.pixels) if size else picture.pixels, survey.mode, goal)

    images = torch.from_numpy(np.stack(list(decode_all(collection, middle))))
    found = arrays_of(images, classes_of(collection, tuple(survey.good))[0])
    square_note = (f"middle square at {size} x {size} by Lanczos's filter",) if size else ()
    return replace(found, note="; ".join((*square_note, *collection.notes, *notes_on_pixels(survey))))


def square(image: Any) -> Any:
    """The middle square of a PIL image."""
    width, height = image.size
    side = min(width, height)
    left, top = (width - side) // 2, (height - side) // 2
    return image.crop((left, top, left + side, top + side))
