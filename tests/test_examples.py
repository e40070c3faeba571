"""The examples run: the demo with fewer steps, the notebook as it is."""

import json
import runpy
from pathlib import Path

import pytest

import modescope as ms

EXAMPLES = Path(__file__).parents[1] / "examples"


def test_the_demo(tmp_path, capsys):
    main = runpy.run_path(str(EXAMPLES / "demo.py"))["main"]
    main.__globals__["METHODS"] = {"gan": {"steps": 5}, "pacgan": {"steps": 5}}
    main(tmp_path)
    assert "perfect sampler" in capsys.readouterr().out
    assert (tmp_path / "report.html").is_file()


def cells_of(path):
    """The code of a notebook's cells."""
    notebook = json.loads(path.read_text(encoding="utf-8"))
    assert notebook["nbformat"] == 4
    return ["".join(cell["source"]) for cell in notebook["cells"] if cell["cell_type"] == "code"]


@pytest.mark.slow
def test_the_notebook(tmp_path, monkeypatch, capsys):
    """Executed cell by cell in one namespace, as a kernel does."""
    monkeypatch.setenv("MPLBACKEND", "Agg")
    monkeypatch.chdir(tmp_path)
    names: dict = {"__name__": "__main__"}
    for number, code in enumerate(cells_of(EXAMPLES / "tour.ipynb")):
        exec(compile(code, f"cell {number}", "exec"), names)
    out = capsys.readouterr().out
    assert "perfect sampler" in out
    assert names["found"].verdict.name in ("partial", "severe")
    assert names["event"] is not None
    assert Path(out.split()[-1]).name == "report.html"
    assert isinstance(names["plain"], ms.Run)
