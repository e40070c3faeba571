"""The page: it needs nothing but itself, and shows text as text."""

import json
import re
import shutil
import subprocess
from html.parser import HTMLParser

import pytest
from conftest import HOSTILE

from modescope.core.errors import ModescopeError
from modescope.report import write_report

VOID = {"meta", "img", "br", "hr", "link", "input", "wbr"}
CHROME = next((found for name in ("chromium", "google-chrome", "chrome") if (found := shutil.which(name))), None)


class Page(HTMLParser):
    """Tags with their attributes, scripts, and text; fails where tags do not nest."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.open, self.text, self.scripts = [], [], "", []
        self.feed(text)
        assert not self.open

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag == "script":
            self.scripts.append("")
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] == "script":
            self.scripts[-1] += data
        elif self.open and self.open[-1] != "style":
            self.text += data

    def all(self, tag):
        return [attributes for name, attributes in self.tags if name == tag]


def page_of(runs, path):
    assert write_report(runs, path) == path
    text = path.read_text(encoding="utf-8")
    return text, Page(text)


def probed(text, probe, folder):
    """What a script at the end of a page finds in a browser, where nothing may be said on the console."""
    path = folder / "page.html"
    path.write_text(text.replace("</body>", f"{probe}</body>"), encoding="utf-8")
    flags = "--headless --no-sandbox --disable-gpu --no-first-run --disable-background-networking --disable-sync"
    quiet = "--disable-component-update --enable-logging=stderr --v=0 --virtual-time-budget=6000 --dump-dom"
    command = [CHROME, *flags.split(), *quiet.split(), f"--user-data-dir={folder / 'profile'}", path.as_uri()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    assert not [line for line in done.stderr.splitlines() if "CONSOLE" in line]
    (html,) = [attributes for tag, attributes in Page(done.stdout).tags if tag == "html"]
    return json.loads(html["data-found"])


@pytest.fixture(scope="module")
def pages(tmp_path_factory, ring, swept, line, high, array):
    folder = tmp_path_factory.mktemp("pages")
    chosen = {"ring": [ring], "swept": [ring, swept], "line": [line], "high": [high], "array": [array]}
    chosen["mixed"] = [ring, line, array, high]
    return {name: page_of(runs, folder / f"{name}.html") for name, runs in chosen.items()}


KINDS = ("ring", "swept", "line", "high", "array", "mixed")


@pytest.mark.parametrize("kind", KINDS)
def test_it_loads_nothing(pages, kind):
    text, page = pages[kind]
    for tag, attributes in page.tags:
        assert "src" not in attributes, tag
        assert tag not in ("link", "iframe", "object", "embed", "img", "base")
        address = attributes.get("href")
        if address is not None:
            assert tag == "a"
            assert re.fullmatch(r"#[\w-]+|https?://[^\s<>\"']+", address)
    (policy,) = [meta["content"] for meta in page.all("meta") if meta.get("http-equiv") == "Content-Security-Policy"]
    assert policy.startswith("default-src 'none'")
    assert "http" not in policy
    style = text[text.index("<style>") : text.index("</style>")]
    assert "@import" not in style
    assert "url(" not in style


@pytest.mark.parametrize("kind", KINDS)
def test_the_data_are_json(pages, kind):
    _, page = pages[kind]
    scripts = page.all("script")
    assert [script.get("type") for script in scripts] == ["application/json", None, None]
    scenes = json.loads(page.scripts[0])
    assert len(scenes) == (4 if kind == "mixed" else 1)
    for scene in scenes:
        assert scene["films"]
        assert scene["charts"]
        assert all(part["panels"] for part in scene["panels"])


@pytest.mark.parametrize("kind", KINDS)
def test_links_and_labels_meet(pages, kind):
    _, page = pages[kind]
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(set(ids)) == len(ids)
    wanted = {attributes["href"][1:] for attributes in page.all("a") if attributes["href"].startswith("#")}
    for _, attributes in page.tags:
        wanted |= {attributes[key] for key in ("aria-labelledby", "aria-describedby") if key in attributes}
    assert wanted <= set(ids)
    for tag in ("canvas", "input"):
        assert all(attributes.get("aria-label") for attributes in page.all(tag))


def test_hostile_text_is_shown_as_text(pages):
    text, page = pages["swept"]
    assert "<script>alert" not in text
    assert "<img" not in text
    assert HOSTILE in page.text
    assert f"modescope train {json.dumps(HOSTILE)[1:-1]}" not in text
    assert len(page.scripts) == 3


def test_it_tells_what_was_measured(pages, ring):
    _, page = pages["ring"]
    for result in ring.metrics():
        assert f"{result.name}): {result.protocol}." in page.text
    assert ring.command in page.text
    assert ring.config["versions"]["torch"] in page.text
    assert "Generative Adversarial Nets (Goodfellow et al., 2014)" in page.text
    assert "Floor: a perfect sampler" in page.text


def test_divergence_and_settings_that_differ_are_told(pages):
    _, page = pages["swept"]
    assert "diverged" in page.text
    assert "A diverged seed is frozen" in page.text
    differing = [attributes for attributes in page.all("tr") if attributes.get("class") == "differs"]
    assert len(differing) >= 2  # the optimiser and the sweep


def test_a_run_of_one_seed_says_so(make, out):
    _, page = page_of([make("ring", seeds=1)], out)
    assert "The one seed" in page.text
    assert "one member: the interval tells of its samples, not of other seeds" in page.text
    assert "without a command" in page.text


def test_what_is_left_out_is_told(swept, out, monkeypatch):
    from modescope.report import payload

    monkeypatch.setattr(payload, "FILM_NUMBERS", 1000)
    _, page = page_of([swept], out)
    assert re.search(r"the film has 2 of 5 looks, with 60 of 60 samples of each member", page.text)


def test_bad_input(ring, unfinished, tmp_path):
    with pytest.raises(ModescopeError, match="runs is empty"):
        write_report([], tmp_path / "report.html")
    with pytest.raises(ModescopeError, match=r"is not done: go on with 'modescope resume"):
        write_report([ring, unfinished], tmp_path / "report.html")
    (tmp_path / "file").write_text("")
    with pytest.raises(ModescopeError, match="cannot be written"):
        write_report([ring], tmp_path / "file" / "report.html")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


PROBE = """<script>
addEventListener("load", () => setTimeout(() => {
  const $ = (selector) => document.querySelector(selector);
  const found = { plots: document.querySelectorAll(".plot .main-svg").length > 0, before: $("output").textContent };
  const slider = $(".controls input");
  slider.value = 1;
  slider.dispatchEvent(new Event("input"));
  found.after = $("output").textContent;
  const names = () => [...document.querySelectorAll("tbody tr")].slice(0, 4).map((row) => row.cells[0].dataset.value);
  found.rows = [names()];
  for (let i = 0; i < 2; i++) {
    $("table.sortable th button").click();
    found.rows.push(names());
  }
  const canvas = $(".reel canvas");
  const pixels = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
  found.colours = new Set(new Uint32Array(pixels.buffer)).size;
  $(".play").click();
  found.playing = $(".play").textContent;
  document.documentElement.dataset.found = JSON.stringify(found);
}, 1500));
</script>"""


@pytest.mark.skipif(CHROME is None, reason="no chromium or chrome on this machine to open the page with")
@pytest.mark.parametrize("kind", ["swept", "mixed"])
def test_it_works_in_a_browser(pages, kind, tmp_path):
    found = probed(pages[kind][0], PROBE, tmp_path)
    assert found["plots"]
    assert (found["before"], found["after"]) == ("step 20 of 20", "step 5 of 20")
    assert found["rows"][1] == found["rows"][0]  # rising, as they stood
    assert found["rows"][2] == found["rows"][0][::-1] or kind == "mixed"
    assert found["colours"] > 10
    assert "Pause" in found["playing"]
