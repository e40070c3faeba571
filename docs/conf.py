"""Builds the documentation site: ``make docs``."""

from pathlib import Path

from sphinx.application import Sphinx

from modescope import __version__
from modescope.cli.listing import heading_of
from modescope.core.method import CHANGES
from modescope.methods import METHODS

project = "Modescope"
author = "The Modescope developers"
project_copyright = "2026, The Modescope developers"
release = version = __version__
extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx.ext.mathjax",
    "sphinx-mathjax-offline",
]
myst_enable_extensions = ["amsmath", "colon_fence", "dollarmath"]
myst_heading_anchors = 3
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_custom_sections = [("Arguments", "params_style"), ("References", "notes_style")]
napoleon_use_rtype = False
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented"
autodoc_member_order = "bysource"
autodoc_default_options = {"members": True, "show-inheritance": True, "exclude-members": "summary, reference, year"}
html_theme = "furo"
html_title = "Modescope"
html_extra_path: list[str] = []
html_static_path = ["_static"]
html_css_files = ["gallery.css"]
exclude_patterns = ["_build"]
suppress_warnings = ["ref.python", "myst.xref_missing"]
nitpicky = False


def methods_page() -> str:
    """The reference of all methods, grouped as ``modescope list methods`` groups them."""
    parts = [
        "# Methods",
        "What each changes, what its paper says, and where this package or the paper departs. `modescope list methods` "
        "prints this list, `modescope show METHOD` a method's page with its BibTeX. How to compare them: "
        "[the benchmark](../benchmark.md).",
    ]
    shown: set[str] = set()
    for change in CHANGES:
        kinds = {name: kind for name, kind in METHODS.items() if kind.changes == change}
        rows = [f"| `{name}` | {kind.year or ''} | {kind.summary} |" for name, kind in kinds.items()]
        modules = [
            module for module in dict.fromkeys(kind.__module__ for kind in kinds.values()) if module not in shown
        ]
        shown.update(modules)
        title = heading_of(change)
        parts += [f"## {title[0].upper()}{title[1:]}", "\n".join(["| name | year | |", "|---|---|---|", *rows])]
        parts += map(reference, modules)
    parts += ["## Chains by name", reference("modescope.methods.spec")]
    parts += ["## Methods of other packages", reference("modescope.methods.plugins")]
    return "\n\n".join(parts) + "\n"


def reference(module: str) -> str:
    """What shows a module's docstrings."""
    return f"```{{eval-rst}}\n.. automodule:: {module}\n```"


def setup(app: Sphinx) -> None:
    """Writes the pages that are made from the package before Sphinx looks for pages."""
    page = Path(__file__).parent / "reference" / "methods.md"
    app.connect("builder-inited", lambda app: page.write_text(methods_page(), encoding="utf-8"))
