"""How often the alarm rings in healthy runs, how often in collapsing ones, and how late.

``python -m benchmarks.alarm [RUNS] [FILE]`` simulates generators on a ring of 8 Gaussians, 70 runs of 150 looks of each
healthy kind with real samples, 35 without, and 20 and 10 of each collapsing kind, and writes docs/monitor.json. A look
is a call with 256 fakes.
"""

import json
import math
import statistics
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from scipy.stats import binomtest
from torch import Tensor

import modescope as ms
from modescope.core.files import atomic_write

LOOKS, WINDOW, START = 150, 256, 60
MODES = 8


@dataclass(frozen=True)
class Fakes:
    """What a generator makes at a look.

    Arguments:
        weights: How much of the fakes each mode gets.
        radius: Of the ring.
        sigma: The width of a mode.
        turn: The angle by which the ring is turned, in radians.
    """

    weights: tuple[float, ...] = (1.0,) * MODES
    radius: float = 1.0
    sigma: float = 0.05
    turn: float = 0.0

    def draw(self, generator: torch.Generator, n: int = WINDOW) -> Tensor:
        which = torch.multinomial(torch.tensor(self.weights), n, replacement=True, generator=generator)
        angle = which * (2 * math.pi / MODES) + self.turn
        noise = self.sigma * torch.randn(n, 2, generator=generator)
        return self.radius * torch.stack([angle.cos(), angle.sin()], 1) + noise


def some(kept: set[int], rest: float = 0.0) -> tuple[float, ...]:
    """The weights of modes of which some are kept, and the others get `rest` of their due."""
    return tuple(1.0 if mode in kept else rest for mode in range(MODES))


def after(look: int, length: int) -> float:
    """How far a change that starts at look 60 and takes `length` looks has come, from 0 to 1."""
    return min(1.0, max(0.0, (look - START + 1) / length))


def wavering(look: int) -> Fakes:
    """Each mode's share swings by 40 %, at a pace of its own."""
    return Fakes(tuple(1 + 0.4 * math.sin(look / (3 + mode) + mode) for mode in range(MODES)))


HEALTHY: dict[str, Callable[[int], Fakes]] = {
    "stationary": lambda look: Fakes(),
    "drifting": lambda look: Fakes(turn=0.2 * look / LOOKS, radius=1 + 0.1 * math.sin(look / 30)),
    "wavering": wavering,
    "learning": lambda look: Fakes(
        radius=min(1.0, 0.02 + look / 80), sigma=0.05 + 0.3 * max(0.0, 1 - look / 100), turn=0.1
    ),
    "imperfect": lambda look: Fakes(some(set(range(7)), 0.1), sigma=0.09),
}
# Truly below, but by less than the tolerance: what the stated rate is about.
HEALTHY["a fall by 12 %"] = lambda look: Fakes(some(set(range(7))) if look >= START else some(set(range(8))))

# Diversity does fall here, though nobody would call it a collapse: fakes leave the data, spread, and come back.
EXCURSIONS: dict[str, Callable[[int], Fakes]] = {
    "overshooting": lambda look: Fakes(radius=1 + 0.6 * math.exp(-((look - 40) ** 2) / 400)),
}

WARMUP = 70  # looks, by when it is over
PATIENT = f"overshooting, warmup of {WARMUP} looks"

COLLAPSES: dict[str, Callable[[int], Fakes]] = {
    "to one mode, at once": lambda look: Fakes(some({2}) if look >= START else some(set(range(8)))),
    "to one mode, over 60 looks": lambda look: Fakes(some({2}, 1 - after(look, 60))),
    "to a point": lambda look: Fakes(some({2}), sigma=1e-4) if look >= START else Fakes(),
    "4 of 8 modes lost, opposite": lambda look: Fakes(some({0, 2, 4, 6}) if look >= START else some(set(range(8)))),
    "4 of 8 modes lost, next to each other": lambda look: Fakes(
        some({0, 1, 2, 3}) if look >= START else some(set(range(8)))
    ),
    "3 of 8 modes lost": lambda look: Fakes(some({0, 1, 2, 3, 4}) if look >= START else some(set(range(8)))),
    "2 of 8 modes lost": lambda look: Fakes(some({0, 1, 2, 3, 4, 5}) if look >= START else some(set(range(8)))),
    "hopping, one mode at a time": lambda look: Fakes(some({look % MODES}) if look >= START else some(set(range(8)))),
    "hopping from the first look on": lambda look: Fakes(some({look % MODES})),
    "never more than 4 modes": lambda look: Fakes(some({0, 1, 2, 3})),
}
FROM_THE_START = ("hopping from the first look on", "never more than 4 modes")


def first_alarm(scenario: Callable[[int], Fakes], seed: int, real: bool, warmup: int = 5) -> int | None:
    """The look of the first alarm of a run, if there is one."""
    generator = torch.Generator().manual_seed(seed)
    data = Fakes().draw(generator, 4096) if real else None
    monitor = ms.CollapseMonitor(data, every=1, warmup=warmup, seed=seed)
    for look in range(LOOKS):
        event = monitor.watch(scenario(look).draw(generator), step=look)
        if event is not None:
            return look
    return None


def study(
    scenario: Callable[[int], Fakes], runs: int, real: bool, since: int | None, warmup: int = 5
) -> dict[str, object]:
    """Rates over runs; `since` is the look at which it collapses, None if it does not."""
    alarms = [first_alarm(scenario, seed, real, warmup) for seed in range(runs)]
    rung = [look for look in alarms if look is not None]
    early = [look for look in rung if since is not None and look < since]
    hits = len(rung) - len(early)
    low, high = binomtest(hits, runs).proportion_ci(0.95, "exact")
    row: dict[str, object] = {"runs": runs, "alarms": hits, "rate": hits / runs, "low": low, "high": high}
    if since is not None:
        delays = sorted(look - since + 1 for look in rung if look >= since)
        row["early"] = len(early)
        row["delay"] = statistics.median(delays) if delays else None
        row["delay_90"] = delays[math.ceil(0.9 * len(delays)) - 1] if delays else None
    return row


def main(runs: int, path: Path) -> None:
    """Simulates, prints and writes."""
    torch.set_num_threads(1)
    found: dict[str, object] = {"looks": LOOKS, "window": WINDOW, "start": START, "alpha": 0.05, "tolerance": 0.25}
    for real in (True, False):
        name = "with real samples" if real else "without real samples"
        rows: dict[str, dict[str, object]] = {"healthy": {}, "excursions": {}, "collapses": {}}
        count = runs if real else runs // 2
        for group, scenarios in (("healthy", HEALTHY), ("excursions", EXCURSIONS)):
            for scenario, make in scenarios.items():
                rows[group][scenario] = study(make, count, real, None)
                print(name, scenario, rows[group][scenario], flush=True)
        rows["excursions"][PATIENT] = study(EXCURSIONS["overshooting"], count, real, None, warmup=WARMUP)
        for scenario, make in COLLAPSES.items():
            since = 0 if scenario in FROM_THE_START else START
            rows["collapses"][scenario] = study(make, max(10, 2 * count // 7), real, since)
            print(name, scenario, rows["collapses"][scenario], flush=True)
        found[name] = rows
    atomic_write(path, json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main(
        int(sys.argv[1]) if len(sys.argv) > 1 else 70,
        Path(sys.argv[2] if len(sys.argv) > 2 else Path(__file__).parents[1] / "docs" / "monitor.json"),
    )
