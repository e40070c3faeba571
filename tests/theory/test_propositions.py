import math

import pytest
import torch
from scipy.optimize import minimize_scalar

from modescope.theory import (
    game_value,
    numeric_critic,
    optimal_logit,
    proposition_1,
    proposition_3,
    theorem_2,
    weighted_js,
)
from modescope.theory.statement import plain
from modescope.theory.two_gaussians import DATA, MERGED, RULE, log_model


@pytest.fixture(scope="module")
def statements():
    return {statement.claim: statement for part in (proposition_1, theorem_2, proposition_3) for statement in part()}


def test_every_correction_is_borne_out(statements):
    assert len(statements) == 10
    for statement in statements.values():
        assert statement.verified is True
        assert all(math.isfinite(value) for value in statement.evidence.values())


def test_verdicts_on_what_is_printed(statements):
    assert {claim for claim, statement in statements.items() if not statement.holds} == {
        "What the discriminator does to V",
        "Which end is which, in the text",
        "The size of the step",
        "How close to 0 is close",
        "The generator’s loss",
    }


@pytest.mark.parametrize("pi", [1e-6, 0.33, 0.999999])
def test_the_numeric_critic_against_scipy(pi):
    x = torch.tensor([-6.0, -3.0, -0.5, 0.0, 1.0, 3.0, 7.0], dtype=torch.float64)
    log_p, log_q = -((x - 1) ** 2) / 2, -((x + 1) ** 2) / 8 - math.log(2)
    found = numeric_critic(log_p, log_q, pi)
    for d, a, b in zip(found.tolist(), (pi * log_p.exp()).tolist(), ((1 - pi) * log_q.exp()).tolist(), strict=True):

        def loss(s, a=a, b=b):
            return (a * math.log1p(math.exp(-s)) + b * math.log1p(math.exp(s))) / (a + b)

        best = minimize_scalar(loss, bounds=(-60, 60), method="bounded", options={"xatol": 1e-9}).x
        assert d == pytest.approx(1 / (1 + math.exp(-best)), abs=1e-6)
        assert d == pytest.approx(a / (a + b), abs=1e-7)


def test_tails_do_not_underflow_in_the_numeric_critic():
    log_p, log_q = torch.tensor([-900.0, -2000.0]).double(), torch.tensor([-900.0, -1000.0]).double()
    assert numeric_critic(log_p, log_q, 0.25).tolist() == pytest.approx([0.25, 0.0], abs=1e-7)


@pytest.mark.parametrize("pi", [0.01, 0.33, 0.9])
def test_the_value_falls_to_second_order_around_the_optimum(pi):
    log_p, log_q = log_model(DATA), log_model(MERGED)
    best = optimal_logit(log_p, log_q, pi)
    step = torch.randn(len(best), generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    d = torch.sigmoid(best)
    m = pi * log_p.exp() + (1 - pi) * log_q.exp()
    expected = -float(RULE.integrate(m * d * (1 - d) * step**2)) / 2
    top = float(weighted_js(log_p, log_q, pi, RULE.weights))
    for size in (1e-2, 1e-3):
        drop = float(game_value(log_p, log_q, best + size * step, pi, RULE.weights)) - top
        assert drop / size**2 == pytest.approx(expected, rel=3 * size)


def test_weights_in_plain_digits():
    assert [plain(weight) for weight in (1e-6, 1e-4, 0.5, 0.33, 0.999999)] == [
        "0.000001",
        "0.0001",
        "0.5",
        "0.33",
        "0.999999",
    ]
