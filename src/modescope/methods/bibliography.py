"""The papers of the methods, as BibTeX."""

__all__ = ["bibtex_of"]

import re
from functools import cache
from importlib.resources import files

from ..core.method import Method

REFERENCE = re.compile(r"(?P<title>.+?) \((?P<authors>.+?), (?P<year>\d{4})\)(?:, (?P<url>https?://\S+))?")


@cache
def entries() -> dict[str, str]:
    """The entries of ``references.bib`` in this folder, by the method's name, which is their key."""
    text = files(__package__).joinpath("references.bib").read_text(encoding="utf-8")
    found = re.findall(r"^@\w+\{([^,]+),.*?^\}", text, flags=re.MULTILINE | re.DOTALL)
    bodies = re.findall(r"^@\w+\{.*?^\}", text, flags=re.MULTILINE | re.DOTALL)
    return dict(zip(found, bodies, strict=True))


def bibtex_of(name: str, kind: type[Method]) -> str:
    """A method's paper as BibTeX: from the bibliography, else from the reference that the method gives.

    Arguments:
        name: The method's name in the table.
        kind: Its class.
    """
    if name in entries():
        return entries()[name]
    return composed(re.sub(r"\W+", "-", name), kind.reference)


def composed(key: str, reference: str) -> str:
    """An entry from a text such as ``Title (Authors, 2017), https://arxiv.org/abs/...``."""
    match = REFERENCE.match(reference)
    if match is None:
        return f"@misc{{{key},\n  title = {{{reference}}},\n}}" if reference else ""
    authors = re.sub(r"\s*(?:,|&|\band\b)\s*", " and ", match["authors"]).replace(" et al.", " and others")
    rows = {"title": f"{{{match['title']}}}", "author": authors, "year": match["year"], "url": match["url"]}
    lines = [f"  {field} = {{{value}}}," for field, value in rows.items() if value]
    return "\n".join([f"@misc{{{key},", *lines, "}"])
