"""The page of the two moons."""

__all__ = ["INTROS", "PAPER", "TITLES", "Pictures", "sections"]

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..datasets.array import FixedSet
from ..metrics import MetricResult
from ..nets import MLP
from ..report.page import Figure, Heading, Paragraph, Section, Statements, Table, show
from ..runs import Run
from ..theory import Statement
from .comparisons import paired_difference
from .moons_measures import BINS, BOTH, COVERAGE, LIGHTER, OFF, ON_EACH, RADIUS, W1
from .moons_statements import FEW, MANY, PRINTED_END, Findings

PAPER = "Addressing mode collapse in GANs"
TITLES = {
    "moons": "Two moons: is it the latent dimension?",
    "moons-notebook": "Two moons, as the notebook trained on them",
}
INTROS = {
    "moons": "A small GAN learns two half circles. The review shows one network with two latent dimensions, which "
    "misses a moon, and one with four, which does better. Here are its networks again, with many seeds for each of "
    "many latent dimensions.",
    "moons-notebook": "What the review's published notebook does differs from its text. Here is the notebook's way: "
    "32 points in place of two curves, small biases, a critic that learns half as fast, and players that move at once.",
}
SHOWN = {
    W1: "W1",
    COVERAGE: "coverage",
    BOTH: "covers both",
    ON_EACH[0]: "on outer",
    ON_EACH[1]: "on inner",
    OFF: "off both",
    LIGHTER: "lighter",
}


@dataclass(frozen=True)
class Pictures:
    """The pictures of the page, each for the lesser and the greater latent dimension where there are two."""

    few: Path
    many: Path
    few_seeds: Path
    many_seeds: Path
    few_film: Path
    many_film: Path
    measures: Path
    training: Path

    @property
    def stills(self) -> tuple[Path, ...]:
        """Those that do not move."""
        return self.few, self.many, self.few_seeds, self.many_seeds, self.measures, self.training


def sections(
    runs: Mapping[int, Run], found: Findings, verdicts: Sequence[Statement], pictures: Pictures
) -> list[Section]:
    """The pieces of the page.

    Arguments:
        runs: The runs, by latent dimension.
        found: What came out.
        verdicts: The review's statements, put to the test.
        pictures: What was drawn.
    """
    run, seeds = runs[FEW], len(runs[FEW].members)
    steps = run.experiment.training.steps
    kept = run.experiment.evaluation.snapshot
    middle = (
        f"{kept} samples of the seed whose final Wasserstein-1 distance is the median of {seeds} seeds (the lower of "
        "the two middle ones if they are even in number), on the data in orange."
    )
    each = f"The {seeds} seeds after {steps:,} steps, from the least Wasserstein-1 distance on."
    film = f"The best, the median and the worst of the {seeds} seeds along training."
    last = (
        "At the end, against the latent dimension. Dots are seeds, diamonds their mean with a 95 % interval. "
        f"A moon is covered where at least half of {BINS} equal pieces of its arc have a sample within {RADIUS}."
    )
    along = (
        f"Along training, of {kept} samples: every seed (blue), their median (black), and a perfect sampler (orange), "
        "which is not at zero since samples are few."
    )
    short = f"This is a small version, with {seeds} seeds and {steps:,} steps: its verdicts mean nothing."
    return [
        *([Paragraph(short)] if steps < PRINTED_END else []),
        Heading("The review's two figures"),
        Figure(pictures.few, f"Samples of a GAN with {FEW} latent dimensions at four steps.", f"Figure 1. {middle}"),
        Figure(pictures.many, f"Samples of a GAN with {MANY} latent dimensions at four steps.", f"Figure 2. {middle}"),
        Heading("What the review states"),
        Statements(verdicts),
        Heading("Every seed"),
        Paragraph("The review shows one network for each latent dimension. The other seeds of the same training:"),
        Figure(pictures.few_seeds, f"Samples of {seeds} seeds, {FEW} latent dimensions.", f"{FEW} dimensions. {each}"),
        Figure(
            pictures.many_seeds, f"Samples of {seeds} seeds, {MANY} latent dimensions.", f"{MANY} dimensions. {each}"
        ),
        Heading("Along training"),
        Figure(pictures.few_film, f"Animation for {FEW} latent dimensions.", f"{FEW} latent dimensions. {film}"),
        Figure(pictures.many_film, f"Animation for {MANY} latent dimensions.", f"{MANY} latent dimensions. {film}"),
        Figure(pictures.training, "The Wasserstein-1 distance along training.", along),
        Heading("As numbers"),
        Figure(pictures.measures, "Six measures against the latent dimension.", last),
        _by_latent(found),
        _compared(found),
        _protocols(found),
        Paragraph(
            "Intervals are 95 %, Student's t over seeds, cut to the range of the measure; that of the share of seeds "
            "that cover both moons is Clopper and Pearson's. The same seed means the same initial critic at every "
            "latent dimension, so differences are taken seed by seed."
        ),
        Heading("What was trained"),
        _settings(runs),
        Paragraph(
            "What the latent dimension changes is more than the latents: the generator's first layer has 8 weights for "
            "each, of standard normal size, so its initial output spreads wider, too. The experiment cannot tell these "
            "apart, and neither could the review's."
        ),
    ]


def _by_latent(found: Findings) -> Table:
    rows: list[tuple[object, ...]] = [
        (str(latent), *(_with_interval(found.results[latent][name]) for name in SHOWN)) for latent in found.latents
    ]
    rows.append(("perfect", *(f"{found.results[FEW][name].floor:.2f}" for name in SHOWN)))
    return Table(
        ("latents", *SHOWN.values()), rows, "Mean over seeds, with the 95 % interval. Last: a perfect sampler."
    )


def _protocols(found: Findings) -> Table:
    rows = [(short, found.results[FEW][name].label, found.results[FEW][name].protocol) for name, short in SHOWN.items()]
    return Table(("column", "measure", "how it is taken"), rows)


def _compared(found: Findings) -> Table:
    rows: list[tuple[object, ...]] = []
    for name in SHOWN:
        few, many = found.results[FEW][name], found.results[MANY][name]
        gap = paired_difference(few.per_member, many.per_member)
        interval = "–" if math.isnan(gap.low) else f"{show(round(gap.low, 3))} to {show(round(gap.high, 3))}"
        rows.append((few.label, few.value, many.value, round(gap.mean, 4), interval, gap.p_value))
    header = ("measure", f"{FEW} dimensions", f"{MANY} dimensions", "difference", "95 % interval", "p (signs flipped)")
    return Table(header, rows, "Seed by seed: 4 latent dimensions less 2.")


def _with_interval(result: MetricResult) -> str:
    interval = "" if math.isnan(result.low) else f" ({result.low:.2f}–\N{WORD JOINER}{result.high:.2f})"
    return f"{result.value:.2f}{interval}"


def _settings(runs: Mapping[int, Run]) -> Table:
    experiment = runs[FEW].experiment
    networks = experiment.architecture.generator
    constant = isinstance(networks, MLP) and networks.bias == 0
    training, at_once = experiment.training, experiment.training.order == "simultaneous"
    points = isinstance(experiment.dataset, FixedSet)
    dims = sorted(runs)
    rows = [
        (
            "data",
            "two moons without noise",
            "the 32 points of make_moons(32, noise=0), all of them at every step",
            "the same 32 points, 32 drawn at random at every step"
            if points
            else "both half circles, an endless stream",
        ),
        ("latent dimension", "2 and 4, normal", "2 or 4, by version", f"{', '.join(map(str, dims))}, normal"),
        ("generator", "8-4, ReLU; its output is not told", "8-4, ReLU, linear output", "8-4, ReLU, linear output"),
        ("critic", "64-8, tanh, sigmoid", "64-8, tanh, sigmoid", "64-8, tanh, logits (the same loss)"),
        (
            "initial weights, biases",
            "both standard normal",
            "weights standard normal, biases 0.01",
            "weights standard normal, biases 0.01" if constant else "both standard normal",
        ),
        (
            "loss",
            "cross-entropy, as a minimax value",
            "cross-entropy; the generator's is the non-saturating one, the critic's is halved",
            "cross-entropy, non-saturating"
            + ("; the critic's learning rate is halved, which is the same" if training.critic_lr else ""),
        ),
        (
            "players",
            "not told",
            "both from the same point, on the same generated batch",
            "both from the same point, on the same batch" if at_once else "the critic first, then the generator",
        ),
        (
            "gradient descent",
            "learning rate 0.0005, batches of 32",
            "learning rate 0.0005, batches of 32, no momentum",
            f"learning rate {training.lr:g}, batches of {training.batch_size}, no momentum",
        ),
        (
            "length",
            "150,000 and 200,000 “epochs”",
            "200,000 or 300,000 steps, by version, each on one batch",
            f"{training.steps:,} steps for all",
        ),
        ("runs", "one for each", "one for each; PyTorch's seed is not set", f"{len(experiment.seeds)} seeds for each"),
    ]
    return Table(("setting", "the text", "its notebook", "here"), rows, "The review trained in two ways.")
