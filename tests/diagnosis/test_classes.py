"""Measures of classes: by the features' own classifier, and by nothing else."""

import math

import pytest
import torch
from torch import Tensor

from modescope.core import ModescopeError
from modescope.diagnosis import MEASURES, diagnose
from modescope.diagnosis.measures import fitting
from modescope.features import Features, Raw

SURE = 50.0  # a logit that leaves nothing to the other classes


class Sides(Features):
    """The features are the points; the classes are the eight directions on the ring."""

    name, protocol, images, classes = "sides", "the points", False, 8

    def __call__(self, batch: Tensor) -> Tensor:
        return batch

    def logits(self, features: Tensor) -> Tensor:
        angles = torch.arange(8) * (math.tau / 8)
        return SURE * features @ torch.stack([angles.cos(), angles.sin()]).to(features)


def ring(modes: int, n: int = 400, seed: int = 0) -> Tensor:
    draw = torch.Generator().manual_seed(seed)
    angle = (torch.arange(n) % modes) * (math.tau / 8)
    return torch.stack([angle.cos(), angle.sin()], 1) + 0.01 * torch.randn(n, 2, generator=draw)


@pytest.mark.parametrize("modes", [1, 4, 8])
def test_the_score_counts_classes_that_the_classifier_is_sure_of(modes: int) -> None:
    found = diagnose(ring(8), ring(modes, seed=1), features=Sides(), metrics=["inception_score"], splits=3)
    (row,) = found.rows
    assert row.value == pytest.approx(modes, rel=0.03)
    assert row.real == pytest.approx(8, rel=0.03)
    assert row.is_clear == (modes < 8)


def test_a_classifiers_features_bring_it_unasked_and_others_do_not() -> None:
    real, fake = ring(8), ring(8, seed=1)
    assert "inception_score" in {row.measure.name for row in diagnose(real, fake, features=Sides(), splits=2).rows}
    assert "inception_score" not in {row.measure.name for row in diagnose(real, fake, splits=2).rows}


def test_asked_for_by_name_it_says_what_features_it_needs() -> None:
    with pytest.raises(ModescopeError, match=r"inception_score needs a classifier's features, e.g. efficientnet-lite0"):
        diagnose(ring(8), ring(4), metrics=["inception_score"])


def test_all_takes_what_can_be_taken() -> None:
    every = [*MEASURES.values()]
    assert len(fitting(every, Sides(), asked=False)) == len(every)
    assert [measure for measure in every if not measure.classes] == fitting(every, Raw(), asked=False)


def test_features_of_no_classifier_tell_no_classes() -> None:
    with pytest.raises(ModescopeError, match="raw features are no classifier's"):
        Raw().logits(torch.zeros(3, 2))
