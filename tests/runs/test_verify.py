"""Every bit of a run's folder is guarded: what was damaged is found, named, and never used."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

import modescope as ms
from modescope.cli.main import main
from modescope.core.errors import ModescopeError
from modescope.core.sealed import seal_fits, sealed
from modescope.runs import verify_run
from modescope.runs.store import BlockStore
from modescope.runs.worker import train_block

LOOK = ms.Evaluation(every=10, samples=50, snapshot=8)
KINDS = ("config.json", "checkpoint.json", "state-000000030.safetensors", "stats.jsonl", "snapshots.bin")


def experiment(**changes):
    return ms.plan("ring", evaluation=LOOK, **{"seeds": 2, "steps": 30, "batch_size": 8, "block": 1, **changes})


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return ms.Run.create(tmp_path_factory.mktemp("verify") / "run", experiment()).train(workers=1, quiet=True)


def damaged(folder):
    return [check.path for check in verify_run(folder) if check.verdict == "damaged"]


def files_of(folder):
    """The run's files, but for the empty locks."""
    return sorted(path for path in folder.rglob("*") if path.is_file() and path.name != "lock")


def use(folder):
    """Reads all that a finished run holds, as reports and a resume do."""
    run = ms.Run(folder)
    run.samples(), run.snapshots(), run.diverged(), run.history()
    for block in range(len(run.stores)):
        run.population(block)


def changes_of(content: bytes, rng: np.random.Generator, bits: int, cuts: int):
    """The content with one bit flipped, and cut short, at random places."""
    for place in rng.integers(8 * len(content), size=bits):
        yield content[: place // 8] + bytes([content[place // 8] ^ 1 << place % 8]) + content[place // 8 + 1 :]
    for length in rng.integers(len(content), size=cuts):
        yield content[:length]


def test_a_run_is_whole(run):
    checks = verify_run(run.folder)
    assert [check.path for check in checks if check.verdict == "whole"] == [check.path for check in checks]
    assert sorted(check.path for check in checks) == files_of(run.folder)
    assert {check.path.name for check in checks} == {*KINDS, "samples.safetensors"}


def test_one_flipped_bit_and_one_cut_are_found_in_every_file(run):
    rng = np.random.default_rng(0)
    tried = 0
    for path in files_of(run.folder):
        content = path.read_bytes()
        try:
            for changed in changes_of(content, rng, bits=12, cuts=6):
                path.write_bytes(changed)
                assert damaged(run.folder) == [path]
                with pytest.raises(ModescopeError, match=path.name):
                    use(run.folder)
                tried += 1
        finally:
            path.write_bytes(content)
    assert tried == 18 * 11
    assert damaged(run.folder) == []


def test_every_single_bit_of_a_sealed_file_counts():
    content = sealed({"checksum": "old", "a": [1, None], "b": {"checksum": ""}}).encode()
    assert seal_fits(content)
    assert json.loads(content).keys() == {"a", "b", "checksum"}
    for place in range(8 * len(content)):
        flipped = content[: place // 8] + bytes([content[place // 8] ^ 1 << place % 8]) + content[place // 8 + 1 :]
        assert not seal_fits(flipped)
    assert not any(seal_fits(content[:length]) for length in range(len(content)))


@pytest.mark.parametrize("kind", [*KINDS, "samples.safetensors"])
def test_a_lost_file_is_named(run, tmp_path, kind):
    folder = tmp_path / "run"
    shutil.copytree(run.folder, folder)
    lost = folder / kind if kind == "config.json" else folder / "block-001" / kind
    lost.unlink()
    found = {check.path: check.verdict for check in verify_run(folder)}
    assert found[lost] == ("unknown" if kind == "checkpoint.json" else "damaged")


def test_damage_to_a_log_is_not_blessed_by_the_next_checkpoint(tmp_path):
    """A run that goes on after a bit of its log flipped adds to the old checksum, not to the damaged bytes."""
    run = ms.Run.create(tmp_path / "run", experiment(seeds=1))
    asked = iter(range(100))
    train_block(run.folder, 0, lambda look: None, lambda: next(asked) == 15)
    store = run.stores[0]
    content = bytearray(store.snapshots_path.read_bytes())
    content[3] ^= 1
    store.snapshots_path.write_bytes(content)
    with pytest.raises(ModescopeError, match=r"snapshots\.bin"):
        run.train(workers=1, quiet=True)
    store.commit({"x": torch.zeros(1)}, 20, {}, done=False)
    assert damaged(run.folder) == [store.snapshots_path]


def test_what_a_kill_left_is_cleared(tmp_path):
    run = ms.Run.create(tmp_path / "run", experiment(seeds=1))
    block = run.folder / "block-000"
    block.mkdir()
    (block / ".checkpoint.json.0a1b2c3d.tmp").write_text("{")
    run.train(workers=1, quiet=True)
    assert sorted(path.name for path in block.iterdir()) == sorted([*KINDS[1:], "samples.safetensors", "lock"])


def test_a_log_that_grew_since_its_checkpoint_is_no_damage(tmp_path):
    run = ms.Run.create(tmp_path / "run", experiment(seeds=1))
    asked = iter(range(100))
    train_block(run.folder, 0, lambda look: None, lambda: next(asked) == 15)
    store = BlockStore(run.folder / "block-000")
    store.append({"step": 20, "losses": {}, "observed": {}}, np.zeros((1, 8, 2)))
    assert damaged(run.folder) == []
    assert len(store.stats()) == 3


def test_blocks_that_changed_places_are_found(run, tmp_path):
    """Each is whole by itself, but the samples of its members would go by the names of others."""
    folder = tmp_path / "run"
    shutil.copytree(run.folder, folder)
    shutil.rmtree(folder / "block-001")
    shutil.copytree(folder / "block-000", folder / "block-001")
    assert damaged(folder) == [folder / "block-001" / "checkpoint.json"]
    with pytest.raises(ModescopeError, match="is of block-000: folders were exchanged"):
        ms.Run(folder).samples()


def test_a_block_too_many_is_none_of_the_runs(run, tmp_path):
    folder = tmp_path / "run"
    shutil.copytree(run.folder, folder)
    shutil.copytree(folder / "block-001", folder / "block-002")
    strange = [check.path for check in verify_run(folder) if check.verdict == "unknown"]
    assert strange == [path for path in files_of(folder) if path.parent.name == "block-002"]


def test_a_run_whose_data_are_gone_is_verified(tmp_path):
    path = tmp_path / "x.npy"
    np.save(path, np.random.default_rng(0).normal(size=(20, 2)))
    found = ms.Run.create(tmp_path / "run", ms.plan(str(path), seeds=3, steps=2, batch_size=8, block=2)).folder
    path.unlink()
    assert [check.verdict for check in verify_run(found)] == ["whole", "unknown", "unknown"]


def test_a_run_that_never_began_is_not_damaged(tmp_path):
    folder = ms.Run.create(tmp_path / "run", experiment()).folder
    assert [check.verdict for check in verify_run(folder)] == ["whole", "unknown", "unknown"]


def told(capsys, *args):
    with pytest.raises(SystemExit) as left:
        main(["verify", *map(str, args)])
    return left.value.code or 0, capsys.readouterr()


def test_the_command_says_it_with_its_exit_code(capsys, run, tmp_path):
    shutil.copytree(run.folder, tmp_path / "cells" / "a" / "run")
    shutil.copytree(run.folder, tmp_path / "cells" / "b" / "run")
    assert told(capsys, run.folder)[0] == 0
    code, said = told(capsys, tmp_path / "cells", "--json")
    rows = json.loads(said.out)
    assert code == 0
    assert {row["verdict"] for row in rows} == {"whole"}
    assert len(rows) == 22
    result = tmp_path / "cells" / "b" / "result.json"
    result.write_text(sealed({"values": {"modes": [8]}}))
    assert told(capsys, tmp_path / "cells")[0] == 0
    result.write_text(result.read_text().replace("8", "7", 1))
    code, said = told(capsys, tmp_path / "cells")
    assert code == 1
    assert "result.json" in said.out.replace("\n", "")
    result.unlink()
    lost = tmp_path / "cells" / "b" / "run" / "config.json"
    lost.unlink()
    code, said = told(capsys, tmp_path / "cells", "--json")
    assert code == 1
    assert [Path(row["path"]) for row in json.loads(said.out) if row["verdict"] == "damaged"] == [lost]
    code, said = told(capsys, tmp_path / "cells")
    assert code == 1
    assert "damaged" in said.out
    assert "is missing" in said.out.replace("\n", " ")
    assert told(capsys, tmp_path / "nowhere")[0] == 2


@pytest.mark.parametrize(
    "changes", [{"block": 0}, {"block": 1e-300}, {"block": 1, "sweep": {"lr": [1.0] * 10_000_000}}]
)
def test_a_sealed_plan_of_no_size_is_told(run, tmp_path, changes):
    """None of these divides by zero, or goes through more blocks than a run may have; found by fuzzing."""
    folder = shutil.copytree(run.folder, tmp_path / "run")
    plain = json.loads((folder / "config.json").read_text())
    plain["experiment"] |= changes
    (folder / "config.json").write_text(sealed(plain))
    assert folder / "config.json" in damaged(folder)
