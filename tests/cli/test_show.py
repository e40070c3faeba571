"""``modescope show``: every method's page, formulas in a terminal, and BibTeX."""

import json
import re

import pytest

from modescope.cli import main
from modescope.cli.formula import plain
from modescope.cli.show import page_of
from modescope.methods import METHODS, bibtex_of
from modescope.methods.bibliography import composed, entries


@pytest.mark.parametrize(
    ("tex", "shown"),
    [
        (r":math:`\frac12 \| z - F(x) \|^2`", "1/2 ‖ z - F(x) ‖²"),
        (r":math:`\tfrac{e^{(\alpha - 1) v} - 1}{\alpha - 1}`", "(e^((α - 1) v) - 1)/(α - 1)"),
        (r":math:`\mathbb{E}_{p} \log D(x_1, \dots, x_m)`", "Eₚ log D(x₁, …, xₘ)"),
        (r":math:`\hat z \sim \mathcal{N}(\mu, \sqrt{\sigma})`", "ẑ ~ N(μ, √(σ))"),
        (r":math:`\{1, \dots, K\}`", "{1, …, K}"),
        ("see :class:`modescope.nets.MLP` and ``lr`` and `base`", "see modescope.nets.MLP and lr and base"),
        (".. math:: a \\le b\n\nnext", "a ≤ b\n\nnext"),
        ("| a source\n| its address", "a source\nits address"),
    ],
)
def test_formulas_for_a_terminal(tex: str, shown: str) -> None:
    assert plain(tex) == shown


def test_a_table_keeps_its_columns() -> None:
    rule = "=====  ============="
    text = "\n".join([rule, "name   :math:`f(u)`", rule, "kl     :math:`u \\log u`", "gan    twice it", rule, ""])
    assert plain(text).splitlines() == ["name  f(u)", "──────────────", "kl    u log u", "gan   twice it"]


@pytest.mark.parametrize("name", METHODS)
def test_every_method_has_a_page(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    page = page_of(name)
    assert len(page["objective"]) > 60
    assert all(row["what"] for row in page["parameters"])
    text = "\n".join([page["objective"], page["note"], *(row["what"] for row in page["parameters"])])
    assert not re.findall(r"\\[a-zA-Z]+|[`{}@]|:math:", text.replace("{1", "").replace("}", "")), text
    assert f"@{{{name}," in re.sub(r"@\w+", "@", page["bibtex"])
    with pytest.raises(SystemExit):
        main(["show", name])
    printed = capsys.readouterr().out
    assert METHODS[name].__name__ in printed
    assert page["bibtex"].splitlines()[1] in printed


def test_json_and_bibtex_alone(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["show", "pacgan", "--json"])
    page = json.loads(capsys.readouterr().out)
    assert page["parameters"][1] == {
        "name": "degree",
        "default": "2",
        "what": "The number of samples in a pack, m.",
    }
    with pytest.raises(SystemExit):
        main(["show", "pacgan", "--bibtex"])
    assert capsys.readouterr().out.strip() == bibtex_of("pacgan", METHODS["pacgan"])


def test_the_bibliography_fits_the_methods() -> None:
    assert set(entries()) == set(METHODS)
    for name, entry in entries().items():
        kind = METHODS[name]
        address = re.search(r"url = \{(.*)\}", entry)
        if address:
            assert address[1] in kind.reference, name
        title = re.sub(r"[{}]", "", re.search(r"title = \{(.*)\},", entry)[1])
        assert title.lower()[:11] in kind.reference.lower(), name


def test_an_entry_from_a_reference() -> None:
    text = "On Things (Doe & Roe, 2020), https://arxiv.org/abs/2001.00001"
    assert composed("x", text).splitlines() == [
        "@misc{x,",
        "  title = {{On Things}},",
        "  author = {Doe and Roe},",
        "  year = {2020},",
        "  url = {https://arxiv.org/abs/2001.00001},",
        "}",
    ]
    assert "author = {Doe and others}," in composed("x", "On Things (Doe et al., 2020)")
    assert composed("x", "") == ""


def test_an_unknown_method_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main(["show", "vegan"])
    assert left.value.code == 2
    assert "veegan" in capsys.readouterr().err


def shown(*args: str) -> int:
    with pytest.raises(SystemExit) as left:
        main(["show", *args])
    return int(left.value.code or 0)


def test_a_chain_shows_each_of_its_methods_in_order(capsys: pytest.CaptureFixture[str]) -> None:
    assert shown("unrolled+pacgan") == 0
    printed = capsys.readouterr().out
    assert printed.startswith("UnrolledGAN over PacGAN over GAN: each changes what stands below it.\n")
    objectives = [" ".join(page_of(name)["objective"].split())[:40] for name in ("unrolled", "pacgan", "gan")]
    places = [" ".join(printed.split()).index(text) for text in objectives]
    assert places == sorted(places)
    assert shown("unrolled+pacgan+lsgan", "--json") == 0
    assert json.loads(capsys.readouterr().out) == [page_of(name) for name in ("unrolled", "pacgan", "lsgan")]
    assert shown("pacgan+lsgan", "--bibtex") == 0
    assert capsys.readouterr().out.strip() == "\n\n".join(
        bibtex_of(name, METHODS[name]) for name in ("pacgan", "lsgan")
    )


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("pacgan+ali", "PacGAN over ALI is not defined, since"),
        ("gan+lsgan", "gan wraps no other method, so lsgan cannot follow it"),
        ("pacgan+", "expected names joined by '+'"),
        ("pacgan+vegan", "did you mean 'veegan'"),
        ("pacgan@degree=4", "method is 'pacgan@degree=4', expected no values, e.g. pacgan"),
    ],
)
def test_a_chain_that_is_not_defined_is_told(text: str, words: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert shown(text) == 2
    assert words in capsys.readouterr().err


def test_methods_are_listed_by_what_they_change(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["list", "methods"])
    lines = capsys.readouterr().out.splitlines()
    heads = [line.strip() for line in lines if line.strip().startswith(("changes the", "adds"))]
    assert heads[0] == "changes the objective"
    assert len(heads) == len(set(heads)) == len({kind.changes for kind in METHODS.values()})
