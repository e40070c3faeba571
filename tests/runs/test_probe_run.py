"""The linear probe of a run's critics."""

import json
import math
from pathlib import Path
from typing import Any

import pytest
import torch
from scipy.stats import binomtest
from torch import Tensor, nn
from torch.nn.functional import max_pool2d

import modescope as ms
from modescope.cli.main import main
from modescope.core.errors import ModescopeError
from modescope.datasets.images.arrays import Arrays, arrays_of
from modescope.datasets.images.sets import CIFAR10
from modescope.datasets.images.stacked import StackedMNIST
from modescope.nets import Architecture, ConvCritic, ConvGenerator
from modescope.runs import Run
from modescope.runs.probe import Row, critic_features, labelled, probe_run

CONV = Architecture(
    latent_dim=3,
    generator=ConvGenerator(channels=(8, 4), kernel=3),
    critic=ConvCritic(channels=(4, 6), kernel=3, batch_norm="inner"),
)
LOOK = ms.Evaluation(every=2, samples=16, snapshot=0)


def pictures(channels: int, split: str) -> Arrays:
    """Noise in which a bright square's place is the class."""
    generator = torch.Generator().manual_seed(len(split))
    images = torch.randint(0, 200, (1200, channels, 16, 16), generator=generator, dtype=torch.uint8)
    labels = torch.arange(1200) % 3
    for image, label in zip(images, labels, strict=True):
        image[:, 4 : 4 + 8, 5 * label : 5 * label + 5] = 255
    return arrays_of(images, labels)


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setattr("modescope.datasets.images.sets.load", lambda name, split: pictures(3, split))
    return trained(tmp_path / "run", "spectral-norm+gan")


def trained(folder: Path, spec: str, data: Any = None) -> Run:
    settings = {"seeds": 2, "steps": 2, "batch_size": 8, "architecture": CONV, "evaluation": LOOK}
    planned = ms.plan(data or CIFAR10(), ms.methods.build(spec), **settings)
    return Run.create(folder, planned).train(workers=1, quiet=True)


def test_classes_are_told_with_intervals(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["probe", str(run.folder), "--train", "500", "--test", "600", "--json"])
    assert not stopped.value.code
    found = json.loads(capsys.readouterr().out)
    assert (found["train"], found["test"], found["classes"]) == (500, 600, "class")
    critic, untrained, pixels = (Row(**row) for row in found["rows"])
    assert [row.features for row in (critic, untrained, pixels)] == ["critic", "critic before training", "pixels"]
    assert pixels.accuracy == 1.0  # a bright square is easy to tell by pixels
    interval = binomtest(600, 600).proportion_ci(0.95, "exact")
    assert (pixels.low, pixels.high) == (interval.low, interval.high)
    for row in (critic, untrained):
        assert len(row.per_member) == 2
        assert row.accuracy == pytest.approx(math.fsum(row.per_member) / 2)
        assert row.low <= row.accuracy <= row.high
        assert row.accuracy > 0.8
        assert row.dims == 4 * 16 + 6 * 16
    assert critic.per_member != untrained.per_member or critic.accuracy == 1.0


def test_no_image_is_seen_twice(run: Run) -> None:
    images, labels = labelled(run, "test", 1200, 0)
    assert len(images.unique(dim=0)) == 1200
    assert labels.bincount().tolist() == [400, 400, 400]
    with pytest.raises(ModescopeError, match=r"test is 1,201, but .* is on data with 1,200 test images"):
        labelled(run, "test", 1201, 0)


def test_features_are_those_of_the_layers_by_hand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("modescope.datasets.images.sets.load", lambda name, split: pictures(3, split))
    run = trained(tmp_path / "run", "gan")
    population = run.population(1)
    x = run.experiment.dataset.sample(20, torch.Generator().manual_seed(0))
    network = population.layout.modules["discriminator"]
    weights = population.layout.unflatten("discriminator", population.state["flats"]["discriminator"][0])
    own = ConvCritic(channels=(4, 6), kernel=3, batch_norm="inner").build(768, 1, (3, 16, 16))
    own.load_state_dict(weights["discriminator"])
    maps, y = [], x
    for layer in own:
        y = layer(y)
        if isinstance(layer, nn.LeakyReLU):
            maps.append(y)
    first, second = (max_pool2d(part, part.shape[-1] // 4).flatten(1) for part in maps)
    assert torch.allclose(critic_features(population, 0)(x), torch.cat([first, second], 1), atol=1e-6)
    assert not any(part._forward_pre_hooks for part in network.modules())


def test_the_red_picture_of_a_stack_gives_the_class(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("modescope.datasets.images.stacked.load", lambda name, split: pictures(1, split))
    stack = type("Stack", (), {"name": "stack", "experiment": type("E", (), {"dataset": StackedMNIST(fixed=50)})})
    images, labels = labelled(stack, "test", 40, 0)  # type: ignore[arg-type]
    bright: Tensor = images.view(40, 3, 16, 16)[:, 0] == 1.0
    assert torch.equal(bright[:, 4:12].sum(1).view(40, 16)[:, :15].unflatten(1, (3, 5)).sum(-1).argmax(1), labels)


@pytest.mark.parametrize(
    ("dataset", "spec", "message"),
    [
        ("ring", "gan", "is on data without known classes, expected images such as mnist or cifar10"),
        (None, "pacgan+gan", "PacGAN has no critic of single images"),
        (None, "mmd-net", "MMDNet has no critic of single images"),
    ],
)
def test_what_has_no_probe_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dataset: str | None, spec: str, message: str
) -> None:
    monkeypatch.setattr("modescope.datasets.images.sets.load", lambda name, split: pictures(3, split))
    settings = {"seeds": 1, "steps": 1, "batch_size": 8, "evaluation": LOOK}
    architecture = {} if dataset else {"architecture": CONV}
    planned = ms.plan(dataset or CIFAR10(), ms.methods.build(spec), **settings, **architecture)
    run = Run.create(tmp_path / "run", planned).train(workers=1, quiet=True)
    with pytest.raises(ModescopeError, match=message):
        probe_run(run, 500, 500)


def test_too_few_images_are_told(run: Run) -> None:
    with pytest.raises(ModescopeError, match="test is 3, expected a whole number of at least 500"):
        probe_run(run, 500, 3)
