"""The propositions of "GANs Optimizing KL Divergence Gain Resistance To Mode Collapse", and its Figure 1."""

__all__ = ["figure1", "propositions"]

from pathlib import Path

import torch

from ..report.page import Figure, Heading, Paragraph, Section, Statements, Table, write_page
from ..theory import (
    GENERATOR_LOSSES,
    GeneratorLoss,
    exact_loss,
    flip_weight,
    gauss_legendre,
    generator_gradients,
    log_normal_mixture,
    preference,
    proposition_1,
    proposition_3,
    theorem_2,
    trap_weight,
    weighted_losses,
)
from ..theory.statement import plain
from ..theory.two_gaussians import DATA
from . import kl_theory_figures as draw
from .kl_figure1 import PAPER, figure1
from .record import Reproduction, write_record

LISTED = (1e-6, 1e-4, 0.01, 0.1, 0.33, 0.5, 0.9, 0.999999)

GRADIENT_KEYS = ("loss", "formula", "descends", "frozen_critic", "divergence", "relative_error")
GRADIENT_HEADER = ("loss", "per sample", "descends", "gradient, frozen critic", "gradient of D_f", "relative error")
GRADIENT_TEXT = (
    "The critic is optimal and stands still, and u = p / q. A generator that descends the mean of h(u) over its own "
    "samples then follows the gradient of the f-divergence with f″(u) = −h′(u) / u. The two gradients below, with "
    "respect to a shift, are computed apart: one through the samples against the frozen critic, one as the derivative "
    "of the integral."
)

GradientRow = tuple[str, str, str, float, float, float]


def propositions(out: Path, quick: bool = False) -> Reproduction:
    """Proposition 1, Theorem 2 and Proposition 3, and which divergence each generator loss descends.

    Writes ``kl-critic.png``, ``kl-preference.png``, ``kl-propositions.json`` and ``kl-propositions.html``.

    Arguments:
        out: The folder to write to; it is made if it does not exist.
        quick: Whether to draw the curves with few points.

    Raises:
        MissingExtraError: If matplotlib is not installed.
    """
    out.mkdir(parents=True, exist_ok=True)
    pi = torch.sigmoid(torch.linspace(-18.5, 18.5, 41 if quick else 371, dtype=torch.float64))
    figures = (
        draw.critic_and_value(out / "kl-critic.png", pi),
        draw.preference_curves(out / "kl-preference.png", pi, preference(pi), flip_weight(), trap_weight()),
    )
    listed = preference(torch.tensor(LISTED, dtype=torch.float64))
    ratios = list(zip(map(plain, LISTED), listed.saturating.tolist(), listed.non_saturating.tolist(), strict=True))
    comparison = f"For comparison, the KL divergence has {listed.kl:.2f}, the reverse {listed.reverse_kl:.2f}."
    gradients = [_gradient_row(name, loss) for name, loss in _losses().items()]
    chapters = (proposition_1(), theorem_2(), proposition_3())
    statements = [statement for chapter in chapters for statement in chapter]
    ours = {
        "preference": {
            "saturating": {weight: ratio for weight, ratio, _ in ratios},
            "non_saturating": {weight: ratio for weight, _, ratio in ratios},
            "kl": listed.kl,
            "reverse_kl": listed.reverse_kl,
        },
        "flip_weight": flip_weight(),
        "trap_weight": trap_weight(),
        "generator_gradients": [dict(zip(GRADIENT_KEYS, row, strict=True)) for row in gradients],
    }
    paper = {
        "statements": [statement.printed for statement in statements],
        "missing": "The generator's loss, and the scale of the step at other weights than one half.",
    }
    first, second, third = map(Statements, chapters)
    sections: list[Section] = [
        Heading("Proposition 1: the discriminator"),
        first,
        Heading("Theorem 2: the generator"),
        second,
        Figure(figures[0], "Optimal critics over x, and the objective over π.", draw.CRITIC_CAPTION),
        Heading("Proposition 3: merging or pruning"),
        third,
        Figure(figures[1], "What pruning costs over what merging costs, over π.", draw.PREFERENCE_CAPTION),
        Table(
            ("weight π", "saturating loss, JS_π", "non-saturating loss, KL(m‖p)"),
            ratios,
            f"The cost of keeping one mode over the cost of merging both: above 1, covering is preferred. {comparison}",
        ),
        Heading("Which divergence a generator loss descends"),
        Paragraph(GRADIENT_TEXT),
        Table(GRADIENT_HEADER, gradients),
    ]
    page = write_page(
        out / "kl-propositions.html",
        "The propositions, as numbers",
        f"Proposition 1, Theorem 2 and Proposition 3 of “{PAPER}”, put to the test on the example of its Figure 1. "
        "Every verdict is computed from the numbers below it.",
        sections,
    )
    numbers = write_record(out / "kl-propositions.json", "kl-propositions", paper, ours, statements)
    return Reproduction("kl-propositions", page, numbers, figures)


def _losses() -> dict[str, GeneratorLoss]:
    """The losses of the table, by what to call them."""
    named = {name: loss for name, loss in GENERATOR_LOSSES.items()}
    named |= {f"f-GAN, {name}": exact_loss(name) for name in ("pearson", "squared_hellinger")}
    for pi in (0.001, 0.33, 0.999):
        named |= {f"{name}, π = {plain(pi)}": loss for name, loss in weighted_losses(pi).items()}
    return {
        name.replace("_in_kl", "-in KL").replace("non_", "non-").replace("_", " "): loss for name, loss in named.items()
    }


def _gradient_row(name: str, loss: GeneratorLoss) -> GradientRow:
    """Both gradients of a loss at a generator that is too narrow and off centre."""
    found = generator_gradients(
        loss,
        lambda x: log_normal_mixture(x, torch.tensor(DATA, dtype=torch.float64)),
        lambda y: log_normal_mixture(y, torch.tensor([-1.5, 1.5], dtype=torch.float64)),
        gauss_legendre(-20, 20, panels=80),
        shift=0.5,
        scale=1.2,
    )
    return name, loss.formula, loss.meaning, float(found.frozen[0]), float(found.divergence[0]), found.error
