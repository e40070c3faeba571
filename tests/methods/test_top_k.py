"""The gradient is that of the mean over the best, exactly, and k falls as it should."""

from dataclasses import replace

import pytest
import torch
from helpers import check_trains, close, gradient, loss, player, smooth
from torch import Tensor
from torch.func import vmap
from wrapped import furnished, slope_of

from modescope.core import ModescopeError, Wrapper
from modescope.core.method import holds
from modescope.methods import ALI, GAN, LSGAN, METHODS, R3GAN, VEEGAN, WGANGP, ForwardKL, PacGAN, UnrolledGAN, build
from modescope.methods.gdpp import GDPP
from modescope.methods.msgan import MSGAN
from modescope.methods.top_k import TopK
from modescope.testing import Case, glimpse, same_bits


def at(batch, progress):
    return replace(batch, progress=torch.tensor(progress, dtype=torch.float64))


def rows_of(batch, rows):
    """The batch of some of its rows."""
    parts = {name: getattr(batch, name)[rows] for name in ("real", "z", "u")}
    return replace(batch, **parts)


@pytest.mark.parametrize("base", [GAN(), GAN(saturating=True), LSGAN(), R3GAN(), WGANGP()], ids=repr)
@pytest.mark.parametrize("k", [1, 2, 3, 4])
def test_the_gradient_is_that_of_the_mean_over_the_k_best(base, k):
    method = TopK(base=base, nu=k / 4)
    nets, batch = smooth(method)
    batch = at(batch, 0.9)
    scores = nets["discriminator"](nets["generator"](batch.z)).squeeze(1)
    best = sorted(range(4), key=lambda i: -float(scores[i]))[:k]
    found = gradient(method, "generator", nets, batch)
    close(found, gradient(base, "generator", nets, rows_of(batch, best)), 1e-11)
    if k < 4:
        assert (found - gradient(base, "generator", nets, batch)).abs().max() > 1e-4
        worst = [i for i in range(4) if i not in best]
        assert (found - gradient(base, "generator", nets, rows_of(batch, worst))).abs().max() > 1e-4
    close(loss(method, "generator", nets, batch), loss(base, "generator", nets, batch))
    close(loss(method, "discriminator", nets, batch), loss(base, "discriminator", nets, batch))
    close(gradient(method, "discriminator", nets, batch), gradient(base, "discriminator", nets, batch))


@pytest.mark.parametrize(
    ("nu", "until", "progress", "k"),
    [
        (0.5, 0.5, 0.0, 16),
        (0.5, 0.5, 0.25, 11),  # 16 / sqrt 2 is 11.3
        (0.5, 0.5, 0.5, 8),
        (0.5, 0.5, 0.99, 8),
        (0.25, 1.0, 0.5, 8),
        (1.0, 0.5, 0.9, 16),
        (0.01, 0.1, 0.9, 1),
    ],
)
def test_k_falls_by_the_same_factor_and_then_stays(nu, until, progress, k):
    scores = torch.randn(16, 1, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    method = TopK(nu=nu, until=until)
    slopes = torch.func.grad(lambda s: method.best(torch.tensor(progress).double(), s).mean())(scores).squeeze(1)
    assert int((slopes > 0).sum()) == k
    close(slopes[slopes > 0], torch.full((k,), 1 / k, dtype=torch.float64))
    assert set(slopes.nonzero().flatten().tolist()) == set(scores.squeeze(1).topk(k).indices.tolist())


def test_equal_scores_leave_k_of_them():
    slopes = torch.func.grad(lambda s: TopK().best(torch.tensor(0.9), s).sum())(torch.zeros(8, 1))
    assert int((slopes > 0).sum()) == 4


def test_mapped_over_members_each_has_its_own_best():
    scores = torch.randn(3, 8, 1, generator=torch.Generator().manual_seed(0))
    slope = torch.func.grad(lambda s: TopK().best(torch.tensor(0.9), s).square().mean())
    close(vmap(slope)(scores), torch.stack([slope(one) for one in scores]), 1e-6)


def test_all_of_the_batch_is_the_base():
    case = Case(method=GAN())
    mine, plain = case.population(4, method=TopK(nu=1.0)), case.population(4)
    for name, flat in plain.state["flats"].items():
        close(mine.state["flats"][name], flat)
    assert not same_bits(case.population(4, method=TopK(until=0.01)), plain)


@pytest.mark.parametrize("outer", [MSGAN, GDPP], ids=lambda kind: kind.__name__)
def test_terms_beside_the_scores_are_left_alone(outer):
    over, under = outer(base=TopK()), TopK(base=outer())
    nets, batch = smooth(over)
    batch = at(batch, 0.9)
    close(gradient(over, "generator", nets, batch), gradient(under, "generator", nets, batch), 1e-10)
    assert (gradient(over, "generator", nets, batch) - gradient(outer(), "generator", nets, batch)).abs().max() > 1e-4


def test_packs_are_ranked_as_packs():
    method = PacGAN(base=TopK())
    nets, batch = smooth(method)
    batch = at(batch, 0.9)
    scores = nets["discriminator"](nets["generator"](batch.z).reshape(2, 4)).flatten()
    best = int(scores.argmax())
    rows = [2 * best, 2 * best + 1]
    close(
        gradient(method, "generator", nets, batch), gradient(PacGAN(), "generator", nets, rows_of(batch, rows)), 1e-11
    )


def test_unrolled_steps_of_the_critic_keep_all_fakes():
    """The generator foresees a critic that has stepped on the whole batch, and then learns from its best."""
    method = UnrolledGAN(base=TopK(base=LSGAN()), unroll=1)
    nets, batch = furnished(LSGAN())
    case = Case(method=GAN()).population()
    nets = replace(nets, optimizers={name: case.rule(name, {}, torch.zeros(3)) for name in nets.flats})
    nets = replace(nets, states={name: nets.optimizers[name].init(flat) for name, flat in nets.flats.items()})
    batch = at(batch, 0.9)

    def literal(flat: Tensor) -> Tensor:
        ahead = replace(nets, flats={**nets.flats, "generator": flat})
        ahead = ahead.descend(LSGAN().players()[0], batch)
        scores = ahead["discriminator"](ahead["generator"](batch.z)).squeeze(1)
        return (scores.topk(2).values - 1).square().mean() / 2

    found = slope_of(method, "generator", nets, batch)
    close(found, torch.func.grad(literal)(nets.flats["generator"]), 1e-9)


def leaf(name):
    return not issubclass(METHODS[name], Wrapper)


LEAVES = [name for name in METHODS if leaf(name) and holds(METHODS[name](), "separable")]
SAME_LOSS = ("label-smoothing", "instance-noise", "spectral-norm", "minibatch-stddev", "minibatch-discrimination")
SAME_LOSS += ("gdpp", "msgan", "ttur", "ema", "historical-averaging", "multimodal")  # of the generator, in the scores


@pytest.mark.parametrize("name", [*LEAVES, *SAME_LOSS])
def test_a_method_that_says_so_has_a_mean_over_its_fakes(name):
    """So the slope in one fake's score does not depend on another's score."""
    method = build(name)
    assert holds(method, "separable")
    nets, batch = glimpse(Case(method=method))

    on_real = nets["discriminator"](batch.real)

    def shifted(shift):  # of the fakes alone; where a loss compares both, a shift of both would cancel
        def pipe(score):
            return score if torch.equal(score, on_real) else score + shift.unsqueeze(-1)

        return player(method, "generator").loss(nets.piped("discriminator", pipe), batch)

    at = torch.zeros(len(batch.real), dtype=torch.float64)
    assert torch.func.grad(shifted)(at).abs().min() > 0
    curvature = torch.func.hessian(shifted)(at)
    close(curvature, curvature.diagonal().diag(), 1e-10)


def test_training():
    check_trains(TopK(until=0.1))
    check_trains(TopK(base=R3GAN(), until=0.1))


class Other(GAN):
    """A subclass, whose losses may differ."""


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"nu": 0.0}, "^nu is 0.0, expected a number of more than 0 and at most 1$"),
        ({"nu": 1.1}, "^nu is 1.1"),
        ({"until": 0.0}, "^until is 0.0, expected a number of more than 0 and at most 1$"),
        (
            {"base": VEEGAN()},
            "^TopK over VEEGAN is not defined, since its generator's loss is no mean over f",
        ),
        ({"base": ALI()}, "over ALI is not defined"),
        ({"base": Other()}, "over Other is not defined"),
        ({"base": ForwardKL()}, "; ForwardKL over TopK over GAN is$"),
        ({"base": UnrolledGAN()}, "; UnrolledGAN over TopK over GAN is$"),
        ({"base": TopK()}, "^TopK over TopK over GAN is not defined.*score$"),
    ],
)
def test_refusals(fields, message):
    with pytest.raises(ModescopeError, match=message):
        TopK(**fields)
