"""The docs name everything that there is, and link to nothing that is not."""

import re
import runpy
from pathlib import Path

import pytest

from modescope.core.method import CHANGES
from modescope.methods import METHODS

ROOT = Path(__file__).parents[1]


def test_every_method_has_its_place_in_the_reference() -> None:
    """The page is written when the site is built."""
    page = runpy.run_path(str(ROOT / "docs" / "conf.py"))["methods_page"]()
    for name, kind in METHODS.items():
        assert kind.changes in CHANGES
        assert page.count(f"| `{name}` | {kind.year or ''} | {kind.summary} |") == 1
        assert page.count(f".. automodule:: {kind.__module__}\n") == 1


@pytest.mark.parametrize("page", [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")], ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)", page.read_text()):
        if not target.startswith("http"):
            assert (page.parent / target).exists(), target


def test_no_picture_is_left_over() -> None:
    text = "".join(page.read_text() for page in (*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")))
    assert [picture.name for picture in ROOT.glob("docs/**/*.png") if picture.name not in text] == []
