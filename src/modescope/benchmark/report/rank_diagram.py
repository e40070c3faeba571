"""The critical-difference diagram: entrants at their mean ranks, bars beside those that are not told apart."""

__all__ = ["rank_diagram"]

from html import escape

from ...report.text import number
from ..ranks import Ranks
from .svg import Scale, element, line, text

WIDTH, LEFT, RIGHT, ROW, TOP, LANE = 380, 148, 26, 17, 58, 7
LONGEST = 20  # characters of a label


def rank_diagram(ranks: Ranks, title: str) -> str:
    """The diagram as SVG: a row for each entrant, the best on top, so that it is read on a phone too.

    Arguments:
        ranks: What to draw.
        title: What it shows, for those who do not see it.
    """
    spots = lanes(ranks.groups)
    width = WIDTH + LANE * max(spots, default=0)
    height = TOP + ROW * len(ranks.labels) + 6
    scale = Scale(1.0, float(len(ranks.labels)), LEFT + 8, WIDTH - RIGHT)
    parts = [ruler(ranks, scale, height)]
    for row, (label, mean) in enumerate(zip(ranks.labels, ranks.means, strict=True)):
        y = TOP + ROW * row + ROW / 2
        shown = label if len(label) <= LONGEST else f"{label[: LONGEST - 1]}…"
        about = element("title", escape(f"{label}: mean rank {number(mean)}"))
        content = text(LEFT, y + 4, shown, text_anchor="end", _class="name")
        content += line(LEFT + 8, y, scale(mean), y, _class="stem")
        content += element("circle", cx=scale(mean), cy=y, r=4, _class="spot")
        parts.append(element("g", about + content))
    for (first, last), lane in zip(ranks.groups, spots, strict=True):
        x = WIDTH - RIGHT + 14 + LANE * lane
        parts.append(line(x, TOP + ROW * first + 3, x, TOP + ROW * (last + 1) - 3, _class="alike"))
    return element("svg", "".join(parts), viewBox=f"0 0 {width} {height}", role="img", aria_label=title, _class="ranks")


def ruler(ranks: Ranks, scale: Scale, height: float) -> str:
    """The axis of mean ranks above, and the critical difference to its scale."""
    parts = [line(scale.start, TOP - 6, scale.end, TOP - 6, _class="axis")]
    for tick in scale.ticks(5):
        x = scale(tick)
        parts += [line(x, TOP - 6, x, height - 6, _class="grid"), text(x, TOP - 12, f"{tick:g}", text_anchor="middle")]
    end = min(scale.start + abs(scale(1.0 + ranks.difference) - scale(1.0)), scale.end)
    parts.append(line(scale.start, 22, end, 22, _class="alike"))
    parts.append(text(scale.start, 14, f"critical difference {number(ranks.difference)}"))
    parts.append(text(LEFT, TOP - 12, "mean rank", text_anchor="end"))
    return "".join(parts)


def lanes(groups: tuple[tuple[int, int], ...]) -> list[int]:
    """For each group a lane, the leftmost in which it meets no other."""
    ends: list[int] = []
    found = []
    for first, last in groups:
        lane = next((i for i, end in enumerate(ends) if end < first), len(ends))
        ends[lane : lane + 1] = [last]
        found.append(lane)
    return found
