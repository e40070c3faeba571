"""The digits study, on few images; what needs MNIST is skipped where MODESCOPE_DATA names no folder with it."""

import json
import os
import runpy
from pathlib import Path
from types import ModuleType

import pytest
import torch

from modescope import ModescopeError

FOLDER = Path(__file__).parents[1] / "examples" / "digits"
MNIST = Path(os.environ.get("MODESCOPE_DATA", "nowhere")) / "mnist" / "train-images-idx3-ubyte.gz"
needs_mnist = pytest.mark.skipif(not MNIST.is_file(), reason="MODESCOPE_DATA names no folder with mnist/")


@pytest.fixture
def part():
    """A file of the example as a module."""

    def load(name: str) -> ModuleType:
        module = ModuleType(name)
        vars(module).update(runpy.run_path(str(FOLDER / f"{name}.py"), run_name=name))
        return module

    return load


def test_hand_made_faults_are_what_they_say(part) -> None:
    fakes = part("fakes")
    draw = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (60, 1, 28, 28), generator=draw, dtype=torch.uint8)
    labels = torch.arange(60) % 10
    kept = fakes.without(images, labels, 4, 7)
    assert len(kept) == 48
    assert torch.equal(kept[4], images[5])
    copies = fakes.duplicated(images, 7)
    assert len(copies) == 60
    assert len({image.numpy().tobytes() for image in copies}) == 7
    blurred = fakes.blurred(images, 1.0)[..., 4:-4, 4:-4].double()
    inner = images[..., 4:-4, 4:-4].double()
    assert abs(blurred.mean() - inner.mean()) < 2
    assert blurred.std() < 0.4 * inner.std()  # white noise keeps 1 / (2 sqrt(pi)) = 0.28 of its deviation
    flat = torch.full((50, 1, 28, 28), 128, dtype=torch.uint8)
    assert abs(fakes.noisy(flat, 20.0, draw).double().std() - 20) < 0.5


def test_truth_counts_lost_digits(part) -> None:
    truth = part("truth").truth_of
    even = torch.full((10,), 0.1)
    for lost, expected in [(0, "none"), (1, "partial"), (3, "partial"), (4, "severe"), (9, "severe")]:
        shares = torch.cat([torch.full((lost,), 0.01), even[lost:]])
        assert truth(shares) == expected


def test_verdicts_are_counted_where_they_differ() -> None:
    main = runpy.run_path(str(FOLDER))
    assert main["counted"](["none", "none"]) == "none"
    assert main["counted"](["severe", "partial", "severe"]) == "severe 2, partial 1"


def test_output_is_prepared_before_the_work(tmp_path: Path) -> None:
    prepare = runpy.run_path(str(FOLDER))["prepare"]
    prepare(tmp_path / "new" / "digits.json", tmp_path / "pictures")
    assert (tmp_path / "new").is_dir()
    assert (tmp_path / "pictures").is_dir()
    (tmp_path / "file").write_text("")
    for out, pictures in ((tmp_path, None), (tmp_path / "a.json", tmp_path / "file")):
        with pytest.raises(ModescopeError):
            prepare(out, pictures)


@needs_mnist
def test_a_small_study_finds_what_is_obvious(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "digits.json"
    small = ["--n", "260", "--seeds", "1", "--images", "6000", "--steps", "2", "--features", "pca:20"]
    threads = torch.get_num_threads()
    try:
        runpy.run_path(str(FOLDER))["main"]([*small, "--out", str(out), "--pictures", str(tmp_path)])
    finally:
        torch.set_num_threads(threads)
    sets = json.loads(out.read_text())["sets"]
    verdicts = {name: row["found"]["pca:20"]["verdicts"][0] for name, row in sets.items()}
    assert verdicts["other real digits"] == "none"
    assert verdicts["one digit (7)"] == "severe"
    assert verdicts["without 5 digits (even ones)"] != "none"
    assert sets["one digit (7)"]["judge"][0][7] > 0.8  # the judge knows digits
    assert sets["other real digits"]["truth"] == "none"
    assert "| one digit (7) | severe | severe |" in capsys.readouterr().out
    assert (tmp_path / "digits-without-1-digit-4-tiles.png").stat().st_size < 300_000
