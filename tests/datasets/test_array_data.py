"""Your own samples: what is read, what is refused, and in which words."""

import json
import pickle

import numpy as np
import pytest
import torch

from modescope.core.errors import ModescopeError
from modescope.datasets import ArrayData, decode, encode, make

ROWS = np.random.RandomState(0).randn(9, 2)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def csv(rows, header=""):
    return header + "\n".join(",".join(map(repr, map(float, row))) for row in rows) + "\n"


def test_every_kind_of_file_holds_the_same_rows(folder):
    np.save("rows.npy", ROWS)
    np.savez("one.npz", samples=ROWS)
    np.savez_compressed("two.npz", samples=ROWS, labels=np.arange(9))
    (folder / "plain.csv").write_text(csv(ROWS))
    (folder / "names.csv").write_text(csv(ROWS, "x, y\n"))
    (folder / "excel.csv").write_bytes(b"\xef\xbb\xbf" + csv(ROWS, '"x","y"\r\n').encode())
    (folder / "comment.csv").write_text(csv(ROWS, "# x,y\n\n"))
    paths = ["rows.npy", "one.npz", "plain.csv", "names.csv", "excel.csv", "comment.csv"]
    found = [make(path) for path in paths] + [make("two.npz", key="samples"), ArrayData.from_array(ROWS)]
    for data in found:
        assert torch.equal(data.points, torch.from_numpy(ROWS))
        assert (data.dim, data.uniforms, data.normals, data.modes) == (2, 1, 0, None)
    assert len({data.digest for data in found}) == 1
    assert len(found[0].digest) == 64
    assert ArrayData.from_array(ROWS[::-1]).digest != found[0].digest
    assert ArrayData.from_array(ROWS.reshape(2, 9)).digest != found[0].digest


@pytest.mark.parametrize("array", [ROWS.astype(np.float32), ROWS.astype(np.float16), (ROWS * 9).astype(int)])
def test_number_types(array):
    data = ArrayData.from_array(array)
    assert data.points.dtype == (torch.float32 if array.dtype == np.float32 else torch.float64)
    np.testing.assert_array_equal(data.points.numpy(), array.astype(np.float64))
    assert data.digest == ArrayData.from_array(array.astype(np.float64)).digest


def test_quoted_numbers_are_no_header(folder):
    (folder / "quoted.csv").write_text('"1","2"\n"3","4"\n')
    assert make("quoted.csv").points.tolist() == [[1.0, 2.0], [3.0, 4.0]]


def test_a_first_line_that_may_be_names_or_a_sample_is_refused(folder):
    """As pandas writes it: with the numbers of columns for names, and with the numbers of rows."""
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(ROWS)
    frame.to_csv("numbered.csv", index=False)
    frame.to_csv("rows.csv")
    frame.rename(columns=str).add_prefix("x").to_csv("named-rows.csv")
    frame[[0]].to_csv("one.csv", index=False)
    for name, line in (("numbered", "0,1"), ("one", "0")):
        with pytest.raises(ModescopeError, match=f"starts with the line {line}, which may be the names .* write 0.0"):
            make(f"{name}.csv")
    for name in ("rows", "named-rows"):
        with pytest.raises(ModescopeError, match="has a first column without a name, as of the numbers of rows"):
            make(f"{name}.csv")
    frame.to_csv("bare.csv", index=False, header=False)
    frame.add_prefix("x").to_csv("named.csv", index=False)
    for name in ("bare", "named"):
        assert make(f"{name}.csv").points.numpy() == pytest.approx(ROWS, rel=1e-15)
    for text in ("0.0,1.0\n5,6\n", "1,0\n5,6\n", "1,2\n5,6\n"):  # samples for sure
        (folder / "sample.csv").write_text(text)
        assert len(make("sample.csv").points) == 2


def test_tensors_and_lists_are_copied():
    tensor = torch.zeros(3, 2, requires_grad=True)
    data = ArrayData.from_array(tensor)
    with torch.no_grad():
        tensor += 1
    assert data.points.abs().max() == 0
    assert ArrayData.from_array([[0, 0], [0, 0], [0, 0]]).digest == data.digest


def test_every_row_is_drawn_equally_often():
    data = ArrayData.from_array(np.arange(10.0)[:, None])
    drawn = data.sample(20_000, torch.Generator().manual_seed(0))[:, 0].long()
    counts = torch.bincount(drawn, minlength=10)
    assert counts.min() > 1800
    assert counts.max() < 2200


@pytest.mark.parametrize("rows", [1, 2, 3, 1000, 1023, 1024, 1025, 65_537])
def test_the_greatest_uniform_draws_the_last_row(rows):
    data = ArrayData.from_array(np.arange(float(rows))[:, None])
    for dtype, top in ((torch.float32, 1 - 2**-24), (torch.float64, 1 - 2**-53)):
        assert data.push(torch.tensor([[top]], dtype=dtype), torch.zeros(1, 0)).item() == rows - 1


def test_two_arrays_in_memory_are_different_data():
    ones, twos = ArrayData.from_array(np.ones((2, 2))), ArrayData.from_array(np.full((2, 2), 2.0))
    assert ones != twos
    assert ones.sample(3).unique().tolist() == [1.0]
    assert twos.sample(3).unique().tolist() == [2.0]
    again = pickle.loads(pickle.dumps(twos))
    assert again == twos
    assert again.sample(3).unique().tolist() == [2.0]


def test_round_trip_checks_that_the_file_is_the_same(folder):
    np.save("rows.npy", ROWS)
    written = json.loads(json.dumps(encode(make("rows.npy"))))
    assert written == {"name": "array", "path": "rows.npy", "key": "", "digest": make("rows.npy").digest}
    assert decode(written) == make("rows.npy")
    np.save("rows.npy", ROWS + 1)
    with pytest.raises(ModescopeError, match="has changed: its digest is"):
        decode(written)
    with pytest.raises(ModescopeError, match="an array in memory"):
        decode(encode(ArrayData.from_array(ROWS)))


BAD_ARRAYS = {
    "vector": (np.zeros(4), r"has shape \(4,\), expected \(rows, columns\); reshape"),
    "cube": (np.zeros((2, 2, 2)), r"has shape \(2, 2, 2\), expected \(rows, columns\)"),
    "no rows": (np.zeros((0, 2)), r"is empty, its shape is \(0, 2\)"),
    "no columns": (np.zeros((2, 0)), r"is empty, its shape is \(2, 0\)"),
    "text": (np.array([["a", "b"]]), "holds <U1 values, expected real numbers"),
    "complex": (np.zeros((2, 2), complex), "holds complex128 values"),
    "truth": (np.zeros((2, 2), bool), "holds bool values"),
    "nan": (
        np.array([[0.0], [np.nan], [0.0], [np.inf]]),
        "has values that are NaN, infinite or beyond 3e38 in 2 of 4 rows, the first is row 1 counted from 0",
    ),
    "huge": (np.array([[1e300]]), "has values that are NaN, infinite or beyond 3e38 in 1 of 1 rows"),
}


@pytest.mark.parametrize("name", BAD_ARRAYS)
def test_bad_arrays(folder, name):
    array, message = BAD_ARRAYS[name]
    with pytest.raises(ModescopeError, match="the array " + message):
        ArrayData.from_array(array)
    np.save("bad.npy", array)
    with pytest.raises(ModescopeError, match="'bad.npy' " + message):
        make("bad.npy")


def test_objects_are_refused():
    with pytest.raises(ModescopeError, match="holds object values"):
        ArrayData.from_array(np.array([[None, 1]], dtype=object))
    with pytest.raises(ModescopeError, match="cannot be read as a matrix"):
        ArrayData.from_array([[1.0], [1.0, 2.0]])
    with pytest.raises(ModescopeError, match="cannot be read as a matrix"):
        ArrayData.from_array(torch.zeros(2, 2, dtype=torch.bfloat16))


class Bomb:
    def __reduce__(self):
        return print, ("a pickle ran",)


def test_pickles_are_never_loaded(folder, capsys):
    np.save("bomb.npy", np.array([[Bomb()]], dtype=object), allow_pickle=True)
    np.savez("bomb.npz", a=np.array([[Bomb()]], dtype=object))
    (folder / "plain.npy").write_bytes(pickle.dumps(Bomb()))
    for path in ("bomb.npy", "bomb.npz", "plain.npy"):
        with pytest.raises(ModescopeError, match=f"'{path}' cannot be read as a"):
            make(path)
    assert capsys.readouterr().out == ""


def test_files_that_cannot_be_read(folder):
    np.save("whole.npy", ROWS)
    np.savez_compressed("whole.npz", a=ROWS)
    content = (folder / "whole.npy").read_bytes()
    archive = (folder / "whole.npz").read_bytes()
    (folder / "short.npy").write_bytes(content[:-20])
    (folder / "shorter.npy").write_bytes(content[:20])
    (folder / "empty.npy").write_bytes(b"")
    (folder / "short.npz").write_bytes(archive[:-30])
    (folder / "broken.npz").write_bytes(archive[:90] + bytes(20) + archive[110:])
    (folder / "noise.csv").write_bytes(bytes(range(128, 256)))
    (folder / "text.csv").write_text("1,2\n3,four\n")
    (folder / "gap.csv").write_text("1,2\n3,\n")
    (folder / "ragged.csv").write_text("1,2\n3\n")
    (folder / "semicolon.csv").write_text("1;2\n3;4\n")
    broken = {
        ".npy": ("short", "shorter", "empty"),
        ".npz": ("short", "broken"),
        ".csv": ("noise", "text", "gap", "ragged", "semicolon"),
    }
    for path, suffix in ((stem + suffix, suffix) for suffix, stems in broken.items() for stem in stems):
        with pytest.raises(ModescopeError, match=f"'{path}' cannot be read as a {suffix} file: .") as caught:
            make(path)
        assert "\n" not in str(caught.value)


def test_a_relative_path_stays_so_and_says_where_it_is_looked_for(folder, monkeypatch) -> None:
    """A project is moved with its runs and its data; and a run that goes on from elsewhere says what is wrong."""
    (folder / "project").mkdir()
    np.save(folder / "project" / "rows.npy", ROWS)
    monkeypatch.chdir(folder / "project")
    data = make("rows.npy")
    (folder / "project").rename(folder / "moved")
    monkeypatch.chdir(folder / "moved")
    assert decode(encode(data)) == data
    monkeypatch.chdir(folder)
    with pytest.raises(
        ModescopeError, match=r"there is no file 'rows.npy'; it is looked for from '.*', where this runs"
    ):
        decode(encode(data))


def test_bad_paths(folder):
    np.savez("two.npz", samples=ROWS, labels=np.arange(9))
    np.save("rows.npy", ROWS)
    np.savez("none.npz")
    (folder / "rows.txt").write_text("1,2\n")
    (folder / "empty.csv").write_text("\n\n")
    (folder / "names.csv").write_text("x,y\n")
    (folder / "nan.csv").write_text("x,y\n1,2\n3,nan\n")
    (folder / "folder.npy").mkdir()
    cases = {
        "missing.npy": "there is no file 'missing.npy'",
        "folder.npy": "the folder 'folder.npy' holds no images",
        "sub/missing.csv": "there is no file",
        "rows.txt": "'rows.txt' is of an unknown kind, expected a file that ends in .npy, .npz, .csv",
        "two.npz": "holds 2 arrays, give the key of one: labels, samples",
        "none.npz": "holds 0 arrays",
        "empty.csv": "'empty.csv' is empty",
        "names.csv": "has a line of names and no rows",
        "nan.csv": "in 1 of 2 rows, the first is row 1",
    }
    for path, message in cases.items():
        with pytest.raises(ModescopeError, match=message):
            make(path)
    with pytest.raises(ModescopeError, match="unknown array 'sample': did you mean 'samples'"):
        make("two.npz", key="sample")
    with pytest.raises(ModescopeError, match=r"only a \.npz file has keys"):
        make("rows.npy", key="samples")
    for fields in ({}, {"path": "rows.npy", "array": ROWS}):
        with pytest.raises(ModescopeError, match="give a path, or an array"):
            ArrayData(**fields)
    with pytest.raises(ModescopeError, match="has no density: only its rows are known"):
        make("rows.npy").log_prob(torch.zeros(1, 2))


def test_too_many_rows(monkeypatch):
    monkeypatch.setattr("modescope.datasets.array.MOST_ROWS", 8)
    with pytest.raises(ModescopeError, match="has 9 rows, expected at most 8"):
        ArrayData.from_array(ROWS)
