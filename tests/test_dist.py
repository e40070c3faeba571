"""The wheel and the source archive, as people install them."""

import subprocess
import sys
import sysconfig
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest

import modescope as ms

ROOT = Path(__file__).parents[1]
pytestmark = pytest.mark.slow


def said(*command) -> str:
    return subprocess.run([*map(str, command)], capture_output=True, text=True, check=True, cwd="/").stdout.strip()


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """Both archives, built by the back end of this environment."""
    pytest.importorskip("build", reason="the front end 'build' is not installed")
    folder = tmp_path_factory.mktemp("dist")
    said(sys.executable, "-m", "build", "--no-isolation", "--outdir", folder, ROOT)
    return folder


def test_the_archives_hold_the_package_and_no_more(built):
    wheel = zipfile.ZipFile(next(built.glob("*.whl"))).namelist()
    source = ROOT / "src"
    wanted = {
        str(path.relative_to(source))
        for path in (source / "modescope").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert wanted <= set(wheel)
    assert {name.split("/")[0] for name in wheel} == {"modescope", f"modescope-{ms.__version__}.dist-info"}
    with tarfile.open(next(built.glob("*.tar.gz"))) as archive:
        tops = {Path(name).parts[1] for name in archive.getnames()}
    assert {"src", "tests", "docs", "pyproject.toml", "LICENSE", "CITATION.cff"} <= tops
    assert not tops & {"site", "runs", "dist", ".venv"}


def test_the_wheel_works_in_a_clean_environment(built, tmp_path):
    """The libraries that it needs are lent from this environment, the package itself is not."""
    venv.create(tmp_path / "clean", with_pip=True)
    python = tmp_path / "clean" / "bin" / "python"
    said(python, "-m", "pip", "install", "--no-deps", "--no-index", next(built.glob("*.whl")))
    packages = Path(said(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"))
    (packages / "lent.pth").write_text(sysconfig.get_path("purelib"))
    assert Path(said(python, "-c", "import modescope; print(modescope.__file__)")).is_relative_to(packages)
    command = tmp_path / "clean" / "bin" / "modescope"
    assert said(command, "--version") == ms.__version__
    tiny = ("--seeds", "2", "--steps", "3", "--batch-size", "8", "--samples", "32", "--quiet")
    assert "perfect sampler" in said(command, "train", "ring", "pacgan", *tiny, "--out", tmp_path / "run")
    assert "whole" in said(command, "verify", tmp_path / "run")


def test_the_wheel_with_nothing_but_what_it_asks_for(built, tmp_path):
    """The core alone, as an index serves it: it trains and measures, and names the extra of what it has not."""
    index = [sys.executable, "-m", "pip", "index", "versions", "safetensors"]
    if subprocess.run(index, capture_output=True, check=False).returncode:
        pytest.skip("no package index answers")
    venv.create(tmp_path / "core", with_pip=True)
    python, command = tmp_path / "core/bin/python", tmp_path / "core/bin/modescope"
    wheel, pinned = next(built.glob("*.whl")), ROOT / "constraints.txt"
    said(python, "-m", "pip", "install", "--quiet", "-c", pinned, wheel)
    assert said(command, "--version") == ms.__version__
    tiny = ("--seeds", "2", "--steps", "3", "--batch-size", "8", "--samples", "32", "--quiet")
    assert "perfect sampler" in said(command, "train", "ring", "pacgan", *tiny, "--out", tmp_path / "run")
    assert "whole" in said(command, "verify", tmp_path / "run")
    assert "not here" in said(command, "doctor")
    report = subprocess.run([command, "report", tmp_path / "run"], capture_output=True, text=True, check=False)
    assert report.returncode == 2
    assert "pip install 'modescope[report]'" in report.stderr
    assert "Traceback" not in report.stderr
