"""``modescope data``."""

__all__ = ["Data"]

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import tyro
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from ..core.errors import ModescopeError, need

if TYPE_CHECKING:  # imported where it is used, so that help comes at once
    from ..datasets.images.store import Checked

ACTIONS = Literal["list", "fetch", "verify", "path"]


@dataclass(kw_only=True)
class Data:
    """Finds, downloads and checks the image sets: modescope data fetch mnist.

    They are looked for in the folder that MODESCOPE_DATA names, in Debian's packages, and in the cache, in this order.

    Arguments:
        action: list shows what there is; fetch downloads a set that is not here; verify checks the hashes of its files;
            path prints where they lie.
        name: The set, e.g. mnist.
        json: Prints JSON.
    """

    action: Annotated[tyro.conf.Positional[ACTIONS], tyro.conf.arg(metavar="ACTION")]
    name: Annotated[tyro.conf.Positional[str | None], tyro.conf.arg(metavar="[NAME]", help_behavior_hint="")] = None
    json: bool = False

    def __call__(self) -> None:
        if self.action == "list":
            need(self.name is None, f"data list takes no name, but {self.name!r} is given")
            show_list(self.json)
            return
        if self.name is None:
            raise ModescopeError(f"data {self.action} needs the name of a set: modescope data {self.action} mnist")
        {"fetch": show_fetch, "verify": show_files, "path": show_path}[self.action](self.name, self.json)


def rows() -> list[dict[str, Any]]:
    """What there is: one object for each set."""
    from ..datasets.images import SETS, find
    from ..datasets.images.store import places

    tuple(places())  # which raises where MODESCOPE_DATA names no folder
    listed = []
    for name, known in SETS.items():
        try:
            found, note = find(name), ""
        except ModescopeError as error:  # one set that nobody may look at is no reason to hide the others
            found, note = None, str(error)
        listed.append(
            {
                "name": name,
                "title": known.title,
                "path": str(found.folder) if found else None,
                "note": found.layout.note if found else note,
                "bytes": sum(file.size for file in known.layouts[0].files),
                "can_be_fetched": known.can_be_fetched,
                "home": known.home,
                "licence": known.licence,
            }
        )
    return listed


def show_list(as_json: bool) -> None:
    """Prints what there is, and where."""
    listed = rows()
    if as_json:
        print(json.dumps(listed, indent=2))
        return
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1))
    table.add_column("name", no_wrap=True, style="cyan")
    table.add_column("where", overflow="fold")
    table.add_column("download", justify="right", no_wrap=True)
    table.add_column("licence")
    for row in listed:
        where = Text(row["path"] or "not here", style="" if row["path"] else "dim")
        if row["note"]:
            where.append(f"\n{row['note']}", style="dim")
        size = f"{row['bytes'] / 1e6:,.0f} MB" if row["can_be_fetched"] else "by hand"
        table.add_row(row["name"], where, size, row["licence"])
    Console().print(table)


def show_fetch(name: str, as_json: bool) -> None:
    """Downloads a set if it is not here, and checks it."""
    from ..datasets.images import fetch

    fetch(name)
    show_files(name, as_json)


def show_files(name: str, as_json: bool) -> None:
    """Prints the files of a set and their hashes; a wrong one is an error."""
    from ..datasets.images import path, verify

    files = verify(name)
    if as_json:
        print(json.dumps([plain(file) for file in files], indent=2))
    elif not files:
        print(f"{name} lies in {path(name)} as a folder of images, of which no hashes are published")
    else:
        table = Table(box=box.SIMPLE_HEAD, padding=(0, 1))
        table.add_column("file", overflow="fold")
        table.add_column("MD5 of its content", no_wrap=True)
        table.add_column("")
        for file in files:
            table.add_row(Text(str(file.path)), file.md5, judged(file))
        Console().print(table)
    for file in files:
        need(not file.fault, f"{str(file.path)!r} is not the published file: {file.fault}")


def plain(file: "Checked") -> dict[str, Any]:
    """What is known of a file, for JSON; `ok` is null where nothing was published that could tell."""
    ok = False if file.fault else True if file.expected else None
    return {"path": str(file.path), "expected": file.expected or None, "md5": file.md5, "ok": ok}


def judged(file: "Checked") -> Text:
    """What is said of a file."""
    if file.fault:
        return Text("wrong", style="bold red")
    return Text("right", style="green") if file.expected else Text("none is published", style="dim")


def show_path(name: str, as_json: bool) -> None:
    """Prints the folder of a set."""
    from ..datasets.images import path

    folder: Path = path(name)
    print(json.dumps({"name": name, "path": str(folder)}) if as_json else folder)
