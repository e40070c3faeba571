"""Every kind of source gives the same samples, in batches of any size, in every pass."""

import itertools
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from onnx import TensorProto, helper
from torch.utils.data import DataLoader, TensorDataset

import modescope as ms
from modescope.core.errors import ModescopeError
from modescope.datasets import ArrayData, Ring
from modescope.sources import Source, arrays, open_source

ROWS = np.random.RandomState(0).randn(40, 3).astype(np.float32)
IMAGES = np.random.RandomState(0).randint(0, 256, (40, 3, 5, 6)).astype(np.uint8)
LABELS = np.arange(40) % 4


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def everything(source: Source, size: int = 7) -> torch.Tensor:
    return torch.cat(list(source.batches(size)))


def check_contract(source: Source) -> None:
    """What holds for every source."""
    whole = everything(source)
    assert whole.shape == (source.count, *source.shape)
    assert whole.dtype in ((torch.uint8,) if source.kind == "images" else (torch.float32, torch.float64))
    assert [len(batch) for batch in source.batches(9)] == [9] * (source.count // 9) + [source.count % 9] * (
        source.count % 9 > 0
    )
    assert torch.equal(everything(source, 1000), whole)
    assert torch.equal(everything(source, 1), whole)
    assert len(source.fingerprint()) == 64
    int(source.fingerprint(), 16)
    assert source.labels is None or (source.labels.dtype, len(source.labels)) == (torch.int64, source.count)
    with pytest.raises(ModescopeError, match="size is 0"):
        source.batches(0)


class Squarer(torch.nn.Module):
    def forward(self, z: torch.Tensor) -> torch.Tensor:
        return z.square()


def loader() -> DataLoader:
    return DataLoader(TensorDataset(torch.from_numpy(ROWS), torch.from_numpy(LABELS)), batch_size=16)


def numbers_on_disk() -> dict[str, Callable[[], str]]:
    def csv() -> str:
        Path("rows.csv").write_text("a,b,c\n" + "\n".join(",".join(map(repr, map(float, row))) for row in ROWS))
        return "rows.csv"

    def parquet() -> str:
        pq.write_table(pa.table({name: ROWS[:, i] for i, name in enumerate("abc")}), "rows.parquet", row_group_size=7)
        return "rows.parquet"

    def lists() -> str:
        pq.write_table(pa.table({"x": list(ROWS), "label": LABELS}), "lists.parquet")
        return "lists.parquet"

    def saved(write: Callable[[str], object], name: str) -> Callable[[], str]:
        def save() -> str:
            write(name)
            return name

        return save

    return {
        "npy": saved(lambda name: np.save(name, ROWS), "rows.npy"),
        "fortran": saved(lambda name: np.save(name, np.asfortranarray(ROWS)), "fortran.npy"),
        "big-endian": saved(lambda name: np.save(name, ROWS.astype(">f4")), "big.npy"),
        "npz": saved(lambda name: np.savez(name, x=ROWS), "rows.npz"),
        "packed npz": saved(lambda name: np.savez_compressed(name, samples=ROWS, y=LABELS), "packed.npz"),
        "fortran npz": saved(lambda name: np.savez(name, x=np.asfortranarray(ROWS)), "fortran.npz"),
        "csv": csv,
        "parquet": parquet,
        "lists": lists,
        "pt": saved(lambda name: torch.save(torch.from_numpy(ROWS), name), "rows.pt"),
    }


@pytest.mark.parametrize("name", numbers_on_disk())
def test_numbers_in_files(name: str, folder: Path) -> None:
    source = open_source(numbers_on_disk()[name](), name="mine")
    check_contract(source)
    assert (source.name, source.kind, source.shape, source.count) == ("mine", "points", (3,), 40)
    np.testing.assert_array_equal(everything(source).numpy(), ROWS)
    if name in ("packed npz", "lists"):
        assert source.labels is not None
        assert source.labels.tolist() == LABELS.tolist()
    if name != "csv":  # which holds doubles
        assert source.fingerprint() == open_source(ROWS).fingerprint()


IN_MEMORY: dict[str, Callable[[], object]] = {
    "array": lambda: ROWS,
    "tensor": lambda: torch.from_numpy(ROWS),
    "gradient": lambda: torch.from_numpy(ROWS).requires_grad_(),
    "batches": lambda: [ROWS[:10], ROWS[10:]],
    "iterator": lambda: iter([torch.from_numpy(ROWS[:33]), torch.from_numpy(ROWS[33:])]),
    "loader": loader,
    "dataset": lambda: TensorDataset(torch.from_numpy(ROWS)),
    "strided": lambda: np.asfortranarray(ROWS),
}


@pytest.mark.parametrize("name", IN_MEMORY)
def test_numbers_in_memory(name: str) -> None:
    source = open_source(IN_MEMORY[name]())
    check_contract(source)
    np.testing.assert_array_equal(everything(source).numpy(), ROWS)
    assert source.fingerprint() == open_source(ROWS).fingerprint()
    assert source.labels is None if name != "loader" else source.labels.tolist() == LABELS.tolist()


def test_nested_lists() -> None:
    source = open_source([[0, 1], [2, 3], [4, 5]])
    assert everything(source).tolist() == [[0, 1], [2, 3], [4, 5]]
    assert everything(source).dtype == torch.float64


@pytest.mark.parametrize("dtype", [np.float16, np.float64, np.int8, np.int64, np.uint8, np.uint16, np.uint32])
def test_number_types(dtype: type) -> None:
    array = (ROWS * 20).clip(0).astype(dtype)
    source = open_source(array)
    check_contract(source)
    np.testing.assert_array_equal(everything(source).numpy(), array.astype(np.float64))
    assert everything(source).dtype == (torch.float32 if dtype is np.float16 else torch.float64)


def test_fingerprints_tell_contents_apart() -> None:
    values = [ROWS, ROWS[::-1], ROWS[:39], ROWS.astype(np.float64), ROWS.reshape(60, 2), IMAGES, IMAGES[:, :1]]
    assert len({open_source(value).fingerprint() for value in values}) == len(values)


UNIT = np.random.RandomState(0).rand(40, 3, 5, 6).astype(np.float32)
IMAGE_ARRAYS = {
    "bytes": (IMAGES, IMAGES),
    "channels last": (IMAGES.transpose(0, 2, 3, 1), IMAGES),
    "grey": (IMAGES[:, 0], IMAGES[:, :1]),
    "grey channel": (IMAGES[:, :1], IMAGES[:, :1]),
    "whole": (IMAGES.astype(np.int32), IMAGES),
    "unit": (IMAGES / 255, IMAGES),
    "unit single": ((IMAGES / 255).astype(np.float32), IMAGES),
    "signed": (torch.from_numpy(IMAGES / 127.5 - 1).float(), IMAGES),
    "half": (torch.from_numpy(IMAGES / 127.5 - 1).half(), IMAGES),
    "floats to 255": (IMAGES.astype(np.float32), IMAGES),
}


@pytest.mark.parametrize("name", IMAGE_ARRAYS)
def test_images_in_arrays(name: str) -> None:
    value, expected = IMAGE_ARRAYS[name]
    source = open_source(value)
    check_contract(source)
    assert source.kind == "images"
    assert source.shape == expected.shape[1:]
    np.testing.assert_array_equal(everything(source).numpy(), expected)
    assert source.fingerprint() == open_source(expected).fingerprint()
    if "255" in name or name in ("unit", "signed", "half", "whole"):
        assert any("black" in note and "as found" in note for note in source.notes)
    assert ("the channels are the last axis, and were moved to the first" in source.notes) == (name == "channels last")


def test_told_pixels_clip() -> None:
    values = np.linspace(-1.5, 1.5, 48).reshape(3, 4, 4)
    source = open_source(values, pixels=(-1, 1))
    assert (everything(source).min(), everything(source).max()) == (0, 255)
    np.testing.assert_allclose(everything(source)[:, 0], (values.clip(-1, 1) + 1) * 127.5, atol=0.501)
    assert source.notes == ("pixels from -1 (black) to 1 (white), as told, were rounded to 8 bits; "
                            "values beyond were clipped",)  # fmt: skip


@pytest.mark.parametrize("kind", ["array", "loader", "file"])
def test_dropping(kind: str, folder: Path) -> None:
    rows = ROWS.copy()
    rows[[3, 17, 18], 1] = [np.nan, np.inf, -np.inf]
    kept = np.delete(np.arange(40), [3, 17, 18])
    np.savez("rows.npz", x=rows, y=LABELS)
    data = TensorDataset(torch.from_numpy(rows), torch.from_numpy(LABELS))
    source = open_source({"array": rows, "loader": DataLoader(data, batch_size=6), "file": "rows.npz"}[kind], drop=True)
    check_contract(source)
    np.testing.assert_array_equal(everything(source).numpy(), ROWS[kept])
    assert source.notes == ("3 of 40 samples were dropped: they hold NaN or infinite values",)
    if kind != "array":
        assert source.labels is not None
        assert source.labels.tolist() == LABELS[kept].tolist()
    assert source.fingerprint() == open_source(ROWS[kept]).fingerprint()


def test_some_of_many() -> None:
    source = open_source(ROWS, n=10, seed=3)
    check_contract(source)
    found = everything(source).numpy()
    at = [int(np.flatnonzero((row == ROWS).all(axis=1))[0]) for row in found]
    assert at == sorted(set(at))
    assert at != list(range(10))
    assert source.notes == ("10 of 40 samples were chosen at random (seed 3)",)
    assert torch.equal(everything(open_source(ROWS, n=10, seed=3)), everything(source))
    assert not torch.equal(everything(open_source(ROWS, n=10, seed=4)), everything(source))
    prints = {open_source(ROWS, n=n, seed=seed).fingerprint() for n in (10, 11, 40) for seed in (3, 4)}
    assert len(prints) == 5  # all of 40 are the same with any seed


def test_labels_follow_a_choice(folder: Path) -> None:
    np.savez("rows.npz", x=np.arange(40.0)[:, None], y=np.arange(40))
    source = open_source("rows.npz", n=10)
    assert source.labels is not None
    assert source.labels.tolist() == everything(source)[:, 0].tolist()


def test_the_first_of_an_endless_loader() -> None:
    source = open_source((np.full((8, 2), i) for i in itertools.count(0.0)), n=20)
    check_contract(source)
    assert everything(source)[:, 0].tolist() == [0.0] * 8 + [1.0] * 8 + [2.0] * 4


def test_functions_are_seeded_and_called_once() -> None:
    calls = []

    def draw(count: int) -> torch.Tensor:
        calls.append(count)
        return torch.randn(count, 2)

    before = torch.random.get_rng_state()
    source = open_source(draw, n=600, seed=1)
    check_contract(source)
    assert calls == [256, 256, 88]
    assert torch.equal(torch.random.get_rng_state(), before)
    assert torch.equal(everything(open_source(draw, n=600, seed=1)), everything(source))
    assert not torch.equal(everything(open_source(draw, n=600, seed=2)), everything(source))


def test_shuffled_loaders_stay_as_they_were_read() -> None:
    data = TensorDataset(torch.arange(40.0)[:, None], torch.arange(40))
    source = open_source(DataLoader(data, batch_size=7, shuffle=True))
    check_contract(source)
    assert source.labels is not None
    assert source.labels.tolist() == everything(source)[:, 0].tolist()
    assert source.labels.sort().values.tolist() == list(range(40))


def test_distributions() -> None:
    source = open_source("ring", n=5000, seed=2)
    check_contract(source)
    modes = Ring().modes
    assert modes.nearest(everything(source))[0].bincount(minlength=8).min() > 500
    assert torch.equal(everything(open_source(Ring(), n=100, seed=2)), everything(source)[:100])
    assert not torch.equal(everything(open_source("ring", n=100, seed=3)), everything(source)[:100])
    assert open_source("ring:pacgan", n=10).shape == (2,)


def test_your_own_array_as_a_data_set() -> None:
    source = open_source(ArrayData.from_array(ROWS))
    np.testing.assert_array_equal(everything(source).numpy(), ROWS)


def finished_run() -> ms.Run:
    """A run as training leaves it, without the training."""
    run = ms.Run.create("run", ms.plan("ring", seeds=3, steps=2, evaluation=ms.Evaluation(samples=50)))
    (store,) = run.stores
    store.folder.mkdir()
    samples = torch.randn(3, 50, 2, generator=torch.Generator().manual_seed(0))
    store.write_samples(samples, torch.zeros(3, 50, dtype=torch.bool))
    store.stats_path.touch()
    store.snapshots_path.touch()
    store.commit({}, 2, run.config["experiment"], done=True)
    return run


def test_runs(folder: Path) -> None:
    run = finished_run()
    samples = run.samples()
    path = str(run.folder)
    source = open_source(path)
    check_contract(source)
    assert torch.equal(everything(source), samples.reshape(-1, 2))
    assert source.notes == ("50 final samples of each of 3 members, one after the other",)
    assert torch.equal(everything(open_source(run)), samples.reshape(-1, 2))
    assert torch.equal(everything(open_source(f"{path}:2")), samples[2])
    with pytest.raises(ModescopeError, match="has no member 3: it has 3, counted from 0"):
        open_source(f"{path}:3")
    run.stores[0].commit({}, 2, run.config["experiment"], done=False)
    with pytest.raises(ModescopeError, match="is not done"):
        open_source(path)


def write_onnx(path: str, batch: object, latent: list[object], node: tuple[str, ...] = ("Mul", "z", "z")) -> None:
    """A network of one node; one that squares if not told."""
    given = helper.make_tensor_value_info("z", TensorProto.FLOAT, [batch, *latent])
    made = helper.make_tensor_value_info("x", TensorProto.FLOAT, [batch, *latent])
    graph = helper.make_graph([helper.make_node(node[0], node[1:], ["x"])], "net", [given], [made])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.save(model, path)


def test_generators_agree(folder: Path) -> None:
    torch.jit.script(Squarer()).save("squarer.pt")
    write_onnx("squarer.onnx", "n", ["d"])
    write_onnx("told.onnx", "n", [3])
    write_onnx("fixed.onnx", 64, [3])
    given = {"n": 100, "seed": 5, "latent": 3}
    module = Squarer().train()
    source = open_source(module, **given)
    check_contract(source)
    assert module.training
    expected = everything(source)
    assert abs(expected.mean() - 1) < 0.3
    for name in ("squarer.pt", "squarer.onnx", "told.onnx", "fixed.onnx"):
        source = open_source(name, **given)
        check_contract(source)
        torch.testing.assert_close(everything(source), expected)
        assert "made from standard normal latents of shape (3,) (seed 5)" in source.notes
    torch.testing.assert_close(everything(open_source("told.onnx", n=100, seed=5)), expected)
    prints = [open_source("squarer.pt", **{**given, key: value}).fingerprint() for key, value in
              {"n": 99, "seed": 6, "latent": 4}.items()]  # fmt: skip
    assert len({open_source("squarer.pt", **given).fingerprint(), *prints}) == 4


class Painter(torch.nn.Module):
    """Images whose range shows only after the first ones."""

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        images = torch.tanh(z[:, :, None, None].expand(-1, 3, 4, 4) * 3)
        return images


def test_generators_of_images(folder: Path) -> None:
    torch.jit.script(Painter()).save("painter.pt")
    source = open_source("painter.pt", latent=(3,), n=130)
    check_contract(source)
    assert (source.kind, source.shape) == ("images", (3, 4, 4))
    z = torch.randn(64, 3, generator=torch.Generator().manual_seed(0))
    expected = ((torch.tanh(3 * z) + 1) * 127.5).round().byte()
    torch.testing.assert_close(everything(source)[:64, :, 0, 0], expected, atol=1, rtol=0)


def test_bad_generators(folder: Path) -> None:
    torch.jit.script(Squarer()).save("squarer.pt")
    torch.jit.script(torch.nn.Linear(4, 2)).save("linear.pt")
    write_onnx("squarer.onnx", "n", ["d"])
    for given, message in [
        ({"n": 10}, "takes latents: say the shape of one with latent"),
        ({"latent": 3}, "can draw any number of samples: say how many with n"),
    ]:
        for value in ("squarer.pt", Squarer()):
            with pytest.raises(ModescopeError, match=message):
                open_source(value, **given)
    with pytest.raises(ModescopeError, match=r"does not take latents of shape \(64, 3\): .*shapes"):
        open_source("linear.pt", latent=3, n=10)
    with pytest.raises(ModescopeError, match=r"declares inputs of shape \('d',\): say the shape"):
        open_source("squarer.onnx", n=10)
    write_onnx("told.onnx", "n", [3])
    with pytest.raises(ModescopeError, match=r"does not take latents of shape \(64, 3, 3\)"):
        open_source("told.onnx", latent=(3, 3), n=10)


class Breaker(torch.nn.Module):
    """Breaks where the first latent is above a bound."""

    def __init__(self, bound: float, value: float, images: bool) -> None:
        super().__init__()
        self.bound, self.value, self.images = bound, value, images

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        made = torch.where(z > self.bound, torch.full_like(z, self.value), z.sigmoid())
        return made[:, :, None].expand(-1, 3, 3) if self.images else made


def test_generators_are_checked_on_the_way(folder: Path) -> None:
    z = torch.randn(64 * 9, 3, generator=torch.Generator().manual_seed(0))
    bound = z[:64].max().item()  # the first block is whole
    late = int((z > bound).any(dim=1)[:500].sum())
    assert late > 0
    torch.jit.script(Breaker(bound, float("nan"), False)).save("nan.pt")
    source = open_source("nan.pt", latent=3, n=500)
    with pytest.raises(ModescopeError, match=r"holds NaN or infinite values in . of 64 samples, the first is sample"):
        everything(source)
    dropped = open_source("nan.pt", latent=3, n=500, drop=True)
    check_contract(dropped)
    assert dropped.count == 500 - late
    torch.jit.script(Breaker(bound, -1.0, True)).save("range.pt")
    with pytest.raises(ModescopeError, match=r"while its first samples lie in \[0, 1\]: give the range as pixels="):
        everything(open_source("range.pt", latent=3, n=500))
    check_contract(open_source("range.pt", latent=3, n=500, pixels=(-1, 1)))


def test_blocks_do_not_show(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    np.savez("rows.npz", x=ROWS)
    np.save("rows.npy", ROWS)
    expected = {name: open_source(name).fingerprint() for name in ("rows.npz", "rows.npy")}
    monkeypatch.setattr(arrays, "BLOCK_BYTES", 100)
    for name, fingerprint in expected.items():
        source = open_source(name)
        assert len(list(source.blocks())) == 10
        assert source.fingerprint() == fingerprint


def test_a_file_that_changes_is_told(folder: Path) -> None:
    np.savez("rows.npz", x=ROWS)
    source = open_source("rows.npz")
    np.savez("rows.npz", x=ROWS[:20])
    with pytest.raises(ModescopeError, match=r"was cut short|cannot be read"):
        everything(source)


def test_memory_is_bounded(folder: Path) -> None:
    """A file of 80 MB is read without holding more than some blocks of it."""
    import tracemalloc

    rows = np.lib.format.open_memmap("big.npy", "w+", np.float32, (20_000, 1000))
    rows[:, 0] = 1
    rows.flush()
    del rows
    tracemalloc.start()
    source = open_source("big.npy")
    total = sum(batch.sum().item() for batch in source.batches(64))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert total == 20_000
    assert peak < 40e6


def test_protocol_is_frozen() -> None:
    with pytest.raises(AttributeError):
        open_source(ROWS).name = "other"
    with pytest.raises(ModescopeError, match="is a source already"):
        open_source(open_source(ROWS))


class Noisy(torch.nn.Module):
    """A generator with noise of its own, as StyleGAN has."""

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        return z + torch.randn_like(z)


def test_a_generator_with_noise_of_its_own_gives_the_same_in_every_pass(folder: Path) -> None:
    torch.jit.script(Noisy()).save("noisy.pt")
    state = torch.get_rng_state()
    source = open_source("noisy.pt", latent=3, n=150)
    first = everything(source)
    assert torch.equal(first, everything(source))
    assert torch.equal(first, everything(open_source(Noisy(), latent=3, n=150)))
    assert torch.equal(state, torch.get_rng_state())
    assert float(first.var()) == pytest.approx(2, rel=0.3)  # of the latent and of the noise, which differs by sample
    assert len(first.unique(dim=0)) == 150


def test_onnx_nodes_that_draw_noise_give_the_same_in_every_pass(folder: Path) -> None:
    """A node reads the seed of the process once, when a network is loaded."""
    write_onnx("noise.onnx", "n", [3], ("RandomNormalLike", "z"))
    source = open_source("noise.onnx", n=150, seed=3)
    noise = everything(source)
    check_contract(source)
    assert torch.equal(noise, everything(source))
    assert torch.equal(noise, everything(open_source("noise.onnx", n=150, seed=3)))
    assert not torch.equal(noise, everything(open_source("noise.onnx", n=150, seed=4)))
    assert len(noise.unique(dim=0)) == 150
    assert float(noise.std()) == pytest.approx(1, abs=0.15)  # of 450 normals: 4.5 standard errors


class Single(torch.utils.data.IterableDataset):
    """Gives one image at a time."""

    def __iter__(self):
        return iter(torch.from_numpy(IMAGES))


def test_a_data_set_that_is_gone_through_gives_samples_not_batches() -> None:
    assert torch.equal(everything(open_source(Single())), torch.from_numpy(IMAGES))


def test_columns_that_are_no_coordinates_are_told(folder: Path) -> None:
    columns = {"x": ROWS[:, 0], "good": ROWS[:, 0] > 0, "y": ROWS[:, 1], "__index_level_0__": np.arange(40)}
    pq.write_table(pa.table(columns), "rows.parquet")
    source = open_source("rows.parquet")
    assert np.array_equal(everything(source), ROWS[:, :2])
    assert source.notes == ("the columns 'good', '__index_level_0__' were left out",)


def test_runs_on_images_are_images(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(Path(__file__).parents[1] / "datasets"))
    from tiny_images import tiny_mnist

    tiny_mnist(monkeypatch, folder / "data")
    run = ms.Run.create("drawn", ms.plan("mnist", seeds=2, steps=2, block=2, evaluation=ms.Evaluation(samples=9)))
    (store,) = run.stores
    store.folder.mkdir()
    drawn = torch.rand(2, 9, 784, generator=torch.Generator().manual_seed(0)) * 2 - 1
    drawn[1, 4, 7] = torch.nan
    data = run.experiment.dataset
    store.write_samples(data.kept(drawn), ~drawn.isfinite().all(-1))
    store.stats_path.touch()
    store.snapshots_path.touch()
    store.commit({}, 2, run.config["experiment"], done=True)

    found = run.samples()
    assert found.isnan().any(-1).nonzero().tolist() == [[1, 4]]
    assert found[1, 4].isnan().all()
    source = open_source("drawn:0")
    check_contract(source)
    assert source.kind == open_source("mnist", n=20).kind == "images"
    assert source.shape == open_source("mnist", n=20).shape == (1, 28, 28)
    assert torch.equal(everything(source).flatten(1), data.kept(drawn[0]))
    with pytest.raises(ModescopeError, match="in 1 of 18 samples"):
        open_source("drawn")
    assert open_source("drawn", drop=True).count == 17
