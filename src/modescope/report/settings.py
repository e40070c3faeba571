"""How runs were made: their settings side by side, and the papers that they rest on."""

__all__ = ["Reference", "Setting", "references_of", "settings_of"]

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..core.method import layers
from ..metrics import METRICS
from ..runs import Run
from .groups import Scene

LONGEST = 160  # characters of a setting's value
ADDRESS = re.compile(r"https?://[^\s,;<>\"']+")


@dataclass(frozen=True)
class Setting:
    """One setting of several runs.

    Arguments:
        name: Its path, e.g. ``training.lr``.
        values: Its value in each run, as text.
    """

    name: str
    values: tuple[str, ...]

    @property
    def differs(self) -> bool:
        """Whether the runs differ in it."""
        return len(set(self.values)) > 1


@dataclass(frozen=True)
class Reference:
    """A source.

    Arguments:
        name: What rests on it, e.g. ``PacGAN``.
        summary: What that is.
        paper: The paper, or nothing.
        address: The paper's address, or nothing.
    """

    name: str
    summary: str
    paper: str
    address: str


def settings_of(runs: Sequence[Run]) -> list[Setting]:
    """Every setting that a run was made with, in the order of the configuration."""
    flat = [flattened(run.config["experiment"]) for run in runs]
    names = list(dict.fromkeys(name for each in flat for name in each))
    return [Setting(name, tuple(each.get(name, "–") for each in flat)) for name in names]


def flattened(part: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    """Nested settings by their paths, as text."""
    found = {}
    for key, value in part.items():
        if isinstance(value, Mapping):
            found.update(flattened(value, f"{prefix}{key}."))
        else:
            found[f"{prefix}{key}"] = shortened(value)
    return found


def shortened(value: Any) -> str:
    """A setting's value as text."""
    text = {None: "–", True: "yes", False: "no"}[value] if value is None or isinstance(value, bool) else told(value)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}… ({len(text):,} characters)"


def told(value: Any) -> str:
    """A number, a text or a list of them."""
    return ", ".join(map(told, value)) if isinstance(value, list) else str(value)


def references_of(scenes: Sequence[Scene]) -> list[Reference]:
    """The sources of the methods, the data sets and the metrics of the report."""
    groups = [group for scene in scenes for group in scene.groups]
    methods = [layer for group in groups for layer in layers(group.run.experiment.method)]
    found = {type(thing).__name__: (thing.summary, thing.reference) for thing in methods}
    found.update({type(scene.dataset).__name__: (scene.dataset.summary, scene.dataset.reference) for scene in scenes})
    metrics = [METRICS[name] for name in dict.fromkeys(name for group in groups for name in group.results)]
    found.update({metric.label: (metric.summary, metric.reference) for metric in metrics})
    return [reference(name, *texts) for name, texts in found.items()]


def reference(name: str, summary: str, source: str) -> Reference:
    """A source, with the address taken out of its text."""
    address = ADDRESS.search(source)
    paper = ADDRESS.sub("", source).strip(" ,")
    return Reference(name, summary, paper, address.group() if address else "")
