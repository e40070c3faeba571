"""What a benchmark says, in words and in the cells of its tables."""

__all__ = ["OTHERS", "PRINTED", "counted", "header", "left_out", "printed", "protocol_of", "reading", "rows", "shown"]

import math
from collections.abc import Sequence

from ..metrics import METRICS as METRICS_BY_NAME
from ..report.text import number, percent, plural
from .published import published_of
from .results import METRICS
from .standings import COMPARED, Standing, Standings

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
            f"Generator and critic have two hidden layers of 64, latents 16 coordinates, batches "
            f"{experiment.training.batch_size} samples. Every "
            f"member takes {most:,} gradient steps (critic and generator together; steps of unrolling and of further "
            f"networks count). Learning rates {rates}, the same for both players; other settings of the optimiser are "
            f"those of the method's paper, else Adam with beta1 0.5. "
        )
    return text + (
        "A member whose samples are not finite counts as 0 modes. Differences to the plain GAN are paired by seed; "
        f"p-values are Wilcoxon's, Holm-corrected over entrants; none can be below {2 ** (1 - seeds):.2g} before that."
    )


def counted(standings: Sequence[Standing]) -> str:
    """What the table says in a sentence."""
    others = [s for s in standings if s.entrant != "gan"]
    parts = []
    for name in COMPARED:
        better = sum(s.verdict(name) == "better" for s in others)
        worse = sum(s.verdict(name) == "worse" for s in others)
        parts.append(f"by {METRICS_BY_NAME[name].label} {better} better than the plain GAN and {worse} worse")
    full = [s.entrant for s in standings if s.worst["modes_l2_3sigma"] >= s.floors["modes_l2_3sigma"] - 0.5]
    sharp = [s.entrant for s in standings if s.entrant in full and s.worst["hq_l2_3sigma"] >= 0.95]
    said = f"Of {plural(len(others), 'entrant')}: {'; '.join(parts)}." if standings[0].p_values or others else ""
    return (
        f"{said} All modes in every seed: {', '.join(full) or 'none'}. With at least 95 % of high quality in every "
        f"seed as well: {', '.join(sharp) or 'none'}."
    )


def header() -> list[str]:
    """The columns."""
    arrows = {"higher": "↑", "lower": "↓"}
    labels = [f"{METRICS_BY_NAME[name].label} {arrows[METRICS_BY_NAME[name].direction]}" for name in METRICS]
    return ["entrant", "rate", *labels, "diverged", "CPU s", "memory, MB"]


def rows(standings: Sequence[Standing]) -> list[list[object]]:
    """The rows, the smallest W2 first, and the perfect sampler's last."""
    ordered = sorted(standings, key=lambda s: s.means["w2_exact_n1000"][0])
    table: list[list[object]] = [
        [
            s.entrant,
            "its paper's" if s.rate is None else f"{s.rate:g}",
            *(cell_of(s, name) for name in METRICS),
            f"{s.diverged} of {s.seeds}" if s.diverged else "–",
            f"{s.result.seconds:.0f}",
            f"{s.result.memory / 2**20:.0f}" if s.result.memory else "–",
        ]
        for s in ordered
    ]
    floors = ordered[0].floors
    if all(s.floors == floors for s in ordered):
        table.append(["a perfect sampler", "", *(shown(floors[name], name) for name in METRICS), "", "", ""])
    return table


def cell_of(standing: Standing, name: str) -> str:
    """A mean with its interval, marked where the test finds a difference to the plain GAN."""
    mean, low, high = standing.means[name]
    mark = MARKS[standing.verdict(name)] if name in COMPARED else ""
    around = "" if math.isnan(low) or low == high else f" ({shown(low, name)} to {shown(high, name)})"
    return f"{shown(mean, name)} {mark}".strip() + around


def shown(value: float, name: str) -> str:
    """A value of a metric; shares as per cent."""
    return percent(value) if name == "hq_l2_3sigma" and math.isfinite(value) else number(value)


def printed(found: Standings, standings: Sequence[Standing]) -> list[list[object]]:
    """What papers printed of the entrants on this kind of data, beside ours."""
    table: list[list[object]] = []
    for s in standings:
        text = published_of(found.plan.dataset, s.entrant)
        if text:
            table.append([s.entrant, *(shown(s.means[name][0], name) for name in COMPARED[:2]), text])
    return table


def reading(found: Standings) -> str:
    """What the marks mean, and what to beware of."""
    marks = "▲ and ▼: better and worse than the plain GAN at a corrected level of 5 %. "
    shared = "Processor time and memory are of the whole population, all seeds and learning rates."
    chosen = " The best rate is chosen by W2 on the seeds that are shown, which flatters."
    return (marks if found.plan.protocol == "common" else "") + shared + chosen


def left_out(found: Standings) -> list[list[object]]:
    """The entrants without numbers."""
    failed: list[list[object]] = [[label, reason.splitlines()[0]] for label, reason in found.failed.items()]
    return failed + [[label, "not run yet"] for label in found.missing]
