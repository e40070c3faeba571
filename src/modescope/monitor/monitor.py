"""The alarm that a training loop calls."""

__all__ = ["CollapseMonitor"]

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

import torch
from torch import Tensor

from ..core.errors import is_number, is_whole, need
from ..core.untouched import untouched_randomness
from .alarm import Alarm, Event, Level
from .embed import Embedding
from .loggers import PREFIX, Write, writer_of
from .measures import WITHOUT_REAL, Yardstick, diversity
from .reals import real_features
from .schedule import Schedule

LEAST = 32  # samples in a window
DRAWS = 60  # windows of real samples, to know their level
PARTS = 4  # real samples should fill so many windows, or windows are smaller
KEPT = 10_000  # looks in the history, and as many events


class CollapseMonitor:
    r"""Watches the fakes of a training loop, and tells when their diversity falls.

    >>> import torch, modescope as ms
    >>> monitor = ms.CollapseMonitor(torch.randn(2000, 2), every=1)
    >>> for step in range(60):
    ...     width = 1.0 if step < 40 else 0.1
    ...     if event := monitor.watch(width * torch.randn(256, 2), step=step):
    ...         print(event.kind)
    collapse

    It gathers a window of fakes from consecutive calls, takes the measures of
    :func:`modescope.monitor.measures.diversity`, and holds them against their own best level and against real samples,
    by the sequential test of :mod:`modescope.monitor.alarm`: if no measure truly falls by more than `tolerance`, a run
    of any length has a false alarm with a probability of at most `alpha`.

    Most calls return at once: looks take at most `budget` of the time. Memory is bounded. Fakes are detached, features
    are taken without gradients, and no random number of PyTorch, NumPy or Python is used up, so training goes on
    bit for bit as it would without.

    Note:
        Without real samples the monitor knows only the past: fakes that at first spread farther than the data do, and
        then come back, have fallen too; and a generator that never covered its data cannot be told. Give it some.
        The looks of a window share one state of the generator as long as the window fills within few steps.

    Arguments:
        real: Real samples: a tensor, an array, a loader, ``function(count)``, a path, or the name of a data set, in the
            range of the fakes. At most 4,096 are looked at, of a loader the first. Fewer than four windows of them
            make the windows smaller.
        features: A function from samples to vectors `(B, F)` in which distances mean something; if not given, points
            as they are and images by an untrained network.
        alpha: How often, at most, a healthy run has a false alarm.
        tolerance: The fall that is no matter, as a share of the reference.
        shortfall: How far below the level of real samples a generator may settle, as a share.
        budget: The share of the time that looks may take.
        every: Look at every so many calls instead, to be the same on any machine.
        window: Fakes in a look.
        warmup: The first looks, which are not remembered.
        pixels: Black and white in images of floats, in case that other images are of 8 bits.
        seed: Of what the monitor draws itself.

    Attributes:
        history: The last 10,000 looks, as dictionaries of the step and the measures.
        events: The last events.
    """

    def __init__(
        self,
        real: Any = None,
        *,
        features: Callable[[Tensor], Tensor] | None = None,
        alpha: float = 0.05,
        tolerance: float = 0.25,
        shortfall: float = 0.4,
        budget: float = 0.02,
        every: int | None = None,
        window: int = 256,
        warmup: int = 5,
        pixels: tuple[float, float] = (-1.0, 1.0),
        seed: int = 0,
    ) -> None:
        for name, value in (("alpha", alpha), ("tolerance", tolerance), ("shortfall", shortfall), ("budget", budget)):
            need(is_number(value) and 0 < value < 1, f"{name} is {value!r}, expected a number between 0 and 1")
        need(every is None or is_whole(every, 1), f"every is {every!r}, expected a whole number of at least 1")
        need(is_whole(window, LEAST), f"window is {window!r}, expected a whole number of at least {LEAST}")
        need(is_whole(seed, 0) and seed < 2**63, f"seed is {seed!r}, expected a whole number from 0 to 2^63 - 1")
        need(features is None or callable(features), f"features is {features!r}, expected a function of a batch")
        need(is_whole(warmup, 0), f"warmup is {warmup!r}, expected a whole number that is 0 or above")
        self.generator = torch.Generator().manual_seed(seed)
        self.embedding = Embedding(features, pixels, seed)
        self.schedule = Schedule(budget, every)
        self.window = window
        self.yardstick: Yardstick | None = None
        levels = self.study(real) if real is not None else None
        names = list(levels or WITHOUT_REAL)
        self.alarm = Alarm(names, alpha, tolerance, shortfall, warmup, levels)
        self.gathered: list[Tensor] = []
        self.history: deque[dict[str, float]] = deque(maxlen=KEPT)
        self.events: deque[Event] = deque(maxlen=KEPT)
        self.writers: list[Write] = []

    def study(self, real: Any) -> dict[str, Level]:
        """Learns from real samples what distances mean, and what they score in the fakes' place."""
        features = real_features(real, self.embedding, self.generator)
        count = len(features)
        need(count >= PARTS * LEAST, f"real holds {count} samples, expected at least {PARTS * LEAST}")
        self.window = min(self.window, count // PARTS)
        self.yardstick = Yardstick.of(features, self.window, self.generator)
        found = []
        for _ in range(DRAWS):
            rows = torch.randperm(count, generator=self.generator)[: self.window]
            found.append(diversity(features[rows], self.yardstick))
        taken = [name for name in found[0] if all(name in each for each in found)]
        return {name: Level.of([each[name] for each in found], steady=True) for name in taken}

    def watch(self, fakes: Tensor | Callable[[], Tensor], step: int | None = None) -> Event | None:
        """Takes the fakes of a step, and tells if something happened.

        Arguments:
            fakes: Samples of the generator, with the batch along the first axis, of any length, dtype and device; or a
                function that makes them, which is only called, without gradients, when a look is due, and whose random
                numbers are put back. What else it changes, such as the averages of batch normalisation, stays changed.
            step: Where training is; the number of this call, from 0 on, if not given.

        Returns:
            An event, or most of the time None.

        Raises:
            ModescopeError: If the fakes are not samples of one kind.
        """
        step = self.schedule.calls if step is None else int(step)
        if not self.schedule.due():
            return None
        if isinstance(fakes, Tensor) and fakes.is_cuda:
            torch.cuda.current_stream(fakes.device).synchronize()  # what training still has to do is not our time
        with self.schedule.timed():
            event = self.look(fakes if isinstance(fakes, Tensor) else made_by(fakes), step)
        return event

    def look(self, fakes: Tensor, step: int) -> Event | None:
        """Adds fakes to the window, and judges it when it is full."""
        need(
            isinstance(fakes, Tensor) and fakes.ndim >= 2 and 0 not in fakes.shape,
            f"fakes are a {type(fakes).__name__} {tuple(getattr(fakes, 'shape', ()))}, expected a tensor with samples "
            "along the first axis",
        )
        missing = self.window - sum(map(len, self.gathered))
        if len(fakes) > missing:
            rows = torch.randperm(len(fakes), generator=self.generator)[:missing]
            fakes = fakes.detach()[rows.to(fakes.device)]
        features = self.embedding(fakes)
        bad = int((~features.isfinite().all(1)).sum())
        if bad:
            self.finish()
            return self.tell(self.alarm.diverge(step, bad, len(fakes)), {}, step)
        self.gathered.append(features)
        if len(fakes) < missing:
            return None
        values = diversity(torch.cat(self.gathered), self.yardstick)
        self.finish()
        event = self.alarm.update(step, values)
        self.history.append({"step": step, **values})
        return self.tell(event, values, step)

    def finish(self) -> None:
        """Ends a look."""
        self.gathered.clear()
        self.schedule.close()

    def tell(self, event: Event | None, values: Mapping[str, float], step: int) -> Event | None:
        """Writes a look to the loggers, and keeps its event."""
        for write in self.writers:
            write(self.logged(values), step)
        if event is not None:
            self.events.append(event)
        return event

    def logged(self, values: Mapping[str, float]) -> dict[str, float]:
        """What loggers get: the measures, the least of them over its reference, and whether an alarm is on."""
        references = {name: level.value for name, level in self.alarm.references.items() if level.value > 0}
        shares = [values[name] / references[name] for name in references.keys() & values.keys()]
        level = {f"{PREFIX}level": min(shares)} if shares else {}
        measures = {f"{PREFIX}{name}": value for name, value in values.items()}
        return {**measures, **level, f"{PREFIX}alarm": float(self.alarm.raised is not None)}

    def log_to(self, *targets: Any) -> "CollapseMonitor":
        """Writes each look to loggers; see :func:`modescope.monitor.loggers.writer_of` for what they may be.

        Returns:
            The monitor itself.
        """
        self.writers += [writer_of(target) for target in targets]
        return self

    @property
    def healthy(self) -> bool:
        """Whether, at the last look, all measures were close to their references, and no alarm is on."""
        return self.alarm.raised is None and self.alarm.healthy

    @property
    def overhead(self) -> float:
        """The share of the time since the first call that looks took."""
        return self.schedule.share

    def rearm(self, forget: bool = False) -> None:
        """Tells the monitor that the generator was put back or changed: the next fall rings anew.

        Arguments:
            forget: Whether to forget what diversity used to be, too.
        """
        self.finish()
        if forget:
            self.alarm.forget()
        else:
            self.alarm.rearm()

    def state_dict(self) -> dict[str, Any]:
        """All that a resumed run needs to go on as if never stopped: tensors and plain data.

        Looks by the clock go on by the clock; with `every` they are the same bit for bit.
        """
        yardstick = self.yardstick
        return {
            "alarm": self.alarm.state(),
            "generator": self.generator.get_state(),
            "gathered": [part.clone() for part in self.gathered],
            "window": self.window,
            "calls": self.schedule.calls,
            "open": self.schedule.open,
            "yardstick": None if yardstick is None else dict(vars(yardstick)),
            "history": [dict(look) for look in self.history],
            "events": [asdict(event) for event in self.events],
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Goes back to a state of a monitor with the same arguments.

        Raises:
            ModescopeError: If it is none, or of a monitor of other measures, as with real samples and without.
        """
        need(isinstance(state, Mapping) and "alarm" in state, "the state is none of a CollapseMonitor")
        saved, own = list(state["alarm"]["fall"][1]), list(self.alarm.fall.sums)
        need(
            saved == own,
            f"the state is of a monitor of {', '.join(saved)}, expected {', '.join(own)}: were real samples given?",
        )
        self.alarm.restore(state["alarm"])
        self.generator.set_state(state["generator"].cpu())
        self.gathered = [part.clone() for part in state["gathered"]]
        self.window = state["window"]
        self.schedule.resume(state["calls"], state["open"])
        self.yardstick = None if state["yardstick"] is None else Yardstick(**state["yardstick"])
        self.history = deque(state["history"], maxlen=KEPT)
        self.events = deque((Event(**event) for event in state["events"]), maxlen=KEPT)


def made_by(make: Callable[[], Tensor]) -> Tensor:
    """What a function makes, without gradients and with all random numbers put back."""
    need(callable(make), f"fakes are a {type(make).__name__}, expected a tensor or a function that makes one")
    with untouched_randomness(), torch.no_grad():
        return make()
