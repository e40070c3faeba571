r"""CIFAR-10, CelebA and figures 8 and 9 of "GANs Optimizing KL Divergence Gain Resistance To Mode Collapse".

Section 5.3 of the paper says of CIFAR-10 that Method 2 "basically maintains IS score and slightly increase sample
diversity", without a number; section 5.4, on CelebA, breaks off in its first sentence. Which data figures 7 to 9 show
is not said.
"""

__all__ = ["celeba", "cifar10", "figure8", "figure9"]

from collections.abc import Mapping, Sequence
from pathlib import Path

from torch import Tensor

from .. import datasets
from ..api import plan
from ..core.errors import ModescopeError
from ..core.method import Method
from ..datasets.base import Dataset
from ..datasets.images import find
from ..datasets.images.base import ImageData
from ..diagnosis.compare import Row, compare
from ..diagnosis.measures import chosen, fitting
from ..features import Features, Inception, extract, make_features
from ..features.inception import cached
from ..methods import GAN, LSGAN
from ..metrics import MetricResult
from ..metrics.intervals import mean_interval
from ..report.page import Figure, Heading, Paragraph, Section, Statements, write_page
from ..runs import Evaluation, Run, train_many
from ..sources import open_source
from . import kl_drawings as draw
from .kept import kept_beside
from .kl_images import WEIGHTS, method2, numbers_of, setup_record, table_of
from .kl_runs import PAPER, compared, file_name, median_member
from .record import Reproduction, write_record
from .settings import DCGAN_TRAINING

NETWORKS = "dcgan-small"
BUDGETS = {"cifar10": (2000, 10), "celeba": (1000, 2), "sign-digits": (1000, 2)}  # steps of each player, and seeds
SAMPLES, SPLITS = 2000, 3
QUICK = 60  # samples, to see that all works
SCORE, DIVERSITY, SPREAD = "inception_score", "coverage_k5", "pairwise_l2"
SCORES = (SCORE, "frechet", "precision_k3", "recall_k3", DIVERSITY, SPREAD)
SEEN = 36  # images in a grid
SETUP = (
    "DCGAN's networks with a quarter of its channels, Adam with a learning rate of {rate:g} and beta1 0.5, batches of "
    "{batch}, {steps:,} steps of critic and generator each, {seeds} seeds: a small fraction of what photographs take, "
    "chosen so that two cores do it in hours. " + WEIGHTS
)


def cifar10(
    out: Path, quick: bool = False, workers: int | None = None, quiet: bool = False, runs: Path | None = None
) -> Reproduction:
    """Section 5.3: the Inception score and the diversity of DCGAN and of Method 2 on CIFAR-10."""
    found = trained("cifar10", {}, runs or out / "runs", quick, workers, quiet)
    features = classifier()
    results = {name: measured(run, features, QUICK if quick else SAMPLES) for name, run in found.items()}
    others = [name for name in results if name != "DCGAN"]
    says = {
        SCORE: ("the Inception score is kept by", "Our method basically maintains IS score"),
        DIVERSITY: ("coverage is raised by", "slightly increase sample diversity"),
        SPREAD: ("the distance of two samples comes nearer to real images' with", "slightly increase sample diversity"),
    }
    statements = [
        compared(f"{claim} {name}", results, "DCGAN", name, printed, metric, kept=metric == SCORE)
        for metric, (claim, printed) in says.items()
        for name in others
    ]
    picture = grids(out / "kl-cifar10.png", found, results)
    sections: list[Section] = [
        Heading("One protocol"),
        table_of(found, results, "real against real (floor)", f"Features: {features.name}, {features.protocol}. "),
        Heading("What the paper says"),
        Paragraph(
            "It prints no number. An Inception score that another network than Inception gives is another score."
        ),
        Statements(statements),
        Heading("Samples"),
        Figure(picture, "Samples of every method", "Of each method the seed with the median coverage."),
        Heading("How"),
        Paragraph(setup_of(found)),
    ]
    page = write_page(out / "kl-cifar10.html", "kl/cifar10: DCGAN and Method 2", f"{PAPER}, section 5.3.", sections)
    ours = {"features": f"{features.name}: {features.protocol}", "note": note_of(found), **numbers_of(found, results)}
    numbers = write_record(out / "kl-cifar10.json", "kl/cifar10", {"printed": "no number"}, ours, statements)
    return Reproduction("kl/cifar10", page, numbers, (picture,))


def celeba(
    out: Path, quick: bool = False, workers: int | None = None, quiet: bool = False, runs: Path | None = None
) -> Reproduction:
    """Section 5.4: samples of DCGAN and of Method 2 on faces, or on photographs of hands where there is no CelebA."""
    data = faces()
    found = trained(data, {}, runs or out / "runs", quick, workers, quiet)
    return pictured("kl/celeba", "section 5.4", data, found, [], out)


def figure8(
    out: Path, quick: bool = False, workers: int | None = None, quiet: bool = False, runs: Path | None = None
) -> Reproduction:
    """Figure 8: DCGAN beside Method 2, "our method helps GAN increase sample diversity"."""
    found = trained("cifar10", {}, runs or out / "runs", quick, workers, quiet)
    note = (
        "The paper does not say which data its figure 8 shows; that samples become more diverse is what its text says "
        "of CIFAR-10. The numbers are those of kl/cifar10."
    )
    return pictured("kl/figure8", "figure 8", "cifar10", found, [note], out)


def figure9(
    out: Path, quick: bool = False, workers: int | None = None, quiet: bool = False, runs: Path | None = None
) -> Reproduction:
    """Figure 9: LSGAN, the plain GAN and Method 2, "images are more diverse and doesn't have decrease in quality"."""
    data = faces()
    found = trained(data, {"LSGAN": LSGAN()}, runs or out / "runs", quick, workers, quiet)
    note = "The paper does not say which data its figure 9 shows; CelebA is the one of its sets that is left."
    return pictured("kl/figure9", "figure 9", data, found, [note], out)


def pictured(
    item: str, where: str, data: str, runs: Mapping[str, Run], notes: Sequence[str], out: Path
) -> Reproduction:
    """Grids of samples side by side, of every seed, so that nobody chose one."""
    first = next(iter(runs.values())).experiment
    stem = item.replace("/", "-")
    pictures = {
        seed: draw.grids(out / f"{stem}{f'-seed-{seed}' if member else ''}.png", runs, dict.fromkeys(runs, member))
        for member, seed in enumerate(first.seeds)
    }
    hands = ["There is no CelebA on this machine, so these are photographs of hands of its size, 64 x 64."]
    sections: list[Section] = [
        *(
            Figure(picture, f"Samples on {data}, side by side, seed {seed}", f"Of each method seed {seed}.")
            for seed, picture in pictures.items()
        ),
        *map(Paragraph, [setup_of(runs), *(hands if data == "sign-digits" else []), *notes]),
    ]
    page = write_page(out / f"{stem}.html", f"{item}: samples side by side", f"{PAPER}, {where}.", sections)
    ours = {"data": data, "note": note_of(runs), **setup_record(runs)}
    numbers = write_record(out / f"{stem}.json", item, {"printed": "pictures"}, ours, [])
    return Reproduction(item, page, numbers, tuple(pictures.values()))


def faces() -> str:
    """CelebA where it is on this machine, else photographs of hands of the same size.

    Raises:
        ModescopeError: If neither is here.
    """
    for name in ("celeba", "sign-digits"):
        if find(name):
            return name
    raise ModescopeError(
        "neither celeba nor sign-digits is on this machine: modescope data fetch celeba downloads 1.4 GB, "
        "modescope data path sign-digits says which files to put where"
    )


def classifier() -> Features:
    """Inception where its file is on this machine, else EfficientNet-Lite0, whose weights a package brings.

    Raises:
        ModescopeError: If neither is here.
    """
    path = cached()
    return Inception(path) if path else make_features("efficientnet-lite0")


def trained(
    data: str, others: Mapping[str, Method], folder: Path, quick: bool, workers: int | None, quiet: bool
) -> dict[str, Run]:
    """Runs of DCGAN, of Method 2 and of others, by name, trained in the folder or read from it."""
    steps, seeds = (4, 2) if quick else BUDGETS[data]
    games = {**others, "DCGAN": GAN(), **method2(datasets.make(data).dim)}
    experiments = {
        f"{data}-{file_name(name)}": plan(
            data,
            game,
            seeds=seeds,
            architecture=NETWORKS,
            compile=not quick,
            evaluation=Evaluation(every=max(1, steps // 10), look=SEEN, samples=SEEN, snapshot=SEEN),
            steps=steps,
            **{**DCGAN_TRAINING, **({"batch_size": 8} if quick else {})},
        )
        for name, game in games.items()
    }
    runs = train_many(experiments, folder, workers=workers, quiet=quiet)
    return dict(zip(games, runs, strict=True))


def measured(run: Run, features: Features, samples: int) -> dict[str, MetricResult]:
    """Scores of fresh samples of every member."""
    how = {
        "samples": samples,
        "metrics": list(SCORES),
        "splits": SPLITS,
        "features": [features.name, features.fingerprint()],
    }
    return kept_beside(run, how, lambda: scores(run, features, samples))


def scores(run: Run, features: Features, samples: int) -> list[MetricResult]:
    """What the diagnosis measures of every member, each beside what real images score in the fakes' place."""
    data = run.experiment.dataset
    real = extract(open_source(data, n=2 * samples, seed=1), features)  # each image at most once
    measures = fitting(chosen(SCORES), features, asked=True)
    rows = [compare(real, seen(data, x, features), measures, 0, SPLITS) for x in run.sample(samples, "table")]
    return [over_members(of_measure) for of_measure in zip(*rows, strict=True)]


def over_members(rows: Sequence[Row]) -> MetricResult:
    """A measure over the members, from a row of each."""
    first = rows[0]
    values = tuple(row.value for row in rows)
    mean, low, high = mean_interval(values, first.measure.bounds)
    return MetricResult(
        name=first.measure.name,
        label=first.measure.label,
        value=mean,
        low=low,
        high=high,
        floor=sum(row.real for row in rows) / len(rows),
        floor_sd=first.real_spread,
        direction=first.measure.direction,
        protocol=first.protocol,
        per_member=values,
    )


def seen(data: Dataset, x: Tensor, features: Features) -> Tensor:
    """The features of samples, as the diagnosis takes them of images in files."""
    return extract(open_source(data.kept(x).reshape(len(x), *data.shape), name="samples"), features)


def grids(path: Path, runs: Mapping[str, Run], results: Mapping[str, Mapping[str, MetricResult]]) -> Path:
    """Samples of the seed with the median coverage."""
    return draw.grids(path, runs, {name: median_member(row[DIVERSITY].per_member) for name, row in results.items()})


def setup_of(runs: Mapping[str, Run]) -> str:
    """How all rows were trained."""
    run = next(iter(runs.values()))
    training, note = run.experiment.training, note_of(runs)
    how = SETUP.format(
        rate=training.lr, batch=training.batch_size, steps=training.steps, seeds=len(run.experiment.seeds)
    )
    return f"{how} The data: {note}." if note else how


def note_of(runs: Mapping[str, Run]) -> str:
    """What is particular about the data, such as that they are a copy that lost detail."""
    data = next(iter(runs.values())).experiment.dataset
    return data.arrays.note if isinstance(data, ImageData) else ""
