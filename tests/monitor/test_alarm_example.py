"""The example's loop, shortened: healthy, restarted at too high a rate, alarmed, rolled back, cured, drawn."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest
import torch


@pytest.fixture(scope="module")
def example() -> ModuleType:
    spec = importlib.util.spec_from_file_location("alarm_example", Path(__file__).parents[2] / "examples" / "alarm.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_modes_are_counted(example: ModuleType) -> None:
    torch.manual_seed(0)
    ring = example.ring(2000)
    assert example.modes(ring) == 8
    assert example.modes(ring[ring[:, 0] > 0.5]) == 3
    assert example.modes(3 * ring) == 0


def test_the_story(
    example: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    for name, value in (("FADE", 400), ("RESTART", 700), ("STEPS", 820)):
        monkeypatch.setattr(example, name, value)
    story = example.train(seed=1, steps=example.STEPS, every=25)
    (update, event, back), *_ = story.alarms
    assert event.kind == "collapse"
    assert 700 < update < 900
    assert back is not None
    assert 400 <= back <= 700
    assert example.modes(story.samples[-1][1]) >= 7 > example.modes(story.samples[0][1])
    example.tell(story)
    printed = capsys.readouterr().out
    assert f"step {update}: collapse: " in printed
    assert f"back to step {back}" in printed
    picture = example.draw(story, tmp_path / "alarm.png")
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert picture.stat().st_size < 300_000
