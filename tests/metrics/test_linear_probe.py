"""The linear probe against scikit-learn's logistic regression."""

import pytest
import torch
from sklearn.linear_model import LogisticRegression
from torch import Tensor

from modescope.core.errors import ModescopeError
from modescope.metrics import linear_probe


def classes(n: int, seed: int) -> tuple[Tensor, Tensor]:
    """Three overlapping classes in five coordinates of very different scales, one of which is constant."""
    generator = torch.Generator().manual_seed(seed)
    labels = torch.randint(3, (n,), generator=generator)
    centres = torch.tensor([[0.0, 0, 0, 0, 0], [1, 1, 0, 0, 0], [0, 1, 1, 0, 0]], dtype=torch.float64)
    x = centres[labels] + torch.randn(n, 5, generator=generator, dtype=torch.float64)
    return x * torch.tensor([1.0, 100.0, 0.01, 1.0, 0.0]) + 3, labels


@pytest.mark.parametrize("penalty", [1e-3, 1e-1])
def test_the_minimum_is_that_of_logistic_regression(penalty: float) -> None:
    x, labels = classes(400, 0)
    unseen, truth = classes(300, 1)
    probe = linear_probe(x, labels, 3, penalty)
    theirs = LogisticRegression(C=1 / (penalty * len(x)), tol=1e-10, max_iter=5000)
    theirs.fit(((x - probe.mean) / probe.scale).numpy(), labels.numpy())
    assert torch.allclose(probe.weight[:-1].T, torch.from_numpy(theirs.coef_), atol=1e-4)
    standard = ((unseen - probe.mean) / probe.scale).numpy()
    assert torch.equal(probe.predict(unseen), torch.from_numpy(theirs.predict(standard)))
    assert probe.accuracy(unseen, truth) == pytest.approx(theirs.score(standard, truth.numpy()))


def test_the_penalty_is_the_one_that_a_fifth_likes_best() -> None:
    """Of labels without sense in many coordinates, the strongest penalty is the least wrong."""
    x, labels = classes(300, 2)
    assert linear_probe(x, labels, 3).penalty in (1e-4, 1e-3, 1e-2, 1e-1)
    noise = torch.randn(300, 200, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    noise[:, 0] += 2 * labels
    judge = torch.arange(300) % 5 == 0
    scores = {}
    for penalty in (1e-4, 1e-3, 1e-2, 1e-1):
        scores[penalty] = linear_probe(noise[~judge], labels[~judge], 3, penalty).accuracy(noise[judge], labels[judge])
    assert linear_probe(noise, labels, 3).penalty == max(scores, key=lambda penalty: scores[penalty])
    assert len(set(scores.values())) > 1


def test_bad_shapes_are_told() -> None:
    with pytest.raises(ModescopeError, match=r"x has shape \(3,\)"):
        linear_probe(torch.zeros(3), torch.zeros(3, dtype=torch.long), 2)
    with pytest.raises(ModescopeError, match=r"labels has shape \(7,\), expected \(8,\)"):
        linear_probe(torch.zeros(8, 2), torch.zeros(7, dtype=torch.long), 2)
