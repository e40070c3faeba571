"""The kernels and their discrepancy against double sums, and the nets and GANs that descend it."""

import math
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch
from helpers import (
    SPACE,
    Affine,
    Given,
    batch_of,
    check_gradients,
    check_sweep,
    check_trains,
    close,
    game,
    gradient,
    loss,
    normals,
)
from torch import nn

from modescope.core import ModescopeError
from modescope.core.config import Training, members_of
from modescope.core.engine import Population
from modescope.datasets.ring import Ring
from modescope.methods import PacGAN, UnrolledGAN
from modescope.methods.kernels import gaussian, mmd2, rational_quadratic
from modescope.methods.long_rounds import moves_in_rounds
from modescope.methods.mmd_gan import MMDGAN
from modescope.methods.mmd_net import MMDNet
from modescope.metrics import mmd2 as reference

SIGMAS, ALPHAS = (0.5, 1.0, 3.0), (0.2, 1.0, 5.0)
KERNELS = {
    "rbf": lambda a, b: sum(np.exp(-((a - b) ** 2).sum() / (2 * s**2)) for s in SIGMAS),
    "rational-quadratic": lambda a, b: sum((1 + ((a - b) ** 2).sum() / (2 * s)) ** -s for s in ALPHAS),
}
OURS = {"rbf": partial(gaussian, sigmas=SIGMAS), "rational-quadratic": partial(rational_quadratic, alphas=ALPHAS)}
X, Y = np.array([[0.3, 1.0], [-1.0, 0.4], [0.2, 0.2]]), np.array([[0.5, 0.2], [2.0, -0.5]])


def double_sums(x, y, k, unbiased):
    n, m = len(x), len(y)
    xx = sum(k(x[i], x[j]) for i in range(n) for j in range(n) if i != j or not unbiased) / (n * (n - unbiased))
    yy = sum(k(y[i], y[j]) for i in range(m) for j in range(m) if i != j or not unbiased) / (m * (m - unbiased))
    return xx - 2 * sum(k(a, b) for a in x for b in y) / (n * m) + yy


def discrepancy(x, y, name="rbf", unbiased=False):
    return mmd2(torch.as_tensor(x), torch.as_tensor(y), OURS[name], unbiased)


@pytest.mark.parametrize("unbiased", [False, True])
@pytest.mark.parametrize("name", KERNELS)
def test_discrepancy_is_its_double_sums(name, unbiased):
    expected = double_sums(X, Y, KERNELS[name], unbiased)
    assert abs(expected) > 0.05
    close(discrepancy(X, Y, name, unbiased), expected)
    close(discrepancy(Y, X, name, unbiased), expected)


@pytest.mark.parametrize("unbiased", [False, True])
def test_discrepancy_is_the_metrics_but_for_the_mean_over_bandwidths(unbiased):
    x, y = torch.as_tensor(X), torch.as_tensor(Y)
    close(discrepancy(X, Y, unbiased=unbiased), 3 * reference(x, y, SIGMAS, unbiased), 1e-6)


def test_biased_is_never_negative_and_zero_at_home():
    generator = torch.Generator().manual_seed(0)
    for name in KERNELS:
        for _ in range(20):
            x, y = torch.randn(2, 6, 2, generator=generator, dtype=torch.float64)
            assert discrepancy(x, y, name) > 0
        close(discrepancy(x, x, name), 0.0)
        assert discrepancy(x, x, name, unbiased=True) < 0


def test_unbiased_is_zero_on_average_and_biased_is_not():
    generator = torch.Generator().manual_seed(0)
    x, y = torch.randn(2, 2000, 5, 1, generator=generator, dtype=torch.float64)
    each = {flag: torch.func.vmap(partial(mmd2, kernel=OURS["rbf"], unbiased=flag))(x, y) for flag in (False, True)}
    mean = {flag: float(values.mean()) for flag, values in each.items()}
    assert abs(mean[1]) < 0.02
    assert mean[0] > 0.3


def test_kernels_at_zero_count_their_parts():
    zero = torch.zeros(2, 2)
    close(gaussian(zero, SIGMAS), torch.full((2, 2), 3.0))
    close(rational_quadratic(zero, ALPHAS), torch.full((2, 2), 3.0))


def test_far_samples_do_not_exceed_the_kernel_in_float32():
    x = 1e4 + torch.randn(64, 2, generator=torch.Generator().manual_seed(0))
    for name in KERNELS:
        assert abs(float(mmd2(x, x + 0.5, OURS[name]))) <= 6
        assert torch.isfinite(torch.func.grad(lambda y, name=name: mmd2(y, x, OURS[name]))(x + 0.5)).all()


# The net


def test_loss_of_the_net_by_hand():
    nets = game(MMDNet(), generator=Given(2))
    real, fake = np.array([[0.3, 1.0], [-1.0, 0.4]]), Y
    for unbiased in (False, True):
        expected = double_sums(fake, real, KERNELS["rbf"], unbiased)
        method = MMDNet(sigmas=SIGMAS, unbiased=unbiased)
        close(loss(method, "generator", nets, batch_of(real, fake)), expected)
        rooted = replace(method, root=True)
        close(loss(rooted, "generator", nets, batch_of(real, fake)), np.sqrt(max(expected, 0) + 1e-8))
        close(method.observe(nets, batch_of(real, fake))["mmd2"], expected)


def test_the_root_of_a_negative_estimate_is_that_of_zero_and_pulls_at_nothing():
    method = MMDNet(sigmas=SIGMAS, unbiased=True)
    nets, batch = game(method, generator=Given(2)), batch_of(X, X + 0.01)
    assert loss(method, "generator", nets, batch) < -0.1
    rooted = replace(method, root=True)
    close(loss(rooted, "generator", nets, batch), 1e-4)
    close(gradient(rooted, "generator", nets, batch), [0.0, 0.0])


@pytest.mark.parametrize("root", [False, True])
@pytest.mark.parametrize("unbiased", [False, True])
def test_a_shifted_and_narrow_generator_moves_and_widens_towards_the_data(root, unbiased):
    method, z = MMDNet(root=root, unbiased=unbiased), normals(200)
    for shift, scale in ((1.0, 0.5), (-1.0, 2.0)):
        slopes = gradient(method, "generator", game(method, generator=Affine(shift, scale)), batch_of(z, z))
        assert torch.equal(slopes.sign(), torch.tensor([shift, scale - 1.0]).double().sign())
    at_home = gradient(method, "generator", game(method, generator=Affine(0.0, 1.0)), batch_of(z, z))
    assert at_home.isfinite().all()
    assert unbiased or at_home.abs().max() < 1e-9


def test_the_net_has_no_critic():
    assert MMDNet().critics == ()
    with pytest.raises(ModescopeError, match=r"^UnrolledGAN over MMDNet is not defined, since no player"):
        UnrolledGAN(base=MMDNet())


@pytest.mark.parametrize("root", [False, True])
def test_gradients_and_training_of_the_net(root):
    check_gradients(MMDNet(root=root))
    check_trains(MMDNet(root=root))
    check_trains(PacGAN(base=MMDNet(root=root)))


# The GAN


class Both(nn.Module):
    """A fixed linear map with parameters that nothing hangs on but their own sum."""

    def __init__(self, weight, bias):
        super().__init__()
        self.weight = nn.Parameter(torch.tensor(weight, dtype=torch.float64))
        self.bias = nn.Parameter(torch.tensor(bias, dtype=torch.float64))

    def forward(self, x):
        return x @ self.weight.T + self.bias


WEIGHT, BIAS = np.array([[1.0, -0.5], [0.4, 0.9], [-0.3, 0.2]]), np.array([0.1, -0.2, 0.3])
BACK, OFFSET = np.array([[0.5, 0.1, -0.4], [0.3, 0.8, 0.2]]), np.array([0.05, -0.1])
PLANE, OTHER = np.array([[0.3, 1.0], [-1.0, 0.4], [0.2, -0.9]]), np.array([[0.5, 0.2], [2.0, -0.5], [1.0, 1.5]])


def plane(method):
    return game(method, generator=Given(2), encoder=Both(WEIGHT, BIAS), decoder=Both(BACK, OFFSET))


@pytest.mark.parametrize("name", KERNELS)
@pytest.mark.parametrize("swap", [False, True])
def test_losses_of_the_gan_by_hand(name, swap):
    """Either way round, some coordinates of the codes are in order and some are not."""
    method = MMDGAN(kernel=name, sigmas=SIGMAS, alphas=ALPHAS, reconstruction=3.0, ordering=5.0)
    real, fake = (OTHER, PLANE) if swap else (PLANE, OTHER)
    on_real, on_fake = real @ WEIGHT.T + BIAS, fake @ WEIGHT.T + BIAS
    gaps = on_real.mean(0) - on_fake.mean(0)
    assert set(np.sign(gaps)) == {-1.0, 1.0}
    root = np.sqrt(double_sums(on_real, on_fake, KERNELS[name], False) + 1e-8)
    value = root + 5 * np.minimum(gaps, 0).mean()
    errors = sum(((code @ BACK.T + OFFSET - x) ** 2).mean() for code, x in ((on_real, real), (on_fake, fake)))
    close(loss(method, "generator", plane(method), batch_of(real, fake)), value)
    close(loss(method, "discriminator", plane(method), batch_of(real, fake)), 3 * errors - value)


def test_observations_of_the_gan():
    method = MMDGAN(sigmas=SIGMAS)
    seen = method.observe(plane(method), batch_of(PLANE, OTHER))
    codes = [x @ WEIGHT.T + BIAS for x in (PLANE, OTHER)]
    close(seen["mmd2"], double_sums(*codes, KERNELS["rbf"], False))
    close(seen["error_real"], ((codes[0] @ BACK.T + OFFSET - PLANE) ** 2).mean())
    close(seen["error_fake"], ((codes[1] @ BACK.T + OFFSET - OTHER) ** 2).mean())


@pytest.mark.parametrize("name", KERNELS)
def test_a_shifted_generator_moves_towards_the_data(name):
    method, z = MMDGAN(kernel=name, ordering=0.0), normals(200)
    for shift in (-1.0, 1.0):
        nets = game(method, generator=Affine(shift, 1.0), encoder=Both([[0.7]], [0.0]), decoder=Both([[1.0]], [0.0]))
        slopes = gradient(method, "generator", nets, batch_of(z, z))
        assert slopes[0] * shift > 0.01
        # The encoder gains by a longer code, which tells the two apart better.
        assert gradient(replace(method, reconstruction=0.0), "discriminator", nets, batch_of(z, z))[0] < -0.01


def test_equal_codes_leave_a_finite_gradient():
    method = MMDGAN()
    nets = plane(method)
    for name in ("discriminator", "generator"):
        assert torch.isfinite(gradient(method, name, nets, batch_of(PLANE, PLANE))).all()


def test_the_encoder_alone_is_clipped():
    method, training = MMDGAN(clip=0.02, critic_steps=1), Training(steps=4, batch_size=8, lr=1e-2)
    population = Population(method, Ring(), SPACE, training, members_of(method, training, (0, 1)))
    population.advance(4)
    flat = population.state["flats"]["discriminator"]
    for row in flat:
        views = population.layout.unflatten("discriminator", row)
        largest = {role: max(float(part.abs().max()) for part in views[role].values()) for role in views}
        assert largest["encoder"] <= 0.02 + 1e-9
        assert largest["decoder"] > 0.1
    assert set(method.players()[0].project) == {"encoder"}


def test_long_rounds_are_those_of_wgan():
    critic, generator = MMDGAN(critic_steps=20, long_rounds=True).players()
    assert critic.moves is None
    steps = torch.arange(1200)
    assert generator.moves is not None
    mine, other = generator.moves(steps), moves_in_rounds(20, steps)
    assert torch.equal(mine, other)
    assert 0 < int(mine.sum()) < 1200
    assert MMDGAN().players()[1].moves is None


@pytest.mark.parametrize("name", KERNELS)
def test_gradients_of_the_gan(name):
    check_gradients(MMDGAN(kernel=name, code_dim=3))


def test_training_of_the_gan():
    check_trains(MMDGAN(critic_steps=1, code_dim=2))
    check_trains(MMDGAN(kernel="rational-quadratic", critic_steps=1, code_dim=2))


def test_weights_of_the_gan_can_be_swept():
    check_sweep(MMDGAN(code_dim=3), reconstruction=(0.5, 8.0), ordering=(0.0, 16.0))


def test_settings_of_the_papers():
    method = MMDGAN()
    assert MMDGAN.training == {"optimizer": "rmsprop", "lr": 5e-5}
    assert (method.critic_steps, method.kernel, method.reconstruction, method.ordering) == (5, "rbf", 8, 16)
    assert method.sigmas == (1, 2, 4, 8, 16)
    assert method.alphas == (0.2, 0.5, 1, 2, 5)
    assert not MMDNet().unbiased


@pytest.mark.parametrize(
    ("kind", "fields", "message"),
    [
        (MMDNet, {"sigmas": ()}, r"^sigmas is \(\), expected a list of numbers of more than 0$"),
        (MMDNet, {"sigmas": (1.0, -1.0)}, r"^sigmas is \(1.0, -1.0\), expected a list of numbers of more than 0$"),
        (MMDGAN, {"sigmas": (0.0,)}, r"^sigmas is \(0.0,\), expected a list of numbers of more than 0$"),
        (MMDNet, {"sigmas": 0.5}, r"^sigmas is 0.5, expected a list of numbers of more than 0$"),
        (MMDGAN, {"alphas": (1.0, math.inf)}, r"^alphas is \(1.0, inf\), expected a list of numbers of more than 0$"),
        (MMDGAN, {"alphas": ()}, r"^alphas is \(\), expected a list of numbers of more than 0$"),
        (MMDGAN, {"kernel": "rfb"}, r"^unknown kernel 'rfb': did you mean 'rbf'"),
        (MMDGAN, {"reconstruction": -1.0}, r"^reconstruction is -1.0, expected at least 0$"),
        (MMDGAN, {"ordering": -1.0}, r"^ordering is -1.0, expected at least 0$"),
        (MMDGAN, {"clip": 0.0}, r"^clip is 0.0, expected more than 0$"),
        (MMDGAN, {"long_rounds": True, "critic_steps": 3}, r"^critic_steps is 3, expected a divisor of 100"),
    ],
)
def test_what_is_refused(kind, fields, message):
    with pytest.raises(ModescopeError, match=message):
        kind(**fields)


def test_one_sample_has_no_distances():
    with pytest.raises(
        ModescopeError, match=r"^batch_size is 1, expected at least 2 for the distances within a batch$"
    ):
        MMDNet().check(SPACE, 1)
