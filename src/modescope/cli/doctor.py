"""``modescope doctor``."""

__all__ = ["Doctor", "examined"]

import json
import os
import platform
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

REQUIREMENT = re.compile(r"([\w.-]+)[^;]*(?:;.*extra *== *['\"]([\w.-]+)['\"])?")
FOR_DEVELOPERS = {"all", "dev", "docs"}  # extras that only gather others, or serve those who change the package


@dataclass(kw_only=True)
class Doctor:
    """Shows what is here: versions, devices, image data, and which optional libraries are missing.

    Arguments:
        json: Prints JSON.
    """

    json: bool = False

    def __call__(self) -> None:
        found = examined()
        if self.json:
            print(json.dumps(found, indent=2))
        else:
            print_findings(found)


def examined() -> dict[str, Any]:
    """What is here, as plain data: ``versions``, ``machine``, ``devices``, ``data``, ``extras``."""
    from .data import rows

    return {
        "versions": versions(),
        "machine": machine(),
        "devices": devices(),
        "data": {
            "folder": os.environ.get("MODESCOPE_DATA"),
            "sets": [{key: row[key] for key in ("name", "path", "can_be_fetched")} for row in rows()],
        },
        "extras": list(extras()),
    }


def versions() -> dict[str, str | None]:
    """The versions of this package, of Python, and of the libraries that it always needs."""
    from .. import __version__

    needed = [name for name, extra in requirements() if not extra]
    return {"modescope": __version__, "python": platform.python_version(), **{name: version(name) for name in needed}}


def machine() -> dict[str, Any]:
    """The system, the interpreter, and how many processes and threads training uses."""
    import torch

    from ..runs.executor import cores

    return {
        "system": platform.platform(),
        "interpreter": sys.executable,
        "cores": cores(),
        "threads": torch.get_num_threads(),
    }


def devices() -> list[dict[str, Any]]:
    """Where networks can be trained, with the memory in bytes where a device has its own."""
    import torch

    found: list[dict[str, Any]] = [{"name": "cpu", "what": platform.processor() or platform.machine(), "memory": None}]
    for index in range(torch.cuda.device_count()):
        card = torch.cuda.get_device_properties(index)
        found.append({"name": f"cuda:{index}", "what": card.name, "memory": card.total_memory})
    if torch.backends.mps.is_available():
        found.append({"name": "mps", "what": "Apple's graphics processor", "memory": None})
    return found


def extras() -> Iterator[dict[str, Any]]:
    """Each extra of this package, the libraries that it brings, those that are missing, and what installs them."""
    wanted: dict[str, list[str]] = {}
    for name, extra in requirements():
        if extra and extra not in FOR_DEVELOPERS:
            wanted.setdefault(extra, []).append(name)
    for extra, names in sorted(wanted.items()):
        missing = [name for name in names if version(name) is None]
        yield {
            "name": extra,
            "libraries": {name: version(name) for name in names},
            "missing": missing,
            "command": f"pip install 'modescope[{extra}]'" if missing else None,
        }


def requirements() -> Iterator[tuple[str, str]]:
    """The libraries that this package asks for, and the extra that asks, or nothing."""
    for line in metadata.requires("modescope") or []:
        found = REQUIREMENT.match(line)
        if found:
            yield found.group(1), found.group(2) or ""


def version(name: str) -> str | None:
    """The version of a library, or None if it is not installed."""
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def print_findings(found: dict[str, Any]) -> None:
    """Prints what is here for people."""
    console = Console()
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1), show_header=False)
    table.add_column(style="cyan", no_wrap=True)
    table.add_column(overflow="fold")
    for name, number in found["versions"].items():
        table.add_row(name, Text(number or "missing", style="" if number else "bold red"))
    table.add_section()
    for name, value in found["machine"].items():
        table.add_row(name, Text(str(value)))
    for device in found["devices"]:
        memory = f", {device['memory'] / 2**30:.1f} GiB" if device["memory"] else ""
        table.add_row(device["name"], Text(device["what"] + memory))
    table.add_section()
    table.add_row("MODESCOPE_DATA", Text(found["data"]["folder"] or "not set", style=dim(found["data"]["folder"])))
    for row in found["data"]["sets"]:
        absent = f"not here: modescope data fetch {row['name']}" if row["can_be_fetched"] else "not here"
        table.add_row(row["name"], Text(row["path"] or absent, style=dim(row["path"])))
    table.add_section()
    for extra in found["extras"]:
        here = ", ".join(f"{name} {number}" for name, number in extra["libraries"].items() if number)
        lacks = f"{', '.join(extra['missing'])} missing: {extra['command']}" if extra["missing"] else ""
        table.add_row(
            f"extra {extra['name']}", Text("; ".join(part for part in (here, lacks) if part), style=dim(here))
        )
    console.print(table)


def dim(value: object) -> str:
    """The style of what is there, or not."""
    return "" if value else "dim"
