"""The two moons of "Addressing mode collapse in GANs", once as its text has them and once as its notebook does."""

__all__ = ["moons", "notebook"]

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ..api import plan
from ..metrics import evaluate
from ..nets import architecture
from ..report.page import write_page
from ..runs import Evaluation, Experiment, Run, train_many
from . import moons_figures as draw
from .comparisons import paired_difference, rank_trend
from .moons_measures import COVERAGE, RADIUS, W1, arc_positions, measure, off_moons
from .moons_page import INTROS, PAPER, TITLES, Pictures, sections
from .moons_statements import FEW, MANY, Findings, statements
from .record import Reproduction, write_record
from .settings import setting_for

PRINTED = {FEW: (10_000, 40_000, 75_000, 150_000), MANY: (10_000, 40_000, 100_000, 200_000)}  # steps of the figures
LAST_PRINTED = 200_000
LOOKS = 24  # at which the distance along training is taken
FRAMES = 72
MANY_SAMPLES = 20_000  # to find mass between the moons


@dataclass(frozen=True)
class Study:
    """A way to train on the moons.

    Arguments:
        item: What it is called.
        dataset: A preset, which brings the review's networks and optimisers.
        latents: The latent dimensions.
        seeds: How many, from 0.
        steps: Of each run.
        every: Steps between two looks at the two compared latent dimensions; ten times as many at the others.
        changes: Settings of training that differ from the preset's.
        compile: Whether steps are fused.
    """

    item: str
    dataset: str
    latents: tuple[int, ...] = (FEW, MANY)
    seeds: int = 16
    steps: int = 200_000
    every: int = 250
    changes: Mapping[str, Any] = field(default_factory=dict)
    compile: bool = True

    @property
    def small(self) -> "Study":
        """The same in half a minute, to see that all works."""
        return replace(self, latents=(FEW, MANY), seeds=2, steps=200, every=20, compile=False)

    def experiments(self) -> dict[str, Experiment]:
        """A population of seeds for each latent dimension."""
        networks = architecture(setting_for(self.dataset, images=False).architecture)
        return {
            f"latent-{latent}": plan(
                self.dataset,
                "gan",
                seeds=self.seeds,
                architecture=replace(networks, latent_dim=latent),
                evaluation=Evaluation(every=self.every if latent in PRINTED else 10 * self.every),
                steps=self.steps,
                compile=self.compile,
                **self.changes,
            )
            for latent in self.latents
        }


TEXT = Study("moons", "moons:review", latents=tuple(range(1, 9)))
# With plain gradient descent, half the critic's loss is half its learning rate. The notebook draws the generator's
# batch before either player steps and shows it to both, so they move at once.
NOTEBOOK = Study("moons-notebook", "moons32", steps=300_000, changes={"critic_lr": 2.5e-4, "order": "simultaneous"})


def moons(out: Path, quick: bool = False, workers: int | None = None, quiet: bool = False) -> Reproduction:
    """Figures 1 and 2 as the review's text has them, for latent dimensions 1 to 8 and 16 seeds each.

    Writes ``moons.html``, ``moons.json``, pictures, animations, and the runs in ``runs``, which a second call goes on
    with.

    Arguments:
        out: The folder to write to; it is made if it does not exist.
        quick: Whether to train two seeds of two latent dimensions for a few hundred steps.
        workers: Processes that train side by side; the number of cores if not given.
        quiet: Whether to show nothing.

    Raises:
        MissingExtraError: If matplotlib is not installed.
        ModescopeError: If the folder holds runs of another experiment, such as quick ones.

    References:
        | Addressing mode collapse in GANs (Martina-Perez), section 4
    """
    return _reproduce(TEXT.small if quick else TEXT, out, workers, quiet)


def notebook(out: Path, quick: bool = False, workers: int | None = None, quiet: bool = False) -> Reproduction:
    """The same as the review's published notebook did it, for latent dimensions 2 and 4 and 16 seeds each.

    Writes ``moons-notebook.html``, ``moons-notebook.json``, pictures, animations, and the runs in ``runs``.

    Note:
        The notebook shows all of its 32 points at each step; here a batch draws 32 of them at random.

    Arguments:
        out: The folder to write to; it is made if it does not exist.
        quick: Whether to train two seeds for a few hundred steps.
        workers: Processes that train side by side; the number of cores if not given.
        quiet: Whether to show nothing.

    Raises:
        MissingExtraError: If matplotlib is not installed.
        ModescopeError: If the folder holds runs of another experiment, such as quick ones.

    References:
        | Addressing mode collapse in GANs (Martina-Perez), the notebook that goes with section 4
    """
    return _reproduce(NOTEBOOK.small if quick else NOTEBOOK, out, workers, quiet)


def _reproduce(study: Study, out: Path, workers: int | None, quiet: bool) -> Reproduction:
    out.mkdir(parents=True, exist_ok=True)
    command = ("modescope", "reproduce", study.item.replace("-", "/"))
    trained = train_many(study.experiments(), out / "runs", workers=workers, quiet=quiet, command=command)
    runs = dict(zip(study.latents, trained, strict=True))
    found = _findings(runs)
    verdicts = statements(found)
    pictures = _pictures(out, study.item, runs, found)
    ours = _numbers(study, runs, found)
    paper = {
        "statements": [verdict.printed for verdict in verdicts],
        "missing": "Any number: the review shows one network for each latent dimension, and no measure. Its text gives "
        "no seed, no form of the generator's loss and output, and no order of the players.",
    }
    numbers = write_record(out / f"{study.item}.json", study.item, paper, ours, verdicts)
    page = write_page(
        out / f"{study.item}.html",
        TITLES[study.item],
        f"From “{PAPER}”, section 4. {INTROS[study.item]}",
        sections(runs, found, verdicts, pictures),
    )
    return Reproduction(study.item, page, numbers, pictures.stills)


def _findings(runs: Mapping[int, Run]) -> Findings:
    results, off = {}, {}
    for latent, run in runs.items():
        results[latent] = measure(run.samples(), run.experiment.dataset)
        x = run.sample(MANY_SAMPLES, "gap").double()
        reaches = (arc_positions(x)[0] <= RADIUS).any(dim=-1).all(dim=0)
        off[latent] = torch.where(reaches, off_moons(x), torch.nan).numpy()
    steps, _ = runs[FEW].snapshots()
    wanted = {int(look) for latent in PRINTED for look in _stages(latent, steps)}
    looks = np.array(sorted(wanted | set(np.linspace(0, len(steps) - 1, LOOKS).astype(int).tolist())))
    along, floors = {}, []
    for latent in (FEW, MANY):
        kept = torch.from_numpy(runs[latent].snapshots()[1][looks])
        taken = [evaluate(x, runs[latent].experiment.dataset, [W1])[0] for x in kept]
        along[latent] = np.array([result.per_member for result in taken])
        floors.append(taken[0].floor)
    return Findings(results, off, MANY_SAMPLES, steps[looks], along, floors[0])


def _stages(latent: int, steps: np.ndarray) -> list[int]:
    """The looks nearest to the steps that the review shows, which are scaled down in a shorter run."""
    scale = min(1.0, steps[-1] / LAST_PRINTED)
    return [int(np.abs(steps - scale * step).argmin()) for step in PRINTED[latent]]


def _pictures(out: Path, item: str, runs: Mapping[int, Run], found: Findings) -> Pictures:
    stages, seeds, films = {}, {}, {}
    for latent in (FEW, MANY):
        run, result = runs[latent], found.results[latent][W1]
        dataset, (steps, kept) = run.experiment.dataset, run.snapshots()
        name, labels = f"{item}-latent{latent}", [member.seed for member in run.members]
        best, middle, worst = (_ranked(result.per_member, rank) for rank in ("best", "median", "worst"))
        looks = _stages(latent, steps)
        stages[latent] = draw.stages(out / f"{name}.png", dataset, steps[looks], kept[looks, middle])
        seeds[latent] = draw.every_seed(out / f"{name}-seeds.png", dataset, kept[-1], labels, result)
        early = (len(steps) - 1) * np.linspace(0, 1, FRAMES) ** 2  # more frames where more happens
        frames = np.unique(early.astype(int))
        titles = [
            f"{rank}: seed {labels[member]}" for rank, member in (("best", best), ("median", middle), ("worst", worst))
        ]
        films[latent] = draw.animation(
            out / f"{name}.gif", dataset, steps[frames], kept[frames][:, [best, middle, worst]], titles
        )
    return Pictures(
        few=stages[FEW],
        many=stages[MANY],
        few_seeds=seeds[FEW],
        many_seeds=seeds[MANY],
        few_film=films[FEW],
        many_film=films[MANY],
        measures=draw.against_latent(out / f"{item}-measures.png", found.results),
        training=draw.along_training(out / f"{item}-training.png", found.steps, found.along, found.floor),
    )


def _ranked(values: Sequence[float], rank: str) -> int:
    """The member with the least (best), the median (the lower of two) or the greatest value."""
    order = np.argsort(values)
    return int(order[{"best": 0, "median": (len(order) - 1) // 2, "worst": -1}[rank]])


def _numbers(study: Study, runs: Mapping[int, Run], found: Findings) -> dict[str, Any]:
    measures = list(found.results[FEW])
    gaps = {name: paired_difference(found.values(FEW, name), found.values(MANY, name)) for name in measures}
    ours: dict[str, Any] = {
        "training": dataclasses.asdict(runs[FEW].experiment.training),
        "seeds": [member.seed for member in runs[FEW].members],
        "compiled": study.compile,
        "intervals": "95 %, Student's t over seeds; Clopper and Pearson's for the share that covers both moons",
        "latents": {
            str(latent): {
                "measures": [result.to_dict() for result in found.results[latent].values()],
                "off_moons_of_members_that_reach_both": [
                    None if np.isnan(share) else float(share) for share in found.off[latent]
                ],
                "diverged": runs[latent].diverged(),
            }
            for latent in found.latents
        },
        "median_seed": {
            str(latent): runs[latent].members[_ranked(found.results[latent][W1].per_member, "median")].seed
            for latent in (FEW, MANY)
        },
        "paired_4_minus_2": {
            name: {key: value if np.isfinite(value) else None for key, value in dataclasses.asdict(gap).items()}
            for name, gap in gaps.items()
        },
        "w1_along_training": {
            "samples": runs[FEW].experiment.evaluation.snapshot,
            "floor": found.floor,
            "steps": found.steps.tolist(),
            **{str(latent): curve.tolist() for latent, curve in found.along.items()},
        },
    }
    if len(found.latents) > 2:
        ours["rank_trend"] = {
            name: dataclasses.asdict(
                rank_trend(found.latents, np.array([found.values(latent, name) for latent in found.latents]))
            )
            for name in (COVERAGE, W1)
        }
    return ours
