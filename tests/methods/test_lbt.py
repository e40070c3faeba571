"""The evidence against the exact likelihood, and a game whose steps ahead are worked out by hand."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from helpers import Given, batch_of, check_trains, close, linear, loss, normals
from slopes import check_slopes, warm
from torch import Tensor, nn
from torch.func import grad

from modescope.core import Batch, Layout, ModescopeError, Networks
from modescope.core.method import float_fields
from modescope.core.optim import SGD, Adam, Optimizer
from modescope.methods import PacGAN
from modescope.methods.lbt import LBT
from modescope.methods.lbt_gan import LBTGAN
from modescope.nets import Architecture
from modescope.testing import Case

SMALL = {"unroll": 2, "rounds": 1, "code_dim": 3}
VARIANCE, LR, START = 0.5, 0.1, 0.3
X = np.array([0.4, -1.0, 0.9, 2.1])


class Posterior(nn.Module):
    """An encoder of the line into one coordinate, with the mean `slope * x + shift` and a constant log-variance."""

    def __init__(self, slope: float, shift: float, log_variance: float) -> None:
        super().__init__()
        self.theta = nn.Parameter(torch.tensor([slope, shift, log_variance], dtype=torch.float64))

    def forward(self, x: Tensor) -> Tensor:
        slope, shift, log_variance = self.theta
        return torch.cat([slope * x + shift, log_variance + 0 * x], -1)


class Level(nn.Module):
    """A decoder that makes one point of every code."""

    def __init__(self, point: float) -> None:
        super().__init__()
        self.point = nn.Parameter(torch.tensor([point], dtype=torch.float64))

    def forward(self, code: Tensor) -> Tensor:
        return self.point + 0 * code


def nets_of(method: LBT, encoder: nn.Module, decoder: nn.Module, rule: Optimizer | None = None) -> Networks:
    """A generator whose samples are its latents, at first, against a given estimator."""
    modules = {"generator": Given(), "estimator_encoder": encoder, "estimator_decoder": decoder}
    if isinstance(method, LBTGAN):
        modules["discriminator"] = linear(-1.5, 0.5)
    layout = Layout.of(modules, method.players())
    flats = layout.flatten(modules)
    rule = rule or SGD(LR)
    return Networks(layout, flats, dict.fromkeys(flats, rule), {name: rule.init(flat) for name, flat in flats.items()})


def gaussian_nets(method: LBT, rule: Optimizer | None = None) -> Networks:
    """An estimator that is the Gaussian N(START, VARIANCE), with a code that says nothing."""
    return nets_of(method, Posterior(0.0, 0.0, 0.0), Level(START), rule)


def gradient(method: LBT, name: str, nets: Networks, batch: Batch) -> Tensor:
    """The slope of a player's loss in its own parameters, its optimiser and those of others in place."""
    loss = next(player.loss for player in method.players() if player.name == name)
    return grad(lambda flat: loss(replace(nets, flats={**nets.flats, name: flat}), batch))(nets.flats[name])


def batch_with(method: LBT, seed: int = 0) -> Batch:
    rng = np.random.default_rng(seed)
    n, k = len(X), method.unroll
    noise = {"codes": rng.normal(size=(k + 1, n, 1)), "latents": rng.normal(size=(k, n, 1))}
    return replace(batch_of(X[:, None], rng.normal(size=(n, 1))), noise={k: torch.tensor(v) for k, v in noise.items()})


def log_normal(x: np.ndarray, mean: float | np.ndarray, variance: float) -> np.ndarray:
    return -((x - mean) ** 2) / (2 * variance) - np.log(2 * np.pi * variance) / 2


def test_evidence_by_hand():
    method = LBT(variance=0.2, code_dim=1)
    nets = nets_of(method, Posterior(0.5, -0.1, -1.0), linear(1.5, 0.2))
    noise = np.array([[0.3], [-1.0], [0.7], [2.0]])
    mean = 0.5 * X - 0.1
    decoded = 1.5 * (mean + math.exp(-0.5) * noise.ravel()) + 0.2
    surprise = (mean**2 + math.exp(-1.0) - 1 + 1.0) / 2
    expected = (log_normal(X, decoded, 0.2) - surprise).mean()
    close(method.evidence(nets, torch.tensor(X[:, None]), torch.tensor(noise)), expected)


def test_evidence_is_the_likelihood_at_the_exact_posterior_and_less_elsewhere():
    """A linear decoder is a Gaussian of variance w^2 + v, whose posterior of the code is known."""
    w, b, v, x = 1.5, 0.2, 0.3, 0.9
    method, noise = LBT(variance=v, code_dim=1), normals(20_000)
    slope, remaining = w / (w**2 + v), v / (w**2 + v)

    def evidence(slope: float, remaining: float) -> float:
        encoder = Posterior(slope, -slope * b, math.log(remaining))
        nets = nets_of(method, encoder, linear(w, b))
        return float(method.evidence(nets, torch.full_like(noise, x), noise))

    truth = float(log_normal(np.array(x), b, w**2 + v))
    close(evidence(slope, remaining), truth, 1e-3)
    assert evidence(slope + 0.3, remaining) < truth - 0.01
    assert evidence(slope, 3 * remaining) < truth - 0.1


def test_evidence_sums_over_coordinates():
    method, x = LBT(variance=0.5, code_dim=3), torch.tensor([[1.0, 2.0]]).double()
    zeros = lambda width: lambda x: torch.zeros(len(x), width, dtype=torch.float64)  # noqa: E731
    nets = {"estimator_encoder": zeros(6), "estimator_decoder": zeros(2)}
    found = method.evidence(nets, x, torch.zeros(1, 3).double())
    close(found, log_normal(np.array([1.0, 2.0]), 0.0, 0.5).sum())


@pytest.mark.parametrize("rate", [1.0, 3.0])
@pytest.mark.parametrize("unroll", [1, 4])
def test_the_steps_ahead_by_hand(unroll, rate):
    """Gradient ascent moves the Gaussian's mean to the fresh samples' by LR / VARIANCE of the gap, `rate` or not."""
    method = LBT(unroll=unroll, variance=VARIANCE, code_dim=1, rate=rate)
    nets, batch = gaussian_nets(method), batch_with(method)
    mean, shrink = START, 1 - LR / VARIANCE
    for latents in batch.noise["latents"]:
        mean = shrink * mean + (1 - shrink) * float(latents.mean())
    close(loss(method, "generator", nets, batch), -log_normal(X, mean, VARIANCE).mean())
    close(gradient(method, "generator", nets, batch), [-(X.mean() - mean) / VARIANCE * (1 - shrink**unroll)])


def test_a_step_down_moves_samples_to_the_data():
    method = LBT(variance=VARIANCE, code_dim=1)
    nets, batch = gaussian_nets(method), batch_with(method)
    for sign in (1, -1):
        far = replace(batch, real=batch.real + 10.0 * sign)
        assert -sign * gradient(method, "generator", nets, far)[0] > 1


def test_an_estimator_that_has_settled_gives_the_gradient_of_the_forward_kl():
    """With 60 steps ahead that of KL(p || N(theta, VARIANCE)) in theta, the mean of the samples."""
    method = LBT(unroll=60, variance=VARIANCE, code_dim=1)
    batch = batch_with(method)
    same = batch.noise["latents"][:1].expand(60, -1, -1)
    found = gradient(method, "generator", gaussian_nets(method), replace(batch, noise={**batch.noise, "latents": same}))
    close(found, [-(X.mean() - float(same.mean())) / VARIANCE], 1e-4)


def test_the_steps_ahead_are_fresh_not_kept_and_start_from_the_optimisers_moments():
    method = LBT(**SMALL)
    nets, batch = warm(method)
    before = {name: flat.clone() for name, flat in nets.flats.items()}
    ahead = nets
    for step in range(2):
        fresh = replace(
            batch,
            z=batch.noise["latents"][step],
            noise={"codes": batch.noise["codes"][step : step + 1], "latents": batch.noise["latents"]},
        )
        ahead = ahead.descend(replace(method.estimator(), rate=1.0), fresh)
    taught = method.taught(nets, batch)
    assert torch.equal(taught.flats["estimator"], ahead.flats["estimator"])
    assert all(torch.equal(nets.flats[name], flat) for name, flat in before.items())
    assert not torch.equal(taught.flats["estimator"], before["estimator"])
    expected = -method.evidence(ahead, batch.real, batch.noise["codes"][2])
    assert torch.equal(method.players()[-1].loss(nets, batch), expected)


def test_a_first_step_of_adam_hides_how_large_the_gap_is():
    """Why the moments matter: without any, Adam's step is as long whatever the gradient, and says nothing of G."""
    method = LBT(unroll=1, variance=VARIANCE, code_dim=1)
    found = gradient(method, "generator", gaussian_nets(method, Adam(LR)), batch_with(method))
    assert found.abs().max() < 1e-5


def test_the_estimator_fits_samples():
    method = LBT(variance=VARIANCE, code_dim=1)
    nets, batch = gaussian_nets(method), batch_with(method)
    close(loss(method, "estimator", nets, batch), -log_normal(batch.z.numpy(), START, VARIANCE).mean())
    bias = gradient(method, "estimator", nets, batch)[-1]
    close(bias, -(float(batch.z.mean()) - START) / VARIANCE)


@pytest.mark.parametrize("kind", [LBT, LBTGAN])
def test_who_plays_how_often(kind):
    method = kind(unroll=5, rounds=2, rate=3.0)
    first = method.players()[0]
    assert (first.name, first.steps, first.rate) == ("estimator", 10, 3.0)
    assert method.gradient_steps == sum(player.steps for player in method.players()) + 5
    space = Architecture(latent_dim=4).space(2)
    assert method.noise(space, 8) == {"codes": (6, 8, 32), "latents": (5, 8, 4)}
    assert kind.training == {"lr": 1e-3, "critic_lr": 1e-4, "beta1": 0.5}


def test_the_hybrid_adds_a_gans_loss_by_hand():
    method, plain = LBTGAN(variance=VARIANCE, code_dim=1, weight=0.7), LBT(variance=VARIANCE, code_dim=1)
    nets, batch = gaussian_nets(method), batch_with(method)
    softplus = lambda x: np.log(1 + np.exp(x))  # noqa: E731
    on_real, on_fake = -1.5 * X + 0.5, -1.5 * batch.z.numpy() + 0.5
    close(loss(method, "discriminator", nets, batch), softplus(-on_real).mean() + softplus(on_fake).mean())
    teaching = loss(plain, "generator", gaussian_nets(plain), batch)
    close(loss(method, "generator", nets, batch), teaching + 0.7 * softplus(-on_fake).mean())
    assert (plain.critics, method.critics) == ((), ("discriminator",))


@pytest.mark.parametrize("kind", [LBT, LBTGAN])
def test_gradients_flow_through_the_steps_and_all_players_train(kind):
    method = kind(**SMALL, variance=0.3)
    check_slopes(method, tolerance=1e-4)
    check_trains(method)
    assert set(float_fields(method)) == {"rate", "variance"} | ({"weight"} if kind is LBTGAN else set())


@pytest.mark.parametrize("kind", [LBT, LBTGAN])
def test_what_is_observed(kind):
    method = kind(variance=VARIANCE, code_dim=1)
    batch = batch_with(method)
    seen = method.observe(gaussian_nets(method), batch)
    close(seen["evidence_real"], log_normal(X, START, VARIANCE).mean())
    close(seen["evidence_fake"], log_normal(batch.z.numpy(), START, VARIANCE).mean())
    assert ("critic_real" in seen) == (kind is LBTGAN)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"unroll": 0}, r"^unroll is 0, expected a whole number of at least 1$"),
        ({"rounds": 1.5}, r"^rounds is 1.5, expected a whole number of at least 1$"),
        ({"code_dim": 0}, r"^code_dim is 0, "),
        ({"rate": 0.0}, r"^rate is 0.0, expected more than 0$"),
        ({"variance": math.nan}, r"^variance is nan, expected more than 0$"),
        ({"weight": -1.0}, r"^weight is -1.0, expected at least 0$"),
    ],
)
def test_bad_values_are_refused(fields, message):
    with pytest.raises(ModescopeError, match=message):
        LBTGAN(**fields)


@pytest.mark.parametrize("kind", [LBT, LBTGAN])
def test_what_is_not_defined_is_refused(kind):
    with pytest.raises(ModescopeError, match=rf"^prior is 'uniform', expected 'normal', since {kind.__name__} draws"):
        Case(method=kind(), architecture=Architecture(prior="uniform")).population()
    with pytest.raises(ModescopeError, match=rf"PacGAN over {kind.__name__} is not defined"):
        PacGAN(base=kind())
