"""Errors for people."""

import math

import pytest

from modescope.core.errors import MissingExtraError, ModescopeError, extra, nearest_name, need


def test_need() -> None:
    need(True, "unseen")
    with pytest.raises(ModescopeError, match=r"^said$"):
        need(False, "said")
    assert issubclass(ModescopeError, ValueError)


def test_nearest_name() -> None:
    error = nearest_name("method", "pacgna", ["veegan", "gan", "pacgan"])
    assert str(error) == "unknown method 'pacgna': did you mean 'pacgan'? the methods are gan, pacgan, veegan"
    assert str(nearest_name("form", 3, ["a"])) == "unknown form 3: the forms are a"
    far = nearest_name("method", "zzz", {"gan": 1, "pacgan": 2})
    assert str(far) == "unknown method 'zzz': the methods are gan, pacgan"


def test_extra() -> None:
    assert extra("math", "report", "nothing") is math
    message = "^a movie needs the library 'modescope_has_no_such': pip install 'modescope\\[report\\]'$"
    with pytest.raises(MissingExtraError, match=message):
        extra("modescope_has_no_such.part", "report", "a movie")
    assert issubclass(MissingExtraError, ModescopeError)
    assert issubclass(MissingExtraError, ImportError)
