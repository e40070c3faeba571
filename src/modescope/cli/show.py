"""``modescope show``: a method's page in the terminal."""

__all__ = ["Show", "page_of"]

import dataclasses
import inspect
import json
import re
from dataclasses import dataclass
from typing import Annotated, Any

import tyro
from rich import box
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from ..core.errors import need
from .docs import argument_docs
from .formula import plain
from .listing import heading_of


@dataclass(kw_only=True)
class Show:
    """Shows what a method is: its objective, its parameters, its sources, and the BibTeX of its paper.

    Arguments:
        method: A name of `modescope list methods`, the import path of your own, package.module:Class, or a chain of
            these, outermost first (unrolled+pacgan).
        json: Prints JSON.
        bibtex: Prints the BibTeX alone.
    """

    method: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="METHOD")]
    json: bool = False
    bibtex: bool = False

    def __call__(self) -> None:
        pages = [page_of(name) for name in names_of(self.method)]
        if self.json:
            print(json.dumps(pages[0] if len(pages) == 1 else pages, indent=2, ensure_ascii=False))
        elif self.bibtex:
            print("\n\n".join(page["bibtex"] for page in pages))
        else:
            print_pages(pages)


def names_of(spec: str) -> list[str]:
    """The names of a chain's methods from the outside in, with what its last wraps by default; of one method, its own.

    Raises:
        ModescopeError: If a name is unknown, or the chain is not defined.
    """
    from ..methods import build, layers, name_of

    first = re.split(r"[+@]", spec)[0]
    need("@" not in spec, f"method is {spec!r}, expected no values, e.g. {first}")
    return [spec] if "+" not in spec else [name_of(layer) for layer in layers(build(spec))]


def page_of(name: str) -> dict[str, Any]:
    """All that is known of a method: name, class, year, summary, what it changes, text, notes, parameters, sources.

    Raises:
        ModescopeError: If there is no such method.
    """
    from ..methods import bibtex_of, class_of

    kind = class_of(name)
    parts = sections(inspect.getdoc(kind) or "")
    told = argument_docs(kind)
    fields = [field for field in dataclasses.fields(kind) if field.init]
    return {
        "name": name,
        "class": kind.__name__,
        "year": kind.year,
        "changes": kind.changes,
        "summary": kind.summary,
        "objective": plain(parts[""]),
        "parameters": [{"name": f.name, "default": default_of(f), "what": told.get(f.name, "")} for f in fields],
        "training": dict(kind.training),
        "note": plain(parts.get("Note", "")),
        "references": plain(parts.get("References", "")),
        "bibtex": bibtex_of(name, kind),
    }


def sections(doc: str) -> dict[str, str]:
    """A docstring's text before its first heading, under the empty name, and what stands under each heading."""
    pieces = re.split(r"^(Arguments|References|Note|Raises|Example):[ ]*\n", doc, flags=re.MULTILINE)
    found = {"": pieces[0].strip()}
    for heading, body in zip(pieces[1::2], pieces[2::2], strict=True):
        found[heading] = inspect.cleandoc("\n" + body).strip()
    return found


def default_of(field: Any) -> str:
    """A field's default as text."""
    if field.default is not dataclasses.MISSING:
        return str(field.default)
    if field.default_factory is not dataclasses.MISSING:
        made = field.default_factory()
        return f"{type(made).__name__}()" if dataclasses.is_dataclass(made) else str(made)
    return "required"


def print_pages(pages: list[dict[str, Any]]) -> None:
    """Prints the pages of a chain's methods, one below the other, for people."""
    console = Console(width=min(100, Console().width))
    if len(pages) > 1:
        chain = " over ".join(page["class"] for page in pages)
        console.print(Text(f"{chain}: each changes what stands below it.", style="bold"))
    for page in pages:
        if len(pages) > 1:
            console.print()
            console.rule()
        print_page(console, page)


def print_page(console: Console, page: dict[str, Any]) -> None:
    """Prints a method's page."""
    year = f", {page['year']}" if page["year"] else ""
    console.print(Text.assemble((page["name"], "bold cyan"), f"  {page['class']}{year}: {heading_of(page['changes'])}"))
    console.print()
    block(console, page["objective"])
    if page["parameters"]:
        table = Table(box=box.SIMPLE_HEAD, padding=(0, 1))
        table.add_column("parameter", style="cyan", no_wrap=True)
        table.add_column("default", no_wrap=True)
        table.add_column("what")
        for row in page["parameters"]:
            table.add_row(row["name"], row["default"], Text(row["what"]))
        console.print(table)
    if page["training"]:
        values = ", ".join(f"{name} {value}" for name, value in page["training"].items())
        heading(console, "Training, as its paper has it")
        block(console, values)
    for title, key in (("Note", "note"), ("References", "references")):
        if page[key]:
            heading(console, title)
            block(console, page[key])
    heading(console, "BibTeX")
    console.print(Text(page["bibtex"]), soft_wrap=True)


def heading(console: Console, text: str) -> None:
    """A heading."""
    console.print(Text(text, style="bold"))


def block(console: Console, text: str) -> None:
    """Paragraphs, indented; the lines of a paragraph flow, those of a list do not."""
    for paragraph in text.split("\n\n"):
        lines = re.match(r"[-|] |.*\n *─", paragraph.lstrip()) is not None  # of a list or a table
        console.print(Padding(Text(paragraph if lines else " ".join(paragraph.split())), (0, 0, 1, 2)))
