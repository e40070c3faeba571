"""The benchmark's page, as one HTML file."""

__all__ = ["Part", "Table", "write_html"]

import json
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

from ... import __version__
from ...core.errors import ModescopeError, extra
from ...core.files import atomic_write
from ...metrics import METRICS as METRICS_BY_NAME
from ...report.assets import asset
from ...report.backdrop import backdrop_of
from ...report.payload import encoded, plain
from ...report.text import number, percent, plural
from ...runs import History, Run
from ...runs.run import versions
from ..entrants import Entrant
from ..panel import Panel
from ..plan import PROTOCOLS
from ..ranks import LEVEL, ranks_of
from ..standings import Standing, Standings, by_seed
from ..words import OTHERS, counted, left_out, printed, protocol_of, reading
from .clouds import Reel, Stage, reel_of
from .costs import cost_chart, curve_of, front_of, told
from .overview import overview_of
from .rank_diagram import rank_diagram
from .scoreboard import Column, Row, columns_of, rows_of
from .sources import kinds_of, sources_of

STYLES = ("page.css", "report.css")
SHARED = ("core.js", "backdrop.js", "clouds.js", "table.js")  # of the reports of runs
CURVES = {"modes": "modes reached", "quality": "share of samples on a mode"}


@dataclass(frozen=True)
class Table:
    """The leaderboard at one choice of learning rates.

    Arguments:
        key: ``default`` or ``best``.
        title: The choice in words.
        said: What the table says in a sentence.
        columns: Its metrics.
        rows: Its rows.
        ranks: The critical-difference diagrams: their titles, what the test says, and their markup.
        costs: The charts of coverage against cost: their titles, who leads, and their markup.
    """

    key: str
    title: str
    said: str
    columns: Sequence[Column]
    rows: Sequence[Row]
    ranks: Sequence[tuple[str, str, str]]
    costs: Sequence[tuple[str, str, str]]


@dataclass(frozen=True)
class Part:
    """One data set under one protocol.

    Arguments:
        name: Of the data set.
        protocol: Of the protocol.
        rule: What the protocol is.
        about: How the numbers came about.
        reading: What marks mean.
        tables: The leaderboards.
        drawn: What the drawings of samples show.
        worst: Which seed stands first, to complete "the seed".
        moves: Whether a slider moves them through training.
        printed: What papers printed.
        left_out: Who is not in the tables, and why.
        notes: What could not be shown, and why.
    """

    name: str
    protocol: str
    rule: str
    about: str
    reading: str
    tables: Sequence[Table]
    drawn: str
    worst: str
    moves: bool
    printed: Sequence[Sequence[object]]
    left_out: Sequence[Sequence[object]]
    notes: Sequence[str]


def write_html(found: Sequence[Standings], path: Path, command: str = "") -> Path:
    """Writes the page of a benchmark, which needs nothing but itself, not even a network.

    Arguments:
        found: The tables, for each data set and protocol.
        path: The file to write, in the benchmark's folder, where the runs are.
        command: The command that makes it again.

    Returns:
        The path.

    Raises:
        MissingExtraError: If a library of the extra ``report`` is not installed.
        OSError: If it cannot be written.
    """
    jinja = extra("jinja2", "report", "the benchmark's page")
    safe = extra("markupsafe", "report", "the benchmark's page").Markup
    page = jinja.Environment(
        loader=jinja.FunctionLoader(own), autoescape=True, undefined=jinja.StrictUndefined, trim_blocks=True
    )
    page.filters |= {"number": number, "percent": percent, "broken": lambda text: safe(broken(text))}
    page.globals |= {"plural": plural, "safe": safe}
    films = Films(path.parent, sum(len(each.default) + len(each.best) for each in found))
    parts = [part_of(each, films) for each in found]
    entrants = [cell.entrant for each in found for cell in each.plan.possible]
    text = page.get_template("benchmark.html.j2").render(
        title=", ".join(dict.fromkeys(part.name for part in parts)),
        style=safe("".join(map(asset, STYLES)) + own("benchmark.css")),
        script=safe("\n".join([*map(asset, SHARED), own("filters.js"), own("multiples.js")])),
        scenes=safe(encoded([stage.data() for stage in films.stages.values()])),
        reels=safe(encoded(plain(films.reels))),
        parts=parts,
        overview=overview_of(found) if len(found) > 1 else [],
        kinds=sorted({kind for entrant in entrants for kind in kinds_of(entrant)}),
        sources=sources_of(entrants),
        others=OTHERS,
        command=command,
        versions=versions(),
        version=__version__,
        made=time.strftime("%d %B %Y, %H:%M UTC", time.gmtime()),
    )
    return atomic_write(path, text)


def broken(entrant: str) -> str:
    """An entrant's text, escaped, that may go on in the next line where it has a sign, and not within a word."""
    return re.sub("[@+,=]", r"\g<0><wbr>", escape(entrant))


def own(name: str) -> str:
    """A file of this room's ``templates``."""
    return asset(name, __package__)


class Films:
    """The runs of all entrants as they are read once, and what is drawn of them.

    Arguments:
        folder: The benchmark's folder.
        most: How many reels there may be, which share the page's room.
    """

    def __init__(self, folder: Path, most: int) -> None:
        self.folder, self.most = folder, max(1, most)
        self.runs: dict[str, tuple[Run, History] | None] = {}
        self.stages: dict[str, Stage] = {}
        self.reels: list[list[Reel]] = []

    def run(self, standing: Standing) -> tuple[Run, History] | None:
        """An entrant's run, and what it recorded; None where its folder is not here or not readable."""
        name = standing.result.folder
        if name not in self.runs:
            try:
                run = Run(self.folder / name / "run")
                run.samples()
                self.runs[name] = run, run.history()
            except ModescopeError:
                self.runs[name] = None
        return self.runs[name]

    def stage(self, run: Run) -> Stage:
        """What the samples of a run are drawn on."""
        key = json.dumps(run.config["experiment"]["dataset"], sort_keys=True)
        if key not in self.stages:
            data = run.experiment.dataset
            self.stages[key] = Stage(len(self.stages), data, backdrop_of(data))
        return self.stages[key]

    def drawn(self) -> str:
        """What the drawings of the newest part show."""
        scenes = {reel.scene for reel in self.reels[-1]}
        return " ".join(dict.fromkeys(stage.backdrop.about for stage in self.stages.values() if stage.index in scenes))

    def add(self, panel: Panel, tables: Mapping[str, Sequence[Standing]], kinds: Mapping[str, tuple[str, ...]]) -> None:
        """Adds the reels of a part: one for each entrant and learning rate at which it stands in a table."""
        places: dict[tuple[str, float | None], list[str]] = {}
        standings = {}
        for key, table in tables.items():
            for standing in table:
                places.setdefault((standing.entrant, standing.rate), []).append(key)
                standings[standing.entrant, standing.rate] = standing
        reels = []
        for place, keys in places.items():
            standing = standings[place]
            if (opened := self.run(standing)) is not None:
                own, stage = kinds[standing.entrant], self.stage(opened[0])
                reels.append(reel_of(standing, *opened, stage, panel, kinds=own, tables=tuple(keys), reels=self.most))
        self.reels.append(reels)


def part_of(found: Standings, films: Films) -> Part:
    """What the page shows of one data set under one protocol."""
    entrants = {cell.entrant.label: cell.entrant for cell in found.plan.possible}
    tables: dict[str, Sequence[Standing]] = {"default": found.default}
    if any(standing.rate is not None for standing in found.best):
        tables["best"] = found.best
    tables = {
        key: sorted(rows, key=lambda row: row.means[found.plan.panel.chosen_by][0])
        for key, rows in tables.items()
        if rows
    }
    films.add(found.plan.panel, tables, {label: kinds_of(entrant) for label, entrant in entrants.items()})
    gone = [s.entrant for s in found.default if films.run(s) is None]
    who = "every entrant" if len(gone) == len(found.default) else ", ".join(gone)
    notes = [f"Not drawn, since their runs are not in this folder, or not readable: {who}."] if gone else []
    protocol = found.plan.protocol
    return Part(
        name=found.plan.dataset,
        protocol=protocol,
        rule=PROTOCOLS[protocol],
        about=protocol_of(found),
        reading=reading(found),
        tables=[table_of(key, found, standings, films, entrants) for key, standings in tables.items()],
        drawn=films.drawn(),
        worst=found.plan.panel.worst,
        moves=any(len(reel.steps) > 0 for reel in films.reels[-1]),
        printed=printed(found, found.default),
        left_out=left_out(found),
        notes=notes,
    )


def table_of(
    key: str, found: Standings, standings: Sequence[Standing], films: Films, entrants: Mapping[str, Entrant]
) -> Table:
    """One leaderboard, with its diagrams."""
    columns = columns_of(found.plan, standings)
    rate = standings[0].rate
    default = "each its paper's learning rate" if rate is None else f"{rate:g} for all"
    return Table(
        key=key,
        title=default if key == "default" else "the best of each",
        said=counted(standings, found.plan.panel),
        columns=columns,
        rows=rows_of(standings, columns, entrants),
        ranks=ranks_in(standings, found.plan.panel.compared) if found.plan.protocol == "common" else [],
        costs=costs_in(standings, films),
    )


def ranks_in(standings: Sequence[Standing], metrics: Sequence[str]) -> list[tuple[str, str, str]]:
    """The critical-difference diagrams of a table, by each metric that is compared, over the seeds that all share."""
    diagrams = []
    for name in metrics:
        metric = METRICS_BY_NAME[name]
        scores = {s.entrant: by_seed(s.result, s.rate, name) for s in standings}
        seeds = sorted(set.intersection(*(set(each) for each in scores.values())))
        if len(scores) < 2 or len(seeds) < 2:
            continue
        table = {entrant: [each[seed] for seed in seeds] for entrant, each in scores.items()}
        ranks = ranks_of(table, metric.direction == "higher")
        title = f"Mean ranks by {metric.label}"
        said = f"Friedman's test: {'p < 0.0001' if ranks.p_value < 1e-4 else f'p = {number(ranks.p_value, 2)}'}"
        said += "." if ranks.p_value < LEVEL else ", so no entrant is told apart."
        diagrams.append((title, said, rank_diagram(ranks, f"{title}; the first are {', '.join(ranks.labels[:3])}")))
    return diagrams


def costs_in(standings: Sequence[Standing], films: Films) -> list[tuple[str, str, str]]:
    """The charts of coverage against cost of a table."""
    charts = []
    for name, axis in CURVES.items():
        runs = [(standing, opened) for standing in standings if (opened := films.run(standing)) is not None]
        curves = [curve for standing, (_, history) in runs if (curve := curve_of(standing, history, name)) is not None]
        if curves:
            modes = runs[0][1][0].experiment.dataset.modes
            top = float(len(modes)) if name == "modes" and modes is not None else 1.0
            leaders = f"The front: {told(front_of(curves))}."
            charts.append((axis.capitalize(), leaders, cost_chart(curves, top, axis)))
    return charts
