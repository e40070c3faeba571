r"""Figures 2 to 6 of "GANs Optimizing KL Divergence Gain Resistance To Mode Collapse", with seeds and intervals.

The paper gives no networks, optimiser, batch, steps, weight of its term, seeds or estimator. What stands in for them is
the same for all methods: the data of Learning by Teaching (Du et al., 2018), whose ring and grid the paper follows, its
learning rates (the generator's ten times the critic's, which is what makes the plain GAN collapse), and our small
networks.
"""

__all__ = ["PIS", "figure2", "figure3", "figure4", "figure5", "figure6"]

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from ..api import plan
from ..core.method import Method
from ..methods import GAN, LSGAN, ForwardKL, UnrolledGAN, WeightedJS
from ..metrics import METRICS, MetricResult, floor
from ..metrics.base import ARROWS
from ..metrics.intervals import mean_interval
from ..report.page import Figure, Heading, Paragraph, Section, Statements, Table, write_page
from ..report.text import number
from ..runs import Evaluation, Run, train_many
from ..theory.statement import Statement
from . import kl_drawings as draw
from .comparisons import paired_difference
from .record import Reproduction, write_record

PAPER = "GANs Optimizing KL Divergence Gain Resistance To Mode Collapse"
SETUP = (
    "The paper gives neither networks nor optimiser, batch, steps, seeds or the weight of its term. Here all methods "
    "share one setting: the data of Learning by Teaching, which the paper follows, its learning rates (generator "
    "0.001, critic 0.0001, Adam with beta1 0.5), networks with two hidden layers of 64, latents of 16, batches of 128, "
    "{steps:,} steps and {seeds} seeds. Intervals are Student-t over seeds at 95 %; the floor is what a perfect "
    "sampler scores with as many samples."
)
SAMPLES = 2560  # as the paper measured its reverse KL divergence
PIS = (1e-4, 0.01, 0.1, 0.33, 0.5, 0.9, 1 - 1e-4)
MODES, QUALITY, REVERSE, FORWARD = "modes_l2_3sigma", "hq_l2_3sigma", "reverse_kl_modes_all", "forward_kl_knn5"
SHOWN = (MODES, QUALITY, REVERSE, FORWARD)
METHOD2: dict[str, ForwardKL] = {
    "Method 2, sig": ForwardKL(form="sig", sigma_end=0.05),
    "Method 2, ratio": ForwardKL(form="ratio"),
    "Method 2, BCE as printed": ForwardKL(form="bce"),
    "Method 2, BCE swapped": ForwardKL(form="bce-swapped"),
}

Results = Mapping[str, MetricResult]


def figure2(
    out: Path, quick: bool = False, workers: int | None = None, quiet: bool = False, runs: Path | None = None
) -> Reproduction:
    """Figure 2: the plain GAN on the ring."""
    found = trained(runs or out / "runs", "ring:lbt", {"GAN": GAN()}, quick, workers, quiet)
    results = measured(found)
    gan = results["GAN"]
    worst = min(gan[MODES].per_member)
    statement = Statement(
        "the plain GAN collapses",
        "Vanilla GAN failed to capture all modes",
        "how many modes the plain GAN covers depends on the seed",
        {
            "seeds that miss a mode": count(gan[MODES].per_member, lambda m: m < 8),
            "seeds in all": len(gan[MODES].per_member),
            "fewest modes": worst,
            "most modes": max(gan[MODES].per_member),
        },
        holds=count(gan[MODES].per_member, lambda m: m < 8) > len(gan[MODES].per_member) / 2,
        verified=worst < max(gan[MODES].per_member),
    )
    return write(out, "kl/figure2", "the plain GAN on the ring", found, results, [statement], "one picture of one run")


def figure3(
    out: Path, quick: bool = False, workers: int | None = None, quiet: bool = False, runs: Path | None = None
) -> Reproduction:
    """Figure 3: Method 1 with pi = 0.33 on the ring; beyond it, pi from 1e-4 to 1 - 1e-4 with both generator losses."""
    games = {
        "GAN": GAN(),
        "Method 1, π = 0.33, saturating": WeightedJS(pi=0.33),
        "Method 1, π = 0.33, non-saturating": WeightedJS(pi=0.33, saturating=False),
    }
    found = trained(runs or out / "runs", "ring:lbt", games, quick, workers, quiet)
    results = measured(found)
    statements = [
        compared("π = 0.33 with the saturating loss, as theorem 2 needs", results, "GAN", list(games)[1], PRINTED_3),
        compared(
            "π = 0.33 with the non-saturating loss, as GANs are trained", results, "GAN", list(games)[2], PRINTED_3
        ),
    ]
    pis = PIS[::3] if quick else PIS
    losses = {"saturating": WeightedJS(), "non-saturating": WeightedJS(saturating=False)}
    sweep = {f"along π, {name}": game for name, game in losses.items()}
    swept = trained(runs or out / "runs", "ring:lbt", sweep, quick, workers, quiet, sweep={"pi": pis})
    measures = measured(swept)
    shape = (len(pis), -1)
    values = {
        METRICS[name].label: {
            loss: (measures[f"along π, {loss}"][name], np.reshape(measures[f"along π, {loss}"][name].per_member, shape))
            for loss in losses
        }
        for name in (MODES, QUALITY, REVERSE)
    }
    picture = draw.along_pi(out / "kl-figure3-along-pi.png", pis, values)
    rows = [
        [loss, pi, *(interval(cell[loss][1][i]) for cell in values.values())]
        for loss in losses
        for i, pi in enumerate(pis)
    ]
    more: list[Section] = [
        Heading("Along π"),
        Figure(picture, "Modes, quality and reverse KL against π", "Every seed as a dot, the mean and its interval."),
        Table(["generator loss", "π", *values], rows, "Mean and 95 % interval over seeds."),
    ]
    extra = {
        "pi": list(pis),
        "along_pi": {
            label: {loss: [list(row) for row in cell[loss][1].tolist()] for loss in losses}
            for label, cell in values.items()
        },
    }
    printed = (
        "Method 1: adding weight parameter π = 0.33 helps GANs successfully cover all modes (one picture of one run)"
    )
    return write(out, "kl/figure3", "Method 1 on the ring", found, results, statements, printed, more, extra)


def figure4(
    out: Path, quick: bool = False, workers: int | None = None, quiet: bool = False, runs: Path | None = None
) -> Reproduction:
    """Figure 4: Method 2 on the ring, in its four forms."""
    found = trained(runs or out / "runs", "ring:lbt", {"GAN": GAN(), **METHOD2}, quick, workers, quiet)
    results = measured(found)
    printed = "Directly adding KL divergence to generator objective helps GANs cover all modes"
    statements = [compared(name, results, "GAN", name, printed) for name in METHOD2]
    return write(out, "kl/figure4", "Method 2 on the ring", found, results, statements, f"{printed} (one picture)")


def figure5(
    out: Path, quick: bool = False, workers: int | None = None, quiet: bool = False, runs: Path | None = None
) -> Reproduction:
    """Figure 5: GAN, LSGAN, unrolled GAN and Method 2 on the ring, with the reverse KL divergence along training."""
    games = {"GAN": GAN(), "LSGAN": LSGAN(), "Unrolled GAN, 5 steps": UnrolledGAN(), **METHOD2}
    found = trained(runs or out / "runs", "ring:lbt", games, quick, workers, quiet)
    results = measured(found)
    histories = {name: run.history() for name, run in found.items()}
    curves = {name: (history.steps, history.curves["reverse_kl"]) for name, history in histories.items()}
    dataset = next(iter(found.values())).experiment.dataset
    perfect, _ = floor(METRICS[REVERSE], dataset, SAMPLES, 20)
    picture = draw.along_training(
        out / "kl-figure5-reverse-kl.png", curves, f"reverse KL over modes, {SAMPLES:,} samples (nats)", perfect
    )
    printed = "under our setting, vanilla GAN and LSGAN collapse, while Unrolled GAN and our method won't"
    collapse = [collapsed(name, results, printed) for name in ("GAN", "LSGAN")]
    better = "our method outperforms Unrolled GAN as training proceeds, by the reverse KL of 2560 samples"
    versus = [
        compared(f"{name} against the unrolled GAN", results, "Unrolled GAN, 5 steps", name, better, REVERSE)
        for name in METHOD2
    ]
    more: list[Section] = [
        Heading("Along training"),
        Figure(picture, "Reverse KL along training", "Median over seeds; the band holds the middle half of them."),
        Paragraph(
            "Read the reverse KL with care: covering c of K modes costs it only log(K/c), so it hardly sees a missing "
            "mode; the forward KL in the table does."
        ),
    ]
    extra = {
        "reverse_kl_along_training": {
            name: {"steps": steps.tolist(), "median": np.nanmedian(values, axis=1).round(5).tolist()}
            for name, (steps, values) in curves.items()
        }
    }
    title = "GAN, LSGAN, unrolled GAN and Method 2 on the ring"
    return write(out, "kl/figure5", title, found, results, [*collapse, *versus], f"{printed}; {better}", more, extra)


def figure6(
    out: Path, quick: bool = False, workers: int | None = None, quiet: bool = False, runs: Path | None = None
) -> Reproduction:
    """Figure 6: the plain GAN and Method 2 on the 10 x 10 grid."""
    narrow: dict[str, Any] = {"sigma_start": 0.1, "sigma_end": 0.005, "low": -1.1, "high": 1.1}
    forms: dict[str, Method] = {name: replace(game, **narrow) for name, game in METHOD2.items()}
    found = trained(runs or out / "runs", "grid100:lbt", {"GAN": GAN(), **forms}, quick, workers, quiet)
    results = measured(found)
    printed = "GAN using our method successfully captures all modes"
    statements = [collapsed("GAN", results, "Vanilla GAN suffers from mode collapse")]
    statements += [compared(name, results, "GAN", name, printed) for name in forms]
    return write(
        out, "kl/figure6", "Method 2 on the 10 x 10 grid", found, results, statements, f"{printed} (one picture)"
    )


# What the figures share

PRINTED_3 = "adding weight parameter π = 0.33 helps GANs successfully cover all modes"


def trained(
    folder: Path,
    dataset: str,
    games: Mapping[str, Method],
    quick: bool,
    workers: int | None,
    quiet: bool,
    sweep: Mapping[str, Sequence[float]] | None = None,
) -> dict[str, Run]:
    """Runs of every method, by name, trained in the folder or read from it."""
    experiments = {
        file_name(f"{dataset.split(':')[0]} {name}"): plan(
            dataset,
            game,
            seeds=2 if quick else 10,
            sweep=sweep,
            architecture="small",
            evaluation=Evaluation(samples=SAMPLES, snapshot=250),
            steps=100 if quick else 10_000,
            batch_size=128,
            lr=1e-3,
            critic_lr=1e-4,
            beta1=0.5,
            block=35 if sweep else 10,
            compile=not quick,
        )
        for name, game in games.items()
    }
    runs = train_many(experiments, folder, workers=workers, quiet=quiet)
    return dict(zip(games, runs, strict=True))


def file_name(title: str) -> str:
    """A title as the name of a folder."""
    words = "".join(c if c.isalnum() or c == "." else " " for c in title.replace("π", "pi")).split()
    return "-".join(words).lower()


def measured(runs: Mapping[str, Run]) -> dict[str, Results]:
    """The measures of every run."""
    return {name: {r.name: r for r in run.metrics(SHOWN)} for name, run in runs.items()}


def count(values: Sequence[float], test: Any) -> int:
    """How many values pass a test."""
    return sum(bool(test(value)) for value in values)


def collapsed(name: str, results: Mapping[str, Results], printed: str) -> Statement:
    """Whether a method misses modes in most of its seeds."""
    modes = results[name][MODES].per_member
    missing = count(modes, lambda m: m < results[name][MODES].floor - 0.5)
    right = f"{name} misses modes in {missing} of {len(modes)} seeds"
    evidence = {"seeds that miss modes": missing, "mean modes": results[name][MODES].value}
    return Statement(f"{name} collapses", printed, right, evidence, holds=missing > len(modes) / 2, verified=True)


def compared(
    claim: str,
    results: Mapping[str, Results],
    base: str,
    other: str,
    printed: str,
    name: str = MODES,
    kept: bool = False,
) -> Statement:
    """Whether a method does better than another, seed by seed, and covers all modes where their places are known.

    Arguments:
        claim: What is claimed, in our words.
        results: The measures of each method.
        base: The other method.
        other: The method.
        printed: What the paper prints.
        name: The measure.
        kept: Whether the claim is only that the method does no worse.
    """
    ours, theirs = results[other][name], results[base][name]
    gap = paired_difference(weighed(theirs), weighed(ours))
    better = gap.sign * (1 if ours.direction == "higher" else -1)
    verdict = {1: "does better than", 0: "differs from", -1: "does worse than"}[better]
    right = f"{other} {verdict} {base}" if better else f"no difference of {other} from {base} can be told"
    evidence = {
        f"{ours.label}: {other}": ours.value,
        f"{ours.label}: {base}": theirs.value,
        "mean difference" + (" of the way to the floor" if ours.direction == "closer" else ""): gap.mean,
        "95 % interval, low": gap.low,
        "95 % interval, high": gap.high,
        "p, sign flips": gap.p_value,
        "a perfect sampler": ours.floor,
    }
    holds = better >= 0 if kept else better > 0
    if MODES in results[other]:
        full = count(results[other][MODES].per_member, lambda m: m > results[other][MODES].floor - 0.5)
        evidence[f"seeds of {other} with all modes"] = full
        holds = holds and (name != MODES or full == len(ours.per_member))
    finite = {key: value for key, value in evidence.items() if np.isfinite(value)}
    # Borne out if the interval and the test by sign flips come to the same verdict.
    return Statement(claim, printed, f"{right}, by {ours.label.lower()}", finite, holds=holds, verified=gap.confirmed)


def weighed(result: MetricResult) -> np.ndarray:
    """What is compared of each member: its value, or how far that is from the floor where it should be as the floor."""
    values = np.asarray(result.per_member)
    return abs(values - result.floor) if result.direction == "closer" else values


def interval(values: Sequence[float], bounds: tuple[float, float] = (-math.inf, math.inf)) -> str:
    """A mean with its interval, within the bounds of what is measured."""
    mean, low, high = mean_interval(list(values), bounds)
    return f"{number(mean)} ({number(low)} to {number(high)})"


def write(
    out: Path,
    item: str,
    title: str,
    runs: Mapping[str, Run],
    results: Mapping[str, Results],
    statements: Sequence[Statement],
    printed: str,
    more: Sequence[Section] = (),
    extra: Mapping[str, Any] | None = None,
) -> Reproduction:
    """Draws the members, and writes the page and the numbers of an item."""
    name = item.replace("/", "-")
    middle = {key: median_member(found[MODES].per_member) for key, found in results.items()}
    pictures = [draw.side_by_side(out / f"{name}.png", runs, middle)]
    seeds = {
        key: draw.every_seed(out / f"{name}-{file_name(key)}.png", run, results[key][MODES])
        for key, run in runs.items()
    }
    first = next(iter(results.values()))
    rows: list[list[object]] = [[key, *map(cell, found.values())] for key, found in results.items()]
    rows.append(["a perfect sampler", *(number(r.floor) for r in first.values())])
    protocol = "; ".join(f"{r.label}: {r.protocol}" for r in first.values())
    experiment = next(iter(runs.values())).experiment
    setup = SETUP.format(steps=experiment.training.steps, seeds=len(experiment.seeds))
    sections: list[Section] = [
        Heading("What came out"),
        Figure(pictures[0], f"Samples: {', '.join(runs)}", "Of each method the seed with the median number of modes."),
        Table(
            ["method", *map(heading, first.values())],
            rows,
            protocol,
        ),
        Heading("What the paper says"),
        Statements(statements),
        *more,
        Heading("Every seed"),
        *(
            Figure(path, f"Every seed of {key}", f"{key}, from the fewest modes to the most.")
            for key, path in seeds.items()
        ),
        Heading("How"),
        Paragraph(setup),
    ]
    page = write_page(out / f"{name}.html", f"{item}: {title}", f"{PAPER}. Printed: {printed}.", sections)
    ours = {
        "setup": experiment.encode(),
        "metrics": {key: [r.to_dict() for r in found.values()] for key, found in results.items()},
        **(extra or {}),
    }
    numbers = write_record(out / f"{name}.json", item, {"printed": printed}, ours, statements)
    return Reproduction(item, page, numbers, (*pictures, *seeds.values()))


def cell(result: MetricResult) -> str:
    """A mean with its interval."""
    return f"{number(result.value)} ({number(result.low)} to {number(result.high)})"


def heading(result: MetricResult) -> str:
    """A measure, and whether more or less of it is better, or as much as the floor has."""
    return f"{result.label} {ARROWS[result.direction]}"


def median_member(modes: Sequence[float] | np.ndarray) -> int:
    """The member with the median number of modes (the lower of two)."""
    order = np.argsort(np.nan_to_num(modes, nan=-1), kind="stable")
    return int(order[(len(order) - 1) // 2])
