"""Runs of earlier versions are read, reported and resumed; `tests/fixtures` keeps one for each schema of the folder."""

import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

import modescope as ms
from modescope.runs import verify_run
from modescope.runs.experiment import SCHEMA

FIXTURES = Path(__file__).parents[1] / "fixtures"
SCHEMAS = [1, 2]


@pytest.fixture(params=SCHEMAS)
def kept(request, tmp_path):
    """A copy of a run with two blocks, of which the first is done and the second stopped after 13 of 20 steps."""
    shutil.copytree(FIXTURES / f"run-schema-{request.param}", tmp_path / "run")
    return ms.Run(tmp_path / "run")


def test_every_schema_is_kept():
    assert max(SCHEMAS) == SCHEMA


def test_an_old_run_is_read(kept):
    assert not kept.done
    assert kept.experiment.method == ms.methods.PacGAN()
    for part, known in kept.config["experiment"].items():
        now = kept.experiment.encode()[part]  # settings that came later have their defaults
        assert now == ({**now, **known} if isinstance(known, dict) else known)
    assert [member.seed for member in kept.members] == [0, 1]
    history = kept.history()
    assert history.steps.tolist() == [0, 10]
    assert history.curves["modes"].shape == (2, 2)
    assert kept.snapshots()[1].shape == (2, 2, 20, 2)
    assert [store.manifest()["step"] for store in kept.stores] == [20, 13]
    assert "damaged" not in {check.verdict for check in verify_run(kept.folder)}


def test_an_old_run_goes_on_to_the_end_it_would_have_had(kept):
    first = kept.stores[0].samples()[0]
    end = load_file(FIXTURES / "run-end.safetensors")["samples"]
    kept.train(workers=1, quiet=True)
    found = kept.samples()
    assert torch.equal(found[:1], first)
    assert torch.allclose(found[1:], end, atol=1e-3)  # another processor may round otherwise
    assert kept.history().steps.tolist() == [0, 10, 20]
    assert {check.path.name for check in verify_run(kept.folder) if check.verdict != "whole"} <= {
        "config.json",
        "checkpoint.json",
        "stats.jsonl",
        "snapshots.bin",
    }
    assert kept.metrics(["modes_l2_3sigma"], floor_repeats=2)[0].per_member


def test_an_old_run_is_reported(kept, tmp_path):
    page = kept.train(workers=1, quiet=True).report(tmp_path / "report.html").read_text(encoding="utf-8")
    assert "ring pacgan" in page
