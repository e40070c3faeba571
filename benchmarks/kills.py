"""Kills runs and benchmarks at random moments, and holds what they end with against undisturbed ones.

``python -m benchmarks.kills run [KILLS]`` kills a process that trains, ``python -m benchmarks.kills benchmark [KILLS]``
the parent or a worker of a benchmark, or all of them, each with SIGKILL, and starts the same again. After each kill
every file is held against its checksum; each end must equal the undisturbed one to the byte, but for what tells of time
and memory. Needs Linux.
"""

import json
import os
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import torch

import modescope as ms
from modescope.cli.main import main
from modescope.core.errors import ModescopeError
from modescope.runs import verify_run
from modescope.runs.worker import train_block

STEPS, LOOK = 3000, ms.Evaluation(every=10, samples=200, snapshot=50)
CELLS = ("benchmark", "ring", "--methods", "gan", "wgan", "hinge", "lsgan", "--seeds", "2", "--budget", "1500")
TIMED = {"seconds", "memory"}


def contents(run: ms.Run) -> list[Any]:
    """All that a finished run holds, but what tells of time."""
    found: list[Any] = []
    for store in run.stores:
        state = store.load(run.config["experiment"]) or {}
        found.append({name: value.numpy().tobytes() for name, value in state.items() if name != "seconds"})
        found.append([{key: value for key, value in line.items() if key != "seconds"} for line in store.stats()])
        found += [store.snapshots_path.read_bytes(), store.samples_path.read_bytes()]
    return found


def forked(action: Callable[[], object]) -> int:
    """A child process, with all loaded, that does something; its id."""
    child = os.fork()
    if child:
        return child
    code: Any = 1
    try:
        action()
        code = 0
    except SystemExit as leaving:
        code = leaving.code or 0
    finally:
        os._exit(code)


def ended(pid: int) -> bool:
    """Whether a child has ended; it can still be waited for."""
    return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def processor_time(pid: int) -> float:
    """The processor time of a process in seconds."""
    return time.clock_gettime(~pid << 3 | 2)  # as clock_getcpuclockid(3) names the clock of another process


def trained(folder: Path) -> None:
    """Trains a run's only block, from wherever it stands, with a checkpoint at every look."""
    train_block(folder, 0, lambda look: None, lambda: False, checkpoint_seconds=0)


def traces(folder: Path) -> Iterator[str]:
    """What a kill left behind."""
    block = folder / "block-000"
    manifest = block / "checkpoint.json"
    if not manifest.exists():
        yield "before the first checkpoint"
        return
    found = json.loads(manifest.read_text())
    if list(block.glob(".*.tmp")):
        yield "with a half-written file"
    if {path.name for path in block.glob("state-*")} != {found["state"]}:
        yield "between a state and its description"
    if (block / "stats.jsonl").stat().st_size > found["stats_bytes"]:
        yield "with a log beyond its checkpoint"


def need_whole(folder: Path) -> None:
    """Raises if a file that a kill left does not fit its checksum."""
    bad = [check for check in verify_run(folder) if check.verdict == "damaged"]
    if bad:
        raise AssertionError(f"damaged after a kill: {bad}")


def kill_runs(kills: int, root: Path) -> str:
    """Kills a training process within its first two seconds of processor time, until one reaches the end."""
    experiment = ms.plan("ring", "pacgan", seeds=2, steps=STEPS, batch_size=32, evaluation=LOOK)
    whole = ms.Run.create(root / "whole", experiment)
    trained(whole.folder)  # in this process, so that its children have all loaded
    expected, left, done, ends = contents(whole), Counter[str](), 0, 0
    while done < kills:
        run = ms.Run.create(root / f"killed-{ends}", experiment)
        while not run.done:
            child = forked(partial(trained, run.folder))
            if done < kills:
                moment = random.uniform(0, 2)
                while not ended(child) and processor_time(child) < moment:
                    time.sleep(0.005)
                time.sleep(random.uniform(0, 0.02))  # in which it may wait for the disk
                os.kill(child, signal.SIGKILL)
            if os.WIFSIGNALED(os.waitpid(child, 0)[1]):
                done += 1
                left.update(traces(run.folder))
                need_whole(run.folder)
        assert contents(run) == expected, f"{run.folder} ended otherwise"
        ends += 1
    told = ", ".join(f"{count} {where}" for where, count in left.most_common())
    return f"{done} kills of a run ({told}): {ends} ends, all equal to the undisturbed one"


def cells_of(folder: Path) -> dict[str, Any]:
    """The results and the runs of a benchmark's cells, by folder."""
    found = {}
    for path in sorted(folder.rglob("result.json")):
        result = {key: value for key, value in json.loads(path.read_text()).items() if key not in TIMED}
        result.pop("checksum", None)
        found[str(path.parent.relative_to(folder))] = (result, contents(ms.Run(path.parent / "run")))
    return found


def children_of(pid: int) -> list[int]:
    """The processes that the threads of a process started, which on Linux are told."""
    with suppress(OSError):  # it ends meanwhile
        told = [path.read_text() for path in Path(f"/proc/{pid}/task").glob("*/children")]
        return [int(child) for line in told for child in line.split()]
    return []


def strike(parent: int) -> str:
    """Kills the parent, one of its workers, or all; who was killed."""
    victim, workers = random.choice(("the parent", "a worker", "all")), children_of(parent)
    if not workers:
        victim = "the parent"
    struck = {"the parent": [parent], "a worker": workers and [random.choice(workers)], "all": [parent, *workers]}
    for pid in struck[victim]:
        with suppress(ProcessLookupError):  # it ended meanwhile
            os.kill(pid, signal.SIGKILL)
    return victim


def benchmark(folder: Path) -> None:
    """Runs the benchmark's command."""
    sys.stdout = sys.stderr = open(os.devnull, "w")  # noqa: SIM115, PTH123 - the process ends with them
    main([*CELLS, "--workers", "2", "--out", str(folder)])


def kill_benchmarks(kills: int, root: Path) -> str:
    """Kills processes of a benchmark at moments drawn from the time that half of it takes."""
    began = time.monotonic()
    assert os.waitpid(forked(partial(benchmark, root / "whole")), 0)[1] == 0
    half = (time.monotonic() - began) / 2
    expected, victims, ends = cells_of(root / "whole"), Counter[str](), 0
    while victims.total() < kills:
        folder, code = root / f"killed-{ends}", -1
        while code:
            parent, moment = forked(partial(benchmark, folder)), time.monotonic()
            while victims.total() < kills and not ended(parent):
                moment = max(moment, time.monotonic()) + random.uniform(0, half)
                while time.monotonic() < moment and not ended(parent):
                    time.sleep(0.005)
                if not ended(parent):
                    victims[strike(parent)] += 1
                    time.sleep(0.2)
            code = os.waitpid(parent, 0)[1]
            for config in folder.rglob("config.json"):
                need_whole(config.parent)
        assert cells_of(folder) == expected, f"{folder} ended otherwise"
        ends += 1
    told = ", ".join(f"{count} of {victim}" for victim, count in victims.most_common())
    return f"{victims.total()} kills of a benchmark ({told}): {ends} ends of {len(expected)} cells, all equal"


def study(what: str, kills: int = 50) -> None:
    """Runs a study and prints what came out."""
    torch.set_num_threads(1)
    random.seed(0)
    kill = {"run": kill_runs, "benchmark": kill_benchmarks}[what]
    with tempfile.TemporaryDirectory() as root:
        try:
            print(kill(kills, Path(root)))
        except ModescopeError as error:
            raise SystemExit(f"a file that a kill left was refused: {error}") from error


if __name__ == "__main__":
    study(sys.argv[1], *map(int, sys.argv[2:3]))
