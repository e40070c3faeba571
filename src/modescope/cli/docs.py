"""Help texts, read from the docstrings."""

__all__ = ["argument_docs"]

import inspect
import re

from .formula import plain

SECTION = re.compile(r"^Arguments:\n((?:[ \t]+.*\n?|\n)+)", re.MULTILINE)
ENTRY = re.compile(r"^    (\w+): (.*(?:\n {5,}.*)*)", re.MULTILINE)


def argument_docs(kind: type) -> dict[str, str]:
    """What each field of a dataclass is for, from the ``Arguments`` of its docstring and of those it inherits."""
    found: dict[str, str] = {}
    for parent in inspect.getmro(kind):
        section = SECTION.search(inspect.cleandoc(parent.__doc__ or "") + "\n")
        for name, text in ENTRY.findall(section.group(1)) if section else ():
            found.setdefault(name, " ".join(plain(text).split()))
    return found
