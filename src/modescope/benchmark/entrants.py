"""Who takes part in a benchmark: methods, chains of them, and variants by their fields."""

__all__ = ["Entrant", "entrants"]

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..core.errors import need
from ..core.method import Method
from ..methods import build, encode
from ..methods.table import available

# What the default of a method does not show. A new variant is a line here.
VARIANTS: Mapping[str, tuple[str, ...]] = {
    "gan": ("gan@saturating=true",),
    "forward-kl": ("forward-kl@form=ratio", "forward-kl@form=bce", "forward-kl@form=bce-swapped"),
    "pacgan": ("pacgan@degree=4",),
    "fgan": ("fgan@divergence=reverse-kl",),
    "dragan": ("dragan@slope=0",),
    "mad-gan": ("mad-gan@saturating=true",),
    "bourgan": ("bourgan@scale=mean",),
}


@dataclass(frozen=True)
class Entrant:
    """A method of a benchmark, by its text.

    Arguments:
        spec: A name or a chain, e.g. ``unrolled+lsgan``.
        fields: Values of fields that differ from their defaults.
    """

    spec: str
    fields: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def parse(cls, text: str) -> "Entrant":
        """The entrant that a text such as ``pacgan@degree=4`` or ``fgan@divergence=kl,practical=true`` names.

        Raises:
            ModescopeError: If the text is not of that form, or names no method or no field.
        """
        spec, at, rest = text.strip().partition("@")
        need("," not in spec, f"entrant {text!r} names several, expected one: put spaces between them, not commas")
        fields = {}
        for pair in rest.split(",") if at else ():
            name, equals, value = pair.partition("=")
            need(
                bool(equals and name.strip()),
                f"entrant {text!r} has {pair!r}, expected NAME=VALUE as in pacgan@degree=4",
            )
            fields[name.strip().replace("-", "_")] = literal(value.strip())
        found = cls(spec, fields)
        found.method()
        return found

    def method(self) -> Method:
        """The method itself."""
        return build(self.spec, **self.fields)

    @property
    def label(self) -> str:
        """Its text, which :meth:`parse` reads."""
        values = ",".join(f"{name}={written(value)}" for name, value in self.fields.items())
        return f"{self.spec}@{values}" if values else self.spec

    @property
    def slug(self) -> str:
        """Its text as the name of a folder."""
        return re.sub(r"[^a-z0-9.+=_-]+", "-", self.label.lower().replace("@", "-")).strip("-")


def entrants(texts: Iterable[str] | None = None) -> list[Entrant]:
    """The entrants that texts name; every method that there is, with its variants, if none are given.

    The plain GAN comes first always, since all others are compared with it.

    Raises:
        ModescopeError: If a text names nothing, or two name the same, in other words too.
    """
    if texts is None:
        texts = [text for name in available() for text in (name, *VARIANTS.get(name, ()))]
    found = [Entrant.parse(text) for text in texts]
    labels = [entrant.label for entrant in found]
    twice = sorted({label for label in labels if labels.count(label) > 1})
    need(not twice, f"methods names {', '.join(twice)} twice, expected each once")
    found = [Entrant("gan"), *(entrant for entrant in found if entrant.label != "gan")]
    known: dict[str, str] = {}
    for entrant in found:  # one counted twice would weigh on the correction for many tests
        first = known.setdefault(json.dumps(encode(entrant.method()), sort_keys=True, default=repr), entrant.label)
        need(first == entrant.label, f"methods names {first} and {entrant.label}, which are the same, expected one")
    return found


def literal(text: str) -> Any:
    """The value that a text stands for: true, false, a number, or the text itself."""
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def written(value: Any) -> str:
    """The inverse of :func:`literal`."""
    return str(value).lower() if isinstance(value, bool) else f"{value}"
