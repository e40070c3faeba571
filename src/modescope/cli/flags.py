"""Command-line flags, made from the dataclasses that they set."""

__all__ = ["Flags", "flags_of", "parse", "read"]

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import NoneType
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints

import tyro
from tyro.constructors import ConstructorRegistry, PrimitiveConstructorSpec, PrimitiveTypeInfo

from ..core.errors import nearest_name
from .docs import argument_docs

REGISTRY = ConstructorRegistry()
READERS: dict[Any, tuple[str, str]] = {  # what is shown in place of a value, and what a wrong one is not
    int: ("INT", "a whole number"),
    float: ("FLOAT", "a number"),
    str: ("TEXT", "a text"),
    Path: ("PATH", "a path"),
}


@dataclass(frozen=True)
class Flags:
    """A group of flags.

    Arguments:
        title: What stands at the top of the group in the help.
        fields: The type, default and help of each flag, by name.
    """

    title: str
    fields: Mapping[str, tuple[Any, Any, str]]


def flags_of(kind: type, defaults: Mapping[str, Any], title: str, rename: Mapping[str, str] | None = None) -> Flags:
    """The flags of a dataclass.

    Arguments:
        kind: The dataclass.
        defaults: The defaults to show, by field; fields that are not here have no flag.
        title: What stands at the top of the group.
        rename: Other names for some of the fields.
    """
    hints, docs = get_type_hints(kind), argument_docs(kind)
    names = [field.name for field in dataclasses.fields(kind) if field.name in defaults]
    return Flags(
        title,
        {(rename or {}).get(name, name): (hints[name], defaults[name], docs.get(name, "")) for name in names},
    )


def parse(command: type, groups: Mapping[str, Flags], args: Sequence[str], prog: str) -> tuple[Any, dict[str, Any]]:
    """Parses a command line into a command and its groups of flags.

    Arguments:
        command: The dataclass of the command's own arguments.
        groups: Further groups of flags, by a name for each.
        args: The command line.
        prog: The program's name in the help.

    Returns:
        The command, and the flags of each group that differ from their defaults or were given, by group and name.
    """
    kinds = {name: group_type(flags) for name, flags in groups.items()}
    extended = dataclasses.make_dataclass(
        command.__name__,
        [
            (name, tyro.conf.OmitArgPrefixes[kind], dataclasses.field(default_factory=kind))  # type: ignore[valid-type, misc]
            for name, kind in kinds.items()
        ],
        bases=(command,),
        kw_only=True,
        namespace={"__doc__": command.__doc__},
    )
    found = read(extended, args, prog)
    return found, {name: vars(getattr(found, name)) for name in kinds}


def read(command: type, args: Sequence[str], prog: str) -> Any:
    """Parses a command line into a command.

    Arguments:
        command: The dataclass of its arguments.
        args: The command line.
        prog: The program's name in the help.
    """
    if {"-h", "--help"} & set(args):
        args = ["--help"]  # the help leaves out positional arguments that were given already
    config = (tyro.conf.FlagCreatePairsOff,)
    return tyro.cli(command, prog=prog, args=list(args), config=config, registry=REGISTRY)


@REGISTRY.primitive_rule
def one_value(info: PrimitiveTypeInfo) -> PrimitiveConstructorSpec[Any] | None:
    """How a flag of one value is read: `X | None` as X, since who wants none leaves the flag out."""
    kinds = [kind for kind in (get_args(info.type) or (info.type,)) if kind is not NoneType]
    if get_origin(info.type) is Literal:
        kinds = [info.type]
    if len(kinds) != 1 or not (kinds[0] in READERS or get_origin(kinds[0]) is Literal):
        return None
    (kind,) = kinds
    shown = "{" + ",".join(get_args(kind)) + "}" if get_args(kind) else READERS[kind][0]
    return PrimitiveConstructorSpec(
        nargs=1,
        metavar=shown,
        instance_from_str=reader(kind),
        is_instance=lambda value: True,  # there is no other kind to be
        str_from_instance=lambda value: [str(value)],
    )


def reader(kind: Any) -> Callable[[list[str]], Any]:
    """Reads one value, or tells what was expected."""

    def reads(given: list[str]) -> Any:
        (text,) = given
        if get_args(kind):
            if text in get_args(kind):
                return text
            raise nearest_name("value", text, get_args(kind))
        try:
            return kind(text)
        except ValueError:
            raise ValueError(f"{text!r} is not {READERS[kind][1]}") from None

    return reads


def group_type(flags: Flags) -> type:
    """A dataclass with one field for each flag of a group."""
    fields = []
    for name, (kind, default, text) in flags.fields.items():
        # A dot would nest: `base.pi` becomes the field `base_pi` under the flag `--base.pi`.
        identifier = name.replace(".", "_")
        shown = tyro.conf.arg(help=text, name=name.replace("_", "-"), help_behavior_hint=hint(default))
        fields.append((identifier, Annotated[kind, shown], dataclasses.field(default=default)))
    made = dataclasses.make_dataclass("Group", fields, frozen=True)
    made.__doc__ = flags.title
    return made


def hint(default: Any) -> str | None:
    """What stands after the help of a flag in place of its default.

    Nothing without a default of its own, since the help says what happens then; and the flag of what is on by default
    is ``--no-name``, so that it is told what comes without it.
    """
    if default is True:
        return "(without this flag: yes)"
    return "" if default is None else None
