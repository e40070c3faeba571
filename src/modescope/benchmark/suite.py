"""What a benchmark is made of: data sets, entrants, protocols, seeds, as one description that a file can hold."""

__all__ = ["SUITES", "Suite", "suite_of"]

import dataclasses
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..core.errors import ModescopeError, is_number, is_whole, nearest_name, need
from .plan import BUDGET, LEARNING_RATES, PROTOCOLS, Plan, make_plan


@dataclass(frozen=True, kw_only=True)
class Suite:
    """A benchmark: every entrant on every data set under every protocol.

    Arguments:
        name: For titles and for the folder.
        datasets: Data sets of points, e.g. ``ring``, or of images with a judge, e.g. ``stacked-mnist``.
        methods: Entrants, e.g. ``pacgan@degree=4``; all methods and their variants if not given.
        protocols: ``common``, ``paper``, or both.
        seeds: How many seeds, from 0.
        budget: Gradient steps of each member under ``common``, over all players.
        learning_rates: What is swept under ``common``.
        limit: The minutes after which a cell is ended, and counts as failed; none if not given.

    Raises:
        ModescopeError: If a value is of another type, or not valid.
    """

    name: str
    datasets: tuple[str, ...]
    methods: tuple[str, ...] | None = None
    protocols: tuple[str, ...] = ("common",)
    seeds: int = 12
    budget: int = BUDGET
    learning_rates: tuple[float, ...] = LEARNING_RATES
    limit: float | None = None

    def __post_init__(self) -> None:
        good = isinstance(self.name, str) and self.name.isprintable() and self.name.strip() not in ("", ".", "..")
        need(good, f"name is {self.name!r}, expected a word or two, which also name the folder")
        for name in ("datasets", "methods", "protocols"):
            value = getattr(self, name)
            if value is not None:
                object.__setattr__(self, name, texts(name, value))
        for protocol in self.protocols:
            if protocol not in PROTOCOLS:
                raise nearest_name("protocol", protocol, PROTOCOLS)
        need(is_whole(self.seeds, 2), f"seeds is {self.seeds!r}, expected a whole number of at least 2")
        need(is_whole(self.budget, 1), f"budget is {self.budget!r}, expected a whole number of at least 1")
        rates = self.learning_rates
        good = (
            isinstance(rates, list | tuple) and len(rates) > 0 and all(is_number(rate) and rate > 0 for rate in rates)
        )
        need(good, f"learning_rates is {rates!r}, expected a list of positive numbers")
        object.__setattr__(self, "learning_rates", tuple(float(rate) for rate in rates))
        good = self.limit is None or (is_number(self.limit) and self.limit > 0)
        need(good, f"limit is {self.limit!r}, expected a positive number of minutes")

    @classmethod
    def from_toml(cls, path: str | Path) -> "Suite":
        """The suite that a TOML file describes; its name is the file's, if it gives none.

        Raises:
            ModescopeError: If the file cannot be read, has an unknown key, or a value is not valid.
        """
        path = Path(path)
        try:
            plain = tomllib.loads(path.read_text(encoding="utf-8"))
        except OSError as error:
            raise ModescopeError(f"{str(path)!r} cannot be read: {error.strerror or error}") from error
        except (ValueError, RecursionError) as error:
            raise ModescopeError(f"{str(path)!r} is no TOML file: {error}") from error
        try:
            return cls.from_dict({"name": path.stem, **plain})
        except ModescopeError as error:
            raise ModescopeError(f"{str(path)!r}: {error}") from error

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> "Suite":
        """The suite with these fields.

        Raises:
            ModescopeError: If a field is unknown or missing, or a value is not valid.
        """
        known = [each.name for each in dataclasses.fields(cls)]
        for name in plain:
            if name not in known:
                raise nearest_name("suite key", name, known)
        need("datasets" in plain, 'datasets is missing, expected a list such as ["ring", "grid25"]')
        return cls(**{"name": "suite", **plain})

    def plans(self) -> tuple[Plan, ...]:
        """The cells, in a plan for each data set and protocol.

        Raises:
            ModescopeError: If a name is unknown, or a data set cannot be measured.
        """
        return tuple(
            make_plan(
                dataset,
                self.methods,
                protocol=protocol,
                seeds=self.seeds,
                budget=self.budget,
                learning_rates=self.learning_rates,
            )
            for dataset in self.datasets
            for protocol in self.protocols
        )


def texts(name: str, value: Any) -> tuple[str, ...]:
    """A list of texts, none of them twice."""
    several = isinstance(value, list | tuple) and len(value) > 0
    good = several and all(isinstance(text, str) and text for text in value)
    need(good, f'{name} is {value!r}, expected a list of texts, e.g. ["a", "b"]')
    need(len(set(value)) == len(value), f"{name} has a text twice, expected each once")
    return tuple(value)


SUITES: dict[str, Suite] = {
    suite.name: suite
    for suite in (
        Suite(name="2d", datasets=("ring", "grid25", "grid100", "moons", "swissroll")),
        Suite(name="papers", datasets=("ring", "grid25"), protocols=("common", "paper")),
        Suite(
            name="quick",
            datasets=("ring", "grid25"),
            methods=("gan", "pacgan", "unrolled", "wgan-gp", "r3gan"),
            seeds=4,
            budget=2000,
            learning_rates=(1e-3,),
        ),
    )
}


def suite_of(text: str) -> Suite:
    """The suite that a name, a TOML file or a data set stands for.

    Arguments:
        text: A key of :data:`SUITES`, a path that ends in ``.toml``, or a data set, which makes a suite of its own.

    Raises:
        ModescopeError: If a file cannot be read or is not valid.
    """
    if text in SUITES:
        return SUITES[text]
    if text.endswith(".toml"):
        return Suite.from_toml(text)
    return Suite(name=text, datasets=(text,))
