"""Folders, archives and columns of images: what is read, resized, converted, left out, and told."""

import io
import os
import warnings
import weakref
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from PIL import Image

from modescope.core.errors import MissingExtraError, ModescopeError
from modescope.sources import Source, archive, decode, folder, open_source, pictures

RANDOM = np.random.RandomState(0)
PIXELS = [RANDOM.randint(0, 256, (8, 10, 3)).astype(np.uint8) for _ in range(12)]


def png(pixels: np.ndarray, kind: str = "png", **options: object) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, kind, **options)
    return file.getvalue()


def everything(source: Source) -> torch.Tensor:
    return torch.cat(list(source.batches(5)))


def in_folder(contents: dict[str, bytes]) -> str:
    for name, content in contents.items():
        (Path("images") / name).parent.mkdir(parents=True, exist_ok=True)
        (Path("images") / name).write_bytes(content)
    return "images"


def in_zip(contents: dict[str, bytes]) -> str:
    with zipfile.ZipFile("images.zip", "w") as file:
        for name, content in reversed(contents.items()):
            file.writestr(name, content)
    return "images.zip"


def in_parquet(contents: dict[str, bytes]) -> str:
    cells = [{"bytes": contents[name], "path": name} for name in sorted(contents)]
    labels = [sorted({name.split("/")[0] for name in contents}).index(name.split("/")[0]) for name in sorted(contents)]
    kind = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    pq.write_table(pa.table({"image": pa.array(cells, kind), "label": labels}), "images.parquet", row_group_size=5)
    return "images.parquet"


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


WRITERS = [in_folder, in_zip, in_parquet]


@pytest.mark.parametrize("write", WRITERS)
def test_the_same_images_wherever_they_are(write: Callable[[dict[str, bytes]], str]) -> None:
    contents = {f"{'cat' if i % 3 else 'ant'}/{i:02d}.png": png(pixels) for i, pixels in enumerate(PIXELS)}
    source = open_source(write(contents), name="mine")
    order = [0, 3, 6, 9, 1, 2, 4, 5, 7, 8, 10, 11]
    expected = np.stack([PIXELS[i] for i in order]).transpose(0, 3, 1, 2)
    np.testing.assert_array_equal(everything(source).numpy(), expected)
    assert (source.name, source.kind, source.shape, source.count) == ("mine", "images", (3, 8, 10), 12)
    assert source.labels is not None
    assert source.labels.tolist() == [0] * 4 + [1] * 8
    assert source.classes == (("ant", "cat") if write is not in_parquet else ())
    assert source.notes == ()
    assert [len(batch) for batch in source.batches(5)] == [5, 5, 2]
    assert torch.equal(everything(source), everything(source))
    assert source.fingerprint() == open_source(in_folder(contents)).fingerprint()
    some = open_source(write(contents), n=5, seed=1)
    kept = [i for i in range(12) if (expected[i] == everything(some).numpy()).all(axis=(1, 2, 3)).any()]
    assert torch.equal(everything(some), everything(source)[kept])
    assert some.labels is not None
    assert some.labels.tolist() == source.labels[kept].tolist()
    assert some.fingerprint() != source.fingerprint()


def test_labels_need_folders_for_all() -> None:
    contents = {f"data/train/{'ab'[i % 2]}/x/{i}.png": png(pixels) for i, pixels in enumerate(PIXELS)}
    assert open_source(in_folder(contents)).classes == ("a", "b")
    assert open_source(in_zip(contents)).classes == ("a", "b")
    source = open_source(in_folder({"data/train/loose.png": png(PIXELS[0])}))
    assert source.labels is None
    assert source.classes == ()
    assert open_source(in_zip({f"one/{i}.png": png(pixels) for i, pixels in enumerate(PIXELS)})).labels is None


@pytest.mark.parametrize(("kind", "near"), [("png", 0), ("bmp", 0), ("tiff", 0), ("webp", 60), ("jpeg", 60)])
def test_formats(kind: str, near: int) -> None:
    smooth = np.add.outer(np.arange(8) * 9, np.arange(10) * 7)[..., None].repeat(3, 2).astype(np.uint8)
    path = in_folder({f"{i}.{kind.upper()}": png(smooth, kind) for i in range(3)})
    error = (everything(open_source(path)).int() - torch.from_numpy(smooth).permute(2, 0, 1).int()).abs().max()
    assert error <= near / 5


def test_formats_that_run_programs_are_not_opened() -> None:
    """A PostScript file under another name is not handed to an interpreter."""
    path = in_folder({"a.png": png(PIXELS[0]), "b.png": png(PIXELS[1]), "c.png": b"%!PS-Adobe-3.0 EPSF-3.0\n"})
    assert "c.png (not an image)" in open_source(path).notes[0]


def test_modes_are_converted_and_told() -> None:
    grey16 = np.array([[0, 257 * 7], [257 * 200, 65535]], np.uint16)
    colour = np.full((2, 2, 3), 90, np.uint8)
    palette = Image.fromarray(colour).convert("P", palette=Image.Palette.ADAPTIVE)
    file = io.BytesIO()
    palette.save(file, "png")
    contents = {
        "a.png": png(colour),
        "b.png": png(np.dstack([colour, np.full((2, 2), 3, np.uint8)])),
        "c.png": png(grey16),
        "d.png": png(grey16.astype(np.uint8)),
        "e.png": file.getvalue(),
        "f.tiff": png(grey16.astype(np.float32), "tiff"),
        "g.png": png(grey16 > 300),
    }
    source = open_source(in_folder(contents))
    found = everything(source)
    assert source.shape == (3, 2, 2)
    assert found[0].unique().tolist() == [90]
    assert found[1].unique().tolist() == [90]
    assert found[2].tolist() == [[[0, 7], [200, 255]]] * 3
    assert found[4].unique().tolist() == [90]
    assert found[5].tolist() == [[[0, 255], [255, 255]]] * 3
    told = "1 images were left out, as they cannot be read: f.tiff (32-bit pixels (mode F), whose black and white"
    assert told in source.notes[0]
    assert source.notes[1] == (
        "images were brought to 8-bit colour (RGB), without transparency: 1 of mode 1, 1 of mode I;16, 1 of mode L, "
        "1 of mode P, 1 of mode RGB, 1 of mode RGBA"
    )


def test_grey_stays_grey() -> None:
    grey16 = np.full((2, 2), 257 * 9, np.uint16)
    source = open_source(in_folder({"a.png": png(grey16.astype(np.uint8)), "b.png": png(grey16)}))
    assert source.shape == (1, 2, 2)
    assert everything(source)[1].unique().tolist() == [9]
    assert source.notes == ("images were brought to 8-bit grey, without transparency: 1 of mode I;16, 1 of mode L",)


def test_other_sizes_are_resized_without_aliasing() -> None:
    """A fine chequerboard becomes grey; picking every n-th pixel would make it black or white."""
    board = (np.indices((80, 100)).sum(axis=0) % 2 * 255).astype(np.uint8)[..., None].repeat(3, 2)
    contents = {f"{i}.png": png(pixels) for i, pixels in enumerate(PIXELS[:3])}
    path = in_folder({**contents, "board.png": png(board), "small.png": png(PIXELS[3][:4, :5])})
    source = open_source(path)
    assert source.shape == (3, 8, 10)
    found = everything(source)
    assert ((found[3].float() - 127.5).abs() < 20).all()
    expected = Image.fromarray(PIXELS[3][:4, :5]).resize((10, 8), Image.Resampling.LANCZOS)
    np.testing.assert_array_equal(found[4].numpy(), np.asarray(expected).transpose(2, 0, 1))
    assert source.notes == (
        "2 images of other sizes were resized to 10 x 8, the commonest, by Lanczos's filter "
        "(3 of 10 x 8, 1 of 100 x 80, 1 of 5 x 4)",
    )
    with pytest.raises(ModescopeError, match=r"has images of 3 sizes \(3 of 10 x 8, .*\), expected one, as strict is"):
        open_source(path, strict=True)


def test_what_cannot_be_read_is_counted() -> None:
    good = png(PIXELS[0], "jpeg", quality=95)
    contents = {f"{i}.png": png(pixels) for i, pixels in enumerate(PIXELS[:4])}
    bad = {"cut.jpg": good[: len(good) // 2], "cut.png": png(PIXELS[0])[:200], "empty.png": b"", "text.bmp": b"text"}
    for write in WRITERS:
        source = open_source(write({**contents, **bad}))
        assert source.count == 4
        assert len(everything(source)) == 4
        note = source.notes[-1]
        assert note.startswith("4 images were left out, as they cannot be read: ")
        assert note.endswith("), ...")
        assert "row" in note or "cut.jpg (" in note
        with pytest.raises(ModescopeError, match=r"4 images in .* cannot be read: "):
            open_source(write({**contents, **bad}), strict=True)
        for name in contents:
            Path("images", name).unlink(missing_ok=True)
        with pytest.raises(ModescopeError, match=r"none of the 4 images in .* can be read: .*(cut.jpg|row 0)"):
            open_source(write(bad))


def bomb() -> bytes:
    """A small file that claims 20,000 x 20,000 pixels."""
    content = bytearray(png(PIXELS[0]))
    content[16:24] = (20_000).to_bytes(4, "big") * 2
    content[29:33] = zlib.crc32(content[12:29]).to_bytes(4, "big")
    return bytes(content)


def test_a_picture_too_large_is_left_out() -> None:
    """Neither decoded nor warned of."""
    contents = {"a.png": png(PIXELS[0]), "b.png": png(PIXELS[1]), "bomb.png": bomb()}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for write in (in_folder, in_zip):
            source = open_source(write(contents))
            assert source.count == 2
            assert source.notes[0].startswith("1 images were left out, as they cannot be read: bomb.png (")
            assert "more than 67108864" in source.notes[0]


def test_few_large_pictures_are_held_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many are decoded, only those in the threads' hands keep their pixels."""
    seen, most = [], []
    real = pictures.decode

    def counted(content: bytes) -> decode.Picture:
        picture = real(content)
        seen.append(weakref.ref(picture.pixels))
        most.append(sum(pixels() is not None for pixels in seen))
        return picture

    monkeypatch.setattr(pictures, "decode", counted)
    source = open_source(in_folder({f"{i:02d}.png": png(PIXELS[i % 12]) for i in range(40)}))
    everything(source)
    assert len(most) == 80
    assert max(most) <= 2 * 8


def test_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    contents = {"a.png": png(PIXELS[0]), "b.png": png(PIXELS[1]), "c.png": png(np.zeros((30, 30, 3), np.uint8))}
    path = in_folder(contents)
    monkeypatch.setattr(decode, "MOST_PIXELS", 100)
    assert "c.png (30 x 30 pixels, more than 100)" in open_source(path).notes[0]
    monkeypatch.setattr(decode, "MOST_PIXELS", 2**26)
    large = {**contents, "d.bmp": png(RANDOM.randint(0, 256, (90, 90, 3)).astype(np.uint8), "bmp")}
    monkeypatch.setattr(folder, "MOST_BYTES", 20_000)
    monkeypatch.setattr(archive, "MOST_BYTES", 20_000)
    assert "d.bmp (24534 bytes, more than 20000)" in open_source(in_folder(large)).notes[0]
    assert open_source(in_zip(large)).notes[0] == "1 files were left out: they unpack to more than 20000 bytes each"


def test_archives_that_do_harm(monkeypatch: pytest.MonkeyPatch) -> None:
    flat = np.zeros((1000, 1000, 3), np.uint8)
    with zipfile.ZipFile("bomb.zip", "w", zipfile.ZIP_DEFLATED) as file:
        for name in ("a.png", "b.png", "../climbs.png", "/root.png", "C:\\windows.png", "x\\..\\..\\y.png"):
            file.writestr(name, png(PIXELS[0]))
        file.writestr("packed.bmp", png(flat, "bmp"))
        file.writestr("read.me", "text")
        file.writestr("__MACOSX/._a.png", "text")
    before = sorted(Path().rglob("*"))
    source = open_source("bomb.zip")
    assert source.count == 2
    assert set(source.notes) == {
        "4 files were left out: their names lead out of the archive",
        "2 files were left out: they are no images, or hidden",
        "1 files were left out: they unpack to more than 100 times their size",
    }
    everything(source)
    assert sorted(Path().rglob("*")) == before
    monkeypatch.setattr(archive, "MOST_TOTAL", 1000)
    with pytest.raises(ModescopeError, match=r"would unpack to .* bytes, expected at most 1000"):
        open_source("bomb.zip")


def test_overlapping_archive(monkeypatch: pytest.MonkeyPatch) -> None:
    """Many names for one stretch of bytes."""
    in_zip({"a.png": png(RANDOM.randint(0, 256, (200, 200, 3)).astype(np.uint8))})
    content = Path("images.zip").read_bytes()
    at = content.index(b"PK\x01\x02")
    entry = content[at : content.index(b"PK\x05\x06")]
    end = bytearray(content[at + len(entry) :])
    entries = b"".join(entry.replace(b"a.png", f"{i:x}.png".encode()) for i in range(10))
    end[8:12] = (10).to_bytes(2, "little") * 2
    end[12:16] = len(entries).to_bytes(4, "little")
    Path("many.zip").write_bytes(content[:at] + entries + bytes(end))
    with pytest.raises(ModescopeError, match="holds files that overlap: it is damaged or made to do harm"):
        open_source("many.zip")


def test_a_header_that_lies_is_not_believed() -> None:
    """A file that says it is small is read no further than it says."""
    in_zip({"a.png": png(PIXELS[0]), "b.png": png(PIXELS[1]), "c.png": png(PIXELS[2])})
    content = bytearray(Path("images.zip").read_bytes())
    at = content.rindex(b"PK\x01\x02")
    content[at + 24 : at + 28] = (10).to_bytes(4, "little")
    Path("lie.zip").write_bytes(bytes(content))
    source = open_source("lie.zip")
    assert source.count == 2
    assert "a.png (Bad CRC-32 for file 'a.png')" in source.notes[0]


def test_encrypted() -> None:
    in_zip({"a.png": png(PIXELS[0]), "b.png": png(PIXELS[1]), "c.png": png(PIXELS[2])})
    content = bytearray(Path("images.zip").read_bytes())
    content[content.rindex(b"PK\x01\x02") + 8] |= 1
    Path("locked.zip").write_bytes(bytes(content))
    assert open_source("locked.zip").notes == ("1 files were left out: they are encrypted",)


def test_what_holds_no_images() -> None:
    with zipfile.ZipFile("none.zip", "w") as file:
        file.writestr("../a.png", png(PIXELS[0]))
    with pytest.raises(ModescopeError, match=r"holds no images, .*\.tiff; their names lead out of the archive"):
        open_source("none.zip")
    Path("empty").mkdir()
    with pytest.raises(ModescopeError, match="the folder 'empty' holds no images"):
        open_source("empty")
    with pytest.raises(ModescopeError, match="the folder 'images' holds 1 sample"):
        open_source(in_folder({"a.png": png(PIXELS[0])}))
    pq.write_table(pa.table({"name": ["a", "b"]}), "text.parquet")
    with pytest.raises(ModescopeError, match="has the columns name, expected columns of numbers, one column of lists"):
        open_source("text.parquet")
    pq.write_table(pa.table({"x": [[1.0], [1.0, 2.0]]}), "ragged.parquet")
    with pytest.raises(ModescopeError, match="has lists of different lengths in 'x'"):
        open_source("ragged.parquet")
    pq.write_table(pa.table({"x": [1.0, None]}), "gap.parquet")
    with pytest.raises(ModescopeError, match="holds NaN or infinite values in 1 of 2 samples"):
        open_source("gap.parquet")
    pq.write_table(pa.table({"x": pa.array([], pa.binary())}), "empty.parquet")
    with pytest.raises(ModescopeError, match="is empty: it holds no samples"):
        open_source("empty.parquet")


def test_hidden_files_and_loops() -> None:
    path = in_folder(
        {"a.png": png(PIXELS[0]), "b.png": png(PIXELS[1]), ".hidden.png": png(PIXELS[2]), "notes.txt": b""}
    )
    in_folder({".cache/c.png": png(PIXELS[3])})
    Path("images/loop").symlink_to(Path("images").resolve())
    Path("images/gone.png").symlink_to("nowhere.png")
    source = open_source(path)
    assert source.count == 2
    assert source.notes[0] == "2 files were left out, as they are no images or hidden"
    assert "gone.png (No such file or directory)" in source.notes[1]


def test_several_frames() -> None:
    file = io.BytesIO()
    frames = [Image.fromarray(pixels) for pixels in PIXELS[:3]]
    frames[0].save(file, "tiff", save_all=True, append_images=frames[1:])
    source = open_source(in_folder({"a.tiff": file.getvalue(), "b.png": png(PIXELS[1])}))
    np.testing.assert_array_equal(everything(source)[0].numpy(), PIXELS[0].transpose(2, 0, 1))
    assert source.notes == ("of 1 files with several frames the first was taken",)


def test_an_image_that_changes_is_told() -> None:
    source = open_source(in_folder({f"{i}.png": png(pixels) for i, pixels in enumerate(PIXELS)}))
    Path("images/3.png").write_bytes(b"no more")
    with pytest.raises(ModescopeError, match=r"'3.png' in the folder 'images' could be read when it was opened, but"):
        everything(source)


def test_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    path = in_folder({"a.png": png(PIXELS[0])})
    monkeypatch.setitem(__import__("sys").modules, "PIL.Image", None)
    with pytest.raises(MissingExtraError, match=r"reading images needs the library 'PIL': pip install 'modescope\[im"):
        open_source(path)


def test_folders_that_links_lead_to_are_read_once() -> None:
    in_folder({"cats/a.png": png(PIXELS[0])})
    Path("elsewhere").mkdir()
    Path("elsewhere/b.png").write_bytes(png(PIXELS[1]))
    Path("images/dogs").symlink_to(Path("elsewhere").resolve())
    Path("images/dogs again").symlink_to(Path("elsewhere").resolve())
    Path("images/cats/up").symlink_to(Path("images").resolve())
    source = open_source("images")
    assert (source.count, source.classes) == (2, ("cats", "dogs"))


def test_a_pipe_is_not_waited_for() -> None:
    in_folder({"a.png": png(PIXELS[0]), "b.png": png(PIXELS[1])})
    os.mkfifo("images/c.png")
    assert "c.png (no file)" in open_source("images").notes[0]


def test_a_name_does_not_command_the_terminal() -> None:
    in_folder({"a.png": png(PIXELS[0]), "b.png": png(PIXELS[1]), "c\x1b[31m.png": b"", "d\udcff.png": b""})
    note = open_source("images").notes[0]
    assert note.isprintable()
    assert "'c\\x1b[31m.png' (empty file), 'd\\udcff.png' (empty file)" in note


def test_turned_pictures_are_told() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    in_folder({"a.jpg": png(PIXELS[0], "jpeg", exif=exif), "b.jpg": png(PIXELS[1], "jpeg")})
    assert (
        "1 images say in their EXIF data that they lie turned; they were taken as stored" in open_source("images").notes
    )
