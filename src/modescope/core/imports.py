"""What an import path names, in a command, or in a run's folder that somebody else made."""

__all__ = ["imported"]

import importlib
import inspect
import sys
from pathlib import Path
from typing import Any

from .errors import ModescopeError, nearest_name, need


def imported(kind: str, path: str) -> Any:
    """What ``package.module:Name`` names; the current folder is searched first.

    A run's folder may come from anyone, and its names are imported and called. Nothing of Python's own library is a
    method or a network, so a path such as ``os:kill`` is refused before it is imported. A package of your own or one
    that is installed runs as it would in any import.

    Arguments:
        kind: What is named, for messages, e.g. ``method``.
        path: The import path.

    Raises:
        ModescopeError: If the path has another form, is of Python's own library, or names nothing.
    """
    module_name, colon, name = path.partition(":")
    need(bool(colon and module_name and name), f"{kind} {path!r} is no import path like 'package.module:Name'")
    root = module_name.partition(".")[0]
    need(
        root == "__main__" or root not in sys.stdlib_module_names,
        f"{kind} {path!r} is of Python's own library, expected one of your own or of an installed package",
    )
    folder = str(Path.cwd())
    if folder not in sys.path:
        sys.path.insert(0, folder)
    try:
        module = importlib.import_module(module_name)
    except Exception as error:
        raise ModescopeError(f"{kind} {path!r} cannot be imported: {type(error).__name__}: {error}") from error
    if not hasattr(module, name):
        here = module_name != "__main__"
        need(here, f"{kind} {path!r} is from a script or notebook that is not this one; move its class to a module")
        classes = [known for known, thing in vars(module).items() if inspect.isclass(thing)]
        raise nearest_name(kind, path, [f"{module_name}:{known}" for known in classes])
    return getattr(module, name)
