"""How often the verdict of a diagnosis errs, by simulation: ``python -m benchmarks.verdict [--draws 400]``.

Each case draws real samples and fakes afresh, as often as asked, and counts verdicts. Prints a table and writes it to
docs/verdict.json.
"""

import argparse
import json
import os
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import torch
from scipy.stats import binomtest
from torch import Tensor

from modescope import datasets
from modescope.core.files import atomic_write
from modescope.diagnosis import gather_evidence, judge

Draw = Callable[[int, torch.Generator], tuple[Tensor, Tensor]]


@dataclass(frozen=True)
class Case:
    """Real samples and fakes of a kind, and the verdicts that are right."""

    name: str
    n: int
    draw: Draw
    right: tuple[str, ...]


def ring(lost: int) -> Draw:
    """The ring of 8, and fakes without some of its modes."""

    def draw(n: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        data = datasets.make("ring")
        real, more = data.sample(n, generator), data.sample(40 * n, generator)
        assert data.modes is not None
        mode = torch.cdist(more, torch.as_tensor(data.modes.centers).to(more)).argmin(1)
        return real, more[mode >= lost][:n]

    return draw


def thousand(kept: int) -> Draw:
    """1,000 narrow modes in 10 dimensions, and fakes of some of them."""

    def draw(n: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        centers = torch.randn(1000, 10, generator=generator)
        return tuple(  # type: ignore[return-value]
            centers[torch.randint(modes, (n,), generator=generator)] + 0.05 * torch.randn(n, 10, generator=generator)
            for modes in (1000, kept)
        )

    return draw


def normal(dim: int) -> Draw:
    """Normal samples, real and fake."""
    return lambda n, generator: (torch.randn(n, dim, generator=generator), torch.randn(n, dim, generator=generator))


def heavy(n: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Heavy tails: Student's t with 2 degrees of freedom in each of 5 coordinates, of infinite variance."""
    return tuple(  # type: ignore[return-value]
        torch.randn(n, 5, generator=generator) / torch.randn(n, 5, 2, generator=generator).square().mean(-1).sqrt()
        for _ in range(2)
    )


def discrete(n: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Data that hold copies: ten values."""
    return tuple(torch.randint(10, (n, 1), generator=generator).float() for _ in range(2))  # type: ignore[return-value]


def copies(n: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Fakes, each of which is there twice."""
    real, fake = ring(0)(n, generator)
    return real, fake[: n // 2].repeat(2, 1)


LOST = ("partial", "severe")
FINE = ("none", "unknown")
CASES = (
    *(Case("ring of 8, all kept", n, ring(0), FINE) for n in (100, 250, 1000)),
    *(Case("normal in 2 dimensions", n, normal(2), FINE) for n in (250, 1000)),
    *(Case("normal in 100 dimensions", n, normal(100), FINE) for n in (250, 1000)),
    *(Case("1,000 modes, all kept", n, thousand(1000), FINE) for n in (250, 1000)),
    Case("ten values", 250, discrete, FINE),
    *(Case("Student's t in 5 dimensions", n, heavy, FINE) for n in (250, 1000)),
    *(Case("ring of 8, 1 lost", n, ring(1), LOST) for n in (100, 250, 1000)),
    *(Case("ring of 8, 2 lost", n, ring(2), LOST) for n in (100, 250)),
    *(Case("ring of 8, 4 lost", n, ring(4), LOST) for n in (100, 250)),
    *(Case("ring of 8, 7 lost", n, ring(7), LOST) for n in (100, 250)),
    *(Case("1,000 modes, half lost", n, thousand(500), LOST) for n in (1000, 2000, 3000)),
    Case("ring of 8, each fake twice", 250, copies, LOST),
)


def verdict_of(case: int, draw: int) -> str:
    """The verdict of one draw of a case."""
    torch.set_num_threads(1)
    generator = torch.Generator().manual_seed(1_000_000 * case + draw)
    real, fake = CASES[case].draw(CASES[case].n, generator)
    return judge(gather_evidence(real, fake, generator)).name


def main() -> None:
    """Simulates the cases."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--draws", type=int, default=400, help="of each case")
    parser.add_argument("--workers", type=int, default=os.cpu_count(), help="processes")
    parser.add_argument("--out", type=Path, default=Path("docs/verdict.json"), help="the file of results")
    parser.add_argument("--resume", action="store_true", help="goes on after the cases that the file holds already")
    given = parser.parse_args()
    before = json.loads(given.out.read_text()) if given.resume and given.out.exists() else {}
    rows = before["cases"] if before.get("draws") == given.draws else []
    known = {(row["case"], row["n"]) for row in rows}
    with ProcessPoolExecutor(given.workers) as pool:
        for index, case in enumerate(CASES):
            if (case.name, case.n) in known:
                continue
            counts = Counter(pool.map(verdict_of, [index] * given.draws, range(given.draws), chunksize=10))
            right = sum(counts[name] for name in case.right)
            low, high = binomtest(right, given.draws).proportion_ci(0.95, "exact")
            rows.append(
                {"case": case.name, "n": case.n, "right": right / given.draws, "low": low, "high": high, **counts}
            )
            print(f"{case.name:28} n = {case.n:5,}  right {right / given.draws:6.1%} [{low:.1%}, {high:.1%}]  "
                  f"{dict(counts)}", flush=True)  # fmt: skip
            atomic_write(given.out, json.dumps({"draws": given.draws, "cases": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()
