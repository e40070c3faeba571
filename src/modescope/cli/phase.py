"""``modescope phase``."""

__all__ = ["Phase"]

import inspect
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import tyro
from rich.console import Console

from ..core.errors import need, need_extra
from ..report.text import plural


@dataclass(kw_only=True)
class Phase:
    """Maps collapse over two hyper-parameters: every point a population of seeds, in one picture and a page.

    An axis is NAME=LOW..HIGH:COUNT (evenly spread, by logarithms if the ends are a hundred apart; :log or :lin after it
    says which) or NAME=A,B,...; names are hyper-parameters of the method or the training, lr_ratio (the generator's
    learning rate over the critic's), latent_dim, width and critic_width. The same command goes on where it was stopped.

    Arguments:
        dataset: A data set, e.g. ring.
        method: A method, with values of fields after an @, e.g. weighted-js@saturating=true.
        x: The horizontal axis, e.g. lr=1e-4..1e-2:8.
        y: The vertical axis, e.g. pi=0.1..0.9:8.
        seeds: Members at each point.
        metric: What is drawn; the number of modes if not given. See modescope list metrics.
        set: A training setting for all points, e.g. steps=3000; may be given again.
        architecture: The networks of a paper, by name; the data set preset's if not given.
        workers: Processes that train side by side; the number of cores if not given.
        out: The folder; phases/DATASET-METHOD-X-Y if not given.
        dry_run: Prints what would be trained, and stops.
        quiet: Shows no progress.
    """

    dataset: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="DATASET")]
    method: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="METHOD")]
    x: Annotated[str, tyro.conf.arg(metavar="AXIS")]
    y: Annotated[str, tyro.conf.arg(metavar="AXIS")]
    seeds: int = 8
    metric: Annotated[str | None, tyro.conf.arg(metavar="NAME", help_behavior_hint="")] = None
    set: Annotated[tuple[str, ...], tyro.conf.UseAppendAction, tyro.conf.arg(metavar="NAME=VALUE")] = ()
    architecture: Annotated[str | None, tyro.conf.arg(metavar="NAME", help_behavior_hint="")] = None
    workers: Annotated[int | None, tyro.conf.arg(metavar="INT", help_behavior_hint="")] = None
    out: Annotated[Path | None, tyro.conf.arg(metavar="PATH", help_behavior_hint="")] = None
    dry_run: bool = False
    quiet: bool = False

    def __call__(self) -> None:
        from ..phase import make_diagram, run_phase
        from ..phase.page import write_phase

        need(self.workers is None or self.workers >= 1, f"workers is {self.workers}, expected at least 1")
        diagram = make_diagram(
            self.dataset,
            self.method,
            x=self.x,
            y=self.y,
            seeds=self.seeds,
            metric=self.metric,
            architecture=self.architecture,
            **settings_of(self.set),
        )
        names = [self.dataset, self.method, diagram.x.name, diagram.y.name]
        out = self.out or Path("phases") / "-".join("".join(c if c.isalnum() else "-" for c in name) for name in names)
        points = len(diagram.x.values) * len(diagram.y.values)
        summary = (
            f"{plural(points, 'point')} of {plural(diagram.seeds, 'seed')}: {plural(diagram.members, 'network')} in "
            f"{plural(len(diagram.slabs), 'population')}, into {out}"
        )
        if self.dry_run:
            print(summary)
            return
        need_extra(("matplotlib", "PIL"), "report", "the picture of a phase diagram")
        if not self.quiet:
            Console(stderr=True).print(summary, soft_wrap=True)
        found = run_phase(diagram, out, workers=self.workers, quiet=self.quiet, command=self.command)
        print(write_phase(found, out))

    @property
    def command(self) -> list[str]:
        """The command that makes the diagram again, wherever to."""
        words = ["modescope", "phase", self.dataset, self.method, "--x", self.x, "--y", self.y]
        words += ["--seeds", str(self.seeds)]
        for name in ("metric", "architecture"):
            value = getattr(self, name)
            words += [f"--{name}", value] if value else []
        return words + [word for text in self.set for word in ("--set", text)]


def settings_of(texts: tuple[str, ...]) -> dict[str, Any]:
    """Training settings from ``steps=3000``."""
    from ..benchmark.entrants import literal
    from ..phase import make_diagram

    own = inspect.signature(make_diagram).parameters.keys() - {"settings"}
    found: dict[str, Any] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        need(bool(equals and name and value), f"set is {text!r}, expected NAME=VALUE as in steps=3000")
        name = name.strip().replace("-", "_")
        need(name not in own, f"set is {text!r}, but {name} is no training setting: it has a place of its own")
        need(name not in found, f"set of {name} is given twice, expected one value")
        found[name] = literal(value.strip())
    return found
