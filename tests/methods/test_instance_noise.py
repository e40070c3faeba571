"""What the losses of the base see, and when the noise is gone."""

from dataclasses import replace

import pytest
import torch
from helpers import SPACE, check_trains, close, loss
from torch import nn
from wrapped import check_slopes, furnished

from modescope.core import ModescopeError
from modescope.methods import ALI, GAN, LSGAN, R3GAN, ForwardKL, PacGAN, UnrolledGAN, build
from modescope.methods.instance_noise import InstanceNoise
from modescope.testing import Case, glimpse, same_bits

REAL, FAKE = "InstanceNoise1.real", "InstanceNoise1.fake"


class Shifted(nn.Module):
    """A generator whose samples are moved by what it is told."""

    def __init__(self, inner, by):
        super().__init__()
        self.inner, self.by = inner, by

    def forward(self, z):
        return self.inner(z) + self.by


@pytest.mark.parametrize("base", [GAN(), LSGAN(), R3GAN()], ids=repr)
def test_losses_are_the_bases_on_noisy_samples(base):
    """At the middle of the run half of sigma is left."""
    method = InstanceNoise(base=base, sigma=0.4)
    nets, batch = furnished(method)
    noisy = replace(batch, real=batch.real + 0.2 * batch.noise[REAL])
    moved = nets.piped("generator", lambda x: x + 0.2 * batch.noise[FAKE])
    for player, same in zip(method.players(), base.players(), strict=True):
        close(player.loss(nets, batch), same.loss(moved, noisy))
        assert abs(float(player.loss(nets, batch) - same.loss(nets, batch))) > 1e-4


def test_the_noise_of_reals_and_fakes_is_their_own():
    method = InstanceNoise(sigma=1.0)
    nets, batch = furnished(method)
    seen, noisy = method.seen(nets, batch)
    close(noisy.real - batch.real, 0.5 * batch.noise[REAL])
    close(seen["generator"](batch.z) - nets["generator"](batch.z), 0.5 * batch.noise[FAKE])
    assert not torch.equal(batch.noise[REAL], batch.noise[FAKE])


@pytest.mark.parametrize(("progress", "left"), [(0.0, 1.0), (0.1, 0.75), (0.3, 0.25), (0.4, 0.0), (0.9, 0.0)])
def test_it_fades_linearly_and_is_gone_after_until(progress, left):
    method = InstanceNoise(sigma=2.0, until=0.4)
    nets, batch = furnished(method)
    batch = replace(batch, progress=torch.tensor(progress, dtype=torch.float64))
    _, noisy = method.seen(nets, batch)
    close(noisy.real - batch.real, 2.0 * left * batch.noise[REAL])
    if left == 0:
        for name in ("discriminator", "generator"):
            close(loss(method, name, nets, batch), loss(GAN(), name, nets, batch))


def test_no_noise_is_the_base():
    """But for the stream of noise, from which more is drawn."""
    method = InstanceNoise(sigma=0.0)
    nets, batch = furnished(method)
    for name in ("discriminator", "generator"):
        close(loss(method, name, nets, batch), loss(GAN(), name, nets, batch))


def test_samples_and_observations_have_no_noise():
    nets, batch = glimpse(Case(method=InstanceNoise()))
    assert torch.equal(InstanceNoise().sample(nets, batch.z), nets["generator"](batch.z))
    for name, value in InstanceNoise().observe(nets, batch).items():
        assert torch.equal(value, GAN().observe(nets, batch)[name])


def test_packs_are_given_noise_in_their_shape():
    assert PacGAN(base=InstanceNoise(), degree=2).noise(SPACE, 8) == {REAL: (4, 4), FAKE: (4, 4)}
    assert InstanceNoise(base=PacGAN(degree=2)).noise(SPACE, 8) == {REAL: (8, 2), FAKE: (8, 2)}
    inside, outside = PacGAN(base=InstanceNoise()), InstanceNoise(base=PacGAN())
    nets, batch = furnished(inside)
    unpacked = replace(batch, noise={key: value.reshape(4, 2) for key, value in batch.noise.items()})
    for name in ("discriminator", "generator"):
        close(loss(inside, name, nets, batch), loss(outside, name, nets, unpacked))


def test_nested_noises_do_not_clash():
    method = InstanceNoise(base=InstanceNoise(sigma=0.3), sigma=0.4)
    assert len(method.noise(SPACE, 4)) == 4
    nets, batch = furnished(method)
    inner = {key.replace("1", "2"): value for key, value in batch.noise.items() if "1" in key}
    once = InstanceNoise(sigma=1.0)
    both = {
        key: 0.4 * batch.noise[key.replace("1", "2")] + 0.3 * value
        for key, value in batch.noise.items()
        if key.startswith("InstanceNoise1")
    }
    assert set(inner) == set(batch.noise) - set(both)
    for name in ("discriminator", "generator"):
        close(loss(method, name, nets, batch), loss(once, name, nets, replace(batch, noise=both)))


def test_noise_of_every_turn_is_fresh_and_its_own_in_a_stack():
    population = Case(method=InstanceNoise()).population(1)
    first, second = (population.batches.batch(0, turn)["noise"] for turn in (0, 1))
    assert not torch.equal(first[REAL], second[REAL])
    assert abs(float(population.batches.noise.normal[2].std()) - 1) < 0.1
    again = Case(method=InstanceNoise()).population(1)
    assert same_bits(population, again)


class Remembering(GAN):
    """Remembers the mean score of reals."""

    def memory(self, nets):
        return {"score": torch.zeros(())}

    def remember(self, nets, batch):
        return {"score": nets["discriminator"](batch.real).mean()}


def test_the_base_remembers_what_its_losses_saw():
    method = InstanceNoise(base=Remembering(), sigma=1.0)
    nets, batch = furnished(method)
    noisy = batch.real + 0.5 * batch.noise[REAL]
    close(method.remember(nets, batch)["score"], nets["discriminator"](noisy).mean())


def test_gradients_and_training():
    check_slopes(InstanceNoise(), *furnished(InstanceNoise()))
    check_trains(InstanceNoise(base=PacGAN()))
    Case(method=UnrolledGAN(base=InstanceNoise(), unroll=1)).population(1)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: InstanceNoise(sigma=-0.1), "^sigma is -0.1, expected at least 0$"),
        (lambda: InstanceNoise(until=0.0), "^until is 0.0, expected a number of more than 0 and at most 1$"),
        (lambda: InstanceNoise(until=1.5), "^until is 1.5"),
        (lambda: InstanceNoise(base=ALI()), "^InstanceNoise over ALI is not defined, since losses of its base read mo"),
        (lambda: InstanceNoise(base=ForwardKL()), "; ForwardKL over InstanceNoise over GAN is$"),
        (lambda: build("instance-noise+msgan"), "; MSGAN over InstanceNoise over GAN is$"),
    ],
)
def test_refusals(make, message):
    with pytest.raises(ModescopeError, match=message):
        make()
