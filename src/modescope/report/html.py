"""The report as one HTML file."""

__all__ = ["write_report"]

import time
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

from ..core.errors import ModescopeError, extra, need
from ..core.files import atomic_write
from ..runs import Run
from .assets import asset
from .content import part_data
from .figures import shown_of
from .gallery import gallery_of
from .groups import Scene, scenes_of, unique_names
from .payload import PANELS, encoded, payload_of
from .settings import references_of, settings_of
from .text import interval, joined, number, percent, plural

SCRIPTS = ("core.js", "backdrop.js", "panels.js", "charts.js", "clouds.js", "film.js", "pictures.js", "table.js")


def write_report(runs: Sequence[Run], path: str | Path) -> Path:
    """Writes the report of one or more runs: a page that needs nothing but itself, not even a network.

    Runs on the same data set and with as many samples are put side by side.

    Arguments:
        runs: The runs, each trained to its end.
        path: The file to write; its folder is made if need be.

    Returns:
        The path.

    Raises:
        ModescopeError: If there are no runs, one is not done, or the file cannot be written.
        MissingExtraError: If a library of the extra ``report`` is not installed.
    """
    path = Path(path)
    need(path.suffix.lower() in (".html", ".htm"), f"the report is {str(path)!r}, expected a file that ends in .html")
    scenes = scenes_of(runs)
    page = render(scenes, runs)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return atomic_write(path, page)
    except OSError as error:
        raise ModescopeError(f"the report {str(path)!r} cannot be written: {error.strerror or error}") from error


def render(scenes: Sequence[Scene], runs: Sequence[Run]) -> str:
    """The page."""
    jinja = extra("jinja2", "report", "the report")
    safe = extra("markupsafe", "report", "the report").Markup
    plotly = extra("plotly.offline", "report", "the report").get_plotlyjs()
    page = jinja.Environment(
        loader=jinja.FunctionLoader(asset), autoescape=True, undefined=jinja.StrictUndefined, trim_blocks=True
    )
    page.filters |= {"number": number, "percent": percent, "interval": lambda result: interval(result.low, result.high)}
    page.globals |= {"plural": plural}
    payloads = [payload_of(scene, len(scenes)) for scene in scenes]
    galleries = [gallery_of(scene, shown_of(scene, PANELS // len(scenes))) for scene in scenes]
    return page.get_template("report.html.j2").render(
        title=title_of(unique_names(runs), scenes),
        style=safe(asset("page.css") + asset("report.css")),
        plotly=safe(plotly),
        script=safe("\n".join(map(asset, SCRIPTS))),
        data=safe(encoded(payloads)),
        made=time.strftime("%d %B %Y, %H:%M UTC", time.gmtime()),
        version=version("modescope"),
        parts=[part_data(*part) for part in zip(scenes, data_names(scenes), payloads, galleries, strict=True)],
        commands=[(name, run.command) for name, run in zip(unique_names(runs), runs, strict=True)],
        settings=settings_of(runs),
        references=references_of(scenes),
    )


def title_of(names: Sequence[str], scenes: Sequence[Scene]) -> str:
    """What the report is about: the runs' names, or how many there are and their data."""
    if len(names) <= 4:
        return " · ".join(names)
    kinds = dict.fromkeys(type(scene.dataset).__name__ for scene in scenes)
    return f"{plural(len(names), 'run')} on {joined(list(kinds))}"


def data_names(scenes: Sequence[Scene]) -> list[str]:
    """The names of the scenes' data sets, numbered where two are of one kind."""
    kinds = [type(scene.dataset).__name__ for scene in scenes]
    return [f"{kind} ({kinds[: i + 1].count(kind)})" if kinds.count(kind) > 1 else kind for i, kind in enumerate(kinds)]
