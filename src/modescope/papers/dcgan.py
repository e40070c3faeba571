r"""DCGAN's claims, as the review "Addressing mode collapse in GANs" tells them, measured on digits.

The review says of Radford et al. that "the networks exhibit little memorization", that "the space learnt has smooth
transitions", and that parts of the networks can be reused "as feature extractors for supervised tasks". Each is put
beside what would happen without it: fresh true images, cross-fades of true images, and the same critic before training.
"""

__all__ = ["Measured", "dcgan"]

import math
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from .. import datasets
from ..api import plan
from ..datasets.images.base import ImageData
from ..judges.modes import JudgedModes
from ..metrics.intervals import mean_interval
from ..metrics.neighbours import neighbours
from ..report.copies import copies_of, true_images
from ..report.drawing import canvas, save
from ..report.mosaic import images_of, mosaic
from ..report.page import Figure, Heading, Paragraph, Section, Statements, Table, write_page
from ..report.text import number
from ..report.walks import reach, unevenness
from ..runs import Evaluation, Run, train_many
from ..runs.paths import STOPS, walked
from ..runs.probe import Row, probe_run
from ..theory.statement import Statement
from .comparisons import paired_difference
from .items import REVIEW
from .kl_runs import interval, median_member
from .record import Reproduction, write_record
from .settings import DCGAN_TRAINING

DATA, NETWORKS = "mnist", "dcgan-small"
STEPS, SEEDS = 2000, 10
# With DCGAN's own 2e-4 for both, networks this small make 3 digits after as many steps, and walks hardly lead anywhere.
RATE, CRITIC_RATE = 1e-3, 1e-4
WALKS = 50  # of each member
SAMPLES = 1000  # whose nearest training images are searched
QUICK = (500, 500)  # images that classifiers are fitted on and asked about, to see that all works
KNOWN = 10_000  # training images among which the judge's features are searched
SMOOTH = 2.0  # times the mean step: the largest that a smooth walk may have
FAR = 0.5  # of the distance of two true images, that the ends must be apart: a walk that stays is smooth for that alone
SETUP = (
    "DCGAN's networks with a quarter of its channels on MNIST's training digits, Adam with learning rates of {rate:g} "
    "for the generator and {critic_rate:g} for the critic and beta1 0.5, batches of {batch}, {steps:,} steps of each, "
    "{seeds} seeds. Intervals are Student-t over seeds at 95 %. Walks: {walks} of each member, of {stops} images. "
    "Copies: {samples:,} samples of "
    "each member, searched in all training images by the distance of pixels. The paper shows bedrooms and faces, "
    "and takes features that were learnt on ImageNet; what is measured here is not in it."
)


@dataclass(frozen=True)
class Measured:
    """What is measured of one member's images, or of true images in their place.

    Attributes:
        digits: Of how many digits there are samples, at least one in a hundred, by the judge.
        unevenness: The largest step of a walk over its mean step; see :func:`modescope.report.walks.unevenness`.
        reach: How far apart the ends of walks are, over the distance of two true images.
        midway: How strange an image is in the middle half of a walk: the distance, in the features of the judge of
            digits, to the nearest of many training images, over the mean of that distance for test images.
        ends: The same of the ends.
        authentic: The share of samples that are farther from their nearest training image than that one from its own.
        closest: The least such ratio of distances; 0 for a copy.
    """

    digits: int
    unevenness: float
    reach: float
    midway: float
    ends: float
    authentic: float
    closest: float


BOUNDS, FREE = {"digits": (0, 10), "authentic": (0, 1)}, (0, math.inf)
HEADINGS = {
    "digits": "digits ↑",
    "unevenness": "largest step ↓",
    "reach": "reach",
    "midway": "strange in the middle ↓",
    "ends": "strange at the ends ↓",
    "authentic": "authentic ↑",
    "closest": "closest",
}


def dcgan(out: Path, quick: bool = False, workers: int | None = None, quiet: bool = False) -> Reproduction:
    """DCGAN's claims in the review: smooth walks, little memorisation, features of use to a classifier."""
    run = trained(out / ("runs-quick" if quick else "runs"), quick, workers, quiet)
    data = run.experiment.dataset
    assert isinstance(data, ImageData)
    walks = walks_of(run, data)
    truth = Truth.of(data)
    samples = run.samples()[:, :SAMPLES]
    ours = [measured(way, x, truth) for way, x in zip(walks, samples, strict=True)]
    floor = real_ones(truth)
    probed = probe_run(run, *QUICK) if quick else probe_run(run)
    rows = {row.features: row for row in probed.rows}
    statements = [smooth(ours, floor), little_memorised(ours, floor), of_use(rows)]
    shown = median_member([one.unevenness for one in ours])
    copies = copies_of(samples[shown, :STOPS], data, truth.training)
    pictures = (
        drawn(out / "dcgan-walks.png", "each row a walk", images_of(walks[shown, :6].flatten(0, 1), data)),
        drawn(
            out / "dcgan-nearest.png",
            "samples, and below them the nearest training images",
            np.concatenate([copies.samples, copies.nearest]),
        ),
    )
    sections: list[Section] = [
        Heading("What was measured"),
        Table(
            ["images", *HEADINGS.values()],
            [
                [
                    "DCGAN, mean over seeds",
                    *(interval([getattr(one, name) for one in ours], BOUNDS.get(name, FREE)) for name in HEADINGS),
                ],
                ["true images in their place", *(number(getattr(floor, name)) for name in HEADINGS)],
            ],
            "Digits: with at least one sample in a hundred, by the judge. "
            f"Largest step: of a walk, over its mean step; 1 is even, {STOPS - 1} is all of the change in one step. "
            f"Strange: the distance to the nearest of {len(truth.known):,} training images in the judge's features; 1 "
            "is that of test images. "
            "True images in place of a walk are a cross-fade of two test images; in place of samples, test images.",
        ),
        Heading("What a linear classifier reads from the critic"),
        Table(
            ["features", "numbers", "accuracy ↑"],
            [
                [row.features, row.dims, f"{row.accuracy:.3f} ({row.low:.3f} to {row.high:.3f})"]
                for row in rows.values()
            ],
            f"Fitted on {probed.train:,} labelled training images, asked about {probed.test:,} test images.",
        ),
        Heading("What the review says"),
        Statements(statements),
        Heading("Walks, and samples beside their nearest training images"),
        Figure(pictures[0], "Walks between latents", "Of the seed whose largest steps are the median."),
        Figure(pictures[1], "Samples and the nearest training images", "Of the same seed, its first samples."),
        Heading("How"),
        Paragraph(setup_of(run)),
    ]
    page = write_page(out / "dcgan.html", "dcgan: three claims about DCGAN", f"{REVIEW}, on DCGAN.", sections)
    found = {
        "setup": run.experiment.encode(),
        "per_seed": [asdict(one) for one in ours],
        "true_images": asdict(floor),
        "probe": {name: asdict(row) for name, row in rows.items()},
    }
    numbers = write_record(out / "dcgan.json", "dcgan", {"printed": "no number"}, found, statements)
    return Reproduction("dcgan", page, numbers, pictures)


def trained(folder: Path, quick: bool, workers: int | None, quiet: bool) -> Run:
    """The run of all seeds, trained in the folder or read from it."""
    steps = 4 if quick else STEPS
    experiment = plan(
        DATA,
        "gan",
        seeds=2 if quick else SEEDS,
        architecture=NETWORKS,
        evaluation=Evaluation(every=max(1, steps // 4), look=100, samples=SAMPLES, snapshot=36),
        steps=steps,
        compile=not quick,
        **{
            **DCGAN_TRAINING,
            "lr": RATE,
            "critic_lr": CRITIC_RATE,
            **({"batch_size": 8} if quick else {}),
        },
    )
    return train_many({"dcgan": experiment}, folder, workers=workers, quiet=quiet)[0]


def walks_of(run: Run, data: ImageData) -> Tensor:
    """Walks of every member, as a picture keeps them, with shape `(S, R, K, D)`."""
    made = [walked(run.population(block), WALKS).cpu().float() for block in range(len(run.stores))]
    return data.restored(data.kept(torch.cat(made)))


@dataclass(frozen=True)
class Truth:
    """True images, to which all is compared.

    Arguments:
        data: The digits.
        training: All training images, with shape `(N, D)`.
        unseen: As many test images as there are samples.
        known: The judge's features of some training images.
        usual: The mean distance in these features from a test image to the nearest of them.
    """

    data: ImageData
    training: Tensor
    unseen: Tensor
    known: Tensor
    usual: float

    @classmethod
    def of(cls, data: ImageData) -> "Truth":
        """The true images of the digits."""
        training, _ = true_images(data)
        unseen = datasets.make(DATA, split="test").sample(SAMPLES, torch.Generator().manual_seed(2))
        known = features(training[:: max(1, len(training) // KNOWN)], data)
        return cls(data, training, unseen, known, float(away(features(unseen, data), known).mean()))

    def strangeness(self, x: Tensor) -> float:
        """How strange images `(*, D)` are, on average; 1 for test images."""
        return float(away(features(x.flatten(0, -2), self.data), self.known).mean()) / self.usual


def away(x: Tensor, known: Tensor) -> Tensor:
    """The distance of each row to the nearest of `known`."""
    return neighbours(x, known).distances[:, 0]


def features(x: Tensor, data: ImageData) -> Tensor:
    """What the last hidden layer of the judge makes of images `(N, D)`."""
    modes = data.modes
    assert isinstance(modes, JudgedModes)
    return modes.judge.features(x, modes.pixels)


def measured(walks: Tensor, samples: Tensor, truth: Truth) -> Measured:
    """What is measured of walks `(R, K, D)` and samples `(N, D)`."""
    pairs = truth.data.sample(2 * WALKS, torch.Generator().manual_seed(0)).view(WALKS, 2, -1)
    ratios = copies_of(samples, truth.data, truth.training).ratios
    assert truth.data.modes is not None
    classes, _ = truth.data.modes.nearest(samples)
    return Measured(
        digits=int((torch.bincount(classes) >= len(samples) / 100).sum()),
        unevenness=unevenness(walks),
        reach=reach(walks, pairs),
        midway=truth.strangeness(walks[:, STOPS // 4 : STOPS - STOPS // 4]),
        ends=truth.strangeness(walks[:, [0, -1]]),
        authentic=float((ratios > 1).mean()),
        closest=float(ratios.min()),
    )


def real_ones(truth: Truth) -> Measured:
    """The same of cross-fades of two test images, and of test images."""
    ends = truth.unseen[: 2 * WALKS].view(WALKS, 2, 1, -1)
    fades = torch.lerp(ends[:, 0], ends[:, 1], torch.linspace(0, 1, STOPS)[:, None])
    return measured(fades, truth.unseen, truth)


def smooth(ours: list[Measured], floor: Measured) -> Statement:
    """Whether walks have no jumps, though they lead somewhere, and pass by images like true ones on their way."""
    steps, far, midway, ends = (
        mean_interval([getattr(one, name) for one in ours]) for name in ("unevenness", "reach", "midway", "ends")
    )
    even, leads, digits = steps[2] < SMOOTH, far[1] > FAR, midway[2] < floor.midway
    return Statement(
        "walks between latents",
        "the space learnt has smooth transitions",
        f"the largest step is {'below' if even else 'not below'} {SMOOTH:g} times the mean step, the ends are "
        f"{'' if leads else 'not '}more than {FAR:g} times as far apart as true images, and what lies between is "
        f"{'less' if digits else 'not less'} strange than a cross-fade",
        {
            "largest step over mean step": steps[0],
            "highest of a seed": max(one.unevenness for one in ours),
            "all of the change in one step": STOPS - 1,
            "distance of the ends, over that of true images": far[0],
            "strange in the middle": midway[0],
            "strange in the middle, 95 % interval, high": midway[2],
            "strange at the ends": ends[0],
            "strange in the middle of cross-fades": floor.midway,
        },
        holds=even and leads and digits,
        verified=True,
    )


def little_memorised(ours: list[Measured], floor: Measured) -> Statement:
    """Whether samples are as far from the training images as images are that nobody has seen."""
    mean, low, high = mean_interval([one.authentic for one in ours], (0.0, 1.0))
    far = low >= floor.authentic
    return Statement(
        "memorisation",
        "the networks exhibit little memorization",
        f"samples are {'no nearer' if far else 'nearer'} to training images than test images are",
        {
            "authentic": mean,
            "95 % interval, low": low,
            "95 % interval, high": high,
            "authentic test images": floor.authentic,
            "closest of all samples": min(one.closest for one in ours),
            "closest test image": floor.closest,
        },
        holds=far,
        verified=True,
    )


def of_use(rows: dict[str, Row]) -> Statement:
    """Whether the critic's features do better than those of the same critic before training, and than pixels."""
    critic, before, pixels = (rows[name] for name in ("critic", "critic before training", "pixels"))
    gap = paired_difference(before.per_member, critic.per_member)
    better = gap.sign > 0 and critic.low > pixels.accuracy
    than = {1: "better than", 0: "no better that can be told than", -1: "worse than"}[gap.sign]
    return Statement(
        "features",
        "partially reusing G and D as feature extractors for supervised tasks",
        f"a linear classifier does {than} on the features of the same critic before its training",
        {
            "accuracy": critic.accuracy,
            "before training": before.accuracy,
            "mean difference": gap.mean,
            "95 % interval, low": gap.low,
            "95 % interval, high": gap.high,
            "on pixels": pixels.accuracy,
        },
        holds=better,
        verified=gap.confirmed,
    )


def drawn(path: Path, title: str, images: np.ndarray) -> Path:
    """Images as a picture, with as many in a row as a walk has."""
    figure, axes = canvas(1, 1, (6, 0.35 + 0.58 * len(images) / STOPS))  # square places, and the title
    axes[0, 0].imshow(mosaic(images, STOPS), interpolation="nearest", cmap="gray")
    axes[0, 0].set_title(title, fontsize=10)
    axes[0, 0].set_axis_off()
    return save(figure, path)


def setup_of(run: Run) -> str:
    """How it was trained and measured."""
    training, seeds = run.experiment.training, len(run.experiment.seeds)
    return SETUP.format(
        rate=training.lr,
        critic_rate=training.critic_lr,
        batch=training.batch_size,
        steps=training.steps,
        seeds=seeds,
        walks=WALKS,
        stops=STOPS,
        samples=run.samples().shape[1],
    )
