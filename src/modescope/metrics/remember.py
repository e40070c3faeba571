"""Remembers what is dear to compute, in this process."""

__all__ = ["remember"]

from collections.abc import Callable
from functools import lru_cache, wraps
from typing import TypeVar

Value = TypeVar("Value")


def remember(function: Callable[..., Value]) -> Callable[..., Value]:
    """Caches a function by its arguments; with arguments that cannot be hashed it computes anew."""
    cached = lru_cache(maxsize=1024)(function)

    @wraps(function)
    def call(*arguments: object) -> Value:
        try:
            hash(arguments)
        except TypeError:
            return function(*arguments)
        return cached(*arguments)

    return call
