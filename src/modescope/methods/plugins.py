"""Methods of other packages, which announce them under the entry point ``modescope.methods``."""

__all__ = ["GROUP", "plugins"]

import inspect
import logging
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from ..core.errors import need
from ..core.method import Method

GROUP = "modescope.methods"
log = logging.getLogger("modescope")


@cache
def plugins() -> dict[str, type[Method]]:
    """The methods of installed packages, by the name that each announces.

    A package announces its methods in its own ``pyproject.toml``::

        [project.entry-points."modescope.methods"]
        boundary-seeking = "my_package.boundary_seeking:BoundarySeeking"

    One that cannot be imported, or is no method, is left out with a warning, since it is not the user's mistake.
    """
    found = {}
    for point in entry_points(group=GROUP):
        try:
            found[point.name] = loaded(point)
        except Exception as error:
            log.warning("the method %r (%s) is left out: %s", point.name, point.value, reason(error))
    return found


def loaded(point: EntryPoint) -> type[Method]:
    """The class that an entry point names."""
    kind: Any = point.load()
    good = inspect.isclass(kind) and issubclass(kind, Method) and not inspect.isabstract(kind)
    need(good, "it is no subclass of modescope.core.Method with all that it asks for")
    return kind


def reason(error: Exception) -> str:
    """An error in one line."""
    return f"{type(error).__name__}: {error}".splitlines()[0]
