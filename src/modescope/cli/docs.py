"""Help texts, read from the docstrings."""

__all__ = ["argument_docs"]

import inspect
import re

SECTION = re.compile(r"^Arguments:\n((?:[ \t]+.*\n?|\n)+)", re.MULTILINE)
ENTRY = re.compile(r"^    (\w+): (.*(?:\n {5,}.*)*)", re.MULTILINE)
GREEK = {"epsilon": "ε", "gamma": "γ", "lambda": "λ", "pi": "π"}
ROLE = re.compile(r":\w+:`~?([^`]*)`|``([^`]*)``|`([^`]*)`")


def argument_docs(kind: type) -> dict[str, str]:
    """What each field of a dataclass is for, from the ``Arguments`` of its docstring and of those it inherits."""
    found: dict[str, str] = {}
    for parent in inspect.getmro(kind):
        section = SECTION.search(inspect.cleandoc(parent.__doc__ or "") + "\n")
        for name, text in ENTRY.findall(section.group(1)) if section else ():
            found.setdefault(name, plain(text))
    return found


def plain(text: str) -> str:
    """A docstring's text without its markup."""
    text = ROLE.sub(lambda match: next(part for part in match.groups() if part is not None), text)
    text = re.sub(r"\\(\w+)", lambda match: GREEK.get(match[1], match[0]), text)
    return " ".join(text.split())
