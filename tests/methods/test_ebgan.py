"""The losses by hand, the theorems of the paper, and the pulling-away term."""

import numpy as np
import pytest
import torch
from helpers import (
    GRID,
    SCALE,
    SHIFT,
    SPACE,
    Affine,
    Given,
    Score,
    batch_of,
    check_gradients,
    check_sweep,
    check_trains,
    close,
    density,
    game,
    integral,
    linear,
    log_ratio,
    loss,
    normals,
)
from torch import nn

from modescope.core import ModescopeError
from modescope.core.space import Space
from modescope.methods.ebgan import ADM, EBGAN, alignment

DISTANCES = {
    "norm": lambda e: np.sqrt((e**2).sum(1)),
    "squared-sum": lambda e: (e**2).sum(1),
    "squared-mean": lambda e: (e**2).mean(1),
    "absolute": lambda e: np.abs(e).sum(1),
}
PLANE_REAL, PLANE_FAKE = np.array([[0.3, 1.0], [-1.0, 0.4]]), np.array([[0.5, 0.2], [2.0, -0.5]])
CODES = [[1.0, 2.0], [-3.0, 0.5], [0.2, -0.1], [2.0, 2.0]]


def affine(weight: list[list[float]], bias: list[float]) -> nn.Linear:
    layer = nn.Linear(len(weight[0]), len(weight)).double()
    with torch.no_grad():
        layer.weight.copy_(torch.tensor(weight, dtype=torch.float64))
        layer.bias.copy_(torch.tensor(bias, dtype=torch.float64))
    return layer


def errors(x: np.ndarray) -> np.ndarray:
    """What the autoencoder of `plane` leaves."""
    code = x @ np.array([[1.0], [-0.5]]) + 0.2
    return code @ np.array([[0.8, -0.6]]) + np.array([0.1, -0.3]) - x


def plane(method: EBGAN):
    """A game in the plane, with fakes that are the latents and a code of one number."""
    encoder, decoder = affine([[1.0, -0.5]], [0.2]), affine([[0.8], [-0.6]], [0.1, -0.3])
    return game(method, generator=Given(2), encoder=encoder, decoder=decoder)


@pytest.mark.parametrize("energy", DISTANCES)
def test_losses_by_hand(energy):
    on_real, on_fake = DISTANCES[energy](errors(PLANE_REAL)), DISTANCES[energy](errors(PLANE_FAKE))
    margin = float(on_fake.mean())  # one fake on each side of it
    method = EBGAN(energy=energy, margin=margin, pull_away=0.0)
    nets, batch = plane(method), batch_of(PLANE_REAL, PLANE_FAKE)
    hinge = np.maximum(margin - on_fake, 0)
    assert hinge.max() > 0.05
    close(loss(method, "discriminator", nets, batch), on_real.mean() + hinge.mean(), 1e-11)
    close(loss(method, "generator", nets, batch), on_fake.mean(), 1e-11)


def test_pulling_away_by_hand():
    codes = np.array(CODES)
    unit = codes / np.linalg.norm(codes, axis=1, keepdims=True)
    pairs = [(unit[i] @ unit[j]) ** 2 for i in range(4) for j in range(4) if i != j]
    close(alignment(torch.tensor(CODES).double()), np.sum(pairs) / (4 * 3), 1e-10)


def test_pulling_away_of_known_codes():
    close(alignment(torch.eye(5).double()), 0.0)
    close(alignment(torch.tensor([[1.0, 1.0], [-2.0, -2.0], [0.5, 0.5]]).double()), 1.0, 1e-10)
    close(alignment(torch.tensor([[3.0], [-1.0], [0.2]]).double()), 1.0, 1e-9)
    angles = torch.arange(200, dtype=torch.float64) * torch.pi / 200
    codes = torch.stack([angles.cos(), angles.sin()], 1)
    close(alignment(codes), (200**2 / 2 - 200) / (200 * 199), 1e-10)  # the least for codes in a plane
    assert torch.isfinite(alignment(torch.zeros(3, 2)))


def test_pulling_away_enters_the_generators_loss_alone():
    encoder, decoder = affine([[1.0, -0.5], [0.3, 2.0]], [0.2, 0.1]), affine([[0.8, 0.0], [-0.6, 1.0]], [0.1, -0.3])
    batch = batch_of(PLANE_REAL, PLANE_FAKE)
    found = {}
    for weight in (0.0, 0.7):
        method = EBGAN(pull_away=weight)
        nets = game(method, generator=Given(2), encoder=encoder, decoder=decoder)
        found[weight] = [loss(method, name, nets, batch) for name in ("discriminator", "generator")]
    term = float(alignment(encoder(batch.z)).detach())
    assert term > 0.005
    close(found[0.7][0], found[0.0][0])
    close(found[0.7][1] - found[0.0][1], 0.7 * term, 1e-10)


class Offset(nn.Module):
    """A decoder of codes that are the samples, which misses each by an energy."""

    def __init__(self, energy) -> None:
        super().__init__()
        self.score = Score(energy)

    def forward(self, code):
        return code + self.score(code)


def on_the_line(method, energy, generator):
    return game(method, generator=generator, encoder=linear(1.0, 0.0), decoder=Offset(energy))


@pytest.mark.parametrize("gamma", [0.0, 0.4, 1.0])
def test_at_equilibrium_the_losses_are_the_margin_and_the_constant_energy(gamma):
    """Theorem 2: p = q, and any constant energy in [0, m]."""
    method = EBGAN(margin=1.0, pull_away=0.0)
    z = normals(2000)
    nets = on_the_line(method, lambda x: torch.full_like(x, gamma), Given())
    close(loss(method, "discriminator", nets, batch_of(z, z)), 1.0, 1e-5)
    close(loss(method, "generator", nets, batch_of(z, z)), gamma, 1e-5)


def test_the_best_energy_is_zero_where_reals_prevail_and_the_margin_elsewhere():
    """Lemma 1: the critic's least loss is m (1 - TV), below that of other energies."""
    margin = 0.7
    method = EBGAN(margin=margin, pull_away=0.0, energy="absolute")
    z = normals(200_000)
    value = lambda energy: loss(method, "discriminator", on_the_line(method, energy, Affine()), batch_of(z, z))  # noqa: E731
    best = lambda x: margin * (log_ratio(x) < 0).double()  # noqa: E731
    total_variation = integral(np.abs(density() - density(SHIFT, SCALE))) / 2
    assert GRID.max() > 10
    assert 0.1 < total_variation < 0.9
    close(value(best), margin * (1 - total_variation), 1e-4)
    for other in (
        lambda x: margin * (log_ratio(x) < 0.2).double(),
        lambda x: margin * (log_ratio(x) < -0.2).double(),
        lambda x: margin * torch.sigmoid(-log_ratio(x)),
        lambda x: best(x) + 0.1,
    ):
        assert value(other) > value(best) + 1e-4


@pytest.mark.parametrize("energy", DISTANCES)
def test_gradients(energy):
    check_gradients(EBGAN(energy=energy, code_dim=2, pull_away=0.5, margin=5.0))


def test_training():
    check_trains(EBGAN())
    check_trains(ADM())


def test_margin_and_weight_can_be_swept():
    check_sweep(EBGAN(margin=5.0), margin=(0.2, 5.0), pull_away=(0.0, 1.0))


def test_absolute_deviation_with_margin_is_ebgan_with_another_energy():
    assert ADM().energy == "absolute"
    assert ADM().pull_away == 0.0
    method = ADM(margin=0.9)
    on_real, on_fake = (np.abs(errors(x)).sum(1) for x in (PLANE_REAL, PLANE_FAKE))
    nets, batch = plane(method), batch_of(PLANE_REAL, PLANE_FAKE)
    close(loss(method, "discriminator", nets, batch), on_real.mean() + np.maximum(0.9 - on_fake, 0).mean())
    close(loss(method, "generator", nets, batch), on_fake.mean())


def test_the_autoencoder_sees_packs():
    def shapes(space: Space) -> list[tuple[int, ...]]:
        built = {role: build() for role, build in EBGAN(code_dim=3).networks(space).items()}
        x = torch.zeros(4, 2 * space.pack)
        return [tuple(built["encoder"](x).shape), tuple(built["decoder"](built["encoder"](x)).shape)]

    assert shapes(SPACE) == [(4, 3), (4, 2)]
    assert shapes(SPACE.packed(3)) == [(4, 3), (4, 6)]


def test_observations():
    nets, batch = plane(EBGAN()), batch_of(PLANE_REAL, PLANE_FAKE)
    seen = EBGAN().observe(nets, batch)
    close(seen["energy_real"], DISTANCES["norm"](errors(batch.real.numpy())).mean(), 1e-11)
    close(seen["energy_fake"], DISTANCES["norm"](errors(batch.z.numpy())).mean(), 1e-11)
    close(seen["pull_away"], 1.0, 1e-10)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"margin": 0.0}, r"^margin is 0.0, expected more than 0$"),
        ({"pull_away": -0.1}, r"^pull_away is -0.1, expected at least 0$"),
        ({"code_dim": 0}, r"^code_dim is 0, expected a whole number of at least 1$"),
        ({"energy": "nrm"}, r"^unknown energy 'nrm': did you mean 'norm'"),
        ({"critic_steps": 0}, r"^critic_steps is 0, expected a whole number of at least 1$"),
    ],
)
def test_what_is_refused(fields, message):
    with pytest.raises(ModescopeError, match=message):
        EBGAN(**fields)


def test_one_sample_has_no_other_to_be_pulled_from():
    with pytest.raises(ModescopeError, match=r"^batch_size is 1, expected at least 2 for EBGAN's pulling-away term$"):
        EBGAN().check(SPACE, 1)
