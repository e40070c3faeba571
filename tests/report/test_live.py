"""The report of a run while it trains: it answers this machine alone, reads nothing that is asked for, and follows."""

import http.client
import json
import shutil
import signal
import socket
import struct
import subprocess
import sys
import threading
import urllib.request
from contextlib import contextmanager
from functools import partial

import numpy as np
import pytest
from test_html import CHROME, Page

from modescope.core import ModescopeError
from modescope.report.groups import scenes_of
from modescope.report.html import render
from modescope.report.live import HOST, Glance, Live, server_of
from modescope.runs import Run


@pytest.fixture
def going(ring, tmp_path):
    """A run that was stopped in the middle: it has three of its five looks, and no checkpoint yet."""
    folder = tmp_path / "going"
    shutil.copytree(ring.folder, folder)
    (store,) = Run(folder).stores
    store.manifest_path.unlink()
    store.samples_path.unlink()
    keep(folder, ring, 3)
    return folder


def keep(folder, ring, looks):
    """Writes the first looks of a run, as training does: one line and one snapshot each."""
    (theirs,), (ours,) = ring.stores, Run(folder).stores
    lines = theirs.stats_path.read_bytes().splitlines(keepends=True)
    size = theirs.snapshots_path.stat().st_size // len(lines)
    ours.stats_path.write_bytes(b"".join(lines[:looks]))
    ours.snapshots_path.write_bytes(theirs.snapshots_path.read_bytes()[: looks * size])


@contextmanager
def served(live):
    server = server_of(live)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def asked(port, path="/", method="GET", host=None):
    connection = http.client.HTTPConnection(HOST, port, timeout=60)
    connection.request(method, path, headers={"Host": host or f"{HOST}:{port}"})
    answer = connection.getresponse()
    return answer.status, answer.read().decode()


def test_a_glance_sees_the_newest_look(going, ring):
    glance, (steps, kept) = Glance(going), ring.snapshots()
    np.testing.assert_array_equal(glance.samples().numpy(), kept[2])
    assert list(glance.history().steps) == list(steps[:3])


def test_a_look_that_comes_while_the_report_is_made_is_left_out(going, ring):
    glance = Glance(going)
    scenes = scenes_of([glance])
    keep(going, ring, 4)
    (film,) = json.loads(Page(render(scenes, [glance])).scripts[0])[0]["films"]
    assert film["steps"] == [0, 5, 10]


def test_it_follows_the_run(going, ring):
    live = Live(going)
    assert live.state() == {"name": "ring gan", "looks": 3, "step": 10, "steps": 20, "done": False}
    before = live.report()
    assert "step 10" not in Page(before).text  # the page itself is a report as any other
    assert live.report() is before  # and is made once for each look
    keep(going, ring, 4)
    assert live.state()["looks"] == 4
    after = live.report()
    assert after != before
    (film,) = json.loads(Page(after).scripts[0])[0]["films"]
    assert film["steps"] == [0, 5, 10, 15]


def test_a_run_that_is_done_shows_its_final_samples(ring):
    live = Live(ring.folder)
    assert live.state()["done"]
    assert "240 final samples of each seed" in Page(live.report()).text


def test_it_answers_get_alone_and_no_path_but_its_own(going):
    (going / "secret.txt").write_text("secret")
    with served(Live(going)) as port:
        status, page = asked(port)
        assert status == 200
        assert "/state" in page
        assert json.loads(asked(port, "/state")[1])["step"] == 10
        for path in ("/secret.txt", "/../secret.txt", "/%2e%2e/secret.txt", "//secret.txt", "/config.json", "/report/"):
            assert asked(port, path)[0] == 404, path
        for method in ("POST", "PUT", "DELETE", "HEAD", "OPTIONS"):
            assert asked(port, "/state", method)[0] == 501, method
        assert asked(port, "/state", host=f"localhost:{port}")[0] == 200
        assert asked(port, "/state", host="evil.example")[0] == 403
        assert HOST == "127.0.0.1"


def test_before_the_first_look_it_asks_to_wait(unfinished):
    with served(Live(unfinished.folder)) as port:
        assert json.loads(asked(port, "/state")[1])["looks"] == 0
        status, text = asked(port, "/report")
    assert status == 503
    assert "no look yet" in text


def test_what_cannot_be_served_is_told(going, tmp_path):
    with pytest.raises(ModescopeError, match="is no run"):
        Live(tmp_path)
    with served(Live(going)) as port, pytest.raises(ModescopeError, match=f"port {port} cannot be used"):
        server_of(Live(going), port)
    with pytest.raises(ModescopeError, match="expected a number from 0 to 65535"):
        server_of(Live(going), 70_000)


def test_a_window_that_is_closed_is_no_fault_and_a_folder_that_cannot_be_read_is_told(ring, tmp_path, capfd):
    folder = tmp_path / "run"
    shutil.copytree(ring.folder, folder)
    live = Live(folder)
    asks, leave = threading.Event(), threading.Event()

    def slow():
        asks.set()
        leave.wait(10)
        return "x" * 10_000_000

    with served(live) as port:
        live.report = slow
        with socket.create_connection((HOST, port)) as window:
            window.sendall(f"GET /report HTTP/1.0\r\nHost: {HOST}\r\n\r\n".encode())
            assert asks.wait(10)
            window.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # gone at once
        leave.set()
        del live.report
        (store,) = Run(folder).stores
        store.samples_path.unlink()
        store.samples_path.mkdir()
        status, text = asked(port, "/report")
        assert status == 503
        assert "samples.safetensors" in text
    assert capfd.readouterr().err == ""


@pytest.mark.skipif(CHROME is None, reason="no chromium or chrome on this machine to open the page with")
def test_the_page_is_drawn_anew_at_new_looks(going, tmp_path):
    """Each question for the state finds one more look, until the third; each look draws the report once."""
    live, drawn = Live(going), []
    looks = iter([1, 2, 3])
    last = [0]

    def state():
        last[0] = next(looks, last[0])
        return {"name": "<b>run</b>", "looks": last[0], "step": last[0], "steps": 3, "done": False}

    live.state = state
    live.report = lambda: drawn.append(last[0]) or "<!DOCTYPE html><html lang='en'><body>report</body></html>"
    flags = "--headless --no-sandbox --disable-gpu --enable-logging=stderr --virtual-time-budget=12000 --dump-dom"
    with served(live) as port:
        command = [CHROME, *flags.split(), f"--user-data-dir={tmp_path / 'profile'}", f"http://{HOST}:{port}/"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    assert drawn == [1, 2, 3]
    assert not [line for line in done.stderr.splitlines() if "CONSOLE" in line]
    assert "&lt;b&gt;run&lt;/b&gt;" in done.stdout
    assert "step 3 of 3" in done.stdout


def test_the_command_serves_until_ctrl_c(going):
    command = [sys.executable, "-m", "modescope", "report", "--live", str(going)]
    heard = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)  # which a shell's background job would not hear
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, preexec_fn=heard, **pipes) as process:
        try:
            address = process.stdout.readline().strip()
            with urllib.request.urlopen(f"{address}/state", timeout=60) as answer:
                assert json.load(answer)["looks"] == 3
            process.send_signal(signal.SIGINT)
            _, said = process.communicate(timeout=60)
        finally:
            process.kill()
    assert process.returncode in (0, 130)
    assert "Traceback" not in said
    assert address.startswith("http://127.0.0.1:")
