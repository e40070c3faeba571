"""Samples that this package makes: a known distribution, or a run's final samples."""

__all__ = ["from_dataset", "from_run", "run_and_member"]

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from ..core.errors import need
from ..datasets import ArrayData, Dataset, ImageData
from ..datasets.images.base import PIXELS
from ..runs import Run
from .arrays import raw_rows
from .base import Source
from .settle import Options, Raw, chosen, settle, subset

DRAWN = 4096  # samples drawn at once


def from_dataset(dataset: Dataset, options: Options) -> Source:
    """`n` samples drawn from a known distribution; of your own array, its rows as they are; of a set of images, `n`
    different ones.

    Raises:
        ModescopeError: If `n` is not given, as the distribution has no end.
    """
    what = f"{type(dataset).__name__}"
    if isinstance(dataset, ArrayData):
        return subset(settle(raw_rows(dataset.points, what), options), options)
    if isinstance(dataset, ImageData):
        return from_images(dataset, options)
    options = options.counted(what)
    count = options.n or 0

    def blocks() -> Iterator[Tensor]:
        generator = torch.Generator().manual_seed(options.seed)
        for start in range(0, count, DRAWN):
            yield dataset.sample(DRAWN, generator)[: count - start]

    return settle(Raw(what, blocks, count), options)


def from_images(dataset: ImageData, options: Options) -> Source:
    """Images of a set, each at most once, or triples that are combined anew."""
    what = type(dataset).__name__
    if dataset.count is None:
        options = options.counted(what)
        generator = torch.Generator().manual_seed(options.seed)
        index = dataset.index(torch.rand(options.n or 0, dataset.uniforms, generator=generator))
    else:
        least = dataset.count if options.endless is None else min(dataset.count, options.endless)
        rows = chosen(dataset.count, least if options.n is None else options.n, options.seed, what)
        index = (torch.arange(dataset.count) if rows is None else rows)[:, None]

    def blocks() -> Iterator[Tensor]:
        return (dataset.pictures(part) for part in index.split(DRAWN))

    notes = [dataset.arrays.note] if dataset.arrays.note else []
    if dataset.count not in (None, len(index)):
        notes.append(f"{len(index):,} of {dataset.count:,} images were chosen at random (seed {options.seed})")
    return settle(Raw(what, blocks, len(index), dataset.labels(index)), options, tuple(notes))


def run_and_member(text: str) -> tuple[Path, int | None] | None:
    """The run's folder in ``runs/NAME`` or ``runs/NAME:member``, and the member; None where it names no run."""
    folder, _, member = text.rpartition(":")
    if (Path(text) / "config.json").is_file():
        return Path(text), None
    if member.isdecimal() and (Path(folder) / "config.json").is_file():
        return Path(folder), int(member)
    return None


def from_run(run: Run, member: int | None, options: Options) -> Source:
    """The final samples of a run: of one member, counted from 0, or of all, one after the other.

    Raises:
        ModescopeError: If the run is not done, or has no such member.
    """
    samples = run.samples()
    members, each, dim = samples.shape
    need(
        member is None or 0 <= member < members,
        f"run {run.name!r} has no member {member}: it has {members}, counted from 0",
    )
    what = f"run {run.name!r}" + (f", member {member}" if member is not None else "")
    held = samples.reshape(-1, dim) if member is None else samples[member]
    dataset = run.experiment.dataset
    if isinstance(dataset, ImageData):
        held, options = held.reshape(-1, *dataset.shape), replace(options, pixels=PIXELS[dataset.pixels])
    notes = (f"{each} final samples of each of {members} members, one after the other",) if member is None else ()
    return subset(settle(raw_rows(held, what), options, notes), options)
