"""Both wrappers that let a critic see the batch: its layers, its starting weights, and collapse that shows."""

from dataclasses import replace

import pytest
import torch
from helpers import SPACE, check_trains, close, game, slope
from torch import nn
from wrapped import check_slopes, furnished

from modescope.core import ModescopeError
from modescope.methods import ALI, GAN, LSGAN, VEEGAN, PacGAN, UnrolledGAN
from modescope.methods.minibatch_discrimination import MinibatchDiscrimination
from modescope.methods.minibatch_stddev import MinibatchStddev
from modescope.nets import Architecture, UserModule
from modescope.nets.batch_layers import MinibatchDiscriminationLayer, MinibatchStddevLayer
from modescope.testing import Case, glimpse

WRAPPERS = [MinibatchStddev, MinibatchDiscrimination]


class OwnCritic(nn.Module):
    """A network of somebody's own, which is no nn.Sequential."""

    def __init__(self, inputs, outputs):
        super().__init__()
        self.body, self.batch, self.head = nn.Linear(inputs, 8), MinibatchStddevLayer(), nn.Linear(9, outputs)

    def forward(self, x):
        return self.head(self.batch(torch.tanh(self.body(x))))


@pytest.mark.parametrize("kind", WRAPPERS)
@pytest.mark.parametrize("base", [GAN(), PacGAN(base=LSGAN()), UnrolledGAN(unroll=1), ALI(), VEEGAN()], ids=repr)
def test_the_layer_stands_before_the_last_and_all_else_starts_alike(kind, base):
    wrapped, plain = (Case(method=method).population() for method in (kind(base=base), base))
    layer = {MinibatchStddev: MinibatchStddevLayer, MinibatchDiscrimination: MinibatchDiscriminationLayer}[kind]
    critic = wrapped.layout.modules["discriminator"]
    assert isinstance(critic[-2], layer)
    before, now = ({}, {})
    for population, found in ((plain, before), (wrapped, now)):
        for owner, flat in population.state["flats"].items():
            for role, parts in population.layout.unflatten(owner, flat[0]).items():
                found.update({(role, name): part for name, part in parts.items()})
    added = critic[-1].in_features - 8
    assert added == (1 if kind is MinibatchStddev else 8)
    for (role, name), part in before.items():
        place = name.replace("4.", "5.") if role == "discriminator" else name
        mine = now[role, place]
        assert torch.equal(mine[:, :8] if mine.shape != part.shape else mine, part)


def test_fields_reach_the_layers():
    wide = Case(method=MinibatchDiscrimination(kernels=3, dims=2)).population().layout.modules["discriminator"]
    assert wide[-2].weight.shape == (8, 6)
    assert wide[-1].in_features == 11
    groups = Case(method=MinibatchStddev(group=2)).population().layout.modules["discriminator"]
    assert groups[-2].group == 2


@pytest.mark.parametrize("kind", WRAPPERS)
def test_gradients_and_training(kind):
    check_slopes(kind(), *furnished(kind()))
    check_trains(kind(base=LSGAN()))


def test_a_critic_can_tell_variety_that_no_single_sample_shows():
    """Two batches with the same samples, in groups that are alike and in groups that are not."""
    critic = nn.Sequential(MinibatchStddevLayer(2), nn.Linear(2, 1)).double()
    nn.init.constant_(critic[1].weight, 0.0)
    critic[1].weight.data[0, 1] = 1.0
    nn.init.zeros_(critic[1].bias)
    x = torch.tensor([[0.0], [1.0], [0.0], [1.0]], dtype=torch.float64)
    close(critic(x), torch.full((4, 1), 1e-4), 1e-9)
    close(critic(x[[0, 1, 3, 2]]), torch.full((4, 1), 0.5), 1e-6)


def test_collapsed_fakes_are_pushed_apart():
    """The critic likes samples without neighbours, so two fakes that are near move apart."""
    critic = nn.Sequential(MinibatchDiscriminationLayer(1, 1, 1), nn.Linear(2, 1)).double()
    critic[0].weight.data.fill_(1.0)
    critic[1].weight.data = torch.tensor([[0.0, -1.0]], dtype=torch.float64)

    class Points(nn.Module):
        def __init__(self):
            super().__init__()
            self.at = nn.Parameter(torch.tensor([[0.0], [0.1]], dtype=torch.float64))

        def forward(self, z):
            return self.at + 0 * z

    nets = game(GAN(), generator=Points(), discriminator=critic)
    _, batch = furnished(GAN())
    pulls = slope(GAN().generator_loss, "generator", nets, replace(batch, z=batch.z[:2, :1]))
    assert pulls[0] > 0.1  # descent moves it down, away from the other
    close(pulls[0], -pulls[1])


@pytest.mark.parametrize("kind", WRAPPERS)
def test_a_module_of_ones_own_is_refused_but_may_hold_the_layer_itself(kind):
    own = UserModule(f"{__name__}:OwnCritic")
    case = Case(method=kind(), architecture=Architecture(latent_dim=3, critic=own))
    with pytest.raises(ModescopeError, match=f"the critic is a OwnCritic.*hold a modescope.nets.*{kind.__name__}Layer"):
        case.population()
    Case(method=GAN(), architecture=Architecture(latent_dim=3, critic=own)).population(2)


class Lonely(GAN):
    @property
    def critics(self):
        return ()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: MinibatchStddev(group=1), "^group is 1, expected a whole number of at least 2$"),
        (lambda: MinibatchStddev(group=2.0), "^group is 2.0, expected a whole number of at least 2$"),
        (lambda: MinibatchDiscrimination(kernels=0), "^kernels is 0, expected a whole number of at least 1$"),
        (lambda: MinibatchDiscrimination(dims=1.5), "^dims is 1.5, expected a whole number of at least 1$"),
        (lambda: MinibatchStddev(base=Lonely()), "^MinibatchStddev over Lonely is not defined, since no network"),
        (lambda: MinibatchDiscrimination(base=Lonely()), "^MinibatchDiscrimination over Lonely is not defined"),
    ],
)
def test_refusals(make, message):
    with pytest.raises(ModescopeError, match=message):
        make()


@pytest.mark.parametrize(
    ("method", "pack"),
    [
        (MinibatchStddev(), 1),
        (PacGAN(base=MinibatchStddev()), 2),
        (MinibatchStddev(base=PacGAN()), 2),
        (MinibatchStddev(base=UnrolledGAN(base=PacGAN(base=PacGAN()), unroll=1)), 4),
    ],
    ids=repr,
)
def test_rows_that_come_in_no_groups_are_refused(method, pack):
    with pytest.raises(ModescopeError, match=r"^the critic sees 6 rows at once, expected a multiple of .* group 4; ch"):
        method.check(SPACE, 6 * pack)
    method.check(SPACE, 4 * pack)
    Case(method=method, batch_size=4 * pack).population(1)


def test_a_single_row_has_no_others():
    with pytest.raises(ModescopeError, match=r"^the critic sees 1 row at once, expected at least 2"):
        MinibatchDiscrimination(base=PacGAN(degree=4)).check(SPACE, 4)


@pytest.mark.parametrize("kind", WRAPPERS)
def test_a_base_is_still_asked_whether_it_can_run(kind):
    with pytest.raises(ModescopeError, match="expected a multiple of PacGAN's degree"):
        kind(base=PacGAN(degree=3)).check(SPACE, 13)


def test_observations_are_of_the_whole_critic():
    nets, batch = glimpse(Case(method=MinibatchStddev()))
    seen = MinibatchStddev().observe(nets, batch)
    close(seen["critic_real"], nets["discriminator"](batch.real).mean())
