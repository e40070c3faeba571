"""Wrappers whose critics compare the samples of a batch."""

__all__ = ["BatchStatistics"]

import abc
from dataclasses import dataclass, field
from typing import ClassVar

from ..core import Builder, Method, Space, Wrapper
from ..core.method import Changes
from ..nets.batch_layers import BatchLayer, before_last
from .composition import need_fit
from .gan import GAN


@dataclass(frozen=True, kw_only=True)
class BatchStatistics(Wrapper):
    """Puts a layer before the last one of every critic.

    Arguments:
        base: The method whose critics gain the layer.
    """

    changes: ClassVar[Changes] = "critic"

    kind: ClassVar[str]  # the layer's class in nets.batch_layers

    base: Method = field(default_factory=GAN)

    def __post_init__(self) -> None:
        super().__post_init__()
        need_fit(self, lambda method: bool(method.critics), "no network of its base scores samples alone")

    @abc.abstractmethod
    def layer(self, features: int) -> BatchLayer:
        """The layer, for that many features."""

    def networks(self, space: Space) -> dict[str, Builder]:
        builders = self.base.networks(space)
        return {**builders, **{role: before_last(builders[role], self.kind, self.layer) for role in self.critics}}

    def rows(self, batch_size: int) -> int:
        """The number of rows that the critics see at once."""
        return batch_size // self.base.at_once
