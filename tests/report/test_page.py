import base64
import json
import math
import re
from html.parser import HTMLParser

import pytest

from modescope.core.errors import ModescopeError
from modescope.papers.record import write_record
from modescope.report.page import Beside, Figure, Heading, Paragraph, Statements, Table, show, write_page
from modescope.theory import Statement

PIXEL = base64.b64decode("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNk+A8AAQUBAScY42YAAAAASUVORK5CYII=")
STATEMENT = Statement("a <claim>", "printed & wrong", "JS_π is right", {"gap": 1e-7}, holds=False, verified=True)
VOID = {"meta", "img", "br", "hr", "link"}


class Outline(HTMLParser):
    """The tags, attributes and text of a page; fails where tags do not nest."""

    def __init__(self, page):
        super().__init__()
        self.open, self.tags, self.attributes, self.text = [], [], [], ""
        self.feed(page)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


@pytest.fixture
def page(tmp_path):
    (tmp_path / "dot.png").write_bytes(PIXEL)
    sections = [
        Heading("Head <1>"),
        Paragraph("<script>alert(1)</script> D_KL tf.binary_cross_entropy"),
        Table(("name", "a", "b"), [("x <y>", 1.5e-7, 1), ("z", -0.25, None)], "cap & tion"),
        Figure(tmp_path / "dot.png", 'a "dot"', "the caption"),
        Statements([STATEMENT]),
    ]
    path = write_page(tmp_path / "page.html", "Title & more", "Intro <b>", sections)
    return path.read_text(encoding="utf-8")


def test_text_is_escaped_and_tags_nest(page):
    outline = Outline(page)
    assert "script" not in outline.tags
    assert "<script>alert(1)</script>" in outline.text
    assert "Title & more" in outline.text
    assert "Intro <b>" in outline.text
    assert "x <y>" in outline.text
    assert ("alt", 'a "dot"') in outline.attributes


def test_nothing_is_loaded_from_elsewhere(page):
    outline = Outline(page)
    assert "link" not in outline.tags
    sources = [value for name, value in outline.attributes if name in {"src", "href", "srcset"}]
    assert sources == ["data:image/png;base64," + base64.b64encode(PIXEL).decode()]
    assert not re.search(r"https?://|@import|url\(", page)
    assert "default-src 'none'" in page


def test_themes_and_phones(page):
    assert "prefers-color-scheme: dark" in page
    assert 'name="viewport"' in page
    assert 'lang="en"' in page


def test_numbers_are_aligned_and_readable(page):
    assert '<td class="number">1.5 · 10⁻⁷</td>' in page
    assert '<td class="number">−0.25</td>' in page
    assert '<td class="number">–</td>' in page
    assert '<td class="words">z</td>' in page


def test_intervals_may_stand_below_their_numbers(tmp_path):
    rows = [["GAN", "2.7 (0.647 to 4.75)", "a (1 to 2)"], ["floor", "8", "b"]]
    page = write_page(tmp_path / "a.html", "a", "", [Table(["method", "modes", "words"], rows)]).read_text()
    assert '<td class="interval"><span>2.7</span> <span>(0.647 to 4.75)</span></td>' in page
    assert '<td class="interval">8</td>' in page
    assert '<td class="words">a (1 to 2)</td>' in page


def test_capitals_take_subscripts_and_names_do_not(page):
    assert "D<sub>KL</sub>" in page
    assert "JS<sub>π</sub>" in page
    assert "tf.binary_cross_entropy" in page


def test_verdicts(page, tmp_path):
    assert "does not hold" in page
    assert "not borne out" not in page
    wrong = Statement("c", "p", "r", {}, holds=True, verified=False)
    text = write_page(tmp_path / "other.html", "t", "", [Statements([wrong])]).read_text(encoding="utf-8")
    assert "not borne out" in text
    assert "does not hold" not in text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"),
        (1 / 3, "0.3333"),
        (-2.0, "−2"),
        (1e-6, "1 · 10⁻⁶"),
        (6.0221e23, "6.022 · 10²³"),
        (7, "7"),
        (True, "yes"),
        (None, "–"),
        ("KL-1", "KL-1"),
    ],
)
def test_show(value, text):
    assert show(value) == text


def test_bad_input_is_named(tmp_path):
    with pytest.raises(ModescopeError, match=r"rows\[1\] has 1 cells, expected 2"):
        Table(("a", "b"), [(1, 2), (1,)])
    with pytest.raises(ModescopeError, match="expected an image file that exists"):
        Figure(tmp_path / "none.png", "alt")
    (tmp_path / "x.svg").write_text("<svg/>")
    with pytest.raises(ModescopeError, match=r"expected \.png"):
        Figure(tmp_path / "x.svg", "alt")
    with pytest.raises(ModescopeError, match="does not exist"):
        write_page(tmp_path / "none" / "page.html", "t", "", [])


def test_a_record_has_null_for_what_is_no_number(tmp_path):
    ours = {"per_seed": {"GAN": [1.0, math.nan]}, "modes": (math.inf, 2)}
    path = write_record(tmp_path / "x.json", "x", {}, ours, [STATEMENT])
    assert json.loads(path.read_text())["ours"] == {"per_seed": {"GAN": [1.0, None]}, "modes": [None, 2]}


def test_figures_stand_side_by_side_where_there_is_room(tmp_path):
    path = tmp_path / "dot.png"
    path.write_bytes(PIXEL)
    write_page(tmp_path / "page.html", "t", "", [Beside([Figure(path, "one"), Figure(path, "two", "<two>")])])
    outline = Outline((tmp_path / "page.html").read_text())
    assert outline.tags[outline.tags.index("div") :] == ["div", "figure", "img", "figure", "img", "figcaption"]
    assert ("class", "beside") in outline.attributes
    assert "<two>" in outline.text
    write_page(tmp_path / "page.html", "t", "", [Figure(path, "one", wide=True)])
    outline = Outline((tmp_path / "page.html").read_text())
    assert outline.tags[outline.tags.index("figure") :][:3] == ["figure", "div", "img"]
    assert ("class", "scroll") in outline.attributes
