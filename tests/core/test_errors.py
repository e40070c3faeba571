"""Errors for people, and files that are whole or not there."""

import math
from pathlib import Path

import pytest

from modescope.core.errors import MissingExtraError, ModescopeError, extra, nearest_name, need
from modescope.core.files import atomic_write


def test_need() -> None:
    need(True, "unseen")
    with pytest.raises(ModescopeError, match=r"^said$"):
        need(False, "said")
    assert issubclass(ModescopeError, ValueError)


def test_nearest_name() -> None:
    error = nearest_name("method", "pacgna", ["veegan", "gan", "pacgan"])
    assert str(error) == "unknown method 'pacgna': did you mean 'pacgan'? the methods are gan, pacgan, veegan"
    far = nearest_name("method", "zzz", {"gan": 1, "pacgan": 2})
    assert str(far) == "unknown method 'zzz': the methods are gan, pacgan"


def test_extra() -> None:
    assert extra("math", "report", "nothing") is math
    message = "^a movie needs the library 'modescope_has_no_such': pip install 'modescope\\[report\\]'$"
    with pytest.raises(MissingExtraError, match=message):
        extra("modescope_has_no_such.part", "report", "a movie")
    assert issubclass(MissingExtraError, ModescopeError)
    assert issubclass(MissingExtraError, ImportError)


def test_write(tmp_path: Path) -> None:
    path = atomic_write(tmp_path / "a.txt", "zwölf\n")
    assert path.read_bytes() == "zwölf\n".encode()
    atomic_write(str(path), b"\x00\x01")
    assert path.read_bytes() == b"\x00\x01"
    assert [file.name for file in tmp_path.iterdir()] == ["a.txt"]


def test_a_failed_write_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = atomic_write(tmp_path / "a.txt", "old")

    def full(*_: object) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr("modescope.core.files.os.fsync", full)
    with pytest.raises(OSError, match="no space"):
        atomic_write(path, "new")
    assert path.read_text() == "old"
    assert [file.name for file in tmp_path.iterdir()] == ["a.txt"]


def test_write_into_no_folder(tmp_path: Path) -> None:
    with pytest.raises(ModescopeError, match="nowhere' does not exist"):
        atomic_write(tmp_path / "nowhere" / "a.txt", "")
