"""Tiny runs that the report is made of."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import modescope as ms
from modescope import datasets
from modescope.report.groups import scenes_of
from modescope.runs import Run

LOOK = ms.Evaluation(every=5, samples=240, snapshot=60)
HOSTILE = "<script>alert('x')</script> $a_$ \"q\" & <img src=x onerror=alert(1)>"


@pytest.fixture(scope="session")
def make(tmp_path_factory):
    """Trains a tiny run on a data set, in its own folder."""

    def train(dataset, name="", command=(), trained=True, **options):
        experiment = ms.plan(
            dataset, "gan", **{"evaluation": LOOK, "seeds": 2, "steps": 20, "batch_size": 16, **options}
        )
        run = Run.create(tmp_path_factory.mktemp("run") / "folder", experiment, command, name)
        return run.train(workers=1, quiet=True) if trained else run

    return train


@pytest.fixture(scope="session")
def ring(make):
    return make("ring", "ring gan", ["modescope", "train", "ring"])


@pytest.fixture(scope="session")
def swept(make):
    """Three learning rates, the last of which diverges."""
    return make("ring", HOSTILE, ["modescope", "train", HOSTILE], optimizer="sgd", sweep={"lr": [1e-3, 1e-2, 1e30]})


@pytest.fixture(scope="session")
def line(make):
    return make("pair")


@pytest.fixture(scope="session")
def high(make):
    return make(datasets.HighDim(positions=(-2.0, 3.0), size=7, noisy=4))


@pytest.fixture(scope="session")
def array(make, tmp_path_factory):
    """Data without modes or density, in three dimensions, from a file."""
    path = tmp_path_factory.mktemp("data") / "points.npy"
    np.save(path, np.random.default_rng(0).normal(size=(200, 3)) * [3.0, 1.0, 0.1])
    return make(str(path), "array gan")


@pytest.fixture(scope="session")
def image_folder(tmp_path_factory):
    """Thirty small images of noise, in colour."""
    folder = tmp_path_factory.mktemp("images")
    for i, pixels in enumerate(np.random.default_rng(0).integers(0, 256, (30, 8, 6, 3), dtype=np.uint8)):
        Image.fromarray(pixels).save(folder / f"{i:02}.png")
    return folder


@pytest.fixture(scope="session")
def images(make, image_folder):
    """Colour images without known modes; three members in two blocks, the second of one."""
    look = ms.Evaluation(every=10, samples=64, look=32, snapshot=18, walks=2)
    return make(str(image_folder), "images gan", architecture="small", seeds=3, block=2, evaluation=look)


@pytest.fixture(scope="session")
def unfinished(make):
    return make("ring", trained=False)


@pytest.fixture(scope="session")
def scene(ring):
    return scenes_of([ring])[0]


@pytest.fixture
def out(tmp_path) -> Path:
    return tmp_path / "new" / "report.html"
