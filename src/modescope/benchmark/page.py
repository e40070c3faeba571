"""The page of a benchmark, its tables in Markdown, and its numbers in JSON."""

__all__ = ["write_benchmark"]

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..core.files import atomic_write
from ..metrics import METRICS as METRICS_BY_NAME
from ..report.page import Figure, Heading, Paragraph, Section, Table, write_page
from ..report.text import number, percent, plural, slug
from .drawings import every_seed, worst_seeds
from .plan import PROTOCOLS
from .published import published_of
from .results import METRICS
from .standings import COMPARED, Standing, Standings

MARKS = {"better": "▲", "worse": "▼", "no difference found": ""}


def write_benchmark(found: Sequence[Standings], out: str | Path) -> Path:
    """Writes the pages of a benchmark, one for each data set and protocol, and returns the first."""
    one = len(found) == 1
    names = [each.plan.protocol if one else f"{slug(each.plan.dataset)}-{each.plan.protocol}" for each in found]
    return [write_standings(each, Path(out), name) for each, name in zip(found, names, strict=True)].pop(0)


def write_standings(found: Standings, folder: Path, name: str) -> Path:
    """Writes ``NAME.html``, ``.md``, ``.json`` and figures into the benchmark's folder, and returns the page."""
    tables = {"Default learning rate": found.default}
    if any(standing.rate is not None for standing in found.best):
        tables["Best learning rate"] = found.best
    sections: list[Section] = [Paragraph(protocol_of(found))]
    for title, standings in tables.items():
        if not standings:
            continue
        which = title.split()[0].lower()
        dots = every_seed(folder / f"{name}-{which}-seeds.png", standings)
        worst = worst_seeds(folder / f"{name}-{which}-worst.png", standings, found.plan.possible, folder)
        sections += [
            Heading(title),
            Paragraph(counted(standings)),
            Table(header(), rows(standings), "Mean over seeds, with its 95 % interval."),
            Paragraph(reading(found)),
            Figure(dots, f"Every seed of every entrant, {title.lower()}", DOTS),
            Figure(worst, f"The worst seed of every entrant, {title.lower()}", WORST),
        ]
    if table := printed(found, found.default):
        sections += [Heading("What papers printed"), Paragraph(OTHERS), Table(PRINTED, table)]
    if found.failed or found.missing:
        sections += [Heading("Not in the tables"), Table(["entrant", "why"], left_out(found))]
    path, protocol = folder / f"{name}.html", found.plan.protocol
    write_page(path, f"Benchmark: {found.plan.dataset}", f"Protocol {protocol}: {PROTOCOLS[protocol]}.", sections)
    atomic_write(folder / f"{name}.md", markdown(found, tables))
    atomic_write(folder / f"{name}.json", json.dumps(record(found, tables), indent=1, allow_nan=False) + "\n")
    return path


DOTS = (
    "A dot is a seed, a bar the mean, the dashed line what a perfect sampler scores. Orange: the plain GAN; green: "
    "better by the paired test; grey: worse; blue: no difference found. From the smallest W2 down."
)
PRINTED = ["entrant", "our modes", "our high quality", "printed"]
OTHERS = (
    "Other networks, data, steps and samples than here, and than each other: the plain GAN alone covers 1 mode of the "
    "ring in one paper and 6.3 in another. The numbers show what was claimed, and cannot be compared."
)
WORST = "Of each entrant the seed with the fewest modes, then the lowest quality: what a user may be dealt."


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


def markdown(found: Standings, tables: dict[str, tuple[Standing, ...]]) -> str:
    """The tables for a text."""
    parts = [f"# Benchmark: {found.plan.dataset}, protocol {found.plan.protocol}", protocol_of(found)]
    for title, standings in tables.items():
        if standings:
            parts += [f"## {title}", counted(standings), grid(header(), rows(standings)), reading(found)]
    if table := printed(found, found.default):
        parts += ["## What papers printed", OTHERS, grid(PRINTED, table)]
    if found.failed or found.missing:
        parts += ["## Not in the tables", grid(["entrant", "why"], left_out(found))]
    return "\n\n".join(parts) + "\n"


def grid(head: Sequence[str], body: Sequence[Sequence[object]]) -> str:
    """A table in Markdown."""
    lines = [head, ["---"] * len(head), *body]
    return "\n".join("| " + " | ".join(str(cell).replace("|", r"\|") for cell in line) + " |" for line in lines)


def record(found: Standings, tables: dict[str, tuple[Standing, ...]]) -> dict[str, Any]:
    """All numbers, seed by seed."""
    results = {s.entrant: s.result for standings in tables.values() for s in standings}
    return {
        "dataset": found.plan.dataset,
        "protocol": found.plan.protocol,
        "tables": {
            title: [
                {
                    "entrant": s.entrant,
                    "rate": s.rate,
                    "means": {name: finite(list(s.means[name])) for name in METRICS},
                    "floors": finite(s.floors),
                    "worst": finite(s.worst),
                    "gaps": finite(s.gaps),
                    "p_values": finite(s.p_values),
                    "diverged": s.diverged,
                }
                for s in standings
            ]
            for title, standings in tables.items()
        },
        "members": {
            label: {
                "seeds": result.seeds,
                "rates": result.rates,
                "values": {name: finite(list(values)) for name, values in result.values.items()},
                "diverged": result.diverged,
                "gradient_steps": result.gradient_steps,
                "seconds": result.seconds,
                "memory": result.memory,
            }
            for label, result in results.items()
        },
        "failed": found.failed,
        "missing": found.missing,
    }


def finite(values: Any) -> Any:
    """Numbers as JSON holds them, with six digits: null where one is not finite."""
    if isinstance(values, dict):
        return {name: finite(value) for name, value in values.items()}
    if isinstance(values, list):
        return [finite(value) for value in values]
    return float(f"{values:.6g}") if math.isfinite(values) else None
