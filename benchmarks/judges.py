"""What real triples score when a judge counts their modes: ``benchmarks judges``.

Prints the tables, and writes them to ``docs/judges.json`` and between the marks of ``docs/judges.md``. It needs MNIST
and Fashion-MNIST.
"""

import json
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import stdev

import torch
from torch import Tensor

from modescope.core.files import atomic_write
from modescope.datasets.images import load
from modescope.judges import Judge, judge
from modescope.judges.judge import JUDGES
from modescope.metrics import inception_score
from modescope.metrics.intervals import mean_interval
from modescope.metrics.labelled import ModeReport, mode_report

DOCS = Path(__file__).parents[1] / "docs"
MARKS = ("<!-- from python -m benchmarks judges -->", "<!-- end -->")
DRAWS = 20
SAMPLES = (26_000, 25_600)
CLASSES = 1000
KEPT = {CLASSES: 10, 125: 5}  # classes of triples, of how many classes in each channel
LABELS = ("true labels", "judge", "judge, corrected")
LEAST = 1 / (10 * CLASSES)  # of the samples, that a class holds where one stray label makes no mode


@dataclass(frozen=True)
class Floor:
    """Modes and divergence that real triples score.

    Arguments:
        name: The set of images.
        kept: How many of the thousand classes the triples are of.
        samples: How many triples.
        labels: Whose labels count.
        modes: The number of modes in each draw.
        held: The number of modes with a tenth of their due at least, in each draw.
        kl: The divergence from equal shares in each draw, in nats.
    """

    name: str
    kept: int
    samples: int
    labels: str
    modes: tuple[int, ...]
    held: tuple[int, ...]
    kl: tuple[float, ...]

    def summaries(self) -> dict[str, float]:
        """Mean, its 95 % interval, and the deviation of one draw, of each measure."""
        made = {}
        for name in ("modes", "held", "kl"):
            values = getattr(self, name)
            center, low, high = mean_interval(values)
            made |= {f"{name}_mean": center, f"{name}_low": low, f"{name}_high": high, f"{name}_sd": stdev(values)}
        return made

    def cells(self) -> list[str]:
        """A row of the table."""
        measured = [summary(self.modes, 1), summary(self.held, 1), summary(self.kl, 4)]
        return [f"{self.samples:,}", f"{self.kept:,}", self.labels, *measured]


def summary(values: tuple[float, ...], digits: int) -> str:
    """The mean, its interval and the deviation of one draw."""
    if len(set(values)) == 1:
        return f"{values[0]:,} in each"
    center, low, high = (f"{value:,.{digits}f}" for value in mean_interval(values))
    return f"{center} ({low} to {high}), sd {stdev(values):.{digits}f}"


def pictures(name: str) -> tuple[Tensor, Tensor]:
    """The test images, in [0, 1], and their classes."""
    test = load(name, "test")
    assert test.labels is not None
    return test.images.float() / 255, test.labels


def triples(classes: Tensor, kept: int, samples: int, generator: torch.Generator) -> Tensor:
    """Numbers of images whose class is below `kept`, with shape `(N, 3)`."""
    allowed = (classes < kept).nonzero().squeeze(1)
    return allowed[torch.randint(len(allowed), (samples, 3), generator=generator)]


def number(classes: Tensor) -> Tensor:
    """The class of a triple."""
    return (classes * torch.tensor([100, 10, 1])).sum(dim=1)


def counts(classes: Tensor, said: Tensor) -> Tensor:
    """How many images of each class get each label."""
    return torch.bincount(10 * classes + said, minlength=100).unflatten(0, (10, 10))


def scores(classes: Tensor, said: Tensor, kept: int, samples: int, seed: int) -> list[ModeReport]:
    """One draw: triples of one half of the test images, the third corrected by the judge's errors on the other half."""
    generator = torch.Generator().manual_seed(seed)
    half, other = torch.randperm(len(classes), generator=generator).chunk(2)
    picked = half[triples(classes[half], kept, samples, generator)]
    factors = [counts(classes[other], said[other])] * 3
    return [
        mode_report(number(classes[picked]), CLASSES),
        mode_report(number(said[picked]), CLASSES),
        mode_report(number(said[picked]), CLASSES, confusion=factors),
    ]


def floors(name: str, classes: Tensor, said: Tensor) -> Iterator[Floor]:
    """All draws of all cases."""
    for samples in SAMPLES:
        for kept, digits in KEPT.items():
            draws = [scores(classes, said, digits, samples, seed) for seed in range(DRAWS)]
            for labels, reports in zip(LABELS, zip(*draws, strict=True), strict=True):
                modes, kl = tuple(each.modes for each in reports), tuple(each.kl for each in reports)
                held = tuple(int((each.share >= LEAST).sum()) for each in reports)
                yield Floor(name, kept, samples, labels, modes, held, kl)


def speed(shipped: Judge, images: Tensor) -> float:
    """Seconds of processor time, on one thread, for the labels of 26,000 triples."""
    index = torch.randint(len(images), (SAMPLES[0], 3), generator=torch.Generator().manual_seed(0))
    x = images[index].squeeze(2)
    started = time.process_time()
    shipped.stacked_labels(x)
    return time.process_time() - started


def facts(shipped: Judge, images: Tensor) -> dict[str, float | int | str]:
    """What is said of a judge beside its floors."""
    logits, card = shipped.logits(images), shipped.card
    return {
        "judge": card.name,
        "accuracy": card.accuracy,
        "low": card.low,
        "high": card.high,
        "errors": card.errors,
        "held_out": card.held_out,
        "triples_right": card.accuracy**3,
        "confidence": logits.softmax(dim=1).amax(dim=1).mean().item(),
        "inception_score": inception_score(logits, splits=1).mean.item(),
        "processor_seconds": speed(shipped, images),
        "sha256": card.sha256,
    }


def table(titles: list[str], rows: list[list[str]]) -> str:
    """A table in Markdown."""
    return "\n".join("| " + " | ".join(row) + " |" for row in [titles, ["---"] * len(titles), *rows])


def page(found: list[dict[str, float | int | str]], measured: list[Floor]) -> str:
    """All tables."""
    parts = [
        table(
            ["judge", "accuracy on 10,000 test images (95 % interval)", "mean confidence", "Inception Score of these",
             "26,000 triples, seconds of one core"],
            [
                [f"`{row['judge']}`", f"{row['accuracy']:.2%} ({row['low']:.2%} to {row['high']:.2%})",
                 f"{row['confidence']:.2%}", f"{row['inception_score']:.2f}",
                 f"{row['processor_seconds']:.0f}"]
                for row in found
            ],
        )
    ]  # fmt: skip
    titles = [
        "triples",
        "classes in them",
        "labels",
        "modes",
        "with a tenth of their due",
        "KL from equal shares, nats",
    ]
    for name in JUDGES:
        rows = [row.cells() for row in measured if row.name == name]
        parts.append(f"**Triples of {name} test images**\n\n{table(titles, rows)}")
    return "\n\n".join(parts)


def judges() -> None:
    """Measures, prints, and writes to the docs."""
    found, measured = [], []
    for name in JUDGES:
        images, classes = pictures(name)
        found.append(facts(judge(name), images))
        measured += list(floors(name, classes, judge(name).labels(images)))
    text = page(found, measured)
    print(text)
    rows = [asdict(row) | row.summaries() for row in measured]
    atomic_write(DOCS / "judges.json", json.dumps({"judges": found, "floors": rows}, indent=1, allow_nan=False) + "\n")
    whole = (DOCS / "judges.md").read_text()
    before, after = whole.split(MARKS[0])[0], whole.split(MARKS[1])[1]
    atomic_write(DOCS / "judges.md", f"{before}{MARKS[0]}\n{text}\n{MARKS[1]}{after}")
