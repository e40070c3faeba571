r"""Table 1 and figure 7 of "GANs Optimizing KL Divergence Gain Resistance To Mode Collapse": Stacked MNIST.

The paper puts its own two rows beside rows that it copied from VEEGAN's and PacGAN's papers, taken with other networks,
data and sample counts. Here every row has one protocol: the small networks of the unrolled GAN's experiment, triples of
training digits drawn afresh, and the same number of gradient steps.
"""

__all__ = ["PRINTED", "figure7", "method2", "numbers_of", "table1", "table_of"]

from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from ..api import plan
from ..core.method import Method
from ..methods import ALI, GAN, R3GAN, VEEGAN, WGANGP, ForwardKL, MinibatchStddev, PacGAN, UnrolledGAN
from ..metrics import MetricResult, evaluate
from ..nets import ConvCritic, architecture
from ..report.page import Figure, Heading, Paragraph, Section, Statements, Table, write_page
from ..report.settings import flattened
from ..report.text import number
from ..runs import Evaluation, Run, train_many
from . import kl_drawings as draw
from .comparisons import Difference, holm, paired_difference
from .kept import kept_beside
from .kl_runs import PAPER, Results, cell, compared, file_name, heading, interval, median_member
from .record import Reproduction, write_record
from .settings import DCGAN_TRAINING

DATA = "stacked-mnist:unrolled"
NETWORKS = "stacked-quarter"
SAMPLES = 25_600  # as in the unrolled GAN's protocol
BUDGET = 4_000  # gradient steps of each member, critic's and generator's together
SEEDS = 10
QUICK = 200  # samples, to see that all works
RATE = 1e-3  # five times DCGAN's, for a budget so short
LOOKS = 10  # along training
MODES, TENTH, KL = "modes_judged", "modes_tenth_judged", "reverse_kl_judged"
INK = 0.02  # of the range of a pixel: nearer to black or white than that, it counts as driven there

# Modes and KL as papers print them, each under a protocol of its own: not to be compared with each other.
PRINTED: dict[str, tuple[tuple[str, float, float], ...]] = {
    "DCGAN": (
        ("the paper, copied from VEEGAN's", 99, 3.4),
        ("the paper, its own", 25.84, 4.81),
        ("the unrolled GAN's, critic a quarter, as PacGAN's quotes it", 30.6, 5.99),
        ("PacGAN's own run of that", 78.5, 5.21),
    ),
    "ALI": (("the paper, copied from VEEGAN's", 16, 5.4),),
    "Unrolled GAN, 1 step": (
        ("the paper, copied from VEEGAN's", 48.7, 4.32),
        ("the unrolled GAN's, critic a quarter, as PacGAN's quotes it", 65.4, 5.91),
    ),
    "VEEGAN": (("the paper, copied from VEEGAN's", 150, 2.95),),
    "PacDCGAN2": (
        ("the paper, copied from PacGAN's", 1000, 0.06),
        ("PacGAN's, critic a quarter", 484.5, 2.61),
    ),
    "Method 2, BCE as printed": (("the paper", 187.6, 3.7),),
    "Method 2, BCE swapped": (("the paper", 187.6, 3.7),),
    "WGAN-GP": (("R3GAN's", 959, 0.73),),
    "R3GAN": (("R3GAN's", 1000, 0.029),),
}


def method2(pixels: int) -> dict[str, ForwardKL]:
    """Method 2 in all its forms on images of pixels from -1 to 1.

    The paper prints no weight. A term that is a mean over pixels, as the paper's is, has the weight 1 here; the bound
    of `sig` is a sum over them.

    Arguments:
        pixels: The numbers of an image.
    """
    return {
        "Method 2, BCE as printed": ForwardKL(form="bce", weight=1.0, low=-1.0, high=1.0),
        "Method 2, BCE swapped": ForwardKL(form="bce-swapped", weight=1.0, low=-1.0, high=1.0),
        "Method 2, sig": ForwardKL(form="sig", weight=1 / pixels, sigma_start=1.0, sigma_end=0.5),
        "Method 2, ratio": ForwardKL(form="ratio"),
    }


METHOD2 = method2(3 * 28 * 28)
GAMES: dict[str, Method] = {
    "DCGAN": GAN(),
    "ALI": ALI(),
    "Unrolled GAN, 1 step": UnrolledGAN(unroll=1),
    "VEEGAN": VEEGAN(),
    "PacDCGAN2": PacGAN(degree=2),
    **METHOD2,
    "WGAN-GP": WGANGP(penalty=10.0),  # of its paper for images; the default of 0.1 is for points in the plane
    "R3GAN": R3GAN(gamma=0.05),
    "Minibatch stddev": MinibatchStddev(),
}
# The critic's first layer sees images as they are, as DCGAN's paper asks: normalised, as the unrolled GAN has it, it
# cannot tell grey fakes from white digits, and generators were still at 1 to 3 modes after 10,000 gradient steps.
FIRST_LAYER_FREE: Literal["inner"] = "inner"
NORM_FREE = ("WGAN-GP", "R3GAN")  # their penalties are of single samples, which batch normalisation ties together
WEIGHTS = (
    "Method 2's weight is not printed: here the cross-entropies, means over pixels, have the weight 1, `sig`, a sum "
    "over them, that of a mean, and `ratio` has 0.1."
)
SETUP = (
    "One protocol for all rows: triples of MNIST's training digits drawn afresh, pixels from -1 to 1; the generator of "
    "the unrolled GAN's experiment (64, 32, 16 and 8 channels, latents of 256) and a critic of a quarter of its "
    "channels, both with batch normalisation but for the critic's first layer, as DCGAN's paper has it; the critics of "
    "WGAN-GP and R3GAN have none, as their papers ask; Adam with a learning rate of {rate:g} and beta1 0.5, batches of "
    "{batch}, which players share; {budget:,} gradient steps of each member, critic's and generator's together, and "
    "{seeds} seeds. That is a small fraction of the original's 500,000 steps, chosen so that two cores do it in hours. "
    "Modes and KL are of {samples:,} samples by the digit "
    "judge; intervals are Student-t over seeds at 95 %; the floor is what real triples score. " + WEIGHTS
)


def table1(
    out: Path, quick: bool = False, workers: int | None = None, quiet: bool = False, runs: Path | None = None
) -> Reproduction:
    """Table 1: modes and KL on Stacked MNIST, every row under one protocol."""
    found = trained(runs or out / "runs", GAMES, quick, workers, quiet)
    samples = QUICK if quick else SAMPLES
    results = {name: measured(run, samples) for name, run in found.items()}
    statements = [
        compared(name, results, "DCGAN", name, "187.6 modes against 25.84 of its own DCGAN", MODES) for name in METHOD2
    ]
    statements += [
        compared(
            f"PacDCGAN2 against {name}", results, name, "PacDCGAN2", "PacDCGAN2: 1000 modes, Method 2: 187.6", MODES
        )
        for name in METHOD2
    ]
    more, ink = differences(results), inks(found)
    corrected = dict(zip(more, holm([difference.p_value for difference in more.values()]), strict=True))
    curves = {name: along(run) for name, run in found.items()}
    seen = next(iter(found.values())).experiment.evaluation.seen
    picture = draw.along_budget(out / "kl-table1-budget.png", curves, f"modes in {seen:,} samples, mean over seeds")
    grids = draw.grids(
        out / "kl-table1-samples.png",
        found,
        {name: median_member(row[MODES].per_member) for name, row in results.items()},
    )
    sections: list[Section] = [
        Heading("One protocol"),
        table_of(found, results, "real triples (floor)"),
        Table(
            ["method", "more modes than DCGAN", "p, sign flips", "p, Holm"],
            [
                [
                    name,
                    f"{number(d.mean)} ({number(d.low)} to {number(d.high)})",
                    number(d.p_value),
                    number(corrected[name]),
                ]
                for name, d in more.items()
            ],
            "Mean difference with its 95 % interval, paired by seed; Holm's p-values hold for all rows together.",
        ),
        Table(
            ["method", "generator steps", "its settings"],
            [[name, run.experiment.training.steps, own_settings(run)] for name, run in found.items()],
            "All have the same gradient steps in total, which methods share out between their players.",
        ),
        Heading("As printed, each under its own protocol"),
        Paragraph(
            "These numbers were taken with other networks, data, budgets and sample counts. They do not compare with "
            "each other, nor with the table above."
        ),
        Table(
            ["method", "printed in", "modes", "KL"],
            [[name, source, modes, kl] for name, rows in PRINTED.items() for source, modes, kl in rows],
        ),
        Heading("What the paper says"),
        Statements(statements),
        Heading("Along the budget"),
        Figure(picture, "Modes reached along training", "How the ranking changes with the budget."),
        Heading("Pixels at the ends of their range"),
        Paragraph(
            "The paper reports that Method 2 drives pixels to very high or very low values. Digits are mostly black "
            "and white themselves, so the share that real triples have is the yardstick."
        ),
        Table(
            ["samples", "share of pixels that are black or white"],
            [[name, interval(shares, (0, 1)) if shares[1:] else number(shares[0])] for name, shares in ink.items()],
            f"Within {INK:.0%} of the range from black or white, in the kept samples of each seed and 2,000 true ones.",
        ),
        Heading("Samples"),
        Figure(grids, "Samples of every method", "Of each method the seed with the median number of modes."),
        Heading("How"),
        Paragraph(setup_of(found, samples)),
    ]
    page = write_page(out / "kl-table1.html", "kl/table1: Stacked MNIST", f"{PAPER}, table 1.", sections)
    ours = {
        **numbers_of(found, results),
        "against_dcgan": {name: {**asdict(d), "p_holm": corrected[name]} for name, d in more.items()},
        "ink": ink,
        "along_budget": {
            name: {"share": share.round(3).tolist(), "modes": values.tolist()}
            for name, (share, values) in curves.items()
        },
    }
    printed = {name: [list(row) for row in rows] for name, rows in PRINTED.items()}
    numbers = write_record(out / "kl-table1.json", "kl/table1", printed, ours, statements)
    return Reproduction("kl/table1", page, numbers, (picture, grids))


def figure7(
    out: Path, quick: bool = False, workers: int | None = None, quiet: bool = False, runs: Path | None = None
) -> Reproduction:
    """Figure 7: samples of DCGAN and of Method 2 on Stacked MNIST."""
    games = {name: GAMES[name] for name in ("DCGAN", *METHOD2)}
    found = trained(runs or out / "runs", games, quick, workers, quiet)
    last = {name: run.history().curves["modes"][-1] for name, run in found.items()}
    looked = next(iter(found.values())).experiment.evaluation.look
    assert looked is not None
    chosen = {name: median_member(modes) for name, modes in last.items()}
    grids = draw.grids(out / "kl-figure7.png", found, chosen)
    sections: list[Section] = [
        Figure(grids, "Samples of DCGAN and of Method 2", "Of each method the seed with the median number of modes."),
        Paragraph(
            "The paper does not say which data its figure 7 shows; Stacked MNIST is what its text has reached there."
        ),
        Paragraph(setup_of(found, looked)),
    ]
    page = write_page(out / "kl-figure7.html", "kl/figure7: DCGAN and Method 2", f"{PAPER}, figure 7.", sections)
    ours = {
        "setup": found["DCGAN"].experiment.encode(),
        "modes_at_the_last_look": {k: v.tolist() for k, v in last.items()},
    }
    numbers = write_record(out / "kl-figure7.json", "kl/figure7", {"printed": "pictures"}, ours, [])
    return Reproduction("kl/figure7", page, numbers, (grids,))


def trained(folder: Path, games: Mapping[str, Method], quick: bool, workers: int | None, quiet: bool) -> dict[str, Run]:
    """Runs of every method, by name, trained in the folder or read from it."""
    budget = 20 if quick else BUDGET
    experiments = {}
    for name, game in games.items():
        networks = architecture(NETWORKS)
        assert isinstance(networks.critic, ConvCritic)
        norm = "none" if name in NORM_FREE else FIRST_LAYER_FREE
        networks = replace(networks, critic=replace(networks.critic, batch_norm=norm))
        steps = max(2, budget // game.gradient_steps)
        experiments[file_name(name)] = plan(
            DATA,
            game,
            seeds=2 if quick else SEEDS,
            architecture=networks,
            evaluation=Evaluation(
                every=max(1, steps // LOOKS), look=1000 if not quick else 64, samples=QUICK, snapshot=36
            ),
            steps=steps,
            compile=not quick,
            **{**DCGAN_TRAINING, "lr": RATE},
        )
    runs = train_many(experiments, folder, workers=workers, quiet=quiet)
    return dict(zip(games, runs, strict=True))


def measured(run: Run, samples: int) -> dict[str, MetricResult]:
    """Modes and KL of fresh samples of every member."""
    names = (MODES, TENTH, KL)
    return kept_beside(
        run,
        {"samples": samples, "metrics": list(names)},
        lambda: evaluate(run.sample(samples, "table"), run.experiment.dataset, names),
    )


def table_of(runs: Mapping[str, Run], results: Mapping[str, Results], floor: str, caption: str = "") -> Table:
    """The measures of every method with intervals and minutes, and what real images score in a row called `floor`."""
    first = next(iter(results.values()))
    return Table(
        ["method", *map(heading, first.values()), "minutes"],
        [
            *([name, *map(cell, results[name].values()), minutes(run)] for name, run in runs.items()),
            [floor, *(number(result.floor) for result in first.values()), "–"],
        ],
        caption + "; ".join(f"{result.label}: {result.protocol}" for result in first.values()),
    )


def numbers_of(runs: Mapping[str, Run], results: Mapping[str, Results]) -> dict[str, Any]:
    """The same as plain data, seed by seed, with how the first was trained and where others depart from it."""
    return {
        **setup_record(runs),
        "metrics": {name: [r.to_dict() for r in row.values()] for name, row in results.items()},
        "per_seed": {name: {key: list(r.per_member) for key, r in row.items()} for name, row in results.items()},
        "minutes": {name: minutes(run) for name, run in runs.items()},
    }


def setup_record(runs: Mapping[str, Run]) -> dict[str, Any]:
    """How the first was trained, and where the others depart from it."""
    setup = next(iter(runs.values())).experiment.encode()
    return {
        "setup": setup,
        "departures": {name: departures(run.experiment.encode(), setup) for name, run in runs.items()},
    }


def departures(settings: Mapping[str, Any], base: Mapping[str, Any]) -> dict[str, Any]:
    """The settings that are others than in the base, each whole."""
    return {key: value for key, value in settings.items() if value != base.get(key)}


def differences(results: Mapping[str, Results]) -> dict[str, Difference]:
    """How many more modes every other method has than DCGAN, paired by seed."""
    theirs = results["DCGAN"][MODES].per_member
    return {name: paired_difference(theirs, row[MODES].per_member) for name, row in results.items() if name != "DCGAN"}


def along(run: Run) -> tuple[np.ndarray, np.ndarray]:
    """Shares of the budget, which methods divide into different numbers of steps, and the modes `(T, S)` seen there.

    Where the looks do not divide the steps, the last but one falls just before the last, and is left out.
    """
    history = run.history()
    share = history.steps / history.steps[-1]
    keep = (share == 1) | (share < 1 - 0.5 / LOOKS)
    return share[keep], history.curves["modes"][keep]


def own_settings(run: Run) -> str:
    """What a method was given, those of the game that it changes included, in one line."""
    told = {
        name.removeprefix("base."): value
        for name, value in flattened(run.experiment.encode()["method"]).items()
        if not name.endswith("name")
    }
    norm = getattr(run.experiment.architecture.critic, "batch_norm", FIRST_LAYER_FREE)
    if norm != FIRST_LAYER_FREE:
        told["critic's batch_norm"] = norm
    return ", ".join(f"{name} {value}" for name, value in told.items())


def minutes(run: Run) -> float:
    """The mean time of a member, in minutes."""
    spent = [store.stats()[-1]["seconds"] for store in run.stores]
    return round(sum(spent) / len(run.members) / 60, 1)


def inks(runs: Mapping[str, Run]) -> dict[str, tuple[float, ...]]:
    """The share of pixels near black or white: of real triples, then of the samples of each seed of each run."""
    data = next(iter(runs.values())).experiment.dataset
    real = data.sample(2000, torch.Generator().manual_seed(0))
    return {"real triples": (inked(real),), **{name: tuple(map(inked, run.samples())) for name, run in runs.items()}}


def inked(x: Tensor) -> float:
    """The share of pixels, from -1 to 1, that are as good as black or white."""
    return round((x.abs() > 1 - 2 * INK).double().mean().item(), 4)


def setup_of(runs: Mapping[str, Run], samples: int) -> str:
    """How all rows were trained and measured."""
    run = next(iter(runs.values()))
    budget = run.experiment.training.steps * run.experiment.method.gradient_steps
    return SETUP.format(
        rate=RATE, batch=DCGAN_TRAINING["batch_size"], budget=budget, seeds=len(run.experiment.seeds), samples=samples
    )
