"""Methods of other packages: an example package is installed and used, and broken ones are left out with a warning."""

import json
import logging
import os
import re
import subprocess
import sys
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any, ClassVar

import pytest

import modescope
from modescope.cli import main
from modescope.core import ModescopeError, Space
from modescope.methods import GAN, build
from modescope.methods import plugins as module
from modescope.methods.plugins import plugins
from modescope.methods.table import METHODS, available

EXAMPLE = Path(__file__).parents[2] / "examples" / "energy-distance"


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that the example package is installed to."""
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation"]
    subprocess.run([*command, "--target", str(folder), str(EXAMPLE)], check=True, capture_output=True)
    return folder


def run(installed: Path, *command: str) -> str:
    """What a command prints where the example package is installed."""
    environment = {**os.environ, "PYTHONPATH": str(installed), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, *command], env=environment, cwd=installed, check=True, capture_output=True, text=True
    )
    return done.stdout


def test_an_installed_package_is_listed_trained_and_checked(installed: Path) -> None:
    script = """
import json, modescope
from modescope.methods import available, spec_of
from modescope.testing import check_method
from modescope_energy import EnergyDistance
assert available()["energy-distance"] is EnergyDistance
assert spec_of(EnergyDistance()) == "energy-distance"
check_method(EnergyDistance())
run = modescope.train("ring", "energy-distance", seeds=2, steps=400, quiet=True, workers=1, out="run")
assert modescope.Run("run").experiment.method == EnergyDistance()
print(json.dumps(run.metrics(["modes_l2_3sigma"], floor_repeats=0)[0].per_member))
"""
    modes = json.loads(run(installed, "-c", script))
    assert min(modes) >= 6
    listed = json.loads(run(installed, "-m", "modescope", "list", "methods", "--json"))
    assert "energy-distance" in [row["name"] for row in listed]
    assert "Székely" in run(installed, "-m", "modescope", "show", "energy-distance", "--bibtex")


@pytest.fixture
def points(monkeypatch: pytest.MonkeyPatch) -> list[EntryPoint]:
    """Entry points that a test fills."""
    found: list[EntryPoint] = []
    monkeypatch.setattr(module, "entry_points", lambda group: found)
    plugins.cache_clear()
    yield found
    plugins.cache_clear()


def test_broken_ones_are_left_out_with_a_warning(points: list[EntryPoint], caplog: pytest.LogCaptureFixture) -> None:
    points += [
        EntryPoint("mine", "modescope.methods.lsgan:LSGAN", module.GROUP),
        EntryPoint("lost", "no_such_module:Thing", module.GROUP),
        EntryPoint("odd", "pathlib:Path", module.GROUP),
    ]
    with caplog.at_level(logging.WARNING):
        assert set(plugins()) == {"mine"}
    assert "'lost' (no_such_module:Thing) is left out: ModuleNotFoundError" in caplog.text
    assert "'odd' (pathlib:Path) is left out" in caplog.text


def test_a_name_of_ours_is_ours(points: list[EntryPoint]) -> None:
    points.append(EntryPoint("gan", "modescope.methods.lsgan:LSGAN", module.GROUP))
    assert available()["gan"] is METHODS["gan"]
    assert list(available()) == list(METHODS)


def test_a_script_and_odd_names_are_left_out(
    points: list[EntryPoint], caplog: pytest.LogCaptureFixture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "leaves_at_once.py").write_text("import sys\nsys.exit(3)\n")
    monkeypatch.syspath_prepend(tmp_path)
    points.append(EntryPoint("script", "leaves_at_once:Thing", module.GROUP))
    points += [EntryPoint(name, "modescope.methods.lsgan:LSGAN", module.GROUP) for name in ("", "a+b", "a b", "twice")]
    points.append(EntryPoint("twice", "modescope.methods.hinge:Hinge", module.GROUP))
    with caplog.at_level(logging.WARNING):
        assert plugins() == {"twice": METHODS["lsgan"]}
    assert "'script' (leaves_at_once:Thing) is left out: SystemExit: 3" in caplog.text
    assert "'a+b' (modescope.methods.lsgan:LSGAN) is left out: its name is not of letters" in caplog.text
    assert "'twice' (modescope.methods.hinge:Hinge) is left out: another package has announced" in caplog.text


class Broken(GAN):
    """A plug-in whose methods return what a test says."""

    given: ClassVar[dict[str, Any]] = {}

    def networks(self, space: Space) -> Any:
        return self.given["networks"](space) if "networks" in self.given else super().networks(space)

    def players(self) -> Any:
        return self.given["players"] if "players" in self.given else super().players()


@pytest.mark.parametrize("spec", ["", "pacgan+"])
@pytest.mark.parametrize(
    ("method", "value", "told"),
    [
        ("networks", lambda space: None, "Broken.networks returned a NoneType, expected a dict from roles"),
        ("networks", lambda space: [space.generator], "Broken.networks returned a list of method"),
        ("networks", lambda space: {"generator": None}, "Broken.networks returned a dict of NoneType"),
        ("networks", lambda space: {"generator": space.generator()}, "Broken.networks returned a dict of Sequential"),
        ("networks", lambda space: {"generator": dict}, "what builds the generator made a dict, expected a torch.nn."),
        ("players", None, "Broken.players returned a NoneType, expected a tuple of players"),
        ("players", (), "Broken.players returned a tuple of nothing"),
        ("players", ["generator"], "Broken.players returned a list of str"),
    ],
)
def test_a_plug_in_that_breaks_the_contract_is_told_by_name(
    spec: str, method: str, value: Any, told: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(Broken, "given", {method: value})
    with pytest.raises(ModescopeError, match=re.escape(told)):
        modescope.plan("ring", build(f"{spec}{__name__}:Broken"))
    with pytest.raises(SystemExit) as left:
        main(["train", "ring", f"{spec}{__name__}:Broken", "--quiet"])
    assert left.value.code == 2
    assert told in capsys.readouterr().err
    if method == "players" and not spec:
        with pytest.raises(ModescopeError, match=re.escape(told)):
            Broken().gradient_steps  # noqa: B018 - what a benchmark asks first
