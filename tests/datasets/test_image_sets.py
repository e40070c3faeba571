"""Data sets of images: what a batch is, what stays in memory, and how triples are drawn."""

import copy
import json
import math
import os
import pickle

import numpy as np
import pytest
import torch
from scipy import stats
from tiny_images import digits, tiny_mnist

from modescope.core.errors import ModescopeError
from modescope.datasets import (
    DATASETS,
    MNIST,
    PRESETS,
    ImageData,
    ImageFolder,
    StackedFashionMNIST,
    StackedMNIST,
    decode,
    encode,
    make,
    spec_names,
)
from modescope.datasets.images import SETS, base, load, photographs
from modescope.datasets.images import store as store_module
from modescope.metrics.adapters import mode_kl_range
from modescope.sources import open_source

REAL = os.environ.get("MODESCOPE_DATA")
needs_data = pytest.mark.skipif(not REAL, reason="MODESCOPE_DATA names no folder with the real data sets")
PRESET_FIELDS = {
    "stacked-mnist:veegan": {"split": "all", "fixed": 128_000, "pixels": "0 to 1"},
    "stacked-mnist:unrolled": {"split": "train", "fixed": 0, "pixels": "-1 to 1"},
}


@pytest.fixture(autouse=True)
def own(tmp_path, monkeypatch):
    """A tiny MNIST and a tiny Fashion-MNIST, and no other data."""
    for module in (store_module, photographs):
        monkeypatch.setattr(module, "cache_folder", lambda: tmp_path / "cache")
    monkeypatch.setattr(store_module, "DEBIAN", tmp_path / "debian")
    base.held.cache_clear()
    tiny_mnist(monkeypatch, tmp_path)
    tiny_mnist(monkeypatch, tmp_path, name="fashion-mnist")
    return tmp_path


def seeded(seed):
    return torch.Generator().manual_seed(seed)


KINDS = {
    "plain": lambda: MNIST(),
    "all": lambda: MNIST(split="all", pixels="0 to 1"),
    "triples": lambda: StackedMNIST(),
    "fixed": lambda: StackedMNIST(fixed=50, split="test", pixels="0 to 1"),
    "fashion": lambda: StackedFashionMNIST(fixed=7),
}


@pytest.mark.parametrize("name", KINDS)
def test_contract(name):
    data = KINDS[name]()
    assert data.dim == data.shape[0] * 28 * 28
    assert data.normals == 0
    for dtype in (torch.float32, torch.float64):
        uniform = torch.rand(2, 3, 5, data.uniforms, generator=seeded(0), dtype=dtype)
        x = data.push(uniform, torch.zeros(2, 3, 5, 0, dtype=dtype))
        assert x.shape == (2, 3, 5, data.dim)
        assert x.dtype == dtype
        one_by_one = [data.push(u, u[:0]) for u in uniform.flatten(0, 2)]
        assert torch.equal(x.view(-1, data.dim), torch.stack(one_by_one))
        low, high = base.PIXELS[data.pixels]
        assert low <= x.min() <= x.max() <= high
    for edge in (0.0, 1 - 2**-24):
        assert data.push(torch.full((1, data.uniforms), edge), torch.zeros(1, 0)).isfinite().all()
    again = decode(json.loads(json.dumps(encode(data))))
    for twin in (again, pickle.loads(pickle.dumps(data)), copy.deepcopy(data)):
        assert twin == data
        assert hash(twin) == hash(data)
        assert torch.equal(twin.sample(8, seeded(1)), data.sample(8, seeded(1)))
    extent = torch.tensor(data.extent)
    assert extent.shape == (data.dim, 2)
    assert (extent[:, 0] < low).all()
    assert (extent[:, 1] > high).all()
    with pytest.raises(ModescopeError, match="has no density: only its images are known"):
        data.log_prob(data.sample(1))


def test_pixels_become_exactly_the_ends_of_the_range():
    values = torch.arange(256, dtype=torch.uint8)
    for dtype in (torch.float32, torch.float64):
        for pixels, low, high in (("-1 to 1", -1.0, 1.0), ("0 to 1", 0.0, 1.0)):
            numbers = base.scaled(values, pixels, dtype)
            assert (numbers[0].item(), numbers[-1].item()) == (low, high)
            expected = low + (high - low) * torch.arange(256, dtype=torch.float64) / 255
            assert (numbers - expected).abs().max() < (1e-6 if dtype == torch.float32 else 1e-14)
            data = MNIST(pixels=pixels)
            assert torch.equal(data.kept(numbers), values)
            assert torch.equal(data.restored(values), base.scaled(values, pixels, torch.float32))
            assert data.kept(torch.tensor([low - 1, high + 1])).tolist() == [0, 255]


def test_an_image_is_its_row():
    data = MNIST()
    images, labels = digits(40, 0)
    index = data.index(torch.arange(40)[:, None] / 40 + 1e-4)
    assert index[:, 0].tolist() == list(range(40))
    assert np.array_equal(data.pictures(index).numpy()[:, 0], images)
    assert data.labels(index).tolist() == labels.tolist()
    counts = torch.bincount(data.index(torch.rand(20_000, 1, generator=seeded(3)))[:, 0])
    assert stats.chisquare(counts.numpy()).pvalue > 1e-3


def test_images_stay_bytes_and_are_held_once():
    first, second, triples = MNIST(), MNIST(), StackedMNIST()
    for data in (first, second, triples):
        data.sample(4)
        assert data.arrays.images.dtype == torch.uint8
    assert first.arrays is second.arrays is triples.arrays
    cpu = torch.device("cpu")
    assert base.placed(first.arrays, cpu).data_ptr() == first.arrays.images.data_ptr()
    assert len(pickle.dumps(first)) < 1000  # a worker process reads the files itself


def test_a_second_look_reads_no_file(monkeypatch):
    StackedMNIST()
    monkeypatch.setattr("modescope.datasets.images.idx.read", lambda *args: pytest.fail("read again"))
    StackedMNIST(pixels="0 to 1").sample(2)
    MNIST().sample(2)


def test_data_that_changed_are_refused(own, monkeypatch):
    written = encode(StackedMNIST(fixed=20))
    assert decode(written) == StackedMNIST(fixed=20)
    tiny_mnist(monkeypatch, own, train=60)
    with pytest.raises(ModescopeError, match="the images of StackedMNIST have changed: their digest is"):
        decode(written)
    data = StackedMNIST(fixed=20)  # and so are those that change between the first look and the first batch
    base.held.cache_clear()
    tiny_mnist(monkeypatch, own, train=80)
    with pytest.raises(ModescopeError, match="have changed"):
        data.sample(1)


# Triples


def test_a_triple_is_red_green_blue():
    data = StackedMNIST()
    images, labels = digits(40, 0)
    index = torch.tensor([[1, 22, 33], [7, 7, 0]])
    made = data.pictures(index)
    for row, triple in enumerate(index.tolist()):
        for channel, number in enumerate(triple):
            assert np.array_equal(made[row, channel].numpy(), images[number])
    a, b, c = labels[index.numpy()].astype(int).T
    assert data.labels(index).tolist() == (100 * a + 10 * b + c).tolist()
    assert data.shape == (3, 28, 28)
    # The first pixel of a tiny digit is its class, so a sample tells its own label.
    uniform = torch.rand(200, 3, generator=seeded(5))
    x = data.push(uniform, torch.zeros(200, 0)).view(-1, 3, 28, 28)[:, :, 0, 0]
    told = ((x + 1) * 127.5).round().long() @ torch.tensor([100, 10, 1])
    assert torch.equal(told, data.labels(data.index(uniform)))


def test_few_fixed_triples_leave_classes_empty():
    data = StackedMNIST(fixed=30, pixels="-1 to 1")
    weights = data.modes.weights  # those of the last classes are filled in
    assert len(data.masses()) < len(weights) == 1000
    assert weights.sum() == pytest.approx(1)
    assert (weights > 0).sum() <= 30
    assert mode_kl_range(data) == (0.0, pytest.approx(-math.log(weights[weights > 0].min())))


@pytest.mark.parametrize("fixed", [0, 128_000])
def test_all_classes_come_up_equally_often_and_channels_are_independent(fixed):
    data = StackedMNIST(fixed=fixed)  # the tiny digits are equally frequent
    count = 100_000
    labels = data.labels(data.index(torch.rand(count, data.uniforms, generator=seeded(6))))
    counts = torch.bincount(labels, minlength=1000)
    assert counts.shape == (1000,)
    assert counts.min() > 0
    # Draws from a fixed table vary by the table too: its counts have the variance of a sample of its own size.
    scale = 1 + count / fixed if fixed else 1
    statistic = ((counts - count / 1000) ** 2 / (count / 1000)).sum().item() / scale
    assert 1e-3 < stats.chi2.sf(statistic, 999) < 1 - 1e-3
    cube = counts.view(10, 10, 10)
    for axis in range(3):  # each pair of channels, over the third
        pairs = cube.sum(axis).numpy()
        expected = pairs.sum(0, keepdims=True) * pairs.sum(1, keepdims=True) / count
        assert stats.chi2.sf(((pairs - expected) ** 2 / expected).sum() / scale, 81) > 1e-3


def test_the_fixed_table_is_the_same_everywhere():
    data = StackedMNIST(fixed=1000)
    assert data.count == 1000
    table = data.triples(torch.arange(1000)[:, None])
    assert table.shape == (1000, 3)
    assert table[:3].tolist() == torch.randint(40, (1000, 3), generator=seeded(0))[:3].tolist()
    assert torch.equal(StackedMNIST(fixed=1000, pixels="0 to 1").triples(torch.arange(1000)[:, None]), table)
    other = StackedMNIST(fixed=1000, fixed_seed=1)
    assert not torch.equal(other.triples(torch.arange(1000)[:, None]), table)
    assert len({data.digest, other.digest, StackedMNIST(fixed=999).digest, StackedMNIST().digest}) == 4
    drawn = {tuple(t) for t in data.triples(data.index(torch.rand(5000, 1, generator=seeded(8)))).tolist()}
    assert drawn <= {tuple(t) for t in table.tolist()}


# Names, presets, sources


def test_presets():
    images = {name: preset for name, preset in PRESETS.items() if issubclass(preset.dataset, ImageData)}
    assert {name: dict(preset.fields) for name, preset in images.items()} == PRESET_FIELDS
    assert make("stacked-mnist:veegan") == StackedMNIST(split="all", fixed=128_000, pixels="0 to 1")
    assert len(make("stacked-mnist:veegan").arrays) == 50  # training and test digits
    assert make("stacked-mnist:unrolled") == StackedMNIST()


def test_names(own):
    assert {kind.source for kind in DATASETS.values() if hasattr(kind, "source")} == set(SETS)
    assert {*SETS, "stacked-mnist", "stacked-fashion-mnist"} < set(spec_names())
    assert make("mnist", split="test") == MNIST(split="test")
    (own / "photos").mkdir()
    with pytest.raises(ModescopeError, match="holds no images"):
        make(str(own / "photos"))
    with pytest.raises(ModescopeError, match="ImageFolder needs the field 'path'"):
        make("image-folder")
    assert DATASETS["image-folder"] is ImageFolder


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"pixels": "0 to 2"}, "unknown range of pixels '0 to 2': did you mean '0 to 1'"),
        ({"split": "trian"}, "unknown split 'trian': did you mean 'train'"),
        ({"fixed": -1}, "fixed is -1, expected a whole number of at least 0"),
        ({"fixed_seed": 0.5}, "fixed_seed is 0.5, expected a whole number"),
        ({"digest": "0" * 64}, r"have changed: their digest is \w{12}\.\.\., expected 000000000000"),
    ],
)
def test_bad_fields(fields, message):
    with pytest.raises(ModescopeError, match=message):
        StackedMNIST(**fields)


def test_as_a_source():
    plain = open_source("mnist", n=12, name="real")
    assert (plain.kind, plain.shape, plain.count) == ("images", (1, 28, 28), 12)
    rows = torch.cat(list(plain.batches(5)))
    assert torch.equal(rows[:, 0, 0, 0].long(), plain.labels)
    assert len({row.numpy().tobytes() for row in rows}) == 12  # each at most once
    assert "12 of 40 images were chosen at random (seed 0)" in plain.notes
    whole = open_source("mnist", endless=1000)
    assert torch.equal(torch.cat(list(whole.batches(9))), load("mnist").images)
    assert open_source("mnist", endless=10).count == 10
    with pytest.raises(ModescopeError, match="n is 41, but MNIST holds 40 samples"):
        open_source("mnist", n=41)
    triples = open_source("stacked-mnist", n=300, seed=4)
    rows = torch.cat(list(triples.batches(64)))
    assert rows.shape == (300, 3, 28, 28)
    assert torch.equal(rows[:, :, 0, 0].long() @ torch.tensor([100, 10, 1]), triples.labels)
    assert torch.equal(torch.cat(list(triples.batches(300))), rows)
    with pytest.raises(ModescopeError, match="StackedMNIST can draw any number of samples: say how many with n"):
        open_source("stacked-mnist")


@needs_data
def test_the_real_triples(monkeypatch):
    monkeypatch.undo()
    data = make("stacked-mnist:unrolled")
    labels = data.labels(data.index(torch.rand(200_000, 3, generator=seeded(9))))
    digit = torch.bincount(load("mnist").labels).double() / 60_000
    expected = (digit[:, None, None] * digit[:, None] * digit).flatten()
    counts = torch.bincount(labels, minlength=1000)
    assert stats.chisquare(counts.numpy(), expected.numpy() * 200_000).pvalue > 1e-3
    # The divergence of the true shares from equal ones, in nats, which is no error of a generator.
    assert (expected * (expected * 1000).log()).sum().item() == pytest.approx(0.0043, abs=5e-5)
    fixed = make("stacked-mnist:veegan")
    assert (fixed.count, len(fixed.arrays)) == (128_000, 70_000)
    assert len(torch.unique(fixed.labels(torch.arange(128_000)[:, None]))) == 1000
    x = fixed.sample(64, seeded(0))
    assert x.shape == (64, 2352)
    assert (x.min().item(), x.max().item()) == (0.0, 1.0)
