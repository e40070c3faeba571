"""Fuzzes everything that reads what people hand in, guided by which of our lines a change of the input reaches.

``python -m benchmarks.fuzz [TARGET ...] --seconds 60``. libFuzzer, through atheris (the extra ``fuzz``), changes valid
examples; a target fails on anything but a result or a sentence of ours, after 20 seconds, or above 4 GiB. The input of
a failure is kept under ``--out``, and ``python -m benchmarks.fuzz TARGET --again FILE`` shows it. The code is 1 if any
failed.
"""

import argparse
import importlib.util
import io
import json
import pickle
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

Read = Callable[[bytes, Path], object]
ROOT = Path(__file__).parents[1]
RUN = ROOT / "tests/fixtures/run-schema-2"
SLOWEST, MOST = 20, 4096  # seconds and MiB of one input


@dataclass(frozen=True)
class Target:
    """Something that reads.

    Arguments:
        read: Reads some bytes, with a folder to write them to; imports what it needs, so that it is instrumented.
        seeds: Valid examples.
    """

    read: Read
    seeds: Callable[[], list[bytes]]


def in_file(name: str, read: Callable[[Path], object]) -> Read:
    """Reads the bytes as a file of a name."""

    def written(content: bytes, folder: Path) -> object:
        path = folder / name
        path.write_bytes(content)
        return read(path)

    return written


def samples(path: Path) -> object:
    """All samples of a file or of a folder."""
    from modescope.sources import open_source

    return [len(batch) for batch in open_source(path if path.suffix != ".png" else path.parent).batches(64)]


def array(path: Path) -> object:
    """A data set of an array."""
    from modescope import datasets

    return datasets.make(str(path))


def suite(path: Path) -> object:
    """The plans of a suite."""
    from modescope.benchmark.suite import Suite

    return Suite.from_toml(path)


def table(path: Path) -> object:
    """The rows of a benchmark's table, and their groups."""
    from modescope.benchmark.queries import groups, members
    from modescope.benchmark.table import read_rows, results_of

    found = results_of(read_rows(path))
    return members(found), groups(found)


def phase(path: Path) -> object:
    """A phase diagram."""
    from modescope.phase import read_phase

    return read_phase(path.parent).share_whole


def words(content: bytes, folder: Path) -> object:
    """A line of a command: the first byte says what it is."""
    from modescope import datasets, methods
    from modescope.benchmark import Entrant
    from modescope.benchmark.queries import Condition
    from modescope.core.errors import ModescopeError
    from modescope.phase.axis import Axis

    readers: tuple[Callable[[str], Any], ...] = (
        datasets.recipe,
        methods.build,
        lambda text: Entrant.parse(text).method(),
        Condition.parse,
        Axis.parse,
    )
    text = content[1:].decode(errors="replace")
    try:
        return readers[content[0] % len(readers)](text) if content else None
    except OSError as error:  # the name of a file that the system does not take
        raise ModescopeError(str(error)) from error


def idx(content: bytes, folder: Path) -> object:
    """A file of MNIST."""
    from modescope.datasets.images.idx import parse_idx

    return parse_idx(content, "it", 3)


def batch(content: bytes, folder: Path) -> object:
    """A pickled batch of CIFAR-10, which is never unpickled."""
    from modescope.datasets.images.cifar import parse_pickle

    return parse_pickle(content, "it")


def picture(content: bytes, folder: Path) -> object:
    """An image."""
    from modescope.core.errors import ModescopeError
    from modescope.sources.decode import UnreadableError, decode

    try:
        return decode(content)
    except UnreadableError as error:
        raise ModescopeError(str(error)) from error


def described(name: str) -> Read:
    """Reads a run whose description of that name has other words under a right checksum."""

    def read(content: bytes, folder: Path) -> object:
        from modescope.core.sealed import sealed
        from modescope.runs import Run, verify_run

        run = folder / "run"
        if not run.exists():
            shutil.copytree(RUN, run)
        try:
            plain = json.loads(content)
        except (ValueError, RecursionError):
            return None
        (run / name).write_text(sealed(plain) if isinstance(plain, dict) else json.dumps(plain))
        verify_run(run)
        opened = Run(run)
        return opened.done, opened.history().steps, opened.samples().shape

    return read


def arrays() -> list[bytes]:
    """Arrays as NumPy writes them."""
    found = []
    for x in (np.eye(3), np.arange(8, dtype=">i4").reshape(4, 2), np.zeros((2, 1), "f2", order="F")):
        file = io.BytesIO()
        np.save(file, x)
        found.append(file.getvalue())
    return found


def archives() -> list[bytes]:
    """Archives of arrays."""
    file = io.BytesIO()
    np.savez_compressed(file, x=np.eye(3), labels=np.arange(3))
    return [file.getvalue()]


def pictures() -> list[bytes]:
    """The same picture in several formats."""
    from PIL import Image

    found = []
    for kind, mode in (("png", "RGB"), ("png", "P"), ("jpeg", "L"), ("gif", "P"), ("bmp", "RGB"), ("webp", "RGBA")):
        file = io.BytesIO()
        Image.new(mode, (5, 4)).save(file, kind)
        found.append(file.getvalue())
    return found


def rows() -> list[bytes]:
    """A line of a benchmark's table."""
    from modescope.benchmark import Result
    from modescope.benchmark.panel import KNOWN
    from modescope.benchmark.table import rows_of

    values = dict.fromkeys(KNOWN.metrics, (1.0, 2.0))
    about = {"folder": "ring/common/gan", "dataset": "ring", "protocol": "common"}
    result = Result("gan", "0" * 12, seeds=(0, 1), rates=(1e-3, None), values=values, diverged=(None, 3), **about)
    return ["".join(json.dumps(row) + "\n" for row in rows_of(result)).encode()]


def cifar() -> list[bytes]:
    """A batch of CIFAR-10 as its authors wrote it."""
    plain = {b"labels": [1, 2], b"data": np.zeros((2, 3072), np.uint8), b"batch_label": b"a batch"}
    return [pickle.dumps(plain, protocol=protocol) for protocol in (1, 2)]


def text(*lines: str) -> Callable[[], list[bytes]]:
    """Texts as examples."""
    return lambda: [line.encode() for line in lines]


TARGETS: dict[str, Target] = {
    "npy": Target(in_file("x.npy", array), arrays),
    "npz": Target(in_file("x.npz", samples), archives),
    "csv": Target(in_file("x.csv", array), text("a,b\n1,2\n3,4\n", "1;2\n3;4", "1.5,nan\n")),
    "mixture": Target(in_file("x.json", array), text('{"means": [[0, 0], [1, 1]], "std": 0.1, "weights": [1, 2]}')),
    "picture": Target(picture, pictures),
    "folder": Target(in_file("pictures/x.png", samples), pictures),
    "idx": Target(idx, lambda: [b"\0\0\x08\x03" + b"\0\0\0\x02" * 3 + bytes(8)]),
    "cifar": Target(batch, cifar),
    "suite": Target(in_file("x.toml", suite), text('datasets = ["ring"]\nseeds = 3\nlimit = 1.5\nmethods = ["gan"]\n')),
    "table": Target(in_file("results.jsonl", table), rows),
    "phase": Target(in_file("phase.json", phase), lambda: [(ROOT / "docs/phase-unrolled.json").read_bytes()]),
    "words": Target(
        words,
        text(
            "\0ring:pacgan",
            "\1unrolled+pacgan",
            "\2pacgan@degree=4",
            "\2forward-kl@form=sig",
            "\3modes>7",
            "\4lr=1e-4..1e-2:8:log",
            "\4unroll=0,1,5",
        ),
    ),
    "config": Target(described("config.json"), lambda: [(RUN / "config.json").read_bytes()]),
    "checkpoint": Target(
        described("block-000/checkpoint.json"), lambda: [(RUN / "block-000/checkpoint.json").read_bytes()]
    ),
}


def fuzz(name: str, folder: Path, options: list[str]) -> None:
    """Fuzzes one target until libFuzzer leaves, in this process."""
    import atheris

    with atheris.instrument_imports(include=["modescope"]):
        from modescope.core.errors import ModescopeError
    target = TARGETS[name]
    corpus = folder / "corpus"
    (folder / "files" / "pictures").mkdir(parents=True)
    corpus.mkdir()
    for number, seed in enumerate(target.seeds()):
        (corpus / str(number)).write_bytes(seed)

    def once(content: bytes) -> None:
        # Readers are imported when they are first used.
        with atheris.instrument_imports(include=["modescope"]), suppress(ModescopeError):
            target.read(content, folder / "files")

    for seed in target.seeds():  # the first of all takes the time of imports
        once(seed)
    atheris.Setup([sys.argv[0], *options, str(corpus)], once)
    atheris.Fuzz()


def study(name: str, seconds: int, out: Path) -> bool:
    """Fuzzes one target in a process of its own, prints what came of it, and tells whether all was well."""
    out.mkdir(parents=True, exist_ok=True)
    limits = [f"-max_total_time={seconds}", f"-timeout={SLOWEST}", f"-rss_limit_mb={MOST}", "-max_len=4096"]
    command = [sys.executable, "-m", "benchmarks.fuzz", name, "--", *limits, f"-artifact_prefix={out}/{name}-"]
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
    (out / f"{name}.log").write_text(done.stdout + done.stderr)
    runs = re.search(r"Done (\d+) runs", done.stderr)
    reached = re.findall(r"cov: (\d+)", done.stderr)
    good = done.returncode == 0 and runs is not None
    what = f"{int(runs[1]):,} inputs" if runs else "not to its end"
    print(f"{name:12} {'well' if good else 'FAILED':8} {what:>20}, {reached[-1] if reached else 0} edges", flush=True)
    return good


def main() -> None:
    """Fuzzes targets, or shows one input again."""
    own, options = split(sys.argv[1:])
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=f"{', '.join(TARGETS)}; all if not given")
    parser.add_argument("--seconds", type=int, default=60, help="of each target")
    parser.add_argument("--out", type=Path, default=Path("fuzz"), help="the folder of logs and of what failed")
    parser.add_argument("--again", type=Path, help="an input to read once more, with its traceback")
    given = parser.parse_args(own)
    for name in given.targets:
        if name not in TARGETS:
            parser.error(f"unknown target {name!r}: expected some of {', '.join(TARGETS)}")
    if given.again is None and importlib.util.find_spec("atheris") is None:
        parser.error("atheris is not installed: pip install 'modescope[fuzz]'")
    with tempfile.TemporaryDirectory() as folder:
        if options:
            fuzz(given.targets[0], Path(folder), options)
        elif given.again is not None:
            (Path(folder) / "pictures").mkdir()
            TARGETS[given.targets[0]].read(given.again.read_bytes(), Path(folder))
        else:
            good = [study(name, given.seconds, given.out) for name in given.targets or TARGETS]
            raise SystemExit(0 if all(good) else 1)


def split(words: list[str]) -> tuple[list[str], list[str]]:
    """Our arguments, and libFuzzer's after a double dash."""
    at = words.index("--") if "--" in words else len(words)
    return words[:at], words[at + 1 :]


if __name__ == "__main__":
    main()
