"""One sentence for the person who typed it."""

__all__ = [
    "ModescopeError",
    "MissingExtraError",
    "extra",
    "is_number",
    "is_whole",
    "need",
    "need_extra",
    "nearest_name",
]

import difflib
import importlib
import importlib.util
import math
from collections.abc import Iterable
from numbers import Real
from types import ModuleType


class ModescopeError(ValueError):
    """Bad input, told in one sentence; the command line prints it and exits with code 2."""


class MissingExtraError(ModescopeError, ImportError):
    """An optional library is not installed; the message names the extra that brings it."""


def need(condition: bool, message: str) -> None:
    """Raises `message` as a :class:`ModescopeError` unless `condition` holds."""
    if not condition:
        raise ModescopeError(message)


def is_number(value: object) -> bool:
    """Whether `value` is a finite real number."""
    if not isinstance(value, Real) or isinstance(value, bool):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:  # a whole number beyond all floats
        return False


def is_whole(value: object, least: int) -> bool:
    """Whether `value` is an integer of at least `least`."""
    return isinstance(value, int) and not isinstance(value, bool) and value >= least


def nearest_name(kind: str, given: object, valid: Iterable[str]) -> ModescopeError:
    """An error for an unknown name, with the nearest spelling and the valid names.

    Arguments:
        kind: What the name should name, e.g. ``"method"``.
        given: What was given.
        valid: The names that exist.
    """
    names = sorted(valid)
    close = difflib.get_close_matches(str(given), names, n=1, cutoff=0.5)
    hint = f"did you mean {close[0]!r}? " if close else ""
    return ModescopeError(f"unknown {kind} {given!r}: {hint}the {kind}s are {', '.join(names)}")


def extra(module: str, name: str, purpose: str) -> ModuleType:
    """Imports an optional library, or says which extra brings it.

    Arguments:
        module: The module to import, e.g. ``"ot"``.
        name: The extra of this package that installs it.
        purpose: What it is needed for, to complete "... needs ...".
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise missing(module, name, purpose) from error


def need_extra(modules: Iterable[str], name: str, purpose: str) -> None:
    """Raises as :func:`extra` does, but imports nothing: before long work whose end needs the libraries.

    Arguments:
        modules: The libraries, by the names under which they are imported.
        name: The extra of this package that installs them.
        purpose: What they are needed for, to complete "... needs ...".
    """
    for module in modules:
        if importlib.util.find_spec(module) is None:
            raise missing(module, name, purpose)


def missing(module: str, name: str, purpose: str) -> MissingExtraError:
    """The error for a library that is not installed."""
    return MissingExtraError(f"{purpose} needs the library {module.split('.')[0]!r}: pip install 'modescope[{name}]'")
