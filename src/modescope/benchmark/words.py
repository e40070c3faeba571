"""What a benchmark says, in words and in the cells of its tables."""

__all__ = [
    "OTHERS",
    "PRINTED",
    "counted",
    "fate_of",
    "header",
    "left_out",
    "printed",
    "protocol_of",
    "reading",
    "rows",
    "shown",
]

import math
from collections.abc import Sequence

from ..metrics import METRICS as METRICS_BY_NAME
from ..metrics.base import ARROWS
from ..nets import ARCHITECTURES
from ..report.text import number, percent, plural
from ..runs import Experiment
from .panel import KNOWN, Panel
from .published import published_of
from .standings import Standing, Standings, scored

SHARP = 0.95
MARKS = {"better": "▲", "worse": "▼", "no difference found": ""}
PRINTED = ["entrant", "our modes", "our high quality", "printed"]
OTHERS = (
    "Other networks, data, steps and samples than here, and than each other: the plain GAN alone covers 1 mode of the "
    "ring in one paper and 6.3 in another. The numbers show what was claimed, and cannot be compared."
)


def protocol_of(found: Standings) -> str:
    """How the numbers came about, in a paragraph."""
    experiment = next(cell.experiment for cell in found.plan.possible if cell.experiment is not None)
    seeds = len(experiment.seeds)
    text = f"{plural(seeds, 'seed')}, {experiment.evaluation.samples:,} samples each. "
    if found.plan.protocol == "common":
        most = max((standing.result.gradient_steps for standing in found.default), default=0)
        rates = ", ".join(f"{rate:g}" for rate in experiment.sweep.get("lr", ()))
        text += (
            f"{networks_of(experiment)}, batches {experiment.training.batch_size} samples. Every "
            f"member takes {most:,} gradient steps (critic and generator together; steps of unrolling and of further "
            f"networks count). Learning rates {rates}, the same for both players; other settings of the optimiser are "
            f"those of the method's paper, else Adam with beta1 0.5. "
        )
    return text + (
        "A member that turned NaN or infinite has the worst value there is. Differences to the plain GAN are paired "
        f"by seed; p-values are Wilcoxon's, Holm-corrected over entrants; none can be below {2 ** (1 - seeds):.2g} "
        "before that."
    )


def networks_of(experiment: Experiment) -> str:
    """The networks of the common protocol, the beginning of a sentence."""
    name = next((name for name, known in ARCHITECTURES.items() if known == experiment.architecture), "their own")
    latents = f"latents {experiment.architecture.latent_dim} coordinates"
    if name == "small":
        return f"Generator and critic have two hidden layers of 64, {latents}"
    return f"Generator and critic are those of the architecture {name}, {latents}"


def counted(standings: Sequence[Standing], panel: Panel) -> str:
    """What the table says in a sentence."""
    others = [s for s in standings if s.entrant != "gan"]
    parts = []
    for name in panel.compared:
        better = sum(s.verdict(name) == "better" for s in others)
        worse = sum(s.verdict(name) == "worse" for s in others)
        parts.append(f"by {METRICS_BY_NAME[name].label} {better} better than the plain GAN and {worse} worse")
    said = [f"Of {plural(len(others), 'entrant')}: {'; '.join(parts)}."] if standings[0].p_values or others else []
    modes, quality = panel.modes, panel.quality
    if modes is not None:
        full = [s for s in standings if s.worst[modes] >= s.floors[modes] - 0.5]
        said.append(f"All modes in every seed: {named(full)}.")
        if quality is not None:
            sharp = [s for s in full if s.worst[quality] >= SHARP]
            said.append(f"With at least 95 % of high quality in every seed as well: {named(sharp)}.")
    return " ".join(said)


def named(standings: Sequence[Standing]) -> str:
    """The entrants' names."""
    return ", ".join(s.entrant for s in standings) or "none"


def header(panel: Panel) -> list[str]:
    """The columns."""
    labels = [f"{METRICS_BY_NAME[name].label} {ARROWS[METRICS_BY_NAME[name].direction]}" for name in panel.metrics]
    return ["entrant", "rate", *labels, "diverged", "CPU s", "memory, MB"]


def rows(standings: Sequence[Standing], panel: Panel) -> list[list[object]]:
    """The rows, the smallest distance first, and the perfect sampler's last."""
    ordered = sorted(standings, key=lambda s: s.means[panel.chosen_by][0])
    table: list[list[object]] = [
        [
            s.entrant,
            "its paper's" if s.rate is None else f"{s.rate:g}",
            *(cell_of(s, name) for name in panel.metrics),
            f"{s.diverged} of {s.seeds}" if s.diverged else "–",
            f"{s.result.seconds:.0f}",
            f"{s.result.memory / 2**20:.0f}" if s.result.memory else "–",
        ]
        for s in ordered
    ]
    floors = ordered[0].floors
    if all(s.floors == floors for s in ordered):
        table.append(["a perfect sampler", "", *(shown(floors[name], name) for name in panel.metrics), "", "", ""])
    return table


def cell_of(standing: Standing, name: str) -> str:
    """A mean with its interval, marked where the test finds a difference to the plain GAN."""
    mean, low, high = standing.means[name]
    mark = MARKS[standing.verdict(name)]
    around = "" if math.isnan(low) or low == high else f" ({shown(low, name)} to {shown(high, name)})"
    return f"{shown(mean, name)} {mark}".strip() + around


def shown(value: float, name: str) -> str:
    """A value of a metric; shares as per cent."""
    return percent(value) if name == KNOWN.quality and math.isfinite(value) else number(value)


def fate_of(standing: Standing, member: int, panel: Panel) -> str:
    """What a seed scores at the end."""
    parts = []
    for name, words in panel.fate:
        parts.append(words.format(shown(float(scored(standing.result, name, standing.rate)[member]), name)))
    return ", ".join(parts)


def printed(found: Standings, standings: Sequence[Standing]) -> list[list[object]]:
    """What papers printed of the entrants on this kind of data, beside ours."""
    table: list[list[object]] = []
    for s in standings:
        text = published_of(found.plan.dataset, s.entrant)
        if text:
            ours = [shown(s.means[name][0], name) for name, _ in KNOWN.fate]
            table.append([s.entrant, *ours, text])
    return table


def reading(found: Standings) -> str:
    """What the marks mean, and what to beware of."""
    marks = "▲ and ▼: better and worse than the plain GAN at a corrected level of 5 %. "
    shared = "Processor time and memory are of the whole population, all seeds and learning rates."
    distance = METRICS_BY_NAME[found.plan.panel.chosen_by].label
    chosen = f" The best rate is chosen by {distance} on the seeds that are shown, which flatters."
    return (marks if found.plan.protocol == "common" else "") + shared + chosen


def left_out(found: Standings) -> list[list[object]]:
    """The entrants without numbers."""
    failed: list[list[object]] = [[label, reason.splitlines()[0]] for label, reason in found.failed.items()]
    return failed + [[label, "not run yet"] for label in found.missing]
