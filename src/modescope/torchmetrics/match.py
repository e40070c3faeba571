"""The generative adversarial metric, over batches of critics' answers."""

__all__ = ["Battle"]

from typing import Any, ClassVar

import torch
from torch import Tensor

from ..core.errors import ModescopeError, need
from ..metrics.battle import Form, battle
from .base import Measured, Outputs, Values

ANSWERS = ("first_on_test", "second_on_test", "first_on_second", "second_on_first")
WINNERS = {"first": 1.0, "tie": 0.0, "second": -1.0}


class Battle(Measured):
    r"""Which of two generators fools the other's critic more often; it counts answers above ½ and the others.

    See :func:`~modescope.metrics.battle.battle`. The winner is 1 if it is the first, -1 if the second, and 0 in a tie,
    as where the critics are not equally good.

    References:
        | Generating images with recurrent adversarial networks (Im et al., 2016), section 4
        | https://arxiv.org/abs/1602.05110

    Arguments:
        form: ``errors``, the paper's, or ``accuracies``, the authors' code's.
        tolerance: How far the test ratio, or one over it, may exceed 1 in a fair match.
        settings: Those of every `torchmetrics.Metric`.
    """

    outputs: ClassVar[Outputs] = {"winner": None, "test_ratio": None, "sample_ratio": None}
    family = "battle"

    def __init__(self, form: Form = "errors", tolerance: float = 0.1, **settings: Any) -> None:
        super().__init__(**settings)
        self.form, self.tolerance = form, tolerance
        for answer in ANSWERS:
            self.add_state(answer, torch.zeros(2, dtype=torch.int64), dist_reduce_fx="sum")  # below, and above ½

    @property
    def protocol(self) -> str:
        return self.form

    def update(
        self,
        first_on_test: Tensor | None = None,
        second_on_test: Tensor | None = None,
        first_on_second: Tensor | None = None,
        second_on_first: Tensor | None = None,
    ) -> None:
        """Adds answers, probabilities of "real" of any shape; each set may come in its own batches.

        Arguments:
            first_on_test: The first critic's answers on held-out real samples.
            second_on_test: The second critic's.
            first_on_second: The first critic's on the second generator's samples.
            second_on_first: The second critic's on the first generator's samples.

        Raises:
            ModescopeError: If one is not a probability.
        """
        given = dict(zip(ANSWERS, (first_on_test, second_on_test, first_on_second, second_on_first), strict=True))
        for name, answer in given.items():
            if answer is not None:
                inside = bool(((answer >= 0) & (answer <= 1)).all())
                need(inside, f"{name} holds values outside [0, 1], expected probabilities (of logits, the sigmoid)")
                above = int((answer > 0.5).sum())
                new = torch.tensor([answer.numel() - above, above], device=self.device)
                setattr(self, name, getattr(self, name) + new)

    def compute(self) -> Tensor | dict[str, Tensor]:
        """The winner and the ratios.

        Raises:
            ModescopeError: If one of the four sets of answers is empty.
        """
        found = battle(
            self._answers("first_on_test"),
            self._answers("second_on_test"),
            self._answers("first_on_second"),
            self._answers("second_on_first"),
            self.form,
            self.tolerance,
        )
        values: Values = {
            "winner": WINNERS[found.winner],
            "test_ratio": found.test_ratio,
            "sample_ratio": found.sample_ratio,
        }
        return self._told(values)

    def floor(self) -> Tensor | dict[str, Tensor]:
        """A battle compares two models, and holds no samples.

        Raises:
            ModescopeError: Always.
        """
        raise ModescopeError(f"{self.name} holds answers, no real samples: for its floor let a model play its own twin")

    def _answers(self, name: str) -> Tensor:
        """As many answers of either kind as were given."""
        below, above = getattr(self, name).tolist()
        need(below + above > 0, f"{self.name} holds no answers {name}: call update({name}=...) first")
        return (torch.arange(below + above) >= below).double()
