"""Singular values against PyTorch's own and the SVD, and who sees the normalised critic."""

from dataclasses import replace

import pytest
import torch
from helpers import SPACE, Given, batch_of, check_trains, close, game, loss, smooth
from torch import nn
from torch.nn.utils.parametrizations import spectral_norm
from wrapped import check_slopes, furnished, slope_of

from modescope.core import ModescopeError, TwoPlayer, input_gradient
from modescope.core.optim import SGD
from modescope.methods import ALI, GAN, LSGAN, PacGAN, UnrolledGAN, build
from modescope.methods.spectral_norm import SpectralNorm, power_step, singular_value
from modescope.nets import MLP
from modescope.testing import Case, glimpse


def numbers(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def converged(method, nets, batch, steps=600):
    """The batch, after many steps of the power method on weights that stay."""
    for _ in range(steps):
        batch = replace(batch, memory=method.remember(nets, batch))
    return batch


def settled(method):
    nets, batch = furnished(method)
    return nets, converged(method, nets, batch)


def matrices(nets, role="discriminator"):
    return {name: weight for name, weight in nets.weights(role).items() if weight.ndim > 1}


@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_steps_and_slopes_are_those_of_pytorchs_hook():
    """It takes the two vectors in the order of the paper's algorithm, v and then u."""
    torch.manual_seed(0)
    layer = nn.Linear(4, 6).double()
    weight, bias, x = layer.weight.detach().clone(), layer.bias.detach(), numbers(5, 4)
    theirs = torch.nn.utils.spectral_norm(layer, n_power_iterations=1).train()
    u = theirs.weight_u.clone()

    def output(weight, u):
        return nn.functional.linear(x, weight / singular_value(weight, u), bias).square().sum()

    for _ in range(3):
        theirs.zero_grad()
        theirs(x).square().sum().backward()
        close(torch.func.grad(output)(weight, u), theirs.weight_orig.grad)
        u, v = power_step(weight, u)
        close(theirs.weight_u, u)
        close(theirs.weight_v, v)
        close(theirs.weight.detach(), weight / (u @ weight @ v))


def test_it_converges_to_pytorchs_parametrization():
    """That takes them in the other order, which is half a step further."""
    torch.manual_seed(0)
    layer = nn.Linear(4, 6).double()
    weight = layer.weight.detach().clone()
    theirs = spectral_norm(layer, n_power_iterations=500).train().weight.detach()
    u = torch.ones(6, dtype=torch.float64)
    for _ in range(500):
        u, _ = power_step(weight, u)
    close(weight / singular_value(weight, u), theirs, 1e-9)


def test_singular_values_converge_to_those_of_the_svd():
    nets, batch = settled(SpectralNorm())
    seen = SpectralNorm().normalised(nets, batch.memory)
    assert len(matrices(nets)) == 2
    for name, weight in matrices(seen).items():
        plain = nets.weights("discriminator")[name]
        close(weight, plain / torch.linalg.svdvals(plain)[0], 1e-9)
        close(torch.linalg.matrix_norm(weight, 2), 1.0, 1e-9)
    for name, part in seen.weights("discriminator").items():
        if part.ndim == 1:
            close(part, nets.weights("discriminator")[name])
    for name, part in seen.weights("generator").items():
        close(part, nets.weights("generator")[name])


def test_fifteen_iterations_at_the_start_come_near():
    nets, batch = glimpse(Case(method=SpectralNorm()))
    for name, weight in matrices(nets).items():
        value = singular_value(weight, batch.memory[SpectralNorm().key("discriminator", name)])
        close(value, torch.linalg.svdvals(weight)[0], 1e-2)


@pytest.mark.parametrize("scale", [1.0, 7.5])
def test_the_critics_slope_is_bounded_by_scale(scale):
    """A deep linear critic of orthogonal weights reaches the bound; others stay below."""
    method = SpectralNorm(scale=scale)
    nets, batch = settled(method)
    x = 3 * numbers(500, 2, seed=3)
    slopes = input_gradient(method.normalised(nets, batch.memory)["discriminator"], x).norm(dim=1)
    assert slopes.max() <= scale
    straight = game(method, generator=Given(2), discriminator=nn.Linear(2, 1).double())
    memory = converged(method, straight, replace(batch, memory=method.memory(straight)), 5).memory
    slopes = input_gradient(method.normalised(straight, memory)["discriminator"], x).norm(dim=1)
    close(slopes, torch.full_like(slopes, scale))


def test_losses_are_the_bases_on_the_divided_weights():
    """Computed apart, with a critic whose weights have been divided by their singular values, and its last by scale."""
    method = SpectralNorm(base=LSGAN(fake=-1.0), scale=2.0)
    nets, batch = settled(method)
    flat = {}
    for name, part in nets.views["discriminator"].items():
        flat[name] = part / torch.linalg.svdvals(part)[0] if part.ndim > 1 else part
    flat["2.weight"], flat["2.bias"] = 2 * flat["2.weight"], 2 * flat["2.bias"]
    vector = torch.cat([part.reshape(-1) for part in flat.values()])
    plain = replace(nets, flats={**nets.flats, "discriminator": vector})
    for name in ("discriminator", "generator"):
        close(loss(method, name, nets, batch), loss(LSGAN(fake=-1.0), name, plain, batch), 1e-9)
    for name, value in method.observe(nets, batch).items():
        close(value, LSGAN().observe(plain, batch)[name], 1e-9)


def test_gradients():
    """Where the power method has converged, a small change of its vectors does not change the singular value."""
    nets, batch = settled(SpectralNorm(scale=3.0))
    check_slopes(SpectralNorm(scale=3.0), nets, batch, 1e-6)


def test_unrolled_steps_descend_normalised_critics():
    """Unrolling over and under it is the same, and as slow steps by hand."""
    over, under = UnrolledGAN(base=SpectralNorm(), unroll=2), SpectralNorm(base=UnrolledGAN(base=GAN(), unroll=2))
    case = Case(method=SpectralNorm())
    nets, batch = glimpse(case)
    first, second = (slope_of(method, "generator", nets, batch) for method in (over, under))
    close(first, second)
    rules = {name: SGD(0.1) for name in nets.flats}
    nets = replace(nets, optimizers=rules, states={name: {} for name in rules})
    moved = nets.flats["discriminator"]
    for _ in range(2):
        ahead = replace(nets, flats={**nets.flats, "discriminator": moved})
        moved = moved - 0.1 * slope_of(SpectralNorm(), "discriminator", ahead, batch)
    ahead = replace(nets, flats={**nets.flats, "discriminator": moved})
    close(loss(over, "generator", nets, batch), loss(SpectralNorm(), "generator", ahead, batch))


def test_the_memory_follows_the_weights_and_nested_ones_do_not_clash():
    population = Case(method=build("spectral-norm+spectral-norm")).population(30)
    memory = population.state["memory"]
    assert len(memory) == 6
    flat = population.state["flats"]["discriminator"][0]
    for name, weight in population.layout.unflatten("discriminator", flat)["discriminator"].items():
        if weight.ndim > 1:
            u = memory[f"SpectralNorm2.discriminator.{name}"][0]
            close(singular_value(weight, u), torch.linalg.svdvals(weight)[0], 1e-3)


class Remembering(GAN):
    """Remembers the critic's mean score."""

    def memory(self, nets):
        return {"score": nets["discriminator"](torch.ones(1, 2, dtype=torch.float64)).mean()}

    def remember(self, nets, batch):
        return self.memory(nets)


def test_the_bases_memory_is_of_the_normalised_critic():
    method = SpectralNorm(base=Remembering(), scale=2.0)
    nets, batch = furnished(method)
    D = method.normalised(nets, method.memory(nets))["discriminator"]
    close(method.memory(nets)["score"], D(torch.ones(1, 2, dtype=torch.float64)).mean())
    close(method.remember(nets, batch)["score"], D(torch.ones(1, 2, dtype=torch.float64)).mean())


def test_only_critics_are_normalised():
    nets, _ = smooth(SpectralNorm(base=PacGAN()))
    keys = set(SpectralNorm(base=PacGAN()).memory(nets))
    assert keys == {"SpectralNorm1.discriminator.0.weight", "SpectralNorm1.discriminator.2.weight"}
    wide = replace(SPACE, encoder_spec=MLP(hidden=(4,)))
    ali = {role: build() for role, build in SpectralNorm(base=ALI()).networks(wide).items()}
    layout = game(SpectralNorm(base=ALI()), **ali)
    assert all(".discriminator." in key for key in SpectralNorm(base=ALI()).memory(layout))


def test_a_convolution_is_read_as_a_matrix():
    class Convolution(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv1d(1, 3, 2)

        def forward(self, x):
            return self.conv(x.unsqueeze(1)).sum(dim=(1, 2)).unsqueeze(1)

    nets = game(SpectralNorm(), generator=Given(4), discriminator=Convolution().double())
    batch = replace(batch_of(numbers(3, 4), numbers(3, 4, seed=1)), memory=SpectralNorm().memory(nets))
    batch = converged(SpectralNorm(), nets, batch, 200)
    weight = SpectralNorm().normalised(nets, batch.memory).weights("discriminator")["conv.weight"]
    assert weight.shape == (3, 1, 2)
    close(torch.linalg.matrix_norm(weight.flatten(1), 2), 1.0, 1e-9)


def test_training_and_sweeps():
    check_trains(SpectralNorm(scale=4.0))
    check_trains(SpectralNorm(base=PacGAN()))


class Lonely(TwoPlayer):
    """Has no network that scores samples."""

    @property
    def critics(self):
        return ()

    def discriminator_loss(self, nets, batch):
        return nets["discriminator"](batch.real).mean()

    def generator_loss(self, nets, batch):
        return nets["generator"](batch.z).mean()


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"scale": 0.0}, "^scale is 0.0, expected more than 0$"),
        ({"scale": float("inf")}, "^scale is inf, expected more than 0$"),
        ({"base": Lonely()}, "^SpectralNorm over Lonely is not defined, since no network of its base scores samples"),
    ],
)
def test_refusals(fields, message):
    with pytest.raises(ModescopeError, match=message):
        SpectralNorm(**fields)
