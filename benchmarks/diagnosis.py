"""Measures of samples against what a user would otherwise write, and the time and memory that large sets take."""

import contextlib
import io
import subprocess
import sys
import time
from collections.abc import Callable, Iterator

import numpy as np
import prdc as prdc_package
import torch
from scipy.linalg import sqrtm
from torch import Tensor

from modescope import diagnose
from modescope.metrics import Moments, frechet_distance, frechet_from_moments, prdc

from .timing import Ratio, paired

GIB = 2.0**30
CLOCKS = {"processor time": time.process_time, "wall time": time.perf_counter}
# What a child process does before and after, to print its own peak memory in bytes and its processor seconds.
CHILD = """
import time, torch
torch.set_num_threads(1)
x, y = (torch.randn({n}, {dim}, generator=torch.Generator().manual_seed(seed)) for seed in (0, 1))
started = time.process_time()
{work}
spent = time.process_time() - started
with open("/proc/self/status") as file:
    peak = next(int(line.split()[1]) * 1024 for line in file if line.startswith("VmHWM"))
print(peak, spent)
"""
PRDC = "from modescope.metrics import prdc; prdc(x, y)"
LARGE = {  # what is measured, in how many dimensions, and how
    "large-prdc-64": ("precision, recall, density and coverage of 50,000 x 50,000", 64, PRDC),
    "large-prdc-2048": ("precision, recall, density and coverage of 50,000 x 50,000", 2048, PRDC),
    "large-pairs-64": (
        "the closest pairs among 50,000 vectors",
        64,
        "del y\nfrom modescope.metrics import closest_pairs; closest_pairs(x)",
    ),
    "large-vendi-2048": (
        "the Vendi score of 50,000 vectors",
        2048,
        "del y\nfrom modescope.metrics import vendi_score; vendi_score(x)",
    ),
}


def features(n: int, dim: int, seed: int) -> Tensor:
    """Correlated float32 features whose spreads fall tenfold."""
    draws = torch.randn(n, dim, generator=torch.Generator().manual_seed(seed))
    return seed / 10 + draws * torch.logspace(0, -1, dim)


def raced(
    name: str, ours: Callable[[], object], theirs: Callable[[], object], target: str, pairs: int = 3
) -> Iterator[Ratio]:
    """How many times as fast ours is: by processor time, which other work on the machine disturbs less, and by wall."""
    spent = [(clocked(ours), clocked(theirs)) for _ in range(pairs)]
    for clock in CLOCKS:
        ours_spent, theirs_spent = (iter([1 / pair[which][clock] for pair in spent]) for which in (0, 1))
        yield paired(f"{name}, {clock}", ours_spent.__next__, theirs_spent.__next__, "runs/s", target, pairs)


def clocked(action: Callable[[], object]) -> dict[str, float]:
    """The seconds of an action by each clock."""
    started = {name: clock() for name, clock in CLOCKS.items()}
    action()
    return {name: clock() - started[name] for name, clock in CLOCKS.items()}


def frechet() -> Iterator[Ratio]:
    """The Fréchet distance in 2,048 dimensions against SciPy's square root of a matrix."""
    x, y = (features(5000, 2048, seed).double() for seed in (0, 1))

    def by_sqrtm() -> float:
        a, b = np.cov(x, rowvar=False), np.cov(y, rowvar=False)
        gap = (x.mean(0) - y.mean(0)).square().sum().item()
        return float(gap + np.trace(a) + np.trace(b) - 2 * np.trace(sqrtm(a @ b)).real)

    yield from raced(
        "Fréchet distance of 5,000 and 5,000 samples in 2,048 dimensions against SciPy's sqrtm",
        lambda: frechet_distance(x, y),
        by_sqrtm,
        "at least 8 for the root alone, below",
        pairs=1,
    )


def frechet_moments() -> Iterator[Ratio]:
    """The same from moments that are known, as of a reference set: the square root alone."""
    known = [Moments.empty(2048).update(features(5000, 2048, seed)) for seed in (0, 1)]
    (mean1, cov1), (mean2, cov2) = ((each.mean, each.covariance) for each in known)

    def by_sqrtm() -> float:
        root = sqrtm((cov1 @ cov2).numpy())
        return float((mean1 - mean2).square().sum() + cov1.trace() + cov2.trace()) - 2 * float(np.trace(root).real)

    yield from raced(
        "Fréchet distance from moments in 2,048 dimensions against SciPy's sqrtm",
        lambda: frechet_from_moments(mean1, cov1, mean2, cov2),
        by_sqrtm,
        "at least 8",
    )


def neighbourhoods() -> Iterator[Ratio]:
    """Precision, recall, density and coverage against the package `prdc`."""
    real, fake = features(5000, 2048, 0), features(5000, 2048, 1)

    def by_package() -> None:
        with contextlib.redirect_stdout(io.StringIO()):
            prdc_package.compute_prdc(real.numpy(), fake.numpy(), 5)

    yield from raced(
        "precision, recall, density and coverage of 5,000 x 5,000 in 2,048 dimensions against prdc",
        lambda: prdc(real, fake, 5),
        by_package,
        "at least 4",
    )


def child(code: str) -> list[float]:
    """The numbers that a new Python prints."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return [float(word) for word in done.stdout.split()]


def large(name: str) -> Iterator[Ratio]:
    """Peak memory of a process that measures 50,000 samples, PyTorch and the samples themselves included (Linux)."""
    what, dim, work = LARGE[name]
    peak, spent = child(CHILD.format(n=50_000, dim=dim, work=work))
    yield paired(
        f"peak memory of {what} in {dim:,} dimensions ({spent:.0f} s of processor time), against 2 GiB",
        lambda: peak / GIB,
        lambda: 2.0,
        "GiB",
        "at most 1",
        pairs=1,
    )


def points() -> Iterator[Ratio]:
    """A whole diagnosis of points in the plane, against the ten seconds that anyone waits."""
    real, fake = (torch.randn(10_000, 2, generator=torch.Generator().manual_seed(seed)) for seed in (0, 1))
    spent = clocked(lambda: diagnose(real, fake))
    for clock, seconds in spent.items():
        yield paired(
            f"diagnosis of 10,000 points in the plane, {clock}, against 10 s",
            lambda seconds=seconds: seconds,
            lambda: 10.0,
            "s",
            "at most 1",
            pairs=1,
        )


def imports() -> Iterator[Ratio]:
    """What imports cost beyond PyTorch's own, against 1.5 s."""
    for name, code in (
        ("import modescope", "import modescope"),
        ("modescope.diagnose", "import modescope as m; m.diagnose"),
    ):
        timed = f"import time, torch; t = time.process_time(); {code}; print(time.process_time() - t)"
        child(timed)  # so that the files are in memory
        yield paired(
            f"processor time of {name} after import torch, against 1.5 s",
            lambda timed=timed: child(timed)[0],
            lambda: 1.5,
            "s",
            "at most 1",
            pairs=3,
        )
