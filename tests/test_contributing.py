"""Runs the examples of CONTRIBUTING.md as they stand there."""

import re
from pathlib import Path

from modescope.methods import METHODS

PAGE = Path(__file__).parent.parent / "CONTRIBUTING.md"


def blocks() -> list[str]:
    return re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)


def test_the_examples_run(tmp_path, monkeypatch, capsys):
    # As in a script, classes must be importable by name: they live in a module of their own.
    monkeypatch.syspath_prepend(tmp_path)
    found = blocks()
    rows = [block for block in found if block.startswith('"')]
    assert rows == ['"hinge": Hinge,\n']
    module = tmp_path / "contributing_example.py"
    module.write_text("from pathlib import Path\nfolder = Path(__file__).parent\n")
    source = module.read_text()
    import importlib

    example = importlib.import_module("contributing_example")
    for block in found:
        if block in rows:
            continue
        source += block
        module.write_text(source)
        exec(compile(block, str(module), "exec"), vars(example))  # noqa: S102
    out = capsys.readouterr().out
    assert "perfect sampler: 0.1" in out
    assert "hinge" not in METHODS  # once it is there, the page needs another example


def test_the_page_names_files_that_exist():
    root = PAGE.parent
    for path in re.findall(r"`(src/modescope/[\w/]+\.py|tests/[\w/]+/)`", PAGE.read_text(encoding="utf-8")):
        if not path.endswith(("hinge.py", "cross.py", "fullest.py")):
            assert (root / path).exists(), path
