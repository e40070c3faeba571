"""From raw blocks of numbers to a source: finite, at least two, with a known layout and range."""

__all__ = ["Options", "Raw", "chosen", "least_two", "refuse", "settle", "subset"]

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ..core.errors import ModescopeError, need
from .base import Source
from .layout import Layout, Pixels, layout_of, pixels_of


@dataclass(frozen=True)
class Options:
    """What a user may say about samples; see :func:`modescope.sources.open_source`."""

    name: str = "fake"
    seed: int = 0
    n: int | None = None
    endless: int | None = None
    drop: bool = False
    strict: bool = False
    pixels: Pixels | None = None
    latent: tuple[int, ...] | None = None
    device: str = "cpu"

    def counted(self, what: str) -> "Options":
        """With the number of samples to draw from `what`, which has no end.

        Raises:
            ModescopeError: If there is none.
        """
        count = self.endless if self.n is None else self.n
        need(count is not None, f"{what} can draw any number of samples: say how many with n")
        return replace(self, n=count)


@dataclass(frozen=True)
class Raw:
    """Numbers that may be samples.

    Arguments:
        what: What they are, for sentences.
        blocks: Starts a pass: blocks of :func:`modescope.sources.layout.to_rows`, the samples along the first axis.
        count: How many samples there are.
        labels: The class of each sample.
        stored: Whether a pass only reads, so that all samples can be looked at beforehand; else only the first block.
        digest: Finds the fingerprint in a cheaper way than a pass.
    """

    what: str
    blocks: Callable[[], Iterator[Tensor]]
    count: int
    labels: Tensor | None = None
    stored: bool = True
    digest: Callable[[], str] | None = None


@dataclass(frozen=True)
class Look:
    """What a pass over raw blocks found: least and greatest finite value, and which samples are finite."""

    low: float
    high: float
    good: Tensor


def settle(raw: Raw, options: Options, notes: tuple[str, ...] = ()) -> Source:
    """The source of raw samples.

    Raises:
        ModescopeError: If the samples are fewer than two, not finite, or of an unclear layout or range.
    """
    least_two(raw.count, raw.what)
    first = next(iter(raw.blocks()))
    layout = layout_of((raw.count, *first.shape[1:]), raw.what)
    need(first[0].numel() > 0, f"{raw.what} is empty, one sample has shape {tuple(first.shape[1:])}")
    notes = (*notes, *layout_notes(layout))
    keep, labels = None, raw.labels
    if first.dtype != torch.uint8:
        everything = raw.stored or options.drop
        look = look_at(raw.blocks() if everything else iter([first]))
        lost = int((~look.good).sum())
        need(lost == 0 or options.drop, not_finite(raw.what, lost, len(look.good), int((~look.good).int().argmax())))
        if lost:
            least_two(len(look.good) - lost, f"{raw.what} without its NaN and infinite samples")
            keep = look.good
            labels = labels[keep] if labels is not None else None
            notes = (*notes, f"{lost:,} of {len(look.good):,} samples were dropped: they hold NaN or infinite values")
        if layout.kind == "images":
            layout, note = with_pixels(layout, look, first.is_floating_point(), raw.what, options)
            notes = (*notes, note)
    return Source(
        name=options.name,
        kind=layout.kind,
        shape=layout.shape,
        count=int(keep.sum()) if keep is not None else raw.count,
        blocks=lambda: finished(raw, layout, keep, options.pixels is not None),
        labels=labels,
        notes=notes,
        digest=raw.digest,
    )


def layout_notes(layout: Layout) -> tuple[str, ...]:
    """What is told of a layout."""
    return ("the channels are the last axis, and were moved to the first",) if layout.last else ()


def with_pixels(layout: Layout, look: Look, floating: bool, what: str, options: Options) -> tuple[Layout, str]:
    """The layout with its black and white, and a note on them."""
    low, high = options.pixels or pixels_of(look.low, look.high, not floating, what)
    said = "as told" if options.pixels else "as found"
    note = f"pixels from {low:g} (black) to {high:g} (white), {said}, were rounded to 8 bits"
    clipped = look.low < low or look.high > high
    return replace(layout, pixels=(low, high)), note + ("; values beyond were clipped" if clipped else "")


def look_at(blocks: Iterator[Tensor]) -> Look:
    """Goes through all raw samples."""
    low, high, good = float("inf"), float("-inf"), []
    for block in blocks:
        fine = finite_rows(block)
        good.append(fine)
        if fine.any():
            rest = block[fine]
            low, high = min(low, rest.min().item()), max(high, rest.max().item())
    return Look(low, high, torch.cat(good))


def finite_rows(block: Tensor) -> Tensor:
    """Which samples hold neither NaN nor an infinite value, with shape `(B,)`."""
    return block.flatten(1).isfinite().all(dim=1)


def not_finite(what: str, lost: int, count: int, first: int) -> str:
    """The sentence on NaN."""
    return (
        f"{what} holds NaN or infinite values in {lost:,} of {count:,} samples, the first is sample {first} counted "
        "from 0: find out why, or leave them out with drop=True (diagnose: --drop)"
    )


def finished(raw: Raw, layout: Layout, keep: Tensor | None, clip: bool) -> Iterator[Tensor]:
    """A pass over finished samples."""
    start = 0
    for block in raw.blocks():
        rows = slice(start, start + len(block))
        start += len(block)
        if keep is not None:
            block = block[keep[rows]]
        if not raw.stored:
            check_later(raw.what, block, layout, clip, rows.start)
        if len(block):
            yield layout.apply(block)
    need(start == raw.count, f"{raw.what} gave {start} samples, expected {raw.count} as when it was opened")


def check_later(what: str, block: Tensor, layout: Layout, clip: bool, start: int) -> None:
    """Raises unless samples that were not looked at beforehand are finite and in the range of the first ones."""
    fine = finite_rows(block)
    lost = int((~fine).sum())
    need(lost == 0, not_finite(what, lost, len(block), start + int((~fine).int().argmax())))
    if layout.pixels is None or clip or block.dtype == torch.uint8:
        return
    low, high = block.min().item(), block.max().item()
    need(
        layout.pixels[0] <= low and high <= layout.pixels[1],
        f"{what} holds pixels from {low:g} to {high:g}, while its first samples lie in "
        f"[{layout.pixels[0]:g}, {layout.pixels[1]:g}]: give the range as pixels=(black, white)",
    )


def least_two(count: int, what: str) -> None:
    """Raises unless there are two samples: of one, no diversity can be told."""
    need(count > 0, f"{what} is empty: it holds no samples")
    need(count > 1, f"{what} holds 1 sample, expected at least 2: a collapse shows only among several")


def chosen(count: int, n: int | None, seed: int, what: str) -> Tensor | None:
    """Which `n` of `count` samples to take, at random, in their order; None for all."""
    if n is None or n == count:
        return None
    need(n < count, f"n is {n}, but {what} holds {count} samples")
    generator = torch.Generator().manual_seed(seed)
    return torch.randperm(count, generator=generator)[:n].sort().values


def subset(source: Source, options: Options) -> Source:
    """`n` of the samples of a source, chosen at random by the seed, in their order; all where `n` is None."""
    rows = chosen(source.count, options.n, options.seed, f"{source.name!r}")
    if rows is None:
        return source
    least_two(len(rows), f"n is {len(rows)}, so {source.name!r}")
    wanted = torch.zeros(source.count, dtype=torch.bool)
    wanted[rows] = True

    def blocks() -> Iterator[Tensor]:
        start = 0
        for block in source.blocks():
            part = block[wanted[start : start + len(block)]]
            start += len(block)
            if len(part):
                yield part

    def digest() -> str:
        return hashlib.sha256(f"{source.fingerprint()} {len(rows)} {options.seed}".encode()).hexdigest()

    return replace(
        source,
        count=len(rows),
        blocks=blocks,
        labels=source.labels[rows] if source.labels is not None else None,
        notes=(*source.notes, f"{len(rows):,} of {source.count:,} samples were chosen at random (seed {options.seed})"),
        digest=digest,
    )


def refuse(what: str, reason: object) -> ModescopeError:
    """The sentence on something that cannot be read."""
    lines = str(reason).strip().splitlines()
    return ModescopeError(f"{what} cannot be read: {lines[0] if lines else type(reason).__name__}")
