"""The table of methods, their names in text, and their form in JSON."""

import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest

from modescope.core import Method, ModescopeError, Wrapper
from modescope.methods import (
    ALI,
    GAN,
    LSGAN,
    METHODS,
    VEEGAN,
    PacGAN,
    UnrolledGAN,
    WeightedJS,
    build,
    class_of,
    decode,
    encode,
    layers,
    name_of,
    spec_of,
)

OWN = """
from __future__ import annotations
from dataclasses import dataclass
from typing import Literal
from modescope.core import Wrapper
from modescope.methods import GAN

@dataclass(frozen=True, kw_only=True)
class Tuned(GAN):
    pair: tuple[float, ...] = (1.0, 2.0)
    nested: tuple[tuple[int, str], ...] = ((1, "a"),)
    limit: float | None = None
    kind: Literal["a", "b"] = "a"
    first: int
    rest: object = None

@dataclass(frozen=True, kw_only=True)
class Bare(Wrapper):
    pass

class Outer:
    @dataclass(frozen=True, kw_only=True)
    class Inner(GAN):
        pass
"""


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A module of somebody else's methods, in the current folder."""
    (tmp_path / "own_methods.py").write_text(OWN)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    yield
    sys.modules.pop("own_methods", None)


def test_the_table_holds_every_method_under_its_name() -> None:
    assert {"gan", "lsgan", "weighted-js", "forward-kl", "unrolled", "pacgan", "veegan", "mad-gan"} < set(METHODS)
    assert len(set(METHODS.values())) == len(METHODS)
    for name, kind in METHODS.items():
        assert class_of(name) is kind
        assert name_of(kind) == name_of(kind()) == name


@pytest.mark.parametrize("kind", METHODS.values(), ids=lambda kind: kind.__name__)
def test_every_method_says_what_it_is_and_where_it_is_from(kind: type[Method]) -> None:
    assert 20 < len(kind.summary) < 120
    assert not kind.summary.endswith(".")
    assert kind.reference
    assert kind.__doc__
    assert "References:" in kind.__doc__
    if kind.year is not None:
        assert f"{kind.year})" in kind.reference
        assert kind.reference.split(", ")[-1].startswith("https://")


@pytest.mark.parametrize(
    ("spec", "method"),
    [
        ("gan", GAN()),
        (" lsgan ", LSGAN()),
        ("pacgan", PacGAN()),
        ("unrolled", UnrolledGAN()),
        ("unrolled+gan", UnrolledGAN(base=GAN())),
        ("unrolled+pacgan+lsgan", UnrolledGAN(base=PacGAN(base=LSGAN()))),
        ("pacgan + unrolled", PacGAN(base=UnrolledGAN())),
        ("unrolled+ali", UnrolledGAN(base=ALI())),
    ],
)
def test_a_chain_reads_from_the_outside_in(spec: str, method: Method) -> None:
    assert build(spec) == method
    assert build(spec_of(method)) == method


def test_layers_are_listed_from_the_outside_in() -> None:
    method = build("unrolled+pacgan+lsgan")
    assert [type(layer) for layer in layers(method)] == [UnrolledGAN, PacGAN, LSGAN]
    assert spec_of(method) == "unrolled+pacgan+lsgan"
    assert spec_of(UnrolledGAN()) == "unrolled"
    assert spec_of(UnrolledGAN(base=PacGAN())) == "unrolled+pacgan"


def test_a_field_goes_to_the_outermost_layer_that_has_it() -> None:
    assert build("pacgan+lsgan", degree=4, fake=-1) == PacGAN(base=LSGAN(fake=-1.0), degree=4)
    assert build("pacgan+pacgan+gan", degree=4) == PacGAN(base=PacGAN(base=GAN()), degree=4)
    assert build("unrolled", saturating=False, unroll=2) == UnrolledGAN(base=GAN(), unroll=2)
    assert build("pacgan+weighted-js", **{"critic-steps": 2}) == PacGAN(base=WeightedJS(critic_steps=2))


def test_a_path_leads_deeper() -> None:
    assert build("pacgan+pacgan+gan", **{"base.degree": 4}) == PacGAN(base=PacGAN(degree=4))
    assert build("unrolled+pacgan+lsgan", **{"base.base.real": 0.9, "base.degree": 3}) == UnrolledGAN(
        base=PacGAN(base=LSGAN(real=0.9), degree=3)
    )


def test_fields_are_checked_together() -> None:
    field = build("lsgan", fake=1).fake
    assert field == 1.0
    assert isinstance(field, float)


@pytest.mark.parametrize(
    ("spec", "fields", "message"),
    [
        ("pacgna", {}, "unknown method 'pacgna': did you mean 'pacgan'?"),
        ("pacgan+lsgna", {}, "did you mean 'lsgan'?"),
        ("gan+pacgan", {}, "gan wraps no other method, so pacgan cannot follow it"),
        ("pacgan+", {}, "expected names joined by '+'"),
        ("", {}, "expected names joined by '+'"),
        ("pacgan+veegan", {}, "PacGAN over VEEGAN is not defined"),
        ("pacgan+lsgan", {"degre": 2}, "unknown pacgan+lsgan field 'degre': did you mean 'degree'?"),
        ("pacgan+lsgan", {"base.degree": 2}, "unknown pacgan+lsgan field 'base.degree'"),
        ("pacgan+lsgan", {"base": GAN()}, "unknown pacgan+lsgan field 'base'"),
        ("pacgan", {"degree": 2.5}, "degree of pacgan is 2.5, expected a whole number"),
        ("pacgan", {"degree": True}, "degree of pacgan is True, expected a whole number"),
        ("pacgan", {"degree": 0}, "degree is 0"),
        ("gan", {"saturating": 1}, "saturating of gan is 1, expected true or false"),
        ("lsgan", {"real": "1"}, "real of lsgan is '1', expected a number"),
        ("veegan", {"distance": "avg"}, "distance of veegan is 'avg', expected 'sum' or 'mean'"),
        ("nowhere:Thing", {}, "method 'nowhere:Thing' cannot be imported"),
        ("os:kill", {}, "method 'os:kill' is of Python's own library"),
        ("torch:arange", {}, "method 'torch:arange' is no method"),
        ("modescope.core:TwoPlayer", {}, "is no method, expected a subclass"),
        ("modescope.methods:LSGNA", {}, "did you mean 'modescope.methods:LSGAN'?"),
        ("__main__:Mine", {}, "move its class to a module"),
    ],
)
def test_refuses_with_a_sentence(spec: str, fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ModescopeError, match=re.escape(message)):
        build(spec, **fields)


@pytest.mark.parametrize(
    "method",
    [
        *(kind() for kind in METHODS.values()),
        UnrolledGAN(base=PacGAN(base=LSGAN(fake=-1.0, wanted=0.0), degree=3), unroll=2),
        PacGAN(base=PacGAN(base=WeightedJS(pi=1e-3, saturating=False))),
        VEEGAN(weight=0.1, distance="mean", adversarial_reconstructor=True),
    ],
    ids=repr,
)
def test_a_method_survives_json(method: Method) -> None:
    written = json.loads(json.dumps(encode(method)))
    assert written == encode(method)
    assert decode(written) == method


def test_what_is_written_is_readable() -> None:
    assert encode(PacGAN(base=LSGAN(real=0.9))) == {
        "name": "pacgan",
        "base": {"name": "lsgan", "critic_steps": 1, "fake": 0.0, "real": 0.9, "wanted": 1.0},
        "degree": 2,
    }
    assert decode({"name": "lsgan"}) == LSGAN()


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ({}, "describes no method"),
        ("gan", "describes no method"),
        ({"name": "gam"}, "did you mean 'gan'?"),
        ({"name": "lsgan", "reel": 1.0}, "unknown LSGAN field 'reel': did you mean 'real'?"),
        ({"name": "lsgan", "real": [1.0]}, "real of lsgan is [1.0], expected a number"),
        ({"name": "pacgan", "base": 3}, "base of pacgan is 3, expected Method"),
        ({"name": "pacgan", "base": {"name": "ali"}}, "PacGAN over ALI is not defined"),
    ],
)
def test_refuses_to_read_with_a_sentence(written: Any, message: str) -> None:
    with pytest.raises(ModescopeError, match=re.escape(message)):
        decode(written)


@pytest.mark.usefixtures("own")
def test_somebody_elses_method_goes_by_its_import_path() -> None:
    fields = {"first": 3, "pair": [1, 2, 3], "limit": 4, "kind": "b", "nested": ((2, "b"), (3, "c"))}
    method = build("pacgan+own_methods:Tuned", **fields)
    assert spec_of(method) == "pacgan+own_methods:Tuned"
    inner = layers(method)[1]
    assert (inner.pair, inner.limit, inner.nested) == ((1.0, 2.0, 3.0), 4.0, ((2, "b"), (3, "c")))
    written = json.loads(json.dumps(encode(method)))
    assert written == encode(method)
    assert decode(written) == method


@pytest.mark.usefixtures("own")
@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({}, "Tuned needs the field 'first'"),
        ({"first": 1, "limit": "x"}, "limit of own_methods:Tuned is 'x', expected a number or nothing"),
        ({"first": 1, "pair": [1, "x"]}, "pair of own_methods:Tuned is [1, 'x']"),
        ({"first": 1, "nested": [[1, "a", 2]]}, "nested of own_methods:Tuned"),
        ({"first": 1, "kind": "c"}, "expected 'a' or 'b'"),
    ],
)
def test_somebody_elses_fields_are_checked(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ModescopeError, match=re.escape(message)):
        build("own_methods:Tuned", **fields)


@pytest.mark.usefixtures("own")
def test_what_cannot_be_read_again_is_not_written() -> None:
    kind = class_of("own_methods:Tuned")
    with pytest.raises(ModescopeError, match="rest of Tuned is a set, which cannot be written to JSON"):
        encode(kind(first=1, rest={1}))
    inner = sys.modules["own_methods"].Outer.Inner()
    with pytest.raises(ModescopeError, match="define its class at module level"):
        encode(inner)
    with pytest.raises(ModescopeError, match="own_methods:Bare needs one to wrap after it"):
        build("own_methods:Bare")
    assert issubclass(class_of("own_methods:Bare"), Wrapper)
    assert spec_of(build("own_methods:Bare+gan")) == "own_methods:Bare+gan"
