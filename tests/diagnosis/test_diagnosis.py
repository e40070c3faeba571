"""The verdict on samples that collapsed in known ways, or not at all."""

import io
import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from matplotlib.colors import to_hex
from rich.console import Console

from modescope import datasets
from modescope.core import ModescopeError
from modescope.diagnosis import MEASURES, Share, diagnose, gather_evidence, judge
from modescope.diagnosis.compare import Row, compare
from modescope.diagnosis.evidence import CLUSTERS, SCARCE, against_chance, first_of_each_kind, mode_sizes
from modescope.diagnosis.measures import chosen
from modescope.diagnosis.pictures import ABUNDANT, PANELS, draw_panel, draw_tiles
from modescope.features import Features
from modescope.report.drawing import ORANGE
from modescope.report.text import number

RING = datasets.make("ring")


def ring(n: int, lost: int = 0, seed: int = 0) -> torch.Tensor:
    """Samples of the ring without its first few modes."""
    drawn = RING.sample(40 * n, torch.Generator().manual_seed(seed))
    mode = torch.cdist(drawn, torch.as_tensor(RING.modes.centers).to(drawn)).argmin(1)
    return drawn[mode >= lost][:n]


def verdict(real: torch.Tensor, fake: torch.Tensor, seed: int = 0) -> str:
    return judge(gather_evidence(real, fake, torch.Generator().manual_seed(seed), permutations=199)).name


def normals(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize(("lost", "name"), [(0, "none"), (1, "partial"), (2, "partial"), (4, "severe"), (7, "severe")])
def test_lost_modes(lost: int, name: str) -> None:
    assert verdict(ring(600), ring(600, lost, seed=1)) == name


def test_the_lost_share_is_estimated() -> None:
    found = gather_evidence(ring(1000), ring(1000, 2, seed=1), torch.Generator().manual_seed(0), 99)
    assert found.missed.excess == pytest.approx(0.25, abs=0.03)
    low, high = found.missed.interval
    assert low < 0.25 < high
    assert found.off_data.excess < 0.01


def thousand_modes(n: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Real samples of 1,000 modes, and fakes of half of them."""
    centers, pick = normals(1000, 10), torch.Generator().manual_seed(2)
    real = centers[torch.randint(1000, (n,), generator=pick)] + 0.05 * normals(n, 10, seed=3)
    return real, centers[torch.randint(500, (n,), generator=pick)] + 0.05 * normals(n, 10, seed=4)


def test_half_of_a_thousand_modes() -> None:
    assert verdict(*thousand_modes(3000)) in ("partial", "severe")


def test_heavy_tails_are_no_collapse() -> None:
    """Of Cauchy samples a few decide the width, so that of half of all pairs of sets one is less than half as wide."""
    draw = np.random.default_rng(0)
    pairs = [torch.from_numpy(draw.standard_cauchy((2, 250, 2))) for _ in range(12)]
    found = [gather_evidence(*pair, torch.Generator().manual_seed(0), permutations=199) for pair in pairs]
    assert sum(each.spread < 0.5 for each in found) > 1
    assert {judge(each).name for each in found} == {"none"}


def test_the_spread_of_a_narrow_generator() -> None:
    real, fake = normals(400, 3), 0.3 * normals(400, 3, seed=1)
    found = gather_evidence(real, fake, torch.Generator().manual_seed(0))
    widths = [float(part.var(0, correction=0).sum().sqrt()) for part in (real, fake)]
    assert found.spread == pytest.approx(widths[1] / widths[0], rel=1e-5)
    assert found.narrow == 1 / 400
    assert "of the width of the real data" in judge(found).reason


def test_data_that_are_all_the_same() -> None:
    same = torch.full((300, 2), 0.1)
    assert verdict(same, same) == "none"
    assert verdict(normals(300, 2), same) == "severe"


def test_copies() -> None:
    assert verdict(ring(600), ring(30, seed=1).repeat(20, 1)) == "severe"
    assert verdict(ring(600), ring(300, seed=1).repeat(2, 1)) == "severe"


def test_data_that_hold_copies_are_no_collapse() -> None:
    values = torch.arange(10.0).unsqueeze(-1)
    pick = torch.Generator().manual_seed(0)
    real, fake = (values[torch.randint(10, (600,), generator=pick)] for _ in range(2))
    assert verdict(real, fake) == "none"


def test_quality_is_not_taken_for_collapse() -> None:
    real, fake = ring(600), ring(600, seed=1)
    assert verdict(real, fake + 10) == "unknown"
    assert verdict(real, fake + 0.3 * normals(600, 2)) in ("none", "unknown")


def test_one_point_beside_the_data_is_a_collapse() -> None:
    assert verdict(ring(600), 0.01 * normals(600, 2)) == "severe"


def test_few_samples_tell_nothing_but_the_worst() -> None:
    assert verdict(ring(60), ring(60, seed=5)) == "unknown"
    assert verdict(ring(60), ring(60, 7, seed=1)) == "severe"


def test_it_seldom_cries_wolf() -> None:
    """At most 5 % of 60 draws: more than 8 would have a probability below 1 in 200."""
    names = [verdict(normals(260, 5, seed=2 * i), normals(260, 5, seed=2 * i + 1), seed=i) for i in range(60)]
    assert sum(name != "none" for name in names) <= 8


def test_excess_leaves_out_what_chance_takes() -> None:
    assert Share(0.6, 0.5, 0.01, 100).excess == pytest.approx(0.2)
    assert Share(0.4, 0.5, 0.9, 100).excess == 0
    assert Share(1.0, 1.0, 1.0, 100).excess == 0


def test_p_values_are_exact() -> None:
    """Without a difference a permutation p-value is at most alpha with at most probability alpha."""
    draw = torch.Generator().manual_seed(0)
    labels = torch.arange(60) < 30
    values = [
        against_chance(lambda kind, x=x: x[kind].mean(0, keepdim=True), labels, 99, draw, 30)[0].p_value  # type: ignore[misc]
        for x in (torch.rand(60, generator=draw) for _ in range(400))
    ]
    for alpha in (0.05, 0.2):
        assert sum(value <= alpha for value in values) / 400 == pytest.approx(alpha, abs=0.05)


def test_separate_modes_are_told_by_the_gap_around_them() -> None:
    sizes = mode_sizes(
        torch.tensor([[1.0, 2, 3, 4, 13], [1, 1, 1, 3, 4], [0, 0, 0, 0, 0], [0, 0, 0, 5, 6], [1, 5, 30, 31, 32]])
    )
    assert sizes.tolist() == [4, 3, 6, 3, 6]  # 6 is more than all neighbours: no gap after three of them


def test_modes_finer_than_a_region_are_missed_only_if_they_lie_apart() -> None:
    found = gather_evidence(*thousand_modes(4000), torch.Generator().manual_seed(0), 99)
    assert found.missed.excess < 0.02
    assert found.lost_modes.excess > 0.3
    assert found.lost_modes.p_value == 0.01


def test_fine_structure_is_no_collapse() -> None:
    """Every mode has its fakes, but on threads: nearly all real samples have real nearest neighbours."""
    real = ring(1000)
    fake = (ring(1000, seed=1) * 25).round() / 25 + 0.002 * normals(1000, 2)
    assert diagnose(real, fake, metrics=["nn_loo"], splits=2).rows[0].value > 0.7
    assert gather_evidence(real, fake, torch.Generator().manual_seed(0), 99).missed.excess < 0.05


@pytest.mark.parametrize(
    ("name", "side", "words"),
    [
        ("nn_loo", "apart", "fakes and data can be told apart."),
        ("nn_loo", "copies", "fakes lie closer to real samples than these lie to each other, as copies do."),
        ("vendi_rbf", "wide", "the fakes are more diverse than the data."),
        ("vendi_rbf", "narrow", "the fakes are less diverse than the data."),
        ("pairwise_l2", "wide", "the fakes are further apart than the data are."),
        ("pairwise_l2", "narrow", "the fakes are closer together than the data are."),
        ("density_k5", "apart", "fakes lie beside the data, or where these are sparse."),
    ],
)
def test_a_note_says_what_this_value_means(name: str, side: str, words: str) -> None:
    """Measures that should score as real samples do go wrong in two ways, and a note names one."""
    real, fresh = normals(800, 2), normals(800, 2, seed=1)
    fakes = {"apart": real + 5, "copies": real, "wide": 4 * fresh, "narrow": fresh / 4}
    row = compare(real, fakes[side], [MEASURES[name]], seed=0, splits=4)[0]
    assert row.note.endswith(f" off: {words}")


def test_a_diagnosis_prints_and_is_json() -> None:
    found = diagnose(ring(400), ring(400, 4, seed=1), metrics=["recall_k3", "precision_k3"], splits=3)
    assert found.verdict.name == "severe"
    plain = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert {row["name"]: row["direction"] for row in plain["metrics"]} == {
        "recall_k3": "higher",
        "precision_k3": "higher",
    }
    recall, precision = plain["metrics"]
    assert recall["value"] == pytest.approx(0.5, abs=0.1)
    assert recall["gap"] > 3
    assert precision["value"] > 0.9
    assert precision["gap"] < 3
    assert plain["n_real"] == plain["n_fake"] == 400
    assert "Severe collapse" in str(found)
    assert "Recall" in str(found)
    assert diagnose(ring(400), ring(400, 4, seed=1), metrics=["recall_k3"], splits=3).rows[0] == found.rows[0]


def test_without_real_samples_copies_are_found() -> None:
    assert diagnose(None, ring(100)).verdict.name == "unknown"
    assert diagnose(None, ring(50).repeat(2, 1)).verdict.name == "severe"


def test_bad_input_is_told() -> None:
    with pytest.raises(ModescopeError, match=r"real samples are points of shape \(2,\) and fakes are points"):
        diagnose(ring(50), normals(50, 3))
    with pytest.raises(ModescopeError, match="unknown measure 'recal_k3': did you mean 'recall_k3'"):
        diagnose(ring(50), ring(50), metrics=["recal_k3"])
    with pytest.raises(ModescopeError, match="splits is 1, expected at least 2"):
        diagnose(ring(50), ring(50), splits=1)


def test_the_page_holds_its_pictures(tmp_path) -> None:  # type: ignore[no-untyped-def]
    found = diagnose(ring(300), ring(300, 4, seed=1), metrics=["recall_k3"], splits=2)
    page = found.to_html(tmp_path / "page.html")
    assert (tmp_path / "page.html").read_text() == page
    assert page.count("<img") == len(PANELS) == 4  # one below the other on a phone
    assert "Severe collapse".lower() in page.lower()
    assert "http://" not in page


def test_the_picture_of_clusters_is_by_the_rule_of_the_verdict() -> None:
    """Orange are the bars below the fifth at which the verdict leaves a cluster out, of as many clusters."""
    scene = diagnose(ring(1200), ring(1200, 4, seed=1), metrics=[]).scene
    assert scene is not None
    assert scene.shares.shape == (2, CLUSTERS)
    figure = draw_panel(PANELS[1], scene)
    orange = [bar for bar in figure.axes[0].patches if to_hex(bar.get_facecolor()).upper() == ORANGE]
    assert len(orange) == int((scene.shares[1] < SCARCE * scene.shares[0]).sum()) > 5
    assert "a fifth of their due" in PANELS[1].about
    assert SCARCE == 1 / 5
    assert ABUNDANT == 5


def test_titles_keep_their_arrow_and_counts_their_commas() -> None:
    found = diagnose(ring(1500), ring(1500), n=1000, metrics=["recall_k3"], splits=2)
    assert "Recall\N{NO-BREAK SPACE}↑" in found.to_html()
    assert found.notes[0] == "real: 1,000 of 1,500 samples were chosen at random (seed 1)"


def test_images_are_shown_by_cluster_and_in_pairs(tmp_path) -> None:  # type: ignore[no-untyped-def]
    generator = torch.Generator().manual_seed(0)
    real = torch.randint(0, 255, (80, 3, 8, 8), dtype=torch.uint8, generator=generator)
    fake = real[torch.randint(0, 5, (80,), generator=generator)]
    found = diagnose(real, fake, features="raw", metrics=["recall_k3"], splits=2)
    assert found.verdict.name == "severe"
    assert found.to_html().count("<img") == len(PANELS) + 2


def test_a_row_does_not_depend_on_the_other_measures() -> None:
    sets = ring(200), ring(200, 4, seed=1)
    alone = {name: diagnose(*sets, metrics=[name], splits=2).rows[0] for name in ("recall_k3", "ndb_k100", "vendi_rbf")}
    together = diagnose(*sets, metrics=["precision_k3", "vendi_rbf", "recall_k3", "frechet", "ndb_k100"], splits=2).rows
    assert {row.measure.name: row for row in together if row.measure.name in alone} == alone


def test_measures_of_one_computation_share_it(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []
    module = sys.modules["modescope.diagnosis.measures"]
    original = module.prdc_each
    monkeypatch.setattr(module, "prdc_each", lambda *given: calls.append(1) or original(*given))
    diagnose(ring(60), ring(60, seed=1), metrics=["recall_k3", "precision_k3", "density_k5", "coverage_k5"], splits=2)
    assert len(calls) == 2 * 2  # fakes and real ones, two splits; both k at once


def test_what_real_samples_alone_tell_is_worked_out_once() -> None:
    calls = []
    binned = MEASURES["ndb_k100"]
    counted = replace(binned, prepare=lambda *given: calls.append(1) or binned.prepare(*given))
    sets = ring(200), ring(200, 2, seed=1)
    again, once = (compare(*sets, [measure], seed=0, splits=3)[0].value for measure in (binned, counted))
    assert again == once
    assert len(calls) == 3  # splits, for fakes and for the real samples in their place


def test_the_first_of_each_kind_is_found_by_bits() -> None:
    draw = torch.Generator().manual_seed(0)
    for neighbours, share in ((30, 0.5), (30, 0.05), (3, 0.5)):
        is_fake = torch.rand(400, generator=draw) < share
        indices = torch.randint(400, (400, neighbours), generator=draw)
        found = first_of_each_kind(is_fake, indices, indices[:, :8].mT)
        for i, row in enumerate(is_fake[indices].tolist()):
            for place, kind in enumerate((bool(is_fake[i]), not is_fake[i])):
                assert found[place, i] == (row.index(kind) if kind in row else neighbours)


def test_all_of_a_file_is_read_and_some_of_what_has_no_end(tmp_path: Path) -> None:
    np.savez(tmp_path / "fakes.npz", a=ring(120).numpy(), b=np.zeros(3))
    found = diagnose("ring", f"{tmp_path / 'fakes.npz'}:a", metrics=["frechet"], splits=2)
    assert (found.n_real, found.n_fake) == (10_000, 120)
    assert diagnose(None, lambda count: torch.rand(count, 2)).n_fake == 10_000
    assert diagnose(None, torch.nn.Linear(3, 2), latent=3, n=50).n_fake == 50


def test_numbers_whose_squares_no_float_holds() -> None:
    real, fake = (normals(300, 2, seed=seed).double() for seed in (0, 1))
    for scale in (1e200, 1e-200):
        with pytest.raises(ModescopeError, match=r"features of real samples are up to .* scale real samples and fakes"):
            diagnose(scale * real, scale * fake)
    for scale in (1e100, 1e-100):
        assert diagnose(scale * real, scale * fake, metrics=[]).verdict.name == "none"


def test_measures_without_real_samples_are_refused() -> None:
    with pytest.raises(ModescopeError, match="metrics compare with real samples, and none are given: give real too"):
        diagnose(None, ring(100), metrics=["recall_k3"])


def test_a_row_is_not_clear_where_real_samples_all_score_the_same() -> None:
    """Of 10 samples coverage is 1 in all splits, and 0.98 of fakes is no collapse; 0 is."""
    row = Row(MEASURES["coverage_k5"], 0.98, 0.85, 1.0, real=1.0, real_spread=0.0, samples=10)
    assert (row.gap, row.is_clear) == (0, False)
    assert replace(row, value=0.0, low=0.0, high=0.1).is_clear


def test_numbers_are_whole_in_a_narrow_terminal() -> None:
    found = diagnose(ring(300), ring(300, seed=1), metrics=["recall_k3", "vendi_rbf"])
    console = Console(file=io.StringIO(), width=40, color_system=None)
    console.print(found)
    assert "…" not in console.file.getvalue()
    assert number(found.rows[0].value) in console.file.getvalue()


def test_the_features_of_points_do_not_speak_of_images() -> None:
    found = diagnose(ring(60), ring(60, seed=1), metrics=[])
    assert found.features == "raw (points as they are)"
    images = (torch.rand(2, 60, 8, 8, generator=torch.Generator().manual_seed(0)) * 255).byte()
    assert "pixels in [0, 1]" in diagnose(*images, features="raw", metrics=[]).features


def test_titles_of_tiles_stand_at_one_height() -> None:
    """A cluster without fakes has a strip as wide and high as the others."""
    images = (torch.rand(2, 200, 1, 8, 8, generator=torch.Generator().manual_seed(0)) * 255).byte()
    images[1] = images[1, 0]
    figure = draw_tiles(diagnose(*images, features="raw", metrics=[]).scene)
    figure.canvas.draw()
    shapes = {tuple(ax.images[0].get_array().shape) for ax in figure.axes}
    assert len(shapes) == 1


def test_fakes_beside_the_data_are_not_said_to_be_wherever_data_are() -> None:
    other = datasets.make("ring:unrolled").sample(1000, torch.Generator().manual_seed(3))
    found = diagnose(other, RING.sample(1000, torch.Generator().manual_seed(4)), metrics=[])
    assert found.evidence is not None
    assert found.evidence.missed.excess > 0.5
    assert "wherever real data are" not in found.verdict.reason
    same = diagnose(RING.sample(1000), RING.sample(1000), metrics=[])
    assert "wherever real data are" in same.verdict.reason


def test_modules_take_points_in_their_own_precision() -> None:
    real, fake = (RING.sample(300, torch.Generator().manual_seed(seed)) for seed in (0, 1))
    network = torch.nn.Linear(2, 4)
    found = [
        diagnose(real.to(given).numpy(), fake.to(given).numpy(), features=network.to(own), metrics=["frechet"])
        for given in (torch.float32, torch.float64)
        for own in (torch.float32, torch.float64, torch.bfloat16)
    ]
    values = [one.rows[0].value for one in found]
    assert values == pytest.approx([values[0]] * len(values), abs=0.05)


class Halved(Features):
    name, protocol, images = "halved", "as they are, in half precision", False

    def __init__(self, dtype: torch.dtype) -> None:
        self.dtype = dtype

    def __call__(self, batch: torch.Tensor) -> torch.Tensor:
        return batch.to(self.dtype)

    def fingerprint(self) -> str:
        return f"halved {self.dtype}"


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_features_in_half_precision(dtype: torch.dtype, tmp_path: Path) -> None:
    real, fake = (RING.sample(300, torch.Generator().manual_seed(seed)) for seed in (0, 1))
    assert diagnose(real, fake, features=lambda x: x.to(dtype)).rows
    assert diagnose(real, fake, features=Halved(dtype), metrics=[], cache=tmp_path).n_real == 300
    assert diagnose(real, fake, features=Halved(dtype), metrics=[], cache=tmp_path).n_real == 300
    assert len(list(tmp_path.iterdir())) == 2


def test_without_rows_and_without_real_samples() -> None:
    fake = RING.sample(300)
    for found in (diagnose(fake=fake), diagnose(fake, fake, metrics=[])):
        frame = found.to_frame()
        assert len(frame) == 0
        assert {"value", "low", "high", "real", "real_spread", "gap", "protocol"} <= set(frame.columns)
    with pytest.raises(ModescopeError, match="no pictures without real samples"):
        diagnose(fake=fake).plot()


def test_measures_as_one_text() -> None:
    real, fake = (RING.sample(300, torch.Generator().manual_seed(seed)) for seed in (0, 1))
    names = [row.measure.name for row in diagnose(real, fake, metrics="recall_k3, frechet").rows]
    assert names == ["recall_k3", "frechet"]
    assert chosen(["all", "recall_k3"]) == chosen(["all"])
    for asked in ("recal_k3", "all,recal_k3"):
        with pytest.raises(ModescopeError, match="unknown measure 'recal_k3'"):
            diagnose(real, fake, metrics=asked)


@pytest.mark.parametrize("seed", [-4, 2**63 + 1])
def test_a_seed_is_named_as_it_was_given(seed: int) -> None:
    with pytest.raises(ModescopeError, match=f"seed is {seed},"):
        diagnose(RING.sample(300), RING.sample(300), seed=seed)


def test_the_greatest_seed() -> None:
    assert diagnose("ring", "ring", n=300, metrics=[], seed=2**63).n_real == 300


def test_a_row_shows_the_spread_of_real_samples_and_no_minus_zero() -> None:
    real, fake = (RING.sample(600, torch.Generator().manual_seed(seed)) for seed in (0, 1))
    found = diagnose(real, fake)
    row = next(row for row in found.rows if row.real_spread > 0)
    assert row.real_shown == f"{number(row.real)} ± {number(row.real_spread, 2)}"
    assert row.real_shown in str(found)
    assert replace(row, value=row.real, low=row.real, high=row.real).gap_shown == "0"
    assert "−0 " not in str(found)
