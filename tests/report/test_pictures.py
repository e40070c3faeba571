"""Pictures for slides."""

import io

import imageio_ffmpeg
import numpy as np
import pytest
from PIL import Image

from modescope.core.errors import ModescopeError
from modescope.report import write_pictures
from modescope.report.movie import gif_of, palette_of


@pytest.fixture(scope="module")
def pictures(swept, line, tmp_path_factory):
    folder = tmp_path_factory.mktemp("pictures") / "new" / "folder"
    return folder, write_pictures([swept, line], folder)


def test_files_are_named_and_whole(pictures):
    folder, files = pictures
    assert sorted(folder.iterdir()) == sorted(files)  # and nothing half written beside them
    names = [path.name for path in files]
    for prefix, groups in (("1-ring-", 3), ("2-line-", 1)):
        own = [name.removeprefix(prefix) for name in names if name.startswith(prefix)]
        assert {"summary.png", "curves.png", "film.gif", "film.mp4"} <= set(own)
        assert sum(name.startswith("samples-") for name in own) == groups
    for name in names:
        assert name.isascii()
        assert not set(name) & set("<>/\\$&\"' ")


def test_pictures_show_something(pictures):
    for path in pictures[1]:
        if path.suffix == ".png":
            image = Image.open(path).convert("RGB")
            assert image.width >= 500
            assert image.getpixel((0, 0)) == (255, 255, 255)
            assert len(image.getcolors(256)) > 10


def test_films_have_a_frame_for_each_look(pictures):
    films = [path for path in pictures[1] if path.suffix == ".gif"]
    assert len(films) == 2
    for path in films:
        assert Image.open(path).n_frames == 5
        video = path.with_suffix(".mp4")
        frames, _ = imageio_ffmpeg.count_frames_and_secs(str(video))
        assert frames == 5 + round(1.5 * 8)  # the last one is held
        first = next(reader := imageio_ffmpeg.read_frames(str(video)))
        assert first["codec"].startswith("h264")
        assert all(side % 2 == 0 for side in first["size"])
        reader.close()


def test_gif_keeps_paper_white_and_moves():
    frames = [np.full((20, 30, 3), 255, dtype=np.uint8) for _ in range(3)]
    for i, frame in enumerate(frames):
        frame[5:9, 5 * i : 5 * i + 4] = (0, 114, 178)
    film = Image.open(io.BytesIO(gif_of(frames)))
    for i, frame in enumerate(frames):
        film.seek(i)
        np.testing.assert_allclose(np.asarray(film.convert("RGB")).astype(int), frame, atol=12)
        assert film.convert("RGB").getpixel((29, 19)) == (255, 255, 255)
    assert max(palette_of(Image.fromarray(frames[0])).getpalette()) == 255


def test_no_snapshots_no_film(make, ring, tmp_path):
    look = type(ring.experiment.evaluation)(every=10, samples=120, snapshot=0)
    files = write_pictures([make("ring", evaluation=look, seeds=1)], tmp_path)
    assert {path.suffix for path in files} == {".png"}


def test_bad_input(ring, unfinished, tmp_path):
    with pytest.raises(ModescopeError, match="is not done"):
        write_pictures([unfinished], tmp_path)
    (tmp_path / "file").write_text("")
    with pytest.raises(ModescopeError, match="pictures cannot be written"):
        write_pictures([ring], tmp_path / "file" / "folder")
