import json
import sys

import pytest
import torch

from modescope.core.errors import MissingExtraError
from modescope.papers.kl_theory import figure1, propositions
from modescope.theory import kl, weighted_js
from modescope.theory.two_gaussians import DATA, RULE, log_model

pytest.importorskip("matplotlib")


def strict(path):
    """The JSON of a file, refusing the numbers that JSON does not have."""

    def refuse(name):
        raise AssertionError(name)

    return json.loads(path.read_text(encoding="utf-8"), parse_constant=refuse)


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    out = tmp_path_factory.mktemp("papers")
    before = torch.get_rng_state()
    made = {make.__name__: make(out / "deep" / make.__name__, quick=True) for make in (figure1, propositions)}
    assert torch.equal(torch.get_rng_state(), before)  # the global random state is left alone
    return made


@pytest.fixture(params=["figure1", "propositions"])
def made(request, results):
    return results[request.param]


def test_files_are_whole(made):
    assert {made.page, made.numbers, *made.figures} == set(made.page.parent.iterdir())
    for figure in made.figures:
        data = figure.read_bytes()
        assert data.startswith(b"\x89PNG")
        assert data.endswith(b"IEND\xaeB`\x82")
        assert 10_000 < len(data) < 300_000
    page = made.page.read_text(encoding="utf-8")
    assert page.count("data:image/png;base64,") == len(made.figures)
    assert page.rstrip().endswith("</html>")
    assert "http" not in page.replace("http-equiv", "")
    assert "not borne out" not in page


def test_record(made):
    record = strict(made.numbers)
    assert list(record) == ["item", "paper", "ours", "statements"]
    assert record["item"] == made.item
    for statement in record["statements"]:
        assert set(statement) == {"claim", "printed", "right", "evidence", "holds", "verified"}
        assert statement["verified"] is True
        assert statement["printed"] in record["paper"]["statements"]
        assert all(isinstance(value, float) for value in statement["evidence"].values())


def test_figure1_numbers(results):
    ours = strict(results["figure1"].numbers)["ours"]
    assert ours["mass_error"] < 1e-12
    assert ours["balanced_minus_half"] == 0
    names = list(ours["maps_at_theta"])
    axis = ours["theta"]
    assert axis == list(range(-6, 7))
    for second, first in ((-6, 6), (3, -3), (0, 0), (2, 5)):
        log_p, log_q = log_model(DATA), log_model((float(first), float(second)))
        row, column = axis.index(second), axis.index(first)
        expected = float(kl(log_p, log_q, RULE.weights))
        assert ours["maps_at_theta"][names[0]][row][column] == pytest.approx(expected, rel=1e-10, abs=1e-14)
        expected = float(weighted_js(log_p, log_q, 1e-6, RULE.weights))
        assert ours["maps_at_theta"][names[3]][row][column] == pytest.approx(expected, rel=1e-10, abs=1e-18)
    assert set(ours["local_minimum_on_one_mode"]) == {names[1], names[2], names[4], names[5]}
    assert ours["largest"][names[3]] < 1e-5
    assert ours["largest_normalised"][names[3]] == pytest.approx(1e6 * ours["largest"][names[3]], rel=1e-5)


def test_proposition_numbers(results):
    ours = strict(results["propositions"].numbers)["ours"]
    ratio = ours["preference"]["saturating"]
    assert [ratio[weight] for weight in ("0.000001", "0.33", "0.5")] == pytest.approx([1.66, 0.51, 0.46], abs=0.005)
    assert max(ours["preference"]["non_saturating"].values()) < 1
    assert ours["flip_weight"] == pytest.approx(8e-4, rel=0.05)
    assert len(ours["generator_gradients"]) == 13
    for row in ours["generator_gradients"]:
        assert row["relative_error"] < 1e-7
        assert row["frozen_critic"] == pytest.approx(row["divergence"], rel=1e-6)


def test_without_matplotlib_the_extra_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(MissingExtraError, match=r"modescope\[report\]"):
        propositions(tmp_path, quick=True)
