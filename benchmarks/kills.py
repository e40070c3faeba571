"""Kills runs and benchmarks at random moments, and holds what they end with against undisturbed ones.

``python -m benchmarks.kills run [KILLS]`` kills a process that trains, ``python -m benchmarks.kills benchmark [KILLS]``
the parent or a worker of a benchmark, or all of them, ``python -m benchmarks.kills dask [KILLS]`` the parent, a worker
or the scheduler of a Dask cluster, or all, each with SIGKILL, and starts the same again. After each kill every file is
held against its checksum; each end must equal the undisturbed one to the byte, but for what tells of time and memory.
Needs Linux.
"""

import argparse
import json
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import torch

import modescope as ms
from modescope.benchmark import schedulers
from modescope.cli.main import main
from modescope.core.errors import ModescopeError
from modescope.runs import verify_run
from modescope.runs.worker import train_block

STEPS, LOOK = 3000, ms.Evaluation(every=10, samples=200, snapshot=50)
CELLS = ("benchmark", "ring", "--methods", "gan", "wgan", "hinge", "lsgan", "--seeds", "2", "--budget", "1500")
TIMED = {"seconds", "processor_seconds", "memory"}
# In a process of its own, since what forks must have no threads.
ANSWERS = (
    "import sys; from distributed import Client; address, patience = sys.argv[1], float(sys.argv[2]); "
    "Client(address, timeout=patience).wait_for_workers(1, timeout=patience)"
)
GONE, PATIENCE = 5.0, 60.0  # seconds until a scheduler counts as gone, and until one should answer that just began
TRIES = 5


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


class Here:
    """Two workers on this machine, which the parent starts."""

    flags = ("--workers", "2")

    def ready(self) -> None:
        """Does nothing: the parent starts its own workers."""

    def parts(self, parent: int) -> dict[str, list[int]]:
        """The processes that may be killed, by what they are."""
        return {"a worker": children_of(parent)}


class Cluster:
    """A Dask scheduler and two workers, each a process that is started again after it died."""

    def __init__(self) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.address = f"tcp://127.0.0.1:{self.port}"
        self.flags = ("--scheduler", self.address)
        self.processes: dict[str, subprocess.Popen[bytes]] = {}

    def ready(self) -> None:
        """Starts whoever is dead, and waits for a worker; again if one was dying that seemed alive."""
        answers = [sys.executable, "-c", ANSWERS, self.address, str(PATIENCE)]
        for _ in range(TRIES):
            self.start()
            if subprocess.run(answers, stderr=subprocess.DEVNULL, check=False).returncode == 0:
                return
        raise SystemExit(f"no Dask cluster came up at {self.address}")

    def start(self) -> None:
        """Starts whoever is dead."""
        commands = {"scheduler": ["dask_scheduler", "--host", "127.0.0.1", "--port", str(self.port)]}
        commands |= {name: ["dask_worker", self.address, "--nthreads", "1", "--no-nanny"] for name in ("one", "two")}
        for name, (module, *words) in commands.items():
            if name not in self.processes or self.processes[name].poll() is not None:
                command = [sys.executable, "-m", f"distributed.cli.{module}", *words, "--no-dashboard"]
                self.processes[name] = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def parts(self, parent: int) -> dict[str, list[int]]:
        """The processes that may be killed, by what they are."""
        alive = {name: process.pid for name, process in self.processes.items() if process.poll() is None}
        return {
            "the scheduler": [pid for name, pid in alive.items() if name == "scheduler"],
            "a worker": [pid for name, pid in alive.items() if name != "scheduler"],
        }

    def close(self) -> None:
        """Ends all of it."""
        for process in self.processes.values():
            process.kill()
            process.wait()


def strike(parent: int, parts: dict[str, list[int]]) -> str:
    """Kills the parent, one of its parts, or all; who was killed."""
    everyone = [parent, *(pid for pids in parts.values() for pid in pids)]
    choices = {"the parent": [parent], **{name: [random.choice(pids)] for name, pids in parts.items() if pids}}
    if len(everyone) > 1:
        choices["all"] = everyone
    victim = random.choice(list(choices))
    for pid in choices[victim]:
        with suppress(ProcessLookupError):  # it ended meanwhile
            os.kill(pid, signal.SIGKILL)
    return victim


def benchmark(folder: Path, flags: Sequence[str]) -> None:
    """Runs the benchmark's command."""
    sys.stdout = sys.stderr = open(os.devnull, "w")  # noqa: SIM115, PTH123 - the process ends with them
    schedulers.CONNECT = GONE
    main([*CELLS, *flags, "--out", str(folder)])


def kill_benchmarks(place: Here | Cluster, kills: int, root: Path) -> str:
    """Kills processes of a benchmark at moments drawn from the time that half of it takes."""
    place.ready()
    began = time.monotonic()
    assert os.waitpid(forked(partial(benchmark, root / "whole", place.flags)), 0)[1] == 0
    half = (time.monotonic() - began) / 2
    expected, victims, ends = cells_of(root / "whole"), Counter[str](), 0
    while victims.total() < kills:
        folder, code = root / f"killed-{ends}", -1
        while code:
            place.ready()
            parent, moment = forked(partial(benchmark, folder, place.flags)), time.monotonic()
            while victims.total() < kills and not ended(parent):
                moment = max(moment, time.monotonic()) + random.uniform(0, half)
                while time.monotonic() < moment and not ended(parent):
                    time.sleep(0.005)
                if not ended(parent):
                    victims[strike(parent, place.parts(parent))] += 1
                    time.sleep(0.2)
            code = os.waitpid(parent, 0)[1]
            for config in folder.rglob("config.json"):
                need_whole(config.parent)
        assert cells_of(folder) == expected, f"{folder} ended otherwise"
        ends += 1
    told = ", ".join(f"{count} of {victim}" for victim, count in victims.most_common())
    return f"{victims.total()} kills of a benchmark ({told}): {ends} ends of {len(expected)} cells, all equal"


def kill_here(kills: int, root: Path) -> str:
    """Kills processes of a benchmark on this machine."""
    return kill_benchmarks(Here(), kills, root)


def kill_dask(kills: int, root: Path) -> str:
    """Kills processes of a benchmark on a Dask cluster."""
    cluster = Cluster()
    try:
        return kill_benchmarks(cluster, kills, root)
    finally:
        cluster.close()


STUDIES = {"run": kill_runs, "benchmark": kill_here, "dask": kill_dask}


def study(what: str, kills: int = 50) -> None:
    """Runs a study and prints what came out."""
    torch.set_num_threads(1)
    random.seed(0)
    with tempfile.TemporaryDirectory() as root:
        try:
            print(STUDIES[what](kills, Path(root)))
        except ModescopeError as error:
            raise SystemExit(f"a file that a kill left was refused: {error}") from error


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=STUDIES)
    parser.add_argument("kills", type=int, nargs="?", default=50, metavar="KILLS", help="50 if not given")
    given = parser.parse_args()
    study(given.what, given.kills)
