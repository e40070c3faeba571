"""Where image sets are looked for, and what a download may do: appear whole and right, or not at all."""

import errno
import gzip
import http.server
import json
import os
import threading
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
from tiny_images import binary, cifar_batches, jpeg, md5, mnist_files, place, publish, tiny_mnist

from modescope.core.errors import ModescopeError
from modescope.datasets.images import catalog, fetch, find, load, path, verify
from modescope.datasets.images import store as store_module

FIRST = "train-images-idx3-ubyte.gz"


@pytest.fixture(autouse=True)
def alone(tmp_path, monkeypatch):
    """No data on this machine but what a test puts there."""
    monkeypatch.setattr(store_module, "DEBIAN", tmp_path / "debian")
    monkeypatch.setattr(store_module, "cache_folder", lambda: tmp_path / "cache")
    monkeypatch.delenv("MODESCOPE_DATA", raising=False)
    return tmp_path


@pytest.fixture
def contents():
    return mnist_files()


class Shelf(http.server.BaseHTTPRequestHandler):
    """Gives files from memory, or the first half of them, and counts."""

    files: ClassVar[dict] = {}
    half: ClassVar[tuple] = ()
    asked: ClassVar[list] = []

    def do_GET(self):
        name = self.path.rpartition("/")[2]
        self.asked.append(name)
        if name not in self.files:
            self.send_error(404)
            return
        content = self.files[name]
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content[: len(content) // 2] if name in self.half else content)

    def log_message(self, *args):
        pass


@pytest.fixture
def server(monkeypatch, contents):
    shelf = type("One", (Shelf,), {"files": {n: gzip.compress(c) for n, c in contents.items()}, "asked": []})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), shelf) as running:
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        publish(monkeypatch, "mnist", contents, urls=[f"http://127.0.0.1:{running.server_port}/"])
        yield shelf
        running.shutdown()
        thread.join()


def test_order_of_places(alone, monkeypatch, contents):
    publish(monkeypatch, "mnist", contents)
    assert find("mnist") is None
    place(alone / "cache" / "mnist", contents)
    assert path("mnist") == alone / "cache" / "mnist"
    place(alone / "debian" / "mnist", contents, pack=True)
    assert path("mnist") == alone / "debian" / "mnist"
    place(alone / "own" / "MNIST" / "raw", contents)
    monkeypatch.setenv("MODESCOPE_DATA", str(alone / "own"))
    assert path("mnist") == alone / "own" / "MNIST" / "raw"
    (alone / "own" / "MNIST" / "raw" / "t10k-labels-idx1-ubyte").unlink()
    assert path("mnist") == alone / "debian" / "mnist"  # a set is whole or not there
    monkeypatch.setenv("MODESCOPE_DATA", str(alone / "none"))
    with pytest.raises(ModescopeError, match=r"MODESCOPE_DATA is .*none', expected a folder of data"):
        path("mnist")


def test_download(alone, server, contents):
    found = fetch("mnist")
    assert found.folder == alone / "cache" / "mnist"
    assert sorted(server.asked) == sorted(contents)
    assert {file.name for file in found.folder.iterdir()} == set(contents)  # and nothing that was on its way
    assert [(file.path.name, file.expected, file.md5, file.fault) for file in verify("mnist")] == [
        (name, md5(content), md5(content), "") for name, content in contents.items()
    ]
    fetch("mnist")
    assert len(server.asked) == 4


def test_downloads_go_on_where_they_stopped(alone, server):
    last = server.files.pop("t10k-labels-idx1-ubyte.gz")
    with pytest.raises(ModescopeError, match=r"t10k-labels-idx1-ubyte.gz cannot be downloaded: .*404"):
        fetch("mnist")
    assert find("mnist") is None
    server.files["t10k-labels-idx1-ubyte.gz"] = last
    fetch("mnist")
    assert server.asked.count(FIRST) == 1


def test_a_mirror_helps(alone, server, monkeypatch, contents):
    here = catalog.SETS["mnist"].layouts[0].files[0].urls[0].removesuffix(FIRST)
    publish(monkeypatch, "mnist", contents, urls=[f"{here}not-", here])
    assert len(fetch("mnist").files) == 4


def test_wrong_hash_refuses_and_keeps_the_old_file(alone, server, contents):
    server.files[FIRST] = gzip.compress(b"something else")
    with pytest.raises(ModescopeError) as caught:
        fetch("mnist")
    assert md5(b"something else") in str(caught.value)
    assert md5(contents[FIRST]) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert list((alone / "cache" / "mnist").iterdir()) == []
    # A file that lies there is another's: it is refused, told with both hashes, and left as it is.
    broken = {**contents, FIRST: b"mine"}
    place(alone / "cache" / "mnist", broken)
    asked = len(server.asked)
    with pytest.raises(ModescopeError, match=f"its MD5 is {md5(b'mine')}, expected {md5(contents[FIRST])}"):
        load("mnist")
    assert (alone / "cache" / "mnist" / FIRST.removesuffix(".gz")).read_bytes() == b"mine"
    assert len(server.asked) == asked


def test_a_cut_connection_leaves_nothing(alone, server):
    server.half = (FIRST,)
    with pytest.raises(ModescopeError, match=r"train-images-idx3-ubyte.gz cannot be downloaded"):
        fetch("mnist")
    assert list((alone / "cache" / "mnist").iterdir()) == []
    server.half = ()
    assert len(fetch("mnist").files) == 4


def test_a_full_disk_leaves_nothing(alone, server, monkeypatch):
    import pooch

    class Full(pooch.HTTPDownloader):
        def __call__(self, url, output_file, *rest):
            Path(output_file).write_bytes(b"the first bytes")
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(pooch, "HTTPDownloader", Full)
    with pytest.raises(ModescopeError, match="No space left on device") as caught:
        fetch("mnist")
    assert list((alone / "cache" / "mnist").iterdir()) == []
    assert f"{FIRST} cannot be kept in {str(alone / 'cache' / 'mnist')!r}" in str(caught.value)
    assert "failed" not in str(caught.value)  # no host did


def test_halves_of_killed_downloads_go(alone, server):
    folder = alone / "cache" / "mnist"
    folder.mkdir(parents=True)
    old, fresh, other = (folder / name for name in (f".{FIRST}.00aa.tmp", f".{FIRST}.00bb.tmp", ".mine.tmp"))
    for path_ in (old, fresh, other):
        path_.write_bytes(b"half")
    for path_ in (old, other):
        os.utime(path_, (0, 0))
    fetch("mnist")
    assert [path_.exists() for path_ in (old, fresh, other)] == [False, True, True]  # another may be writing to it
    os.utime(fresh, (0, 0))
    fetch("mnist")
    assert not fresh.exists()  # though the file itself is there


def test_what_requests_says_of_settings_is_no_fault_of_the_disk(alone, server, monkeypatch):
    monkeypatch.setattr("requests.adapters.HTTPAdapter.send", fails)
    with pytest.raises(ModescopeError, match="failed: Could not find a suitable TLS CA certificate bundle"):
        fetch("mnist")


def fails(*args, **settings):
    raise OSError("Could not find a suitable TLS CA certificate bundle, invalid path: /none.pem")


def test_a_folder_that_nobody_may_look_into_hides_no_other_set(alone, monkeypatch, capsys):
    tiny_mnist(monkeypatch, alone / "own")
    closed, is_file = alone / "own" / "cifar-10-batches-bin", Path.is_file

    def look(self, *settings):
        if closed in self.parents:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(self))
        return is_file(self, *settings)

    closed.mkdir()
    monkeypatch.setattr(Path, "is_file", look)
    with pytest.raises(ModescopeError, match="cifar-10-batches-bin' cannot be read: Permission denied"):
        find("cifar10")
    assert run("data", "list", "--json") == 0
    listed = {row["name"]: row for row in json.loads(capsys.readouterr().out)}
    assert listed["mnist"]["path"] == str(alone / "own" / "mnist")
    assert "Permission denied" in listed["cifar10"]["note"]


def test_an_interruption_leaves_nothing(alone, server, monkeypatch):
    import pooch

    class Stopped(pooch.HTTPDownloader):
        def __call__(self, url, output_file, *rest):
            Path(output_file).write_bytes(b"the first bytes")
            raise KeyboardInterrupt

    monkeypatch.setattr(pooch, "HTTPDownloader", Stopped)
    with pytest.raises(KeyboardInterrupt):
        fetch("mnist")
    assert list((alone / "cache" / "mnist").iterdir()) == []


def test_no_network_says_what_to_put_where(alone, monkeypatch, contents):
    publish(monkeypatch, "mnist", contents, urls=["http://127.0.0.1:9/"])
    with pytest.raises(ModescopeError) as caught:
        load("mnist")
    told = str(caught.value)
    assert "127.0.0.1:9 cannot be reached" in told
    assert "get train-images-idx3-ubyte.gz, train-labels-idx1-ubyte.gz, t10k-images-idx3-ubyte.gz" in told
    assert "into mnist/ in a folder that MODESCOPE_DATA names" in told
    assert "\n" not in told
    (alone / "own").mkdir()
    monkeypatch.setenv("MODESCOPE_DATA", str(alone / "own"))
    with pytest.raises(ModescopeError, match=r"put them into '.*own/mnist'"):
        load("mnist")
    with pytest.raises(
        ModescopeError, match=r"sign-digits is .*: by hand, get the folder Dataset from https.*sign-digits'"
    ):
        fetch("sign-digits")
    with pytest.raises(
        ModescopeError, match=r"modescope data fetch celeba downloads it; by hand, get img_align_celeba.zip"
    ):
        path("celeba")
    with pytest.raises(ModescopeError, match="unknown image set 'mnits': did you mean 'mnist'"):
        fetch("mnits")


def test_published_hashes_have_their_form():
    for known in catalog.SETS.values():
        for file in (file for layout in known.layouts for file in layout.files):
            assert file.md5 == "" or (len(file.md5) == 32 and set(file.md5) <= set("0123456789abcdef"))
            assert not file.urls or (file.md5 and file.size)  # what is downloaded is checked


def run(*args):
    from modescope.cli import main

    with pytest.raises(SystemExit) as stopped:
        main(args)
    return stopped.value.code or 0


def test_commands(alone, monkeypatch, capsys, contents):
    tiny_mnist(monkeypatch, alone / "own")
    assert run("data", "path", "mnist") == 0
    assert capsys.readouterr().out.strip() == str(alone / "own" / "mnist")
    assert run("data", "fetch", "mnist", "--json") == 0
    files = json.loads(capsys.readouterr().out)
    assert [file["md5"] for file in files] == [md5(content) for content in contents.values()]
    assert all(file["ok"] for file in files)
    assert run("data", "list", "--json") == 0
    listed = {row["name"]: row for row in json.loads(capsys.readouterr().out)}
    assert set(listed) == set(catalog.SETS)
    assert listed["mnist"]["path"] == str(alone / "own" / "mnist")
    assert listed["celeba"]["path"] is None
    assert run("data", "list") == 0
    assert "fashion-mnist" in capsys.readouterr().out
    (alone / "own" / "mnist" / FIRST).write_bytes(gzip.compress(b"other"))
    assert run("data", "verify", "mnist") == 2
    said = capsys.readouterr()
    assert "wrong" in said.out
    assert md5(b"other") in said.err
    assert md5(contents[FIRST]) in said.err


def test_a_file_without_a_hash_has_a_length(alone, monkeypatch, capsys):
    """A batch of CIFAR-10 that was cut is no published one, though no hash of it is published."""
    batches = {f"{name}.bin": binary(*batch) for name, batch in cifar_batches(30).items()}
    publish(monkeypatch, "cifar10", batches, form="cifar-binary")
    folder = alone / "data" / "cifar-10-batches-bin"
    place(folder, batches)
    monkeypatch.setenv("MODESCOPE_DATA", str(alone / "data"))
    assert run("data", "verify", "cifar10", "--json") == 0
    assert {file["ok"] for file in json.loads(capsys.readouterr().out)} == {None}
    (folder / "data_batch_2.bin").write_bytes(batches["data_batch_2.bin"][:-7])
    assert run("data", "verify", "cifar10") == 2
    said, whole = capsys.readouterr(), len(batches["data_batch_2.bin"])
    assert said.out.count("none is published") == 5
    assert f"it has {whole - 7:,} bytes, expected {whole:,}" in " ".join(said.err.split())


def test_a_folder_of_images_has_no_hashes(alone, monkeypatch, capsys):
    for i in range(3):
        (alone / "data" / "sign-digits" / "Dataset" / str(i)).mkdir(parents=True)
        (alone / "data" / "sign-digits" / "Dataset" / str(i) / "a.jpg").write_bytes(
            jpeg(np.zeros((64, 64, 3), np.uint8))
        )
    monkeypatch.setenv("MODESCOPE_DATA", str(alone / "data"))
    assert run("data", "verify", "sign-digits") == 0
    assert "as a folder of images, of which no hashes are published" in " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (("fetch",), "data fetch needs the name of a set"),
        (("list", "mnist"), "data list takes no name"),
        (("path", "mnits"), "did you mean 'mnist'"),
        (("verify", "celeba"), "celeba is not on this machine"),
    ],
)
def test_bad_commands(capsys, args, message):
    assert run("data", *args) == 2
    assert message in " ".join(capsys.readouterr().err.split())
