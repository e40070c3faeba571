"""Two processes of a training give the value of one."""

import json
import math
import os
from pathlib import Path

import pytest
import torch
import torch.distributed as dist
from torch import Tensor
from torchmetrics_cases import CASES, filled, plain, points

import modescope.torchmetrics as tm
from modescope.core.errors import ModescopeError

SOME = (tm.FrechetDistance, tm.ModeReport, tm.PRDC, tm.NDB, tm.PatchSWD)  # one of each kind of state


def exact(rows: Tensor) -> Tensor:
    return rows.double() if rows.is_floating_point() else rows


def parts(rows: Tensor, rank: int) -> Tensor:
    """Uneven, in an order of their own."""
    return rows[::3] if rank == 0 else torch.cat([rows[1::3], rows[2::3]])


def work(rank: int, folder: str) -> None:
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{folder}/meet", rank=rank, world_size=2)
    found = {}
    for kind, case in CASES.items():
        metric = filled(case.make(), parts(case.real, rank), parts(case.fake, rank), 11)
        found[kind.__name__] = plain(metric.compute())
        assert isinstance(metric, tm.Summed) or isinstance(metric.fake_rows, list)  # its own samples again
        if kind not in SOME:
            continue
        found[f"{kind.__name__} floor"] = plain(metric.floor())
        # One process alone has fakes, in float64.
        lonely = case.make()
        lonely.update(parts(case.real, rank), real=True)
        if rank == 1:
            lonely.update(exact(case.fake), real=False)
        found[f"{kind.__name__} lonely"] = plain(lonely.compute())
        assert int(lonely.fake_seen) == rank * len(case.fake)

    for seed in range(30):
        limited = tm.CopiedShare(limit=10, seed=seed)
        limited.update(torch.arange(50.0)[:, None] + 50 * rank, real=True)
        with limited.sync_context():
            found[f"kept {seed}"] = {str(row): 1.0 for row in sorted(limited._held("real").flatten().tolist())}

    mixed = tm.Wasserstein()
    mixed.update(points(6 + rank, 0).double() if rank else points(6, 0), real=True)
    mixed.update(points(6, 1), real=False)
    assert mixed.compute().isfinite()

    empty = tm.Recall()
    empty.update(points(5, 0), real=True)
    with pytest.raises(ModescopeError, match="no fake samples"):
        empty.compute()
    assert len(empty.real_rows[0]) == 5  # not those of both

    battle = tm.Battle(tolerance=9)
    battle.update(*torch.full((4, 2 + rank), 0.7 - 0.4 * rank))
    found["Battle"] = plain(battle.compute())
    Path(folder, f"{rank}.json").write_text(json.dumps(found))
    dist.barrier()
    # Past the interpreter's end: a thread of Gloo that lets go of its last tensor then aborts the process.
    os._exit(0)


def test_two_processes_are_one(tmp_path: Path) -> None:
    torch.multiprocessing.spawn(work, (str(tmp_path),), nprocs=2)
    found, other = (json.loads((tmp_path / f"{rank}.json").read_text()) for rank in (0, 1))
    assert json.dumps(found) == json.dumps(other)
    for kind, case in CASES.items():
        one = filled(case.make(), case.real, case.fake)
        expected = plain(one.compute())
        assert found[kind.__name__] == pytest.approx(expected, rel=1e-6, nan_ok=True), kind
        if kind not in SOME:
            continue
        if isinstance(one, tm.Gathered):
            assert found[f"{kind.__name__} floor"] == pytest.approx(plain(one.floor()), rel=1e-6, nan_ok=True), kind
        lonely = plain(filled(case.make(), case.real, exact(case.fake)).compute())
        assert found[f"{kind.__name__} lonely"] == pytest.approx(lonely, rel=1e-6, nan_ok=True), kind
    kept = [[float(row) for row in found[f"kept {seed}"]] for seed in range(30)]
    assert {len(rows) for rows in kept} == {10}
    first = sum(row < 50 for rows in kept for row in rows)  # of 300: hypergeometric, about 150 with deviation 8.3
    assert abs(first - 150) < 35
    twins = sum(row + 50 in rows for rows in kept for row in rows)
    assert twins < 40  # of 30 * 50 pairs; 14 by chance, 150 if both processes drew the same numbers
    assert math.isclose(found["Battle"]["test_ratio_errors"], 1.0)
