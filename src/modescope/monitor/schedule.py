"""When to look: every so many calls, or as often as a share of the time allows."""

__all__ = ["Schedule"]

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class Schedule:
    """Says at each call whether a look is due, and keeps the time that looks take.

    A look may take several calls, until enough samples are gathered. By the clock, a share of the time that goes by is
    saved up, and a look is due when there is enough for one that takes as long as the last. So looks take no more than
    their share; only the first, whose price nobody knows, is taken on credit. Nothing is saved beyond one look: a long
    pause is followed by one, not by many.

    Arguments:
        budget: The share of the time that looks may take.
        every: Look at every so many calls instead, whatever the time.
        clock: Tells the time in seconds.
    """

    def __init__(self, budget: float, every: int | None = None, clock: Callable[[], float] = time.perf_counter) -> None:
        self.budget, self.every, self.clock = budget, every, clock
        self.spent = self.saved = self.price = self.cost = 0.0  # seconds; the cost of this look, the price of the last
        self.resume(0, False)

    def resume(self, calls: int, is_open: bool) -> None:
        """Goes on after so many calls, in the middle of a look or not; the clock starts with the next call."""
        self.calls, self.open = calls, is_open
        self.first: float | None = None  # the time of the first call

    def due(self) -> bool:
        """Counts a call; whether this one should look."""
        now = self.clock()
        if self.first is None:
            self.first = self.last = now
        if self.every is not None:
            self.open = self.open or self.calls % self.every == 0
        else:
            self.saved = min(self.price, self.saved + self.budget * (now - self.last))
            self.open = self.open or self.saved >= self.price
        self.calls, self.last = self.calls + 1, now
        return self.open

    @contextmanager
    def timed(self) -> Iterator[None]:
        """Charges what happens within."""
        started = self.clock()
        try:
            yield
        finally:
            taken = self.clock() - started
            self.spent += taken
            self.cost += taken
            self.saved -= taken

    def close(self) -> None:
        """The look is done."""
        self.open, self.price, self.cost = False, self.cost, 0.0

    @property
    def share(self) -> float:
        """The share of the time between the first call and the last that looks took."""
        passed = 0.0 if self.first is None else self.last - self.first
        return self.spent / passed if passed > 0 else 0.0
