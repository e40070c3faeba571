"""The docs name everything that there is."""

from pathlib import Path

import pytest

from modescope.core.method import CHANGES
from modescope.methods import METHODS

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize("name", METHODS)
def test_every_method_has_its_place_in_the_reference(name: str) -> None:
    page = (ROOT / "docs" / "reference" / "methods.md").read_text()
    kind = METHODS[name]
    assert f"| `{name}` | {kind.year or ''} | {kind.summary} |" in page
    assert f".. automodule:: {kind.__module__}\n" in page
    assert kind.changes in CHANGES


def test_no_page_names_a_file_that_is_not_there() -> None:
    for page in (*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")):
        text = page.read_text()
        for target in (part.split(")")[0] for part in text.split("](")[1:]):
            if not target.startswith(("http", "#")):
                assert (page.parent / target.split("#")[0]).exists(), f"{page.name}: {target}"
