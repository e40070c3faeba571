"""The losses by hand, the equilibrium, and which generator makes and learns from which sample."""

from dataclasses import replace

import helpers
import numpy as np
import pytest
import torch
from helpers import (
    SCALE,
    SHIFT,
    SPACE,
    Affine,
    batch_of,
    check_gradients,
    check_trains,
    close,
    density,
    game,
    gradient,
    integral,
    log_ratio,
    loss,
    normals,
)
from torch import nn

from modescope.core import ModescopeError
from modescope.core.config import Training, members_of
from modescope.core.engine import Population
from modescope.datasets.ring import Ring
from modescope.methods import GAN, PacGAN
from modescope.methods.mad_gan import MADGAN, Generators

FORMS = [True, False]


class Logits(nn.Module):
    """A critic on the line with given logits, which its biases shift."""

    def __init__(self, function, classes):
        super().__init__()
        self.function = function
        self.biases = nn.Parameter(torch.zeros(classes, dtype=torch.float64))

    def forward(self, x):
        return self.function(x) + self.biases


def matrix(weights, biases):
    """Linear logits."""
    weights, biases = (torch.tensor(part, dtype=torch.float64) for part in (weights, biases))
    return Logits(lambda x: x * weights + biases, len(biases))


def log_softmax(logits):
    return logits - np.log(np.exp(logits).sum(-1, keepdims=True))


GENERATORS = ((0.5, 2.0), (-1.0, 0.3))  # shifts and scales
WEIGHTS, BIASES = [1.0, -0.5, 0.2], [0.1, 0.0, -0.4]
REAL, LATENT = [[0.2], [-1.0], [0.7], [2.0]], [[0.5, 0.0], [-0.25, 0.0], [1.5, 0.0], [-2.0, 0.0]]


def two(method):
    generator = Generators([Affine(*pair) for pair in GENERATORS], "normal")
    return game(method, generator=generator, discriminator=matrix(WEIGHTS, BIASES))


def by_hand():
    """Log-probabilities of classes, of the reals and of each generator's share."""
    z = np.array(LATENT)[:, :1]
    shares = [shift + scale * part for (shift, scale), part in zip(GENERATORS, (z[:2], z[2:]), strict=True)]
    return [log_softmax(x * np.array(WEIGHTS) + np.array(BIASES)) for x in (np.array(REAL), *shares)]


def test_losses_by_hand():
    real, first, second = by_hand()
    cross_entropy = -real[:, 2].mean() - first[:, 0].mean() - second[:, 1].mean()
    usual = -first[:, 2].mean() - second[:, 2].mean()
    value = real[:, 2].mean() + sum(np.log(1 - np.exp(part[:, 2])).mean() for part in (first, second))
    for method, expected in ((MADGAN(generators=2, saturating=True), value), (MADGAN(generators=2), usual)):
        close(loss(method, "discriminator", two(method), batch_of(REAL, LATENT)), cross_entropy)
        close(loss(method, "generator", two(method), batch_of(REAL, LATENT)), expected)


@pytest.mark.parametrize("saturating", FORMS)
def test_one_generator_is_the_gan(saturating):
    """The score is the difference of the two logits."""
    method, gan = MADGAN(generators=1, saturating=saturating), GAN(saturating=saturating)
    pair = game(method, generator=Generators([Affine()], "normal"), discriminator=matrix([0.4, -1.1], [0.2, 0.7]))
    single = game(gan, generator=Affine(), discriminator=helpers.linear(-1.5, 0.5))
    latent = [[0.5], [-0.25], [1.5], [-2.0]]
    for name in ("discriminator", "generator"):
        close(loss(method, name, pair, batch_of(REAL, LATENT)), loss(gan, name, single, batch_of(REAL, latent)), 1e-11)
        if name == "generator":
            mine = gradient(method, name, pair, batch_of(REAL, LATENT))
            close(mine, gradient(gan, name, single, batch_of(REAL, latent)), 1e-11)


def best(k):
    """The logits of the best critic, of data N(0, 1) and k generators that all are N(SHIFT, SCALE^2)."""

    def logits(x):
        return torch.cat([torch.zeros_like(x)] * k + [log_ratio(x)], -1)

    return logits


@pytest.mark.parametrize("k", [1, 2, 4])
def test_value_at_equilibrium(k):
    method = MADGAN(generators=k, saturating=True)
    z = normals(100 * k)
    nets = game(
        method,
        generator=Generators([Affine(0.0, 1.0) for _ in range(k)], "normal"),
        discriminator=Logits(lambda x: torch.zeros(len(x), k + 1, dtype=x.dtype), k + 1),
    )
    expected = -(k + 1) * np.log(k + 1) + k * np.log(k)
    close(loss(method, "generator", nets, batch_of(z, torch.cat([z, z], 1))), expected)
    close(loss(method, "discriminator", nets, batch_of(z, torch.cat([z, z], 1))), (k + 1) * np.log(k + 1))


@pytest.mark.parametrize("k", [1, 3])
def test_value_at_the_best_critic_off_equilibrium(k):
    """It exceeds its least by the (k + 1)-fold weighted JS divergence of the data and the mixture of generators."""
    method, n = MADGAN(generators=k, saturating=True), 50_000
    z = normals(n).repeat(k, 1)
    nets = game(
        method,
        generator=Generators([Affine() for _ in range(k)], "normal"),
        discriminator=Logits(best(k), k + 1),
    )
    batch = batch_of(normals(n), torch.cat([z, z], 1))
    p, q = density(), density(SHIFT, SCALE)
    m = (p + k * q) / (k + 1)
    js = integral(p * np.log(p / m) + k * q * np.log(q / m))
    assert js > 0.005
    close(loss(method, "generator", nets, batch), js - (k + 1) * np.log(k + 1) + k * np.log(k), 2e-4)
    close(gradient(method, "discriminator", nets, batch), [0.0] * (k + 1), 1e-4)


def test_against_the_best_critic_generators_descend_the_divergence_of_their_mixture():
    """Two that differ, each in shift and scale: the critic names them as well as can be, and their slopes ignore it."""
    method, z = MADGAN(generators=2, saturating=True), normals(100_000)
    laws = torch.tensor([[-0.6, 0.7], [0.5, 1.4]], dtype=torch.float64)
    log_normal = lambda x, shift, scale: -((x - shift) / scale).square() / 2 - scale.log()  # noqa: E731
    best = lambda x: torch.cat([*(log_normal(x, *law) for law in laws), -x.square() / 2], -1)  # noqa: E731
    generator = Generators([Affine(*law.tolist()) for law in laws], "normal")
    nets, batch = game(method, generator=generator, discriminator=Logits(best, 3)), batch_of(z, z.repeat(2, 2))

    def value(flat):
        p, both = density(), sum(density(*law) for law in flat.view(2, 2).tolist())
        return integral(p * np.log(p / (p + both)) + both * np.log(both / (p + both)))

    steps = 1e-4 * torch.eye(4, dtype=torch.float64)
    slopes = [(value(laws.view(-1) + step) - value(laws.view(-1) - step)) / 2e-4 for step in steps]
    assert np.abs(slopes).min() > 0.01
    parts = [density(), *(density(*law) for law in laws.tolist())]
    close(
        loss(method, "discriminator", nets, batch),
        -sum(integral(part * np.log(part / sum(parts))) for part in parts),
        1e-4,
    )
    close(loss(method, "generator", nets, batch), value(laws.view(-1)), 1e-4)
    close(gradient(method, "generator", nets, batch), slopes, 2e-3)


@pytest.mark.parametrize("saturating", FORMS)
def test_each_generator_learns_from_its_share_alone(saturating):
    method = MADGAN(generators=2, saturating=saturating)
    nets, batch = two(method), batch_of(REAL, LATENT)
    slopes = gradient(method, "generator", nets, batch)
    assert (slopes.abs() > 1e-3).all()
    other = batch_of(REAL, [*LATENT[:2], [0.1, 0.0], [0.9, 0.0]])
    moved = gradient(method, "generator", nets, other)
    close(moved[:2], slopes[:2])
    assert (moved[2:] - slopes[2:]).abs().min() > 1e-3


@pytest.mark.parametrize("prior", ["normal", "uniform"])
def test_every_generator_makes_an_equal_part_of_the_samples(prior):
    k = 3
    generators = Generators([Affine(float(i), 0.1) for i in range(k)], prior)
    n = 9000
    middle = (torch.arange(n, dtype=torch.float64) + 0.5) / n
    last = torch.special.ndtri(middle) if prior == "normal" else 2 * middle - 1
    z = torch.stack([torch.zeros(n, dtype=torch.float64), last], 1)
    made = generators(z).squeeze(1)
    close(made, torch.arange(k).repeat_interleave(n // k))
    ends = {"normal": 40.0, "uniform": 1.0}[prior]
    close(generators.picked(torch.tensor([-ends, ends])), [0, k - 1])


def test_samples_are_the_picked_generators():
    generators = Generators([Affine(*pair) for pair in GENERATORS], "normal")
    z = torch.tensor([[0.5, 1.3], [-0.25, -0.2], [1.5, -3.0], [-2.0, 0.1]], dtype=torch.float64)
    expected = [GENERATORS[i][0] + GENERATORS[i][1] * float(row[0]) for i, row in zip((1, 0, 0, 1), z, strict=True)]
    close(generators(z).squeeze(1), expected)
    shares = [GENERATORS[i][0] + GENERATORS[i][1] * float(row[0]) for i, row in zip((0, 0, 1, 1), z, strict=True)]
    close(generators(z, True).squeeze(1), shares)


def test_a_population_draws_the_further_coordinate():
    method, training = MADGAN(generators=2), Training(steps=2, batch_size=8)
    population = Population(method, Ring(), SPACE, training, members_of(method, training, (0, 1)))
    population.advance(2)
    assert population.batches.batch(0, 0)["z"].shape == (2, 8, SPACE.latent_dim + 1)
    assert population.sample(7).shape == (2, 7, 2)


def test_generators_start_apart_and_the_first_as_every_methods():
    training = Training(steps=2, batch_size=8)

    def start(method):
        population = Population(method, Ring(), SPACE, training, members_of(method, training, (0,)))
        return population.layout.unflatten("generator", population.state["flats"]["generator"][0])["generator"]

    mine, common = start(MADGAN(generators=2)), start(GAN())
    for name, part in common.items():
        assert torch.equal(mine[f"networks.0.{name}"], part)
    assert not torch.equal(mine["networks.0.0.weight"], mine["networks.1.0.weight"])


@pytest.mark.parametrize("saturating", FORMS)
def test_gradients(saturating, monkeypatch):
    fresh = helpers.smooth

    def smooth(method):
        nets, batch = fresh(method)
        return nets, replace(batch, z=torch.cat([batch.z, batch.u.unsqueeze(1)], 1))

    monkeypatch.setattr(helpers, "smooth", smooth)
    check_gradients(MADGAN(generators=2, saturating=saturating))


def test_training():
    check_trains(MADGAN())


@pytest.mark.parametrize("saturating", FORMS)
def test_sure_critics_stay_finite_in_float32(saturating):
    method = MADGAN(generators=2, saturating=saturating)
    nets = game(
        method,
        generator=Generators([Affine(*pair).float() for pair in GENERATORS], "normal"),
        discriminator=Logits(lambda x: x * torch.tensor([500.0, -500.0, 100.0]), 3).float(),
    )
    batch = replace(batch_of(), real=torch.tensor(REAL), z=torch.tensor(LATENT))
    for name in ("discriminator", "generator"):
        assert np.isfinite(loss(method, name, nets, batch))
        assert torch.isfinite(gradient(method, name, nets, batch)).all()


def test_observations():
    """The logit of the reals' class, on reals and on samples."""
    method = MADGAN(generators=2)
    real, first, _ = by_hand()
    log_odds = lambda part: (part[:, 2] - np.log(1 - np.exp(part[:, 2]))).mean()  # noqa: E731
    latent = [[z, -1.0] for z, _ in LATENT[:2]]  # all made by the first
    seen = method.observe(two(method), batch_of(REAL, latent))
    close(seen["critic_real"], log_odds(real))
    close(seen["critic_fake"], log_odds(first))


@pytest.mark.parametrize("generators", [0, 1.5])
def test_a_bad_number_of_generators_is_refused(generators):
    with pytest.raises(ModescopeError, match=rf"^generators is {generators}, expected a whole number of at least 1$"):
        MADGAN(generators=generators)


def test_a_batch_without_equal_shares_is_refused():
    with pytest.raises(ModescopeError, match=r"^batch_size is 10, expected a multiple of MAD-GAN's 4 generators$"):
        MADGAN().check(SPACE, 10)
    MADGAN().check(SPACE, 12)


def test_packs_have_no_one_maker():
    with pytest.raises(ModescopeError, match=r"^PacGAN over MADGAN is not defined"):
        PacGAN(base=MADGAN())
