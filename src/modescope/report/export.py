"""Tables for texts and for other programs: Markdown, LaTeX, CSV."""

__all__ = ["FORMATS", "csv_table", "latex_table", "markdown_table"]

import csv
import io
from collections.abc import Callable, Sequence

LATEX = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    **{sign: f"\\{sign}" for sign in "&%$#_{}"},
    "−": "$-$",
    "∞": r"$\infty$",
    "–": "--",
    "·": r"$\cdot$",
    "<": r"$<$",
    ">": r"$>$",
    "↑": r"$\uparrow$",
    "↓": r"$\downarrow$",
    "\n": " ",
}
POWERS = {sign: f"$^{{{plain}}}$" for sign, plain in zip("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789", strict=True)}
NUMERIC = "0123456789−–∞"  # what a number, or a dash for none, begins with
Lines = Sequence[Sequence[str]]


def markdown_table(head: Sequence[str], body: Lines) -> str:
    """A table in Markdown."""
    lines = [head, ["---"] * len(head), *body]
    return "".join("| " + " | ".join(plain(cell).replace("|", r"\|") for cell in line) + " |\n" for line in lines)


def latex_table(head: Sequence[str], body: Lines) -> str:
    r"""A ``tabular`` of LaTeX with the rules of the package ``booktabs``, numbers to the right, words to the left."""
    sides = ["r" if all(cell[:1] in NUMERIC for cell in column) else "l" for column in zip(*body, strict=True)]
    parts = [rf"\begin{{tabular}}{{{''.join(sides)}}}", r"\toprule", latex_line(head), r"\midrule"]
    return "\n".join([*parts, *map(latex_line, body), r"\bottomrule", r"\end{tabular}"]) + "\n"


def latex_line(cells: Sequence[str]) -> str:
    """A row of LaTeX, with its signs escaped."""
    signs = {**LATEX, **POWERS}
    return " & ".join("".join(signs.get(sign, sign) for sign in cell) for cell in cells) + r" \\"


def csv_table(head: Sequence[str], body: Lines) -> str:
    """A table with commas, quoted where a cell has one."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(head)
    writer.writerows(body)
    return text.getvalue()


def plain(cell: str) -> str:
    """A cell without line breaks, which would end its row."""
    return " ".join(cell.split("\n"))


FORMATS: dict[str, Callable[[Sequence[str], Lines], str]] = {
    "markdown": markdown_table,
    "latex": latex_table,
    "csv": csv_table,
}
