"""What is used without being changed: networks of the user's, and the random numbers of all."""

__all__ = ["evaluated", "untouched_randomness"]

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import nn


@contextmanager
def untouched_randomness() -> Iterator[None]:
    """Puts the states of the global random numbers of Python, NumPy and PyTorch back as they were."""
    devices = range(torch.cuda.device_count()) if torch.cuda.is_initialized() else ()
    python, numpy = random.getstate(), np.random.get_state()
    with torch.random.fork_rng(devices):
        try:
            yield
        finally:
            random.setstate(python)
            np.random.set_state(numpy)


@contextmanager
def evaluated(function: Callable[..., Any]) -> Iterator[None]:
    """Has a module compute in evaluation mode, and leaves each part of it in the mode it was in; functions as they are.

    ``module.train()`` would not do: it also turns on parts that their owner had turned off, such as frozen layers.
    """
    parts = list(function.modules()) if isinstance(function, nn.Module) else []
    modes = [part.training for part in parts]
    try:
        if isinstance(function, nn.Module):
            function.eval()
        yield
    finally:
        for part, training in zip(parts, modes, strict=True):
            part.training = training
