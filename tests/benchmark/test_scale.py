"""Suites, keys, and cells that are done once, wherever, whatever happens to the processes that do them."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from doings import made

from modescope.benchmark import Cell, make_plan, run_cells, schedulers
from modescope.benchmark import provenance as provenance_module
from modescope.benchmark.calibrate import disk_of
from modescope.benchmark.memory import available_memory, fresh_peak, peak_memory
from modescope.benchmark.results import read_result, settled, write_failure, write_result
from modescope.benchmark.suite import SUITES, Suite, suite_of
from modescope.benchmark.table import collect
from modescope.core import ModescopeError

HERE = Path(__file__).parent


def cells_of(count: int) -> list[Cell]:
    """The plain GAN, and entrants that differ in their critic's steps from 2 on."""
    methods = [f"gan@critic_steps={steps}" for steps in range(2, count + 1)]
    return make_plan("ring", methods, seeds=2, budget=2, learning_rates=(1e-3,)).possible


# Suites


def test_a_suite_from_a_file_is_the_one_from_python(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(
        'datasets = ["ring", "grid25"]\nmethods = ["gan", "pacgan@degree=4"]\nprotocols = ["common", "paper"]\n'
        "seeds = 3\nbudget = 100\nlearning_rates = [1e-3, 1]\nlimit = 2\n"
    )
    suite = Suite(
        name="mine",
        datasets=("ring", "grid25"),
        methods=("gan", "pacgan@degree=4"),
        protocols=("common", "paper"),
        seeds=3,
        budget=100,
        learning_rates=(1e-3, 1.0),
        limit=2,
    )
    assert suite_of(str(path)) == suite
    plans = suite.plans()
    assert [(plan.dataset, plan.protocol) for plan in plans] == [
        (dataset, protocol) for dataset in ("ring", "grid25") for protocol in ("common", "paper")
    ]
    alone = make_plan("grid25", ["pacgan@degree=4"], seeds=3, budget=100, learning_rates=(1e-3, 1.0))
    assert [cell.key for cell in plans[2].cells] == [cell.key for cell in alone.cells]
    assert suite_of("ring").datasets == ("ring",)


@pytest.mark.parametrize("suite", SUITES.values(), ids=lambda suite: suite.name)
def test_named_suites_can_be_planned(suite: Suite) -> None:
    few = Suite(name=suite.name, datasets=suite.datasets, methods=("gan",), protocols=suite.protocols)
    assert all(plan.cells for plan in few.plans())
    assert suite_of(suite.name) is suite


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("datasets = [", "is no TOML file"),
        ("", "datasets is missing"),
        ("dataset = ['ring']", "unknown suite key 'dataset': did you mean 'datasets'"),
        ("datasets = 'ring'", "datasets is 'ring', expected a list of texts"),
        ("datasets = []", r"datasets is \[\]"),
        ("datasets = ['ring', 'ring']", "datasets has a text twice"),
        ("datasets = ['ring']\nmethods = [3]", r"methods is \[3\]"),
        ("datasets = ['ring']\nprotocols = ['comon']", "did you mean 'common'"),
        ("datasets = ['ring']\nseeds = 1", "seeds is 1, expected a whole number of at least 2"),
        ("datasets = ['ring']\nseeds = true", "seeds is True"),
        ("datasets = ['ring']\nbudget = 1.5", "budget is 1.5"),
        ("datasets = ['ring']\nlearning_rates = [1e-3, -1]", "learning_rates is"),
        ("datasets = ['ring']\nlearning_rates = 1e-3", "learning_rates is 0.001"),
        ("datasets = ['ring']\nlearning_rates = [nan]", "learning_rates is"),
        ("datasets = ['ring']\nlimit = 0", "limit is 0, expected a positive number of minutes"),
        ("datasets = ['ring']\nlimit = 2020-01-01", "limit is"),
        ("name = ''\ndatasets = ['ring']", "name is ''"),
        ("name = '..'\ndatasets = ['ring']", "name is '..', expected a word or two, which also name the folder"),
        ('name = "a\\u0000b"\ndatasets = ["ring"]', "name is 'a.*b'"),
        ("x = " + "[" * 3000 + "]" * 3000, "is no TOML file"),
        ("datasets = ['ring']\n\x00", "is no TOML file"),
    ],
)
def test_a_bad_suite_is_told_in_a_sentence(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "bad.toml"
    path.write_text(text)
    with pytest.raises(ModescopeError, match=message) as told:
        Suite.from_toml(path)
    assert str(path) in str(told.value)


def test_a_suite_that_is_no_text_is_told(tmp_path: Path) -> None:
    path = tmp_path / "bad.toml"
    path.write_bytes(b"\xff\xfe\x00datasets")
    with pytest.raises(ModescopeError, match="is no TOML file"):
        suite_of(str(path))
    with pytest.raises(ModescopeError, match="No such file"):
        suite_of(str(tmp_path / "none.toml"))
    with pytest.raises(ModescopeError, match="ring"):
        Suite(name="x", datasets=("rings",)).plans()


# Keys


def test_a_key_is_of_configuration_data_and_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "mix.json"

    def key(sigma: float, seeds: int = 2) -> str:
        path.write_text(json.dumps({"means": [[0, 0], [1, 0]], "std": sigma, "weights": [0.5, 0.5]}))
        return make_plan(str(path), ["gan"], seeds=seeds, budget=20).cells[0].key

    first = key(0.1)
    assert key(0.1) == first  # whenever it was read
    assert key(0.2) != first  # other data under the same name
    assert key(0.1, seeds=3) != first
    monkeypatch.setattr(provenance_module, "code_digest", lambda rooms: "another")
    assert key(0.1) != first


def test_a_cell_is_read_as_it_was_written_and_by_no_other_code(monkeypatch: pytest.MonkeyPatch) -> None:
    cell = cells_of(2)[1]
    plain = json.loads(json.dumps(cell.encode()))
    again = Cell.decode(plain)
    assert (again, again.key, again.folder) == (cell, cell.key, cell.folder)
    monkeypatch.setattr(provenance_module, "code_digest", lambda rooms: "another")
    with pytest.raises(ModescopeError, match="by other code than planned"):
        Cell.decode(plain)


def test_code_of_a_users_method_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    text = "from modescope.methods import GAN\n\nclass Own(GAN):\n    pass\n"
    keys = []
    for name, more in (("own_a", ""), ("own_b", "# changed\n")):
        (tmp_path / f"{name}.py").write_text(text + more)
        keys.append(provenance_module.code_of(make_plan("ring", [f"{name}:Own"], seeds=2).cells[1].experiment))
    assert keys[0][:2] == keys[1][:2]
    assert len(keys[0]) == 3
    assert keys[0][2] != keys[1][2]


# What is written


def test_a_damaged_result_is_never_used(tmp_path: Path) -> None:
    cell = cells_of(1)[0]
    result = made(cell.encode(), (1.0, float("inf")))
    write_result(tmp_path, result)
    assert read_result(tmp_path) == result
    content = (tmp_path / "result.json").read_bytes()
    for bad in (content.replace(b'"inf"', b'"2.0"'), content.replace(b"0.1", b"0.2"), content[:-9], b"", b"[]"):
        (tmp_path / "result.json").write_bytes(bad)
        assert settled(tmp_path) is None
        with pytest.raises(ModescopeError, match="was changed or damaged"):
            read_result(tmp_path)
    write_failure(tmp_path, cell.encode(), "some day")
    (tmp_path / "result.json").unlink()
    assert read_result(tmp_path).failure == "some day"


def test_memory_is_that_of_one_cell() -> None:
    before = fresh_peak()
    held = bytearray(os.urandom(1 << 20) * 200)
    assert 150 << 20 < peak_memory() - before < 700 << 20
    del held
    again = fresh_peak()
    assert peak_memory() - again < 50 << 20
    assert available_memory() > 1 << 20


# Processes


def test_cells_fail_alone_by_error_by_signal_and_by_hanging(tmp_path: Path) -> None:
    cells = cells_of(6)
    told: dict[str, str] = {}

    def tell(cell: Cell, outcome: str) -> None:
        told[cell.entrant.label.removeprefix("gan@critic_steps=")] = outcome

    # The one that hangs comes last, so that fewer processes are started.
    order = [*(cell for cell in cells if not cell.entrant.label.endswith("=2")), cells[1]]
    assert run_cells(order, tmp_path, 1, tell, limit=1 / 60, work="doings:various")
    assert told == {
        "gan": "done",
        "2": f"it took longer than the limit of {1 / 60:g} minutes",
        "3": "MemoryError: no room for a cell",
        "4": "done",  # it died by a signal, and was tried again
        "5": "SystemExit: 3",
        "6": "done",
    }
    assert not list(tmp_path.glob(".stop-*"))


@pytest.mark.skipif(sys.platform != "linux", reason="the variables are those of glibc")
def test_memory_is_kept_where_dask_says_otherwise(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MALLOC_TRIM_THRESHOLD_", "65536")  # as Dask's workers have it
    run_cells(cells_of(1), tmp_path, 1, work="doings:frugal")
    # 50 tensors of a MiB, in pages of 4 KiB: 256 pages if the memory of the first is taken again, 12,800 if not
    assert int((tmp_path / "pages").read_text()) < 2000


def test_two_on_one_folder_do_every_cell_once(tmp_path: Path) -> None:
    cells = cells_of(40)
    told: list[list[str]] = [[], []]

    def run(index: int) -> None:
        run_cells(cells, tmp_path, 1, lambda cell, outcome: told[index].append(cell.key), work="doings:slow")

    both = [threading.Thread(target=run, args=(index,)) for index in range(2)]
    for thread in both:
        thread.start()
    for thread in both:
        thread.join()
    log = [line.split() for line in (tmp_path / "log").read_text().splitlines()]
    assert Counter(key for key, _ in log) == {cell.key: 1 for cell in cells}
    assert len({pid for _, pid in log}) == 2  # both had a share
    for keys in told:
        assert sorted(keys) == sorted(cell.key for cell in cells)


def test_ctrl_c_lets_cells_save(tmp_path: Path) -> None:
    script = (
        "from doings import *; from test_scale import cells_of; from modescope.benchmark import run_cells\n"
        f"print(run_cells(cells_of(3), {str(tmp_path)!r}, 1, work='doings:patient'))"
    )
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, env=environment()) as process:
        wait_for(tmp_path / "began")
        process.send_signal(signal.SIGINT)
        assert process.communicate(timeout=120)[0] == b"False\n"
    assert (tmp_path / "left").exists()
    assert not list(tmp_path.glob(".stop-*"))


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(HERE), "OMP_NUM_THREADS": "1"}


def wait_for(path: Path, inside: str = "") -> None:
    """Waits for a file, or for one inside a folder."""
    give_up = time.monotonic() + 200
    while not (any(path.glob(inside)) if inside else path.exists()):
        assert time.monotonic() < give_up, f"{path} never came"
        time.sleep(0.1)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"scheduler": "locl"}, "unknown scheduler 'locl': did you mean 'local'"),
        ({"scheduler": "slurm"}, "sbatch is not found"),
        ({"workers": 0}, "workers is 0"),
        ({"limit": 0.0}, "limit is 0.0"),
    ],
)
def test_wrong_options_are_told(tmp_path: Path, options: dict, message: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(ModescopeError, match=message):
        run_cells(cells_of(1), tmp_path, **options)


def test_nothing_is_left_to_do_without_a_scheduler(tmp_path: Path) -> None:
    cell = cells_of(1)[0]
    (tmp_path / cell.folder).mkdir(parents=True)
    write_result(tmp_path / cell.folder, made(cell.encode(), (1.0, 2.0)))
    told: list[str] = []
    assert run_cells([cell], tmp_path, tell=lambda cell, outcome: told.append(outcome), scheduler="tcp://nowhere:1")
    assert told == ["kept"]


@pytest.mark.slow
def test_a_dask_cluster_of_processes(tmp_path: Path) -> None:
    distributed = pytest.importorskip("distributed")
    cells = cells_of(20)
    with distributed.LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None) as cluster:
        address = cluster.scheduler_address
        assert run_cells(cells, tmp_path, scheduler=address, work="doings:slow")
        log = [line.split() for line in (tmp_path / "log").read_text().splitlines()]
        assert Counter(key for key, _ in log) == {cell.key: 1 for cell in cells}
        assert len({pid for _, pid in log}) == 2
        # A worker that dies takes nothing with it.
        more = cells_of(60)[20:]
        killer = threading.Timer(3.0, lambda: os.kill(next(iter(cluster.workers.values())).pid, signal.SIGKILL))
        killer.start()
        assert run_cells(more, tmp_path, scheduler=address, work="doings:slow")
        log = [line.split() for line in (tmp_path / "log").read_text().splitlines()]
        assert Counter(key for key, _ in log) == {cell.key: 1 for cell in cells_of(60)}
    with pytest.raises(ModescopeError, match="no Dask scheduler answers"):
        run_cells(cells_of(80), tmp_path, scheduler="tcp://127.0.0.1:9", work="doings:slow")


@pytest.fixture
def dask_processes(tmp_path: Path) -> Iterator[tuple[str, list[subprocess.Popen[bytes]]]]:
    """The address of a Dask scheduler with one worker, and both processes."""
    distributed = pytest.importorskip("distributed")
    about = tmp_path / "scheduler.json"
    command = [sys.executable, "-m", "distributed.cli.dask_scheduler", "--port", "0", "--no-dashboard"]
    processes = [subprocess.Popen([*command, "--scheduler-file", str(about)], env=environment())]
    try:
        wait_for(about)
        address = json.loads(about.read_text())["address"]
        command = [sys.executable, "-m", "distributed.cli.dask_worker", address, "--nthreads", "1", "--no-dashboard"]
        processes.append(subprocess.Popen([*command, "--no-nanny"], env=environment()))
        with distributed.Client(address, timeout=100) as client:
            client.wait_for_workers(1, timeout=200)
        yield address, processes
    finally:
        for process in processes:
            process.kill()
            process.wait()


@pytest.mark.slow
def test_a_dask_scheduler_that_dies_loses_nothing(
    tmp_path: Path,
    dask_processes: tuple[str, list[subprocess.Popen[bytes]]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(schedulers, "CONNECT", 5.0)
    address, processes = dask_processes
    cells = cells_of(80)
    killer = threading.Thread(target=lambda: (wait_for(tmp_path / "log"), processes[0].kill()))
    killer.start()
    with pytest.raises(ModescopeError, match="is gone; all that was done is kept"):
        run_cells(cells, tmp_path, scheduler=address, work="doings:slow")
    assert 0 < len((tmp_path / "log").read_text().splitlines()) < len(cells)
    processes[1].kill()
    assert run_cells(cells, tmp_path, 1, work="doings:slow")
    log = [line.split() for line in (tmp_path / "log").read_text().splitlines()]
    assert Counter(key for key, _ in log) == {cell.key: 1 for cell in cells}


@pytest.mark.slow
def test_what_slurm_would_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("submitit")
    monkeypatch.setenv("PYTHONPATH", str(HERE))
    cells = cells_of(4)
    assert run_cells(cells, tmp_path, 2, scheduler="slurm-local", work="doings:slow")
    log = [line.split() for line in (tmp_path / "log").read_text().splitlines()]
    assert Counter(key for key, _ in log) == {cell.key: 1 for cell in cells}
    assert not list(tmp_path.glob(".slurm-*"))  # its pickles are gone


@pytest.mark.slow
def test_killed_and_started_again_gives_the_same_numbers(tmp_path: Path) -> None:
    """A worker and the parent are killed at moments of their own; the same call gives the undisturbed numbers."""
    plan = make_plan("ring", ["lsgan", "veegan"], seeds=2, budget=1200, learning_rates=(1e-3,))
    assert run_cells(plan.possible, tmp_path / "calm", 2)
    script = (
        "from modescope.benchmark import *\n"
        "plan = make_plan('ring', ['lsgan', 'veegan'], seeds=2, budget=1200, learning_rates=(1e-3,))\n"
        f"assert run_cells(plan.possible, {str(tmp_path / 'wild')!r}, 2)"
    )
    for moment, victim in ((1.0, "child"), (3.0, "parent"), (6.0, "parent"), (None, "")):
        with subprocess.Popen([sys.executable, "-c", script], env=environment()) as process:
            if moment is None:
                assert process.wait() == 0
                break
            wait_for(tmp_path / "wild", "**/config.json")
            time.sleep(moment)
            pids = children(process.pid)
            if victim == "child" and pids:
                os.kill(pids[0], signal.SIGKILL)
                process.wait()
            process.kill()
    calm, wild = collect(tmp_path / "calm"), collect(tmp_path / "wild")
    assert len(wild) == len(calm) == 3
    for one, other in zip(calm, wild, strict=True):
        assert (one.entrant, one.values) == (other.entrant, other.values)
        pair = (tmp_path / "calm" / one.folder, tmp_path / "wild" / other.folder)
        samples = [folder / "run/block-000/samples.safetensors" for folder in pair]
        assert samples[0].read_bytes() == samples[1].read_bytes()


def children(pid: int) -> list[int]:
    """The processes that a process started."""
    found = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        found += [int(child) for child in (task / "children").read_text().split()]
    return found


def test_the_room_on_the_disk_is_about_right(tmp_path: Path) -> None:
    cell = make_plan("ring", ["lsgan"], seeds=2, budget=20, learning_rates=(1e-3,)).possible[1]
    from modescope.runs.many import opened
    from modescope.runs.worker import train_block

    run = opened(tmp_path, "lsgan", cell.experiment, [])
    assert train_block(run.folder, 0, lambda look: None, lambda: False)
    size = sum(path.stat().st_size for path in tmp_path.rglob("*") if path.is_file())
    assert size / 2 < disk_of(cell) < 2 * size
