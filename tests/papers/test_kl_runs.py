"""The KL paper's experiments: what their statements conclude from numbers, and one of them end to end."""

import json

import pytest

from modescope.metrics import MetricResult
from modescope.papers.items import reproduce
from modescope.papers.kl_runs import FORWARD, MODES, QUALITY, REVERSE, collapsed, compared, file_name, median_member


def modes(*values: float, name: str = MODES, direction: str = "higher", floor: float = 8.0) -> MetricResult:
    mean = sum(values) / len(values)
    return MetricResult(
        name=name,
        label="Modes",
        value=mean,
        low=mean,
        high=mean,
        floor=floor,
        floor_sd=0.0,
        direction=direction,
        protocol="",
        per_member=values,
    )


POOR, FULL = {MODES: modes(*[1, 2, 1, 2, 1, 2, 1, 3])}, {MODES: modes(*[8] * 8)}
MOST = {MODES: modes(*[7, 8, 8, 8, 8, 8, 8, 8])}


def test_a_remedy_that_covers_all_in_every_seed_holds() -> None:
    found = compared("claim", {"GAN": POOR, "cure": FULL}, "GAN", "cure", "printed")
    assert found.holds
    assert found.verified
    assert "cure does better than GAN" in found.right


def test_a_remedy_that_misses_a_mode_in_one_seed_does_not_cover_all_modes() -> None:
    found = compared("claim", {"GAN": POOR, "cure": MOST}, "GAN", "cure", "printed")
    assert not found.holds
    assert "cure does better than GAN" in found.right


def test_a_harmful_remedy_and_no_difference_are_told_apart() -> None:
    worse = compared("claim", {"GAN": FULL, "cure": POOR}, "GAN", "cure", "printed")
    same = compared("claim", {"GAN": POOR, "cure": POOR}, "GAN", "cure", "printed")
    assert "cure does worse than GAN" in worse.right
    assert "no difference" in same.right
    assert not worse.holds
    assert not same.holds


def test_lower_is_better_for_a_divergence() -> None:
    good = {MODES: FULL[MODES], REVERSE: modes(*[0.01, 0.02] * 4, name=REVERSE, direction="lower", floor=0.0)}
    bad = {MODES: POOR[MODES], REVERSE: modes(*[1.0, 1.1] * 4, name=REVERSE, direction="lower", floor=0.0)}
    assert compared("claim", {"a": bad, "b": good}, "a", "b", "printed", REVERSE).holds
    assert not compared("claim", {"a": good, "b": bad}, "a", "b", "printed", REVERSE).holds


@pytest.mark.parametrize(("found", "holds"), [(POOR, True), (FULL, False), (MOST, False)])
def test_collapse_means_most_seeds_miss_modes(found: dict[str, MetricResult], holds: bool) -> None:
    assert collapsed("GAN", {"GAN": found}, "printed").holds is holds


def test_the_median_member_and_the_names_of_folders() -> None:
    assert median_member((8, 1, 5, 2)) == 3
    assert median_member((8, float("nan"), 5)) == 2
    assert file_name("Method 1, π = 0.33, saturating") == "method-1-pi-0.33-saturating"


def test_figure_2_end_to_end(tmp_path) -> None:
    (page,) = reproduce("kl/figure2", tmp_path, quick=True, workers=1, quiet=True)
    record = json.loads((tmp_path / "kl-figure2.json").read_text())
    assert {row["name"] for row in record["ours"]["metrics"]["GAN"]} == {MODES, QUALITY, REVERSE, FORWARD}
    assert record["statements"][0]["printed"] == "Vanilla GAN failed to capture all modes"
    assert "a perfect sampler" in page.read_text(encoding="utf-8")
    assert (tmp_path / "kl-figure2.png").stat().st_size > 1000


def test_what_should_be_as_the_floor_is_better_when_nearer_to_it() -> None:
    far = {"spread": modes(*[14, 15, 14, 15, 14, 16, 15, 14], name="spread", direction="closer", floor=10)}
    near = {"spread": modes(*[9, 11, 10, 9, 10.5, 11, 9, 10], name="spread", direction="closer", floor=10)}
    found = compared("claim", {"noise": far, "images": near}, "noise", "images", "printed", "spread")
    assert found.holds
    assert found.evidence["mean difference of the way to the floor"] < 0
    assert not compared("claim", {"noise": far, "images": near}, "images", "noise", "printed", "spread").holds
