"""The table of a benchmark: what other programs read of it, what conditions leave, how two entrants compare."""

import csv
import io
import json
import math
import os
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import wilcoxon

from modescope.benchmark import Result
from modescope.benchmark.panel import KNOWN, MEASURED
from modescope.benchmark.queries import Condition, compare, groups
from modescope.benchmark.results import write_failure, write_result
from modescope.benchmark.table import COLUMNS, Ledger, collect, read_rows, results_of, rows_of, write_table
from modescope.cli import main
from modescope.core import ModescopeError
from modescope.report.export import csv_table, latex_table, markdown_table
from modescope.runs import verify_sealed

SEEDS, RATES = range(12), (3e-4, 1e-3)


def result_of(entrant: str, shift: float, dataset: str = "ring") -> Result:
    """Twelve seeds at two learning rates, two members without finite values."""
    draw = np.random.default_rng(0)
    values = {name: tuple(draw.normal(4 + shift, 1, len(SEEDS) * len(RATES))) for name in KNOWN.metrics}
    values["w2_exact_n1000"] = (math.inf, math.nan, *values["w2_exact_n1000"][2:])
    return Result(
        entrant=entrant,
        key=f"{abs(hash((entrant, dataset))) % 16**12:012x}",
        folder=f"{dataset}/common/{entrant.replace('@', '-')}",
        seeds=tuple(seed for _ in RATES for seed in SEEDS),
        rates=tuple(rate for rate in RATES for _ in SEEDS),
        values=values,
        diverged=(5, 6, *(None,) * (len(SEEDS) * len(RATES) - 2)),
        gradient_steps=100,
        seconds=1.5,
        memory=2**30,
        dataset=dataset,
        protocol="common",
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three entrants on two data sets, and one that failed, as cells' files."""
    for dataset in ("ring", "grid25"):
        for entrant, shift in (("gan", 0.0), ("lsgan", 0.5), ("pacgan@degree=4", -0.2)):
            result = result_of(entrant, shift, dataset)
            (tmp_path / result.folder).mkdir(parents=True)
            write_result(tmp_path / result.folder, result)
    cell = {"entrant": "veegan", "dataset": "ring", "protocol": "common", "key": "0", "folder": "ring/common/veegan"}
    write_failure(tmp_path / cell["folder"], cell, "it broke, [bold]\nbadly")
    return tmp_path


def test_other_programs_read_what_was_written(folder: Path) -> None:
    pandas = pytest.importorskip("pandas")
    files = write_table(collect(folder), folder, "mine")
    assert [file.name for file in files] == ["results.jsonl", "results.parquet"]
    lines, columns = pandas.read_json(files[0], lines=True, dtype={"key": str}), pandas.read_parquet(files[1])
    assert (
        list(lines.columns)
        == list(columns.columns)
        == [name for name in COLUMNS if name not in MEASURED or name in KNOWN.metrics]
    )
    assert len(lines) == len(columns) == 6 * len(SEEDS) * len(RATES) + 1
    for name in ("seed", "lr", "cell_seconds", *KNOWN.metrics):
        np.testing.assert_allclose(lines[name].astype(float), columns[name].astype(float), rtol=1e-9)
    here = columns[(columns.entrant == "lsgan") & (columns.dataset == "grid25") & (columns.lr == 1e-3)]
    expected = result_of("lsgan", 0.5, "grid25").column("modes_l2_3sigma", 1e-3)
    np.testing.assert_array_equal(here.sort_values("seed").modes_l2_3sigma, expected)
    assert columns.w2_exact_n1000.isna().sum() == 6 * 2 + 1
    assert list(columns[columns.failure.notna()].entrant) == ["veegan"]
    assert set(columns.suite) == {"mine"}


def test_what_is_read_back_is_what_was_there(folder: Path) -> None:
    results = collect(folder)
    again = results_of(row for result in results for row in rows_of(result))
    assert [result.entrant for result in again] == [result.entrant for result in results]
    for one, other in zip(results, again, strict=True):
        for name, values in one.values.items():
            np.testing.assert_array_equal(np.where(np.isfinite(values), values, np.nan), other.values[name])
        assert replace(one, values={}) == replace(other, values={})


def test_a_damaged_cell_is_a_row_that_says_so(folder: Path) -> None:
    path = folder / "ring/common/lsgan/result.json"
    path.write_text(path.read_text().replace('"seconds": 1.5', '"seconds": 2.5'))
    rows = [row for result in collect(folder) for row in rows_of(result) if row["failure"]]
    assert [row["folder"] for row in rows] == ["ring/common/lsgan", "ring/common/veegan"]
    assert "was changed or damaged" in rows[0]["failure"]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (b"{", "line 2 of .* is no JSON"),
        (b"[1]", "has not the columns"),
        (b'{"suite": "x"}', "has not the columns"),
        (b"[" * 100_000, "is no JSON"),
        (b"\xff\xfe", "cannot be read"),
        (b"SEED", "expected a value of type int"),
        (b"METRIC", "expected a value of type float"),
    ],
)
def test_a_hostile_file_is_told(folder: Path, line: bytes, message: str, capsys: pytest.CaptureFixture[str]) -> None:
    path = write_table(collect(folder), folder)[0]
    first = path.read_bytes().split(b"\n")[0]
    row = json.loads(first)
    line = {
        b"SEED": json.dumps({**row, "seed": "__import__('os')"}).encode(),
        b"METRIC": json.dumps({**row, KNOWN.metrics[0]: "9" * 5000}).encode(),
    }.get(line, line)
    path.write_bytes(first + b"\n" + line + b"\n")
    with pytest.raises(ModescopeError, match=message):
        read_rows(path)
    assert leave(str(path)) == 2
    assert capsys.readouterr().err.startswith("error: ")


# Conditions and comparisons


def test_conditions_against_pandas(folder: Path) -> None:
    pandas = pytest.importorskip("pandas")
    rows = [row for result in collect(folder) for row in rows_of(result) if not row["failure"]]
    frame = pandas.DataFrame(rows)
    for text, query in (
        ("modes>4", "modes_l2_3sigma > 4"),
        ("w2<=4.5", "w2_exact_n1000 <= 4.5"),
        (" seed != 3", "seed != 3"),
        ("dataset=ring", "dataset == 'ring'"),
        ("entrant==pacgan@degree=4", "entrant == 'pacgan@degree=4'"),
        ("lr=1e-3", "lr == 0.001"),
        ("diverged>=6", "diverged >= 6"),
    ):
        held = [row for row in rows if Condition.parse(text).holds(row)]
        assert 0 < len(held) < len(rows)
        expected = frame.query(query)
        assert [(r["folder"], r["seed"], r["lr"]) for r in held] == [
            *zip(expected.folder, expected.seed, expected.lr, strict=True)
        ]


def test_a_text_that_looks_like_a_number_is_compared_as_a_text() -> None:
    row = {"key": "12e456789012", "modes": 8.0}
    for text, held in (("key=12e456789012", True), ("key=13e456789012", False), ("key!=13e456789012", True)):
        assert Condition.parse(text).holds(row) == held
    assert not Condition.parse("key>1").holds(row)
    assert not Condition.parse("modes=eight").holds(row)


def test_a_member_that_stands_there_twice_is_told(folder: Path) -> None:
    path = write_table(collect(folder), folder)[0]
    path.write_text(2 * path.read_text())
    with pytest.raises(ModescopeError, match=r"the table has members of .* twice"):
        results_of(read_rows(path))


@pytest.mark.parametrize("kind", ["pipe", "folder"])
def test_what_is_no_file_is_a_damaged_cell(folder: Path, kind: str) -> None:
    result = collect(folder)[0]
    path = folder / result.folder / "result.json"
    path.unlink()
    {"pipe": os.mkfifo, "folder": os.mkdir}[kind](path)
    assert "was changed or damaged" in collect(folder)[0].failure
    assert verify_sealed(path).verdict == "damaged"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("modes", "where is 'modes', expected a column, a sign and a value"),
        ("modes>many", "expected a number after >"),
        ("__class__>1; import os", "expected a number after >"),
        ("mods>7", "unknown column 'mods': did you mean 'modes'"),
    ],
)
def test_a_bad_condition_is_told(text: str, message: str) -> None:
    with pytest.raises(ModescopeError, match=message):
        Condition.parse(text).holds(rows_of(result_of("gan", 0))[0])


def test_means_against_pandas(folder: Path) -> None:
    pandas = pytest.importorskip("pandas")
    results = collect(folder)
    frame = pandas.DataFrame(row for result in results for row in rows_of(result) if not row["failure"])
    frame.loc[frame.diverged.notna(), "modes_l2_3sigma"] = 0.0  # what diverged counts as no mode
    means = frame.groupby(["dataset", "protocol", "entrant", "lr"]).modes_l2_3sigma.agg(["mean", "sem"])
    rows = groups(results)
    assert len(rows) == len(means) == 12
    for row in rows:
        mean, error = means.loc[row["dataset"], row["protocol"], row["entrant"], row["lr"]]
        assert row["modes_l2_3sigma"][0] == pytest.approx(mean)
        assert row["modes_l2_3sigma"][2] == pytest.approx(mean + 2.200985 * error)  # Student's t with 11 degrees
        assert math.isinf(row["w2_exact_n1000"][0]) == (row["lr"] == 3e-4)


def test_two_entrants_are_paired_by_seed(folder: Path) -> None:
    results = collect(folder)
    rows = compare(results, "gan", "lsgan")
    assert [(row["dataset"], row["metric"]) for row in rows] == [
        (dataset, metric)
        for dataset in ("grid25", "ring")
        for metric in ("modes_l2_3sigma", "hq_l2_3sigma", "w2_exact_n1000")
    ]
    first, second = (
        next(r for r in results if (r.entrant, r.dataset) == (name, "ring")).column("modes_l2_3sigma", 1e-3)
        for name in ("gan", "lsgan")
    )
    row = rows[3]
    assert row["better by"] == pytest.approx((second - first).mean())
    # All rows have the same draws, so Holm's method multiplies by their number.
    assert row["p"] == pytest.approx(min(1, 6 * wilcoxon(second - first).pvalue))
    assert rows[2]["better by"] < 0 < rows[0]["better by"]  # a greater distance is worse
    with pytest.raises(ModescopeError, match="unknown entrant 'lsgn': did you mean 'lsgan'"):
        compare(results, "gan", "lsgn")
    with pytest.raises(ModescopeError, match="was trained in 2 ways on ring: keep one by --where 'key!="):
        compare([*results, replace(result_of("gan", 1), key="other")], "gan", "lsgan")


# Texts


def test_tables_for_texts_are_escaped() -> None:
    head, body = ["who|what", "n"], [["a_b & 50% \\x{1}#$^~", "2 · 10⁻³"], ["two\nlines | bars", "−∞"]]
    latex = latex_table(head, body).splitlines()
    assert latex[0] == r"\begin{tabular}{lr}"
    assert latex[1] == r"\toprule"
    assert latex[4] == (
        r"a\_b \& 50\% \textbackslash{}x\{1\}\#\$\textasciicircum{}\textasciitilde{} & 2 $\cdot$ 10$^{-}$$^{3}$ \\"
    )
    assert latex[5] == r"two lines | bars & $-$$\infty$ \\"
    assert latex[-2:] == [r"\bottomrule", r"\end{tabular}"]
    lines = markdown_table(head, body).splitlines()
    assert lines[3] == r"| two lines \| bars | −∞ |"
    assert {len(re.findall(r"(?<!\\)\|", line)) for line in lines} == {3}
    assert list(csv.reader(io.StringIO(csv_table(head, body)))) == [head, *body]


# The command


def leave(*command: str) -> int:
    with pytest.raises(SystemExit) as left:
        main(["results", *command])
    return int(left.value.code or 0)


def test_the_command_shows_filters_compares_and_exports(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert leave(str(folder)) == 0
    shown = capsys.readouterr()
    assert shown.out.count("pacgan@degree=4") == 4
    assert max(map(len, shown.out.splitlines())) <= 80
    assert "it broke, [bold]" in shown.err

    pandas = pytest.importorskip("pandas")
    target = folder / "out.csv"
    assert leave(str(folder), "--format", "csv", "--where", "modes>4", "dataset=ring", "--out", str(target)) == 0
    frame = pandas.read_csv(target)
    assert set(frame.dataset) == {"ring"}
    assert (frame.modes_l2_3sigma > 4).all()
    assert {"modes_l2_3sigma_low", "modes_l2_3sigma_high"} <= set(frame.columns)

    capsys.readouterr()
    assert leave(str(folder), "--members", "--method", "lsgan", "--dataset", "grid25", "--format", "csv") == 0
    frame = pandas.read_csv(io.StringIO(capsys.readouterr().out))
    assert len(frame) == len(SEEDS) * len(RATES)

    assert leave(str(folder), "--compare", "gan", "lsgan", "--format", "latex") == 0
    latex = capsys.readouterr().out
    assert latex.count(r"\\") == 7
    assert r"\midrule" in latex
    assert leave(str(folder), "--format", "markdown") == 0
    assert capsys.readouterr().out.count("\n") == 14


def test_what_all_rows_share_stands_above_the_table(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One row left has no more columns than many, so no title is broken in a narrow terminal."""
    chosen = ("--method", "lsgan", "--dataset", "grid25")
    assert leave(str(folder), *chosen, "--where", f"lr={RATES[0]}") == 0
    said, titles, row, means = capsys.readouterr().out.splitlines()
    assert said == f"grid25, common, lr {RATES[0]:g}, {len(SEEDS)} seeds, 2 diverged"
    assert titles.split() == ["entrant", "modes", "hq", "reverse", "kl", "w2"]
    assert row.split()[0] == "lsgan"
    assert means.startswith("Means over seeds; 95 % intervals in terminals of 120")
    assert leave(str(folder), *chosen) == 0
    assert capsys.readouterr().out.splitlines()[0] == f"grid25, common, {len(SEEDS)} seeds"
    assert leave(str(folder), "--compare", "gan", "lsgan") == 0
    assert "each at its default learning rate" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--where", "modes>100"), "no row is left"),
        (("--method", "lsgn"), "did you mean 'lsgan'"),
        (("--dataset", "rng"), "did you mean 'ring'"),
        (("--out", "x"), "out needs a format"),
        (("--members", "--compare", "gan", "lsgan"), "exclude each other"),
        (("--compare", "gan", "gan"), "compare is gan with itself"),
        (("--compare", "gan", "lsgan", "--where", "lr=3e-3"), "where is about lr, but compare has conditions on"),
    ],
)
def test_wrong_requests_are_told(
    folder: Path, options: tuple[str, ...], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert leave(str(folder), *options) == 2
    assert message in capsys.readouterr().err


def test_where_all_failed_the_reasons_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cell = {"entrant": "veegan", "dataset": "ring", "protocol": "common", "key": "0", "folder": "ring/common/veegan"}
    write_failure(tmp_path / cell["folder"], cell, "it broke\nbadly")
    assert leave(str(tmp_path)) == 2
    said = capsys.readouterr().err
    assert "no row is left" in said
    assert "veegan on ring: it broke" in said


def test_a_folder_without_results_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert leave(str(tmp_path)) == 2
    assert "holds no results of a benchmark" in capsys.readouterr().err


def test_the_table_is_written_now_and_then(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [0.0]
    monkeypatch.setattr("modescope.benchmark.table.time.monotonic", lambda: clock[0])
    ledger = Ledger(folder, "mine")
    for second, there in ((1.0, False), (9.0, False), (11.0, True)):
        clock[0] = second
        ledger.note()
        assert (folder / "results.jsonl").exists() == there
    (folder / "results.jsonl").unlink()
    clock[0] = 15.0
    ledger.note()
    assert not (folder / "results.jsonl").exists()
