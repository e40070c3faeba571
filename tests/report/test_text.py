import math

import pytest

from modescope.report.text import interval, joined, number, percent, plural, slug, span


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"),
        (8.0, "8"),
        (-0.25, "−0.25"),
        (0.98889, "0.989"),
        (2500.0, "2,500"),
        (12345.6, "12,346"),
        (1.5e-5, "1.5 · 10⁻⁵"),
        (-3e30, "−3 · 10³⁰"),
        (math.nan, "–"),
        (-math.inf, "−∞"),
        (999.7, "1,000"),
    ],
)
def test_number(value, text):
    assert number(value) == text


@pytest.mark.parametrize(
    ("share", "text"),
    [
        (0.0, "0 %"),
        (0.0004, "< 0.1 %"),
        (0.004, "0.4 %"),
        (0.5, "50 %"),
        (0.98889, "99 %"),
        (0.9989, "99.9 %"),
        (1.0, "100 %"),
    ],
)
def test_percent(share, text):
    assert percent(share) == text


def test_a_share_is_never_rounded_to_none_or_all():
    for share in (1e-9, 1 - 1e-9):
        assert percent(share) not in ("0 %", "0.0 %", "100 %", "100.0 %")


def test_words():
    assert interval(math.nan, 1.0) == ""
    assert interval(8.0, 8.0) == "the same in each"
    assert interval(-1.0, 2.5) == "−1 to 2.5"
    assert (plural(1, "seed"), plural(2000, "seed")) == ("1 seed", "2,000 seeds")
    assert (span([3, 5, 4]), span([2, 2])) == ("3 to 5", "2")
    assert joined(["a", "b", "c"]) == "a, b and c"


@pytest.mark.parametrize(
    ("name", "part"),
    [("ring gan", "ring-gan"), ("../../etc/passwd", "etc-passwd"), ("<b>", "b"), ("π", "run"), ("", "run")],
)
def test_slug(name, part):
    assert slug(name) == part
