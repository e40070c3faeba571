"""Samples in a .parquet file: columns of numbers, a column of vectors, or a column of encoded images."""

__all__ = ["from_parquet"]

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..core.errors import ModescopeError, extra, need
from .base import Source
from .decode import UnreadableError
from .layout import to_rows
from .pictures import Collection, from_collection
from .settle import Options, Raw, refuse, settle, subset

ROWS = 4096  # read at once, of numbers
IMAGE_ROWS = 64  # and of images
INDEX = "__index_level_"  # how pandas names the numbers of its rows
LABELS = ("label", "labels", "class", "target")


def from_parquet(path: Path, options: Options) -> Source:
    """The rows of a .parquet file, read group by group.

    An image column holds the bytes of image files, or the pairs of bytes and path that Hugging Face's data sets hold;
    else a column of lists of numbers holds one sample in each row, else all columns of numbers are coordinates. A
    column of whole numbers named ``label`` is the labels where there are other columns.

    Raises:
        ModescopeError: If it is no such file, or its columns hold nothing of that kind.
    """
    what = f"{str(path)!r}"
    parquet = extra("pyarrow.parquet", "images", "reading .parquet files")
    arrow = extra("pyarrow", "images", "reading .parquet files")
    try:
        with parquet.ParquetFile(path) as file:
            schema, count = file.schema_arrow, file.metadata.num_rows
    except (arrow.ArrowException, OSError) as error:
        raise refuse(what, error) from error
    types = arrow.types
    images = [field.name for field in schema if is_image(types, field.type)]
    lists = [field.name for field in schema if is_vector(types, field.type)]
    numbers = [field.name for field in schema if is_number(types, field.type) and not field.name.startswith(INDEX)]
    label = next((name for name in numbers if name.lower() in LABELS and types.is_integer(schema.field(name).type)), "")
    if len(images) == 1:
        return from_images(path, images[0], count, labels_of(path, label, what), options)
    columns = lists if len(lists) == 1 else [name for name in numbers if name != label]
    need(
        bool(columns) and len(lists) <= 1 and not images,
        f"{what} has the columns {', '.join(schema.names) or 'none'}, expected columns of numbers, one column of lists "
        "of numbers, or one of images",
    )
    raw = Raw(what, lambda: read_rows(path, columns, bool(lists), what), count, labels_of(path, label, what))
    left = [name for name in schema.names if name not in (*columns, label)]
    notes = (f"the columns {', '.join(map(repr, left))} were left out",) if left else ()
    return subset(settle(raw, options, notes), options)


def is_number(types: Any, kind: Any) -> bool:
    """Whether a column holds numbers."""
    return bool(types.is_integer(kind) or types.is_floating(kind))


def is_vector(types: Any, kind: Any) -> bool:
    """Whether a column holds lists of numbers."""
    listed = types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind)
    return bool(listed) and is_number(types, kind.value_type)


def is_image(types: Any, kind: Any) -> bool:
    """Whether a column holds image files."""
    if types.is_struct(kind):
        at = kind.get_field_index("bytes")
        return at >= 0 and is_image(types, kind.field(at).type)
    return bool(types.is_binary(kind) or types.is_large_binary(kind))


def record_batches(path: Path, columns: list[str], rows: int, what: str) -> Iterator[Any]:
    """The columns, piece by piece."""
    parquet = extra("pyarrow.parquet", "images", "reading .parquet files")
    arrow = extra("pyarrow", "images", "reading .parquet files")
    try:
        with parquet.ParquetFile(path) as file:
            yield from file.iter_batches(rows, columns=columns)
    except (arrow.ArrowException, OSError) as error:
        raise refuse(what, error) from error


def read_rows(path: Path, columns: list[str], listed: bool, what: str) -> Iterator[Tensor]:
    """The samples, piece by piece."""
    for batch in record_batches(path, columns, ROWS, what):
        arrays = [column.to_numpy(zero_copy_only=False) for column in batch.columns]
        if not listed:
            yield to_rows(np.stack(arrays, axis=1), what)
            continue
        lengths = {-1 if row is None else len(row) for row in arrays[0]}
        need(len(lengths) == 1 and lengths != {-1}, f"{what} has lists of different lengths in {columns[0]!r}")
        yield to_rows(np.stack(list(arrays[0])), what)


def labels_of(path: Path, column: str, what: str) -> Tensor | None:
    """The labels, where there is a column of them without gaps."""
    if not column:
        return None
    parts = [batch.column(0) for batch in record_batches(path, [column], ROWS, what)]
    if any(part.null_count for part in parts):
        return None
    return torch.from_numpy(np.concatenate([part.to_numpy(zero_copy_only=False) for part in parts]).astype(np.int64))


def from_images(path: Path, column: str, count: int, labels: Tensor | None, options: Options) -> Source:
    """The images of a column."""
    what = f"{str(path)!r}"
    need(count > 0, f"{what} is empty: it holds no samples")

    def read(indices: Sequence[int]) -> Iterator[bytes | UnreadableError]:
        wanted = iter(indices)
        following = next(wanted, None)
        start = 0
        for batch in record_batches(path, [column], IMAGE_ROWS, what):
            while following is not None and following < start + batch.num_rows:
                yield content_of(batch.column(0)[following - start].as_py())
                following = next(wanted, None)
            start += batch.num_rows
        if following is not None:
            raise ModescopeError(f"{what} has {start} rows, fewer than when it was opened")

    names = tuple(f"row {i}" for i in range(count))
    return from_collection(Collection(what, names, read, labels=labels), options)


def content_of(value: Any) -> bytes | UnreadableError:
    """The bytes of an image file in a cell."""
    content = value.get("bytes") if isinstance(value, dict) else value
    return content if isinstance(content, bytes) else UnreadableError("no bytes")
