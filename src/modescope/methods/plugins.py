"""Methods of other packages, which announce them under the entry point ``modescope.methods``."""

__all__ = ["GROUP", "plugins"]

import inspect
import logging
import re
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from ..core.errors import ModescopeError, need
from ..core.method import Method

GROUP = "modescope.methods"
NAME = re.compile(r"[A-Za-z0-9][\w.-]*", re.ASCII)  # the others mean something on the command line
log = logging.getLogger("modescope")


@cache
def plugins() -> dict[str, type[Method]]:
    """The methods of installed packages, by the name that each announces.

    A package announces its methods in its own ``pyproject.toml``::

        [project.entry-points."modescope.methods"]
        boundary-seeking = "my_package.boundary_seeking:BoundarySeeking"

    One that cannot be imported, is no method, or has a name that cannot be typed or is another's, is left out with a
    warning, since it is not the user's mistake.
    """
    found: dict[str, type[Method]] = {}
    for point in entry_points(group=GROUP):
        try:
            need(NAME.fullmatch(point.name) is not None, "its name is not of letters, digits, dots, _ and -")
            need(point.name not in found, "another package has announced that name already")
            found[point.name] = loaded(point)
        except (Exception, SystemExit) as error:  # the latter of a script that was meant to be run
            log.warning("the method %r (%s) is left out: %s", point.name, point.value, reason(error))
    return found


def loaded(point: EntryPoint) -> type[Method]:
    """The class that an entry point names."""
    kind: Any = point.load()
    good = inspect.isclass(kind) and issubclass(kind, Method) and not inspect.isabstract(kind)
    need(good, "it is no subclass of modescope.core.Method with all that it asks for")
    return kind


def reason(error: BaseException) -> str:
    """An error in one line."""
    if isinstance(error, ModescopeError):
        return str(error)
    return f"{type(error).__name__}: {error}".splitlines()[0]
