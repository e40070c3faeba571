"""The images of a set that is known by name."""

__all__ = ["SPLITS", "Split", "load"]

from collections.abc import Callable
from functools import lru_cache
from typing import Literal

from ...core.errors import nearest_name, need
from .arrays import Arrays, joined
from .cifar import archived_binary, archived_python, binary_batches, python_batches
from .idx import idx_images
from .photographs import CROPS, celeba, cifar_jpeg, sign_digits
from .store import Found, fetch

Split = Literal["train", "test", "all"]
SPLITS = ("train", "test", "all")

# How a form is read: whole halves, which "all" joins. CelebA and sign-digits know all splits themselves.
READERS: dict[str, Callable[[Found, str], Arrays]] = {
    "idx": idx_images,
    "cifar-archive": archived_binary,
    "cifar-binary": binary_batches,
    "cifar-python": python_batches,
    "cifar-python-archive": archived_python,
    "cifar-jpeg": cifar_jpeg,
}


def load(name: str, split: str = "train", crop: int = CROPS[0]) -> Arrays:
    """The images of a set and their classes, downloaded if it is on this machine nowhere.

    A second call gives the same object, as long as the files are the same.

    Arguments:
        name: A name in :data:`modescope.datasets.images.SETS`.
        split: ``train``, ``test``, or ``all``: the training images, then the test images. CelebA's validation images
            are in ``all`` alone.
        crop: The height and width of the middle that is taken of CelebA's images, 108 or 140; the others are whole.

    Raises:
        ModescopeError: If a name is unknown, or files are missing, damaged, or not the published ones.

    Example:
        >>> load("mnist", "test").images.shape
        torch.Size([10000, 1, 28, 28])
    """
    if split not in SPLITS:
        raise nearest_name("split", split, SPLITS)
    need(crop in CROPS, f"crop is {crop!r}, expected 108 or 140")
    found = fetch(name)
    return _loaded(found, found.stamp(), split, crop)


@lru_cache(maxsize=8)
def _loaded(found: Found, stamp: int, split: str, crop: int) -> Arrays:
    """The images of these very files."""
    form = found.layout.form
    if form == "celeba":
        return celeba(found, split, crop)
    if form in ("npz", "class-folders"):
        return sign_digits(found, split)
    halves = ("train", "test") if split == "all" else (split,)
    return joined([READERS[form](found, half) for half in halves])
