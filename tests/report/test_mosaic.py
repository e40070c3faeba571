"""Images side by side, against loops over pixels and Pillow's reading of the files."""

import base64
import io

import numpy as np
import pytest
from PIL import Image

from modescope.report.mosaic import GREY, data_uri, file_of, mosaic, square, tiles


def random_images(count, channels, height=5, width=4):
    return np.random.default_rng(0).integers(0, 256, (count, channels, height, width), dtype=np.uint8)


@pytest.mark.parametrize(("count", "columns", "rows"), [(9, 3, 3), (7, 3, 3), (6, 6, 1), (1, 1, 1)])
def test_images_stand_row_by_row_with_a_line_between(count, columns, rows):
    images = random_images(count, 3)
    picture = mosaic(images, columns)
    assert picture.shape == (rows * 6 - 1, columns * 5 - 1, 3)
    expected = np.full_like(picture, GREY)
    for i, image in enumerate(images):
        top, left = i // columns * 6, i % columns * 5
        for channel in range(3):
            expected[top : top + 5, left : left + 4, channel] = image[channel]
    np.testing.assert_array_equal(picture, expected)


def test_a_grid_is_square_unless_told():
    np.testing.assert_array_equal(mosaic(random_images(9, 1)), mosaic(random_images(9, 1), 3))


def test_channels_become_colours():
    images = random_images(1, 4)
    (red, green, blue, _), two = images[0], mosaic(images[:, :2])
    np.testing.assert_array_equal(mosaic(images[:, :1])[..., 0], red)
    np.testing.assert_array_equal(two, np.stack([red, green, green], axis=-1))  # both full: white
    np.testing.assert_array_equal(mosaic(images), np.stack([red, green, blue], axis=-1))


def test_fewer_images_where_they_are_large():
    assert [square(n) for n in (1, 3, 4, 35, 36)] == [1, 1, 4, 25, 36]
    assert [tiles((1, side, side)) for side in (28, 64, 128, 512, 4000)] == [64, 64, 16, 1, 1]


@pytest.mark.parametrize("channels", [1, 3])
def test_files_hold_the_picture(channels):
    smooth = np.linspace(0, 255, 64 * 48).reshape(1, 1, 64, 48).repeat(channels, axis=1).astype(np.uint8)
    smooth[:, channels // 2] //= 2
    picture = mosaic(smooth)
    kind, content = file_of(picture)
    image = Image.open(io.BytesIO(content))
    assert Image.MIME[image.format] == kind
    back = np.asarray(image).reshape(picture.shape).astype(int)
    assert np.abs(back - picture).mean() < 2
    start, _, text = data_uri(picture).partition(",")
    assert start == f"data:{kind};base64"
    assert base64.b64decode(text) == content


def test_flat_grey_pictures_lose_nothing():
    flat = np.zeros((4, 1, 28, 28), np.uint8)
    flat[:, :, 8:20, 10:12] = 255
    kind, content = file_of(mosaic(flat))
    assert kind == "image/png"
    np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(content))), mosaic(flat)[..., 0])


def test_colours_keep_their_detail():
    stripes = np.zeros((1, 3, 32, 32), np.uint8)
    stripes[:, 0, :, ::2] = stripes[:, 2, :, 1::2] = 255  # red beside blue, one pixel each
    _, content = file_of(mosaic(stripes))
    back = np.asarray(Image.open(io.BytesIO(content))).astype(int)
    assert np.abs(back - mosaic(stripes)).mean() < 12
