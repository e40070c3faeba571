"""The methods of a benchmark: what each does, its paper, and BibTeX."""

__all__ = ["Source", "anchor_of", "kinds_of", "sources_of"]

from collections.abc import Iterable
from dataclasses import dataclass

from ...core.method import Method, layers
from ...methods import GAN
from ...methods.bibliography import bibtex_of
from ...methods.table import name_of
from ...report.settings import Reference, reference
from ...report.text import slug
from ..entrants import Entrant


@dataclass(frozen=True)
class Source:
    """A method.

    Arguments:
        anchor: The name of its place on the page.
        name: Its name in the table.
        about: What it is, and its paper.
        bibtex: Its paper as BibTeX.
    """

    anchor: str
    name: str
    about: Reference
    bibtex: str


def sources_of(entrants: Iterable[Entrant]) -> list[Source]:
    """The methods of entrants, those that they wrap among them, each once."""
    kinds = dict.fromkeys(type(layer) for entrant in entrants for layer in layers(entrant.method()))
    return [source_of(kind) for kind in kinds]


def source_of(kind: type[Method]) -> Source:
    """What is known of a method by its class."""
    name = name_of(kind)
    return Source(anchor(name), name, reference(name, kind.summary, kind.reference), bibtex_of(name, kind))


def anchor_of(entrant: Entrant) -> str:
    """Where the page tells of an entrant's method, of a chain the outermost."""
    return anchor(name_of(layers(entrant.method())[0]))


def anchor(name: str) -> str:
    """The name of a method's place on the page."""
    return f"method-{slug(name)}"


def kinds_of(entrant: Entrant) -> tuple[str, ...]:
    """What an entrant changes of the plain GAN, which itself changes nothing."""
    changing = [layer for layer in layers(entrant.method()) if type(layer) is not GAN]
    return tuple(dict.fromkeys(layer.changes for layer in changing)) or ("nothing",)
