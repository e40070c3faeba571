"""Runs that are stopped, killed, damaged and changed."""

import json
import os
import shutil
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
from modescope.api import fresh_folder
from modescope.core.errors import ModescopeError
from modescope.core.files import atomic_write
from modescope.core.sealed import sealed
from modescope.runs.executor import Job, train_jobs
from modescope.runs.store import BlockStore
from modescope.runs.worker import train_block

SMALL = {"seeds": 3, "steps": 40, "batch_size": 16, "block": 2}
LOOK = ms.Evaluation(every=10, samples=64, snapshot=8)


def experiment(method="gan", **changes):
    return ms.plan("ring", method, evaluation=LOOK, **{**SMALL, **changes})


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    return ms.Run.create(tmp_path_factory.mktemp("runs") / "whole", experiment()).train(workers=1, quiet=True)


def test_numbers_of_numpy_are_kept_as_numbers():
    numbers = experiment(
        steps=np.int64(40), lr=np.float32(0.5), seeds=np.arange(3), sweep={"beta1": np.linspace(0, 0.5, 2)}
    )
    plain = experiment(steps=40, lr=0.5, seeds=[0, 1, 2], sweep={"beta1": [0.0, 0.5]})
    assert json.dumps(numbers.encode()) == json.dumps(plain.encode())


def test_a_run_holds_what_it_should(undisturbed):
    run = ms.Run(undisturbed.folder)
    assert run.done
    assert [member.seed for member in run.members] == [0, 1, 2]
    assert run.samples().shape == (3, 64, 2)
    history = run.history()
    assert history.steps.tolist() == [0, 10, 20, 30, 40]
    assert history.curves["modes"].shape == (5, 3)
    assert {"quality", "reverse_kl", "loss/generator", "loss/discriminator", "critic_real"} <= set(history.curves)
    steps, points = run.snapshots()
    assert steps.tolist() == history.steps.tolist()
    assert points.shape == (5, 3, 8, 2)
    assert np.allclose(points[-1], run.samples()[:, :8])
    assert run.diverged() == [None, None, None]
    assert run.experiment.encode() == experiment().encode()


def test_fresh_samples_come_from_the_final_generator(undisturbed):
    again = undisturbed.sample(64, purpose="evaluation")
    assert torch.equal(again, undisturbed.samples())
    assert not torch.equal(undisturbed.sample(64), again)


@pytest.mark.parametrize("stop_at", [1, 7, 10, 25, 39])
def test_stopped_at_any_step_and_resumed_is_the_same(undisturbed, tmp_path, stop_at):
    run = ms.Run.create(tmp_path / "run", experiment())
    for block in range(2):
        asked = iter(range(1000))
        assert not train_block(run.folder, block, lambda look: None, lambda asked=asked: next(asked) == stop_at)
        assert BlockStore(run.folder / f"block-{block:03d}").manifest()["step"] == stop_at
    with pytest.raises(ModescopeError, match="is not done"):
        run.samples()
    assert files(run.train(workers=1, quiet=True)) == files(undisturbed)


def test_worker_processes_do_not_change_a_bit(undisturbed, tmp_path):
    run = ms.Run.create(tmp_path / "run", experiment()).train(workers=2, quiet=True)
    assert files(run) == files(undisturbed)


def test_killed_at_random_moments_and_resumed_is_the_same(tmp_path):
    """Kills the process group with SIGKILL again and again; what it leaves must always go on to the same end."""
    changes = {"steps": 1500, "seeds": 2, "block": 1}
    whole = ms.Run.create(tmp_path / "whole", experiment(**changes)).train(workers=1, quiet=True, checkpoint_seconds=0)
    run = ms.Run.create(tmp_path / "killed", experiment(**changes))
    code = f"import modescope as ms; ms.Run({str(run.folder)!r}).train(workers=2, quiet=True, checkpoint_seconds=0)"
    rng, kills = np.random.default_rng(0), 0
    for _ in range(5):  # fifty in benchmarks/kills.py
        process = subprocess.Popen([sys.executable, "-c", code], start_new_session=True)
        before = progress(run)
        deadline = time.monotonic() + 60
        while progress(run) == before and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.01)
        time.sleep(rng.uniform(0, 0.3))
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            kills += 1
        process.wait()
        if run.done:
            break
    assert kills >= 2
    assert files(run.train(workers=1, quiet=True)) == files(whole)


def progress(run):
    """The steps of the blocks' checkpoints."""
    return [(store.manifest() or {"step": -1})["step"] for store in run.stores]


def test_a_killed_parent_takes_its_workers_along(tmp_path):
    run = ms.Run.create(tmp_path / "run", experiment(steps=10**6, seeds=2, block=1))
    code = f"import modescope as ms; ms.Run({str(run.folder)!r}).train(workers=2, quiet=True, checkpoint_seconds=0)"
    process = subprocess.Popen([sys.executable, "-c", code], start_new_session=True)
    deadline = time.monotonic() + 60
    while min(progress(run)) < 10 and time.monotonic() < deadline:
        time.sleep(0.05)
    children = [int(pid) for pid in children_of(process.pid)]
    assert len(children) >= 2
    process.kill()  # the parent alone
    process.wait()
    for store in run.stores:
        with store.locked(patience=20):  # free as soon as the orphan has saved
            pass
    deadline = time.monotonic() + 30
    while any(Path(f"/proc/{pid}").exists() for pid in children) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not [pid for pid in children if Path(f"/proc/{pid}").exists()]


def children_of(pid: int) -> list[str]:
    """The processes that a process started."""
    path = Path(f"/proc/{pid}/task/{pid}/children")
    if not path.exists():
        pytest.skip("this system does not list a process's children")
    return path.read_text().split()


def test_interrupt_saves_and_a_second_one_leaves(tmp_path):
    run = ms.Run.create(tmp_path / "run", experiment(steps=10**6))
    command = [sys.executable, "-m", "modescope", "resume", str(run.folder), "--workers", "1"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 60
    while not run.stores[0].stats() and time.monotonic() < deadline:
        time.sleep(0.05)
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "all is saved" in said
    assert f"modescope resume {run.folder}" in said.replace("\n", "")
    assert run.stores[0].manifest()["step"] > 0


def test_a_changed_config_is_refused_by_the_field(tmp_path):
    run = ms.Run.create(tmp_path / "run", experiment()).train(workers=1, quiet=True)
    config = json.loads((run.folder / "config.json").read_text())
    config["experiment"]["training"]["lr"] = 0.5
    (run.folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(ModescopeError, match=r"config\.json.*its checksum does not fit"):
        ms.Run(run.folder)
    (run.folder / "config.json").write_text(sealed(config))
    with pytest.raises(ModescopeError, match=r"training\.lr was 0\.001 and is now 0\.5"):
        ms.Run(run.folder).train(workers=1, quiet=True)


@pytest.mark.parametrize("damage", ["truncate", "flip", "remove", "manifest", "stats"])
def test_damage_is_found_and_named(tmp_path, damage):
    run = ms.Run.create(tmp_path / "run", experiment(seeds=1))
    asked = iter(range(1000))
    train_block(run.folder, 0, lambda look: None, lambda: next(asked) == 15)
    store = run.stores[0]
    path = store.folder / store.manifest()["state"]
    content = path.read_bytes()
    if damage == "truncate":
        path.write_bytes(content[: len(content) // 2])
    elif damage == "flip":
        path.write_bytes(content[:-10] + bytes([content[-10] ^ 1]) + content[-9:])
    elif damage == "remove":
        path.unlink()
    elif damage == "manifest":
        store.manifest_path.write_text("{}")
    else:
        store.stats_path.write_bytes(b"")
    names = {"manifest": "checkpoint.json", "stats": "stats.jsonl"}
    with pytest.raises(ModescopeError, match=names.get(damage, "state-000000015.safetensors")):
        run.train(workers=1, quiet=True)


def test_whoever_reads_a_look_finds_its_snapshot(tmp_path):
    store = BlockStore(tmp_path)
    with pytest.raises(TypeError, match="not JSON serializable"):  # the line fails, when the snapshot is there
        store.append({"step": object()}, np.zeros((1, 2, 2)))
    assert store.snapshots_path.stat().st_size == 16
    assert store.stats() == []


def test_half_a_line_and_half_a_snapshot_are_cut_off(undisturbed, tmp_path):
    run = ms.Run.create(tmp_path / "run", experiment())
    for block in range(2):
        asked = iter(range(1000))
        train_block(run.folder, block, lambda look: None, lambda asked=asked: next(asked) == 15)
        with run.stores[block].stats_path.open("ab") as file:
            file.write(b'{"step": 2')
        with run.stores[block].snapshots_path.open("ab") as file:
            file.write(b"123")
    assert files(run.train(workers=1, quiet=True)) == files(undisturbed)


def test_a_diverged_member_is_marked_and_the_others_go_on(tmp_path):
    sick = experiment(sweep={"lr": [1e-3, 1e30]}, seeds=1, optimizer="sgd")
    run = ms.Run.create(tmp_path / "run", sick).train(workers=1, quiet=True)
    healthy = ms.Run.create(tmp_path / "solo", experiment(seeds=1, optimizer="sgd")).train(workers=1, quiet=True)
    assert run.diverged()[0] is None
    assert run.diverged()[1] is not None
    assert run.samples().isfinite().all()
    assert torch.allclose(run.samples()[0], healthy.samples()[0], atol=1e-5)


def test_a_failing_block_lets_the_others_save(tmp_path):
    run = ms.Run.create(tmp_path / "run", experiment(seeds=2, block=1, steps=10**6))
    broken = run.folder / "block-001"
    broken.mkdir()
    (broken / "checkpoint.json").write_text("{}")
    with pytest.raises(ModescopeError, match="block-001"):
        train_jobs([Job(run.folder, 0), Job(run.folder, 1)], lambda job, look: None, workers=2)
    assert (run.stores[0].manifest() or {}).get("step") is not None


@pytest.mark.parametrize(
    ("data", "method", "stem"),
    [
        ("ring", "pacgan", "ring-pacgan"),
        ("photographs/", "gan", "photographs-gan"),
        ("a/photographs/", "pacgan+lsgan", "photographs-pacgan+lsgan"),
        (".", "gan", "here-gan"),
        ("ring:unrolled", "folder/mine.py:Remedy", "ring-unrolled-mine.py-remedy"),
    ],
)
def test_folders_are_named_after_data_and_method(tmp_path, monkeypatch, data, method, stem):
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    assert fresh_folder(data, method) == Path("runs") / stem
    (Path("runs") / stem).mkdir(parents=True)
    assert fresh_folder(data, method) == Path("runs") / f"{stem}-2"


def test_folders_are_not_overwritten(undisturbed, tmp_path):
    with pytest.raises(ModescopeError, match="holds a run already: go on with 'modescope resume"):
        ms.Run.create(undisturbed.folder, experiment())
    (tmp_path / "something").write_text("mine")
    with pytest.raises(ModescopeError, match="is not empty"):
        ms.Run.create(tmp_path, experiment())
    with pytest.raises(ModescopeError, match="is no run"):
        ms.Run(tmp_path)


def test_runs_of_other_versions_are_told(tmp_path, capsys, monkeypatch):
    done = ms.train_many({"a": experiment(seeds=1)}, tmp_path, workers=1)[0]
    assert "was made with" not in capsys.readouterr().err
    begun = ms.Run.create(tmp_path / "b", experiment(seeds=1), name="b")
    monkeypatch.setattr("modescope.runs.run.versions", lambda: {"modescope": "9.9", "torch": torch.__version__})
    done.train(workers=1)
    then = f"was made with modescope {ms.__version__}; this is modescope 9.9"
    assert f"a {then}: its results are kept" in capsys.readouterr().err
    begun.train(workers=1, quiet=True)
    assert then not in capsys.readouterr().err
    other = ms.Run.create(tmp_path / "c", experiment(seeds=1), name="c")
    monkeypatch.setattr("modescope.runs.run.versions", lambda: {"modescope": "9.10", "torch": torch.__version__})
    other.train(workers=1)
    assert "c was made with modescope 9.9; this is modescope 9.10: it goes on with this" in capsys.readouterr().err


def test_train_many_goes_on_and_refuses_another_experiment(tmp_path):
    runs = ms.train_many({"a": experiment(seeds=1)}, tmp_path, workers=1, quiet=True)
    before = files(runs[0])
    assert files(ms.train_many({"a": experiment(seeds=1)}, tmp_path, workers=1, quiet=True)[0]) == before
    with pytest.raises(ModescopeError, match="method"):
        ms.train_many({"a": experiment("lsgan", seeds=1)}, tmp_path, workers=1, quiet=True)


def test_a_later_schema_is_refused(undisturbed, tmp_path):
    config = json.loads((undisturbed.folder / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps({**config, "schema": 99}))
    with pytest.raises(ModescopeError, match="schema 99"):
        ms.Run(tmp_path)


def test_an_unwritable_folder_is_one_sentence(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ModescopeError, match="cannot be written"):
        ms.Run.create(tmp_path / "file" / "run", experiment())


def test_one_block_is_trained_by_one_process(undisturbed):
    store = undisturbed.stores[0]
    with store.locked(), pytest.raises(ModescopeError, match="another process"), store.locked(patience=0.2):
        pass


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        ("no looks", r"stats\.jsonl.*cut short"),
        ("odd look", "a look is no object"),
        ("no snapshots", r"snapshots\.bin.*cut short"),
        ("few members", "truncated or changed"),
        ("odd manifest", "stats_bytes 'a'"),
        ("odd seeds", "config cannot be read"),
    ],
)
def test_a_finished_run_that_was_changed_is_told_in_one_sentence(undisturbed, tmp_path, damage, message):
    folder = tmp_path / "run"
    shutil.copytree(undisturbed.folder, folder)
    run = ms.Run(folder)
    store = run.stores[0]
    if damage == "no looks":
        store.stats_path.write_bytes(b"")
    elif damage == "odd look":
        with store.stats_path.open("ab") as file:
            file.write(b"null\n")
    elif damage == "no snapshots":
        store.snapshots_path.write_bytes(b"half")
    elif damage == "few members":
        samples, lost = store.samples()
        store.write_samples(samples[:1], lost[:1])
    elif damage == "odd manifest":
        store.manifest_path.write_text(sealed({**store.manifest(), "stats_bytes": "a"}))
    else:
        config = json.loads((folder / "config.json").read_text())
        config["experiment"]["seeds"] = ["a"]
        (folder / "config.json").write_text(sealed(config))
    with pytest.raises(ModescopeError, match=message):
        read_all(ms.Run(folder))


def test_a_kill_between_the_state_and_the_manifest_of_a_step_that_was_kept_loses_nothing(tmp_path, monkeypatch):
    run = ms.Run.create(tmp_path / "run", ms.plan("ring", seeds=1, steps=4, evaluation=ms.Evaluation(samples=8)))
    store = run.stores[0]
    config = run.config["experiment"]
    store.folder.mkdir()
    store.append({"step": 0}, np.zeros(3, dtype="<f4"))
    store.commit({"seconds": torch.tensor(1.0)}, 2, config, done=False)

    def killed(path, content):
        if path == store.manifest_path:
            raise KeyboardInterrupt
        return atomic_write(path, content)

    monkeypatch.setattr("modescope.runs.store.atomic_write", killed)
    with pytest.raises(KeyboardInterrupt):
        store.commit({"seconds": torch.tensor(2.0)}, 2, config, done=False)
    assert store.load()["seconds"] in (1.0, 2.0)


def read_all(run):
    """Reads all that a finished run holds."""
    assert run.done
    return run.samples(), run.diverged(), run.snapshots()


@pytest.mark.skipif(torch.cuda.is_available(), reason="the device is there")
def test_a_device_that_is_not_there_leaves_no_folder(tmp_path):
    with pytest.raises(ModescopeError, match="device is 'cuda'"):
        ms.Run.create(tmp_path / "run", experiment(device="cuda"))
    assert not (tmp_path / "run").exists()


def test_altered_samples_and_an_altered_config_are_told(tmp_path):
    run = ms.Run.create(tmp_path / "run", experiment(seeds=1)).train(workers=1, quiet=True)
    path = run.stores[0].samples_path
    content = path.read_bytes()
    path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(ModescopeError, match=r"samples\.safetensors.*truncated or changed"):
        run.samples()
    path.write_bytes(content)
    config = json.loads((run.folder / "config.json").read_text())
    config["experiment"]["training"]["steps"] = 41
    (run.folder / "config.json").write_text(sealed(config))
    with pytest.raises(ModescopeError, match=r"training\.steps was 40 and is now 41"):
        ms.Run(run.folder).samples()


def test_a_finished_run_with_a_cut_log_is_not_called_done(tmp_path):
    run = ms.Run.create(tmp_path / "run", experiment(seeds=1)).train(workers=1, quiet=True)
    path = run.stores[0].snapshots_path
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(ModescopeError, match=r"snapshots\.bin.*cut short"):
        run.train(workers=1, quiet=True)
