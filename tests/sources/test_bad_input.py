"""What cannot be samples is refused in one sentence that says what to do."""

import contextlib
import pickle
import random
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from modescope.core.errors import ModescopeError
from modescope.datasets import Ring
from modescope.sources import open_source, spool

ROWS = np.random.RandomState(0).randn(20, 3).astype(np.float32)
IMAGES = np.random.RandomState(0).randint(0, 256, (6, 4, 4, 3)).astype(np.uint8)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def with_value(array: np.ndarray, value: float, *rows: int) -> np.ndarray:
    array = array.copy()
    array[list(rows)] = value
    return array


BAD_ARRAYS = {
    "scalar": (np.float64(3), "is a single number, expected samples along the first axis"),
    "vector": (np.zeros(4), r"has shape \(4,\), expected points .*; reshape one coordinate to \(N, 1\)"),
    "five axes": (np.zeros((2, 3, 4, 5, 6)), r"has shape \(2, 3, 4, 5, 6\), expected points"),
    "nothing": (np.zeros((0, 3)), "is empty: it holds no samples"),
    "empty list": ([], "is empty: it holds no samples"),
    "no coordinates": (np.zeros((4, 0)), r"is empty, one sample has shape \(0,\)"),
    "one": (np.zeros((1, 3)), "holds 1 sample, expected at least 2: a collapse shows only among several"),
    "text": (np.array([["a", "b"]]), "holds <U1 values, expected real numbers"),
    "objects": (np.array([[None], [1]], object), "holds object values"),
    "complex": (np.zeros((2, 2), complex), "holds complex128 values"),
    "truth": (np.zeros((2, 2), bool), "holds bool values"),
    "truth tensor": (torch.zeros(2, 2, dtype=torch.bool), "holds bool values"),
    "complex tensor": (torch.zeros(2, 2, dtype=torch.complex64), "holds complex64 values"),
    "nan": (
        with_value(ROWS, np.nan, 4, 9),
        "holds NaN or infinite values in 2 of 20 samples, the first is sample 4 .* or leave them out with drop=True",
    ),
    "infinite": (torch.from_numpy(with_value(ROWS, -np.inf, 0)), "in 1 of 20 samples, the first is sample 0"),
    "all nan": (np.full((3, 2), np.nan), "in 3 of 3 samples"),
    "two channel axes": (np.zeros((5, 3, 8, 3), np.uint8), "both axis 1 and axis 3 may be the channels"),
    "transparency": (np.zeros((5, 8, 8, 4), np.uint8), "drop a channel of transparency first"),
    "two channels": (np.zeros((5, 2, 8, 8), np.uint8), r"has length 1 \(grey\) or 3 \(colour\)"),
    "overshoot": (np.linspace(-0.01, 1.02, 48).reshape(3, 4, 4), r"from -0.01 to 1.02, which fits neither .* pixels="),
    "slightly negative": (np.linspace(-0.1, 0.9, 48).reshape(3, 4, 4), "which fits neither"),
    "standardised": (np.linspace(-2.1, 2.6, 48).reshape(3, 4, 4), "which fits neither"),
    "to two": (np.linspace(0, 1.5, 48).reshape(3, 4, 4), "which fits neither"),
    "negative whole": (np.full((3, 4, 4), -5), "from -5 to -5, expected whole numbers from 0 to 255"),
    "too large whole": (np.full((3, 4, 4), 256), "expected whole numbers from 0 to 255"),
    "zero and one": (np.arange(48).reshape(3, 4, 4) % 2, "may be of a range to 1 or to 255"),
    "ragged": ([[1.0, 2.0], [3.0]], "cannot be read as an array"),
    "none": (None, "the samples are a NoneType, expected an array, a path"),
    "number": (7, "the samples are a int, expected"),
    "masked": (np.ma.masked_greater(ROWS, 1), "is masked in places"),
    "sparse": (torch.eye(3).to_sparse(), "is a sparse, nested or meta tensor"),
    "meta": (torch.zeros(3, 3, device="meta"), "is a sparse, nested or meta tensor"),
}


@pytest.mark.parametrize("name", BAD_ARRAYS)
def test_arrays(name: str) -> None:
    value, message = BAD_ARRAYS[name]
    with pytest.raises(ModescopeError, match=message):
        open_source(value)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n": 0}, "n is 0, expected a whole number of at least 2"),
        ({"n": 1}, "n is 1"),
        ({"n": True}, "n is True"),
        ({"n": 2.0}, "n is 2.0"),
        ({"n": 21}, "n is 21, but 'fake' holds 20 samples"),
        ({"seed": -1}, "seed is -1"),
        ({"seed": 2**64}, "seed is 18446744073709551616, expected at most"),
        ({"latent": 0}, "latent is 0, expected a positive whole number or several"),
        ({"latent": ()}, r"latent is \(\)"),
        ({"latent": (3, "a")}, "latent is"),
        ({"pixels": (1, -1)}, r"pixels is \(1, -1\), expected black and white"),
        ({"pixels": (0, float("nan"))}, "pixels is"),
        ({"pixels": 255}, "pixels is 255"),
    ],
)
def test_options(options: dict, message: str) -> None:
    with pytest.raises(ModescopeError, match=message):
        open_source(ROWS, **options)


LATENTLESS = {
    "array": ROWS,
    "nested lists": [[1.0, 2.0], [3.0, 4.0]],
    "function": lambda count: torch.randn(count, 2),
    "data set": Ring(),
    "loader": [ROWS],
    "name": "ring",
    "file": "rows.npy",
    "tensor file": "rows.pt",
    "folder": "images",
}


@pytest.mark.parametrize("name", LATENTLESS)
def test_a_latent_of_what_is_no_generator(name: str, folder: Path) -> None:
    np.save("rows.npy", ROWS)
    torch.save(torch.from_numpy(ROWS), "rows.pt")
    Path("images").mkdir()
    for i, image in enumerate(IMAGES):
        Image.fromarray(image).save(f"images/{i}.png")
    value = LATENTLESS[name]
    assert open_source(value, n=2).count == 2
    what = repr(value) if isinstance(value, str) else f"a {type(value).__name__}"
    with pytest.raises(ModescopeError) as caught:
        open_source(value, n=2, latent=3)
    assert str(caught.value) == (
        f"latent is (3,), but {what} takes no latents: leave latent out; it is for TorchScript files, .onnx files and "
        "modules"
    )


def test_an_empty_name_is_not_the_current_folder(folder: Path) -> None:
    with pytest.raises(ModescopeError, match="the samples are '', an empty text"):
        open_source("")


@pytest.mark.parametrize("dtype", [np.int64, torch.uint64, np.uint64])
def test_whole_numbers_are_not_wrapped(dtype: object) -> None:
    most = 2**62 if dtype is np.int64 else 2**63 + 2**62
    rows = np.full((3, 1), most, np.int64 if dtype is np.int64 else np.uint64)
    source = open_source(torch.from_numpy(rows) if dtype is torch.uint64 else rows)
    assert [float(row) for row in next(source.batches(3))] == [float(most)] * 3


def test_damaged_headers(folder: Path) -> None:
    """Bytes changed at random in the first hundred: a sentence, or samples, and nothing else."""
    np.save("whole.npy", ROWS)
    whole, chance = Path("whole.npy").read_bytes(), random.Random(0)
    for _ in range(300):
        content = bytearray(whole)
        for _ in range(chance.randint(1, 3)):
            content[chance.randrange(100)] = chance.choice([*b"9(,-", 0, chance.randrange(256)])
        Path("damaged.npy").write_bytes(content)
        with contextlib.suppress(ModescopeError):
            open_source("damaged.npy")


def test_a_damaged_archive_of_a_strong_packer(folder: Path) -> None:
    noise = np.random.RandomState(0).bytes(3000)
    with zipfile.ZipFile("packed.zip", "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("a.png", noise)
    content = bytearray(Path("packed.zip").read_bytes())
    content[60:160] = bytes(100)
    Path("packed.zip").write_bytes(content)
    with pytest.raises(ModescopeError, match="none of the 1 images"):
        open_source("packed.zip")


def test_a_damaged_archive_of_a_network(folder: Path) -> None:
    torch.save(torch.zeros(4, 2), "tensor.pt")
    content = Path("tensor.pt").read_bytes()
    Path("tensor.pt").write_bytes(content.replace(b"PK\x01\x02", b"PK\x01\x03"))
    with pytest.raises(ModescopeError, match="holds neither a tensor nor a TorchScript network"):
        open_source("tensor.pt", latent=2, n=4)


def test_pictures_are_no_batches() -> None:
    pictures = [Image.fromarray(pixels) for pixels in IMAGES]
    with pytest.raises(ModescopeError, match="batch 0 of the list is one picture, expected a batch"):
        open_source(pictures)


def test_a_latent_beyond_memory() -> None:
    with pytest.raises(ModescopeError, match=r"does not take latents of shape \(64, 1000000, 1000000\)"):
        open_source(torch.nn.Linear(4, 2), latent=(10**6, 10**6), n=4)


def test_dropping_leaves_at_least_two() -> None:
    with pytest.raises(ModescopeError, match="without its NaN and infinite samples holds 1 sample"):
        open_source(with_value(ROWS, np.nan, *range(19)), drop=True)
    with pytest.raises(ModescopeError, match="without its NaN and infinite samples is empty"):
        open_source(with_value(ROWS, np.nan, *range(20)), drop=True)


class Endless:
    def __iter__(self):
        while True:
            yield torch.zeros(2**9, 1)


def bad_streams() -> dict:
    return {
        "mapping": ([{"image": IMAGES}], "batch 0 of the list is a mapping, expected a tensor or a pair"),
        "other shape": (iter([ROWS, ROWS[:, :2]]), r"of shape \(2,\) and float32 after samples of shape \(3,\)"),
        "other type": (iter([ROWS, ROWS.astype(int)]), "int64 after samples of shape"),
        "nothing": (iter([]), "gave no samples"),
        "numbers": (iter([1.0, 2.0]), "batch 0 of the list_iterator is a single number"),
        "text": (iter(["ab"]), "batch 0 of the list_iterator holds <U2 values"),
        "one": (iter([ROWS[:1]]), "holds 1 sample"),
        "nan later": (iter([ROWS, with_value(ROWS, np.nan, 1)]), "in 1 of 40 samples, the first is sample 21"),
        "endless": (Endless(), "gave over 1024 samples and goes on: say how many with n"),
        "empty pair": ([ROWS, ()], "batch 1 of the list is an empty tuple"),
    }


@pytest.mark.parametrize("name", bad_streams())
def test_streams(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spool, "ENDLESS", 1024)
    value, message = bad_streams()[name]
    with pytest.raises(ModescopeError, match=message):
        open_source(value)


def test_short_loader() -> None:
    with pytest.raises(ModescopeError, match="n is 50, but the list_iterator holds 40 samples"):
        open_source(iter([ROWS, ROWS]), n=50)


def test_functions() -> None:
    with pytest.raises(ModescopeError, match="the function 'ones' can draw any number of samples: say how many with n"):
        open_source(torch.ones)
    with pytest.raises(ModescopeError, match="was asked for 10 samples and gave 9"):
        open_source(lambda count: torch.zeros(count - 1, 2), n=10)
    with pytest.raises(ModescopeError, match="holds <U1 values"):
        open_source(lambda count: "a", n=10)


BAD_FILES = {
    "absent.npy": (None, "there is no file 'absent.npy'"),
    "absent.npz": (None, "there is no file 'absent.npz'"),
    "absent/": (None, "there is no file or folder 'absent/'"),
    "text.npy": (b"hello", "'text.npy' cannot be read: "),
    "empty.npy": (b"", "'empty.npy' cannot be read: "),
    "text.npz": (b"hello", "'text.npz' cannot be read: "),
    "text.csv": (b"a,b\n1,x\n", "'text.csv' cannot be read as a .csv file"),
    "empty.csv": (b"", "'empty.csv' is empty"),
    "text.parquet": (b"hello", "'text.parquet' cannot be read: "),
    "text.zip": (b"hello", "the archive 'text.zip' cannot be read: File is not a zip file"),
    "text.pt": (b"hello", "holds neither a tensor nor a TorchScript network"),
    "pickle.pt": (pickle.dumps({"a": Path()}), "a pickled network is not loaded, as that would run any code in it"),
    "text.onnx": (b"hello", "the generator 'text.onnx' cannot be read: "),
    "photo.png": (b"hello", "'photo.png' is one image, expected a folder or a .zip of images"),
    "data.xyz": (b"hello", "'data.xyz' is of an unknown kind, expected a folder or a file that ends in .npy"),
    "ringg": (None, "unknown dataset 'ringg': did you mean 'ring'"),
    "ring": (None, "Ring can draw any number of samples: say how many with n"),
}


@pytest.mark.parametrize("name", BAD_FILES)
def test_files(name: str, folder: Path) -> None:
    content, message = BAD_FILES[name]
    if content is not None:
        (folder / name).write_bytes(content)
    with pytest.raises(ModescopeError, match=message):
        open_source(name)


def test_objects_are_never_unpickled(folder: Path) -> None:
    class Harm:
        def __reduce__(self):
            return (Path.touch, (folder / "harmed",))

    array = np.empty((2, 2), object)
    array[:] = Harm()
    np.save("objects.npy", array, allow_pickle=True)
    np.savez("objects.npz", array)
    torch.save(Harm(), "objects.pt")
    for name in ("objects.npy", "objects.npz", "objects.pt"):
        with pytest.raises(ModescopeError, match="objects"):
            open_source(name)
    assert not (folder / "harmed").exists()


def test_cut_short(folder: Path) -> None:
    np.save("a.npy", np.zeros((100, 100)))
    np.savez("b.npz", np.zeros((100, 100)))
    for name in ("a.npy", "b.npz"):
        content = (folder / name).read_bytes()
        (folder / name).write_bytes(content[: len(content) // 2])
        with pytest.raises(ModescopeError, match="cannot be read"):
            open_source(name)


def test_damaged_within_a_npz(folder: Path) -> None:
    np.savez("a.npz", np.random.RandomState(0).randn(100, 100))
    content = bytearray((folder / "a.npz").read_bytes())
    content[5000:5008] = b"xxxxxxxx"
    (folder / "a.npz").write_bytes(bytes(content))
    with pytest.raises(ModescopeError, match="cannot be read: Bad CRC-32"):
        open_source("a.npz")


def test_npz_keys(folder: Path) -> None:
    np.savez("two.npz", left=ROWS, right=ROWS)
    with pytest.raises(ModescopeError, match=r"holds 2 arrays: left, right; add the name of one as in 'two.npz:left'"):
        open_source("two.npz")
    with pytest.raises(ModescopeError, match="unknown array 'lift': did you mean 'left'"):
        open_source("two.npz:lift")
    with pytest.raises(ModescopeError, match=r"expected FILE.npz or FILE.npz:key"):
        open_source("two.npzz")
    with zipfile.ZipFile("none.npz", "w"):
        pass
    with pytest.raises(ModescopeError, match="is empty: it holds no arrays"):
        open_source("none.npz")


def test_state_dict_is_no_sample(folder: Path) -> None:
    torch.save({"weight": torch.zeros(3, 3)}, "weights.pt")
    with pytest.raises(ModescopeError, match="holds a dict, expected one tensor of samples or a TorchScript network"):
        open_source("weights.pt")
