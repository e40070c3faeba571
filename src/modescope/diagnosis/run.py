"""Diagnoses a generator from its samples."""

__all__ = ["diagnose"]

import hashlib
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ..core.errors import need
from ..features import Features, extract, make_features
from ..metrics.sets import random_subset
from ..sources import Source, open_source
from ..sources.open import MOST_SEED, checked_seed
from .compare import SPLITS, compare
from .evidence import gather_evidence
from .measure import Measure
from .measures import chosen, fitting
from .result import Diagnosis
from .rule import judge, judge_alone
from .scene import SHOWN, Scene, scene_of

Tell = Callable[[str, int, int], None]  # what is being done, how much of it is done, and how much there is

LIMIT = 10_000  # samples of each kind that the verdict rests on
DEFAULT_FEATURES = {"points": "raw", "images": "random-conv"}


def diagnose(
    real: Any = None,
    fake: Any = None,
    *,
    features: str | Features | Callable[[Tensor], Tensor] | None = None,
    metrics: str | Sequence[str | Measure] | None = None,
    latent: int | tuple[int, ...] | None = None,
    n: int | None = None,
    drop: bool = False,
    seed: int = 0,
    splits: int = SPLITS,
    cache: str | Path | None = None,
    tell: Tell = lambda what, done, total: None,
) -> Diagnosis:
    """Tells from samples whether a generator collapsed, how badly, and how sure that is.

    >>> import torch, modescope as ms
    >>> real = torch.randn(1000, 2)
    >>> ms.diagnose(real, real[:500].repeat(2, 1)).verdict.name
    'severe'

    Arguments:
        real: Real samples: whatever :func:`modescope.sources.open_source` takes, such as an array, a folder of images,
            or ``ring``. With None copies among the fakes are all that is looked for.
        fake: Fakes, of the same kind and shape.
        features: What samples are turned into: a name of :data:`modescope.features.FEATURES`, a module, or a function
            of a batch; if not given, ``raw`` for points and ``random-conv`` for images.
        metrics: Names of :data:`modescope.diagnosis.MEASURES`, in a list or with commas between them, measures of your
            own, or ``all``; those that are cheap if not given.
        latent: The shape of a latent, where `fake` is a generator.
        n: How many samples of each; all if not given, and 10,000 of what has no end.
        drop: Whether samples that hold NaN or infinite values are left out, and counted in the notes.
        seed: All randomness.
        splits: How often each measure is taken, on random parts of the samples.
        cache: A folder that keeps features for the next time.
        tell: Called along the way with what is being done, how much is done, and how much there is.

    Raises:
        ModescopeError: If the samples cannot be read, or do not fit each other.
    """
    need(fake is not None, "fake is not given, expected the samples of a generator: diagnose(real, fake)")
    need(splits >= 2, f"splits is {splits}, expected at least 2, since spreads are over splits")
    checked_seed(seed)
    if isinstance(metrics, str):
        metrics = [name.strip() for name in metrics.split(",") if name.strip()]
    measures = chosen(metrics)
    if real is None:
        given = [name for name, value in (("features", features), ("metrics", metrics)) if value is not None]
        need(not given, f"{' and '.join(given)} compare with real samples, and none are given: give real too")
        return alone(open_source(fake, n=n, endless=LIMIT, seed=seed, latent=latent, name="fake", drop=drop))
    sources = {
        "real": open_source(real, n=n, endless=LIMIT, seed=(seed + 1) % (MOST_SEED + 1), name="real", drop=drop),
        "fake": open_source(fake, n=n, endless=LIMIT, seed=seed, latent=latent, name="fake", drop=drop),
    }
    check_alike(sources["real"], sources["fake"])
    made = make_features(features if features is not None else DEFAULT_FEATURES[sources["real"].kind])
    made = made.fit(sources["real"])
    measures = fitting(measures, made, asked=metrics is not None and "all" not in metrics)
    found = {
        kind: extract(source, made, cache=cache, tell=partial(tell, f"{kind} samples"))
        for kind, source in sources.items()
    }
    for kind, part in found.items():
        check_scale(kind, part)
    generator = torch.Generator().manual_seed(seed)
    size = min(len(found["real"]), len(found["fake"]), LIMIT)
    need(size >= 4, f"there are {size} samples of each kind, expected at least 4")
    parts = [random_subset(part, size, generator) for part in found.values()]
    tell("evidence", 0, 1)
    evidence = gather_evidence(parts[0], parts[1], generator)
    tell("evidence", 1, 1)
    rows = compare(found["real"], found["fake"], measures, seed, splits, partial(tell, "measures"))
    return Diagnosis(
        verdict=judge(evidence),
        evidence=evidence,
        rows=tuple(rows),
        n_real=sources["real"].count,
        n_fake=sources["fake"].count,
        features=f"{made.name} ({made.protocol.rstrip('.')})",
        notes=tuple(f"{kind}: {note}" for kind, source in sources.items() for note in source.notes),
        scene=pictured(sources, found, generator),
    )


def alone(fake: Source) -> Diagnosis:
    """What can be told without real samples: whether fakes are copies of each other."""
    seen: set[bytes] = set()
    for batch in fake.batches(256):
        seen.update(hashlib.sha256(sample.contiguous().numpy()).digest() for sample in batch)
    return Diagnosis(judge_alone(fake.count, len(seen)), None, (), 0, fake.count, "none", fake.notes)


def check_alike(real: Source, fake: Source) -> None:
    """Raises unless both are points, or images, of one shape."""
    need(
        (real.kind, real.shape) == (fake.kind, fake.shape),
        f"real samples are {real.kind} of shape {real.shape} and fakes are {fake.kind} of shape {fake.shape}, expected "
        "the same",
    )


def check_scale(kind: str, features: Tensor) -> None:
    """Raises if sums of squares of these features overflow, or vanish, so that distances tell nothing."""
    top, most = float(features.abs().max()), torch.finfo(features.dtype).max ** 0.45
    vanishes = kind == "real" and 0 < top < 1 / most
    need(
        top <= most and not vanishes,
        f"features of {kind} samples are up to {top:.1e}, whose squares {str(features.dtype).removeprefix('torch.')} "
        "does not hold: scale real samples and fakes alike, e.g. to values about 1",
    )


def pictured(sources: dict[str, Source], found: dict[str, Tensor], generator: torch.Generator) -> Scene:
    """What the pictures show: a random few thousand of both, as images too if they are."""
    kept = {kind: torch.randperm(len(part), generator=generator)[:SHOWN].sort().values for kind, part in found.items()}
    images = None
    if sources["real"].kind == "images":
        images = tuple(images_at(sources[kind], kept[kind]) for kind in ("real", "fake"))
    return scene_of(found["real"][kept["real"]], found["fake"][kept["fake"]], generator, images)  # type: ignore[arg-type]


def images_at(source: Source, indices: Tensor) -> Tensor:
    """The images with ascending indices."""
    kept, start = [], 0
    for batch in source.batches(256):
        here = indices[(indices >= start) & (indices < start + len(batch))] - start
        kept.append(batch[here])
        start += len(batch)
    return torch.cat(kept)
