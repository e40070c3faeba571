"""The judges that the package ships: their files, what they compute, how well they do, what they refuse."""

import hashlib
import os
import shutil
import sys
import zipfile
from pathlib import Path

import pytest
import torch
from hatchling.builders.wheel import WheelBuilder
from safetensors.torch import load_file
from scipy.stats import beta
from torch import Tensor
from torch.nn.functional import conv2d, linear, relu

from modescope.core.errors import ModescopeError
from modescope.datasets.images import load
from modescope.features import make_features
from modescope.judges import Judge, judge, read_judge
from modescope.judges.judge import JUDGES, WEIGHTS
from modescope.judges.modes import JudgedModes
from modescope.metrics import count_modes

ROOT = Path(__file__).parents[2]
MNIST = Path(os.environ.get("MODESCOPE_DATA", "nowhere")) / "mnist" / "t10k-images-idx3-ubyte.gz"
needs_mnist = pytest.mark.skipif(not MNIST.is_file(), reason="MODESCOPE_DATA names no folder with MNIST")
OF_A_CLASS = {
    "mnist": [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009],
    "fashion-mnist": [1000] * 10,
}
LEAST = {"mnist": 0.996, "fashion-mnist": 0.92}
NOISE = torch.rand(70, 1, 28, 28, generator=torch.Generator().manual_seed(0))


def drawn() -> Tensor:
    """A zero and a one, with shape `(2, 28, 28)`: a ring and a bar."""
    down, right = torch.meshgrid(torch.arange(28.0) - 13.5, torch.arange(28.0) - 13.5, indexing="ij")
    ring = 1.6 - ((down / 9) ** 2 + (right / 6) ** 2).sqrt().sub(1).abs() * 6
    bar = (2 - right.abs()) * (down.abs() < 9.5)
    return torch.stack([ring, bar]).clamp(0, 1)


# Files


@pytest.mark.parametrize("name", JUDGES)
def test_card_and_weights_belong_together(name: str) -> None:
    card, path = judge(name).card, WEIGHTS / f"{name}.safetensors"
    assert hashlib.sha256(path.read_bytes()).hexdigest() == card.sha256
    assert path.stat().st_size < 3e6
    assert card.name == judge(name).name == name
    assert card.command.startswith(f"python -m modescope.judges.train {name} ")


@pytest.mark.parametrize("name", JUDGES)
def test_card_adds_up(name: str) -> None:
    card, counts = judge(name).card, judge(name).confusion
    assert counts.sum(dim=1).tolist() == OF_A_CLASS[name]
    assert card.images == 10_000
    assert card.errors == 10_000 - counts.diagonal().sum()
    assert judge(name).accuracy == 1 - card.errors / 10_000 == pytest.approx(card.accuracy)
    assert card.accuracy >= LEAST[name]
    right = card.images - card.errors
    assert card.low == pytest.approx(beta.ppf(0.025, right, card.errors + 1))
    assert card.high == pytest.approx(beta.ppf(0.975, right + 1, card.errors))


def test_weights_are_in_the_wheel(tmp_path: Path) -> None:
    (wheel,) = WheelBuilder(str(ROOT)).build(directory=str(tmp_path), versions=["standard"])
    with zipfile.ZipFile(wheel) as file:
        for name in JUDGES:
            for suffix in ("safetensors", "json"):
                inside = f"modescope/judges/weights/{name}.{suffix}"
                assert file.read(inside) == (WEIGHTS / f"{name}.{suffix}").read_bytes()


def test_damaged_weights_are_refused(tmp_path: Path) -> None:
    for suffix in ("safetensors", "json"):
        shutil.copy(WEIGHTS / f"mnist.{suffix}", tmp_path)
    assert read_judge(tmp_path, "mnist").name == "mnist"
    content = bytearray((tmp_path / "mnist.safetensors").read_bytes())
    content[-1] ^= 1
    (tmp_path / "mnist.safetensors").write_bytes(content)
    with pytest.raises(ModescopeError, match=r"mnist.safetensors' have SHA-256 \w{64}, expected \w{64} as their card"):
        read_judge(tmp_path, "mnist")


# What they compute


def test_the_network_is_five_convolutions() -> None:
    held = load_file(WEIGHTS / "mnist.safetensors")
    hidden = NOISE
    for i in range(5):
        convolved = conv2d(hidden, held[f"blocks.{i}.conv.weight"], held[f"blocks.{i}.conv.bias"], 2 if i == 0 else 1)
        hidden = relu(convolved)
    logits = linear(hidden.flatten(1), held["last.weight"], held["last.bias"])
    shipped = judge("mnist")
    torch.testing.assert_close(shipped.logits(NOISE), logits, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(shipped.features(NOISE), hidden.mean(dim=(2, 3)), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(shipped.probabilities(NOISE), logits.softmax(dim=1), rtol=1e-3, atol=1e-5)
    assert torch.equal(shipped.labels(NOISE), logits.argmax(dim=1))


def test_a_triple_is_a_number() -> None:
    zero, one = drawn()
    triples = [[zero, zero, zero], [one, zero, zero], [zero, one, zero], [zero, zero, one], [one, one, zero]]
    x = torch.stack([torch.stack(triple) for triple in triples])
    found = judge("mnist").stacked_labels(x)
    assert found.tolist() == [0, 100, 10, 1, 110]
    assert found.dtype == torch.int64


def test_channels_are_judged_one_by_one() -> None:
    x = torch.cat([NOISE[:6], drawn().unsqueeze(1), NOISE[6:10]]).reshape(4, 3, 28, 28)
    a, b, c = (judge("mnist").labels(x[:, [i]]) for i in range(3))
    assert torch.equal(judge("mnist").stacked_labels(x), 100 * a + 10 * b + c)
    assert torch.equal(judge("mnist").stacked_labels(x.flatten(1)), 100 * a + 10 * b + c)


def test_ranges_and_shapes() -> None:
    shipped = judge("mnist")
    logits = shipped.logits(NOISE)
    torch.testing.assert_close(shipped.logits(2 * NOISE - 1, "-1 to 1"), logits, rtol=1e-4, atol=1e-4)
    assert torch.equal(shipped.logits(NOISE.flatten(1)), logits)
    strided = NOISE.double().transpose(2, 3).contiguous().transpose(2, 3)
    torch.testing.assert_close(shipped.logits(strided), logits, rtol=1e-4, atol=1e-4)
    assert shipped.logits(NOISE.requires_grad_()).requires_grad is False


def test_batches_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    logits, labels = judge("mnist").logits(NOISE), judge("mnist").labels(NOISE)
    for size in (1, 64):
        monkeypatch.setattr(sys.modules["modescope.judges.judge"], "BATCH", size)
        torch.testing.assert_close(judge("mnist").logits(NOISE), logits, rtol=1e-4, atol=1e-4)
        assert torch.equal(judge("mnist").labels(NOISE), labels)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_devices_agree() -> None:
    there = NOISE.cuda()
    assert judge("mnist").labels(there).device == there.device
    assert torch.equal(judge("mnist").labels(there).cpu(), judge("mnist").labels(NOISE))
    x = NOISE[:69].reshape(23, 3, 28, 28)
    assert torch.equal(judge("mnist").stacked_labels(x.cuda()).cpu(), judge("mnist").stacked_labels(x))


def test_is_loaded_once() -> None:
    assert judge("mnist") is judge("mnist")


# How well they do


def errors(shipped: Judge, every: int) -> int:
    test = load("mnist", "test")
    assert test.labels is not None
    return int((shipped.labels(test.images[::every].float() / 255) != test.labels[::every]).sum())


@needs_mnist
def test_some_test_digits() -> None:
    assert errors(judge("mnist"), every=5) <= 8


@needs_mnist
@pytest.mark.slow
def test_all_test_digits() -> None:
    assert errors(judge("mnist"), every=1) <= 40


# Features


def test_features_of_each_channel() -> None:
    images = (255 * NOISE[:69]).byte().reshape(23, 3, 28, 28)
    features = make_features("judge:mnist")
    found = features(images)
    assert found.shape == (23, 3 * 128)
    torch.testing.assert_close(found[:, 128:256], judge("mnist").features(images[:, [1]].float() / 255))
    assert features(torch.zeros(2, 1, 40, 30, dtype=torch.uint8)).shape == (2, 128)
    assert judge("mnist").card.sha256 in str(features.fingerprint())
    assert "classifier of mnist" in features.protocol


# Bad input


BAD = [
    (torch.zeros(2, 3, 28, 28), "0 to 1", r"x has shape \(2, 3, 28, 28\), expected \(N, 1, 28, 28\) or \(N, 784\)"),
    (torch.zeros(28, 28), "0 to 1", r"x has shape \(28, 28\)"),
    (torch.zeros(0, 784), "0 to 1", r"x has shape \(0, 784\)"),
    (torch.zeros(2, 784, dtype=torch.uint8), "0 to 1", "x holds uint8, expected floats in 0 to 1"),
    (torch.full((1, 784), torch.nan), "0 to 1", "x runs from nan to nan, expected pixels from 0 to 1$"),
    (torch.full((1, 784), 255.0), "0 to 1", "x runs from 255 to 255, expected pixels from 0 to 1$"),
    (2 * NOISE - 1, "0 to 1", 'expected pixels from 0 to 1; say pixels="-1 to 1" if they run from -1 to 1'),
    (3 * NOISE - 1, "-1 to 1", "x runs from -1 to 2, expected pixels from -1 to 1$"),
    (NOISE, "-1 bis 1", "unknown range of pixels '-1 bis 1': did you mean '-1 to 1'"),
]


@pytest.mark.parametrize(("x", "pixels", "message"), BAD, ids=range(len(BAD)))
def test_bad_images(x: Tensor, pixels: str, message: str) -> None:
    with pytest.raises(ModescopeError, match=message):
        judge("mnist").labels(x, pixels)  # type: ignore[arg-type]


def test_bad_triples() -> None:
    with pytest.raises(ModescopeError, match=r"expected \(N, 3, 28, 28\) or \(N, 2352\)"):
        judge("mnist").stacked_labels(NOISE)


def test_unknown_judge() -> None:
    with pytest.raises(ModescopeError, match="unknown judge 'minst': did you mean 'mnist'"):
        judge("minst")


# As modes


def test_what_is_no_image_belongs_to_no_mode() -> None:
    modes = JudgedModes("mnist", 1, "-1 to 1", torch.full((10,), 0.1))
    x = torch.rand(3, 6, 784, generator=torch.Generator().manual_seed(0)) * 2 - 1
    x[0], x[1, 2:, 5] = torch.nan, torch.inf
    found = count_modes(x, modes, radius=modes.radius)
    assert found.counts.sum(-1).tolist() == [0, 2, 6]
    assert found.covered[0] == 0
