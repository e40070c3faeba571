"""The commands as a person types them."""

import dataclasses
import importlib.util
import io
import json
import subprocess
import sys

import numpy as np
import pytest
from rich.console import Console

import modescope as ms
from modescope.cli import output
from modescope.cli.docs import argument_docs
from modescope.cli.main import COMMANDS, main
from modescope.core.config import Training
from modescope.datasets import make, recipe, spec_names
from modescope.metrics import MetricResult

POINTS = ("ring", "grid", "grid25", "grid100", "moons", "moons32", "highdim", "swissroll", "pair", "five", "line")
TINY = ["--steps", "20", "--seeds", "2", "--batch-size", "16", "--samples", "64", "--snapshot", "4", "--quiet"]


def run(*args: str) -> int:
    with pytest.raises(SystemExit) as stopped:
        main(args)
    return stopped.value.code or 0


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cli") / "run"
    assert run("train", "ring", "pacgan", "--degree", "4", *TINY, "--out", str(folder)) == 0
    return folder


@pytest.mark.parametrize("kind", ["methods", "datasets", "metrics", "measures", "papers"])
def test_list_as_json(capsys, kind):
    assert run("list", kind, "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert len(found) >= 9
    for entry in found:
        assert {"name", "summary", "reference", "year"} <= entry.keys()
        assert entry["name"]
        assert entry["summary"], entry
        assert entry["reference"] or kind == "datasets", entry
    assert len({entry["name"] for entry in found}) == len(found)


def test_list_as_tables(capsys):
    assert run("list") == 0
    out = capsys.readouterr().out
    for name in ("weighted-js", "ring:unrolled", "modes_l2_3sigma", "kl/figure1"):
        assert name in out


def test_flags_reach_the_experiment(trained):
    experiment = ms.Run(trained).experiment
    assert experiment.method == ms.methods.PacGAN(degree=4)
    assert experiment.training.steps == 20
    assert experiment.training.batch_size == 16
    assert experiment.seeds == (0, 1)
    assert ms.Run(trained).command.startswith("modescope train ring pacgan --degree 4")


def test_python_and_the_command_line_have_the_same_defaults(trained, tmp_path):
    out = tmp_path / "run"
    assert run("train", "ring:d2gan", "wgan-gp", "--steps", "0", "--out", str(out), "--quiet", "--samples", "32") == 0
    by_command = ms.Run(out).experiment.encode()
    by_python = ms.plan("ring:d2gan", "wgan-gp", steps=0, evaluation=ms.Evaluation(samples=32)).encode()
    assert by_command == by_python
    assert by_command["training"]["lr"] == 2e-4  # the preset's
    assert by_command["training"]["beta1"] == 0.5


def test_the_methods_own_training_settings_are_used_where_the_preset_has_none():
    assert ms.plan("ring", "r3gan").training.beta1 == 0.0
    assert ms.plan("ring", "pacgan+r3gan").training.beta2 == 0.9
    assert ms.plan("ring", "r3gan", beta1=0.5).training.beta1 == 0.5


@pytest.mark.parametrize(
    ("dataset", "method", "options", "told"),
    [
        ("ring", ms.methods.PacGAN, {}, r"method is .*PacGAN.*, expected a name or a method"),
        (ms.datasets.Ring, "gan", {}, r"dataset is .*Ring.*, expected a name or a data set"),
        ("ring", "gan", {"seed": 3}, r"unknown setting 'seed': did you mean 'seeds'\?"),
    ],
)
def test_what_is_no_plan_is_told(dataset, method, options, told):
    with pytest.raises(ms.ModescopeError, match=told):
        ms.plan(dataset, method, **options)


def test_a_method_by_its_import_path_has_flags(capsys, monkeypatch, tmp_path):
    (tmp_path / "own_remedy.py").write_text(
        "from dataclasses import dataclass\nfrom modescope.methods import PacGAN\n"
        "@dataclass(frozen=True, kw_only=True)\nclass Own(PacGAN):\n    pace: float = 1.0\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    assert run("train", "ring", "own_remedy:Own", "--help") == 0
    assert "--pace" in capsys.readouterr().out


def test_evaluate_as_json(capsys, trained):
    assert run("evaluate", str(trained), "--json", "--floor-repeats", "2") == 0
    found = json.loads(capsys.readouterr().out)
    assert [member["seed"] for member in found["members"]] == [0, 1]
    for metric in found["metrics"]:
        expected = {"name", "value", "low", "high", "floor", "direction", "protocol", "per_member"}
        assert expected <= metric.keys()
        assert len(metric["per_member"]) == 2
        assert metric["direction"] in ("higher", "lower")
    assert found["metrics"][0]["name"] == "modes_l2_3sigma"
    assert found["metrics"][0]["floor"] > 7


def test_evaluate_named_metrics(capsys, trained):
    assert run("evaluate", str(trained), "--metrics", "w1_exact_n1000,hq_l2_3sigma", "--floor-repeats", "2") == 0
    out = capsys.readouterr().out
    assert "Wasserstein-1" in out
    assert "perfect sampler" in out
    assert "Reverse KL" not in out


def test_no_number_is_cut_in_a_narrow_terminal():
    found = [
        MetricResult(
            name=label,
            label=label,
            value=123.4,
            low=-12.3,
            high=1234.5,
            floor=993,
            floor_sd=1,
            direction="higher",
            protocol="",
            per_member=(1.0, 2.0),
        )
        for label in ("Modes by the judge", "Modes by the judge (≥ 1/10 of their mass)", "Reverse KL on classes")
    ]
    wide = output.wide_table("run", found)
    wide.add_row("stacked-mnist unrolled", *(output.spread(x.value, x.low, x.high) for x in found))
    for table, interval in ((output.metric_table(found, 2), "-12.3 to 1234"), (wide, "-12.3…1234 ")):
        console = Console(width=80, record=True, file=io.StringIO())
        console.print(table)
        printed = console.export_text()
        assert printed.count(interval) == len(found)
        assert printed.count("123 ") == len(found)
        assert all(word in printed for word in ("1/10", "mass)", "classes"))


def test_sweep_has_a_row_for_each_value(capsys, tmp_path):
    folder = tmp_path / "run"
    assert run("train", "ring", "weighted-js", "--sweep", "pi=0.1,0.5", *TINY, "--out", str(folder)) == 0
    out = capsys.readouterr().out
    assert "pi=0.1" in out
    assert "pi=0.5" in out
    labels = [member.label for member in ms.Run(folder).members]
    assert labels == ["pi=0.1, seed 0", "pi=0.1, seed 1", "pi=0.5, seed 0", "pi=0.5, seed 1"]


def test_resume_of_a_finished_run_prints_its_metrics(capsys, trained):
    assert run("resume", str(trained), "--quiet") == 0
    assert "ring pacgan" in capsys.readouterr().out


def test_your_own_array_and_network(tmp_path, monkeypatch):
    np.save(tmp_path / "points.npy", np.random.default_rng(0).normal(size=(50, 3)))
    (tmp_path / "minenets.py").write_text(
        "from torch import nn\n\n\ndef Mine(inputs, outputs):\n    return nn.Sequential(nn.Linear(inputs, outputs))\n"
    )
    monkeypatch.chdir(tmp_path)
    assert run("train", "points.npy", "gan", "--generator", "minenets:Mine", *TINY, "--out", "run") == 0
    assert ms.Run("run").samples().shape == (2, 64, 3)


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["train", "rng", "gan"], ["unknown dataset 'rng'", "did you mean 'ring'"]),
        (["train", "ring", "pcgan"], ["unknown method 'pcgan'", "did you mean 'pacgan'"]),
        (["train", "ring", "weighted-js", "--pi", "1"], ["pi is 1.0", "strictly between 0 and 1"]),
        (["train", "ring", "weighted-js", "--pi", "nan"], ["pi is nan"]),
        (["train", "ring", "gan", "--seeds", "0"], ["seeds is '0'"]),
        (["train", "ring", "gan", "--seeds", "1000000000"], ["seeds is '1000000000'", "at most 1,000,000"]),
        (["train", "ring", "gan", "--steps", "1" + 30 * "0"], ["expected at most 2,147,483,647"]),
        (["train", "ring", "gan", "--seeds", "1,1"], ["seeds [1, 1] repeat"]),
        (["train", "ring", "gan", "--block", "0"], ["block is 0"]),
        (["train", "ring", "gan", "--workers", "0"], ["workers is 0", "at least 1"]),
        (["train", "ring", "gan", "--checkpoint-seconds", "nan"], ["checkpoint_seconds is nan", "at least 0"]),
        (["train", "ring", "gan", "--sweep", "lr=1", "--sweep", "lr=2"], ["sweep of lr is given twice"]),
        (["train", "ring", "gan", "--generator", "a:smile:[bold]"], ["'a:smile:[bold]'"]),
        (["train", "ring", "gan", "--batch-size", "0"], ["batch_size is 0"]),
        (["train", "ring", "gan", "--latent-dim", "0"], ["latent_dim is 0"]),
        (["train", "ring", "pacgan", "--degree", "3"], ["batch_size is 128", "multiple of PacGAN's degree 3"]),
        (["train", "ring", "pacgan+ali"], ["PacGAN", "ALI", "not defined"]),
        (["train", "ring", "gan", "--sweep", "lr=a"], ["sweep is 'lr=a'"]),
        (["train", "ring", "gan", "--sweep", "pii=1,2"], ["unknown sweepable", "pii"]),
        (["train", "ring", "weighted-js", "--sweep", "pi=0.5,2"], ["pi is 2.0"]),
        (["train", "ring", "gan", "--lr", "-1"], ["lr is -1.0"]),
        (["train", "ring", "gan", "--architecture", "smal"], ["unknown architecture 'smal'", "small"]),
        (["train", "ring", "gan", "--generator", "no.such:Thing"], ["no.such:Thing", "cannot be imported"]),
        (["train", "ring", "--quiet", "wgan-gp"], ["DATASET and METHOD come before all flags"]),
        (["train", "--seeds", "2", "ring", "gan"], ["DATASET and METHOD come before all flags"]),
        (["train", "missing.npy", "gan"], ["missing.npy"]),
        (["train", "ring", "gan", "--out", "/proc/none/run"], ["cannot be written"]),
        (["resume", "nowhere"], ["'nowhere' is no run"]),
        (["resume"], ["runs is empty"]),
        (["evaluate", "nowhere"], ["'nowhere' is no run"]),
        (["report", "nowhere"], ["'nowhere' is no run"]),
        (["reproduce", "kl/figure77"], ["kl/figure77", "kl/figure"]),
        (["trian"], ["unknown command 'trian'", "did you mean 'train'"]),
    ],
)
def test_mistakes_are_one_sentence_and_code_2(capsys, monkeypatch, tmp_path, args, words):
    monkeypatch.chdir(tmp_path)
    assert run(*args) == 2
    out, err = capsys.readouterr()
    for word in words:
        assert word in err.replace("\n", " ")
    assert "Traceback" not in out + err
    assert not list(tmp_path.iterdir())  # nothing half-made stays behind


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["list", "data"], ["unknown value 'data': did you mean 'datasets'?"]),
        (["data", "fetsh"], ["unknown value 'fetsh': did you mean 'fetch'?"]),
        (["diagnose", "--fake", "ring", "--n", "x"], ["--n", "'x' is not a whole number"]),
        (["diagnose", "--fake", "ring", "--fail-on", "any"], ["unknown value 'any': the values are partial, severe"]),
        (["battle", "a", "b", "--form", "error"], ["unknown value 'error': did you mean 'errors'?"]),
        (["train", "ring", "gan", "--lr", "high"], ["--lr", "'high' is not a number"]),
        (["train", "ring", "gan", "--prior", "None"], ["unknown value 'None'"]),
        (["benchmark", "ring", "--workers", "None"], ["'None' is not a whole number"]),
    ],
)
def test_a_value_of_the_wrong_kind_is_told_without_python(capsys, args, words):
    assert run(*args) == 2
    told = " ".join(capsys.readouterr().err.replace("│", " ").split())
    for word in words:
        assert word in told
    for python in ("NoneType", "None|", "{None}", "('", "<class", "int()", "Traceback"):
        assert python not in told


def test_a_flag_that_is_on_by_default_says_so(capsys):
    assert run("train", "ring", "weighted-js", "--help") == 0
    told = " ".join(capsys.readouterr().out.replace("│", " ").split())
    assert "--no-rescaled Whether both losses are divided by π (1 - π). (without this flag: yes)" in told


def test_unknown_flags_are_refused_with_the_nearest(capsys):
    assert run("train", "ring", "gan", "--lrr", "1") == 2
    assert "--lr" in capsys.readouterr().err


def test_evaluate_of_an_unknown_metric_names_the_nearest(capsys, trained):
    assert run("evaluate", str(trained), "--metrics", "w1_exact") == 2
    assert "w1_exact_n1000" in capsys.readouterr().err


def test_a_nan_in_the_data_is_told(capsys, tmp_path):
    np.save(tmp_path / "bad.npy", np.array([[0.0, 1.0], [np.nan, 2.0]]))
    assert run("train", str(tmp_path / "bad.npy"), "gan", *TINY) == 2
    err = capsys.readouterr().err.replace("\n", " ")
    assert "bad.npy" in err
    assert "finite" in err or "NaN" in err


@pytest.mark.parametrize("command", [[], *([name] for name in COMMANDS), ["list", "methods"], ["data", "list"]])
def test_help(capsys, command):
    assert run(*command, "--help") == 0
    out = capsys.readouterr().out
    assert "usage: modescope" in out
    assert "None" not in out
    if command[1:]:  # what was typed before stays in the help
        assert run(command[0], "--help") == 0
        assert capsys.readouterr().out == out


def test_help_of_train_needs_no_data(capsys, monkeypatch, tmp_path):
    """Nor is what a file of samples holds read, which may be long."""
    monkeypatch.setenv("MODESCOPE_DATA", str(tmp_path))
    assert run("train", "stacked-mnist", "unrolled", "--help") == 0
    assert {"--fixed-seed", "--unroll"} <= set(capsys.readouterr().out.split())
    assert run("train", str(tmp_path / "missing.npy"), "gan", "--help") == 0
    assert "--key" in capsys.readouterr().out
    assert run("train", str(tmp_path / "missing.npy"), "gan") == 2


@pytest.mark.parametrize("spec", [name for name in spec_names() if name.partition(":")[0] in POINTS])
def test_a_recipe_says_what_is_made(spec):
    kind, fields = recipe(spec)
    assert make(spec) == kind(**fields)


def test_help_of_train_shows_the_flags_of_its_method(capsys):
    assert run("train", "ring", "pacgan+wgan-gp", "--help") == 0
    out = capsys.readouterr().out
    for flag in ("--degree", "--penalty", "--critic-steps", "--radius", "--critic-lr", "DATASET"):
        assert flag in out


def test_every_training_setting_is_explained():
    docs = argument_docs(Training)
    assert docs.keys() == Training().__dict__.keys()
    assert all(text.endswith(".") for text in docs.values())


@pytest.mark.parametrize("method", sorted(ms.METHODS))
def test_every_hyper_parameter_is_explained(method):
    kind = ms.METHODS[method]
    missing = {field.name for field in dataclasses.fields(kind)} - argument_docs(kind).keys()
    assert not missing


def test_importing_the_package_is_light():
    code = "import sys, modescope; print('torch' in sys.modules, 'matplotlib' in sys.modules)"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.split() == ["False", "False"]


def test_python_dash_m_and_version(capsys):
    out = subprocess.run([sys.executable, "-m", "modescope", "--version"], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == ms.__version__


def test_a_report_never_takes_the_place_of_a_file_of_the_run(capsys, trained):
    before = (trained / "config.json").read_bytes()
    assert run("report", str(trained), "--out", str(trained / "config.json")) == 2
    assert "ends in .html" in capsys.readouterr().err
    assert (trained / "config.json").read_bytes() == before


def test_a_reader_that_leaves_early_is_no_error(trained):
    command = f"{sys.executable} -m modescope list datasets --json | head -1"
    out = subprocess.run(["bash", "-o", "pipefail", "-c", command], capture_output=True, text=True, check=False)
    assert out.stdout.strip() == "["
    assert out.stderr == ""


@pytest.mark.parametrize(
    "command",
    [
        ["benchmark", "ring", "--methods", "lsgan", "--seeds", "2", "--budget", "4", "--learning-rates", "1e-3"],
        ["phase", "ring", "gan", "--x", "lr=1e-3,1e-2", "--y", "beta1=0,0.5", "--set", "steps=2"],
        ["reproduce", "kl/figure1", "--quick"],
    ],
)
def test_what_the_end_needs_is_asked_for_before_anything_is_trained(capsys, monkeypatch, tmp_path, command):
    there = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "matplotlib" else there(name))
    assert run(*command, "--out", str(tmp_path / "out")) == 2
    told = capsys.readouterr().err
    assert "needs the library 'matplotlib': pip install 'modescope[report]'" in told
    assert not (tmp_path / "out").exists()
