"""What wrappers need to compose: names that do not clash, and one sentence for what is not defined."""

__all__ = ["need_fit", "own_key"]

from collections.abc import Callable

from ..core import Method, Wrapper
from ..core.errors import need
from ..core.method import layers


def own_key(wrapper: Wrapper, name: str) -> str:
    """A name for a wrapper's own noise or memory that no other layer of its chain uses.

    Arguments:
        wrapper: The wrapper.
        name: The name within the wrapper.
    """
    depth = sum(type(layer) is type(wrapper) for layer in layers(wrapper))
    return f"{type(wrapper).__name__}{depth}.{name}"


def need_fit(wrapper: Wrapper, fits: Callable[[Method], bool], reason: str) -> None:
    """Raises a `ModescopeError` unless a wrapper's base is one that it is defined for.

    Arguments:
        wrapper: The wrapper.
        fits: Whether a method may be wrapped.
        reason: Why others may not, to complete "... is not defined, since ...".
    """
    names = [type(layer).__name__ for layer in layers(wrapper)]
    swap = isinstance(wrapper.base, Wrapper) and names[0] != names[1] and fits(wrapper.base.base)
    hint = f"; {names[1]} over {names[0]} over {' over '.join(names[2:])} is" if swap else ""
    need(fits(wrapper.base), f"{' over '.join(names)} is not defined, since {reason}{hint}")
