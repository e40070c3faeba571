"""The image sets that are known by name: their files, hashes, homes and licences."""

__all__ = ["SETS", "File", "ImageSet", "Layout"]

from dataclasses import dataclass


@dataclass(frozen=True)
class File:
    """One file of a set.

    Arguments:
        name: Its name. A ``.gz`` file, though not a ``.tar.gz``, may lie there unpacked too, without its ending.
        md5: The MD5 that is published for it; of the unpacked content of a ``.gz`` file, since its header holds a date.
            Empty where none is published.
        size: Its bytes, as downloaded.
        urls: Where it can be had; the first is tried first.
    """

    name: str
    md5: str = ""
    size: int = 0
    urls: tuple[str, ...] = ()

    @property
    def packed(self) -> bool:
        """Whether the file is one packed stream, whose content is what counts."""
        return self.name.endswith(".gz") and not self.name.endswith(".tar.gz")

    @property
    def names(self) -> tuple[str, ...]:
        """The names under which it may lie."""
        return (self.name, self.name.removesuffix(".gz")) if self.packed else (self.name,)


@dataclass(frozen=True)
class Layout:
    """A form in which a set is found.

    Arguments:
        form: The name of the form, which says how it is read.
        folders: The folders that it may lie in, below a folder of data.
        files: Its files, all of which must be there; none for a folder of images, whose names are not known.
        note: What is particular about it.
    """

    form: str
    folders: tuple[str, ...]
    files: tuple[File, ...]
    note: str = ""


@dataclass(frozen=True)
class ImageSet:
    """A set of images.

    Arguments:
        title: Its name as its authors write it.
        home: Where it comes from.
        licence: What its authors allow.
        layouts: The forms in which it is found, the best first; the first is what is downloaded.
    """

    title: str
    home: str
    licence: str
    layouts: tuple[Layout, ...]

    @property
    def can_be_fetched(self) -> bool:
        """Whether its files can be downloaded; else its last layout is a folder that is got by hand."""
        return all(file.urls for file in self.layouts[0].files)


# Content's MD5, bytes of the packed file.
MNIST = {
    "train-images-idx3-ubyte.gz": ("6bbc9ace898e44ae57da46a324031adb", 9_912_422),
    "train-labels-idx1-ubyte.gz": ("a25bea736e30d166cdddb491f175f624", 28_881),
    "t10k-images-idx3-ubyte.gz": ("2646ac647ad5339dbf082846283269ea", 1_648_877),
    "t10k-labels-idx1-ubyte.gz": ("27ae3e4e09519cfbb04c329615203637", 4_542),
}
FASHION = {
    "train-images-idx3-ubyte.gz": ("f4a8712d7a061bf5bd6d2ca38dc4d50a", 26_421_880),
    "train-labels-idx1-ubyte.gz": ("9018921c3c673c538a1fc5bad174d6f9", 29_515),
    "t10k-images-idx3-ubyte.gz": ("8181f5470baa50b63fa0f6fddb340f0a", 4_422_102),
    "t10k-labels-idx1-ubyte.gz": ("15d484375f8d13e6eb1aabb0c3f46965", 5_148),
}
BATCHES = {
    "data_batch_1": "c99cafc152244af753f735de768cd75f",
    "data_batch_2": "d4bba439e000b95fd0a9bffe97cbabec",
    "data_batch_3": "54ebc095f3ab1f0389bbae665268c751",
    "data_batch_4": "634d18415352ddfa80567beed471001a",
    "data_batch_5": "482c414d41f54cd18b22e5b47cb7c3cb",
    "test_batch": "40351d587109b95175f43aff81a1287e",
}
BATCH_BYTES = 30_730_000
TORONTO = "https://www.cs.toronto.edu/~kriz/"


def idx(files: dict[str, tuple[str, int]], folders: tuple[str, ...], mirrors: tuple[str, ...]) -> Layout:
    """The four files of a set in MNIST's format."""
    found = (File(name, md5, size, tuple(m + name for m in mirrors)) for name, (md5, size) in files.items())
    return Layout("idx", folders, tuple(found))


def cifar(part: str) -> tuple[str, ...]:
    """The folders that a part of CIFAR-10 may lie in: in one for the set, or beside other sets."""
    return f"cifar10/{part}", part


SETS: dict[str, ImageSet] = {
    "mnist": ImageSet(
        "MNIST",
        "http://yann.lecun.com/exdb/mnist/",
        "free for research; made by Yann LeCun, Corinna Cortes and Christopher Burges from NIST's databases",
        (
            idx(
                MNIST,
                ("mnist", "MNIST/raw"),
                (
                    "https://ossci-datasets.s3.amazonaws.com/mnist/",
                    "https://storage.googleapis.com/cvdf-datasets/mnist/",
                ),
            ),
        ),
    ),
    "fashion-mnist": ImageSet(
        "Fashion-MNIST",
        "https://github.com/zalandoresearch/fashion-mnist",
        "MIT",
        (
            idx(
                FASHION,
                ("fashion-mnist", "FashionMNIST/raw"),
                (
                    "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
                    "https://github.com/zalandoresearch/fashion-mnist/raw/master/data/fashion/",
                ),
            ),
        ),
    ),
    "cifar10": ImageSet(
        "CIFAR-10",
        TORONTO + "cifar.html",
        "none stated; its authors ask to cite Learning Multiple Layers of Features from Tiny Images (Krizhevsky, 2009)",
        (
            Layout(
                "cifar-archive",
                cifar(""),
                (
                    File(
                        "cifar-10-binary.tar.gz",
                        "c32a1d4ab5d03f1284b67883e8d87530",
                        170_052_171,
                        (TORONTO + "cifar-10-binary.tar.gz",),
                    ),
                ),
            ),
            Layout(
                "cifar-binary",
                cifar("cifar-10-batches-bin"),
                tuple(File(f"{name}.bin", size=BATCH_BYTES) for name in BATCHES),
            ),
            Layout(
                "cifar-python",
                cifar("cifar-10-batches-py"),
                tuple(File(name, md5) for name, md5 in BATCHES.items()),
            ),
            Layout(
                "cifar-python-archive",
                cifar(""),
                (File("cifar-10-python.tar.gz", "c58f30108f718f92721af3b95e74349a", 170_498_071),),
            ),
            Layout(
                "cifar-jpeg",
                cifar(""),
                (File("cifar10_jpeg.npz"),),
                "JPEG, which loses detail, in another order: not comparable with published figures on CIFAR-10",
            ),
        ),
    ),
    "celeba": ImageSet(
        "CelebA",
        "https://mmlab.ie.cuhk.edu.hk/projects/CelebA.html",
        "non-commercial research only",
        (
            Layout(
                "celeba",
                ("celeba", ""),
                (
                    File(
                        "img_align_celeba.zip",
                        "00d2c5bc6d35e252742224ab0c1e8fcb",
                        1_443_490_838,
                        ("https://drive.usercontent.google.com/download?id=0B7EVK8r0v71pZjFTYXZWM3FlRnM&confirm=t",),
                    ),
                ),
            ),
        ),
    ),
    "sign-digits": ImageSet(
        "Sign Language Digits",
        "https://github.com/ardamavi/Sign-Language-Digits-Dataset",
        "Apache-2.0",
        (
            Layout("npz", ("sign-digits", ""), (File("signdigits64.npz"),)),
            Layout("class-folders", ("sign-digits/Dataset", "Sign-Language-Digits-Dataset/Dataset"), ()),
        ),
    ),
}
