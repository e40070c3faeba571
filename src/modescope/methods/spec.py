"""Methods as text: ``unrolled+pacgan+lsgan``, and as plain data for ``config.json``."""

__all__ = ["build", "decode", "encode", "spec_of"]

import dataclasses
from collections.abc import Mapping
from contextlib import suppress
from itertools import pairwise
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from ..core.errors import ModescopeError, nearest_name, need
from ..core.method import Method, Wrapper, layers
from .table import available, class_of, name_of

Layer = tuple[type[Method], dict[str, Any]]  # the class of a layer, and the values of its fields but `base`


def build(spec: str, **fields: Any) -> Method:
    """The method that a text stands for.

    Arguments:
        spec: A name, or several from the outside in, e.g. ``unrolled+pacgan+lsgan`` for
            ``UnrolledGAN(base=PacGAN(base=LSGAN()))``. A wrapper with nothing after it wraps its default. A method of
            your own is named by its import path, ``package.module:Class``.
        fields: Values of fields. A plain name is that of the outermost layer which has it; ``base.degree`` is the field
            of the second layer, ``base.base.real`` of the third. Hyphens count as underscores.

    Raises:
        ModescopeError: If a name is unknown, a chain is not defined, or a value is not valid.

    Example:
        >>> build("unrolled+lsgan", unroll=3, real=0.9)
        UnrolledGAN(base=LSGAN(critic_steps=1, fake=0.0, real=0.9, wanted=1.0), unroll=3)
    """
    chain = parse(spec)
    for path, value in fields.items():
        kind, values, name = place(chain, path)
        values[name] = conform(kind, name, value)
    method: Method | None = None
    for kind, values in reversed(chain):
        method = make(kind, values if method is None else {**values, "base": method})
    assert method is not None
    return method


def spec_of(method: Method) -> str:
    """The names of a method's layers from the outside in, e.g. ``unrolled+pacgan+lsgan``.

    What a wrapper wraps by default is left out, so that :func:`build` gives the same layers again.
    """
    names = [name_of(method)]
    for outer, inner in pairwise(layers(method)):
        if inner == default_base(type(outer)):
            break
        names.append(name_of(inner))
    return "+".join(names)


def encode(method: Method) -> dict[str, Any]:
    """A method as plain data that JSON can hold, which :func:`decode` reads.

    Raises:
        ModescopeError: If a field holds what JSON cannot, or the method's class has no import path.
    """
    name = name_of(method)
    need("." not in name.partition(":")[2], f"method {name!r} cannot be written down, define its class at module level")
    values = {name: getattr(method, name) for name in own_fields(type(method))}
    return {"name": name, **{key: plain(value, method, key) for key, value in values.items()}}


def plain(value: Any, method: Method, name: str) -> Any:
    """A field's value as JSON holds it."""
    if isinstance(value, Method):
        return encode(value)
    if isinstance(value, tuple):
        return [plain(part, method, name) for part in value]
    good = value is None or isinstance(value, (bool, int, float, str))
    need(good, f"{name} of {type(method).__name__} is a {type(value).__name__}, which cannot be written to JSON")
    return value


def decode(written: Mapping[str, Any]) -> Method:
    """The method that :func:`encode` wrote; fields that are not there take their defaults.

    Raises:
        ModescopeError: If a name is unknown or a value is not valid.
    """
    need(
        isinstance(written, Mapping) and isinstance(written.get("name"), str),
        f"{written!r} describes no method, expected a mapping with a name",
    )
    kind, values = class_of(written["name"]), {}
    for name, value in written.items():
        if name == "name":
            continue
        if name not in own_fields(kind):
            raise nearest_name(f"{kind.__name__} field", name, own_fields(kind))
        values[name] = conform(kind, name, decode(value) if isinstance(value, Mapping) else value)
    return make(kind, values)


def parse(spec: str) -> list[Layer]:
    """The layers of a chain, those that its last wrapper wraps by default included."""
    names = [name.strip() for name in spec.split("+")]
    need(all(names), f"method is {spec!r}, expected names joined by '+', e.g. 'unrolled+lsgan'")
    kinds = [class_of(name) for name in names]
    for outer, inner in pairwise(kinds):
        wrappers = ", ".join(name for name, kind in available().items() if issubclass(kind, Wrapper))
        need(
            issubclass(outer, Wrapper),
            f"method is {spec!r}, but {name_of(outer)} wraps no other method, so {name_of(inner)} cannot follow it; "
            f"those that do are {wrappers}",
        )
    chain: list[Layer] = [(kind, {}) for kind in kinds]
    default = default_base(kinds[-1])
    need(
        default is not None or not issubclass(kinds[-1], Wrapper),
        f"method is {spec!r}, but {names[-1]} needs one to wrap after it, e.g. '{spec}+gan'",
    )
    for layer in layers(default) if default else ():
        values = {name: getattr(layer, name) for name in own_fields(type(layer)) if name != "base"}
        chain.append((type(layer), values))
    return chain


def default_base(kind: type[Method]) -> Method | None:
    """What a wrapper wraps if it is not told, or None."""
    for field in dataclasses.fields(kind):
        if field.name == "base" and field.default_factory is not dataclasses.MISSING:
            return field.default_factory()
    return None


def place(chain: list[Layer], path: str) -> tuple[type[Method], dict[str, Any], str]:
    """The layer that a field's path leads to, the values that it has so far, and the field's name."""
    clean = path.replace("-", "_")
    found: dict[str, tuple[type[Method], dict[str, Any], str]] = {}
    for depth, (kind, values) in enumerate(chain):
        for name in own_fields(kind):
            if name != "base":
                found.setdefault(name, (kind, values, name))
                found.setdefault("base." * depth + name, (kind, values, name))
    if clean not in found:
        names = "+".join(name_of(kind) for kind, _ in chain)
        raise nearest_name(f"{names} field", path, found)
    return found[clean]


def own_fields(kind: type[Method]) -> dict[str, dataclasses.Field[Any]]:
    """The fields of a method's class that it is built from, by name."""
    return {field.name: field for field in dataclasses.fields(kind) if field.init}


def make(kind: type[Method], values: Mapping[str, Any]) -> Method:
    """A method, once no field that it needs is missing."""
    for name, field in own_fields(kind).items():
        required = field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
        need(name in values or not required, f"{kind.__name__} needs the field {name!r}")
    return kind(**values)


def conform(kind: type[Method], name: str, value: Any) -> Any:
    """A value as its field is annotated: whole numbers become real ones where these are asked for, lists tuples."""
    annotation = get_type_hints(kind)[name]
    try:
        return converted(value, annotation)
    except TypeError:
        message = f"{name} of {name_of(kind)} is {value!r}, expected {described(annotation)}"
    raise ModescopeError(message)


def converted(value: Any, annotation: Any) -> Any:
    """A value as an annotation asks for it, or a `TypeError`; as it is where the annotation cannot be checked."""
    origin, args = get_origin(annotation), get_args(annotation)
    good = True
    if origin in (Union, UnionType):
        for option in args:
            with suppress(TypeError):
                return converted(value, option)
        good = False
    elif origin is Literal:
        good = value in args
    elif origin is tuple:
        if isinstance(value, (list, tuple)):
            kinds = args[:1] * len(value) if args[1:] == (...,) else args
            if len(kinds) == len(value):
                return tuple(converted(part, of) for part, of in zip(value, kinds, strict=True))
        good = False
    elif annotation is float and type(value) is int:
        return float(value)
    elif isinstance(annotation, type) and annotation is not Any:
        good = isinstance(value, annotation) and (annotation is bool or not isinstance(value, bool))
    if not good:
        raise TypeError
    return value


def described(annotation: Any) -> str:
    """An annotation in words."""
    words = {int: "a whole number", float: "a number", bool: "true or false", str: "a text", NoneType: "nothing"}
    if annotation in words:
        return words[annotation]
    if get_origin(annotation) in (Union, UnionType):
        return " or ".join(map(described, get_args(annotation)))
    if get_origin(annotation) is Literal:
        return " or ".join(map(repr, get_args(annotation)))
    return getattr(annotation, "__name__", str(annotation))
