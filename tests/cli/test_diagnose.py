"""The command `diagnose`: what it prints, and how it leaves."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from modescope.cli import main

QUICK = ["--metrics", "recall_k3", "--quiet"]


def run(*args: str) -> int:
    with pytest.raises(SystemExit) as left:
        main(["diagnose", *args])
    code = left.value.code
    return int(code or 0)


@pytest.fixture
def files(tmp_path: Path) -> dict[str, str]:
    """Points of a Gaussian, as many others, and a few of them over and over."""
    draw = np.random.default_rng(0)
    sets = {"real": draw.normal(size=(400, 3)), "fine": draw.normal(size=(400, 3))}
    sets["copies"] = np.repeat(sets["fine"][:20], 20, axis=0)
    for name, points in sets.items():
        np.save(tmp_path / f"{name}.npy", points)
    return {name: str(tmp_path / f"{name}.npy") for name in sets}


def test_json_and_exit_codes(files: dict[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--fake", files["copies"], "--real", files["real"], "--json", *QUICK) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["verdict"] == "severe"
    assert {"reason", "metrics", "n_real", "n_fake", "features"} <= set(found)
    assert {"name", "value", "low", "high", "real", "direction", "protocol", "note"} <= set(found["metrics"][0])
    assert run("--fake", files["copies"], "--real", files["real"], "--fail-on", "partial", *QUICK) == 1
    assert run("--fake", files["fine"], "--real", files["real"], "--fail-on", "partial", *QUICK) == 0
    assert "No sign of collapse" in capsys.readouterr().out


def test_samples_with_nan_are_left_out_when_asked(
    files: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    points = np.load(files["fine"])
    points[:7] = np.nan
    np.save(tmp_path / "nan.npy", points)
    asked = ["--fake", str(tmp_path / "nan.npy"), "--real", files["real"], "--json", *QUICK]
    assert run(*asked) == 2
    assert "--drop" in capsys.readouterr().err
    assert run(*asked, "--drop") == 0
    found = json.loads(capsys.readouterr().out)
    assert found["n_fake"] == 393
    assert any(note.startswith("fake: 7 of 400 samples were dropped") for note in found["notes"])


def test_the_page_is_written(files: dict[str, str], tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    assert run("--fake", files["fine"], "--real", files["real"], "--html", str(page), *QUICK) == 0
    assert "<img" in page.read_text()


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--fake", "nothing.npy", "--real", "ring"], "nothing.npy"),
        (
            ["--fake", "ring", "--real", "ring", "--latent", "12y"],
            "--latent is '12y', expected a shape such as 128x1x1",
        ),
        (["--fake", "ring", "--real", "ring", "--latent", "3"], "latent is (3,), but 'ring' takes no latents"),
        (
            ["--fake", "ring", "--real", "ring", "--html", "/no/such/page.html"],
            "expected a file in a folder that exists",
        ),
        (["--fake", "ring", "--real", "ring", "--features", "rav"], "rav"),
    ],
)
def test_bad_input_is_one_sentence(args: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(*args, "--quiet") == 2
    told = capsys.readouterr().err
    assert message in told
    assert "Traceback" not in told


def command(*args: str, **environment: str) -> subprocess.CompletedProcess:
    """The command in a process of its own."""
    line = [sys.executable, "-m", "modescope", "diagnose", *args, *QUICK]
    return subprocess.run(line, capture_output=True, env={**os.environ, **environment}, check=False)


def test_another_alphabet(files: dict[str, str]) -> None:
    done = command("--fake", files["fine"], "--real", files["real"], PYTHONIOENCODING="ascii")
    assert (done.returncode, b"Traceback" in done.stderr) == (0, False)
    assert rb"Recall \u2191" in done.stdout


def test_a_full_disk(files: dict[str, str]) -> None:
    line = [sys.executable, "-m", "modescope", "diagnose", "--fake", files["fine"], "--json", "--quiet"]
    with open("/dev/full", "w") as full:  # noqa: PTH123
        done = subprocess.run(line, stdout=full, stderr=subprocess.PIPE, check=False)
    assert done.returncode == 2
    assert done.stderr == b"error: No space left on device\n"


@pytest.mark.parametrize("page", [".", "/", "/proc/page.html"])
def test_a_page_that_cannot_be_written(page: str, files: dict[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--fake", files["fine"], "--html", page, "--quiet") == 2
    assert capsys.readouterr().err.startswith("error: ")


def test_a_name_too_long(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--fake", "x" * 5000, "--quiet") == 2
    assert "File name too long" in capsys.readouterr().err
