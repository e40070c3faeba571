"""One door for whatever holds samples."""

__all__ = ["open_source"]

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor, nn

from .. import datasets
from ..core.errors import ModescopeError, is_number, is_whole, need
from ..datasets import Dataset
from ..runs import Run
from .archive import from_zip
from .arrays import from_array
from .base import Source
from .decode import SUFFIXES
from .files import from_npy, from_npz, from_table, from_tensor_file
from .folder import from_folder
from .generators import from_module, from_onnx, from_torchscript, is_torchscript
from .layout import Pixels
from .named import from_dataset, from_run, run_and_member
from .parquet import from_parquet
from .settle import Options
from .streams import from_batches, from_function

FILES = {
    ".npy": from_npy,
    ".csv": from_table,
    ".parquet": from_parquet,
    ".zip": from_zip,
    ".onnx": from_onnx,
}
MOST_SEED = 2**63  # PyTorch's generators take no more than twice that
TORCH = (".pt", ".pth", ".ts", ".torchscript")


def open_source(
    value: Any,
    *,
    latent: int | tuple[int, ...] | None = None,
    seed: int = 0,
    n: int | None = None,
    endless: int | None = None,
    name: str = "fake",
    drop: bool = False,
    strict: bool = False,
    pixels: Pixels | None = None,
    device: str = "cpu",
) -> Source:
    r"""Samples from wherever they are.

    ================================================  ================================================================
    `value`                                           what is read
    ================================================  ================================================================
    tensor, array                                     points :math:`(N, D)`; images :math:`(N, H, W)`,
                                                      :math:`(N, C, H, W)` or :math:`(N, H, W, C)`, uint8 or floats
                                                      in [0, 1], [-1, 1] or [0, 255]
    ``.npy``, ``.npz[:key]``, ``.csv``, ``.pt``       the same from a file
    ``.parquet``                                      columns of numbers, a column of lists, a column of images
    folder, ``.zip``                                  images: PNG, JPEG, WebP, BMP, TIFF; sub-folders are classes
    data loader, PyTorch data set, list of batches    batches, or pairs of batch and labels
    function                                          ``function(count)`` draws samples
    ``ring``, ``grid``, data set                      `n` samples of a known distribution of this package
    run, ``runs/NAME``, ``runs/NAME:member``          a run's final samples
    TorchScript file, ``.onnx``, module               `n` samples from standard normal latents
    ================================================  ================================================================

    Arguments:
        value: What holds the samples.
        latent: The shape of one latent of a generator, a whole number for a vector; for nothing else.
        seed: What latents, draws and random choices come from.
        n: How many samples; all if not given. Of more, `n` are chosen at random, or the first `n` of a loader.
        endless: How many samples of what has no end, where `n` is not given; needed there if `n` is not.
        name: A short name, for tables.
        drop: Whether samples that hold NaN or infinite values are left out, and counted in the notes.
        strict: Whether images that cannot be read or are of different sizes are refused.
        pixels: The values of black and white in images of floats; found if not given.
        device: Where a generator runs, e.g. ``cuda``.

    Raises:
        ModescopeError: If it cannot be read or is not clear, with what to do about it.

    Note:
        A TorchScript file is a program: open only files that you trust. Pickled objects are never loaded.

    Example:
        >>> source = open_source("ring", n=1000, name="real")
        >>> source.kind, source.shape, source.count
        ('points', (2,), 1000)
    """
    options = Options(
        name=name,
        seed=checked_seed(seed),
        n=checked_count("n", n),
        endless=checked_count("endless", endless),
        drop=drop,
        strict=strict,
        pixels=checked_pixels(pixels),
        latent=checked_latent(latent),
        device=device,
    )
    if isinstance(value, str | Path):
        source = from_text(str(value), options)
        check_takes_latents(repr(str(value)), is_generator_file(Path(value)), options)
        return source
    return from_object(value, options)


def check_takes_latents(what: str, generator: bool, options: Options) -> None:
    """Raises if a latent's shape is given for what is no generator."""
    need(
        generator or options.latent is None,
        f"latent is {options.latent}, but {what} takes no latents: leave latent out; it is for TorchScript files, "
        ".onnx files and modules",
    )


def is_generator_file(path: Path) -> bool:
    """Whether a file holds a network that makes samples from latents."""
    suffix = path.suffix.lower()
    return path.is_file() and (suffix == ".onnx" or (suffix in TORCH and is_torchscript(path)))


def from_object(value: Any, options: Options) -> Source:
    """The samples of anything but a text."""
    if isinstance(value, Source):
        raise ModescopeError("the value is a source already: use it as it is")
    check_takes_latents(f"a {type(value).__name__}", isinstance(value, nn.Module), options)
    if isinstance(value, Tensor | np.ndarray) or (hasattr(value, "__array__") and not callable(value)):
        return from_array(value, options)
    if isinstance(value, Dataset):
        return from_dataset(value, options)
    if isinstance(value, Run):
        return from_run(value, None, options)
    if isinstance(value, nn.Module):
        return from_module(value, options)
    if isinstance(value, list | tuple) and holds_numbers(value):
        return from_array(value, options)
    if isinstance(value, Iterable) or (hasattr(value, "__getitem__") and hasattr(value, "__len__")):
        return from_batches(value, options)
    if callable(value):
        return from_function(value, options)
    raise ModescopeError(
        f"the samples are a {type(value).__name__}, expected an array, a path, a loader, a function or a generator"
    )


def holds_numbers(value: list[Any] | tuple[Any, ...]) -> bool:
    """Whether nested lists hold numbers, not arrays."""
    inner: Any = value
    while isinstance(inner, list | tuple) and inner:
        inner = inner[0]
    return isinstance(inner, list | tuple | int | float)


def from_text(text: str, options: Options) -> Source:
    """The samples that a path or a name stands for: what is there in the file system goes first."""
    need(bool(text), "the samples are '', an empty text, expected a path or a name")
    run = run_and_member(text)
    if run is not None:
        return from_run(Run(run[0]), run[1], options)
    path = Path(text)
    if path.is_dir():
        return from_folder(path, options)
    suffix = path.suffix.lower()
    if suffix in FILES or suffix in TORCH:
        need(path.is_file(), f"there is no file {text!r}")
        if suffix in FILES:
            return FILES[suffix](path, options)
        return from_torchscript(path, options) if is_torchscript(path) else from_tensor_file(path, options)
    if ".npz" in text.lower():
        return from_npz_text(text, options)
    need(suffix not in SUFFIXES, f"{text!r} is one image, expected a folder or a .zip of images")
    if path.is_file() and suffix != ".json":
        expected = ", ".join([*FILES, ".npz", *TORCH])
        raise ModescopeError(f"{text!r} is of an unknown kind, expected a folder or a file that ends in {expected}")
    need(suffix == ".json" or path.name == text, f"there is no file or folder {text!r}")
    return from_dataset(datasets.make(text), options)


def from_npz_text(text: str, options: Options) -> Source:
    """The samples of ``FILE.npz`` or ``FILE.npz:key``."""
    at = text.lower().rindex(".npz") + len(".npz")
    path, rest = Path(text[:at]), text[at:]
    need(rest[:1] in ("", ":"), f"{text!r} is of an unknown kind, expected FILE.npz or FILE.npz:key")
    need(path.is_file(), f"there is no file {str(path)!r}")
    return from_npz(path, rest[1:], options)


def checked_seed(seed: int) -> int:
    """The seed, if it is one."""
    need(is_whole(seed, 0), f"seed is {seed!r}, expected a whole number that is 0 or above")
    need(seed <= MOST_SEED, f"seed is {seed}, expected at most {MOST_SEED}")
    return seed


def checked_count(name: str, count: int | None) -> int | None:
    """The number of samples, if it is one."""
    need(count is None or is_whole(count, 2), f"{name} is {count!r}, expected a whole number of at least 2")
    return count


def checked_latent(latent: int | tuple[int, ...] | None) -> tuple[int, ...] | None:
    """The shape of a latent, if it is one."""
    if latent is None:
        return None
    shape = tuple(latent) if isinstance(latent, list | tuple) else (latent,)
    need(
        bool(shape) and all(is_whole(size, 1) for size in shape),
        f"latent is {latent!r}, expected a positive whole number or several, e.g. 128 or (128, 1, 1)",
    )
    return shape


def checked_pixels(pixels: Pixels | None) -> Pixels | None:
    """Black and white, if they are two numbers."""
    if pixels is None:
        return None
    good = isinstance(pixels, list | tuple) and len(pixels) == 2 and all(is_number(value) for value in pixels)
    need(good and pixels[0] < pixels[1], f"pixels is {pixels!r}, expected black and white, e.g. (-1, 1)")
    return float(pixels[0]), float(pixels[1])
