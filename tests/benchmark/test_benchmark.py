"""Plans, cells that fail alone, resuming, and the statistics of a benchmark."""

import itertools
import json
import os
import signal
import time
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from scipy.stats import wilcoxon
from torch import Tensor

from modescope.benchmark import (
    Cell,
    Entrant,
    Plan,
    Result,
    entrants,
    load_results,
    make_plan,
    run_cells,
    standings,
    training,
)
from modescope.benchmark.page import write_benchmark
from modescope.benchmark.panel import KNOWN
from modescope.benchmark.report.overview import overview_of
from modescope.benchmark.report.scoreboard import columns_of, row_of
from modescope.benchmark.results import read_result, write_failure, write_result
from modescope.benchmark.standings import holm, signed_rank
from modescope.benchmark.words import rows
from modescope.cli import main
from modescope.core import Batch, ModescopeError, Networks
from modescope.methods import GAN, METHODS, PacGAN, UnrolledGAN
from modescope.runs import worker

# Entrants


def test_an_entrant_is_a_chain_with_values() -> None:
    found = Entrant.parse("unrolled+pacgan+lsgan@unroll=3,degree=4,real=0.9")
    assert found.method().unroll == 3
    assert found.method().base.degree == 4
    assert found.method().base.base.real == 0.9
    assert found.label == "unrolled+pacgan+lsgan@unroll=3,degree=4,real=0.9"
    assert Entrant.parse(found.label) == found
    assert Entrant.parse("gan@saturating=true").method() == GAN(saturating=True)
    assert "/" not in Entrant.parse("forward-kl@form=bce-swapped").slug


def test_every_method_takes_part_and_the_gan_comes_first() -> None:
    labels = [entrant.label for entrant in entrants()]
    assert labels[0] == "gan"
    assert set(METHODS) <= set(labels)
    assert len(set(labels)) == len(labels)
    assert [entrant.label for entrant in entrants(["lsgan"])] == ["gan", "lsgan"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("lsgn", "lsgan"),
        ("pacgan@degre=3", "degree"),
        ("pacgan@degree", "expected NAME=VALUE"),
        ("pacgan@", "expected NAME=VALUE"),
        ("gan,pacgan", "put spaces between them, not commas"),
        ("pacgan@degree=many", "degree"),
    ],
)
def test_a_wrong_entrant_is_told(text: str, message: str) -> None:
    with pytest.raises(ModescopeError, match=message):
        Entrant.parse(text)


def test_an_entrant_given_twice_is_told() -> None:
    with pytest.raises(ModescopeError, match=r"^methods names gan and gan@saturating=false, which are the same"):
        entrants(["lsgan", "gan@saturating=false"])
    with pytest.raises(ModescopeError, match=r"^methods names pacgan and pacgan@degree=2, which are the same"):
        entrants(["pacgan", "pacgan@degree=2"])
    with pytest.raises(ModescopeError, match=r"^methods names lsgan twice"):
        entrants(["lsgan", "veegan", "lsgan"])


# Plans


def test_a_budget_is_the_same_number_of_gradients_for_all() -> None:
    assert GAN(critic_steps=3).gradient_steps == 4
    assert UnrolledGAN(unroll=5).gradient_steps == 7
    assert PacGAN(base=UnrolledGAN(unroll=2)).gradient_steps == 4
    plan = make_plan("ring", ["unrolled", "wgan-gp", "pacgan"], budget=4200)
    steps = {cell.entrant.label: cell.experiment.training.steps for cell in plan.possible}
    assert steps == {"gan": 2100, "unrolled": 600, "wgan-gp": 700, "pacgan": 2100}


def test_all_have_the_same_networks_batch_seeds_and_rates() -> None:
    plan = make_plan("ring", ["r3gan", "wgan-gp", "ema"], seeds=3, learning_rates=(1e-3, 1e-2))
    for cell in plan.possible:
        experiment = cell.experiment
        assert experiment.architecture == plan.cells[0].experiment.architecture
        assert (experiment.training.batch_size, experiment.training.critic_lr) == (64, None)
        assert experiment.seeds == (0, 1, 2)
        assert experiment.sweep == {"lr": (1e-3, 1e-2)}
        assert len(experiment.blocks) == 1
    by_label = {cell.entrant.label: cell.experiment.training for cell in plan.possible}
    assert by_label["r3gan"].beta1 == 0.0  # its paper's optimiser, at the common rate
    assert by_label["ema"].ema > 0


def test_papers_keep_their_own_settings() -> None:
    plan = make_plan("ring", ["d2gan", "r3gan"], protocol="paper", seeds=2)
    cells = {cell.entrant.label: cell for cell in plan.cells}
    assert cells["d2gan"].dataset == "ring:d2gan"
    assert cells["d2gan"].experiment.training.steps == 25_000
    assert cells["r3gan"].experiment is None
    assert cells["r3gan"].reason == "its paper has no experiment on ring"


def test_a_folder_is_named_by_all_that_determines_the_numbers() -> None:
    folders = {
        make_plan("ring", ["lsgan"], **options).cells[1].folder
        for options in ({}, {"seeds": 3}, {"budget": 100}, {"learning_rates": (1e-3,)})
    }
    assert len(folders) == 4
    assert make_plan("ring", ["lsgan"]).cells[1].folder == make_plan("ring", ["veegan", "lsgan"]).cells[2].folder


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"dataset": "pair:lk"}, "pair:kl"),
        ({"seeds": 1}, "seeds is 1, expected at least 2"),
        ({"seeds": 10**12}, "seeds is 1,000,000,000,000, expected at most 1,000,000"),
        ({"budget": 0}, "budget is 0"),
        ({"protocol": "papers"}, "paper"),
        ({"learning_rates": ()}, "learning_rates is empty"),
        ({"learning_rates": (1e-3, -1.0)}, "learning_rates has -1, expected positive numbers"),
        ({"learning_rates": (1e-3, 0.001)}, "learning_rates has a number twice"),
        ({"dataset": "rng"}, "ring"),
    ],
)
def test_a_wrong_plan_is_told(options: dict, message: str) -> None:
    with pytest.raises(ModescopeError, match=message):
        make_plan(**{"dataset": "ring", "methods": ["lsgan"], **options})


# Running


@dataclass(frozen=True, kw_only=True)
class Faulty(GAN):
    """A GAN that fails in a worker process."""

    deadly: bool = False

    def generator_loss(self, nets: Networks, batch: Batch) -> Tensor:
        if self.deadly:
            os.kill(os.getpid(), signal.SIGKILL)
        raise RuntimeError("the loss is broken")


HERE = f"{__name__}:Faulty"


def small(*methods: str) -> Plan:
    return make_plan("ring", methods, seeds=2, budget=20, learning_rates=(1e-3, 3e-3))


def test_a_cell_that_fails_or_kills_its_worker_fails_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent))
    plan = small("lsgan", f"{HERE}@deadly=true", HERE, "weighted-js")
    told: dict[str, str] = {}
    assert run_cells(plan.possible, tmp_path, 2, lambda cell, outcome: told.update({cell.entrant.label: outcome}))
    assert {label: told[label] for label in ("gan", "lsgan", "weighted-js")} == dict.fromkeys(
        ("gan", "lsgan", "weighted-js"), "done"
    )
    assert told[HERE] == "RuntimeError: the loss is broken"
    assert told[f"{HERE}@deadly=true"] == "its process died by SIGKILL (killed, or out of memory)"
    results = load_results(plan, tmp_path)
    assert [bool(result.failure) for result in results] == [False, False, True, True, False]
    found = standings(plan, results, floor_repeats=2)
    assert [s.entrant for s in found.default] == ["gan", "lsgan", "weighted-js"]
    assert set(found.failed) == {HERE, f"{HERE}@deadly=true"}
    assert "RuntimeError" in json.loads((tmp_path / plan.cells[3].folder / "failure.json").read_text())["detail"]


def test_what_is_done_is_kept_and_what_failed_is_tried_again(tmp_path: Path) -> None:
    plan = small("lsgan")
    write_failure(tmp_path / plan.cells[1].folder, plan.cells[1].encode(), "some day")
    assert load_results(plan, tmp_path)[0].failure == "some day"
    assert run_cells(plan.possible, tmp_path, 1)
    first = load_results(plan, tmp_path)
    assert [result.failure for result in first] == ["", ""]
    told: list[str] = []
    assert run_cells(plan.possible, tmp_path, 1, lambda cell, outcome: told.append(outcome))
    assert told == ["kept", "kept"]
    assert load_results(plan, tmp_path) == first

    # What a reader sees of it.
    found = standings(plan, first, floor_repeats=2)
    page = write_benchmark([found], tmp_path)
    HTMLParser().feed(page.read_text())
    assert 'src="http' not in page.read_text()
    assert {path.name for path in tmp_path.glob("common*.*")} >= {"common.html", "common.md", "common.json"}
    record = json.loads((tmp_path / "common.json").read_text())
    assert len(record["members"]["lsgan"]["values"]["w2_exact_n1000"]) == 4
    assert record["members"]["gan"]["gradient_steps"] == 20


def test_what_a_cell_cost_counts_the_processes_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def at(seconds: float) -> None:
        """Each question of the processor's time takes so long."""
        ticks = itertools.count(step=seconds)
        clock = SimpleNamespace(monotonic=time.monotonic, process_time=lambda: next(ticks))
        monkeypatch.setattr(worker, "time", clock)
        monkeypatch.setattr(training, "time", clock)

    cell, asked = small("lsgan").cells[1].encode(), itertools.count()
    at(1000.0)
    assert training.train(cell, tmp_path, lambda: next(asked) >= 5) is None
    at(0.001)
    found = training.train(cell, tmp_path, lambda: False)
    assert found is not None
    assert found.seconds % 1000 < 1 < 1000 <= found.seconds


def test_a_result_survives_its_file(tmp_path: Path) -> None:
    values = {name: (1.0, float("nan"), float("inf")) for name in KNOWN.metrics}
    cell = small().cells[0]
    result = Result("gan", cell.key, cell.folder, (0, 1, 2), (1e-3,) * 3, values, (None, 5, None), 20, 1.5, 10)
    write_result(tmp_path, result)
    again = read_result(tmp_path)
    np.testing.assert_equal(again.values, result.values)
    assert again.diverged == result.diverged


# Statistics


def made(label: str, modes: list[float], w2: list[float], rates: list[float] | None = None) -> Result:
    count = len(modes)
    values = dict.fromkeys(KNOWN.metrics, tuple([0.5] * count)) | {
        "modes_l2_3sigma": tuple(modes),
        "w2_exact_n1000": tuple(w2),
    }
    rates = rates or [1e-3] * count
    seeds = [sum(rate == other for other in rates[:i]) for i, rate in enumerate(rates)]
    return Result(label, "", "", tuple(seeds), tuple(rates), values, (None,) * count, 20, 1.0, 1)


def plan_of(*labels: str) -> Plan:
    plan = make_plan("ring", labels[1:] or ["lsgan"], seeds=2, budget=20)
    return plan


def test_holm_against_its_definition() -> None:
    """Rejecting while the smallest p of those left is below the level over their number."""
    generator = np.random.default_rng(0)
    for size, _ in itertools.product((1, 2, 5, 9), range(30)):
        p_values = generator.random(size) ** 3
        corrected = holm(p_values)
        for level in (0.01, 0.05, 0.2, 0.6):
            rejected, left = set(), list(np.argsort(p_values))
            while left and p_values[left[0]] <= level / len(left):
                rejected.add(left.pop(0))
            assert {i for i in range(size) if corrected[i] <= level} == rejected
    assert holm([]) == []


def test_the_signed_rank_test_against_scipy() -> None:
    generator = np.random.default_rng(0)
    for size in (2, 5, 12, 40):
        gaps = generator.normal(0.5, 1, size)
        assert signed_rank(gaps) == pytest.approx(wilcoxon(gaps).pvalue)
    tied = np.array([1, 1, -1, 2, 3, 3, 0, -2])  # SciPy goes through all signs too, one by one
    assert signed_rank(tied) == pytest.approx(wilcoxon(tied).pvalue)
    assert signed_rank(np.zeros(5)) == 1


def test_differences_are_paired_by_seed_and_corrected() -> None:
    plan = plan_of("gan", "lsgan", "veegan", "ali")
    generator = np.random.default_rng(0)
    base = generator.normal(size=12)
    results = [
        made("gan", [4] * 12, list(2 + base)),
        made("lsgan", [8] * 12, list(2 + base - 0.1)),  # a little better in every seed, less than seeds differ
        made("veegan", [4] * 12, list(2 + generator.normal(size=12))),
        made("ali", [1] * 12, list(3 + base)),
    ]
    found = {s.entrant: s for s in standings(plan, results, floor_repeats=1).default}
    exact = 2 / 2**12  # all twelve differences of one sign
    assert found["lsgan"].p_values["w2_exact_n1000"] == pytest.approx(3 * exact)
    assert found["lsgan"].gaps["w2_exact_n1000"] == pytest.approx(0.1)
    assert found["lsgan"].verdict("w2_exact_n1000") == found["lsgan"].verdict("modes_l2_3sigma") == "better"
    assert found["ali"].verdict("w2_exact_n1000") == found["ali"].verdict("modes_l2_3sigma") == "worse"
    assert found["veegan"].verdict("w2_exact_n1000") == "no difference found"
    assert found["veegan"].p_values["modes_l2_3sigma"] == 1.0
    assert found["gan"].p_values == {}


def test_the_default_rate_and_the_best() -> None:
    rates = [3e-4] * 2 + [1e-3] * 2 + [3e-3] * 2
    result = made("gan", [1, 1, 2, 2, 8, 8], [3, 3, 2, 2, 1, np.inf], rates)
    found = standings(plan_of("gan"), [result], floor_repeats=1)
    assert (found.default[0].rate, found.default[0].means["modes_l2_3sigma"][0]) == (1e-3, 2)
    assert found.best[0].rate == 1e-3  # a member that diverged is infinitely far
    assert found.missing == ("lsgan",)


def test_a_diverged_member_counts_as_no_mode() -> None:
    result = made("gan", [8, float("nan")], [0.2, float("nan")])
    standing = standings(plan_of("gan"), [result], floor_repeats=1).default[0]
    assert standing.means["modes_l2_3sigma"][0] == 4
    assert standing.worst["modes_l2_3sigma"] == 0
    assert standing.worst["w2_exact_n1000"] == np.inf


def test_an_infinitely_far_member_is_not_left_out() -> None:
    """Neither of the mean, which would be one of survivors, nor of the test, nor of any order."""
    plan = make_plan("swissroll", ["lsgan", "wgan"], seeds=2, learning_rates=(1e-3,))
    values = {"gan": (1.0, 1.1), "lsgan": (0.5, np.inf), "wgan": (np.nan, np.nan)}
    results = []
    for label, pair in values.items():
        columns = dict.fromkeys(plan.panel.metrics, pair)
        results.append(Result(label, "", "", (0, 1), (1e-3, 1e-3), columns, (None, None)))
    found = standings(plan, results, floor_repeats=1)
    assert [standing.means["w2_exact_n1000"][0] for standing in found.default] == [pytest.approx(1.05), np.inf, np.inf]
    assert rows(found.default, plan.panel)[0][0] == "gan"
    lines = overview_of([found, found])
    assert [line.entrant for line in lines] == ["gan", "lsgan", "wgan"]
    assert lines[1].share == lines[2].share == 0
    (cell, *_) = row_of(found.default[1], columns_of(plan, found.default), plan.cells[1].entrant).cells
    assert (cell.text, cell.around) == ("∞", "infinite in 1 of 2 seeds")


@pytest.mark.parametrize("seeds", [12, 20])
def test_infinite_differences_are_the_greatest(seeds: int) -> None:
    """The test is one of ranks, so an infinite distance weighs as a huge one does."""
    plan, tame, wild = plan_of("gan", "lsgan"), [1 + 0.01 * i for i in range(seeds)], [0.5] * seeds
    gan = made("gan", [8] * seeds, tame)
    first, second = (
        standings(plan, [gan, made("lsgan", [8] * seeds, [far, far, far, *wild[3:]])], floor_repeats=1).default[1]
        for far in (1e18, np.inf)
    )
    assert first.p_values == second.p_values
    assert second.gaps["w2_exact_n1000"] == -np.inf
    both = made("gan", [8] * seeds, [np.inf, *tame[1:]]), made("lsgan", [8] * seeds, [0.1, np.inf, *wild[2:]])
    third = standings(plan, both, floor_repeats=1).default[1]
    assert np.isnan(third.gaps["w2_exact_n1000"])
    assert third.verdict("w2_exact_n1000") == "no difference found"


def test_a_run_that_is_gone_takes_nothing_else_along(tmp_path: Path) -> None:
    found = standings(plan_of("gan", "lsgan"), [made("gan", [1, 2], [2, 1]), made("lsgan", [1, 2], [2, 1])], 1)
    page = write_benchmark([found], tmp_path).read_text()
    assert "their runs are not in this folder" in page
    assert (tmp_path / "common-default-worst.png").is_file()
    assert "| lsgan |" in (tmp_path / "common.md").read_text()


def test_cells_without_an_experiment_have_no_key() -> None:
    with pytest.raises(ModescopeError, match="cannot take part: no"):
        _ = Cell(Entrant("gan"), "common", "ring", None, "no").key


# The command


def leave(*command: str) -> int:
    """The exit code of a command."""
    with pytest.raises(SystemExit) as left:
        main(["benchmark", *command])
    return int(left.value.code or 0)


SMALL = ("ring", "--methods", "lsgan", "--seeds", "2", "--budget", "20", "--learning-rates", "1e-3")


def test_the_command_tells_its_plan(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert leave(*SMALL, "--dry-run", "--out", str(tmp_path / "out")) == 0
    printed = capsys.readouterr().out
    assert "lsgan" in printed
    assert "minutes with" in printed
    assert not (tmp_path / "out").exists()
    assert leave("ring", "--protocol", "paper", "--methods", "r3gan", "--dry-run", "--seeds", "2") == 0
    assert "no experiment on ring" in capsys.readouterr().out


def test_the_command_trains_prints_and_writes(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert leave(*SMALL, "--out", str(tmp_path), "--workers", "1") == 0
    printed = capsys.readouterr()
    assert "a perfect sampler" in printed.out
    assert str(tmp_path / "common.html") in printed.out.replace("\n", "")
    assert "2/2" in printed.err


def test_wrong_rates_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert leave("ring", "--learning-rates", "fast") == 2
    assert "learning_rates is 'fast', expected numbers" in capsys.readouterr().err
