"""Builds the documentation site: ``make docs``."""

from modescope import __version__

project = "Modescope"
author = "The Modescope developers"
release = version = __version__
extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx.ext.mathjax",
    "sphinx-mathjax-offline",
]
myst_enable_extensions = ["amsmath", "dollarmath"]
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
exclude_patterns = ["_build"]
suppress_warnings = ["ref.python", "myst.xref_missing"]
nitpicky = False
