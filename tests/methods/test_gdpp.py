"""The term against numpy's eigenvectors, its invariances, and batches that have collapsed."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from helpers import check_sweep, check_trains, close, gradient, loss, slope, smooth
from torch import Tensor, nn
from torch.func import grad, jacrev, vmap
from wrapped import check_slopes, differences, furnished

from modescope.api import plan
from modescope.core import ModescopeError
from modescope.methods import ALI, GAN, LSGAN, ForwardKL, PacGAN, UnrolledGAN
from modescope.methods.gdpp import GDPP, eigenpairs, kernel
from modescope.nets import UserModule, architecture
from modescope.testing import Case


def by_hand(on_real, on_fake, k, magnitude):
    """The term in numpy, with eigenvectors of random signs."""
    signs = np.random.default_rng(0)

    def decompose(features):
        rows = features / np.linalg.norm(features, axis=1, keepdims=True)
        values, vectors = np.linalg.eigh(rows @ rows.T)
        return values[::-1], vectors[:, ::-1] * signs.choice([-1, 1], len(values))

    real, v_real = decompose(on_real)
    fake, v_fake = decompose(on_fake)
    scaled = (real - real.min()) / (real.max() - real.min())
    overlap = sum(scaled[i] * abs(v_real[:, i] @ v_fake[:, i]) for i in range(k))
    return magnitude * np.mean((fake - real) ** 2) - overlap


def features(nets, x):
    """The last hidden layer of the critic of `smooth`, in numpy."""
    weights = {name: value.numpy() for name, value in nets.views["discriminator"].items()}
    return np.tanh(x.numpy() @ weights["0.weight"].T + weights["0.bias"])


@pytest.mark.parametrize("k", [1, 2, 4, 50])
def test_term_by_hand(k):
    method = GDPP(k=k, magnitude=0.3)
    nets, batch = smooth(method)
    on_real, on_fake = features(nets, batch.real), features(nets, nets["generator"](batch.z))
    expected = by_hand(on_real, on_fake, min(k, 4), 0.3)
    assert abs(expected) > 0.1
    close(method.term(nets, batch), expected, 1e-10)


def test_losses_are_the_bases_and_half_of_the_sum():
    method = GDPP(base=LSGAN(), weight=0.7)
    nets, batch = smooth(method)
    close(loss(method, "discriminator", nets, batch), loss(LSGAN(), "discriminator", nets, batch))
    sum_of_both = loss(LSGAN(), "generator", nets, batch) + 0.7 * float(method.term(nets, batch))
    close(loss(method, "generator", nets, batch), sum_of_both / 2)


def test_gradients():
    """The gaps of this batch are wide beside the broadening."""
    for k in (1, 4):
        check_slopes(GDPP(k=k, magnitude=0.1), *furnished(GDPP()), tolerance=1e-6)


def test_eigenpairs_have_the_slopes_of_pytorchs():
    root = torch.randn(5, 5, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    matrix = root @ root.T
    for part in (0, 1):
        mine = jacrev(lambda m, part=part: eigenpairs((m + m.T) / 2, 3)[part].abs())(matrix)
        theirs = jacrev(lambda m, part=part: torch.linalg.eigh((m + m.T) / 2)[part][..., -3 * part :].abs())(matrix)
        close(mine, theirs, 1e-7)


def test_equal_sets_in_equal_order_are_best():
    """The least value for given reals is less the sum of their scaled eigenvalues, which the reals themselves reach."""

    def least(x):
        values = np.linalg.eigvalsh(kernel(torch.as_tensor(features(nets, x))).numpy())
        return -((values - values[0]) / (values[-1] - values[0])).sum()

    nets, batch = smooth(GDPP())
    made = nets["generator"](batch.z)
    close(GDPP().term(nets, replace(batch, real=made)), least(made), 1e-10)
    assert GDPP().term(nets, batch) > least(batch.real) + 0.01


def test_the_order_of_both_batches_together_does_not_matter_but_that_of_one_does():
    method = GDPP(k=3)
    nets, batch = smooth(method)
    order = torch.tensor([2, 0, 3, 1])
    together = replace(batch, real=batch.real[order], z=batch.z[order])
    close(method.term(nets, together), method.term(nets, batch), 1e-10)
    assert abs(method.term(nets, replace(batch, real=batch.real[order])) - method.term(nets, batch)) > 1e-3


def test_fakes_are_pulled_apart():
    """A step down the term alone makes the second eigenvalue of nearly collapsed fakes grow."""
    method = GDPP(k=2, magnitude=0.05)
    nets, batch = smooth(method)
    narrow = replace(batch, z=0.1 * batch.z)

    def second(nets):
        return float(torch.linalg.eigvalsh(kernel(nets.features("discriminator")(nets["generator"](narrow.z))))[-2])

    slopes = slope(method.term, "generator", nets, narrow)
    ahead = replace(nets, flats={**nets.flats, "generator": nets.flats["generator"] - 0.01 * slopes})
    assert second(ahead) > second(nets)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("collapsed", ["fakes", "reals", "both", "twins"])
def test_collapsed_batches_have_finite_gradients(collapsed, dtype):
    method = GDPP(k=4)
    nets, batch = smooth(method)
    one, rows = [0, 0, 0, 0], {"twins": [0, 1, 0, 1]}
    z = batch.z[rows.get(collapsed, one)] if collapsed != "reals" else batch.z
    real = batch.real[rows.get(collapsed, one)] if collapsed in ("reals", "both", "twins") else batch.real
    nets = replace(nets, flats={name: flat.to(dtype) for name, flat in nets.flats.items()})
    batch = replace(batch, real=real.to(dtype), z=z.to(dtype), u=batch.u.to(dtype), progress=batch.progress.to(dtype))
    assert method.term(nets, batch).isfinite()
    found = gradient(method, "generator", nets, batch)
    assert found.isfinite().all()
    assert found.abs().max() < 100


def test_a_critic_whose_units_are_all_off_gives_zero():
    matrix = kernel(torch.zeros(4, 3, dtype=torch.float64))
    values, vectors = eigenpairs(matrix, 2)
    assert values.abs().max() == 0
    assert vectors.isfinite().all()
    slopes = grad(lambda x: eigenpairs(kernel(x), 2)[0].sum())(torch.zeros(4, 3, dtype=torch.float64))
    assert slopes.isfinite().all()


def test_infinite_features_spoil_no_other_member():
    rows = torch.randn(2, 4, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    values, vectors = vmap(lambda x: eigenpairs(kernel(x), 2))(torch.stack([rows[0], rows[1] / 0]))
    assert values[0].isfinite().all()
    assert vectors[0].isfinite().all()
    assert values[1].isnan().any()


def test_mapped_over_members_the_slope_is_that_of_each_alone():
    rows = torch.randn(3, 6, 4, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    of = grad(lambda x: eigenpairs(kernel(x), 2)[1].abs().sum())
    close(vmap(of)(rows), torch.stack([of(one) for one in rows]), 1e-9)


def test_sweeps_and_training():
    check_sweep(GDPP(), weight=(0.5, 2.0), magnitude=(1e-4, 0.3))
    check_trains(GDPP())
    check_trains(GDPP(base=LSGAN(), k=3))


def test_packs_have_features_of_packs():
    method = PacGAN(base=GDPP(k=2))
    nets, batch = furnished(method)
    expected = differences(lambda moved: loss(method, "generator", moved, batch), nets, "generator")
    close(gradient(method, "generator", nets, batch), expected, 1e-6)
    Case(method=UnrolledGAN(base=method, unroll=1)).population(2)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"weight": -1.0}, "^weight is -1.0, expected at least 0$"),
        ({"magnitude": float("nan")}, "^magnitude is nan, expected at least 0$"),
        ({"k": 0}, "^k is 0, expected a whole number of at least 1$"),
        ({"k": 2.0}, "^k is 2.0, expected a whole number"),
        ({"base": ALI()}, "^GDPP over ALI is not defined, since it reads the features"),
        ({"base": PacGAN()}, "single samples; PacGAN over GDPP over GAN is$"),
        ({"base": UnrolledGAN(base=PacGAN())}, "^GDPP over UnrolledGAN over PacGAN over GAN is not defined.*samples$"),
    ],
)
def test_refusals(fields, message):
    with pytest.raises(ModescopeError, match=message):
        GDPP(**fields)


def test_terms_of_both_kinds_add_up():
    method = GDPP(base=ForwardKL(base=GAN()))
    nets, batch = smooth(method)
    half = loss(ForwardKL(base=GAN()), "generator", nets, batch) / 2
    close(loss(method, "generator", nets, batch), half + float(method.term(nets, batch)) / 2)


class Whole(nn.Module):
    """A critic whose last layer cannot be told."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.only = nn.Linear(inputs, outputs)

    def forward(self, x: Tensor) -> Tensor:
        return self.only(x)


def test_a_critic_without_features_is_refused_before_training():
    networks = replace(architecture("small"), critic=UserModule(f"{__name__}:Whole"))
    with pytest.raises(ModescopeError, match=r"^the discriminator is a Whole, expected an nn\.Sequential"):
        plan("ring", GDPP(), architecture=networks)
