"""What the fields of a data set must be, told in one sentence where they are not."""

__all__ = ["nested", "not_negative", "per_component", "positive", "vector", "whole"]

from typing import Any

from ..core.errors import ModescopeError, is_number, is_whole, need


def positive(name: str, value: Any) -> None:
    """Raises unless `value` is a finite number above 0."""
    need(is_number(value) and value > 0, f"{name} is {value!r}, expected a positive number")


def not_negative(name: str, value: Any) -> None:
    """Raises unless `value` is a finite number, 0 or above."""
    need(is_number(value) and value >= 0, f"{name} is {value!r}, expected a number that is 0 or above")


def whole(name: str, value: Any, least: int = 1) -> None:
    """Raises unless `value` is an integer of at least `least`."""
    need(is_whole(value, least), f"{name} is {value!r}, expected a whole number of at least {least}")


def nested(value: Any) -> Any:
    """`value` with lists, arrays and tensors turned into tuples, at any depth, so that it can be hashed."""
    value = value.tolist() if hasattr(value, "tolist") else value
    return tuple(nested(entry) for entry in value) if isinstance(value, list | tuple) else value


def vector(name: str, value: Any, least: int = 1) -> tuple[float, ...]:
    """`value` as a tuple of at least `least` finite numbers."""
    found = nested(value)
    if not isinstance(found, tuple) or len(found) < least:
        raise ModescopeError(f"{name} is {value!r}, expected a list of at least {least} numbers")
    for entry in found:
        need(is_number(entry), f"{name} holds {entry!r}, expected finite numbers")
    return tuple(map(float, found))


def per_component(name: str, value: Any, count: int) -> tuple[float, ...]:
    """`value` as one positive number for each of `count` components."""
    numbers = vector(name, value)
    need(len(numbers) == count, f"{name} has {len(numbers)} entries, expected {count}, one for each mean")
    for i, number in enumerate(numbers):
        positive(f"{name}[{i}]", number)
    return numbers
