"""The two moons of the review: its measures, its statements, its training, and the page."""

import dataclasses
import json
import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from scipy.spatial import cKDTree

from modescope.datasets import MoonsThirtyTwo, TwoMoons
from modescope.datasets.moons import on_arc
from modescope.papers import moons as study
from modescope.papers.items import ITEMS
from modescope.papers.moons_measures import (
    BOTH,
    COVERAGE,
    LIGHTER,
    OFF,
    ON_EACH,
    W1,
    arc_coverage,
    arc_positions,
    covers_both,
    lighter_share,
    measure,
    off_moons,
    on_moon,
)
from modescope.papers.moons_statements import Findings, statements
from modescope.runs import train_many


def perfect(n=2500, seed=0):
    return TwoMoons().sample(n, torch.Generator().manual_seed(seed), torch.float64)


def arc(moon, low=0.0, high=1.0, n=2500):
    angle = math.pi * torch.linspace(low, high, n, dtype=torch.float64)
    return on_arc(torch.full_like(angle, moon), angle)


# The measures


def test_a_perfect_sampler_covers_both_moons():
    x = perfect()[None]
    assert arc_coverage(x).tolist() == [[1.0], [1.0]]
    assert covers_both(x).item() == 1
    assert off_moons(x).item() == 0
    assert on_moon(x).sum().item() == pytest.approx(1.0)
    assert lighter_share(x).item() == pytest.approx(0.5, abs=0.03)


@pytest.mark.parametrize("moon", [0, 1])
def test_one_moon_alone(moon):
    x = arc(moon)[None]
    expected = torch.eye(2, dtype=torch.float64)[moon][:, None]
    assert torch.equal(arc_coverage(x), expected)
    assert torch.equal(on_moon(x), expected)
    assert covers_both(x).item() == lighter_share(x).item() == off_moons(x).item() == 0


def test_a_line_between_the_moons_puts_mass_between_them():
    line = torch.lerp(
        arc(0, 0.5, 0.5, 1), arc(1, 0.5, 0.5, 1), torch.linspace(0, 1, 1001, dtype=torch.float64)[:, None]
    )
    x = line[None]
    by_hand = cKDTree(torch.cat([arc(0), arc(1)])).query(line)[0]
    assert off_moons(x).item() == pytest.approx((by_hand > 0.1).mean(), abs=0.003)
    assert off_moons(x).item() > 0.5
    assert arc_coverage(x).max() < 0.3


def test_a_piece_of_an_arc_is_that_share_of_it():
    x = torch.cat([arc(0, 0.001, 0.249), arc(1, 0.501, 0.999)])[None]
    assert arc_coverage(x).flatten().tolist() == [0.25, 0.5]
    assert covers_both(x).item() == 0
    assert covers_both(torch.cat([arc(0, 0.001, 0.499), arc(1, 0.501, 0.999)])[None]).item() == 1


def test_positions_are_those_of_the_nearest_point_of_a_fine_arc():
    x = torch.rand(500, 2, generator=torch.Generator().manual_seed(1), dtype=torch.float64) * 4 - 1.5
    distance, angle = arc_positions(x)
    for moon in (0, 1):
        expected, index = cKDTree(arc(moon, n=20_001)).query(x)
        assert np.allclose(distance[moon], expected, atol=1e-4)
        assert np.allclose(angle[moon], math.pi * index / 20_000, atol=1e-3)


def test_each_of_the_32_points_has_a_piece_of_its_own():
    points = MoonsThirtyTwo().points
    assert arc_coverage(points[None]).tolist() == [[1.0], [1.0]]
    fewer = torch.cat([points[:5], points[6:]])
    assert arc_coverage(fewer[None]).flatten().tolist() == [15 / 16, 1.0]


def test_measures_come_with_floors_and_intervals():
    samples = torch.stack([perfect(400, 1), perfect(400, 2), arc(0, n=400)])
    found = measure(samples, TwoMoons(), floor_repeats=3)
    assert found[COVERAGE].per_member == (1.0, 1.0, 0.5)
    assert (found[COVERAGE].floor, found[OFF].floor, found[BOTH].floor) == (1.0, 0.0, 1.0)
    assert found[W1].per_member[2] > 5 * found[W1].floor
    assert found[BOTH].value == pytest.approx(2 / 3)
    # Clopper and Pearson's interval of two of three, by its definition as quantiles of beta distributions
    assert (found[BOTH].low, found[BOTH].high) == pytest.approx((0.0943, 0.9916), abs=1e-4)
    assert sum(found[name].floor for name in ON_EACH) == pytest.approx(1.0)


# The statements


def findings(*, w1=None, coverage=None, off=None, lighter=None, gap=0.1, start=0.4, end=0.4, latents=(1, 2, 3, 4)):
    """Findings with 16 seeds; each measure maps latent dimensions to what is added to a little noise."""
    noise = np.random.default_rng(0).normal(0, 0.01, (len(latents), 16))
    levels = {W1: w1 or {}, COVERAGE: coverage or {}, OFF: off or {}, LIGHTER: lighter or {}, BOTH: {}}

    def result(name, latent, noise):
        values = levels[name].get(latent, 0.3) + (noise if name != LIGHTER else 0 * noise)
        half = 0.1 * values.std()
        mean = float(values.mean())
        return SimpleNamespace(
            label=name, per_member=tuple(values), value=mean, low=mean - half, high=mean + half, floor=0.0
        )

    results = {
        latent: {name: result(name, latent, noise[row]) for name in levels} for row, latent in enumerate(latents)
    }
    steps = np.array([0, 100_000, 150_000, 200_000])
    curve = np.array([[level] * 16 for level in (5.0, start, start, end)]) + noise[:1] * [[0], [0], [0], [1]]
    shares = {latent: np.full(16, gap) for latent in latents}
    return Findings(results, shares, 20_000, steps, {2: curve, 4: curve}, 0.05)


def verdict(claim, **given):
    (found,) = [item for item in statements(findings(**given)) if claim in item.claim]
    assert found.verified
    return found


def test_more_coverage_in_more_dimensions_is_a_relation():
    rising = verdict("latent dimension and mode", coverage={1: 0.2, 2: 0.4, 3: 0.6, 4: 0.8})
    assert rising.holds
    assert "more of the arcs is covered" in rising.right
    falling = verdict("latent dimension and mode", coverage={1: 0.8, 2: 0.6, 3: 0.4, 4: 0.2})
    assert falling.holds
    assert "the other way round" in falling.right


def test_no_relation_where_there_is_none():
    flat = verdict("latent dimension and mode")
    assert not flat.holds
    assert "no relation" in flat.right


def test_a_relation_that_the_first_dimension_makes_is_told_so():
    step = verdict("latent dimension and mode", coverage={1: 0.1})
    assert step.holds
    assert "It is latent dimension 1 that makes it" in step.right


def test_a_relation_needs_more_than_two_dimensions():
    assert all("latent dimension and mode" not in item.claim for item in statements(findings(latents=(2, 4))))


@pytest.mark.parametrize(("name", "claim"), [("w1", "captures the shape"), ("off", "tells the modes apart")])
def test_four_against_two_follows_the_numbers(name, claim):
    better = verdict(claim, **{name: {2: 0.5, 4: 0.2}})
    assert better.holds
    assert better.right.startswith("It is: ")
    assert "changes by −0.299 (95\N{NO-BREAK SPACE}% interval −0.30" in better.right
    worse = verdict(claim, **{name: {2: 0.2, 4: 0.5}})
    assert not worse.holds
    assert worse.right.startswith("The opposite: ")
    same = verdict(claim)
    assert not same.holds
    assert "do not show it" in same.right


@pytest.mark.parametrize(
    ("share", "holds", "wording"), [(0.02, True, "It is what mostly"), (0.4, False, "It is not what mostly")]
)
def test_one_mode_is_counted_over_seeds(share, holds, wording):
    found = verdict("collapses to one mode", lighter={2: share})
    assert found.holds is holds
    assert wording in found.right
    assert ("16 of 16" in found.right) is holds


def test_single_runs_decide_only_without_spread():
    near = verdict("One run", w1={2: 0.301, 4: 0.3})
    assert not near.holds
    assert "decides nothing" in near.right
    far = verdict("One run", w1={2: 0.9, 4: 0.3})
    assert far.holds
    assert "one pair of runs is enough" in far.right
    assert not verdict("One run", w1={2: 0.3, 4: 0.9}).holds


def test_separation_cannot_be_perfect():
    found = verdict("separation", off={4: 0.3})
    assert found.holds
    assert "at least 10.0\N{NO-BREAK SPACE}% of its samples" in found.right
    assert not verdict("separation", off={4: 0.01}).holds
    (none,) = [item for item in statements(findings(gap=math.nan)) if "separation" in item.claim]
    assert not none.verified
    assert "No member reaches both moons" in none.right


def test_convergence_is_judged_from_the_printed_step_on():
    still = verdict("Convergence")
    assert still.holds
    assert "from step 150,000 to 200,000" in still.right
    moving = verdict("Convergence", end=0.2)
    assert not moving.holds
    assert "has not come to rest" in moving.right
    short = findings()
    short = dataclasses.replace(short, steps=short.steps // 10)
    (early,) = [item for item in statements(short) if "Convergence" in item.claim]
    assert not early.holds
    assert "too early to tell" in early.right


# The training


def test_the_text_is_trained_as_printed():
    experiments = study.TEXT.experiments()
    assert list(experiments) == [f"latent-{latent}" for latent in range(1, 9)]
    for latent, experiment in enumerate(experiments.values(), 1):
        networks, training = experiment.architecture, experiment.training
        assert (networks.latent_dim, len(experiment.seeds), training.steps) == (latent, 16, 200_000)
        assert (networks.generator.hidden, networks.critic.hidden) == ((8, 4), (64, 8))
        assert (training.optimizer, training.lr, training.critic_lr, training.batch_size) == ("sgd", 5e-4, None, 32)
        assert experiment.evaluation.every == (250 if latent in (2, 4) else 2500)


def test_the_notebook_is_trained_as_its_loop_does():
    """Against the notebook's own order of things, in plain PyTorch: one fake batch for both, half the critic's loss."""
    population = study.NOTEBOOK.small.experiments()["latent-2"].population(0)
    nets = {}
    for role, builder in population.method.networks(population.space).items():
        nets[role] = builder()
        own = population.layout.unflatten(role, population.state["flats"][role][1])[role]
        nets[role].load_state_dict(own)
    rules = {role: torch.optim.SGD(net.parameters(), lr=5e-4) for role, net in nets.items()}
    cross_entropy = torch.nn.BCEWithLogitsLoss()
    for _ in range(5):
        population.advance(1)
        batch = population.batches.batch(population.batches.noise.position - 1, 0)
        real, fake = batch["real"][1], nets["generator"](batch["z"][1])
        ones, zeros = torch.ones(32, 1), torch.zeros(32, 1)
        rules["generator"].zero_grad()
        cross_entropy(nets["discriminator"](fake), ones).backward()
        rules["generator"].step()
        rules["discriminator"].zero_grad()
        of_real = cross_entropy(nets["discriminator"](real), ones)
        of_fake = cross_entropy(nets["discriminator"](fake.detach()), zeros)
        ((of_real + of_fake) / 2).backward()
        rules["discriminator"].step()
    for role, net in nets.items():
        expected = torch.cat([parameter.detach().reshape(-1) for parameter in net.parameters()])
        assert torch.allclose(population.state["flats"][role][1], expected, atol=1e-5)


# The page


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    out = tmp_path_factory.mktemp("moons")
    return out, ITEMS["moons"].load()(out, quick=True, workers=1, quiet=True)


def test_quick_version_leaves_a_page_pictures_and_numbers(made):
    out, found = made
    assert found.item == "moons"
    assert all(path.stat().st_size < 300_000 for path in found.figures)
    films = sorted(out.glob("*.gif"))
    assert [film.name for film in films] == ["moons-latent2.gif", "moons-latent4.gif"]
    assert all(film.stat().st_size < 2_000_000 for film in films)
    page = found.page.read_text()
    assert page.count("data:image/png") == len(found.figures) == 6
    assert page.count("data:image/gif") == 2
    assert page.count('class="statement"') == 6
    assert "its verdicts mean nothing" in page


def test_numbers_hold_every_seed_with_its_floor(made):
    _, found = made
    record = json.loads(found.numbers.read_text())
    ours = record["ours"]
    assert list(ours["latents"]) == ["2", "4"]
    for latent in ours["latents"].values():
        for result in latent["measures"]:
            assert len(result["per_member"]) == 2
            assert result["floor"] is not None
            assert result["protocol"]
    w1 = {name: latent["measures"][0]["per_member"] for name, latent in ours["latents"].items()}
    gaps = [b - a for a, b in zip(w1["2"], w1["4"], strict=True)]
    assert ours["paired_4_minus_2"][W1]["mean"] == pytest.approx(sum(gaps) / 2)
    assert len(record["statements"]) == 6


def test_a_second_call_trains_nothing(made):
    out, _ = made
    states = {path: path.stat().st_mtime_ns for path in out.glob("runs/*/block-*/state-*")}
    runs = train_many(study.TEXT.small.experiments(), out / "runs", workers=1, quiet=True)
    assert all(run.done for run in runs)
    assert len(states) == 2
    assert states == {path: path.stat().st_mtime_ns for path in out.glob("runs/*/block-*/state-*")}


def test_notebook_page(tmp_path, monkeypatch):
    monkeypatch.setattr(study, "FRAMES", 3)
    monkeypatch.setattr(study, "LOOKS", 2)
    found = ITEMS["moons/notebook"].load()(tmp_path, quick=True, workers=1, quiet=True)
    assert found.page.name == "moons-notebook.html"
    page = found.page.read_text()
    assert "32 drawn at random at every step" in page
    assert page.count("weights standard normal, biases 0.01") == 2  # the notebook's, and here
