"""Files and command lines from anyone: a result or one sentence, and never a traceback, a hang, or code that runs."""

import contextlib
import io
import json
import os
import pickle
import shutil
import signal
import zipfile
import zlib
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save

import modescope as ms
from modescope.cli.main import COMMANDS, main
from modescope.core.errors import ModescopeError
from modescope.core.sealed import sealed
from modescope.runs.worker import train_block
from modescope.sources import open_source

RUN = Path(__file__).parent / "fixtures" / "run-schema-2"
FUZZ = settings(
    max_examples=int(os.environ.get("MODESCOPE_FUZZ", "10")),
    deadline=None,
    derandomize="MODESCOPE_FUZZ" not in os.environ,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers(-3, 40)
    | st.sampled_from([0.0, -1.0, 0.5, 1e300, float("nan"), float("inf"), 10**400])
    | st.text(max_size=8)
    | st.sampled_from(["gan", "ring", "os:system", "../x", "cuda", "\0"])
)
JSON = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)


@contextlib.contextmanager
def told(seconds: int = 20):
    """What may end in one sentence, and must end."""

    def late(number: int, frame: Any) -> None:
        raise AssertionError(f"not done after {seconds} s")

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(seconds)
    try:
        yield
    except ModescopeError:
        return
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def places(tree: Any, path: tuple = ()) -> list[tuple]:
    """Where in nested data something stands."""
    inner = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    return [path, *(place for key, value in inner for place in places(value, (*path, key)))]


def changed(tree: Any, path: tuple, value: Any, drop: bool) -> Any:
    """A copy of nested data with another value at one place, or none."""
    if not path:
        return value
    copy = tree.copy()
    if drop and len(path) == 1:
        copy.pop(path[0])
    else:
        copy[path[0]] = changed(tree[path[0]], path[1:], value, drop)
    return copy


@pytest.fixture
def folder(tmp_path):
    return shutil.copytree(RUN, tmp_path / "run")


def read_all(folder):
    """Reads a run in every way; each may end in one sentence."""
    with told():
        run = ms.Run(folder)
        for read in (
            lambda: (run.name, run.command, run.members, run.done),
            run.history,
            run.snapshots,
            run.samples,
            run.diverged,
            lambda: run.population(0),
            lambda: run.population(1),
            lambda: train_block(folder, 1, lambda look: None, lambda: True),  # saves and leaves before the first step
        ):
            with told():
                read()
    with told():
        ms.runs.verify_run(folder)


@FUZZ
@given(st.data())
@pytest.mark.parametrize("name", ["config.json", "block-000/checkpoint.json", "block-001/checkpoint.json"])
def test_a_description_with_a_right_checksum_and_wrong_content(folder, name, data):
    plain = json.loads((RUN / name).read_text())
    path = data.draw(st.sampled_from(places(plain)[1:]))
    hostile = changed(plain, path, data.draw(JSON), data.draw(st.booleans()))
    shutil.rmtree(folder)
    shutil.copytree(RUN, folder)
    (folder / name).write_text(sealed(hostile))
    read_all(folder)


def resealed(block: Path, **entries: Any) -> None:
    """Writes entries into a block's description, with a right checksum."""
    path = block / "checkpoint.json"
    path.write_text(sealed({**json.loads(path.read_text()), **entries}))


@FUZZ
@given(st.data())
def test_a_log_with_a_right_checksum_and_wrong_content(folder, data):
    shutil.rmtree(folder)
    shutil.copytree(RUN, folder)
    block = folder / "block-000"
    looks = [json.loads(line) for line in (block / "stats.jsonl").read_text().splitlines()]
    path = data.draw(st.sampled_from(places(looks)[1:]))
    hostile = changed(looks, path, data.draw(JSON), data.draw(st.booleans()))
    content = "".join(json.dumps(look) + "\n" for look in hostile).encode()
    (block / "stats.jsonl").write_bytes(content)
    resealed(block, stats_bytes=len(content), stats_crc32=zlib.crc32(content))
    read_all(folder)


TENSORS = st.sampled_from(
    [
        torch.zeros(()),
        torch.zeros(0),
        torch.ones(2, 3),
        torch.full((1, 64), float("nan")),
        torch.ones(1, dtype=torch.int64),
    ]
)


@FUZZ
@given(st.data())
def test_a_state_and_samples_with_a_right_checksum_and_wrong_content(folder, data):
    shutil.rmtree(folder)
    shutil.copytree(RUN, folder)
    block = folder / data.draw(st.sampled_from(["block-000", "block-001"]))
    state = block / json.loads((block / "checkpoint.json").read_text())["state"]
    tensors = load_file(state)
    for name in data.draw(st.lists(st.sampled_from(sorted(tensors)), max_size=2, unique=True)):
        tensors.pop(name)
        if data.draw(st.booleans()):
            tensors[name] = data.draw(TENSORS).clone()
    content = data.draw(st.sampled_from([save(tensors), b"", save({}), pickle.dumps({"a": 1}), b"\xff" * 40]))
    state.write_bytes(content)
    samples = data.draw(st.sampled_from([save({"samples": data.draw(TENSORS)}), save({}), b"", b"[]"]))
    (block / "samples.safetensors").write_bytes(samples)
    resealed(block, sha256=sha256(content).hexdigest(), samples_sha256=sha256(samples).hexdigest())
    read_all(folder)


class Bomb:
    """What runs code wherever it is unpickled."""

    def __reduce__(self):
        return os.mkdir, ("a pickle ran",)


def bombs(folder: Path) -> list[str]:
    """A pickle under every name and in every wrapping that is read as data."""
    plain = pickle.dumps(Bomb(), protocol=2)
    for suffix in ("npy", "npz", "csv", "json", "pt", "pth", "onnx", "parquet", "zip", "png", "safetensors", "gz"):
        (folder / f"plain.{suffix}").write_bytes(plain)
    np.save(folder / "object.npy", np.array([[Bomb()]], dtype=object), allow_pickle=True)
    np.savez(folder / "object.npz", np.array([[Bomb()]], dtype=object))
    torch.save(Bomb(), folder / "torch.pt")
    with zipfile.ZipFile(folder / "inner.npz", "w") as archive:
        archive.writestr("arr_0.npy", plain)
    (folder / "pictures").mkdir()
    for name in ("a.png", "b.jpg"):
        (folder / "pictures" / name).write_bytes(plain)
    return sorted(path.name for path in folder.iterdir())


def test_no_pickle_is_ever_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in bombs(tmp_path):
        for read in (lambda name=name: open_source(name, n=2), lambda name=name: ms.datasets.make(name)):
            with told():
                read()
                pytest.fail(f"{name} was read")
            assert not Path("a pickle ran").exists(), name
    for part in ("config.json", "block-000/checkpoint.json", "block-000/stats.jsonl", "block-000/samples.safetensors"):
        shutil.rmtree("run", ignore_errors=True)
        shutil.copytree(RUN, "run")
        Path("run", part).write_bytes(pickle.dumps(Bomb(), protocol=2))
        read_all(Path("run"))
        assert not Path("a pickle ran").exists(), part


def whole_files(folder: Path) -> dict[str, bytes]:
    """A small file of each kind that samples are read from."""
    from PIL import Image

    rng = np.random.default_rng(0)
    rows, picture = rng.normal(size=(6, 2)), io.BytesIO()
    Image.fromarray(rng.integers(0, 256, (4, 4, 3), dtype=np.uint8)).save(picture, "png")
    npy, npz = io.BytesIO(), io.BytesIO()
    np.save(npy, rows)
    np.savez(npz, rows)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in ("a.png", "b.png"):
            archive.writestr(name, picture.getvalue())
    mixture = json.dumps({"means": [[0, 0], [1, 1]], "std": 0.1, "weights": [1, 1]}).encode()
    csv = "\n".join(",".join(map(str, row)) for row in rows).encode()
    return {
        "a.npy": npy.getvalue(),
        "a.npz": npz.getvalue(),
        "a.csv": csv,
        "a.json": mixture,
        "a.zip": packed.getvalue(),
    }


@FUZZ
@given(st.data())
@pytest.mark.parametrize("name", ["a.npy", "a.npz", "a.csv", "a.json", "a.zip"])
def test_samples_from_a_file_with_bytes_changed_cut_or_put_in(tmp_path, name, data):
    content = whole_files(tmp_path)[name]
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(content)))
        new = data.draw(st.binary(max_size=4))
        content = content[:at] + new + content[at + data.draw(st.sampled_from([0, len(new), 1, 10**6])) :]
    path = tmp_path / name
    path.write_bytes(content)
    with told():
        torch.cat(list(open_source(str(path), n=2).batches(2)))
    with told():
        ms.datasets.make(str(path)).sample(3, torch.Generator().manual_seed(0))


WORDS = st.sampled_from(
    [
        "ring", "gan", "moons", "--json", "--help", "-h", "--", "-", "", "--out", "run", ".", "nowhere", "--seeds", "0",
        "-1", "1e999", "nan", "--sweep", "lr=1", "pi=", "=", "--metrics", "all", "+", "unrolled+gan", "a:b", "[bold]",
        "--batch-size", "--real", "--fake", "--quiet", "methods", "list", "path", "mnist", "--workers", "\N{SNOWMAN}",
    ]
)  # fmt: skip


@FUZZ
@example(["train", "ring", "gan", "--out", "run"])
@given(
    st.tuples(st.sampled_from([*COMMANDS, "", "trian"]), st.lists(WORDS | st.text(max_size=5), max_size=5)).map(
        lambda drawn: [drawn[0], *drawn[1]]
    )
)
def test_any_command_line_ends_in_a_result_or_a_sentence(folder, monkeypatch, capsys, words):
    """What would train is stopped where its folder would be made."""

    def stop(*arguments: Any, **options: Any) -> None:
        raise ModescopeError("it would train")

    monkeypatch.chdir(folder.parent)
    monkeypatch.setattr(ms.Run, "create", stop)
    monkeypatch.setattr(ms.Run, "train", stop)
    for place in ("modescope.papers.reproduce", "modescope.cli.output.train_runs", "modescope.benchmark.run_cells"):
        monkeypatch.setattr(place, stop)
    with told(60), pytest.raises(SystemExit) as left:
        main(words)
    assert left.value.code in (0, 1, 2, None), words
    said = capsys.readouterr()
    assert "Traceback" not in said.err + said.out
