"""The page of a phase diagram."""

__all__ = ["write_phase"]

from pathlib import Path

import numpy as np

from ..metrics import METRICS
from ..report.page import Figure, Heading, Paragraph, Section, Table, write_page
from .drawing import draw_phase
from .points import Phase


def write_phase(phase: Phase, folder: Path) -> Path:
    """Draws it and writes ``index.html`` beside ``phase.json``."""
    metric = METRICS[phase.metric]
    picture = draw_phase(phase, folder / "phase.png")
    lost = int(phase.diverged.sum())
    sections: list[Section] = [
        Figure(
            picture,
            "The mean over seeds, and the share of seeds that do as well as a perfect sampler.",
            "Each tile is a point that was trained; white lines lie at a quarter, a half and three quarters of the "
            "scale; at hatched points half the seeds or more diverged.",
            wide=True,
        ),
        Heading("The best points"),
        Table(
            [phase.x.name, phase.y.name, metric.label, "worst seed", "best seed", "diverged"],
            best_rows(phase),
            f"{metric.label}: a perfect sampler scores {phase.floor:.4g}.",
        ),
        Heading("How"),
        Paragraph(
            f"{phase.values.size:,} networks, {phase.seeds} seeds at each of {phase.x.name} x {phase.y.name} = "
            f"{len(phase.x.values)} x {len(phase.y.values)} points; {steps_of(phase)} steps each; {lost:,} diverged, "
            "which count for no point's mean. A map of many points has lucky ones: train the best again with fresh "
            "seeds before you rely on them."
        ),
        *([Paragraph(f"Made by: {phase.command}")] if phase.command else []),
    ]
    title = f"{phase.method} on {phase.dataset}"
    return write_page(folder / "index.html", title, f"Phase diagram over {phase.x.name} and {phase.y.name}.", sections)


def best_rows(phase: Phase, count: int = 5) -> list[list[object]]:
    """The points with the best means, the best first."""
    sign = 1 if METRICS[phase.metric].direction == "higher" else -1
    order = np.argsort(-sign * np.nan_to_num(phase.mean, nan=-sign * np.inf), axis=None, kind="stable")
    rows: list[list[object]] = []
    for place in order[:count]:
        row, column = np.unravel_index(place, phase.mean.shape)
        members = phase.values[row, column]
        if not np.isfinite(members).any():
            continue
        ends = (np.nanmin(members), np.nanmax(members))
        worst, best = ends if sign > 0 else ends[::-1]
        lost = f"{int(phase.diverged[row, column].sum())} of {phase.seeds}"
        rows.append([phase.x.values[column], phase.y.values[row], float(phase.mean[row, column]), worst, best, lost])
    return rows


def steps_of(phase: Phase) -> str:
    """The training steps, as one number where all have the same."""
    low, high = phase.steps
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"
