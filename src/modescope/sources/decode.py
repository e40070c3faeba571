"""One picture: from the bytes of a file to 8-bit pixels, whatever the format, mode and size."""

__all__ = ["MOST_PIXELS", "SUFFIXES", "Facts", "Picture", "UnreadableError", "decode", "fit", "quiet"]

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..core.errors import extra

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff")
FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "TIFF")
MOST_PIXELS = 2**26  # 8192 x 8192; a small file can claim any number
ORIENTATION = 0x0112  # the EXIF tag; 1 is upright
SIXTEEN_BIT = ("I;16", "I;16L", "I;16B", "I;16N")


class UnreadableError(Exception):
    """A picture that is left out, and why, in a few words."""


@dataclass(frozen=True)
class Picture:
    """A decoded picture.

    Arguments:
        pixels: A PIL image of mode ``L`` or ``RGB``.
        mode: The mode that it was stored in.
        frames: How many pictures the file holds; the first is taken.
        turned: Whether its EXIF data say that it is to be turned or mirrored to be looked at.
    """

    pixels: Any
    mode: str
    frames: int
    turned: bool

    @property
    def size(self) -> tuple[int, int]:
        """Width and height."""
        width, height = self.pixels.size
        return width, height

    @property
    def facts(self) -> "Facts":
        """What a survey counts."""
        return Facts(self.size, self.mode, self.pixels.mode == "L", self.frames, self.turned)


@dataclass(frozen=True)
class Facts:
    """A picture without its pixels.

    Arguments:
        size: Width and height.
        mode: The mode that it was stored in.
        grey: Whether it is grey in 8 bits.
        frames: How many pictures the file holds.
        turned: Whether it is to be turned or mirrored to be looked at.
    """

    size: tuple[int, int]
    mode: str
    grey: bool
    frames: int
    turned: bool


@contextmanager
def quiet() -> Iterator[None]:
    """Without PIL's warnings, on large pictures and damaged metadata: what matters is in the notes."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def decode(content: bytes) -> Picture:
    """The picture in `content`.

    Raises:
        UnreadableError: If it is damaged, too large, or of a kind that has no 8-bit meaning.
    """
    pil = extra("PIL.Image", "images", "reading images")
    if not content:
        raise UnreadableError("empty file")
    try:
        with pil.open(io.BytesIO(content), formats=FORMATS) as image:
            width, height = image.size
            if width * height > MOST_PIXELS:
                raise UnreadableError(f"{width} x {height} pixels, more than {MOST_PIXELS}")
            image.load()
            turned = image.getexif().get(ORIENTATION, 1) != 1
            return Picture(to_eight_bits(image), image.mode, getattr(image, "n_frames", 1), turned)
    except UnreadableError:
        raise
    except pil.DecompressionBombError as error:
        raise UnreadableError(f"more than {MOST_PIXELS} pixels") from error
    except pil.UnidentifiedImageError as error:
        raise UnreadableError("not an image") from error
    except Exception as error:  # PIL's decoders raise anything on damaged files
        lines = str(error).splitlines()
        raise UnreadableError(lines[0] if lines else type(error).__name__) from error


def to_eight_bits(image: Any) -> Any:
    """A PIL image as ``L`` or ``RGB``; 16 bits are scaled to 8, where PIL's own conversion would clip them."""
    pil = extra("PIL.Image", "images", "reading images")
    if image.mode in ("L", "RGB"):
        return image.copy()
    if image.mode in SIXTEEN_BIT:
        return pil.fromarray(np.rint(np.asarray(image).astype(np.float64) / 257).astype(np.uint8))
    if image.mode in ("I", "F"):
        raise UnreadableError(f"32-bit pixels (mode {image.mode}), whose black and white are not known")
    return image.convert("L" if image.mode in ("1", "LA", "La") else "RGB")


def fit(image: Any, mode: str, size: tuple[int, int]) -> np.ndarray:
    """A picture as an array of shape `(C, H, W)`, in colour or grey and of the size asked for.

    A resize is Lanczos's, with as wide a kernel as the reduction asks for, so that it does not alias.
    """
    pil = extra("PIL.Image", "images", "reading images")
    if image.mode != mode:
        image = image.convert(mode)
    if image.size != size:
        image = image.resize(size, pil.Resampling.LANCZOS)
    pixels = np.asarray(image)
    return pixels[None] if pixels.ndim == 2 else np.ascontiguousarray(pixels.transpose(2, 0, 1))
