"""What is shown while runs train."""

from modescope.runs.progress import Tally
from modescope.runs.worker import Look


def test_what_was_done_before_a_resume_counts_for_the_share_and_not_for_the_speed(monkeypatch):
    now = iter([0.0, 1.0, 2.0, 3.0, 13.0, 14.0])
    monkeypatch.setattr("modescope.runs.progress.time.monotonic", lambda: next(now))
    tally = Tally(steps=2000, members=3, modes=None)
    tally.add(Look(0, 2000, 1))  # was done before
    tally.add(Look(1, 1500, 1))  # is gone on with
    tally.add(Look(1, 1510, 1))
    tally.add(Look(1, 1610, 1))
    assert tally.rate == 10
    assert tally.done == 3610
    tally.add(Look(2, 1000, 1))  # the next is gone on with
    assert tally.rate < 10
    assert tally.done / tally.total == 4610 / 6000
