"""What the metrics share: real and fake batches in, named numbers out."""

__all__ = ["Kind", "Measured", "Outputs", "TwoSets", "Values", "collection"]

import abc
import hashlib
import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor

from ..core.errors import need
from ..core.untouched import evaluated
from ..features.base import Features
from ..metrics.neighbours import check_points
from .imported import Metric, MetricCollection
from .rows import gather

Kind = Literal["real", "fake"]
Outputs = dict[str, bool | None]
Values = Mapping[str, Tensor | float]


def collection(*metrics: "Measured", **settings: Any) -> MetricCollection:
    """A `MetricCollection` whose keys are the metrics' names, so that two settings of a metric stand side by side.

    Metrics that hold the same samples hold them once: torchmetrics finds that out, and updates one for all of them.

    Arguments:
        metrics: The metrics.
        settings: Of `MetricCollection`, such as ``prefix``.

    Raises:
        ModescopeError: If two have the same name.
    """
    names = [metric.name for metric in metrics]
    twice = sorted({name for name in names if names.count(name) > 1})
    need(not twice, f"two metrics are named {', '.join(twice)}, expected names of their own")
    return MetricCollection(dict(zip(names, metrics, strict=True)), **settings)


class Measured(Metric, abc.ABC):
    """A metric with named outputs: one gives a scalar tensor, several a dictionary of them, in float64.

    Attributes:
        outputs: Each output, and whether higher is better; None if it should be as of real samples.
        family: The name without the protocol.
    """

    is_differentiable = False
    full_state_update = False

    outputs: ClassVar[Outputs] = {}
    family: ClassVar[str] = ""

    def __init_subclass__(cls, **settings: Any) -> None:
        super().__init_subclass__(**settings)
        directions = set(cls.outputs.values())
        if "higher_is_better" not in vars(cls):
            cls.higher_is_better = directions.pop() if len(directions) == 1 else None
        if len(cls.outputs) == 1:
            cls.family = next(iter(cls.outputs))

    def __init__(self, **settings: Any) -> None:
        super().__init__(**{"dist_sync_fn": gather, **settings})

    @property
    def protocol(self) -> str:
        """The settings that change the number, as they stand in its name."""
        return ""

    @property
    def name(self) -> str:
        """The name with the protocol, the key in a :func:`collection`."""
        return self._with_protocol(self.family)

    def plot(self, val: Any = None, ax: Any = None) -> Any:
        """The figure and axes of a value, or of a list of them; of :meth:`compute` if none is given."""
        return self._plot(val, ax)

    @contextmanager
    def sync_context(self, *arguments: Any, should_unsync: bool = True, **settings: Any) -> Iterator[None]:
        """As in the library, but a measure that fails leaves each process with its own samples again."""
        self.sync(*arguments, **settings)
        try:
            yield
        finally:
            self.unsync(should_unsync=self._is_synced and should_unsync)

    def _with_protocol(self, word: str) -> str:
        # A module's name, as in a collection, holds no point.
        return f"{word}_{self.protocol}".replace(".", "_") if self.protocol else word

    def _told(self, values: Values) -> Tensor | dict[str, Tensor]:
        """The outputs as users get them."""
        exact = {
            output: torch.as_tensor(values[output], dtype=torch.float64, device=self.device) for output in self.outputs
        }
        if len(exact) == 1:
            return next(iter(exact.values()))
        return {self._with_protocol(output): value for output, value in exact.items()}


class TwoSets(Measured):
    """A metric of two sets: :meth:`update` takes a batch of one, :meth:`compute` measures the fakes.

    States are sums or lists of rows. They are replaced, never changed in place: metrics of a collection share them.

    Arguments:
        features: What turns a batch into rows: features of this package (which take uint8 images, or floats in
            [0, 1]), or any module or function, called on the batch as it is, in evaluation mode; none if batches are
            rows already.
        reset_real_features: Whether :meth:`reset` forgets the real samples too.
        settings: Those of every `torchmetrics.Metric`.
    """

    needs_real: bool = True
    real_seen: Tensor
    fake_seen: Tensor

    def __init__(
        self,
        *,
        features: Features | Callable[[Tensor], Tensor] | None = None,
        reset_real_features: bool = True,
        **settings: Any,
    ) -> None:
        super().__init__(**settings)
        need(features is None or callable(features), f"features is {features!r}, expected something to call on a batch")
        self.features = features
        self.reset_real_features = reset_real_features
        self._before = 0  # fakes before the batch that `forward` measures
        for kind in ("real", "fake"):
            self.add_state(f"{kind}_seen", torch.zeros((), dtype=torch.int64), dist_reduce_fx="sum")
        self._told_apart_by(id(features), reset_real_features)

    def update(self, batch: Tensor, real: bool) -> None:
        """Adds a batch.

        Arguments:
            batch: Rows with shape `(N, D)`, or what `features` takes.
            real: Whether the samples are real.

        Raises:
            ModescopeError: If the rows have another shape, or are not finite.
        """
        rows = self._embedded(batch)
        if rows.dtype in (torch.float16, torch.bfloat16):
            rows = rows.float()
        self._check(rows)
        kind: Kind = "real" if real else "fake"
        seen = getattr(self, f"{kind}_seen")
        first = int(seen) + (0 if real else self._before)
        self._add(kind, rows, first)
        setattr(self, f"{kind}_seen", seen + len(rows))

    def forward(self, batch: Tensor, real: bool) -> Tensor | dict[str, Tensor]:
        """Adds a batch and gives its own value: of fakes, against all real samples held; of real samples, NaN."""
        if real:
            self.update(batch, real=True)
            return self._told(dict.fromkeys(self.outputs, math.nan))
        held = {state: getattr(self, state) for state in self._defaults if state.startswith("fake")}
        self._before = int(held["fake_seen"])
        self._to_sync = self.dist_sync_on_step
        for state, rows in held.items():
            setattr(self, state, [] if isinstance(rows, list) else torch.zeros_like(rows))
        try:
            self.update(batch, real=False)
            value: Tensor | dict[str, Tensor] = self.compute()
        finally:
            for state, rows in held.items():
                setattr(self, state, rows + getattr(self, state))
            self._compact("fake")
            self._before = 0
            self._to_sync = self.sync_on_compute
            self._computed = None
        return value

    @abc.abstractmethod
    def compute(self) -> Tensor | dict[str, Tensor]:
        """The value for all samples so far, of all processes: a scalar tensor, or a dictionary of them.

        Raises:
            ModescopeError: If there are no samples, or too few.
        """

    def floor(self) -> Tensor | dict[str, Tensor]:
        """What real samples score against other real ones: a part of those held takes the place of the fakes.

        It is as many as there are fakes, and at most half; always half where only sums are kept. Hold twice as many
        real samples as fakes, and the fakes' place is filled as in :meth:`compute`; a floor of fewer samples is
        farther from perfect.

        Raises:
            ModescopeError: If there are not two real samples.
        """
        with self.sync_context(dist_sync_fn=self.dist_sync_fn, should_sync=self._to_sync):
            count = int(self.real_seen)
            need(count >= 2, f"the floor of {self.name} splits the real samples in two, and {count} are held")
            return self._told(self._floor())

    def reset(self) -> None:
        """Forgets all samples; not the real ones, if so told at the start."""
        kept = {} if self.reset_real_features else {s: getattr(self, s) for s in self._defaults if s.startswith("real")}
        for state, default in self._defaults.items():
            if isinstance(default, list):
                setattr(self, state, [])  # so that a list that others hold is not cleared
        super().reset()
        for state, value in kept.items():
            setattr(self, state, value)

    @abc.abstractmethod
    def _add(self, kind: Kind, rows: Tensor, first: int) -> None:
        """Adds rows to a state; the first is number `first` of its kind in this process."""

    @abc.abstractmethod
    def _compact(self, kind: Kind) -> None:
        """Makes a state small again after two were put together."""

    @abc.abstractmethod
    def _floor(self) -> Values:
        """The measure of real samples in the fakes' place."""

    def _check(self, rows: Tensor) -> None:
        """Raises a ModescopeError unless these are rows that the metric takes."""
        check_points("batch", rows)

    def _need_samples(self) -> None:
        for kind in ("real", "fake") if self.needs_real else ("fake",):
            held = int(getattr(self, f"{kind}_seen"))
            need(held > 0, f"{self.name} holds no {kind} samples: call update(batch, real={kind == 'real'}) first")

    def _told_apart_by(self, *settings: object) -> None:
        """Metrics of a collection share their states if these are equal after one batch; so settings are states."""
        mark = hashlib.sha256(repr(settings).encode()).digest()
        self.add_state("settings", torch.tensor(list(mark)), dist_reduce_fx="max")

    @torch.no_grad()
    def _embedded(self, batch: Tensor) -> Tensor:
        if self.features is None:
            rows = batch
        elif isinstance(self.features, Features):
            rows = self.features(_bytes(batch) if self.features.images or batch.ndim == 4 else batch)
        else:
            with evaluated(self.features):
                rows = self.features(batch)
        need(isinstance(rows, Tensor), f"features gave a {type(rows).__name__}, expected a tensor")
        whole = rows.ndim > 0 and len(rows) == len(batch)
        need(whole, f"features gave shape {tuple(rows.shape)} for {len(batch)} samples, expected a row for each")
        return rows.detach().to(self.device)


def _bytes(images: Tensor) -> Tensor:
    """Images as the features of this package take them: uint8."""
    if not images.is_floating_point():
        return images
    low, high = images.min().item(), images.max().item()
    need(low >= 0 and high <= 1, f"batch has values from {low:.4g} to {high:.4g}, expected uint8 or floats in [0, 1]")
    return (images * 255).round().to(torch.uint8)
