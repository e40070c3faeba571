"""The command line."""

__all__ = ["main"]

import inspect
import io
import logging
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, Union

import tyro
from rich.console import Console
from rich.text import Text

from ..core.errors import ModescopeError, nearest_name, need, need_extra
from .battle import Battle
from .benchmark import Benchmark
from .completion import Completion
from .data import Data
from .diagnose import Diagnose
from .doctor import Doctor
from .flags import read
from .phase import Phase
from .probe import Probe
from .results import Results
from .show import Show
from .verify import Verify


@dataclass(kw_only=True)
class List:
    """Lists the methods, data sets, metrics of known distributions, measures of anyone's samples, and papers.

    Arguments:
        kind: What to list: methods, datasets, metrics, measures or papers; everything if not given.
        json: Prints a JSON list of objects.
    """

    kind: Annotated[
        tyro.conf.Positional[Literal["methods", "datasets", "metrics", "measures", "papers"] | None],
        tyro.conf.arg(metavar="[KIND]", help_behavior_hint=""),
    ] = None
    json: bool = False

    def __call__(self) -> None:
        from .listing import print_list

        print_list(self.kind, self.json)


@dataclass(kw_only=True)
class Resume:
    """Goes on with runs that were stopped or killed, from their last checkpoints.

    Arguments:
        runs: The runs' folders.
        quiet: Shows no progress.
        workers: Processes that train blocks side by side; the number of cores if not given.
        checkpoint_seconds: The least time between two checkpoints.
        tensorboard: Writes the looks, also those before, for TensorBoard, to the folder tensorboard in each run's.
    """

    runs: Annotated[
        tyro.conf.Positional[tuple[Path, ...]], tyro.conf.arg(metavar="RUN ...", help_behavior_hint="(required)")
    ]
    quiet: bool = False
    workers: Annotated[int | None, tyro.conf.arg(metavar="INT", help_behavior_hint="")] = None
    checkpoint_seconds: float = 15.0
    tensorboard: bool = False

    def __call__(self) -> None:
        from ..core.processes import joined
        from ..runs import Run
        from .output import finish, print_metrics

        need(len(self.runs) > 0, "runs is empty, expected at least one run's folder")
        runs = [Run(folder) for folder in self.runs]
        with joined() as processes:
            finish(runs, self.workers, self.quiet, self.checkpoint_seconds, processes, self.tensorboard)
        for run in runs if processes.first else []:
            print_metrics(run)


@dataclass(kw_only=True)
class Evaluate:
    """Measures the final samples of a run, each number beside what a perfect sampler scores.

    Arguments:
        run: The run's folder.
        metrics: Names of metrics, separated by commas; those of the summary table if not given, or all.
        json: Prints JSON.
        floor_repeats: How often the perfect sampler is measured.
    """

    run: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="RUN")]
    metrics: Annotated[str | None, tyro.conf.arg(metavar="NAME,NAME,...|all", help_behavior_hint="")] = None
    json: bool = False
    floor_repeats: int = 20

    def __call__(self) -> None:
        from ..metrics import metric_names
        from ..runs import Run
        from .output import print_metrics

        run = Run(self.run)
        names = None
        if self.metrics == "all":
            names = metric_names(run.experiment.dataset)
        elif self.metrics is not None:
            names = [name.strip() for name in self.metrics.split(",") if name.strip()]
        print_metrics(run, self.json, names, self.floor_repeats)


@dataclass(kw_only=True)
class Report:
    """Writes one HTML file on one or more runs, which works offline, and pictures for slides beside it.

    Arguments:
        runs: The runs' folders.
        out: The HTML file; report.html in the first run's folder if not given.
        pictures: Whether PNG figures, and the animation as GIF and MP4, go to a folder named after the file too.
        live: Shows the report of one run while it trains, in a browser on this machine; it writes nothing.
        port: The port under --live; any free one if not given.
    """

    runs: Annotated[
        tyro.conf.Positional[tuple[Path, ...]], tyro.conf.arg(metavar="RUN ...", help_behavior_hint="(required)")
    ]
    out: Annotated[Path | None, tyro.conf.arg(metavar="PATH", help_behavior_hint="")] = None
    pictures: Annotated[bool, tyro.conf.arg(help_behavior_hint="(without this flag: yes)")] = True
    live: bool = False
    port: Annotated[int, tyro.conf.arg(metavar="INT", help_behavior_hint="")] = 0

    def __call__(self) -> None:
        from ..report import write_pictures, write_report
        from ..runs import Run

        need(len(self.runs) > 0, "runs is empty, expected at least one run's folder")
        if self.live:
            need(len(self.runs) == 1, f"runs has {len(self.runs)} folders, expected one with --live")
            serve(self.runs[0], self.port)
            return
        runs = [Run(folder) for folder in self.runs]
        path = write_report(runs, self.out or runs[0].folder / "report.html")
        print(path)
        if self.pictures:
            for picture in write_pictures(runs, path.with_suffix("")):
                print(picture)


def serve(folder: Path, port: int) -> None:
    """Serves the report of a run until Ctrl-C."""
    from ..report.live import Live, server_of
    from .output import say

    with server_of(Live(folder), port) as server:
        print(f"http://127.0.0.1:{server.server_port}", flush=True)
        say("Ctrl-C ends it")
        with suppress(KeyboardInterrupt):
            server.serve_forever()


@dataclass(kw_only=True)
class Reproduce:
    """Redoes an experiment of one of the papers, and puts what it printed beside what came out.

    Arguments:
        item: A paper, or one of its items, e.g. moons, kl, kl/figure1.
        out: The folder to write to; reproductions/ITEM, or reproductions/quick/ITEM, if not given.
        quick: A small version, to see that all works; its numbers mean little.
        workers: Processes that train side by side; the number of cores if not given.
        quiet: Shows no progress.
    """

    item: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="PAPER[/ITEM]")]
    out: Annotated[Path | None, tyro.conf.arg(metavar="PATH", help_behavior_hint="")] = None
    quick: bool = False
    workers: Annotated[int | None, tyro.conf.arg(metavar="INT", help_behavior_hint="")] = None
    quiet: bool = False

    def __call__(self) -> None:
        from ..papers import reproduce

        need_extra(("matplotlib", "PIL", "plotly"), "report", "the page of a reproduction")
        for page in reproduce(self.item, self.out, quick=self.quick, workers=self.workers, quiet=self.quiet):
            print(page)


@dataclass(kw_only=True)
class Train:
    """Trains a population, one member for each seed: modescope train DATASET METHOD [flags]."""


COMMANDS: dict[str, type] = {
    "list": List,
    "show": Show,
    "train": Train,
    "resume": Resume,
    "verify": Verify,
    "evaluate": Evaluate,
    "report": Report,
    "reproduce": Reproduce,
    "benchmark": Benchmark,
    "results": Results,
    "phase": Phase,
    "battle": Battle,
    "probe": Probe,
    "diagnose": Diagnose,
    "data": Data,
    "doctor": Doctor,
    "completion": Completion,
}
DESCRIPTION = "See, measure and cure mode collapse in GANs. (modescope --version prints the version.)"


def main(args: Sequence[str] | None = None) -> None:
    """Runs the command line; leaves with code 0, with 2 for bad input, with 130 when interrupted."""
    args = list(sys.argv[1:] if args is None else args)
    logging.basicConfig(format="modescope: %(message)s")
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a terminal of another alphabet, or a file name that is no text
            stream.reconfigure(errors="backslashreplace")
    sys.exit(guarded(lambda: dispatch(args)))


def guarded(action: Callable[[], int]) -> int:
    """Runs an action; a user's mistake is one sentence and code 2."""
    try:
        code = action()
        if sys.stdout is not None:  # None where it was closed before the start
            sys.stdout.flush()
        return code
    except ModescopeError as error:
        return refused(str(error))
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # the reader, e.g. `head`, has seen enough
        drop_output()
        return 0
    except (MemoryError, RuntimeError) as error:
        if not out_of_memory(error):
            raise
        return refused("out of memory: take a smaller batch_size, block, or number of samples")
    except OSError as error:  # a full disk, a file that may not be read: the machine's doing
        with suppress(OSError):
            drop_output()
        file = f"{str(error.filename)!r}: " if error.filename else ""
        return refused(f"{file}{error.strerror or error}")


def out_of_memory(error: Exception) -> bool:
    """Whether an error says that there is no memory, which on a CPU torch tells as any other of its errors."""
    kind = type(error).__name__
    return kind in ("MemoryError", "OutOfMemoryError") or "can't allocate memory" in str(error)


def refused(sentence: str) -> int:
    """Tells why a command cannot be run; the exit code."""
    told = Text.assemble(("error:", "bold red"), " ", " ".join(sentence.split("\n")))  # a path may hold [bold] or :b:
    Console(stderr=True).print(told, soft_wrap=True)
    return 2


def drop_output() -> None:
    """Sends what is still to be printed nowhere, since it cannot be printed."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def dispatch(args: list[str]) -> int:
    """Runs the command that the arguments name."""
    if args and args[0] == "--version":
        from .. import __version__

        print(__version__)
        return 0
    if args and args[0] == "train":
        from .train import train

        return train(args[1:])
    if args and not args[0].startswith("-") and args[0] not in COMMANDS:
        raise nearest_name("command", args[0], COMMANDS)
    if args and args[0] in COMMANDS:
        read(COMMANDS[args[0]], args[1:], f"modescope {args[0]}")()
        return 0
    told_of_all(COMMANDS, args or ["--help"])
    return 0


def told_of_all(commands: Mapping[str, type], args: list[str]) -> None:
    """Prints what is true of all commands, the help or a shell's completion, and leaves."""
    kinds = [Annotated[kind, tyro.conf.subcommand(name, description=opening(kind))] for name, kind in commands.items()]
    union: Any = Union[tuple(kinds)]  # noqa: UP007 - a union that is only known now
    tyro.cli(union, prog="modescope", args=args, description=DESCRIPTION, config=(tyro.conf.FlagCreatePairsOff,))


def opening(command: type) -> str:
    """The first paragraph of what a command says of itself."""
    return " ".join((inspect.getdoc(command) or "").split("\n\n")[0].split())
