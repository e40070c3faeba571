"""What people ask of an installation: what is here, and help while they type."""

import json
import re
import shutil
import subprocess
from importlib import metadata
from pathlib import Path

import pytest

import modescope as ms
from modescope.cli import doctor
from modescope.cli.main import COMMANDS, main

ROOT = Path(__file__).parents[2]


def said(capsys, *args):
    with pytest.raises(SystemExit) as left:
        main(list(args))
    assert not left.value.code
    return capsys.readouterr().out


def test_versions_devices_and_extras_are_those_of_this_installation(capsys, monkeypatch, tmp_path):
    monkeypatch.setenv("MODESCOPE_DATA", str(tmp_path))
    found = json.loads(said(capsys, "doctor", "--json"))
    assert found["versions"]["modescope"] == ms.__version__
    assert found["versions"]["torch"] == metadata.version("torch")
    assert found["devices"][0]["name"] == "cpu"
    assert found["data"]["folder"] == str(tmp_path)
    assert {row["name"] for row in found["data"]["sets"]} >= {"mnist", "celeba"}
    extras = set(metadata.metadata("modescope").get_all("Provides-Extra"))
    assert {extra["name"] for extra in found["extras"]} == extras - {"all", "dev", "docs"}
    report = next(extra for extra in found["extras"] if extra["name"] == "report")
    assert set(report["libraries"]) == {"plotly", "matplotlib", "jinja2", "pillow", "imageio-ffmpeg"}
    assert report["libraries"]["plotly"] == metadata.version("plotly")


def test_what_is_missing_is_told_with_the_command_that_installs_it(capsys, monkeypatch):
    here = metadata.version

    def without_plotly(name):
        if name == "plotly":
            raise metadata.PackageNotFoundError(name)
        return here(name)

    monkeypatch.setattr(doctor.metadata, "version", without_plotly)
    report = next(extra for extra in doctor.examined()["extras"] if extra["name"] == "report")
    assert report["missing"] == ["plotly"]
    assert report["command"] == "pip install 'modescope[report]'"
    assert "plotly missing: pip install 'modescope[report]'" in " ".join(said(capsys, "doctor").split())


def test_every_requirement_of_the_package_is_read():
    lines = metadata.requires("modescope")
    assert len(list(doctor.requirements())) == len(lines)
    for line, (name, extra) in zip(lines, doctor.requirements(), strict=True):
        assert re.split(r"[<>=!;\[ ]", line)[0] == name
        assert ("extra ==" in line) == bool(extra)


def test_bash_completes_commands_and_flags(capsys, tmp_path):
    script = tmp_path / "completion.bash"
    script.write_text(said(capsys, "completion", "bash"))

    def completed(*words):
        typed = f"COMP_WORDS=({' '.join(words)}); COMP_CWORD={len(words) - 1}"
        code = f'source {script}; {typed}; _tyro_modescope; echo "${{COMPREPLY[@]}}"'
        found = subprocess.run(["bash", "-c", code], capture_output=True, text=True, check=True)
        assert found.stderr == ""
        return found.stdout.split()

    assert completed("modescope", "ver") == ["verify"]
    assert set(completed("modescope", '""')) >= set(COMMANDS)
    assert completed("modescope", "evaluate", "--floor") == ["--floor-repeats"]
    assert completed("modescope", "train", "--checkpoint") == ["--checkpoint-seconds"]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_shells_accept_their_completion(capsys, tmp_path, shell):
    script = tmp_path / "completion"
    script.write_text(said(capsys, "completion", shell))
    assert "modescope" in script.read_text()
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    subprocess.run([shell, "-n", script], check=True)


def test_the_citation_names_this_version():
    lines = (ROOT / "CITATION.cff").read_text().splitlines()
    assert f"version: {ms.__version__}" in lines
    assert "license: MIT" in lines
