"""Prints every ratio: ``python -m benchmarks [name ...]``.

All on one thread a process, pairs of timings alternating, medians of their ratios. With a CUDA device the ring on that
device is timed too. ``python -m benchmarks agreement`` takes no times: it holds our values against other code's;
``python -m benchmarks judges`` measures what real images score by the judges that the package ships.
"""

import platform
import sys
from collections.abc import Callable, Iterator
from functools import partial

import torch
from threadpoolctl import threadpool_limits
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from modescope.core.errors import nearest_name
from modescope.report.text import plural

from . import diagnosis, scale
from .images import training
from .monitor import monitoring
from .network_features import network_features
from .plain import AdamLoop, ReviewLoop
from .populations import CORES, Team, population, rate, synchronize
from .reading import reading
from .timing import Ratio, paired, seconds

REVIEW = {"dataset": "moons:review", "method": "gan", "batch_size": 32}


def loop_rate(loop: ReviewLoop | AdamLoop, steps: int) -> float:
    """Steps a second of a plain loop."""

    def run() -> None:
        for _ in range(steps):
            loop.step()
        synchronize(torch.device(getattr(loop, "device", "cpu")))

    return steps / seconds(run)


def review() -> Iterator[Ratio]:
    """The review's notebook loop against 64 members on all cores, and against one member alone."""
    loop = ReviewLoop()
    loop_rate(loop, 200)
    team = Team(CORES, members=64 // CORES, **REVIEW)
    yield paired(
        f"review's networks: 64 members, {CORES} processes, against the notebook's loop",
        lambda: team.rate(4000),
        lambda: loop_rate(loop, 1500),
        "member-steps/s",
        "at least 60",
    )
    team.close()
    alone = population(members=1, **REVIEW)
    alone.advance(50)
    yield paired(
        "review's networks: one member alone against the notebook's loop",
        lambda: rate(alone, 4000),
        lambda: loop_rate(loop, 1500),
        "steps/s",
        "at least 4",
    )


def unrolled_networks() -> tuple[nn.Module, nn.Module]:
    """The networks of the unrolled GAN's notebook."""

    def mlp(inputs: int, outputs: int) -> nn.Module:
        return nn.Sequential(nn.Linear(inputs, 128), nn.Tanh(), nn.Linear(128, 128), nn.Tanh(), nn.Linear(128, outputs))

    return mlp(256, 2), mlp(2, 1)


def matrix_rate() -> float:
    """The machine's float32 matrix-product rate on one thread, in operations a second."""
    a, b = torch.randn(1024, 1024), torch.randn(1024, 1024)
    return 20 * 2 * 1024**3 / seconds(lambda: [a @ b for _ in range(20)])


def matrix_share() -> Iterator[Ratio]:
    """The share of the machine's matrix-product rate that the unrolled GAN's networks reach."""
    counted = population("ring:unrolled", "gan", 1, compiled=False, order="critic-first")
    counted.advance(1)
    with FlopCounterMode(display=False) as counter:
        counted.advance(1)
    useful = counter.get_total_flops()
    loop = AdamLoop(*unrolled_networks(), latent_dim=256, batch=512)
    loop_rate(loop, 5)
    matrix_rate()
    for count in (8, 4, 2, 1):
        members = population("ring:unrolled", "gan", count, order="critic-first")
        members.advance(3)
        yield paired(
            f"unrolled GAN's networks: operations/s of {plural(count, 'member')} against the machine's matrix products",
            lambda members=members, count=count: rate(members, 160 // count) * useful,
            matrix_rate,
            "operations/s",
            "at least 0.45",
        )
    yield paired(
        "the same in a plain loop against the machine's matrix products",
        lambda: loop_rate(loop, 60) * useful,
        matrix_rate,
        "operations/s",
        "about 0.27 expected",
    )


def unrolling() -> Iterator[Ratio]:
    """What unrolling costs, in plain steps."""
    import modescope as ms

    plain = population("ring", "gan", 16)
    plain.advance(20)
    for unroll in (1, 5, 10):
        unrolled = population("ring", ms.methods.UnrolledGAN(base=ms.methods.GAN(), unroll=unroll), 16)  # type: ignore[arg-type]
        unrolled.advance(20)
        yield paired(
            f"seconds of a step with {unroll} unrolled steps against a plain step",
            lambda unrolled=unrolled: 1 / rate(unrolled, 60),
            lambda: 1 / rate(plain, 300),
            "s a member-step",
            f"at most {1 + 2 * unroll}",
            pairs=3,
        )


def scaling() -> Iterator[Ratio]:
    """The cost of a member-step from 64 to 1,024 members, trained in blocks of 32 as runs are."""
    block = population(members=32, **REVIEW)
    block.advance(50)

    def blocks(count: int) -> float:
        """Seconds a member-step when the blocks are trained one after the other."""
        built = [population(members=32, compiled=False, **REVIEW) for _ in range(count)]
        for each in built:
            each.play = block.play  # one program serves all blocks of the same shape
        spent = seconds(lambda: [each.advance(400) for each in built])
        return spent / (400 * 32 * count)

    for count in (4, 16, 32):
        yield paired(
            f"seconds of a member-step with {32 * count} members against 64",
            lambda count=count: blocks(count),
            lambda: blocks(2),
            "s",
            "0.8 to 1.2",
            pairs=3,
        )


def memory() -> Iterator[Ratio]:
    """The memory of a population's state, which must grow as its members do."""

    def size(members: int) -> float:
        state = population(members=members, compiled=False, **REVIEW).state_dict()
        return float(sum(value.numel() * value.element_size() for value in state.values()))

    yield paired(
        "bytes of state with 1,024 members against 64", lambda: size(1024), lambda: size(64), "B", "16", pairs=1
    )


def cuda() -> Iterator[Ratio]:
    """4,096 members of the ring on a CUDA device against a plain loop on that device."""
    if not torch.cuda.is_available():
        return

    def mlp(inputs: int, outputs: int) -> nn.Module:
        return nn.Sequential(nn.Linear(inputs, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, outputs))

    loop = AdamLoop(mlp(16, 2), mlp(2, 1), latent_dim=16, batch=128, device="cuda")
    loop_rate(loop, 50)
    for compiled in (False, True):
        members = population("ring", "gan", 4096, compiled=compiled, device="cuda")
        members.advance(20)
        yield paired(
            f"ring on {torch.cuda.get_device_name()}: 4,096 members{', compiled' if compiled else ''}, against a loop",
            lambda members=members: rate(members, 200),
            lambda: loop_rate(loop, 400),
            "member-steps/s",
            "as many as it gives",
            pairs=3,
        )


ALL: dict[str, Callable[[], Iterator[Ratio]]] = {
    "review": review,
    "matrix": matrix_share,
    "unrolling": unrolling,
    "scaling": scaling,
    "memory": memory,
    "monitor": monitoring,
    "cuda": cuda,
    "frechet": diagnosis.frechet,
    "frechet-moments": diagnosis.frechet_moments,
    "prdc": diagnosis.neighbourhoods,
    **{name: partial(diagnosis.large, name) for name in diagnosis.LARGE},
    "points": diagnosis.points,
    "imports": diagnosis.imports,
    "reading": reading,
    "features": network_features,
    "images": training,
    "scale": scale.scaling,
    "cells": scale.many,
}


def main(names: list[str]) -> None:
    """Measures and prints."""
    torch.set_num_threads(1)
    threadpool_limits(1)  # of NumPy and SciPy, whose idle threads would count as processor time
    if names == ["agreement"]:
        from .agreement import agreement

        return agreement()
    if names == ["judges"]:
        from .judges import judges

        return judges()
    unknown = [name for name in names if name not in ALL]
    if unknown:
        sys.exit(str(nearest_name("benchmark", unknown[0], {*ALL, "agreement", "judges"})))
    print(f"torch {torch.__version__}, {platform.machine()}, {CORES} cores, one thread a process", flush=True)
    for name in names or ALL:
        for ratio in ALL[name]():
            print(ratio.line(), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
