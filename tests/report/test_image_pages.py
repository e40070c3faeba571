"""The report of runs on images: grids of pictures, their film, walks and nearest images; modes that a judge tells."""

import base64
import io
import json
import math
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from test_html import CHROME, page_of, probed

import modescope as ms
from modescope.metrics import evaluate
from modescope.report import gallery, write_pictures
from modescope.report.backdrop import backdrop_of
from modescope.report.copies import copies_of, true_images
from modescope.report.curves import charts_of
from modescope.report.figures import FRAMES, films_of, panels_of, picture_numbers, shown_of, size_of
from modescope.report.gallery import final_picture, gallery_of
from modescope.report.groups import scenes_of
from modescope.report.mosaic import mosaic
from modescope.report.payload import payload_of
from modescope.report.verdict import verdict_of
from modescope.report.walks import walks_of


@pytest.fixture(scope="module")
def scene(images):
    return scenes_of([images])[0]


@pytest.fixture(scope="module")
def judged(make, tmp_path_factory):
    """A made-up MNIST, whose classes the judge tells as modes; one value of the sweep diverges."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(Path(__file__).parents[1] / "datasets"))
        from tiny_images import tiny_mnist

        tiny_mnist(patch, tmp_path_factory.mktemp("mnist"))
        look = ms.Evaluation(every=10, samples=40, look=20, snapshot=4)
        sweep = {"lr": [1e-3, 1e30]}
        yield make("mnist", "judged gan", architecture="small", optimizer="sgd", sweep=sweep, evaluation=look)


@pytest.fixture(scope="module")
def pages(images, judged, tmp_path_factory):
    folder = tmp_path_factory.mktemp("pages")
    return {
        "images": page_of([images], folder / "images.html"),
        "both": page_of([judged, images], folder / "both.html"),
    }


def picture(address):
    kind, _, text = address.partition(",")
    assert kind in ("data:image/jpeg;base64", "data:image/png;base64")
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(text))))


def near(address, expected):
    """Whether a picture is the expected one, but for what JPEG loses of noise; other noise is not like it."""
    return np.corrcoef(picture(address).ravel(), expected.ravel())[0, 1] > 0.6


# What is shown


def test_a_film_holds_the_snapshots(scene, images):
    (film,) = films_of(scene, shown_of(scene, 8), backdrop_of(scene.dataset), 10**6)
    steps, samples = images.snapshots()
    ranking = scene.groups[0].ranking()
    assert film.steps.tolist() == steps.tolist() == [0, 10, 20]
    assert film.points.shape == (3, 3, 16, 3, 8, 6)  # of 18 images, the 16 that fill a square
    kept = np.clip((samples[:, ranking, :16] + 1) * 127.5, 0, 255)
    assert np.abs(film.points.reshape(kept.shape) - kept).max() <= 0.51
    assert (film.measure, film.kept) == ("sliced_w2", 18)


def test_a_film_keeps_to_its_budget(scene):
    shown, backdrop = shown_of(scene, 8), backdrop_of(scene.dataset)
    (film,) = films_of(scene, shown, backdrop, 4000)
    assert film.steps.tolist() == [0, 20]
    assert size_of(looks=50, kept=36, fewest=16, numbers=10**6, weight=100) == (50, 36)
    assert size_of(looks=50, kept=36, fewest=16, numbers=10**5, weight=100) == (50, 20)
    assert size_of(looks=50, kept=36, fewest=16, numbers=10**4, weight=100) == (6, 16)
    assert size_of(looks=9999, kept=36, fewest=16, numbers=10**9, weight=1) == (FRAMES, 36)


def test_a_films_pictures_are_the_looks_and_take_what_was_reckoned(scene):
    numbers = picture_numbers(scene.groups[0].run.snapshots()[1], [0, 1, 2], scene.groups[0])
    (film,) = payload_of(scene)["films"]
    (kept,) = films_of(scene, shown_of(scene, 8), backdrop_of(scene.dataset), 10**6)
    assert film["points"]["shape"] == list(kept.points.shape)
    assert near(film["pictures"][-1][0], mosaic(kept.points[-1, 0]))
    size = sum(len(address.partition(",")[2]) for frame in film["pictures"] for address in frame)
    assert size == pytest.approx(3 * 3 * 16 * 2 * numbers * 4 / 3, rel=0.15)


def test_panels_tell_and_finals_show(scene):
    group = scene.groups[0]
    panels = panels_of(group, group.ranking(), backdrop_of(scene.dataset), 50)
    assert [panel.badge for panel in panels] == ["worst", "", "best"]
    assert all(panel.points is None and panel.bars is None for panel in panels)
    assert all(panel.fate.startswith("sliced W2 ") for panel in panels)
    pixels = group.dataset.kept(group.samples[1]).view(64, 3, 8, 6).numpy()
    np.testing.assert_array_equal(final_picture(group, 1), mosaic(pixels))
    found = gallery_of(scene, shown_of(scene, 8))
    worst = group.ranking()[0]
    assert near(found.finals[0][0].address, final_picture(group, worst))
    assert (found.finals[0][0].width, found.finals[0][0].height) == (8 * 7 - 1, 8 * 9 - 1)
    assert near(found.truth.address, mosaic(backdrop_of(scene.dataset).images))


def test_walks_are_of_the_worst_and_the_best(scene, images):
    found = gallery_of(scene, shown_of(scene, 8))
    ranking = scene.groups[0].ranking()
    assert [walk.badge for walk in found.walks[0]] == ["worst", "best"]
    walks = walks_of(images, ranking[0])
    expected = mosaic(walks.images.reshape(-1, 3, 8, 6), 10)
    assert near(found.walks[0][0].still.address, expected)
    assert f"{walks.unevenness:.2g} times the mean step" in found.walks[0][0].told
    assert found.nears[0].label == found.walks[0][1].label
    assert found.searched == "all 30 true images"
    best = scene.groups[0].samples[ranking[-1], :8]
    ratios = copies_of(best, scene.dataset, true_images(scene.dataset)[0]).ratios
    assert found.nears[0].told.startswith(f"The distances are {ratios.min():.2g} to {ratios.max():.2g} times those ")
    assert ratios.min() > 0.3  # an untrained generator copies nothing


def test_a_generator_that_copies_is_told(scene):
    group = scene.groups[0]
    true = scene.dataset.sample(8, torch.Generator().manual_seed(0))
    copied = replace(group, samples=true.expand(3, -1, -1))
    told = gallery_of(replace(scene, groups=(copied,)), shown_of(scene, 8)).nears[0].told
    assert told == "The distances are 0 times those from the true images to their own nearest."


def test_what_cannot_be_walked_is_told(scene, images, monkeypatch):
    path = next(images.folder.glob("block-*/state-*.safetensors"))
    content = path.read_bytes()
    path.unlink()
    try:
        found = gallery_of(scene, shown_of(scene, 8))
    finally:
        path.write_bytes(content)
    assert found.walks == ((),)
    assert "images gan: there are no walks between latents: checkpoint" in found.notes[0]
    monkeypatch.setattr(gallery, "GROUPS", 0)
    assert "are of the first 0 groups alone" in gallery_of(scene, shown_of(scene, 8)).notes[-1]


def test_walks_stand_under_the_name_of_their_own_run(images, tmp_path):
    for name in ("broken", "whole"):
        shutil.copytree(images.folder, tmp_path / name)
    next((tmp_path / "broken").glob("block-*/state-*.safetensors")).unlink()
    page, _ = page_of([ms.Run(tmp_path / name) for name in ("broken", "whole")], tmp_path / "page.html")
    walks = page[page.index("Walks between latents") : page.index("Samples and their nearest")]
    assert "Walks between latents of images gan (whole), " in walks
    assert "(broken)" not in walks


def test_points_have_no_gallery(ring):
    (scene,) = scenes_of([ring])
    assert gallery_of(scene, shown_of(scene, 8)) is None


# Modes that a judge tells


def with_scores(group, covered, floor, sd=0.0, diverged=None):
    """A group whose members cover so many modes."""
    mass, divergence = group.results["modes_tenth_judged"], group.results["reverse_kl_judged"]
    results = {
        "modes_tenth_judged": replace(mass, per_member=tuple(map(float, covered)), floor=floor, floor_sd=sd),
        "modes_judged": replace(mass, per_member=tuple(n + 1.0 for n in covered)),
        "reverse_kl_judged": replace(divergence, per_member=(0.5,) * len(covered), value=0.5, floor=0.02),
    }
    steps = diverged or [None] * len(covered)
    return replace(group, at=tuple(range(len(covered))), diverged=tuple(steps), results=results)


@pytest.mark.parametrize(
    ("covered", "floor", "badge", "text"),
    [
        ([10, 10], 10.0, "All modes covered", "Every one of 2 seeds covers all 10 modes."),
        ([2, 1], 10.0, "Mode collapse", "Every one of 2 seeds collapsed to 1 to 2 of 10 modes."),
        ([1], 10.0, "Mode collapse", "The one seed collapsed to one mode."),
        ([3, 10], 10.0, "Misses modes", "Of 2 seeds, 1 covers 3 of 10 modes and 1 covers all 10 modes."),
        ([9], 9.0, "All modes covered", "The one seed covers as many of 10 modes as a perfect sampler does."),
        ([2], 9.0, "Mode collapse", "The one seed collapsed to 2 of 10 modes."),
    ],
)
def test_verdicts_of_judged_modes(judged, covered, floor, badge, text):
    group = with_scores(scenes_of([judged])[0].groups[0], covered, floor)
    verdict = verdict_of(group)
    assert (verdict.badge, verdict.text) == (
        badge,
        f"{text} Reverse KL on classes is 0.5 nats; a perfect sampler's is 0.02.",
    )


def test_a_diverged_judged_member_comes_first(judged):
    group = with_scores(scenes_of([judged])[0].groups[0], [10, 10], 10.0, diverged=[None, 5])
    assert verdict_of(group).text.startswith("Of 2 seeds, 1 diverged and 1 covers all 10 modes.")
    assert verdict_of(group).badge == "Diverged"


def test_a_judged_member_without_an_image_diverged(judged):
    group = with_scores(scenes_of([judged])[0].groups[0], [math.nan, 10], 10.0)
    assert verdict_of(group).text.startswith("Of 2 seeds, 1 diverged and 1 covers all 10 modes.")


def test_true_digits_are_told_to_cover_what_a_perfect_sampler_does(judged):
    group = scenes_of([judged])[0].groups[0]
    true = group.dataset.restored(group.dataset.arrays.images.flatten(1)).expand(2, -1, -1)
    results = {result.name: result for result in evaluate(true, group.dataset, [*group.results], 2)}
    assert verdict_of(replace(group, samples=true, results=results)).badge == "All modes covered"


def test_the_best_judged_member_covers_most(judged):
    for group in scenes_of([judged])[0].groups:
        scores = [(group.score("modes_tenth_judged", i), -group.score("reverse_kl_judged", i)) for i in group.ranking()]
        assert scores == sorted(scores)


def test_judged_curves_have_no_quality_and_the_floor_of_a_look(judged):
    (scene,) = scenes_of([judged])
    assert (scene.seen, scene.samples) == ((20,), 40)
    charts = {chart.name: chart for chart in charts_of(scene)}
    assert [*charts][:2] == ["modes", "reverse_kl"]
    assert "quality" not in charts
    modes, n = scene.dataset.modes, 20
    known = torch.bincount(
        modes.nearest(scene.dataset.restored(scene.dataset.arrays.images.flatten(1)))[0], minlength=10
    )
    expected = (1 - (1 - known / known.sum()) ** n).sum().item()  # of classes drawn at least once
    assert charts["modes"].floor == pytest.approx(expected, abs=1)


# The page


@pytest.mark.parametrize("kind", ["images", "both"])
def test_it_loads_nothing(pages, kind):
    _, page = pages[kind]
    for tag, attributes in page.tags:
        assert tag not in ("link", "iframe", "object", "embed", "base")
        if "src" in attributes:
            assert tag == "img"
            assert attributes["src"] == "data:," or picture(attributes["src"]).size
            assert "alt" in attributes
    for button in page.all("button"):
        assert button.get("class") != "enlarge" or button["aria-label"]
    assert len(page.scripts) == 3


def test_what_it_says(pages):
    _, page = pages["both"]
    for text in (
        "told by a classifier that is right on",
        "1 channel of 28 × 28 pixels",
        "3 channels of 8 × 6 pixels",
        "Walks between latents",
        "nearest of all 30 true images",
        "Distances are taken between pixels",
        "modes that at least one of 20 samples is told to be of",
        "the film has 3 of 3 looks, with 16 of 18 samples of each member",
        "diverged at step",
    ):
        assert text in page.text
    assert "on a mode" not in page.text
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(set(ids)) == len(ids)


def test_a_run_of_one_seed_without_snapshots(make, image_folder, out):
    look = ms.Evaluation(every=10, samples=5, snapshot=0)
    run = make(str(image_folder), architecture="small", seeds=1, evaluation=look)
    _, page = page_of([run], out)
    assert "so there is no film" in page.text
    assert len([tag for tag in page.all("img") if tag["src"] != "data:,"]) == 4  # true ones, final, walk, nearest
    files = write_pictures([run], out.parent)
    assert {path.suffix for path in files} == {".png"}


def test_films_as_gif_and_mp4(images, tmp_path):
    files = {path.name: path for path in write_pictures([images], tmp_path)}
    assert Image.open(files["film.gif"]).n_frames == 3
    assert files["film.mp4"].stat().st_size > 0
    assert len(Image.open(files["samples-1-images-gan.png"]).convert("RGB").getcolors(2**20)) > 30


PROBE = """<script>
addEventListener("load", () => setTimeout(() => {
  const $ = (selector) => document.querySelector(selector);
  const image = $("[data-film] img.mosaic");
  const found = { plots: document.querySelectorAll(".charts .main-svg").length > 0, before: image.src };
  const slider = $(".controls input");
  slider.value = 0;
  slider.dispatchEvent(new Event("input"));
  found.after = image.src;
  found.sharp = image.classList.contains("sharp");
  $(".panels button.enlarge").click();
  const lens = $("dialog.lens");
  found.open = lens.open && $("dialog.lens img").src === $(".panels img").src;
  found.scale = $("dialog.lens img").width / $(".panels img").naturalWidth;
  $("dialog.lens button").click();
  found.closed = !lens.open;
  document.documentElement.dataset.found = JSON.stringify(found);
}, 1500));
</script>"""


@pytest.mark.skipif(CHROME is None, reason="no chromium or chrome on this machine to open the page with")
def test_it_works_in_a_browser(pages, tmp_path):
    text, page = pages["images"]
    found = probed(text, PROBE, tmp_path)
    (film,) = json.loads(page.scripts[0])[0]["films"]
    assert (found["before"], found["after"]) == (film["pictures"][-1][0], film["pictures"][0][0])
    assert found["plots"]
    assert found["sharp"]
    assert found["open"]
    assert found["scale"] == int(found["scale"]) > 1
    assert found["closed"]
