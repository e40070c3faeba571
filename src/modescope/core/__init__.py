"""The contract of a method, and the engine that trains a population."""

from .errors import MissingExtraError, ModescopeError
from .method import Method, OnePlayer, TwoPlayer, Wrapper
from .networks import Batch, Layout, Networks, Player, input_gradient
from .space import Builder, Space

__all__ = [
    "Batch",
    "Builder",
    "Layout",
    "Method",
    "MissingExtraError",
    "ModescopeError",
    "Networks",
    "OnePlayer",
    "Player",
    "Space",
    "TwoPlayer",
    "Wrapper",
    "input_gradient",
]
