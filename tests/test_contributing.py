"""Runs the examples of CONTRIBUTING.md as they stand there."""

import importlib
import re
from pathlib import Path

from modescope.methods import METHODS

PAGE = Path(__file__).parent.parent / "CONTRIBUTING.md"


def blocks() -> list[str]:
    return re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)


def test_the_examples_run(tmp_path, monkeypatch, capsys):
    # A run names a method's class by its module, so the examples run as a module that can be imported.
    path = tmp_path / "contributing_example.py"
    path.write_text("from pathlib import Path\n\nfolder = Path(__file__).parent\n")
    monkeypatch.syspath_prepend(tmp_path)
    example = importlib.import_module("contributing_example")
    rows = [block for block in blocks() if block.startswith('"boundary-seeking"')]
    assert rows == ['"boundary-seeking": BoundarySeeking,\n']
    for block in blocks():
        if block not in rows:
            exec(compile(block, str(path), "exec"), vars(example))
    assert "perfect sampler: 0.1" in capsys.readouterr().out
    assert "boundary-seeking" not in METHODS  # once it is there, the page needs another example


def test_the_page_names_files_that_exist():
    root = PAGE.parent
    for path in re.findall(r"`(src/modescope/[\w/]+\.py|tests/[\w/]+/)`", PAGE.read_text(encoding="utf-8")):
        if not path.endswith(("boundary.py", "cross.py", "fullest.py", "dimension.py")):
            assert (root / path).exists(), path
