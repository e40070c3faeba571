"""The features of all samples, kept on the disk for the next time."""

__all__ = ["extract"]

import hashlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from ..core.errors import ModescopeError, need
from ..core.files import atomic_write
from ..sources import Source
from .base import Features

BATCH = 64
VERSION = "1"  # of what a cache file means


def extract(
    source: Source,
    features: Features,
    *,
    batch: int = BATCH,
    cache: str | Path | None = None,
    tell: Callable[[int, int], None] | None = None,
) -> Tensor:
    r"""The features of all samples of a source.

    Arguments:
        source: The samples.
        features: The features, fitted where they need to be.
        batch: Samples in a batch.
        cache: A folder, which is made if need be. A file in it is named by the contents of the samples and of the
            features, so it is never out of date; a damaged one is computed anew. Features whose content is not known
            (a function's) are not kept.
        tell: Called with the number of samples done, and of all samples, after each batch.

    Raises:
        ModescopeError: If the features are for images and the samples are none, or a feature is NaN or infinite.

    Returns:
        Features, on the CPU, with shape :math:`(N, F)`, in the dtype that the features have, float32 for half
        precision.
    """
    need(
        source.kind == "images" or not features.images,
        f"the features {features.name!r} are for images, but {source.name!r} holds points of shape {source.shape}: "
        "take raw or pca:K",
    )
    path = cache_path(source, features, cache)
    kept = read_cache(path, source.count) if path is not None else None
    if kept is not None:
        if tell is not None:
            tell(source.count, source.count)
        return kept
    found = compute(source, features, batch, tell)
    if path is not None:
        write_cache(path, found, features)
    return found


def compute(source: Source, features: Features, batch: int, tell: Callable[[int, int], None] | None) -> Tensor:
    """The features, batch by batch."""
    found: Tensor | None = None
    done = 0
    for samples in source.batches(batch):
        with torch.no_grad():
            rows = features(samples).detach().cpu()
        if rows.dtype in (torch.float16, torch.bfloat16):
            rows = rows.float()  # distances are not known in half precision
        check(rows, len(samples), done, source, features)
        if found is None:
            found = rows.new_empty(source.count, rows.shape[1])
        need(rows.shape[1] == found.shape[1], f"{features.name!r} gave {rows.shape[1]} features after {found.shape[1]}")
        found[done : done + len(rows)] = rows
        done += len(rows)
        if tell is not None:
            tell(done, source.count)
    assert found is not None
    return found


def check(rows: Tensor, count: int, start: int, source: Source, features: Features) -> None:
    """Raises unless these are finite features of so many samples."""
    need(
        rows.ndim == 2 and len(rows) == count and rows.shape[1] > 0 and rows.is_floating_point(),
        f"{features.name!r} gave {str(rows.dtype).removeprefix('torch.')} of shape {tuple(rows.shape)} for {count} "
        "samples, expected floats of shape (B, F)",
    )
    fine = rows.isfinite().all(dim=1)
    lost = int((~fine).sum())
    need(
        lost == 0,
        f"{features.name!r} are NaN or infinite in {lost} of {count} samples of {source.name!r}, the first is sample "
        f"{start + int((~fine).int().argmax())} counted from 0",
    )


def cache_path(source: Source, features: Features, cache: str | Path | None) -> Path | None:
    """The file that holds these features of these samples, or would."""
    if cache is None:
        return None
    known = features.fingerprint()
    if known is None:
        return None
    folder = Path(cache)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ModescopeError(f"the cache {str(folder)!r} cannot be made: {error.strerror or error}") from error
    key = hashlib.sha256(f"{VERSION} {source.fingerprint()} {known}".encode()).hexdigest()
    return folder / f"{key}.safetensors"


def read_cache(path: Path, count: int) -> Tensor | None:
    """The features in a file, or None where there is none, or a damaged one."""
    try:
        with safe_open(path, framework="pt") as file:
            found: Tensor = file.get_tensor("features")
            digest = (file.metadata() or {}).get("sha256")
    except (OSError, SafetensorError, ValueError):
        return None
    return found if digest == content_hash(found) and found.ndim == 2 and len(found) == count else None


def write_cache(path: Path, found: Tensor, features: Features) -> None:
    """Keeps features, or tells why it cannot."""
    about = {"sha256": content_hash(found), "name": features.name, "protocol": features.protocol}
    try:
        atomic_write(path, save({"features": found.contiguous()}, about))
    except OSError as error:
        raise ModescopeError(f"the cache {str(path)!r} cannot be written: {error.strerror or error}") from error


def content_hash(tensor: Tensor) -> str:
    """The SHA-256 of a tensor's numbers."""
    return hashlib.sha256(tensor.contiguous().numpy().reshape(-1).view(np.uint8).data).hexdigest()
