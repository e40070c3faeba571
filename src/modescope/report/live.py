"""The report of a run while it trains, for a browser on this machine."""

__all__ = ["Glance", "Live", "server_of"]

import json
import threading
from contextlib import suppress
from functools import partial
from html import escape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import torch
from torch import Tensor

from ..core.errors import ModescopeError, need
from ..runs import History, Run
from .assets import asset
from .groups import scenes_of
from .html import render

HOST = "127.0.0.1"  # and no other address: nobody else on the network can look


class Glance(Run):
    """A run that goes on, as of its newest look when this is made, whose snapshots stand for the final samples."""

    def __init__(self, folder: str | Path) -> None:
        super().__init__(folder)
        self.seen = super().history()  # read once, since the run writes on between two readings

    def history(self) -> History:
        """What was recorded up to that look."""
        return self.seen

    @property
    def done(self) -> bool:
        return True

    def samples(self) -> Tensor:
        steps, kept = self.snapshots()
        need(len(steps) > 0, f"run {self.name!r} has no look yet")
        return torch.from_numpy(kept[len(steps) - 1].copy())


class Live:
    """What is told of a run, made anew only when there is something new.

    Arguments:
        folder: The run's folder.

    Raises:
        ModescopeError: If it is no run's folder, or the run keeps no snapshots.
    """

    def __init__(self, folder: str | Path) -> None:
        run = Run(folder)
        kept = run.experiment.evaluation.snapshot > 0
        need(kept, f"run {run.name!r} keeps no snapshots (--snapshot 0), so there is nothing to see while it trains")
        self.folder, self.lock = folder, threading.Lock()
        self.made: tuple[tuple[int, bool], str] | None = None

    def state(self) -> dict[str, object]:
        """Where the run stands: its looks, the newest one's step, all its steps, and whether it is done."""
        run = Run(self.folder)
        steps = run.history().steps
        newest = int(steps[-1]) if len(steps) else 0
        return {
            "name": run.name,
            "looks": len(steps),
            "step": newest,
            "steps": run.experiment.training.steps,
            "done": run.done,
        }

    def report(self) -> str:
        """The report as of the newest look."""
        with self.lock:  # two windows do not make it twice
            run = Run(self.folder)
            key = (len(run.history().steps), run.done)
            if self.made is None or self.made[0] != key:
                shown = run if run.done else Glance(self.folder)
                self.made = key, render(scenes_of([shown]), [shown])
            return self.made[1]


def server_of(live: Live, port: int = 0) -> ThreadingHTTPServer:
    """A server of a run's report on this machine alone; ``serve_forever`` starts it.

    Arguments:
        live: What is told.
        port: Its port; any free one if 0.

    Raises:
        ModescopeError: If the port is taken or may not be used.
    """
    need(0 <= port < 2**16, f"port is {port}, expected a number from 0 to 65535")
    try:
        server = ThreadingHTTPServer((HOST, port), partial(Handler, live))
    except OSError as error:
        raise ModescopeError(f"port {port} cannot be used: {error.strerror or error}") from error
    server.daemon_threads = True
    return server


class Handler(BaseHTTPRequestHandler):
    """Answers three addresses, and reads no file that a request names.

    Arguments:
        live: What is told.
        arguments: Those of the server.
    """

    def __init__(self, live: Live, *arguments: object) -> None:
        self.live = live
        super().__init__(*arguments)  # type: ignore[arg-type]

    def handle(self) -> None:
        """Answers, unless the window is closed meanwhile."""
        with suppress(ConnectionError):
            super().handle()

    def do_GET(self) -> None:
        """Answers a request, unless it calls this machine by another name: then a page from elsewhere made it."""
        if self.headers.get("Host", "").partition(":")[0] not in (HOST, "localhost"):
            self.answer(403, "text/plain", "This page is for this machine alone.")
            return
        try:
            match self.path:
                case "/":
                    self.answer(200, "text/html", asset("live.html"))
                case "/state":
                    self.answer(200, "application/json", json.dumps(self.live.state()))
                case "/report":
                    self.answer(200, "text/html", self.live.report())
                case _:
                    self.answer(404, "text/plain", "There is nothing here.")
        except (ModescopeError, OSError) as error:  # the folder is gone, or was damaged
            if isinstance(error, ConnectionError):
                raise
            self.answer(503, "text/html", f'<!DOCTYPE html><html lang="en"><title>Wait</title><p>{escape(str(error))}')

    def answer(self, code: int, kind: str, text: str) -> None:
        """Sends a text."""
        content = text.encode()
        self.send_response(code)
        self.send_header("Content-Type", f"{kind}; charset=utf-8")
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Cache-Control", "no-store")
        self.send_header("X-Content-Type-Options", "nosniff")
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:
        """Says nothing of requests."""
