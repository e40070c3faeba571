"""What every method holds, as checks that an author runs on a method of their own.

In a test of your own::

    from modescope.testing import check_method

    def test_my_method() -> None:
        check_method(MyMethod())
"""

from typing import Any

from ..core.method import Method
from .case import Case, distance, expect, generator, glimpse, moved, rows, same_bits
from .checks import (
    CHECKS,
    check_config,
    check_divergence,
    check_gradients,
    check_losses,
    check_observations,
    check_parts,
    check_recording,
    check_resume,
    check_roles,
    check_samples,
    check_stack,
    check_start,
    check_sweeps,
    check_training,
    check_wrappers,
)

__all__ = [
    "CHECKS",
    "Case",
    "check_method",
    "check_roles",
    "check_losses",
    "check_gradients",
    "check_stack",
    "check_recording",
    "check_resume",
    "check_parts",
    "check_sweeps",
    "check_start",
    "check_samples",
    "check_observations",
    "check_config",
    "check_training",
    "check_divergence",
    "check_wrappers",
    "distance",
    "expect",
    "generator",
    "glimpse",
    "moved",
    "rows",
    "same_bits",
]


def check_method(method: Method, **options: Any) -> None:
    """Runs every check on a method.

    Arguments:
        method: The method.
        options: Fields of :class:`Case`, where its defaults do not suit.

    Raises:
        AssertionError: If the method breaks the contract, saying how.
    """
    for check in CHECKS:
        check(Case(method=method, **options))
