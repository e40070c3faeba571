"""Full disks, folders that may not be written, interrupts, clocks that jump: a run goes on to the same end."""

import contextlib
import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from run_files import files

import modescope as ms
from modescope.cli.main import main
from modescope.core.errors import ModescopeError
from modescope.runs.worker import train_block

LOOK = ms.Evaluation(every=5, samples=64, snapshot=64)


def experiment():
    return ms.plan("ring", seeds=2, steps=30, batch_size=8, evaluation=LOOK)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    return ms.Run.create(tmp_path_factory.mktemp("failures") / "run", experiment()).train(workers=1, quiet=True)


def train(run):
    """Trains with a checkpoint at every look."""
    return run.train(workers=1, quiet=True, checkpoint_seconds=0)


@contextlib.contextmanager
def largest_file(size: int):
    """Lets no file of this process grow beyond a size, as a full disk lets none."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("size", [0, 1500, 60_000])
def test_where_nothing_more_can_be_written_the_run_is_kept(undisturbed, tmp_path, size):
    run = ms.Run.create(tmp_path / "run", experiment())
    with largest_file(size), pytest.raises(ModescopeError, match="cannot be written: File too large"):
        train(run)
    assert "damaged" not in {check.verdict for check in ms.runs.verify_run(run.folder)}
    assert files(train(run)) == files(undisturbed)
    assert not list(run.folder.rglob("*.tmp"))


def test_a_full_disk_is_told_and_the_run_goes_on_once_there_is_space(undisturbed, tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", disk], capture_output=True)
    if mounted.returncode:
        pytest.skip("only root may mount a small disk")
    try:
        run = ms.Run.create(disk / "run", experiment())
        ballast = disk / "ballast"
        for spare in (20_000, 100_000, 200_000):
            free = os.statvfs(disk).f_bavail * os.statvfs(disk).f_frsize
            ballast.write_bytes(bytes(max(0, free - spare)))
            with pytest.raises(ModescopeError, match="cannot be written: No space left"):
                train(run)
            ballast.unlink()
        assert files(train(run)) == files(undisturbed)
    finally:
        subprocess.run(["umount", disk], check=True)


@contextlib.contextmanager
def read_only(folder):
    """Lets nobody write below a folder; root, whom no permission stops, needs a mount for that."""
    if os.geteuid() != 0:
        folder.chmod(0o555)
        yield
        folder.chmod(0o755)
        return
    for options in (["--bind", folder], ["-o", "remount,ro,bind"]):
        if subprocess.run(["mount", *options, folder], capture_output=True).returncode:
            pytest.skip("this root may not mount")
    try:
        yield
    finally:
        subprocess.run(["umount", folder], check=True)


def test_a_folder_that_may_not_be_written_is_told_and_can_be_read(tmp_path):
    done = ms.Run.create(tmp_path / "done", experiment()).train(workers=1, quiet=True)
    run = ms.Run.create(tmp_path / "run", experiment())
    with read_only(tmp_path):
        assert done.samples().shape == (2, 64, 2)
        assert {check.verdict for check in ms.runs.verify_run(done.folder)} == {"whole"}
        with pytest.raises(ModescopeError, match=r"cannot be written: (Read-only|Permission)"):
            ms.Run.create(tmp_path / "new", experiment())
        if os.geteuid() == 0:  # for others the run's own folder may still be written
            with pytest.raises(ModescopeError, match="the run's folder cannot be written: Read-only"):
                train(run)
    train(run)


def test_the_first_interrupt_saves_and_the_second_leaves_at_once(undisturbed, tmp_path):
    """After either, the same call goes on to the same end."""
    run = ms.Run.create(tmp_path / "run", experiment())
    left = iter(range(1000))

    def interrupt(times):
        if next(left) == 1:
            for _ in range(times):
                os.kill(os.getpid(), signal.SIGINT)

    for times, moved in ((1, True), (2, False)):
        before = (run.stores[0].manifest() or {"step": 0})["step"]
        left = iter(range(1000))
        with pytest.raises(KeyboardInterrupt), patched(interrupt, times):
            run.train(workers=1, quiet=True, checkpoint_seconds=1000)
        assert (run.stores[0].manifest()["step"] > before) == moved
    assert files(train(run)) == files(undisturbed)


@contextlib.contextmanager
def patched(interrupt, times):
    """Interrupts while a run looks at its members."""
    look = ms.runs.worker.Trainer.look

    def looks(self):
        look(self)
        interrupt(times)

    ms.runs.worker.Trainer.look = looks
    try:
        yield
    finally:
        ms.runs.worker.Trainer.look = look


def test_a_clock_that_jumps_changes_nothing(undisturbed, tmp_path, monkeypatch):
    """Neither the wall clock nor the times of files decide anything."""
    jumps = np.random.default_rng(0)
    monkeypatch.setattr(time, "time", lambda: float(jumps.uniform(-1e9, 1e10)))
    run = ms.Run.create(tmp_path / "run", experiment())
    for stop in (7, 11):
        asked = iter(range(1000))
        train_block(run.folder, 0, lambda look: None, lambda asked=asked, stop=stop: next(asked) == stop)
        for path in run.folder.rglob("*"):
            os.utime(path, (when := float(jumps.uniform(0, 4e9)), when))
    assert files(train(run)) == files(undisturbed)


def test_too_little_memory_is_one_sentence(capsys, tmp_path):
    huge = ["--batch-size", str(10**6), "--latent-dim", str(10**5)]  # 400 gigabytes of latents
    args = ["train", "ring", "--seeds", "1", "--steps", "1", *huge, "--quiet"]
    with pytest.raises(SystemExit) as left:
        main([*args, "--out", str(tmp_path / "run")])
    told = capsys.readouterr().err
    assert left.value.code == 2
    assert "out of memory" in told
    assert "Traceback" not in told


@pytest.mark.parametrize("moment", [0.3, 1.8])
def test_an_interrupt_while_all_is_loaded_leaves_without_a_traceback(tmp_path, moment):
    command = [sys.executable, "-m", "modescope", "train", "ring", "--steps", "1000000", "--out", tmp_path / "run"]
    process = subprocess.Popen(
        [*map(str, command), "--workers", "1"],
        stderr=subprocess.PIPE,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a shell's background job ignores it
    )
    clock = ~process.pid << 3 | 2
    while time.clock_gettime(clock) < moment:
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    assert process.communicate(timeout=120)[1] == b""
    assert process.returncode in (-signal.SIGINT, 130)


def test_blocks_of_any_size_train_alike(undisturbed, tmp_path):
    """Not to the bit: a stack of matrices is multiplied in another order than one matrix."""
    alone = ms.plan("ring", seeds=2, steps=30, batch_size=8, evaluation=LOOK, block=1)
    run = ms.Run.create(tmp_path / "run", alone).train(workers=1, quiet=True)
    assert torch.allclose(run.samples(), undisturbed.samples(), atol=1e-5)


def test_killed_while_its_folder_is_made(tmp_path):
    """Whether the same command then goes on is decided by config.json alone."""
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / ".config.json.01ab23cd.tmp").write_text('{"schema"')
    ms.Run.create(folder, experiment())
    assert [path.name for path in folder.iterdir()] == ["config.json"]
    with pytest.raises(ModescopeError, match="holds a run already"):
        ms.Run.create(folder, experiment())


def test_a_run_moved_elsewhere_goes_on(undisturbed, tmp_path):
    run = ms.Run.create(tmp_path / "here", experiment())
    asked = iter(range(1000))
    train_block(run.folder, 0, lambda look: None, lambda: next(asked) == 12)
    moved = ms.Run(run.folder.rename(Path(tmp_path / "there")))
    assert files(train(moved)) == files(undisturbed)
