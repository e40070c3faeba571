"""What a paper states, what is right, and the numbers that decide."""

__all__ = ["Statement", "plain"]

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Statement:
    """One statement of a paper, put to the test.

    Attributes:
        claim: What it is about, in a few words.
        printed: What the paper prints.
        right: The statement as it should read.
        evidence: The numbers, by what they are.
        holds: Whether the numbers bear out what is printed.
        verified: Whether the numbers bear out what is right.
    """

    claim: str
    printed: str
    right: str
    evidence: Mapping[str, float]
    holds: bool
    verified: bool


def plain(weight: float) -> str:
    """A weight between 0 and 1 to six decimals, without a power of ten or trailing zeros."""
    return f"{weight:.6f}".rstrip("0")
