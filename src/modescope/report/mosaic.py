"""Images side by side as one picture, and pictures as text that a page embeds."""

__all__ = ["data_uri", "file_of", "images_of", "mosaic", "square", "tiles"]

import base64
import io
import math

import numpy as np
from torch import Tensor

from ..core.errors import extra
from ..datasets.base import Dataset

GAP, GREY = 1, 128  # the line between images: grey, so that it is seen beside black ones and white ones
MOST = 64  # images of a picture
PIXELS = 2**18  # of a picture, about: fewer images where they are large
SHARP, LIGHT = 92, 85  # JPEG qualities: of pictures that are looked into, and of those that pass by


def images_of(samples: Tensor, dataset: Dataset) -> np.ndarray:
    """Samples, with shape `(*, D)`, as the bytes of images, with shape `(*, C, H, W)`."""
    return dataset.kept(samples).reshape(*samples.shape[:-1], *dataset.shape).numpy()


def tiles(shape: tuple[int, ...]) -> int:
    """How many images of shape `(C, H, W)` a picture shows: a square number, so that their grid is full."""
    return square(max(1, min(MOST, PIXELS // (shape[-2] * shape[-1]))))


def square(count: int) -> int:
    """The greatest square number up to `count`."""
    return math.isqrt(count) ** 2


def mosaic(images: np.ndarray, columns: int | None = None) -> np.ndarray:
    """A grid of images, row by row, with a thin grey line between them.

    Arguments:
        images: With shape `(n, C, H, W)`, uint8. One channel is grey; of two, the first is red and the second is cyan,
            which make white together; of more, the first three are red, green and blue.
        columns: The images in a row; as many as fill a square if not given.

    Returns:
        The picture, with shape `(height, width, 1)` for grey images, else `(height, width, 3)`, uint8.
    """
    count, channels, height, width = images.shape
    columns = columns or math.ceil(math.sqrt(count))
    picks = {1: [0], 2: [0, 1, 1]}.get(channels, [0, 1, 2])
    rows = math.ceil(count / columns)
    grid = np.full((rows * columns, len(picks), height + GAP, width + GAP), GREY, np.uint8)
    grid[:count, :, :height, :width] = images[:, picks]
    grid = grid.reshape(rows, columns, len(picks), height + GAP, width + GAP).transpose(0, 3, 1, 4, 2)
    return grid.reshape(rows * (height + GAP), columns * (width + GAP), len(picks))[:-GAP, :-GAP]


def file_of(picture: np.ndarray, quality: int = SHARP) -> tuple[str, bytes]:
    """A picture as a small file, and its type: JPEG with its colours in full detail, or PNG where grey is smaller so.

    Arguments:
        picture: With shape `(height, width, 1 or 3)`, uint8.
        quality: Of JPEG, up to 95.
    """
    image = extra("PIL.Image", "report", "the report").fromarray(
        picture.squeeze(-1) if picture.shape[-1] == 1 else picture
    )
    files = [("image/jpeg", saved(image, "JPEG", quality=quality, subsampling=0))]
    if image.mode == "L":
        files.append(("image/png", saved(image, "PNG")))
    return min(files, key=lambda file: len(file[1]))


def saved(image: object, kind: str, **options: int) -> bytes:
    """An image of Pillow as the bytes of a file."""
    file = io.BytesIO()
    image.save(file, kind, **options)  # type: ignore[attr-defined]
    return file.getvalue()


def data_uri(picture: np.ndarray, quality: int = SHARP) -> str:
    """A picture as an address that holds all of it."""
    kind, content = file_of(picture, quality)
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"
