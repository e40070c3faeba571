"""A self-contained page that puts what a paper printed beside what came out."""

__all__ = ["Beside", "Figure", "Heading", "Paragraph", "Section", "Statements", "Table", "show", "write_page"]

import abc
import base64
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

from ..core.errors import ModescopeError, need
from ..core.files import atomic_write
from ..theory.statement import Statement
from .assets import asset
from .text import scientific

STYLE = (
    asset("page.css")
    + """
.intro { color: var(--soft); font-size: 1.06rem; }
figure img { display: block; width: 100%; height: auto; background: #fff; border: 1px solid var(--line);
  border-radius: 10px; }
@media (max-width: 42rem) { .scroll img { width: 44rem; } }
.beside { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 22rem), 1fr)); gap: 0 1.2rem; }
.statement { background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: 1rem 1.15rem;
  margin: 1rem 0; }
.statement header { display: flex; flex-wrap: wrap; gap: .5rem .8rem; align-items: center; margin-bottom: .6rem; }
.pair { display: grid; grid-template-columns: 1fr 1fr; gap: .4rem 1.6rem; }
.pair p { margin: 0; }
.label { display: block; color: var(--soft); font-size: .76rem; font-weight: 600; letter-spacing: .06em;
  text-transform: uppercase; }
dl { display: grid; grid-template-columns: minmax(0, 1fr) auto; gap: .1rem 1.2rem; margin: .8rem 0 0; font-size: .9rem;
  border-top: 1px dashed var(--line); padding-top: .7rem; }
sub { line-height: 0; font-size: .72em; }
dt { color: var(--soft); } dd { margin: 0; text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
@media (max-width: 42rem) { .pair { grid-template-columns: 1fr; gap: .8rem; } }
@media print { .statement { break-inside: avoid; } }
"""
)

SUBSCRIPT = re.compile(r"\b([A-Z]{1,3})_(\w{1,3})\b")
TYPES = {".png": "image/png", ".gif": "image/gif", ".jpg": "image/jpeg", ".jpeg": "image/jpeg"}
SENTENCE = 30  # characters from which on a cell is one
INTERVAL = re.compile(r"([−-]?\d\S*) (\([−-]?\d\S* to [−-]?\d\S*\))$")


class Section(abc.ABC):
    """A piece of a page. All text is plain and is escaped; ``JS_π`` reads as capitals with a subscript."""

    @abc.abstractmethod
    def html(self) -> str:
        """The piece as HTML."""


@dataclass(frozen=True)
class Heading(Section):
    """A heading that opens a chapter of the page."""

    text: str

    def html(self) -> str:
        return f"<h2>{_text(self.text)}</h2>"


@dataclass(frozen=True)
class Paragraph(Section):
    """A paragraph."""

    text: str

    def html(self) -> str:
        return f"<p>{_text(self.text)}</p>"


@dataclass(frozen=True)
class Table(Section):
    """A table, which scrolls sideways where it is wider than the screen; numbers show four digits, None a dash.

    Arguments:
        header: The columns' names.
        rows: The cells, as many a row as there are columns: text or numbers.
        caption: What the table shows.

    Raises:
        ModescopeError: If a row has another number of cells than the header.
    """

    header: Sequence[str]
    rows: Sequence[Sequence[object]]
    caption: str = ""

    def __post_init__(self) -> None:
        for index, row in enumerate(self.rows):
            need(
                len(row) == len(self.header),
                f"rows[{index}] has {len(row)} cells, expected {len(self.header)}, one for each column of the header",
            )

    def html(self) -> str:
        kinds = [_kind([row[i] for row in self.rows]) for i in range(len(self.header))]
        head = "".join(
            f'<th scope="col"{kind}>{_text(name)}</th>' for kind, name in zip(kinds, self.header, strict=True)
        )
        body = "".join(
            "<tr>"
            + "".join(f"<td{kind}>{_cell(show(cell))}</td>" for kind, cell in zip(kinds, row, strict=True))
            + "</tr>"
            for row in self.rows
        )
        table = f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
        scrolled = _scrolled(table, f"Table of {', '.join(self.header)}")
        # Outside of what scrolls, so that it stays in sight where the table is moved sideways.
        caption = f"<figcaption>{_text(self.caption)}</figcaption>"
        return f"<figure>{scrolled}{caption}</figure>" if self.caption else scrolled


def _kind(column: Sequence[object]) -> str:
    """The class of a column's cells: numbers stand to the right, words are not broken, sentences are.

    An interval goes below its number where a table is wide.
    """
    if column and all(_is_number(cell) for cell in column):
        return ' class="number"'
    if any(INTERVAL.match(show(cell)) for cell in column):
        return ' class="interval"'
    return ' class="prose"' if any(len(show(cell)) > SENTENCE for cell in column) else ' class="words"'


def _scrolled(content: str, label: str) -> str:
    """What is wider than a phone, in a frame that is moved sideways, by keys too."""
    return f'<div class="scroll" tabindex="0" role="region" aria-label="{escape(label)}">{content}</div>'


@dataclass(frozen=True)
class Figure(Section):
    """An image, written into the page.

    Arguments:
        path: A PNG, JPEG or GIF file.
        alt: What the image shows, for those who do not see it.
        caption: What to see in it.
        wide: Whether a phone, instead of shrinking it, shows a part of it that can be moved sideways.

    Raises:
        ModescopeError: If the file does not exist or is of another type.
    """

    path: Path
    alt: str
    caption: str = ""
    wide: bool = False

    def __post_init__(self) -> None:
        need(self.path.is_file(), f"path is {str(self.path)!r}, expected an image file that exists")
        need(self.path.suffix.lower() in TYPES, f"path is {str(self.path)!r}, expected {', '.join(TYPES)}")

    def html(self) -> str:
        data = base64.b64encode(self.path.read_bytes()).decode()
        source = f"data:{TYPES[self.path.suffix.lower()]};base64,{data}"
        caption = f"<figcaption>{_text(self.caption)}</figcaption>" if self.caption else ""
        image = f'<img src="{source}" alt="{escape(self.alt)}">'
        return f"<figure>{_scrolled(image, self.alt) if self.wide else image}{caption}</figure>"


@dataclass(frozen=True)
class Beside(Section):
    """Figures side by side, or one below the other where the screen is narrow."""

    figures: Sequence[Figure]

    def html(self) -> str:
        return f'<div class="beside">{"".join(figure.html() for figure in self.figures)}</div>'


@dataclass(frozen=True)
class Statements(Section):
    """A paper's statements, each as printed, as it should read, and the numbers that decide."""

    items: Sequence[Statement]

    def html(self) -> str:
        return "".join(_statement(item) for item in self.items)


def write_page(path: str | Path, title: str, intro: str, sections: Iterable[Section]) -> Path:
    """Writes the page as one HTML file that loads nothing from elsewhere and follows the reader's light or dark theme.

    Arguments:
        path: The file to write; its folder must exist.
        title: The page's title.
        intro: A paragraph below the title; empty for none.
        sections: The pieces, in order.

    Returns:
        The path.

    Raises:
        ModescopeError: If the folder does not exist.
    """
    opening = f'<p class="intro">{_text(intro)}</p>' if intro else ""
    body = "\n".join(section.html() for section in sections)
    policy = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
    page = f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<title>{escape(title)}</title>
<style>{STYLE}</style>
</head>
<body>
<main>
<h1>{_text(title)}</h1>
{opening}
{body}
</main>
</body>
</html>
"""
    try:
        return atomic_write(path, page)
    except OSError as error:
        raise ModescopeError(f"the page {str(path)!r} cannot be written: {error.strerror or error}") from error


def show(value: object) -> str:
    """A value as a reader likes it: four digits, powers of ten written out, a true minus sign, a dash for none."""
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if not isinstance(value, float):
        return str(value)
    return scientific(value, 4)


def _cell(plain: str) -> str:
    """A cell as HTML, in which a number and its interval may stand on two lines, but neither is broken."""
    found = INTERVAL.match(plain)
    return " ".join(f"<span>{_text(part)}</span>" for part in found.groups()) if found else _text(plain)


def _text(plain: str) -> str:
    """Plain text as HTML."""
    return SUBSCRIPT.sub(r"\1<sub>\2</sub>", escape(plain))


def _is_number(value: object) -> bool:
    return value is None or (isinstance(value, int | float) and not isinstance(value, bool))


def _statement(item: Statement) -> str:
    verdict = '<span class="badge good">holds</span>' if item.holds else '<span class="badge bad">does not hold</span>'
    check = "borne out below" if item.verified else "not borne out"
    evidence = "".join(f"<dt>{_text(name)}</dt><dd>{_text(show(value))}</dd>" for name, value in item.evidence.items())
    return (
        f'<section class="statement"><header><h3>{_text(item.claim)}</h3>{verdict}</header>'
        f'<div class="pair"><p><span class="label">The paper prints</span>{_text(item.printed)}</p>'
        f'<p><span class="label">What is right, {check}</span>{_text(item.right)}</p></div>'
        f"<dl>{evidence}</dl></section>"
    )
