"""The benchmark's page: it needs nothing but itself, shows the worst seed first, stays small, works in a browser."""

import base64
import dataclasses
import html
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from conftest import HOSTILE
from test_html import CHROME, Page, probed

from modescope.benchmark import Result, make_plan, standings
from modescope.benchmark.panel import KNOWN, POINTS
from modescope.benchmark.report import write_html
from modescope.benchmark.report.costs import Curve, cost_chart, front_of, told
from modescope.benchmark.report.overview import Spot, overview_of, spot_of
from modescope.benchmark.report.svg import Scale
from modescope.benchmark.words import printed
from modescope.cli.benchmark import Benchmark, command_of
from modescope.methods import METHODS
from modescope.runs import Run

SEEDS, RATES = 3, (1e-3, 3e-3)
NAMES = ("lsgan", "pacgan")
needs_browser = pytest.mark.skipif(CHROME is None, reason="no chromium or chrome on this machine to open the page with")


def results_of(plan, worst_at=1):
    """Made-up numbers: each entrant's seed number `worst_at` has one mode, the others eight; pacgan is the best."""
    for rank, cell in enumerate(reversed(plan.possible)):
        members = cell.experiment.members
        seeds = [member.seed for member in members]
        values = {name: tuple(0.5 + 0.01 * seed + 0.1 * rank for seed in seeds) for name in KNOWN.metrics}
        values["modes_l2_3sigma"] = tuple(1.0 if seed == worst_at else 8.0 for seed in seeds)
        rates = tuple(member.values["lr"] for member in members)
        label = cell.entrant.label
        yield Result(label, cell.key, cell.folder, tuple(seeds), rates, values, (None,) * len(seeds), 20, 6.0, 10**6)


@pytest.fixture(scope="module")
def plan():
    return make_plan("ring", NAMES, seeds=SEEDS, budget=40, learning_rates=RATES)


@pytest.fixture(scope="module")
def folder(plan, tmp_path_factory):
    """A benchmark's folder, where the run of one entrant is gone."""
    out = tmp_path_factory.mktemp("benchmark")
    for cell in plan.possible[:2]:
        Run.create(out / cell.folder / "run", cell.experiment).train(workers=1, quiet=True)
    return out


@pytest.fixture(scope="module")
def found(plan):
    tables = standings(plan, list(results_of(plan)), floor_repeats=1)
    return dataclasses.replace(tables, failed={HOSTILE: f"{HOSTILE}\nmore"}, missing=("veegan",))


@pytest.fixture(scope="module")
def text(found, folder):
    return write_html([found], folder / "common.html", f"modescope benchmark {HOSTILE}").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def page(text):
    return Page(text)


def reels_of(page):
    (reels,) = json.loads(page.scripts[1])
    return reels


def test_it_loads_nothing_and_links_to_what_there_is(text, page, folder):
    for tag, attributes in page.tags:
        assert "src" not in attributes, tag
        assert tag not in ("link", "iframe", "object", "embed", "base")
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(set(ids)) == len(ids)
    runs = set()
    for address in (attributes["href"] for attributes in page.all("a")):
        if address.startswith("#"):
            assert address[1:] in ids
        elif not address.startswith("https://"):
            runs.add((folder / address).is_dir())
    assert runs == {True, False}  # two are here, one is gone
    for _, attributes in page.tags:
        assert {attributes[key] for key in ("aria-labelledby", "aria-describedby") if key in attributes} <= set(ids)
    (policy,) = [meta["content"] for meta in page.all("meta") if meta.get("http-equiv") == "Content-Security-Policy"]
    assert policy.startswith("default-src 'none'")
    style = text[text.index("<style>") : text.index("</style>")]
    assert "@import" not in style
    assert "url(" not in style


def test_hostile_text_is_shown_as_text(text, page):
    assert "<script>alert" not in text
    assert "<img" not in text
    assert page.text.count(HOSTILE) >= 3  # the entrant, its failure and the command
    assert len(page.scripts) == 3


def test_it_tells_what_was_measured(page, found):
    for standing in found.default:
        mean, low, high = standing.means["w2_exact_n1000"]
        assert f"{mean:.3g}" in page.text
        assert f"{low:.3g} to {high:.3g}" in page.text
    assert "Perfect sampler" in page.text
    assert "veegan" in page.text
    assert "not run yet" in page.text
    assert "their runs are not in this folder, or not readable: pacgan" in page.text
    for name in ("gan", *NAMES):
        assert METHODS[name].summary.rstrip(".") in page.text
    assert page.text.count("@inproceedings{") == 3
    assert len(printed(found, found.default)) > 0
    assert "What papers printed" in page.text


def test_the_worst_seed_comes_first(page):
    reels = reels_of(page)
    assert {reel["entrant"] for reel in reels} == {"gan", "lsgan"}
    for reel in reels:
        assert reel["seeds"][0] == 1
        assert sorted(reel["seeds"]) == [0, 1, 2]
        assert reel["fates"][0].startswith("1 modes")
        assert reel["steps"] == sorted(reel["steps"])
        assert reel["points"]["shape"][:2] == [len(reel["steps"]), SEEDS]


def test_the_samples_are_those_of_the_run(page, plan, folder, found):
    """Quantised to a sixteen-thousandth of the view, in the order from the worst seed to the best."""
    cell = plan.possible[0]
    run = Run(folder / cell.folder / "run")
    reel = next(reel for reel in reels_of(page) if reel["entrant"] == "gan" and "default" in reel["tables"])
    rate = found.default[0].rate
    seeds = [(member.seed, member.values["lr"]) for member in run.members]
    scene = json.loads(page.scripts[0])[reel["scene"]]
    low, high = np.array(scene["backdrop"]["view"]).T
    whole = np.frombuffer(base64.b64decode(reel["final"]["data"]), "<i2").reshape(reel["final"]["shape"])
    for place, seed in enumerate(reel["seeds"]):
        true = run.samples()[seeds.index((seed, rate)), : whole.shape[2]].numpy()
        inside = ((true > low) & (true < high)).all(axis=1)
        drawn = low + (high - low) * whole[0, place] / scene["unit"]
        np.testing.assert_allclose(drawn[inside], true[inside], atol=float((high - low).max()) / scene["unit"])
    assert run.snapshots()[0][-1] == reel["steps"][-1]


def test_several_data_sets_share_one_page(found, folder, plan):
    """The second has one entrant less, and a name that is markup."""
    second = dataclasses.replace(found, plan=dataclasses.replace(plan, dataset=HOSTILE), default=found.default[1:])
    text = write_html([found, second], folder / "benchmark.html").read_text(encoding="utf-8")
    page = Page(text)
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(set(ids)) == len(ids)
    assert "<script>alert" not in text
    assert page.text.count(HOSTILE) >= 2
    assert {f"#part-{i}" for i in range(2)} <= {attributes["href"] for attributes in page.all("a")}
    assert "At a glance" in page.text
    first, _ = json.loads(page.scripts[1])
    assert len(json.loads(page.scripts[0])) == 1  # both draw on the same data
    assert {reel["scene"] for reel in first} == {0}

    lines = {line.entrant: line for line in overview_of([found, second])}
    gone = found.default[0].entrant
    assert [spot is None for spot in lines[gone].spots] == [False, True]
    spot = lines["gan"].spots[0]
    assert (spot.text, spot.worst, spot.tone) == ("5.67 of 8", "1", "fair")  # (8 + 1 + 8) / 3
    assert lines["gan"].share == pytest.approx(17 / 24)


def test_the_tone_of_a_glance_is_by_its_worst_seed_and_its_mean(found):
    def tone(mean, worst):
        standing = found.default[0]
        means = {**standing.means, "modes_l2_3sigma": (mean, mean, mean)}
        changed = dataclasses.replace(standing, means=means, worst={**standing.worst, "modes_l2_3sigma": worst})
        return spot_of(changed, KNOWN).tone

    assert [tone(8, 8), tone(7.9, 7), tone(4.1, 1), tone(4, 4), tone(1, 1)] == ["good", "fair", "fair", "bad", "bad"]


def test_a_glance_at_data_without_modes_is_the_distance_from_the_floor(found):
    standing = found.default[0]
    means, floors = {"w2_exact_n1000": (0.4, 0.3, 0.5)}, {"w2_exact_n1000": 0.1}
    changed = dataclasses.replace(standing, means=means, floors=floors, worst={"w2_exact_n1000": 0.8})
    assert spot_of(changed, POINTS) == Spot(share=0.25, text="0.4, floor 0.1", worst="0.8", tone="fair")


# Coverage against cost


def test_the_front_is_what_nobody_beats() -> None:
    generator = np.random.default_rng(0)
    curves = [Curve(name, np.sort(generator.random(9)), np.sort(generator.random(9))) for name in "abc"]
    front = front_of(curves)
    points = [(s, v) for curve in curves for s, v in zip(curve.seconds, curve.values, strict=True)]
    beaten = [any((s <= t and v >= w) and (s, v) != (t, w) for s, v in points) for t, w in points]
    assert {(s, v) for s, v, _ in front} == {point for point, lost in zip(points, beaten, strict=True) if not lost}
    assert told([(1.0, 2.0, "a"), (2.0, 3.0, "a"), (4.0, 8.0, "b")]) == "a from 1 s (2), b from 4 s (8)"
    chart = cost_chart([*curves, Curve(HOSTILE, np.ones(1), np.ones(1))], 1.0, "share")
    assert "<script>" not in chart
    assert "<img" not in chart


def test_a_scale_places_its_ends_and_its_ticks() -> None:
    scale = Scale(0.05, 3.0, 44, 368, log=True)
    assert (scale(0.05), scale(3.0)) == (44, 368)
    assert scale.ticks() == [0.05, 0.1, 0.2, 0.5, 1.0, 2.0]
    assert Scale(0, 8, 0, 1).ticks() == [0, 2, 4, 6, 8]
    assert Scale(0.0, 1.0, 100, 0)(0.25) == 75
    assert Scale(1, 48, 0, 1).ticks(5) == [10, 20, 30, 40]


def test_the_command_is_told_as_it_was_given() -> None:
    assert command_of(Benchmark(suite="ring", methods=("lsgan",), seeds=4, quiet=True, out=Path("a b"))) == (
        "modescope benchmark ring --methods lsgan --seeds 4 --out 'a b' --quiet"
    )


# Size


def test_thirty_methods_with_ten_seeds_stay_below_25_megabytes(tmp_path: Path, monkeypatch) -> None:
    """Two learning rates, and snapshots as a benchmark keeps them; every entrant shows the samples of one run."""
    floors = dict.fromkeys(KNOWN.metrics, 0.5)
    monkeypatch.setattr(sys.modules[standings.__module__], "floors_of", lambda cell, repeats: floors)
    names = [name for name in METHODS if name not in ("gan", "wgan-gp")][:29]
    plan = make_plan("ring", names, seeds=10, budget=40, learning_rates=RATES)
    cell = plan.possible[0]
    Run.create(tmp_path / "one" / "run", cell.experiment).train(workers=1, quiet=True)
    members = cell.experiment.members
    rates, seeds = tuple(m.values["lr"] for m in members), tuple(m.seed for m in members)
    generator = np.random.default_rng(0)
    results = []
    for each in plan.possible:
        values = {name: tuple(generator.random(len(members)).tolist()) for name in KNOWN.metrics}
        values["w2_exact_n1000"] = tuple(2.0 - (rate == RATES[1]) for rate in rates)  # so that the best is the other
        results.append(Result(each.entrant.label, "", "one", seeds, rates, values, (None,) * len(seeds), 40, 9.0, 1))
    found = standings(plan, results, floor_repeats=1)
    path = write_html([found], tmp_path / "page.html")
    reels = reels_of(Page(path.read_text(encoding="utf-8")))
    assert len(reels) == 2 * 30
    assert all(reel["points"]["shape"][0] == 21 and reel["points"]["shape"][2] >= 150 for reel in reels)
    assert path.stat().st_size < 25e6


# In a browser

PROBE = """<script>
addEventListener("load", () => setTimeout(() => {
  const $ = (selector) => document.querySelector(selector);
  const $$ = (selector) => [...document.querySelectorAll(selector)];
  const seen = (selector) => $$(selector).filter((each) => each.checkVisibility());
  const change = (selector, value) => { $(selector).value = value; $(selector).dispatchEvent(new Event("input")); };
  const rows = () => seen("tbody tr[data-kinds]").map((row) => row.dataset.entrant);
  const cards = () => seen(".reel-card h4").map((head) => head.firstChild.textContent);
  const found = { rows: rows(), cards: cards(), count: $("output.count").textContent };
  const canvas = $(".seeds-grid canvas");
  canvas.scrollIntoView();
  change(".stage input", $(".stage input").max);
  const before = canvas.toDataURL();
  found.end = $(".stage output").textContent;
  change(".stage input", 0);
  found.start = $(".stage output").textContent;
  found.moved = canvas.toDataURL() !== before;
  const pixels = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
  found.colours = new Set(new Uint32Array(pixels.buffer)).size;
  found.caption = $(".seeds-grid figcaption").textContent;
  $(".play").click();
  found.playing = $(".play").textContent;
  change(".find", "lsg");
  found.found = [rows(), cards(), $("output.count").textContent];
  change(".find", "");
  change(".kind", "inputs");
  found.kind = rows();
  change(".kind", "");
  change(".rate", "best");
  found.best = seen("table.summary").length;
  const titles = seen("table.summary th button");
  const column = titles.findIndex((title) => title.textContent.startsWith("Wasserstein"));
  titles[column].click();
  titles[column].click();
  found.sorted = rows();
  document.documentElement.dataset.found = JSON.stringify(found);
}, 800));
</script>"""


@needs_browser
def test_it_works_in_a_browser(text, tmp_path):
    found = probed(text, PROBE, tmp_path)
    assert found["rows"] == ["pacgan", "lsgan", "gan"]  # the smallest W2 first
    assert found["cards"] == ["lsgan", "gan"]
    assert found["count"] == "3 of 3 entrants"
    assert found["colours"] > 10
    assert (found["end"], found["start"]) == ("final samples", "0 % of training")
    assert found["moved"]
    assert found["caption"].startswith("worst, seed 1: ")
    assert "Pause" in found["playing"]
    assert found["found"] == [["lsgan"], ["lsgan"], "1 of 3 entrants"]
    assert found["kind"] == ["pacgan"]
    assert found["best"] == 1
    assert found["sorted"] == ["gan", "lsgan", "pacgan"]


NARROW = """<script>
addEventListener("load", () => setTimeout(() => {
  const found = { width: innerWidth, content: document.documentElement.scrollWidth };
  parent.document.documentElement.dataset.found = JSON.stringify(found);
}, 800));
</script>"""


@needs_browser
def test_a_phone_never_scrolls_sideways(text, tmp_path):
    """A browser's own window has a least width, a frame has none."""
    inner = html.escape(text.replace("</body>", f"{NARROW}</body>"))
    framed = f'<!DOCTYPE html><html lang="en"><body><iframe width="390" height="844" style="border:0" srcdoc="{inner}">'
    path = tmp_path / "frame.html"
    path.write_text(f"{framed}</iframe></body></html>", encoding="utf-8")
    flags = "--headless --no-sandbox --disable-gpu --hide-scrollbars --virtual-time-budget=5000 --dump-dom"
    command = [CHROME, *flags.split(), f"--user-data-dir={tmp_path / 'profile'}", path.as_uri()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    (data,) = re.findall(r'<html[^>]* data-found="([^"]*)"', done.stdout)
    assert json.loads(html.unescape(data)) == {"width": 390, "content": 390}


AXE = Path(os.environ.get("MODESCOPE_AXE", Path.cwd() / "node_modules" / "axe-core" / "axe.min.js"))
CHECK = """<script>
addEventListener("load", () => setTimeout(() => axe.run().then((result) => {
  const found = result.violations.map((each) => [each.impact, each.id, each.nodes.map((node) => node.html)]);
  document.documentElement.dataset.found = JSON.stringify(found);
}), 800));
</script>"""


@needs_browser
@pytest.mark.skipif(not AXE.is_file(), reason="no axe-core: npm install axe-core, or set MODESCOPE_AXE to axe.min.js")
def test_axe_finds_nothing_serious(text, tmp_path):
    script = f"<script>{AXE.read_text(encoding='utf-8')}</script>"
    found = probed(text, script + CHECK, tmp_path)
    assert [violation for violation in found if violation[0] in ("serious", "critical")] == []
