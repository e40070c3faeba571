import os
import stat
from concurrent.futures import ThreadPoolExecutor

import pytest

from modescope.core.errors import ModescopeError
from modescope.core.files import atomic_write


def test_writes_bytes_and_text_and_replaces(tmp_path):
    path = tmp_path / "x.json"
    assert atomic_write(path, b"\x00\xff") == path
    assert path.read_bytes() == b"\x00\xff"
    atomic_write(path, "π ‖")
    assert path.read_text(encoding="utf-8") == "π ‖"
    assert [entry.name for entry in tmp_path.iterdir()] == ["x.json"]


@pytest.mark.parametrize("broken", ["fsync", "replace"])
def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch, broken):
    path = tmp_path / "x.txt"
    atomic_write(path, "old")

    def fail(*_):
        raise OSError("disk full")

    monkeypatch.setattr(os, broken, fail)
    with pytest.raises(OSError, match="disk full"):
        atomic_write(path, "new")
    assert path.read_text() == "old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["x.txt"]


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(ModescopeError, match="does not exist"):
        atomic_write(tmp_path / "none" / "x.txt", "new")


def test_a_pipe_is_written_to_and_stays_a_pipe(tmp_path):
    path = tmp_path / "pipe"
    os.mkfifo(path)
    with ThreadPoolExecutor() as pool:
        heard = pool.submit(path.read_bytes)
        atomic_write(path, "told")
        assert stat.S_ISFIFO(path.stat().st_mode)
        assert heard.result(timeout=10) == b"told"
    assert [entry.name for entry in tmp_path.iterdir()] == ["pipe"]


def test_a_link_stays_a_link(tmp_path):
    (tmp_path / "real").mkdir()
    for name in ("here", "not-yet"):
        target, link = tmp_path / "real" / name, tmp_path / name
        link.symlink_to(target)
        if name == "here":
            target.write_text("old")
        assert atomic_write(link, "new") == link
        assert link.is_symlink()
        assert target.read_text() == "new"
