"""Command-line flags, made from the dataclasses that they set."""

__all__ = ["Flags", "flags_of", "parse"]

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, get_args, get_type_hints

import tyro

from .docs import argument_docs


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
    config = (tyro.conf.FlagCreatePairsOff,)
    if {"-h", "--help"} & set(args):
        args = ["--help"]  # the help leaves out positional arguments that were given already
    found: Any = tyro.cli(extended, prog=prog, args=list(args), config=config)
    return found, {name: vars(getattr(found, name)) for name in kinds}


def group_type(flags: Flags) -> type:
    """A dataclass with one field for each flag of a group."""
    fields = []
    for name, (kind, default, text) in flags.fields.items():
        # A dot would nest: `base.pi` becomes the field `base_pi` under the flag `--base.pi`.
        identifier = name.replace(".", "_")
        shown = tyro.conf.arg(
            help=text, name=name.replace("_", "-"), metavar=metavar(kind), help_behavior_hint=hint(default)
        )
        fields.append((identifier, Annotated[kind, shown], dataclasses.field(default=default)))
    made = dataclasses.make_dataclass("Group", fields, frozen=True)
    made.__doc__ = flags.title
    return made


def metavar(kind: Any) -> str | None:
    """How the value of an optional flag is shown; the library's own way for all others."""
    options = [option for option in get_args(kind) if option is not type(None)]
    if type(None) not in get_args(kind) or len(options) != 1:
        return None
    return getattr(options[0], "__name__", "VALUE").upper()


def hint(default: Any) -> str | None:
    """Nothing after the help of a flag without a default of its own, since its text says what happens then."""
    return "" if default is None else None
