"""What the page's template shows of a scene, beside its figures."""

__all__ = ["part_data"]

from collections.abc import Mapping
from typing import Any

from ..core.method import layers
from .groups import Group, Scene
from .table import Summary, summary_of
from .text import joined, plural
from .verdict import RULE, verdict_of


def part_data(scene: Scene, name: str, figures: Mapping[str, Any]) -> dict[str, Any]:
    """What the template shows of a scene, whose figures have the data `figures`."""
    modes = scene.dataset.modes
    known = plural(len(modes), "mode") if modes is not None else "no known modes"
    summary = summary_of(scene)
    return {
        "name": name,
        "about": f"{scene.dataset.summary}; {known}, {plural(scene.dataset.dim, 'coordinate')}",
        "cards": [
            {"label": group.label, "verdict": verdict_of(group), "facts": facts_of(group)} for group in scene.groups
        ],
        "rule": RULE if modes is not None else "",
        "summary": summary,
        "samples": scene.samples,
        "figures": figures,
        "notes": [*table_notes(scene, summary), *drawing_notes(figures)],
    }


def facts_of(group: Group) -> list[str]:
    """What was trained, on what, for how long, when and with what."""
    experiment, config = group.run.experiment, group.run.config
    method = " over ".join(type(layer).__name__ for layer in layers(experiment.method))
    made = config.get("versions")
    made = dict(made) if isinstance(made, Mapping) else {}
    platform = made.pop("platform", "")
    versions = joined([f"{name} {version}" for name, version in made.items()]) if made else ""
    created = str(config.get("created", "")).replace("T", " ").replace("Z", " UTC")
    facts = [
        f"{method} on {type(experiment.dataset).__name__}",
        f"{plural(len(group.at), 'seed')}, {plural(experiment.training.steps, 'step')} "
        f"of {plural(experiment.training.batch_size, 'sample')}",
        f"begun {created}" if created else "",
        " on ".join(part for part in (versions, platform) if part),
    ]
    return [fact for fact in facts if fact]


def table_notes(scene: Scene, summary: Summary) -> list[str]:
    """What to know to read the table."""
    notes = []
    if any(row.lost for row in summary.rows):
        notes.append(
            "A diverged seed is frozen as it was before the step that made it NaN or infinite, and counts as such."
        )
    if any(column.best for column in summary.columns):
        notes.append(
            "Marked values cannot be told apart from the best of the column by their seeds "
            "(one-sided Welch tests at 5 % together); the truly best is among them with 95 % confidence."
        )
    elif len(summary.rows) > 1:
        notes.append("No value is marked as best: the seeds do not tell the rows apart.")
    for row in summary.rows:
        told = dict.fromkeys(f"{row.group.label}: {cell.label}: {cell.note}." for cell in row.cells if cell.note)
        alike = {cell.note for cell in row.cells if cell.note}
        notes += [f"{row.group.label}: {alike.pop()}."] if len(alike) == 1 and len(told) > 1 else list(told)
    return notes


def drawing_notes(figures: Mapping[str, Any]) -> list[str]:
    """What was left out of the drawings."""
    notes = []
    for part in figures["panels"]:
        if len(part["panels"]) < part["total"]:
            label, drawn = figures["labels"][part["group"]], len(part["panels"])
            notes.append(f"{label}: {drawn} of {part['total']:,} seeds are drawn, evenly from the worst to the best.")
    thinned = [c for chart in figures["charts"] for c in chart["curves"] if len(c["steps"]) < c["looks"]]
    if thinned:
        notes.append(f"The curves show {len(thinned[0]['steps']):,} of {thinned[0]['looks']:,} looks.")
    for film in figures["films"]:
        frames, _, points, _ = film["points"]["shape"]
        if frames < film["looks"] or points < film["kept"]:
            label = figures["labels"][film["group"]]
            notes.append(
                f"{label}: the film has {frames:,} of {film['looks']:,} looks, "
                f"with {points:,} of {film['kept']:,} samples of each member."
            )
    return notes
