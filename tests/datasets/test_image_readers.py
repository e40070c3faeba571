"""Readers of the published formats, on small files with known bytes."""

import errno
import os
import pickle
import resource
import struct
from itertools import chain
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from tiny_images import (
    binary,
    celeba_zip,
    cifar_batches,
    digits,
    idx,
    jpeg,
    mnist_files,
    pickled,
    place,
    publish,
    tar_gz,
    tiny_mnist,
)

from modescope.core.errors import ModescopeError
from modescope.datasets.images import ImageFolder, load, photographs
from modescope.datasets.images import store as store_module
from modescope.datasets.images.cifar import parse_batch, parse_pickle
from modescope.datasets.images.idx import parse_idx
from modescope.datasets.images.store import find
from modescope.report.content import about
from modescope.sources import open_source

REAL = os.environ.get("MODESCOPE_DATA")
needs_data = pytest.mark.skipif(not REAL, reason="MODESCOPE_DATA names no folder with the real data sets")


@pytest.fixture(autouse=True)
def own(tmp_path, monkeypatch):
    """A folder for a test's data, and none else."""
    for module in (store_module, photographs):
        monkeypatch.setattr(module, "cache_folder", lambda: tmp_path / "cache")
    monkeypatch.setattr(store_module, "DEBIAN", tmp_path / "debian")
    folder = tmp_path / "own"
    folder.mkdir()
    monkeypatch.setenv("MODESCOPE_DATA", str(folder))
    return folder


# MNIST's format


def test_mnist(own, monkeypatch):
    tiny_mnist(monkeypatch, own)
    (images, labels), (more, last) = digits(40, 0), digits(10, 1)
    for split, pixels, classes in (
        ("train", images, labels),
        ("test", more, last),
        ("all", np.concatenate([images, more]), np.concatenate([labels, last])),
    ):
        found = load("mnist", split)
        assert found.images.dtype == torch.uint8
        assert found.labels.dtype == torch.int64
        assert np.array_equal(found.images.numpy(), pixels[:, None])
        assert np.array_equal(found.labels.numpy(), classes)
    assert load("mnist", "train") is load("mnist")
    assert len({load("mnist", split).digest for split in ("train", "test", "all")}) == 3


def test_packed_and_unpacked_are_the_same(own, monkeypatch):
    tiny_mnist(monkeypatch, own)
    digest = load("mnist").digest
    for file in (own / "mnist").iterdir():
        file.unlink()
    place(own / "mnist", mnist_files())
    assert load("mnist").digest == digest


def test_files_that_changed_are_read_again(own, monkeypatch):
    tiny_mnist(monkeypatch, own)
    first = load("mnist")
    tiny_mnist(monkeypatch, own, train=60)
    assert len(load("mnist")) == 60
    assert load("mnist").digest != first.digest


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda c: b"", "begins with nothing"),
        (lambda c: c[:10], "begins with 00 00 08 03"),
        (lambda c: b"\x00\x00\x0d\x03" + c[4:], "is no IDX file of bytes with 3 axes: it begins with 00 00 0d 03"),
        (lambda c: idx(np.zeros(3, np.uint8)), "begins with 00 00 08 01"),
        (lambda c: c[:-5], r"holds 31355 values, expected 31360 for the shape \(40, 28, 28\)"),
        (lambda c: c + b"\0", "holds 31361 values, expected 31360"),
        (lambda c: c[:4] + b"\xff" * 4 + c[8:], "expected"),
        (lambda c: c[:4] + bytes(4) + c[8:16], r"holds nothing: its shape is \(0, 28, 28\)"),
    ],
)
def test_bad_idx(change, message):
    content = idx(digits(40, 0)[0])
    assert parse_idx(content, "file", 3).shape == (40, 28, 28)
    with pytest.raises(ModescopeError, match=message):
        parse_idx(change(content), "file", 3)


def test_as_many_labels_as_images(own, monkeypatch):
    contents = {**mnist_files(), "train-labels-idx1-ubyte.gz": idx(np.zeros(39, np.uint8))}
    publish(monkeypatch, "mnist", contents)
    place(own / "mnist", contents)
    with pytest.raises(ModescopeError, match="mnist has 40 images and 39 labels"):
        load("mnist")


def test_a_damaged_packed_file(own, monkeypatch):
    tiny_mnist(monkeypatch, own)
    file = own / "mnist" / "train-images-idx3-ubyte.gz"
    file.write_bytes(file.read_bytes()[:-100])
    with pytest.raises(ModescopeError, match="cannot be read: "):
        load("mnist")


@needs_data
def test_the_real_mnist(monkeypatch):
    monkeypatch.setenv("MODESCOPE_DATA", REAL)
    train, test = load("mnist"), load("mnist", "test")
    assert train.images.shape == (60_000, 1, 28, 28)
    # The counts of each digit, and the mean and deviation of pixels that everyone normalises with.
    assert torch.bincount(train.labels).tolist() == [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    assert torch.bincount(test.labels).tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
    histogram = torch.bincount(train.images.flatten(), minlength=256).double()
    values = torch.arange(256, dtype=torch.float64) / 255
    mean = (histogram * values).sum() / histogram.sum()
    spread = ((histogram * (values - mean) ** 2).sum() / histogram.sum()).sqrt()
    assert (round(mean.item(), 4), round(spread.item(), 4)) == (0.1307, 0.3081)


@needs_data
def test_the_real_sign_digits(monkeypatch):
    monkeypatch.setenv("MODESCOPE_DATA", REAL)
    found = load("sign-digits")
    assert found.images.shape == (2062, 3, 64, 64)
    counts = torch.bincount(found.labels)
    assert (len(counts), counts.min() >= 204, counts.max() <= 208) == (10, True, True)
    with pytest.raises(ModescopeError, match="sign-digits has no test set of its own"):
        load("sign-digits", "test")


# CIFAR-10


def cifar_forms():
    batches = cifar_batches()
    binaries = {f"{name}.bin": binary(*batch) for name, batch in batches.items()}
    pickles = {name: pickled(*batch) for name, batch in batches.items()}
    return {
        "cifar-archive": ("", {"cifar-10-binary.tar.gz": tar_gz(binaries, "cifar-10-batches-bin")}),
        "cifar-binary": ("cifar-10-batches-bin", binaries),
        "cifar-python": ("cifar-10-batches-py", pickles),
        "cifar-python-archive": ("", {"cifar-10-python.tar.gz": tar_gz(pickles, "cifar-10-batches-py")}),
    }


@pytest.mark.parametrize("form", cifar_forms())
@pytest.mark.parametrize("parent", ["", "cifar10"])
def test_every_form_of_cifar(own, monkeypatch, form, parent):
    folder, contents = cifar_forms()[form]
    publish(monkeypatch, "cifar10", contents, form)
    place(own / parent / folder, contents)
    batches = cifar_batches()
    train = [batches[f"data_batch_{i}"] for i in range(1, 6)]
    found = load("cifar10", "all")
    pixels = np.concatenate([images for images, _ in [*train, batches["test_batch"]]])
    assert np.array_equal(found.images.numpy(), pixels)
    assert found.labels.tolist() == list(chain(*(labels for _, labels in [*train, batches["test_batch"]])))
    assert len(load("cifar10")) == 30
    assert np.array_equal(load("cifar10", "test").images.numpy(), batches["test_batch"][0])


@pytest.mark.parametrize("protocol", [2, 3, 4])
def test_pickles_are_read_as_pickle_reads_them(protocol):
    images, labels = cifar_batches(17)["data_batch_3"]
    content = pickled(images, labels, protocol)
    told = pickle.loads(content)
    found, classes = parse_pickle(content, "batch")
    assert np.array_equal(found.flatten(1).numpy(), told[b"data"])
    assert classes.tolist() == told[b"labels"]


def python_two(images, labels):
    """A batch as Python 2 wrote it, instruction by instruction, as the published files have it."""
    rows = images.reshape(len(images), -1)
    pixels = rows.tobytes()
    return b"".join(
        [
            b"\x80\x02}q\x01(",
            b"U\x0bbatch_labelq\x02U\x15training batch 1 of 5q\x03",
            b"U\x06labelsq\x04]q\x05(" + b"".join(b"K" + bytes([label]) for label in labels) + b"e",
            b"U\x04dataq\x06cnumpy.core.multiarray\n_reconstruct\nq\x07cnumpy\nndarray\nq\x08K\x00\x85U\x01b\x87Rq\x09",
            b"(K\x01K" + bytes([len(rows)]) + b"M" + struct.pack("<H", rows.shape[1]) + b"\x86",
            b"cnumpy\ndtype\nq\x0aU\x02u1K\x00K\x01\x87R(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb",
            b"\x89T" + struct.pack("<i", len(pixels)) + pixels + b"tb",
            b"U\x09filenamesq\x0b]q\x0c(" + b"U\x05a.png" * len(labels) + b"eu.",
        ]
    )


@pytest.mark.filterwarnings("ignore")  # NumPy's, on its old names in these files
def test_pickles_of_python_two():
    images, labels = cifar_batches(17)["test_batch"]
    content = python_two(images, labels)
    told = pickle.loads(content, encoding="latin1")
    found, classes = parse_pickle(content, "batch")
    assert np.array_equal(found.flatten(1).numpy(), told["data"])
    assert np.array_equal(found.numpy(), images)
    assert classes.tolist() == told["labels"] == labels


class Bomb:
    def __reduce__(self):
        return os.system, ("echo a pickle ran; touch ran",)


def test_pickles_are_never_run(own, monkeypatch, tmp_path, capfd):
    monkeypatch.chdir(tmp_path)
    content = pickle.dumps({b"labels": [1], b"data": Bomb()}, protocol=2)
    with pytest.raises(ModescopeError, match="is no batch of CIFAR-10"):
        parse_pickle(content, "batch")
    contents = {**cifar_forms()["cifar-python"][1]}
    publish(monkeypatch, "cifar10", contents, "cifar-python")
    place(own / "cifar-10-batches-py", {**contents, "data_batch_2": content})
    with pytest.raises(ModescopeError, match=r"data_batch_2' is not the published data_batch_2: its MD5 is"):
        load("cifar10")
    assert not Path("ran").exists()
    assert "a pickle ran" not in capfd.readouterr().out


@pytest.mark.parametrize("content", [b"", b"no pickle", b"\x80\x02.", pickle.dumps({b"labels": [1, 2]}), bytes(99)])
def test_bad_pickles(content):
    with pytest.raises(ModescopeError, match="batch is no batch of CIFAR-10"):
        parse_pickle(content, "batch")


def test_bad_batches(own, monkeypatch):
    images, labels = cifar_batches(3)["test_batch"]
    content = binary(images, labels)
    for bad in (b"", content[:-1], content + b"\0"):
        with pytest.raises(ModescopeError, match=f"batch has {len(bad)} bytes, expected a multiple of 3073"):
            parse_batch(bad, "batch")
    with pytest.raises(ModescopeError, match="batch has the class 11, expected 0 to 9"):
        parse_batch(binary(images, [1, 11, 2]), "batch")
    archive = tar_gz({"data_batch_1.bin": content}, "cifar-10-batches-bin")
    publish(monkeypatch, "cifar10", {"cifar-10-binary.tar.gz": archive}, "cifar-archive")
    place(own, {"cifar-10-binary.tar.gz": archive})
    with pytest.raises(ModescopeError, match=r"holds no data_batch_2\.bin, data_batch_3\.bin"):
        load("cifar10")


def test_a_binary_batch_that_was_cut_is_refused(own, monkeypatch):
    _, contents = cifar_forms()["cifar-binary"]
    publish(monkeypatch, "cifar10", contents, "cifar-binary")
    place(own / "cifar-10-batches-bin", {**contents, "test_batch.bin": contents["test_batch.bin"][: 2 * 3073]})
    assert len(load("cifar10")) == 30
    with pytest.raises(ModescopeError, match=r"test_batch.bin' has 6146 bytes, expected 18438: it is not whole"):
        load("cifar10", "test")


def jpeg_npz(path, count=9):
    """CIFAR-10 as JPEG, and what Pillow makes of it."""
    random, arrays, decoded = np.random.RandomState(3), {}, {}
    for split in ("train", "test"):
        pictures = [
            jpeg(np.kron(random.randint(0, 256, (4, 4, 3)), np.ones((8, 8, 1))).astype(np.uint8)) for _ in range(count)
        ]
        arrays[f"jpeg_{split}"] = np.frombuffer(b"".join(pictures), np.uint8)
        arrays[f"off_{split}"] = np.cumsum([0, *map(len, pictures)])
        arrays[f"y_{split}"] = random.randint(0, 10, count).astype(np.uint8)
        for i, content in enumerate(pictures):
            (path.parent / "one.jpg").write_bytes(content)
            decoded[split, i] = np.asarray(Image.open(path.parent / "one.jpg")).transpose(2, 0, 1)
    np.savez(path, **arrays)
    return arrays, decoded


def test_cifar_as_jpeg_is_decoded_once_and_says_so(own, tmp_path, monkeypatch):
    arrays, decoded = jpeg_npz(own / "cifar10_jpeg.npz")
    found = load("cifar10", "test")
    assert "JPEG, which loses detail" in found.note
    assert found.labels.tolist() == arrays["y_test"].tolist()
    for i in range(9):
        assert np.array_equal(found.images[i].numpy(), decoded["test", i])
    (kept,) = (tmp_path / "cache" / "decoded").iterdir()
    before = kept.stat().st_mtime_ns
    monkeypatch.setattr(photographs, "decode_all", lambda *args: pytest.fail("decoded again"))
    os.utime(own / "cifar10_jpeg.npz")  # another time, so the file is read again, but its images were decoded
    assert torch.equal(load("cifar10", "test").images, found.images)
    assert kept.stat().st_mtime_ns == before


def test_a_damaged_jpeg_leaves_no_half_file(own, tmp_path):
    arrays, _ = jpeg_npz(own / "cifar10_jpeg.npz")
    arrays["jpeg_train"] = arrays["jpeg_train"].copy()
    start = int(arrays["off_train"][4])
    arrays["jpeg_train"][start : start + 40] = 0
    np.savez(own / "cifar10_jpeg.npz", **arrays)
    with pytest.raises(ModescopeError, match=r"'image 4' in .* cannot be read"):
        load("cifar10")
    assert list((tmp_path / "cache" / "decoded").iterdir()) == []


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda old: {"off_train": old["off_train"][:-1]}, "offsets, bytes and labels do not agree"),
        (lambda old: {"y_train": np.uint8(3)}, "offsets, bytes and labels do not agree"),
        (lambda old: {"y_train": old["y_train"][:, None]}, "offsets, bytes and labels do not agree"),
        (lambda old: {"y_train": old["y_train"].astype(str)}, "offsets, bytes and labels do not agree"),
        (lambda old: {"y_train": old["y_train"] + 70}, r"has the class 7\d, expected 0 to 9"),
        (lambda old: {"y_train": -1 - old["y_train"].astype(int)}, r"has the class -\d+, expected 0 to 9"),
    ],
)
def test_jpegs_with_other_labels(own, change, message):
    arrays, _ = jpeg_npz(own / "cifar10_jpeg.npz")
    np.savez(own / "cifar10_jpeg.npz", **{**arrays, **change(arrays)})
    with pytest.raises(ModescopeError, match=message):
        load("cifar10")


def test_a_damaged_file_of_decoded_images_is_told(own, tmp_path):
    jpeg_npz(own / "cifar10_jpeg.npz")
    load("cifar10", "test")
    (kept,) = (tmp_path / "cache" / "decoded").iterdir()
    whole = kept.read_bytes()
    for content in (b"", whole[:50], whole[: len(whole) // 2]):
        kept.write_bytes(content)
        os.utime(own / "cifar10_jpeg.npz")
        with pytest.raises(ModescopeError, match=r"cannot be read: .*; delete it, and it is made again"):
            load("cifar10", "test")


def test_a_full_disk_leaves_no_half_file(own, tmp_path):
    jpeg_npz(own / "cifar10_jpeg.npz")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (9 * 3072 // 2, limits[1]))
    try:
        with pytest.raises(ModescopeError, match=r"cannot be kept in .* File too large"):
            load("cifar10")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert list((tmp_path / "cache" / "decoded").iterdir()) == []


def test_decoded_images_are_written_as_they_come(own, tmp_path):
    """A file that is made long and filled later is a map of memory, in which a full disk kills the process."""
    folder = tmp_path / "cache" / "decoded"

    def rows():
        for done in range(4):
            assert sum(file.stat().st_size for file in folder.iterdir()) < (done + 1) * 2**20
            yield np.full((1, 1024, 1024), 7, np.uint8)

    images = photographs.kept("four", (4, 1, 1024, 1024), rows)
    assert images.shape == (4, 1, 1024, 1024)
    assert (images == 7).all()


# CelebA

NUMBERS = [1, 2, 162_770, 162_771, 182_637, 182_638, 202_599]


def test_celeba(own, monkeypatch):
    content = celeba_zip(NUMBERS)
    publish(monkeypatch, "celeba", {"img_align_celeba.zip": content})
    place(own, {"img_align_celeba.zip": content})
    train, test, everything = (load("celeba", split) for split in ("train", "test", "all"))
    assert (len(train), len(test), len(everything)) == (3, 2, 7)
    assert everything.images.shape[1:] == (3, 64, 64)
    assert everything.labels is None
    # The middle 108 x 108 pixels have one colour each, the same all over at 64 x 64, but for JPEG's error at the edge.
    for i, number in enumerate(NUMBERS):
        colour = torch.tensor([number % 200, 40, 200]).view(3, 1, 1)
        inner = everything.images[i, :, 3:-3, 3:-3].int()
        assert (inner - colour).abs().max() <= 8
    assert torch.equal(torch.cat([train.images, everything.images[3:5], test.images]), everything.images)
    wide = load("celeba", "all", 140)
    assert (wide.images[:, :, 0].int() - 128).abs().max() <= 4  # the margin of 16 pixels is there
    assert (wide.images[:, 1, 32, 32].int() - 40).abs().max() <= 4
    assert len({found.digest for found in (train, test, everything, wide)}) == 4
    with pytest.raises(ModescopeError, match="crop is 64, expected 108 or 140"):
        load("celeba", crop=64)


def test_bad_celeba(own, monkeypatch):
    for content, message in (
        (celeba_zip([]), "holds no images named like 000001.jpg"),
        (celeba_zip([1], (100, 100)), r"has the size \(100, 100\), expected \(178, 218\)"),
        (celeba_zip([1]), "holds no images of the split 'test'"),
    ):
        publish(monkeypatch, "celeba", {"img_align_celeba.zip": content})
        place(own, {"img_align_celeba.zip": content})
        with pytest.raises(ModescopeError, match=message):
            load("celeba", "test")
    (own / "img_align_celeba.zip").write_bytes(celeba_zip([1, 2]))
    with pytest.raises(ModescopeError, match=r"is not the published img_align_celeba.zip"):
        load("celeba")


# Folders


def pictures(folder, sizes, classes=("a", "b")):
    random = np.random.RandomState(4)
    made = []
    for i, (width, height) in enumerate(sizes):
        pixels = random.randint(0, 256, (height, width, 3)).astype(np.uint8)
        path = folder / classes[i % len(classes)] / f"{i}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(path)
        made.append(pixels)
    return made


def test_folder(own):
    made = pictures(own / "photos", [(12, 10)] * 6)
    data = ImageFolder(path=own / "photos")
    order = [0, 2, 4, 1, 3, 5]  # sorted by folder, then by name
    assert np.array_equal(data.arrays.images.numpy(), np.stack([made[i].transpose(2, 0, 1) for i in order]))
    assert data.arrays.labels.tolist() == [0, 0, 0, 1, 1, 1]
    assert data.shape == (3, 10, 12)
    pictures(own / "photos" / "more", [(12, 10)])
    assert ImageFolder(path=own / "photos").digest != data.digest
    with pytest.raises(ModescopeError, match="the images of ImageFolder have changed: their digest is"):
        ImageFolder(path=own / "photos", digest=data.digest)


def test_folders_with_links(own):
    pictures(own / "elsewhere", [(12, 10)] * 4)
    (own / "photos").mkdir()
    (own / "photos" / "linked").symlink_to(own / "elsewhere")
    (own / "photos" / ".#notes.txt").symlink_to("me@host.123")  # as an editor locks a file
    first = ImageFolder(path=own / "photos")
    assert len(first.arrays) == 4
    Image.fromarray(np.zeros((10, 12, 3), np.uint8)).save(own / "elsewhere" / "a" / "0.png")
    assert ImageFolder(path=own / "photos").digest != first.digest
    (own / "photos" / "lost.png").symlink_to(own / "nowhere.png")
    with pytest.raises(ModescopeError, match=r"1 images in .* cannot be read: 'lost.png'"):
        ImageFolder(path=own / "photos")


def test_folder_of_several_sizes(own):
    made = pictures(own / "photos", [(12, 8), (8, 12), (8, 8)])
    with pytest.raises(ModescopeError, match=r"has images of 3 sizes .*, expected one: give a size"):
        ImageFolder(path=own / "photos")
    data = ImageFolder(path=own / "photos", size=8)
    by_hand = [made[0][:, 2:10], made[2], made[1][2:10]]
    assert np.array_equal(data.arrays.images.numpy(), np.stack([p.transpose(2, 0, 1) for p in by_hand]))
    assert "middle square at 8 x 8" in data.arrays.note
    assert ImageFolder(path=own / "photos", size=4).shape == (3, 4, 4)


def test_a_folder_tells_how_its_pictures_were_read(own):
    """Turned, transparent and moving pictures are taken as they are stored, which may be a surprise."""
    pictures(own / "photos", [(12, 10)] * 3)
    assert ImageFolder(path=own / "photos").arrays.note == ""
    turned = Image.Exif()
    turned[0x0112] = 6
    picture = Image.fromarray(np.random.RandomState(0).randint(0, 256, (10, 12, 3)).astype(np.uint8))
    picture.save(own / "photos" / "turned.jpg", exif=turned)
    picture.convert("RGBA").save(own / "photos" / "clear.png")
    picture.save(own / "photos" / "film.webp", save_all=True, append_images=[picture.rotate(180)], lossless=True)
    (own / "photos" / "notes.txt").write_text("hands")
    data = ImageFolder(path=own / "photos")
    for words in (
        "1 files were left out, as they are no images or hidden",
        "without transparency: 5 of mode RGB, 1 of mode RGBA",
        "of 1 files with several frames the first was taken",
        "1 images say in their EXIF data that they lie turned; they were taken as stored",
    ):
        assert words in data.arrays.note
        assert words in about(data)
    assert open_source(data).notes == (data.arrays.note,)


def test_a_relative_folder_says_where_it_is_looked_for(own, monkeypatch):
    pictures(own / "photos", [(8, 8)] * 3)
    monkeypatch.chdir(own)
    assert ImageFolder(path="photos").path == "photos"  # so that a project can be moved with its data
    monkeypatch.chdir("/")
    with pytest.raises(ModescopeError, match="expected a folder of images; it is looked for from '/', where this runs"):
        ImageFolder(path="photos")
    with pytest.raises(ModescopeError, match=r"expected a folder of images$"):
        ImageFolder(path="/" + 300 * "a")


def test_a_folder_that_cannot_be_looked_into_is_told(own, monkeypatch):
    pictures(own / "photos", [(8, 8)] * 3)
    closed, scandir = str(own / "photos" / "a"), os.scandir

    def scan(path):
        if str(path) == closed:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), closed)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", scan)
    with pytest.raises(ModescopeError, match=r"the folder '.*photos/a' cannot be read: Permission denied"):
        ImageFolder(path=own / "photos")


def test_half_decoded_images_of_a_killed_process_go():
    rows = lambda: iter(np.zeros((2, 3, 4, 4), np.uint8))  # noqa: E731
    photographs.kept("some", (2, 3, 4, 4), rows)
    half = photographs.cache_folder() / "decoded" / ".some.npy.00aa.tmp"
    half.write_bytes(b"half")
    os.utime(half, (0, 0))
    photographs.kept("some", (2, 3, 4, 4), rows)  # whole and there, and yet
    assert not half.exists()


def test_sign_digits_of_a_wrong_file_are_told(own, monkeypatch):
    monkeypatch.setenv("MODESCOPE_DATA", str(own / "data"))
    (own / "data" / "sign-digits").mkdir(parents=True)
    x, y = np.zeros((4, 64, 64, 3), np.uint8), np.arange(4)
    for images, labels in (
        (x[..., 0], y),
        (x[:0], y[:0]),
        (x[:, :0], y),
        (x, y.astype(str)),
        (x, y.astype(float)),
        (x, y - 1),
        (x, y + 8),
    ):
        np.savez(own / "data" / "sign-digits" / "signdigits64.npz", x=images, y=labels)
        with pytest.raises(ModescopeError, match=r"signdigits64.npz' (holds x|has the class)"):
            load("sign-digits")


def test_bad_folders(own):
    for path, message in (
        (own / "none", "expected a folder of images"),
        (own, "holds no images"),
    ):
        with pytest.raises(ModescopeError, match=message):
            ImageFolder(path=path)
    pictures(own / "one", [(8, 8)])
    with pytest.raises(ModescopeError, match="holds 1 sample, expected at least 2"):
        ImageFolder(path=own / "one")
    pictures(own / "two", [(8, 8)] * 3)
    (own / "two" / "a" / "bad.png").write_bytes(b"no picture")
    with pytest.raises(ModescopeError, match=r"1 images in .* cannot be read: 'a/bad.png' \(not an image\)"):
        ImageFolder(path=own / "two")
    with pytest.raises(ModescopeError, match="size is -1, expected a whole number of at least 0"):
        ImageFolder(path=own / "two", size=-1)


def test_sign_digits_in_folders(own):
    pictures(own / "sign-digits" / "Dataset", [(100, 100)] * 20, tuple("0123456789"))
    found = load("sign-digits")
    assert found.images.shape == (20, 3, 64, 64)
    assert found.labels.tolist() == sorted(list(range(10)) * 2)


def test_an_empty_folder_of_sign_digits_is_none(own):
    (own / "sign-digits" / "Dataset" / "0").mkdir(parents=True)
    assert find("sign-digits") is None


def test_bad_names():
    with pytest.raises(ModescopeError, match="unknown image set 'minst': did you mean 'mnist'"):
        load("minst")
    with pytest.raises(ModescopeError, match="unknown split 'trian': did you mean 'train'"):
        load("mnist", "trian")
