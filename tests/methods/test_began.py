"""The losses by hand, and the balance along a game that is played by hand."""

from dataclasses import replace

import helpers
import numpy as np
import pytest
import torch
from helpers import SPACE, Given, batch_of, check_gradients, check_trains, close, game, linear, loss

from modescope.core import ModescopeError
from modescope.core.config import Training, members_of
from modescope.core.engine import Population
from modescope.datasets.ring import Ring
from modescope.methods.began import BEGAN

REAL, FAKE = np.array([[0.2], [-1.0], [3.0]]), np.array([[0.5], [1.5], [-2.0]])


def left(x):
    """What the autoencoder of `tiny` leaves: x -> 0.5 x + 0.1 -> 1.5 (...) - 0.2."""
    return 1.5 * (0.5 * x + 0.1) - 0.2 - x


def tiny(method):
    return game(method, generator=Given(), encoder=linear(0.5, 0.1), decoder=linear(1.5, -0.2))


def batch(k, real=REAL, fake=FAKE):
    return replace(batch_of(real, fake), memory={"k": torch.tensor(k, dtype=torch.float64)})


@pytest.mark.parametrize("eta", [1, 2])
def test_losses_by_hand(eta):
    method = BEGAN(eta=eta)
    on_real, on_fake = (np.abs(left(x) ** eta).mean() for x in (REAL, FAKE))
    for k in (0.0, 0.3, 1.0):
        close(loss(method, "discriminator", tiny(method), batch(k)), on_real - k * on_fake)
        close(loss(method, "generator", tiny(method), batch(k)), on_fake)


@pytest.mark.parametrize("eta", [1, 2])
def test_errors_are_means_over_coordinates(eta):
    method = BEGAN(eta=eta)
    nets = game(
        method, generator=Given(2), encoder=torch.nn.Linear(2, 1).double(), decoder=torch.nn.Linear(1, 2).double()
    )
    x = torch.tensor([[1.0, 2.0], [-1.0, 0.5]], dtype=torch.float64)
    rest = (nets["decoder"](nets["encoder"](x)) - x).abs() ** eta
    close(method.error(nets, x), rest.sum() / 4)


def test_the_balance_is_controlled_in_proportion():
    """It moves by lambda_k times what the fakes' error lacks of its share, and stays in [0, 1]."""
    method = BEGAN(gamma=0.7, lambda_k=0.05)
    on_real, on_fake = np.abs(left(REAL)).mean(), np.abs(left(FAKE)).mean()
    close(method.remember(tiny(method), batch(0.4))["k"], 0.4 + 0.05 * (0.7 * on_real - on_fake))
    assert method.memory(tiny(method))["k"] == 0

    far, near = 40 * REAL, 0 * FAKE - 0.2  # the fakes of `near` are reconstructed exactly
    close(left(near), 0 * near)
    close(method.remember(tiny(method), batch(0.99, real=far, fake=near))["k"], 1.0)
    close(method.remember(tiny(method), batch(0.01, real=near, fake=far))["k"], 0.0)
    assert method.remember(tiny(method), batch(0.5, real=far, fake=near))["k"] > 0.5
    assert method.remember(tiny(method), batch(0.5, real=near, fake=far))["k"] < 0.5


def test_at_balance_the_ratio_of_errors_is_gamma():
    """Where the balance rests and is free, E L(G) = gamma E L(x), and the convergence measure is the reals' error."""
    on_real, on_fake = np.abs(left(REAL)).mean(), np.abs(left(FAKE)).mean()
    assert on_fake < on_real
    method = BEGAN(gamma=on_fake / on_real, lambda_k=1.0)
    close(method.remember(tiny(method), batch(0.37))["k"], 0.37)
    close(method.observe(tiny(method), batch(0.37))["convergence"], on_real)


def test_observations():
    method = BEGAN(gamma=0.7)
    on_real, on_fake = np.abs(left(REAL)).mean(), np.abs(left(FAKE)).mean()
    seen = method.observe(tiny(method), batch(0.25))
    close(seen["error_real"], on_real)
    close(seen["error_fake"], on_fake)
    close(seen["balance"], 0.25)
    close(seen["convergence"], on_real + abs(0.7 * on_real - on_fake))


def test_the_engine_plays_as_a_loop_by_hand():
    """Six steps of SGD with PyTorch's own automatic differentiation, from the same weights on the same batches."""
    method, lr, steps = BEGAN(code_dim=2, lambda_k=0.3, gamma=0.9), 0.05, 6
    training = Training(steps=10, batch_size=4, optimizer="sgd", lr=lr)
    population = Population(method, Ring(), SPACE, training, members_of(method, training, (0,)), dtype=torch.float64)
    modules = {role: build().double() for role, build in method.networks(SPACE).items()}
    for owner, flat in population.state["flats"].items():
        for role, values in population.layout.unflatten(owner, flat[0].clone()).items():
            modules[role].load_state_dict(values)
    G, E, D = (modules[role] for role in ("generator", "encoder", "decoder"))
    error = lambda x: (x - D(E(x))).abs().mean()  # noqa: E731
    critic = torch.optim.SGD([*E.parameters(), *D.parameters()], lr)
    generator = torch.optim.SGD(G.parameters(), lr)

    k, seen = 0.0, []
    for _ in range(steps):
        population.advance(1)
        at = population.batches.noise.position - 1
        first, second = ({name: population.batches.batch(at, i)[name][0] for name in ("real", "z")} for i in (0, 1))
        critic.zero_grad()
        (error(first["real"]) - k * error(G(first["z"]).detach())).backward()
        critic.step()
        generator.zero_grad()
        error(G(second["z"])).backward()
        generator.step()
        with torch.no_grad():
            change = 0.3 * (0.9 * error(second["real"]) - error(G(second["z"])))
        k = min(max(k + float(change), 0.0), 1.0)
        seen.append(k)
        close(population.state["memory"]["k"], [k], 1e-10)
    assert max(seen) > 0.05
    assert len(set(seen)) == steps
    z = torch.randn(5, 3, dtype=torch.float64)
    flat = population.state["flats"]["generator"][0]
    mine = population.layout.unflatten("generator", flat)["generator"]
    close(torch.func.functional_call(G, mine, (z,)), G(z).detach(), 1e-9)


@pytest.fixture
def remembered(monkeypatch):
    """Smooth games in the midst of training, with a balance."""
    fresh = helpers.smooth

    def smooth(method):
        nets, batch = fresh(method)
        return nets, replace(batch, memory={"k": torch.tensor(0.4, dtype=torch.float64)})

    monkeypatch.setattr(helpers, "smooth", smooth)


@pytest.mark.usefixtures("remembered")
@pytest.mark.parametrize("eta", [1, 2])
def test_gradients(eta):
    check_gradients(BEGAN(eta=eta))


def test_training():
    check_trains(BEGAN())


def test_both_numbers_of_the_balance_can_be_swept():
    method, nets = BEGAN(), tiny(BEGAN())
    for name, values in (("gamma", (0.1, 0.9)), ("lambda_k", (0.01, 0.5))):
        move = lambda value: method.bind({name: value}).remember(nets, batch(0.5))["k"]  # noqa: B023, E731
        swept = torch.func.vmap(move)(torch.tensor(values, dtype=torch.float64))
        close(swept, [float(replace(method, **{name: value}).remember(nets, batch(0.5))["k"]) for value in values])
        assert swept[0] != swept[1]


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"eta": 3}, r"^eta is 3, expected 1 or 2$"),
        ({"gamma": 1.5}, r"^gamma is 1.5, expected a number in \[0, 1\]$"),
        ({"lambda_k": -0.1}, r"^lambda_k is -0.1, expected a number in \[0, 1\]$"),
        ({"code_dim": 1.5}, r"^code_dim is 1.5, expected a whole number of at least 1$"),
    ],
)
def test_what_is_refused(fields, message):
    with pytest.raises(ModescopeError, match=message):
        BEGAN(**fields)
