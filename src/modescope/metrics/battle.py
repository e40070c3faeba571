r"""The generative adversarial metric: two trained pairs play against each other."""

__all__ = ["Battle", "battle"]

import math
from dataclasses import dataclass
from typing import Literal

from torch import Tensor

from ..core.errors import need

Form = Literal["errors", "accuracies"]


@dataclass(frozen=True)
class Battle:
    r"""What :func:`battle` returns.

    Arguments:
        winner: ``first``, ``second`` or ``tie``.
        test_ratio: The first critic's rate over the second's on held-out real samples: near 1 in a fair match.
        sample_ratio: The first critic's rate on the second generator's samples, over the second's on the first's.
        fair: Whether the test ratio is within the tolerance of 1.
        form: Whether the rates are ``errors`` or ``accuracies``.
    """

    winner: Literal["first", "second", "tie"]
    test_ratio: float
    sample_ratio: float
    fair: bool
    form: Form


def battle(
    first_on_test: Tensor,
    second_on_test: Tensor,
    first_on_second: Tensor,
    second_on_first: Tensor,
    form: Form = "errors",
    tolerance: float = 0.1,
) -> Battle:
    r"""Which of two generators fools the other's critic more often, given critics equally good on real samples.

    .. math::
        r_\text{test} = \frac{\epsilon(D_1(x_\text{test}))}{\epsilon(D_2(x_\text{test}))}, \qquad
        r_\text{sample} = \frac{\epsilon(D_1(G_2(z)))}{\epsilon(D_2(G_1(z)))}

    with :math:`\epsilon` the share of wrong answers at the threshold ½. Model 1 wins if :math:`r_\text{sample} < 1`,
    model 2 if it is above, and only if :math:`r_\text{test} \approx 1`; otherwise it is a tie. With ``accuracies``,
    :math:`1 - \epsilon` takes the place of :math:`\epsilon` and model 1 wins above 1.

    Note:
        The paper divides error rates; its authors' code divides accuracies, and prints the test ratio without heeding
        it. Both name the same winner where the match is fair, but the ratios, and so what is fair, differ: critics that
        err on 1 % and 2 % have a ratio of ½ in the one form and 1.01 in the other. A value of exactly ½ counts as
        "fake", as in that code. The measure is relative: two collapsed generators can tie, and a winner may be
        collapsed. It carries no confidence: repeat it over training seeds.

    References:
        | Generating images with recurrent adversarial networks (Im et al., 2016), section 4
        | https://arxiv.org/abs/1602.05110

    Arguments:
        first_on_test: :math:`D_1(x_\text{test})`, probabilities of "real", of any shape.
        second_on_test: :math:`D_2(x_\text{test})`, of any shape.
        first_on_second: :math:`D_1(G_2(z))`, of any shape.
        second_on_first: :math:`D_2(G_1(z))`, of any shape.
        form: ``errors``, the paper's, or ``accuracies``, the authors' code's.
        tolerance: How far the test ratio, or one over it, may exceed 1 in a fair match.

    Raises:
        ModescopeError: If an array is empty or holds what is not a probability.

    Returns:
        The winner and the ratios. Two rates of 0 have the ratio 1; a rate over 0 is infinite.
    """
    need(form in ("errors", "accuracies"), f"form is {form!r}, expected errors or accuracies")
    need(tolerance >= 0, f"tolerance is {tolerance}, expected at least 0")
    right = form == "accuracies"
    test_ratio = _ratio(_real("first_on_test", first_on_test, right), _real("second_on_test", second_on_test, right))
    sample_ratio = _ratio(
        _real("first_on_second", first_on_second, not right), _real("second_on_first", second_on_first, not right)
    )
    fair = 1 / (1 + tolerance) <= test_ratio <= 1 + tolerance
    if not fair or sample_ratio == 1:
        return Battle("tie", test_ratio, sample_ratio, fair, form)
    first = (sample_ratio > 1) == right
    return Battle("first" if first else "second", test_ratio, sample_ratio, fair, form)


def _real(name: str, probability: Tensor, wanted: bool) -> float:
    """The share of answers "real" if that is `wanted`, of answers "fake" if not."""
    need(probability.numel() > 0, f"{name} is empty, expected at least 1 probability")
    inside = bool(((probability >= 0) & (probability <= 1)).all())
    need(inside, f"{name} holds values outside [0, 1], expected probabilities (pass logits through a sigmoid)")
    return ((probability > 0.5) == wanted).double().mean().item()


def _ratio(first: float, second: float) -> float:
    if first == second:
        return 1.0
    return first / second if second > 0 else math.inf
