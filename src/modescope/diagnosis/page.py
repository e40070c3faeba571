"""A diagnosis as a page."""

__all__ = ["page_of"]

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..report.drawing import save
from ..report.page import Beside, Figure, Heading, Paragraph, Section, Table, write_page
from ..report.text import interval, number, plural
from .pictures import PANELS, draw_duplicates, draw_panel, draw_tiles

if TYPE_CHECKING:
    from .result import Diagnosis

RULE = (
    "The verdict rests on nearest neighbours among all samples, real and fake together, held against shuffled labels: "
    "regions, separate modes and clusters of the real data that fakes hardly reach, and fakes that repeat each other. "
    "Where nothing is wrong it cries wolf in at most 5 of 100 cases. The measures do not enter it."
)
COLUMNS = [
    "measure",
    "fake",
    "95 % interval",
    "real against real",
    "gap",
    "what it says",
    "how it was taken",
]
TILES = "Clusters with the fewest fakes for each real sample, then those with the most."


def page_of(found: "Diagnosis", path: str | Path | None = None) -> str:
    """Writes the page to `path`, if given, and returns it."""
    with tempfile.TemporaryDirectory() as scratch:
        target = Path(path) if path is not None else Path(scratch) / "diagnosis.html"
        write_page(
            target, f"Diagnosis: {found.verdict.title.lower()}", found.verdict.reason, parts(found, Path(scratch))
        )
        return target.read_text(encoding="utf-8")


def parts(found: "Diagnosis", scratch: Path) -> list[Section]:
    """The page from top to bottom."""
    counts = f"{plural(found.n_real, 'real sample')}, {plural(found.n_fake, 'fake')}. Features: {found.features}."
    sections: list[Section] = [Paragraph(counts), *map(Paragraph, found.notes)]
    if found.scene is not None:
        panels = [
            picture(draw_panel(panel, found.scene), scratch / f"panel-{index}.png", panel.alt, panel.about)
            for index, panel in enumerate(PANELS)
        ]
        sections.append(Beside(panels))
        pictures = [
            (draw_tiles(found.scene), "Images by cluster", TILES),
            (
                draw_duplicates(found.scene),
                "The closest pairs of fakes",
                "The closest pairs of fakes: one image or two?",
            ),
        ]
        for index, (figure, alt, caption) in enumerate(pictures):
            if figure is not None:
                sections.append(picture(figure, scratch / f"{index}.png", alt, caption))
    sections += [
        Heading("Measures"),
        Table(COLUMNS, [cells(row) for row in found.rows], "Means over random parts of the samples."),
        Heading("How the verdict is reached"),
        Paragraph(RULE),
    ]
    return sections


def picture(figure: Any, path: Path, alt: str, caption: str) -> Figure:
    """A drawing as a section."""
    return Figure(save(figure, path, 256), alt, caption)


def cells(row: Any) -> list[object]:
    """A row of the table."""
    return [
        "\N{NO-BREAK SPACE}".join(row.measure.title.rsplit(" ", 1)),  # or the arrow would stand on a line alone
        number(row.value),
        interval(row.low, row.high),
        row.real_shown,
        row.gap_shown,
        row.note,
        row.protocol,
    ]
