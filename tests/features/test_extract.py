"""Features of all samples, and the cache of them."""

from pathlib import Path

import numpy as np
import pytest
import torch

from modescope.core.errors import ModescopeError
from modescope.features import Raw, extract, make_features
from modescope.sources import open_source

ROWS = np.random.RandomState(0).randn(30, 4).astype(np.float32)


class Counting(Raw):
    """Counts how often it is called."""

    calls = 0

    def __call__(self, batch: torch.Tensor) -> torch.Tensor:
        self.calls += 1
        return super().__call__(batch)


def test_batches_do_not_show() -> None:
    for size in (1, 7, 30, 1000):
        told: list[tuple[int, int]] = []
        found = extract(open_source(ROWS), Raw(), batch=size, tell=lambda *at, told=told: told.append(at))
        np.testing.assert_array_equal(found.numpy(), ROWS)
        assert told[-1] == (30, 30)
        assert len(told) == -(-30 // size)
    assert extract(open_source(ROWS.astype(np.float64)), Raw()).dtype == torch.float64


def test_the_cache_is_used(tmp_path: Path) -> None:
    first, second = Counting(), Counting()
    cache = tmp_path / "deep" / "cache"
    expected = extract(open_source(ROWS), first, cache=cache)
    found = extract(open_source(torch.from_numpy(ROWS.copy())), second, cache=cache, batch=7)
    assert torch.equal(found, expected)
    assert (first.calls, second.calls) == (1, 0)
    assert len(list(cache.iterdir())) == 1


def test_other_contents_and_features_are_kept_apart(tmp_path: Path) -> None:
    images = np.random.RandomState(0).randint(0, 256, (6, 8, 8, 3)).astype(np.uint8)
    for value in (images, images[::-1], images[:5]):
        for name in ("raw", "random-conv", "random-conv:1", "pca:2", "pca:3"):
            source = open_source(value)
            extract(source, make_features(name).fit(source), cache=tmp_path)
    assert len(list(tmp_path.iterdir())) == 15
    source = open_source(images)
    one, other = (make_features("pca:2").fit(open_source(value)) for value in (images, images[:5]))
    assert not torch.equal(extract(source, one, cache=tmp_path), extract(source, other, cache=tmp_path))


@pytest.mark.parametrize("damage", ["cut", "text", "empty", "flip", "another", "folder"])
def test_a_damaged_file_is_computed_anew(damage: str, tmp_path: Path) -> None:
    expected = extract(open_source(ROWS), Raw(), cache=tmp_path)
    path = next(tmp_path.iterdir())
    content = bytearray(path.read_bytes())
    if damage == "flip":
        content[-3] ^= 1
    if damage == "another":
        extract(open_source(ROWS[:7]), Raw(), cache=tmp_path / "other")
        content = bytearray(next((tmp_path / "other").iterdir()).read_bytes())
    path.write_bytes({"cut": content[:-9], "text": b"hello", "empty": b""}.get(damage, content))
    if damage == "folder":
        path.unlink()
        path.mkdir()
        with pytest.raises(ModescopeError, match="cannot be written"):
            extract(open_source(ROWS), Raw(), cache=tmp_path)
        return
    counting = Counting()
    assert torch.equal(extract(open_source(ROWS), counting, cache=tmp_path), expected)
    assert counting.calls == 1
    assert torch.equal(extract(open_source(ROWS), counting, cache=tmp_path), expected)
    assert counting.calls == 1


def test_an_interrupted_extraction_leaves_nothing(tmp_path: Path) -> None:
    def stop(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        extract(open_source(ROWS), Raw(), cache=tmp_path, batch=7, tell=stop)
    assert list(tmp_path.iterdir()) == []


def test_functions_are_not_kept(tmp_path: Path) -> None:
    extract(open_source(ROWS), make_features(lambda x: 2 * x), cache=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_cache_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ModescopeError, match=r"the cache .* cannot be made"):
        extract(open_source(ROWS), Raw(), cache=tmp_path / "file" / "cache")


def test_nothing_follows_a_gradient() -> None:
    network = torch.nn.Linear(4, 2)
    assert not extract(open_source(ROWS), make_features(network)).requires_grad
