"""What the page's template shows of a scene, beside its figures."""

__all__ = ["part_data"]

from collections.abc import Mapping
from typing import Any

from ..core.method import layers
from ..datasets.base import Dataset
from ..datasets.images.base import ImageData
from ..judges.modes import JudgedModes
from .gallery import Gallery
from .groups import Group, Scene
from .table import Summary, summary_of
from .text import joined, plural
from .verdict import rule_of, verdict_of


def part_data(scene: Scene, name: str, figures: Mapping[str, Any], gallery: Gallery | None) -> dict[str, Any]:
    """What the template shows of a scene, whose figures have the data `figures`, and of images the pictures."""
    summary = summary_of(scene)
    pictures = gallery.notes if gallery is not None else ()
    return {
        "name": name,
        "about": about(scene.dataset),
        "cards": [
            {"label": group.label, "verdict": verdict_of(group), "facts": facts_of(group)} for group in scene.groups
        ],
        "rule": rule_of(scene.dataset.modes),
        "summary": summary,
        "samples": scene.samples,
        "seen": " or ".join(f"{count:,}" for count in scene.seen),
        "figures": figures,
        "gallery": gallery,
        "notes": [*table_notes(scene, summary), *drawing_notes(figures), *pictures],
    }


def about(dataset: Dataset) -> str:
    """What a data set is, how many modes it has, and how large a sample is."""
    modes = dataset.modes
    known = plural(len(modes), "mode") if modes is not None else "no known modes"
    if isinstance(modes, JudgedModes):
        known += f", told by {modes.about}"
    if len(dataset.shape) != 3:
        return f"{dataset.summary}; {known}, {plural(dataset.dim, 'coordinate')}"
    channels, height, width = dataset.shape
    size = f"{plural(channels, 'channel')} of {height} × {width} pixels"
    note = dataset.arrays.note if isinstance(dataset, ImageData) else ""
    return "; ".join((dataset.summary, known, size, *([note] if note else [])))


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
    if scene.of_images and scene.dataset.modes is None:
        notes.append("Distances are taken between pixels, which tell less than the eye does: look at the images too.")
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
        frames, _, points = film["points"]["shape"][:3]
        if frames < film["looks"] or points < film["kept"]:
            label = figures["labels"][film["group"]]
            notes.append(
                f"{label}: the film has {frames:,} of {film['looks']:,} looks, "
                f"with {points:,} of {film['kept']:,} samples of each member."
            )
    return notes
