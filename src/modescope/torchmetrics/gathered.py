"""Metrics that need the samples themselves: they are kept, all of them or a random part."""

__all__ = ["Gathered", "OfNeighbours"]

import abc
from collections.abc import Callable
from typing import Any, ClassVar

import torch
from torch import Tensor

from ..core.errors import need
from ..features.base import Features
from .base import Kind, TwoSets, Values
from .rows import random_keys, settled


class Gathered(TwoSets):
    r"""Keeps the rows of both sets, and hands them to a pure function.

    With a `limit` it keeps a uniformly random part of each set, in memory that does not grow: every sample gets a
    random number, and those with the least numbers stay. The least of all processes are among the least of each, so
    the part of several processes is as uniform as that of one.

    The value depends on the set of samples, not on how they were batched, ordered or shared among processes; with a
    `limit`, on the order, as another part is kept. What chance there is in a measure comes from `seed`.

    References:
        | Weighted random sampling with a reservoir (Efraimidis & Spirakis, 2006), with equal weights
        | https://doi.org/10.1016/j.ipl.2005.11.003

    Note:
        Metrics with a `limit` that are joined by ``merge_state`` need seeds of their own, or they keep the samples of
        the same places.

    Arguments:
        limit: How many samples of each set are kept at most; all if not given.
        seed: Of the kept part, and of all further chance.
        features: See :class:`~modescope.torchmetrics.base.TwoSets`.
        reset_real_features: Whether :meth:`reset` forgets the real samples too.
        settings: Those of every `torchmetrics.Metric`.
    """

    randomised: ClassVar[bool] = True

    def __init__(
        self,
        *,
        limit: int | None = None,
        seed: int = 0,
        features: Features | Callable[[Tensor], Tensor] | None = None,
        reset_real_features: bool = True,
        **settings: Any,
    ) -> None:
        super().__init__(features=features, reset_real_features=reset_real_features, **settings)
        need(limit is None or limit >= 2, f"limit is {limit}, expected at least 2")
        need(seed >= 0, f"seed is {seed}, expected at least 0")
        self.limit, self.seed = limit, seed
        for kind in ("real", "fake"):
            self.add_state(f"{kind}_rows", [], dist_reduce_fx="cat")
            if limit is not None:
                self.add_state(f"{kind}_keys", [], dist_reduce_fx="cat")
        self._told_apart_by(id(features), reset_real_features, limit, None if limit is None else seed)

    @abc.abstractmethod
    def measure(self, real: Tensor, fake: Tensor, generator: torch.Generator) -> Values:
        """The outputs, of rows with shape `(N, D)` and `(M, D)` and a source of chance."""

    def compute(self) -> Tensor | dict[str, Tensor]:
        self._need_samples()
        return self._told(self._measured(self._held("real"), self._held("fake")))

    def _floor(self) -> Values:
        fakes = len(self._held("fake")) if int(self.fake_seen) else None
        real = settled(self._held("real"), torch.Generator().manual_seed(self.seed))
        n = len(real) // 2 if fakes is None else min(len(real) // 2, fakes)
        return self._measured(real[n:], real[:n])

    def _measured(self, real: Tensor, fake: Tensor) -> Values:
        generator = torch.Generator().manual_seed(self.seed)
        exact = torch.promote_types(real.dtype, fake.dtype)
        real, fake = real.to(exact), fake.to(exact)
        if self.randomised:
            real, fake = settled(real, generator), settled(fake, generator)
        return self.measure(real, fake, generator)

    def _held(self, kind: Kind) -> Tensor:
        """The rows of a set, not more than the limit."""
        rows = joined(getattr(self, f"{kind}_rows"))
        if self.limit is None or len(rows) <= self.limit:
            return rows
        least = joined(getattr(self, f"{kind}_keys")).topk(self.limit, largest=False).indices
        return rows[least.to(rows.device)]

    def _add(self, kind: Kind, rows: Tensor, first: int) -> None:
        held = getattr(self, f"{kind}_rows")
        for other in ("real", "fake"):
            for known in getattr(self, f"{other}_rows")[:1]:
                shapes = tuple(rows.shape[1:]), tuple(known.shape[1:])
                need(shapes[0] == shapes[1], f"batch has rows of shape {shapes[0]} after {shapes[1]}")
        setattr(self, f"{kind}_rows", [*held, rows])
        if self.limit is not None:
            keys = random_keys(self.seed, first, len(rows)).to(rows.device)
            setattr(self, f"{kind}_keys", [*getattr(self, f"{kind}_keys"), keys])
            self._compact(kind)

    def _compact(self, kind: Kind) -> None:
        if self.limit is None:
            return
        keys = joined(getattr(self, f"{kind}_keys"))
        if len(keys) > 2 * self.limit:  # not each time: it copies the rows
            rows = joined(getattr(self, f"{kind}_rows"))
            keys, least = keys.topk(self.limit, largest=False)
            setattr(self, f"{kind}_keys", [keys])
            setattr(self, f"{kind}_rows", [rows[least.to(rows.device)]])


class OfNeighbours(Gathered):
    r"""A measure by the balls to the :math:`k`-th neighbour.

    Arguments:
        k: Which neighbour sets the radius.
        settings: See :class:`Gathered`.
    """

    randomised = False
    plot_lower_bound = 0.0

    def __init__(self, k: int, **settings: Any) -> None:
        super().__init__(**settings)
        need(k >= 1, f"k is {k}, expected at least 1")
        self.k = k

    @property
    def protocol(self) -> str:
        return f"k{self.k}"


def joined(state: list[Tensor] | Tensor) -> Tensor:
    """The rows of a list, or of what it became when processes were gathered."""
    if isinstance(state, Tensor):
        return state
    if not state:
        return torch.zeros(0, 0)
    return torch.cat([part.to(state[0].device) for part in state])
