"""The mixture by hand, what a single Gaussian cannot do, and that every method takes the mixture."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from helpers import close
from torch import Tensor

from modescope.core import ModescopeError, Networks
from modescope.core.method import float_fields
from modescope.datasets import Mixture
from modescope.methods import ALI, GAN, PacGAN, UnrolledGAN
from modescope.methods.bourgan import BourGAN
from modescope.methods.imle import IMLE
from modescope.methods.lbt import LBT
from modescope.methods.multimodal import MultiModalLatents, lattice
from modescope.methods.sig import SIG
from modescope.nets import MLP, Architecture
from modescope.testing import Case, generator, glimpse

ndtr, ndtri = (lambda x, f=f: float(f(torch.tensor(x).double())) for f in (torch.special.ndtr, torch.special.ndtri))


# The mixture


@pytest.mark.parametrize(
    ("points", "dim", "expected"),
    [
        (1, 3, [[0, 0, 0]]),
        (2, 3, [[0, 0, 0], [1, 0, 0]]),
        (4, 2, [[0, 0], [1, 0], [0, 1], [1, 1]]),
        (3, 1, [[0], [1], [2]]),
        (5, 2, [[0, 0], [1, 0], [2, 0], [0, 1], [1, 1]]),
    ],
)
def test_lattice_by_hand(points, dim, expected):
    assert lattice(points, dim) == expected


@pytest.mark.parametrize(("modes", "dim"), [(8, 2), (8, 16), (25, 16), (25, 2), (7, 1), (1000, 300)])
def test_centres_are_spread_apart_about_their_mean(modes, dim):
    method = MultiModalLatents(modes=modes, spread=5.0)
    middles = torch.special.ndtri((torch.arange(modes, dtype=torch.float64) + 0.5) / modes)
    centres = method.placed(torch.cat([torch.zeros(modes, dim, dtype=torch.float64), middles.unsqueeze(-1)], -1))
    assert len(centres.unique(dim=0)) == modes
    close(centres.mean(0), torch.zeros(dim))
    apart = torch.cdist(centres, centres, compute_mode="donot_use_mm_for_euclid_dist") + 99 * torch.eye(modes)
    close(apart.min(1).values, torch.full((modes,), 5.0))  # each has a neighbour


def test_latents_are_an_even_mixture_of_unit_gaussians():
    method = MultiModalLatents(modes=3, spread=20.0)
    z = method.placed(torch.randn(30_000, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64))
    component = (z / 20).round()
    assert sorted(component.unique().tolist()) == [-1, 0, 1]
    for centre in (-1, 0, 1):
        mine = z[component == centre]
        assert abs(len(mine) / 30_000 - 1 / 3) < 0.01
        close(mine.mean(), 20.0 * centre, 0.04)
        close(mine.std(), 1.0, 0.02)


def test_latents_about_a_centre_have_the_standard_deviation_that_was_asked_for():
    wide, narrow = (MultiModalLatents(modes=3, spread=4.0, std=std) for std in (1.0, 0.25))
    z = torch.randn(50, 5, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    close(4 * (narrow.placed(z) - wide.placed(torch.cat([0 * z[:, :-1], z[:, -1:]], -1))), z[:, :-1])


def test_extreme_normals_pick_the_outer_components():
    method = MultiModalLatents(modes=4, spread=2.0)
    for dtype in (torch.float32, torch.float64):
        z = torch.tensor([[0.0, -40.0], [0.0, 40.0]], dtype=dtype)
        close(method.placed(z), [[-3.0], [3.0]])


@pytest.mark.parametrize("modes", [1, 4])
def test_no_spread_is_the_plain_normal(modes):
    method = MultiModalLatents(modes=modes, spread=0.0)
    z = torch.randn(7, 4, dtype=torch.float64)
    close(method.placed(z), z[:, :3])


# What it changes of a method


def test_losses_samples_and_observations_are_those_of_the_base_at_the_placed_latents():
    base = GAN()
    method = MultiModalLatents(base=base, modes=3)
    nets, batch = glimpse(Case(method=method))
    assert batch.z.shape == (8, 4)
    placed = replace(batch, z=method.placed(batch.z))
    for mine, theirs in zip(method.players(), base.players(), strict=True):
        assert torch.equal(mine.loss(nets, batch), theirs.loss(nets, placed))
    assert torch.equal(method.sample(nets, batch.z), base.sample(nets, placed.z))
    assert torch.equal(method.observe(nets, batch)["critic_fake"], base.observe(nets, placed)["critic_fake"])


def test_samples_can_come_from_narrower_gaussians_than_those_of_training():
    wide, narrow = (MultiModalLatents(modes=3, std=0.5, sampling_std=std) for std in (None, 0.1))
    nets, batch = glimpse(Case(method=wide))
    for mine, theirs in zip(narrow.players(), wide.players(), strict=True):
        assert torch.equal(mine.loss(nets, batch), theirs.loss(nets, batch))
    asked = replace(wide, std=0.1)
    assert torch.equal(narrow.sample(nets, batch.z), asked.sample(nets, batch.z))
    assert not torch.equal(narrow.sample(nets, batch.z), wide.sample(nets, batch.z))
    middles = replace(wide, sampling_std=0.0).sample(nets, batch.z)
    assert 1 <= len(middles.unique(dim=0)) <= 3  # nothing is left but the middle of each Gaussian


class Remembering(GAN):
    """Remembers the mean latent."""

    def memory(self, nets):
        return {"mean": torch.zeros(())}

    def remember(self, nets, batch):
        return {"mean": batch.z.mean()}


def test_the_base_remembers_the_placed_latents():
    method = MultiModalLatents(base=Remembering(), modes=3)
    nets, batch = glimpse(Case(method=method))
    close(method.remember(nets, batch)["mean"], method.placed(batch.z).mean())


@pytest.mark.parametrize("base", [IMLE(candidates=2), SIG(components=5), LBT(unroll=2, rounds=1)], ids=repr)
def test_further_latents_of_a_method_are_shaped_too(base):
    method = MultiModalLatents(base=base, modes=3, dim=2)
    nets, batch = glimpse(Case(method=method))
    assert batch.noise["latents"].shape[-1] == 3
    placed = replace(batch, z=method.placed(batch.z))
    placed = replace(placed, noise={**batch.noise, "latents": method.placed(batch.noise["latents"])})
    assert torch.equal(method.players()[-1].loss(nets, batch), base.players()[-1].loss(nets, placed))
    others = {name: shape for name, shape in base.noise(Architecture(latent_dim=2).space(2), 8).items()}
    assert {name: tuple(part.shape) for name, part in placed.noise.items()} == others


def test_dim_is_that_of_the_latents_and_of_the_generator():
    plain, narrow, wide = (
        Case(method=method).population() for method in (GAN(), MultiModalLatents(), MultiModalLatents(dim=5))
    )
    assert [generator(p)["0.weight"].shape[1] for p in (plain, narrow, wide)] == [3, 3, 5]
    assert all(torch.equal(a, b) for a, b in zip(*(generator(p).values() for p in (plain, narrow)), strict=True))
    space = Architecture(latent_dim=4, prior="uniform").space(2)
    drawn = MultiModalLatents(dim=7).latents(space)
    assert (drawn.latent_dim, drawn.prior) == (8, "normal")
    assert MultiModalLatents(dim=7).networks(space)["generator"]()[0].weight.shape[1] == 7


def test_a_uniform_prior_is_replaced_so_that_methods_of_normals_run():
    uniform = Architecture(latent_dim=3, prior="uniform")
    Case(method=MultiModalLatents(base=IMLE(candidates=1)), architecture=uniform).population(1)


def test_packing_and_unrolling_commute_with_the_mixture():
    inner, outer = (
        Case(method=method).population(2).state["flats"]["generator"]
        for method in (
            PacGAN(base=UnrolledGAN(base=MultiModalLatents(modes=3), unroll=1)),
            MultiModalLatents(base=PacGAN(base=UnrolledGAN(base=GAN(), unroll=1)), modes=3),
        )
    )
    close(inner, outer)


def test_an_encoder_learns_the_placed_latents():
    method = MultiModalLatents(base=ALI(), modes=3, dim=2)
    nets, batch = glimpse(Case(method=method))
    placed = replace(batch, z=method.placed(batch.z))
    assert torch.equal(method.players()[0].loss(nets, batch), ALI().players()[0].loss(nets, placed))


def test_spread_can_be_swept():
    assert set(float_fields(MultiModalLatents())) == {"spread", "std"}


# What a single Gaussian cannot do: the modes are half-lines, left of -gap / 2 and right of gap / 2


def between(samples: Tensor, gap: float) -> float:
    """The fraction of samples in neither mode."""
    return float((samples.abs() < gap / 2).double().mean())


def bound(gap: float, slope: float) -> float:
    """The least fraction between two modes of the same mass, for a single Gaussian."""
    return 1 - 2 * ndtr(-gap / (2 * slope))


def quantiles(n: int) -> Tensor:
    return torch.special.ndtri((torch.arange(n, dtype=torch.float64) + 0.5) / n)


def ramp(z: Tensor, slope: float, gap: float) -> Tensor:
    """The best generator of two modes with this slope: a climb between two plateaus."""
    return (slope * z).clamp(-gap / 2, gap / 2)


@pytest.mark.parametrize("slope", [0.5, 2.0, 10.0])
def test_a_ramp_attains_the_bound_and_steeper_ones_less(slope):
    found = between(ramp(quantiles(1_000_001), slope, 2.0), 2.0)
    close(found, bound(2.0, slope), 1e-5)
    assert bound(2.0, 2 * slope) < bound(2.0, slope)
    assert bound(2.0, slope) > 0.07  # at 10 of slope, so many samples lie between modes at -1 and 1


@pytest.mark.parametrize("slope", [0.5, 2.0, 10.0])
@pytest.mark.parametrize("direction", [(1.0, 0.0), (0.6, 0.8)])
def test_no_other_map_of_this_slope_does_better(slope, direction):
    """Not with more coordinates either: maps of two of them, all with the same mass in both modes."""
    z = torch.randn(200_000, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    z = torch.cat([z, -z])
    axis = torch.tensor(direction, dtype=torch.float64)
    odd = [
        lambda z: slope * torch.sin(z @ axis),
        lambda z: slope * torch.tanh(z[:, 0]) * 0.9 + 0.1 * slope * z[:, 1],
        lambda z: slope * (z @ axis),
        lambda z: ramp(z @ axis, slope, 2.0),
    ]
    for one in odd:
        assert between(one(z), 2.0) > bound(2.0, slope) - 0.003


@pytest.mark.parametrize("spread", [6.0, 12.0])
@pytest.mark.parametrize("slope", [2.0, 10.0])
def test_latents_in_two_modes_leave_hardly_anything_between(slope, spread):
    method = MultiModalLatents(modes=2, spread=spread)
    centres = torch.tensor([-spread / 2, spread / 2], dtype=torch.float64)
    z = (quantiles(200_001).unsqueeze(-1) + centres).flatten()
    width = 2.0 / slope
    exact = ndtr(-(spread - width) / 2) - ndtr(-(spread + width) / 2)
    close(between(ramp(z, slope, 2.0), 2.0), exact, 1e-5)
    assert exact <= ndtr(-(spread - width) / 2)
    assert exact < bound(2.0, slope) / 10
    assert method.spread == spread


def test_trained_generators_obey_the_bound_and_the_mixture_goes_below_it():
    """Two narrow modes at -1 and 1, and a generator of one coordinate, by a method that has no critic to blame."""
    data = Mixture(means=((-1.0,), (1.0,)), std=0.02)
    net = MLP(hidden=(24, 24), activation="tanh")
    architecture = Architecture(latent_dim=1, generator=net, critic=net)
    base, gap, found = SIG(components=64, sigma_start=0.5, sigma_end=0.05), 1.4, []
    for method in (base, MultiModalLatents(base=base, modes=2)):
        case = Case(method=method, dataset=data, architecture=architecture, batch_size=32)
        population = case.population(250, recorded=True, lr=5e-3)
        nets: Networks = population.one(
            {}, {name: f[0] for name, f in population.state["flats"].items()}, {}, torch.zeros(3)
        )[1]
        grid = torch.linspace(-9, 9, 20_001, dtype=torch.float64).unsqueeze(-1)
        made = nets["generator"](grid)[:, 0]
        slope = float((made.diff() / grid[:, 0].diff()).abs().max())
        samples = population.sample(20_000)[0]
        left, right = (float((side > gap / 2).double().mean()) for side in (-samples, samples))
        found.append((1 - left - right, left, right, slope))
    (missed, left, right, slope), (missed_by_mixture, *_, slope_of_mixture) = found
    assert min(left, right) > 0.4
    assert right <= ndtr(-(ndtri(left) + gap / slope)) + 0.005
    assert missed > bound(gap, slope) - 0.005 > 0.005
    assert missed_by_mixture < missed / 10
    assert missed_by_mixture < bound(gap, slope_of_mixture) / 3


# Refusals


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"modes": 0}, r"^modes is 0, expected a whole number of at least 1$"),
        ({"modes": 2.5}, r"^modes is 2.5, "),
        ({"spread": -1.0}, r"^spread is -1.0, expected at least 0$"),
        ({"spread": math.inf}, r"^spread is inf, "),
        ({"std": 0.0}, r"^std is 0.0, expected more than 0$"),
        ({"sampling_std": -0.1}, r"^sampling_std is -0.1, expected nothing or at least 0$"),
        ({"dim": 0}, r"^dim is 0, expected nothing or a whole number of at least 1$"),
        ({"modes": 10**9}, r"^modes is 1000000000, expected at most 100,000$"),
        ({"base": "gan"}, r"^base is 'gan', expected a method"),
    ],
)
def test_bad_values_are_refused(fields, message):
    with pytest.raises(ModescopeError, match=message):
        MultiModalLatents(**fields)


@pytest.mark.parametrize("base", [BourGAN(), MultiModalLatents(), UnrolledGAN(base=MultiModalLatents())], ids=repr)
def test_a_base_with_latents_of_its_own_is_refused(base):
    with pytest.raises(ModescopeError, match=r"is not defined, since its base lays out latents of its own$"):
        MultiModalLatents(base=base)


def test_a_base_is_still_asked_whether_it_can_run():
    with pytest.raises(ModescopeError, match="expected a multiple of PacGAN's degree"):
        Case(method=MultiModalLatents(base=PacGAN(degree=3))).population()


def test_numbers_of_the_bound():
    """A slope of 5 between modes 2 apart: 16 in 100 samples lie between them, against 1 in 100 for a spread of 6."""
    assert round(bound(2.0, 5.0), 2) == 0.16
    assert ndtr(-(6 - 2 / 5) / 2) < 0.01
    assert np.isclose(bound(2.0, 1e9), 0.0, atol=1e-8)
