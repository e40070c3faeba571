"""The bound against the exact likelihood, how it tightens, and what it is least at."""

import math

import numpy as np
import pytest
import torch
from helpers import SCALE, SHIFT, Affine, Given, batch_of, check_trains, close, game, gradient, loss, normals
from slopes import check_slopes
from torch.func import vmap

from modescope.core import Batch, ModescopeError
from modescope.core.method import float_fields
from modescope.methods import GAN, PacGAN, UnrolledGAN
from modescope.methods.sig import SIG
from modescope.nets import Architecture
from modescope.testing import Case


def with_latents(real: object, latents: torch.Tensor, progress: float = 0.0) -> Batch:
    batch = batch_of(real, torch.zeros(len(latents), latents.shape[-1]), progress=progress)  # its own z are not used
    return Batch(batch.real, batch.z + 99.0, batch.u, {"latents": latents}, progress=batch.progress)


def at_sigma(sigma: float) -> SIG:
    return SIG(sigma_start=sigma, sigma_end=sigma)


def test_loss_by_hand():
    real, fake = np.array([[0.1, 0.4], [-1.0, 2.0]]), np.array([[0.0, 0.0], [1.0, 1.0], [-2.0, 1.5]])
    square = ((real[:, None] - fake[None]) ** 2).sum(-1)
    densities = np.exp(-square / (2 * 0.25)) / (2 * math.pi * 0.25)
    method = at_sigma(0.5)
    nets = game(method, generator=Given(2))
    close(loss(method, "generator", nets, with_latents(real, torch.tensor(fake))), -np.log(densities.mean(1)).mean())


@pytest.mark.parametrize(("progress", "sigma"), [(0.0, 0.8), (0.5, 0.4), (0.75, 0.8 * 4**-0.75), (1.0, 0.2)])
def test_bandwidth_falls_by_the_same_factor_in_every_step(progress, sigma):
    falling, fixed, latents = (
        SIG(sigma_start=0.8, sigma_end=0.2),
        at_sigma(sigma),
        torch.tensor([[0.3], [-1.0]]).double(),
    )
    found = loss(falling, "generator", game(falling, generator=Given()), with_latents([[0.2]], latents, progress))
    close(found, loss(fixed, "generator", game(fixed, generator=Given()), with_latents([[0.2]], latents)))


def exact(real: torch.Tensor, sigma: float) -> float:
    """The mean log-likelihood of the linear generator with Gaussian noise, which is N(SHIFT, SCALE^2 + sigma^2)."""
    width = math.hypot(SCALE, sigma)
    return float((-((real - SHIFT) / width).square() / 2).mean()) - math.log(width * math.sqrt(2 * math.pi))


def test_bound_lies_below_the_exact_likelihood_and_tightens_with_every_component():
    sigma, real = 0.4, normals(100)
    nets, truth = game(SIG(), generator=Affine()), exact(normals(100), sigma)
    draws = torch.randn(600, 64, 1, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    bounds = []
    for components in (1, 2, 4, 8, 16, 64):
        one = lambda draw: -at_sigma(sigma).generator_loss(nets, with_latents(real, draw))  # noqa: E731
        bounds.append(float(vmap(one)(draws[:, :components]).mean()))
    assert np.all(np.diff(bounds) > 0.02)
    assert bounds[0] < truth - 1
    assert truth - 0.1 < bounds[-1] < truth
    close(-loss(at_sigma(sigma), "generator", nets, with_latents(real, normals(5000))), truth, 1e-3)


def test_one_component_knows_the_exact_bound():
    """With M = 1 it is -E |x - G(z)|^2 / (2 sigma^2) up to a constant, least for a generator of the mean alone."""
    sigma, z = 0.4, normals(400)
    nets, real = game(SIG(), generator=Affine()), normals(50)
    found = np.mean([loss(at_sigma(sigma), "generator", nets, with_latents(real, each[None])) for each in z])
    square = float(real.square().mean()) + SHIFT**2 + SCALE**2 * float(z.square().mean())
    close(found, square / (2 * sigma**2) + math.log(sigma * math.sqrt(2 * math.pi)), 1e-9)


def test_the_best_linear_generator_leaves_room_for_the_noise():
    """The mixture has the data's variance where that of the samples falls short by sigma^2."""
    sigma = 0.4
    best = math.sqrt(1 - sigma**2)

    def slope(scale: float) -> torch.Tensor:
        nets = game(SIG(), generator=Affine(0.0, scale))
        return gradient(at_sigma(sigma), "generator", nets, with_latents(normals(1000), normals(2000)))

    close(slope(best), [0.0, 0.0], 2e-3)
    assert slope(0.9 * best)[1] < -0.01
    assert slope(1.1 * best)[1] > 0.01


def test_what_is_observed_is_the_bound_at_the_last_bandwidth():
    method, latents = SIG(sigma_start=0.8, sigma_end=0.2), normals(5)
    nets = game(method, generator=Affine())
    seen = method.observe(nets, with_latents(normals(3), latents))
    close(seen["log_likelihood"], -loss(at_sigma(0.2), "generator", nets, with_latents(normals(3), latents)))


def test_components_are_their_own_latents():
    space = Architecture(latent_dim=3).space(2)
    assert SIG(components=50).noise(space, 8) == {"latents": (50, 3)}
    assert SIG.critics.fget(SIG()) == ()


def test_training_and_sweeping():
    check_slopes(SIG(components=8))
    check_trains(SIG(components=8))
    assert set(float_fields(SIG())) == {"sigma_start", "sigma_end"}


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"components": 0}, r"^components is 0, expected a whole number of at least 1$"),
        ({"components": 2.5}, r"^components is 2.5, "),
        ({"sigma_start": 0.0}, r"^sigma_start is 0.0, expected more than 0$"),
        ({"sigma_end": math.nan}, r"^sigma_end is nan, expected more than 0$"),
    ],
)
def test_bad_values_are_refused(fields, message):
    with pytest.raises(ModescopeError, match=message):
        SIG(**fields)


def test_what_is_not_defined_is_refused():
    uniform = Architecture(latent_dim=3, prior="uniform")
    with pytest.raises(
        ModescopeError, match=r"^prior is 'uniform', expected 'normal', since SIG draws further latents"
    ):
        Case(method=SIG(), architecture=uniform).population()
    Case(method=GAN(), architecture=uniform).population()
    with pytest.raises(ModescopeError, match="PacGAN over SIG is not defined"):
        PacGAN(base=SIG())
    with pytest.raises(ModescopeError, match="no player of its base answers"):
        UnrolledGAN(base=SIG())
