"""The embedding against a literal one, its distortion, and the losses by hand."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from helpers import close
from slopes import check_slopes
from torch import Tensor, nn

from modescope.core import Batch, Layout, ModescopeError, Networks
from modescope.core.config import Member
from modescope.core.method import float_fields
from modescope.datasets import Ring
from modescope.methods import ForwardKL, PacGAN
from modescope.methods.bourgan import BourGAN, Embedding, bourgain
from modescope.nets import Architecture
from modescope.testing import Case, generator

SMALL = {"points": 16, "sets": 2}


def literal(data: np.ndarray, members: np.ndarray) -> np.ndarray:
    """Bourgain's embedding, as one would write it down."""
    rows = []
    for x in data:
        row = []
        for subset in members:
            inside = [math.dist(x, y) for y, chosen in zip(data, subset, strict=True) if chosen]
            row.append(min(inside) if inside else 0.0)
        rows.append(row)
    found = np.array(rows)
    found = found - found.mean(0)
    return found / (np.linalg.norm(found, "fro") / math.sqrt(len(found))) * math.sqrt(found.shape[1])


def drawn(n: int = 24, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Data, subsets of which one is empty and one is full, and distances."""
    rng = np.random.default_rng(seed)
    data, members = rng.normal(size=(n, 3)), rng.random((10, n)) < 0.3
    members[3], members[5] = False, True
    return data, members, np.linalg.norm(data[:, None] - data[None], axis=-1)


def test_embedding_is_the_literal_one():
    data, members, distances = drawn()
    found = bourgain(torch.tensor(distances), torch.tensor(members))
    close(found, literal(data, members))
    close(found.mean(0), np.zeros(10))
    close(found.square().mean(), 1.0)


def test_embedding_never_widens_a_distance_by_more_than_its_scale():
    """A distance to a set changes by no more than one walks, so each coordinate is a contraction before scaling."""
    _, members, distances = drawn(60, seed=1)
    coordinates = np.array(
        [[distances[i][subset].min() if subset.any() else 0 for subset in members] for i in range(60)]
    )
    factor = 1 / coordinates.std(0).__pow__(2).mean() ** 0.5
    found = bourgain(torch.tensor(distances), torch.tensor(members)).numpy()
    apart = np.abs(found[:, None] - found[None]).max(-1)
    assert np.all(apart <= factor * distances + 1e-9)


def test_distances_are_kept_up_to_a_logarithm():
    """Bourgain's theorem: the distortion is of the order of log n, and nears its limit with more sets of each level."""
    n = 128
    data = torch.randn(n, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    distances, off = torch.cdist(data, data), ~torch.eye(n, dtype=torch.bool)

    def distortion(sets: int, points: Tensor | None = None) -> float:
        levels = np.repeat(np.arange(1, 8), sets)
        members = np.random.default_rng(0).random((7 * sets, n)) < 0.5 ** levels[:, None]
        found = bourgain(distances, torch.tensor(members))
        assert found.shape == (n, BourGAN(points=n, sets=sets).dim)
        found = found if points is None else found[points]
        ratios = (torch.cdist(found, found) / distances)[off]
        return float(ratios.max() / ratios.min())

    assert distortion(40) < distortion(5) < 2 * math.log2(n)
    assert distortion(5, torch.randperm(n, generator=torch.Generator().manual_seed(0))) > 20 * math.log2(n)


@pytest.mark.parametrize("scale", ["root", "largest", "mean"])
def test_scale_by_brute_force(scale):
    data, members, distances = drawn()
    points = literal(data, members)
    ratios = [distances[i, j] / np.linalg.norm(points[i] - points[j]) for i in range(len(data)) for j in range(i)]
    expected = {"root": math.sqrt(max(ratios)), "largest": max(ratios), "mean": math.exp(np.mean(np.log(ratios)))}
    close(Embedding(torch.tensor(points), torch.tensor(distances), scale).scale.detach(), expected[scale])


def test_samples_that_are_the_same_have_no_ratio():
    data, members, _ = drawn()
    data[7] = data[3]
    members[:, 7] = members[:, 3]
    distances = torch.tensor(np.linalg.norm(data[:, None] - data[None], axis=-1))
    found = Embedding(bourgain(distances, torch.tensor(members)), distances, "root")
    assert torch.isfinite(found.scale)
    with pytest.raises(ModescopeError, match="are all the same, expected some that differ"):
        bourgain(torch.zeros(4, 4), torch.ones(3, 4, dtype=torch.bool))
    with pytest.raises(ModescopeError, match=r"^no subset tells .* apart, expected more points or sets"):
        bourgain(1 - torch.eye(2), torch.ones(3, 2, dtype=torch.bool))


def test_points_are_picked_evenly():
    points = torch.arange(8.0).reshape(4, 2)
    embedding = Embedding(points, torch.cdist(points, points), "root")
    where = torch.tensor([0.0, 0.24, 0.26, 0.5, 0.99, 1.0])
    assert torch.equal(embedding(where), points[[0, 0, 1, 2, 3, 3]])


class Known(nn.Module):
    """A linear map without bias."""

    def __init__(self, weights: Tensor) -> None:
        super().__init__()
        self.weights = nn.Parameter(weights.double())

    def forward(self, x: Tensor) -> Tensor:
        return x @ self.weights


G, D = torch.tensor([[1.0, 0.5], [-0.3, 2.0], [0.2, 0.1]]), torch.tensor([[0.7], [-0.4]])


def small_game(method: BourGAN) -> tuple[Networks, Batch, np.ndarray]:
    """Four embedded points in three dimensions, linear networks, a batch, and its latents by hand."""
    rng = np.random.default_rng(1)
    points, data = rng.normal(size=(4, 3)), rng.normal(size=(4, 2))
    distances = torch.cdist(torch.tensor(data), torch.tensor(data))
    modules = {
        "generator": Known(G),
        "discriminator": Known(D),
        "embedding": Embedding(torch.tensor(points), distances, method.scale),
    }
    layout = Layout.of(modules, method.players(), method.fixed)
    z, real = rng.normal(size=(5, 4)), rng.normal(size=(5, 2))
    z[:, 3] = [-2.0, -0.3, 0.2, 1.5, 0.4]  # in the first to fourth quarter of a normal, and the third again
    latents = points[[0, 1, 2, 3, 2]] + method.noise_scale * z[:, :3]
    batch = Batch(torch.tensor(real), torch.tensor(z), torch.zeros(5, dtype=torch.float64))
    return Networks(layout, layout.flatten(modules)), batch, latents


@pytest.mark.parametrize("scale", ["root", "mean"])
def test_losses_by_hand(scale):
    method = BourGAN(noise_scale=0.2, beta=0.7, scale=scale)
    nets, batch, latents = small_game(method)
    fake, softplus = latents @ G.double().numpy(), lambda x: np.log(1 + np.exp(x))
    close(method.sample(nets, batch.z), fake)
    on_fake, on_real = fake @ D.double().numpy(), batch.real.numpy() @ D.double().numpy()
    critic, player = method.players()
    close(critic.loss(nets, batch), softplus(-on_real).mean() + softplus(on_fake).mean())

    factor = float(nets.weights("embedding")["scale"])
    gaps = [
        math.log(math.dist(fake[i], fake[i - 1])) - math.log(factor * math.dist(latents[i], latents[i - 1]))
        for i in range(5)
    ]
    close(player.loss(nets, batch), softplus(-on_fake).mean() + 0.7 * np.mean(np.square(gaps)), 1e-9)
    seen = method.observe(nets, batch)
    close([seen["critic_real"], seen["critic_fake"]], [on_real.mean(), on_fake.mean()])


def test_distances_are_right_where_the_generator_scales_by_lambda_alone():
    """The term is 0 for an isometry times Lambda, and grows on both sides of it."""
    method = BourGAN(beta=1.0)
    nets, batch, _ = small_game(method)
    turn = torch.linalg.qr(torch.randn(3, 3, generator=torch.Generator().manual_seed(0)).double()).Q

    def term(factor: float) -> float:
        modules = {**nets.layout.modules, "generator": Known(factor * turn), "discriminator": Known(torch.zeros(3, 1))}
        layout = Layout.of(modules, method.players(), method.fixed)
        return float(method.generator_loss(Networks(layout, layout.flatten(modules)), batch)) - math.log(2)

    factor = float(nets.weights("embedding")["scale"])
    close(term(factor), 0.0, 1e-9)
    close(term(2 * factor), math.log(2) ** 2, 1e-6)
    close(term(factor / 2), math.log(2) ** 2, 1e-6)


def test_a_latent_that_is_drawn_twice_is_no_infinity():
    method = BourGAN(noise_scale=0.0)
    nets, batch, _ = small_game(method)
    same = replace(batch, z=torch.zeros_like(batch.z))
    slope = torch.func.grad(
        lambda flat: method.generator_loss(replace(nets, flats={**nets.flats, "generator": flat}), same)
    )
    assert torch.isfinite(slope(nets.flats["generator"])).all()


def test_latents_are_standard_normals_with_one_more_coordinate():
    method, space = BourGAN(points=100, sets=5), Architecture(latent_dim=4, prior="uniform").space(2)
    assert method.dim == 35
    drawn = method.latents(space)
    assert (drawn.latent_dim, drawn.prior) == (36, "normal")
    assert method.fixed == ("embedding",)


def test_every_member_has_an_embedding_of_its_own_data_that_stays():
    case = Case(method=BourGAN(**SMALL))
    start = case.population(members=[Member(0), Member(1)])
    after = case.population(3, members=[Member(0), Member(1)])
    fixed = [population.state["flats"]["fixed"] for population in (start, after)]
    assert torch.equal(*fixed)
    assert not torch.equal(fixed[0][0], fixed[0][1])
    alone = case.population(members=[Member(1)]).state["flats"]["fixed"]
    assert torch.equal(alone[0], fixed[0][1])
    assert generator(start)["0.weight"].shape[1] == 8


def test_the_embedded_points_are_real_samples():
    """The first `points` samples that a generator with the builder's seed draws, and then the subsets."""
    method = BourGAN(points=32, sets=4)
    data = Ring()
    space = replace(Architecture().space(2), real=lambda n: data.sample(n, torch.default_generator))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        found = method.embedding(space)
    stream = torch.Generator().manual_seed(3)
    x = data.sample(32, stream).double()
    chances = np.repeat([0.5, 0.25, 0.125, 0.0625, 0.03125], 4)  # of a point to be in a subset, four of each level
    close(found.points.detach(), literal(x.numpy(), torch.rand(20, 32, generator=stream).numpy() < chances[:, None]))
    distances = torch.cdist(x, x, compute_mode="donot_use_mm_for_euclid_dist")
    apart = torch.cdist(found.points, found.points, compute_mode="donot_use_mm_for_euclid_dist").detach()
    off = ~torch.eye(32, dtype=torch.bool)
    close(found.scale.detach(), (distances / apart)[off].max().sqrt())


def test_gradients_training_and_sweeping():
    check_slopes(BourGAN(**SMALL))
    population = Case(method=BourGAN(**SMALL)).population(20)
    assert population.state["diverged"].tolist() == [-1]
    assert set(float_fields(BourGAN())) == {"noise_scale", "beta"}


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"points": 1}, r"^points is 1, expected a whole number of at least 2$"),
        ({"sets": 0}, r"^sets is 0, expected a whole number of at least 1$"),
        ({"noise_scale": -1.0}, r"^noise_scale is -1.0, expected at least 0$"),
        ({"beta": math.nan}, r"^beta is nan, expected at least 0$"),
        ({"scale": "roof"}, r"^unknown scale 'roof': did you mean 'root'\?"),
    ],
)
def test_bad_values_are_refused(fields, message):
    with pytest.raises(ModescopeError, match=message):
        BourGAN(**fields)


def test_what_is_not_defined_is_refused():
    with pytest.raises(ModescopeError, match=r"^batch_size is 1, expected at least 2 for BourGAN's pairs$"):
        Case(method=BourGAN(**SMALL), batch_size=1).population()
    with pytest.raises(ModescopeError, match="PacGAN over BourGAN is not defined"):
        PacGAN(base=BourGAN())
    Case(method=ForwardKL(base=BourGAN(**SMALL))).population(1)
