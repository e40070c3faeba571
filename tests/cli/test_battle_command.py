"""Two runs against each other, from the command line and from Python."""

import json
import math
import re
from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.stats import binomtest

import modescope as ms
from modescope.cli.battle import print_battles
from modescope.cli.main import main
from modescope.methods import build
from modescope.methods.threshold import threshold_of
from modescope.runs import Run, battle_runs
from modescope.runs.critics import critic_of

LOOK = ms.Evaluation(samples=64, snapshot=0)


def run(*args: str) -> int:
    with pytest.raises(SystemExit) as stopped:
        main(["battle", *args])
    return stopped.value.code or 0


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Trains a tiny run, once for each way to."""
    made: dict[str, Run] = {}

    def train(method="gan", dataset="ring", name="", **settings):
        key = repr((method, dataset, name, settings))
        if key not in made:
            options = {"seeds": 3, "steps": 60, "batch_size": 32, "evaluation": LOOK, **settings}
            experiment = ms.plan(dataset, method, **options)
            made[key] = Run.create(tmp_path_factory.mktemp("run") / "folder", experiment, name=name or method)
            if options["steps"] != 1_000_000:
                made[key].train(workers=1, quiet=True)
        return made[key]

    return train


def test_swapping_the_runs_swaps_the_outcomes_and_turns_the_ratios_over(trained):
    gan, lsgan = trained(), trained("lsgan", seeds=2)
    one = battle_runs(gan, lsgan, n=500, tolerance=10.0)
    two = battle_runs(lsgan, gan, n=500, tolerance=10.0)
    assert (one.count("first"), one.count("second")) == (two.count("second"), two.count("first"))
    assert one.count("first") + one.count("second") > 0
    for ratio in ("test_ratio", "sample_ratio"):
        there, back = (b.table(lambda match, ratio=ratio: getattr(match, ratio)) for b in (one, two))
        assert there.shape == (3, 2)
        with np.errstate(divide="ignore"):
            assert there == pytest.approx(1 / back.T)


def test_a_run_against_itself_is_a_tie_of_each_member_with_itself(trained):
    found = battle_runs(trained(), trained(), n=500, paired=True)
    assert found.count("even") == 3
    assert found.test_ratio.value == found.sample_ratio.value == 1


def test_ratios_are_those_of_the_errors_counted_by_hand(trained):
    """A network's own scores, counted without the critic's view that the battle takes."""
    gan, lsgan = trained(), trained("lsgan", seeds=2)
    n, found = 400, battle_runs(gan, lsgan, n=400)
    rates = {}
    for name, run_, zero in (("gan", gan, 0.0), ("lsgan", lsgan, 0.5)):
        population = run_.population()
        for i in range(len(run_.members)):
            flats = {role: flat[i] for role, flat in population.state["flats"].items()}
            _, nets = population.one({}, flats, {}, torch.zeros(3))
            other = {"gan": lsgan, "lsgan": gan}[name].sample(n, "battle 0")
            rates[name, i] = [(nets["discriminator"](x) > zero).double().mean().item() for x in other]
    for i, row in enumerate(found.matches):
        for j, match in enumerate(row):
            mine, other = rates["gan", i][j], rates["lsgan", j][i]
            expected = 1.0 if mine == other else mine / other if other else math.inf
            assert match.sample_ratio == pytest.approx(expected)


def test_both_forms_and_the_tie_rule(trained):
    gan, other = trained(), trained("weighted-js")
    strict = battle_runs(gan, other, n=500, tolerance=0.0)
    errors = battle_runs(gan, other, n=500, tolerance=1e9)
    accuracies = battle_runs(gan, other, n=500, tolerance=1e9, form="accuracies")
    assert strict.count("unfair") > 0
    assert strict.count("first") + strict.count("second") + strict.count("unfair") + strict.count("even") == 9
    assert errors.count("unfair") == accuracies.count("unfair") == 0
    assert errors.count("first") == accuracies.count("first")  # the forms differ in ratios, not in fair winners
    assert errors.sample_ratio.value != accuracies.sample_ratio.value


def test_a_critic_that_saw_more_steps_of_the_same_game_errs_less(trained):
    """A critic that was trained is better on held-out real samples than one that was not."""
    fresh, late = trained(steps=0), trained(steps=200)
    real = fresh.experiment.dataset.sample(1000, torch.Generator().manual_seed(1))
    said = [critic_of(run_.population(), 0)(real) for run_ in (fresh, late)]
    fakes = fresh.sample(1000)[0]
    right = [(on_real > 0.5).double().mean() + (critic_of(run_.population(), 0)(fakes) <= 0.5).double().mean()
             for on_real, run_ in zip(said, (fresh, late), strict=True)]  # fmt: skip
    assert right[1] > right[0] + 0.3


def test_critics_of_packs_judge_packs(trained):
    pac = trained("pacgan")
    critic = critic_of(pac.population(), 1)
    x = pac.sample(101)[0]
    assert critic(x).shape == (50,)
    population = pac.population()
    flats = {role: flat[1] for role, flat in population.state["flats"].items()}
    _, nets = population.one({}, flats, {}, torch.zeros(3))
    expected = nets["discriminator"](x[:100].reshape(50, 4)).squeeze(1).sigmoid().double()
    assert critic(x) == pytest.approx(expected, rel=1e-4)
    assert "packs of 2" in " ".join(battle_runs(pac, trained(), n=100).notes)


@pytest.mark.parametrize(
    ("spec", "threshold"),
    [
        ("gan", 0.0),
        ("unrolled+gan", 0.0),
        ("hinge", 0.0),
        ("weighted-js", 0.0),
        ("bourgan", 0.0),
        ("lsgan", 0.5),
        ("label-smoothing+gan", math.log(0.9 / 1.1)),
        ("mad-gan", -math.log(4)),
        ("fgan", 1.0),  # the forward KL: f'(1) = 1
    ],
)
def test_where_real_and_fake_are_equally_likely(spec, threshold):
    assert threshold_of(build(spec)) == pytest.approx(threshold, abs=1e-3)


def test_smoothed_labels_move_the_best_score_to_the_threshold():
    r"""At :math:`p = q` the threshold is where the smoothed loss has no slope."""
    s = torch.tensor(threshold_of(build("label-smoothing+gan", alpha=0.3)), dtype=torch.float64, requires_grad=True)
    loss = torch.nn.functional.softplus(-s) + torch.nn.functional.softplus(s) + 0.3 * s
    (slope,) = torch.autograd.grad(loss, s)
    assert abs(slope) < 1e-12


@pytest.mark.parametrize(
    ("method", "words"),
    [
        ("wgan-gp", ["WGANGP", "no known value"]),
        ("r3gan", ["R3GAN", "no known value"]),
        ("ali", ["ALI", "pairs of a sample and a latent"]),
        ("veegan", ["VEEGAN", "pairs of a sample and a latent"]),
        ("imle", ["IMLE", "no critic"]),
        ("minibatch-stddev", ["MinibatchStddev", "whole batches"]),
    ],
)
def test_critics_that_call_nothing_real_are_refused(capsys, trained, method, words):
    odd = trained(method, steps=2, seeds=1)
    assert run(str(trained().folder), str(odd.folder), "--n", "100") == 2
    told = capsys.readouterr().err.replace("\n", " ")
    for word in words:
        assert word in told


def test_runs_that_do_not_fit_are_refused(capsys, trained):
    gan = str(trained().folder)
    for args, words in [
        ([gan, str(trained(dataset="grid", steps=2).folder)], "different data sets"),
        ([gan, str(trained("lsgan", seeds=2).folder), "--paired"], "3 and 2 members"),
        ([gan, str(trained(steps=1_000_000).folder)], "is not done: go on with 'modescope resume"),
        ([gan, "nowhere"], "'nowhere' is no run"),
        ([gan, gan, "--n", "0"], "n is 0"),
        ([gan, gan, "--tolerance", "-1"], "tolerance is -1"),
    ]:
        assert run(*args) == 2
        assert words in capsys.readouterr().err.replace("\n", " ")


def test_json_holds_what_the_table_shows(capsys, trained):
    args = str(trained().folder), str(trained("lsgan", seeds=2).folder), "--n", "300", "--tolerance", "1"
    assert run(*args, "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert found["runs"] == ["gan", "lsgan"]
    assert found["members"] == [3, 2]
    assert found["matches"] == len(found["each"]) == 6
    assert sum(outcome["count"] for outcome in found["outcomes"].values()) == 6
    low, value, high = (found["test_ratio"][key] for key in ("low", "value", "high"))
    assert low <= value <= high
    assert run(*args) == 0
    out = capsys.readouterr().out
    for words in ("gan against lsgan: 6 matches", "gan wins", "lsgan wins", "test ratio", "fair from 0.5 to 2"):
        assert words in out


def test_a_share_of_nothing_or_all_has_an_exact_interval(capsys, trained):
    """Of a run against itself, pair by pair: all matches are even, none is won."""
    found = battle_runs(trained(), trained(), n=500, paired=True)
    for outcome, count in (("first", 0), ("even", 3)):
        share, exact = found.share(outcome), binomtest(count, 3).proportion_ci(0.95, method="exact")
        assert (share.value, share.low, share.high) == pytest.approx((count / 3, exact.low, exact.high))
    many = replace(found, members=(1000, 1000), matches=found.matches[:1] * 1000)
    print_battles(many)
    assert re.search(r"gan \(1st\) wins +0 +0 % +0 % to 0\.4 %", capsys.readouterr().out)


def test_shares_of_matches_that_share_members_claim_no_more_than_members_tell(trained):
    found = battle_runs(trained(), trained("lsgan", seeds=2), n=300, tolerance=0.0)
    none = [outcome for outcome in ("first", "second", "even", "unfair") if found.count(outcome) == 0]
    assert none
    for outcome in none:
        assert found.share(outcome).high == pytest.approx(1 - math.sqrt(0.025))  # two matches, not six


def test_one_member_each_has_no_interval(trained):
    found = battle_runs(trained(seeds=1), trained("lsgan", seeds=1), n=200).to_dict()
    assert found["test_ratio"]["low"] is None
    assert found["each"][0]["second"] == 0


def test_help(capsys):
    assert run("--help") == 0
    out = capsys.readouterr().out
    for flag in ("RUN_A", "RUN_B", "--form", "{errors,accuracies}", "--tolerance", "--paired", "--json"):
        assert flag in out
