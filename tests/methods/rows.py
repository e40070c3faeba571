"""The f-divergences written out in numpy as their papers print them, and losses as exact integrals."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from helpers import GRID, SCALE, SHIFT, Affine, Score, batch_of, density, divergence_gradient, game, integral, log_ratio
from scipy.special import lambertw
from torch import Tensor
from torch.func import vmap

from modescope.core import Method, Networks
from modescope.methods.divergences import Divergence, row_of
from modescope.theory import F_DIVERGENCES, FDivergence, alpha_divergence, weighted_js_divergence

PI = 0.3
ALPHAS = (-1.0, 0.5, 3.0)
NAMES = ("kl", "reverse-kl", "pearson", "neyman", "squared-hellinger", "jeffrey", "js", "gan", "tv")
CASES: dict[str, dict[str, Any]] = {name: {"divergence": name} for name in NAMES}
CASES["weighted-js"] = {"divergence": "weighted-js", "pi": PI}
CASES |= {f"alpha {order}": {"divergence": "alpha", "power": order} for order in ALPHAS}
SMOOTH = [case for case in CASES if case != "tv"]
OTHER_NAMES = {"js": "jensen_shannon", "tv": "total_variation"}


def row(case: str) -> Divergence:
    fields = CASES[case]
    return row_of(fields["divergence"], fields.get("pi", 0.5), fields.get("power", 0.5))


def theory(case: str) -> FDivergence:
    """The row of the theory's table."""
    if case.startswith("alpha"):
        return alpha_divergence(CASES[case]["power"])
    return (
        weighted_js_divergence(PI)
        if case == "weighted-js"
        else F_DIVERGENCES[OTHER_NAMES.get(case, case.replace("-", "_"))]
    )


def wide(case: str) -> dict[str, Any]:
    """The fields of a case, with a bound that nothing on the grid reaches with any weight."""
    return {**CASES[case], "clip": 26.0 if case == "alpha 3.0" else 40.0}


def f(case: str) -> Callable[[np.ndarray], np.ndarray]:
    """The convex function as it is printed."""

    def of_alpha(u: np.ndarray) -> np.ndarray:
        a = CASES[case]["power"]
        return (u**a - 1 - a * (u - 1)) / (a * (a - 1))

    printed: dict[str, Callable[[np.ndarray], np.ndarray]] = {
        "kl": lambda u: u * np.log(u),
        "reverse-kl": lambda u: -np.log(u),
        "pearson": lambda u: (u - 1) ** 2,
        "neyman": lambda u: (1 - u) ** 2 / u,
        "squared-hellinger": lambda u: (np.sqrt(u) - 1) ** 2,
        "jeffrey": lambda u: (u - 1) * np.log(u),
        "js": lambda u: u * np.log(u) - (u + 1) * np.log((u + 1) / 2),
        "weighted-js": lambda u: PI * u * np.log(u) - (1 - PI + PI * u) * np.log(1 - PI + PI * u),
        "gan": lambda u: u * np.log(u) - (u + 1) * np.log(u + 1),
        "tv": lambda u: np.abs(u - 1) / 2,
    }
    return printed.get(case, of_alpha)


def activation(case: str, v: np.ndarray) -> np.ndarray:
    """The output activation as it is printed, but for the two that the method documents."""

    def of_alpha(v: np.ndarray) -> np.ndarray:
        a = CASES[case]["power"]
        return (np.exp((a - 1) * v) - 1) / (a - 1)

    printed: dict[str, Callable[[np.ndarray], np.ndarray]] = {
        **dict.fromkeys(("kl", "pearson", "jeffrey"), lambda v: v),
        "reverse-kl": lambda v: -np.exp(-v),
        "neyman": lambda v: 1 - np.exp(-v),
        "squared-hellinger": lambda v: 1 - np.exp(-v),
        "js": lambda v: np.log(2) - np.log(1 + np.exp(-v)),
        "weighted-js": lambda v: -PI * np.log(PI) - PI * np.log(1 + np.exp(-v)),
        "gan": lambda v: -np.log(1 + np.exp(-v)),
        "tv": lambda v: np.tanh(v) / 2,
    }
    return printed.get(case, of_alpha)(v)


def conjugate(case: str, t: np.ndarray) -> np.ndarray:
    """The conjugate as it is printed, as a function of what the activation returns."""

    def of_alpha(t: np.ndarray) -> np.ndarray:
        a = CASES[case]["power"]
        return (1 + t * (a - 1)) ** (a / (a - 1)) / a - 1 / a

    def of_jeffrey(t: np.ndarray) -> np.ndarray:
        w = lambertw(np.exp(1 - t)).real
        return w + 1 / w + t - 2

    printed: dict[str, Callable[[np.ndarray], np.ndarray]] = {
        "kl": lambda t: np.exp(t - 1),
        "reverse-kl": lambda t: -1 - np.log(-t),
        "pearson": lambda t: np.where(t < -2, -1, t**2 / 4 + t),
        "neyman": lambda t: 2 - 2 * np.sqrt(1 - t),
        "squared-hellinger": lambda t: t / (1 - t),
        "jeffrey": of_jeffrey,
        "js": lambda t: -np.log(2 - np.exp(t)),
        "weighted-js": lambda t: (1 - PI) * np.log((1 - PI) / (1 - PI * np.exp(t / PI))),
        "gan": lambda t: -np.log(1 - np.exp(t)),
        "tv": lambda t: t,
    }
    return printed.get(case, of_alpha)(t)


def integrand(case: str) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
    """What the divergence integrates."""
    return lambda p, q: q * f(case)(p / q)


def divergence(case: str) -> float:
    return integral(integrand(case)(density(), density(SHIFT, SCALE)))


def best_critic(case: str) -> Callable[[Tensor], Tensor]:
    """The score at which the bound is tight; a steep step stands for the total variation's."""
    if case == "tv":
        return lambda x: 1e3 * log_ratio(x).sign()
    return lambda x: row(case).best(log_ratio(x))


# A mean over a batch of one is what an integral weighs: all of a method's losses here are means of functions of each.

NODES = torch.as_tensor(GRID).reshape(-1, 1, 1)
WEIGHTS = torch.as_tensor(density() * (GRID[1] - GRID[0]))


def networks(method: Method, critic: Callable[[Tensor], Tensor]) -> Networks:
    """The generator N(SHIFT, SCALE^2) and a critic."""
    return game(method, generator=Affine(), discriminator=Score(critic))


def expected_loss(method: Method, name: str, critic: Callable[[Tensor], Tensor]) -> float:
    """A player's loss with means over the data N(0, 1) and over the generator, as integrals."""
    nets = networks(method, critic)
    (each,) = (player for player in method.players() if player.name == name)
    return float(WEIGHTS @ vmap(lambda node: each.loss(nets, batch_of(node, node)))(NODES))


def expected_gradient(method: Method, critic: Callable[[Tensor], Tensor]) -> Tensor:
    """The slope of the generator's loss in its shift and scale, against a critic that stands still."""
    nets = networks(method, critic)
    (each,) = (player for player in method.players() if player.name == "generator")

    def of(flat: Tensor, node: Tensor) -> Tensor:
        return each.loss(Networks(nets.layout, {**nets.flats, "generator": flat}), batch_of(node, node))

    slopes = vmap(torch.func.grad(of), in_dims=(None, 0))(nets.flats["generator"], NODES)
    return WEIGHTS @ slopes


def check_descends(method: Method, critic: Callable[[Tensor], Tensor], case: str, factor: float = 1.0) -> None:
    """The gradient against a critic that stands still is that of a divergence, times a factor."""
    expected = factor * divergence_gradient(integrand(case))
    assert np.abs(expected).min() > 1e-3
    np.testing.assert_allclose(expected_gradient(method, critic).numpy(), expected, rtol=1e-5)
