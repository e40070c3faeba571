"""Small games whose losses and gradients can be worked out by hand, in float64."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.func import grad, vmap

from modescope.core import Batch, Layout, Method, Networks, Player
from modescope.core.config import Training, members_of
from modescope.core.engine import Population
from modescope.core.method import float_fields
from modescope.datasets.ring import Ring
from modescope.nets import MLP, Architecture

REAL = [[0.2], [-1.0]]
LATENT = [[0.5], [-0.25]]
SHIFT, SCALE = 0.3, 1.2  # of the generator of `gaussians`, whose tails are heavier than the data's
SPACE = Architecture(
    latent_dim=3, generator=MLP(hidden=(8,), activation="tanh"), critic=MLP(hidden=(8,), activation="tanh")
).space(2)


class Affine(nn.Module):
    """A generator on the line, `shift + scale * z`."""

    def __init__(self, shift: float = SHIFT, scale: float = SCALE) -> None:
        super().__init__()
        self.theta = nn.Parameter(torch.tensor([shift, scale], dtype=torch.float64))

    def forward(self, z: Tensor) -> Tensor:
        return self.theta[0] + self.theta[1] * z


class Given(nn.Module):
    """A generator whose samples are its latents, at `offset` 0."""

    def __init__(self, dim: int = 1) -> None:
        super().__init__()
        self.offset = nn.Parameter(torch.zeros(dim, dtype=torch.float64))

    def forward(self, z: Tensor) -> Tensor:
        return z + self.offset


class Score(nn.Module):
    """A critic that is a given function at `coefficients` 0, and can move away from it in three directions."""

    def __init__(self, function: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.function = function
        self.coefficients = nn.Parameter(torch.zeros(3, dtype=torch.float64))

    def forward(self, x: Tensor) -> Tensor:
        a, b, c = self.coefficients
        return self.function(x) + a + b * x + c * x.square()


class Bowl(nn.Module):
    """A critic in any dimension with the slope `a x`."""

    def __init__(self, a: float) -> None:
        super().__init__()
        self.a = nn.Parameter(torch.tensor(a, dtype=torch.float64))

    def forward(self, x: Tensor) -> Tensor:
        return self.a / 2 * x.square().sum(-1, keepdim=True)


def linear(weight: float, bias: float) -> nn.Module:
    """A linear map of the line."""
    layer = nn.Linear(1, 1).double()
    nn.init.constant_(layer.weight, weight)
    nn.init.constant_(layer.bias, bias)
    return layer


def game(method: Method, **modules: nn.Module) -> Networks:
    """The networks of a method, one module a role."""
    layout = Layout.of(modules, method.players())
    return Networks(layout, layout.flatten(modules))


def tiny(method: Method) -> Networks:
    """Fakes 2 and 0.5; scores 0.2 and 2 of the reals, -2.5 and -0.25 of the fakes."""
    return game(method, generator=linear(2.0, 1.0), discriminator=linear(-1.5, 0.5))


SCORES = [0.2, 2.0], [-2.5, -0.25]


def batch_of(real: Any = REAL, z: Any = LATENT, u: Any = None, progress: float = 0.0) -> Batch:
    """A batch of float64 numbers."""
    real, z, progress = (torch.as_tensor(x, dtype=torch.float64) for x in (real, z, progress))
    u = torch.full((len(real),), 0.5, dtype=torch.float64) if u is None else torch.as_tensor(u, dtype=torch.float64)
    return Batch(real, z, u, progress=progress)


def player(method: Method, name: str) -> Player:
    return next(player for player in method.players() if player.name == name)


def loss(method: Method, name: str, nets: Networks, batch: Batch) -> float:
    return float(player(method, name).loss(nets, batch))


def gradient(method: Method, name: str, nets: Networks, batch: Batch) -> Tensor:
    """The slope of a player's loss in its own parameters, all others frozen."""
    return slope(player(method, name).loss, name, nets, batch)


def slope(function: Callable[[Networks, Batch], Tensor], name: str, nets: Networks, batch: Batch) -> Tensor:
    def of(flat: Tensor) -> Tensor:
        return function(Networks(nets.layout, {**nets.flats, name: flat}), batch)

    return grad(of)(nets.flats[name])


def close(a: Any, b: Any, tolerance: float = 1e-12) -> None:
    torch.testing.assert_close(
        torch.as_tensor(a, dtype=torch.float64), torch.as_tensor(b, dtype=torch.float64), rtol=tolerance, atol=tolerance
    )


def smooth(method: Method) -> tuple[Networks, Batch]:
    """Random smooth networks in two dimensions, and a random batch."""
    generator = torch.Generator().manual_seed(0)
    draw = lambda *shape: 0.5 * torch.randn(shape, generator=generator, dtype=torch.float64)  # noqa: E731
    nets = game(method, **{role: build().double() for role, build in method.networks(SPACE).items()})
    nets = Networks(nets.layout, {name: draw(*flat.shape) for name, flat in nets.flats.items()})
    return nets, batch_of(draw(4, 2), draw(4, 3), [0.1, 0.4, 0.7, 0.9], 0.5)


def check_gradients(method: Method) -> None:
    """Every player's gradient is the finite difference of its loss, on smooth networks."""
    nets, batch = smooth(method)
    for name, flat in nets.flats.items():
        steps = 1e-5 * torch.eye(len(flat), dtype=torch.float64)

        def at(moved: Tensor, name: str = name) -> float:
            return loss(method, name, Networks(nets.layout, {**nets.flats, name: moved}), batch)

        differences = torch.tensor([(at(flat + step) - at(flat - step)) / 2e-5 for step in steps]).double()
        assert differences.abs().max() > 1e-4
        close(gradient(method, name, nets, batch), differences, 1e-7)


def normals(n: int) -> Tensor:
    """The quantiles of a standard normal at the middles of `n` equal parts, with shape `(n, 1)`."""
    return torch.special.ndtri((torch.arange(n, dtype=torch.float64) + 0.5) / n).unsqueeze(-1)


def log_ratio(x: Tensor) -> Tensor:
    """The log-ratio of the data N(0, 1) and the generator N(SHIFT, SCALE^2), log p / q."""
    return -x.square() / 2 + ((x - SHIFT) / SCALE).square() / 2 + float(np.log(SCALE))


def gaussians(
    method: Method, critic: Callable[[Tensor], Tensor] = log_ratio, n: int = 200_000
) -> tuple[Networks, Batch]:
    """The data N(0, 1) against the generator N(SHIFT, SCALE^2), with expectations over quantiles."""
    z = normals(n)
    return game(method, generator=Affine(), discriminator=Score(critic)), batch_of(z, z)


GRID = np.linspace(-14, 14, 20_001)


def density(shift: float = 0.0, scale: float = 1.0) -> np.ndarray:
    return np.exp(-(((GRID - shift) / scale) ** 2) / 2) / (scale * np.sqrt(2 * np.pi))


def integral(values: np.ndarray) -> float:
    """By the trapezoidal rule, which is exact to rounding for these smooth densities."""
    return float(values.sum() * (GRID[1] - GRID[0]))


def divergence_gradient(integrand: Callable[[np.ndarray, np.ndarray], np.ndarray], nudge: float = 1e-4) -> np.ndarray:
    """The gradient in the generator's shift and scale of the integral of `integrand(p, q)`, without any critic."""
    p, slopes = density(), []
    for shift, scale in ((nudge, 0.0), (0.0, nudge)):
        up, down = density(SHIFT + shift, SCALE + scale), density(SHIFT - shift, SCALE - scale)
        slopes.append((integral(integrand(p, up)) - integral(integrand(p, down))) / (2 * nudge))
    return np.array(slopes)


def check_descends(frozen: Tensor, integrand: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> None:
    """A gradient against the frozen critic is that of the divergence, up to the coarseness of the quantiles."""
    expected = divergence_gradient(integrand)
    assert np.abs(expected).min() > 0.01
    close(frozen, expected, 2e-3)


def check_trains(method: Method) -> None:
    """A short training of two members moves every player and stays finite."""
    training = Training(steps=30, batch_size=16, **method.training)
    members = members_of(method, training, (0, 1))
    population = Population(method, Ring(), SPACE, training, members)
    before = {name: flat.clone() for name, flat in population.state["flats"].items()}
    population.advance(30)
    assert population.state["diverged"].tolist() == [-1, -1]
    assert torch.isfinite(population.sample(100)).all()
    for name, flat in population.state["flats"].items():
        assert (flat != before[name]).any(-1).all()


def check_sweep(method: Method, **values: tuple[float, float]) -> None:
    """A field is open to sweeps, and mapped over values as tensors its losses and slopes are those of each alone."""
    nets, batch = smooth(method)
    for field, pair in values.items():
        path = float_fields(method)[field]
        differ = False
        for index, each in enumerate(method.players()):

            def one(value: Tensor, index: int = index, name: str = each.name, path: str = path) -> Tensor:
                return slope(method.bind({path: value}).players()[index].loss, name, nets, batch)

            swept = vmap(one)(torch.tensor(pair, dtype=torch.float64))
            alone = [gradient(replace(method, **{field: value}), each.name, nets, batch) for value in pair]
            close(swept, torch.stack(alone))
            differ |= bool((swept[0] - swept[1]).abs().max() > 1e-6)
        assert differ
