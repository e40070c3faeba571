"""The monitor as a callback of Lightning, whichever of its two packages is there."""

__all__ = ["CollapseCallback"]

import sys
from collections.abc import Callable
from functools import partial
from importlib.util import find_spec
from typing import Any

from torch import Tensor

from ..core.errors import extra, need
from .alarm import Event
from .monitor import CollapseMonitor

PACKAGES = ("lightning.pytorch", "pytorch_lightning")


def callback_bases() -> tuple[type, ...]:
    """The class ``Callback`` of the package that is in use, or else of the first that is installed.

    The two packages have a class each, and a trainer takes its own; where both are in use, so is this callback.
    """
    names = [name for name in PACKAGES if name in sys.modules]
    if not names:
        names = [name for name in PACKAGES if find_spec(name.split(".")[0]) is not None][:1] or [PACKAGES[0]]
    return tuple(extra(name, "lightning", "the Lightning callback").Callback for name in names)


class CollapseCallback(*callback_bases()):  # type: ignore[misc]
    """Watches the generator of a Lightning module while it trains.

    >>> from modescope.monitor.lightning import CollapseCallback  # doctest: +SKIP
    >>> alarm = CollapseCallback(lambda module: module.generator(module.z), real=loader)  # doctest: +SKIP
    >>> trainer = lightning.Trainer(callbacks=[alarm])  # doctest: +SKIP

    After each look it logs the measures by ``pl_module.log_dict``, so they go where the trainer's logger goes. The
    monitor's state is in the trainer's checkpoints. With several processes the first one watches.

    Arguments:
        fakes: The name of an attribute of the module that holds the latest fakes, or a function of the module that
            makes some, which is only called when a look is due.
        monitor: The monitor; one is made of the other settings if not given.
        stop: Whether training stops at a collapse, at being stuck, or at fakes that are not finite.
        on_event: Called with the event, the trainer and the module.
        settings: Of :class:`modescope.CollapseMonitor`, such as ``real=loader``.
    """

    def __init__(
        self,
        fakes: str | Callable[[Any], Tensor],
        *,
        monitor: CollapseMonitor | None = None,
        stop: bool = False,
        on_event: Callable[[Event, Any, Any], object] | None = None,
        **settings: Any,
    ) -> None:
        need(isinstance(fakes, str) or callable(fakes), f"fakes is {fakes!r}, expected a name or a function")
        need(
            monitor is None or not settings,
            f"settings {sorted(settings)} go to the monitor, which was given: set them there",
        )
        self.fakes, self.stop, self.on_event = fakes, stop, on_event
        self.monitor = monitor or CollapseMonitor(**settings)
        self.values: dict[str, float] = {}
        self.monitor.log_to(self.keep)

    def keep(self, values: dict[str, float], step: int) -> None:
        """Holds what the monitor would log until the module can log it."""
        self.values = values

    def on_train_batch_end(self, trainer: Any, pl_module: Any, *args: Any, **kwargs: Any) -> None:
        event = None
        if trainer.is_global_zero:
            event = self.monitor.watch(self.source(pl_module), step=trainer.global_step)
        if self.values:
            pl_module.log_dict(self.values, on_step=True, on_epoch=False, rank_zero_only=True)
            self.values = {}
        if event is not None and self.on_event is not None:
            self.on_event(event, trainer, pl_module)
        if self.stop:
            ends = event is not None and event.kind != "recovered"
            trainer.should_stop = trainer.strategy.reduce_boolean_decision(trainer.should_stop or ends, all=False)

    def source(self, module: Any) -> Tensor | Callable[[], Tensor]:
        """The fakes, or what makes them."""
        if not isinstance(self.fakes, str):
            return partial(self.fakes, module)
        need(hasattr(module, self.fakes), f"{type(module).__name__} has no attribute {self.fakes!r} that holds fakes")
        found: Tensor = getattr(module, self.fakes)
        return found

    def state_dict(self) -> dict[str, Any]:
        return self.monitor.state_dict()

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.monitor.load_state_dict(state_dict)
