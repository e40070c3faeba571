"""How often the alarm errs: what the guide states is what was simulated, and a simulation anew says the same."""

import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from scipy.stats import binom

ROOT = Path(__file__).parents[2]
KINDS = ("with real samples", "without real samples")


@pytest.fixture(scope="module")
def study() -> ModuleType:
    spec = importlib.util.spec_from_file_location("alarm_study", ROOT / "benchmarks" / "alarm.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["alarm_study"] = module  # its dataclass looks itself up
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def stated() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((ROOT / "docs" / "monitor.json").read_text())
    return found


def test_healthy_runs_rang_at_most_at_the_stated_rate(stated: dict[str, Any]) -> None:
    rows = [row for kind in KINDS for row in stated[kind]["healthy"].values()]
    runs, alarms = (sum(row[name] for row in rows) for name in ("runs", "alarms"))
    assert runs >= 400
    assert binom.cdf(alarms, runs, stated["alpha"]) < 0.001  # so few alarms would be a wonder at the rate itself


def test_the_guide_states_what_was_simulated(stated: dict[str, Any]) -> None:
    page = (ROOT / "docs" / "monitor.md").read_text()
    for name, row in stated[KINDS[0]]["collapses"].items():
        other = stated[KINDS[1]]["collapses"][name]
        line = next(line for line in page.splitlines() if line.startswith(f"| {name} |"))
        assert f"| {row['alarms']} of {row['runs']} |" in line
        assert f"| {other['alarms']} of {other['runs']} |" in line


@pytest.mark.parametrize("name", ["stationary", "learning"])
def test_a_healthy_run(name: str, study: ModuleType) -> None:
    assert study.first_alarm(study.HEALTHY[name], 1000, real=True) is None


@pytest.mark.parametrize("name", ["to one mode, at once", "4 of 8 modes lost, opposite"])
def test_a_collapse(name: str, study: ModuleType) -> None:
    assert study.START < study.first_alarm(study.COLLAPSES[name], 1000, real=True) < study.START + 6


@pytest.mark.slow
@pytest.mark.parametrize("real", [True, False])
def test_rates_anew(real: bool, study: ModuleType) -> None:
    rows = [study.study(make, 20, real, None) for make in study.HEALTHY.values()]
    assert sum(row["alarms"] for row in rows) <= binom.ppf(0.999, 20 * len(rows), 0.05)
    for name in ("to one mode, at once", "to a point", "hopping, one mode at a time"):
        assert study.study(study.COLLAPSES[name], 10, real, study.START)["alarms"] == 10
