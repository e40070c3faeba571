"""Several processes, each with its share of every batch, train as one with all of it, also killed and resumed."""

import multiprocessing
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import redirect_stdout
from multiprocessing.context import ForkProcess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

import modescope as ms
from modescope.cli.main import main
from modescope.core.processes import joined
from modescope.methods import build
from modescope.runs import Experiment, Run, train_runs
from modescope.runs.store import BlockStore

FORK = multiprocessing.get_context("fork")  # spares the children all imports
LOOK = ms.Evaluation(every=5, look=16, samples=64, snapshot=4)


def plan(spec: str, **settings: Any) -> Experiment:
    method, common = build(spec), {"seeds": 2, "dtype": "float64", "batch_size": 16}
    return ms.plan("ring", method, evaluation=LOOK, **{**common, **settings})


def begin(rank: int, port: int, work: Callable[[], None]) -> None:
    """Works as a process that ``torchrun`` started."""
    torch.set_num_threads(1)
    place = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": 2, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
    os.environ |= {name: str(value) for name, value in place.items()} | {"TORCHELASTIC_RUN_ID": "test"}
    with Path(os.devnull).open("w") as nowhere, redirect_stdout(nowhere):
        work()


def train(folder: Path) -> None:
    with joined() as processes:
        train_runs([Run(folder)], quiet=True, processes=processes)


def start(work: Callable[[], None]) -> list[ForkProcess]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    pair = [FORK.Process(target=begin, args=(rank, port, work)) for rank in range(2)]
    for process in pair:
        process.start()
    return pair


def codes(pair: list[ForkProcess]) -> list[int | None]:
    for process in pair:
        process.join(60)
    return [process.exitcode for process in pair]


def wait_for(there: Callable[[], Any]) -> None:
    patience = time.monotonic() + 60
    while not there():
        assert time.monotonic() < patience
        time.sleep(0.01)


def state_of(folder: Path) -> dict[str, Tensor]:
    state = BlockStore(folder / "block-000").load()
    assert state is not None
    state.pop("seconds")
    return state


def test_two_processes_train_as_one(tmp_path: Path) -> None:
    one, two = (
        Run.create(tmp_path / f"{count}", plan("pacgan+instance-noise+hinge", steps=8, accumulate=count))
        for count in (1, 2)
    )
    assert codes(start(lambda: train(two.folder))) == [0, 0]
    one.train(quiet=True)
    ours, theirs = state_of(one.folder), state_of(two.folder)
    assert ours.keys() == theirs.keys()
    gaps = {name: (ours[name].double() - theirs[name].double()).abs().amax() for name in ours if ours[name].numel()}
    assert max(gaps.values()) < 1e-10, gaps
    assert torch.allclose(one.samples(), two.samples(), atol=1e-6)
    looks = [run.history() for run in (one, two)]
    assert looks[0].steps.tolist() == looks[1].steps.tolist() == [0, 5, 8]
    for name, curve in looks[0].curves.items():
        assert np.allclose(curve, looks[1].curves[name], equal_nan=True), name


def test_killed_and_stopped_and_resumed_is_the_same(tmp_path: Path) -> None:
    whole = Run.create(tmp_path / "whole", plan("pacgan", steps=200))
    assert codes(start(lambda: train(whole.folder))) == [0, 0]

    folder = tmp_path / "broken"
    settings = "--seeds 2 --dtype float64 --batch-size 16 --steps 200 --every 5 --look 16 --samples 64 --snapshot 4"
    often = ["--quiet", "--checkpoint-seconds", "0"]
    pair = start(lambda: main(["train", "ring", "pacgan", *settings.split(), "--out", str(folder), *often]))
    manifest = folder / "block-000" / "checkpoint.json"
    wait_for(manifest.exists)
    os.kill(pair[1].pid or 0, signal.SIGKILL)
    assert codes(pair) == [2, -signal.SIGKILL]  # the one that is left says in a sentence that the other is gone
    killed = manifest.read_bytes()

    pair = start(lambda: main(["resume", str(folder), *often]))
    wait_for(lambda: manifest.read_bytes() != killed)
    os.kill(pair[1].pid or 0, signal.SIGTERM)  # one is asked to stop; both save and leave at the same step
    assert codes(pair) == [130, 130]
    assert not Run(folder).done

    assert codes(start(lambda: train(folder))) == [0, 0]
    ours, theirs = state_of(whole.folder), state_of(folder)
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)
    kept = [run / "block-000" / "snapshots.bin" for run in (whole.folder, folder)]
    assert kept[0].read_bytes() == kept[1].read_bytes()


@pytest.mark.slow
def test_torchrun_starts_the_command_and_tells_why_it_cannot(tmp_path: Path) -> None:
    args = ["train", "ring", "top-k", "--seeds", "1", "--steps", "5", "--out", str(tmp_path / "run")]
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", "-m", "modescope"]
    done = subprocess.run([*torchrun, *args], capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode != 0
    assert "a batch cannot be taken in parts with TopK" in " ".join(done.stderr.split())
    assert not (tmp_path / "run").exists()
