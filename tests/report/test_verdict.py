"""Verdicts of samples whose fate is known."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from modescope.datasets import Mixture, Ring
from modescope.metrics import evaluate
from modescope.report.groups import MASS, scenes_of
from modescope.report.verdict import verdict_of


@pytest.fixture
def judged(scene):
    """The verdict of members with the given samples."""
    group, ring = scene.groups[0], scene.dataset

    def judge(*members, diverged=None):
        samples = torch.stack(members)
        names = [*group.results]
        results = {result.name: result for result in evaluate(samples, ring, names, 3)}
        steps = diverged or [None] * len(members)
        return verdict_of(
            replace(group, at=tuple(range(len(members))), samples=samples, diverged=tuple(steps), results=results)
        )

    return judge


def on_modes(count, n=400, sigma=0.02):
    """Samples tightly on the first `count` modes of the ring."""
    centers = Ring().modes.centers[:count]
    generator = torch.Generator().manual_seed(count)
    return centers.repeat(n // count, 1) + sigma * torch.randn(n // count * count, 2, generator=generator).double()


def test_all_modes(judged):
    verdict = judged(on_modes(8), on_modes(8))
    assert (verdict.badge, verdict.tone) == ("All modes covered", "good")
    assert verdict.text.startswith("Every one of 2 seeds covers all 8 modes. 100 % of the samples lie on a mode;")


def test_collapse_is_counted(judged):
    verdict = judged(on_modes(1), on_modes(8), on_modes(1), on_modes(4))
    assert (verdict.badge, verdict.tone) == ("Mode collapse", "bad")
    assert verdict.text.startswith(
        "Of 4 seeds, 2 collapsed to one mode, 1 covers 4 of 8 modes and 1 covers all 8 modes."
    )


def test_a_cloud_between_two_modes_has_collapsed(judged):
    middle = Ring().modes.centers[:2].mean(dim=0) * 1.3
    verdict = judged(middle + 0.01 * on_modes(8))
    assert verdict.text.startswith("The one seed collapsed to the surroundings of 2 of 8 modes. 0 % of the samples")


def test_a_cloud_over_all_modes_is_blurred(judged):
    wide = 30 * torch.randn(400, 2, generator=torch.Generator().manual_seed(0)).double()
    assert judged(wide, wide).badge == "Blurred"


def test_divergence_comes_first(judged):
    verdict = judged(on_modes(8), on_modes(8), diverged=[None, 300])
    assert verdict.badge == "Diverged"
    assert verdict.text.startswith("Of 2 seeds, 1 diverged and 1 covers all 8 modes.")
    lost = judged(torch.full((400, 2), math.nan).double(), on_modes(8))
    assert lost.text.startswith("Of 2 seeds, 1 diverged and 1 covers all 8 modes.")


def test_stray_samples_cover_nothing(judged, scene):
    stray = torch.cat([on_modes(1, 392), on_modes(8, 8)])
    assert judged(stray).text.startswith("The one seed collapsed to one mode.")
    assert MASS in scene.groups[0].results


def test_without_modes_the_distance_is_told(array, scene):
    (group,) = scenes_of([array])[0].groups
    verdict = verdict_of(group)
    result = group.results["sliced_w2_p128"]
    assert (verdict.badge, verdict.tone) == ("Off the truth", "plain")
    assert f"{result.value / result.floor:.2g} times a perfect sampler's" in verdict.text
    near = replace(result, value=result.floor)
    assert verdict_of(replace(group, results={result.name: near})).badge == "Near the truth"


def test_one_mode_is_no_collapse(make):
    run = make(Mixture(means=((50.0, 50.0),), std=0.1))
    (group,) = scenes_of([run])[0].groups
    verdict = verdict_of(group)
    assert verdict.badge == "Blurred"
    perfect = run.experiment.dataset.sample(240, torch.Generator().manual_seed(0), torch.float64).expand(2, -1, -1)
    results = {result.name: result for result in evaluate(perfect, group.dataset, [*group.results], 3)}
    covered = verdict_of(replace(group, samples=perfect, results=results))
    assert covered.text.startswith("Every one of 2 seeds covers the only mode.")


def test_a_perfect_sampler_of_one_point_has_no_distance_to_divide_by(make, tmp_path):
    np.save(tmp_path / "one.npy", np.ones((1, 2)))
    group = scenes_of([make(str(tmp_path / "one.npy"), "one")])[0].groups[0]
    assert "against a perfect sampler's 0" in verdict_of(group).text
