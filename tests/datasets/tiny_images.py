"""Small image sets in the formats of the large ones, with known bytes."""

import dataclasses
import gzip
import hashlib
import io
import pickle
import struct
import tarfile
import zipfile

import numpy as np
from PIL import Image

from modescope.datasets.images import catalog

DIGITS = 40  # training images of the tiny MNIST; a quarter as many for tests


def md5(content):
    return hashlib.md5(content).hexdigest()


def idx(array):
    return struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape) + array.tobytes()


def digits(count, seed):
    """Images whose first pixel tells the class, and the classes, all of them as often."""
    images = np.random.RandomState(seed).randint(0, 256, (count, 28, 28)).astype(np.uint8)
    labels = (np.arange(count) % 10).astype(np.uint8)
    images[:, 0, 0] = labels
    return images, labels


def mnist_files(train=DIGITS):
    """The content of the four files, unpacked, by the names of the packed ones."""
    files = {}
    for stem, (images, labels) in {"train": digits(train, 0), "t10k": digits(train // 4, 1)}.items():
        files[f"{stem}-images-idx3-ubyte.gz"] = idx(images)
        files[f"{stem}-labels-idx1-ubyte.gz"] = idx(labels)
    return files


def publish(monkeypatch, name, contents, form=None, urls=None):
    """Has the catalogue know the hashes of these files instead of the real ones', and perhaps other addresses."""
    known = catalog.SETS[name]
    layouts = []
    for layout in known.layouts:
        if form in (None, layout.form):
            files = []
            for file in layout.files:
                changes = {"md5": md5(contents[file.name])} if file.name in contents and file.md5 else {}
                if file.name in contents and not file.md5:
                    changes["size"] = len(contents[file.name])
                changes |= {"urls": tuple(url + file.name for url in urls)} if urls else {}
                files.append(dataclasses.replace(file, **changes))
            layout = dataclasses.replace(layout, files=tuple(files))
        layouts.append(layout)
    monkeypatch.setitem(catalog.SETS, name, dataclasses.replace(known, layouts=tuple(layouts)))


def place(folder, contents, pack=False):
    """Writes files into a folder, packed where their names say so."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in contents.items():
        if name.endswith("ubyte.gz"):
            name, content = (name, gzip.compress(content)) if pack else (name.removesuffix(".gz"), content)
        (folder / name).write_bytes(content)


def tiny_mnist(monkeypatch, folder, train=DIGITS, name="mnist"):
    """A tiny MNIST in the folder that MODESCOPE_DATA names."""
    contents = mnist_files(train)
    publish(monkeypatch, name, contents)
    place(folder / name, contents, pack=True)
    monkeypatch.setenv("MODESCOPE_DATA", str(folder))


def cifar_batches(each=6):
    """The images and classes of the six batches, by name."""
    random = np.random.RandomState(2)
    names = [*(f"data_batch_{i}" for i in range(1, 6)), "test_batch"]
    return {
        name: (random.randint(0, 256, (each, 3, 32, 32)).astype(np.uint8), random.randint(0, 10, each).tolist())
        for name in names
    }


def binary(images, labels):
    return b"".join(bytes([label]) + image.tobytes() for image, label in zip(images, labels, strict=True))


def pickled(images, labels, protocol=2):
    """As the authors wrote their batches: a dictionary of bytes, with more in it than is read."""
    data = images.reshape(len(images), -1)
    batch = {
        b"batch_label": b"training batch 1 of 5",
        b"labels": labels,
        b"data": data,
        b"filenames": [f"picture_{i}.png".encode() for i in range(len(labels))],
    }
    return pickle.dumps(batch, protocol=protocol)


def tar_gz(contents, folder):
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz") as archive:
        for name, content in contents.items():
            info = tarfile.TarInfo(f"{folder}/{name}")
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return file.getvalue()


def jpeg(pixels, quality=95):
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "jpeg", quality=quality)
    return file.getvalue()


def celeba_zip(numbers, size=(178, 218)):
    """An archive of JPEG images that are grey outside of the middle 108 x 108 pixels and have a colour inside."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("img_align_celeba/", b"")
        for number in numbers:
            pixels = np.full((size[1], size[0], 3), 128, np.uint8)
            pixels[55:163, 35:143] = (number % 200, 40, 200)
            archive.writestr(f"img_align_celeba/{number:06}.jpg", jpeg(pixels))
    return file.getvalue()
