"""Training of judges: its steps against PyTorch's optimiser, its changes against SciPy's, its going on, its command."""

import math
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.ndimage import map_coordinates
from torch import Tensor

from modescope.core.errors import ModescopeError
from modescope.judges import read_judge
from modescope.judges.augment import Augment
from modescope.judges.net import JudgeNet, folded
from modescope.judges.train import RECIPES, Recipe, Train, Training, best_temperature, held_out

SMALL = Recipe(Augment(degrees=5, shift=1), epochs=2, batch=32)


def stream(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def bars(count: int) -> tuple[Tensor, Tensor]:
    """Images of ten classes: a bright bar at one of ten heights, on noise."""
    labels = torch.arange(count) % 10
    images = torch.randint(0, 60, (count, 1, 28, 28), generator=stream(), dtype=torch.uint8)
    for image, label in zip(images, labels.tolist(), strict=True):
        image[0, 4 + 2 * label : 6 + 2 * label, 4:24] = 255
    return images, labels


# Changes of images


def test_no_change() -> None:
    images = torch.rand(5, 1, 28, 28, generator=stream())
    torch.testing.assert_close(Augment()(images, stream(1)), images, rtol=0, atol=1e-5)


def test_affine_maps_are_those_of_scipy() -> None:
    augment = Augment(degrees=20, scale=0.2, shear=0.3, shift=3)
    images = torch.rand(6, 1, 28, 28, generator=stream())
    found = augment(images, stream(7))
    places = (np.arange(28) - 13.5) / 14
    down, right = np.meshgrid(places, places, indexing="ij")
    for image, change, made in zip(images, augment.maps(6, 28, stream(7)).double().numpy(), found, strict=True):
        x, y = (row[0] * right + row[1] * down + row[2] for row in change)
        peer = map_coordinates(image[0].numpy(), [14 * y + 13.5, 14 * x + 13.5], order=1, mode="grid-constant")
        np.testing.assert_allclose(made[0].numpy(), peer, atol=1e-3)


def test_maps_keep_to_their_limits() -> None:
    turned = Augment(degrees=30).maps(2000, 28, stream())
    angles = torch.rad2deg(torch.atan2(turned[:, 1, 0], turned[:, 0, 0]))
    assert 29 < angles.abs().max() <= 30
    torch.testing.assert_close(torch.linalg.det(turned[:, :, :2]), torch.ones(2000))
    shifted = Augment(shift=2).maps(2000, 28, stream())
    assert 1.9 < (14 * shifted[:, :, 2]).abs().max() <= 2
    scaled = Augment(scale=0.1).maps(2000, 28, stream())[:, 0, 0].log()
    assert 0.099 < scaled.abs().max() <= 0.1 + 1e-6


def test_half_are_flipped() -> None:
    images = torch.rand(200, 1, 28, 28, generator=stream())
    found = Augment(flip=True)(images, stream(1))
    same = (found - images).abs().amax(dim=(1, 2, 3)) < 1e-4
    mirrored = (found - images.flip(3)).abs().amax(dim=(1, 2, 3)) < 1e-4
    assert (same ^ mirrored).all()
    assert 70 < mirrored.sum() < 130


def test_bending_moves_by_so_many_pixels() -> None:
    ramp = (torch.arange(28.0) / 28).expand(400, 1, 28, 28)
    moved = 28 * (Augment(bend=0.5, cells=3)(ramp, stream()) - ramp)[:, 0, 13, 13:15].mean(dim=1)
    assert moved.mean().abs() < 0.1
    assert moved.std() == pytest.approx(0.5, rel=0.1)  # the middle of a grid of 3 x 3 is one of its points


# Steps


def test_steps_are_those_of_pytorch(tmp_path: Path) -> None:
    images, labels = bars(64)
    ours = Training(SMALL, images, labels, tmp_path / "state")
    peer = JudgeNet()
    peer.load_state_dict(ours.net.state_dict())
    optimiser = torch.optim.SGD(peer.parameters(), lr=1.0, momentum=0.9, weight_decay=SMALL.decay, nesterov=True)
    mean = {name: value.clone() for name, value in peer.named_parameters()}
    for rate in (0.02, 0.05, 0.01):
        loss = torch.nn.functional.cross_entropy(ours.net(images.float() / 255), labels)
        slopes = torch.autograd.grad(loss, list(ours.net.parameters()), retain_graph=True)
        for value, slope in zip(peer.parameters(), slopes, strict=True):
            value.grad = slope
        ours.step(loss, rate)
        optimiser.param_groups[0]["lr"] = rate
        optimiser.step()
        mean = {name: SMALL.keep * mean[name] + (1 - SMALL.keep) * value for name, value in peer.named_parameters()}
    for name, value in peer.named_parameters():
        torch.testing.assert_close(dict(ours.net.named_parameters())[name], value, rtol=1e-4, atol=1e-6)
        torch.testing.assert_close(ours.mean[name], mean[name].detach(), rtol=1e-4, atol=1e-6)


def test_goes_on_to_the_same_bits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    images, labels = bars(96)
    whole = Training(SMALL, images, labels, tmp_path / "whole")
    expected = whole.run().state_dict()

    first = Training(SMALL, images, labels, tmp_path / "cut")
    first.one_epoch()
    first.epoch = 1
    first.save()
    first.one_epoch()  # stopped before it is saved
    second = Training(SMALL, images, labels, tmp_path / "cut")
    assert second.epoch == 1
    found = second.run().state_dict()
    assert all(torch.equal(found[name], value) for name, value in expected.items())


def test_another_recipe_is_refused(tmp_path: Path) -> None:
    images, labels = bars(32)
    Training(SMALL, images, labels, tmp_path / "state").save()
    with pytest.raises(ModescopeError, match="state' is of another training: delete it, or name another --out"):
        Training(replace(SMALL, rate=0.2), images, labels, tmp_path / "state")
    with pytest.raises(ModescopeError, match="is of another training"):
        Training(SMALL, images[:20], labels[:20], tmp_path / "state")


def test_folding_changes_nothing() -> None:
    net = JudgeNet()
    with torch.no_grad():
        for name, value in net.state_dict().items():
            if "norm" in name and value.is_floating_point():
                value.uniform_(0.5, 2, generator=stream())
    images = torch.rand(8, 1, 28, 28, generator=stream())
    torch.testing.assert_close(folded(net, 3.0)(images), net.eval()(images) / 3, rtol=1e-4, atol=1e-4)
    assert not any("norm" in name for name in folded(net).state_dict())


def test_temperature_is_found() -> None:
    images = torch.randint(0, 256, (20_000, 1, 1, 10), generator=stream(), dtype=torch.uint8)
    truth = (4 * images.float() / 255).flatten(1).softmax(dim=1)
    labels = torch.multinomial(truth, 1, generator=stream()).squeeze(1)
    found = best_temperature(lambda x: 10 * x.flatten(1), images, labels)  # type: ignore[arg-type]
    assert found == pytest.approx(2.5, rel=0.05)


def test_held_out_images_are_no_others() -> None:
    learn, rest = held_out(60_000)
    assert len(rest) == 5_000
    assert torch.equal(torch.cat([learn, rest]).sort().values, torch.arange(60_000))
    assert torch.equal(held_out(60_000)[1], rest)


# The command


def test_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module = sys.modules["modescope.judges.train"]
    monkeypatch.setattr(module, "labelled", lambda name, split: bars({"train": 280, "test": 100}[split]))
    monkeypatch.setattr(module, "HELD_OUT", 80)
    monkeypatch.setitem(RECIPES, "mnist", replace(SMALL, epochs=5))
    Train(name="mnist", out=tmp_path / "out")()
    made = read_judge(tmp_path / "out", "mnist")
    images, labels = bars(100)
    right = (made.labels(images.float() / 255) == labels).double().mean().item()
    assert made.accuracy == right > 0.8
    assert made.confusion.trace() == 100 - made.card.errors
    assert made.card.command == "python -m modescope.judges.train mnist --epochs 5 --seed 0"
    assert math.isclose(made.card.held_out, right, abs_tol=0.1)


def test_no_epochs(tmp_path: Path) -> None:
    with pytest.raises(ModescopeError, match="epochs is 0, expected at least 1"):
        Train(name="mnist", epochs=0, out=tmp_path)()
