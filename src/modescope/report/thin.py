"""Choosing fewer of many, evenly."""

__all__ = ["evenly"]

import numpy as np


def evenly(count: int, most: int) -> np.ndarray:
    """The indices of at most `most` of `count` things at even distances, the first and the last among them."""
    if count <= most:
        return np.arange(count)
    return np.linspace(0, count - 1, most).round().astype(int)
